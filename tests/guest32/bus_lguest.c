/* SPDX-License-Identifier: GPL-2.0-only */
/* To 3.19: a page of descriptors behind RAM, and rings behind that. */
#include "device.h"

#if GEN < KERNEL(4, 0, 0)

#define PAGES		256	/* the page and all rings */
#define HEADER		5

/* In a descriptor: type, queues, bytes of features, bytes of config, status */
enum { AT_TYPE, AT_QUEUES, AT_FEATURES, AT_CONFIG, AT_STATUS };

struct vqconfig {
	u16 num, irq;
	u32 pfn;
} __attribute__((packed));

static u8 *devices;

static unsigned desc_size(volatile u8 *d)
{
	return HEADER + 8 * d[AT_QUEUES] + 2 * d[AT_FEATURES] + d[AT_CONFIG];
}

static u32 address(volatile u8 *at)
{
	return ram_size + (u32)(at - devices);
}

bool device_find(struct device *d, unsigned type)
{
	volatile u8 *at;

	if (!devices)
		devices = map_physical(ram_size, PAGES * PAGE);
	memset(d, 0, sizeof(*d));
	for (at = devices; at[AT_TYPE]; at += desc_size(at)) {
		if (at[AT_TYPE] != type)
			continue;
		d->type = type;
		d->at = at;
		d->nqueues = at[AT_QUEUES];
		return true;
	}
	return false;
}

u8 device_status(struct device *d)
{
	return d->at[AT_STATUS];
}

static void set_status(struct device *d, u8 status)
{
	d->at[AT_STATUS] = status;
	barrier();
	hcall(LHCALL_NOTIFY, address(d->at), 0, 0);
}

void device_reset(struct device *d)
{
	set_status(d, 0);
}

static volatile u8 *features(struct device *d)
{
	return d->at + HEADER + 8 * d->nqueues;
}

u32 device_features(struct device *d)
{
	u32 bits = 0;

	for (unsigned i = 0; i < d->at[AT_FEATURES] && i < 4; i++)
		bits |= features(d)[i] << 8 * i;
	return bits;
}

void device_start(struct device *d, u32 wanted)
{
	wanted &= device_features(d);
	device_reset(d);
	set_status(d, ACKNOWLEDGE | DRIVER);
	for (unsigned i = 0; i < d->at[AT_FEATURES] && i < 4; i++)
		features(d)[d->at[AT_FEATURES] + i] = wanted >> 8 * i;
	for (unsigned i = 0; i < d->nqueues && i < QUEUES; i++) {
		struct queue *q = &d->q[i];
		struct vqconfig c;

		memcpy(&c, (u8 *)d->at + HEADER + 8 * i, sizeof(c));
		q->d = d;
		q->index = i;
		q->irq = c.irq;
		q->doorbell = c.pfn * PAGE;
		queue_init(q, devices + (q->doorbell - ram_size),
			   (18 * c.num + 6 + PAGE - 1) & -PAGE, c.num);
	}
	/* 3.1 to 3.19 say so when features are settled, others at the end. */
	if (GEN >= KERNEL(3, 1, 0)) {
		hcall(LHCALL_NOTIFY, address(d->at), 0, 0);
		d->at[AT_STATUS] |= DRIVER_OK;
	} else {
		set_status(d, ACKNOWLEDGE | DRIVER | DRIVER_OK);
	}
}

void device_config(struct device *d, unsigned off, void *to, unsigned len)
{
	memcpy(to, (u8 *)features(d) + 2 * d->at[AT_FEATURES] + off, len);
}

void device_kick(struct queue *q)
{
	hcall(LHCALL_NOTIFY, q->doorbell, 0, 0);
}

void device_acknowledge(struct device *d)
{
	(void)d;
}

/* Of the last driver nothing is left. */
TEST(devices, bus_reset)
{
	static char text[] = "\r";
	struct piece p = { text, 1, false };
	struct device d;

	CHECK(device_find(&d, TYPE_CONSOLE));
	device_start(&d, device_features(&d));
	queue_do(&d.q[1], &p, 1);
	CHECK(d.q[1].used->idx == 1);
	device_reset(&d);
	EQUAL(device_status(&d), 0);
	for (unsigned i = 0; i < d.at[AT_FEATURES]; i++)
		EQUAL(features(&d)[d.at[AT_FEATURES] + i], 0);
	EQUAL(d.q[1].avail->idx, 0);
	EQUAL(d.q[1].used->idx, 0);
	EQUAL(d.q[1].desc[0].len, 0);
}

#endif
