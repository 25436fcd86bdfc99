/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place that blocks.  Each turn asks every watch what it waits for,
 * waits for that, and serves what came: signals, timers, descriptors, and
 * queues that had more work than one turn allows.
 */
#include <errno.h>
#include <string.h>

#include "guest.h"

#define SIGNALS_MAX	10
#define NS_PER_MS	UINT64_C(1000000)
#define NS_PER_S	UINT64_C(1000000000)

static struct watch *watches[WATCHES_MAX];
static unsigned nwatches;
static struct timer *timers[TIMERS_MAX];
static unsigned ntimers;
static struct virtqueue *again[DEVICES_MAX * QUEUES_MAX];
static unsigned nagain;

static struct {
	int sig;
	void (*fn)(struct guest *g);
} signals[SIGNALS_MAX];
static unsigned nsignals;
static volatile sig_atomic_t signalled[_NSIG];
static sigset_t waiting_mask;	/* while we wait, and only then */

void watch_add(struct watch *w)
{
	if (nwatches == WATCHES_MAX)
		die("more than %u descriptors to watch", WATCHES_MAX);
	watches[nwatches++] = w;
}

void timer_add(struct timer *t)
{
	if (ntimers == TIMERS_MAX)
		die("more than %u timers", TIMERS_MAX);
	timers[ntimers++] = t;
}

void loop_again(struct virtqueue *q)
{
	for (unsigned i = 0; i < nagain; i++)
		if (again[i] == q)
			return;
	again[nagain++] = q;
}

static void (*interrupted)(void *ucontext);

static void note_signal(int sig, siginfo_t *info, void *ucontext)
{
	(void)info;
	signalled[sig] = 1;
	if (interrupted)
		interrupted(ucontext);
}

void loop_on_interrupt(void (*fn)(void *ucontext))
{
	interrupted = fn;
}

bool loop_signalled(void)
{
	for (unsigned i = 0; i < nsignals; i++)
		if (signalled[signals[i].sig])
			return true;
	return false;
}

/*
 * The signal stays blocked but for the wait itself, so that it cannot come
 * between our last look and the wait and be slept over.
 */
void loop_on_signal(int sig, void (*fn)(struct guest *g))
{
	struct sigaction sa = { .sa_sigaction = note_signal,
				.sa_flags = SA_SIGINFO };
	sigset_t set;

	if (nsignals == SIGNALS_MAX)
		die("more than %u signals", SIGNALS_MAX);
	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(SIG_BLOCK, &set, nsignals ? NULL : &waiting_mask);
	sigdelset(&waiting_mask, sig);
	signals[nsignals].sig = sig;
	signals[nsignals++].fn = fn;
	sigaction(sig, &sa, NULL);
}

static void serve_signals(struct guest *g)
{
	for (unsigned i = 0; i < nsignals; i++) {
		if (!signalled[signals[i].sig])
			continue;
		signalled[signals[i].sig] = 0;
		signals[i].fn(g);
	}
}

static void serve_timers(void)
{
	uint64_t now = 0;

	for (unsigned i = 0; i < ntimers; i++) {
		if (!timers[i]->when)
			continue;
		/* Where the clock is no vDSO's, asking is a system call. */
		if (!now)
			now = now_ns();
		if (timers[i]->when > now)
			continue;
		timers[i]->when = 0;
		timers[i]->expired(timers[i]->owner);
	}
}

/* Only what was there at the start of the turn: they may come again. */
static void serve_again(void)
{
	struct virtqueue *now[ARRAY_SIZE(again)];
	unsigned n = nagain;

	memcpy(now, again, n * sizeof(now[0]));
	nagain = 0;
	for (unsigned i = 0; i < n; i++)
		if (now[i]->live)
			virtio_serve(now[i]);
}

/* Nanoseconds until something is due; UINT64_MAX: nothing is. */
static uint64_t next_deadline(int timeout_ms)
{
	uint64_t wait = timeout_ms < 0 ? UINT64_MAX : timeout_ms * NS_PER_MS;
	uint64_t now = 0;

	if (nagain)
		return 0;
	for (unsigned i = 0; i < ntimers; i++) {
		uint64_t when = timers[i]->when;

		if (!when)
			continue;
		if (!now)
			now = now_ns();
		if (when <= now)
			return 0;
		if (when - now < wait)
			wait = when - now;
	}
	return wait;
}

static int loop_wait(struct guest *g, struct pollfd *fds, unsigned n,
		     int timeout_ms)
{
	uint64_t ns = next_deadline(timeout_ms);
	const struct timespec *timeout = NULL;
	const sigset_t *mask = nsignals ? &waiting_mask : NULL;
	struct timespec ts;

	/* A division of 64 bits is a loop to some Hosts: not for nothing. */
	if (ns != UINT64_MAX) {
		ts = (struct timespec){ ns / NS_PER_S, ns % NS_PER_S };
		timeout = &ts;
	}
	if (g->hv && g->hv->wait)
		return g->hv->wait(g, fds, n, timeout, mask);
	return ppoll(fds, n, timeout, mask);
}

/* Whom to poll for what; who[] remembers whose each entry is. */
static unsigned gather(struct pollfd *fds, struct watch **who)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nwatches; i++) {
		struct watch *w = watches[i];
		short events;

		if (w->fd < 0)
			continue;
		events = w->want ? w->want(w->owner) : POLLIN;
		if (!events)
			continue;
		fds[n] = (struct pollfd){ .fd = w->fd, .events = events };
		who[n++] = w;
	}
	return n;
}

void loop_turn(struct guest *g, int timeout_ms)
{
	struct pollfd fds[WATCHES_MAX];
	struct watch *who[WATCHES_MAX];
	unsigned n = gather(fds, who);
	int up = loop_wait(g, fds, n, timeout_ms);

	if (up < 0 && errno != EINTR)
		die_errno("poll");
	serve_signals(g);
	serve_timers();
	serve_again();
	for (unsigned i = 0; i < n && up > 0; i++) {
		if (!fds[i].revents)
			continue;
		up--;
		/* An earlier one may have closed it. */
		if (who[i]->fd == fds[i].fd)
			who[i]->ready(who[i]->owner, fds[i].revents);
	}
}

void loop_run(struct guest *g)
{
	while (!g->ended && !g->reboot)
		loop_turn(g, -1);
}
