/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wall around a stub: what is left of a process once everything has been
 * taken away that its Guest does not need.
 */
#ifndef USER_SANDBOX_H
#define USER_SANDBOX_H

#include "user.h"

/* In stub.c. */
void stub_handle_signals(unsigned me);

/*
 * On the handler's stack, before the Guest's first instruction: gives back all
 * memory but our program's text, struct user and RAM, and then all rights to
 * ask the Host for anything but what filter says.
 */
void sandbox_enter(struct user *u);

#endif
