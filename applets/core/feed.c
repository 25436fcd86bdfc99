/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bytes of the files that go into an image.  Between our first look at a
 * file and this one somebody may have changed it: growth we leave out, but what
 * has gone we cannot make up.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

static const char *feed_name(const struct feed *f)
{
	return f->inode->location ? f->inode->location :
	       tree_path(f->inode->first);
}

NORETURN static void feed_die(const struct feed *f, const char *call)
{
	die_errno("%s %s%s", call, f->inode->location ? "" :
		  f->tree->base_name ? f->tree->base_name : "", feed_name(f));
}

/* Files of one directory come one after the other: keep it open. */
static int feed_dir(const struct tree *t, const struct node *dir)
{
	static const struct node *last;
	static int fd = -1;

	if (dir == last)
		return fd;
	if (fd >= 0)
		close(fd);
	fd = tree_open_dir(t, dir);
	last = dir;
	return fd;
}

/* Where it was opened, its name had better not be a FIFO by now. */
static int feed_open_file(const struct tree *t, const struct inode *i)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

	if (i->location)
		return open(i->location, flags);
	return openat(feed_dir(t, i->first->parent), i->first->name,
		      flags | O_NOFOLLOW);
}

void feed_open(struct feed *f, const struct tree *t, const struct inode *i)
{
	*f = (struct feed){ t, i, .fd = i->fd, .ours = i->fd < 0 };
	if (!f->ours)
		return;
	f->fd = feed_open_file(t, i);
	if (f->fd < 0)
		feed_die(f, "open");
}

void feed_read(struct feed *f, void *buf, size_t n)
{
	while (n) {
		ssize_t r = pread(f->fd, buf, n, f->inode->offset + f->off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			feed_die(f, "read");
		if (!r)
			die("%s: shrank while it was read", feed_name(f));
		buf = (char *)buf + r;
		f->off += r;
		n -= r;
	}
}

uint64_t feed_data(struct feed *f, uint64_t *end)
{
	uint64_t base = f->inode->offset, size = f->inode->size;
	off_t at, hole;

	*end = size;
	if (!f->inode->sparse)
		return f->off;
	at = lseek(f->fd, base + f->off, SEEK_DATA);
	if (at < 0 && errno == ENXIO) {
		/* Nothing behind here: a hole, or the end came nearer? */
		at = lseek(f->fd, 0, SEEK_END);
		if (at >= 0 && (uint64_t)at < base + size)
			die("%s: shrank while it was read", feed_name(f));
		return size;
	}
	/* A Host that does not know about holes has none. */
	if (at < 0)
		return f->off;
	hole = lseek(f->fd, at, SEEK_HOLE);
	if (hole >= 0 && (uint64_t)hole < base + size)
		*end = hole - base;
	return (uint64_t)at - base < size ? (uint64_t)at - base : size;
}

void feed_seek(struct feed *f, uint64_t off)
{
	f->off = off;
}

void feed_close(struct feed *f)
{
	if (f->ours)
		close(f->fd);
}

uint64_t feed_blocks(const struct tree *t, const struct inode *i, unsigned bs)
{
	uint64_t blocks = 0, from, end, next = 0;
	struct feed f;

	if (!i->sparse)
		return (i->size + bs - 1) / bs;
	feed_open(&f, t, i);
	while (f.off < i->size) {
		from = feed_data(&f, &end);
		if (from >= i->size)
			break;
		/* Two pieces of data may share a block. */
		if (from / bs > next)
			next = from / bs;
		if ((end + bs - 1) / bs > next) {
			blocks += (end + bs - 1) / bs - next;
			next = (end + bs - 1) / bs;
		}
		feed_seek(&f, end);
	}
	feed_close(&f);
	return blocks;
}

bool is_zero(const void *buf, size_t n)
{
	const uint8_t *p = buf;
	uint64_t word[4];

	/* Most data shows in its first bytes that it is none. */
	for (; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
		memcpy(word, p, sizeof(word));
		if (word[0] | word[1] | word[2] | word[3])
			return false;
	}
	while (n--)
		if (*p++)
			return false;
	return true;
}
