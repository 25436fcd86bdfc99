/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways to speak: every line goes to stderr in one write(2), so that two
 * Launchers on one terminal do not mix their words.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lguest.h"

const char *progname = "lguest";
bool say_verbose;

/* Ends the line with \r\n: the terminal may be raw, and \r does no harm. */
static void say(const char *cause, const char *fmt, va_list ap)
{
	int saved = errno;
	char line[1024];
	size_t n = 0, max = sizeof(line) - 2;
	ssize_t done;

	n += snprintf(line, max, "%s: ", progname);
	n += vsnprintf(line + n, max - n, fmt, ap);
	if (n < max && cause)
		n += snprintf(line + n, max - n, ": %s", cause);
	if (n > max - 1)
		n = max - 1;
	if (isatty(STDERR_FILENO))
		line[n++] = '\r';
	line[n++] = '\n';
	done = write(STDERR_FILENO, line, n);
	(void)done;	/* whom would we tell? */
	errno = saved;
}

void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(NULL, fmt, ap);
	va_end(ap);
}

void warn_errno(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(strerror(errno), fmt, ap);
	va_end(ap);
}

void verbose(const char *fmt, ...)
{
	va_list ap;

	if (!say_verbose)
		return;
	va_start(ap, fmt);
	say(NULL, fmt, ap);
	va_end(ap);
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(NULL, fmt, ap);
	va_end(ap);
	exit(STATUS_FAILED);
}

void die_errno(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(strerror(errno), fmt, ap);
	va_end(ap);
	exit(STATUS_FAILED);
}

void die_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(NULL, fmt, ap);
	va_end(ap);
	exit(STATUS_USAGE);
}

/* What assert(3) comes down to; see the Makefile. */
void say_assertion(const char *what, const char *file, int line, const char *fn)
{
	warn("Assertion failed: %s (%s: %s: %d)", what, file, fn, line);
	abort();
}
