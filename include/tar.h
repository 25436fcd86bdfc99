/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads tar archives: the old format, ustar, pax, and GNU's long names.  Pure:
 * bytes in, entries out, so that it can be fed any bytes.
 */
#ifndef TAR_H
#define TAR_H

#include "tree.h"

#define TAR_BLOCK	512
#define TAR_WHY_MAX	160

struct tar_entry {
	char type;		/* as in ustar: '0' file, '1' link ... */
	uint32_t mode, uid, gid, major, minor;
	int64_t mtime;
	uint32_t nsec;
	uint64_t size;
	char path[PATH_BYTES_MAX + 1];
	char link[PATH_BYTES_MAX + 1];
};

struct tar {
	/* Up to n bytes, fewer only at the end of the archive. */
	size_t (*read)(void *from, void *buf, size_t n);
	bool (*skip)(void *from, uint64_t n);
	void *from;
	/* Bytes of this entry that were not taken yet, and its padding. */
	uint64_t left, padding;
	/* What pax and GNU said about the entry to come. */
	unsigned has;
	struct tar_entry next;
	char why[TAR_WHY_MAX];
};

/* 1: an entry.  0: the end.  -1: it is broken, and t->why says how. */
int tar_next(struct tar *t, struct tar_entry *e);

#endif
