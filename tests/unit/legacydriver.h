/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Guest of the lguest bus made of bytes: its drivers know nothing but the
 * descriptor page and the hypercall NOTIFY.
 */
#ifndef LEGACYDRIVER_H
#define LEGACYDRIVER_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>

#include "abi/lguest.h"
#include "rig.h"

#define RAM		MIB(2)
#define END		(RAM + LGUEST_DEVICE_PAGES * LGUEST_PAGE)
#define BIT(n)		(UINT64_C(1) << (n))
#define ACK		VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER		VIRTIO_CONFIG_S_DRIVER
#define OK		VIRTIO_CONFIG_S_DRIVER_OK
#define NOTHING		UINT32_C(0)

extern const struct bus bus_lguest;
extern const struct device_type device_block, device_console, device_net,
	device_rng;

static struct guest *g;
static struct image image;
static unsigned raised[32];

static void count_line(struct guest *guest, unsigned irq, bool level)
{
	(void)guest;
	CHECK(irq > 0 && irq < 32);
	raised[irq % 32] += level;
}

static const struct hypervisor hypervisor_counting = {
	.name = "counting",
	.line = count_line,
	.line_is_event = true,
};

/* A Guest of that version, without devices yet. */
static inline void make_guest(const char *version)
{
	g = rig_guest(RAM);
	mem_create(&g->mem, RAM, bus_lguest.memory, 0, 0);
	g->bus = &bus_lguest;
	g->hv = &hypervisor_counting;
	g->image = &image;
	strcpy(image.version, version);
	memset(raised, 0, sizeof(raised));
}

static inline struct device *attach(const struct device_type *type,
				    const char *arg)
{
	struct device *d = rig_device(type, arg);

	/* The bench is of this century. */
	d->features &= ~(BIT(VIRTIO_F_VERSION_1));
	CHECK(bus_lguest.attach(d));
	return d;
}

static inline void notify(uint64_t at)
{
	io_write(g, true, at, 4, 0);
}

static inline uint16_t get16(uint64_t at)
{
	uint16_t value;

	memcpy(&value, rig_at(at), sizeof(value));
	return value;
}

static inline uint32_t get32(uint64_t at)
{
	uint32_t value;

	memcpy(&value, rig_at(at), sizeof(value));
	return value;
}

/* Where descriptor n is; END if there is none. */
static inline uint64_t desc_at(unsigned n)
{
	uint64_t at = RAM;

	for (;; n--) {
		uint8_t *d = rig_at(at);

		if (!d[0])
			return END;
		if (!n)
			return at;
		at += 5 + 8 * d[1] + 2 * d[2] + d[3];
	}
}

static inline uint64_t offered_at(uint64_t desc)
{
	return desc + 5 + 8 * *(uint8_t *)rig_at(desc + 1);
}

static inline uint64_t ring_at(uint64_t desc, unsigned i)
{
	return (uint64_t)get32(desc + 5 + 8 * i + 4) * LGUEST_PAGE;
}

static inline unsigned irq_of(uint64_t desc, unsigned i)
{
	return get16(desc + 5 + 8 * i + 2);
}

static inline void put_status(uint64_t desc, uint8_t status)
{
	*(uint8_t *)rig_at(desc + 4) = status;
}

static inline void put_accepted(uint64_t desc, uint32_t features)
{
	memcpy(rig_at(offered_at(desc) + 4), &features, sizeof(features));
}

/* As 2.6.31 to 3.0 do. */
static inline void start(uint64_t desc, uint32_t features)
{
	put_status(desc, 0);
	notify(desc);
	put_status(desc, ACK);
	notify(desc);
	put_status(desc, ACK | DRIVER);
	notify(desc);
	put_accepted(desc, features);
	put_status(desc, ACK | DRIVER | OK);
	notify(desc);
}

/* Kicks as such a driver does, and lets the loop turn. */
static inline void kick(struct virtqueue *q)
{
	notify(q->desc);
	rig_turn();
}

#endif
