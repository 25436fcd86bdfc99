/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes into an image: names, what they name, and where the bytes are.
 * Readers (a directory, a tar archive, a list) put it together; writers (ext2,
 * cpio) walk it in its one order.
 */
#ifndef TREE_H
#define TREE_H

#include <sys/stat.h>

#include "lguest.h"

#define NAME_BYTES_MAX	255
/* The longest path that an archive may name. */
#define PATH_BYTES_MAX	65535

/* Who brought a name; a later one may add to what an earlier one brought. */
enum origin {
	ORIGIN_IMPLIED,		/* a directory nobody mentioned */
	ORIGIN_DIR,
	ORIGIN_TAR,
	ORIGIN_LIST,
};

struct inode {
	uint32_t mode, uid, gid;
	uint32_t major, minor;
	int64_t mtime;
	uint32_t nsec;
	uint32_t nlink;		/* names in this tree */
	uint64_t size;		/* of a regular file; length of a link */
	char *target;		/* of a symbolic link */
	/* The bytes: at offset in fd, or in the file `location`, or else in
	 * the directory that we read, under the first of our names. */
	int fd;
	uint64_t offset;
	char *location;
	bool sparse;		/* worth asking for holes */
	bool timed;		/* mtime came from somewhere */
	struct node *first;	/* the first name, once sorted */
	struct inode *next;	/* all of them, for the table of hard links */
	uint64_t host_dev, host_ino;
	uint32_t number;	/* the writer's */
	uint32_t left;		/* names that the writer has yet to meet */
};

struct node {
	struct node *parent, *child, *sibling;
	struct node *same;	/* next in the hash chain */
	struct node *queue;	/* directories yet to be read */
	struct inode *inode;
	enum origin origin;
	char name[];
};

struct tree {
	struct node *root;
	struct node **hash;
	size_t buckets, nodes;
	struct inode **links;	/* by device and inode number of the Host */
	int base;		/* the directory that was read */
	const char *base_name;
	int64_t epoch;		/* SOURCE_DATE_EPOCH, or INT64_MAX */
	int64_t now, newest;	/* of what came in and is not from the future */
	bool squash;		/* give all that is read to uid:gid */
	uint32_t uid, gid;
	uint64_t skip_dev, skip_ino;	/* the image itself */
};

void tree_start(struct tree *t);

/*
 * Takes an archive's name to pieces in place: no leading slashes, no "." and
 * no empty components.  False, and the reason, if it has ".." or does not
 * fit.  An empty result is the root.
 */
bool tree_clean_path(char *path, const char **why);

/*
 * The name at path, made if it is not there, along with the directories above
 * it.  Dies if the origin may not (again) say what it is.  The inode is new,
 * or for a directory that is there already the old one.
 */
struct node *tree_add(struct tree *t, char *path, enum origin origin,
		      bool is_dir);
/* Directly below a directory that is known to be there. */
struct node *tree_add_child(struct tree *t, struct node *dir,
			    const char *name, enum origin origin);
/* NULL if there is none. */
struct node *tree_find(struct tree *t, const char *path);

/* A second name for what is at `to`. */
void tree_link(struct node *n, struct inode *to);

/* Fills in owner and time as the options want them. */
void tree_owner(struct tree *t, struct inode *i, uint32_t uid, uint32_t gid);
void tree_time(struct tree *t, struct inode *i, int64_t mtime, uint32_t nsec);

/* Sorts all of it; from here on nothing may be added. */
void tree_finish(struct tree *t);
/* The next in order, parents first; NULL after the last. */
struct node *tree_next(const struct node *n);

/* For messages; static storage. */
const char *tree_path(const struct node *n);

/* The time that files of ours get: that of the newest, or the epoch. */
int64_t tree_stamp(const struct tree *t);

/* --- tree_dir.c, tree_tar.c, tree_list.c --- */

void tree_read_dir(struct tree *t, const char *path);
void tree_read_tar(struct tree *t, const char *path, const char *near);
void tree_read_list(struct tree *t, const char *path);

/* Opens a directory of the Host that the tree came from. */
int tree_open_dir(const struct tree *t, const struct node *n);

/* --- feed.c: the bytes of a file --- */

struct feed {
	const struct tree *tree;
	const struct inode *inode;
	int fd;
	bool ours;		/* to close */
	uint64_t off;
};

void feed_open(struct feed *f, const struct tree *t, const struct inode *i);
/* Exactly n bytes more, or dies: the file shrank. */
void feed_read(struct feed *f, void *buf, size_t n);
/* Where data begins at or behind off, and where it ends; size if nowhere. */
uint64_t feed_data(struct feed *f, uint64_t *end);
void feed_seek(struct feed *f, uint64_t off);
void feed_close(struct feed *f);

/* How many blocks of bs have data, as far as the Host tells without reading. */
uint64_t feed_blocks(const struct tree *t, const struct inode *i, unsigned bs);

/* Is all of it zero?  Any length and alignment. */
bool is_zero(const void *buf, size_t n);

#endif
