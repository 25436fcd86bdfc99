/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network card on a tap: frames, the link, and who cuts large segments.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "netns.h"

#define ETHERTYPE	0x88b5	/* for experiments: nobody else's here */
#define HEADER		12
#define BUFFER		1526


static struct device *d;
static struct virtqueue *rx, *tx;
static gpa_t at[QUEUE_SIZE_MAX];

static void plug_in(const char *arg, uint64_t features)
{
	rig_guest(MIB(16));
	d = rig_device(&device_net, arg);
	rx = &d->queues[RX];
	tx = &d->queues[TX];
	rig_start(d, features & ~BIT(29), 256);
}

static void add_buffers(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rig_buffer b = { rig_alloc(BUFFER), BUFFER, true };

		at[rig_add(rx, &b, 1)] = b.gpa;
	}
	rig_kick(rx);
}

static void guest_sends(const struct virtio_net_hdr_v1 *h,
			const void *frame, uint32_t len)
{
	struct rig_buffer b = { rig_alloc(HEADER + len), HEADER + len, false };

	memcpy(rig_at(b.gpa), h, HEADER);
	memcpy((uint8_t *)rig_at(b.gpa) + HEADER, frame, len);
	rig_add(tx, &b, 1);
	rig_kick(tx);
}

/* The Host's side of the interface. */
static int host_socket(const char *name)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETHERTYPE) };
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETHERTYPE));

	ll.sll_ifindex = (int)if_nametoindex(name);
	CHECK(s >= 0 && !bind(s, (struct sockaddr *)&ll, sizeof(ll)));
	return s;
}

static void make_frame(uint8_t *frame, size_t len, uint8_t seed)
{
	memset(frame, seed, len);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\2\0\0\0\0\1", 6);
	frame[12] = ETHERTYPE >> 8;
	frame[13] = ETHERTYPE & 0xff;
}

/* Our frame among what an interface says of its own accord. */
static bool guest_got(const uint8_t *frame, size_t len)
{
	uint16_t head;
	uint32_t got;

	while (rig_used(rx, &head, &got))
		if (got == HEADER + len &&
		    !memcmp((uint8_t *)rig_at(at[head]) + HEADER, frame, len))
			return true;
	return false;
}

static bool turns_until(bool (*what)(void))
{
	for (unsigned i = 0; i < 2000; i++) {
		if (what())
			return true;
		loop_turn(d->g, 1);
	}
	return false;
}

static bool link_is_down(void)
{
	return !virtio_config_read(d, 6, 2);
}

static bool link_is_up(void)
{
	return !link_is_down();
}

/* A frame each way, and a Host that speaks of a link that comes and goes. */
static void test_frames_and_link(void)
{
	struct virtio_net_hdr_v1 plain = { 0 };
	uint8_t frame[300], got[400];
	int host;

	if (!alone())
		return;
	plug_in("192.168.77.1", ~UINT64_C(0));
	CHECK(flags_of("tap0") & IFF_UP);
	CHECK_EQ(virtio_config_read(d, 6, 2), 1);
	CHECK_EQ(virtio_config_read(d, 10, 2), 1500);
	CHECK(d->features & BIT(VIRTIO_NET_F_MTU));
	CHECK(d->features & BIT(VIRTIO_NET_F_GUEST_TSO4));
	CHECK(d->features & BIT(VIRTIO_NET_F_HOST_TSO6));
	CHECK(!(d->features & BIT(VIRTIO_NET_F_MAC)));

	host = host_socket("tap0");
	make_frame(frame, sizeof(frame), 5);
	guest_sends(&plain, frame, sizeof(frame));
	CHECK_EQ(recv(host, got, sizeof(got), 0), sizeof(frame));
	CHECK(!memcmp(frame, got, sizeof(frame)));

	add_buffers(100);
	make_frame(frame, sizeof(frame), 6);
	CHECK_EQ(send(host, frame, sizeof(frame), 0), sizeof(frame));
	rig_turn();
	CHECK(guest_got(frame, sizeof(frame)));

	rig_interrupts(d, NULL);
	CHECK(!shell("ip link set tap0 down"));
	CHECK(turns_until(link_is_down));
	CHECK_EQ(rig_interrupts(d, NULL), 1);
	/* EIO is no reason to stop. */
	guest_sends(&plain, frame, sizeof(frame));
	CHECK(!shell("ip link set tap0 up"));
	CHECK(turns_until(link_is_up));
	guest_sends(&plain, frame, sizeof(frame));
	CHECK_EQ(rig_warnings(), 0);

	CHECK(!shell("ip link delete tap0"));
	CHECK(turns_until(link_is_down));
	guest_sends(&plain, frame, sizeof(frame));
	rig_kick(rx);
	for (unsigned i = 0; i < 10; i++)
		rig_turn();
	CHECK_EQ(rig_warnings(), 1);
	CHECK_EQ(((struct net *)d->state)->watch.fd, -1);
}

/* The same with nobody to tell us: the tap's own errors must do. */
static void test_deleted_unseen(void)
{
	struct net *n;

	if (!alone())
		return;
	plug_in("192.168.77.1", ~UINT64_C(0));
	n = d->state;
	n->links.fd = -1;
	add_buffers(100);
	CHECK(!shell("ip link delete tap0"));
	CHECK(turns_until(link_is_down));
	CHECK_EQ(n->watch.fd, -1);
	CHECK_EQ(rig_warnings(), 1);
}

/* And with no buffers to receive in, the first frame sent tells. */
static void test_deleted_while_sending(void)
{
	struct virtio_net_hdr_v1 plain = { 0 };
	uint8_t frame[60];
	struct net *n;

	if (!alone())
		return;
	plug_in("192.168.77.1", ~UINT64_C(0));
	n = d->state;
	n->links.fd = -1;
	CHECK(!shell("ip link delete tap0"));
	make_frame(frame, sizeof(frame), 1);
	guest_sends(&plain, frame, sizeof(frame));
	CHECK(link_is_down());
	CHECK_EQ(n->watch.fd, -1);
	CHECK_EQ(rig_warnings(), 1);
}

static void put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* Ethernet, IPv4 and TCP, and `payload` bytes that nobody asked for. */
static size_t make_tcp(uint8_t *frame, size_t payload)
{
	uint8_t *ip = frame + 14, *tcp = ip + 20;

	memset(frame, 0, 54 + payload);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\2\0\0\0\0\1", 6);
	put16(frame + 12, ETH_P_IP);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned)(40 + payload));
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, "\xc0\xa8\x4d\x02\xc0\xa8\x4d\x01", 8);
	tcp[12] = 0x50;
	return 54 + payload;
}

/* We, not the Host, are the ones to drop it. */
static void guest_may_not_send(const struct virtio_net_hdr_v1 *h,
			       const void *frame, uint32_t len)
{
	d->told = 0;
	guest_sends(h, frame, len);
	CHECK_EQ(rig_warnings(), 1);
}

/* A large segment passes whole if it was agreed on, and else not at all. */
static void test_segmentation_offload(void)
{
	struct virtio_net_hdr_v1 h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 54, .gso_size = 1460,
		.csum_start = 34, .csum_offset = 16,
	}, bad;
	static uint8_t frame[8000], got[9000];
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IP) };
	size_t len;
	int host;

	if (!alone())
		return;
	plug_in("192.168.77.1", ~UINT64_C(0));
	ll.sll_ifindex = (int)if_nametoindex("tap0");
	host = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_IP));
	CHECK(!bind(host, (struct sockaddr *)&ll, sizeof(ll)));
	len = make_tcp(frame, 4000);
	guest_sends(&h, frame, (uint32_t)len);
	CHECK_EQ(recv(host, got, sizeof(got), 0), len);
	CHECK_EQ(rig_warnings(), 0);

	bad = h;
	bad.gso_size = 0;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad = h;
	bad.csum_start = (uint16_t)len - 17;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad.csum_start = bad.csum_offset = 0xffff;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad = h;
	bad.hdr_len = 5000;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad = h;
	bad.flags = 0;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad = h;
	bad.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad.gso_type = VIRTIO_NET_HDR_GSO_ECN;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	rig_start(d, 0, 256);
	guest_may_not_send(&h, frame, (uint32_t)len);
	CHECK(recv(host, got, sizeof(got), 0) < 0);
	CHECK(!d->broken);
}

static void host_sends_segment(int host, size_t payload)
{
	struct virtio_net_hdr_v1 h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 54, .gso_size = 1460,
		.csum_start = 34, .csum_offset = 16,
	};
	static uint8_t out[10 + 9000];

	memcpy(out, &h, 10);
	payload = make_tcp(out + 10, payload);
	CHECK_EQ(send(host, out, 10 + payload, 0), 10 + payload);
}

/* Longest frame the Guest finds; *gso is its header's gso_type. */
static size_t longest(uint8_t *gso)
{
	uint16_t head;
	uint32_t len;
	size_t best = 0;

	while (rig_used(rx, &head, &len)) {
		struct virtio_net_hdr_v1 *h = rig_at(at[head]);
		size_t total = len;
		uint8_t type = h->gso_type;

		for (unsigned i = 1; i < h->num_buffers; i++) {
			CHECK(rig_used(rx, &head, &len));
			total += len;
		}
		if (total > best) {
			best = total;
			*gso = type;
		}
	}
	return best ? best - HEADER : 0;
}

/* What the driver can take whole comes whole; else the Host cuts it. */
static void test_receive_offload(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET };
	int host, one = 1;
	uint8_t gso = 0;

	if (!alone())
		return;
	plug_in("192.168.77.1", ~UINT64_C(0));
	ll.sll_ifindex = (int)if_nametoindex("tap0");
	host = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
	CHECK(!setsockopt(host, SOL_PACKET, PACKET_VNET_HDR, &one,
			  sizeof(one)));
	CHECK(!bind(host, (struct sockaddr *)&ll, sizeof(ll)));
	add_buffers(100);
	host_sends_segment(host, 4380);
	rig_turn();
	CHECK_EQ(longest(&gso), 54 + 4380);
	CHECK_EQ(gso, VIRTIO_NET_HDR_GSO_TCPV4);

	/* One waits in the tap while a lesser driver comes. */
	rig_start(d, 0, 256);
	rig_start(d, ~BIT(29), 256);
	host_sends_segment(host, 4380);
	rig_start(d, BIT(VIRTIO_NET_F_MRG_RXBUF), 256);
	add_buffers(100);
	rig_turn();
	CHECK(longest(&gso) < 1000);
	host_sends_segment(host, 4380);
	rig_turn();
	CHECK_EQ(longest(&gso), 54 + 1460);
	CHECK_EQ(gso, 0);
}

static void test_bridge(void)
{
	if (!alone())
		return;
	if (shell("ip link add br0 type bridge && ip link set br0 mtu 4000 &&"
		  "ip link set br0 up")) {
		rig_skip("this Host makes no bridges");
		return;
	}
	plug_in("bridge:br0:02:00:00:00:00:07", ~UINT64_C(0));
	CHECK(!shell("ip -o link show tap0 | grep -q 'master br0'"));
	CHECK(flags_of("tap0") & IFF_UP);
	CHECK_EQ(virtio_config_read(d, 10, 2), 4000);
	CHECK_EQ(virtio_config_read(d, 4, 2), 0x0700);
	CHECK(!shell("ip link delete br0"));
	rig_turn();
	CHECK_EQ(virtio_config_read(d, 6, 2), 1);
}

/* One that root prepared; it is down at first, and somebody sees to it. */
static void test_prepared(void)
{
	if (!alone())
		return;
	CHECK(!shell("ip tuntap add vm0 mode tap"));
	plug_in("tap:vm0", ~UINT64_C(0));
	CHECK_EQ(rig_warnings(), 1);
	CHECK(link_is_down());
	CHECK(!shell("ip link set vm0 up"));
	CHECK(turns_until(link_is_up));

	CHECK(!shell("ip tuntap add vm1 mode tap multi_queue; "
		     "ip link set vm1 up"));
	plug_in("tap:vm1", ~UINT64_C(0));
	CHECK(link_is_up());
}

int main(void)
{
	RUN(test_frames_and_link);
	RUN(test_deleted_unseen);
	RUN(test_deleted_while_sending);
	RUN(test_segmentation_offload);
	RUN(test_receive_offload);
	RUN(test_bridge);
	RUN(test_prepared);
	return rig_done();
}
