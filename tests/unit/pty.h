/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of the console on a terminal.  The test is the shell: leader of a
 * session on a pty, with a Launcher in a job of its own.  What the Launcher
 * has to tell goes out as if its Guest had printed it.
 */
#ifndef PTY_H
#define PTY_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "rig.h"

#define PATIENCE_MS	20000
#define SHELL_STATUS	(O_RDWR | O_APPEND)	/* an odd one, to see it kept */

static int master, terminal;	/* ends of the pty */
static struct termios as_found;
static pid_t launcher;
static struct guest *g;

/* The Guest: takes `room` bytes and prints them back in hex. */
static size_t room;

static inline size_t room_of(void *owner)
{
	(void)owner;
	return room;
}

static inline void echo_hex(void *owner, const char *bytes, size_t n)
{
	char text[8];

	(void)owner;
	room -= n;
	while (n--) {
		snprintf(text, sizeof(text), "%02x.", *bytes++ & 0xff);
		terminal_write(text, 3);
	}
}

static struct reader reader = { .room = room_of, .take = echo_hex };

static inline void resized(void *owner)
{
	char text[40];
	uint16_t cols = 0, rows = 0;

	(void)owner;
	terminal_size(&cols, &rows);
	snprintf(text, sizeof(text), "(%ux%u)", cols, rows);
	terminal_write(text, strlen(text));
}

static inline void be_launcher(void)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };

	/* They are ours here, not the sanitizer's. */
	for (unsigned i = 0; i < ARRAY_SIZE(crashes); i++)
		signal(crashes[i], SIG_DFL);
	g = rig_guest(MIB(1));
	dup2(terminal, STDIN_FILENO);
	dup2(terminal, STDOUT_FILENO);
	terminal_reserve();
	terminal_open(g, "tty", NULL);
	terminal_attach(&reader, true);
	terminal_on_resize(resized, NULL);
	terminal_raw();
	terminal_write("ready", 5);
	loop_run(g);
	terminal_close();
	_exit(g->status);
}

static inline void open_terminal(void)
{
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) || unlockpt(master))
		abort();
	setsid();
	terminal = open(ptsname(master), SHELL_STATUS);
	ioctl(terminal, TIOCSCTTY, 0);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	tcgetattr(terminal, &as_found);
}

static inline void start(bool foreground)
{
	open_terminal();
	launcher = fork();
	if (!launcher) {
		setpgid(0, 0);
		if (foreground)
			tcsetpgrp(terminal, getpgrp());
		signal(SIGTTOU, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		be_launcher();
	}
	setpgid(launcher, launcher);
}

/* Reads what the Launcher prints until `want` was in it. */
static inline bool expect(const char *want)
{
	static char seen[1 << 15];
	static size_t n;
	struct pollfd p = { .fd = master, .events = POLLIN };

	for (;;) {
		char *at = strstr(seen, want);
		ssize_t more;

		if (at) {
			at += strlen(want);
			n -= at - seen;
			memmove(seen, at, n + 1);
			return true;
		}
		if (n == sizeof(seen) - 1 || poll(&p, 1, PATIENCE_MS) != 1)
			break;
		more = read(master, seen + n, sizeof(seen) - 1 - n);
		if (more <= 0)
			break;
		n += more;
		seen[n] = '\0';
	}
	fprintf(stderr, "expected %s, got %s\n", want, seen);
	return false;
}

static inline void type(const char *keys, size_t n)
{
	CHECK(write_all(master, keys, n));
}

static inline bool is_raw(void)
{
	struct termios t;

	tcgetattr(terminal, &t);
	return !(t.c_lflag & (ICANON | ECHO | ISIG)) && !(t.c_iflag & ICRNL);
}

static inline bool is_as_found(void)
{
	struct termios t;

	tcgetattr(terminal, &t);
	return t.c_lflag == as_found.c_lflag && t.c_iflag == as_found.c_iflag &&
	       t.c_oflag == as_found.c_oflag && t.c_cflag == as_found.c_cflag &&
	       !memcmp(t.c_cc, as_found.c_cc, sizeof(t.c_cc));
}

/* Within reason, soon. */
static inline bool soon(bool (*is)(void))
{
	for (unsigned ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (is())
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static inline int wait_status(int flags)
{
	int status = -1;

	alarm(60);
	waitpid(launcher, &status, flags);
	return status;
}

static inline void begin(void)
{
	start(true);
	CHECK(expect("ready"));
	CHECK(is_raw());
}

static inline void stop_launcher(void)
{
	kill(launcher, SIGKILL);
	wait_status(0);
}

#endif
