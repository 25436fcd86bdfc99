/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disk images.  Everything that the Host may refuse is asked for here, before
 * the Guest runs; later there are only reads, writes and the questions of how
 * much of them is still in the Host's own cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"

#define BLOCK_SIZE_MAX	4096
/* Zeroes are written from one page, this often in a call. */
#define ZERO_PAGES	256

const char *disk_cause(const struct disk *disk)
{
	return disk->error ? strerror(disk->error) : "the image ends here";
}

/*
 * Looked at before it is opened: to open a tape winds it, to open a watchdog
 * starts it, and to open a FIFO waits for ever.
 */
static bool disk_kind(const char *path, int fd, struct stat *st)
{
	if (fd < 0 ? stat(path, st) : fstat(fd, st))
		die_errno("open %s", path);
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return false;
	case S_IFBLK:
		return true;
	case S_IFDIR:
		die("open %s: a directory is no disk image", path);
	case S_IFIFO:
		die("open %s: a FIFO is no disk image", path);
	case S_IFCHR:
		die("open %s: a character device is no disk image", path);
	default:
		die("open %s: neither a file nor a block device", path);
	}
}

/*
 * A lock of the open file, not of the process: it is not lost when somebody
 * else in this process closes the same file.  Hosts older than Linux 3.15 have
 * flock(2) for that, which also goes with the open file; the two do not see
 * each other, but one Host has one kernel.
 */
void disk_lock(int fd, bool shared, const char *path)
{
	struct flock lock = {
		.l_type = shared ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return;
	if (errno == EINVAL &&
	    !flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB))
		return;
	if (errno == EAGAIN || errno == EACCES)
		die("%s: locked: another Launcher is using it", path);
	die_errno("lock %s", path);
}

/* How large it is, and what the Host would rather have at once. */
static void disk_geometry(struct disk *disk, const struct stat *st)
{
	unsigned physical = st->st_blksize;

	disk->size = st->st_size;
	if (disk->is_device) {
		if (ioctl(disk->fd, BLKGETSIZE64, &disk->size))
			die_errno("get the size of %s", disk->path);
		if (ioctl(disk->fd, BLKPBSZGET, &physical))
			physical = SECTOR_SIZE;
	}
	/* Some file systems like a megabyte at once; no driver does. */
	disk->block_size = SECTOR_SIZE;
	while (disk->block_size < physical && disk->block_size < BLOCK_SIZE_MAX)
		disk->block_size *= 2;
}

/*
 * Half a sector at the end could be read but not written; a file of such a
 * size was most likely cut off while it was copied.
 */
static void disk_check_size(struct disk *disk)
{
	unsigned rest = disk->size % SECTOR_SIZE;

	if (!disk->size)
		die("%s: the disk image is empty", disk->path);
	if (rest && !disk->readonly)
		die("%s: size %llu is no multiple of %d", disk->path,
		    (unsigned long long)disk->size, SECTOR_SIZE);
	disk->size -= rest;
	if (!disk->size)
		die("%s: smaller than one sector", disk->path);
}

void disk_open(struct disk *disk)
{
	bool shared = disk->readonly || disk->snapshot;
	struct stat before = { 0 }, st;

	/* A read-only disk has no writes to keep elsewhere. */
	if (disk->readonly)
		disk->snapshot = false;
	disk->fd = xtake(disk->path);
	disk->is_device = disk_kind(disk->path, disk->fd, &before);
	/* O_EXCL: whoever has mounted a block device has it to himself. */
	if (disk->fd < 0)
		disk->fd = xopen(disk->path, (shared ? O_RDONLY : O_RDWR) |
				 O_NONBLOCK | (disk->is_device ? O_EXCL : 0),
				 0);
	if (fstat(disk->fd, &st))
		die_errno("stat %s", disk->path);
	if (st.st_ino != before.st_ino || st.st_dev != before.st_dev)
		die("open %s: replaced by another file meanwhile", disk->path);
	disk_lock(disk->fd, shared, disk->path);
	disk_geometry(disk, &st);
	disk_check_size(disk);
	/* A limit on our files is an error for the driver, not our end. */
	signal(SIGXFSZ, SIG_IGN);
	if (disk->snapshot)
		overlay_open(disk);
}

/* Leaves out the first done bytes. */
static void iov_skip(struct iovec **iov, unsigned *n, size_t done)
{
	while (*n && done >= (*iov)->iov_len) {
		done -= (*iov)->iov_len;
		++*iov;
		--*n;
	}
	if (*n) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + done;
		(*iov)->iov_len -= done;
	}
}

/*
 * As preadv(2) and pwritev(2), which Hosts before 2.6.30 lack.  The file's
 * offset is nobody else's, so it may as well be moved.
 */
static ssize_t disk_move_some(int fd, bool write, const struct iovec *iov,
			      unsigned n, uint64_t off)
{
	static bool missing;
	ssize_t done = -1;

	if (!missing) {
		done = write ? pwritev(fd, iov, n, off)
			     : preadv(fd, iov, n, off);
		missing = done < 0 && errno == ENOSYS;
	}
	if (missing && lseek(fd, off, SEEK_SET) >= 0)
		done = write ? writev(fd, iov, n) : readv(fd, iov, n);
	return done;
}

/*
 * Short counts are normal: a signal, a limit, two gigabytes.  We go on as long
 * as there is progress; then either an error or the end of file shows.
 */
bool disk_move(struct disk *disk, int fd, bool write, struct iovec *iov,
	       unsigned n, uint64_t off)
{
	bool image = fd == disk->fd;
	ssize_t done;

	iov_skip(&iov, &n, 0);
	while (n) {
		done = disk_move_some(fd, write, iov, n, off);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			disk->call = !image ? "keep the snapshot of" :
				     write ? "write" : "read";
			disk->error = done ? errno : 0;
			return false;
		}
		off += done;
		iov_skip(&iov, &n, done);
	}
	return true;
}

bool disk_read(struct disk *disk, struct iovec *iov, unsigned n, uint64_t off)
{
	if (disk->snapshot)
		return overlay_read(disk, iov, n, off);
	return disk_move(disk, disk->fd, false, iov, n, off);
}

bool disk_write(struct disk *disk, struct iovec *iov, unsigned n, uint64_t off)
{
	if (disk->snapshot)
		return overlay_write(disk, iov, n, off);
	return disk_move(disk, disk->fd, true, iov, n, off);
}

/* Slow but sure.  From one page: the Host copies them anyway. */
static bool disk_write_zeroes(struct disk *disk, int fd, uint64_t off,
			      uint64_t len)
{
	/* Not const: a page of zeroes has no place in the binary. */
	static uint8_t zeroes[4096];
	struct iovec iov[ZERO_PAGES];

	while (len) {
		uint64_t part = 0;
		unsigned n = 0;

		while (n < ZERO_PAGES && part < len) {
			uint64_t left = len - part;

			iov[n].iov_base = zeroes;
			iov[n].iov_len = left < sizeof(zeroes) ? left :
					 sizeof(zeroes);
			part += iov[n++].iov_len;
		}
		if (!disk_move(disk, fd, true, iov, n, off))
			return false;
		off += part;
		len -= part;
	}
	return true;
}

/* 0, or the errno of the Host's own way to drop or clear a range. */
static int disk_punch(struct disk *disk, int fd, uint64_t off, uint64_t len,
		      bool must)
{
	uint64_t range[2] = { off, len };
	int r;

	do {
		if (disk->is_device && fd == disk->fd)
			r = ioctl(fd, must ? BLKZEROOUT : BLKDISCARD, range);
		else
			r = fallocate(fd, FALLOC_FL_PUNCH_HOLE |
				      FALLOC_FL_KEEP_SIZE, off, len);
	} while (r && errno == EINTR);
	return r ? errno : 0;
}

/* The call may be missing in the Host, in its file system or in the device. */
bool disk_clear(struct disk *disk, int fd, uint64_t off, uint64_t len,
		bool must)
{
	int error = len ? disk_punch(disk, fd, off, len, must) : 0;

	switch (error) {
	case 0:
		return true;
	case EOPNOTSUPP:
	case ENOSYS:
	case ENOTTY:
	case EINVAL:	/* not in the units of this block device */
		/* To drop nothing is a fine way to discard. */
		return !must || disk_write_zeroes(disk, fd, off, len);
	default:
		disk->call = must ? "write zeroes to" : "discard";
		disk->error = error;
		return false;
	}
}

bool disk_zero(struct disk *disk, uint64_t off, uint64_t len, bool must)
{
	if (disk->snapshot)
		return overlay_zero(disk, off, len, must);
	return disk_clear(disk, disk->fd, off, len, must);
}

/*
 * After a failure the Host takes the pages that it could not write for clean:
 * the next fdatasync(2) would succeed over data that is gone.  So the first
 * failure is the answer to all later calls.
 */
bool disk_sync(struct disk *disk)
{
	/* What nobody wrote, or nobody will see again, is durable enough. */
	if (disk->readonly || disk->snapshot)
		return true;
	while (!disk->lost) {
		if (!fdatasync(disk->fd))
			return true;
		if (errno != EINTR)
			disk->lost = errno;
	}
	disk->call = "fdatasync";
	disk->error = disk->lost;
	return false;
}
