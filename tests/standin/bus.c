/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lguest bus from the Guest's side: drivers/lguest/lguest_device.c, as it
 * was in each era.
 */
#include <string.h>

#include "standin.h"

#define ACKNOWLEDGE	1
#define DRIVER		2
#define DRIVER_OK	4
#define FAILED		0x80
#define HEAD		5	/* type, queues, features, config, status */
#define ACCEPTED(d)	((d)->desc + HEAD + 8 * (d)->nrings + (d)->feature_len)

static void kick(struct ring *r)
{
	host_notify(r->where);
}

/* Rings lie as vring_init() lays them out, aligned to pages. */
static void find_ring(struct device *d, unsigned i)
{
	struct ring *r = &d->rings[i];
	uint32_t at = d->desc + HEAD + 8 * i, base = guest_read32(at + 4);

	*r = (struct ring){ .kick = kick, .index = i, .device = d };
	r->size = guest_read16(at);
	r->irq = guest_read16(at + 2);
	NEED(r->size && !(r->size & (r->size - 1)));
	NEED(r->irq > 0 && r->irq < 32);
	NEED(base * PAGE > RAM && base < host_boot.limit);
	r->desc = r->where = base * PAGE;
	r->avail = r->desc + 16 * r->size;
	r->used = (r->avail + 6 + 2 * r->size + PAGE - 1) & -PAGE;
	NEED(r->used + 6 + 8 * r->size <= host_boot.limit * PAGE);
}

unsigned bus_scan(struct device *devices, uint32_t ram)
{
	uint32_t at = ram;
	unsigned n = 0;

	for (;;) {
		struct device *d = &devices[n];
		uint8_t head[HEAD];

		NEED(at + 1 < ram + PAGE);
		guest_read(at, head, sizeof(head));
		if (!head[0])
			return n;
		NEED(n < DEVICES);
		*d = (struct device){ .type = head[0], .index = n,
				      .desc = at, .nrings = head[1],
				      .feature_len = head[2],
				      .config_len = head[3] };
		n++;
		NEED(d->nrings == 1 || d->nrings == 2);
		NEED_EQ(d->feature_len, 4);
		NEED_EQ(head[4], 0);
		at += HEAD + 8 * d->nrings;
		d->features = guest_read32(at);
		NEED_EQ(guest_read32(at + 4), 0);
		guest_read(at + 8, d->config, d->config_len);
		at += 8 + d->config_len;
		for (unsigned i = 0; i < d->nrings; i++)
			find_ring(d, i);
	}
}

/* The byte, and the hypercall where this era's kernel has one. */
static void set_status(const struct era *era, struct device *d, uint8_t status)
{
	guest_write(d->desc + 4, &status, 1);
	if (era->telling == TELLS_STATUS || status == 0 || status & FAILED)
		host_notify(d->desc);
}

static void accept(const struct era *era, struct device *d, uint32_t features)
{
	guest_write(ACCEPTED(d), &features, sizeof(features));
	if (era->telling == TELLS_FEATURES)
		host_notify(d->desc);
}

void bus_reset(const struct era *era, struct device *d)
{
	uint8_t status;

	if (era->telling == TELLS_RESET)
		host_notify(d->desc);	/* clearing it is the Host's job */
	else
		set_status(era, d, 0);
	guest_read(d->desc + 4, &status, 1);
	NEED_EQ(status, 0);
	NEED_EQ(guest_read32(ACCEPTED(d)), 0);
	for (unsigned i = 0; i < d->nrings; i++) {
		struct ring *r = &d->rings[i];

		NEED_EQ(guest_read16(r->avail + 2), 0);
		NEED_EQ(guest_read32(r->used), 0);
		r->next = r->added = r->seen = 0;
	}
}

void bus_begin(const struct era *era, struct device *d, uint32_t features)
{
	bus_reset(era, d);
	set_status(era, d, ACKNOWLEDGE);
	set_status(era, d, ACKNOWLEDGE | DRIVER);
	if (!era->accepts_late)
		accept(era, d, d->features & features);
}

void bus_ready(const struct era *era, struct device *d, uint32_t features)
{
	if (era->accepts_late)
		accept(era, d, d->features & features);
	set_status(era, d, ACKNOWLEDGE | DRIVER | DRIVER_OK);
}

void bus_fail(struct device *d)
{
	uint8_t status = ACKNOWLEDGE | DRIVER | FAILED;

	guest_write(d->desc + 4, &status, 1);
	host_notify(d->desc);
}
