/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes ext2 file systems: revision 1 with filetype, sparse_super and
 * large_file, which every Linux since 2.2 mounts.
 *
 * Blocks and inodes are handed out in ascending order and never given back:
 * what lies below the next one is in use, what lies above it is free.  So the
 * bitmaps are made at the end from two numbers, however large the image is.
 */
#ifndef EXT2_H
#define EXT2_H

#include "target.h"
#include "tree.h"

#define EXT2_ROOT_INO	2
#define EXT2_FIRST_INO	11	/* lost+found */
#define EXT2_INODE_SIZE	256
#define EXT2_LINKS_MAX	32000

struct ext2_options {
	uint32_t block_size;	/* 0: as the size suggests */
	uint64_t size;		/* of the image; 0: as large as it must be */
	uint64_t free;		/* with size 0: room to leave */
	const char *label;
	bool has_uuid;
	uint8_t uuid[16];
};

struct ext2 {
	struct target *target;
	struct tree *tree;
	const struct ext2_options *options;
	struct batch data, inodes;

	/* ext2_layout.c: fixed once it is decided. */
	uint32_t bs, blocks, first;	/* first: block of the superblock */
	uint32_t group_blocks, group_inodes;	/* a group's */
	uint32_t groups, table, descriptors;	/* blocks of those */
	uint32_t inodes_used;	/* the last one's number */

	uint32_t next;		/* the first block that is free */
	uint32_t group;		/* the one that next is in */
	uint32_t *dirs;		/* directories, by group */
	int64_t stamp;
};

/* Makes the file system of the tree in the target, or dies. */
void ext2_write(struct target *to, struct tree *t,
		const struct ext2_options *options);

/* --- ext2_layout.c --- */

/* Numbers the inodes, and decides on all sizes. */
void ext2_plan(struct ext2 *e);
bool ext2_group_has_super(uint32_t group);
uint32_t ext2_group_start(const struct ext2 *e, uint32_t group);
uint32_t ext2_group_blocks(const struct ext2 *e, uint32_t group);
/* Blocks at its start that are never data. */
uint32_t ext2_group_overhead(const struct ext2 *e, uint32_t group);
/* Its block bitmap; inode bitmap and inode table follow. */
uint32_t ext2_group_bitmap(const struct ext2 *e, uint32_t group);
/* Bytes of a directory's entries. */
uint64_t ext2_dir_size(const struct node *dir, uint32_t bs);
unsigned ext2_dir_entry_size(const char *name);

/* --- ext2_file.c: the contents of inodes --- */

#define EXT2_DIRECT	12
#define EXT2_SLOTS	15
#define EXT2_LEVELS	3

/* Which blocks an inode has, while they are handed out in order. */
struct ext2_map {
	uint32_t slots[EXT2_SLOTS];
	uint32_t blocks;	/* all of them, maps included */
	uint64_t tag[EXT2_LEVELS];	/* what part buf has; 0 for none */
	uint32_t at[EXT2_LEVELS];
	uint32_t *buf[EXT2_LEVELS];
};

void ext2_map_start(struct ext2 *e, struct ext2_map *m);
/* A new block for this index, above all that came before. */
uint32_t ext2_map_add(struct ext2 *e, struct ext2_map *m, uint64_t index);
void ext2_map_end(struct ext2 *e, struct ext2_map *m);

void ext2_write_file(struct ext2 *e, struct ext2_map *m,
		     const struct inode *i);
void ext2_write_dir(struct ext2 *e, struct ext2_map *m, const struct node *n);
void ext2_write_symlink(struct ext2 *e, struct ext2_map *m,
			const struct inode *i);

/* --- ext2_meta.c: superblocks, descriptors, bitmaps --- */

void ext2_write_meta(struct ext2 *e);

void put16(void *to, uint16_t value);
void put32(void *to, uint32_t value);

#endif
