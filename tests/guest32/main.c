/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs what the arguments say, and powers off:
 *	suite=kernel		all of its tests (also: user, devices)
 *	suite=hostile:NAME	one of them
 *	only=NAME		this test alone
 *	trace=1			also before each step
 */
#include <stdarg.h>

#include "guest32.h"

extern const struct test tests_start[], tests_end[];

static char failed[160];
static const char *skipped;
static bool tracing;

void fail(const char *fmt, ...)
{
	va_list ap;

	if (*failed)
		return;
	va_start(ap, fmt);
	vformat(failed, sizeof(failed), fmt, ap);
	va_end(ap);
}

bool has_failed(void)
{
	return *failed;
}

void skip(const char *why)
{
	skipped = why;
}

void trace(const char *what)
{
	if (tracing)
		say("  %s\n", what);
}

static void test_run(const struct test *t)
{
	u32 mark = pages_mark();

	trace(t->name);
	*failed = '\0';
	skipped = NULL;
	t->fn();
	irqs_off();
	trap_hook = NULL;
	irq_hook = NULL;
	lguest_data.blocked_interrupts = 0xffffffff;
	pages_release(mark);
	if (*failed)
		say("FAIL %s: %s\n", t->name, failed);
	else if (skipped)
		say("SKIP %s: %s\n", t->name, skipped);
	else
		say("PASS %s\n", t->name);
}

/* "hostile:name" is a suite and the test in it. */
static bool chosen(const struct test *t, const char *suite, const char *only)
{
	size_t n = strlen(t->suite);

	if (*only && !same(only, t->name))
		return false;
	if (same(suite, t->suite))
		return true;
	return strlen(suite) > n && suite[n] == ':' &&
	       !memcmp(suite, t->suite, n) && same(suite + n + 1, t->name);
}

__attribute__((used)) void guest_main(void)
{
	char suite[64], only[64];
	unsigned n = 0;

	memory_init();
	arguments_init();
	traps_init();
	tracing = argument_number("trace", 0);
	memcpy(suite, argument("suite"), sizeof(suite));
	memcpy(only, argument("only"), sizeof(only));
	say("BEGIN %s %s, %u MiB\n", RELEASE, suite, ram_size >> 20);
	for (const struct test *t = tests_start; t != tests_end; t++)
		if (chosen(t, suite, only)) {
			test_run(t);
			n++;
		}
	say("END %u\n", n);
	power_off("Power down", 1);
}
