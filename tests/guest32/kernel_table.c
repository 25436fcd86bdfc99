/* SPDX-License-Identifier: GPL-2.0-only */
/* Several page tables, more than a Host keeps shadows of. */
#include "user.h"

#define TABLES		12
#define USER_VA		0x800000
#define ALL		(PTE_P | PTE_W | PTE_U)

static struct room rooms[TABLES];
static u32 *frames[TABLES];

static void rooms_make(void)
{
	for (unsigned i = 0; i < TABLES; i++) {
		program_map(pgdir_new(), &rooms[i]);
		frames[i] = page_get();
		frames[i][0] = 0x100 + i;
		*pte_at(rooms[i].pgdir, USER_VA) = phys(frames[i]) | ALL;
	}
}

static u32 read_at(u32 va)
{
	return *(volatile u32 *)va;
}

static void touch(u32 va)
{
	read_at(va);
}

TEST(kernel, tables_switched)
{
	struct regs r;

	rooms_make();
	for (unsigned turn = 0; turn < 10 * TABLES; turn++) {
		unsigned i = turn * 5 % TABLES;

		pgdir_use(rooms[i].pgdir);
		EQUAL(read_at(USER_VA), 0x100 + i);
		program_run(&r, user_read, 0, USER_VA);
		EQUAL(r.vector, 0x80);
		EQUAL(r.eax, 0x100 + i);
		program_run(&r, user_write, turn, USER_VA + 4);
		EQUAL(frames[i][1], turn);
	}
	pgdir_use(kernel_pgdir);
}

/* What the kernel maps and unmaps while one is current, all others see. */
TEST(kernel, tables_share_kernel)
{
	u32 *pages[2] = { page_get(), page_get() };

	rooms_make();
	for (unsigned i = 0; i < TABLES; i++)
		EQUAL(rooms[i].pgdir[KERNEL_VA >> 22],
		      kernel_pgdir[KERNEL_VA >> 22]);
	pages[0][0] = 0xaaaa;
	pages[1][0] = 0xbbbb;
	for (unsigned turn = 0; turn < 4; turn++) {
		u32 *page = pages[turn & 1];

		pgdir_use(rooms[turn].pgdir);
		pte_set(rooms[turn].pgdir, KERNEL_VA,
			phys(page) | PTE_P | PTE_W);
		for (unsigned i = 0; i < TABLES; i++) {
			pgdir_use(rooms[i].pgdir);
			EQUAL(read_at(KERNEL_VA), page[0]);
		}
	}
	/* Those of more than one shadow go as well. */
	pgdir_use(rooms[1].pgdir);
	pte_set(rooms[1].pgdir, KERNEL_VA, 0);
	for (unsigned i = 0; i < TABLES; i++) {
		pgdir_use(rooms[i].pgdir);
		CHECK(trap_catch(touch, KERNEL_VA));
	}
	pgdir_use(kernel_pgdir);
}

/* SET_PTE names a table, which need not be the current one. */
TEST(kernel, tables_set_other)
{
	u32 *page = page_get();

	page[0] = 0x777;
	rooms_make();
	for (unsigned i = 0; i < 4; i++) {
		pgdir_use(rooms[i].pgdir);
		EQUAL(read_at(USER_VA), 0x100 + i);
	}
	pte_set(rooms[2].pgdir, USER_VA, phys(page) | ALL);
	EQUAL(read_at(USER_VA), 0x103);
	pgdir_use(rooms[2].pgdir);
	EQUAL(read_at(USER_VA), 0x777);
	pgdir_use(rooms[1].pgdir);
	EQUAL(read_at(USER_VA), 0x101);
	pgdir_use(kernel_pgdir);
}

/* A directory's page is used again for another one. */
TEST(kernel, tables_reused)
{
	u32 *page = page_get();

	page[0] = 0x888;
	rooms_make();
	pgdir_use(rooms[0].pgdir);
	EQUAL(read_at(USER_VA), 0x100);
	pgdir_use(rooms[1].pgdir);
	/* As Linux clears one: entry by entry, each told. */
	for (u32 i = 0; i < PAGE_OFFSET >> 22; i++)
		if (rooms[0].pgdir[i]) {
			rooms[0].pgdir[i] = 0;
			hcall(LHCALL_SET_PGD, phys(rooms[0].pgdir), i, 0);
		}
	pte_set(rooms[0].pgdir, USER_VA, phys(page) | ALL);
	pgdir_use(rooms[0].pgdir);
	EQUAL(read_at(USER_VA), 0x888);
	pgdir_use(kernel_pgdir);
	CHECK(trap_catch(touch, USER_VA));
}

/* Copy on write, as after fork: one frame, read-only in both. */
TEST(kernel, tables_copy_on_write)
{
	struct regs r;

	rooms_make();
	for (unsigned i = 0; i < 2; i++) {
		pgdir_use(rooms[i].pgdir);
		pte_set(rooms[i].pgdir, USER_VA,
			phys(frames[0]) | PTE_P | PTE_U);
		program_run(&r, user_read, 0, USER_VA);
		EQUAL(r.eax, 0x100);
	}
	program_run(&r, user_write, 0x55, USER_VA);
	EQUAL(r.vector, 14);
	EQUAL(r.error, 7);
	/* The fault's answer: a copy of its own, and again. */
	memcpy(frames[1], frames[0], PAGE);
	pte_set(rooms[1].pgdir, USER_VA,
		phys(frames[1]) | ALL | PTE_A | PTE_D);
	user_run(&r);
	EQUAL(r.vector, 0x80);
	EQUAL(frames[0][0], 0x100);
	EQUAL(frames[1][0], 0x55);
	pgdir_use(rooms[0].pgdir);
	EQUAL(read_at(USER_VA), 0x100);
	pgdir_use(kernel_pgdir);
}

/* All of it by the ring, as Linux does when it is lazy. */
TEST(kernel, tables_async)
{
	rooms_make();
	for (unsigned turn = 0; turn < 2 * TABLES; turn++) {
		unsigned i = turn % TABLES;

		*pte_at(rooms[i].pgdir, USER_VA) =
			phys(frames[(i + 1) % TABLES]) | ALL;
		CHECK(hcall_async(LHCALL_SET_PTE, phys(rooms[i].pgdir),
				  USER_VA, phys(frames[(i + 1) % TABLES]) |
				  ALL));
#if GEN < KERNEL(3, 1, 0)
		lguest_data.pgdir = phys(rooms[i].pgdir);
#endif
		CHECK(hcall_async(LHCALL_NEW_PGTABLE, phys(rooms[i].pgdir), 0,
				  0));
		hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
		EQUAL(read_at(USER_VA), 0x100 + (i + 1) % TABLES);
	}
	pgdir_use(kernel_pgdir);
}
