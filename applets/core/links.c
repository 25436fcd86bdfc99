/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One binary under several names: which there are, and the links to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "links.h"

#define PATH_BYTES	4096

void links_list(void)
{
	for (const struct applet *const *a = applets; *a; a++)
		printf("%s\n", (*a)->name);
}

/* Where we are, for links to lead there. */
static void find_self(char *self, const char *argv0)
{
	ssize_t n = readlink("/proc/self/exe", self, PATH_BYTES - 1);

	if (n > 0) {
		self[n] = '\0';
	} else if (!strchr(argv0, '/') || !realpath(argv0, self)) {
		/* No /proc, and found by PATH: then it has to be said. */
		die("--install: call me by my path, for there is no /proc");
	}
}

/* Does this name lead to us already? */
static bool is_done(const char *self, const char *name)
{
	struct stat a, b;

	return !stat(self, &a) && !stat(name, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static void install_one(const char *self, const char *dir, const char *applet,
			bool symbolic)
{
	char name[PATH_BYTES];

	if (snprintf(name, sizeof(name), "%s/%s", dir, applet) >=
	    (int)sizeof(name))
		die("--install: %s: %s", dir, strerror(ENAMETOOLONG));
	if (is_done(self, name))
		return;
	/* Something else of that name is somebody's, and stays. */
	if (symbolic ? symlink(self, name) : link(self, name))
		die_errno("--install: %s %s", symbolic ? "symlink" : "link",
			  name);
}

int links_install(int argc, char **argv, const char *argv0)
{
	bool symbolic = argc > 1 && !strcmp(argv[1], "-s");
	char self[PATH_BYTES];

	if (argc != 2 + symbolic)
		die_usage("usage: lguest --install [-s] DIR");
	find_self(self, argv0);
	for (const struct applet *const *a = applets; *a; a++)
		install_one(self, argv[argc - 1], (*a)->name, symbolic);
	return STATUS_POWEROFF;
}
