/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's side of a virtqueue, as simple as may be: it kicks when it is
 * told to, sleeps until an interrupt comes, and takes what is used in order.
 */
#include "standin.h"

#define NEXT		1
#define WRITE		2
#define NO_NOTIFY	1

struct entry {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
} __attribute__((packed));

static void put16(uint32_t at, uint16_t value)
{
	guest_write(at, &value, sizeof(value));
}

void ring_add(struct ring *r, const struct buffer *b, unsigned n)
{
	uint16_t head = r->next % r->size;

	for (unsigned i = 0; i < n; i++) {
		uint16_t at = r->next++ % r->size;
		struct entry e = { b[i].at, b[i].len, 0, 0 };

		if (b[i].in)
			e.flags |= WRITE;
		if (i < n - 1) {
			e.flags |= NEXT;
			e.next = r->next % r->size;
		}
		guest_write(r->desc + 16 * at, &e, sizeof(e));
	}
	put16(r->avail + 4 + 2 * (r->added % r->size), head);
	put16(r->avail + 2, ++r->added);
	if (!(guest_read16(r->used) & NO_NOTIFY))
		r->kick(r);
}

uint32_t ring_wait(struct ring *r)
{
	uint32_t len;

	/* What was used has its interrupt, and nothing else has one. */
	NEED_EQ(host_halt(), r->irq);
	if (r->device->isr)
		NEED_EQ(mmio_read(r->device->isr, 1), 1);
	NEED(guest_read16(r->used + 2) != r->seen);
	/* Descriptors are not reused before the ring went round. */
	len = guest_read32(r->used + 4 + 8 * (r->seen % r->size) + 4);
	r->seen++;
	return len;
}
