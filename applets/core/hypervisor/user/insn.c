/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instructions that ring 3 may not do, or not with the Guest's selectors,
 * one by one (Intel SDM volume 2).
 */
#include <string.h>

#include "insn.h"
#include "kind.h"

#define FLAGS_POPPED	0x244dd5u	/* what iret gives a ring 1 */

unsigned insn_fetch(struct user *u, uint8_t *bytes, unsigned n)
{
	uint32_t direct = u->cpu.eip - (u->stock ? DIRECT_PC : DIRECT_CODE);

	if (direct < PAGE) {
		n = n < PAGE - direct ? n : PAGE - direct;
		memcpy(bytes, (u->stock ? (const uint8_t *)&u->direct :
			       u->direct_code) + direct, n);
		return n;
	}
	while (n && !mmu_read(u, u->cpu.eip, bytes, n))
		n--;
	return n;
}

/* --- memory ----------------------------------------------------------- */

/* A program's segments end where the kernel begins. */
static bool reaches(const struct user *u, uint32_t va, uint32_t n)
{
	return !u->direct.user ||
	       (va < u->mmu.kernel && u->mmu.kernel - va >= n);
}

/* Remembers which of the two pages it was. */
static bool misses(struct user *u, uint32_t va, unsigned how)
{
	const struct table t = mmu_table(u, u->mmu.cr3, va);

	/* The bits mean the same in an entry and in an error code. */
	if (!t.bad && !(how & ~mmu_entry(u, &t, 0)))
		va = (va | (PAGE - 1)) + 1;
	u->cpu.cr2 = va;
	u->sys.missed = u->mmu.linear ? 0 : how;
	return false;
}

bool insn_read(struct user *u, uint32_t va, void *to, uint32_t n)
{
	return reaches(u, va, n) &&
	       (mmu_read(u, va, to, n) || misses(u, va, PF_PRESENT));
}

bool insn_write(struct user *u, uint32_t va, const void *from, uint32_t n)
{
	return reaches(u, va, n) && (mmu_write(u, va, from, n) ||
				     misses(u, va, PF_PRESENT | PF_WRITE));
}

/* --- segments --------------------------------------------------------- */

/* The stack's has to be of the ring that we are in. */
static unsigned check_stack(const struct user *u, uint32_t sel)
{
	uint16_t real;

	if (u->direct.user)
		return sel == USER_DS || sel == LDT_SELECTOR(GDT_USER_DS) ?
		       0 : TRAP_GP;
	if (u->stock)
		return cpu_selector(u, sel, &real) || real != HOST_DS ?
		       TRAP_GP : 0;
	return sel == KERNEL_DS || sel == HOST_DS ? 0 : TRAP_GP;
}

/* Done, if only by a fault. */
bool insn_load_selector(struct user *u, unsigned sreg, uint32_t sel,
			unsigned length)
{
	uint16_t real = 0;
	unsigned trap;

	if (sreg >= SELECTORS || sreg == CS)
		return false;
	sel &= 0xffff;
	/* A PC's table is memory: it may have changed since. */
	if (u->stock)
		stock_descriptors(u);
	trap = sreg == SS ? check_stack(u, sel) : cpu_selector(u, sel, &real);
	/* What may not be loaded must not get into the register either. */
	if (trap) {
		cpu_fault(u, trap, true, sel & 0xfffc);
		return true;
	}
	u->cpu.sel[sreg] = real;
	u->cpu.eip += length;
	return true;
}

static bool mov_selector(struct user *u, struct insn *i)
{
	uint8_t modrm = insn_take(i, 1);
	uint32_t sel = u->cpu.gpr[modrm & 7];

	if (modrm >> 6 != 3) {
		sel = 0;
		if (!insn_read(u, insn_address(u, i, modrm), &sel, 2))
			return false;
	}
	return insn_load_selector(u, modrm >> 3 & 7, sel, i->used);
}

static bool pop_selector(struct user *u, struct insn *i, unsigned sreg)
{
	uint32_t sel = 0, sp = u->cpu.gpr[SP], eip = u->cpu.eip;

	if (!insn_read(u, sp, &sel, i->size) ||
	    !insn_load_selector(u, sreg, sel, i->used))
		return false;
	/* Only if it was loaded: else we are elsewhere by now. */
	if (u->cpu.eip == eip + i->used && u->cpu.gpr[SP] == sp)
		u->cpu.gpr[SP] += i->size;
	return true;
}

/* --- control ---------------------------------------------------------- */

/* Code of this ring. */
static bool is_own_code(struct user *u, uint32_t sel)
{
	sel &= 0xffff;
	return u->direct.user ?
	       sel == USER_CS || sel == LDT_SELECTOR(GDT_USER_CS) :
	       kind_is_code(u, sel);
}

static void pop_flags(struct user *u, uint32_t flags)
{
	u->cpu.eflags = (flags & FLAGS_POPPED) | FLAG_IF;
	kind_set_flag(u, flags);
}

static bool refuse(struct user *u, uint32_t sel)
{
	cpu_fault(u, TRAP_GP, true, sel & 0xfffc);
	return true;
}

static bool no_stack(struct user *u)
{
	stub_crash(u, CRASH_STACK, u->cpu.gpr[SP], TRAP_GP, u->cpu.eip);
	return true;
}

/* To a program, whose stack is in the frame as well. */
static bool iret_outwards(struct user *u)
{
	struct cpu *c = &u->cpu;
	uint32_t frame[5];

	if (!insn_read(u, c->gpr[SP], frame, sizeof(frame)))
		return no_stack(u);
	if ((frame[1] & 0xffff) >> 3 != GDT_USER_CS)
		return refuse(u, frame[1]);
	if ((frame[4] & 3) != 3 || (frame[4] & 0xffff) >> 3 != GDT_USER_DS)
		return refuse(u, frame[4]);
	c->gpr[SP] = frame[3];
	u->direct.user = 1;
	c->eip = frame[0];
	pop_flags(u, frame[2]);
	return true;
}

static bool iret(struct user *u)
{
	struct cpu *c = &u->cpu;
	uint32_t frame[3];

	/* If it fails: the kernel is prepared for that in its own text. */
	if (!direct_is_critical(u, c->eip))
		u->sys.iret = c->eip;
	else if (u->stock)
		c->eip = u->sys.iret;
	if (!insn_read(u, c->gpr[SP], frame, sizeof(frame)))
		return u->direct.user ? false : no_stack(u);
	/* There is no virtual 8086, and it is nobody's ring 0. */
	if (u->stock && !u->direct.user && frame[2] & FLAG_VM)
		return refuse(u, 0);
	if (!u->direct.user && (frame[1] & 3) == 3 &&
	    (frame[1] & 0xffff) != HOST_CS)
		return iret_outwards(u);
	if (!is_own_code(u, frame[1]))
		return refuse(u, frame[1]);
	c->gpr[SP] += sizeof(frame);
	c->eip = frame[0];
	if (u->direct.user)
		frame[2] |= FLAG_IF;
	pop_flags(u, frame[2]);
	return true;
}

/* jmp and call far, within a ring. */
static bool jump_far(struct user *u, struct insn *i, bool call)
{
	struct cpu *c = &u->cpu;
	uint32_t to = insn_take(i, i->size), sel = insn_take(i, 2);
	uint32_t back[2] = { c->eip + i->used,
			     u->direct.user ? USER_CS : kind_kernel_cs(u) };

	if (i->size != 4)
		return false;
	if (!is_own_code(u, sel))
		return refuse(u, sel);
	if (call) {
		if (!insn_write(u, c->gpr[SP] - sizeof(back), back,
				sizeof(back)))
			return false;
		c->gpr[SP] -= sizeof(back);
	}
	c->eip = to;
	return true;
}

static bool return_far(struct user *u, const struct insn *i)
{
	uint32_t to[2];

	if (i->size != 4 || !insn_read(u, u->cpu.gpr[SP], to, sizeof(to)))
		return false;
	if (!is_own_code(u, to[1]))
		return refuse(u, to[1]);
	u->cpu.gpr[SP] += sizeof(to);
	u->cpu.eip = to[0];
	return true;
}

/* ---------------------------------------------------------------------- */

bool insn_mov_debug(struct user *u, struct insn *i, bool load)
{
	uint8_t modrm = insn_take(i, 1);
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

static bool two_bytes(struct user *u, struct insn *i)
{
	uint8_t op = insn_take(i, 1);

	switch (op) {
	case 0xa2:
		if (!u->cpuid_faults)
			return false;
		cpuid_emulate(u);
		u->cpu.eip += i->used;
		return true;
	case 0xa1:
		return pop_selector(u, i, FS);
	case 0xa9:
		return pop_selector(u, i, GS);
	}
	/* Again, with what it is in ring 0. */
	i->used--;
	return !u->direct.user && kind_insn(u, i, 0x0f);
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

bool insn_in_out(struct user *u, const struct insn *i)
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

bool insn_emulate(struct user *u)
{
	struct insn i = { 0 };
	uint8_t op;

	i.n = insn_fetch(u, i.bytes, INSN_MAX);
	insn_prefixes(&i);
	op = insn_take(&i, 1);
	if (op == 0x0f)
		u->n.two[i.bytes[i.used % INSN_MAX]]++;
	else
		u->n.one[op]++;
	if (u->stock && !u->direct.user && window_try(u, i.bytes))
		return true;
	switch (op) {
	case 0x8e:
		return mov_selector(u, &i);
	case 0x07: case 0x17: case 0x1f:
		return pop_selector(u, &i, op >> 3);
	case 0x0f:
		return two_bytes(u, &i);
	case 0xcf:
		return iret(u);
	case 0x9a: case 0xea:
		return jump_far(u, &i, op == 0x9a);
	case 0xcb:
		return return_far(u, &i);
	}
	return !u->direct.user && kind_insn(u, &i, op);
}
