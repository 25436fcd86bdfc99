/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which interrupt comes: drivers that find their answer at once would never
 * miss one.
 */
#include "device.h"

#define SECOND		1000000000u
#define OUTPUT		1

static void take_all(void)
{
	lguest_data.blocked_interrupts = 0;
	irqs_on();
	/* The Host delivers one of them each time it has us back. */
	for (unsigned i = 0; i < 32; i++)
		hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
	irqs_off();
}

/* Sleeps until that interrupt has come since, or for three seconds. */
static void wait_for(unsigned irq, u32 count)
{
	u32 timer = irq_count[0];

	while (irq_count[irq] == count && irq_count[0] == timer) {
		hcall(LHCALL_SET_CLOCKEVENT, 3 * SECOND, 0, 0);
		hcall(LHCALL_HALT, 0, 0, 0);
		hcall(LHCALL_SET_CLOCKEVENT, 0, 0, 0);
		irqs_off();
	}
}

TEST(devices, interrupts)
{
	static char text[] = "\r";
	struct piece p = { text, 1, false };
	u32 before[32];
	struct device d;
	struct queue *q = &d.q[OUTPUT];

	CHECK(device_find(&d, TYPE_CONSOLE));
	device_start(&d, 0);
	take_all();
	for (unsigned i = 0; i < 32; i++)
		before[i] = irq_count[i];
	queue_add(q, 0, &p, 1);
	device_kick(q);
	wait_for(q->irq, before[q->irq]);
	device_acknowledge(&d);
	take_all();
	EQUAL(q->used->idx, 1);
	for (unsigned i = 1; i < 32; i++)
		EQUAL(irq_count[i] - before[i], i == q->irq);
	device_reset(&d);
}
