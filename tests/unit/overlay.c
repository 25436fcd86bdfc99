/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots: the Guest finds what it wrote, the image is what it was, and no
 * file is left behind.
 */
#include "diskhost.h"

/* Random requests to a snapshot and to plain memory: the same bytes. */
static void snapshot_follows_a_model(void)
{
	static uint8_t model[SIZE], bytes[SIZE];
	char *path = diskfile_make("image", SIZE);
	uint64_t sum = diskfile_sum(path);

	for (size_t i = 0; i < SIZE; i++)
		model[i] = diskfile_byte(i);
	srandom(1);
	open_snapshot(path);
	for (unsigned i = 0; i < 3000; i++) {
		/* Every other one near the end, where the last block is. */
		uint64_t off = SIZE - (random() % (i % 2 ? SIZE / 512 : 24) +
				       1) * 512;
		uint64_t len = (random() % 40 + 1) * 512;
		struct iovec iov[2];

		if (len > SIZE - off)
			len = SIZE - off;
		iov[0] = (struct iovec){ bytes, len / 3 };
		iov[1] = (struct iovec){ bytes + len / 3, len - len / 3 };
		no_punch = random() % 2;
		switch (random() % 4) {
		case 0:
			memset(bytes, random(), len);
			memcpy(model + off, bytes, len);
			CHECK(disk_write(&disk, iov, 2, off));
			break;
		case 1:
			memset(model + off, 0, len);
			CHECK(disk_zero(&disk, off, len, true));
			break;
		default:
			CHECK(disk_read(&disk, iov, 2, off));
			CHECK(!memcmp(bytes, model + off, len));
		}
	}
	CHECK(disk_sync(&disk));
	CHECK_EQ(syncs, 0);
	CHECK_EQ(diskfile_sum(path), sum);
}

static void snapshot_leaves_no_file(void)
{
	char *path = diskfile_make("image", SIZE);
	char *dir = diskfile_path("tmp");

	CHECK(!mkdir(dir, 0700));
	setenv("TMPDIR", dir, 1);
	open_snapshot(path);
	CHECK(!rmdir(dir));
	setenv("TMPDIR", "/nonexistent", 1);
	accepted(open_snapshot, path);
}

/* A half-done write must not show anything that was not there. */
static void snapshot_write_that_fails(void)
{
	static uint8_t bytes[KIB(64)];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct rlimit limit = { SIZE, SIZE };

	open_snapshot(diskfile_make("image", SIZE));
	limit.rlim_cur = KIB(32);
	CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
	CHECK(!disk_write(&disk, &iov, 1, 0));
	CHECK_EQ(disk.error, EFBIG);
	CHECK(!strcmp(disk.call, "keep the snapshot of"));
	CHECK(zero_between(0, 0));
}

/*
 * The first thing written is one sector: the rest of its block is the image's,
 * also where the image ends in the middle of that block.
 */
static void snapshot_of_single_sectors(void)
{
	static const uint64_t sectors[] = {
		0, 1, 6, 7, SIZE / 512 - 1, SIZE / 512 - 2, SIZE / 512 - 3
	};

	for (unsigned i = 0; i < ARRAY_SIZE(sectors); i++) {
		uint64_t off = sectors[i] * 512;
		uint8_t zeroes[512] = { 0 };
		struct iovec iov = { zeroes, 512 };

		unlink(diskfile_path("image"));
		open_snapshot(diskfile_make("image", SIZE));
		if (i % 2)
			CHECK(disk_write(&disk, &iov, 1, off));
		else
			CHECK(disk_zero(&disk, off, 512, true));
		CHECK(zero_between(off, off + 512));
		CHECK(disk_zero(&disk, off, 0, true));
		CHECK(zero_between(off, off + 512));
	}
}

int main(void)
{
	diskfile_begin();
	RUN(snapshot_follows_a_model);
	RUN(snapshot_leaves_no_file);
	RUN(snapshot_write_that_fails);
	RUN(snapshot_of_single_sectors);
	diskfile_end();
	return rig_done();
}
