/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tar archive as a tree.  Of a plain file we remember where the bytes of each
 * member are; what comes through a pipe or through gzip is kept in a file
 * without a name until the image is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source.h"
#include "tar.h"

#define SPOOL_CHUNK	KIB(64)

struct unpack {
	struct tree *tree;
	struct source source;
	struct tar tar;
	struct tar_entry entry;
	int spool;
	uint64_t spooled;
};

static size_t unpack_read(void *from, void *buf, size_t n)
{
	return source_read(from, buf, n);
}

static bool unpack_skip(void *from, uint64_t n)
{
	return source_skip(from, n);
}

/* Where the image is to be there should be room for its contents, too. */
static int spool_open(const char *near)
{
	const char *slash = strrchr(near, '/');
	int len = slash ? slash - near + 1 : 0;
	char *name = xzalloc(len + 32);
	int fd;

	sprintf(name, "%.*s.lguest-spool-XXXXXX", len, near);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		die_errno("open %s", name);
	unlink(name);
	free(name);
	return fd;
}

/* Each member begins at a page, so that its holes can be holes. */
static void spool_file(struct unpack *u, struct inode *i)
{
	static uint8_t buf[SPOOL_CHUNK];
	uint64_t left = i->size, at = u->spooled;

	i->fd = u->spool;
	i->offset = at;
	while (left) {
		size_t n = left < sizeof(buf) ? left : sizeof(buf);

		if (source_read(&u->source, buf, n) != n)
			die("%s: the archive is cut off", u->source.name);
		if (is_zero(buf, n))
			i->sparse = true;
		else if (pwrite(u->spool, buf, n, at) != (ssize_t)n)
			die_errno("keep %s for later", u->source.name);
		at += n;
		left -= n;
	}
	u->spooled = ALIGN_UP(at, 4096);
	/* A hole at the end needs an end. */
	if (i->sparse && ftruncate(u->spool, u->spooled))
		die_errno("keep %s for later", u->source.name);
	u->tar.left = 0;
}

static void unpack_file(struct unpack *u, struct inode *i)
{
	i->size = u->entry.size;
	if (!u->source.direct) {
		spool_file(u, i);
		return;
	}
	i->fd = u->source.fd;
	i->offset = u->source.off;
}

static void unpack_link(struct unpack *u, struct node *n)
{
	const char *why;
	struct node *to;

	if (!tree_clean_path(u->entry.link, &why))
		die("%s: %.100s: %s", u->source.name, u->entry.link, why);
	to = tree_find(u->tree, u->entry.link);
	if (!to || to == n)
		die("%s: %s is a hard link to %.100s, which is not there",
		    u->source.name, tree_path(n), u->entry.link);
	if (S_ISDIR(to->inode->mode))
		die("%s: %s is a hard link to a directory", u->source.name,
		    tree_path(n));
	tree_link(n, to->inode);
}

static const uint32_t tar_formats[] = {
	['0'] = S_IFREG, ['2'] = S_IFLNK, ['3'] = S_IFCHR, ['4'] = S_IFBLK,
	['5'] = S_IFDIR, ['6'] = S_IFIFO,
};

static void unpack_entry(struct unpack *u)
{
	struct tar_entry *e = &u->entry;
	const char *why;
	struct node *n;
	struct inode *i;

	if (!tree_clean_path(e->path, &why))
		die("%s: %.100s: %s", u->source.name, e->path, why);
	n = tree_add(u->tree, e->path, ORIGIN_TAR, e->type == '5');
	i = n->inode;
	if (e->type == '1') {
		unpack_link(u, n);
		return;
	}
	i->mode = tar_formats[(uint8_t)e->type] | (e->mode & 07777);
	i->major = e->major;
	i->minor = e->minor;
	tree_owner(u->tree, i, e->uid, e->gid);
	tree_time(u->tree, i, e->mtime, e->nsec);
	if (e->type == '0')
		unpack_file(u, i);
	if (e->type != '2')
		return;
	i->size = strlen(e->link);
	i->target = strdup(e->link);
	if (!i->target)
		die_errno("allocate a link");
}

void tree_read_tar(struct tree *t, const char *path, const char *near)
{
	struct unpack *u = xzalloc(sizeof(*u));
	int r;

	u->tree = t;
	source_open(&u->source, path);
	u->tar.read = unpack_read;
	u->tar.skip = unpack_skip;
	u->tar.from = &u->source;
	if (!u->source.direct)
		u->spool = spool_open(near);
	while ((r = tar_next(&u->tar, &u->entry)) > 0)
		unpack_entry(u);
	if (r < 0)
		die("%s: %s", u->source.name, u->tar.why);
	/* Whoever writes into our pipe need not die of it; gzip's checksum
	   is behind the end. */
	while (!u->source.direct &&
	       source_read(&u->source, u->entry.path, TAR_BLOCK))
		;
	/* The descriptor stays open: inodes point to it. */
	free(u);
}
