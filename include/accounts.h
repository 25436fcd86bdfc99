/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is who, from the Host's two lists.  A C library asks daemons, too, where
 * there are any: we do not, and are 5 KiB smaller.
 */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include "lguest.h"

#define ACCOUNTS_USERS	"/etc/passwd"
#define ACCOUNTS_GROUPS	"/etc/group"
#define ACCOUNTS_NOBODY	UINT32_MAX	/* no number of anybody's */

struct account {
	char name[1025];
	uint32_t id;		/* UID or GID */
	uint32_t gid;		/* a user's group, if it has one */
};

/*
 * The first in such a list that has this name or, where that is NULL, this id.
 * False: none has, or there is no list.
 */
bool accounts_find(struct account *a, const char *list, const char *name,
		   uint32_t id);

#endif
