/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A directory of the Host as a tree.  Directories wait in a queue instead of
 * on our stack: a tree may be deeper than either our stack or the limit on open
 * files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tree.h"

#define LINK_BUCKETS	65536

/* Never through a symbolic link that somebody has just put there. */
#define DIR_FLAGS	(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Step by step: the path is longer than the kernel takes at once. */
static int open_steps(int base, char *path)
{
	int fd = base;
	char *name;

	while ((name = next_item(&path, '/'))) {
		int next = openat(fd, name, DIR_FLAGS);

		if (fd != base)
			close(fd);
		if (next < 0)
			return -1;
		fd = next;
	}
	return fd;
}

int tree_open_dir(const struct tree *t, const struct node *n)
{
	const char *path = tree_path(n) + 1;
	int fd;

	if (!*path)
		fd = openat(t->base, ".", DIR_FLAGS);
	else if (strlen(path) < PATH_MAX - 1)
		fd = openat(t->base, path, DIR_FLAGS);
	else
		fd = open_steps(t->base, (char *)path);
	if (fd < 0)
		die_errno("open %s%s", t->base_name, tree_path(n));
	return fd;
}

/* True if it is another name of something that we have. */
static bool tree_link_known(struct tree *t, struct node *n,
			    const struct stat *st)
{
	uint64_t h = st->st_ino * UINT64_C(0x9e3779b97f4a7c15) >> 48;
	struct inode **at, *i;

	if (!t->links)
		t->links = xzalloc(LINK_BUCKETS * sizeof(*t->links));
	at = &t->links[h % LINK_BUCKETS];
	for (i = *at; i; i = i->next)
		if (i->host_ino == st->st_ino && i->host_dev == st->st_dev) {
			tree_link(n, i);
			return true;
		}
	n->inode->host_ino = st->st_ino;
	n->inode->host_dev = st->st_dev;
	n->inode->next = *at;
	*at = n->inode;
	return false;
}

static void read_target(const struct tree *t, struct node *n, int dirfd)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(dirfd, n->name, target, sizeof(target));

	if (len < 0)
		die_errno("readlink %s%s", t->base_name, tree_path(n));
	n->inode->target = strndup(target, len);
	if (!n->inode->target)
		die_errno("allocate a link");
	n->inode->size = len;
}

static void take_stat(struct tree *t, struct inode *i, const struct stat *st)
{
	i->mode = st->st_mode;
	tree_owner(t, i, st->st_uid, st->st_gid);
	tree_time(t, i, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	i->major = major(st->st_rdev);
	i->minor = minor(st->st_rdev);
	if (S_ISREG(st->st_mode)) {
		i->size = st->st_size;
		i->sparse = (uint64_t)st->st_blocks * 512 < i->size;
	}
}

static struct node *read_entry(struct tree *t, struct node *dir, int dirfd,
			       const char *name)
{
	struct stat st;
	struct node *n;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW)) {
		const char *path = tree_path(dir);

		die_errno("stat %s%s/%s", t->base_name,
			  path[1] ? path : "", name);
	}
	if (st.st_ino == t->skip_ino && st.st_dev == t->skip_dev)
		return NULL;
	n = tree_add_child(t, dir, name, ORIGIN_DIR);
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1 &&
	    tree_link_known(t, n, &st))
		return n;
	take_stat(t, n->inode, &st);
	if (S_ISLNK(st.st_mode))
		read_target(t, n, dirfd);
	return n;
}

/* Reads one directory; those in it go to the end of the queue. */
static struct node *read_names(struct tree *t, struct node *dir,
			       struct node *last)
{
	int fd = tree_open_dir(t, dir);
	DIR *d = fdopendir(fd);
	struct dirent *e;
	struct node *n;

	if (!d)
		die_errno("read %s%s", t->base_name, tree_path(dir));
	while (errno = 0, (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		n = read_entry(t, dir, fd, e->d_name);
		if (n && S_ISDIR(n->inode->mode))
			last = last->queue = n;
	}
	if (errno)
		die_errno("read %s%s", t->base_name, tree_path(dir));
	closedir(d);
	return last;
}

void tree_read_dir(struct tree *t, const char *path)
{
	struct node *n, *last = t->root;
	struct stat st;

	t->base = xopen(path, O_RDONLY | O_DIRECTORY, 0);
	t->base_name = path;
	if (fstat(t->base, &st))
		die_errno("stat %s", path);
	take_stat(t, t->root->inode, &st);
	t->root->origin = ORIGIN_DIR;
	for (n = t->root; n; n = n->queue)
		last = read_names(t, n, last);
}
