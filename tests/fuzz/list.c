/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any text as lines of a list: an entry that is complete, or a reason.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "list.h"

static void judge(char *line)
{
	struct list_entry e;
	char why[LIST_WHY_MAX] = "";
	int r = list_parse(line, &e, why);

	if (r < 0 && (!why[0] || !memchr(why, 0, sizeof(why))))
		abort();
	if (r <= 0)
		return;
	if (!e.name || !*e.name || !(e.mode & S_IFMT))
		abort();
	if ((S_ISREG(e.mode) || S_ISLNK(e.mode)) && !e.from)
		abort();
	if (e.nlinks > LIST_LINKS_MAX || (e.nlinks && !S_ISREG(e.mode)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, *line;

	memcpy(text, data, size);
	text[size] = '\0';
	while ((line = next_item(&rest, '\n')))
		judge(line);
	free(text);
	return 0;
}
