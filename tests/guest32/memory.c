/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages, and the tables that map them. */
#include "guest32.h"

#define WINDOW		0xf0000000	/* 4 MiB for map_physical() */
#define ONES		(PTE_P | PTE_W | PTE_A | PTE_D)
#define E820_SIZE	0x2d8

/* start.S fills it in when .bss has been cleared. */
u32 boot_params;
u32 ram_size;

static u32 next_page, next_window = WINDOW;

extern char bss_end[];

void *page_get(void)
{
	void *page = virt(next_page);

	/* Old Hosts have page tables of theirs at the end. */
	if (next_page + (1 << 20) > ram_size ||
	    next_page >= KERNEL_TABLES << 22)
		power_off("the testing Guest has no memory left", 1);
	next_page += PAGE;
	return memset(page, 0, PAGE);
}

u32 pages_mark(void)
{
	return next_page;
}

void pages_release(u32 mark)
{
	next_page = mark;
}

u32 *pte_at(u32 *pgdir, u32 va)
{
	u32 *pde = &pgdir[va >> 22];

	if (!(*pde & PTE_P)) {
		*pde = phys(page_get()) | ONES | PTE_U;
		hcall(LHCALL_SET_PGD, phys(pgdir), va >> 22, 0);
	}
	return (u32 *)virt(*pde & -PAGE) + (va >> 12) % 1024;
}

void pte_set(u32 *pgdir, u32 va, u32 pte)
{
	*pte_at(pgdir, va) = pte;
	barrier();
	hcall(LHCALL_SET_PTE, phys(pgdir), va, pte);
}

void pgdir_use(u32 *pgdir)
{
#if GEN < KERNEL(3, 1, 0)
	lguest_data.pgdir = phys(pgdir);
#endif
	hcall(LHCALL_NEW_PGTABLE, phys(pgdir), 0, 0);
}

u32 *pgdir_new(void)
{
	u32 *pgdir = page_get();

	memcpy(pgdir + (PAGE_OFFSET >> 22), kernel_pgdir + (PAGE_OFFSET >> 22),
	       PAGE - (PAGE_OFFSET >> 20));
	return pgdir;
}

void *map_physical(u32 at, u32 size)
{
	u32 va = next_window;

	for (u32 off = 0; off < size; off += PAGE) {
		pte_set(kernel_pgdir, next_window,
			((at + off) & -PAGE) | ONES);
		next_window += PAGE;
	}
	return (void *)(va + at % PAGE);
}

void memory_init(void)
{
	u8 *params = virt(boot_params);

#if PC
	ram_size = ram_end(params);
#else
	memcpy(&ram_size, params + E820_SIZE, 4);
#endif
	next_page = (phys(bss_end) + PAGE - 1) & -PAGE;
	/* Shared by all directories, so there before the second one. */
	pte_at(kernel_pgdir, WINDOW);
	pte_at(kernel_pgdir, KERNEL_VA);
	/* From now on there is nothing where programs are to be. */
	memset(kernel_pgdir, 0, PAGE_OFFSET >> 20);
	hcall(LHCALL_FLUSH_TLB, 1, 0, 0);
}
