/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lguest bus, for Guests from 2.6.25 to 3.19: one page of descriptors
 * right behind RAM, and behind it the rings, each of them where the Launcher
 * says.  The Guest tells of a kick or a new status by a hypercall with the
 * address of what it means, which the hypervisor hands on as a write there.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "abi/lguest.h"
#include "machine.h"

#define FEATURE_BYTES	4
#define IRQS		32	/* 0 is the Guest's timer */

/* Where things of a device are, from the start of the descriptor page. */
static struct place {
	struct device *d;
	unsigned desc, accepted, config;
	gpa_t rings[QUEUES_MAX];
	unsigned irqs[QUEUES_MAX];
	bool early;		/* used before it was told to be ready */
} places[DEVICES_MAX];

static unsigned page_used;	/* bytes of the descriptor page */
static unsigned pages_used = 1;	/* that page, and rings */
static unsigned irqs_used = 1;

static uint8_t *page_at(const struct guest *g, unsigned off)
{
	return g->mem.devices.host + off;
}

/* Descriptors, avail, then used at the next boundary (VIRTIO 2.7.2). */
static unsigned ring_used_offset(unsigned num)
{
	return ALIGN_UP(16 * num + 6 + 2 * num, LGUEST_RING_ALIGN);
}

static unsigned ring_pages(unsigned num)
{
	return ALIGN_UP(ring_used_offset(num) + 6 + 8 * num, LGUEST_PAGE) /
	       LGUEST_PAGE;
}

/* The driver does not say where its rings are: it is told. */
static void rings_set(struct place *p)
{
	for (unsigned i = 0; i < p->d->type->nqueues; i++) {
		struct virtqueue *q = &p->d->queues[i];

		q->size = q->size_max;
		q->desc = p->rings[i];
		q->avail = q->desc + 16 * q->size;
		q->used = q->desc + ring_used_offset(q->size);
		q->enabled = true;
	}
}

static void rings_zero(const struct place *p)
{
	for (unsigned i = 0; i < p->d->type->nqueues; i++) {
		uint64_t len = ring_pages(p->d->queues[i].size_max) *
			       LGUEST_PAGE;

		memset(mem_at(&p->d->g->mem, p->rings[i], len), 0, len);
	}
}

/* Writes the descriptor as it is before a driver was there. */
static void desc_write(const struct place *p)
{
	const struct device *d = p->d;
	uint8_t *at = page_at(d->g, p->desc);
	struct lguest_device_desc desc = {
		.type = d->type->id, .num_vq = d->type->nqueues,
		.feature_len = FEATURE_BYTES, .config_len = d->config_size,
	};
	uint32_t features = d->features;

	memcpy(at, &desc, sizeof(desc));
	at += sizeof(desc);
	for (unsigned i = 0; i < d->type->nqueues; i++) {
		struct lguest_vqconfig vq = {
			.num = d->queues[i].size_max, .irq = p->irqs[i],
			.pfn = p->rings[i] / LGUEST_PAGE,
		};

		memcpy(at, &vq, sizeof(vq));
		at += sizeof(vq);
	}
	memcpy(at, &features, FEATURE_BYTES);
	memset(page_at(d->g, p->accepted), 0, FEATURE_BYTES);
	memcpy(page_at(d->g, p->config), d->config, d->config_size);
}

static uint8_t desc_status(const struct place *p)
{
	return *(volatile uint8_t *)page_at(p->d->g, p->desc +
			offsetof(struct lguest_device_desc, status));
}

static uint32_t desc_accepted(const struct place *p)
{
	uint32_t accepted;

	memcpy(&accepted, page_at(p->d->g, p->accepted), sizeof(accepted));
	return accepted;
}

/* Status 0: the driver leaves, or begins. */
static void bus_lguest_restart(struct place *p)
{
	p->early = false;
	virtio_reset(p->d);
	rings_zero(p);
	rings_set(p);
	desc_write(p);
}

/*
 * Kernels differ in which steps they tell: some all, some none after they
 * accepted features, and a block driver reads partitions before it is ready.
 * So a device starts when it is told to be ready or first kicked, with the
 * features that are accepted by then; and starting twice is no news.
 *
 * Up to 2.6.31 a driver even accepts features only after it used the device:
 * then we learn of them once it is ready, and until then take what it does.
 */
static void bus_lguest_start(struct place *p)
{
	bool ready = desc_status(p) & VIRTIO_CONFIG_S_DRIVER_OK;
	uint32_t accepted = desc_accepted(p);

	if (p->early && ready) {
		p->early = false;
		virtio_accept_late(p->d, accepted);
	}
	if (p->d->status)
		return;
	p->early = !ready;
	if (p->early && !accepted)
		accepted = UINT32_C(1) << VIRTIO_RING_F_INDIRECT_DESC;
	virtio_accept(p->d, accepted);
	virtio_set_status(p->d, VIRTIO_CONFIG_S_ACKNOWLEDGE |
			  VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
			  VIRTIO_CONFIG_S_DRIVER_OK);
	if (!(p->d->status & VIRTIO_CONFIG_S_FEATURES_OK))
		virtio_break(p->d, "features %#x accepted, %#x offered",
			     accepted, (uint32_t)p->d->features);
}

/* 2.6.25 tells of nothing else, and leaves it to us to clear the status. */
static bool tells_only_resets(const struct guest *g)
{
	return g->image && !strncmp(g->image->version, "2.6.25", 6);
}

static void status_changed(struct place *p)
{
	uint8_t status = desc_status(p);

	if (!status || tells_only_resets(p->d->g))
		bus_lguest_restart(p);
	else if (status & VIRTIO_CONFIG_S_DRIVER_OK)
		bus_lguest_start(p);
	if (status & VIRTIO_CONFIG_S_FAILED)
		device_warn_once(p->d, 30, "its driver gave up");
}

static void kicked(struct place *p, unsigned queue)
{
	bus_lguest_start(p);
	virtio_notify(p->d, queue);
}

/* The hypercall NOTIFY with an address in here; its value says no more. */
static void bus_lguest_notify(struct guest *g, uint64_t off, unsigned width,
			      uint64_t value)
{
	const gpa_t at = g->mem.size + off;

	(void)width, (void)value;
	for (unsigned i = 0; i < g->ndevices; i++) {
		struct place *p = &places[i];

		if (off == p->desc)
			status_changed(p);
		for (unsigned q = 0; q < p->d->type->nqueues; q++)
			if (at == p->rings[q])
				kicked(p, q);
	}
}

static uint64_t bus_lguest_read(struct guest *g, uint64_t off, unsigned width)
{
	(void)g, (void)off, (void)width;
	return 0;
}

static struct io_range notify_range = {
	.mmio = true, .size = LGUEST_DEVICE_PAGES * LGUEST_PAGE,
	.read = bus_lguest_read, .write = bus_lguest_notify,
};

/* A bus without VERSION_1, where nobody hears of configuration writes. */
static void offer_features(struct device *d)
{
	d->features |= d->type->legacy_features;
	d->features &= ~d->type->modern_features & UINT32_MAX;
	d->features |= UINT64_C(1) << VIRTIO_F_ANY_LAYOUT |
		       UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC |
		       UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX;
}

/* Names the limit that one more device would exceed. */
static void check_room(const struct device *d, const struct place *p)
{
	unsigned n = d->type->nqueues, pages = 0;

	for (unsigned i = 0; i < n; i++)
		pages += ring_pages(d->queues[i].size_max);
	if (irqs_used + n > IRQS)
		die_usage("%s is one device too many: the bus lguest has %u interrupts, one for each queue",
			  d->name, IRQS - 1);
	/* The list ends with a type of 0. */
	if (p->config + d->config_size >= LGUEST_PAGE)
		die_usage("%s is one device too many: the bus lguest has one page of descriptors",
			  d->name);
	if (pages_used + pages > LGUEST_DEVICE_PAGES)
		die_usage("%s is one device too many: the bus lguest has %u pages of rings",
			  d->name, LGUEST_DEVICE_PAGES - 1);
}

static bool bus_lguest_attach(struct device *d)
{
	struct place *p = &places[d->index];
	unsigned n = d->type->nqueues;

	p->d = d;
	p->desc = page_used;
	p->accepted = p->desc + sizeof(struct lguest_device_desc) +
		      n * sizeof(struct lguest_vqconfig) + FEATURE_BYTES;
	p->config = p->accepted + FEATURE_BYTES;
	check_room(d, p);
	for (unsigned i = 0; i < n; i++) {
		p->rings[i] = d->g->mem.size + pages_used * LGUEST_PAGE;
		pages_used += ring_pages(d->queues[i].size_max);
		p->irqs[i] = irqs_used++;
	}
	page_used = p->config + d->config_size;
	if (!d->index) {
		notify_range.base = d->g->mem.size;
		io_add(&notify_range);
	}
	offer_features(d);
	bus_lguest_restart(p);
	return true;
}

/* All of the device pages were cleared with RAM: the hypervisor comes next. */
static void bus_lguest_reset(struct guest *g)
{
	for (unsigned i = 0; i < g->ndevices; i++)
		bus_lguest_restart(&places[i]);
}

static void bus_lguest_interrupt(struct device *d, struct virtqueue *q)
{
	const struct place *p = &places[d->index];

	/* Configuration has no interrupt here: who looks will see. */
	if (!q)
		memcpy(page_at(d->g, p->config), d->config, d->config_size);
	else
		d->g->hv->line(d->g, p->irqs[q->index], true);
}

static void bus_lguest_dump(struct guest *g)
{
	for (unsigned i = 0; i < g->ndevices; i++) {
		const struct place *p = &places[i];

		fprintf(stderr, "lguest bus %s: descriptor %#x, status %#x, irqs from %u, rings from %#llx\r\n",
			p->d->name, p->desc, page_at(g, p->desc)[4],
			p->irqs[0], (unsigned long long)p->rings[0]);
	}
}

const struct bus bus_lguest = {
	.name = "lguest",
	.memory = LGUEST_DEVICE_PAGES * LGUEST_PAGE,
	.attach = bus_lguest_attach,
	.reset = bus_lguest_reset,
	.interrupt = bus_lguest_interrupt,
	.dump = bus_lguest_dump,
};
