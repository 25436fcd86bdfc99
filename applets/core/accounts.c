/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lists of users and groups, one a line: "NAME:PASSWORD:UID:GID:..." and
 * "NAME:PASSWORD:GID:MEMBER,MEMBER...".
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"

static uint32_t take_id(char **rest)
{
	char *item = next_item(rest, ':');
	uint64_t id;

	if (!item || !parse_number(item, 0, ACCOUNTS_NOBODY - 1, &id))
		return ACCOUNTS_NOBODY;
	return (uint32_t)id;
}

/* Cuts the line at its start down to the name. */
static bool line_take(struct account *a)
{
	char *rest = a->name;

	next_item(&rest, ':');
	next_item(&rest, ':');
	a->id = take_id(&rest);
	a->gid = take_id(&rest);
	return *a->name && a->id != ACCOUNTS_NOBODY;
}

bool accounts_find(struct account *a, const char *list, const char *name,
		   uint32_t id)
{
	int fd = open(list, O_RDONLY | O_CLOEXEC);
	bool found = false, inside = false;
	off_t at = 0;
	ssize_t n;

	while (!found &&
	       (n = pread(fd, a->name, sizeof(a->name) - 1, at)) > 0) {
		char *end = memchr(a->name, '\n', n);

		/* Of a group with many members we have seen what matters. */
		a->name[end ? end - a->name : n] = '\0';
		at += end ? end - a->name + 1 : n;
		found = !inside && line_take(a) &&
			(name ? !strcmp(a->name, name) : a->id == id);
		inside = !end;
	}
	if (fd >= 0)
		close(fd);
	return found;
}
