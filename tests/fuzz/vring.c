/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk through a virtqueue, whatever lies in its memory.  The driver is a
 * list of small steps; the device pops, gives back, pushes and listens as the
 * steps say, and looks at each chain: all of it is RAM, and no more of it than
 * a chain may have.  RAM is small, so that its edges are always near.
 *
 *	2 bytes		size of the queue
 *	1 byte		bit 0: no EVENT_IDX, bit 1: no indirect tables
 *	3 times 3	where the descriptors, avail and used are
 *	the rest	steps
 */
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>

#include "../fuzz/ring.h"

#define RAM	KIB(64)
#define STEPS	4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool gadget_kick(struct device *d, struct virtqueue *q)
{
	(void)d, (void)q;
	return true;
}

static void gadget_open(struct device *d)
{
	(void)d;
}

static const struct device_type gadget = {
	.name = "gadget", .nqueues = 1,
	.open = gadget_open, .kick = gadget_kick,
};

static struct device *d;
static struct virtqueue *q;
static unsigned held;		/* popped, and not pushed since */

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)input_byte(in) << (8 * i);
	return value;
}

static void start(struct input *in)
{
	uint8_t declined;

	virtio_set_status(d, 0);
	virtio_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER);
	q->size = take(in, 2);
	declined = input_byte(in);
	virtio_accept(d, d->features & ~ring_declined(declined << 6));
	virtio_set_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	q->desc = take(in, 3);
	q->avail = take(in, 3);
	q->used = take(in, 3);
	q->enabled = true;
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
	must(q->live != d->broken, "neither live nor broken");
	must(!q->live || q->size <= QUEUE_SIZE_MAX, "a queue that large");
	held = 0;
}

/* Bytes anywhere: over the rings, too. */
static void poke(struct input *in)
{
	uint64_t at = take(in, 2), n = input_byte(in) & 63;

	for (uint64_t i = 0; i < n && at + i < RAM; i++)
		*(uint8_t *)rig_at(at + i) = input_byte(in);
}

/* A descriptor that has a chance; with bit 7 of flags, a far one. */
static void describe(struct input *in)
{
	uint64_t at = take(in, 2), addr = take(in, 3), len = take(in, 2);
	uint8_t flags = input_byte(in), next = input_byte(in);
	struct vring_desc desc = { addr, len, flags & 7, next };

	if (flags & 0x80) {
		desc.addr |= take(in, 5) << 24;
		desc.len |= take(in, 2) << 16;
	}
	if (at + sizeof(desc) <= RAM)
		memcpy(rig_at(at), &desc, sizeof(desc));
}

static void check_list(const struct iovec *iov, unsigned n, uint64_t len)
{
	const uint8_t *ram = rig_at(0);

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *at = iov[i].iov_base;

		must(at >= ram && at < ram + RAM && iov[i].iov_len &&
		     iov[i].iov_len <= (size_t)(ram + RAM - at),
		     "a buffer that is no RAM");
		len -= iov[i].iov_len;
	}
	must(!len, "a length that is no sum");
}

static void pop(void)
{
	static struct chain c;
	bool had = vq_has_work(q);

	if (!vq_pop(q, &c)) {
		must(!had || !q->live, "work that is not popped");
		return;
	}
	held++;
	must(had, "a chain out of nothing");
	must(c.nout + c.nin <= q->size, "a chain longer than the queue");
	must(c.out == c.iov && c.in == c.iov + c.nout, "lists apart");
	check_list(c.out, c.nout, c.out_len);
	check_list(c.in, c.nin, c.in_len);
}

static void step(struct input *in)
{
	uint8_t what = input_byte(in);

	switch (what & 7) {
	case 0:
		poke(in);
		break;
	case 1:
		describe(in);
		break;
	case 2:
		if (q->live)
			rig_avail(q, input_byte(in));
		break;
	case 3:
	case 4:
		pop();
		break;
	case 5:
		vq_push(q, take(in, 2), take(in, 4));
		held = 0;
		if (what & 8)
			vq_signal(q);
		break;
	case 6:
		if (what & 8)
			vq_quiet(q);
		else
			must(vq_listen(q) == vq_has_work(q), "a lie");
		break;
	case 7:
		if (what & 8)
			start(in);
		else if (held && q->live)
			vq_unpop(q, 1 + input_byte(in) % held);
		held = 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (!d) {
		rig_guest(RAM);
		d = rig_device(&gadget, NULL);
		q = &d->queues[0];
		d->told = UINT32_MAX;
	}
	memset(rig_at(0), 0, RAM);
	start(&in);
	for (unsigned i = 0; i < STEPS && in.size; i++)
		step(&in);
	return 0;
}
