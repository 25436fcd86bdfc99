/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the Guest takes its machine for: lguest's Host (lguest.c, data.c), or a
 * PC (stock.c, system.c).  The CPU and the MMU ask here for what differs.
 *
 * In stubs there is nothing of the Launcher that is written, not even when it
 * starts; so these are functions, and no table of them.
 */
#ifndef USER_KIND_H
#define USER_KIND_H

#include "user.h"

#define PC_KERNEL_CS	0x60u

#define KIND(result, name, parameters, arguments)			\
	result lguest_##name parameters;				\
	result stock_##name parameters;					\
	static inline result kind_##name parameters			\
	{								\
		return u->stock ? stock_##name arguments :		\
				  lguest_##name arguments;		\
	}

/* Its gate for a vector.  False: there is none. */
KIND(bool, gate, (struct user *u, unsigned vector, uint32_t to[2]),
     (u, vector, to))

/* Where its kernel's stack begins.  False: nowhere. */
KIND(bool, stack, (struct user *u, uint32_t *sp), (u, sp))

/* Its own idea of FLAG_IF. */
KIND(uint32_t, flag, (struct user *u), (u))

/* An iret has popped it. */
KIND(void, set_flag, (struct user *u, uint32_t flags), (u, flags))

/* An interrupt gate was entered. */
KIND(void, disable, (struct user *u), (u))

/* Tells it of a page fault's address. */
KIND(void, cr2, (struct user *u, uint32_t va), (u, va))

/* Is there an interrupt that it does not block? */
KIND(bool, wanted, (struct user *u), (u))

/* Delivers one if it can be. */
KIND(void, interrupt, (struct user *u), (u))

/* Is it code of its kernel? */
KIND(bool, is_code, (struct user *u, uint32_t sel), (u, sel))

/* Its kernel's own instructions, op being the first byte behind prefixes. */
KIND(bool, insn, (struct user *u, struct insn *i, uint8_t op), (u, i, op))

/* After #UD in its kernel, the same. */
KIND(bool, undefined, (struct user *u), (u))

/* The code segment of its kernel. */
static inline uint32_t kind_kernel_cs(const struct user *u)
{
	return u->stock ? PC_KERNEL_CS : KERNEL_CS;
}

#endif
