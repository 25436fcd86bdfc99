/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as what a driver does to a network card, with a world at the far
 * end of a socketpair.  The bytes are a list of small steps, so that a fuzzer
 * finds chains that hold together; what comes of them is none of our
 * business, as long as every buffer comes back once at most.
 */
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../../applets/core/device/net.h"
#include "rig.h"

#define RAM	MIB(1)
#define STEPS	512

extern const struct device_type device_net;

static struct device *d;
static int world;
static struct {
	const uint8_t *at;
	size_t left;
} input;

static uint32_t take(unsigned bytes)
{
	uint32_t value = 0;

	while (bytes--) {
		value = value << 8 | (input.left ? *input.at : 0);
		if (input.left) {
			input.left--;
			input.at++;
		}
	}
	return value;
}

static void set_up(void)
{
	int ends[2];
	char arg[16];

	rig_guest(RAM);
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends))
		abort();
	snprintf(arg, sizeof(arg), "fd:%d", ends[0]);
	world = ends[1];
	d = rig_device(&device_net, arg);
	/* Nobody wants to read these a million times. */
	d->told = UINT32_MAX;
}

static void drain(void)
{
	static uint8_t frame[FRAME_MAX];

	while (recv(world, frame, sizeof(frame), MSG_DONTWAIT) >= 0)
		;
}

/* Rings in the first 64 KiB; the offered features among those given. */
static void start(uint32_t features, unsigned size)
{
	virtio_set_status(d, 0);
	virtio_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER);
	virtio_accept(d, d->features &
			 (features | BIT(VIRTIO_F_VERSION_1)));
	virtio_set_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	memset(rig_at(0), 0, KIB(64));
	for (unsigned i = 0; i < 2; i++) {
		d->queues[i].size = (uint16_t)size;
		d->queues[i].desc = KIB(16) * i;
		d->queues[i].avail = KIB(16) * i + KIB(8);
		d->queues[i].used = KIB(16) * i + KIB(12);
		d->queues[i].enabled = true;
	}
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
}

static void describe(struct virtqueue *q)
{
	unsigned i = take(1) % q->size;
	gpa_t addr = take(3);
	uint32_t len = take(2);
	uint16_t flags = (uint16_t)(take(1) & 7);

	/* Now and then what no Guest has. */
	if (flags == 7)
		addr |= (gpa_t)take(4) << 32;
	rig_desc(q, i, addr, len, flags, (uint16_t)take(1));
}

static void world_sends(unsigned len)
{
	static uint8_t frame[FRAME_MAX];

	send(world, frame, len, MSG_DONTWAIT);
}

static void poke(void)
{
	gpa_t addr = take(3) % (RAM - 16);

	for (unsigned i = 0; i < 12; i++)
		*(uint8_t *)rig_at(addr + i) = (uint8_t)take(1);
}

static void step(void)
{
	unsigned what = take(1);
	struct virtqueue *q = &d->queues[what >> 7];

	switch (what & 7) {
	case 0:
		describe(q);
		break;
	case 1:
		rig_avail(q, (uint16_t)take(1));
		break;
	case 2:
		world_sends(take(2));
		break;
	case 3:
		rig_kick(q);
		break;
	case 4:
		rig_turn();
		break;
	case 5:
		poke();
		break;
	case 6:
		drain();
		if (((struct net *)d->state)->hold.when)
			((struct net *)d->state)->hold.when = 1;
		break;
	case 7:
		start(take(4), 1u << (take(1) & 7));
		break;
	}
	/* Nothing is used that was not made available. */
	if (q->live && (uint16_t)(q->last_avail - q->used_idx) > q->size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!d)
		set_up();
	input.at = data;
	input.left = size;
	start(take(4), 1u << (take(1) & 7));
	for (unsigned i = 0; i < STEPS && input.left; i++)
		step();
	drain();
	virtio_reset(d);
	/* What the world said last is not the next input's. */
	while (recv(((struct net *)d->state)->wire.fd, (char[1]){ 0 }, 1,
		    MSG_DONTWAIT) >= 0)
		;
	return 0;
}
