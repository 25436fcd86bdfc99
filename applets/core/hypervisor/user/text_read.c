/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code, of which it is not known where instructions begin, and whether it is
 * code: what is read from the right place is what compilers make; from a wrong
 * one, sooner or later it is not.
 */
#include "text_read.h"

#define GAP	16		/* sections are aligned to that, or less */

/*
 * What no compiler makes and no kernel needs, bit n & 31 of word n >> 5: BCD
 * arithmetic, the stack pointer counted up or popped, arpl, enter, into, int1,
 * far returns that drop arguments, and the like.
 */
static const uint32_t odd_one[8] = {
	0x00800000, 0x80808080, 0x10001010, 0x00000008,
	0x00000004, 0x00000000, 0x00704500, 0x00020000,
};

/* Behind 0f: what is not defined. */
static const uint32_t odd_two[8] = {
	[0] = 0x00001410, [1] = 0xfa4000f0, [7] = 0x80000000,
};

/* By what is in ModRM: each reg has a bit; and those that name memory. */
static const struct { uint8_t op, reg, memory; } odd_modrm[] = {
	{ 0x62, 0, 1 }, { 0xc4, 0, 1 }, { 0xc5, 0, 1 },
	{ 0x8e, 0xc2, 0 }, { 0x8f, 0xfe, 0 }, { 0xc6, 0xfe, 0 },
	{ 0xfe, 0xfc, 0 }, { 0xff, 0x80, 0 },
};

static bool is_odd(const uint8_t *op)
{
	const uint32_t *set = op[0] == 0x0f ? odd_two : odd_one;
	uint8_t last = op[op[0] == 0x0f];

	for (unsigned i = 0; i < ARRAY_SIZE(odd_modrm); i++)
		if (odd_modrm[i].op == op[0] &&
		    (odd_modrm[i].reg >> (op[1] >> 3 & 7) & 1 ||
		     (odd_modrm[i].memory && op[1] >> 6 != 3)))
			return true;
	return (!op[0] && !op[1]) || (set[last >> 5] >> (last & 31) & 1);
}

/*
 * Jumps of static calls are one behind the other, each with a mark.  So regular
 * are they that who reads them wrong does so to the end; but within something
 * else there is no such mark.
 */
static bool hides_mark(const uint8_t *bytes, unsigned n)
{
	while (--n)
		if (*++bytes == 0x0f && bytes[1] == 0xb9 && bytes[2] == 0xcc)
			return true;
	return false;
}

/*
 * Zeros that fill up to the next section of a module; how many.  A single one
 * might be an instruction's, but not behind ret.
 */
static unsigned gap_at(const struct text_source *t, unsigned at)
{
	unsigned n = 0;

	while (at + n < t->end && n < GAP && !t->bytes[at + n])
		n++;
	if (n == GAP || (at + n) % (n > 3 ? 16 : 4))
		return 0;
	return n > 1 || (at > t->begin && t->bytes[at - 1] == 0xc3) ? n : 0;
}

static bool is_prefix(uint8_t byte)
{
	return (byte & 0xe7) == 0x26 || (byte & 0xfc) == 0x64 ||
	       byte == 0xf0 || (byte & 0xfe) == 0xf2;
}

/*
 * Nine in ten instructions are plain: of so many bytes, or with ModRM (M) and
 * so many more, and nothing odd.  Each fresh page is waited for, so they take
 * the short way.
 */
#define M	8

static const uint8_t plain[256] = {
	[0x01] = M, [0x03] = M, [0x09] = M, [0x0b] = M, [0x11] = M, [0x13] = M,
	[0x19] = M, [0x1b] = M, [0x21] = M, [0x23] = M, [0x29] = M, [0x2b] = M,
	[0x31] = M, [0x33] = M, [0x38 ... 0x3b] = M, [0x84 ... 0x8b] = M,
	[0x8d] = M, [0xd1] = M, [0xd3] = M,
	[0x6b] = M + 1, [0x80] = M + 1, [0x83] = M + 1, [0xc1] = M + 1,
	[0x69] = M + 4, [0x81] = M + 4, [0xc7] = M + 4,
	[0x40 ... 0x43] = 1, [0x45 ... 0x4b] = 1, [0x4d ... 0x5b] = 1,
	[0x5d ... 0x5f] = 1, [0x90] = 1, [0x99] = 1, [0xc3] = 1, [0xc9] = 1,
	[0xcc] = 1,
	[0x3c] = 2, [0x6a] = 2, [0x70 ... 0x7f] = 2, [0xa8] = 2, [0xeb] = 2,
	[0x05] = 5, [0x25] = 5, [0x2d] = 5, [0x3d] = 5, [0xa1] = 5, [0xa3] = 5,
	[0x68] = 5, [0xa9] = 5, [0xb8 ... 0xbf] = 5, [0xe8] = 5, [0xe9] = 5,
};

/* 0: it is not plain. */
static unsigned plain_length(const uint8_t *op)
{
	unsigned n = plain[op[0]], mod = op[1] >> 6, rm = op[1] & 7;

	if (op[0] == 0x0f && (op[1] & 0xf0) == 0x80)	/* jcc */
		return 6;
	if (n < M || mod == 3)
		return n < M ? n : n - M + 2;
	n += mod == 1 ? 1 : mod == 2 ? 4 : 0;
	if (rm == 4)
		rm = op[2] & 7, n++;
	return n - M + 2 + (!mod && rm == 5 ? 4 : 0);
}

void text_read(const struct text_source *t, unsigned at, struct text_insn *i)
{
	const uint8_t *op = t->bytes + at;

	i->at = at;
	i->n = 0;
	i->op = op;
	if (at >= t->end)
		return;
	i->n = plain_length(op);
	if (i->n && at + i->n <= t->end && !hides_mark(op, i->n))
		return;
	i->n = gap_at(t, at);
	if (i->n)
		return;
	i->n = insn_length(op, t->end - at);
	if (!i->n || hides_mark(op, i->n)) {
		i->n = 0;
		return;
	}
	while (is_prefix(*op))
		op++;
	i->op = op;
	if (is_odd(op))
		i->n = 0;
}
