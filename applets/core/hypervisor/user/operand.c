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
		case 0xf2: case 0xf3:
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

/* Opcodes of one byte that write to what ModRM names. */
static bool writes(uint8_t op)
{
	if (op < 0x40)
		return (op & 7) < 2 && op < 0x38;
	return (op >= 0x80 && op <= 0x83) || (op >= 0x86 && op <= 0x89) ||
	       (op & 0xfe) == 0xc0 || (op & 0xfe) == 0xc6 ||
	       (op & 0xfc) == 0xd0 || op == 0xfe;
}

/* Stack and strings: an address that stands in no ModRM. */
static bool implied(const struct user *u, uint8_t op, uint32_t *va,
		    bool *write)
{
	const uint32_t *r = u->cpu.gpr;

	*write = false;
	switch (op) {
	case 0x50 ... 0x57: case 0x68: case 0x6a: case 0x9c: case 0xe8:
		*write = true;
		*va = r[SP] - 4;
		return true;
	case 0x58 ... 0x5f: case 0x9d: case 0xc2: case 0xc3: case 0xc9:
	case 0xcb: case 0xcf:
		*va = r[SP];
		return true;
	case 0xa4: case 0xa5:
		*write = r[SI] < u->mmu.kernel;
		*va = *write ? r[DI] : r[SI];
		return true;
	case 0xaa: case 0xab:
		*write = true;
		*va = r[DI];
		return true;
	case 0xac: case 0xad: case 0xa6: case 0xa7:
		*va = r[SI];
		return true;
	case 0xae: case 0xaf:
		*va = r[DI];
		return true;
	}
	return false;
}

bool insn_operand(struct user *u, uint32_t *va, bool *write)
{
	struct insn i = { 0 };
	unsigned at;
	uint8_t op;

	i.n = insn_fetch(u, i.bytes, INSN_MAX);
	insn_prefixes(&i);
	op = i.bytes[i.used];
	if (implied(u, op, va, write))
		return true;
	*write = writes(op);
	if ((op & 0xfc) == 0xa0) {
		i.used++;
		*write = op & 2;
		*va = insn_take(&i, 4) + segment_base(u, i.segment);
		return true;
	}
	at = insn_modrm(i.bytes, i.n);
	if (!at || i.bytes[at] >> 6 == 3)
		return false;
	i.used = at + 1;
	*va = insn_address(u, &i, i.bytes[at]);
	return true;
}
