/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw images: what is read is what is there, but zeroes take no room.
 */
#include "raw.h"
#include "source.h"
#include "tree.h"

#define RAW_CHUNK	KIB(256)
/* The grain of holes: what file systems of the Host work in. */
#define HOLE_UNIT	KIB(4)
#define SECTOR		512

/* What is not zero, in pieces as long as they come. */
static void raw_chunk(struct target *to, const uint8_t *buf, size_t n,
		      uint64_t off)
{
	size_t from = 0, at, part;

	for (at = 0; at < n; at += part) {
		part = n - at < HOLE_UNIT ? n - at : HOLE_UNIT;
		if (!is_zero(buf + at, part))
			continue;
		target_write(to, buf + from, at - from, off + from);
		from = at + part;
	}
	target_write(to, buf + from, n - from, off + from);
}

static uint64_t raw_copy(struct target *to, struct source *s, uint64_t size)
{
	static uint8_t buf[RAW_CHUNK];
	uint64_t off = 0;
	size_t n;

	do {
		off += source_hole(s);
		n = source_read(s, buf, sizeof(buf));
		if (size && off + n > size)
			die("%s: larger than %llu bytes", s->name,
			    (unsigned long long)size);
		raw_chunk(to, buf, n, off);
		off += n;
		target_progress(to, n);
	} while (n == sizeof(buf));
	return off;
}

void raw_write(struct target *to, const char *from, uint64_t size)
{
	struct source s;
	uint64_t have = 0;

	if (from) {
		source_open(&s, from);
		have = raw_copy(to, &s, size);
		source_close(&s);
		if (!have)
			die("%s: empty", s.name);
	}
	target_resize(to, size ? size : ALIGN_UP(have, SECTOR));
}
