/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes on their way into an archive, compressed if asked.  Compression is what
 * takes the time, so it is done by as many threads as there are processors:
 * each takes a chunk, with the 32 KiB before it as its dictionary, so that the
 * result is one ordinary gzip file, no larger for that.  Where the chunks begin
 * depends on nothing but the input.
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
	bool last;
	pthread_t thread;
};

struct pack_gzip {
	unsigned threads, filled;
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
	p->gzip->threads = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX :
			   cpus;
	p->gzip->chunks = xzalloc(p->gzip->threads * sizeof(struct chunk));
	p->gzip->crc = crc32(0, NULL, 0);
	pack_out(p, gzip_header, sizeof(gzip_header));
}

/* A chunk ends at a byte, with an empty block; the last one ends it all. */
static void *chunk_pack(void *arg)
{
	struct chunk *c = arg;
	z_stream z = { .next_in = c->in + c->window, .avail_in = c->len,
		       .next_out = c->out, .avail_out = sizeof(c->out) };

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 9,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	if (c->window)
		deflateSetDictionary(&z, c->in, c->window);
	deflate(&z, c->last ? Z_FINISH : Z_SYNC_FLUSH);
	if (!z.avail_in && z.avail_out)
		c->packed = sizeof(c->out) - z.avail_out;
	deflateEnd(&z);
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

/* Packs what is there, all chunks at once, and writes it in order. */
static void gzip_flush(struct pack *p, bool last)
{
	struct pack_gzip *z = p->gzip;
	unsigned n = z->filled + (last && z->filled < z->threads);
	bool alone[THREADS_MAX] = { false };

	for (unsigned i = 0; i < n; i++) {
		z->chunks[i].last = last && i == n - 1;
		z->chunks[i].packed = 0;
		/* This thread does one; and all that get none of their own. */
		alone[i] = i == n - 1 || pthread_create(&z->chunks[i].thread,
					NULL, chunk_pack, &z->chunks[i]);
	}
	for (unsigned i = n; i-- > 0; )
		if (alone[i])
			chunk_pack(&z->chunks[i]);
	for (unsigned i = 0; i < n; i++) {
		struct chunk *c = &z->chunks[i];

		if (!alone[i])
			pthread_join(c->thread, NULL);
		if (!c->packed)
			die("%s: no memory to compress it", p->target->name);
		z->crc = crc32(z->crc, c->in + c->window, c->len);
		pack_out(p, c->out, c->packed);
	}
	if (n)
		chunk_follow(&z->chunks[0], &z->chunks[n - 1]);
	z->filled = 0;
}

static void *gzip_room(struct pack *p, size_t *n)
{
	struct pack_gzip *z = p->gzip;
	struct chunk *c = &z->chunks[z->filled];
	size_t room;

	if (c->len == CHUNK) {
		if (++z->filled == z->threads)
			gzip_flush(p, false);
		else
			chunk_follow(c + 1, c);
		c = &z->chunks[z->filled];
	}
	room = CHUNK - c->len;
	if (*n > room)
		*n = room;
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
		p->gzip->chunks[p->gzip->filled].len += n;
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
	uint8_t trailer[8];

	if (!p->gzip) {
		pack_out(p, p->buf, p->len);
		return;
	}
	gzip_flush(p, true);
	for (unsigned i = 0; i < 4; i++) {
		trailer[i] = p->gzip->crc >> 8 * i;
		trailer[4 + i] = p->total >> 8 * i;
	}
	pack_out(p, trailer, sizeof(trailer));
}
