/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An initramfs is archives one behind the other, each packed or not, with
 * zeros between them: microcode in front, what we added behind.  The kernel
 * reads them all, and so do we.
 */
#include <string.h>

#include "report.h"
#include "subject.h"

#define CHUNK		KIB(64)
#define UNPACKED_MAX	GIB(1)		/* of one part */

/* One part of the file while it is read. */
struct part {
	const struct subject *s;
	struct cpio cpio;
	bool list, good;
	uint64_t bytes, members;
	char why[WHY_MAX];
};

static void tell_mode(uint32_t mode)
{
	static const char types[] = "?pc?d?b?-?l?s???";
	static const char bits[] = "rwxrwxrwx";
	char text[11];

	text[0] = types[mode >> 12 & 15];
	for (unsigned i = 0; i < 9; i++)
		text[i + 1] = mode >> (8 - i) & 1 ? bits[i] : '-';
	if (mode & 04000)
		text[3] = mode & 0100 ? 's' : 'S';
	if (mode & 02000)
		text[6] = mode & 0010 ? 's' : 'S';
	if (mode & 01000)
		text[9] = mode & 0001 ? 't' : 'T';
	text[10] = '\0';
	report_text("mode", text);
}

static void member_found(void *owner, const struct cpio_member *m)
{
	struct part *p = owner;
	uint32_t type = m->mode >> 12 & 15;

	p->members++;
	if (!p->list)
		return;
	report_row(NULL);
	tell_mode(m->mode);
	report_number("uid", m->uid);
	report_number("gid", m->gid);
	if (type == 2 || type == 6)
		report_print("device", "%u:%u", m->rmajor, m->rminor);
	else
		report_number("size", m->size);
	report_text("name", m->name);
	report_close();
}

/* Between members the archive is whole, wherever it ends. */
static bool part_whole(const struct part *p)
{
	return p->cpio.ended || (!p->cpio.have && !p->cpio.skip);
}

static void part_restart(struct part *p)
{
	memset(&p->cpio, 0, sizeof(p->cpio));
	p->cpio.found = member_found;
	p->cpio.owner = p;
}

/* From a decompressor: archives may follow each other here too. */
static bool part_put(void *owner, const uint8_t *bytes, size_t n)
{
	struct part *p = owner;

	p->bytes += n;
	while (n && p->good) {
		size_t took;

		if (p->cpio.ended && !*bytes) {
			bytes++;
			n--;
			continue;
		}
		if (p->cpio.ended)
			part_restart(p);
		took = cpio_feed(&p->cpio, bytes, n, &p->good, p->why);
		bytes += took;
		n -= took;
	}
	return p->good;
}

/* A plain archive at `at`; how long it was. */
static uint64_t plain_read(struct part *p, uint64_t at)
{
	static uint8_t chunk[CHUNK];
	uint64_t start = at;
	size_t n;

	while (!p->cpio.ended && p->good &&
	       (n = read_at(p->s->fd, chunk, CHUNK, at)) > 0)
		at += cpio_feed(&p->cpio, chunk, n, &p->good, p->why);
	p->bytes = at - start;
	return p->bytes;
}

static uint64_t gzip_read(struct part *p, uint64_t at)
{
	struct sink to = { part_put, p };
	uint64_t used;
	char why[WHY_MAX];

	if (!unpack_gzip(p->s->fd, at, p->s->size - at, UNPACKED_MAX, &to,
			 &used, why)) {
		p->good = false;
		memcpy(p->why, why, sizeof(why));
	}
	return used;
}

static void part_tell_end(struct part *p)
{
	if (p->good && !part_whole(p)) {
		p->good = false;
		snprintf(p->why, WHY_MAX, "truncated: a cpio archive ends inside of a member");
	}
	report_number("members", p->members);
	report_number("unpacked_size", p->bytes);
}

/*
 * The part at `at`; *len is set to what there is to step over.  False: that
 * was the last one we can read.
 */
static bool part_tell(struct part *p, uint64_t at, uint64_t *len)
{
	const struct packing *packing;
	uint8_t magic[8];
	size_t n = read_at(p->s->fd, magic, sizeof(magic), at);
	bool plain = cpio_is_newc(magic, n);

	*len = 0;
	packing = plain ? NULL : packing_find(magic, n);
	if (!plain && !packing) {
		p->good = false;
		snprintf(p->why, WHY_MAX, "no archive, but something else, at byte %llu",
			 (unsigned long long)at);
		return false;
	}
	report_line("part at byte %llu:", (unsigned long long)at);
	report_open(NULL);
	report_number("offset", at);
	report_text("format", plain || packing_is_gzip(packing) ? "newc" :
		    "unknown");
	report_text("compression", plain ? "none" : packing->name);
	if (!plain && !packing_is_gzip(packing)) {
		report_text("unpack", packing->tool);
		report_close();
		return false;
	}
	if (p->list)
		report_list("list");
	*len = plain ? plain_read(p, at) : gzip_read(p, at);
	if (p->list)
		report_close();
	part_tell_end(p);
	report_close();
	return p->good;
}

/* The first byte from `at` on that is not zero, or the end. */
static uint64_t zeros_skip(int fd, uint64_t at)
{
	static uint8_t chunk[CHUNK];
	size_t n;

	while ((n = read_at(fd, chunk, CHUNK, at)) > 0)
		for (size_t i = 0; i < n; i++, at++)
			if (chunk[i])
				return at;
	return at;
}

bool subject_tell_initrd(const struct subject *s, bool list)
{
	static struct part p;
	uint64_t at = 0, len;
	bool more = true;

	p.s = s;
	p.list = list;
	p.good = true;
	report_list("parts");
	while (more && (at = zeros_skip(s->fd, at)) < s->size) {
		p.bytes = p.members = 0;
		part_restart(&p);
		more = part_tell(&p, at, &len);
		at += len;
	}
	report_close();
	if (p.good)
		return true;
	report_text("error", p.why);
	warn("%s: %s", s->name, p.why);
	return false;
}
