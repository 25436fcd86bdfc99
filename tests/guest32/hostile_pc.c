/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The worst that ring 0 of a PC can do to the CPU's own registers and tables.
 * A kernel that does this may be dead; who runs it may not.
 */
#include "hostile_pc.h"

#define POOL	64		/* pages that anything may be written to */
#define FROM	0x00800000u	/* what random tables map */
#define TABLES	4

u32 traps;

static u32 seed;

u32 next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

void begin(void)
{
	seed = argument_number("seed", 1) * 2654435761u | 1;
	traps = 0;
}

void survived(void)
{
	say("SURVIVED %u traps\n", traps);
}

void survived_as(u32 pc)
{
	if (argument_number("seed", 1) == 1)
		EQUAL(traps, pc);
	survived();
}

/* --- registers ---------------------------------------------------------- */

static void cr0_write(u32 v)
{
	asm volatile("movl %0, %%cr0" :: "r"(v) : "memory");
}

void cr3_write(u32 v)
{
	asm volatile("movl %0, %%cr3" :: "r"(v) : "memory");
}

void cr4_write(u32 v)
{
	asm volatile("movl %0, %%cr4" :: "r"(v) : "memory");
}

static void dr_write(u32 v)
{
	asm volatile("movl %0, %%dr0; movl %0, %%dr3; movl %0, %%dr6;"
		     "movl %0, %%dr7; movl %%dr7, %%eax" :: "r"(v) : "eax");
}

static void msr_write(u32 v)
{
	asm volatile("wrmsr; rdmsr" :: "c"(v & 1 ? v >> 8 & 0xfff : v),
		     "a"(v), "d"(v >> 3));
}

static void tsc_read(u32 v)
{
	asm volatile("rdtsc; cpuid; rdpmc" :: "a"(v & 0x8000001f), "c"(v) :
		     "ebx", "edx");
}

/* All but what would take away the ground that we stand on. */
TEST(hostile, registers_random)
{
	begin();
	for (unsigned i = 0; i < 3000; i++) {
		traps += trap_catch(cr0_write, (next() & ~0x20000000u) |
				    0x80000031);
		traps += trap_catch(cr4_write, next() & ~0x20u);
		traps += trap_catch(dr_write, next());
		traps += trap_catch(msr_write, next());
		traps += trap_catch(tsc_read, next());
		cr0_write(0x80010033);
	}
	cr4_write(0x600);
	survived();
}

TEST(hostile, cr0_random)
{
	begin();
	for (unsigned i = 0; i < 100; i++)
		traps += trap_catch(cr0_write, next());
	survived();
}

TEST(hostile, cr3_random)
{
	begin();
	for (unsigned i = 0; i < 100; i++)
		traps += trap_catch(cr3_write, next());
	survived();
}

TEST(hostile, cr3_end)
{
	cr3_write(ram_size - 16);
	survived();
}

TEST(hostile, cr4_pae)
{
	cr4_write(0x20);
	survived();
}

TEST(hostile, no_paging)
{
	cr0_write(0x33);
	survived();
}

/* --- page tables -------------------------------------------------------- */

void touch(u32 at)
{
	volatile u32 *p = (u32 *)(at & ~3u);

	if (at & 1)
		*p = at;
	else
		(void)*p;
}

void jump(u32 to)
{
	asm volatile("pushal; call *%0; popal" :: "a"(to) : "memory");
}

void step_program(u32 at)
{
	struct regs r;

	user_regs(&r, at & ~15u);
	r.eflags = 2 | FLAG_TF;
	user_run(&r);
}

void go_there(u32 va, bool jumps)
{
	traps += trap_catch(touch, va);
	if (next() % 8)
		return;
	step_program(va);
	if (jumps)
		traps += trap_catch(jump, va);
}

/* Half the entries lead into the pool, others anywhere behind RAM. */
static u32 entry(u8 *pool, bool anywhere)
{
	u32 bits = (next() & 0xfff) | (next() & 1), at;

	at = next() % 4 ? phys(pool) + next() % POOL * PAGE :
	     ram_size + next() % 0x40000000;
	if (anywhere)
		at = next() % 8 ? next() % ram_size : next();
	return (at & -PAGE) | bits;
}

static void churn_tables(bool anywhere)
{
	u32 *pgdir = pgdir_new(), *tables[TABLES], va;
	u8 *pool = page_get();

	for (unsigned i = 1; i < POOL; i++)
		page_get();
	for (unsigned i = 0; i < TABLES; i++)
		tables[i] = page_get();
	pgdir_use(pgdir);
	for (unsigned i = 0; i < 6000; i++) {
		/* Tables, too, and the directory itself, read only. */
		pgdir[FROM / (PAGE * 1024) + next() % TABLES] =
			anywhere && next() % 4 == 0 ? entry(pool, true) :
			phys(tables[next() % TABLES]) | (next() & 0x67) | 1;
		va = FROM + next() % (TABLES << 22);
		tables[next() % TABLES][va >> 12 & 1023] = entry(pool,
								  anywhere);
		if (next() % 4 == 0)
			pgdir_use(pgdir);
		else
			hcall(LHCALL_SET_PTE, 0, va, 0);
		go_there(va, anywhere);
	}
	pgdir_use(kernel_pgdir);
}

TEST(hostile, tables_pool)
{
	begin();
	churn_tables(false);
	survived_as(4284);
}

/* Our own pages are among those: it may be the end of us. */
TEST(hostile, tables_random)
{
	begin();
	churn_tables(true);
	survived();
}

/* A directory that is its own table, and a cr3 in each page of RAM. */
TEST(hostile, cr3_anywhere)
{
	u32 *pgdir;

	begin();
	for (u32 i = 0; i < 400; i++) {
		pgdir = pgdir_new();
		pgdir[FROM >> 22] = phys(pgdir) | BITS | PTE_U;
		pgdir_use(pgdir);
		traps += trap_catch(touch, FROM + next() % (2 << 22));
		/* The directory, by way of itself. */
		*(u32 *)(FROM + (FROM >> 10) + 400) = next() & ~1u;
		pgdir_use(kernel_pgdir);
	}
	survived_as(398);
}

/* --- descriptor tables ---------------------------------------------------- */

static void load_ds(u32 sel)
{
	asm volatile("movl %0, %%ds" :: "r"(sel));
}

static void load_es(u32 sel)
{
	asm volatile("movl %0, %%es; movl %%es:0, %%eax" :: "r"(sel) : "eax");
}

static void load_gs(u32 sel)
{
	asm volatile("movl %0, %%gs; movl %%gs:4, %%eax; movl %0, %%fs" ::
		     "r"(sel) : "eax");
}

static void load_tr(u32 sel)
{
	asm volatile("ltr %w0; str %%eax; lldt %w0; sldt %%eax" ::
		     "r"(sel) : "eax");
}

static void load_ss(u32 sel)
{
	asm volatile("movl %%ss, %%ecx; movl %0, %%ss; movl %%ecx, %%ss" ::
		     "r"(sel) : "ecx");
}

static void go_far(u32 sel)
{
	asm volatile("pushl %0; pushl $1f; lretl; 1:" :: "r"(sel));
}

static void (*const loads[])(u32) = {
	load_ds, load_es, load_gs, load_ss, go_far, load_tr,
};

/* What the kernel stands on stays: entries 12, 13 and its TSS. */
static void gdt_random(void)
{
	for (unsigned i = 1; i < 32; i++)
		if (i != 12 && i != 13 && i != GATE_TSS) {
			gdt[i][0] = next();
			gdt[i][1] = next();
		}
}

TEST(hostile, segments_random)
{
	struct room room;
	struct regs r;

	begin();
	program_begin(&room);
	for (unsigned i = 0; i < 3000; i++) {
		gdt_random();
		traps += trap_catch(loads[next() % ARRAY_SIZE(loads)],
				    next() % 2 ? next() & 0xff : next());
		asm volatile("movl %0, %%ds; movl %0, %%es; lldt %w1" ::
			     "r"(KERNEL_DS), "r"(0));
		gdt_set(USER_CS >> 3, 0x0000ffff, 0x00cffb00);
		gdt_set(USER_DS >> 3, 0x0000ffff, 0x00cff300);
		gdt[GATE_TSS][1] &= ~0x200u;	/* not busy */
		asm volatile("ltr %w0" :: "r"(GATE_TSS << 3));
		program_run(&r, user_gs, next() & 0xff, USER_DATA);
	}
	program_end();
	survived();
}

static void frame_random(u32 unused)
{
	(void)unused;
	asm volatile("pushl %0; pushl %1; pushl %2; pushl %3; pushl %4; iret"
		     :: "r"(next() & 0xff), "r"(next()), "r"(next()),
		     "r"(next() & 0xff), "g"(next()));
}

/* iret to anywhere, with any flags. */
TEST(hostile, frames_random)
{
	struct regs r;

	begin();
	for (unsigned i = 0; i < 2000; i++)
		traps += trap_catch(frame_random, 0);
	for (unsigned i = 0; i < 2000; i++) {
		user_regs(&r, next());
		r.eflags = next();
		r.esp = next();
		user_run(&r);
	}
	survived_as(2000);
}

TEST(hostile, gdt_nowhere)
{
	struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) to = { 0xffff, 0xfffff000 };

	asm volatile("lgdt %0; movl %1, %%ds" :: "m"(to), "r"(KERNEL_DS));
	survived();
}

TEST(hostile, idt_nowhere)
{
	struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) to = { 0xffff, 0xfffff000 };

	asm volatile("lidt %0; ud2" :: "m"(to));
}

TEST(hostile, idt_random)
{
	begin();
	for (unsigned i = 0; i < 256; i++) {
		idt[i][0] = next();
		idt[i][1] = next();
	}
	asm volatile("sti; ud2");
}

/* A TSS that is not there, or whose stack is nowhere. */
TEST(hostile, tss_nowhere)
{
	struct room room;
	struct regs r;

	gdt[GATE_TSS][1] = 0xff0089f0;
	asm volatile("ltr %w0" :: "r"(GATE_TSS << 3));
	program_begin(&room);
	program_run(&r, user_nothing, 0, 0);
	survived();
}

TEST(hostile, tss_random)
{
	struct room room;
	struct regs r;

	begin();
	hcall(LHCALL_SET_STACK, next(), next() | 0xf0000000, 0);
	program_begin(&room);
	program_run(&r, user_nothing, 0, 0);
	survived();
}
