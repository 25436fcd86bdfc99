/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PC, as far as a kernel sees it that knows nothing of us: its CPU's tables
 * are in its own memory, and interrupts come from two 8259s (Intel SDM volume
 * 3, chapters 3 and 6).
 */
#include <string.h>

#include "insn.h"
#include "kind.h"

#define GATE_PRESENT	0x8000u
#define DESC_CODE	0x00409800u	/* 32 bits of code, present */
#define RETRY_NS	50000	/* until the CPU is not between two rings */
#define TSS_STACK	4u		/* esp0 in a TSS */

/* --- descriptor tables ------------------------------------------------ */

/* Of interrupt and trap gates; there is no other task to switch to. */
bool stock_gate(struct user *u, unsigned vector, uint32_t to[2])
{
	uint32_t at = vector * 8;

	if (at + 7 > u->sys.idt_limit || !mmu_read(u, u->sys.idt + at, to, 8))
		return false;
	return to[1] & GATE_PRESENT && (to[1] >> 8 & 0x1e) == 0xe;
}

bool stock_stack(struct user *u, uint32_t *sp)
{
	return mmu_read(u, u->sys.tss + TSS_STACK, sp, sizeof(*sp));
}

/* Kernels load programs' segments when they change to one, not before. */
static bool takes_over(const struct user *u, unsigned i)
{
	return u->direct.user || i < GDT_TLS || i >= GDT_TLS_END;
}

void stock_descriptors(struct user *u)
{
	struct cpu *c = &u->cpu;
	uint32_t gdt[GDT_ENTRIES][2], n = (u->sys.gdt_limit + 1) / 8;

	if (n > GDT_ENTRIES)
		n = GDT_ENTRIES;
	if (!mmu_read(u, u->sys.gdt, gdt, n * 8) ||
	    !memcmp(gdt, c->gdt, n * 8))
		return;
	for (unsigned i = 0; i < n; i++)
		if (takes_over(u, i) && memcmp(c->gdt[i], gdt[i], 8)) {
			memcpy(c->gdt[i], gdt[i], 8);
			c->gdt_generation++;
		}
}

bool stock_is_code(struct user *u, uint32_t sel)
{
	stock_descriptors(u);
	return sel == HOST_CS ||
	       (sel >> 3 < GDT_ENTRIES && !(sel & 7) &&
		(u->cpu.gdt[sel >> 3][1] & DESC_CODE) == DESC_CODE);
}

/* --- interrupts ------------------------------------------------------- */

uint32_t stock_flag(struct user *u)
{
	return u->direct.flag & FLAG_IF;
}

void stock_set_flag(struct user *u, uint32_t flags)
{
	u->direct.flag = flags & FLAG_IF;
}

void stock_disable(struct user *u)
{
	u->direct.flag = 0;
}

void stock_cr2(struct user *u, uint32_t va)
{
	u->direct.cr2 = va;
}

/* A CPU that was halted with interrupts off nobody will wake. */
bool stock_wanted(struct user *u)
{
	return (stock_flag(u) || !u->cpu.halted) && board_irq(u) >= 0;
}

void stock_interrupt(struct user *u)
{
	if (!stock_flag(u) || board_irq(u) < 0)
		return;
	if (direct_is_critical(u, u->cpu.eip)) {
		stub_timer(FD_RETRY, RETRY_NS, 0);
		return;
	}
	u->cpu.halted = false;
	u->n.irqs++;
	cpu_fault(u, board_acknowledge(u), false, 0);
}

/* --- text ------------------------------------------------------------- */

/* In that page of the kernel something is about to be executed. */
static void treat(struct user *u, uint32_t va, uint32_t frame)
{
	uint8_t bytes[PAGE + 2 * TEXT_AROUND] = { 0 }, *page = u->ram + frame;
	uint8_t starts[PAGE / 8] = { 0 };
	unsigned around = TEXT_AROUND, before, behind;

	if (window_owns(u, frame))
		return;

	before = mmu_read(u, va - around, bytes, around) ? around : 0;
	memcpy(bytes + around, page, PAGE);
	behind = mmu_read(u, va + PAGE, bytes + around + PAGE, around) ?
		 around : 0;
	text_treat(bytes, before, behind, u->cpu.eip - va, page,
		   !u->cpuid_faults, &u->text, starts);
	window_text(u, va, bytes + around, starts);
}

static void forget(struct user *u, uint32_t va)
{
	struct space *s = &u->spaces[u->cur % SPACES_MAX];
	uint32_t pte = space_kernel(u, va)->pte[va >> 12 & 1023];

	window_forget(u, va);
	space_unmap(u, s, va);
	*mmu_treated(u, pte) = 0;
}

/*
 * An instruction in the text that writes to its own page, if by another name:
 * for once it may.
 */
static bool writes_to_itself(struct user *u, uint32_t text, uint32_t va,
			     uint32_t frame)
{
	struct cpu *c = &u->cpu;

	if (u->direct.user || c->eip + INSN_MAX < text ||
	    c->eip >= text + PAGE)
		return false;
	window_forget(u, text);
	u->sys.stepped = text;
	c->eflags |= FLAG_TF;
	space_map(u, &u->spaces[u->cur % SPACES_MAX], va, 1,
		  frame | PTE_P | PTE_RW | (va == text ? PTE_TEXT : 0));
	return true;
}

void stock_stepped(struct user *u)
{
	u->cpu.eflags &= ~FLAG_TF;
	forget(u, u->sys.stepped);
	u->sys.stepped = 0;
}

/* At another address the kernel could still write to the page. */
static void forget_alias(struct user *u, uint32_t va, uint32_t at,
			 uint32_t frame)
{
	uint32_t pte = space_kernel(u, at)->pte[at >> 12 & 1023];

	if (at != va && pte & PTE_RW && (pte & PTE_FRAME) == frame)
		space_unmap(u, &u->spaces[u->cur % SPACES_MAX], at);
}

/* Most pages have one, if any: where the kernel has all of its memory. */
static void forget_aliases(struct user *u, uint32_t va, uint32_t frame)
{
	uint8_t *bits = &u->aliased[frame >> 15];
	uint32_t first = u->mmu.kernel, bit = 1 << (frame >> 12 & 7);

	if (!(*bits & bit)) {
		if (first + frame >= first)
			forget_alias(u, va, first + frame, frame);
		return;
	}
	*bits &= ~bit;
	for (uint32_t at = first; at >= first; at += PAGE)
		forget_alias(u, va, at, frame);
}

bool stock_text(struct user *u, uint32_t va, uint32_t frame, unsigned how)
{
	uint32_t *treated = mmu_treated(u, frame);
	bool fetch = how & PF_FETCH && !(how & PF_USER) && va >= u->mmu.kernel;

	if (how & PF_WRITE && *treated &&
	    writes_to_itself(u, *treated, va, frame))
		return true;
	/* It is written, or is somewhere else by now: it may be another. */
	if (*treated && (how & PF_WRITE || (fetch && *treated != va)))
		forget(u, *treated);
	if (fetch && *treated != va) {
		treat(u, va, frame);
		forget_aliases(u, va, frame);
		*treated = va;
	}
	return false;
}

/* ---------------------------------------------------------------------- */

/* Two of the instructions that text.c puts in place of others do not exist. */
bool stock_undefined(struct user *u)
{
	struct insn i = { 0 };

	i.n = insn_fetch(u, i.bytes, INSN_MAX);
	insn_prefixes(&i);
	return insn_take(&i, 1) == 0x0f && system_replaced(u, &i);
}

void stock_init(struct user *u)
{
	/* As the boot protocol asks for: selectors 0x10 and 0x18. */
	static const uint32_t flat[2][2] = { { 0xffff, 0x00cf9b00 },
					     { 0xffff, 0x00cf9300 } };

	memcpy(u->cpu.gdt[2], flat, sizeof(flat));
	u->sys.cr0 = 0x11;
	u->sys.overwrites = true;
	u->sys.idt_limit = 0;
	board_init(&u->board);
}
