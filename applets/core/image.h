/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the parts of the image parser alone: one file for each format,
 * and image.c, which looks at the first bytes and picks one.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <string.h>

#include "machine.h"

/* A file as the parsers see it: its first bytes, and how long all of it is. */
struct image_file {
	const uint8_t *head;
	size_t head_len;	/* at most size */
	uint64_t size;
};

/* Little-endian numbers of 1, 2, 4 or 8 bytes, at any alignment. */
static inline uint64_t image_number(const uint8_t *p, unsigned bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n = n << 8 | p[bytes];
	return n;
}

/* Puts the reason into why, and is false: `return image_refuse(...)`. */
bool image_refuse(char *why, const char *fmt, ...) PRINTF(2, 3);

/* image_refuse() for a file that ends before byte `needed`. */
bool image_truncated(char *why, const struct image_file *f, uint64_t needed);

/* True if the file begins like one of these; nothing more is promised. */
bool image_is_elf(const struct image_file *f);
bool image_is_bzimage(const struct image_file *f);

/* image_parse() for a file that begins so; *image is zeroed. */
bool image_parse_elf(struct image *image, const struct image_file *f,
		     char *why);
bool image_parse_bzimage(struct image *image, const struct image_file *f,
			 char *why);

#endif
