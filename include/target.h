/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file that is being made.  It grows under another name in the same
 * directory; only when all of it is on the disk does it get its own.
 */
#ifndef TARGET_H
#define TARGET_H

#include <sys/stat.h>

#include "lguest.h"

struct target {
	const char *name;	/* as its user calls it */
	const char *path;	/* the same, symbolic links followed */
	bool replace;		/* what is there may go */
	int old;		/* what is there, locked; -1 for nothing */
	struct stat old_stat;
	char *temp;
	int fd;			/* the new one */
	uint64_t due, done;	/* bytes, for people who wait */
	uint64_t begun;
};

/* Dies if path may not be made: it is there, or somebody uses it. */
void target_check(struct target *t, const char *path, bool replace);

/* From here on an interruption has something to remove. */
void target_create(struct target *t);

/* Bytes at off, or dies. */
void target_write(struct target *t, const void *buf, size_t n, uint64_t off);

/* The size it is to have; what was not written reads as zeroes. */
void target_resize(struct target *t, uint64_t size);

/* This much more input is dealt with. */
void target_progress(struct target *t, uint64_t n);

/* All is written: make it durable, and give it its name. */
void target_commit(struct target *t);

/*
 * Collects writes that follow each other into large ones.  Bytes that were
 * written a moment ago may be written again.
 */
#define BATCH_MAX	MIB(1)

struct batch {
	struct target *target;
	uint64_t off;
	size_t len;
	uint8_t *buf;
};

void batch_start(struct batch *b, struct target *t);
void batch_write(struct batch *b, const void *buf, size_t n, uint64_t off);
void batch_flush(struct batch *b);

#endif
