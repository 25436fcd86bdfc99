/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ext2 says about itself: superblock and group descriptors with their
 * copies, and the bitmaps.
 */
#include <string.h>

#include "ext2.h"

void put16(void *to, uint16_t value)
{
	uint8_t *p = to;

	p[0] = value;
	p[1] = value >> 8;
}

void put32(void *to, uint32_t value)
{
	put16(to, value);
	put16((uint8_t *)to + 2, value >> 16);
}

/* How many from the start of this group, of those handed out, are its own. */
static uint32_t used_of(uint32_t next, uint32_t start, uint32_t count,
			uint32_t least)
{
	uint32_t n = next <= start ? 0 : next - start;

	if (n > count)
		n = count;
	return n < least ? least : n;
}

static uint32_t blocks_used(const struct ext2 *e, uint32_t group)
{
	return used_of(e->next, ext2_group_start(e, group),
		       ext2_group_blocks(e, group),
		       ext2_group_overhead(e, group));
}

/* Inodes count from 1. */
static uint32_t inodes_used(const struct ext2 *e, uint32_t group)
{
	return used_of(e->inodes_used, group * e->group_inodes,
		       e->group_inodes, 0);
}

/* The first n bits are in use; those behind `count` stand for nothing. */
static void fill_bitmap(uint8_t *map, uint32_t bs, uint32_t n, uint32_t count)
{
	memset(map, 0, bs);
	memset(map, 0xff, n / 8);
	if (n % 8)
		map[n / 8] = (1 << n % 8) - 1;
	for (; count % 8; count++)
		map[count / 8] |= 1 << count % 8;
	memset(map + count / 8, 0xff, bs - count / 8);
}

static void write_bitmaps(struct ext2 *e, uint32_t group)
{
	uint8_t maps[2 * 4096];

	fill_bitmap(maps, e->bs, blocks_used(e, group),
		    ext2_group_blocks(e, group));
	fill_bitmap(maps + e->bs, e->bs, inodes_used(e, group),
		    e->group_inodes);
	target_write(e->target, maps, 2 * e->bs,
		     (uint64_t)ext2_group_bitmap(e, group) * e->bs);
}

static void fill_descriptor(const struct ext2 *e, uint32_t group, uint8_t *d)
{
	uint32_t bitmap = ext2_group_bitmap(e, group);

	put32(d, bitmap);
	put32(d + 4, bitmap + 1);
	put32(d + 8, bitmap + 2);
	put16(d + 12, ext2_group_blocks(e, group) - blocks_used(e, group));
	put16(d + 14, e->group_inodes - inodes_used(e, group));
	put16(d + 16, e->dirs[group]);
}

/* Two images with the same files, times and options have the same UUID. */
static void derive_uuid(const struct ext2 *e, uint8_t *uuid)
{
	uint64_t h[2] = { 0xcbf29ce484222325, 0x84222325cbf29ce4 };
	const uint64_t prime = 0x100000001b3;
	const struct ext2_options *o = e->options;

	h[0] ^= (uint64_t)e->blocks << 13 ^ e->bs ^ (uint64_t)e->stamp << 20;
	for (const char *c = o->label ? o->label : ""; *c; c++)
		h[0] = (h[0] ^ (uint8_t)*c) * prime;
	for (const struct node *n = e->tree->root; n; n = tree_next(n)) {
		const struct inode *i = n->inode;

		for (const char *c = n->name; *c; c++)
			h[0] = (h[0] ^ (uint8_t)*c) * prime;
		h[0] = (h[0] ^ i->size) * prime;
		h[0] = (h[0] ^ (uint64_t)i->mtime) * prime;
		h[0] = (h[0] ^ ((uint64_t)i->mode << 32 | i->uid)) * prime;
		h[0] ^= h[0] >> 29;
		h[1] = (h[1] ^ h[0]) * prime + i->number;
	}
	h[1] ^= h[1] >> 31;
	for (unsigned k = 0; k < 16; k++)
		uuid[k] = h[k / 8] >> 8 * (k % 8);
	/* RFC 9562: version 8, "made in our own way". */
	uuid[6] = (uuid[6] & 0x0f) | 0x80;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

static void fill_super_counts(const struct ext2 *e, uint8_t *s)
{
	uint32_t blocks = 0, inodes = 0;

	for (uint32_t g = 0; g < e->groups; g++) {
		blocks += ext2_group_blocks(e, g) - blocks_used(e, g);
		inodes += e->group_inodes - inodes_used(e, g);
	}
	put32(s, e->groups * e->group_inodes);
	put32(s + 4, e->blocks);
	put32(s + 12, blocks);
	put32(s + 16, inodes);
	put32(s + 20, e->first);
	put32(s + 24, e->bs == 1024 ? 0 : e->bs == 2048 ? 1 : 2);
	put32(s + 28, e->bs == 1024 ? 0 : e->bs == 2048 ? 1 : 2);
	put32(s + 32, e->group_blocks);
	put32(s + 36, e->group_blocks);
	put32(s + 40, e->group_inodes);
}

static void fill_super(const struct ext2 *e, uint8_t *s)
{
	fill_super_counts(e, s);
	put32(s + 48, e->stamp);		/* last written */
	put16(s + 54, 0xffff);			/* no checks by mount count */
	put16(s + 56, 0xef53);
	put16(s + 58, 1);			/* clean */
	put16(s + 60, 1);			/* go on after errors */
	put32(s + 64, e->stamp);		/* last checked */
	put32(s + 76, 1);			/* revision */
	put32(s + 84, EXT2_FIRST_INO);
	put16(s + 88, EXT2_INODE_SIZE);
	put32(s + 96, 0x2);			/* incompatible: filetype */
	put32(s + 100, 0x1 | 0x2);	/* sparse_super, large_file */
	if (e->options->has_uuid)
		memcpy(s + 104, e->options->uuid, 16);
	else
		derive_uuid(e, s + 104);
	if (e->options->label)
		memcpy(s + 120, e->options->label, strlen(e->options->label));
	put32(s + 264, e->stamp);		/* made */
	put16(s + 348, 32);			/* inodes use so much more */
	put16(s + 350, 32);
}

void ext2_write_meta(struct ext2 *e)
{
	size_t table = (size_t)e->descriptors * e->bs;
	uint8_t *descriptors = xzalloc(table), super[1024] = { 0 };

	fill_super(e, super);
	for (uint32_t g = 0; g < e->groups; g++)
		fill_descriptor(e, g, descriptors + (size_t)g * 32);
	for (uint32_t g = 0; g < e->groups; g++) {
		uint64_t at = (uint64_t)ext2_group_start(e, g) * e->bs;

		write_bitmaps(e, g);
		if (!ext2_group_has_super(g))
			continue;
		target_write(e->target, descriptors, table, at + e->bs);
		put16(super + 90, g);
		/* The first has room for a boot block before it. */
		target_write(e->target, super, sizeof(super), g ? at : 1024);
	}
}
