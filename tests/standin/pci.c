/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtio devices on PCI from the Guest's side (VIRTIO 3.1.1, 4.1.5): what
 * Linux 4.0 does from its first look at port 0xcfb on.
 */
#include <string.h>

#include "standin.h"

#define ADDRESS		0xcf8
#define DATA		0xcfc
#define FEATURES_OK	8
#define VERSION_1	1	/* bit 32, in the second word */

/* Of struct virtio_pci_common_cfg. */
enum { FEATURE_SELECT = 0, FEATURE = 4, GUEST_SELECT = 8, GUEST_FEATURE = 12,
       QUEUES = 18, STATUS = 20, SELECT = 22, SIZE = 24, ENABLE = 28,
       NOTIFY_OFF = 30, DESC = 32, AVAIL = 40, USED = 48 };

static uint32_t next_ring;	/* memory for rings */

static void point(unsigned slot, unsigned off)
{
	port_out(ADDRESS, 4, 0x80000000 | slot << 11 | (off & ~3));
}

static uint32_t config_read(unsigned slot, unsigned off, unsigned width)
{
	point(slot, off);
	return port_in(DATA + (off & 3), width);
}

static void config_write(unsigned slot, unsigned off, unsigned width,
			 uint32_t value)
{
	point(slot, off);
	port_out(DATA + (off & 3), width, value);
}

/* Offset of the capability of this type, of which each device has one. */
static unsigned capability(unsigned slot, unsigned type)
{
	unsigned at = config_read(slot, 0x34, 1);

	for (unsigned i = 0; at && i < 16; i++) {
		if (config_read(slot, at, 1) == 9 &&
		    config_read(slot, at + 3, 1) == type)
			return at;
		at = config_read(slot, at + 1, 1);
	}
	return 0;
}

/* Where the structure of this type is in memory; 0 if there is none. */
static uint32_t place(struct device *d, unsigned type, uint32_t *len)
{
	unsigned at = capability(d->index, type);

	if (!at)
		return 0;
	NEED_EQ(config_read(d->index, at + 4, 1), 0);	/* BAR 0 */
	if (len)
		*len = config_read(d->index, at + 12, 4);
	return d->bar + config_read(d->index, at + 8, 4);
}

static void find(struct device *d, unsigned slot)
{
	uint32_t bar, len = 0;

	*d = (struct device){ .type = config_read(slot, 2, 2) - 0x1040,
			      .index = slot };
	bar = config_read(slot, 0x10, 4);
	NEED_EQ(bar & 15, 0);
	/* Its size is what does not stick. */
	config_write(slot, 0x10, 4, UINT32_MAX);
	len = -config_read(slot, 0x10, 4);
	config_write(slot, 0x10, 4, bar);
	NEED(len && !(len & (len - 1)) && bar % len == 0);
	NEED(bar / PAGE >= host_boot.limit);
	NEED((bar + len) / PAGE <= host_boot.device_limit);
	config_write(slot, 4, 2, config_read(slot, 4, 2) | 6);
	d->bar = bar;
	d->common = place(d, 1, NULL);
	d->notify = place(d, 2, NULL);
	d->multiplier = config_read(slot, capability(slot, 2) + 16, 4);
	d->isr = place(d, 3, NULL);
	d->specific = place(d, 4, &len);
	NEED(d->common && d->notify && d->isr);
	d->config_len = d->specific ? len : 0;
	NEED(d->config_len <= sizeof(d->config));
	for (unsigned i = 0; i < d->config_len; i++)
		d->config[i] = mmio_read(d->specific + i, 1);
	mmio_write(d->common + FEATURE_SELECT, 4, 0);
	d->features = mmio_read(d->common + FEATURE, 4);
}

unsigned pci_scan(struct device *devices)
{
	unsigned n = 0;

	/* Is it mechanism 1, and is there a bridge? */
	port_out(0xcfb, 1, 1);
	port_out(ADDRESS, 4, 0x80000000);
	NEED_EQ(port_in(ADDRESS, 4), 0x80000000);
	NEED_EQ(config_read(0, 10, 2), 0x0600);
	for (unsigned slot = 1; slot < 32; slot++) {
		if (config_read(slot, 0, 2) != 0x1af4)
			continue;
		NEED(n < DEVICES);
		find(&devices[n++], slot);
	}
	next_ring = SCRATCH + 0x100000;
	return n;
}

/* ------------------------------------------------------------------ */

static void kick(struct ring *r)
{
	mmio_write(r->where, 2, r->index);
}

static void set_status(struct device *d, uint8_t bits)
{
	uint32_t at = d->common + STATUS;

	mmio_write(at, 1, mmio_read(at, 1) | bits);
}

static void put_address(struct device *d, unsigned field, uint32_t at)
{
	mmio_write(d->common + field, 4, at);
	mmio_write(d->common + field + 4, 4, 0);
}

static void make_ring(struct device *d, unsigned i)
{
	struct ring *r = &d->rings[i];
	unsigned off;

	*r = (struct ring){ .kick = kick, .index = i, .device = d };
	r->irq = config_read(d->index, 0x3c, 1);
	mmio_write(d->common + SELECT, 2, i);
	r->size = mmio_read(d->common + SIZE, 2);
	NEED(r->size && r->size <= 256);
	r->desc = next_ring;
	r->avail = r->desc + 16 * r->size;
	r->used = (r->avail + 6 + 2 * r->size + PAGE - 1) & -PAGE;
	next_ring = r->used + 3 * PAGE;
	for (uint32_t at = r->desc; at < next_ring; at += 4)
		guest_write(at, &(uint32_t){ 0 }, 4);
	off = mmio_read(d->common + NOTIFY_OFF, 2);
	r->where = d->notify + off * d->multiplier;
	put_address(d, DESC, r->desc);
	put_address(d, AVAIL, r->avail);
	put_address(d, USED, r->used);
	mmio_write(d->common + ENABLE, 2, 1);
}

void pci_begin(struct device *d, uint32_t features)
{
	mmio_write(d->common + STATUS, 1, 0);
	NEED_EQ(mmio_read(d->common + STATUS, 1), 0);
	set_status(d, 1);
	set_status(d, 2);
	mmio_write(d->common + FEATURE_SELECT, 4, 1);
	NEED(mmio_read(d->common + FEATURE, 4) & VERSION_1);
	mmio_write(d->common + GUEST_SELECT, 4, 0);
	mmio_write(d->common + GUEST_FEATURE, 4, d->features & features);
	mmio_write(d->common + GUEST_SELECT, 4, 1);
	mmio_write(d->common + GUEST_FEATURE, 4, VERSION_1);
	set_status(d, FEATURES_OK);
	NEED(mmio_read(d->common + STATUS, 1) & FEATURES_OK);
	d->nrings = mmio_read(d->common + QUEUES, 2);
	NEED(d->nrings == 1 || d->nrings == 2);
	for (unsigned i = 0; i < d->nrings; i++)
		make_ring(d, i);
	NEED_EQ(mmio_read(d->isr, 1), 0);
}

void pci_ready(struct device *d)
{
	set_status(d, 4);
}

/* arch/x86/lguest/boot.c: nothing but configuration space is needed. */
void pci_early(char c)
{
	unsigned window, specific;

	NEED_EQ(config_read(1, 0, 4), 0x10431af4);
	specific = capability(1, 4);
	window = capability(1, 5);
	NEED(specific && window);
	NEED(config_read(1, specific + 12, 4) >= 12);
	config_write(1, window + 4, 1, 0);
	config_write(1, window + 12, 4, 4);
	config_write(1, window + 8, 4,
		     config_read(1, specific + 8, 4) + 8);
	config_write(1, window + 16, 4, c);
}
