/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between block.c, which is the device, and block_request.c, which does what
 * a single request asks for.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include <linux/virtio_blk.h>

#include "disk.h"
#include "guest.h"

#define BIT(n)		(UINT64_C(1) << (n))

/* A turn ends when about this much was moved; a flush counts as much. */
#define TURN_BYTES	MIB(16)

/*
 * What one request may clear.  The Host drops a range in no time, but where it
 * cannot, zeroes have to be written.
 */
#define DISCARD_SEGMENTS	16
#define DISCARD_SECTORS		(GIB(1) / SECTOR_SIZE)
#define ZEROES_SEGMENTS		1
#define ZEROES_SECTORS		(MIB(16) / SECTOR_SIZE)

/* Not a status of VIRTIO 5.2.6: the request is not done yet. */
#define MORE		0xff

enum cache { CACHE_WRITEBACK, CACHE_WRITETHROUGH, CACHE_UNSAFE };

struct block {
	struct disk disk;
	enum cache cache;
	char serial[VIRTIO_BLK_ID_BYTES];
	struct virtio_blk_config config;	/* as a driver first sees it */
	bool writeback;		/* what the driver made of it */
	bool flushes;		/* it does, though it did not agree to */

	/* The request in hand; valid if busy. */
	bool barrier;		/* of an old driver: flush before and after */
	bool busy, headless;	/* headless: its header is not all there */
	struct chain c;
	struct virtio_blk_outhdr header;	/* our copy */
	uint64_t done;		/* bytes of its data */
	uint64_t spent;		/* bytes moved in this turn */
};

/* The device-writable bytes before the status byte. */
static inline uint64_t block_room(const struct block *b)
{
	return b->c.in_len - 1;
}

/*
 * Does the request in hand, or a good part of it.  Returns its status byte,
 * or MORE: then call it again, soon.
 */
uint8_t block_run(struct device *d);

#endif
