/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the program that measures launchers from outside. */
#ifndef METER_H
#define METER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define NORETURN	__attribute__((noreturn))

/* Name and errno on stderr, and out. */
void fail(const char *what) NORETURN;
uint64_t now_ns(void);

/* --- counters.c: what a process and all its threads did, by perf --- */

#define COUNTERS_MAX	48

/*
 * Counts for pid, which has not started yet, and all that it forks.  What this
 * kernel cannot count is left out; false if that is everything.
 */
bool counters_open(pid_t pid);

/* Now; one number a counter, all since the start. */
void counters_read(uint64_t values[COUNTERS_MAX]);

/*
 * Prints `PREFIX KEY VALUE`, a line each, for what was counted from `a` to
 * `b`, divided by n: every call of the system by name and "calls" for all.
 */
void counters_print(const char *prefix, const uint64_t a[COUNTERS_MAX],
		    const uint64_t b[COUNTERS_MAX], uint64_t n);

/* --- slow.c --- */

/*
 * In the process that is to be slowed down: from now on its fdatasync(2) and
 * fsync(2) wait for somebody who has the descriptor that this returns.
 */
int slow_install(void);

/* Lets the next one of them go on when `ms` have passed; never returns. */
void slow_serve(int listener, unsigned ms) NORETURN;

/* --- peer.c --- */

/*
 * Answers guests' packets and streams on this address; in a process.  A guest
 * that asks whether we have looked is answered when there is a byte in the
 * pipe `looked`.
 */
pid_t peer_start(const char *address, int looked);

#endif
