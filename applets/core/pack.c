/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes on their way into an archive, compressed if asked.  Compression is what
 * takes the time, so each chunk of input gets a thread, as many at once as
 * there are processors, while the next one is being read.  The 32 KiB before
 * it are a chunk's dictionary, so that the result is one ordinary gzip file, no
 * larger for that.  Where the chunks begin depends on nothing but the input.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "cpio.h"

#define CHUNK		KIB(512)
#define WINDOW		KIB(32)
#define THREADS_MAX	8
/* deflate may make incompressible bytes a little more. */
#define PACKED_MAX	(CHUNK + CHUNK / 64 + KIB(1))

struct chunk {
	uint8_t in[WINDOW + CHUNK], out[PACKED_MAX];
	size_t window, len, packed;
	bool last, begun, threaded;
	pthread_t thread;
	z_stream z;
};

/* The chunks are a ring: behind the one being filled is the oldest. */
struct pack_gzip {
	unsigned slots, at;
	uint32_t crc;
	struct chunk *chunks;
};

/* The header says nothing about when and where: same input, same bytes. */
static const uint8_t gzip_header[10] = { 0x1f, 0x8b, 8, [9] = 3 };

static void pack_out(struct pack *p, const void *buf, size_t n)
{
	target_write(p->target, buf, n, p->off);
	p->off += n;
}

void pack_start(struct pack *p, struct target *to, uint64_t off, bool gzip)
{
	cpu_set_t allowed;
	int cpus = sched_getaffinity(0, sizeof(allowed), &allowed) ? 1 :
		   CPU_COUNT(&allowed);

	*p = (struct pack){ .target = to, .off = off };
	if (!gzip) {
		p->buf = xzalloc(BATCH_MAX);
		return;
	}
	p->gzip = xzalloc(sizeof(*p->gzip));
	p->gzip->slots = 1 + (cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX :
			      cpus);
	p->gzip->chunks = xzalloc(p->gzip->slots * sizeof(struct chunk));
	p->gzip->crc = crc32(0, NULL, 0);
	pack_out(p, gzip_header, sizeof(gzip_header));
}

/* A chunk ends at a byte, with an empty block; the last one ends it all. */
static void *chunk_pack(void *arg)
{
	struct chunk *c = arg;

	deflate(&c->z, c->last ? Z_FINISH : Z_SYNC_FLUSH);
	if (!c->z.avail_in && c->z.avail_out)
		c->packed = sizeof(c->out) - c->z.avail_out;
	return NULL;
}

/* The chunk behind this one wants its end to refer to. */
static void chunk_follow(struct chunk *next, const struct chunk *c)
{
	size_t have = c->window + c->len;
	size_t window = have < WINDOW ? have : WINDOW;

	memmove(next->in, c->in + have - window, window);
	next->window = window;
	next->len = 0;
}

/* What asks for memory is done here, not by the thread: see heap.c. */
static void chunk_begin(struct chunk *c)
{
	c->begun = true;
	c->threaded = false;
	c->packed = 0;
	c->z = (z_stream){ .next_in = c->in + c->window, .avail_in = c->len,
			   .next_out = c->out, .avail_out = sizeof(c->out) };
	if (deflateInit2(&c->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 9,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	if (c->window)
		deflateSetDictionary(&c->z, c->in, c->window);
	c->threaded = !c->last &&
		      !pthread_create(&c->thread, NULL, chunk_pack, c);
	if (!c->threaded)
		chunk_pack(c);
}

/* Waits for it, writes it, and makes it an empty one. */
static void chunk_end(struct pack *p, struct chunk *c)
{
	if (!c->begun)
		return;
	if (c->threaded)
		pthread_join(c->thread, NULL);
	deflateEnd(&c->z);
	if (!c->packed)
		die("%s: no memory to compress it", p->target->name);
	p->gzip->crc = crc32(p->gzip->crc, c->in + c->window, c->len);
	pack_out(p, c->out, c->packed);
	c->begun = false;
}

static struct chunk *gzip_turn(struct pack *p)
{
	struct pack_gzip *z = p->gzip;
	struct chunk *full = &z->chunks[z->at], *next;

	chunk_begin(full);
	z->at = (z->at + 1) % z->slots;
	next = &z->chunks[z->at];
	chunk_end(p, next);
	chunk_follow(next, full);
	return next;
}

static void *gzip_room(struct pack *p, size_t *n)
{
	struct chunk *c = &p->gzip->chunks[p->gzip->at];

	if (c->len == CHUNK)
		c = gzip_turn(p);
	if (*n > CHUNK - c->len)
		*n = CHUNK - c->len;
	return c->in + c->window + c->len;
}

void *pack_room(struct pack *p, size_t *n)
{
	if (p->gzip)
		return gzip_room(p, n);
	if (p->len == BATCH_MAX) {
		pack_out(p, p->buf, p->len);
		p->len = 0;
	}
	if (*n > BATCH_MAX - p->len)
		*n = BATCH_MAX - p->len;
	return p->buf + p->len;
}

void pack_used(struct pack *p, size_t n)
{
	p->total += n;
	if (p->gzip)
		p->gzip->chunks[p->gzip->at].len += n;
	else
		p->len += n;
}

void pack_write(struct pack *p, const void *buf, size_t n)
{
	while (n) {
		size_t part = n;
		void *room = pack_room(p, &part);

		memcpy(room, buf, part);
		pack_used(p, part);
		buf = (const char *)buf + part;
		n -= part;
	}
}

void pack_end(struct pack *p)
{
	struct pack_gzip *z = p->gzip;
	uint8_t trailer[8];

	if (!z) {
		pack_out(p, p->buf, p->len);
		return;
	}
	z->chunks[z->at].last = true;
	chunk_begin(&z->chunks[z->at]);
	/* From the oldest one to this. */
	for (unsigned i = 1; i <= z->slots; i++)
		chunk_end(p, &z->chunks[(z->at + i) % z->slots]);
	for (unsigned i = 0; i < 4; i++) {
		trailer[i] = z->crc >> 8 * i;
		trailer[4 + i] = p->total >> 8 * i;
	}
	pack_out(p, trailer, sizeof(trailer));
}
