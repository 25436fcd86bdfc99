/* SPDX-License-Identifier: GPL-2.0-only */
/* --console=unix:PATH. */
#include <sys/socket.h>
#include <sys/un.h>

#include "ends.h"

static int dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(a.sun_path, path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		return -1;
	}
	return fd;
}

static char *unix_console(const char *path)
{
	char *what;

	if (asprintf(&what, "unix:%s", path) < 0)
		abort();
	return what;
}

static bool hears(int fd, const char *want)
{
	char buf[64] = "";
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	return n == (ssize_t)strlen(want) && !memcmp(buf, want, n);
}

static void socket_one_at_a_time(void)
{
	char *path = path_of("one");
	int first, second;

	begin(unix_console(path), NULL);
	print("nobody hears this\n");
	first = dial(path);
	second = dial(path);
	turns(3);
	print("first");
	CHECK(hears(first, "first"));
	CHECK_EQ(read(second, got, 1), -1);
	CHECK_EQ(write(first, "hi", 2), 2);
	turns(2);
	CHECK_EQ(ngot, 2);
	close(first);
	turns(5);
	print("second");
	CHECK(hears(second, "second"));
	CHECK_EQ(write(second, "ho", 2), 2);
	turns(2);
	CHECK_EQ(ngot, 4);
	CHECK_EQ(rig_warnings(), 0);
	end();
	CHECK(access(path, F_OK) < 0);
}

/* What it wrote before leaving is not lost; yet it holds up nobody. */
static void socket_client_leaves_unread(void)
{
	char *path = path_of("unread");
	int fd;

	begin(unix_console(path), NULL);
	room = 0;
	fd = dial(path);
	turns(2);
	CHECK_EQ(write(fd, "bye", 3), 3);
	close(fd);
	turns(5);
	room = 2;
	turns(5);
	CHECK_EQ(ngot, 2);
	fd = dial(path);
	turns(5);
	print("welcome");
	CHECK(hears(fd, "welcome"));
	end();
}

/* "echo ls | nc -U": no more input, but it still listens. */
static void socket_half_closed(void)
{
	char *path = path_of("half");
	unsigned n = 0;
	int fd, next;

	begin(unix_console(path), NULL);
	fd = dial(path);
	turns(2);
	CHECK_EQ(write(fd, "ls\n", 3), 3);
	shutdown(fd, SHUT_WR);
	turns(5);
	CHECK_EQ(ngot, 3);
	print("files");
	CHECK(hears(fd, "files"));
	/* It must not spin meanwhile. */
	for (uint64_t start = now_ns(); now_ns() - start < 100000000; n++)
		loop_turn(g, 100);
	CHECK(n <= 2);
	close(fd);
	next = dial(path);
	turns(5);
	print("next");
	CHECK(hears(next, "next"));
	end();
}

static void socket_slow_client_leaves(void)
{
	char *path = path_of("slow");
	int fd;

	begin(unix_console(path), NULL);
	terminal_on_room(room_told, NULL);
	fd = dial(path);
	turns(2);
	print_all_it_takes();
	CHECK_EQ(terminal_room(), 0);
	told_of_room = 0;
	close(fd);
	turns(5);
	CHECK_EQ(terminal_room(), KIB(64));
	CHECK(told_of_room > 0);
	CHECK_EQ(rig_warnings(), 0);
	end();
}

static void in_child(const char *console, int *status)
{
	pid_t child = fork();

	if (!child) {
		begin(console, NULL);
		_exit(0);	/* without cleaning up */
	}
	waitpid(child, status, 0);
}

static void socket_stale_is_replaced(void)
{
	char *path = path_of("stale");
	int status, fd;

	in_child(unix_console(path), &status);
	CHECK_EQ(status, 0);
	CHECK_EQ(access(path, F_OK), 0);
	begin(unix_console(path), NULL);
	fd = dial(path);
	CHECK(fd >= 0);
	/* And one in use is not. */
	in_child(unix_console(path), &status);
	CHECK_EQ(WEXITSTATUS(status), STATUS_FAILED);
	turns(3);
	print("still here");
	CHECK(hears(fd, "still here"));
	end();
}

static void socket_never_replaces_files(void)
{
	char *path = path_of("precious"), buf[16];
	int fd = open(path, O_WRONLY | O_CREAT, 0600), status;

	CHECK_EQ(write(fd, "precious", 8), 8);
	close(fd);
	in_child(unix_console(path), &status);
	CHECK_EQ(WEXITSTATUS(status), STATUS_FAILED);
	CHECK_EQ(read_file(path, buf, sizeof(buf)), 8);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	RUN(socket_one_at_a_time);
	RUN(socket_client_leaves_unread);
	RUN(socket_half_closed);
	RUN(socket_slow_client_leaves);
	RUN(socket_stale_is_replaced);
	RUN(socket_never_replaces_files);
	remove_dir();
	return rig_done();
}
