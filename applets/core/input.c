/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is typed, on its way to the Guest.  A terminal is always read, for the
 * user must be able to leave a Guest that does not listen; so a little waits
 * here.  From a pipe or file we take only what the Guest has room for: let
 * the one who writes wait.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "terminal.h"

#define WAITING_BYTES	KIB(4)
#define READERS_MAX	4
#define CTRL_A		'\001'
#define CTRL_C		'\003'
#define LEAVE_NS	UINT64_C(1000000000)	/* for three ^C */

static struct guest *guest;
static enum source source;
static void (*source_left)(void);
static bool source_ended;	/* it says no more */
static bool hung_up;		/* and does not listen either */

static struct {
	char bytes[WAITING_BYTES];
	size_t first, n;
} waiting;

static struct reader *readers[READERS_MAX];	/* the last one is it */
static unsigned nreaders;

static struct {
	bool prefix;		/* Ctrl-A was typed */
	unsigned n;		/* ^C in a row */
	uint64_t at[2];		/* when the last two came */
} keys;

/* Asked each turn, so devices keep the answer at hand. */
static size_t reader_room(void)
{
	struct reader *r = nreaders ? readers[nreaders - 1] : NULL;

	return r ? r->room(r->owner) : 0;
}

void terminal_feed(void)
{
	static bool feeding;
	size_t room, run, at;

	/* take() may end up here again; the loop below does the rest. */
	if (feeding)
		return;
	feeding = true;
	while (waiting.n && (room = reader_room())) {
		struct reader *r = readers[nreaders - 1];

		at = waiting.first;
		run = sizeof(waiting.bytes) - at;
		if (run > waiting.n)
			run = waiting.n;
		if (run > room)
			run = room;
		/* Before take(), which may do anything, attach included. */
		waiting.first = (at + run) % sizeof(waiting.bytes);
		waiting.n -= run;
		r->take(r->owner, waiting.bytes + at, run);
	}
	feeding = false;
}

void terminal_attach(struct reader *r, bool on)
{
	unsigned n = 0;

	/* A driver may come and go as often as it likes: no doubles. */
	for (unsigned i = 0; i < nreaders; i++)
		if (readers[i] != r)
			readers[n++] = readers[i];
	nreaders = n;
	if (on) {
		if (n == READERS_MAX)
			die("more than %u consoles", READERS_MAX);
		readers[nreaders++] = r;
	}
	terminal_feed();
}

/* False if it had to be dropped. */
static bool put(char c)
{
	if (waiting.n == sizeof(waiting.bytes))
		return false;
	waiting.bytes[(waiting.first + waiting.n++) % sizeof(waiting.bytes)] =
		c;
	return true;
}

/* As ever: three ^C within a second, and nothing else between them. */
static void count_interrupts(char c)
{
	uint64_t now;

	if (c != CTRL_C) {
		keys.n = 0;
		return;
	}
	now = now_ns();
	if (keys.n >= 2 && now - keys.at[0] <= LEAVE_NS)
		guest_end(guest, STATUS_STOPPED, "stopped by three ^C");
	keys.at[0] = keys.at[1];
	keys.at[1] = now;
	if (keys.n < 2)
		keys.n++;
}

/* Ctrl-A x leaves, Ctrl-A twice is one, with any other key it is just that. */
static bool key(char c)
{
	bool kept = true;

	if (keys.prefix) {
		keys.prefix = false;
		if (c == 'x') {
			guest_end(guest, STATUS_STOPPED,
				  "stopped by Ctrl-A x");
			return true;
		}
		if (c != CTRL_A)
			kept = put(CTRL_A);
	} else if (c == CTRL_A) {
		keys.prefix = true;
		return true;
	}
	count_interrupts(c);
	return put(c) && kept;
}

/* One bell for one read: a stuck key must not fill the output as well. */
static void keys_typed(const char *bytes, size_t n)
{
	bool kept = true;

	for (size_t i = 0; i < n; i++)
		kept &= key(bytes[i]);
	if (!kept)
		output_bell();
}

static short input_want(void *owner)
{
	(void)owner;
	if (source == SOURCE_NONE)
		return 0;
	if (source == SOURCE_TTY)
		return !source_ended && tty_foreground() ? POLLIN : 0;
	if (!source_ended && !waiting.n && reader_room())
		return POLLIN;
	/* With nothing but this we still hear of a hang-up, once. */
	return source == SOURCE_SOCKET && !hung_up ? POLLPRI : 0;
}

/* How much may be read now. */
static size_t readable(void)
{
	size_t room;

	if (source_ended)
		return 0;
	/* The user must always be able to leave. */
	if (source == SOURCE_TTY)
		return sizeof(waiting.bytes);
	/* What waits goes first. */
	room = waiting.n ? 0 : reader_room();
	return room < sizeof(waiting.bytes) ? room : sizeof(waiting.bytes);
}

/* End of input is no end of the Guest: we just do not look there again. */
static void input_read(int fd, size_t max)
{
	char buf[WAITING_BYTES];
	ssize_t n = read(fd, buf, max);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* EIO is also what a reader in the background gets. */
		if (n == 0 || source != SOURCE_TTY || !tty_lost())
			source_ended = true;
		return;
	}
	if (source == SOURCE_TTY)
		keys_typed(buf, n);
	else
		for (ssize_t i = 0; i < n; i++)
			put(buf[i]);
	terminal_feed();
}

static void input_ready(void *owner, short revents);

static struct watch input_watch = {
	.fd = -1,
	.want = input_want,
	.ready = input_ready,
};

static void input_ready(void *owner, short revents)
{
	size_t max = readable();

	(void)owner;
	if (max)
		input_read(input_watch.fd, max);
	/*
	 * A pipe hangs up with bytes left in it, and a socket that was shut
	 * down for writing may still listen: only both together mean goodbye.
	 */
	if (revents & (POLLHUP | POLLERR))
		hung_up = true;
	if (source == SOURCE_SOCKET && source_ended && hung_up)
		source_left();
}

void input_open(struct guest *g)
{
	guest = g;
	watch_add(&input_watch);
}

void input_from(int fd, enum source from, void (*left)(void))
{
	input_watch.fd = from == SOURCE_NONE ? -1 : fd;
	source = from;
	source_left = left;
	source_ended = hung_up = false;
	/* Half a key sequence of the one before is not this one's. */
	keys.prefix = false;
	keys.n = 0;
}

bool input_hung_up(void)
{
	return hung_up;
}
