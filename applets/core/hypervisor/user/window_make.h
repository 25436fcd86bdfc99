/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A window in the making: window_make.c says which instructions, and
 * window_move.c what becomes of each.
 */
#ifndef USER_WINDOW_MAKE_H
#define USER_WINDOW_MAKE_H

#include "insn.h"

#define MAKER_CODE	200	/* of a trampoline */
#define MAKER_BRANCHES	4

struct maker {
	struct user *u;
	struct window x;
	uint32_t end;		/* behind what has been moved so far */
	bool covers;		/* nobody shall come to what has trapped */
	uint32_t led;		/* a jump to here takes it along */
	unsigned n;		/* bytes of code */
	bool over;		/* it does not go on behind the last one */
	unsigned branches;	/* near ones: where, and to what */
	struct {
		unsigned at;
		uint32_t to;
	} branch[MAKER_BRANCHES];
	uint8_t code[MAKER_CODE];
};

/* In the kernel's own map of all memory, which window_make() has checked. */
static inline uint8_t *maker_text(const struct user *u, uint32_t va)
{
	return u->ram + (va - u->mmu.kernel);
}

/* Is what a jump takes along the kernel's way out? */
static inline bool maker_is_iret(const struct maker *m)
{
	return m->led && *maker_text(m->u, m->led) == 0xcf;
}

/* Goes on at `to`, and not behind this.  False: too many branches. */
bool window_jump(struct maker *m, uint32_t to);

/* Moves the instruction at m->end, too; or why not. */
int window_move(struct maker *m);

/* Does what ends here end in another page? */
static inline bool maker_is_beyond(const struct maker *m, uint32_t end)
{
	return (m->x.va ^ (end - 1)) & PTE_FRAME;
}

#endif
