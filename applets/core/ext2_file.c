/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What inodes contain: the bytes of files, the entries of directories, and the
 * maps that say in which block each part of them is.
 */
#include <string.h>

#include "ext2.h"

#define READ_MAX	KIB(256)

/* A block of the file system, never to be had again. */
static uint32_t ext2_take(struct ext2 *e)
{
	uint32_t end = ext2_group_start(e, e->group) +
		       ext2_group_blocks(e, e->group);

	if (e->next == end) {
		if (++e->group == e->groups)
			die("%s: the files do not fit in %llu bytes",
			    e->target->name,
			    (unsigned long long)e->blocks * e->bs);
		e->next += ext2_group_overhead(e, e->group);
	}
	return e->next++;
}

static void ext2_put(struct ext2 *e, uint32_t block, const void *buf)
{
	batch_write(&e->data, buf, e->bs, (uint64_t)block * e->bs);
}

void ext2_map_start(struct ext2 *e, struct ext2_map *m)
{
	static uint32_t *bufs[EXT2_LEVELS];

	memset(m, 0, sizeof(*m));
	for (unsigned k = 0; k < EXT2_LEVELS; k++) {
		if (!bufs[k])
			bufs[k] = xzalloc(e->bs);
		m->buf[k] = bufs[k];
	}
}

/* Writes the maps of this level and of those below it. */
static void map_flush(struct ext2 *e, struct ext2_map *m, unsigned level)
{
	for (unsigned k = level; k < EXT2_LEVELS; k++) {
		if (m->tag[k])
			ext2_put(e, m->at[k], m->buf[k]);
		m->tag[k] = 0;
	}
}

/* Level k is to hold the map with this tag, which `up` refers to. */
static void map_enter(struct ext2 *e, struct ext2_map *m, unsigned k,
		      uint64_t tag, uint32_t *up)
{
	if (m->tag[k] == tag)
		return;
	map_flush(e, m, k);
	m->at[k] = ext2_take(e);
	m->blocks++;
	put32(up, m->at[k]);
	memset(m->buf[k], 0, e->bs);
	m->tag[k] = tag;
	/* Its place in the batch; what is in it comes later. */
	ext2_put(e, m->at[k], m->buf[k]);
}

uint32_t ext2_map_add(struct ext2 *e, struct ext2_map *m, uint64_t index)
{
	uint64_t n = e->bs / 4, span = n;
	uint32_t *up, block;
	unsigned depth = 1;

	if (index < EXT2_DIRECT) {
		up = &m->slots[index];
	} else {
		index -= EXT2_DIRECT;
		for (; index >= span; span *= n, depth++)
			index -= span;
		up = &m->slots[EXT2_DIRECT + depth - 1];
		for (unsigned k = 0; k < depth; k++) {
			/* A tag is unique: the depth, and which one there. */
			map_enter(e, m, k, depth | (index / span + 1) << 2, up);
			span /= n;
			up = &m->buf[k][index / (span ? span : 1) % n];
		}
	}
	block = ext2_take(e);
	m->blocks++;
	put32(up, block);
	return block;
}

void ext2_map_end(struct ext2 *e, struct ext2_map *m)
{
	map_flush(e, m, 0);
}

/* n bytes from block index on; blocks of zeroes become holes. */
static void file_blocks(struct ext2 *e, struct ext2_map *m, uint64_t index,
			uint8_t *buf, size_t n)
{
	uint32_t block;

	if (n % e->bs)
		memset(buf + n, 0, e->bs - n % e->bs);
	for (size_t at = 0; at < n; at += e->bs, index++) {
		if (is_zero(buf + at, e->bs))
			continue;
		block = ext2_map_add(e, m, index);
		ext2_put(e, block, buf + at);
	}
}

void ext2_write_file(struct ext2 *e, struct ext2_map *m, const struct inode *i)
{
	static uint8_t buf[READ_MAX];
	uint64_t end;
	struct feed f;

	if (!i->size)
		return;
	feed_open(&f, e->tree, i);
	while (f.off < i->size) {
		uint64_t from = feed_data(&f, &end), index = from / e->bs;

		if (from >= i->size)
			break;
		/* Whole blocks: what is around the data in them is zero. */
		feed_seek(&f, index * e->bs);
		end = ALIGN_UP(end, e->bs);
		if (end > i->size)
			end = i->size;
		while (f.off < end) {
			size_t n = end - f.off < READ_MAX ? end - f.off :
				   READ_MAX;

			feed_read(&f, buf, n);
			file_blocks(e, m, index, buf, n);
			index += READ_MAX / e->bs;
			target_progress(e->target, n);
		}
	}
	feed_close(&f);
}

void ext2_write_symlink(struct ext2 *e, struct ext2_map *m,
			const struct inode *i)
{
	uint8_t buf[4096] = { 0 };

	/* A short one is kept where otherwise the map is. */
	if (i->size < sizeof(m->slots)) {
		memcpy(m->slots, i->target, i->size);
		return;
	}
	if (i->size >= e->bs)
		die("%s: a link to more than %u bytes", tree_path(i->first),
		    e->bs - 1);
	memcpy(buf, i->target, i->size);
	ext2_put(e, ext2_map_add(e, m, 0), buf);
}

/* --- directories --- */

struct dir_writer {
	struct ext2 *e;
	struct ext2_map *m;
	uint8_t buf[4096];
	uint32_t used;
	uint8_t *last;		/* the entry that gets the rest of the block */
	uint64_t index;
};

static void dir_flush(struct dir_writer *w)
{
	struct ext2 *e = w->e;

	put16(w->last + 4, w->buf + e->bs - w->last);
	ext2_put(e, ext2_map_add(e, w->m, w->index++), w->buf);
	memset(w->buf, 0, sizeof(w->buf));
	w->used = 0;
}

/* What a directory says about the kind of each file, by S_IFMT >> 12. */
static const uint8_t dir_kinds[16] = {
	[S_IFREG >> 12] = 1, [S_IFDIR >> 12] = 2, [S_IFCHR >> 12] = 3,
	[S_IFBLK >> 12] = 4, [S_IFIFO >> 12] = 5, [S_IFSOCK >> 12] = 6,
	[S_IFLNK >> 12] = 7,
};

static void dir_add(struct dir_writer *w, const char *name,
		    const struct inode *i)
{
	unsigned len = ext2_dir_entry_size(name);

	if (w->used + len > w->e->bs)
		dir_flush(w);
	w->last = w->buf + w->used;
	put32(w->last, i->number);
	put16(w->last + 4, len);
	w->last[6] = strlen(name);
	w->last[7] = dir_kinds[(i->mode & S_IFMT) >> 12];
	memcpy(w->last + 8, name, strlen(name));
	w->used += len;
}

void ext2_write_dir(struct ext2 *e, struct ext2_map *m, const struct node *n)
{
	struct dir_writer w = { .e = e, .m = m };

	dir_add(&w, ".", n->inode);
	dir_add(&w, "..", (n->parent ? n->parent : n)->inode);
	for (n = n->child; n; n = n->sibling)
		dir_add(&w, n->name, n->inode);
	dir_flush(&w);
}
