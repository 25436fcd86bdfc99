/* SPDX-License-Identifier: GPL-2.0-only */
/* Page tables, stacks and gates that lead nowhere, or in circles. */
#include "user.h"

#define BITS	(PTE_P | PTE_W | PTE_A | PTE_D)
#define SELF	0x30000000	/* where a directory maps itself */

void probe_undefined(u32);

static volatile u32 sink;

static void touch(u32 va)
{
	sink = *(volatile u32 *)va;
}

/* It need not be the end: an address is one that may not be there. */
static void told(bool did)
{
	say("SURVIVED trap %u\n", did ? trapped.vector : 0);
}

TEST(hostile, page_beyond_ram)
{
	*pte_at(kernel_pgdir, KERNEL_VA) = 0xfff00000 | BITS;
	told(trap_catch(touch, KERNEL_VA));
}

TEST(hostile, page_just_beyond)
{
	*pte_at(kernel_pgdir, KERNEL_VA) = (ram_size + (64 << 20)) | BITS;
	told(trap_catch(touch, KERNEL_VA));
}

TEST(hostile, table_beyond_ram)
{
	kernel_pgdir[SELF >> 22] = 0xfff00000 | BITS;
	told(trap_catch(touch, SELF));
}

TEST(hostile, table_large_page)
{
	kernel_pgdir[SELF >> 22] = 0x00400000 | BITS | 0x80;
	told(trap_catch(touch, SELF));
}

TEST(hostile, table_all_bits)
{
	kernel_pgdir[SELF >> 22] = ~0u;
	told(trap_catch(touch, SELF));
}

/* Linux does not, but it is allowed: the tables show up as pages. */
TEST(hostile, table_is_directory)
{
	kernel_pgdir[SELF >> 22] = phys(kernel_pgdir) | BITS | PTE_U;
	hcall(LHCALL_SET_PGD, phys(kernel_pgdir), SELF >> 22, 0);
	told(trap_catch(touch, SELF + (PAGE_OFFSET >> 10)));
	EQUAL(sink, kernel_ptes[0]);
}

/* Each entry of a directory is the directory, and we go everywhere. */
TEST(hostile, table_circle)
{
	u32 *pgdir = pgdir_new(), traps = 0;

	for (u32 i = 0; i < PAGE_OFFSET >> 22; i++)
		pgdir[i] = phys(pgdir) | BITS | PTE_U;
	pgdir_use(pgdir);
	for (u32 va = 0x10000; va < PAGE_OFFSET; va += 0x00393000)
		traps += trap_catch(touch, va);
	pgdir_use(kernel_pgdir);
	say("SURVIVED %u traps\n", traps);
}

/* A program's stack to be is taken away after it was named. */
TEST(hostile, stack_taken)
{
	struct room room;
	struct regs r;
	u32 page = phys(page_get());

	program_begin(&room);
	pte_set(room.pgdir, KERNEL_VA, page | BITS);
	hcall(LHCALL_SET_STACK, KERNEL_DS, KERNEL_VA + PAGE, 1);
	user_regs(&r, (u32)user_read);
	r.edx = 0x700000;
	pte_set(room.pgdir, KERNEL_VA, 0);
	user_run(&r);
	say("SURVIVED trap %u\n", r.vector);
}

static void stack_at(u32 esp)
{
	asm volatile("movl %0, %%esp; ud2" :: "r"(esp));
}

TEST(hostile, stack_nowhere)
{
	stack_at(0x1000);
}

TEST(hostile, stack_in_top)
{
	stack_at(0xfffffff0);
}

TEST(hostile, stack_wraps)
{
	stack_at(4);
}

/* Faults that fault: each leads to where nothing is. */
TEST(hostile, gate_nowhere)
{
	for (unsigned i = 0; i < 32; i++)
		idt_set(i, (void *)0x1000, GATE_INTERRUPT, 0);
	probe_undefined(0);
}

TEST(hostile, gate_nowhere_trap)
{
	for (unsigned i = 0; i < 32; i++)
		idt_set(i, (void *)0xfffffff0, GATE_TRAP, 0);
	probe_undefined(0);
}

TEST(hostile, gate_absent)
{
	hcall(LHCALL_LOAD_IDT_ENTRY, 6, 0, 0);
	probe_undefined(0);
}

/* A gate to itself: for ever, or until the stack's end. */
TEST(hostile, gate_circle)
{
	idt_set(6, (void *)probe_undefined, GATE_INTERRUPT, 0);
	probe_undefined(0);
}

TEST(hostile, gate_random)
{
	u32 seed = argument_number("seed", 1);

	for (unsigned i = 0; i < 256; i++) {
		seed = seed * 1664525 + 1013904223;
		/* A type that is one, or that alone would be the end. */
		hcall(LHCALL_LOAD_IDT_ENTRY, i, seed,
		      (seed * 31 & 0xffffe0ff) | 0x0e00 | (seed & 0x8100));
	}
	probe_undefined(0);
}

/* What the Host shares with us, full of nonsense. */
TEST(hostile, data_random)
{
	u32 seed = argument_number("seed", 1);
	volatile u8 *bytes = (volatile u8 *)&lguest_data;

	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < sizeof(lguest_data); i++) {
			seed = seed * 1664525 + 1013904223;
			/* Not the ring: that has its own. */
			if (i < 16 || i > offsetof(struct lguest_data,
						   reserve_mem))
				bytes[i] = seed >> 24;
		}
		hcall(LHCALL_FLUSH_TLB, 1, 0, 0);
	}
	say("SURVIVED\n");
}

TEST(hostile, halt_for_ever)
{
	lguest_data.blocked_interrupts = ~0;
	hcall(LHCALL_HALT, 0, 0, 0);
	say("SURVIVED\n");
}
