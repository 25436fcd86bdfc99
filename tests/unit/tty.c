/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The console on a terminal.  The test is the shell: leader of a session on a
 * pty, with a Launcher in a job of its own.  What the Launcher has to tell
 * goes out as if its Guest had printed it.
 */
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

static size_t room_of(void *owner)
{
	(void)owner;
	return room;
}

static void echo_hex(void *owner, const char *bytes, size_t n)
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

static void resized(void *owner)
{
	char text[40];
	uint16_t cols = 0, rows = 0;

	(void)owner;
	terminal_size(&cols, &rows);
	snprintf(text, sizeof(text), "(%ux%u)", cols, rows);
	terminal_write(text, strlen(text));
}

static void be_launcher(void)
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

static void open_terminal(void)
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

static void start(bool foreground)
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
static bool expect(const char *want)
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

static void type(const char *keys, size_t n)
{
	CHECK(write_all(master, keys, n));
}

static bool is_raw(void)
{
	struct termios t;

	tcgetattr(terminal, &t);
	return !(t.c_lflag & (ICANON | ECHO | ISIG)) && !(t.c_iflag & ICRNL);
}

static bool is_as_found(void)
{
	struct termios t;

	tcgetattr(terminal, &t);
	return t.c_lflag == as_found.c_lflag && t.c_iflag == as_found.c_iflag &&
	       t.c_oflag == as_found.c_oflag && t.c_cflag == as_found.c_cflag &&
	       !memcmp(t.c_cc, as_found.c_cc, sizeof(t.c_cc));
}

/* Within reason, soon. */
static bool soon(bool (*is)(void))
{
	for (unsigned ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (is())
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static int wait_status(int flags)
{
	int status = -1;

	alarm(60);
	waitpid(launcher, &status, flags);
	return status;
}

static void begin(void)
{
	start(true);
	CHECK(expect("ready"));
	CHECK(is_raw());
}

static void stop_launcher(void)
{
	kill(launcher, SIGKILL);
	wait_status(0);
}

static void ends_by(int sig)
{
	int status;

	begin();
	kill(launcher, sig);
	status = wait_status(0);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), sig);
	CHECK(is_as_found());
}

static void restored_by_SEGV(void) { ends_by(SIGSEGV); }
static void restored_by_ABRT(void) { ends_by(SIGABRT); }
static void restored_by_BUS(void) { ends_by(SIGBUS); }
static void restored_by_ILL(void) { ends_by(SIGILL); }
static void restored_by_FPE(void) { ends_by(SIGFPE); }
static void restored_by_SYS(void) { ends_by(SIGSYS); }
static void restored_by_TERM(void) { ends_by(SIGTERM); }
static void restored_by_HUP(void) { ends_by(SIGHUP); }
static void restored_by_INT(void) { ends_by(SIGINT); }
static void restored_by_QUIT(void) { ends_by(SIGQUIT); }
static void restored_by_ALRM(void) { ends_by(SIGALRM); }
static void restored_by_USR2(void) { ends_by(SIGUSR2); }

/* A crash for want of stack has no stack for its handler either. */
static void overflow(void *bytes)
{
	volatile char more[4096];

	more[0] = *(volatile char *)bytes;
	if (!more[0])
		overflow((void *)more);
	more[1] = more[0];
}

static void crash(void *owner)
{
	(void)owner;
	overflow("");
}

static void restored_by_stack_overflow(void)
{
	int status;

	open_terminal();
	launcher = fork();
	if (!launcher) {
		setpgid(0, 0);
		tcsetpgrp(terminal, getpgrp());
		terminal_on_room(crash, NULL);
		be_launcher();
	}
	status = wait_status(0);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
	CHECK(expect("ready"));
	CHECK(is_as_found());
}

static void die_when_typed(void *owner, const char *bytes, size_t n)
{
	(void)owner;
	(void)bytes;
	(void)n;
	die("as asked");
}

static void restored_by_die(void)
{
	reader.take = die_when_typed;
	room = 1;
	begin();
	type("k", 1);
	CHECK_EQ(WEXITSTATUS(wait_status(0)), STATUS_FAILED);
	CHECK(is_as_found());
}

static void stops_with(int sig)
{
	room = 100;
	begin();
	kill(launcher, sig);
	CHECK(WIFSTOPPED(wait_status(WUNTRACED)));
	/* A shell takes its terminal back; that is what it wants to see. */
	if (sig == SIGTSTP)
		CHECK(is_as_found());
	tcsetpgrp(terminal, getpgrp());
	tcsetattr(terminal, TCSANOW, &as_found);
	tcsetpgrp(terminal, launcher);
	kill(launcher, SIGCONT);
	CHECK(expect("(0x0)"));
	CHECK(soon(is_raw));
	type("a", 1);
	CHECK(expect("61."));
	kill(launcher, SIGTERM);
	wait_status(0);
	CHECK(is_as_found());
}

static void stopped_by_TSTP(void) { stops_with(SIGTSTP); }
static void stopped_by_STOP(void) { stops_with(SIGSTOP); }

/* dash does not restore modes for a job that was stopped from outside. */
static void stopped_by_STOP_and_still_raw(void)
{
	begin();
	kill(launcher, SIGSTOP);
	wait_status(WUNTRACED);
	kill(launcher, SIGCONT);
	CHECK(expect("(0x0)"));
	CHECK(is_raw());
	kill(launcher, SIGTERM);
	wait_status(0);
	CHECK(is_as_found());
}

/* "lguest ... &", later "fg": it neither stops nor takes the terminal. */
static void in_background(void)
{
	start(false);
	room = 10;
	CHECK(expect("ready"));
	CHECK(is_as_found());
	type("for the shell\n", 14);
	poll(NULL, 0, 500);
	CHECK_EQ(waitpid(launcher, NULL, WNOHANG | WUNTRACED), 0);
	CHECK(is_as_found());
	tcflush(terminal, TCIFLUSH);
	tcsetpgrp(terminal, launcher);
	CHECK(soon(is_raw));
	type("\003\003\003", 3);
	CHECK_EQ(WEXITSTATUS(wait_status(0)), STATUS_STOPPED);
	CHECK(is_as_found());
}

/* The shell's turn came while it ran, without any signal. */
static void loses_the_foreground(void)
{
	begin();
	tcsetpgrp(terminal, getpgrp());
	tcsetattr(terminal, TCSANOW, &as_found);
	type("x\n", 2);
	poll(NULL, 0, 300);
	CHECK_EQ(waitpid(launcher, NULL, WNOHANG | WUNTRACED), 0);
	kill(launcher, SIGTERM);
	wait_status(0);
	CHECK(is_as_found());
}

/* ------------------------------------------------------------------ */

static void three_interrupts_in_one_read(void)
{
	begin();		/* its Guest has no room */
	type("\003\003\003", 3);
	CHECK_EQ(WEXITSTATUS(wait_status(0)), STATUS_STOPPED);
	CHECK(is_as_found());
}

static void three_interrupts_one_by_one(void)
{
	room = 100;
	begin();
	type("\003", 1);
	CHECK(expect("03."));
	type("\003", 1);
	CHECK(expect("03."));
	type("\003", 1);
	CHECK(expect("03."));
	CHECK_EQ(WEXITSTATUS(wait_status(0)), STATUS_STOPPED);
}

static void three_interrupts_with_others_between(void)
{
	room = 100;
	begin();
	type("\003\003a\003\003b", 6);
	CHECK(expect("03.03.61.03.03.62."));
	type("c", 1);
	CHECK(expect("63."));
	stop_launcher();
}

static void three_interrupts_too_slow(void)
{
	room = 100;
	begin();
	type("\003\003", 2);
	CHECK(expect("03.03."));
	poll(NULL, 0, 1200);
	type("\003", 1);
	CHECK(expect("03."));
	type("d", 1);
	CHECK(expect("64."));
	stop_launcher();
}

static void control_a(void)
{
	room = 100;
	begin();
	type("a\001\001b\001cx", 7);
	CHECK(expect("61.01.62.01.63.78."));
	/* In two reads, and not given to the Guest. */
	type("\001", 1);
	poll(NULL, 0, 50);
	type("x", 1);
	CHECK_EQ(WEXITSTATUS(wait_status(0)), STATUS_STOPPED);
	CHECK(is_as_found());
}

static void keys_arrive_raw(void)
{
	room = 100;
	begin();
	type("\r\n\021\023\032\034\004\x7f\xff", 9);
	CHECK(expect("0d.0a.11.13.1a.1c.04.7f.ff."));
	stop_launcher();
}

static void give_room(struct guest *unused)
{
	(void)unused;
	room = 1 << 20;
	terminal_feed();
}

/* Up to 4 KiB waits; what comes then is dropped with a bell, not kept. */
static void bell_after_4k(void)
{
	static char keys[6000];

	memset(keys, 'q', sizeof(keys));
	loop_on_signal(SIGUSR1, give_room);
	begin();
	type(keys, 4096);
	poll(NULL, 0, 200);
	type(keys, sizeof(keys) - 4096);
	CHECK(expect("\a"));
	kill(launcher, SIGUSR1);
	for (unsigned i = 0; i < 4096; i++)
		if (!expect("71."))
			break;
	type("e", 1);
	CHECK(expect("65."));
	stop_launcher();
}

static unsigned long resident(void)
{
	char path[40];
	unsigned long size = 0, pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", launcher);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lu %lu", &size, &pages) != 2)
		abort();
	fclose(f);
	return pages;
}

/* A Guest that does not read, and a user whose cat sits on the keyboard. */
static void memory_is_constant_when_nobody_reads(void)
{
	static char keys[KIB(64)];
	unsigned long before;
	char bells[4096];

	memset(keys, 'q', sizeof(keys));
	begin();
	type(keys, sizeof(keys));
	before = resident();
	fcntl(master, F_SETFL, O_NONBLOCK);
	for (size_t n = 0, at = 0; n < 16 << 20; ) {
		ssize_t done = write(master, keys + at, sizeof(keys) - at);

		if (done > 0)
			n += done;
		else
			poll(NULL, 0, 1);
		while (read(master, bells, sizeof(bells)) > 0)
			;
	}
	CHECK(resident() <= before + 16);
	fcntl(master, F_SETFL, 0);
	type("\003\003\003", 3);
	CHECK_EQ(WEXITSTATUS(wait_status(0)), STATUS_STOPPED);
}

/* ------------------------------------------------------------------ */

static void size_and_its_changes(void)
{
	struct winsize ws = { .ws_row = 25, .ws_col = 80 };

	begin();
	ioctl(master, TIOCSWINSZ, &ws);
	CHECK(expect("(80x25)"));
	ws.ws_col = 300;
	ioctl(master, TIOCSWINSZ, &ws);
	CHECK(expect("(300x25)"));
	stop_launcher();
}

static void status_flags_of_the_shell(void)
{
	int flags;

	open_terminal();
	flags = fcntl(terminal, F_GETFL);
	close(terminal);
	close(master);
	begin();
	CHECK_EQ(fcntl(terminal, F_GETFL), flags);
	type("\001x", 2);
	wait_status(0);
	CHECK_EQ(fcntl(terminal, F_GETFL), flags);
}

static void fill_output(void *owner)
{
	char line[40];
	static unsigned n;

	(void)owner;
	for (; n < 20000 && terminal_room() >= 12; n++) {
		snprintf(line, sizeof(line), "line %05u\n", n);
		terminal_write(line, 11);
	}
	if (n == 20000) {
		terminal_write("and out", 7);
		n++;
	}
}

/* The user looks away: keys still work, and nothing printed gets lost. */
static void slow_terminal(void)
{
	open_terminal();
	launcher = fork();
	if (!launcher) {
		setpgid(0, 0);
		tcsetpgrp(terminal, getpgrp());
		terminal_on_room(fill_output, NULL);
		room = 1;
		be_launcher();
	}
	setpgid(launcher, launcher);
	CHECK(soon(is_raw));
	poll(NULL, 0, 200);
	type("\001\001", 2);
	for (unsigned i = 0; i < 20000; i++) {
		char line[40];

		snprintf(line, sizeof(line), "line %05u", i);
		if (!expect(line))
			break;
	}
	CHECK(expect("and out"));
	type("\001x", 2);
	CHECK_EQ(WEXITSTATUS(wait_status(0)), STATUS_STOPPED);
	CHECK(is_as_found());
}

/* Nobody reads at all: leaving by keys takes a second, not for ever. */
static void leave_a_stuck_terminal(void)
{
	open_terminal();
	launcher = fork();
	if (!launcher) {
		setpgid(0, 0);
		tcsetpgrp(terminal, getpgrp());
		terminal_on_room(fill_output, NULL);
		be_launcher();
	}
	setpgid(launcher, launcher);
	CHECK(soon(is_raw));
	poll(NULL, 0, 200);
	type("\003\003\003", 3);
	CHECK_EQ(WEXITSTATUS(wait_status(0)), STATUS_STOPPED);
	CHECK(is_as_found());
}

int main(void)
{
	RUN(restored_by_SEGV);
	RUN(restored_by_ABRT);
	RUN(restored_by_BUS);
	RUN(restored_by_ILL);
	RUN(restored_by_FPE);
	RUN(restored_by_SYS);
	RUN(restored_by_TERM);
	RUN(restored_by_HUP);
	RUN(restored_by_INT);
	RUN(restored_by_QUIT);
	RUN(restored_by_ALRM);
	RUN(restored_by_USR2);
	RUN(restored_by_stack_overflow);
	RUN(restored_by_die);
	RUN(stopped_by_TSTP);
	RUN(stopped_by_STOP);
	RUN(stopped_by_STOP_and_still_raw);
	RUN(in_background);
	RUN(loses_the_foreground);
	RUN(three_interrupts_in_one_read);
	RUN(three_interrupts_one_by_one);
	RUN(three_interrupts_with_others_between);
	RUN(three_interrupts_too_slow);
	RUN(control_a);
	RUN(keys_arrive_raw);
	RUN(bell_after_4k);
	RUN(memory_is_constant_when_nobody_reads);
	RUN(size_and_its_changes);
	RUN(status_flags_of_the_shell);
	RUN(slow_terminal);
	RUN(leave_a_stuck_terminal);
	return rig_done();
}
