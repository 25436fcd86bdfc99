/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads an initramfs archive (newc) as it comes, in pieces of any size, since
 * it may come out of a decompressor.  Documentation/driver-api/early-userspace
 * /buffer-format.rst: thirteen numbers of eight hexadecimal digits behind the
 * magic, the name, the contents; both padded to four bytes.
 */
#include <string.h>

#include "guest.h"
#include "unpack.h"

#define TRAILER	"TRAILER!!!"

enum { INO, MODE, UID, GID, NLINK, MTIME, SIZE, MAJOR, MINOR, RMAJOR, RMINOR,
       NAME_SIZE, CHECK, NUMBERS };

bool cpio_is_newc(const uint8_t *bytes, size_t n)
{
	return n >= 6 && (!memcmp(bytes, "070701", 6) ||
			  !memcmp(bytes, "070702", 6));
}

static bool damaged(const struct cpio *c, char *why, const char *what)
{
	snprintf(why, WHY_MAX, "a damaged cpio archive: %s at byte %llu", what,
		 (unsigned long long)c->at);
	return false;
}

/* The header is whole: what does it say? */
static bool header_read(struct cpio *c, char *why)
{
	uint32_t n[NUMBERS];

	if (!cpio_is_newc(c->header, sizeof(c->header)))
		return damaged(c, why, "no header");
	for (unsigned i = 0; i < NUMBERS; i++)
		if (!parse_hex((const char *)c->header + 6 + i * 8, 8, &n[i]))
			return damaged(c, why, "a header with no number in it");
	if (!n[NAME_SIZE] || n[NAME_SIZE] > CPIO_NAME_MAX)
		return damaged(c, why, "a name too long or of no length");
	c->name_size = n[NAME_SIZE];
	c->m.mode = n[MODE];
	c->m.uid = n[UID];
	c->m.gid = n[GID];
	c->m.nlink = n[NLINK];
	c->m.mtime = n[MTIME];
	c->m.size = n[SIZE];
	c->m.rmajor = n[RMAJOR];
	c->m.rminor = n[RMINOR];
	return true;
}

/* The name is whole too: tell of the member, and skip its contents. */
static bool member_end(struct cpio *c, char *why)
{
	if (c->m.name[c->name_size - 1])
		return damaged(c, why, "a name without an end");
	/* Header and name are padded together. */
	c->skip = ALIGN_UP(c->at, 4) - c->at;
	c->have = 0;
	if (!strcmp(c->m.name, TRAILER)) {
		c->ended = true;
		return true;
	}
	c->members++;
	c->skip += ALIGN_UP((uint64_t)c->m.size, 4);
	if (c->found)
		c->found(c->owner, &c->m);
	return true;
}

/* Takes what it can use now of n bytes, at least one. */
static size_t take(struct cpio *c, const uint8_t *bytes, size_t n, bool *good,
		   char *why)
{
	unsigned head = sizeof(c->header);
	size_t want;

	if (c->skip) {
		want = c->skip < n ? c->skip : n;
		c->skip -= want;
		c->at += want;
		return want;
	}
	want = c->have < head ? head - c->have :
		head + c->name_size - c->have;
	if (want > n)
		want = n;
	if (c->have < head)
		memcpy(c->header + c->have, bytes, want);
	else
		memcpy(c->m.name + (c->have - head), bytes, want);
	c->have += want;
	c->at += want;
	if (c->have == head)
		*good = header_read(c, why);
	else if (c->have > head && c->have == head + c->name_size)
		*good = member_end(c, why);
	return want;
}

size_t cpio_feed(struct cpio *c, const uint8_t *bytes, size_t n, bool *good,
		 char *why)
{
	size_t done = 0;

	*good = true;
	while (done < n && *good && !c->ended)
		done += take(c, bytes + done, n - done, good, why);
	return done;
}
