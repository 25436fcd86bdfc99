/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names that one binary answers to.
 */
#ifndef LINKS_H
#define LINKS_H

#include "lguest.h"

/* One name a line, to stdout. */
void links_list(void);

/*
 * `--install [-s] DIR`, argv[0] being that option: hard links, or symbolic
 * ones, of all names to this binary.  What is there already is left; what is
 * in the way is named.  argv0 is how we were called.  Returns the status.
 */
int links_install(int argc, char **argv, const char *argv0);

#endif
