/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page of a stock kernel's code, before it runs for the first time.  Some
 * instructions do at ring 3 something else than at ring 0 and do not trap, so
 * they are replaced by ones that do: of the same length, and by changing one
 * byte only, so that no jump can land within a change and copies that the
 * kernel makes of its code work as well.
 *
 *	pushf	9c	6e	outsb
 *	popf	9d	6c	insb
 *	cpuid	0f a2	0f 08	invd
 *	sldt	0f 00 /0	0f 00 /6	undefined
 *	str	0f 00 /1	0f 00 /7	undefined
 *	sgdt	0f 01 /0	0f 01 /5	undefined
 *	sidt	0f 01 /1	0f 01 /6	lmsw
 *
 * and a selector that means nothing or another thing here gets its meaning, if
 * it is a constant on the way into a segment register: 7b (the flat segment of
 * programs) becomes the Host's 2b; d8 and e0 (one CPU's data, and the canary's
 * segment) become the LDT's df and e7.
 */
#ifndef USER_TEXT_H
#define USER_TEXT_H

#include "lguest.h"

#define TEXT_AROUND	64	/* bytes to be seen on each side of the page */

struct text_counts {
	uint32_t pages;
	uint32_t patched;
	uint32_t left;		/* in want of a change for which there is no form */
	uint32_t lost;		/* bytes of which nothing is known */
};

/*
 * The page is at bytes + TEXT_AROUND; of what is before it, `before` bytes are
 * there (the last of those TEXT_AROUND), and of what is behind it, `behind`;
 * the rest of the TEXT_AROUND bytes on both sides is zeros.  At `entry` in the
 * page an instruction begins.  Writes to `page`, not to bytes, and returns how
 * many bytes it has changed.  Works on any bytes; what is replaced already
 * stays as it is.  For each instruction that was read, a bit in starts is set.
 *
 * From the entry on, instructions are followed up to the first that no kernel
 * has (text that ends, and data behind it); before it, from behind the last
 * such.  What lies beyond is left alone, and counted as lost.
 */
unsigned text_treat(const uint8_t *bytes, unsigned before, unsigned behind,
		    unsigned entry, uint8_t *page, bool cpuid,
		    struct text_counts *n, uint8_t *starts);

#endif
