/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the network card share.
 */
#ifndef NET_H
#define NET_H

#include "guest.h"
#include "wire.h"

#define RX	0
#define TX	1
#define BIT(n)	(UINT64_C(1) << (n))

/* Once a run for each of these. */
enum { TOLD_GONE, TOLD_TX, TOLD_RX };

struct net {
	struct device *d;
	struct wire_plan plan;
	struct wire wire;
	struct watch watch, links;
	struct timer hold;
	bool tx_waits;		/* for room on the wire */

	/* The frame in our hands, and how far into the buffers it got. */
	bool held;
	struct virtio_net_hdr_v1 header;
	size_t len, done;	/* both count the driver's header */
	unsigned nheads;
	struct {
		uint16_t head;
		uint32_t written;
	} heads[QUEUE_SIZE_MAX];
	struct chain first;	/* where num_buffers goes, at the end */
	struct chain next;
	uint8_t frame[FRAME_MAX];
};

/* As device_type.parse: fills n->plan and the MAC, or dies. */
void net_parse(struct device *d, char *arg);

/* As device_type.kick, for either queue. */
bool net_rx(struct net *n, struct virtqueue *q);
bool net_tx(struct net *n, struct virtqueue *q);

/* The driver was reset: the frame in our hands has no buffers any more. */
void net_rx_forget(struct net *n);

/* n->hold is over: the driver owes us buffers for too long. */
void net_hold_expired(void *owner);

/* n->wire.gone was seen: says so once, and the link is down for good. */
void net_lost(struct net *n);

#endif
