/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames between the rings and the wire (VIRTIO 5.1.6): what the driver sends
 * leaves straight from Guest memory, and what the wire brings goes straight
 * into the buffers that the driver left for it.
 *
 * There is no queue of frames in here.  While the driver has no buffers we
 * do not look at the wire, and frames wait, or are lost, where they always
 * do: in the Host.  One frame at most is in our hands.
 */
#include <linux/virtio_config.h>
#include <string.h>

#include "net.h"

#define HOLD_NS		UINT64_C(1000000000)
#define HEADER_LEGACY	10	/* without num_buffers */

/* The feature that allows each thing a header may say, by direction. */
struct net_rules {
	unsigned csum, tso4, tso6, ecn;
};

static const struct net_rules rx_rules = {
	VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4,
	VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_ECN,
};

static const struct net_rules tx_rules = {
	VIRTIO_NET_F_CSUM, VIRTIO_NET_F_HOST_TSO4,
	VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_HOST_ECN,
};

/* Asked for several times with each frame: so it is found out once. */
void net_agreed(struct net *n)
{
	n->merges = virtio_has(n->d, VIRTIO_NET_F_MRG_RXBUF);
	n->header_len = n->merges || virtio_has(n->d, VIRTIO_F_VERSION_1) ?
			sizeof(struct virtio_net_hdr_v1) : HEADER_LEGACY;
	n->most = n->d->queues[RX].size;
	n->burst = BATCH;
}

/* Did the driver accept that headers say such things? */
static bool net_header_allowed(const struct device *d,
			       const struct net_rules *may,
			       const struct virtio_net_hdr_v1 *h)
{
	uint8_t type = h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;

	if ((h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) &&
	    !virtio_has(d, may->csum))
		return false;
	if ((h->gso_type & VIRTIO_NET_HDR_GSO_ECN) &&
	    (!virtio_has(d, may->ecn) || type == VIRTIO_NET_HDR_GSO_NONE))
		return false;
	switch (type) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return virtio_has(d, may->tso4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return virtio_has(d, may->tso6);
	default:
		return false;
	}
}

/* Does a driver's header make sense for a frame of len bytes? */
static bool net_header_sane(const struct virtio_net_hdr_v1 *h, size_t len)
{
	bool csum = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	/* The place of the checksum is in the frame (VIRTIO 5.1.6.2). */
	if (csum && (size_t)h->csum_start + h->csum_offset + 2 > len)
		return false;
	if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	/* VIRTIO 5.1.6.2.1: then NEEDS_CSUM and gso_size are not optional. */
	return csum && h->gso_size && h->hdr_len <= len;
}

/* --- from the driver to the wire -------------------------------------- */

/* What is wrong with this frame, or NULL.  Nothing of it is sent then. */
static const char *net_tx_check(const struct net *n, const struct chain *c,
				struct virtio_net_hdr_v1 *h)
{
	size_t header = n->header_len;

	memset(h, 0, sizeof(*h));
	if (iov_read(c->out, c->nout, 0, h, header) < header)
		return "shorter than its header";
	if (c->out_len - header < FRAME_MIN || c->out_len - header > FRAME_MAX)
		return "of an impossible size";
	/* The rest is for the other direction (VIRTIO 5.1.6.2.1). */
	h->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->num_buffers = 0;
	if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		h->hdr_len = h->gso_size = 0;
	if (!net_header_allowed(n->d, &tx_rules, h))
		return "with an offload that was not negotiated";
	if (!net_header_sane(h, c->out_len - header))
		return "with a senseless header";
	return NULL;
}

/* The header is our checked copy, the rest goes as it lies. */
static enum wire_result net_tx_frame(struct net *n, const struct chain *c)
{
	static struct iovec iov[1 + QUEUE_SIZE_MAX];
	struct virtio_net_hdr_v1 h;
	const char *wrong = net_tx_check(n, c, &h);
	enum wire_result result;
	unsigned parts;

	if (wrong) {
		device_warn_once(n->d, TOLD_TX, "dropped a frame %s", wrong);
		return WIRE_LOST;
	}
	parts = iov_slice(iov + 1, c->out, c->nout, n->header_len, FRAME_MAX);
	result = wire_write(&n->wire, &h, iov, 1 + parts);
	if (n->wire.gone)
		net_lost(n);
	return result;
}

/* Sent, dropped or impossible: the driver gets each of its buffers back. */
bool net_tx(struct net *n, struct virtqueue *q)
{
	static struct chain c;

	for (unsigned i = 0; i < BATCH; i++) {
		if (!vq_pop(q, &c))
			return true;
		if (!n->wire.gone && net_tx_frame(n, &c) == WIRE_WAIT) {
			/* The far end is slow: the watch tells us when. */
			vq_unpop(q, 1);
			n->tx_waits = true;
			return false;
		}
		vq_push(q, c.head, 0);
	}
	return true;
}

/* --- from the wire to the driver -------------------------------------- */

/* All that we took off the queue goes back there, if it still is one. */
void net_rx_forget(struct net *n)
{
	struct virtqueue *q = &n->d->queues[RX];

	if (q->live)
		vq_unpop(q, n->nheads);
	n->held = false;
	n->nheads = n->nparts = n->used = 0;
	n->done = 0;
	n->room = 0;
	n->hold.when = 0;
}

/* That frame is lost; the buffers it had are the next one's. */
static void net_rx_drop(struct net *n, const char *why)
{
	device_warn_once(n->d, TOLD_RX, "lost a frame of %zu bytes for the "
			 "Guest: %s", n->len - n->header_len, why);
	net_rx_forget(n);
}

/* A frame that waits for buffers wants those, and no other frame. */
bool net_rx_wants(struct net *n)
{
	struct virtqueue *q = &n->d->queues[RX];

	return (q->live && n->nheads && !n->held) || vq_has_work(q);
}

static void net_rx_add(struct net *n, const struct chain *c, unsigned parts)
{
	uint32_t len = c->in_len < UINT32_MAX ? (uint32_t)c->in_len :
		       UINT32_MAX;

	n->heads[n->nheads].head = c->head;
	n->heads[n->nheads].parts = parts;
	n->heads[n->nheads++].len = len;
	n->room += len;
}

/*
 * Ask before you read: then there is somewhere to put it.  Takes what the
 * largest frame may need, which is one chain if it may not lie in several.
 * While frames are small it takes fewer: each chain that is offered to the
 * wire costs something, and what does not fit is only copied.
 */
static bool net_rx_gather(struct net *n, struct virtqueue *q)
{
	unsigned most = n->merges ? n->most : 1;
	struct chain *c = &n->next;

	while (n->nheads < most && n->room < FRAME_MAX + sizeof(n->header)) {
		if (!vq_pop(q, c))
			break;
		if (n->nparts + c->nin > ARRAY_SIZE(n->parts)) {
			vq_unpop(q, 1);
			break;
		}
		memcpy(n->parts + n->nparts, c->in, c->nin * sizeof(*c->in));
		n->nparts += c->nin;
		net_rx_add(n, c, c->nin);
	}
	return n->nheads && q->live;
}

/* Where the next frame goes: iov[0] is the wire's.  How many there are. */
static unsigned net_rx_place(struct net *n, struct iovec *iov)
{
	size_t header = n->header_len, room = 0;
	unsigned parts = iov_slice(iov + 1, n->parts, n->nparts, header,
				   FRAME_MAX);

	if (n->room > header)
		room = n->room - header < FRAME_MAX ? n->room - header :
		       FRAME_MAX;
	iov[parts + 1].iov_base = n->frame + room;
	iov[parts + 1].iov_len = FRAME_MAX - room;
	return parts + 2;
}

/* Takes a frame off the wire; n->held if it is one for the driver. */
static enum wire_result net_rx_fetch(struct net *n)
{
	static struct iovec iov[ARRAY_SIZE(n->parts) + 2];
	struct virtio_net_hdr_v1 *h = &n->header;
	enum wire_result result;

	result = wire_read(&n->wire, h, iov, net_rx_place(n, iov), &n->len);
	if (n->wire.gone)
		net_lost(n);
	if (result != WIRE_DONE || n->len < FRAME_MIN)
		return result == WIRE_WAIT ? WIRE_WAIT : WIRE_LOST;
	/*
	 * A frame that waited in the tap since before a reset may use what
	 * the driver of today cannot do.
	 */
	if (!net_header_allowed(n->d, &rx_rules, h))
		return WIRE_LOST;
	/* No GUEST_CSUM, no flags (VIRTIO 5.1.6.4.1). */
	if (!virtio_has(n->d, VIRTIO_NET_F_GUEST_CSUM))
		h->flags = 0;
	n->held = true;
	n->len += n->header_len;
	return WIRE_DONE;
}

/* The frame lies in its buffers: hand them over, num_buffers last. */
static void net_rx_finish(struct net *n, struct virtqueue *q)
{
	unsigned parts = 0, used = n->used;

	/* Large ones among small ones are no news: so slowly down. */
	if (used > n->most)
		n->most = used;
	else if (used < n->most / 2)
		n->most--;
	n->header.num_buffers = (uint16_t)used;
	iov_write(n->parts, n->heads[0].parts, 0, &n->header, n->header_len);
	for (unsigned i = 0; i < used; i++) {
		vq_push(q, n->heads[i].head, n->heads[i].len);
		parts += n->heads[i].parts;
	}
	n->nheads -= used;
	n->nparts -= parts;
	memmove(n->heads, n->heads + used, n->nheads * sizeof(*n->heads));
	memmove(n->parts, n->parts + parts, n->nparts * sizeof(*n->parts));
	n->held = false;
	n->used = 0;
	n->done = 0;
	n->hold.when = 0;
}

/* There is no such chain to go on in: the driver has to bring one first. */
static bool net_rx_go_on(struct net *n, struct virtqueue *q)
{
	size_t left = n->len - n->done, header = n->header_len;

	if (!vq_pop(q, &n->next)) {
		if (!n->hold.when)
			n->hold.when = now_ns() + HOLD_NS;
		return false;
	}
	iov_write(n->next.in, n->next.nin, 0, n->frame + n->done - header,
		  left);
	net_rx_add(n, &n->next, 0);
	return true;
}

/*
 * Counts one more chain as the frame's.  False if that had to be dropped.
 * Only with MRG_RXBUF may it go on in the next one (VIRTIO 5.1.6.4.1).
 */
static bool net_rx_use(struct net *n, struct virtqueue *q)
{
	size_t min = n->header_len + (n->merges ? 0 : FRAME_MIN);
	uint32_t *len = &n->heads[n->used].len;
	uint16_t head = n->heads[0].head;

	/* A buffer too small for anything is no use to keep (5.1.6.3.1). */
	if (!n->used && *len < min) {
		n->nheads--;
		net_rx_drop(n, "a buffer is smaller than any frame");
		vq_push(q, head, 0);
		return false;
	}
	if (*len < n->len - n->done && !n->merges) {
		net_rx_drop(n, "its buffer is smaller");
		return false;
	}
	n->room -= *len;
	if (*len > n->len - n->done)
		*len = (uint32_t)(n->len - n->done);
	n->done += *len;
	n->used++;
	return true;
}

/*
 * Finds out which chains the frame lies in; done counts the header too.  False
 * if the driver has to bring more of them first: what is filled stays filled.
 * The one who waits must not wait for ever, though: a driver may own fewer
 * buffers than the frame needs, and think it is our turn.
 */
static bool net_rx_deliver(struct net *n, struct virtqueue *q)
{
	while (n->done < n->len) {
		if (n->used == q->size) {
			net_rx_drop(n, "all buffers together are smaller");
			return true;
		}
		if (n->used == n->nheads && !net_rx_go_on(n, q))
			return false;
		if (!net_rx_use(n, q))
			return true;
	}
	net_rx_finish(n, q);
	return true;
}

/*
 * To find the wire empty is a system call, and the loop asks it once more
 * before it waits.  So take as many frames as there were lately and leave the
 * rest to the next turn; when that has more to do, they come faster now.
 */
bool net_rx(struct net *n, struct virtqueue *q)
{
	n->turns_rx = 0;
	for (unsigned i = 0; i < n->burst; i++) {
		if (!n->held && !net_rx_gather(n, q))
			return true;
		if (n->wire.gone)
			return false;
		if (!n->held && net_rx_fetch(n) == WIRE_WAIT) {
			n->burst = (n->burst + i) / 2 ?: 1;
			return false;
		}
		if (n->held && !net_rx_deliver(n, q))
			return true;
	}
	return !vq_has_work(q);
}

void net_hold_expired(void *owner)
{
	struct net *n = owner;

	if (!n->held)
		return;
	net_rx_drop(n, "the driver brought no more buffers");
	virtio_serve(&n->d->queues[RX]);
}
