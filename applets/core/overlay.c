/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot's writes: a file without a name, as large as the image and
 * sparse, and a bitmap that says which blocks of it count.  The image itself
 * is open for reading only, so whatever goes wrong here cannot hurt it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "disk.h"
#include "guest.h"

#define BLOCK		KIB(4)

/*
 * A bit says "the overlay's", no bit says "the image's".  It is set when all
 * of the block is there and not a moment earlier: what a failed write left
 * behind is then never seen.
 */
static bool overlay_has(const struct disk *disk, uint64_t block)
{
	return disk->bitmap[block / 8] >> (block % 8) & 1;
}

static void overlay_mark(struct disk *disk, uint64_t off, uint64_t end)
{
	for (uint64_t b = off / BLOCK; b < (end + BLOCK - 1) / BLOCK; b++)
		disk->bitmap[b / 8] |= 1 << (b % 8);
}

/* A new file in dir that is gone when we are.  -1 where that cannot be. */
static int overlay_file(const char *dir)
{
	char path[4096];
	int fd = open(dir, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	if (snprintf(path, sizeof(path), "%s/lguest-XXXXXX", dir) >=
	    (int)sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* False, and nothing left behind, unless fd can be as large as the image. */
static bool overlay_take(struct disk *disk, int fd)
{
	if (fd < 0)
		return false;
	if (ftruncate(fd, disk->size)) {
		close(fd);
		return false;
	}
	disk->overlay = fd;
	return true;
}

/*
 * At start-up, like all that allocates: a reboot finds the overlay as the Guest
 * left it, and nothing has to be opened where we may have no right to.
 */
void overlay_open(struct disk *disk)
{
	const char *const dirs[] = { getenv("TMPDIR"), "/tmp", "/var/tmp" };
	uint64_t bytes = disk->size / BLOCK / 8 + 1;
	bool taken = false;

	for (unsigned i = 0; i < ARRAY_SIZE(dirs) && !taken; i++)
		taken = dirs[i] && overlay_take(disk, overlay_file(dirs[i]));
	/* A rescue system may have no directory that can be written. */
	if (!taken && !overlay_take(disk, memfd_create("snapshot",
						       MFD_CLOEXEC)))
		die_errno("make a snapshot of %s", disk->path);

	/* Only the parts that get a bit set will cost memory. */
	disk->bitmap = bytes > SIZE_MAX / 2 ? MAP_FAILED :
		mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (disk->bitmap == MAP_FAILED)
		die("%s: too large for a snapshot on this Host", disk->path);
}

/* Bytes from off up to end that lie all here, or all in the image. */
static uint64_t overlay_run(const struct disk *disk, uint64_t off,
			    uint64_t end, bool here)
{
	uint64_t at = off;

	while (at < end && overlay_has(disk, at / BLOCK) == here)
		at = (at / BLOCK + 1) * BLOCK;
	return (at < end ? at : end) - off;
}

static uint64_t iov_length(const struct iovec *iov, unsigned n)
{
	uint64_t len = 0;

	while (n--)
		len += iov++->iov_len;
	return len;
}

/*
 * One call for each run of blocks from the same place: mostly that is one, as
 * whoever reads much at once has written it at once.
 */
bool overlay_read(struct disk *disk, const struct iovec *iov, unsigned n,
		  uint64_t off)
{
	struct iovec part[QUEUE_SIZE_MAX];
	uint64_t run, len = iov_length(iov, n);

	for (uint64_t done = 0; done < len; done += run) {
		uint64_t at = off + done;
		bool here = overlay_has(disk, at / BLOCK);
		unsigned parts;

		run = overlay_run(disk, at, off + len, here);
		parts = iov_slice(part, iov, n, done, run);
		if (!disk_move(disk, here ? disk->overlay : disk->fd, false,
			       part, parts, at))
			return false;
	}
	return true;
}

/* The block around off has to be whole before a part of it is changed. */
static bool overlay_copy_up(struct disk *disk, uint64_t off)
{
	uint8_t bytes[BLOCK];
	uint64_t start = off / BLOCK * BLOCK, left = disk->size - start;
	struct iovec in = { bytes, left < BLOCK ? left : BLOCK }, out = in;

	if (overlay_has(disk, off / BLOCK))
		return true;
	if (!disk_move(disk, disk->fd, false, &in, 1, start) ||
	    !disk_move(disk, disk->overlay, true, &out, 1, start))
		return false;
	overlay_mark(disk, start, start + 1);
	return true;
}

/* The blocks that off..end covers only in part; the image's end is whole. */
static bool overlay_copy_edges(struct disk *disk, uint64_t off, uint64_t end)
{
	if (off % BLOCK && !overlay_copy_up(disk, off))
		return false;
	return end % BLOCK == 0 || end == disk->size ||
	       overlay_copy_up(disk, end);
}

/* Copies, then data, then bits: see overlay_has(). */
bool overlay_write(struct disk *disk, struct iovec *iov, unsigned n,
		   uint64_t off)
{
	uint64_t end = off + iov_length(iov, n);

	if (!overlay_copy_edges(disk, off, end) ||
	    !disk_move(disk, disk->overlay, true, iov, n, off))
		return false;
	overlay_mark(disk, off, end);
	return true;
}

/* A hole in the overlay with its bit set is how a snapshot says zero. */
bool overlay_zero(struct disk *disk, uint64_t off, uint64_t len, bool must)
{
	if (!overlay_copy_edges(disk, off, off + len) ||
	    !disk_clear(disk, disk->overlay, off, len, must))
		return false;
	overlay_mark(disk, off, off + len);
	return true;
}
