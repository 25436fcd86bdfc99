/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of image_parse(): one image, one reason, and how to look at it. */
#ifndef PARSES_H
#define PARSES_H

#include "kernels.h"
#include "rig.h"

static struct image image;
static char why[WHY_MAX];

static inline bool parse(const struct kernel *k)
{
	why[0] = 0;
	return image_parse(&image, k->bytes, k->size, k->size, why);
}

/* Refused, with `words` among the reason? */
static inline bool refused(const struct kernel *k, const char *words)
{
	if (parse(k)) {
		fprintf(stderr, "let through, but: %s\n", words);
		return false;
	}
	if (!strstr(why, words))
		fprintf(stderr, "\"%s\" is not in: %s\n", words, why);
	return strstr(why, words);
}

#endif
