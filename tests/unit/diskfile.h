/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of disks: images in a directory of their own, and ways to see
 * whether one changed and how the Launcher refuses one.
 */
#ifndef DISKFILE_H
#define DISKFILE_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

#define MAYBE	__attribute__((unused))

static char diskfile_dir[] = "/tmp/lguest-unit-XXXXXX";

static inline void diskfile_begin(void)
{
	if (!mkdtemp(diskfile_dir))
		exit(1);
}

static inline void diskfile_end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", diskfile_dir);
	if (system(command))
		fprintf(stderr, "cannot remove %s\n", diskfile_dir);
}

/* Where the image called name lies; two at a time. */
static inline char *diskfile_path(const char *name)
{
	static char path[2][128];
	static unsigned i;

	i ^= 1;
	snprintf(path[i], sizeof(path[i]), "%s/%s", diskfile_dir, name);
	return path[i];
}

/* No two sectors are alike, and none is zero. */
static inline uint8_t diskfile_byte(uint64_t off)
{
	return (off / 512 * 7 + off * 13) % 251 + 1;
}

static inline char *diskfile_make(const char *name, size_t size)
{
	char *path = diskfile_path(name);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	uint8_t *bytes = malloc(size + 1);

	for (size_t i = 0; i < size; i++)
		bytes[i] = diskfile_byte(i);
	if (fd < 0 || !write_all(fd, bytes, size))
		abort();
	free(bytes);
	close(fd);
	return path;
}

/* A number that stays the same as long as size and bytes do (FNV-1a). */
static inline uint64_t diskfile_sum(const char *path)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	uint8_t buf[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY);

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum = (sum ^ buf[i]) * UINT64_C(0x100000001b3);
	close(fd);
	return sum;
}

/*
 * Runs fn(arg) in a process of its own and returns its exit status; what it
 * wrote to stderr is in said.
 */
static MAYBE int dies(void (*fn)(const char *arg), const char *arg,
		      char *said, size_t size)
{
	int status, fds[2];
	ssize_t n, len = 0;
	pid_t child;

	if (pipe(fds))
		abort();
	fflush(stdout);
	child = fork();
	if (!child) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		fn(arg);
		_exit(77);
	}
	close(fds[1]);
	while ((n = read(fds[0], said + len, size - 1 - len)) > 0)
		len += n;
	said[len] = '\0';
	close(fds[0]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* One line, with these words in it. */
static MAYBE bool says(const char *said, const char *words)
{
	const char *end = strchr(said, '\n');

	if (end && !end[1] && strstr(said, words))
		return true;
	fprintf(stderr, "said '%s', not '%s'\n", said, words);
	return false;
}

#endif
