/* SPDX-License-Identifier: GPL-2.0-only */
/* Opening kernels and initrds so that they can be read twice. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

#define BIG	(300 * 1000)	/* more than a pipe holds */

static char dir[] = "/tmp/load-XXXXXX";
static char bytes[BIG], got[BIG + 1];

/* Puts fd where standard input is. */
static void become_stdin(int fd)
{
	dup2(fd, 0);
	close(fd);
}

/* A child writes BIG bytes to fd and ends. */
static void write_from_child(int fd, int other)
{
	if (!fork()) {
		close(other);
		write_all(fd, bytes, BIG);
		_exit(0);
	}
	close(fd);
}

/* Is fd a file of exactly bytes[skip..], as often as one reads it? */
static bool holds(int fd, size_t skip)
{
	for (int i = 0; i < 2; i++)
		if (pread(fd, got, sizeof(got), 0) != (ssize_t)(BIG - skip) ||
		    memcmp(got, bytes + skip, BIG - skip))
			return false;
	return fd > 2 && fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static int bytes_file(void)
{
	int fd = memfd_create("test", 0);

	CHECK(write_all(fd, bytes, BIG));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* load_open(path) ends with this status and one line with these words. */
static bool refused(const char *path, int want, const char *words)
{
	char said[256];
	int fds[2], status;
	ssize_t n;
	pid_t child;

	CHECK(!pipe(fds));
	child = fork();
	if (!child) {
		dup2(fds[1], 2);
		load_open(path);
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], said, sizeof(said) - 1);
	close(fds[0]);
	said[n < 0 ? 0 : n] = 0;
	waitpid(child, &status, 0);
	fprintf(stderr, "status %#x: %s\n", status, said);
	return WIFEXITED(status) && WEXITSTATUS(status) == want &&
	       strstr(said, words);
}

static void stdin_pipe(void)
{
	int fds[2];

	CHECK(!pipe(fds));
	write_from_child(fds[1], fds[0]);
	become_stdin(fds[0]);
	CHECK(holds(load_open("-"), 0));
	wait(NULL);
}

static void stdin_file(void)
{
	become_stdin(bytes_file());
	CHECK(holds(load_open("-"), 0));
}

/* `(read line; lguest 64 -) <file` means the rest. */
static void stdin_half_read(void)
{
	int fd = bytes_file();

	lseek(fd, 1000, SEEK_SET);
	become_stdin(fd);
	CHECK(holds(load_open("-"), 1000));
}

static void stdin_once(void)
{
	become_stdin(bytes_file());
	CHECK(holds(load_open("-"), 0));
	CHECK(refused("-", STATUS_USAGE, "only one file"));
}

static void stdin_empty(void)
{
	become_stdin(open("/dev/null", O_RDONLY));
	CHECK(refused("-", STATUS_FAILED, "standard input: empty"));
}

static void stdin_terminal(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);

	if (fd < 0 || grantpt(fd) || unlockpt(fd)) {
		rig_skip("no pseudo-terminal here");
		return;
	}
	become_stdin(open(ptsname(fd), O_RDWR | O_NOCTTY));
	CHECK(refused("-", STATUS_FAILED, "is a terminal"));
}

static void fifo(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/fifo", dir);
	CHECK(!mkfifo(path, 0600));
	if (!fork()) {
		write_all(open(path, O_WRONLY), bytes, BIG);
		_exit(0);
	}
	fd = load_open(path);
	unlink(path);
	CHECK(holds(fd, 0));
	wait(NULL);
}

/* A file stays open: what happens to its name is no matter. */
static void file(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	CHECK(write_all(fd, bytes, BIG));
	close(fd);
	fd = load_open(path);
	unlink(path);
	CHECK(holds(fd, 0));
}

static void refusals(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/nothing", dir);
	CHECK(refused(path, STATUS_FAILED, "No such file or directory"));
	CHECK(refused(path, STATUS_FAILED, path));
	close(open(path, O_WRONLY | O_CREAT, 0600));
	CHECK(refused(path, STATUS_FAILED, "nothing: empty"));
	unlink(path);
	CHECK(refused(dir, STATUS_FAILED, "is a directory"));
	CHECK(refused("/dev/null", STATUS_FAILED, "/dev/null: empty"));
}

int main(void)
{
	int failed;

	for (unsigned i = 0; i < BIG; i++)
		bytes[i] = i * 7 + (i >> 8);
	if (!mkdtemp(dir))
		return 1;
	RUN(stdin_pipe);
	RUN(stdin_file);
	RUN(stdin_half_read);
	RUN(stdin_once);
	RUN(stdin_empty);
	RUN(stdin_terminal);
	RUN(fifo);
	RUN(file);
	RUN(refusals);
	failed = rig_done();
	rmdir(dir);
	return failed;
}
