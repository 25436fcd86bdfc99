/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Guest's registers, between the frame of a signal and struct cpu; only in
 * a stub.  r: gregs of the handler's ucontext_t.
 */
#ifndef USER_FRAME_H
#define USER_FRAME_H

#include <ucontext.h>

#include "user.h"

/*
 * Has it come upon the handler, or the 64-bit code of a direct path?  Then the
 * Guest's registers are elsewhere, and it has to wait until that is done.
 */
bool frame_is_host(const struct user *u, const greg_t *r);

/* To u->cpu: what stopped the Guest, and where; or the segments alone. */
void frame_take(struct user *u, int sig, const greg_t *r);
void frame_take_segments(struct user *u);

/* From u->cpu, for the handler's end, which must come next. */
void frame_give(const struct user *u, greg_t *r);

/*
 * To where the Guest is.  That is quicker than a handler's end; but signals
 * stay masked as they are, and the FPU has what is in the real registers.
 */
NORETURN void frame_leave(const struct user *u);

#endif
