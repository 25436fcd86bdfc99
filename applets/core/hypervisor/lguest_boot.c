/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an lguest Guest finds in its memory at the start: the boot parameters
 * at address 0 with the word that it is one (hardware_subarch), and for the
 * oldest kernels page tables.
 */
#include <string.h>

#include "abi/bootparam.h"
#include "lguest.h"

#define PARAMS		0
#define CMDLINE		0x1000
#define CMDLINE_ROOM	0x1000
#define LOW_END		0x2000

#define PTE_FLAGS	7	/* present, writable, user */
#define PTES		1024	/* in a page */
#define KERNEL_PDE	768	/* where Linux has its memory, 0xc0000000 */
#define HOST_PDE	1023	/* the last one is the Host's */

/*
 * PTE pages that map all RAM, right below a page directory, below `top`.  The
 * Guest maps its memory where it wants it by copying 32 entries, and soon
 * writes to the directory there: with more than 128 MB that is only mapped if
 * we did it.
 */
static gpa_t page_tables(struct guest *g, gpa_t top)
{
	uint64_t pages = g->mem.size / LGUEST_PAGE;
	uint64_t tables = (pages + PTES - 1) / PTES;
	gpa_t pgdir = top - LGUEST_PAGE, first = pgdir - tables * LGUEST_PAGE;
	uint32_t *dir = mem_at(&g->mem, pgdir, LGUEST_PAGE);
	uint32_t *ptes = mem_at(&g->mem, first, tables * LGUEST_PAGE);

	if (!dir || !ptes || top < (tables + 1) * LGUEST_PAGE)
		die("no room for page tables: more MEM is needed");
	for (uint64_t i = 0; i < pages; i++)
		ptes[i] = i * LGUEST_PAGE | PTE_FLAGS;
	for (uint64_t i = 0; i < tables; i++) {
		dir[i] = (first + i * LGUEST_PAGE) | PTE_FLAGS;
		if (KERNEL_PDE + i < HOST_PDE)
			dir[KERNEL_PDE + i] = dir[i];
	}
	return pgdir;
}

gpa_t lguest_boot_load(struct guest *g, gpa_t *pgdir)
{
	const struct e820_range ram = { 0, g->mem.size, 1 };
	struct boot boot = {
		.params = PARAMS, .cmdline = CMDLINE,
		.cmdline_room = CMDLINE_ROOM, .low = LOW_END,
		.e820 = &ram, .ne820 = 1,
	};
	gpa_t top;

	load_linux(g, &boot);
	load_lguest_params(g, PARAMS);
	lguest.kernel = boot.kernel_start;
	top = boot.initrd_start ? boot.initrd_start : g->mem.size;
	*pgdir = 0;
	if (lguest.generation == LGUEST_PGDIR) {
		if (top - boot.kernel_end < MIB(1))
			die("no room for page tables: more MEM is needed");
		*pgdir = page_tables(g, top & ~(gpa_t)(LGUEST_PAGE - 1));
	}
	return boot.entry;
}
