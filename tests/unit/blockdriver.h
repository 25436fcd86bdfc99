/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of the block device: its driver, and a Host that is watched and
 * can be made ill.
 */
#ifndef BLOCKDRIVER_H
#define BLOCKDRIVER_H

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <sys/syscall.h>

#include "diskfile.h"

#define BIT(n)		(UINT64_C(1) << (n))
#define ALL		(~UINT64_C(0))
#define SECTORS		UINT64_C(2048)
#define SIZE		(SECTORS * 512)
#define FLUSH		BIT(VIRTIO_BLK_F_FLUSH)
#define WCE		BIT(VIRTIO_BLK_F_CONFIG_WCE)
#define UNTOUCHED	0xaa	/* what status and data bytes are before */
#define NEVER		0xbb	/* our answer if there was none */

extern const struct device_type device_block;

/* These stand before the C library's. */
static MAYBE unsigned syncs, moves;
static MAYBE int sync_error;
static const uint8_t *sync_watch;	/* must be untouched at fdatasync */

int fdatasync(int fd)
{
	syncs++;
	if (sync_watch)
		CHECK_EQ(*sync_watch, UNTOUCHED);
	if (sync_error) {
		errno = sync_error;
		return -1;
	}
	return syscall(SYS_fdatasync, fd);
}

ssize_t preadv(int fd, const struct iovec *iov, int n, off_t off)
{
	moves++;
	return syscall(SYS_preadv, fd, iov, n, off, 0);
}

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t off)
{
	moves++;
	return syscall(SYS_pwritev, fd, iov, n, off, 0);
}

static struct device *d;
static struct virtqueue *q;
static char *path;
static uint64_t sum;		/* of the image at the start */
static gpa_t header, status, data;
static uint32_t used_len;

static inline void start_sized(const char *options, uint64_t features,
			       uint64_t size)
{
	char arg[256];

	/* A new file: the one before it may still be locked. */
	unlink(diskfile_path("image"));
	path = diskfile_make("image", size);
	sum = diskfile_sum(path);
	snprintf(arg, sizeof(arg), "%s%s", path, options);
	rig_guest(MIB(48));
	d = rig_device(&device_block, arg);
	q = &d->queues[0];
	rig_start(d, features, 256);
	header = rig_alloc(16);
	status = rig_alloc(16);
	data = rig_alloc(KIB(64));
}

static inline void start(const char *options, uint64_t features)
{
	start_sized(options, features, SIZE);
}

static inline bool unchanged(void)
{
	return diskfile_sum(path) == sum;
}

static inline void set_header(uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr h = { .type = type, .sector = sector };

	memcpy(rig_at(header), &h, sizeof(h));
	memset(rig_at(status), UNTOUCHED, 16);
}

/* The answer to the only request in the queue. */
static inline uint8_t answer(void)
{
	const uint8_t *byte = rig_at(status);
	uint16_t head;

	sync_watch = byte;
	rig_kick(q);
	sync_watch = NULL;
	for (unsigned i = 0; i < 64 && !d->broken; i++) {
		if (rig_used(q, &head, &used_len)) {
			CHECK(!rig_used(q, &head, NULL));
			return *byte;
		}
		rig_turn();
	}
	return NEVER;
}

/* A request as Linux makes them; len bytes of data out or in. */
static inline uint8_t request(uint32_t type, uint64_t sector, uint32_t len,
			      bool in)
{
	struct rig_buffer b[] = {
		{ header, 16, false }, { data, len, in }, { status, 1, true }
	};

	set_header(type, sector);
	rig_add(q, b, 3);
	return answer();
}

static inline uint8_t rd(uint64_t sector, uint32_t len)
{
	memset(rig_at(data), UNTOUCHED, KIB(64));
	return request(VIRTIO_BLK_T_IN, sector, len, true);
}

static inline uint8_t wr(uint64_t sector, uint32_t len)
{
	memset(rig_at(data), 0xee, KIB(64));
	return request(VIRTIO_BLK_T_OUT, sector, len, false);
}

static inline uint8_t flush(void)
{
	return request(VIRTIO_BLK_T_FLUSH, 0, 0, false);
}

static inline bool data_is(uint64_t off, uint32_t len)
{
	const uint8_t *bytes = rig_at(data);

	for (uint32_t i = 0; i < len; i++)
		if (bytes[i] != diskfile_byte(off + i))
			return false;
	return true;
}

static inline bool data_untouched(void)
{
	const uint8_t *bytes = rig_at(data);

	for (unsigned i = 0; i < KIB(64); i++)
		if (bytes[i] != UNTOUCHED)
			return false;
	return true;
}

/* Is the image from sector on, n of them, this byte and nothing else new? */
static inline bool image_has(uint64_t sector, unsigned n, uint8_t byte)
{
	static uint8_t bytes[SIZE];
	int fd = open(path, O_RDONLY);
	ssize_t len = pread(fd, bytes, SIZE, 0);

	close(fd);
	for (uint64_t i = 0; i < SIZE; i++)
		if (bytes[i] != (i / 512 >= sector && i / 512 < sector + n ?
				 byte : diskfile_byte(i)))
			return false;
	return len == (ssize_t)SIZE;
}

/* Discard or write zeroes, of one range. */
static inline uint8_t clear(uint32_t type, uint64_t sector,
			    uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range = {
		sector, sectors, flags
	};

	memcpy(rig_at(data), &range, sizeof(range));
	return request(type, 0, sizeof(range), false);
}

#endif
