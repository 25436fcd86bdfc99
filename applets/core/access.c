/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions by which 32-bit code reaches ports and device memory: in and
 * out, and the moves that compilers make of readl() and its kin.  Pure: bytes
 * in, meaning out (Intel SDM volume 2, chapter 2 and appendix A).
 */
#include <string.h>

#include "access.h"

/* Bytes of an instruction, with an end. */
struct bytes {
	const uint8_t *at;
	unsigned used, size;
	bool over;
};

static uint32_t take(struct bytes *b, unsigned n)
{
	uint32_t value = 0;

	if (b->used + n > b->size) {
		b->over = true;
		return 0;
	}
	memcpy(&value, b->at + b->used, n);
	b->used += n;
	return value;
}

/* Steps over ModRM's companions.  False for a register: no memory there. */
static bool skip_modrm(struct bytes *b, uint8_t modrm)
{
	unsigned mod = modrm >> 6, rm = modrm & 7;
	uint8_t sib = 0;

	if (mod == 3)
		return false;
	if (rm == 4)
		sib = take(b, 1);
	if (mod == 1)
		take(b, 1);
	else if (mod == 2 || rm == 5 || (rm == 4 && (sib & 7) == 5))
		take(b, 4);
	return true;
}

static bool decode_port(struct access *a, struct bytes *b, uint8_t op,
			unsigned full)
{
	a->reg = 0;		/* al, ax, eax */
	a->width = op & 1 ? full : 1;
	a->extend = a->width;
	a->write = op & 2;
	switch (op & ~3) {
	case 0xe4:
		a->port = take(b, 1);
		return true;
	case 0xec:
		a->port = -1;
		return true;
	}
	return false;
}

/* A register operand: 4 to 7 are the high bytes, if it is a byte. */
static void set_register(struct access *a, unsigned reg, unsigned width)
{
	a->high = width == 1 && reg >= 4;
	a->reg = a->high ? reg - 4 : reg;
	a->extend = width;
}

/* mov with ModRM: 88 to 8b, and c6, c7 with an immediate value. */
static bool decode_mov(struct access *a, struct bytes *b, uint8_t op,
		       unsigned full)
{
	uint8_t modrm = take(b, 1);

	a->width = op & 1 ? full : 1;
	if (!skip_modrm(b, modrm))
		return false;
	if (op >= 0xc6) {
		a->write = true;
		a->reg = -1;
		a->value = take(b, a->width);
		return !(modrm & 0x38);
	}
	a->write = !(op & 2);
	set_register(a, modrm >> 3 & 7, a->width);
	return true;
}

/* movzx: 0f b6, 0f b7. */
static bool decode_movzx(struct access *a, struct bytes *b, unsigned full)
{
	uint8_t op = take(b, 1), modrm = take(b, 1);

	if ((op & ~1) != 0xb6 || !skip_modrm(b, modrm))
		return false;
	a->width = op & 1 ? 2 : 1;
	a->reg = modrm >> 3 & 7;
	a->extend = full;
	return true;
}

static bool decode_memory(struct access *a, struct bytes *b, uint8_t op,
			  unsigned full)
{
	switch (op) {
	case 0x88 ... 0x8b:
	case 0xc6 ... 0xc7:
		return decode_mov(a, b, op, full);
	case 0xa0 ... 0xa3:		/* eax and an absolute address */
		take(b, 4);
		a->width = a->extend = op & 1 ? full : 1;
		a->write = op & 2;
		a->reg = 0;
		return true;
	case 0x0f:
		return decode_movzx(a, b, full);
	}
	return false;
}

/*
 * Operand size, and segments, which are part of the address that the Host
 * found already.  Others would change what ModRM or the instruction means.
 */
static bool is_prefix(uint8_t byte, unsigned *full)
{
	switch (byte) {
	case 0x66:
		*full = 2;
		return true;
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
		return true;
	}
	return false;
}

/*
 * Linux reads a byte and has the next instruction, movzbl of that register to
 * itself, clear the rest: then we need not ask the Host what that is.
 */
static bool is_widened(const struct access *a, const struct bytes *b)
{
	const uint8_t *next = b->at + b->used;

	return !a->write && a->extend == 1 && !a->high &&
	       b->used + 3 <= b->size && next[0] == 0x0f && next[1] == 0xb6 &&
	       next[2] == (0xc0 | a->reg * 9);
}

bool access_decode(struct access *a, const uint8_t *insn, unsigned n,
		   bool mmio)
{
	struct bytes b = { .at = insn, .size = n };
	unsigned full = 4;
	bool known;
	uint8_t op;

	*a = (struct access){ .mmio = mmio };
	do {
		op = take(&b, 1);
	} while (is_prefix(op, &full) && !b.over);
	known = mmio ? decode_memory(a, &b, op, full) :
		       decode_port(a, &b, op, full);
	a->length = b.used;
	if (known && !b.over && is_widened(a, &b))
		a->extend = 4;
	return known && !b.over;
}
