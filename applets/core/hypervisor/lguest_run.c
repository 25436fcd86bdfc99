/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Guest runs inside read(2) on /dev/lguest, which no poll(2) can wait for
 * beside other things.  So the loop's wait is that read, and descriptors get
 * us out of it by signals (O_ASYNC).  A signal only says "look": what is up we
 * ask poll(2), each time before the Guest goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "interruptible.h"
#include "lguest.h"

#define FDS_MAX		1024
/* The Host's Guests are 127 characters of last words long, or shorter. */
#define REASON_MAX	256
/* How Linux ends a Guest that asked for it. */
#define POWER_DOWN	"CRASH: Power down"
#ifndef ERESTART
#define ERESTART	85
#endif

#define SHARED_FDS	3	/* 0 to 2 are also somebody else's */

static int old_flags[SHARED_FDS];	/* what theirs were, +1 */
static uint32_t seen[FDS_MAX];		/* the turn they were last in */

#define QUIET_TURNS	16
static struct pollfd quiet[WATCHES_MAX];	/* nothing was up among them */
static nfds_t nquiet = FDS_MAX;

static void woken(int sig, siginfo_t *info, void *ucontext)
{
	(void)sig, (void)info;
	interruptible_wake(ucontext);
}

static void async_restore(void)
{
	for (int fd = 0; fd < SHARED_FDS; fd++)
		if (old_flags[fd])
			fcntl(fd, F_SETFL, old_flags[fd] - 1);
}

void lguest_hush(int fd, bool on)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };
	static pid_t self;

	if (!self)
		self = getpid();
	/* Of all ways to have no signals the one that takes the least time. */
	fcntl(fd, F_SETOWN, on ? 0 : self);
	/* What came meanwhile nobody tells: it is the only one to ask. */
	if (!on && poll(&look, 1, 0))
		nquiet = FDS_MAX;
}

static void async_add(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return;
	/*
	 * Also where the flag is set already: on a terminal it may be left
	 * from somebody who was killed, and signals would go to nobody.
	 */
	fcntl(fd, F_SETOWN, getpid());
	if (flags & O_ASYNC)
		return;
	if (fd < SHARED_FDS && !old_flags[fd])
		old_flags[fd] = flags + 1;
	/* Some cannot: a file, which poll(2) always finds ready. */
	fcntl(fd, F_SETFL, flags | O_ASYNC);
}

/*
 * A number that was not polled the turn before may be another descriptor now:
 * connections come and go.
 */
static void async_add_new(const struct pollfd *fds, nfds_t n)
{
	static uint32_t turn = 1;

	turn++;
	for (nfds_t i = 0; i < n; i++) {
		int fd = fds[i].fd;

		if (fd >= FDS_MAX || seen[fd] + 1 != turn)
			async_add(fd);
		if (fd < FDS_MAX)
			seen[fd] = turn;
	}
}

/* Once: from now on the loop's signals come whenever they like. */
static void signals_open(const sigset_t *mask)
{
	struct sigaction sa = { .sa_sigaction = woken,
				.sa_flags = SA_SIGINFO };
	static bool done;

	if (done)
		return;
	done = true;
	sigaction(SIGIO, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	loop_on_interrupt(interruptible_wake);
	atexit(async_restore);
	if (mask)
		sigprocmask(SIG_SETMASK, mask, NULL);
}

/* The one clock that works in a read(2).  Often it is set right already. */
static void alarm_set(const struct timespec *timeout)
{
	static bool on;
	struct itimerval it = { 0 };

	if (!timeout && !on)
		return;
	on = timeout;
	if (timeout) {
		it.it_value.tv_sec = timeout->tv_sec;
		it.it_value.tv_usec = timeout->tv_nsec / 1000;
		/* Never 0, which would be off. */
		if (!it.it_value.tv_sec && !it.it_value.tv_usec)
			it.it_value.tv_usec = 1;
		/* Again and again, in case it was too early. */
		it.it_interval.tv_usec = 10000;
	}
	setitimer(ITIMER_REAL, &it, NULL);
}

static void guest_died(struct guest *g, char text[REASON_MAX], long n)
{
	text[n] = '\0';
	if (!strcmp(text, POWER_DOWN)) {
		guest_end(g, STATUS_POWEROFF, "the Guest powered off");
		return;
	}
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = ' ';
	guest_end(g, STATUS_CRASHED, "%s", text);
}

/* The Host keeps the last words for whoever reads again. */
static void guest_gone(struct guest *g)
{
	char text[REASON_MAX];
	/* Nothing runs any more: no signal is worth a look before this. */
	long n = lguest_read_now(text, sizeof(text) - 1);

	if (n == -ERESTART)
		guest_reboot(g);
	else if (n < 0)
		guest_end(g, STATUS_CRASHED, "/dev/lguest: %s", strerror(-n));
	else
		guest_died(g, text, n);
}

/* The Guest prints before it has a console: some characters at a time. */
static void early_print(struct guest *g, uint32_t addr)
{
	const char *text = mem_at(&g->mem, addr, 1);
	uint64_t room = g->mem.size - addr;

	if (text)
		terminal_write(text, strnlen(text, room < 16 ? room : 16));
}

static void notified(struct guest *g, uint32_t addr)
{
	if (addr < g->mem.size)
		early_print(g, addr);
	else
		io_write(g, true, addr, 4, 0);
}

static void run(struct guest *g)
{
	/*
	 * Room for last words: a trap that we gave the Guest may have been the
	 * end of it, and then they are what comes first.  They are longer
	 * than any event.
	 */
	union {
		uint32_t notify;
		struct lguest_pending pending;
		char text[REASON_MAX];
	} event;
	long n;

	lguest_flag_clear(g);
	n = interruptible_read(lguest.fd, &event, sizeof(event) - 1);

	if (n == sizeof(event.pending))
		lguest_emulate(g, &event.pending);
	else if (n == sizeof(event.notify))
		notified(g, event.notify);
	else if (n >= 0)
		guest_died(g, event.text, n);
	else if (n == -ERESTART)
		guest_reboot(g);
	else if (n == -ENOENT)
		guest_gone(g);
	else if (n != -EINTR && n != -EAGAIN)
		guest_end(g, STATUS_FAILED, "read /dev/lguest: %s",
			  strerror(-n));
}

/*
 * A Guest gives us work many times for each time that a descriptor does.  When
 * poll(2) found nothing, and no signal came since, there is nothing:
 * - the same descriptors are asked for the same events, and all of them were
 *   told to raise SIGIO before that poll(2);
 * - the flag was cleared before it, too, so what came first it has found, and
 *   what came later has set the flag (the Host's kernel makes a descriptor
 *   ready first and signals then);
 * - nothing that was found may still be there: finding something makes us ask
 *   again, until there is nothing;
 * - of one that was hushed we ask poll(2) when it no longer is;
 * - a number means another file only after a turn in which nobody asked for
 *   it, for who accepts a connection has closed the one before a turn ago;
 * - what the Guest makes us do between only changes what is asked for, or
 *   raises signals as others' work does.
 * A terminal that hangs up, and files of drivers that know no SIGIO, raise
 * none: for their sake we ask now and then.
 */
static bool still_quiet(const struct pollfd *fds, nfds_t n)
{
	static unsigned turn;

	if (interruptible_is_woken() || n != nquiet ||
	    ++turn % QUIET_TURNS == 0)
		return false;
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd != quiet[i].fd ||
		    fds[i].events != quiet[i].events)
			return false;
	return true;
}

/* What poll(2) says; not asked when a signal wants to be served first. */
static int look(struct pollfd *fds, nfds_t n)
{
	int up;

	nquiet = FDS_MAX;
	async_add_new(fds, n);
	interruptible_begin();
	/* They also come while the loop serves what was up before. */
	if (loop_signalled())
		return 0;
	up = poll(fds, n, 0);
	if (up || n > WATCHES_MAX)
		return up;
	for (nquiet = 0; nquiet < n; nquiet++)
		quiet[nquiet] = fds[nquiet];
	return up;
}

int lguest_wait(struct guest *g, struct pollfd *fds, nfds_t n,
		const struct timespec *timeout, const sigset_t *mask)
{
	int up = 0;

	signals_open(mask);
	if (!still_quiet(fds, n))
		up = look(fds, n);
	if (up || loop_signalled() ||
	    (timeout && !timeout->tv_sec && !timeout->tv_nsec))
		return up;
	alarm_set(timeout);
	run(g);
	return 0;
}
