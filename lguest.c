/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One binary, several names: which one were we called by?
 */
#include <string.h>

#include "machine.h"

static const struct applet *applet_find(const char *name)
{
	for (const struct applet *const *a = applets; *a; a++)
		if (!strcmp((*a)->name, name))
			return *a;
	return NULL;
}

/* "lguest mkdisk ..." means "lguest-mkdisk ...". */
static const struct applet *applet_find_word(const char *word)
{
	char name[64];

	if (snprintf(name, sizeof(name), "lguest-%s", word) >= 64)
		return NULL;
	return applet_find(name);
}

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc ? argv[0] : "lguest";
	const struct applet *a = applet_find(name);

	/* A descriptor 0 to 2 that is closed would become some disk. */
	terminal_reserve();
	/* Under any other name we are what we are called after. */
	if (!a)
		a = applet_find("lguest");
	/* No MEM is such a word. */
	if (argc > 1 && a == applet_find("lguest") &&
	    applet_find_word(argv[1])) {
		a = applet_find_word(argv[1]);
		argc--;
		argv++;
	}
	progname = a->name;
	return a->main(argc, argv);
}
