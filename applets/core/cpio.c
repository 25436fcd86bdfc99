/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The "newc" cpio format, as the kernel unpacks it into its initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst).
 */
#include <string.h>

#include "cpio.h"

/* cpio's end, padded as GNU cpio does it. */
#define TRAILER		"TRAILER!!!"
#define ARCHIVE_UNIT	512

static void cpio_pad(struct pack *p, unsigned unit)
{
	/* Not const: zeroes have no place in the binary. */
	static uint8_t zeroes[ARCHIVE_UNIT];

	pack_write(p, zeroes, -p->total & (unit - 1));
}

static void cpio_header(struct pack *p, const struct inode *i,
			const char *name, uint32_t size)
{
	int64_t mtime = i->mtime < 0 ? 0 :
			i->mtime > UINT32_MAX ? UINT32_MAX : i->mtime;
	bool is_node = S_ISCHR(i->mode) || S_ISBLK(i->mode);
	char text[111];

	snprintf(text, sizeof(text),
		 "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		 i->number, i->mode, i->uid, i->gid, i->nlink,
		 (uint32_t)mtime, size, 0, 0, is_node ? i->major : 0,
		 is_node ? i->minor : 0, (uint32_t)strlen(name) + 1, 0);
	pack_write(p, text, sizeof(text) - 1);
	pack_write(p, name, strlen(name) + 1);
	cpio_pad(p, 4);
}

static void cpio_data(struct pack *p, const struct tree *t,
		      const struct inode *i)
{
	struct feed f;
	uint64_t left;

	if (S_ISLNK(i->mode))
		pack_write(p, i->target, i->size);
	if (S_ISREG(i->mode) && i->size) {
		feed_open(&f, t, i);
		for (left = i->size; left; ) {
			size_t n = left < KIB(256) ? left : KIB(256);
			void *room = pack_room(p, &n);

			feed_read(&f, room, n);
			pack_used(p, n);
			target_progress(p->target, n);
			left -= n;
		}
		feed_close(&f);
	}
	cpio_pad(p, 4);
}

/*
 * The bytes of a file with several names come with the last of them: so do GNU
 * cpio and the kernel expect it.
 */
static void cpio_node(struct pack *p, const struct tree *t,
		      const struct node *n, uint32_t *number)
{
	struct inode *i = n->inode;
	bool last = --i->left == 0;
	bool has_data = last && (S_ISREG(i->mode) || S_ISLNK(i->mode));
	const char *path = tree_path(n) + 1;

	if (i->first == n)
		i->number = ++*number;
	if (S_ISREG(i->mode) && i->size > UINT32_MAX)
		die("%s: larger than 4 GiB, which cpio cannot hold", path);
	/* PATH_MAX of the kernel, which skips what is longer. */
	if (strlen(path) >= 4096)
		die("%.60s...: a path of more than 4095 bytes", path);
	if (S_ISLNK(i->mode) && i->size >= 4096)
		die("%s: a link to more than 4095 bytes", path);
	cpio_header(p, i, path, has_data ? i->size : 0);
	if (has_data)
		cpio_data(p, t, i);
}

void cpio_write(struct target *to, uint64_t off, struct tree *t, bool gzip)
{
	static const struct inode trailer = { .nlink = 1 };
	uint32_t number = 0;
	struct pack p;

	for (struct node *n = t->root; n; n = tree_next(n))
		if (n->inode->first == n && S_ISREG(n->inode->mode))
			to->due += n->inode->size;
	pack_start(&p, to, off, gzip);
	/* Not the root: what is unpacked into may keep its mode. */
	for (struct node *n = tree_next(t->root); n; n = tree_next(n))
		cpio_node(&p, t, n, &number);
	cpio_header(&p, &trailer, TRAILER, 0);
	cpio_pad(&p, ARCHIVE_UNIT);
	pack_end(&p);
}
