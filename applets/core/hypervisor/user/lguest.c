/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What makes it an lguest Guest: its hypercalls (drivers/lguest/hypercalls.c
 * of Linux 2.6.25 to 4.13).
 */
#include <string.h>

#include "data.h"
#include "kind.h"
#include "insn.h"

enum hypercall { FLUSH_ASYNC = 0, INIT = 1, SHUTDOWN = 2, LOAD_GDT = 3,
	NEW_PGTABLE = 4, FLUSH_TLB = 5, LOAD_IDT_ENTRY = 6, SET_STACK = 7,
	SET_TS = 8, SET_CLOCKEVENT = 9, HALT = 10, SET_PMD = 13, SET_PTE = 14,
	SET_PGD = 15, LOAD_TLS = 16, NOTIFY = 17, LOAD_GDT_ENTRY = 18,
	SEND_INTERRUPTS = 19 };

/* --- descriptors ------------------------------------------------------ */

static void set_descriptor(struct user *u, uint32_t n, uint32_t low,
			   uint32_t high)
{
	struct cpu *c = &u->cpu;

	if (n >= GDT_ENTRIES) {
		stub_crash(u, CRASH_GDT, n, 0, 0);
		return;
	}
	/* The Host's own, which Guests write to as all others. */
	if (n == 10 || n == 11 || n == GDT_TSS || n == GDT_DOUBLE_FAULT)
		return;
	if (c->gdt[n][0] == low && c->gdt[n][1] == high)
		return;
	c->gdt[n][0] = low;
	c->gdt[n][1] = high;
	c->gdt_generation++;
}

static void load_descriptors(struct user *u, uint32_t gpa, uint32_t first,
			     uint32_t n)
{
	/* It may lie at any byte. */
	const uint8_t *from = n <= GDT_ENTRIES ?
			      (uint8_t *)mmu_ram(u, gpa, n * 8) : NULL;
	uint32_t d[2];

	if (!from) {
		stub_crash(u, CRASH_GDT, n, gpa, 0);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		memcpy(d, from + i * sizeof(d), sizeof(d));
		set_descriptor(u, first + i, d[0], d[1]);
	}
}

static void set_gate(struct user *u, uint32_t n, uint32_t low, uint32_t high)
{
	uint32_t *gate = u->cpu.idt[n & 255], type = high >> 8 & 0xf;

	/* NMI, double fault and a reserved one; and our own. */
	if (n == 2 || n == 8 || n == 15 || n == 0x1f)
		return;
	if (n > 255 || (high & 0x8000 && type != 0xe && type != 0xf)) {
		stub_crash(u, CRASH_GATE, n, high, 0);
		return;
	}
	gate[0] = low;
	gate[1] = high & 0x8000 ? high : 0;
	if (n == VECTOR_SYSCALL)
		direct_syscall(u, gate);
}

/* --- all the others --------------------------------------------------- */

static void shutdown(struct user *u, uint32_t text, uint32_t how)
{
	u->post = (struct post){ .kind = POST_SHUTDOWN, .addr = text,
				 .value = how };
	stub_post(u);
	stub_crash(u, CRASH_HCALL, SHUTDOWN, how, 0);
}

/* A kick is only noted; what changes a device has to have happened. */
static void notify(struct user *u, uint32_t gpa)
{
	struct post post = { .kind = POST_IO, .mmio = true, .write = true,
			     .width = 4, .addr = gpa };

	if (gpa)
		cpu_io(u, &post);
}

static void set_stack(struct user *u, uint32_t ss, uint32_t sp, uint32_t pages)
{
	if ((ss & 3) != 1 || pages > 2)
		stub_crash(u, CRASH_STACK, sp, ss, pages);
	u->direct.stack = sp;
}

static void hypercall(struct user *u, const uint32_t a[ARGS])
{
	switch (a[0]) {
	case FLUSH_ASYNC:
	case SEND_INTERRUPTS:
		return;
	case INIT:
		stub_crash(u, CRASH_TWICE, 0, 0, 0);
		return;
	case SHUTDOWN:
		shutdown(u, a[1], a[2]);
		return;
	case LOAD_GDT:
		load_descriptors(u, a[1], 0, a[2]);
		return;
	case NEW_PGTABLE:
		mmu_load(u, a[1]);
		return;
	case FLUSH_TLB:
		if (a[1])
			mmu_flush_all(u);
		else
			mmu_flush_user(u);
		return;
	case LOAD_IDT_ENTRY:
		set_gate(u, a[1], a[2], a[3]);
		return;
	case SET_STACK:
		set_stack(u, a[1], a[2], a[3]);
		return;
	case SET_TS:
		u->cpu.ts = a[1];
		return;
	case SET_CLOCKEVENT:
		stub_timer(FD_TIMER, a[1], 0);
		return;
	case HALT:
		u->cpu.halted = true;
		return;
	case SET_PTE:
		mmu_set_pte(u, a[1], a[2]);
		return;
	case SET_PMD:		/* of PAE: which one, we would have to find */
		mmu_flush_all(u);
		return;
	case SET_PGD:
		mmu_set_table(u, a[1], a[2]);
		return;
	case LOAD_TLS:
		load_descriptors(u, a[1], GDT_TLS, 3);
		return;
	case NOTIFY:
		notify(u, a[1]);
		return;
	case LOAD_GDT_ENTRY:
		set_descriptor(u, a[1], a[2], a[3]);
		return;
	}
	stub_crash(u, CRASH_HCALL, a[0], 0, 0);
}

/* Which of them a stub can do in the middle of the Guest's code. */
#define DIRECT	(1u << FLUSH_ASYNC | 1u << FLUSH_TLB | 1u << SET_STACK | \
		 1u << SET_TS | 1u << SET_CLOCKEVENT | 1u << SET_PTE | \
		 1u << SET_PGD | 1u << SET_PMD | 1u << SEND_INTERRUPTS | \
		 1u << NEW_PGTABLE | 1u << LOAD_TLS | 1u << LOAD_IDT_ENTRY | \
		 1u << LOAD_GDT_ENTRY)

static bool may_be_direct(uint32_t n)
{
	return n < 32 && DIRECT >> n & 1;
}

/* With their first tables, kernels are not yet where they will be. */
bool lguest_may_name(uint32_t n)
{
	return may_be_direct(n) && n != NEW_PGTABLE;
}

static bool is_direct(struct user *u, const uint32_t a[ARGS])
{
	if (!may_be_direct(a[0]))
		return false;
	switch (a[0]) {
	case SEND_INTERRUPTS:
		return !lguest_wanted(u);
	case NEW_PGTABLE:
		return !u->mmu.linear;
	}
	return true;
}

/* The records of 2.6.29 and before have the first argument last. */
static void reorder(const struct user *u, uint32_t a[ARGS])
{
	uint32_t first = a[3];

	if (!u->lg.edx_first)
		return;
	a[3] = a[2];
	a[2] = a[1];
	a[1] = first;
}

static void record(const struct user *u, unsigned n, uint32_t a[ARGS])
{
	const struct layout *l = data_layout(u);

	a[ARGS - 1] = 0;
	memcpy(a, data_at(u, l->hcalls + n * l->words * 4), l->words * 4);
	reorder(u, a);
}

static void hypercalls_waiting(struct user *u)
{
	const struct layout *l = data_layout(u);
	uint8_t ready[RING];
	/* As they were at the start: a Guest cannot keep us here. */
	memcpy(ready, data_at(u, l->status), RING);

	for (unsigned i = 0; i < RING; i++) {
		uint32_t n = u->lg.next_hcall % RING, a[ARGS];

		if (ready[n] == RING_FREE)
			return;
		record(u, n, a);
		u->lg.next_hcall = n + 1;
		u->n.async_hcalls++;
		hypercall(u, a);
		((volatile uint8_t *)data_at(u, l->status))[n] = RING_FREE;
	}
}

/* 2.6.29 and before have another order here, too. */
static void arguments(const struct user *u, uint32_t a[ARGS])
{
	const uint32_t *r = u->cpu.gpr;
	bool old = u->lg.edx_first;

	a[0] = r[AX];
	a[1] = old ? r[DX] : r[BX];
	a[2] = old ? r[BX] : r[CX];
	a[3] = old ? r[CX] : r[DX];
	a[4] = r[SI];
}

void lguest_hypercall(struct user *u)
{
	const uint32_t *r = u->cpu.gpr;
	uint32_t a[ARGS];

	u->n.hcalls++;
	if (!u->lg.data) {
		if (r[AX] == INIT)
			data_init(u, r[BX], r[DX]);
		else
			stub_crash(u, CRASH_NO_INIT, r[AX], 0, 0);
		return;
	}
	arguments(u, a);
	hypercalls_waiting(u);
	hypercall(u, a);
}

static bool waiting_are_direct(struct user *u)
{
	const uint8_t *status = (uint8_t *)data_at(u, data_layout(u)->status);

	for (unsigned i = 0; i < RING; i++) {
		uint32_t n = (u->lg.next_hcall + i) % RING, a[ARGS];

		if (status[n] == RING_FREE)
			break;
		record(u, n, a);
		if (!is_direct(u, a))
			return false;
	}
	return true;
}

int lguest_direct(const uint64_t *r)
{
	struct user *u = USER;
	struct cpu *c = &u->cpu;
	uint32_t a[ARGS], back;
	struct space *s = &u->spaces[u->cur % SPACES_MAX];

	for (unsigned i = 0; i < 8; i++)
		c->gpr[i] = r[i];
	arguments(u, a);
	/* By its tables it may have no stack any more: the end, by a trap. */
	if (!u->lg.data || u->direct.user || !is_direct(u, a) ||
	    !waiting_are_direct(u) || !mmu_read(u, c->gpr[SP], &back, 4))
		return 1;
	/* An interrupt that could come now had better come. */
	if (lguest_wanted(u) && lguest_flag(u))
		return 1;
	u->n.direct++;
	hypercalls_waiting(u);
	hypercall(u, a);
	if (u->mmu.keys[space_index(u, s)] != u->mmu.cr3 ||
	    c->gdt_generation != s->ldt_generation ||
	    (!u->mmu.linear && !space_get(u, s, c->gpr[SP]))) {
		/*
		 * Another stub's turn, other segments, or the stack that we
		 * would return by was taken away: to who called.
		 */
		c->eip = back;
		c->gpr[SP] += 8;
		c->eflags = 2;	/* no carry: it is done */
		stub_resume(u);
	}
	space_drain(u, s);
	u->direct.slow = c->ts || lguest_wanted(u);
	return 0;
}

/* --- the kind of machine that it is ----------------------------------- */

bool lguest_gate(struct user *u, unsigned vector, uint32_t to[2])
{
	memcpy(to, u->cpu.idt[vector & 255], sizeof(u->cpu.idt[0]));
	return to[1];
}

bool lguest_stack(struct user *u, uint32_t *sp)
{
	*sp = u->direct.stack;
	return true;
}

/* Kernels keep it where they want it before they come to an iret. */
void lguest_set_flag(struct user *u, uint32_t flags)
{
	(void)u, (void)flags;
}

/* There is one segment of it. */
bool lguest_is_code(struct user *u, uint32_t sel)
{
	(void)u;
	return sel == KERNEL_CS || sel == HOST_CS;
}

/* vmcall. */
bool lguest_undefined(struct user *u)
{
	uint8_t insn[3] = { 0 };

	insn_fetch(u, insn, sizeof(insn));
	if (insn[0] != 0x0f || insn[1] != 0x01 || insn[2] != 0xc1)
		return false;
	u->cpu.eip += 3;
	lguest_hypercall(u);
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
		c->gpr[insn_take(i, 1) & 7] = 0;
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

/* Whatever else ring 1 may not do either, it does by hypercalls. */
bool lguest_insn(struct user *u, struct insn *i, uint8_t op)
{
	if (op == 0x0f) {
		op = insn_take(i, 1);
		if (op == 0x21 || op == 0x23)
			return insn_mov_debug(u, i, op == 0x23);
		return early(u, i, op);
	}
	if (op != 0xfa)
		return insn_in_out(u, i);
	u->cpu.eip += i->used;	/* cli: real interrupts stay on regardless */
	return true;
}
