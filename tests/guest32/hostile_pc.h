/* SPDX-License-Identifier: GPL-2.0-only */
/* What the worst of a PC's kernels have in common. */
#ifndef HOSTILE_PC_H
#define HOSTILE_PC_H

#include "user.h"

#define BITS	(PTE_P | PTE_W | PTE_A | PTE_D)

/* Chance, by the argument seed=; and how often that has trapped so far. */
extern u32 traps;
void begin(void);
u32 next(void);

void survived(void);
/* So many has a PC, with the first seed. */
void survived_as(u32 pc);

/* To read or, at an odd address, to write; to call; a step in ring 3. */
void touch(u32 at);
void jump(u32 to);
void step_program(u32 at);
/* The first always, the others now and then; to call only if `jumps`. */
void go_there(u32 va, bool jumps);

void cr3_write(u32 v);
void cr4_write(u32 v);

#endif
