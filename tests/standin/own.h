/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Guest of tests/guest32/ on this Host: own_process.c is a process in
 * which its code runs as it is, own_memory.c what that sees, own.c what ring 0
 * would do for it.
 */
#ifndef OWN_H
#define OWN_H

#include <signal.h>
#include <sys/user.h>

#include "standin.h"

#define PTE_PRESENT	1
#define NOBODY		UINT32_MAX	/* no such address */
#define LOWEST		0x10000		/* that anybody may map */

/* --- own_process.c: 32-bit code in a process --- */

/* Why this machine cannot do it, or NULL. */
const char *process_cannot(void);
/* That file is what may be mapped; nothing is yet. */
void process_start(int file);
/* Goes on from r until it is stopped by a signal: which; r is as it is then. */
int process_run(struct user_regs_struct *r, siginfo_t *why);
/* A page of the file at that address, or nothing any more from there on. */
void process_map(uint32_t va, uint32_t offset);
void process_unmap(uint32_t va, uint64_t len);
void process_end(void);

/* --- own_memory.c: what is copied between it and the Launcher --- */

void memory_start(void);
/* All that either of them changed, and nothing else. */
void memory_give(void);
void memory_take(void);
/* By the Guest's tables; NOBODY if that is not mapped. */
uint32_t memory_translate(uint32_t pgdir, uint32_t va);
/* Physical, as the Guest has it. */
uint32_t memory_word(uint32_t at);
void memory_put_word(uint32_t at, uint32_t value);
/* At most `len` bytes from va on, as far as they are mapped. */
void memory_fetch(uint32_t pgdir, uint32_t va, void *to, size_t len);
/* Maps the page of va; false if what is there is not RAM. */
bool memory_map(uint32_t va, uint32_t physical);

#endif
