/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Launcher's end of the console: where it leads, as --console says.
 *
 * Descriptors 0 to 2 are not ours alone.  The shell that started us has the
 * same open file descriptions, so setting O_NONBLOCK there would break it;
 * and without it, a terminal stopped by its user would stop us.  So we open
 * the same terminal or pipe once more, for ourselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "terminal.h"

static pid_t opened_by;		/* only it may close */
static int size_fd = -1;	/* the terminal whose size counts */

/* The device that tells the Guest of it. */
static struct {
	void (*fn)(void *owner);
	void *owner;
} resize;

/*
 * Descriptor fd is closed: fill it with something that gives end-of-file and
 * swallows or refuses output.  A rescue system may well have no /dev.
 */
static void fill_descriptor(int fd)
{
	int ends[2], keep;

	if (open("/dev/null", O_RDWR) == fd)
		return;
	if (pipe(ends))
		die_errno("pipe");
	keep = fd ? ends[1] : ends[0];
	if (keep != fd)
		dup2(keep, fd);
	for (int i = 0; i < 2; i++)
		if (ends[i] != fd)
			close(ends[i]);
}

void terminal_reserve(void)
{
	/* In this order, each finds its own number the lowest free one. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			fill_descriptor(fd);
}

/* What fd leads to, through an open file description of our own, or -1. */
static int open_again(int fd, int mode)
{
	int flags = mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, own;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, flags);
	if (!isatty(fd))
		return own;
	/* The other end of a pty opens as a new pty, which is not it. */
	if (own >= 0 && tty_same(own, fd))
		return own;
	if (own >= 0)
		close(own);
	/* No /proc, or a terminal that belongs to who we were before su. */
	own = open("/dev/tty", flags);
	if (own >= 0 && tty_same(own, fd))
		return own;
	if (own >= 0)
		close(own);
	return -1;
}

static mode_t file_type(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_mode & S_IFMT;
}

/* True if standard input carries the kernel or an initrd. */
static bool input_is_taken(const struct plan *plan)
{
	if (!plan)
		return false;
	for (unsigned i = 0; i < plan->ninitrds; i++)
		if (!strcmp(plan->initrds[i], "-"))
			return true;
	return plan->kernel && !strcmp(plan->kernel, "-");
}

/*
 * If it cannot be opened again, a read(2) after POLLIN does nearly as well:
 * it could only wait if somebody else read the same bytes in between.
 */
static void open_stdin(struct guest *g)
{
	mode_t type = file_type(STDIN_FILENO);
	int own = -1;

	if (input_is_taken(g->plan))
		return;
	if (type == S_IFCHR || type == S_IFIFO)
		own = open_again(STDIN_FILENO, O_RDONLY);
	if (own < 0)
		own = STDIN_FILENO;
	if (!isatty(STDIN_FILENO)) {
		input_from(own, SOURCE_STREAM, NULL);
		return;
	}
	input_from(own, SOURCE_TTY, NULL);
	tty_open(own);
	size_fd = own;
}

static void open_stdout(void)
{
	mode_t type = file_type(STDOUT_FILENO);
	enum sink sink = SINK_FILE;
	int own = STDOUT_FILENO;

	/*
	 * A file is not opened again: its offset is shared, rightly, as by
	 * "(lguest ...; date) >file".
	 */
	if (type == S_IFSOCK)
		sink = SINK_SOCKET;
	if (type == S_IFCHR || type == S_IFIFO) {
		own = open_again(STDOUT_FILENO, O_WRONLY);
		sink = own < 0 ? SINK_POLLED : SINK_NONBLOCK;
		if (own < 0)
			own = STDOUT_FILENO;
	}
	output_to(own, sink, "standard output", NULL);
	if (isatty(own))
		size_fd = own;
}

/* A serial line, a pty, /dev/null: input and output. */
static void open_character(const char *path)
{
	int flags = O_NONBLOCK | O_NOCTTY;
	int fd = xopen(path, O_RDWR | flags, 0);

	output_to(fd, SINK_NONBLOCK, path, NULL);
	if (!isatty(fd)) {
		input_from(fd, SOURCE_STREAM, NULL);
		return;
	}
	input_from(fd, SOURCE_TTY, NULL);
	tty_open(fd);
	size_fd = fd;
}

static void open_file(const char *path)
{
	struct stat st;
	int fd;

	if (!stat(path, &st) && S_ISCHR(st.st_mode)) {
		open_character(path);
	} else if (!stat(path, &st) && S_ISFIFO(st.st_mode)) {
		/* O_RDWR: readers may come and go; output waits for one. */
		fd = xopen(path, O_RDWR | O_NONBLOCK, 0);
		output_to(fd, SINK_NONBLOCK, path, NULL);
	} else if (!stat(path, &st) && S_ISBLK(st.st_mode)) {
		die("--console=%s: is a block device", path);
	} else {
		/* Not O_TRUNC: see output_truncate(). */
		fd = xopen(path, O_WRONLY | O_CREAT, 0666);
		output_truncate(fd);
		output_to(fd, SINK_FILE, path, NULL);
	}
}

/* A serial line says 0 by 0 when it does not know. */
bool terminal_size(uint16_t *cols, uint16_t *rows)
{
	struct winsize ws;

	if (size_fd < 0 || ioctl(size_fd, TIOCGWINSZ, &ws) || !ws.ws_col ||
	    !ws.ws_row)
		return false;
	*cols = ws.ws_col;
	*rows = ws.ws_row;
	return true;
}

void terminal_on_resize(void (*resized)(void *owner), void *owner)
{
	resize.fn = resized;
	resize.owner = owner;
}

void terminal_resized(void)
{
	if (resize.fn)
		resize.fn(resize.owner);
}

static void window_changed(struct guest *g)
{
	(void)g;
	terminal_resized();
}

void terminal_check(const char *what)
{
	if (!what)
		return;
	if (!*what)
		die_usage("--console=: tty, null, unix:PATH or a file is "
			  "wanted");
	if (!strncmp(what, "unix:", 5) && !socket_path_fits(what + 5))
		die_usage("--console=%s: the path is empty or too long for a "
			  "socket", what);
}

void terminal_open(struct guest *g, const char *what, const char *log)
{
	terminal_check(what);
	/* Readers go away, disks fill up: write(2) tells us soon enough. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	opened_by = getpid();
	output_open();
	input_open(g);
	if (!what || !strcmp(what, "tty")) {
		open_stdin(g);
		open_stdout();
	} else if (!strncmp(what, "unix:", 5)) {
		socket_open(what + 5);
	} else if (strcmp(what, "null")) {
		open_file(what);
	}
	transcript_open(log);
	if (size_fd >= 0)
		loop_on_signal(SIGWINCH, window_changed);
	terminal_resized();
	/* die() comes this way too, and what was printed until then counts. */
	atexit(terminal_close);
}

void terminal_close(void)
{
	/* A child that we forked has no business here. */
	if (opened_by != getpid())
		return;
	output_close(1000);
	transcript_flush();
	terminal_restore();
	socket_close();
}
