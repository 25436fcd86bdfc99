/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the console share: a Guest that takes what is typed, the
 * ends of pipes in place of our own, and a directory to litter.
 */
#ifndef ENDS_H
#define ENDS_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

static struct guest *g;
static int own_stdout;
static char dir[] = "/tmp/lguest-terminal-XXXXXX";

/* A Guest that takes `room` bytes and keeps them. */
static size_t room = 1 << 20;
static char got[1 << 17];
static size_t ngot;

static inline size_t room_of(void *owner)
{
	(void)owner;
	return room;
}

static inline void take(void *owner, const char *bytes, size_t n)
{
	(void)owner;
	CHECK(n <= room);
	memcpy(got + ngot, bytes, n);
	ngot += n;
	room -= n;
}

static struct reader reader = { .room = room_of, .take = take };

static inline void turns(unsigned n)
{
	while (n--)
		rig_turn();
}

static inline void begin(const char *console, const char *log)
{
	g = rig_guest(MIB(1));
	terminal_open(g, console, log);
	terminal_raw();
	terminal_attach(&reader, true);
}

/* Makes fd the standard input or output; what it was is kept. */
static inline int redirect(int fd, int to)
{
	int kept = fcntl(to, F_DUPFD_CLOEXEC, 10);

	dup2(fd, to);
	close(fd);
	return kept;
}

/* Ours leads to a pipe from now on; returns the end to read from. */
static inline int pipe_stdout(void)
{
	int ends[2];

	if (pipe(ends))
		abort();
	own_stdout = redirect(ends[1], STDOUT_FILENO);
	return ends[0];
}

static inline int pipe_stdin(void)
{
	int ends[2];

	if (pipe(ends))
		abort();
	close(redirect(ends[0], STDIN_FILENO));
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	return ends[1];
}

static inline void end(void)
{
	terminal_close();
	if (own_stdout)
		dup2(own_stdout, STDOUT_FILENO);
}

static inline char *path_of(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		abort();
	return path;
}

static inline size_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n < 0 ? 0 : n] = '\0';
	close(fd);
	return n < 0 ? 0 : n;
}

static inline void print(const char *text)
{
	terminal_write(text, strlen(text));
	turns(2);
}

/* Prints until nothing more goes; returns how many bytes that were. */
static inline size_t print_all_it_takes(void)
{
	static const char line[] = "a line of text\n";
	size_t n = 0;

	for (unsigned quiet = 0; quiet < 3; ) {
		size_t can = terminal_room();

		if (can > sizeof(line) - 1)
			can = sizeof(line) - 1;
		terminal_write(line, can);
		n += can;
		quiet = can ? 0 : quiet + 1;
		if (!can)
			rig_turn();
	}
	return n;
}

static unsigned told_of_room;

static inline void room_told(void *owner)
{
	(void)owner;
	told_of_room++;
}

static inline size_t drain_pipe(int fd)
{
	char buf[8192];
	size_t all = 0;
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (unsigned i = 0; i < 100; i++) {
		rig_turn();
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			all += n;
	}
	return all;
}

static inline void remove_dir(void)
{
	char *command;

	if (asprintf(&command, "rm -rf %s", dir) < 0 || system(command))
		fprintf(stderr, "%s was not removed\n", dir);
}

#endif
