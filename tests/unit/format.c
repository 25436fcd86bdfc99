/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Our printf() beside the C library's: the same text, the same length.
 */
#include <limits.h>
#include <stdlib.h>

#include "rig.h"

static char text[4096];

static void put(void *to, const char *bytes, size_t n)
{
	fwrite(bytes, 1, n, to);
}

static int PRINTF(1, 2) ours(const char *fmt, ...)
{
	FILE *to = fmemopen(text, sizeof(text), "w");
	va_list ap;
	int n;

	/* For fmemopen() ends no text without bytes. */
	*text = '\0';
	va_start(ap, fmt);
	n = format_print(put, to, fmt, ap);
	va_end(ap);
	fclose(to);
	return n;
}

/* The arguments twice, and no warning of formats that are odd on purpose. */
#define SAME(...) do { \
	char want[sizeof(text)]; \
	int n = snprintf(want, sizeof(want), __VA_ARGS__); \
	CHECK_EQ(ours(__VA_ARGS__), n); \
	CHECK(!strcmp(text, want)); \
} while (0)

static void words(void)
{
	const char unended[3] = { 'a', 'b', 'c' };

	SAME("plain");
	SAME("%s", "");
	SAME("<%s> and <%s>", "one", "another");
	SAME("%.*s|%.2s|%.9s|%.0s|", 3, unended, unended, "short", "none");
	SAME("%.*s|", -1, "a negative precision is none");
	SAME("%8s|%2s|%*s|%*s|", "right", "long", 4, "x", 0, "y");
	SAME("%c%c%3c", 'a', 0x80, 'b');
	SAME("100%%, %d%%", 7);
}

static void numbers(void)
{
	SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	SAME("%u %u %x %X", 0u, UINT32_MAX, UINT32_MAX, 0xabcdef);
	SAME("%lld %lld", (long long)INT64_MIN, (long long)INT64_MAX);
	SAME("%llu %llx", (unsigned long long)UINT64_MAX, 1ull << 63);
	SAME("%ld %lu %zu", -5l, ~0ul, sizeof(text));
	SAME("%#x %#llx %#x", 0x1fu, 0xabcull, 0u);
	SAME("%02x %04x %08X %02u %02llu", 5u, 0x12345u, 0xbeefu, 7u, 123ull);
	SAME("%3u|%3u|%5d|", 7u, 1234u, -42);
}

/* More than is gathered at once comes out in order. */
static void long_ones(void)
{
	char line[1500];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	SAME("%s%d%s", line, 12345, line);
	SAME("%1200d", 1);
}

int main(void)
{
	RUN(words);
	RUN(numbers);
	RUN(long_ones);
	return rig_done();
}
