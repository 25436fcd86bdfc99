/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CPIO_H
#define CPIO_H

#include "target.h"
#include "tree.h"

/*
 * Writes the tree as an initramfs in newc format into the target, from byte
 * off on (a multiple of 4), compressed with gzip if asked.
 */
void cpio_write(struct target *to, uint64_t off, struct tree *t, bool gzip);

/* --- pack.c: bytes on their way into the target --- */

struct pack {
	struct target *target;
	uint64_t off;		/* in the target */
	uint64_t total;		/* bytes before compression */
	size_t len;
	struct pack_gzip *gzip;
	uint8_t *buf;
};

void pack_start(struct pack *p, struct target *to, uint64_t off, bool gzip);
void pack_write(struct pack *p, const void *buf, size_t n);
/* Room for at least one byte and at most *n; then say how much is used. */
void *pack_room(struct pack *p, size_t *n);
void pack_used(struct pack *p, size_t n);
void pack_end(struct pack *p);

#endif
