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
/* Buffers to gather beyond one chain's: pages for the largest frame. */
#define PARTS_MORE	64

#define BATCH		64	/* frames a turn */
/* So often in a row that what we send is answered before we have returned. */
#define ANSWERS_SURE	8

/* Once a run for each of these. */
enum { TOLD_GONE, TOLD_TX, TOLD_RX };

struct net {
	struct device *d;
	struct wire_plan plan;
	struct wire wire;
	struct watch watch, links;
	struct timer hold;
	bool tx_waits;		/* for room on the wire */

	/* What the driver agreed on. */
	bool merges;
	size_t header_len;

	/* What frames from the wire are like these days. */
	unsigned most;		/* chains for one of them */
	unsigned burst;		/* how many are there at once */
	unsigned turns_rx;	/* of the loop since the last */
	unsigned turns_tx;	/* and since the driver last sent something */
	unsigned answers;	/* times it had come by the next turn */

	/*
	 * Chains in our hands, the oldest first: frames go straight into their
	 * buffers, and what there is no room for goes to `frame`, at its
	 * offset in there.
	 */
	unsigned nheads, nparts;
	struct {
		uint16_t head;
		uint32_t len;	/* of its buffers, then: that were used */
		unsigned parts;
	} heads[QUEUE_SIZE_MAX];
	struct iovec parts[QUEUE_SIZE_MAX + PARTS_MORE];
	uint64_t room;		/* in all of parts */

	/* The frame in our hands, and how far into the buffers it got. */
	bool held;
	struct virtio_net_hdr_v1 header;
	size_t len, done;	/* both count the driver's header */
	unsigned used;		/* chains that it is in */
	struct chain next;
	uint8_t frame[FRAME_MAX];
};

/* As device_type.parse: fills n->plan and the MAC, or dies. */
void net_parse(struct device *d, char *arg);

/* As device_type.kick, for either queue. */
bool net_rx(struct net *n, struct virtqueue *q);
bool net_tx(struct net *n, struct virtqueue *q);

/* Frames may come: there are buffers that they can go to. */
bool net_rx_wants(struct net *n);

/* What the driver agreed on has changed: nothing stays in our hands. */
void net_rx_forget(struct net *n);

/* The driver agreed on something, or it was reset. */
void net_agreed(struct net *n);

/* n->hold is over: the driver owes us buffers for too long. */
void net_hold_expired(void *owner);

/* n->wire.gone was seen: says so once, and the link is down for good. */
void net_lost(struct net *n);

#endif
