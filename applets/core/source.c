/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading from front to back.  What begins like gzip is unpacked; a file that
 * ends in the middle of that is an error, never a short file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "source.h"

#define SOURCE_CHUNK	KIB(256)
/* zlib: take the gzip wrapper, and only that. */
#define GZIP_WINDOW	(15 + 16)

struct source_state {
	z_stream z;
	bool between;		/* one gzip member ended, none began */
	bool done;
	uint8_t *at;		/* what is in buf and not handed out */
	size_t have;
	uint8_t buf[SOURCE_CHUNK];
};

/* More into buf, behind what it has; false at the end of the file. */
static bool source_fill(struct source *s)
{
	struct source_state *st = s->state;
	ssize_t n;

	memmove(st->buf, st->at, st->have);
	st->at = st->buf;
	do
		n = read(s->fd, st->buf + st->have, sizeof(st->buf) - st->have);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		die_errno("read %s", s->name);
	st->have += n;
	return n > 0;
}

static void source_look(struct source *s)
{
	struct source_state *st = s->state;
	struct stat file;

	/* A pipe may give its bytes one by one. */
	while (st->have < 3 && source_fill(s))
		;
	s->gzip = st->have >= 3 && !memcmp(st->buf, "\x1f\x8b\x08", 3);
	if (s->gzip && inflateInit2(&st->z, GZIP_WINDOW) != Z_OK)
		die("%s: no memory to unpack it", s->name);
	/* Standard input may have been read from by others: its offset
	   counts, not ours. */
	s->direct = !s->gzip && s->fd && !fstat(s->fd, &file) &&
		    S_ISREG(file.st_mode);
}

void source_open(struct source *s, const char *path)
{
	bool is_stdin = !strcmp(path, "-");

	*s = (struct source){
		.name = is_stdin ? "standard input" : path,
		.fd = is_stdin ? 0 : xopen(path, O_RDONLY, 0),
	};
	if (is_stdin && isatty(0))
		die("standard input is a terminal, not a file");
	s->state = xzalloc(sizeof(*s->state));
	s->state->at = s->state->buf;
	source_look(s);
}

/* What follows a member: another one, or padding, which tapes have. */
static bool source_next_member(struct source *s)
{
	struct source_state *st = s->state;

	do {
		while (st->have && !*st->at) {
			st->at++;
			st->have--;
		}
	} while (!st->have && source_fill(s));
	if (!st->have)
		return false;
	if (*st->at != 0x1f || inflateReset(&st->z) != Z_OK)
		die("%s: garbage behind the gzip data", s->name);
	st->between = false;
	return true;
}

static size_t source_inflate(struct source *s, void *buf, size_t n)
{
	struct source_state *st = s->state;
	int r;

	st->z.next_out = buf;
	st->z.avail_out = n;
	while (st->z.avail_out && !st->done) {
		if (st->between && !source_next_member(s)) {
			st->done = true;
			break;
		}
		if (!st->have && !source_fill(s))
			die("%s: the gzip data is cut off", s->name);
		st->z.next_in = st->at;
		st->z.avail_in = st->have;
		r = inflate(&st->z, Z_NO_FLUSH);
		st->at = st->z.next_in;
		st->have = st->z.avail_in;
		if (r == Z_STREAM_END)
			st->between = true;
		else if (r != Z_OK)
			die("%s: the gzip data is damaged", s->name);
	}
	return n - st->z.avail_out;
}

static size_t source_plain(struct source *s, uint8_t *buf, size_t n)
{
	struct source_state *st = s->state;
	size_t done = 0, part;

	while (done < n && (st->have || source_fill(s))) {
		part = st->have < n - done ? st->have : n - done;
		memcpy(buf + done, st->at, part);
		st->at += part;
		st->have -= part;
		done += part;
	}
	return done;
}

size_t source_read(struct source *s, void *buf, size_t n)
{
	n = s->gzip ? source_inflate(s, buf, n) : source_plain(s, buf, n);
	s->off += n;
	return n;
}

/* Over what is buffered, and over the rest in one leap if the file can. */
static bool source_leap(struct source *s, uint64_t n)
{
	struct source_state *st = s->state;
	uint64_t part = n < st->have ? n : st->have;
	struct stat file;

	st->at += part;
	st->have -= part;
	s->off += n;
	if (fstat(s->fd, &file) || s->off > (uint64_t)file.st_size)
		return false;
	return n == part || lseek(s->fd, n - part, SEEK_CUR) >= 0;
}

bool source_skip(struct source *s, uint64_t n)
{
	static uint8_t buf[KIB(16)];

	if (s->direct)
		return source_leap(s, n);
	while (n) {
		size_t part = n < sizeof(buf) ? n : sizeof(buf);

		if (source_read(s, buf, part) != part)
			return false;
		n -= part;
	}
	return true;
}

uint64_t source_hole(struct source *s)
{
	uint64_t from = s->off;
	off_t at;

	if (!s->direct || s->state->have)
		return 0;
	at = lseek(s->fd, from, SEEK_DATA);
	if (at < 0 && errno == ENXIO)
		at = lseek(s->fd, 0, SEEK_END);
	/* Not every file system can tell. */
	if (at < 0 || (uint64_t)at < from)
		at = lseek(s->fd, from, SEEK_SET);
	s->off = at;
	return s->off - from;
}

void source_close(struct source *s)
{
	if (s->gzip)
		inflateEnd(&s->state->z);
	free(s->state);
	if (s->fd)
		close(s->fd);
}
