/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instructions of a PC's ring 0, one by one (Intel SDM volume 2), and those
 * that text.c has put in place of what would not trap.
 */
#include <string.h>

#include "insn.h"
#include "kind.h"

#define FLAGS_POPPED	0x244dd5u	/* what popf gives a ring 0, but IF */
#define FLAGS_PUSHED	(FLAGS_POPPED | 2)
#define IS_REGISTER(modrm) ((modrm) >> 6 == 3)

static bool done(struct user *u, const struct insn *i)
{
	u->cpu.eip += i->used;
	return true;
}

/* --- interrupts ------------------------------------------------------- */

static bool halt(struct user *u, const struct insn *i)
{
	u->cpu.halted = true;
	return done(u, i);
}

/*
 * No interrupt comes between it and the next instruction: hlt counts on it.  So
 * one that waits for this comes before it, and then it is done again; behind
 * it, where that returns to would be in the way of a window.
 */
static bool enable(struct user *u, struct insn *i)
{
	u->direct.flag = FLAG_IF;
	if (insn_take(i, 1) == 0xf4)
		return halt(u, i);
	i->used--;
	return stock_wanted(u) || done(u, i);
}

static bool push_flags(struct user *u, const struct insn *i)
{
	struct cpu *c = &u->cpu;
	uint32_t flags = (c->eflags & FLAGS_PUSHED) | u->direct.flag;

	if (!insn_write(u, c->gpr[SP] - 4, &flags, 4))
		return false;
	c->gpr[SP] -= 4;
	return done(u, i);
}

static bool pop_flags(struct user *u, const struct insn *i)
{
	struct cpu *c = &u->cpu;
	uint32_t flags;

	if (!insn_read(u, c->gpr[SP], &flags, 4))
		return false;
	c->gpr[SP] += 4;
	c->eflags = (flags & FLAGS_POPPED) | FLAG_IF;
	stock_set_flag(u, flags);
	return done(u, i);
}

/* --- descriptor tables ------------------------------------------------ */

/* What ModRM means: a register or memory.  False: a hole. */
static bool operand(struct user *u, struct insn *i, uint8_t modrm, bool write,
		    uint32_t *value)
{
	uint32_t at;

	if (IS_REGISTER(modrm)) {
		if (write)
			u->cpu.gpr[modrm & 7] = *value;
		else
			*value = u->cpu.gpr[modrm & 7] & 0xffff;
		return true;
	}
	at = insn_address(u, i, modrm);
	if (write)
		return insn_write(u, at, value, 2);
	*value = 0;
	return insn_read(u, at, value, 2);
}

static uint32_t base_of(const uint32_t d[2])
{
	return d[0] >> 16 | (d[1] & 0xff) << 16 | (d[1] & 0xff000000);
}

static bool load_task(struct user *u, uint32_t sel)
{
	uint32_t d[2];

	if ((sel | 7) > u->sys.gdt_limit ||
	    !mmu_read(u, u->sys.gdt + (sel & ~7u), d, sizeof(d)))
		return false;
	u->sys.tr = sel;
	u->sys.tss = base_of(d);
	direct_tables(u);
	return true;
}

/* 0f 00: lldt, ltr; 6 and 7 are sldt and str. */
static bool group6(struct user *u, struct insn *i)
{
	uint8_t modrm = insn_take(i, 1);
	unsigned what = modrm >> 3 & 7;
	uint32_t value = what == 6 ? u->sys.ldtr : u->sys.tr;

	if (what == 0 || what == 1 || what == 4 || what == 5 ||
	    !operand(u, i, modrm, what > 5, &value))
		return false;
	if (what == 2)
		u->sys.ldtr = value;
	else if (what == 3 && !load_task(u, value))
		return false;
	return done(u, i);
}

/* One page; or, as a large one may be meant, all that may be one. */
static void invalidate(struct user *u, uint32_t va)
{
	struct table t;

	if (u->mmu.linear || va >= u->mmu.end)
		return;
	t = mmu_table(u, u->mmu.cr3, va);
	if (t.large)
		mmu_set_part(u, va);
	else
		mmu_set_pte(u, u->mmu.cr3, va);
}

static bool load_table(struct user *u, uint32_t at, bool idt)
{
	uint8_t bytes[6];
	uint16_t limit;

	if (!insn_read(u, at, bytes, sizeof(bytes)))
		return false;
	memcpy(&limit, bytes, 2);
	memcpy(idt ? &u->sys.idt : &u->sys.gdt, bytes + 2, 4);
	*(idt ? &u->sys.idt_limit : &u->sys.gdt_limit) = limit;
	direct_tables(u);
	return true;
}

static bool store_table(struct user *u, uint32_t at, bool idt)
{
	uint8_t bytes[6];

	memcpy(bytes, idt ? &u->sys.idt_limit : &u->sys.gdt_limit, 2);
	memcpy(bytes + 2, idt ? &u->sys.idt : &u->sys.gdt, 4);
	return insn_write(u, at, bytes, sizeof(bytes));
}

/* 0f 01: lgdt, lidt, invlpg; 5 and 6 are sgdt and sidt. */
static bool group7(struct user *u, struct insn *i)
{
	uint8_t modrm = insn_take(i, 1);
	unsigned what = modrm >> 3 & 7;
	uint32_t at;

	if (IS_REGISTER(modrm)) {
		/* xsetbv: what is on is the Host's to say; lmsw. */
		return (modrm == 0xd1 || what == 6) && done(u, i);
	}
	at = insn_address(u, i, modrm);
	switch (what) {
	case 2: case 3:
		if (!load_table(u, at, what == 3))
			return false;
		break;
	case 5: case 6:
		if (!store_table(u, at, what == 6))
			return false;
		break;
	case 7:
		invalidate(u, at);
		break;
	default:
		return false;
	}
	return done(u, i);
}

bool system_replaced(struct user *u, struct insn *i)
{
	uint8_t op = insn_take(i, 1);

	return op == 0x00 ? group6(u, i) : op == 0x01 && group7(u, i);
}

/* --- all the others --------------------------------------------------- */

/*
 * A stack in a segment that begins elsewhere: Linux takes one on the way to
 * programs whose own has 16 bits.  Ours is flat, with the linear address.
 */
static uint32_t stack_base(struct user *u, uint32_t *sel)
{
	const uint32_t *d = u->cpu.gdt[*sel / 8 % GDT_ENTRIES];

	stock_descriptors(u);
	if (*sel / 8 >= GDT_ENTRIES || (d[1] & 0xfe00) != 0x9200)
		return 0;
	*sel = GDT_KERNEL_DS * 8;
	return base_of(d);
}

static bool load_stack(struct user *u, struct insn *i)
{
	uint8_t modrm = insn_take(i, 1), reg = modrm >> 3 & 7;
	uint32_t at = insn_address(u, i, modrm), value, sel = 0;
	uint32_t eip = u->cpu.eip;

	if (IS_REGISTER(modrm) || !insn_read(u, at, &value, 4) ||
	    !insn_read(u, at + 4, &sel, 2))
		return false;
	value += stack_base(u, &sel);
	if (!insn_load_selector(u, SS, sel, i->used))
		return false;
	/* Only if it was loaded: else we are elsewhere by now. */
	if (u->cpu.eip == eip + i->used)
		u->cpu.gpr[reg] = value;
	return true;
}

static bool two_bytes(struct user *u, struct insn *i)
{
	uint8_t op = insn_take(i, 1);

	switch (op) {
	case 0x00:
		return group6(u, i);
	case 0x01:
		return group7(u, i);
	case 0x06:
		u->cpu.ts = false;
		return done(u, i);
	case 0x08:			/* was cpuid */
		cpuid_emulate(u);
		return done(u, i);
	case 0x09:			/* wbinvd */
		return done(u, i);
	case 0x20:
		return control_read(u, i);
	case 0x22:
		return control_write(u, i);
	case 0x21: case 0x23:
		return insn_mov_debug(u, i, op == 0x23);
	case 0x30:
		return msr_write(u) && done(u, i);
	case 0x32:
		return msr_read(u) && done(u, i);
	case 0x33:
		u->cpu.gpr[AX] = u->cpu.gpr[DX] = 0;
		return done(u, i);
	case 0xb2:
		return load_stack(u, i);
	}
	return false;
}

/* rep outsb is what it says; without a prefix it was pushf. */
static bool is_bare(const struct insn *i)
{
	return i->used == 1;
}

bool stock_insn(struct user *u, struct insn *i, uint8_t op)
{
	switch (op) {
	case 0xfa:
		u->direct.flag = 0;
		return done(u, i);
	case 0xfb:
		return enable(u, i);
	case 0xf4:
		return halt(u, i);
	case 0x6e:
		return is_bare(i) && push_flags(u, i);
	case 0x6c:
		return is_bare(i) && pop_flags(u, i);
	case 0x0f:
		return two_bytes(u, i);
	}
	return insn_in_out(u, i);
}
