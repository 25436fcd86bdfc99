/* SPDX-License-Identifier: GPL-2.0-only */
/* The console where it is no terminal: pipes, files, sockets, nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

static size_t room_of(void *owner)
{
	(void)owner;
	return room;
}

static void take(void *owner, const char *bytes, size_t n)
{
	(void)owner;
	CHECK(n <= room);
	memcpy(got + ngot, bytes, n);
	ngot += n;
	room -= n;
}

static struct reader reader = { .room = room_of, .take = take };

static void turns(unsigned n)
{
	while (n--)
		rig_turn();
}

static void begin(const char *console, const char *log)
{
	g = rig_guest(MIB(1));
	terminal_open(g, console, log);
	terminal_raw();
	terminal_attach(&reader, true);
}

/* Makes fd the standard input or output; what it was is kept. */
static int redirect(int fd, int to)
{
	int kept = fcntl(to, F_DUPFD_CLOEXEC, 10);

	dup2(fd, to);
	close(fd);
	return kept;
}

/* Ours leads to a pipe from now on; returns the end to read from. */
static int pipe_stdout(void)
{
	int ends[2];

	if (pipe(ends))
		abort();
	own_stdout = redirect(ends[1], STDOUT_FILENO);
	return ends[0];
}

static int pipe_stdin(void)
{
	int ends[2];

	if (pipe(ends))
		abort();
	close(redirect(ends[0], STDIN_FILENO));
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	return ends[1];
}

static void end(void)
{
	terminal_close();
	if (own_stdout)
		dup2(own_stdout, STDOUT_FILENO);
}

static char *path_of(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		abort();
	return path;
}

static size_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n < 0 ? 0 : n] = '\0';
	close(fd);
	return n < 0 ? 0 : n;
}

static void print(const char *text)
{
	terminal_write(text, strlen(text));
	turns(2);
}

/* Prints until nothing more goes; returns how many bytes that were. */
static size_t print_all_it_takes(void)
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

static void room_told(void *owner)
{
	(void)owner;
	told_of_room++;
}

static size_t drain_pipe(int fd)
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

/* The queue fills, then everything else goes on: rig_turn() returns. */
static void slow_reader(void)
{
	int fd = pipe_stdout();
	size_t n;

	begin("tty", NULL);
	terminal_on_room(room_told, NULL);
	n = print_all_it_takes();
	CHECK_EQ(terminal_room(), 0);
	CHECK(n >= KIB(64) && n <= KIB(64) + KIB(64));
	told_of_room = 0;
	turns(5);
	CHECK_EQ(told_of_room, 0);
	CHECK_EQ(drain_pipe(fd), n);
	CHECK(told_of_room > 0);
	CHECK_EQ(terminal_room(), KIB(64));
	end();
}

/* Where no description of our own is to be had. */
static void slow_reader_of_shared_pipe(void)
{
	int fd = pipe_stdout(), other = dup(STDOUT_FILENO);
	struct rlimit few = { other + 1, other + 1 }, old;
	size_t n;

	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	/* open() finds no free descriptor. */
	while (dup(0) >= 0 && dup(0) < 40)
		;
	setrlimit(RLIMIT_NOFILE, &few);
	begin("tty", NULL);
	setrlimit(RLIMIT_NOFILE, &old);
	n = print_all_it_takes();
	CHECK_EQ(terminal_room(), 0);
	CHECK_EQ(drain_pipe(fd), n);
	end();
}

static void status_flags_are_left_alone(void)
{
	int in = pipe_stdin(), out = pipe_stdout();

	begin("tty", NULL);
	turns(3);
	print_all_it_takes();
	CHECK(!(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK));
	CHECK(!(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK));
	CHECK(!(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK));
	drain_pipe(out);
	end();
	close(in);
}

static void reader_gone(void)
{
	int fd = pipe_stdout();

	begin("tty", NULL);
	close(fd);
	rig_warnings();
	for (unsigned i = 0; i < 10; i++)
		print("anybody there?\n");
	CHECK_EQ(rig_warnings(), 1);
	CHECK_EQ(terminal_room(), KIB(64));
	CHECK(!g->ended);
	end();
}

/* It stopped reading first, and then it went: whoever waits must be told. */
static void slow_reader_gone(void)
{
	int fd = pipe_stdout();

	begin("tty", NULL);
	terminal_on_room(room_told, NULL);
	print_all_it_takes();
	rig_warnings();
	told_of_room = 0;
	close(fd);
	turns(5);
	CHECK_EQ(told_of_room, 1);
	CHECK_EQ(rig_warnings(), 1);
	CHECK_EQ(terminal_room(), KIB(64));
	end();
}

static void disk_full(void)
{
	begin("/dev/full", NULL);
	rig_warnings();
	print("this\n");
	print("fits nowhere\n");
	CHECK_EQ(rig_warnings(), 1);
	CHECK_EQ(terminal_room(), KIB(64));
	CHECK(!g->ended);
	end();
}

/* A reader that never comes back costs a second, not the exit. */
static void close_does_not_wait_for_ever(void)
{
	uint64_t start;

	pipe_stdout();
	begin("tty", NULL);
	print_all_it_takes();
	start = now_ns();
	end();
	CHECK(now_ns() - start >= UINT64_C(900000000));
}

static void pipe_is_read_as_the_guest_reads(void)
{
	int fd = pipe_stdin();
	static char block[KIB(64)];
	size_t n = 0;
	ssize_t done;

	begin("tty", NULL);
	room = 0;
	memset(block, 'x', sizeof(block));
	for (unsigned i = 0; i < 200; i++) {
		while ((done = write(fd, block, sizeof(block))) > 0)
			n += done;
		turns(2);
	}
	/* Nothing but what the pipe itself holds was taken from the writer. */
	CHECK_EQ(n, fcntl(fd, F_GETPIPE_SZ));
	CHECK_EQ(ngot, 0);
	room = 10;
	turns(3);
	CHECK_EQ(ngot, 10);
	room = sizeof(got) - ngot;
	close(fd);
	turns(100);
	CHECK_EQ(ngot, n);
}

static unsigned ticks;

static void ticked(void *owner)
{
	(void)owner;
	ticks++;
}

/* Neither spins nor stops: only a timer ends the wait. */
static void end_of_input(void)
{
	static struct timer timer = { .expired = ticked };
	unsigned n = 0;
	int fd = pipe_stdin();

	begin("tty", NULL);
	if (write(fd, "the end", 7) != 7)
		abort();
	close(fd);
	turns(3);
	CHECK_EQ(ngot, 7);
	timer_add(&timer);
	timer.when = now_ns() + UINT64_C(200000000);
	while (!ticks && n++ < 1000)
		loop_turn(g, -1);
	CHECK(n <= 2);
	CHECK(!g->ended);
}

static void input_goes_to_the_last_reader(void)
{
	static struct reader nobody = { .room = room_of, .take = NULL };
	int fd = pipe_stdin();

	begin("tty", NULL);
	terminal_attach(&nobody, true);
	room = 0;
	if (write(fd, "hello", 5) != 5)
		abort();
	turns(3);
	terminal_attach(&nobody, false);
	room = 100;
	turns(2);
	CHECK_EQ(ngot, 5);
	CHECK(!memcmp(got, "hello", 5));
}

/* Keys mean something on terminals only. */
static void pipe_has_no_keys(void)
{
	int fd = pipe_stdin();

	begin("tty", NULL);
	if (write(fd, "\003\003\003\001x", 5) != 5)
		abort();
	turns(3);
	CHECK_EQ(ngot, 5);
	CHECK(!memcmp(got, "\003\003\003\001x", 5));
	CHECK(!g->ended);
}

static void null_console(void)
{
	int in = pipe_stdin(), out = pipe_stdout();

	begin("null", NULL);
	if (write(in, "typed", 5) != 5)
		abort();
	print("printed\n");
	turns(3);
	CHECK_EQ(ngot, 0);
	CHECK_EQ(terminal_room(), KIB(64));
	end();
	CHECK_EQ(drain_pipe(out), 0);
}

/* ------------------------------------------------------------------ */

static void file_is_emptied_when_the_guest_starts(void)
{
	char *path = path_of("file"), buf[64];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	CHECK_EQ(write(fd, "something longer\n", 17), 17);
	close(fd);
	g = rig_guest(MIB(1));
	terminal_open(g, path, NULL);
	CHECK_EQ(read_file(path, buf, sizeof(buf)), 17);
	terminal_raw();
	CHECK_EQ(read_file(path, buf, sizeof(buf)), 0);
	print("new\n");
	terminal_raw();		/* after a stop: must not cut again */
	print("words\n");
	end();
	read_file(path, buf, sizeof(buf));
	CHECK(!strcmp(buf, "new\nwords\n"));
}

static void fifo_is_for_output(void)
{
	char *path = path_of("fifo"), buf[16] = "";
	int fd;

	CHECK_EQ(mkfifo(path, 0600), 0);
	begin(path, NULL);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	print("hello");
	CHECK_EQ(read(fd, buf, sizeof(buf)), 5);
	CHECK_EQ(ngot, 0);
	end();
}

static void log_is_a_copy(void)
{
	char *path = path_of("log"), buf[64];
	int fd = pipe_stdout();

	begin("tty", path);
	print("one\n");
	print("two");
	read_file(path, buf, sizeof(buf));
	CHECK(!strcmp(buf, "one\ntwo"));
	CHECK_EQ(drain_pipe(fd), 7);
	/* A console that nobody reads any more has its log all the same. */
	close(fd);
	print("three\n");
	print("four\n");
	end();
	read_file(path, buf, sizeof(buf));
	CHECK(!strcmp(buf, "one\ntwothree\nfour\n"));
}

static void log_on_a_full_disk(void)
{
	int fd = pipe_stdout();

	begin("tty", "/dev/full");
	rig_warnings();
	for (unsigned i = 0; i < 10; i++)
		print("a line\n");
	CHECK_EQ(rig_warnings(), 1);
	CHECK_EQ(drain_pipe(fd), 70);
	CHECK(!g->ended);
	end();
}

/* ------------------------------------------------------------------ */

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

/* ------------------------------------------------------------------ */

static void last_words_are(const char *printed, const char *want)
{
	char buf[100];

	print(printed);
	terminal_last_words(buf, sizeof(buf));
	if (strcmp(buf, want))
		fprintf(stderr, "last words: \"%s\"\n", buf);
	CHECK(!strcmp(buf, want));
}

static void last_words(void)
{
	begin("null", NULL);
	last_words_are("", "");
	last_words_are("\r\n \r\n", "");
	last_words_are("login: ", "login:");
	last_words_are("\r\n\033[1;31m[  OK  ]\033[0m done\a\r\n\r\n",
		       "[  OK  ] done");
	last_words_are("<0>[   12.345678][    T1] Kernel panic - not syncing: "
		       "Attempted to kill init!\r\n"
		       "[   12.345680] CPU: 0 PID: 1\r\n"
		       "[   12.4] ---[ end Kernel panic - not syncing: "
		       "Attempted to kill init! ]---\r\n",
		       "Kernel panic - not syncing: Attempted to kill init!");
}

/* The ring of it goes round at any place, and a long line is cut. */
static void last_words_of_a_talkative_guest(void)
{
	char line[40];

	begin("null", NULL);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(line, sizeof(line), "[%5u.0] line %u\r\n", i, i);
		terminal_write(line, strlen(line));
	}
	last_words_are("", "line 2999");
	memset(got, 'y', 20000);
	terminal_write(got, 20000);
	terminal_last_words(line, sizeof(line));
	CHECK_EQ(strlen(line), sizeof(line) - 1);
	terminal_last_words(line, 1);
	CHECK_EQ(*line, 0);
}

/* ------------------------------------------------------------------ */

static void reserved(const char *root)
{
	char c;

	if (root && chroot(root))
		_exit(77);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	terminal_reserve();
	signal(SIGPIPE, SIG_IGN);
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			_exit(1);
	if (read(0, &c, 1) != 0 || dup(0) < 3)
		_exit(2);
	/* /dev/null takes it all; a pipe without a reader refuses. */
	if (write(1, "x", 1) != (root ? -1 : 1))
		_exit(3);
	_exit(0);
}

static void try_reserve(const char *root)
{
	pid_t child = fork();
	int status;

	if (!child)
		reserved(root);
	waitpid(child, &status, 0);
	if (WEXITSTATUS(status) == 77)
		rig_skip("chroot needs root");
	else
		CHECK_EQ(status, 0);
}

static void closed_descriptors_are_reserved(void)
{
	try_reserve(NULL);
}

static void closed_descriptors_are_reserved_without_dev(void)
{
	char *empty = path_of("empty");

	mkdir(empty, 0700);
	try_reserve(empty);
}

static void remove_dir(void)
{
	char *command;

	if (asprintf(&command, "rm -rf %s", dir) < 0 || system(command))
		fprintf(stderr, "%s was not removed\n", dir);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	RUN(slow_reader);
	RUN(slow_reader_of_shared_pipe);
	RUN(status_flags_are_left_alone);
	RUN(reader_gone);
	RUN(slow_reader_gone);
	RUN(disk_full);
	RUN(close_does_not_wait_for_ever);
	RUN(pipe_is_read_as_the_guest_reads);
	RUN(end_of_input);
	RUN(input_goes_to_the_last_reader);
	RUN(pipe_has_no_keys);
	RUN(null_console);
	RUN(file_is_emptied_when_the_guest_starts);
	RUN(fifo_is_for_output);
	RUN(log_is_a_copy);
	RUN(log_on_a_full_disk);
	RUN(socket_one_at_a_time);
	RUN(socket_client_leaves_unread);
	RUN(socket_half_closed);
	RUN(socket_slow_client_leaves);
	RUN(socket_stale_is_replaced);
	RUN(socket_never_replaces_files);
	RUN(last_words);
	RUN(last_words_of_a_talkative_guest);
	RUN(closed_descriptors_are_reserved);
	RUN(closed_descriptors_are_reserved_without_dev);
	remove_dir();
	return rig_done();
}
