/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls with arguments that make no sense, one a run: most are the end of
 * the Guest (outcomes.sh).
 */
#include "user.h"

#define NOWHERE		0xfffff000

/* The call, and if we are still there, some ordinary work. */
static void still_here(void)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	program_run(&r, user_write, 5, USER_DATA);
	EQUAL(r.vector, 0x80);
	EQUAL(((u32 *)room.data)[0], 5);
	program_end();
	say("SURVIVED\n");
}

#define HOSTILE(title, nr, a, b, c) TEST(hostile, title) \
{ \
	hcall(nr, a, b, c); \
	still_here(); \
}

static char text[128] = "no such way";

HOSTILE(hcall_11, 11, 0, 0, 0)
HOSTILE(hcall_20, 20, 0, 0, 0)
HOSTILE(hcall_minus_1, ~0u, ~0u, ~0u, ~0u)
HOSTILE(hcall_init_twice, LHCALL_LGUEST_INIT, phys(&lguest_data), 0, 0)
HOSTILE(hcall_init_nowhere, LHCALL_LGUEST_INIT, NOWHERE, 0, 0)
HOSTILE(hcall_shutdown_nowhere, LHCALL_SHUTDOWN, NOWHERE, 1, 0)
HOSTILE(hcall_shutdown_minus_1, LHCALL_SHUTDOWN, ~0u, 1, 0)
HOSTILE(hcall_shutdown_end, LHCALL_SHUTDOWN, ram_size + (2 << 20) - 10, 1, 0)
HOSTILE(hcall_shutdown_how, LHCALL_SHUTDOWN, phys(text), 77, 0)
HOSTILE(hcall_pgtable_nowhere, LHCALL_NEW_PGTABLE, NOWHERE, 0, 0)
HOSTILE(hcall_pgtable_end, LHCALL_NEW_PGTABLE, ram_size + (16 << 20), 0, 0)
HOSTILE(hcall_pgtable_zeroes, LHCALL_NEW_PGTABLE, phys(page_get()), 0, 0)
HOSTILE(hcall_flush_odd, LHCALL_FLUSH_TLB, 0xdeadbeef, 0, 0)
HOSTILE(hcall_idt_256, LHCALL_LOAD_IDT_ENTRY, 256, 0x00610000, 0xc0108e00)
HOSTILE(hcall_idt_minus_1, LHCALL_LOAD_IDT_ENTRY, ~0u, 0, 0xc0108e00)
HOSTILE(hcall_idt_task, LHCALL_LOAD_IDT_ENTRY, 6, 0x00610000, 0xc0108500)
HOSTILE(hcall_idt_call, LHCALL_LOAD_IDT_ENTRY, 6, 0x00610000, 0xc0108c00)
HOSTILE(hcall_stack_ring_0, LHCALL_SET_STACK, 0x68, (u32)trap_stack + PAGE,
	1)
HOSTILE(hcall_stack_ring_3, LHCALL_SET_STACK, 0x6b, (u32)trap_stack + PAGE,
	1)
HOSTILE(hcall_stack_pages, LHCALL_SET_STACK, KERNEL_DS,
	(u32)trap_stack + PAGE, 3)
HOSTILE(hcall_stack_many, LHCALL_SET_STACK, KERNEL_DS,
	(u32)trap_stack + PAGE, ~0u)
HOSTILE(hcall_stack_nowhere, LHCALL_SET_STACK, KERNEL_DS, 0x1000, 1)
HOSTILE(hcall_stack_top, LHCALL_SET_STACK, KERNEL_DS, ~0u, 2)
HOSTILE(hcall_clock_max, LHCALL_SET_CLOCKEVENT, ~0u, 0, 0)
HOSTILE(hcall_pte_top, LHCALL_SET_PTE, phys(kernel_pgdir), NOWHERE,
	0x100063)
HOSTILE(hcall_pte_beyond, LHCALL_SET_PTE, phys(kernel_pgdir), KERNEL_VA,
	0xfff00063)
HOSTILE(hcall_pte_beyond_later, LHCALL_SET_PTE, phys(kernel_pgdir), KERNEL_VA,
	0xfff00003)
HOSTILE(hcall_pte_no_table, LHCALL_SET_PTE, NOWHERE, USER_DATA, 0x100067)
HOSTILE(hcall_pte_odd, LHCALL_SET_PTE, 3, ~0u, ~0u)
HOSTILE(hcall_pgd_1024, LHCALL_SET_PGD, phys(kernel_pgdir), 1024, 0)
HOSTILE(hcall_pgd_minus_1, LHCALL_SET_PGD, phys(kernel_pgdir), ~0u, 0)
HOSTILE(hcall_pgd_top, LHCALL_SET_PGD, phys(kernel_pgdir), 1023, 0)
HOSTILE(hcall_pgd_no_table, LHCALL_SET_PGD, NOWHERE, 5, 0)
HOSTILE(hcall_tls_nowhere, LHCALL_LOAD_TLS, NOWHERE, 0, 0)
HOSTILE(hcall_tls_minus_1, LHCALL_LOAD_TLS, ~0u, 0, 0)
HOSTILE(hcall_tls_cpu, LHCALL_LOAD_TLS, phys(text), 99, 0)
#if GEN < KERNEL(2, 6, 30)
HOSTILE(hcall_gdt_nowhere, LHCALL_LOAD_GDT, NOWHERE, 32, 0)
HOSTILE(hcall_gdt_33, LHCALL_LOAD_GDT, phys(text), 33, 0)
HOSTILE(hcall_gdt_minus_1, LHCALL_LOAD_GDT, phys(text), ~0u, 0)
#else
HOSTILE(hcall_gdt_nowhere, LHCALL_LOAD_GDT_ENTRY, 0x1f000000, 0, 0)
HOSTILE(hcall_gdt_33, LHCALL_LOAD_GDT_ENTRY, 32, 0, 0)
HOSTILE(hcall_gdt_minus_1, LHCALL_LOAD_GDT_ENTRY, ~0u, 0, 0)
#endif
#if GEN < KERNEL(4, 0, 0)
HOSTILE(hcall_notify_nowhere, LHCALL_NOTIFY, NOWHERE, 0, 0)
HOSTILE(hcall_notify_minus_1, LHCALL_NOTIFY, ~0u, 0, 0)
#else
HOSTILE(hcall_notify_nowhere, LHCALL_NOTIFY, NOWHERE, 0, 0)
HOSTILE(hcall_notify_minus_1, LHCALL_NOTIFY, ~0u, 0, 0)
#endif

/* Numbers and arguments of all kinds, 64 at a time. */
TEST(hostile, hcall_ring_random)
{
	u32 seed = argument_number("seed", 1);

	for (unsigned i = 0; i < RING; i++) {
		seed = seed * 1664525 + 1013904223;
		hcall_async(seed >> 27, seed ^ seed << 7, seed >> 3, seed);
	}
	hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
	still_here();
}

/* Not ready, not free, none of both: what is not 0xff is taken. */
TEST(hostile, hcall_ring_status)
{
	for (unsigned i = 0; i < RING; i++) {
		hcall_async(LHCALL_FLUSH_ASYNC, 0, 0, 0);
		lguest_data.hcall_status[i] = 3 * i + 1;
	}
	hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
	still_here();
}

/* A segment for ring 3 that is code of the 64-bit kind, or a call gate. */
TEST(hostile, hcall_gdt_kinds)
{
	for (u32 type = 0; type < 32; type++) {
		gdt_set(27, 0x0000ffff, 0x00af8000 | type << 8);
		gdt_set(29, 0x0061ffff, 0xc0108000 | type << 8 | 3 << 13);
	}
	gdt_set(27, 0, 0);
	gdt_set(29, 0, 0);
	still_here();
}
