/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls of lguest's Guests as hostile ones would make them: the first one
 * of all kinds, numbers and arguments out of range, and those that wait in the
 * ring.
 */
#include "../../applets/core/hypervisor/user/data.h"
#include "../../applets/core/hypervisor/user/kind.h"
#include "user_host.h"

#define RAM		MIB(2)
#define DATA		0x20000u
#define KERNEL		0xc0000000u
#define STACK		0x30000u
#define CODE		0x40000u
#define PGDIR		(RAM - PAGE)

enum { FLUSH_ASYNC, INIT, SHUTDOWN, LOAD_GDT, NEW_PGTABLE, FLUSH_TLB,
	LOAD_IDT_ENTRY, SET_STACK, SET_TS, SET_CLOCKEVENT, HALT, SET_PMD = 13,
	SET_PTE, SET_PGD, LOAD_TLS, NOTIFY, LOAD_GDT_ENTRY, SEND_INTERRUPTS };

/* struct lguest_data of four times; see include/linux/lguest.h of each. */
static const struct generation {
	unsigned status, ring, words, reserve, kernel, size;
	bool tables;		/* the Host makes the first ones */
} generations[] = {
	{ 20, 84, 4, 1108, 1128, 1136, true },
	{ 24, 88, 5, 1368, 1388, 1396, true },
	{ 24, 88, 5, 1368, 1384, 1392, false },
	{ 24, 88, 5, 1368, 1380, 1388, false },
};

static const struct generation *gen;

static void put_data(const struct generation *g, uint32_t at)
{
	gen = g;
	memset(u->ram + at, 0, g->size);
	memset(u->ram + at + g->status, 0xff, RING);
	*host_word(at + g->kernel) = KERNEL;
	*host_word(at + g->kernel + 4) = VECTOR_SYSCALL;
}

static void start(void)
{
	host_begin(RAM, false);
	lguest_sample(&u->tsc, &u->tsc_ns);
	u->pgdir = PGDIR;
	u->cpu.eip = CODE;
	u->cpu.gpr[SP] = STACK;
	u->cpu.eflags = FLAG_IF | 2;
	for (unsigned i = 0; i < SELECTORS; i++)
		u->cpu.sel[i] = HOST_DS;
	/* It is 5 ms old when it is asked how fast its clock is. */
	u->tsc_ns -= 5000000;
	u->tsc -= 5000000;
}

static void call(uint32_t n, uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t *r = u->cpu.gpr;

	r[AX] = n;
	r[BX] = a;
	r[CX] = b;
	r[DX] = c;
	r[SI] = 0;
	lguest_hypercall(u);
	u->cur = space_wanted(u) - u->spaces;
	host_drain();
}

static void begin(unsigned generation)
{
	start();
	put_data(&generations[generation], DATA);
	call(INIT, DATA, 0, 0);
	CHECK_EQ(host.crashes, 0);
	CHECK_EQ(u->lg.data, DATA);
}

static bool dies(uint32_t n, uint32_t a, uint32_t b, uint32_t c)
{
	return CRASHES(call(n, a, b, c));
}

/* --- the first one -------------------------------------------------------- */

static void started(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(generations); i++) {
		if (!u)
			start();
		memset(&u->lg, 0, sizeof(u->lg));
		memset(u->ram, 0, RAM);
		u->mmu.linear = true;
		put_data(&generations[i], DATA);
		call(INIT, DATA, 0, 0);
		CHECK_EQ(u->lg.layout, i);
		CHECK_EQ(u->mmu.kernel, KERNEL);
		CHECK_EQ(*host_word(DATA + gen->reserve), RESERVED);
		CHECK(*host_word(DATA + gen->reserve + 4) > 100000);
		CHECK_EQ(u->mmu.linear, !gen->tables);
		/* It knows the time. */
		CHECK(*host_word(DATA + 12));
		CHECK(dies(INIT, DATA, 0, 0));
		CHECK_EQ(host.crash, CRASH_TWICE);
	}
	CHECK_EQ(u->lg.edx_first, false);
}

/* The oldest order of arguments. */
static void started_by_edx(void)
{
	start();
	put_data(&generations[0], DATA);
	call(INIT, 0, 0, DATA);
	CHECK_EQ(u->lg.data, DATA);
	CHECK(u->lg.edx_first);
	call(LOAD_GDT_ENTRY, 0x1234, 0x00cf9200, 14);
	CHECK_EQ(u->cpu.gdt[14][0], 0x1234);
	CHECK_EQ(u->cpu.gdt[14][1], 0x00cf9200);
}

static bool refused(uint32_t ebx, uint32_t edx)
{
	bool dead = dies(INIT, ebx, 0, edx);

	return dead && host.crash == CRASH_INIT && !u->lg.data;
}

static void no_start(void)
{
	static const uint32_t places[] = { 0, RAM, RAM - 4, RAM - 1, UINT32_MAX,
		UINT32_MAX - 3, 0x80000000, DATA + 1, DATA + 2, DATA + 3,
		DATA - 4, DATA + 4 };
	static const uint32_t kernels[] = { 0, 1, MIB(4) - 1, MIB(2),
		KERNEL + PAGE, LINEAR_END, LINEAR_END - 1, UINT32_MAX };

	start();
	for (unsigned g = 0; g < ARRAY_SIZE(generations); g++) {
		put_data(&generations[g], DATA);
		for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
			CHECK(refused(places[i], places[i]));
		/* As far as it lies within RAM it is right. */
		put_data(&generations[g], RAM - gen->size);
		for (uint32_t at = 4; at < gen->size; at += 4)
			CHECK(refused(RAM - at, RAM - at));
		for (unsigned i = 0; i < ARRAY_SIZE(kernels); i++) {
			*host_word(DATA + gen->kernel) = kernels[i];
			CHECK(refused(DATA, 0));
		}
		*host_word(DATA + gen->kernel) = KERNEL;
		for (unsigned i = 0; i < RING; i++) {
			u->ram[DATA + gen->status + i] = i;
			CHECK(refused(DATA, 0));
			u->ram[DATA + gen->status + i] = 0xff;
		}
		*host_word(DATA + gen->kernel + 4) = 0x81;
		CHECK(refused(DATA, DATA));
	}
	put_data(&generations[3], RAM - generations[3].size);
	call(INIT, RAM - generations[3].size, 0, 0);
	CHECK_EQ(u->lg.data, RAM - generations[3].size);
}

static void too_early(void)
{
	start();
	for (unsigned n = 0; n < 256; n++) {
		if (n == INIT)
			continue;
		CHECK(dies(n, DATA, DATA, DATA));
		CHECK_EQ(host.crash, CRASH_NO_INIT);
	}
}

/* No room for the tables that the Host is to make. */
static void no_tables(void)
{
	static const uint32_t bad[] = { 0, RAM, UINT32_MAX & PTE_FRAME };

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		if (!u)
			start();
		memset(&u->lg, 0, sizeof(u->lg));
		u->pgdir = bad[i];
		put_data(&generations[1], DATA);
		CHECK(dies(INIT, DATA, 0, 0));
		CHECK_EQ(host.crash, CRASH_TABLE);
	}
}

/* --- numbers and arguments ------------------------------------------------ */

static void numbers(void)
{
	static const uint32_t numbers[] = { 11, 12, 20, 31, 32, 255, 256,
		0x80000000, UINT32_MAX };

	begin(3);
	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		CHECK(dies(numbers[i], 1, 2, 3));
		CHECK_EQ(host.crash, CRASH_HCALL);
		CHECK_EQ(host.args[0], numbers[i]);
		CHECK(!lguest_may_name(numbers[i]));
	}
}

static const uint32_t extremes[] = { 0, 1, 2, 3, 7, 31, 32, 255, 256, 1023,
	1024, PAGE - 1, PAGE, RAM - PAGE, RAM - 4, RAM - 1, RAM, RAM + 1,
	0x7fffffff, 0x80000000, KERNEL - 1, KERNEL, LINEAR_END, 0xfffff000,
	UINT32_MAX - 3, UINT32_MAX };
#define EXTREMES	ARRAY_SIZE(extremes)

/* It may end, or not; it does not touch what is none of its business. */
static void arguments(void)
{
	uint32_t cr3;
	unsigned calls = 0, ends = 0;

	begin(2);
	cr3 = 0x100000;
	*host_word(cr3 + (KERNEL >> 22) * 4) = 0x101000 | PTE_P | PTE_RW;
	call(NEW_PGTABLE, cr3, 0, 0);
	for (unsigned n = SHUTDOWN; n <= SEND_INTERRUPTS; n++)
		for (unsigned i = 0; i < EXTREMES * EXTREMES * EXTREMES; i++) {
			calls++;
			ends += dies(n, extremes[i % EXTREMES],
				     extremes[i / EXTREMES % EXTREMES],
				     extremes[i / EXTREMES / EXTREMES]);
			CHECK_EQ(u->lg.data, DATA);
			CHECK(!u->direct.user);
			CHECK(u->mmu.cr3 <= RAM - 32);
			CHECK_EQ(u->mmu.nspaces, SPACES_MAX);
			CHECK(u->mmu.nfree < LEAVES_MAX);
			if (rig_failed())
				return;
		}
	CHECK(ends > 0 && ends < calls);
}

static void descriptors(void)
{
	begin(3);
	CHECK(dies(LOAD_GDT_ENTRY, GDT_ENTRIES, 1, 2));
	CHECK_EQ(host.crash, CRASH_GDT);
	CHECK(dies(LOAD_GDT_ENTRY, UINT32_MAX, 1, 2));
	CHECK(dies(LOAD_GDT, 0, GDT_ENTRIES + 1, 0));
	CHECK(dies(LOAD_GDT, 0, 0x20000001, 0));	/* times 8 is 8 */
	CHECK(dies(LOAD_GDT, RAM - 8, 2, 0));
	CHECK(dies(LOAD_TLS, RAM - 16, 0, 0));
	CHECK(dies(LOAD_TLS, UINT32_MAX - 7, 0, 0));
	CHECK_EQ(host.crash, CRASH_GDT);
	call(LOAD_TLS, RAM - 24, 0, 0);
	call(LOAD_GDT, RAM - GDT_ENTRIES * 8, GDT_ENTRIES, 0);
	/* Its tasks are the Host's. */
	call(LOAD_GDT_ENTRY, GDT_TSS, 1, 2);
	CHECK_EQ(u->cpu.gdt[GDT_TSS][0], 0);
	call(LOAD_GDT_ENTRY, GDT_ENTRIES - 2, 1, 2);
	CHECK_EQ(u->cpu.gdt[GDT_ENTRIES - 2][1], 2);
}

static void gates(void)
{
	static const unsigned ours[] = { 2, 8, 15, 0x1f };

	begin(3);
	for (unsigned type = 0; type < 16; type++) {
		bool fine = type == 0xe || type == 0xf;

		CHECK_EQ(dies(LOAD_IDT_ENTRY, 14, 0, 0x8000 | type << 8),
			 !fine);
		CHECK(fine || host.crash == CRASH_GATE);
	}
	CHECK(dies(LOAD_IDT_ENTRY, 256, 0, 0x8e00));
	CHECK(dies(LOAD_IDT_ENTRY, 256 + 14, 0, 0));
	CHECK(dies(LOAD_IDT_ENTRY, UINT32_MAX, 0, 0));
	for (unsigned i = 0; i < ARRAY_SIZE(ours); i++) {
		call(LOAD_IDT_ENTRY, ours[i], 1, 0x8e00);
		CHECK_EQ(u->cpu.idt[ours[i]][1], 0);
	}
	/* One that is not present is none, whatever its type. */
	call(LOAD_IDT_ENTRY, 255, 1, 0x0500);
	CHECK_EQ(u->cpu.idt[255][1], 0);
}

static void stacks_and_tables(void)
{
	begin(3);
	for (unsigned rpl = 0; rpl < 4; rpl++)
		CHECK_EQ(dies(SET_STACK, 0x68 | rpl, STACK, 1), rpl != 1);
	CHECK(dies(SET_STACK, KERNEL_DS, STACK, 3));
	CHECK_EQ(host.crash, CRASH_STACK);
	CHECK(dies(NEW_PGTABLE, RAM, 0, 0));
	CHECK(dies(NEW_PGTABLE, RAM - 16, 0, 0));
	CHECK(dies(NEW_PGTABLE, UINT32_MAX, 0, 0));
	CHECK_EQ(host.crash, CRASH_TABLE);
	CHECK(u->mmu.linear);
	host.posts = 0;
	CHECK(dies(SHUTDOWN, UINT32_MAX, 7, 0));
	CHECK_EQ(host.posts, 1);
	CHECK_EQ(host.post.kind, POST_SHUTDOWN);
	CHECK_EQ(host.post.addr, UINT32_MAX);
	CHECK_EQ(host.post.value, 7);
	call(NOTIFY, UINT32_MAX, 0, 0);
	CHECK_EQ(host.post.kind, POST_IO);
	CHECK_EQ(host.post.addr, UINT32_MAX);
	call(SET_CLOCKEVENT, UINT32_MAX, 0, 0);
	CHECK_EQ(host.ns, UINT32_MAX);
	call(HALT, 0, 0, 0);
	CHECK(u->cpu.halted);
}

/* --- the ring ------------------------------------------------------------- */

static void wait_in_ring(unsigned i, uint32_t n, uint32_t a, uint32_t b,
			 uint32_t c)
{
	const uint32_t args[] = { n, a, b, c, 0 };

	memcpy(u->ram + DATA + gen->ring + i * gen->words * 4, args,
	       gen->words * 4);
	u->ram[DATA + gen->status + i] = 0;
}

static unsigned waiting(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RING; i++)
		n += u->ram[DATA + gen->status + i] != RING_FREE;
	return n;
}

/* All of them, in order, from wherever the last one was. */
static void ring_full(void)
{
	for (unsigned g = 0; g < ARRAY_SIZE(generations); g++) {
		if (u)
			munmap(u, sizeof(*u));
		begin(g);
		for (unsigned first = 0; first < 3 * RING; first += 37) {
			u->lg.next_hcall = first;
			for (unsigned i = 0; i < RING; i++)
				wait_in_ring((first + i) % RING,
					     LOAD_GDT_ENTRY, 20 + i % 8,
					     first + i, 0x9200);
			CHECK_EQ(waiting(), RING);
			call(FLUSH_ASYNC, 0, 0, 0);
			CHECK_EQ(waiting(), 0);
			CHECK_EQ(u->lg.next_hcall % RING, first % RING);
			for (unsigned i = 0; i < 8; i++)
				CHECK_EQ(u->cpu.gdt[20 + i][0],
					 first + RING - 8 +
					 (i + 8 - RING % 8) % 8);
		}
		CHECK_EQ(u->n.async_hcalls, RING * 6);
	}
}

/* It ends at the first that is free; what is behind waits on. */
static void ring_gap(void)
{
	begin(3);
	u->lg.next_hcall = RING - 2;
	wait_in_ring(RING - 2, SET_TS, 1, 0, 0);
	wait_in_ring(RING - 1, LOAD_GDT_ENTRY, 20, 5, 6);
	wait_in_ring(0, SET_TS, 0, 0, 0);
	wait_in_ring(2, SET_TS, 1, 0, 0);
	call(FLUSH_ASYNC, 0, 0, 0);
	CHECK_EQ(waiting(), 1);
	CHECK(!u->cpu.ts);
	CHECK_EQ(u->cpu.gdt[20][1], 6);
	CHECK_EQ(u->lg.next_hcall % RING, 1);
	/* Those that wait come first. */
	wait_in_ring(1, SET_TS, 0, 0, 0);
	u->ram[DATA + gen->status + 2] = RING_FREE;
	call(SET_TS, 1, 0, 0);
	CHECK(u->cpu.ts);
}

static void ring_of_garbage(void)
{
	static const uint32_t numbers[] = { INIT, 11, 20, UINT32_MAX };

	begin(3);
	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		u->lg.next_hcall = 0;
		memset(u->ram + DATA + gen->status, 0xff, RING);
		wait_in_ring(0, numbers[i], 1, 2, 3);
		CHECK(dies(FLUSH_ASYNC, 0, 0, 0));
		CHECK_EQ(host.crash, i ? CRASH_HCALL : CRASH_TWICE);
	}
	/* A counter that a stub has overwritten. */
	memset(u->ram + DATA + gen->status, 0xff, RING);
	u->lg.next_hcall = UINT32_MAX;
	wait_in_ring(RING - 1, SET_TS, 1, 0, 0);
	call(FLUSH_ASYNC, 0, 0, 0);
	CHECK(u->cpu.ts);
	CHECK_EQ(waiting(), 0);
}

/* --- the direct way ------------------------------------------------------- */

static int direct(uint32_t n, uint32_t a, uint32_t b)
{
	uint64_t r[8] = { [AX] = n, [BX] = a, [CX] = b };

	return lguest_direct(r);
}

static void directly(void)
{
	begin(3);
	u->mmu.keys[0] = u->mmu.cr3;
	for (unsigned n = 0; n < 256; n++) {
		bool fine = n == FLUSH_ASYNC || n == SET_TS || n == SET_PTE ||
			    n == FLUSH_TLB || n == SET_CLOCKEVENT ||
			    n == SET_PGD || n == SET_PMD ||
			    n == SEND_INTERRUPTS ||
			    n == LOAD_TLS || n == LOAD_IDT_ENTRY ||
			    n == LOAD_GDT_ENTRY || (n == NEW_PGTABLE &&
						    !u->mmu.linear);

		if (n != SET_STACK)
			CHECK_EQ(direct(n, 0, 0), !fine);
	}
	CHECK_EQ(host.crashes, 0);
	CHECK_EQ(direct(FLUSH_TLB, 1, 0), 0);
	u->lg.edx_first = true;		/* and that is 0 */
	CHECK_EQ(direct(SET_TS, 1, 0), 0);
	CHECK(!u->cpu.ts);
	u->lg.edx_first = false;
	CHECK_EQ(direct(SET_PTE, 0, KERNEL), 0);
	/* What waits may not be done there: then nothing is. */
	wait_in_ring(u->lg.next_hcall % RING, HALT, 0, 0, 0);
	CHECK_EQ(direct(SET_TS, 1, 0), 1);
	CHECK(!u->cpu.ts && !u->cpu.halted);
	CHECK_EQ(waiting(), 1);
	memset(u->ram + DATA + gen->status, 0xff, RING);
	u->direct.user = 1;
	CHECK_EQ(direct(SET_TS, 1, 0), 1);
	u->direct.user = 0;
	/* An interrupt that it has enabled comes first. */
	u->irqs = 1;
	*host_word(DATA) = FLAG_IF;
	CHECK_EQ(direct(SET_TS, 1, 0), 1);
	*host_word(DATA + 4) = 1;		/* blocked */
	CHECK_EQ(direct(SET_TS, 1, 0), 0);
	CHECK(u->cpu.ts && u->direct.slow);
}

/* Other tables, or other segments: not in the middle of a call. */
static void elsewhere(void)
{
	uint64_t r[8] = { [AX] = NEW_PGTABLE, [BX] = PGDIR, [SP] = STACK,
			  [SI] = 77 };
	uint32_t tls[6] = { 0xffff, 0xcff200 };
	const struct cpu *c;

	begin(3);
	c = &u->cpu;
	u->mmu.linear = false;
	u->mmu.keys[0] = u->mmu.cr3 = PGDIR;
	*host_word(PGDIR) = *host_word(PGDIR - PAGE) = CODE | 7;
	*host_word(CODE + STACK / PAGE * 4) = STACK | 0x67;
	*host_word(STACK) = KERNEL + 1234;
	space_map(u, u->spaces, STACK, 1, STACK | PTE_P | PTE_RW);
	/* The same tables again are nothing new. */
	CHECK_EQ(lguest_direct(r), 0);
	CHECK_EQ(host.resumes, 0);
	r[BX] = PGDIR - PAGE;
	CHECK(CRASHES(lguest_direct(r)));
	CHECK_EQ(host.resumes, 1);
	CHECK_EQ(u->mmu.cr3, PGDIR - PAGE);
	CHECK_EQ(c->eip, KERNEL + 1234);
	CHECK_EQ(c->gpr[SP], STACK + 8);
	CHECK_EQ(c->gpr[SI], 77);
	u->mmu.keys[0] = u->mmu.cr3;
	memcpy(u->ram + STACK + 64, tls, sizeof(tls));
	r[AX] = LOAD_TLS;
	r[BX] = STACK + 64;
	CHECK(CRASHES(lguest_direct(r)));
	CHECK_EQ(host.resumes, 2);
	CHECK_EQ(c->gdt[GDT_TLS][1], tls[1]);
	r[AX] = LOAD_GDT_ENTRY;
	r[BX] = GDT_ENTRIES - 2;
	r[DX] = tls[1];
	CHECK(CRASHES(lguest_direct(r)));
	CHECK_EQ(host.resumes, 3);
	CHECK_EQ(c->gdt[GDT_ENTRIES - 2][1], tls[1]);
	/* Without a stack in its tables it does not get far. */
	r[AX] = SET_TS;
	u->spaces[0].ldt_generation = c->gdt_generation;
	CHECK_EQ(lguest_direct(r), 0);
	r[AX] = LOAD_IDT_ENTRY;
	r[BX] = TRAP_GP;
	r[DX] = 0x8e00;
	CHECK_EQ(lguest_direct(r), 0);
	CHECK_EQ(c->idt[TRAP_GP][1], 0x8e00);
	/* Another page is its stack now, and that one it has not yet. */
	*host_word(CODE + STACK / PAGE * 4) = (STACK + PAGE) | 0x67;
	*host_word(STACK + PAGE) = KERNEL + 5678;
	r[AX] = FLUSH_TLB;
	r[BX] = 1;
	CHECK(CRASHES(lguest_direct(r)));
	CHECK_EQ(host.resumes, 4);
	CHECK_EQ(c->eip, KERNEL + 5678);
	*host_word(PGDIR - PAGE) = 0;
	CHECK_EQ(lguest_direct(r), 1);
	CHECK_EQ(host.crashes, 0);
}

/* --- interrupts ----------------------------------------------------------- */

static void interrupts(void)
{
	begin(3);
	u->mmu.kernel = KERNEL;
	u->irqs = 1 << 3 | 1 << 5;
	*host_word(DATA) = FLAG_IF;
	*host_word(DATA + 4) = 1 << 3;
	/* No gate: it stays. */
	lguest_interrupt(u);
	CHECK_EQ(u->irqs, 1 << 3 | 1 << 5);
	CHECK_EQ(u->cpu.eip, CODE);
	call(LOAD_IDT_ENTRY, VECTOR_IRQ + 5, 0x00615678, 0x12348e00);
	lguest_interrupt(u);
	CHECK_EQ(u->irqs, 1 << 3);
	CHECK_EQ(u->cpu.eip, 0x12345678);
	CHECK_EQ(u->cpu.gpr[SP], STACK - 12);
	CHECK_EQ(*host_word(STACK - 12), CODE);
	CHECK_EQ(*host_word(STACK - 8), KERNEL_CS);
	CHECK_EQ(*host_word(STACK - 4), FLAG_IF | 2);
	CHECK_EQ(*host_word(DATA), 0);
	/* Off; but a halted CPU gets it, and has them on. */
	u->irqs = 1 << 5;
	host.timers = 0;
	lguest_interrupt(u);
	CHECK_EQ(u->irqs, 1 << 5);
	CHECK_EQ(host.timers, 1);
	CHECK_EQ(*host_word(DATA + 20), FLAG_IF);
	u->cpu.halted = true;
	lguest_interrupt(u);
	CHECK(!u->cpu.halted);
	CHECK_EQ(u->irqs, 0);
	/* All blocked. */
	u->irqs = UINT32_MAX;
	*host_word(DATA + 4) = UINT32_MAX;
	CHECK(!lguest_wanted(u));
	/* A stack in nowhere. */
	u->irqs = 1 << 5;
	*host_word(DATA) = FLAG_IF;
	*host_word(DATA + 4) = 0;
	u->cpu.gpr[SP] = RAM + 8;
	CHECK(CRASHES(lguest_interrupt(u)));
	CHECK_EQ(host.crash, CRASH_STACK);
}

int main(void)
{
	RUN(started);
	RUN(started_by_edx);
	RUN(no_start);
	RUN(too_early);
	RUN(no_tables);
	RUN(numbers);
	RUN(arguments);
	RUN(descriptors);
	RUN(gates);
	RUN(stacks_and_tables);
	RUN(ring_full);
	RUN(ring_gap);
	RUN(ring_of_garbage);
	RUN(directly);
	RUN(elsewhere);
	RUN(interrupts);
	return rig_done();
}
