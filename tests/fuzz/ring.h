/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The input of a fuzz target as the work of a driver: what it puts into its
 * first queue.  All of it may be nonsense.
 *
 *	1 byte		bits 0 to 3: the size of the queue is 2 to that power
 *	1 byte		feature bits 9 to 14 that the driver declines; bit 6
 *			for indirect descriptors, bit 7 for EVENT_IDX
 *	1 byte		how many heads follow
 *	n bytes		heads
 *	1 byte		how many descriptors follow
 *	n times 16	descriptors, as they lie in memory
 *	the rest	goes to RING_DATA: headers, indirect tables
 */
#ifndef RING_H
#define RING_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>

#include "rig.h"

#define RING_MEMORY	KIB(256)
#define RING_DESC	0x1000
#define RING_AVAIL	0x2000
#define RING_USED	0x3000
#define RING_DATA	0x4000
#define RING_DATA_SIZE	0x4000
#define TURNS_MAX	1000

struct input {
	const uint8_t *data;
	size_t size;
};

static inline uint8_t input_byte(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

static inline void input_copy(struct input *in, void *to, size_t len)
{
	if (len > in->size)
		len = in->size;
	memcpy(to, in->data, len);
	in->data += len;
	in->size -= len;
}

/* All that must never happen ends here. */
static inline void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "must not be: %s\n", what);
	abort();
}

static inline uint64_t ring_declined(uint8_t bits)
{
	return (uint64_t)(bits & 0x3f) << 9 |
	       (uint64_t)(bits >> 6 & 1) << VIRTIO_RING_F_INDIRECT_DESC |
	       (uint64_t)(bits >> 7 & 1) << VIRTIO_RING_F_EVENT_IDX;
}

/* Starts d as the input says.  Returns the number of requests waiting. */
static inline unsigned ring_start(struct device *d, struct input *in)
{
	struct virtqueue *q = &d->queues[0];
	struct vring_avail *avail = rig_at(RING_AVAIL);
	uint8_t size = input_byte(in), declined = input_byte(in);
	unsigned n;

	memset(rig_at(0), 0, RING_MEMORY);
	virtio_set_status(d, 0);
	virtio_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER);
	virtio_accept(d, d->features & ~ring_declined(declined));
	virtio_set_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	q->size = 1 << (size & 15);
	q->desc = RING_DESC;
	q->avail = RING_AVAIL;
	q->used = RING_USED;
	q->enabled = true;

	n = input_byte(in);
	for (unsigned i = 0; i < n; i++)
		avail->ring[i] = input_byte(in);
	avail->idx = n;
	input_copy(in, rig_at(RING_DESC), 16 * input_byte(in));
	input_copy(in, rig_at(RING_DATA), RING_DATA_SIZE);
	virtio_set_status(d, d->status | VIRTIO_CONFIG_S_DRIVER_OK);
	return n;
}

/* Kicks until all that was taken is answered, which must happen. */
static inline void ring_run(struct device *d)
{
	struct virtqueue *q = &d->queues[0];
	unsigned turns = 0;

	virtio_notify(d, 0);
	while (q->live && (vq_has_work(q) || q->used_idx != q->last_avail)) {
		must(turns++ < TURNS_MAX, "work without an end");
		rig_turn();
	}
	must(q->live || d->broken || q->size > QUEUE_SIZE_MAX,
	     "a queue that stops for no reason");
}

#endif
