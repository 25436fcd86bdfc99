/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A read(2) that every signal gets us out of, also one that comes in the last
 * moment before it begins: for a Guest that runs in a blocking read(2).
 */
#ifndef INTERRUPTIBLE_H
#define INTERRUPTIBLE_H

#include "lguest.h"

/*
 * read(2), but -errno on failure; -EINTR, without having read, if
 * interruptible_wake() was called since interruptible_begin().
 */
long interruptible_read(int fd, void *buf, size_t len);

/* From here on no wake-up is forgotten. */
void interruptible_begin(void);

/* Was there one since then? */
bool interruptible_is_woken(void);

/* For signal handlers only: with the third argument of a SA_SIGINFO one. */
void interruptible_wake(void *ucontext);

#endif
