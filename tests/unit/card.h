/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network card on a socketpair: the test is the driver at one end of it and
 * the rest of the world at the other.
 */
#ifndef CARD_H
#define CARD_H

#include <linux/virtio_config.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../applets/core/device/net.h"
#include "rig.h"

#define EVENT_IDX BIT(29)
/* The bench's driver does not say when it wants interrupts. */
#define ALL	(~EVENT_IDX)
#define MRG	BIT(VIRTIO_NET_F_MRG_RXBUF)
#define STATUS	BIT(VIRTIO_NET_F_STATUS)
#define HEADER	12
#define BUFFER	1526

extern const struct device_type device_net;

static int world;		/* the far end */
static struct device *d;
static struct virtqueue *rx, *tx;
static uint8_t big[FRAME_MAX];

static inline void plug_in(int type, const char *mac)
{
	int ends[2], size = 1 << 20;
	char arg[64];

	rig_guest(MIB(16));
	CHECK(!socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, ends));
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	snprintf(arg, sizeof(arg), "fd:%d%s", ends[0], mac);
	world = ends[1];
	d = rig_device(&device_net, arg);
	rx = &d->queues[RX];
	tx = &d->queues[TX];
}

static inline void start(uint64_t features, unsigned size)
{
	plug_in(SOCK_DGRAM, "");
	rig_start(d, features, size);
}

/* Bytes that tell where they are and in which frame. */
static inline void fill(uint8_t *frame, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 7 + i / 251 + seed);
}

static inline bool is_filled(const uint8_t *frame, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		if (frame[i] != (uint8_t)(i * 7 + i / 251 + seed))
			return false;
	return true;
}

static inline void world_sends(size_t len, unsigned seed)
{
	fill(big, len, seed);
	CHECK_EQ(send(world, big, len, 0), len);
}

/* Length of the next frame that the Guest sent; 0 for none. */
static inline size_t world_gets(void)
{
	ssize_t n = recv(world, big, sizeof(big), MSG_DONTWAIT);

	return n < 0 ? 0 : (size_t)n;
}

static inline bool world_is_read(void)
{
	int left = 0;

	CHECK(!ioctl(((struct net *)d->state)->wire.fd, FIONREAD, &left));
	return left == 0;
}

/* n receive buffers of len bytes each; [head] says where one is. */
static gpa_t at[QUEUE_SIZE_MAX];

static inline void add_buffers(unsigned n, uint32_t len)
{
	for (unsigned i = 0; i < n; i++) {
		struct rig_buffer b = { rig_alloc(len), len, true };

		at[rig_add(rx, &b, 1)] = b.gpa;
	}
}

/* Takes a frame as a driver with MRG_RXBUF does; its length, or 0. */
static inline size_t guest_gets(uint8_t *frame, struct virtio_net_hdr_v1 *h)
{
	uint16_t head;
	uint32_t len;
	size_t total;

	if (!rig_used(rx, &head, &len))
		return 0;
	CHECK(len >= HEADER);
	if (len < HEADER)
		return 0;
	memcpy(h, rig_at(at[head]), HEADER);
	total = len - HEADER;
	memcpy(frame, (uint8_t *)rig_at(at[head]) + HEADER, total);
	for (unsigned i = 1; i < h->num_buffers; i++) {
		if (!rig_used(rx, &head, &len)) {
			CHECK(!"fewer buffers than num_buffers");
			return 0;
		}
		CHECK(total + len <= FRAME_MAX);
		memcpy(frame + total, rig_at(at[head]), len);
		total += len;
	}
	return total;
}

static inline void guest_expects(size_t len, unsigned seed)
{
	static uint8_t frame[FRAME_MAX];
	struct virtio_net_hdr_v1 h;

	CHECK_EQ(guest_gets(frame, &h), len);
	CHECK_EQ(h.num_buffers, (len + HEADER + BUFFER - 1) / BUFFER);
	CHECK_EQ(h.flags | h.gso_type, 0);
	CHECK(is_filled(frame, len, seed));
}

/* A frame of len bytes behind a header, in one buffer. */
static inline void guest_adds(const struct virtio_net_hdr_v1 *h, uint32_t len,
		       unsigned seed)
{
	struct rig_buffer b = { rig_alloc(HEADER + len), HEADER + len, false };

	memcpy(rig_at(b.gpa), h, HEADER);
	fill((uint8_t *)rig_at(b.gpa) + HEADER, len, seed);
	rig_add(tx, &b, 1);
}

static const struct virtio_net_hdr_v1 plain;

static inline unsigned count_used(struct virtqueue *q)
{
	unsigned n = 0;
	uint16_t head;

	while (rig_used(q, &head, NULL))
		n++;
	return n;
}

#endif
