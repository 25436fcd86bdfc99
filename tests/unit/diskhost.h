/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of disk.c and overlay.c: a Host that can be told to fail, and the
 * three ways to open an image.
 */
#ifndef DISKHOST_H
#define DISKHOST_H

#include <stdarg.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "disk.h"
#include "diskfile.h"

#define SIZE	(MIB(1) + 1536)	/* three sectors more than whole blocks */

/* Unless told otherwise these are the system calls, before the C library's. */
static MAYBE bool no_ofd, no_punch;
static MAYBE int sync_error;
static unsigned syncs, moves, interrupted, old_locks;
static size_t at_most;		/* bytes a call moves; 0: no limit */

int fdatasync(int fd)
{
	syncs++;
	if (sync_error) {
		errno = sync_error;
		if (errno == EINTR)
			sync_error = 0;
		return -1;
	}
	return syscall(SYS_fdatasync, fd);
}

int fallocate(int fd, int mode, off_t off, off_t len)
{
	if (no_punch) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return syscall(SYS_fallocate, fd, mode, off, len);
}

int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (no_ofd && cmd == F_OFD_SETLK) {
		old_locks++;
		errno = EINVAL;
		return -1;
	}
	return syscall(SYS_fcntl, fd, cmd, arg);
}

static inline ssize_t move(long call, int fd, const struct iovec *iov, int n,
		    off_t off)
{
	struct iovec first = iov[0];

	moves++;
	if (interrupted) {
		interrupted--;
		errno = EINTR;
		return -1;
	}
	if (!at_most)
		return syscall(call, fd, iov, n, off, 0);
	if (first.iov_len > at_most)
		first.iov_len = at_most;
	return syscall(call, fd, &first, 1, off, 0);
}

ssize_t preadv(int fd, const struct iovec *iov, int n, off_t off)
{
	return move(SYS_preadv, fd, iov, n, off);
}

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t off)
{
	return move(SYS_pwritev, fd, iov, n, off);
}

static struct disk disk;

static inline void open_rw(const char *path)
{
	disk = (struct disk){ .path = path };
	disk_open(&disk);
}

static inline void open_ro(const char *path)
{
	disk = (struct disk){ .path = path, .readonly = true };
	disk_open(&disk);
}

static inline void open_snapshot(const char *path)
{
	disk = (struct disk){ .path = path, .snapshot = true };
	disk_open(&disk);
}

static inline void refused(void (*how)(const char *), const char *path,
		    const char *words)
{
	char said[512];

	CHECK_EQ(dies(how, path, said, sizeof(said)), STATUS_FAILED);
	CHECK(says(said, words));
}

static inline void accepted(void (*how)(const char *), const char *path)
{
	char said[512];

	CHECK_EQ(dies(how, path, said, sizeof(said)), 77);
	CHECK(!*said);
}

/* Zeroes there, and nothing else changed? */
static inline bool zero_between(uint64_t from, uint64_t to)
{
	static uint8_t bytes[SIZE];
	struct iovec iov = { bytes, SIZE };

	CHECK(disk_read(&disk, &iov, 1, 0));
	for (uint64_t i = 0; i < SIZE; i++)
		if (bytes[i] != (i >= from && i < to ? 0 : diskfile_byte(i)))
			return false;
	return true;
}

#endif
