/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the Guest printed: all of it in the file of --log, and the last few
 * KiB in memory, to tell what it died of.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "terminal.h"

#define TAIL_BYTES	KIB(8)
#define LOG_BYTES	KIB(4)

/* What the kernel's panic() says first; pvpanic tells us only that it did. */
static const char panic[] = "Kernel panic - not syncing";

static struct {
	char bytes[TAIL_BYTES];
	size_t n;		/* ever written; the place is modulo */
} tail;

/* Gathers a turn's output: an 8250 prints byte by byte. */
static struct {
	char bytes[LOG_BYTES];
	size_t n;
	const char *path;
	bool started;
} copy;

static short log_want(void *owner)
{
	(void)owner;
	return copy.n ? POLLOUT : 0;
}

static void log_ready(void *owner, short revents)
{
	(void)owner;
	(void)revents;
	transcript_flush();
}

static struct watch log_watch = {
	.fd = -1,
	.want = log_want,
	.ready = log_ready,
};

void transcript_open(const char *path)
{
	if (!path)
		return;
	/* The name is for messages: the file is never opened again. */
	copy.path = path;
	/* O_NONBLOCK for the day when somebody logs to a pipe or terminal. */
	log_watch.fd = xopen(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY,
			     0666);
	watch_add(&log_watch);
}

/* A run that fails before its Guest starts leaves the old log alone. */
void transcript_start(void)
{
	struct stat st;

	if (copy.started || log_watch.fd < 0)
		return;
	copy.started = true;
	if (!fstat(log_watch.fd, &st) && S_ISREG(st.st_mode) &&
	    ftruncate(log_watch.fd, 0))
		warn_errno("truncate %s", copy.path);
}

/* The log's disk is no reason to stop a Guest. */
static void log_failed(void)
{
	warn("write %s: %s; logging ends here", copy.path, strerror(errno));
	close(log_watch.fd);
	log_watch.fd = -1;
	copy.n = 0;
}

void transcript_flush(void)
{
	size_t done = 0;

	if (log_watch.fd < 0)
		return;
	transcript_start();
	while (done < copy.n) {
		ssize_t n = write(log_watch.fd, copy.bytes + done,
				  copy.n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			log_failed();
			return;
		}
		if (n <= 0)
			break;
		done += n;
	}
	/* What a pipe did not take yet. */
	copy.n -= done;
	memmove(copy.bytes, copy.bytes + done, copy.n);
}

/* Written when full, or at the end of the turn, whichever comes first. */
static void log_add(const char *bytes, size_t n)
{
	while (n && log_watch.fd >= 0) {
		size_t room = sizeof(copy.bytes) - copy.n;

		if (room > n)
			room = n;
		memcpy(copy.bytes + copy.n, bytes, room);
		copy.n += room;
		bytes += room;
		n -= room;
		if (copy.n < sizeof(copy.bytes))
			continue;
		transcript_flush();
		/* A pipe whose reader sleeps; a log waits for nobody. */
		if (copy.n == sizeof(copy.bytes)) {
			errno = EAGAIN;
			log_failed();
		}
	}
}

void transcript_add(const void *bytes, size_t n)
{
	const char *from = bytes;

	log_add(from, n);
	/* Of more than the tail holds, only the end counts. */
	if (n > sizeof(tail.bytes)) {
		tail.n += n - sizeof(tail.bytes);
		from += n - sizeof(tail.bytes);
		n = sizeof(tail.bytes);
	}
	while (n) {
		size_t at = tail.n % sizeof(tail.bytes);
		size_t run = sizeof(tail.bytes) - at;

		if (run > n)
			run = n;
		memcpy(tail.bytes + at, from, run);
		tail.n += run;
		from += run;
		n -= run;
	}
}

/* Past "12.345678]" or "T1]" or "6>"; NULL if this is no such thing. */
static const char *stamp_end(const char *s, char close)
{
	while (*s == ' ')
		s++;
	if (*s == 'T' || *s == 'C')
		s++;
	if (!isdigit((unsigned char)*s))
		return NULL;
	while (isdigit((unsigned char)*s) || *s == '.')
		s++;
	return *s == close ? s + 1 : NULL;
}

/* Skips "<6>", "[   12.345678] " and "[    T1] ", as printk adds them. */
static const char *skip_stamps(const char *s)
{
	const char *end;

	for (;;) {
		while (*s == ' ')
			s++;
		if (*s != '[' && *s != '<')
			return s;
		end = stamp_end(s + 1, *s == '[' ? ']' : '>');
		if (!end)
			return s;
		s = end;
	}
}

/*
 * Makes a line printable, in place, for we are about to put a Guest's words
 * on the user's terminal: no control characters, no escape sequences.
 */
static void clean(char *line)
{
	char *to = line;

	for (const char *s = line; *s; s++) {
		if (s[0] == '\033' && s[1] == '[') {
			s += 2;
			while (*s && !isalpha((unsigned char)*s))
				s++;
			if (!*s)
				break;
		} else if (*s >= ' ' && *s < 0x7f) {
			*to++ = *s;
		}
	}
	while (to > line && to[-1] == ' ')
		to--;
	*to = '\0';
}

/* The tail as one string, oldest first. */
static char *unroll(void)
{
	static char text[TAIL_BYTES + 1];
	size_t n = tail.n < TAIL_BYTES ? tail.n : TAIL_BYTES;

	for (size_t i = 0; i < n; i++) {
		char c = tail.bytes[(tail.n - n + i) % TAIL_BYTES];

		/* A Guest may print NUL; a string may not. */
		text[i] = c ? c : ' ';
	}
	text[n] = '\0';
	return text;
}

/*
 * The last panic if there is one, for what follows it is registers and a call
 * trace; else the last line that says anything.
 */
bool terminal_last_words(char *buf, size_t size)
{
	char *line, *save = NULL;
	bool panicked = false;

	*buf = '\0';
	for (line = strtok_r(unroll(), "\r\n", &save); line;
	     line = strtok_r(NULL, "\r\n", &save)) {
		const char *words;

		clean(line);
		words = skip_stamps(line);
		/* "---[ end Kernel panic" closes the report: not a cause. */
		if (!strncmp(words, panic, sizeof(panic) - 1))
			panicked = true;
		else if (panicked || !*words)
			continue;
		snprintf(buf, size, "%s", words);
	}
	return panicked;
}
