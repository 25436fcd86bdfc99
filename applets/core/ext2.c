/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tree as an ext2 file system: inode after inode, in the order of the tree.
 */
#include <string.h>

#include "ext2.h"

/* Where something may be found that e2fsck saved. */
static void add_lost_and_found(struct ext2 *e)
{
	char name[] = "lost+found";
	struct node *n = tree_find(e->tree, name);

	if (n && !S_ISDIR(n->inode->mode))
		die("%s: is no directory, as ext2 needs it", tree_path(n));
	if (n)
		return;
	n = tree_add_child(e->tree, e->tree->root, name, ORIGIN_IMPLIED);
	n->inode->mode = S_IFDIR | 0700;
	tree_owner(e->tree, n->inode, 0, 0);
}

/* Names of it: a directory's own ".", and ".." of those in it. */
static uint32_t inode_links(const struct node *n)
{
	uint64_t links = n->inode->nlink;

	if (S_ISDIR(n->inode->mode)) {
		links = 2;
		for (const struct node *c = n->child; c; c = c->sibling)
			links += S_ISDIR(c->inode->mode) != 0;
	}
	if (links > EXT2_LINKS_MAX)
		die("%s: %llu %s are more than ext2 allows", tree_path(n),
		    (unsigned long long)links, S_ISDIR(n->inode->mode) ?
		    "directories in it" : "hard links");
	return links;
}

/* Old kernels know device numbers of 16 bits and look in the first place. */
static void fill_device(const struct inode *i, struct ext2_map *m)
{
	if (i->major < 256 && i->minor < 256)
		put32(&m->slots[0], i->major << 8 | i->minor);
	else
		put32(&m->slots[1], (i->minor & 0xff) | i->major << 8 |
		      (i->minor & ~0xffu) << 12);
}

/* Bits 32 and 33 of the seconds, and nanoseconds, are in a second field. */
static uint32_t time_extra(int64_t mtime, uint32_t nsec)
{
	uint64_t epochs = (mtime - (int32_t)mtime) >> 32;

	return nsec << 2 | (epochs & 3);
}

static void fill_times(const struct inode *i, uint8_t *raw)
{
	/* Beyond what 34 bits can say: the nearest that they can. */
	int64_t max = INT64_C(0x37fffffff), t = i->mtime;
	uint32_t extra;

	t = t > max ? max : t < INT32_MIN ? INT32_MIN : t;
	extra = time_extra(t, i->nsec);
	for (unsigned at = 8; at <= 16; at += 4)
		put32(raw + at, t);		/* access, change, contents */
	put16(raw + 128, 32);
	put32(raw + 132, extra);
	put32(raw + 136, extra);
	put32(raw + 140, extra);
	put32(raw + 144, t);			/* birth */
	put32(raw + 148, extra);
}

static void fill_inode(const struct ext2 *e, const struct node *n,
		       const struct ext2_map *m, uint8_t *raw)
{
	const struct inode *i = n->inode;
	uint64_t size = S_ISDIR(i->mode) ? ext2_dir_size(n, e->bs) :
			S_ISREG(i->mode) || S_ISLNK(i->mode) ? i->size : 0;

	put16(raw, i->mode);
	put16(raw + 2, i->uid);
	put32(raw + 4, size);
	put16(raw + 24, i->gid);
	put16(raw + 26, inode_links(n));
	put32(raw + 28, m->blocks * (e->bs / 512));
	memcpy(raw + 40, m->slots, sizeof(m->slots));
	put32(raw + 108, size >> 32);
	put16(raw + 120, i->uid >> 16);
	put16(raw + 122, i->gid >> 16);
	fill_times(i, raw);
}

/* i_blocks has 32 bits and counts 512 bytes; maps reach only so far. */
static void check_size(const struct ext2 *e, const struct node *n)
{
	uint64_t per = e->bs / 4;
	uint64_t max = (EXT2_DIRECT + per + per * per + per * per * per) *
		       e->bs;

	if (max > UINT64_C(0x1ff00000000))
		max = UINT64_C(0x1ff00000000);
	if (S_ISREG(n->inode->mode) && n->inode->size > max)
		die("%s: larger than a file can be with blocks of %u",
		    tree_path(n), e->bs);
}

static void write_inode(struct ext2 *e, const struct node *n)
{
	struct inode *i = n->inode;
	uint32_t group = (i->number - 1) / e->group_inodes;
	uint32_t at = (i->number - 1) % e->group_inodes;
	uint8_t raw[EXT2_INODE_SIZE] = { 0 };
	struct ext2_map m;

	check_size(e, n);
	ext2_map_start(e, &m);
	if (S_ISREG(i->mode))
		ext2_write_file(e, &m, i);
	else if (S_ISDIR(i->mode))
		ext2_write_dir(e, &m, n);
	else if (S_ISLNK(i->mode))
		ext2_write_symlink(e, &m, i);
	else if (S_ISCHR(i->mode) || S_ISBLK(i->mode))
		fill_device(i, &m);
	ext2_map_end(e, &m);
	if (S_ISDIR(i->mode))
		e->dirs[group]++;
	fill_inode(e, n, &m, raw);
	batch_write(&e->inodes, raw, sizeof(raw),
		    (uint64_t)(ext2_group_bitmap(e, group) + 2) * e->bs +
		    (uint64_t)at * EXT2_INODE_SIZE);
}

void ext2_write(struct target *to, struct tree *t,
		const struct ext2_options *options)
{
	struct ext2 e = { .target = to, .tree = t, .options = options };
	uint64_t size;

	add_lost_and_found(&e);
	tree_finish(t);
	e.stamp = tree_stamp(t);
	ext2_plan(&e);
	e.dirs = xzalloc(e.groups * sizeof(*e.dirs));
	e.next = e.first + ext2_group_overhead(&e, 0);
	batch_start(&e.data, to);
	batch_start(&e.inodes, to);
	size = options->size ? options->size : (uint64_t)e.blocks * e.bs;
	target_resize(to, size);
	for (struct node *n = t->root; n; n = tree_next(n))
		if (n->inode->first == n && S_ISREG(n->inode->mode))
			to->due += n->inode->size;
	for (struct node *n = t->root; n; n = tree_next(n))
		if (n->inode->first == n)
			write_inode(&e, n);
	batch_flush(&e.data);
	batch_flush(&e.inodes);
	ext2_write_meta(&e);
}
