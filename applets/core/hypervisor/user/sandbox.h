/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wall around a stub: what is left of a process once everything has been
 * taken away that its Guest does not need.
 */
#ifndef USER_SANDBOX_H
#define USER_SANDBOX_H

#include "user.h"

/* Where becoming a stub may end: exit statuses, probe.c has the words. */
enum step { STEP_FINE, STEP_MEMFD, STEP_MAP, STEP_LDT, STEP_SECCOMP,
	STEP_CODE, STEP_CHILD, STEP_RIGHTS, STEP_DESCRIPTORS, STEP_ALIAS,
	STEP_UNMAP };

/* In stub.c. */
void stub_handle_signals(unsigned me);

/* No capabilities, none to be had, no dumps, no terminal.  Or it exits. */
void sandbox_drop_rights(void);

/* From now on only calls on the list, and to end if may_exit; < 0: errno. */
long sandbox_filter(bool may_exit);

#endif
