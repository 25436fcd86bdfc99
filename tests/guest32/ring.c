/* SPDX-License-Identifier: GPL-2.0-only */
/* A virtqueue as a driver sees it. */
#include "device.h"

#define NEXT		1
#define WRITE		2
#define SECOND		1000000000u

void queue_init(struct queue *q, void *ring, u32 used_off, unsigned size)
{
	memset(ring, 0, used_off + 6 + 8 * size);
	q->size = size;
	q->desc = ring;
	q->avail = (void *)((u8 *)ring + 16 * size);
	q->used = (void *)((u8 *)ring + used_off);
	q->next = q->seen = 0;
}

void queue_add(struct queue *q, unsigned head, const struct piece *p,
	       unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		volatile struct vring_desc *d = &q->desc[head + i];

		d->addr = phys(p[i].at);
		d->len = p[i].len;
		d->flags = (i + 1 < n ? NEXT : 0) | (p[i].in ? WRITE : 0);
		d->next = head + i + 1;
	}
	q->avail->ring[q->next % q->size] = head;
	barrier();
	q->avail->idx = ++q->next;
	barrier();
}

/* Until the queue's interrupt, or for three seconds; less if all is lost. */
static void sleep_once(struct queue *q)
{
	u32 limit = has_failed() ? SECOND / 10 : 3 * SECOND;

	irqs_off();
	lguest_data.blocked_interrupts = ~(1u | 1u << q->irq);
	if (q->used->idx == q->seen) {
		hcall(LHCALL_SET_CLOCKEVENT, limit, 0, 0);
		hcall(LHCALL_HALT, 0, 0, 0);
		hcall(LHCALL_SET_CLOCKEVENT, 0, 0, 0);
	}
	irqs_on();
}

int queue_wait(struct queue *q, u32 *len)
{
	u32 timer = irq_count[0];
	unsigned at = q->seen % q->size;

	while (q->used->idx == q->seen && irq_count[0] == timer)
		sleep_once(q);
	irqs_off();
	if (q->used->idx == q->seen) {
		fail("queue %u of device %u: no answer", q->index,
		     q->d->type);
		return -1;
	}
	device_acknowledge(q->d);
	q->seen++;
	if (len)
		*len = q->used->ring[at].len;
	return q->used->ring[at].id;
}

u32 queue_do(struct queue *q, const struct piece *p, unsigned n)
{
	u32 len = 0;

	queue_add(q, 0, p, n);
	device_kick(q);
	if (queue_wait(q, &len) > 0)
		fail("another request was answered");
	return len;
}
