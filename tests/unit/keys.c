/* SPDX-License-Identifier: GPL-2.0-only */
/* What the user types and sees, on a terminal. */
#include "pty.h"

static void three_interrupts_in_one_read(void)
{
	begin();		/* its Guest has no room */
	type("\003\003\003", 3);
	CHECK_EQ(WEXITSTATUS(wait_status(0)), STATUS_STOPPED);
	CHECK(is_as_found());
}

/* On a busy Host the third may be late; then one of the next is not. */
static void three_interrupts_one_by_one(void)
{
	int status = -1;
	unsigned n = 0;

	room = 1000;
	begin();
	do {
		type("\003", 1);
		CHECK(expect("03."));
		n++;
		/* Time to leave, if it wants to. */
		if (n >= 3)
			poll(NULL, 0, 100);
	} while (n < 50 && !waitpid(launcher, &status, WNOHANG));
	CHECK(n >= 3);
	CHECK_EQ(WEXITSTATUS(status), STATUS_STOPPED);
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
