/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disk images: what is refused, what is locked, and that no byte goes astray
 * when the Host does half of what it was asked.
 */
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "diskhost.h"

/* --- opening ---------------------------------------------------------- */

static void open_as_nobody(const char *path)
{
	if (setuid(65534))
		_exit(78);
	open_ro(path);
}

static void open_refuses(void)
{
	char *path = diskfile_path("fifo");

	refused(open_rw, diskfile_path("none"), "No such file or directory");
	refused(open_rw, diskfile_dir, "a directory");
	mkfifo(path, 0600);
	refused(open_rw, path, "a FIFO");
	refused(open_ro, path, "a FIFO");
	refused(open_rw, "/dev/null", "a character device");
	refused(open_rw, diskfile_make("empty", 0), "empty");
	refused(open_ro, diskfile_make("empty", 0), "empty");
	refused(open_rw, diskfile_make("odd", 1000), "size 1000");
	refused(open_snapshot, diskfile_make("odd", 1000), "size 1000");
	refused(open_ro, diskfile_make("small", 511), "smaller");
}

static void open_follows_links_and_rounds(void)
{
	char *path = diskfile_make("odd", 1537), *link = diskfile_path("link");

	open_ro(path);
	CHECK_EQ(disk.size, 1536);
	CHECK(disk.block_size >= 512 && disk.block_size <= 4096);
	CHECK(!symlink(path, link));
	accepted(open_ro, link);
}

static void open_without_permission(void)
{
	char *path = diskfile_make("secret", 512);

	if (getuid()) {
		rig_skip("only root can become nobody");
		return;
	}
	chmod(diskfile_dir, 0755);
	chmod(path, 0600);
	refused(open_as_nobody, path, "Permission denied");
}

static void locks_exclude(void)
{
	char *path = diskfile_make("locked", 512);
	const char *words = "locked: another Launcher is using it";

	open_rw(path);
	refused(open_rw, path, words);
	refused(open_ro, path, words);
	refused(open_snapshot, path, words);
	close(disk.fd);
	open_ro(path);
	accepted(open_ro, path);
	accepted(open_snapshot, path);
	refused(open_rw, path, words);
	/* Another descriptor of the same file is closed: still locked. */
	close(open(path, O_RDONLY));
	refused(open_rw, path, words);
}

static void locks_of_an_old_host(void)
{
	no_ofd = true;
	locks_exclude();
	CHECK(old_locks);
}

/* --- moving bytes ----------------------------------------------------- */

static bool same(const uint8_t *bytes, size_t len, uint64_t off)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != diskfile_byte(off + i))
			return false;
	return true;
}

static void reads_survive_short_counts(void)
{
	uint8_t bytes[3000];
	struct iovec iov[] = {
		{ bytes, 1 }, { bytes + 1, 0 }, { bytes + 1, 1999 },
		{ bytes + 2000, 1000 }
	};

	open_rw(diskfile_make("image", SIZE));
	at_most = 700;
	interrupted = 3;
	CHECK(disk_read(&disk, iov, ARRAY_SIZE(iov), 1000));
	CHECK(same(bytes, sizeof(bytes), 1000));
}

static void writes_survive_short_counts(void)
{
	static uint8_t bytes[3000], back[3000];
	struct iovec iov[] = { { bytes, 1 }, { bytes + 1, 2999 } };
	struct iovec again = { back, sizeof(back) };

	memset(bytes, 0xee, sizeof(bytes));
	open_rw(diskfile_make("image", SIZE));
	at_most = 512;
	interrupted = 1;
	CHECK(disk_write(&disk, iov, 2, 512));
	at_most = 0;
	CHECK(disk_read(&disk, &again, 1, 512));
	CHECK(!memcmp(bytes, back, sizeof(back)));
	again = (struct iovec){ back, 512 };
	CHECK(disk_read(&disk, &again, 1, 0));
	CHECK(same(back, 512, 0));
}

static void one_call_moves_all(void)
{
	static uint8_t bytes[KIB(64)];
	struct iovec iov[16];

	for (unsigned i = 0; i < 16; i++)
		iov[i] = (struct iovec){ bytes + i * KIB(4), KIB(4) };
	open_rw(diskfile_make("image", SIZE));
	moves = 0;
	CHECK(disk_read(&disk, iov, 16, 0));
	CHECK_EQ(moves, 1);
}

static void image_that_shrank(void)
{
	uint8_t bytes[1024];
	struct iovec iov = { bytes, sizeof(bytes) };
	char *path = diskfile_make("image", SIZE);

	open_rw(path);
	CHECK(!truncate(path, 4096 + 512));
	CHECK(!disk_read(&disk, &iov, 1, 4096));
	CHECK(!strcmp(disk_cause(&disk), "the image ends here"));
	CHECK(!strcmp(disk.call, "read"));
}

static void file_size_limit(void)
{
	static uint8_t bytes[KIB(8)];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct rlimit limit = { KIB(64), KIB(64) };

	open_rw(diskfile_make("image", SIZE));
	CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
	CHECK(disk_write(&disk, &iov, 1, KIB(32)));
	iov = (struct iovec){ bytes, sizeof(bytes) };
	CHECK(!disk_write(&disk, &iov, 1, KIB(60)));
	CHECK_EQ(disk.error, EFBIG);
}

static void failed_sync_is_for_ever(void)
{
	open_rw(diskfile_make("image", SIZE));
	CHECK(disk_sync(&disk));
	CHECK_EQ(syncs, 1);
	sync_error = ENOSPC;
	CHECK(!disk_sync(&disk));
	CHECK_EQ(disk.error, ENOSPC);
	sync_error = 0;
	errno = 0;
	CHECK(!disk_sync(&disk));
	CHECK_EQ(disk.error, ENOSPC);
	CHECK(!strcmp(disk.call, "fdatasync"));
}

static void interrupted_sync_goes_on(void)
{
	open_rw(diskfile_make("image", SIZE));
	sync_error = EINTR;
	CHECK(disk_sync(&disk));
	CHECK_EQ(syncs, 2);
}

/* --- zeroes ----------------------------------------------------------- */

static void zeroes_are_holes(void)
{
	char *path = diskfile_make("image", SIZE);
	struct stat before, after;

	stat(path, &before);
	open_rw(path);
	CHECK(disk_zero(&disk, 512, KIB(512), true));
	CHECK(zero_between(512, 512 + KIB(512)));
	stat(path, &after);
	CHECK(after.st_blocks < before.st_blocks);
	CHECK_EQ(after.st_size, before.st_size);
	CHECK(disk_zero(&disk, SIZE, 0, true));
	CHECK(disk_zero(&disk, 0, 512, false));
	CHECK(zero_between(0, 512 + KIB(512)));
}

static void zeroes_without_holes(void)
{
	open_rw(diskfile_make("image", SIZE));
	no_punch = true;
	CHECK(disk_zero(&disk, 512, KIB(64), false));
	CHECK(zero_between(0, 0));
	CHECK(disk_zero(&disk, 512, SIZE - 512, true));
	CHECK(zero_between(512, SIZE));
}

/* --- block devices ---------------------------------------------------- */

/* Puts a loop device before path; -1 where there is none to have. */
static int loop_make(const char *path, char *name, size_t size)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int file = open(path, O_RDWR | O_CLOEXEC), loop, n;

	n = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	snprintf(name, size, "/dev/loop%d", n);
	loop = n < 0 ? -1 : open(name, O_RDWR | O_CLOEXEC);
	if (loop >= 0 && ioctl(loop, LOOP_SET_FD, file)) {
		close(loop);
		loop = -1;
	}
	close(control);
	close(file);
	return loop;
}

static void block_device(void)
{
	char name[32], *path = diskfile_make("image", MIB(1));
	int loop = loop_make(path, name, sizeof(name)), other;

	if (loop < 0) {
		rig_skip("no loop device to have here");
		return;
	}
	/* As a mounted file system would: it has the device to itself. */
	other = open(name, O_RDONLY | O_EXCL | O_CLOEXEC);
	refused(open_rw, name, "Device or resource busy");
	refused(open_ro, name, "Device or resource busy");
	close(other);
	open_rw(name);
	CHECK(disk.is_device);
	CHECK_EQ(disk.size, MIB(1));
	CHECK(disk_zero(&disk, KIB(64), KIB(4), true));
	CHECK(disk_zero(&disk, KIB(128), 512, false));
	CHECK(disk_sync(&disk));
	close(disk.fd);
	ioctl(loop, LOOP_CLR_FD, 0);
	close(loop);
	open_rw(path);
	loop = open(path, O_RDONLY);
	for (unsigned i = 0; i < KIB(4); i += 512) {
		uint8_t bytes[512], zeroes[512] = { 0 };

		CHECK_EQ(pread(loop, bytes, 512, KIB(64) + i), 512);
		CHECK(!memcmp(bytes, zeroes, 512));
	}
}

int main(void)
{
	diskfile_begin();
	RUN(open_refuses);
	RUN(open_follows_links_and_rounds);
	RUN(open_without_permission);
	RUN(locks_exclude);
	RUN(locks_of_an_old_host);
	RUN(reads_survive_short_counts);
	RUN(writes_survive_short_counts);
	RUN(one_call_moves_all);
	RUN(image_that_shrank);
	RUN(file_size_limit);
	RUN(failed_sync_is_for_ever);
	RUN(interrupted_sync_goes_on);
	RUN(zeroes_are_holes);
	RUN(zeroes_without_holes);
	RUN(block_device);
	diskfile_end();
	return rig_done();
}
