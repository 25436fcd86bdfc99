/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * malloc(3) for programs that keep most of what they ask for: the C library's
 * is 5 KiB.  The linker makes these its malloc() and kin; see the Makefile.
 * What is given back waits for one who wants as much.  There is no lock: only
 * the first thread allocates, and it is done when the Guest starts.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "heap.h"

#define ALIGN		16
#define FINE		1024		/* up to here each size has its list */
#define COARSE		KIB(64)		/* up to here each power of two has */
#define ARENA		KIB(256)
#define LISTS		(FINE / ALIGN + 7)

/* In front of what the caller gets, which is aligned. */
struct block {
	size_t size;		/* with this */
	union {
		struct block *next;
		char bytes[1];
	};
};

#define HEAD		offsetof(struct block, bytes)

static struct block *lists[LISTS];
static char *arena;
static size_t arena_left;

static struct block *block_of(void *p)
{
	return (struct block *)((char *)p - HEAD);
}

static size_t block_size(size_t n)
{
	if (n > SIZE_MAX / 2)
		return SIZE_MAX;	/* more than mmap(2) gives anybody */
	n += HEAD;
	if (n <= FINE)
		return ALIGN_UP(n, ALIGN);
	if (n <= COARSE)
		return (size_t)2 << (31 - __builtin_clz(n - 1));
	return n + ALIGN - HEAD;
}

static struct block **block_list(size_t size)
{
	if (size <= FINE)
		return &lists[size / ALIGN - 1];
	return &lists[FINE / ALIGN + __builtin_ctz(size / FINE) - 1];
}

/* The caller's bytes are to be aligned, not the block. */
static void *map(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p + ALIGN - HEAD;
}

static struct block *block_cut(size_t size)
{
	struct block *b;

	if (arena_left < size) {
		char *more = map(ARENA);

		if (!more)
			return NULL;
		arena = more;
		arena_left = ARENA - ALIGN;
	}
	b = (struct block *)arena;
	arena += size;
	arena_left -= size;
	return b;
}

void *heap_malloc(size_t n)
{
	size_t size = block_size(n);
	struct block *b, **list;

	if (size > COARSE) {
		b = map(size);
	} else {
		list = block_list(size);
		b = *list;
		if (b)
			*list = b->next;
		else
			b = block_cut(size);
	}
	if (!b)
		return NULL;
	b->size = size;
	return b->bytes;
}

void heap_free(void *p)
{
	struct block *b, **list;
	int saved = errno;

	if (!p)
		return;
	b = block_of(p);
	if (b->size > COARSE) {
		munmap((char *)p - ALIGN, b->size);
	} else {
		list = block_list(b->size);
		b->next = *list;
		*list = b;
	}
	errno = saved;
}

void *heap_calloc(size_t n, size_t each)
{
	size_t size;
	void *p;

	if (__builtin_mul_overflow(n, each, &size))
		size = SIZE_MAX;
	p = heap_malloc(size);
	/* The kernel's own pages are zero. */
	if (p && block_of(p)->size <= COARSE)
		memset(p, 0, size);
	return p;
}

void *heap_realloc(void *p, size_t n)
{
	size_t old = p ? block_of(p)->size : 0, size = block_size(n);
	void *more;

	if (old == size)
		return p;
	if (old > COARSE && size > COARSE) {
		more = mremap((char *)p - ALIGN, old, size, MREMAP_MAYMOVE);
		if (more == MAP_FAILED)
			return NULL;
		p = (char *)more + ALIGN;
		block_of(p)->size = size;
		return p;
	}
	more = heap_malloc(n);
	if (more && p) {
		memcpy(more, p, (old < size ? old : size) - HEAD);
		heap_free(p);
	}
	return more;
}
