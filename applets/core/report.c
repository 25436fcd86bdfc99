/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The same facts for two readers.  People get a line a fact, indented by what
 * it belongs to; scripts get JSON, where strings have to be UTF-8 whatever a
 * file calls itself.
 */
#include <stdarg.h>
#include <string.h>

#include "report.h"

#define DEPTH_MAX	8
#define LABEL		22	/* columns for what a fact is called */

static struct {
	bool json;
	unsigned depth;
	struct level {
		bool list, row, verbatim;
		unsigned count;		/* of what is in it so far */
	} levels[DEPTH_MAX];
} report;

static struct level *level(void)
{
	return &report.levels[report.depth];
}

/* Bytes of the UTF-8 character at p that may be printed; 0 for none. */
static unsigned utf8_length(const unsigned char *p)
{
	unsigned n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 :
		(p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;

	if (n == 1)
		return p[0] >= ' ' && p[0] != 0x7f;
	for (unsigned i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* C1 controls, overlong forms, surrogates, beyond the last one. */
	if ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) ||
	    (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return n;
}

/*
 * For JSON, a byte that is no character becomes that of the same number; for
 * people it is \xNN, since it may be for the terminal and not for them.
 */
static void text_put(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned n;

	for (; *p; p += n ? n : 1) {
		n = utf8_length(p);
		if (report.json && (*p == '"' || *p == '\\'))
			putchar('\\');
		if (n)
			fwrite(p, 1, n, stdout);
		else
			printf(report.json ? "\\u%04x" : "\\x%02x", *p);
	}
}

static void indent(void)
{
	for (unsigned i = 1; i < report.depth; i++)
		fputs("  ", stdout);
}

/* All that stands before a value, or before what opens. */
static void key_put(const char *key, bool value)
{
	struct level *l = level();
	bool row = l->row && !report.json;
	int n = 0;

	if (report.json) {
		if (l->count)
			putchar(',');
		putchar('\n');
	} else if (row && l->count) {
		fputs(", ", stdout);
	}
	if (!row)
		indent();
	l->count++;
	if (!key)
		return;
	if (report.json) {
		printf("\"%s\": ", key);
		return;
	}
	for (; *key; key++, n++)
		putchar(*key == '_' && !l->verbatim ? ' ' : *key);
	if (!row && value)
		printf("%*s", n < LABEL ? LABEL - n : 0, "");
	if (value)
		putchar(' ');
}

static void value_end(void)
{
	if (!report.json && !level()->row)
		putchar('\n');
}

static void level_open(const char *key, bool list, bool row)
{
	/* A list among people's lines has only its items. */
	if (report.json || key)
		key_put(key, false);
	if (report.json)
		putchar(list ? '[' : '{');
	else if (key)
		putchar('\n');
	if (!report.json && row)
		indent();
	if (++report.depth == DEPTH_MAX)
		die("a report that is too deep");
	report.levels[report.depth] = (struct level){ .list = list,
						      .row = row };
}

void report_open(const char *key)
{
	level_open(key, false, false);
}

void report_open_verbatim(const char *key)
{
	level_open(key, false, false);
	level()->verbatim = true;
}

void report_list(const char *key)
{
	level_open(key, true, false);
}

void report_row(const char *key)
{
	level_open(key, false, true);
}

void report_close(void)
{
	if (report.json)
		printf("%s%c", level()->count ? "\n" : "",
		       level()->list ? ']' : '}');
	else if (level()->row)
		putchar('\n');
	report.depth--;
}

void report_meaning(const char *key, uint64_t value, bool hex,
		    const char *text)
{
	char other[64];

	if (report.json) {
		report_number(key, value);
		snprintf(other, sizeof(other), "%s_text", key);
		report_text(other, text);
	} else {
		report_print(key, hex ? "0x%llx%s%s%s" : "%llu%s%s%s",
			     (unsigned long long)value, *text ? " (" : "",
			     text, *text ? ")" : "");
	}
}

void report_answer(const char *key, const char *can, const char *because)
{
	if (!report.json) {
		report_print(key, "%s%s%s", can, *because ? ": " : "",
			     because);
		return;
	}
	report_open(key);
	report_text("can", can);
	if (*because)
		report_text("because", because);
	report_close();
}

void report_begin(bool json)
{
	report.json = json;
	if (json)
		putchar('[');
	level()->list = true;
}

void report_end(void)
{
	if (report.json)
		printf("%s]\n", level()->count ? "\n" : "");
	if (fflush(stdout) || ferror(stdout))
		die_errno("write standard output");
}

void report_text(const char *key, const char *value)
{
	key_put(key, true);
	if (report.json)
		putchar('"');
	text_put(value);
	if (report.json)
		putchar('"');
	value_end();
}

void report_print(const char *key, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_text(key, text);
}

void report_number(const char *key, uint64_t value)
{
	key_put(key, true);
	printf("%llu", (unsigned long long)value);
	value_end();
}

void report_hex(const char *key, uint64_t value)
{
	key_put(key, true);
	printf(report.json ? "%llu" : "0x%llx", (unsigned long long)value);
	value_end();
}

void report_flag(const char *key, bool value)
{
	key_put(key, true);
	if (report.json)
		fputs(value ? "true" : "false", stdout);
	else
		fputs(value ? "yes" : "no", stdout);
	value_end();
}

void report_line(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (report.json)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	indent();
	text_put(text);
	putchar('\n');
}
