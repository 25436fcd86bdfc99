/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lists that the kernel's gen_init_cpio reads:
 *
 *	file NAME LOCATION MODE UID GID [HARD LINKS...]
 *	dir NAME MODE UID GID
 *	nod NAME MODE UID GID b|c MAJOR MINOR
 *	slink NAME TARGET MODE UID GID
 *	pipe NAME MODE UID GID
 *	sock NAME MODE UID GID
 */
#include <string.h>
#include <sys/stat.h>

#include "list.h"

#define BLANKS	" \t\r\n"

/* Each letter of `fields` is one word: what it means is in list_field(). */
static const struct list_kind {
	const char *word;
	uint32_t format;
	const char *fields;
} kinds[] = {
	{ "file", S_IFREG, "nfmug" },
	{ "dir", S_IFDIR, "nmug" },
	{ "nod", 0, "nmugtMN" },
	{ "slink", S_IFLNK, "nfmug" },
	{ "pipe", S_IFIFO, "nmug" },
	{ "sock", S_IFSOCK, "nmug" },
};

static char *list_word(char **line)
{
	char *word = *line + strspn(*line, BLANKS);
	size_t n = strcspn(word, BLANKS);

	if (!n)
		return NULL;
	*line = word + n + (word[n] != '\0');
	word[n] = '\0';
	return word;
}

static bool list_mode(const char *word, uint32_t *mode)
{
	uint32_t n = 0;

	if (!*word || strlen(word) > 6)
		return false;
	for (; *word >= '0' && *word <= '7'; word++)
		n = n * 8 + (*word - '0');
	*mode |= n & 07777;
	return !*word && n <= 07777;
}

static bool list_number(const char *word, uint64_t max, uint32_t *n)
{
	uint64_t value;

	if (!parse_number(word, 0, max, &value))
		return false;
	*n = value;
	return true;
}

static bool list_field(struct list_entry *e, char field, char *word)
{
	switch (field) {
	case 'n':
		e->name = word;
		return true;
	case 'f':
		e->from = word;
		return true;
	case 'm':
		return list_mode(word, &e->mode);
	case 'u':
		return list_number(word, UINT32_MAX, &e->uid);
	case 'g':
		return list_number(word, UINT32_MAX, &e->gid);
	case 't':
		e->mode |= *word == 'b' ? S_IFBLK : S_IFCHR;
		return !strcmp(word, "b") || !strcmp(word, "c");
	case 'M':	/* as many bits as Linux has for them */
		return list_number(word, 0xfff, &e->major);
	default:
		return list_number(word, 0xfffff, &e->minor);
	}
}

static int list_wrong(char *why, const char *what, const char *word)
{
	snprintf(why, LIST_WHY_MAX, "%s%s%.80s", what, word ? ": " : "",
		 word ? word : "");
	return -1;
}

/* The rest of a file's line: its other names. */
static int list_links(char *line, struct list_entry *e, char *why)
{
	char *word;

	while ((word = list_word(&line))) {
		if (!S_ISREG(e->mode))
			return list_wrong(why, "too many words", word);
		if (e->nlinks == LIST_LINKS_MAX)
			return list_wrong(why, "too many hard links", word);
		e->links[e->nlinks++] = word;
	}
	return 1;
}

int list_parse(char *line, struct list_entry *e, char *why)
{
	const struct list_kind *kind = NULL;
	char *word = list_word(&line);

	memset(e, 0, sizeof(*e));
	if (!word || *word == '#')
		return 0;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].word, word))
			kind = &kinds[i];
	if (!kind)
		return list_wrong(why, "unknown kind", word);
	e->mode = kind->format;
	for (const char *field = kind->fields; *field; field++) {
		word = list_word(&line);
		if (!word)
			return list_wrong(why, "too few words", NULL);
		if (!list_field(e, *field, word))
			return list_wrong(why, "cannot read", word);
	}
	return list_links(line, e, why);
}
