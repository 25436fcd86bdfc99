/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long an instruction of 32-bit code is: prefixes, opcode, ModRM and what
 * belongs to it, immediate values (Intel SDM volume 2, chapter 2 and the opcode
 * maps of appendix A; VEX and EVEX as 32-bit code has them).
 */
#include "access.h"

/* Sets of opcodes: bit n of them is bit n & 31 of word n >> 5. */
enum set { ONE_MODRM, ONE_IMM8, ONE_IMM, TWO_MODRM, TWO_IMM8 };

static const uint32_t sets[][8] = {
	[ONE_MODRM] = { 0x0f0f0f0f, 0x0f0f0f0f, 0x00000000, 0x00000a0c,
		0x0000ffff, 0x00000000, 0xff0f00f3, 0xc0c00000 },
	[ONE_IMM8] = { 0x10101010, 0x10101010, 0x00000000, 0xffff0c00,
		0x0000000d, 0x00ff0100, 0x00302143, 0x000008ff },
	[ONE_IMM] = { 0x20202020, 0x20202020, 0x00000000, 0x00000300,
		0x04000002, 0xff000200, 0x00000080, 0x00000700 },
	[TWO_MODRM] = { 0xffffa00f, 0xff00ffff, 0xffffffff, 0xff7fffff,
		0xffff0000, 0xfffff8f8, 0xffff00ff, 0xffffffff },
	[TWO_IMM8] = { 0x00008000, 0x00000000, 0x00000000, 0x000f0000,
		0x00000000, 0x04001010, 0x00000074, 0x00000000 },
};

static bool is_in(enum set set, uint8_t op)
{
	return sets[set][op >> 5] >> (op & 31) & 1;
}

/* Where we are in it, and what its prefixes said. */
struct reading {
	const uint8_t *at;
	unsigned used, n;
	unsigned operand, address;	/* size: 4, or 2 */
	bool repeat;			/* f2 */
	unsigned modrm;			/* where it is; 0: nowhere */
};

static uint8_t next(struct reading *r)
{
	uint8_t byte = r->used < r->n ? r->at[r->used] : 0;

	r->used++;
	return byte;
}

static uint8_t peek(const struct reading *r)
{
	return r->used < r->n ? r->at[r->used] : 0;
}

/* ModRM and its companions; returns it. */
static uint8_t modrm(struct reading *r)
{
	uint8_t byte = next(r), mod = byte >> 6, rm = byte & 7;

	r->modrm = r->used - 1;
	if (mod == 3)
		return byte;
	if (r->address == 2) {
		r->used += mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0;
		return byte;
	}
	if (rm == 4 && (next(r) & 7) == 5 && !mod)
		r->used += 4;
	else if (rm == 5 && !mod)
		r->used += 4;
	r->used += mod == 1 ? 1 : mod == 2 ? 4 : 0;
	return byte;
}

static void prefixes(struct reading *r)
{
	for (r->operand = r->address = 4; r->used < r->n; r->used++) {
		switch (r->at[r->used]) {
		case 0x66:
			r->operand = 2;
			break;
		case 0x67:
			r->address = 2;
			break;
		case 0xf2:
			r->repeat = true;
			break;
		case 0x26: case 0x2e: case 0x36: case 0x3e:
		case 0x64: case 0x65: case 0xf0: case 0xf3:
			break;
		default:
			return;
		}
	}
}

/* Behind 0f. */
static void two_bytes(struct reading *r)
{
	uint8_t op = next(r);

	if (op == 0x38 || op == 0x3a) {
		next(r);
		modrm(r);
		r->used += op == 0x3a;
		return;
	}
	if ((op & 0xf8) == 0x20)		/* cr, dr: always registers */
		r->used++;
	else if (is_in(TWO_MODRM, op))
		modrm(r);
	if (is_in(TWO_IMM8, op))
		r->used++;
	else if ((op & 0xf0) == 0x80)		/* jcc */
		r->used += r->operand;
	else if (op == 0x78 && (r->repeat || r->operand == 2))
		r->used += 2;			/* extrq, insertq */
}

/*
 * VEX and EVEX: map 1 is that behind 0f, 2 behind 0f 38, 3 behind 0f 3a; and
 * AMD's XOP, with maps of its own.
 */
static void vector(struct reading *r, unsigned map)
{
	uint8_t op = next(r);

	if (map == 1 && op == 0x77)		/* vzeroupper */
		return;
	modrm(r);
	r->used += map == 3 || map == 8 || (map == 1 && is_in(TWO_IMM8, op));
	r->used += map == 10 ? 4 : 0;
}

/* Those are les, lds and bound if what follows names memory, and pop. */
static bool is_vector(struct reading *r, uint8_t op)
{
	uint8_t first = peek(r);

	if (op == 0x8f ? (first & 0x1f) < 8 :
	    (op != 0xc4 && op != 0xc5 && op != 0x62) || first >> 6 != 3)
		return false;
	next(r);
	if (op == 0xc5) {
		vector(r, 1);
		return true;
	}
	r->used += op == 0x62 ? 2 : 1;
	vector(r, first & (op == 0x62 ? 7 : 0x1f));
	return true;
}

static void one_byte(struct reading *r, uint8_t op)
{
	uint8_t reg = 0;

	if (is_in(ONE_MODRM, op))
		reg = modrm(r) >> 3 & 7;
	if (is_in(ONE_IMM8, op))
		r->used++;
	if (is_in(ONE_IMM, op))
		r->used += r->operand;
	switch (op) {
	case 0x9a: case 0xea:			/* far: a selector, too */
	case 0xc2: case 0xca: case 0xc8:
		r->used += 2;
		break;
	case 0xa0 ... 0xa3:			/* an address of its own */
		r->used += r->address;
		break;
	case 0xf6: case 0xf7:			/* test has a value */
		if (reg < 2)
			r->used += op & 1 ? r->operand : 1;
		break;
	}
}

static struct reading insn_read(const uint8_t *bytes, unsigned n)
{
	struct reading r = { .at = bytes,
			     .n = n < INSN_MAX ? n : INSN_MAX };
	uint8_t op;

	prefixes(&r);
	op = next(&r);
	if (op == 0x0f)
		two_bytes(&r);
	else if (!is_vector(&r, op))
		one_byte(&r, op);
	return r;
}

unsigned insn_length(const uint8_t *bytes, unsigned n)
{
	struct reading r = insn_read(bytes, n);

	return r.used <= r.n ? r.used : 0;
}

unsigned insn_modrm(const uint8_t *bytes, unsigned n)
{
	struct reading r = insn_read(bytes, n);

	return r.used <= r.n ? r.modrm : 0;
}
