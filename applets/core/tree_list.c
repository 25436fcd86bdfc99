/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A list as a part of the tree: what its user could not create, or does not
 * own.  It comes last and says about each name what is to hold.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "list.h"
#include "source.h"
#include "tree.h"

struct lines {
	struct tree *tree;
	const char *name;
	unsigned number;
};

NORETURN static void line_die(const struct lines *l, const char *what,
			      const char *why)
{
	die("%s:%u: %s%s%s", l->name, l->number, what, *what ? ": " : "", why);
}

/* ${NAME} in a location is from the environment. */
static char *line_expand(const struct lines *l, const char *text)
{
	char *out = xzalloc(PATH_BYTES_MAX + 1), name[256];
	size_t at = 0;

	while (*text) {
		size_t len = strcspn(text, "}");
		const char *value;

		if (strncmp(text, "${", 2) || !text[len] ||
		    len - 2 >= sizeof(name)) {
			if (at == PATH_BYTES_MAX)
				line_die(l, "", "the location is too long");
			out[at++] = *text++;
			continue;
		}
		memcpy(name, text + 2, len - 2);
		name[len - 2] = '\0';
		value = getenv(name);
		value = value ? value : "";
		if (strlen(value) > PATH_BYTES_MAX - at)
			line_die(l, name, "the location is too long");
		at += sprintf(out + at, "%s", value);
		text += len + 1;
	}
	return out;
}

static struct node *line_node(const struct lines *l, char *name, bool is_dir)
{
	const char *why;

	if (!tree_clean_path(name, &why))
		line_die(l, name, why);
	if (!*name && !is_dir)
		line_die(l, "/", "is a directory");
	return tree_add(l->tree, name, ORIGIN_LIST, is_dir);
}

static void line_file(const struct lines *l, struct inode *i, const char *from)
{
	struct stat st;

	i->location = line_expand(l, from);
	if (stat(i->location, &st))
		die_errno("%s:%u: stat %s", l->name, l->number, i->location);
	if (!S_ISREG(st.st_mode))
		line_die(l, i->location, "not a file");
	i->size = st.st_size;
	i->sparse = (uint64_t)st.st_blocks * 512 < i->size;
	tree_time(l->tree, i, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static void line_take(const struct lines *l, struct list_entry *e)
{
	struct node *n = line_node(l, e->name, S_ISDIR(e->mode));
	struct inode *i = n->inode;

	i->mode = e->mode;
	i->uid = e->uid;
	i->gid = e->gid;
	i->major = e->major;
	i->minor = e->minor;
	if (S_ISREG(e->mode))
		line_file(l, i, e->from);
	if (S_ISLNK(e->mode)) {
		i->target = strdup(e->from);
		i->size = strlen(e->from);
		if (!i->target)
			die_errno("allocate a link");
	}
	for (unsigned k = 0; k < e->nlinks; k++)
		tree_link(line_node(l, e->links[k], false), i);
}

/* All of the list, with a NUL behind it. */
static char *list_read(const char *path)
{
	struct source s;
	size_t room = KIB(64), n = 0, part;
	char *text = NULL;

	source_open(&s, path);
	do {
		room *= 2;
		text = realloc(text, room + 1);
		if (!text)
			die_errno("allocate %zu bytes", room);
		part = source_read(&s, text + n, room - n);
		n += part;
	} while (n == room);
	text[n] = '\0';
	if (strlen(text) != n)
		die("%s: not a list: it has NUL bytes", s.name);
	source_close(&s);
	return text;
}

void tree_read_list(struct tree *t, const char *path)
{
	struct lines l = {
		.tree = t,
		.name = strcmp(path, "-") ? path : "standard input",
	};
	char *text = list_read(path), *rest = text, *line;
	struct list_entry e;
	char why[LIST_WHY_MAX];
	int r;

	while ((line = next_item(&rest, '\n'))) {
		l.number++;
		r = list_parse(line, &e, why);
		if (r < 0)
			line_die(&l, "", why);
		if (r)
			line_take(&l, &e);
	}
	free(text);
}
