/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instructions that ring 3 may not do, or not with the Guest's selectors,
 * one by one (Intel SDM volume 2).
 */
#include <cpuid.h>
#include <string.h>

#include "access.h"
#include "user.h"

#define FLAGS_POPPED	0x240dd5u	/* what iret gives a ring 1 */

/* An instruction: its bytes, and how many we have used. */
struct insn {
	uint8_t bytes[INSN_MAX];
	unsigned n, used;
	unsigned size;		/* of operands: 4, or 2 behind 0x66 */
	uint8_t segment;	/* prefix, 0: none */
};

unsigned insn_fetch(struct user *u, uint8_t *bytes, unsigned n)
{
	uint32_t direct = u->cpu.eip - DIRECT_CODE;

	if (direct < PAGE) {
		n = n < PAGE - direct ? n : PAGE - direct;
		memcpy(bytes, u->direct_code + direct, n);
		return n;
	}
	while (n && !mmu_read(u, u->cpu.eip, bytes, n))
		n--;
	return n;
}

/* Behind the end there are zeros: then it would have faulted otherwise. */
static uint32_t take(struct insn *i, unsigned n)
{
	uint32_t value = 0;

	if (i->used + n <= i->n)
		memcpy(&value, i->bytes + i->used, n);
	i->used += n;
	return value;
}

static void prefixes(struct insn *i)
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
	uint8_t sib = take(i, 1);
	unsigned base = sib & 7, index = sib >> 3 & 7;
	uint32_t at = index == SP ? 0 : u->cpu.gpr[index] << (sib >> 6);

	return at + (base == BP && !mod ? take(i, 4) : u->cpu.gpr[base]);
}

/* The linear address that ModRM means; mod is not 3. */
static uint32_t address(const struct user *u, struct insn *i, uint8_t modrm)
{
	unsigned mod = modrm >> 6, rm = modrm & 7;
	uint32_t at = segment_base(u, i->segment);

	if (rm == SP)
		at += sib_address(u, i, mod);
	else if (rm == BP && !mod)
		at += take(i, 4);
	else
		at += u->cpu.gpr[rm];
	if (mod == 1)
		at += (int8_t)take(i, 1);
	else if (mod == 2)
		at += take(i, 4);
	return at;
}

/* --- segments --------------------------------------------------------- */

/* True: done, if only by a fault. */
static bool load_selector(struct user *u, unsigned sreg, uint32_t sel,
			  unsigned length)
{
	uint16_t real = 0;

	if (sreg >= SELECTORS || sreg == CS)
		return false;
	/* What may not be loaded must not get into the register either. */
	if (sreg != SS && !cpu_selector(u, sel & 0xffff, &real))
		return false;
	u->cpu.sel[sreg] = real;
	u->cpu.eip += length;
	return true;
}

static bool mov_selector(struct user *u, struct insn *i)
{
	uint8_t modrm = take(i, 1);
	uint32_t sel = u->cpu.gpr[modrm & 7];

	if (modrm >> 6 != 3) {
		sel = 0;
		if (!mmu_read(u, address(u, i, modrm), &sel, 2))
			return false;
	}
	return load_selector(u, modrm >> 3 & 7, sel, i->used);
}

static bool pop_selector(struct user *u, struct insn *i, unsigned sreg)
{
	uint32_t sel = 0;

	if (!mmu_read(u, u->cpu.gpr[SP], &sel, i->size) ||
	    !load_selector(u, sreg, sel, i->used))
		return false;
	u->cpu.gpr[SP] += i->size;
	return true;
}

/* --- control ---------------------------------------------------------- */

static bool iret(struct user *u)
{
	struct cpu *c = &u->cpu;
	uint32_t frame[5], sp = c->gpr[SP];

	if (!mmu_read(u, sp, frame, 12)) {
		stub_crash(u, CRASH_STACK, sp, TRAP_GP, c->eip);
		return true;
	}
	c->gpr[SP] = sp + 12;
	if ((frame[1] & 3) == 3) {
		if (!mmu_read(u, sp, frame, sizeof(frame))) {
			stub_crash(u, CRASH_STACK, sp, TRAP_GP, c->eip);
			return true;
		}
		c->gpr[SP] = frame[3];
		u->direct.user = 1;
	}
	c->eip = frame[0];
	c->eflags = (frame[2] & FLAGS_POPPED) | FLAG_IF;
	return true;
}

/* jmp far within the kernel: all its code is in one segment. */
static bool jump_far(struct user *u, struct insn *i)
{
	uint32_t to = take(i, i->size);

	if ((take(i, 2) & ~3u) != (KERNEL_CS & ~3u))
		return false;
	u->cpu.eip = to;
	return true;
}

static bool return_far(struct user *u, const struct insn *i)
{
	uint32_t to[2];

	if (i->size != 4 || !mmu_read(u, u->cpu.gpr[SP], to, sizeof(to)) ||
	    (to[1] & ~3u & 0xffff) != (KERNEL_CS & ~3u))
		return false;
	u->cpu.gpr[SP] += sizeof(to);
	u->cpu.eip = to[0];
	return true;
}

static bool mov_debug(struct user *u, struct insn *i, bool load)
{
	uint8_t modrm = take(i, 1);
	uint32_t *dr = &u->cpu.dr[modrm >> 3 & 7];
	uint32_t *reg = &u->cpu.gpr[modrm & 7];

	/* There are none that break: they only remember. */
	if (load)
		*dr = *reg;
	else
		*reg = *dr;
	u->cpu.eip += i->used;
	return true;
}

/*
 * Before it has handlers to be told, a kernel may ask for what only ring 0 has:
 * microcode, or its own page tables.  There is nothing of that.
 */
static bool early(struct user *u, struct insn *i, uint8_t op)
{
	struct cpu *c = &u->cpu;

	if (c->idt[TRAP_GP][1])
		return false;
	switch (op) {
	case 0x20:		/* mov from control register */
		c->gpr[take(i, 1) & 7] = 0;
		break;
	case 0x32:		/* rdmsr */
		c->gpr[AX] = c->gpr[DX] = 0;
		break;
	case 0x30:		/* wrmsr */
		break;
	default:
		return false;
	}
	c->eip += i->used;
	return true;
}

/* --- cpuid ------------------------------------------------------------ */

/* FPU, VME no, TSC, CX8, CMOV, CLFSH, MMX, FXSR, SSE, SSE2: fxsave has it. */
#define LEAF1_EDX	0x07888111u
#define LEAF1_ECX	0x00982201u	/* SSE3, SSSE3, CX16, SSE4, POPCNT */

/*
 * What needs more state than a Guest's kernel saves, it does not see.  With
 * family 5 it looks for no microcode, and for no features before Linux asks.
 */
static void cpuid_filter(uint32_t leaf, uint32_t r[4])
{
	switch (leaf) {
	case 0:
		r[0] = r[0] < 5 ? r[0] : 5;
		break;
	case 1:
		r[0] = (r[0] & 0xff) | 0x500;
		r[2] = (r[2] & LEAF1_ECX) | 1u << 31;
		r[3] &= LEAF1_EDX;
		break;
	case 0x80000000:
		r[0] = r[0] < 0x80000008 ? r[0] : 0x80000008;
		break;
	case 0x80000001:
		r[2] = 0;
		r[3] &= LEAF1_EDX;
		break;
	}
}

static void cpuid(struct user *u)
{
	struct cpu *c = &u->cpu;
	uint32_t leaf = c->gpr[AX], r[4] = { 0 }, max;

	/* No leaf beyond the last: the CPU would answer with that one. */
	max = leaf >> 31 ? 0x80000008 : 5;
	if (leaf <= max && (leaf >> 31 || leaf < 0x40000000)) {
		__cpuid_count(leaf, c->gpr[CX], r[0], r[1], r[2], r[3]);
		cpuid_filter(leaf, r);
	}
	c->gpr[AX] = r[0];
	c->gpr[BX] = r[1];
	c->gpr[CX] = r[2];
	c->gpr[DX] = r[3];
}

/* ---------------------------------------------------------------------- */

static bool two_bytes(struct user *u, struct insn *i)
{
	uint8_t op = take(i, 1);

	switch (op) {
	case 0xa2:
		if (!u->cpuid_faults)
			return false;
		cpuid(u);
		u->cpu.eip += i->used;
		return true;
	case 0xa1:
		return pop_selector(u, i, FS);
	case 0xa9:
		return pop_selector(u, i, GS);
	}
	if (u->direct.user)
		return false;
	if (op == 0x21 || op == 0x23)
		return mov_debug(u, i, op == 0x23);
	return early(u, i, op);
}

/* A value of `extend` bytes becomes part of a register, or all of it. */
static void set_part(uint32_t *reg, const struct access *a, uint32_t value)
{
	unsigned shift = a->high ? 8 : 0;
	uint32_t mask = (UINT32_MAX >> (32 - 8 * a->extend)) << shift;

	*reg = (*reg & ~mask) | (value << shift & mask);
}

static void access_do(struct user *u, const struct access *a, uint32_t addr)
{
	struct cpu *c = &u->cpu;
	struct post post = {
		.kind = POST_IO, .mmio = a->mmio, .write = a->write,
		.width = a->width, .addr = addr, .value = a->value,
	};
	uint32_t value;

	if (a->write && a->reg >= 0)
		post.value = c->gpr[a->reg & 7] >> (a->high ? 8 : 0);
	if (a->width < 4)
		post.value &= (1u << 8 * a->width) - 1;
	value = cpu_io(u, &post);
	if (!a->write)
		set_part(&c->gpr[a->reg & 7], a, value);
	c->eip += a->length;
}

static bool in_out(struct user *u, const struct insn *i)
{
	struct access a;

	if (!access_decode(&a, i->bytes, i->n, false))
		return false;
	access_do(u, &a, a.port < 0 ? u->cpu.gpr[DX] & 0xffff :
		  (uint32_t)a.port);
	return true;
}

bool insn_mmio(struct user *u, uint32_t gpa)
{
	struct insn i = { 0 };
	struct access a;

	i.n = insn_fetch(u, i.bytes, INSN_MAX);
	if (!access_decode(&a, i.bytes, i.n, true))
		return false;
	access_do(u, &a, gpa);
	return true;
}

static bool kernel_insn(struct user *u, struct insn *i, uint8_t op)
{
	switch (op) {
	case 0xcf:
		return iret(u);
	case 0xea:
		return jump_far(u, i);
	case 0xcb:
		return return_far(u, i);
	case 0xfa:		/* cli: real interrupts stay on regardless */
		u->cpu.eip += i->used;
		return true;
	}
	return in_out(u, i);
}

bool insn_emulate(struct user *u)
{
	struct insn i = { 0 };
	uint8_t op;

	i.n = insn_fetch(u, i.bytes, INSN_MAX);
	prefixes(&i);
	op = take(&i, 1);
	switch (op) {
	case 0x8e:
		return mov_selector(u, &i);
	case 0x07: case 0x17: case 0x1f:
		return pop_selector(u, &i, op >> 3);
	case 0x0f:
		return two_bytes(u, &i);
	}
	return !u->direct.user && kernel_insn(u, &i, op);
}
