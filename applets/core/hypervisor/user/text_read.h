/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_read.c: code of unknown origin, read one instruction at a time.
 */
#ifndef USER_TEXT_READ_H
#define USER_TEXT_READ_H

#include "access.h"
#include "text.h"

#define TEXT_PEEK	8	/* bytes that may be looked at behind the end */

struct text_source {
	const uint8_t *bytes;	/* with TEXT_PEEK more of them */
	unsigned begin, end;	/* of what there is of them */
};

struct text_insn {
	unsigned at, n;		/* n: bytes; 0: no kernel has such */
	const uint8_t *op;	/* behind the prefixes */
};

/* What is at `at`; a gap between sections counts as one instruction. */
void text_read(const struct text_source *t, unsigned at, struct text_insn *i);

#endif
