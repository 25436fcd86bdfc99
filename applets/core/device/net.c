/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network card (VIRTIO 5.1): which features its wire allows, whether the
 * link is up, and when there is something to do.
 */
#include <linux/if_tun.h>
#include <linux/virtio_ids.h>
#include <string.h>

#include "net.h"

/* What a TUN_F_* is in the words of virtio, in both directions. */
static const struct {
	unsigned tun;
	unsigned host, guest;
} offloads[] = {
	{ TUN_F_CSUM, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM },
	{ TUN_F_TSO4, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_GUEST_TSO4 },
	{ TUN_F_TSO6, VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_GUEST_TSO6 },
	{ TUN_F_TSO_ECN, VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_GUEST_ECN },
};

/* Configuration is little-endian, wherever we run (VIRTIO 5.1.4). */
static void net_put16(struct device *d, size_t off, unsigned value)
{
	d->config[off] = (uint8_t)value;
	d->config[off + 1] = (uint8_t)(value >> 8);
}

/* Only news is told: a config interrupt costs the Guest a work item. */
static void net_set_link(struct device *d, bool up)
{
	const size_t off = offsetof(struct virtio_net_config, status);

	if (d->config[off] == (up ? VIRTIO_NET_S_LINK_UP : 0))
		return;
	net_put16(d, off, up ? VIRTIO_NET_S_LINK_UP : 0);
	if (virtio_has(d, VIRTIO_NET_F_STATUS))
		virtio_config_changed(d);
}

/* From now on nobody polls it; what the driver sends goes nowhere. */
void net_lost(struct net *n)
{
	n->watch.fd = n->links.fd = -1;
	device_warn_once(n->d, TOLD_GONE, "%s %s: the link is down",
			 n->wire.name, n->wire.is_tap ? "was deleted" :
			 "was closed at the far end");
	net_set_link(n->d, false);
	/* Frames that wait for room would wait for ever: nobody polls. */
	if (n->tx_waits)
		loop_again(&n->d->queues[TX]);
	n->tx_waits = false;
}

/*
 * A tap that is down refuses what we write, and comes back one day; one that
 * was deleted never does, even if a new one has its name.
 */
static void net_look_at_link(struct net *n)
{
	enum tap_state state = tap_query_state(&n->wire.tap);

	if (state == TAP_GONE) {
		n->wire.gone = true;
		net_lost(n);
	} else {
		net_set_link(n->d, state == TAP_UP);
	}
}

/* Something changed with some interface of the Host's, perhaps ours. */
static void net_links_ready(void *owner, short revents)
{
	struct net *n = owner;

	(void)revents;
	tap_drain_links(&n->wire.tap);
	net_look_at_link(n);
}

/*
 * The heart of it: no buffers, no POLLIN.  A tap that nobody can empty would
 * be readable for ever, and the loop would turn for nothing.
 */
static short net_want(void *owner)
{
	struct net *n = owner;
	short events = 0;

	n->turns_rx++;
	n->turns_tx++;
	if (net_rx_wants(n))
		events |= POLLIN;
	if (n->tx_waits)
		events |= POLLOUT;
	return events;
}

/*
 * A far end that hung up may have said something before: then POLLIN comes
 * along, and it is read before we believe that the wire is gone.
 */
static void net_ready(void *owner, short revents)
{
	struct net *n = owner;

	if (revents & ~(POLLIN | POLLOUT)) {
		wire_check(&n->wire, revents);
		if (n->wire.gone)
			net_lost(n);
	}
	/* Twice in a row: there is more than we take at once. */
	if (n->turns_rx == 1 && n->burst <= BATCH / 2)
		n->burst *= 2;
	if (n->turns_tx == 1 && n->answers < ANSWERS_SURE)
		n->answers++;
	if (revents & ~POLLOUT)
		virtio_serve(&n->d->queues[RX]);
	if (n->tx_waits && (revents & ~POLLIN)) {
		n->tx_waits = false;
		virtio_serve(&n->d->queues[TX]);
	}
}

/*
 * The Host's own end of a tap answers while we are in write(2).  Where that is
 * what happens, the frame is taken without asking poll(2) for it: and where it
 * was not there, that has to prove itself again.
 */
static void net_take_answer(struct net *n)
{
	struct virtqueue *q = &n->d->queues[RX];
	uint16_t before = q->used_idx;

	virtio_serve(q);
	if (q->used_idx == before)
		n->answers = 0;
}

static bool net_send(struct net *n, struct virtqueue *q)
{
	void (*hush)(int fd, bool on) = n->d->g->hv->hush;
	bool sure = n->answers >= ANSWERS_SURE && net_rx_wants(n), more;

	n->turns_tx = 0;
	if (sure && hush)
		hush(n->wire.fd, true);
	more = net_tx(n, q);
	if (sure)
		net_take_answer(n);
	if (sure && hush)
		hush(n->wire.fd, false);
	return more;
}

static bool net_kick(struct device *d, struct virtqueue *q)
{
	struct net *n = d->state;

	return q->index == RX ? net_rx(n, q) : net_send(n, q);
}

/*
 * The tap must not hand us what the driver did not say it can take.  After a
 * reset nobody has said anything, so the Host cuts and sums by itself.
 */
static void net_changed(struct device *d)
{
	struct net *n = d->state;
	unsigned on = 0;

	n->tx_waits = false;
	net_rx_forget(n);
	net_agreed(n);
	if (!n->wire.is_tap)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(offloads); i++)
		if (virtio_has(d, VIRTIO_NET_F_GUEST_CSUM) &&
		    virtio_has(d, offloads[i].guest))
			on |= offloads[i].tun;
	tap_set_offloads(&n->wire.tap, on & n->wire.tap.offloads);
}

/*
 * Offers what the wire can do, and no more.  A bare socket would lose what a
 * header says, so with one a driver has to finish its frames itself.
 */
static void net_offer(struct device *d)
{
	struct net *n = d->state;
	unsigned can = n->wire.is_tap ? n->wire.tap.offloads : 0, mtu = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(offloads); i++)
		if (!(can & offloads[i].tun))
			d->features &= ~(BIT(offloads[i].host) |
					 BIT(offloads[i].guest));
	if (n->wire.is_tap && n->wire.tap.links >= 0)
		mtu = tap_query_mtu(n->wire.tap.name);
	/* Less than 68 is not offered (VIRTIO 5.1.4.1). */
	if (mtu >= 68 && mtu <= UINT16_MAX)
		net_put16(d, offsetof(struct virtio_net_config, mtu), mtu);
	else
		d->features &= ~BIT(VIRTIO_NET_F_MTU);
}

static void net_open(struct device *d)
{
	struct net *n = d->state;

	n->d = d;
	wire_open(&n->wire, &n->plan);
	net_offer(d);
	/* Up until we hear otherwise: nobody tells us about sockets. */
	net_set_link(d, true);
	n->watch = (struct watch){ .fd = n->wire.fd, .want = net_want,
				   .ready = net_ready, .owner = n };
	watch_add(&n->watch);
	n->hold = (struct timer){ .expired = net_hold_expired, .owner = n };
	timer_add(&n->hold);
	n->links = (struct watch){ .fd = -1, .ready = net_links_ready,
				   .owner = n };
	if (!n->wire.is_tap || n->wire.tap.links < 0)
		return;
	n->links.fd = n->wire.tap.links;
	watch_add(&n->links);
	net_look_at_link(n);
	/* Who prepared it forgot half; the Guest will see no network. */
	if (!d->config[offsetof(struct virtio_net_config, status)])
		warn("%s: the link is down until: ip link set %s up",
		     n->wire.name, n->wire.name);
}

const struct device_type device_net = {
	.name = "net",
	.option = "tunnet",
	.option_arg = "(IP|bridge:NAME|tap:NAME|fd:N)[:MAC]",
	.option_help = "network card, wired to the Host",
	.id = VIRTIO_ID_NET,
	.pci_class = 0x020000,
	.nqueues = 2,
	.features = BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) |
		    BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MAC) |
		    BIT(VIRTIO_NET_F_GUEST_TSO4) |
		    BIT(VIRTIO_NET_F_GUEST_TSO6) |
		    BIT(VIRTIO_NET_F_GUEST_ECN) |
		    BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |
		    BIT(VIRTIO_NET_F_HOST_ECN) | BIT(VIRTIO_NET_F_MRG_RXBUF) |
		    BIT(VIRTIO_NET_F_STATUS),
	.modern_features = BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_STATUS),
	.legacy_features = BIT(VIRTIO_F_NOTIFY_ON_EMPTY),
	.config_size = offsetof(struct virtio_net_config, mtu) + 2,
	.state_size = sizeof(struct net),
	.parse = net_parse,
	.open = net_open,
	.kick = net_kick,
	.changed = net_changed,
};
