/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RAW_H
#define RAW_H

#include "target.h"

/*
 * Fills the target with what is in `from` (NULL: nothing), holes for zeroes,
 * and makes it `size` bytes (0: as many as there are), or dies.
 */
void raw_write(struct target *to, const char *from, uint64_t size);

#endif
