/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the Guest prints, on its way out.  It waits here until the reader has
 * time: a slow one holds up the Guest's console, never the Launcher.  The
 * queue is all the memory there is: who prints asks terminal_room() first.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "terminal.h"

#define QUEUE_BYTES	KIB(64)
#define LISTENERS_MAX	4
/*
 * What a descriptor that we share may be given after POLLOUT without much
 * fear of waiting: a pipe takes PIPE_BUF or is not ready, a terminal promises
 * less.
 */
#define POLLED_PIPE	PIPE_BUF
#define POLLED_TTY	64

static struct {
	char bytes[QUEUE_BYTES];
	size_t first, n;
} queue;

/* Where it goes; the watch below holds the descriptor. */
static enum sink sink;
static const char *sink_name;
static void (*sink_gone)(void);
static size_t polled_max;
static int truncate_fd = -1;	/* until the Guest starts */

/* Who stopped printing for want of room: the devices. */

static struct {
	void (*fn)(void *owner);
	void *owner;
} listeners[LISTENERS_MAX];
static unsigned nlisteners;

/*
 * Nothing is written as it is printed, but once a turn: an 8250 prints byte by
 * byte, and each would cost a system call.
 */
static short output_want(void *owner)
{
	(void)owner;
	return queue.n ? POLLOUT : 0;
}

static void output_ready(void *owner, short revents);

static struct watch output_watch = {
	.fd = -1,
	.want = output_want,
	.ready = output_ready,
};

void output_open(void)
{
	watch_add(&output_watch);
}

/* For good: a device asks once, and hears of it each time. */
void terminal_on_room(void (*fn)(void *owner), void *owner)
{
	for (unsigned i = 0; i < nlisteners; i++)
		if (listeners[i].fn == fn && listeners[i].owner == owner)
			return;
	if (nlisteners == LISTENERS_MAX)
		die("more than %u consoles", LISTENERS_MAX);
	listeners[nlisteners].fn = fn;
	listeners[nlisteners++].owner = owner;
}

static void tell_room(void)
{
	for (unsigned i = 0; i < nlisteners; i++)
		listeners[i].fn(listeners[i].owner);
}

void output_to(int fd, enum sink how, const char *name, void (*gone)(void))
{
	bool waited = queue.n;

	sink = how;
	sink_name = name;
	sink_gone = gone;
	output_watch.fd = how == SINK_NONE ? -1 : fd;
	polled_max = how == SINK_POLLED && isatty(fd) ? POLLED_TTY :
		     POLLED_PIPE;
	queue.first = queue.n = 0;
	/* The room that this made is not less welcome than any other. */
	if (waited)
		tell_room();
}

void output_truncate(int fd)
{
	truncate_fd = fd;
}

void output_start(void)
{
	/* If it cannot be cut, writing it will say why. */
	if (truncate_fd >= 0 && ftruncate(truncate_fd, 0))
		verbose("console: not emptied: %s", strerror(errno));
	truncate_fd = -1;
}

size_t terminal_room(void)
{
	return sizeof(queue.bytes) - queue.n;
}

/* The caller knows that there is room. */
static void enqueue(const char *bytes, size_t n)
{
	size_t at = (queue.first + queue.n) % sizeof(queue.bytes);
	size_t run = sizeof(queue.bytes) - at;

	if (run > n)
		run = n;
	memcpy(queue.bytes + at, bytes, run);
	memcpy(queue.bytes, bytes + run, n - run);
	queue.n += n;
}

void terminal_write(const void *bytes, size_t n)
{
	if (n > terminal_room())
		n = terminal_room();
	/* The log also has what no client of a socket was there to see. */
	transcript_add(bytes, n);
	if (sink != SINK_NONE)
		enqueue(bytes, n);
}

void output_bell(void)
{
	if (sink != SINK_NONE && terminal_room())
		enqueue("\a", 1);
}

/* write(2) of at most n bytes, whatever that is for this kind of sink. */
static ssize_t sink_write(const char *bytes, size_t n)
{
	struct pollfd p = { .fd = output_watch.fd, .events = POLLOUT };

	switch (sink) {
	case SINK_SOCKET:
		return send(p.fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	case SINK_POLLED:
		/* There may be others writing: look before each piece. */
		if (poll(&p, 1, 0) != 1) {
			errno = EAGAIN;
			return -1;
		}
		return write(p.fd, bytes, n < polled_max ? n : polled_max);
	default:
		return write(p.fd, bytes, n);
	}
}

/* The reader is no more.  The Guest need not know. */
static void sink_failed(int error)
{
	void (*gone)(void) = sink_gone;
	const char *name = sink_name;

	/* First of all, for the queue's owners may print at once. */
	output_to(-1, SINK_NONE, NULL, NULL);
	if (gone)
		gone();
	else
		warn("write %s: %s; what the Guest prints is dropped", name,
		     strerror(error));
}

/* As much as the reader takes right now; true if that was anything. */
static bool drain(void)
{
	bool some = false;

	output_start();
	while (queue.n) {
		size_t run = sizeof(queue.bytes) - queue.first;
		ssize_t done = sink_write(queue.bytes + queue.first,
					  queue.n < run ? queue.n : run);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno != EAGAIN) {
			sink_failed(errno);
			return false;
		}
		if (done <= 0)
			break;
		queue.first = (queue.first + done) % sizeof(queue.bytes);
		queue.n -= done;
		some = true;
	}
	return some;
}

static void output_ready(void *owner, short revents)
{
	(void)owner;
	(void)revents;	/* an error will show in write(2), with its cause */
	if (drain())
		tell_room();
}

void output_close(int ms)
{
	uint64_t end = now_ns() + ms * UINT64_C(1000000);
	uint64_t now = 0;

	/* The Guest is over: no device may start to work on its queues. */
	nlisteners = 0;
	while (queue.n && (now = now_ns()) < end) {
		struct pollfd p = { .fd = output_watch.fd, .events = POLLOUT };

		/* Rounded up: a rest below 1 ms must not make us spin. */
		poll(&p, 1, (end - now + 999999) / 1000000);
		drain();
	}
}
