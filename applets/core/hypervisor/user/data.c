/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts, time, and the first hypercall, by way of struct lguest_data
 * (drivers/lguest/interrupts_and_traps.c of Linux 2.6.25 to 4.13).
 */
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "data.h"
#include "kind.h"

#define RETRY_NS	1000000	/* until a Guest may have enabled interrupts */
#define TSC_NS_MIN	5000000	/* to measure its rate */
#define SAMPLES		8

/* Offsets in struct lguest_data that did not change. */
enum { IRQ_ENABLED = 0, BLOCKED = 4, CR2 = 8, TIME = 12, IRQ_PENDING = 20 };

/* Those that did. */
static const struct layout layouts[] = {
	{ 20, 84, 4, 1108, 1116, 1120, 0, 1128, 1136 },	/* to 2.6.30 */
	{ 24, 88, 5, 1368, 1376, 1380, 0, 1388, 1396 },	/* to 3.0 */
	{ 24, 88, 5, 1368, 0, 1376, 0, 1384, 1392 },	/* to 4.0 */
	{ 24, 88, 5, 1368, 0, 0, 1376, 1380, 1388 },	/* from 4.1 */
};

const struct layout *data_layout(const struct user *u)
{
	return &layouts[u->lg.layout % ARRAY_SIZE(layouts)];
}

uint32_t *data_at(const struct user *u, unsigned offset)
{
	return (uint32_t *)(u->ram + u->lg.data + offset);
}

static uint32_t data_read(const struct user *u, unsigned offset)
{
	return *(volatile uint32_t *)data_at(u, offset);
}

static void data_write(const struct user *u, unsigned offset, uint32_t value)
{
	*(volatile uint32_t *)data_at(u, offset) = value;
}

/* --- interrupts ------------------------------------------------------- */

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

	return direct_is_critical(u, c->eip) ||
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

	if (!data_layout(u)->noirq_iret || u->direct.user ||
	    c->eip != data_read(u, data_layout(u)->noirq_iret) ||
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

bool lguest_wanted(struct user *u)
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
		stub_timer(FD_RETRY, RETRY_NS, 0);
		return;
	}
	if (u->cpu.halted) {
		data_write(u, IRQ_ENABLED, FLAG_IF);
		u->cpu.halted = false;
	} else if (!lguest_flag(u)) {
		if (data_layout(u)->words == ARGS)
			data_write(u, IRQ_PENDING, FLAG_IF);
		/* Some never say that they enabled them: we have to ask. */
		stub_timer(FD_RETRY, RETRY_NS, 0);
		return;
	}
	deliver_irq(u, __builtin_ctz(raised));
	set_time(u);
	if (data_layout(u)->words == ARGS && !(raised & (raised - 1)))
		data_write(u, IRQ_PENDING, 0);
}

/* --- the first hypercall ---------------------------------------------- */

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

void lguest_sample(uint64_t *tsc, uint64_t *ns)
{
	uint64_t best = UINT64_MAX;

	/* Somebody else may run between the two: the closest pair is it. */
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t before = __builtin_ia32_rdtsc(), took;
		struct timespec now;

		stub_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0,
			  0, 0);
		took = __builtin_ia32_rdtsc() - before;
		if (took >= best)
			continue;
		best = took;
		*tsc = before + took / 2;
		*ns = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
	}
}

/* Ticks of the TSC since we started against the clock's: for once no loop. */
static uint32_t tsc_khz(const struct user *u)
{
	uint64_t ns, tsc;

	do {
		lguest_sample(&tsc, &ns);
		ns -= u->tsc_ns;
	} while (ns < TSC_NS_MIN);
	return (tsc - u->tsc) * 1000000 / ns;
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

void data_init(struct user *u, uint32_t ebx, uint32_t edx)
{
	const struct layout *l;

	if (!find_data(u, ebx)) {
		if (!find_data(u, edx)) {
			stub_crash(u, CRASH_INIT, ebx, edx, 0);
			return;
		}
		u->lg.edx_first = true;
	}
	l = data_layout(u);
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
