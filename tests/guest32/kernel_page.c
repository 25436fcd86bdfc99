/* SPDX-License-Identifier: GPL-2.0-only */
/* Page faults, and what the Host writes into page tables. */
#include "user.h"

#define USER_VA		0x800000
#define ALL		(PTE_P | PTE_W | PTE_U)

static volatile u32 sink;

static void kernel_read(u32 va)
{
	sink = *(volatile u32 *)va;
}

static void kernel_write(u32 va)
{
	*(volatile u32 *)va = 0x600dda7a;
}

static void expect_fault(bool did, const struct regs *r, u32 va, u32 error)
{
	if (!did || r->vector != 14)
		fail("0x%x: trap %u error 0x%x", va, did ? r->vector : 0,
		     r->error);
	else if (r->error != error || trapped_cr2 != va)
		fail("0x%x: error 0x%x at 0x%x, not 0x%x", va, r->error,
		     trapped_cr2, error);
}

TEST(kernel, fault_in_kernel)
{
	u32 *pte = pte_at(kernel_pgdir, KERNEL_VA);

	expect_fault(trap_catch(kernel_read, KERNEL_VA), &trapped,
		     KERNEL_VA, 0);
	expect_fault(trap_catch(kernel_write, KERNEL_VA + 0xffc), &trapped,
		     KERNEL_VA + 0xffc, 2);
	/* Read-only is so for the kernel too. */
	pte_set(kernel_pgdir, KERNEL_VA, phys(page_get()) | PTE_P);
	CHECK(!trap_catch(kernel_read, KERNEL_VA));
	expect_fault(trap_catch(kernel_write, KERNEL_VA + 8), &trapped,
		     KERNEL_VA + 8, 3);
	EQUAL(*pte & (PTE_D | PTE_A), PTE_A);
	pte_set(kernel_pgdir, KERNEL_VA, 0);
	expect_fault(trap_catch(kernel_read, KERNEL_VA), &trapped,
		     KERNEL_VA, 0);
}

TEST(kernel, fault_in_user)
{
	static const struct {
		void (*fn)(void);
		u32 va, error;
	} rows[] = {
		{ user_read, USER_VA, 4 },
		{ user_write, USER_VA + 4, 6 },
		{ user_read, PAGE_OFFSET + 0x100000, 5 },
		{ user_write, PAGE_OFFSET + 0x100000, 7 },
		{ user_write, USER_TEXT, 7 },
		{ user_read, 0, 4 },
		{ user_read, 0xbffffffc, 4 },
	};
	struct room room;
	struct regs r;

	program_begin(&room);
	/* Not touched before, some Hosts call it absent. */
	kernel_read(PAGE_OFFSET + 0x100000);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		program_run(&r, rows[i].fn, 0, rows[i].va);
		expect_fault(true, &r, rows[i].va, rows[i].error);
		EQUAL(r.eip, (u32)rows[i].fn);
	}
	/* Where there is nothing to execute. */
	program_run(&r, user_jump, 0, USER_VA);
	expect_fault(true, &r, USER_VA, 4);
	EQUAL(r.eip, USER_VA);
	program_end();
}

/* An access over a page's end faults at the first byte that is missing. */
TEST(kernel, fault_across_pages)
{
	pte_set(kernel_pgdir, KERNEL_VA, phys(page_get()) | PTE_P | PTE_W);
	pte_set(kernel_pgdir, KERNEL_VA + PAGE, 0);
	expect_fault(trap_catch(kernel_read, KERNEL_VA + PAGE - 2), &trapped,
		     KERNEL_VA + PAGE, 0);
	expect_fault(trap_catch(kernel_write, KERNEL_VA + PAGE - 1), &trapped,
		     KERNEL_VA + PAGE, 2);
	pte_set(kernel_pgdir, KERNEL_VA, 0);
}

TEST(kernel, accessed_and_dirty)
{
	u32 *pte = pte_at(kernel_pgdir, KERNEL_VA);
	u32 page = phys(page_get());

	for (unsigned round = 0; round < 3; round++) {
		pte_set(kernel_pgdir, KERNEL_VA, page | PTE_P | PTE_W);
		CHECK(!(*pte & (PTE_A | PTE_D)));
		kernel_read(KERNEL_VA);
		EQUAL(*pte, page | PTE_P | PTE_W | PTE_A);
		kernel_write(KERNEL_VA);
		EQUAL(*pte, page | PTE_P | PTE_W | PTE_A | PTE_D);
		EQUAL(*(u32 *)virt(page), 0x600dda7a);
	}
	/* A write alone sets both. */
	pte_set(kernel_pgdir, KERNEL_VA, page | PTE_P | PTE_W);
	kernel_write(KERNEL_VA);
	EQUAL(*pte, page | PTE_P | PTE_W | PTE_A | PTE_D);
	pte_set(kernel_pgdir, KERNEL_VA, 0);
}

TEST(kernel, accessed_by_user)
{
	struct room room;
	struct regs r;
	u32 *pte, page = phys(page_get());

	program_begin(&room);
	pte = pte_at(room.pgdir, USER_VA);
	pte_set(room.pgdir, USER_VA, page | ALL);
	program_run(&r, user_read, 0, USER_VA);
	EQUAL(r.vector, 0x80);
	EQUAL(*pte, page | ALL | PTE_A);
	program_run(&r, user_write, 7, USER_VA + 8);
	EQUAL(r.vector, 0x80);
	EQUAL(*pte, page | ALL | PTE_A | PTE_D);
	EQUAL(((u32 *)virt(page))[2], 7);
	/* The kernel reaches it there as well. */
	EQUAL(*(u32 *)(USER_VA + 8), 7);
	program_end();
}

/* From not present to present nothing has to be told. */
TEST(kernel, page_comes)
{
	u32 *pte = pte_at(kernel_pgdir, KERNEL_VA + 5 * PAGE);
	u32 *page = page_get();

	page[0] = 0xc0de;
	CHECK(trap_catch(kernel_read, KERNEL_VA + 5 * PAGE));
	*pte = phys(page) | PTE_P | PTE_W;
	barrier();
	CHECK(!trap_catch(kernel_read, KERNEL_VA + 5 * PAGE));
	EQUAL(sink, 0xc0de);
	pte_set(kernel_pgdir, KERNEL_VA + 5 * PAGE, 0);
}

/* Told by SET_PTE, as "this is it" and as "forget what you know". */
TEST(kernel, page_changes)
{
	u32 *pte = pte_at(kernel_pgdir, KERNEL_VA), *pages[8];

	for (unsigned i = 0; i < 8; i++) {
		pages[i] = page_get();
		pages[i][0] = 0x1000 + i;
	}
	for (unsigned i = 0; i < 8; i++) {
		u32 bits = PTE_P | PTE_W | (i & 1 ? PTE_A | PTE_D : 0);

		*pte = phys(pages[i]) | bits;
		barrier();
		hcall(LHCALL_SET_PTE, phys(kernel_pgdir), KERNEL_VA,
		      i & 2 ? 0 : *pte);
		EQUAL(*(volatile u32 *)KERNEL_VA, 0x1000 + i);
		*(volatile u32 *)(KERNEL_VA + 4) = i;
		EQUAL(pages[i][1], i);
	}
	pte_set(kernel_pgdir, KERNEL_VA, 0);
	CHECK(trap_catch(kernel_read, KERNEL_VA));
}

TEST(kernel, flush_all)
{
	u32 *pte = pte_at(kernel_pgdir, KERNEL_VA), *a = page_get(),
	    *b = page_get();

	a[0] = 1;
	b[0] = 2;
	pte_set(kernel_pgdir, KERNEL_VA, phys(a) | PTE_P | PTE_W);
	EQUAL(*(volatile u32 *)KERNEL_VA, 1);
	*pte = phys(b) | PTE_P | PTE_W;
	hcall(LHCALL_FLUSH_TLB, 1, 0, 0);
	EQUAL(*(volatile u32 *)KERNEL_VA, 2);
	*pte = phys(b) | PTE_P;
	hcall(LHCALL_FLUSH_TLB, 1, 0, 0);
	/* Not read before, old Hosts call it absent. */
	EQUAL(*(volatile u32 *)KERNEL_VA, 2);
	expect_fault(trap_catch(kernel_write, KERNEL_VA), &trapped,
		     KERNEL_VA, 3);
	*pte = 0;
	hcall(LHCALL_FLUSH_TLB, 1, 0, 0);
	CHECK(trap_catch(kernel_read, KERNEL_VA));
}

TEST(kernel, flush_user)
{
	struct room room;
	u32 *pte, *a = page_get(), *b = page_get();

	a[0] = 1;
	b[0] = 2;
	program_begin(&room);
	pte = pte_at(room.pgdir, USER_VA);
	*pte = phys(a) | ALL;
	EQUAL(*(volatile u32 *)USER_VA, 1);
	*pte = phys(b) | ALL;
	hcall(LHCALL_FLUSH_TLB, 0, 0, 0);
	EQUAL(*(volatile u32 *)USER_VA, 2);
	*pte = 0;
	hcall(LHCALL_FLUSH_TLB, 0, 0, 0);
	CHECK(trap_catch(kernel_read, USER_VA));
	program_end();
}

/* A table taken away, and another one put there. */
TEST(kernel, directory_entry)
{
	struct room room;
	struct regs r;
	u32 *pde, *table = page_get(), *page = page_get();

	program_begin(&room);
	pte_set(room.pgdir, USER_VA, phys(page_get()) | ALL);
	pde = &room.pgdir[USER_VA >> 22];
	program_run(&r, user_write, 1, USER_VA);
	EQUAL(r.vector, 0x80);
	*pde = 0;
	hcall(LHCALL_SET_PGD, phys(room.pgdir), USER_VA >> 22, 0);
	program_run(&r, user_read, 1, USER_VA);
	expect_fault(true, &r, USER_VA, 4);
	page[0] = 0x3333;
	table[0] = phys(page) | ALL;
	*pde = phys(table) | ALL | PTE_A;
	hcall(LHCALL_SET_PGD, phys(room.pgdir), USER_VA >> 22, 0);
	program_run(&r, user_read, 1, USER_VA);
	EQUAL(r.vector, 0x80);
	EQUAL(r.eax, 0x3333);
	program_end();
}
