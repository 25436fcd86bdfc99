/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where an instruction's operand is (Intel SDM volume 2, chapter 2).
 */
#include <string.h>

#include "insn.h"

uint32_t insn_take(struct insn *i, unsigned n)
{
	uint32_t value = 0;

	if (i->used + n <= i->n)
		memcpy(&value, i->bytes + i->used, n);
	i->used += n;
	return value;
}

void insn_prefixes(struct insn *i)
{
	for (i->size = 4; i->used < i->n; i->used++) {
		switch (i->bytes[i->used]) {
		case 0x66:
			i->size = 2;
			break;
		case 0x26: case 0x2e: case 0x36: case 0x3e:
		case 0x64: case 0x65:
			i->segment = i->bytes[i->used];
			break;
		case 0xf3:
			i->repeat = true;
			break;
		case 0xf0: case 0xf2:
			break;
		default:
			return;
		}
	}
}

/* --- memory operands -------------------------------------------------- */

static uint32_t segment_base(const struct user *u, uint8_t prefix)
{
	uint16_t sel = prefix == 0x64 ? u->cpu.sel[FS] :
		       prefix == 0x65 ? u->cpu.sel[GS] : 0;
	const uint32_t *d = u->cpu.gdt[sel >> 3 & (GDT_ENTRIES - 1)];

	if (!(sel & 4))		/* all others are flat */
		return 0;
	return d[0] >> 16 | (d[1] & 0xff) << 16 | (d[1] & 0xff000000);
}

static uint32_t sib_address(const struct user *u, struct insn *i, unsigned mod)
{
	uint8_t sib = insn_take(i, 1);
	unsigned base = sib & 7, index = sib >> 3 & 7;
	uint32_t at = index == SP ? 0 : u->cpu.gpr[index] << (sib >> 6);

	return at + (base == BP && !mod ? insn_take(i, 4) : u->cpu.gpr[base]);
}

/* The linear address that ModRM means; mod is not 3. */
uint32_t insn_address(const struct user *u, struct insn *i, uint8_t modrm)
{
	unsigned mod = modrm >> 6, rm = modrm & 7;
	uint32_t at = segment_base(u, i->segment);

	if (rm == SP)
		at += sib_address(u, i, mod);
	else if (rm == BP && !mod)
		at += insn_take(i, 4);
	else
		at += u->cpu.gpr[rm];
	if (mod == 1)
		at += (int8_t)insn_take(i, 1);
	else if (mod == 2)
		at += insn_take(i, 4);
	return at;
}

/* --- where an access was to ------------------------------------------- */

/* Opcodes by which it depends on the middle of ModRM, as bits, who writes. */
static const struct group {
	uint16_t op;		/* 0x100: behind 0f */
	uint8_t writes;
} groups[] = {
	{ 0x80, 0x7f }, { 0x81, 0x7f }, { 0x82, 0x7f }, { 0x83, 0x7f },
	{ 0xd9, 0xcc }, { 0xdb, 0x8e }, { 0xdd, 0xce }, { 0xdf, 0xce },
	{ 0xf6, 0x0c }, { 0xf7, 0x0c }, { 0xfe, 0x03 }, { 0xff, 0x03 },
	{ 0x100, 0x03 }, { 0x101, 0x13 }, { 0x1ae, 0x59 }, { 0x1ba, 0xe0 },
	{ 0x1c7, 0x12 },
};

/* Behind 0f, from 0 on. */
static const uint32_t two_writes[8] = {
	0x008a0000, 0x00000a00, 0, 0xc0000000, 0xffff0000, 0x080b3830,
	0x0040000b, 0x00000080,
};

/* Does it write to what ModRM names? */
static bool writes(unsigned op, uint8_t modrm)
{
	for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
		if (groups[i].op == op)
			return groups[i].writes >> (modrm >> 3 & 7) & 1;
	if (op & 0x100)
		return two_writes[op >> 5 & 7] >> (op & 31) & 1;
	if (op < 0x40)
		return (op & 7) < 2 && op < 0x38;
	return (op >= 0x86 && op <= 0x89) || op == 0x8c || op == 0x8f ||
	       (op & 0xfe) == 0xc0 || (op & 0xfe) == 0xc6 ||
	       (op & 0xfc) == 0xd0;
}

/* Stack and strings: an address that stands in no ModRM. */
static bool implied(const struct user *u, const struct insn *i, unsigned op,
		    uint32_t *va, bool *write)
{
	const uint32_t *r = u->cpu.gpr;
	uint32_t base = segment_base(u, i->segment);

	*write = false;
	switch (op) {
	case 0x06: case 0x0e: case 0x16: case 0x1e: case 0x50 ... 0x57:
	case 0x60: case 0x68: case 0x6a: case 0x9c: case 0xc8: case 0xe8:
	case 0x1a0: case 0x1a8:
		*write = true;
		*va = r[SP] - i->size;
		return true;
	case 0x07: case 0x17: case 0x1f: case 0x58 ... 0x5f: case 0x61:
	case 0x9d: case 0xc2: case 0xc3: case 0xca: case 0xcb: case 0xcf:
	case 0x1a1: case 0x1a9:
		*va = r[SP];
		return true;
	case 0xc9:
		*va = r[BP];
		return true;
	case 0xa4: case 0xa5:
		*write = r[SI] + base < u->mmu.kernel;
		*va = *write ? r[DI] : r[SI] + base;
		return true;
	case 0xaa: case 0xab:
		*write = true;
		*va = r[DI];
		return true;
	case 0xac: case 0xad: case 0xa6: case 0xa7:
		*va = r[SI] + base;
		return true;
	case 0xae: case 0xaf:
		*va = r[DI];
		return true;
	case 0xd7:			/* xlat */
		*va = r[BX] + (r[AX] & 0xff) + base;
		return true;
	case 0x1f7:			/* maskmovq */
		*write = true;
		*va = r[DI] + base;
		return true;
	}
	return false;
}

/* bt and its kin: where the bit is that a register tells. */
static uint32_t bit_offset(const struct user *u, const struct insn *i,
			   unsigned op, uint8_t modrm)
{
	int32_t bit = u->cpu.gpr[modrm >> 3 & 7];

	if ((op & 0x1e7) != 0x1a3)
		return 0;
	return i->size == 2 ? ((int16_t)bit >> 4) * 2 : (bit >> 5) * 4;
}

bool insn_operand(struct user *u, uint32_t *va, bool *write)
{
	struct insn i = { 0 };
	unsigned at, op;

	i.n = insn_fetch(u, i.bytes, INSN_MAX);
	insn_prefixes(&i);
	op = insn_take(&i, 1);
	if (op == 0x0f)
		op = 0x100 | insn_take(&i, 1);
	if (implied(u, &i, op, va, write))
		return true;
	if ((op & ~3u) == 0xa0) {
		*write = op & 2;
		*va = insn_take(&i, 4) + segment_base(u, i.segment);
		return true;
	}
	at = insn_modrm(i.bytes, i.n);
	/* 16 bits of address lead nowhere. */
	if (!at || i.bytes[at] >> 6 == 3 || op == 0x67)
		return false;
	i.used = at + 1;
	/* Of two moves of 8 bytes, f3 makes the one that reads. */
	*write = writes(op, i.bytes[at]) && !(op == 0x17e && i.repeat);
	*va = insn_address(u, &i, i.bytes[at]) +
	      bit_offset(u, &i, op, i.bytes[at]);
	return true;
}
