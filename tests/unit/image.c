/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel images: what is let through, what is refused, and in what words. */
#include <stdlib.h>

#include "parses.h"

/*
 * Parses exactly len bytes, so that the sanitizer sees the byte behind them.
 * What comes out is sane either way; true if it was let through.
 */
static bool answer(const struct kernel *k, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	const char *wrong = NULL;
	bool ok;

	memcpy(copy, k->bytes, len);
	memset(why, 0, sizeof(why));
	ok = image_parse(&image, copy, len, len, why);
	free(copy);
	if (ok)
		wrong = image_wrong(&image);
	else if (!why[0])
		wrong = "refused without a reason";
	if (wrong)
		fprintf(stderr, "at length %zu: %s\n", len, wrong);
	CHECK(!wrong);
	return ok;
}

static void (*const makers[])(struct kernel *) = {
	kernel_bzimage, kernel_elf32, kernel_elf64,
};

static void bzimage(void)
{
	struct kernel k;

	kernel_bzimage(&k);
	CHECK(parse(&k));
	CHECK_EQ(image.kind, IMAGE_BZIMAGE);
	CHECK(image.is_64);
	CHECK(image.relocatable);
	CHECK_EQ(image.protocol, 0x20f);
	CHECK_EQ(image.entry, 0x100000);
	CHECK_EQ(image.alignment, 0x200000);
	CHECK_EQ(image.preferred, 0x1000000);
	CHECK_EQ(image.init_size, 0x800000);
	CHECK_EQ(image.cmdline_max, 2047);
	CHECK_EQ(image.initrd_max, 0x7fffffff);
	CHECK_EQ(image.header_size, BZ_HEADER_END - SETUP_HEADER_AT);
	CHECK(!memcmp(image.header, k.bytes + SETUP_HEADER_AT,
		      image.header_size));
	CHECK_EQ(image.nsegments, 1);
	CHECK_EQ(image.segments[0].offset, BZ_OFFSET);
	CHECK_EQ(image.segments[0].filesz, BZ_SIZE);
}

/* Each field counts from its protocol on, and not before. */
static void bzimage_protocols(void)
{
	struct kernel k;

	for (unsigned v = 0x200; v <= 0x20f; v++) {
		kernel_bzimage(&k);
		kernel_put(&k, HDR(version), v);
		CHECK(parse(&k));
		CHECK_EQ(image.protocol, v);
		CHECK_EQ(image.initrd_max,
			 v < 0x203 ? 0x37ffffff : 0x7fffffff);
		CHECK_EQ(image.relocatable, v >= 0x205);
		CHECK_EQ(image.cmdline_max, v < 0x206 ? 255 : 2047);
		CHECK_EQ(image.preferred, v < 0x20a ? 0x100000 : 0x1000000);
		CHECK_EQ(image.is_64, v >= 0x20c);
	}
	kernel_put(&k, HDR(version), 0x1ff);
	CHECK(refused(&k, "boot protocol 1.255"));
}

/* A header that ends early has not the fields behind its end. */
static void bzimage_short_header(void)
{
	struct kernel k;

	kernel_bzimage(&k);
	kernel_put(&k, HDR(jump_to), 0x238 - BOOT_MAGIC_AT);
	CHECK(parse(&k));
	CHECK_EQ(image.header_size, 0x238 - SETUP_HEADER_AT);
	CHECK(image.is_64);
	CHECK_EQ(image.cmdline_max, 255);
	CHECK_EQ(image.preferred, 0x100000);

	kernel_put(&k, HDR(jump_to), 0xff);	/* longer than may be */
	CHECK(parse(&k));
	CHECK_EQ(image.header_size, sizeof(image.header));
	kernel_put(&k, HDR(jump_to), 0);
	CHECK(refused(&k, "setup header of 17 bytes"));
	kernel_put(&k, HDR(jump), 0x90);
	CHECK(refused(&k, "no jump"));
}

static void bzimage_setup_sects(void)
{
	struct kernel k;
	uint64_t size = 256 * 512 + BZ_SIZE;

	kernel_bzimage(&k);
	kernel_put(&k, HDR(setup_sects), 0);
	CHECK(refused(&k, "truncated: needs 6656 bytes, has 5120"));
	k.size = 5 * 512 + BZ_SIZE;
	CHECK(parse(&k));
	CHECK_EQ(image.segments[0].offset, 5 * 512);

	kernel_put(&k, HDR(setup_sects), 255);
	CHECK(refused(&k, "truncated: needs 131"));
	CHECK(!image_parse(&image, k.bytes, k.size, size - 1, why));
	CHECK(image_parse(&image, k.bytes, k.size, size, why));
	CHECK_EQ(image.segments[0].offset + image.segments[0].filesz, size);
}

static void bzimage_sizes(void)
{
	struct kernel k;

	kernel_bzimage(&k);
	kernel_put(&k, HDR(syssize), BZ_SIZE / 16 + 1);
	CHECK(refused(&k, "truncated: needs 5136 bytes, has 5120"));
	kernel_put(&k, HDR(syssize), 0xffffffff);
	CHECK(refused(&k, "truncated: needs 68719477744 bytes, has 5120"));
	kernel_put(&k, HDR(syssize), 0);
	CHECK(refused(&k, "syssize leaves 0 bytes"));
	/* Behind the kernel there may be a signature. */
	kernel_put(&k, HDR(syssize), BZ_SIZE / 16 - 1);
	CHECK(parse(&k));
	CHECK_EQ(image.segments[0].filesz, BZ_SIZE - 16);
	/* Old kernels did not pad their last 16 bytes. */
	kernel_put(&k, HDR(syssize), BZ_SIZE / 16);
	k.size--;
	CHECK(refused(&k, "truncated"));
	kernel_put(&k, HDR(version), 0x207);
	CHECK(parse(&k));
	CHECK_EQ(image.segments[0].filesz, BZ_SIZE - 1);
	/* And before 2.04 syssize was not to be trusted. */
	kernel_put(&k, HDR(version), 0x203);
	kernel_put(&k, HDR(syssize), 0xffffffff);
	CHECK(parse(&k));
}

static const struct {
	unsigned at, bytes;
	uint64_t value;
	const char *words;
} bzimage_bad[] = {
	{ HDR(boot_flag), 0, "no boot sector signature" },
	{ HDR(loadflags), 0, "a zImage" },
	{ HDR(payload_offset), BZ_SIZE - 0x1ff, "payload of 512 bytes" },
	{ HDR(payload_offset), 0xffffffff, "payload" },
	{ HDR(payload_length), 0xffffffff, "payload of 4294967295 bytes" },
	{ HDR(kernel_alignment), 0, "alignment" },
	{ HDR(kernel_alignment), 0x300000, "alignment 0x300000" },
	{ HDR(code32_start), 0xfffff, "entry 0xfffff is outside" },
	{ HDR(code32_start), 0x100000 + BZ_SIZE, "entry" },
	{ HDR(code32_start), 0xffffffff, "entry" },
	{ HDR(pref_address), UINT64_MAX, "beyond 4 GiB" },
	{ HDR(pref_address), 0xfffff000, "beyond 4 GiB" },
	{ HDR(init_size), 0xffffffff, "beyond 4 GiB" },
};

static void bzimage_damaged(void)
{
	struct kernel k;

	for (size_t i = 0; i < ARRAY_SIZE(bzimage_bad); i++) {
		kernel_bzimage(&k);
		kernel_put(&k, bzimage_bad[i].at, bzimage_bad[i].bytes,
			   bzimage_bad[i].value);
		CHECK(refused(&k, bzimage_bad[i].words));
	}
	/* Less memory than bytes: as much as there are. */
	kernel_bzimage(&k);
	kernel_put(&k, HDR(init_size), 1);
	CHECK(parse(&k));
	CHECK_EQ(image.init_size, BZ_SIZE);
}

static void every_truncation(void)
{
	struct kernel k;

	for (unsigned i = 0; i < ARRAY_SIZE(makers); i++) {
		makers[i](&k);
		for (size_t len = 0; len < k.size; len++)
			CHECK(!answer(&k, len));
		CHECK(answer(&k, k.size));
	}
}

static void every_bit(void)
{
	struct kernel k;
	unsigned through = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(makers); i++) {
		makers[i](&k);
		for (unsigned bit = 0; bit < 8 * 0x290; bit++) {
			k.bytes[bit / 8] ^= 1 << bit % 8;
			through += answer(&k, k.size);
			k.bytes[bit / 8] ^= 1 << bit % 8;
		}
	}
	CHECK(through > 0);
}

/* All of a header's words at their extremes, two at a time. */
static void extremes(void)
{
	static const uint32_t values[] = { 0, 0x7fffffff, 0xffffffff };
	struct kernel k;

	for (unsigned i = 0; i < ARRAY_SIZE(makers); i++)
		for (unsigned at = i ? 0x10 : 0x1f0; at < 0x270; at += 4)
			for (unsigned j = 0; j < 9; j++) {
				makers[i](&k);
				kernel_put(&k, at, 4, values[j % 3]);
				kernel_put(&k, at + 4, 4, values[j / 3]);
				answer(&k, k.size);
			}
}

static const struct {
	unsigned at, len;
	const char *bytes, *words;
} strangers[] = {
	{ 0, 3, "\x1f\x8b\x08", "a gzip file: unpack it first" },
	{ 0, 6, "\xfd" "7zXZ\0", "an xz file" },
	{ 0, 4, "\x28\xb5\x2f\xfd", "a zstd file" },
	{ 0, 4, "BZh9", "a bzip2 file" },
	{ 0, 6, "070701", "give it as --initrd" },
	{ 0, 2, "#!", "a script" },
	{ 0, 2, "MZ", "EFI program" },
	{ 0x38, 4, "ARM\x64", "an ARM64 kernel image" },
	{ 0x1fe, 2, "\x55\xaa", "a boot sector" },
	{ 0, 4, "QFI\xfb", "a qcow2" },
	{ 0x438, 2, "\x53\xef", "an ext2 file system" },
	{ 0, 1, "x", "no bzImage or ELF header" },
};

static void named_mistakes(void)
{
	struct kernel k = { .size = 4096 };

	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
		memset(k.bytes, 0, sizeof(k.bytes));
		memcpy(k.bytes + strangers[i].at, strangers[i].bytes,
		       strangers[i].len);
		CHECK(refused(&k, strangers[i].words));
		for (size_t len = 0; len < 0x600; len++)
			CHECK(!answer(&k, len));
	}
	k.size = 0;
	CHECK(refused(&k, "empty"));
	k.size = 5;
	k.bytes[0] = 'x';
	CHECK(refused(&k, "its size is 5"));
}

int main(void)
{
	RUN(bzimage);
	RUN(bzimage_protocols);
	RUN(bzimage_short_header);
	RUN(bzimage_setup_sects);
	RUN(bzimage_sizes);
	RUN(bzimage_damaged);
	RUN(every_truncation);
	RUN(every_bit);
	RUN(extremes);
	RUN(named_mistakes);
	return rig_done();
}
