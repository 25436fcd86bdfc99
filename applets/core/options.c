/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command lines, the way getopt_long(3) reads them, from tables of ours.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lguest.h"

#define OPTIONS_MAX	40
/* getopt's value for the row with index 0; above any letter. */
#define ROW_BASE	256

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

/* getopt says little; argv[optind - 1] is what it choked on. */
NORETURN static void option_wrong(int c, const struct option *known,
				  char **argv)
{
	const char *text = argv[optind - 1];

	/* Of a letter there is no word: it may be one of several in it. */
	if (c == ':' && optopt < ROW_BASE)
		die_usage("-%c wants an argument; see --help", optopt);
	if (c == ':')
		die_usage("%s wants an argument; see --help", text);
	for (const struct option *o = known; o->name; o++)
		if (!strncmp(text, "--", 2) && !o->has_arg &&
		    !strncmp(text + 2, o->name, strlen(o->name)) &&
		    text[2 + strlen(o->name)] == '=')
			die_usage("--%s takes no argument", o->name);
	if (text[0] == '-' && text[1] != '-' && optopt)
		die_usage("unknown option -%c; see --help", optopt);
	die_usage("unknown option %s; see --help", text);
}

int options_parse(const struct option_row *rows, void *where,
		  int argc, char **argv)
{
	struct option known[OPTIONS_MAX + 1] = { 0 };
	char letters[2 * OPTIONS_MAX + 2] = ":", *letter = letters + 1;
	int c, n;

	for (n = 0; rows[n].name; n++) {
		if (n == OPTIONS_MAX)
			die("more than %d options", OPTIONS_MAX);
		known[n] = (struct option){
			rows[n].name, rows[n].arg != NULL, NULL, ROW_BASE + n
		};
		if (!rows[n].letter)
			continue;
		*letter++ = rows[n].letter;
		if (rows[n].arg)
			*letter++ = ':';
	}
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, known, NULL)) != -1) {
		for (n = 0; rows[n].name; n++)
			if (c == ROW_BASE + n || c == rows[n].letter)
				break;
		if (c == '?' || c == ':' || !rows[n].name)
			option_wrong(c, known, argv);
		option_store(&rows[n], where, optarg);
	}
	return optind;
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
