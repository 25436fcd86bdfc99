/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file appears under its name when it is whole, so that an interrupted run
 * or a full disk leaves what was there before, and no half file beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack.h"

#define SUFFIX	".XXXXXX"

/* Not NULL: to be removed when we leave, however we leave. */
static char *volatile temporary;

static void temporary_remove(void)
{
	if (temporary)
		unlink(temporary);
	temporary = NULL;
}

static void on_signal(int sig)
{
	temporary_remove();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void signals_catch(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT };

	/* What nohup(1) ignores stays ignored. */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (signal(signals[i], on_signal) == SIG_IGN)
			signal(signals[i], SIG_IGN);
}

static int temporary_open(const char *path)
{
	size_t size = strlen(path) + sizeof(SUFFIX);
	char *name = xzalloc(size);
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	snprintf(name, size, "%s" SUFFIX, path);
	atexit(temporary_remove);
	signals_catch();
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		die_errno("create %s", path);
	temporary = name;
	fchmod(fd, 0666 & ~mask);
	return fd;
}

static void copy(int from, int to, const char *path)
{
	static uint8_t chunk[KIB(64)];
	uint64_t at = 0;
	size_t n;

	while ((n = read_at(from, chunk, sizeof(chunk), at)) > 0) {
		if (!write_all(to, chunk, n))
			die_errno("write %s", path);
		at += n;
	}
}

/* link(2) never replaces; where there are no links, we have to look first. */
static void name_take(const char *path, bool force)
{
	if (!force && !link(temporary, path)) {
		temporary_remove();
		return;
	}
	if (!force && (errno == EEXIST || !access(path, F_OK)))
		die("%s: File exists; --force replaces it", path);
	if (rename(temporary, path))
		die_errno("rename to %s", path);
	temporary = NULL;
}

void whole_file_copy(int fd, const char *path, bool force)
{
	struct stat st;
	int to;

	if (!lstat(path, &st) && !force)
		die("%s: File exists; --force replaces it", path);
	to = temporary_open(path);
	copy(fd, to, path);
	if (fsync(to) && errno != EINVAL)
		die_errno("write %s", path);
	if (close(to))
		die_errno("write %s", path);
	name_take(path, force);
}
