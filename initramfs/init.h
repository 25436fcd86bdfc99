/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of /init share. */
#ifndef INIT_H
#define INIT_H

#include <stdbool.h>
#include <stddef.h>

#define PRINTF(f, a)	__attribute__((format(printf, f, a)))

/* One line on the kernel's console. */
void say(const char *fmt, ...) PRINTF(1, 2);

/* The value of `lguest.KEY=value` among the kernel's arguments, or NULL. */
const char *word(const char *key);

/* Runs a busybox applet (argv ends with NULL); true if it exited with 0. */
bool run(const char *const *argv);
#define RUN(...)	run((const char *const []){ __VA_ARGS__, NULL })

enum end { END_POWEROFF, END_REBOOT };

/* Nothing comes after this. */
void end(enum end how) __attribute__((noreturn));

/* check.c: runs the tests called names, reports, and ends the machine. */
void check(const char *names) __attribute__((noreturn));

/* bench.c: two that measure.  They return why they could not, or NULL. */
const char *bench(void);
const char *bench_pause(void);

#endif
