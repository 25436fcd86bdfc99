/* SPDX-License-Identifier: GPL-2.0-only */
/* What stands inside of kernels and initrds, read byte by byte. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "parses.h"
#include "unpack.h"

/* --- archives --------------------------------------------------------- */

struct archive {
	uint8_t bytes[16384];
	size_t size;
};

static void archive_add(struct archive *a, const char *name, unsigned name_size,
			uint32_t mode, const char *contents)
{
	unsigned len = strlen(contents);

	a->size += sprintf((char *)a->bytes + a->size,
			   "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x"
			   "%08x%08x%08x", 1, mode, 5, 6, 1, 7, len, 0, 0, 8,
			   9, name_size, 0);
	memcpy(a->bytes + a->size, name, strlen(name) + 1);
	a->size = ALIGN_UP(a->size + name_size, 4);
	memcpy(a->bytes + a->size, contents, len);
	a->size = ALIGN_UP(a->size + len, 4);
}

static struct cpio_member last;
static unsigned found_members;

static void found(void *owner, const struct cpio_member *m)
{
	(void)owner;
	last = *m;
	found_members++;
}

static bool good;
static struct cpio cpio;

static size_t feed(const struct archive *a, size_t step)
{
	size_t done = 0, n;

	memset(&cpio, 0, sizeof(cpio));
	cpio.found = found;
	found_members = 0;
	why[0] = 0;
	for (good = true; done < a->size && good && !cpio.ended; done += n) {
		n = a->size - done < step ? a->size - done : step;
		n = cpio_feed(&cpio, a->bytes + done, n, &good, why);
	}
	return done;
}

static void cpio_members(void)
{
	static struct archive a;
	size_t end;

	memset(&a, 0, sizeof(a));
	archive_add(&a, "dev", 4, 040755, "");
	archive_add(&a, "init", 5, 0100755, "#!/bin/sh");
	archive_add(&a, "TRAILER!!!", 11, 0, "");
	end = a.size;
	memcpy(a.bytes + a.size, "\0\0\0\0more", 8);
	a.size += 8;
	for (size_t step = 1; step < end + 10; step += 13) {
		CHECK(feed(&a, step) <= end);
		CHECK(good && cpio.ended);
		CHECK_EQ(found_members, 2);
		CHECK_EQ(last.mode, 0100755);
		CHECK_EQ(last.size, 9);
		CHECK_EQ(last.uid, 5);
		CHECK_EQ(last.rminor, 9);
		CHECK(!strcmp(last.name, "init"));
	}
}

static bool cpio_refused(struct archive *a, const char *words)
{
	feed(a, 64);
	return !good && strstr(why, words);
}

static void cpio_damaged(void)
{
	static struct archive a;

	memset(&a, 0, sizeof(a));
	archive_add(&a, "x", CPIO_NAME_MAX + 1, 0100644, "");
	CHECK(cpio_refused(&a, "a name too long"));
	memset(&a, 0, sizeof(a));
	archive_add(&a, "x", 0, 0100644, "");
	CHECK(cpio_refused(&a, "of no length"));
	memset(&a, 0, sizeof(a));
	archive_add(&a, "abc", 3, 0100644, "");
	CHECK(cpio_refused(&a, "a name without an end"));
	memset(&a, 0, sizeof(a));
	archive_add(&a, "abc", 4, 0100644, "contents");
	a.bytes[20] = 'g';
	CHECK(cpio_refused(&a, "no number"));
	a.bytes[20] = '0';
	memset(a.bytes + a.size, 'x', 110);
	a.size += 110;
	CHECK(cpio_refused(&a, "no header"));
	CHECK_EQ(found_members, 1);
}

/* --- notes ------------------------------------------------------------- */

struct notes {
	uint8_t bytes[1024];
	size_t size;
};

static void notes_add(struct notes *n, const char *name, uint32_t type,
		      const void *desc, uint32_t len)
{
	uint32_t head[3] = { strlen(name) + 1, len, type };

	memcpy(n->bytes + n->size, head, 12);
	memcpy(n->bytes + n->size + 12, name, head[0]);
	n->size = ALIGN_UP(n->size + 12 + head[0], 4);
	memcpy(n->bytes + n->size, desc, len);
	n->size = ALIGN_UP(n->size + len, 4);
}

/* A copy of just these bytes, so that the sanitizer sees the next one. */
static struct elf_notes notes_read(const struct notes *n, size_t len)
{
	struct elf_notes notes = { 0 };
	uint8_t *copy = malloc(len + !len);

	memcpy(copy, n->bytes, len);
	elf_notes_read(&notes, copy, len, 4);
	free(copy);
	return notes;
}

static void elf_notes(void)
{
	struct notes n = { .size = 0 };
	uint32_t entry = 0x1000850;
	struct elf_notes got;

	notes_add(&n, "GNU", 3, "\1\2\3\4\5", 5);
	notes_add(&n, "Xen", 6, "linux", 6);
	notes_add(&n, "Xen", 18, &entry, 4);
	notes_add(&n, "GNU", 3, n.bytes, 64);	/* too long to be one */
	got = notes_read(&n, n.size);
	CHECK_EQ(got.build_id_len, 5);
	CHECK_EQ(got.build_id[4], 5);
	CHECK(got.pvh && got.xen);
	CHECK_EQ(got.pvh_entry, entry);
	CHECK(!strcmp(got.xen_os, "linux"));
	for (size_t len = 0; len < n.size; len++)
		notes_read(&n, len);
	for (size_t bit = 0; bit < n.size * 8; bit++) {
		n.bytes[bit / 8] ^= 1 << bit % 8;
		notes_read(&n, n.size);
		n.bytes[bit / 8] ^= 1 << bit % 8;
	}
}

/* Ranges of notes are an image's only if they are in the file. */
static void image_notes(void)
{
	struct kernel k;

	kernel_elf64(&k);
	CHECK(parse(&k));
	CHECK_EQ(image.nnotes, 1);
	CHECK_EQ(image.notes[0].offset, ELF_OFFSET);
	CHECK_EQ(image.notes[0].size, 12);
	kernel_put(&k, PHDR(64, 2, p_filesz), k.size - ELF_OFFSET);
	CHECK(parse(&k));
	CHECK_EQ(image.nnotes, 1);
	kernel_put(&k, PHDR(64, 2, p_filesz), k.size - ELF_OFFSET + 1);
	CHECK(parse(&k));
	CHECK_EQ(image.nnotes, 0);
	kernel_put(&k, PHDR(64, 2, p_offset), UINT64_MAX);
	CHECK(parse(&k));
	CHECK_EQ(image.nnotes, 0);
}

/* --- the setup header ---------------------------------------------------- */

static bool field(const char *name, struct header_field *f)
{
	for (unsigned i = 0; image_header_field(&image, i, f); i++)
		if (!strcmp(f->name, name))
			return true;
	return false;
}

static void header_fields(void)
{
	struct header_field f;
	unsigned end = SETUP_HEADER_AT;
	struct kernel k;

	kernel_bzimage(&k);
	CHECK(parse(&k));
	/* All of them, in order, without a gap but the jump. */
	for (unsigned i = 0; image_header_field(&image, i, &f); i++) {
		if (f.at == 0x202)
			end += 2;
		CHECK_EQ(f.at, end);
		CHECK(f.there);
		end = f.at + f.size;
	}
	CHECK_EQ(end, BZ_HEADER_END);
	CHECK(field("pref_address", &f));
	CHECK_EQ(f.value, 0x1000000);
	kernel_put(&k, HDR(version), 0x209);
	CHECK(parse(&k));
	CHECK(field("pref_address", &f) && !f.there);
	CHECK(field("setup_data", &f) && f.there);
	CHECK_EQ(image.payload_offset, BZ_OFFSET + 0x100);
	CHECK_EQ(image.payload_length, 0x200);
	kernel_elf32(&k);
	CHECK(parse(&k));
	CHECK(!field("version", &f));
}

/* --- a vmlinux ------------------------------------------------------------ */

static int file_of(const void *bytes, size_t size)
{
	int fd = memfd_create("test", 0);

	CHECK(write_all(fd, bytes, size));
	return fd;
}

static size_t gzip(const char *text, uint8_t *to, size_t room)
{
	z_stream z = { .next_in = (Bytef *)text, .avail_in = strlen(text),
		       .next_out = to, .avail_out = room };

	deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
	CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

#define BANNER "Linux version 4.1.15 (a@b) #1"

/* An image that is one segment, the file. */
static void search(struct vmlinux *v, int fd, size_t size)
{
	struct image whole = {
		.nsegments = 1, .segments = { { .filesz = size } },
	};

	vmlinux_search(v, fd, &whole);
}

/* At each place around the end of a chunk. */
static void vmlinux_words(void)
{
	static uint8_t bytes[200000];
	static struct vmlinux v;
	uint8_t z[512];
	size_t n = gzip("CONFIG_A=y\n# CONFIG_B is not set\n", z, sizeof(z));
	char *config;

	for (size_t at = 65536 - 100; at < 65536 + 20; at++) {
		int fd;

		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes + 100, "Linux version %s", 16);
		memcpy(bytes + 300, "IKCFG_ST", 9);
		memcpy(bytes + at - 40, BANNER "\n", sizeof(BANNER));
		memcpy(bytes + at, "IKCFG_ST", 8);
		memcpy(bytes + at + 8, z, n);
		memcpy(bytes + at + 8 + n, "IKCFG_ED", 8);
		memcpy(bytes + 65536 * 2 - 40 + at % 64, "\0LGUEST", 8);
		fd = file_of(bytes, sizeof(bytes));
		search(&v, fd, sizeof(bytes));
		CHECK(!strcmp(v.banner, BANNER));
		CHECK(v.says_lguest);
		CHECK_EQ(v.config_at, at + 8);
		CHECK_EQ(v.config_len, n);
		config = vmlinux_config(&v, fd, why);
		CHECK(config);
		CHECK(config && config_has(config, "CONFIG_A", "y"));
		CHECK(config && !config_has(config, "ONFIG_A", "y"));
		CHECK(config && config_has(config, "CONFIG_B", NULL));
		free(config);
		close(fd);
	}
}

static void vmlinux_nothing(void)
{
	static struct vmlinux v;
	int fd = file_of("Linux version x \0LGUESTS", 23);

	search(&v, fd, 23);
	CHECK(!*v.banner);
	CHECK(!v.says_lguest);
	CHECK(!vmlinux_config(&v, fd, why));
	CHECK(strstr(why, "no configuration"));
	close(fd);
}

/* What is not loaded is not searched, and the rest is in any order. */
static void vmlinux_segments(void)
{
	static struct vmlinux v;
	const char text[] = BANNER "\0IKCFG_STx\0LGUEST";
	struct image parts = {
		.nsegments = 2, .segments = {
			{ .offset = 30, .filesz = sizeof(text) - 30 },
			{ .offset = 0, .filesz = 29 },
		},
	};
	int fd = file_of(text, sizeof(text));

	vmlinux_search(&v, fd, &parts);
	CHECK(!strcmp(v.banner, BANNER));
	CHECK(v.says_lguest);
	parts.segments[0].filesz--;
	parts.segments[1].filesz = 10;
	vmlinux_search(&v, fd, &parts);
	CHECK(!*v.banner);
	CHECK(!v.says_lguest);
	/* A file that is shorter than its image says. */
	parts.segments[0].filesz = UINT64_MAX / 2;
	vmlinux_search(&v, fd, &parts);
	CHECK(v.says_lguest);
	close(fd);
}

static bool count(void *owner, const uint8_t *bytes, size_t n)
{
	(void)bytes;
	*(uint64_t *)owner += n;
	return true;
}

static void gzip_streams(void)
{
	uint8_t z[512];
	size_t n = gzip("some text and some text", z, sizeof(z) - 10);
	uint64_t total = 0, used;
	struct sink to = { count, &total };
	int fd;

	memset(z + n, 'x', 10);
	fd = file_of(z, n + 10);
	CHECK(unpack_gzip(fd, 0, n + 10, 1000, &to, &used, why));
	CHECK_EQ(total, 23);
	CHECK_EQ(used, n);
	for (size_t len = 0; len < n; len++) {
		CHECK(!unpack_gzip(fd, 0, len, 1000, NULL, NULL, why));
		CHECK(strstr(why, "truncated gzip data"));
	}
	CHECK(!unpack_gzip(fd, 1, n, 1000, NULL, NULL, why));
	CHECK(strstr(why, "damaged gzip data"));
	close(fd);
	z[n - 6] ^= 1;		/* the checksum */
	fd = file_of(z, n);
	CHECK(!unpack_gzip(fd, 0, n, 1000, NULL, NULL, why));
	close(fd);
}

static void gzip_bomb(void)
{
	static char zeros[MIB(1)];
	static uint8_t z[KIB(64)];
	uint64_t total = 0;
	struct sink to = { count, &total };
	size_t n;
	int fd;

	memset(zeros, 'a', sizeof(zeros) - 1);
	n = gzip(zeros, z, sizeof(z));
	fd = file_of(z, n);
	CHECK(!unpack_gzip(fd, 0, n, KIB(300), &to, NULL, why));
	CHECK(strstr(why, "larger"));
	CHECK(total <= KIB(364));
	close(fd);
}

static void packings(void)
{
	const struct packing *p = packing_find((uint8_t *)"\x1f\x8b\x08", 3);

	CHECK(p && packing_is_gzip(p));
	CHECK(!packing_find((uint8_t *)"\x1f\x8b", 2));
	p = packing_find((uint8_t *)"\xfd" "7zXZ\0", 6);
	CHECK(p && !packing_is_gzip(p) && !strcmp(p->name, "xz"));
	CHECK(!packing_find((uint8_t *)"070701", 6));
}

int main(void)
{
	RUN(cpio_members);
	RUN(cpio_damaged);
	RUN(elf_notes);
	RUN(image_notes);
	RUN(header_fields);
	RUN(vmlinux_words);
	RUN(vmlinux_nothing);
	RUN(vmlinux_segments);
	RUN(gzip_streams);
	RUN(gzip_bomb);
	RUN(packings);
	return rig_done();
}
