/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The user's terminal is lent to the Guest: raw, so that every key gets
 * there; and given back as it was on every way out, also when we crash, are
 * stopped, or are put into the background.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"

#define LOOK_AGAIN_NS	UINT64_C(300000000)
#define ALTSTACK_BYTES	KIB(32)

static int tty = -1;
static struct termios before;		/* as we found it */
static volatile sig_atomic_t is_raw;	/* `before` is valid, and wanted */
static bool background;
static pid_t owner;			/* the process that made it raw */

static void look_again(void *unused)
{
	(void)unused;
	terminal_raw();
	if (!background)
		terminal_resized();
}

/* Set while in the background: nothing tells us when a shell says `fg`. */
static struct timer look_timer = { .expired = look_again };

/*
 * Also where the terminal is not our controlling one, as for PID 1: nobody
 * does job control there.
 */
static bool is_foreground(void)
{
	pid_t group = tcgetpgrp(tty);

	return group < 0 || group == getpgrp();
}

bool tty_foreground(void)
{
	return !background;
}

static void go_background(void)
{
	background = true;
	look_timer.when = now_ns() + LOOK_AGAIN_NS;
}

bool tty_lost(void)
{
	if (is_foreground())
		return false;
	go_background();
	return true;
}

bool tty_same(int a, int b)
{
	unsigned int dev_a = 0, dev_b = 0;

	/* Old kernels do not say: then believe it. */
	return isatty(a) && isatty(b) &&
	       (ioctl(a, TIOCGDEV, &dev_a) || ioctl(b, TIOCGDEV, &dev_b) ||
		dev_a == dev_b);
}

/* Called from signal handlers too: nothing but system calls here. */
void terminal_restore(void)
{
	int saved = errno;

	/*
	 * In the background it is the shell's, and has its modes already; and
	 * a child that crashes must not take the Guest's terminal away.
	 */
	if (is_raw && getpid() == owner && is_foreground())
		tcsetattr(tty, TCSANOW, &before);
	is_raw = 0;
	errno = saved;
}

static void die_restored(int sig)
{
	/* SA_RESETHAND: it ends us as soon as we return. */
	terminal_restore();
	raise(sig);
}

/* What does not end a process by default, or cannot be caught. */
static bool is_harmless(int sig)
{
	switch (sig) {
	case SIGKILL: case SIGSTOP: case SIGTSTP: case SIGTTIN: case SIGTTOU:
	case SIGCONT: case SIGCHLD: case SIGURG: case SIGWINCH:
		return true;
	}
	return false;
}

/*
 * Who has a use for a signal installs his own handler, before or after.  On
 * a stack of its own, for running out of stack is a way to crash.
 */
static void catch_deaths(void)
{
	static char stack[ALTSTACK_BYTES];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction old, sa = {
		.sa_handler = die_restored,
		.sa_flags = SA_RESETHAND | SA_ONSTACK,
	};

	sigaltstack(&alt, NULL);
	for (int sig = 1; sig < _NSIG; sig++)
		if (!is_harmless(sig) && !sigaction(sig, NULL, &old) &&
		    !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_DFL)
			sigaction(sig, &sa, NULL);
}

/*
 * Somebody sends SIGTSTP (the key goes to the Guest): give the terminal back
 * before we stop.  raise() returns when we are continued.
 */
static void stopped(struct guest *g)
{
	struct sigaction old, sa = { .sa_handler = SIG_DFL };
	sigset_t set, mask;

	(void)g;
	terminal_restore();
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaction(SIGTSTP, &sa, &old);
	raise(SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, &set, &mask);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGTSTP, &old, NULL);
	terminal_raw();
	terminal_resized();
}

/* After SIGSTOP a shell may have changed the modes under our hands. */
static void continued(struct guest *g)
{
	(void)g;
	terminal_raw();
	terminal_resized();
}

static void catch_stops(void)
{
	struct sigaction old;

	/* A shell without job control has it ignored for a reason. */
	sigaction(SIGTSTP, NULL, &old);
	if (old.sa_handler != SIG_IGN)
		loop_on_signal(SIGTSTP, stopped);
	loop_on_signal(SIGCONT, continued);
	/* In the background, rather an error than being stopped. */
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
}

/*
 * Output processing stays on: the Guest ends lines with \r\n itself and one
 * more \r does no harm, but our own messages end with \n.
 */
static void make_raw(struct termios *t)
{
	t->c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR |
			ICRNL | IXON);
	t->c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	t->c_cc[VMIN] = 1;
	t->c_cc[VTIME] = 0;
}

void terminal_raw(void)
{
	struct termios raw;

	output_start();
	transcript_start();
	if (tty < 0)
		return;
	if (!is_foreground()) {
		is_raw = 0;
		go_background();
		return;
	}
	background = false;
	/* Stopped by SIGSTOP we could not restore: `before` is still it. */
	if (!is_raw && tcgetattr(tty, &before))
		return;
	raw = before;
	make_raw(&raw);
	owner = getpid();
	is_raw = 1;
	tcsetattr(tty, TCSANOW, &raw);
}

void tty_open(int fd)
{
	tty = fd;
	if (fd < 0)
		return;
	timer_add(&look_timer);
	catch_deaths();
	catch_stops();
}
