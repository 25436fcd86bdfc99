/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tree of what goes into an image.  Names are found through one hash table
 * for all directories: a directory of a hundred thousand names is no problem
 * then, nor is a hundred thousand directories.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tree.h"

#define BUCKETS_FIRST	1024

static uint64_t hash_name(const struct node *dir, const char *name)
{
	uint64_t h = (uintptr_t)dir * UINT64_C(0x9e3779b97f4a7c15);

	while (*name)
		h = (h ^ (uint8_t)*name++) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

/* Twice the buckets whenever there are as many names. */
static void tree_grow(struct tree *t)
{
	size_t buckets = t->buckets ? t->buckets * 2 : BUCKETS_FIRST;
	struct node **hash = xzalloc(buckets * sizeof(*hash));

	for (size_t i = 0; i < t->buckets; i++)
		for (struct node *n = t->hash[i], *next; n; n = next) {
			uint64_t h = hash_name(n->parent, n->name);

			next = n->same;
			n->same = hash[h & (buckets - 1)];
			hash[h & (buckets - 1)] = n;
		}
	free(t->hash);
	t->hash = hash;
	t->buckets = buckets;
}

static struct inode *inode_new(void)
{
	struct inode *i = xzalloc(sizeof(*i));

	i->fd = -1;
	i->nlink = 1;
	return i;
}

static struct node *node_new(struct node *parent, const char *name)
{
	size_t len = strlen(name);
	struct node *n = xzalloc(sizeof(*n) + len + 1);

	memcpy(n->name, name, len + 1);
	n->parent = parent;
	n->inode = inode_new();
	return n;
}

static void inode_implied(struct tree *t, struct inode *i)
{
	i->mode = S_IFDIR | 0755;
	tree_owner(t, i, 0, 0);
}

void tree_start(struct tree *t)
{
	t->base = -1;
	t->newest = INT64_MIN;
	t->now = time(NULL);
	tree_grow(t);
	t->root = node_new(NULL, "");
	t->root->origin = ORIGIN_IMPLIED;
	inode_implied(t, t->root->inode);
}

bool tree_clean_path(char *path, const char **why)
{
	char *to = path, *from = path;

	while (*from) {
		size_t len = strcspn(from, "/");

		if (len == 2 && from[0] == '.' && from[1] == '.') {
			*why = "a name with .. could lead out of the image";
			return false;
		}
		if (len > NAME_BYTES_MAX) {
			*why = "a name of more than 255 bytes";
			return false;
		}
		if (len && !(len == 1 && *from == '.')) {
			if (to != path)
				*to++ = '/';
			memmove(to, from, len);
			to += len;
		}
		from += len;
		from += *from == '/';
	}
	*to = '\0';
	return true;
}

static struct node *tree_child(struct tree *t, const struct node *dir,
			       const char *name)
{
	struct node *n = t->hash[hash_name(dir, name) & (t->buckets - 1)];

	while (n && (n->parent != dir || strcmp(n->name, name)))
		n = n->same;
	return n;
}

static struct node *tree_insert(struct tree *t, struct node *dir,
				const char *name)
{
	struct node **bucket, *n = node_new(dir, name);

	if (t->nodes++ == t->buckets)
		tree_grow(t);
	bucket = &t->hash[hash_name(dir, name) & (t->buckets - 1)];
	n->same = *bucket;
	*bucket = n;
	n->sibling = dir->child;
	dir->child = n;
	return n;
}

const char *tree_path(const struct node *n)
{
	static char path[PATH_BYTES_MAX + 1];
	size_t at = PATH_BYTES_MAX;

	/* From the end; what does not fit is left out at the front. */
	for (; n->parent; n = n->parent) {
		size_t len = strlen(n->name);

		if (len + 1 > at)
			break;
		at -= len;
		memcpy(path + at, n->name, len);
		path[--at] = '/';
	}
	return at == PATH_BYTES_MAX ? "/" : path + at;
}

/* A name that is there already: may this origin say it again? */
static void node_again(struct node *n, enum origin origin, bool is_dir)
{
	bool was_dir = S_ISDIR(n->inode->mode);

	if (n->origin == origin && n->parent)
		die("%s: comes twice", tree_path(n));
	if (was_dir != is_dir)
		die("%s: comes as a directory and as something else",
		    tree_path(n));
	if (!is_dir && origin != ORIGIN_LIST)
		die("%s: comes from the directory and from the archive",
		    tree_path(n));
	/* A list has the last word.  Other names of a file keep it. */
	if (!is_dir) {
		n->inode->nlink--;
		n->inode = inode_new();
	}
	n->origin = origin;
}

struct node *tree_add_child(struct tree *t, struct node *dir,
			    const char *name, enum origin origin)
{
	struct node *n = tree_insert(t, dir, name);

	n->origin = origin;
	return n;
}

struct node *tree_add(struct tree *t, char *path, enum origin origin,
		      bool is_dir)
{
	struct node *n = NULL, *dir = t->root;
	char *name;

	if (!*path) {
		node_again(dir, origin, is_dir);
		return dir;
	}
	while ((name = next_item(&path, '/'))) {
		n = tree_child(t, dir, name);
		if (!path)
			break;
		if (!n) {
			n = tree_insert(t, dir, name);
			inode_implied(t, n->inode);
		}
		/* So a symbolic link leads nowhere, least of all out. */
		if (!S_ISDIR(n->inode->mode))
			die("%s: is not a directory, but %s is to be in it",
			    tree_path(n), path);
		dir = n;
	}
	if (n)
		node_again(n, origin, is_dir);
	else
		n = tree_add_child(t, dir, name, origin);
	return n;
}

struct node *tree_find(struct tree *t, const char *path)
{
	char *copy = strdup(path), *rest = copy, *name;
	struct node *n = t->root;

	if (!copy)
		die_errno("allocate a path");
	while (n && *copy && (name = next_item(&rest, '/')))
		n = tree_child(t, n, name);
	free(copy);
	return n;
}

void tree_link(struct node *n, struct inode *to)
{
	free(n->inode);
	n->inode = to;
	to->nlink++;
}

void tree_owner(struct tree *t, struct inode *i, uint32_t uid, uint32_t gid)
{
	i->uid = t->squash ? t->uid : uid;
	i->gid = t->squash ? t->gid : gid;
}

void tree_time(struct tree *t, struct inode *i, int64_t mtime, uint32_t nsec)
{
	/* A file system from the future is one that e2fsck dislikes, and one
	   from this very moment is another each time. */
	if (mtime > t->newest && mtime <= t->now)
		t->newest = mtime;
	if (mtime >= t->epoch) {
		mtime = t->epoch;
		nsec = 0;
	}
	i->mtime = mtime;
	i->nsec = nsec;
	i->timed = true;
}

int64_t tree_stamp(const struct tree *t)
{
	if (t->epoch != INT64_MAX)
		return t->epoch;
	return t->newest < 0 ? 0 : t->newest;
}

struct node *tree_next(const struct node *n)
{
	if (n->child)
		return n->child;
	while (n && !n->sibling)
		n = n->parent;
	return n ? n->sibling : NULL;
}

/* Of two sorted lists, one. */
static struct node *names_merge(struct node *a, struct node *b)
{
	struct node *first, **end = &first, **less;

	while (a && b) {
		less = strcmp(a->name, b->name) <= 0 ? &a : &b;
		*end = *less;
		end = &(*less)->sibling;
		*less = *end;
	}
	*end = a ? a : b;
	return first;
}

/* lists[i] is empty or has 2^i names: more than memory holds fit in here. */
static void tree_sort(struct node *dir)
{
	struct node *lists[48] = { 0 }, *n, *next;
	size_t i;

	for (n = dir->child; n; n = next) {
		next = n->sibling;
		n->sibling = NULL;
		for (i = 0; lists[i]; i++) {
			n = names_merge(lists[i], n);
			lists[i] = NULL;
		}
		lists[i] = n;
	}
	for (i = 0; i < ARRAY_SIZE(lists); i++)
		n = names_merge(lists[i], n);
	dir->child = n;
}

void tree_finish(struct tree *t)
{
	int64_t stamp = tree_stamp(t);

	/* Sorted before its children are met, so the order is the new one. */
	for (struct node *n = t->root; n; n = tree_next(n)) {
		tree_sort(n);
		if (!n->inode->first)
			n->inode->first = n;
		n->inode->left = n->inode->nlink;
		if (!n->inode->timed)
			n->inode->mtime = stamp;
	}
}
