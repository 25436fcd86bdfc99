/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that is asked for, kept, changed and given back in any order. */
#include <errno.h>
#include <stdlib.h>

#include "heap.h"
#include "rig.h"

#define BLOCKS	300

static struct {
	uint8_t *at;
	size_t n;
	uint8_t mark;
} blocks[BLOCKS];

static uint32_t seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

/* Mostly small ones, as in life. */
static size_t size(void)
{
	switch (pick(20)) {
	case 0:
		return KIB(60) + pick(KIB(10));
	case 1:
		return pick(KIB(500));
	case 2:
	case 3:
		return pick(KIB(9));
	default:
		return pick(200);
	}
}

static bool filled(const uint8_t *p, size_t n, uint8_t mark)
{
	while (n--)
		if (*p++ != mark)
			return false;
	return true;
}

static void check(unsigned i, size_t n)
{
	CHECK(blocks[i].at);
	CHECK(!((uintptr_t)blocks[i].at % 16));
	CHECK(filled(blocks[i].at, n, blocks[i].mark));
}

static void any_order(void)
{
	for (unsigned turn = 0; turn < 30000; turn++) {
		unsigned i = pick(BLOCKS);
		size_t n = size(), old = blocks[i].n;

		if (!blocks[i].at && turn % 2) {
			blocks[i].at = heap_malloc(n);
		} else if (!blocks[i].at) {
			blocks[i].at = heap_calloc(n / 7 + 1, 7);
			blocks[i].mark = 0;
			check(i, (n / 7 + 1) * 7);
		} else if (turn % 3) {
			check(i, old);
			heap_free(blocks[i].at);
			blocks[i].at = NULL;
			continue;
		} else {
			check(i, old);
			blocks[i].at = heap_realloc(blocks[i].at, n);
			check(i, n < old ? n : old);
		}
		blocks[i].n = n;
		blocks[i].mark = turn;
		memset(blocks[i].at, blocks[i].mark, n);
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		if (blocks[i].at) {
			check(i, blocks[i].n);
			heap_free(blocks[i].at);
		}
}

/* Whoever takes and gives back for ever gets along with what there is. */
static void again(void)
{
	char *kept = heap_malloc(10), *first = heap_malloc(100);

	heap_free(first);
	for (unsigned i = 0; i < 1000; i++) {
		char *p = heap_malloc(100);

		CHECK(p == first);
		heap_free(p);
	}
	heap_free(kept);
	heap_free(NULL);
	kept = heap_realloc(NULL, 5);
	CHECK(kept);
	heap_free(kept);
}

static void too_much(void)
{
	char *p = heap_malloc(KIB(100));

	CHECK(!heap_malloc(SIZE_MAX));
	CHECK_EQ(errno, ENOMEM);
	CHECK(!heap_malloc(SIZE_MAX / 2 - 3));
	CHECK(!heap_calloc(SIZE_MAX / 2, 3));
	CHECK(!heap_realloc(p, SIZE_MAX - 5));
	p[KIB(100) - 1] = 1;
	heap_free(p);
}

/* Each size around where another way begins. */
static void edges(void)
{
	static const size_t at[] = { 0, 16, 1024, 2048, KIB(32), KIB(64),
				     KIB(256) };

	for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
		for (size_t n = at[i] > 40 ? at[i] - 40 : 0;
		     n < at[i] + 40; n++) {
			uint8_t *p = heap_malloc(n), *next = heap_malloc(n);

			memset(p, 1, n);
			memset(next, 2, n);
			CHECK(filled(p, n, 1));
			p = heap_realloc(p, n + 1);
			CHECK(filled(p, n, 1));
			p[n] = 3;
			CHECK(filled(next, n, 2));
			heap_free(p);
			heap_free(next);
		}
}

int main(void)
{
	RUN(any_order);
	RUN(again);
	RUN(too_much);
	RUN(edges);
	return rig_done();
}
