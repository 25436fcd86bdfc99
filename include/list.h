/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One line of a list in the format of the kernel's gen_init_cpio.  Pure.
 */
#ifndef LIST_H
#define LIST_H

#include "lguest.h"

#define LIST_WHY_MAX	160
#define LIST_LINKS_MAX	64

struct list_entry {
	uint32_t mode;		/* with the type of file */
	uint32_t uid, gid, major, minor;
	char *name;
	char *from;		/* a file's location, a link's target */
	char *links[LIST_LINKS_MAX];
	unsigned nlinks;
};

/*
 * Takes the line to pieces in place.  1: an entry.  0: a comment or nothing.
 * -1: it is wrong, and why says how.
 */
int list_parse(char *line, struct list_entry *e, char *why);

#endif
