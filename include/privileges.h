/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who the Launcher is once everything is open (--username, --chroot), and
 * where it writes its process id (--pidfile).
 */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include "lguest.h"

struct privileges {
	const char *username, *chroot;	/* NULL: stay as we are */
	uid_t uid;
	gid_t gid;
};

/*
 * Finds out who `username` is (a name, UID or UID:GID; numbers need no
 * /etc/passwd) and whether `chroot` is a directory.  Dies if not.
 */
void privileges_look_up(struct privileges *p, const char *username,
			const char *chroot);

/* Goes there and becomes that; dies rather than stay who we are. */
void privileges_drop(const struct privileges *p);

/* What setrlimit(2) is in a 64-bit Launcher; see the Makefile. */
struct rlimit;
int privileges_limit(int resource, const struct rlimit *limit);

/* NULL: none.  Dies if it cannot be written. */
void pidfile_write(const char *path);

/* As far as we may still: after --chroot or --username it may have to stay. */
void pidfile_remove(void);

#endif
