/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opens kernels and initrds.  A reboot reads them again, perhaps from inside
 * a chroot and without privileges: so the descriptor stays open, and what can
 * be read only once is kept in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"

/* Nothing above 2 GiB can be loaded, so /dev/zero may end here. */
#define COPY_MAX	GIB(2)
#define COPY_CHUNK	KIB(64)

const char *load_name(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

/* In memory, or where the Host has room for it. */
int load_nameless(void)
{
	char name[] = "/tmp/lguest-XXXXXX";
	int fd = memfd_create("lguest-copy", MFD_CLOEXEC);

	if (fd >= 0)
		return fd;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		die_errno("open %s", name);
	unlink(name);
	return fd;
}

static int copy_to_memory(int from, const char *name)
{
	static char buf[COPY_CHUNK];
	uint64_t total = 0;
	int fd = load_nameless();
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die_errno("read %s", name);
		total += n;
		if (total > COPY_MAX)
			die("%s: more than 2 GiB cannot be loaded", name);
		if (!write_all(fd, buf, n))
			die_errno("copy %s to memory", name);
	}
	return fd;
}

/* Standard input can be read once, however it is spelled. */
static int open_stdin(void)
{
	static bool taken;
	int fd;

	if (taken)
		die_usage("only one file can be standard input (-)");
	taken = true;
	if (isatty(0))
		die("standard input is a terminal, not a file");
	/* Never 0 itself, which belongs to the console too. */
	fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		die_errno("standard input");
	return fd;
}

int load_open(const char *path)
{
	const char *name = load_name(path);
	bool is_stdin = name != path;
	int copy, fd = is_stdin ? open_stdin() : xtake(path);
	struct stat st;

	if (fd < 0)
		fd = xopen(path, O_RDONLY, 0);
	if (fstat(fd, &st))
		die_errno("stat %s", name);
	if (S_ISDIR(st.st_mode))
		die("%s: is a directory", name);
	/* Somebody may have read a part of what is our standard input. */
	if (!S_ISREG(st.st_mode) ||
	    (is_stdin && lseek(fd, 0, SEEK_CUR) != 0)) {
		copy = copy_to_memory(fd, name);
		close(fd);
		fd = copy;
		if (fstat(fd, &st))
			die_errno("stat %s", name);
	}
	if (!st.st_size)
		die("%s: empty", name);
	return fd;
}
