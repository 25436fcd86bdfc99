/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs: user.c makes their room, user_code.S is what they run. */
#ifndef USER_H
#define USER_H

#include "guest32.h"

struct room {
	u32 *pgdir;
	u8 *stack, *data;	/* as the kernel sees them */
};

/* Code at USER_TEXT, a page below USER_STACK, and one at USER_DATA. */
void program_map(u32 *pgdir, struct room *room);
/* The same in a new directory, which is the current one then. */
void program_begin(struct room *room);
void program_end(void);

/* Until its first trap, which is in r. */
void program_run(struct regs *r, void (*fn)(void), u32 eax, u32 edx);

/* user_code.S: each ends in int 0x80, if nothing comes before. */
void user_nothing(void);
void user_read(void);		/* eax = *(u32 *)edx */
void user_write(void);		/* *(u32 *)edx = eax */
void user_jump(void);		/* to edx */
void user_loop(void);		/* for ever */
void user_gs(void);		/* gs = eax; eax = gs:[edx] */
void user_gs_write(void);	/* gs = ecx; gs:[edx] = eax */
void user_step(void);		/* nops */
void user_fpu_get(void);	/* *(struct *)edx: x87 and SSE */
void user_fpu_set(void);

#endif
