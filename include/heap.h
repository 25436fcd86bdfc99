/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What malloc(3), calloc(3), realloc(3) and free(3) are in the finished
 * program.  Nobody else calls these; for the first thread alone.
 */
#ifndef HEAP_H
#define HEAP_H

#include "lguest.h"

void *heap_malloc(size_t n);
void *heap_calloc(size_t n, size_t each);
void *heap_realloc(void *p, size_t n);
void heap_free(void *p);

#endif
