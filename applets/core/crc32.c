/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * zlib's crc32(), in place of its own, which brings 13 KiB, mostly tables.  The
 * linker takes the first it finds, and zlib's calls come here, too.
 */
#include <zlib.h>

#include "lguest.h"

#define POLYNOMIAL	0xedb88320
#define SLICES		8

static uint32_t tables[SLICES][256];

/* By a constructor: before there are threads. */
__attribute__((constructor))
static void crc32_fill_tables(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint32_t c = i;

		for (unsigned k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? POLYNOMIAL : 0);
		tables[0][i] = c;
	}
	for (unsigned i = 0; i < 256; i++)
		for (unsigned s = 1; s < SLICES; s++)
			tables[s][i] = tables[s - 1][i] >> 8 ^
				       tables[0][tables[s - 1][i] & 0xff];
}

/* Eight bytes at a time; in which order they lie here does not matter. */
uLong crc32(uLong before, const Bytef *p, uInt n)
{
	uint32_t c = ~before;

	if (!p)
		return 0;
	for (; n >= SLICES; n -= SLICES, p += SLICES)
		c = tables[7][(c ^ p[0]) & 0xff] ^
		    tables[6][(c >> 8 ^ p[1]) & 0xff] ^
		    tables[5][(c >> 16 ^ p[2]) & 0xff] ^
		    tables[4][c >> 24 ^ p[3]] ^
		    tables[3][p[4]] ^ tables[2][p[5]] ^
		    tables[1][p[6]] ^ tables[0][p[7]];
	while (n--)
		c = tables[0][(c ^ *p++) & 0xff] ^ c >> 8;
	return ~c & 0xffffffff;
}
