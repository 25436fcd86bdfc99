/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file or standard input that is read from front to back, unpacked on the
 * way if it is compressed with gzip.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include "lguest.h"

struct source {
	const char *name;
	int fd;
	bool gzip;
	bool direct;		/* a plain file: its bytes can be read again */
	uint64_t off;		/* bytes handed out so far */
	struct source_state *state;
};

/* "-" is standard input.  Dies naming it. */
void source_open(struct source *s, const char *path);

/* Up to n bytes, fewer only at the end.  Dies if the data is damaged. */
size_t source_read(struct source *s, void *buf, size_t n);

/* As much further; false if the end comes first. */
bool source_skip(struct source *s, uint64_t n);

/*
 * Goes over a hole in the file, if there is one here that can be seen without
 * reading it; returns its length.
 */
uint64_t source_hole(struct source *s);

void source_close(struct source *s);

#endif
