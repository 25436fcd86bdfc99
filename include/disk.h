/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk image: a raw file or a block device of the Host, seen as bytes from
 * 0 to size.  disk.c opens it, locks it and moves its bytes; overlay.c takes
 * the writes of a snapshot.  What is in the image is never looked at: a format
 * guessed from content is a format that the Guest chose.
 *
 * The functions that return bool leave the call that failed in disk->call and
 * its errno in disk->error (0: the image ended); nothing is retried for ever.
 */
#ifndef DISK_H
#define DISK_H

#include <sys/uio.h>

#include "lguest.h"

#define SECTOR_SIZE	512

struct disk {
	/* The caller's, before disk_open(). */
	const char *path;
	bool readonly;		/* nobody writes */
	bool snapshot;		/* writes are forgotten when we leave */

	/* disk_open()'s; block_size is what the Host likes to write at once. */
	uint64_t size;		/* bytes, a multiple of SECTOR_SIZE, not 0 */
	uint32_t block_size;	/* a power of two, 512 to 4096 */

	/* Ours. */
	bool is_device;
	int fd;			/* the image */
	int overlay;		/* a snapshot's writes, at the same offsets */
	uint8_t *bitmap;	/* a bit for each block that is there */
	int lost;		/* errno of the first sync that failed */
	const char *call;
	int error;
};

/*
 * Opens and locks disk->path, or dies naming it and what is wrong with it.
 * The lock is shared if we only read, and lasts as long as the process.
 */
void disk_open(struct disk *disk);

/*
 * That lock, for others who are about to change or replace an image: dies
 * naming path if somebody holds it.  fd is open for writing unless shared.
 */
void disk_lock(int fd, bool shared, const char *path);

/*
 * Moves all bytes of iov (n entries, used up) from or to byte off of the
 * image.  The caller has checked that they are inside it.
 */
bool disk_read(struct disk *disk, struct iovec *iov, unsigned n, uint64_t off);
bool disk_write(struct disk *disk, struct iovec *iov, unsigned n,
		uint64_t off);

/*
 * Makes len bytes from off zero and gives their room back to the Host.  Where
 * the Host cannot do that, zeroes are written if must, and nothing if not.
 */
bool disk_zero(struct disk *disk, uint64_t off, uint64_t len, bool must);

/*
 * When it returns true, all that was written survives a power cut of the
 * Host.  Once it failed it will never succeed again.
 */
bool disk_sync(struct disk *disk);

/* Why the last call failed, for people. */
const char *disk_cause(const struct disk *disk);

/* --- between disk.c and overlay.c --- */

/* One descriptor's part of the above: fd is the image or the overlay. */
bool disk_move(struct disk *disk, int fd, bool write, struct iovec *iov,
	       unsigned n, uint64_t off);
bool disk_clear(struct disk *disk, int fd, uint64_t off, uint64_t len,
		bool must);

/* Makes an empty overlay for disk->size bytes, or dies. */
void overlay_open(struct disk *disk);
bool overlay_read(struct disk *disk, const struct iovec *iov, unsigned n,
		  uint64_t off);
bool overlay_write(struct disk *disk, struct iovec *iov, unsigned n,
		   uint64_t off);
bool overlay_zero(struct disk *disk, uint64_t off, uint64_t len, bool must);

#endif
