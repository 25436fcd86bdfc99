/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal's modes: lent, and given back on every way out. */
#include "pty.h"

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
	return rig_done();
}
