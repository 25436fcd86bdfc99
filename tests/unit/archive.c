/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The readers of tar archives, lists and paths, and what compresses.
 */
#include <stdlib.h>
#include <zlib.h>

#include "list.h"
#include "rig.h"
#include "tar.h"

static uint8_t archive[8 * TAR_BLOCK];
static size_t archive_len, archive_at;

static size_t archive_read(void *from, void *buf, size_t n)
{
	(void)from;
	n = n < archive_len - archive_at ? n : archive_len - archive_at;
	memcpy(buf, archive + archive_at, n);
	archive_at += n;
	return n;
}

static bool archive_skip(void *from, uint64_t n)
{
	(void)from;
	archive_at += n;
	return archive_at <= archive_len;
}

static struct tar tar;
static struct tar_entry entry;

static void start(void)
{
	memset(archive, 0, sizeof(archive));
	memset(&tar, 0, sizeof(tar));
	archive_len = sizeof(archive);
	archive_at = 0;
	tar.read = archive_read;
	tar.skip = archive_skip;
}

/* A header in block n, its checksum right. */
static void header(unsigned n, const char *name, char type, const char *size)
{
	uint8_t *h = archive + n * TAR_BLOCK;
	unsigned sum = 0;

	strcpy((char *)h, name);
	strcpy((char *)h + 100, "0000644");
	strcpy((char *)h + 108, "0000001");
	strcpy((char *)h + 116, "0000002");
	strcpy((char *)h + 124, size);
	strcpy((char *)h + 136, "00000000012");
	h[156] = type;
	memcpy(h + 257, "ustar\00000", 8);
	memset(h + 148, ' ', 8);
	for (unsigned i = 0; i < TAR_BLOCK; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
}

static void plain(void)
{
	start();
	header(0, "a", '0', "00000000005");
	header(2, "b/", '0', "0");
	CHECK_EQ(tar_next(&tar, &entry), 1);
	CHECK(!strcmp(entry.path, "a"));
	CHECK_EQ(entry.size, 5);
	CHECK_EQ(entry.mode, 0644);
	CHECK_EQ(entry.uid, 1);
	CHECK_EQ(entry.gid, 2);
	CHECK_EQ(entry.mtime, 10);
	CHECK_EQ(tar_next(&tar, &entry), 1);
	CHECK_EQ(entry.type, '5');
	CHECK_EQ(tar_next(&tar, &entry), 0);
}

static void pax(void)
{
	start();
	header(0, "x", 'x', "00000000050");
	memcpy(archive + TAR_BLOCK, "16 path=long/er\n16 mtime=-1.250\n8 gid=7\n",
	       40);
	header(2, "a", '0', "0");
	header(3, "b", '0', "0");
	CHECK_EQ(tar_next(&tar, &entry), 1);
	CHECK(!strcmp(entry.path, "long/er"));
	CHECK_EQ(entry.mtime, -2);
	CHECK_EQ(entry.nsec, 750000000);
	CHECK_EQ(entry.gid, 7);
	/* It was about one entry only. */
	CHECK_EQ(tar_next(&tar, &entry), 1);
	CHECK(!strcmp(entry.path, "b"));
	CHECK_EQ(entry.gid, 2);
}

static void broken(void)
{
	start();
	header(0, "a", '0', "00000000005");
	archive[0] ^= 1;
	CHECK_EQ(tar_next(&tar, &entry), -1);
	start();
	header(0, "a", '0', "77777777777");
	CHECK_EQ(tar_next(&tar, &entry), 1);
	CHECK_EQ(tar_next(&tar, &entry), -1);
	start();
	header(0, "a", 'S', "0");
	CHECK_EQ(tar_next(&tar, &entry), -1);
	start();
	header(0, "x", 'x', "00000000005");
	memcpy(archive + TAR_BLOCK, "99 a=", 5);
	header(2, "a", '0', "0");
	CHECK_EQ(tar_next(&tar, &entry), -1);
	/* Binary numbers: too large ones, negative ones. */
	start();
	header(0, "a", '0', "\377\377\377\377\377\377\377\377\377\377\377");
	CHECK_EQ(tar_next(&tar, &entry), -1);
	start();
	archive_len = 100;
	CHECK_EQ(tar_next(&tar, &entry), -1);
}

static bool cleaned(const char *from, const char *want)
{
	char path[600];
	const char *why;

	snprintf(path, sizeof(path), "%s", from);
	if (!tree_clean_path(path, &why))
		return !want;
	return want && !strcmp(path, want);
}

static void paths(void)
{
	char name[300];

	CHECK(cleaned("a/b", "a/b"));
	CHECK(cleaned("./a//b/./c/", "a/b/c"));
	CHECK(cleaned("///etc/passwd", "etc/passwd"));
	CHECK(cleaned(".", ""));
	CHECK(cleaned("/", ""));
	CHECK(cleaned("..a/...", "..a/..."));
	CHECK(cleaned("..", NULL));
	CHECK(cleaned("a/../b", NULL));
	CHECK(cleaned("a/..", NULL));
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	CHECK(cleaned(name, name));
	name[255] = 'n';
	name[256] = '\0';
	CHECK(cleaned(name, NULL));
}

static int parsed(const char *text, struct list_entry *e)
{
	static char line[200];
	char why[LIST_WHY_MAX];

	snprintf(line, sizeof(line), "%s", text);
	return list_parse(line, e, why);
}

static void lists(void)
{
	struct list_entry e;

	CHECK_EQ(parsed("", &e), 0);
	CHECK_EQ(parsed("  # no", &e), 0);
	CHECK_EQ(parsed("nod /c\t0600 1 2 b 8 300", &e), 1);
	CHECK_EQ(e.mode, S_IFBLK | 0600);
	CHECK_EQ(e.major, 8);
	CHECK_EQ(e.minor, 300);
	CHECK_EQ(parsed("file /a b 755 0 4294967295 /c /d\r", &e), 1);
	CHECK_EQ(e.nlinks, 2);
	CHECK(!strcmp(e.links[1], "/d"));
	CHECK_EQ(e.gid, UINT32_MAX);
	CHECK_EQ(parsed("file /a b 755 0", &e), -1);
	CHECK_EQ(parsed("dir /a 755 0 0 /b", &e), -1);
	CHECK_EQ(parsed("dir /a 10000 0 0", &e), -1);
	CHECK_EQ(parsed("dir /a 0x1 0 0", &e), -1);
	CHECK_EQ(parsed("dir /a 755 0 4294967296", &e), -1);
	CHECK_EQ(parsed("nod /a 600 0 0 c 4096 0", &e), -1);
	CHECK_EQ(parsed("nod /a 600 0 0 p 1 0", &e), -1);
}

static void checksum(void)
{
	static const char text[] = "123456789";
	uint8_t zeroes[100] = { 0 };

	CHECK_EQ(crc32(0, (const uint8_t *)text, 9), 0xcbf43926);
	/* In pieces of any length it is the same. */
	for (unsigned n = 0; n <= 9; n++)
		CHECK_EQ(crc32(crc32(0, (const uint8_t *)text, n),
			       (const uint8_t *)text + n, 9 - n), 0xcbf43926);
	/* zlib's other one is ours, too. */
	CHECK_EQ(adler32(1, (const uint8_t *)text, 9), 0x091e01de);
	CHECK_EQ(adler32(0, NULL, 0), 1);
	CHECK(is_zero(zeroes, sizeof(zeroes)));
	for (unsigned n = 0; n < sizeof(zeroes); n++) {
		zeroes[n] = 1;
		CHECK(!is_zero(zeroes, sizeof(zeroes)));
		zeroes[n] = 0;
	}
}

int main(void)
{
	RUN(plain);
	RUN(pax);
	RUN(broken);
	RUN(paths);
	RUN(lists);
	RUN(checksum);
	return rig_done();
}
