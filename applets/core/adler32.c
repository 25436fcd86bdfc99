/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * zlib's adler32(), as short as it can be: zlib has calls of it, but in what we
 * read and write it is the CRC that counts.
 */
#include <zlib.h>

#define PRIME	65521		/* the largest below 2^16 */

uLong adler32(uLong before, const Bytef *p, uInt n)
{
	uLong a = before & 0xffff, b = before >> 16 & 0xffff;

	if (!p)
		return 1;
	while (n--) {
		a = (a + *p++) % PRIME;
		b = (b + a) % PRIME;
	}
	return b << 16 | a;
}
