/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command lines, the way getopt_long(3) reads them, from tables of ours: in any
 * order, letters together, words as short as they can be told apart.
 */
#include <stdlib.h>
#include <string.h>

#include "lguest.h"

static void option_store(const struct option_row *row, void *where,
			 char *value)
{
	char *at = (char *)where + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)at = true;
		break;
	case OPTION_STRING:
		if (!*value)
			die_usage("--%s= wants %s", row->name, row->arg);
		*(const char **)at = value;
		break;
	case OPTION_NUMBER:
		if (!parse_number(value, row->min, row->max, (uint64_t *)at))
			die_usage("--%s=%s: not a number from %llu to %llu",
				  row->name, value,
				  (unsigned long long)row->min,
				  (unsigned long long)row->max);
		break;
	case OPTION_CALL:
		row->take(where, row, value);
		break;
	}
}

/* The row of this name, or the only one that begins like it. */
static const struct option_row *row_named(const struct option_row *rows,
					  const char *name, size_t len)
{
	const struct option_row *found = NULL;
	unsigned n = 0;

	for (; rows->name; rows++) {
		if (strncmp(rows->name, name, len))
			continue;
		if (!rows->name[len])
			return rows;
		found = rows;
		n++;
	}
	return n == 1 ? found : NULL;
}

/* These return whether the next word went with this one. */
static bool option_word(const struct option_row *rows, void *where, char *text,
			char *next)
{
	size_t len = strcspn(text + 2, "=");
	const struct option_row *row = row_named(rows, text + 2, len);
	char *value = text[2 + len] ? text + 2 + len + 1 : NULL;
	bool wants;

	if (!row)
		die_usage("unknown option %s; see --help", text);
	if (value && !row->arg)
		die_usage("--%s takes no argument", row->name);
	wants = row->arg && !value;
	if (wants && !next)
		die_usage("%s wants an argument; see --help", text);
	option_store(row, where, wants ? next : value);
	return wants;
}

static bool option_letters(const struct option_row *rows, void *where,
			   char *text, char *next)
{
	while (*++text) {
		const struct option_row *row = rows;

		while (row->name && row->letter != *text)
			row++;
		if (!row->name)
			die_usage("unknown option -%c; see --help", *text);
		if (row->arg && !text[1] && !next)
			die_usage("-%c wants an argument; see --help", *text);
		if (row->arg) {
			option_store(row, where, text[1] ? text + 1 : next);
			return !text[1];
		}
		option_store(row, where, NULL);
	}
	return false;
}

int options_parse(const struct option_row *rows, void *where,
		  int argc, char **argv)
{
	int at, n = 0;

	for (at = 1; at < argc; at++) {
		char *text = argv[at], *next = argv[at + 1];

		if (text[0] != '-' || !text[1]) {
			/* What is no option gathers in front. */
			argv[1 + n++] = text;
		} else if (text[1] != '-') {
			at += option_letters(rows, where, text, next);
		} else if (text[2]) {
			at += option_word(rows, where, text, next);
		} else {
			at++;
			break;
		}
	}
	/* Behind "--" everything is as it was; the rest joins it there. */
	memmove(argv + at - n, argv + 1, n * sizeof(*argv));
	return at - n;
}

#define HELP_COLUMN	30

void options_help(const struct option_row *rows)
{
	for (; rows->name; rows++) {
		int n = 0;

		if (rows->letter)
			n = printf("  -%c, --%s", rows->letter, rows->name);
		else
			n = printf("      --%s", rows->name);
		if (rows->arg)
			n += printf("=%s", rows->arg);
		/* A long left side gets a line of its own. */
		if (n >= HELP_COLUMN)
			printf("\n%*s%s\n", HELP_COLUMN, "", rows->help);
		else
			printf("%*s%s\n", HELP_COLUMN - n, "", rows->help);
	}
}
