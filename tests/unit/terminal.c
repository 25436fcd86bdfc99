/* SPDX-License-Identifier: GPL-2.0-only */
/* The console where it is no terminal: pipes, files, nothing. */
#include <sys/resource.h>

#include "ends.h"

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

/* Where no description of our own is to be had: no free descriptor for it. */
static void slow_reader_of_shared_pipe(void)
{
	struct rlimit few, old;
	int fd = pipe_stdout(), highest;
	size_t n;

	g = rig_guest(MIB(1));
	while ((highest = dup(STDIN_FILENO)) < 40)
		;
	getrlimit(RLIMIT_NOFILE, &old);
	few = (struct rlimit){ highest + 1, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &few);
	terminal_open(g, "tty", NULL);
	setrlimit(RLIMIT_NOFILE, &old);
	/* So that the queue and the pipe do not match to the byte. */
	print("odd");
	n = 3 + print_all_it_takes();
	CHECK_EQ(terminal_room(), 0);
	CHECK(!(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK));
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

/* Refused with one line and the status that the help promises. */
static void refused_with(enum status want, const char *console,
			 const char *log)
{
	pid_t child;
	int status;

	rig_warnings();
	child = fork();
	if (!child) {
		terminal_open(rig_guest(MIB(1)), console, log);
		_exit(0);
	}
	waitpid(child, &status, 0);
	CHECK_EQ(WEXITSTATUS(status), want);
	CHECK_EQ(rig_warnings(), 1);
}

static void refused(void)
{
	char longest[200] = "unix:";

	memset(longest + 5, 'x', 108);
	refused_with(STATUS_USAGE, "", NULL);
	refused_with(STATUS_USAGE, "unix:", NULL);
	refused_with(STATUS_USAGE, longest, NULL);
	refused_with(STATUS_FAILED, dir, NULL);
	refused_with(STATUS_FAILED, "/none/such", NULL);
	refused_with(STATUS_FAILED, "unix:/none/such", NULL);
	refused_with(STATUS_FAILED, "null", dir);
	refused_with(STATUS_FAILED, "null", "/none/such");
}

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
	RUN(refused);
	RUN(closed_descriptors_are_reserved);
	RUN(closed_descriptors_are_reserved_without_dev);
	remove_dir();
	return rig_done();
}
