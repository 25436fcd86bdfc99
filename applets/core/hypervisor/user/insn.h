/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An instruction of the Guest's, as it is read from left to right.
 */
#ifndef USER_INSN_H
#define USER_INSN_H

#include "access.h"
#include "user.h"

struct insn {
	uint8_t bytes[INSN_MAX];
	unsigned n, used;
	unsigned size;		/* of operands: 4, or 2 behind 0x66 */
	uint8_t segment;	/* prefix, 0: none */
	bool repeat;		/* f3 */
};

/* The next n bytes; behind the end there are zeros. */
uint32_t insn_take(struct insn *i, unsigned n);

/* Steps over all prefixes. */
void insn_prefixes(struct insn *i);

/* The linear address that ModRM means, which is not a register. */
uint32_t insn_address(const struct user *u, struct insn *i, uint8_t modrm);

/* Done, if only by a fault. */
bool insn_load_selector(struct user *u, unsigned sreg, uint32_t sel,
			unsigned length);

/* The operands of this ring.  False: a hole, and nothing was done. */
bool insn_read(struct user *u, uint32_t va, void *to, uint32_t n);
bool insn_write(struct user *u, uint32_t va, const void *from, uint32_t n);

/* A debug register from (load) or to another, behind 0f 21 and 0f 23. */
bool insn_mov_debug(struct user *u, struct insn *i, bool load);

/* control.c: a register from one of them, or the reverse. */
bool control_read(struct user *u, struct insn *i);
bool control_write(struct user *u, struct insn *i);

/* in and out. */
bool insn_in_out(struct user *u, const struct insn *i);

#endif
