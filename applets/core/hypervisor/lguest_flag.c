/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lguest_data.irq_pending: the Host sets it when an interrupt comes while the
 * Guest has them disabled, so that the Guest says when it enables them.  No
 * Host, from 2.6.31 to the end, clears it: "is there another one?" is what
 * find_next_bit() returned, which is never zero.  So from the first such
 * interrupt on, each spin_unlock_irqrestore() in the Guest is a hypercall.
 *
 * We clear it each time before the Guest runs.  Nothing gets lost: the Host
 * looks what is pending before it enters the Guest, and sets it again.
 */
#include <string.h>

#include "lguest.h"

/*
 * Words of struct lguest_data: a ring of 64 bytes that are 0xff where no
 * hypercall waits, and behind the hypercalls where the kernel is mapped and
 * its vector for system calls.  The flag is right before the ring, from 2.6.31
 * on; older ones are found so that nobody looks for them any longer.
 */
#define RING		16
#define KERNEL_OLD	277	/* from the ring, to 2.6.30 */
#define KERNEL_MIN	339	/* 4.1 and later */
#define KERNEL_MAX	341	/* to 3.0 */
#define VECTOR_SYSCALL	0x80
#define FLAG_IF		0x200

#define SEARCH_END	MIB(32)
/*
 * When a Guest makes us do something, its kernel is unpacked; but some
 * decompressors print.
 */
#define FIRST_LOOK	4
#define LAST_LOOK	64

static uint32_t *pending;	/* NULL: not known */
static unsigned turns;

static bool is_kernel(const uint32_t *at)
{
	return at[0] >= MIB(4) && !(at[0] % MIB(4)) && at[1] == VECTOR_SYSCALL;
}

static bool is_ring(const uint32_t *at)
{
	for (unsigned i = 0; i < RING; i++)
		if (at[i] != UINT32_MAX)
			return false;
	for (unsigned i = KERNEL_MIN; i <= KERNEL_MAX; i++)
		if (is_kernel(at + i))
			return true;
	return is_kernel(at + KERNEL_OLD);
}

/* Around a word that may be of a ring; NULL: it is of none. */
static const uint32_t *ring_around(const uint32_t *at)
{
	const uint32_t *from = at;

	while (from > at - RING && from[-1] == UINT32_MAX)
		from--;
	return is_ring(from) ? from : NULL;
}

/*
 * The Guest stands still meanwhile.  What it makes us take for its data is at
 * most its own memory.
 */
static const uint32_t *find_ring(const struct guest *g)
{
	uint64_t end = g->mem.size < SEARCH_END ? g->mem.size : SEARCH_END;
	uint64_t begin = lguest.kernel / LGUEST_PAGE * LGUEST_PAGE;
	const uint32_t *at = mem_at(&g->mem, 0, end), *ring, *last;

	last = at + end / sizeof(*at) - KERNEL_MAX - 2;
	/* Before the kernel there is nothing but pages to come. */
	for (at += begin / sizeof(*at); at < last; at += RING)
		if (*at == UINT32_MAX && (ring = ring_around(at)))
			return ring;
	return NULL;
}

void lguest_flag_reset(const struct guest *g)
{
	const char *version = g->image->version;

	pending = NULL;
	/* Who says that he is so old need not be searched. */
	turns = !strncmp(version, "2.6.2", 5) ||
		!strncmp(version, "2.6.30", 6) ? LAST_LOOK : 0;
}

static void look(const struct guest *g)
{
	const uint32_t *ring = find_ring(g);

	if (!ring)
		return;
	turns = LAST_LOOK;
	if (!is_kernel(ring + KERNEL_OLD))
		pending = (uint32_t *)ring - 1;
}

void lguest_flag_clear(const struct guest *g)
{
	/* Who has a 64-bit Launcher has no /dev/lguest. */
	if (sizeof(long) != 4)
		return;
	if (turns < LAST_LOOK && (++turns == FIRST_LOOK || turns == LAST_LOOK))
		look(g);
	/* Whatever else is there stays. */
	if (pending && *pending == FLAG_IF)
		*pending = 0;
}
