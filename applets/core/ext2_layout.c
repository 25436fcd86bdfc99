/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How large is it, and what lies where?  A group is as many blocks as one block
 * of bits can count.  It begins with what is there to find it again (in groups
 * 0, 1 and powers of 3, 5 and 7 only), two bitmaps and its inodes.
 */
#include <string.h>

#include "ext2.h"

/* One inode for so many bytes that are free, like others do it. */
#define BYTES_PER_INODE	16384
#define BYTES_PER_INODE_SMALL	8192
/* Below this, small blocks waste less than they cost. */
#define LARGE		MIB(512)

static bool is_power_of(uint32_t n, uint32_t base)
{
	while (n % base == 0)
		n /= base;
	return n == 1;
}

bool ext2_group_has_super(uint32_t group)
{
	return group < 2 || is_power_of(group, 3) || is_power_of(group, 5) ||
	       is_power_of(group, 7);
}

uint32_t ext2_group_start(const struct ext2 *e, uint32_t group)
{
	return e->first + group * e->group_blocks;
}

uint32_t ext2_group_blocks(const struct ext2 *e, uint32_t group)
{
	uint32_t left = e->blocks - ext2_group_start(e, group);

	return left < e->group_blocks ? left : e->group_blocks;
}

uint32_t ext2_group_bitmap(const struct ext2 *e, uint32_t group)
{
	return ext2_group_start(e, group) +
	       (ext2_group_has_super(group) ? 1 + e->descriptors : 0);
}

uint32_t ext2_group_overhead(const struct ext2 *e, uint32_t group)
{
	return ext2_group_bitmap(e, group) - ext2_group_start(e, group) + 2 +
	       e->table;
}

unsigned ext2_dir_entry_size(const char *name)
{
	return 8 + ALIGN_UP(strlen(name), 4);
}

/* No entry crosses a block, so it takes going through them to know. */
uint64_t ext2_dir_size(const struct node *dir, uint32_t bs)
{
	uint64_t size = bs;
	uint32_t used = 24;	/* . and .. */

	for (const struct node *n = dir->child; n; n = n->sibling) {
		unsigned len = ext2_dir_entry_size(n->name);

		if (used + len > bs) {
			size += bs;
			used = 0;
		}
		used += len;
	}
	return size;
}

/* Maps of a file whose blocks are all there; more than a sparse one has. */
static uint64_t map_blocks(uint64_t blocks, uint32_t bs)
{
	uint64_t n = bs / 4, maps, doubles;

	if (blocks <= EXT2_DIRECT)
		return 0;
	blocks -= EXT2_DIRECT;
	if (blocks <= n)
		return 1;
	blocks -= n;
	doubles = blocks < n * n ? blocks : n * n;
	maps = 2 + (doubles + n - 1) / n;
	blocks -= doubles;
	if (blocks)
		maps += 1 + (blocks + n - 1) / n + (blocks + n * n - 1) /
			(n * n);
	return maps;
}

static uint64_t inode_blocks(const struct tree *t, const struct node *n,
			     uint32_t bs)
{
	const struct inode *i = n->inode;
	uint64_t whole = (i->size + bs - 1) / bs, data;

	if (S_ISDIR(i->mode)) {
		data = ext2_dir_size(n, bs) / bs;
		return data + map_blocks(data, bs);
	}
	if (S_ISLNK(i->mode))
		return i->size >= 60;
	if (!S_ISREG(i->mode))
		return 0;
	data = feed_blocks(t, i, bs);
	/* Far apart, each block may need maps of its own. */
	if (data < whole && data * 3 < map_blocks(whole, bs))
		return data * 4;
	return data + map_blocks(whole, bs);
}

/* What the tree takes, at most: blocks of zeroes among it are left out. */
static uint64_t tree_blocks(struct ext2 *e)
{
	uint64_t sum = 0;

	for (struct node *n = e->tree->root; n; n = tree_next(n))
		if (n->inode->first == n)
			sum += inode_blocks(e->tree, n, e->bs);
	return sum;
}

static uint64_t tree_bytes(const struct tree *t)
{
	uint64_t sum = 0;

	for (struct node *n = t->root; n; n = tree_next(n))
		if (n->inode->first == n && S_ISREG(n->inode->mode))
			sum += n->inode->size;
	return sum;
}

/* lost+found has its number from of old, the root too. */
static void number_inodes(struct ext2 *e)
{
	uint32_t last = EXT2_FIRST_INO;

	for (struct node *n = e->tree->root; n; n = tree_next(n)) {
		if (n->inode->first != n)
			continue;
		if (!n->parent)
			n->inode->number = EXT2_ROOT_INO;
		else if (n->parent == e->tree->root &&
			 !strcmp(n->name, "lost+found"))
			n->inode->number = EXT2_FIRST_INO;
		else if (last == UINT32_MAX)
			die("%s: too many files", e->target->name);
		else
			n->inode->number = ++last;
	}
	e->inodes_used = last;
}

/* Everything that follows from the number of blocks and that of inodes. */
static bool set_sizes(struct ext2 *e, uint64_t blocks, uint64_t inodes)
{
	uint32_t per_block = e->bs / EXT2_INODE_SIZE, unit = per_block;
	uint64_t each;

	if (blocks <= e->first || blocks > UINT32_MAX)
		return false;
	e->blocks = blocks;
	e->group_blocks = 8 * e->bs;
	e->groups = (blocks - e->first + e->group_blocks - 1) /
		    e->group_blocks;
	e->descriptors = ((uint64_t)e->groups * 32 + e->bs - 1) / e->bs;
	/* Whole blocks of the table and whole bytes of the bitmap. */
	if (unit < 8)
		unit = 8;
	each = (inodes + e->groups - 1) / e->groups;
	each = (each + unit - 1) / unit * unit;
	if (each > e->group_blocks || each * e->groups > UINT32_MAX)
		return false;
	e->group_inodes = each;
	e->table = each / per_block;
	return ext2_group_overhead(e, 0) < e->group_blocks;
}

static uint64_t all_overhead(const struct ext2 *e)
{
	uint64_t sum = e->first;

	for (uint32_t g = 0; g < e->groups; g++)
		sum += ext2_group_overhead(e, g);
	return sum;
}

/* A last group without room for data is no use; may it be left out? */
static bool last_group_fits(const struct ext2 *e)
{
	uint32_t last = e->groups - 1;

	return ext2_group_blocks(e, last) > ext2_group_overhead(e, last);
}

static void plan_given(struct ext2 *e)
{
	uint64_t blocks = e->options->size / e->bs, inodes;

	inodes = e->options->size / (e->options->size < LARGE ?
		 BYTES_PER_INODE_SMALL : BYTES_PER_INODE);
	if (inodes < e->inodes_used)
		inodes = e->inodes_used;
	while (set_sizes(e, blocks, inodes) && !last_group_fits(e)) {
		if (e->groups == 1)
			break;
		blocks = ext2_group_start(e, e->groups - 1);
	}
	if (!set_sizes(e, blocks, inodes) || !last_group_fits(e))
		die(e->inodes_used > EXT2_FIRST_INO ?
		    "%s: the files do not fit in %llu bytes with blocks of %u" :
		    "%s: %llu bytes are too few or too many for a file system with blocks of %u",
		    e->target->name, (unsigned long long)e->options->size,
		    e->bs);
	/* Zeroes may make it fit after all; without a tree nothing does. */
	if (all_overhead(e) + 2 > e->blocks)
		die("%s: %llu bytes are too few for a file system",
		    e->target->name, (unsigned long long)e->options->size);
}

/* More blocks mean more overhead, which means more blocks. */
static void plan_needed(struct ext2 *e, uint64_t need)
{
	uint64_t room = (e->options->free + e->bs - 1) / e->bs;
	uint64_t inodes = e->inodes_used +
			  e->options->free / BYTES_PER_INODE;
	/* A group's bitmap has bits for so many inodes, and not for more. */
	uint64_t groups = (inodes + 8 * e->bs - 1) / (8 * e->bs);
	uint64_t least = e->first + (groups - 1) * 8 * e->bs + 1;
	uint64_t blocks = need + room + e->first + 8, want;

	if (blocks < least)
		blocks = least;
	for (unsigned turn = 0; turn < 64; turn++) {
		if (!set_sizes(e, blocks, inodes))
			break;
		want = need + room + all_overhead(e);
		/* The last group: all of its overhead and something more. */
		if (!last_group_fits(e))
			want = (uint64_t)ext2_group_start(e, e->groups - 1) +
			       ext2_group_overhead(e, e->groups - 1) + 1;
		if (want < least)
			want = least;
		if (want <= blocks && (blocks - want < 8 || turn > 8))
			return;
		blocks = want;
	}
	die("%s: too much for a file system with blocks of %u",
	    e->target->name, e->bs);
}

void ext2_plan(struct ext2 *e)
{
	uint64_t size = e->options->size;

	number_inodes(e);
	e->bs = e->options->block_size;
	if (!size)
		size = e->options->free + tree_bytes(e->tree);
	if (!e->bs)
		e->bs = size < LARGE ? 1024 : 4096;
	e->first = e->bs == 1024;
	if (e->options->size)
		plan_given(e);
	else
		plan_needed(e, tree_blocks(e));
}
