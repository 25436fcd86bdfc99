/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtio device model (VIRTIO 2 and 3): what a driver may do to any
 * device, whatever bus carries it.  Buses turn register writes into these
 * calls; devices see only queues that were found to be right.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdarg.h>
#include <string.h>

#include "guest.h"

/* How often a queue is looked at again in one turn, before others' turn. */
#define ROUNDS_MAX	4
/* The bit of d->told that is ours. */
#define TOLD_BROKEN	31

bool virtio_has(const struct device *d, unsigned bit)
{
	/* Before FEATURES_OK there may be anything in acked (VIRTIO 2.2). */
	return (d->acked & d->features) >> bit & 1;
}

static void virtio_stop(struct device *d)
{
	for (unsigned i = 0; i < d->type->nqueues; i++)
		vq_stop(&d->queues[i]);
}

void virtio_reset(struct device *d)
{
	virtio_stop(d);
	d->status = 0;
	d->acked = 0;
	d->broken = false;
	for (unsigned i = 0; i < d->type->nqueues; i++) {
		struct virtqueue *q = &d->queues[i];

		q->size = q->size_max;
		q->enabled = false;
		q->desc = q->avail = q->used = 0;
	}
	if (d->type->changed)
		d->type->changed(d);
}

void virtio_accept(struct device *d, uint64_t features)
{
	/* Negotiation is over once FEATURES_OK is set (VIRTIO 3.1.1). */
	if (!(d->status & VIRTIO_CONFIG_S_FEATURES_OK))
		d->acked = features;
}

/* Linux to 2.6.31 did that: queues go on as they are, but for the rules. */
void virtio_accept_late(struct device *d, uint64_t features)
{
	if (d->broken || d->acked == (features & d->features))
		return;
	d->acked = features & d->features;
	for (unsigned i = 0; i < d->type->nqueues; i++)
		vq_renegotiate(&d->queues[i]);
	if (d->type->changed)
		d->type->changed(d);
}

/* Is what the driver accepted something that we offered? (VIRTIO 2.2) */
static bool virtio_features_ok(const struct device *d)
{
	uint64_t must = d->features & (UINT64_C(1) << VIRTIO_F_VERSION_1);

	return !(d->acked & ~d->features) && (d->acked & must) == must;
}

static void virtio_start(struct device *d)
{
	char why[WHY_MAX];

	for (unsigned i = 0; i < d->type->nqueues; i++) {
		struct virtqueue *q = &d->queues[i];

		if (!q->enabled || vq_start(q, why))
			continue;
		virtio_break(d, "queue %u: %s", i, why);
		return;
	}
	if (d->type->changed)
		d->type->changed(d);
	/* Linux's rng of 5.10 kicks before it says that it may. */
	for (unsigned i = 0; i < d->type->nqueues; i++)
		if (vq_listen(&d->queues[i]))
			virtio_serve(&d->queues[i]);
}

/*
 * Bits come one by one and go all at once (VIRTIO 2.1.1, 3.1.1).  A driver
 * that skips a step sees the bit of the later step stay clear.
 */
void virtio_set_status(struct device *d, uint8_t status)
{
	uint8_t new = status & ~d->status;

	if (!status) {
		virtio_reset(d);
		return;
	}
	if (new & VIRTIO_CONFIG_S_FEATURES_OK && !virtio_features_ok(d))
		new &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	/* That bit is the device's. */
	d->status |= new & ~(VIRTIO_CONFIG_S_NEEDS_RESET |
			     VIRTIO_CONFIG_S_DRIVER_OK);
	if (!(new & VIRTIO_CONFIG_S_DRIVER_OK) || d->broken ||
	    !(d->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	d->status |= VIRTIO_CONFIG_S_DRIVER_OK;
	virtio_start(d);
}

/*
 * A queue that is quiet has a device that comes back to it unasked.  Drivers
 * know that; one that kicks all the same would get more than its turn.
 */
void virtio_notify(struct device *d, unsigned queue)
{
	if (queue >= d->type->nqueues || !d->queues[queue].live)
		return;
	d->queues[queue].kicks++;
	if (!d->queues[queue].quiet)
		virtio_serve(&d->queues[queue]);
}

void virtio_serve(struct virtqueue *q)
{
	unsigned rounds = 0;
	bool more;

	/*
	 * While we work we look anyway, so kicks would be in vain; whoever
	 * stops looking allows them and looks once more (vq_listen).
	 */
	do {
		vq_quiet(q);
		more = q->live && q->d->type->kick(q->d, q) && vq_listen(q);
	} while (more && ++rounds < ROUNDS_MAX);
	vq_signal(q);
	if (more)
		loop_again(q);
}

uint32_t virtio_config_read(struct device *d, unsigned off, unsigned len)
{
	uint32_t value = 0;

	if (len > sizeof(value))
		return 0;
	for (unsigned i = 0; i < len; i++)
		if (off + i < d->config_size)
			value |= (uint32_t)d->config[off + i] << (8 * i);
	return value;
}

void virtio_config_write(struct device *d, unsigned off, unsigned len,
			 uint32_t value)
{
	if (!d->type->config_written || len > sizeof(value) ||
	    off >= d->config_size || len > d->config_size - off)
		return;
	memcpy(d->config + off, &value, len);
	d->type->config_written(d, off, len);
}

void virtio_config_changed(struct device *d)
{
	d->generation++;
	if (d->status & VIRTIO_CONFIG_S_DRIVER_OK)
		d->g->bus->interrupt(d, NULL);
}

void virtio_break(struct device *d, const char *fmt, ...)
{
	char why[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);

	d->broken = true;
	d->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_stop(d);
	/* A driver that resets and errs again would fill a log. */
	device_warn_once(d, TOLD_BROKEN,
			 "the driver broke the ring, device stopped: %s", why);
	if (d->g->plan->fail_fast)
		guest_end(d->g, STATUS_BROKEN, "%s: %s", d->name, why);
	if (d->status & VIRTIO_CONFIG_S_DRIVER_OK)
		d->g->bus->interrupt(d, NULL);
}

void device_warn_once(struct device *d, unsigned kind, const char *fmt, ...)
{
	char text[WHY_MAX * 2];
	va_list ap;

	if (d->told >> kind & 1)
		return;
	d->told |= UINT32_C(1) << kind;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	warn("%s: %s", d->name, text);
}

/* By bit (VIRTIO 2.1). */
static const char *const status_names[8] = {
	[0] = "acknowledged", [1] = "driver", [2] = "ready",
	[3] = "features", [6] = "needs-reset", [7] = "failed",
};

void virtio_dump(const struct device *d)
{
	fprintf(stderr, "%s: status", d->name);
	for (unsigned i = 0; i < ARRAY_SIZE(status_names); i++)
		if (d->status >> i & 1 && status_names[i])
			fprintf(stderr, " %s", status_names[i]);
	fprintf(stderr, ", features %#llx of %#llx\r\n",
		(unsigned long long)d->acked, (unsigned long long)d->features);
	for (unsigned i = 0; i < d->type->nqueues; i++) {
		const struct virtqueue *q = &d->queues[i];

		fprintf(stderr, "  queue %u: %s, size %u, next avail %u, used %u%s; %llu kicks, %llu chains, %llu interrupts\r\n",
			i, q->live ? "live" : "off", q->size, q->last_avail,
			q->used_idx, q->quiet ? ", quiet" : "",
			(unsigned long long)q->kicks,
			(unsigned long long)q->chains,
			(unsigned long long)q->interrupts);
	}
}
