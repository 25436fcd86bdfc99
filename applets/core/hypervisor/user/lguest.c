/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What makes it an lguest Guest: hypercalls, and the memory in which Guest and
 * Host tell each other of interrupts (drivers/lguest/hypercalls.c and
 * interrupts_and_traps.c of Linux 2.6.25 to 4.13).
 */
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "user.h"

enum hypercall { FLUSH_ASYNC = 0, INIT = 1, SHUTDOWN = 2, LOAD_GDT = 3,
	NEW_PGTABLE = 4, FLUSH_TLB = 5, LOAD_IDT_ENTRY = 6, SET_STACK = 7,
	SET_TS = 8, SET_CLOCKEVENT = 9, HALT = 10, SET_PMD = 13, SET_PTE = 14,
	SET_PGD = 15, LOAD_TLS = 16, NOTIFY = 17, LOAD_GDT_ENTRY = 18,
	SEND_INTERRUPTS = 19 };

#define ARGS		5	/* the number, and four of them */
#define RING		64	/* hypercalls that wait */
#define RING_FREE	0xff
#define RETRY_NS	1000000	/* until a Guest may have enabled interrupts */
#define TSC_NS_MIN	5000000	/* to measure its rate */

/* Offsets in struct lguest_data that did not change. */
enum { IRQ_ENABLED = 0, BLOCKED = 4, CR2 = 8, TIME = 12, IRQ_PENDING = 20 };

/* Those that did: 0 for none. */
static const struct layout {
	uint16_t status, hcalls, words, reserve, pgdir, noirq, noirq_iret,
		 kernel, size;
} layouts[] = {
	{ 20, 84, 4, 1108, 1116, 1120, 0, 1128, 1136 },	/* to 2.6.30 */
	{ 24, 88, 5, 1368, 1376, 1380, 0, 1388, 1396 },	/* to 3.0 */
	{ 24, 88, 5, 1368, 0, 1376, 0, 1384, 1392 },	/* to 4.0 */
	{ 24, 88, 5, 1368, 0, 0, 1376, 1380, 1388 },	/* from 4.1 */
};

static const struct layout *layout(const struct user *u)
{
	return &layouts[u->lg.layout % ARRAY_SIZE(layouts)];
}

/* The Guest's struct was found to be in RAM when it was told. */
static uint32_t *data(const struct user *u, unsigned offset)
{
	return (uint32_t *)(u->ram + u->lg.data + offset);
}

static uint32_t data_read(const struct user *u, unsigned offset)
{
	return *(volatile uint32_t *)data(u, offset);
}

static void data_write(const struct user *u, unsigned offset, uint32_t value)
{
	*(volatile uint32_t *)data(u, offset) = value;
}

/* --- interrupts -------------------------------------------------------------- */

uint32_t lguest_flag(struct user *u)
{
	return u->lg.data ? data_read(u, IRQ_ENABLED) & FLAG_IF : FLAG_IF;
}

void lguest_cr2(struct user *u, uint32_t va)
{
	if (u->lg.data)
		data_write(u, CR2, va);
}

void lguest_disable(struct user *u)
{
	if (u->lg.data)
		data_write(u, IRQ_ENABLED, 0);
}

static void set_time(struct user *u)
{
	struct timespec now;

	stub_call(SYS_clock_gettime, CLOCK_REALTIME, (long)&now, 0, 0, 0, 0);
	data_write(u, TIME, now.tv_sec);
	data_write(u, TIME + 4, now.tv_nsec);
}

/* Between enabling them and the iret that uses the frame. */
static bool in_noirq(const struct user *u)
{
	const struct cpu *c = &u->cpu;

	return direct_is_critical(c->eip) ||
	       (!u->direct.user && c->eip >= u->lg.noirq_start &&
		c->eip < u->lg.noirq_end);
}

/*
 * From 4.1 on an interrupt at the iret takes over the frame that is there,
 * instead of pushing another one on a stack that is almost empty.
 */
static bool take_over_frame(struct user *u, unsigned vector)
{
	struct cpu *c = &u->cpu;
	const uint32_t *gate = c->idt[vector];
	uint32_t flags;

	if (!layout(u)->noirq_iret || u->direct.user ||
	    c->eip != data_read(u, layout(u)->noirq_iret) ||
	    !mmu_read(u, c->gpr[SP] + 8, &flags, 4))
		return false;
	c->eflags = (flags & ~(FLAG_TF | FLAG_VM | FLAG_RF | FLAG_NT)) |
		    FLAG_IF;
	c->eip = (gate[0] & 0xffff) | (gate[1] & 0xffff0000);
	lguest_disable(u);
	return true;
}

static void deliver_irq(struct user *u, unsigned irq)
{
	unsigned vector = VECTOR_IRQ + irq;

	/* Without a gate it stays raised. */
	if (!(u->cpu.idt[vector][1] & 0x8000))
		return;
	atomic_fetch_and(&u->irqs, ~(1u << irq));
	u->n.irqs++;
	if (!take_over_frame(u, vector))
		cpu_deliver(u, vector, false, 0);
}

bool lguest_wanted(const struct user *u)
{
	return u->lg.data && u->irqs & ~data_read(u, BLOCKED);
}

void lguest_interrupt(struct user *u)
{
	uint32_t raised;

	if (!lguest_wanted(u))
		return;
	raised = u->irqs & ~data_read(u, BLOCKED);
	if (in_noirq(u)) {
		stub_timer(FD_RETRY, RETRY_NS);
		return;
	}
	if (u->cpu.halted) {
		data_write(u, IRQ_ENABLED, FLAG_IF);
		u->cpu.halted = false;
	} else if (!lguest_flag(u)) {
		if (layout(u)->words == ARGS)
			data_write(u, IRQ_PENDING, FLAG_IF);
		/* Some never say that they enabled them: we have to ask. */
		stub_timer(FD_RETRY, RETRY_NS);
		return;
	}
	deliver_irq(u, __builtin_ctz(raised));
	set_time(u);
	if (layout(u)->words == ARGS && !(raised & (raised - 1)))
		data_write(u, IRQ_PENDING, 0);
}

/* --- the first hypercall -------------------------------------------------------- */

/* Is there a struct lguest_data of this layout at gpa? */
static bool is_data(struct user *u, uint32_t gpa, const struct layout *l)
{
	const uint8_t *at = (uint8_t *)mmu_ram(u, gpa, l->size);
	uint32_t last[2];

	if (!at || gpa % 4)
		return false;
	for (unsigned i = 0; i < RING; i++)
		if (at[l->status + i] != RING_FREE)
			return false;
	memcpy(last, at + l->kernel, sizeof(last));
	return last[1] == VECTOR_SYSCALL && last[0] >= MIB(4) &&
	       last[0] < LINEAR_END && !(last[0] & (MIB(4) - 1));
}

static bool find_data(struct user *u, uint32_t gpa)
{
	for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
		if (!is_data(u, gpa, &layouts[i]))
			continue;
		u->lg.data = gpa;
		u->lg.layout = i;
		return true;
	}
	return false;
}

/* Ticks of the TSC since we started against the clock's: for once no loop. */
static uint32_t tsc_khz(const struct user *u)
{
	struct timespec now;
	uint64_t ns, ticks;

	do {
		stub_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0,
			  0, 0);
		ticks = __builtin_ia32_rdtsc() - u->tsc;
		ns = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec -
		     u->tsc_ns;
	} while (ns < TSC_NS_MIN);
	return ticks * 1000 / (ns / 1000);
}

/*
 * Up to 3.0 a Host made the first page tables, and Guests edit them: all RAM
 * at its address and at the kernel's, right below a directory.
 */
static void make_tables(struct user *u, uint32_t pgdir)
{
	uint32_t pages = u->ram_size / PAGE, tables = (pages + 1023) / 1024;
	uint32_t first = pgdir - tables * PAGE, high = u->mmu.kernel >> 22;
	uint32_t *dir = mmu_ram(u, pgdir, PAGE);
	uint32_t *ptes = mmu_ram(u, first, tables * PAGE);

	if (!dir || !ptes || pgdir < tables * PAGE) {
		stub_crash(u, CRASH_TABLE, pgdir, 0, 0);
		return;
	}
	for (uint32_t i = 0; i < pages; i++)
		ptes[i] = i * PAGE | PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D;
	for (uint32_t i = 0; i < tables; i++) {
		dir[i] = (first + i * PAGE) | PTE_P | PTE_RW | PTE_US;
		if (high + i < LINEAR_END >> 22)
			dir[high + i] = dir[i];
	}
	mmu_load(u, pgdir);
}

static void init(struct user *u, uint32_t ebx, uint32_t edx)
{
	const struct layout *l;

	if (!find_data(u, ebx)) {
		if (!find_data(u, edx)) {
			stub_crash(u, CRASH_INIT, ebx, edx, 0);
			return;
		}
		u->lg.edx_first = true;
	}
	l = layout(u);
	data_write(u, l->reserve, RESERVED);
	data_write(u, l->reserve + 4, tsc_khz(u));
	if (l->noirq) {
		u->lg.noirq_start = data_read(u, l->noirq);
		u->lg.noirq_end = data_read(u, l->noirq + 4);
	}
	set_time(u);
	u->mmu.kernel = data_read(u, l->kernel);
	/* What was mapped had the kernel's memory where it often is. */
	space_forget(u, &u->spaces[u->cur % SPACES_MAX]);
	if (l->pgdir) {
		make_tables(u, u->pgdir);
		data_write(u, l->pgdir, u->pgdir);
	}
}

/* --- descriptors ------------------------------------------------------------------ */

static void set_descriptor(struct user *u, uint32_t n, uint32_t low,
			   uint32_t high)
{
	struct cpu *c = &u->cpu;

	if (n >= GDT_ENTRIES) {
		stub_crash(u, CRASH_GDT, n, 0, 0);
		return;
	}
	if (c->gdt[n][0] == low && c->gdt[n][1] == high)
		return;
	c->gdt[n][0] = low;
	c->gdt[n][1] = high;
	c->gdt_generation++;
}

static void load_descriptors(struct user *u, uint32_t gpa, uint32_t first,
			     uint32_t n)
{
	const uint32_t *from = n <= GDT_ENTRIES ? mmu_ram(u, gpa, n * 8) :
			       NULL;

	if (!from) {
		stub_crash(u, CRASH_GDT, n, gpa, 0);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		set_descriptor(u, first + i, from[2 * i], from[2 * i + 1]);
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

/* --- all the others ---------------------------------------------------------------- */

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
		stub_timer(FD_TIMER, a[1]);
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
		 1u << SET_PGD | 1u << SEND_INTERRUPTS)

bool lguest_may_be_direct(uint32_t n)
{
	return n < 32 && DIRECT >> n & 1;
}

static bool is_direct(const struct user *u, const uint32_t a[ARGS])
{
	switch (a[0]) {
	case FLUSH_ASYNC:
	case SET_STACK:
	case SET_TS:
	case SET_CLOCKEVENT:
		return true;
	case SEND_INTERRUPTS:
		return !lguest_wanted(u);
	case FLUSH_TLB:
		return !a[1];
	case SET_PTE:
		/* The kernel's own: the stack that it returns by is there. */
		return a[2] < u->mmu.kernel;
	case SET_PGD:
		return a[2] < u->mmu.kernel >> (u->mmu.pae ? 30 : 22);
	}
	return false;
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
	const struct layout *l = layout(u);

	a[ARGS - 1] = 0;
	memcpy(a, data(u, l->hcalls + n * l->words * 4), l->words * 4);
	reorder(u, a);
}

static void hypercalls_waiting(struct user *u)
{
	const struct layout *l = layout(u);
	uint8_t ready[RING];
	/* As they were at the start: a Guest cannot keep us here. */
	memcpy(ready, data(u, l->status), RING);

	for (unsigned i = 0; i < RING; i++) {
		uint32_t n = u->lg.next_hcall % RING, a[ARGS];

		if (ready[n] == RING_FREE)
			return;
		record(u, n, a);
		u->lg.next_hcall = n + 1;
		u->n.async_hcalls++;
		hypercall(u, a);
		((volatile uint8_t *)data(u, l->status))[n] = RING_FREE;
	}
}

void lguest_hypercall(struct user *u)
{
	const uint32_t *r = u->cpu.gpr;
	uint32_t a[ARGS] = { r[AX], r[BX], r[CX], r[DX], r[SI] };

	u->n.hcalls++;
	if (!u->lg.data) {
		if (a[0] == INIT)
			init(u, r[BX], r[DX]);
		else
			stub_crash(u, CRASH_NO_INIT, a[0], 0, 0);
		return;
	}
	if (u->lg.edx_first) {
		a[1] = r[DX];
		a[2] = r[BX];
		a[3] = r[CX];
	}
	hypercalls_waiting(u);
	hypercall(u, a);
}

static bool waiting_are_direct(const struct user *u)
{
	const uint8_t *status = (uint8_t *)data(u, layout(u)->status);

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
	uint32_t a[ARGS] = { r[AX], r[BX], r[CX], r[DX], r[SI] };
	struct space *s = &u->spaces[u->cur % SPACES_MAX];

	if (!u->lg.data || u->direct.user || u->lg.edx_first ||
	    !is_direct(u, a) || !waiting_are_direct(u))
		return 1;
	/* An interrupt that could come now had better come. */
	if (lguest_wanted(u) && lguest_flag(u))
		return 1;
	u->n.direct++;
	hypercalls_waiting(u);
	hypercall(u, a);
	space_drain(u, s);
	u->direct.slow = u->cpu.ts || lguest_wanted(u);
	return 0;
}
