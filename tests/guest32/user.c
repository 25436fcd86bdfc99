/* SPDX-License-Identifier: GPL-2.0-only */
/* Room for programs: what ring 3 may reach. */
#include "user.h"

extern char user_size[];	/* an address that is a number */

void program_map(u32 *pgdir, struct room *room)
{
	for (u32 off = 0; off < (u32)user_size; off += PAGE)
		*pte_at(pgdir, USER_TEXT + off) =
			(phys(user_image) + off) | PTE_P | PTE_U;
	room->pgdir = pgdir;
	room->stack = page_get();
	room->data = page_get();
	*pte_at(pgdir, USER_STACK - PAGE) =
		phys(room->stack) | PTE_P | PTE_W | PTE_U;
	*pte_at(pgdir, USER_DATA) = phys(room->data) | PTE_P | PTE_W | PTE_U;
}

void program_begin(struct room *room)
{
	program_map(pgdir_new(), room);
	pgdir_use(room->pgdir);
}

void program_end(void)
{
	pgdir_use(kernel_pgdir);
}

void program_run(struct regs *r, void (*fn)(void), u32 eax, u32 edx)
{
	user_regs(r, (u32)fn);
	r->eax = eax;
	r->edx = edx;
	user_run(r);
}
