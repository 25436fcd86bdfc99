/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network card over a socketpair: we are the driver at one end of it and
 * the rest of the world at the other.  (tap.c has the tests with taps.)
 */
#include <errno.h>
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

static void plug_in(int type, const char *mac)
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

static void start(uint64_t features, unsigned size)
{
	plug_in(SOCK_DGRAM, "");
	rig_start(d, features, size);
}

/* Bytes that tell where they are and in which frame. */
static void fill(uint8_t *frame, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 7 + i / 251 + seed);
}

static bool is_filled(const uint8_t *frame, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		if (frame[i] != (uint8_t)(i * 7 + i / 251 + seed))
			return false;
	return true;
}

static void world_sends(size_t len, unsigned seed)
{
	fill(big, len, seed);
	CHECK_EQ(send(world, big, len, 0), len);
}

/* Length of the next frame that the Guest sent; 0 for none. */
static size_t world_gets(void)
{
	ssize_t n = recv(world, big, sizeof(big), MSG_DONTWAIT);

	return n < 0 ? 0 : (size_t)n;
}

static bool world_is_read(void)
{
	int left = 0;

	CHECK(!ioctl(((struct net *)d->state)->wire.fd, FIONREAD, &left));
	return left == 0;
}

/* n receive buffers of len bytes each; [head] says where one is. */
static gpa_t at[QUEUE_SIZE_MAX];

static void add_buffers(unsigned n, uint32_t len)
{
	for (unsigned i = 0; i < n; i++) {
		struct rig_buffer b = { rig_alloc(len), len, true };

		at[rig_add(rx, &b, 1)] = b.gpa;
	}
}

/* Takes a frame as a driver with MRG_RXBUF does; its length, or 0. */
static size_t guest_gets(uint8_t *frame, struct virtio_net_hdr_v1 *h)
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

static void guest_expects(size_t len, unsigned seed)
{
	static uint8_t frame[FRAME_MAX];
	struct virtio_net_hdr_v1 h;

	CHECK_EQ(guest_gets(frame, &h), len);
	CHECK_EQ(h.num_buffers, (len + HEADER + BUFFER - 1) / BUFFER);
	CHECK_EQ(h.flags | h.gso_type, 0);
	CHECK(is_filled(frame, len, seed));
}

/* A frame of len bytes behind a header, in one buffer. */
static void guest_adds(const struct virtio_net_hdr_v1 *h, uint32_t len,
		       unsigned seed)
{
	struct rig_buffer b = { rig_alloc(HEADER + len), HEADER + len, false };

	memcpy(rig_at(b.gpa), h, HEADER);
	fill((uint8_t *)rig_at(b.gpa) + HEADER, len, seed);
	rig_add(tx, &b, 1);
}

static const struct virtio_net_hdr_v1 plain;

static unsigned count_used(struct virtqueue *q)
{
	unsigned n = 0;
	uint16_t head;

	while (rig_used(q, &head, NULL))
		n++;
	return n;
}

/* ------------------------------------------------------------------ */

static int status_of_parse(const char *arg)
{
	int status;
	pid_t child = fork();

	if (!child) {
		struct device new = { .type = &device_net,
				      .features = device_net.features };

		new.state = xzalloc(device_net.state_size);
		device_net.parse(&new, strdup(arg));
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_parse_refuses(void)
{
	static const char *const bad[] = {
		"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.4 ",
		" 1.2.3.4", "0x1.2.3.4", "1.2.3.-4", "0.0.0.0", "224.0.0.1",
		"255.255.255.255", "10.0.0.1:", "10.0.0.1:aa:bb:cc:dd:ee",
		"10.0.0.1:aa:bb:cc:dd:ee:ff:00", "10.0.0.1:aa:bb:cc:dd:ee:fg",
		"10.0.0.1:a:bb:cc:dd:ee:ff0", "10.0.0.1:01:00:5e:00:00:01",
		"10.0.0.1:ff:ff:ff:ff:ff:ff", "10.0.0.1:00:00:00:00:00:00",
		"10.0.0.1:aa-bb-cc-dd-ee-ff", "10.0.0.1: a:bb:cc:dd:ee:ff",
		"10.0.0.1:+a:bb:cc:dd:ee:ff", "bridge:", "bridge", "tap:",
		"bridge:0123456789abcdef", "tap:a/b", "tap:tap%d", "tap:a b",
		"bridge:br0:", "bridge:br0:xx", "fd:", "fd:x", "fd:-1", "fd:0",
		"fd:2", "fd:99999999999", "fd:777", "fe80::1", "nonsense",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		int status = status_of_parse(bad[i]);

		if (status != STATUS_USAGE)
			fprintf(stderr, "'%s': status %d\n", bad[i], status);
		CHECK_EQ(status, STATUS_USAGE);
	}
}

static struct net *parse(struct device *new, const char *arg)
{
	*new = (struct device){ .type = &device_net,
				.features = device_net.features };
	new->state = xzalloc(device_net.state_size);
	device_net.parse(new, strdup(arg));
	return new->state;
}

static void test_parse_accepts(void)
{
	struct device new;
	struct net *n = parse(&new, "192.168.19.1");

	CHECK_EQ(n->plan.kind, WIRE_ADDRESS);
	CHECK_EQ(ntohl(n->plan.address.s_addr), 0xc0a81301);
	CHECK(!(new.features & BIT(VIRTIO_NET_F_MAC)));

	n = parse(&new, "bridge:0123456789abcde:52:54:00:Ab:cD:09");
	CHECK_EQ(n->plan.kind, WIRE_BRIDGE);
	CHECK(!strcmp(n->plan.name, "0123456789abcde"));
	CHECK(new.features & BIT(VIRTIO_NET_F_MAC));
	CHECK(!memcmp(new.config, "\x52\x54\x00\xab\xcd\x09", 6));

	n = parse(&new, "tap:vnet0");
	CHECK_EQ(n->plan.kind, WIRE_TAP);
	CHECK(!strcmp(n->plan.name, "vnet0"));

	CHECK(dup2(1, 77) == 77);
	n = parse(&new, "fd:77:02:00:00:00:00:01");
	CHECK_EQ(n->plan.kind, WIRE_FD);
	CHECK_EQ(n->plan.fd, 77);
	CHECK_EQ(new.config[5], 1);
}

static int status_of_open(int fd)
{
	int status;
	pid_t child = fork();

	if (!child) {
		char arg[32];

		rig_guest(MIB(1));
		snprintf(arg, sizeof(arg), "fd:%d", fd);
		rig_device(&device_net, arg);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_bad_descriptors(void)
{
	int ends[2], lone = socket(AF_UNIX, SOCK_DGRAM, 0);

	CHECK(!pipe(ends));
	CHECK_EQ(status_of_open(ends[0]), STATUS_FAILED);
	CHECK_EQ(status_of_open(lone), STATUS_FAILED);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	CHECK_EQ(status_of_open(ends[0]), STATUS_FAILED);
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
	CHECK_EQ(status_of_open(ends[0]), 0);
}

/* A socket knows nothing of offloads or MTU, so we must not either. */
static void test_offer_of_a_socket(void)
{
	uint64_t transport = BIT(VIRTIO_F_VERSION_1) | BIT(28) | BIT(29);

	plug_in(SOCK_DGRAM, "");
	CHECK_EQ(d->features & ~transport, MRG | STATUS);
	CHECK_EQ(d->config_size, 12);
	for (unsigned i = 0; i < 12; i++)
		CHECK_EQ(virtio_config_read(d, i, 1), i == 6);
	CHECK_EQ(virtio_config_read(d, 12, 1), 0);
	CHECK_EQ(virtio_config_read(d, 11, 4), 0);
	virtio_config_write(d, 0, 4, 0xffffffff);
	CHECK_EQ(virtio_config_read(d, 0, 4), 0);

	plug_in(SOCK_DGRAM, ":02:11:22:33:44:55");
	CHECK_EQ(d->features & ~transport,
		 MRG | STATUS | BIT(VIRTIO_NET_F_MAC));
	CHECK_EQ(virtio_config_read(d, 0, 4), 0x33221102);
	CHECK_EQ(virtio_config_read(d, 4, 2), 0x5544);
}

/* ------------------------------------------------------------------ */

static void test_send(void)
{
	static const uint32_t sizes[] = { 14, 60, 1514, 9000, 65535, 65549 };

	start(ALL, 256);
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		guest_adds(&plain, sizes[i], i);
		rig_kick(tx);
		CHECK_EQ(world_gets(), sizes[i]);
		CHECK(is_filled(big, sizes[i], i));
		CHECK_EQ(count_used(tx), 1);
		CHECK_EQ(rig_interrupts(d, tx), 1);
	}
	CHECK_EQ(world_gets(), 0);
	CHECK_EQ(rig_warnings(), 0);
}

/* Every byte its own descriptor; the header ends in the middle of one. */
static void test_send_in_pieces(void)
{
	struct rig_buffer b[40];
	gpa_t from = MIB(16) - 60 - HEADER;

	start(ALL, 256);
	fill((uint8_t *)rig_at(from) + HEADER, 60, 3);
	for (unsigned i = 0; i < 36; i++)
		b[i] = (struct rig_buffer){ from + 2 * i, 2, false };
	b[5].len = 3;
	b[6] = (struct rig_buffer){ from + 13, 1, false };
	rig_add(tx, b, 36);
	rig_add_indirect(tx, b, 36);
	rig_kick(tx);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(world_gets(), 60);
		CHECK(is_filled(big, 60, 3));
	}
	CHECK_EQ(count_used(tx), 2);
	/* A batch is answered with one interrupt. */
	CHECK_EQ(rig_interrupts(d, tx), 1);
}

static void test_send_impossible_sizes(void)
{
	static const uint32_t sizes[] = { 1, 9, 10, 11, 12, 13, 25, HEADER +
					  FRAME_MAX + 1, 1 << 20 };

	start(ALL, 256);
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct rig_buffer b = { rig_alloc(sizes[i]), sizes[i], false };

		rig_add(tx, &b, 1);
		rig_kick(tx);
		CHECK_EQ(count_used(tx), 1);
		CHECK_EQ(world_gets(), 0);
	}
	/* No byte of it readable, too. */
	rig_add(tx, &(struct rig_buffer){ rig_alloc(64), 64, true }, 1);
	rig_kick(tx);
	CHECK_EQ(count_used(tx), 1);
	CHECK_EQ(rig_warnings(), 1);
	CHECK(!d->broken);
	guest_adds(&plain, 60, 1);
	rig_kick(tx);
	CHECK_EQ(world_gets(), 60);
}

/* Whatever was not negotiated is refused, and nothing but that frame. */
static void test_send_random_headers(void)
{
	unsigned sent = 0, good = 0;
	uint32_t seed = 12345;

	start(ALL, 256);
	for (unsigned i = 0; i < 3000; i++) {
		struct virtio_net_hdr_v1 h;
		struct rig_buffer b = { KIB(8192), HEADER + 60, false };

		for (unsigned k = 0; k < sizeof(h); k++) {
			seed = seed * 1664525 + 1013904223;
			((uint8_t *)&h)[k] = (uint8_t)(seed >> 24);
		}
		if (seed & 0x10000)
			h.gso_type = 0;
		if (seed & 0x20000)
			h.flags &= ~1;
		/* Half of them make sense, but were never agreed on. */
		if (seed & 0x40000) {
			h.csum_start &= 31;
			h.csum_offset &= 15;
			h.hdr_len &= 31;
		}
		good += !h.gso_type && !(h.flags & 1);
		memcpy(rig_at(b.gpa), &h, HEADER);
		rig_add(tx, &b, 1);
		rig_kick(tx);
		CHECK_EQ(count_used(tx), 1);
		sent += world_gets() == 60;
	}
	CHECK_EQ(sent, good);
	CHECK(good > 0);
	CHECK(!d->broken);
	CHECK_EQ(rig_warnings(), 1);
}

/* The far end does not read: we wait, without asking again and again. */
static void test_send_to_a_slow_reader(void)
{
	unsigned added = 0, got = 0;
	uint64_t kicks;

	start(ALL, 256);
	while (!((struct net *)d->state)->tx_waits && added < 5000) {
		guest_adds(&plain, 1000, added++);
		rig_kick(tx);
		count_used(tx);
	}
	CHECK(added < 5000);
	guest_adds(&plain, 1000, added++);
	rig_turn();
	kicks = tx->chains;
	for (unsigned i = 0; i < 100; i++)
		rig_turn();
	CHECK_EQ(tx->chains, kicks);
	CHECK_EQ(count_used(tx), 0);

	/* It reads again: nothing was lost, all is in order. */
	for (unsigned i = 0; i < 100 && got < added; i++) {
		while (world_gets() == 1000)
			CHECK(is_filled(big, 1000, got++));
		rig_turn();
	}
	CHECK_EQ(got, added);
	CHECK_EQ(count_used(tx), 2);
	CHECK_EQ(rig_warnings(), 0);
}

/* The two ends of a socketpair are the cards of two Guests. */
static void test_two_guests(void)
{
	struct device *other;
	char arg[16];

	plug_in(SOCK_DGRAM, "");
	rig_start(d, ALL, 16);
	other = d;
	snprintf(arg, sizeof(arg), "fd:%d", world);
	d = rig_device(&device_net, arg);
	rig_start(d, ALL, 16);
	rx = &d->queues[RX];
	tx = &other->queues[TX];
	add_buffers(4, BUFFER);
	rig_kick(rx);
	for (unsigned i = 0; i < 3; i++)
		guest_adds(&plain, 200 + i, i);
	rig_kick(tx);
	rig_turn();
	for (unsigned i = 0; i < 3; i++)
		guest_expects(200 + i, i);
	CHECK_EQ(count_used(tx), 3);
}

/* ------------------------------------------------------------------ */

static const size_t frames[] = { 60, 1514, 1515, 9000, 65535 };

static void test_receive_merged(void)
{
	start(ALL, 256);
	for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
		add_buffers(50, BUFFER);
		world_sends(frames[i], i);
		rig_kick(rx);
		rig_turn();
		guest_expects(frames[i], i);
		CHECK_EQ(count_used(rx), 0);
		CHECK_EQ(rig_interrupts(d, rx), 1);
	}
	CHECK_EQ(rig_warnings(), 0);
}

/* Frames that were longer than the buffers that were left. */
static void test_receive_without_merging(void)
{
	uint8_t *p;
	uint16_t head;
	uint32_t len;

	start(ALL & ~MRG, 16);
	add_buffers(2, BUFFER);
	world_sends(9000, 1);
	world_sends(65535, 2);
	world_sends(BUFFER - HEADER, 3);
	world_sends(BUFFER - HEADER + 1, 4);
	world_sends(60, 5);
	rig_kick(rx);
	rig_turn();
	CHECK(rig_used(rx, &head, &len));
	CHECK_EQ(len, BUFFER);
	p = rig_at(at[head]);
	CHECK(is_filled(p + HEADER, BUFFER - HEADER, 3));
	/* VIRTIO 5.1.6.4.1: without MRG_RXBUF num_buffers is 1. */
	CHECK_EQ(p[10] | p[11] << 8, 1);
	CHECK(rig_used(rx, &head, &len));
	CHECK_EQ(len, HEADER + 60);
	CHECK(is_filled((uint8_t *)rig_at(at[head]) + HEADER, 60, 5));
	CHECK_EQ(count_used(rx), 0);
	CHECK_EQ(rig_warnings(), 1);
}

/* num_buffers cut in two, and its second byte the last one of RAM. */
static void test_receive_in_pieces(void)
{
	gpa_t body, end = MIB(16);
	struct rig_buffer b[4];
	uint16_t head;
	uint32_t len;

	start(ALL, 256);
	body = rig_alloc(100);
	b[0] = (struct rig_buffer){ rig_alloc(3), 3, true };
	b[1] = (struct rig_buffer){ rig_alloc(8), 8, true };
	b[2] = (struct rig_buffer){ end - 1, 1, true };
	b[3] = (struct rig_buffer){ body, 100, true };
	rig_add(rx, b, 4);
	*(uint8_t *)rig_at(b[1].gpa + 7) = 0xee;
	*(uint8_t *)rig_at(end - 1) = 0xee;
	world_sends(80, 9);
	rig_kick(rx);
	rig_turn();
	CHECK(rig_used(rx, &head, &len));
	CHECK_EQ(len, HEADER + 80);
	CHECK_EQ(*(uint8_t *)rig_at(b[1].gpa + 7), 1);
	CHECK_EQ(*(uint8_t *)rig_at(end - 1), 0);
	CHECK(is_filled(rig_at(body), 80, 9));
}

/* No buffers: the wire is not looked at.  Buffers: all is as before. */
static void test_flood_then_buffers(void)
{
	unsigned sent = 0, got = 0;

	start(ALL, 64);
	for (fill(big, 200, sent); send(world, big, 200, 0) > 0;
	     fill(big, 200, sent))
		if (++sent == 2000)
			break;
	CHECK(sent > 64);
	for (unsigned i = 0; i < 50; i++)
		rig_turn();
	CHECK_EQ(count_used(rx), 0);
	CHECK(!((struct net *)d->state)->held);
	CHECK(!world_is_read());

	while (got < sent) {
		unsigned before = got;

		add_buffers(64, BUFFER);
		rig_kick(rx);
		rig_turn();
		for (unsigned i = 0; i < 64 && got < sent; i++)
			guest_expects(200, got++);
		CHECK(got > before);
		if (got == before)
			break;
	}
	CHECK(world_is_read());
	world_sends(60, 7);
	add_buffers(1, BUFFER);
	rig_kick(rx);
	rig_turn();
	guest_expects(60, 7);
	CHECK_EQ(rig_warnings(), 0);
}

/* Too few buffers for this frame: it waits in those for the others. */
static void test_held_frame_goes_on(void)
{
	start(ALL, 16);
	add_buffers(2, BUFFER);
	world_sends(9000, 1);
	world_sends(60, 2);
	rig_kick(rx);
	rig_turn();
	CHECK_EQ(count_used(rx), 0);
	CHECK(((struct net *)d->state)->held);
	add_buffers(1, BUFFER);
	rig_kick(rx);
	CHECK_EQ(count_used(rx), 0);
	add_buffers(4, BUFFER);
	rig_kick(rx);
	rig_turn();
	guest_expects(9000, 1);
	guest_expects(60, 2);
	CHECK_EQ(rig_warnings(), 0);
}

/* But not for ever, and the buffers it had are the next frame's. */
static void test_held_frame_is_given_up(void)
{
	struct net *n;

	start(ALL, 16);
	n = d->state;
	add_buffers(2, BUFFER);
	world_sends(9000, 1);
	world_sends(60, 2);
	world_sends(1600, 3);
	rig_kick(rx);
	rig_turn();
	CHECK(n->hold.when);
	n->hold.when = 1;
	rig_turn();
	rig_turn();
	guest_expects(60, 2);
	CHECK_EQ(rig_warnings(), 1);
	CHECK(n->held);
	add_buffers(1, BUFFER);
	rig_kick(rx);
	guest_expects(1600, 3);
	CHECK_EQ(n->hold.when, 0);
}

/* The whole queue is too small: waiting would be in vain. */
static void test_frame_beyond_the_queue(void)
{
	start(ALL, 4);
	add_buffers(4, BUFFER);
	world_sends(9000, 1);
	world_sends(6000, 2);
	rig_kick(rx);
	rig_turn();
	guest_expects(6000, 2);
	CHECK_EQ(rig_warnings(), 1);
}

static void test_useless_buffers(void)
{
	uint16_t head;
	uint32_t len;

	start(ALL, 16);
	add_buffers(2, HEADER - 1);
	rig_add(rx, &(struct rig_buffer){ rig_alloc(99), 99, false }, 1);
	add_buffers(1, BUFFER);
	for (unsigned i = 0; i < 4; i++)
		world_sends(60, i);
	rig_kick(rx);
	rig_turn();
	for (unsigned i = 0; i < 3; i++) {
		CHECK(rig_used(rx, &head, &len));
		CHECK_EQ(len, 0);
	}
	guest_expects(60, 3);
	CHECK(!d->broken);
}

static void test_reset_forgets(void)
{
	start(ALL, 16);
	add_buffers(2, BUFFER);
	world_sends(9000, 1);
	rig_kick(rx);
	rig_turn();
	CHECK(((struct net *)d->state)->held);
	rig_start(d, ALL, 16);
	CHECK(!((struct net *)d->state)->held);
	add_buffers(2, BUFFER);
	world_sends(60, 2);
	rig_kick(rx);
	rig_turn();
	guest_expects(60, 2);
	CHECK_EQ(count_used(rx), 0);
}

/* Runts and giants of the world's. */
static void test_receive_impossible_sizes(void)
{
	static uint8_t giant[FRAME_MAX + 1];

	start(ALL, 256);
	add_buffers(100, BUFFER);
	CHECK_EQ(send(world, giant, 0, 0), 0);
	CHECK_EQ(send(world, giant, 13, 0), 13);
	CHECK_EQ(send(world, giant, sizeof(giant), 0), sizeof(giant));
	world_sends(14, 4);
	rig_kick(rx);
	rig_turn();
	guest_expects(14, 4);
	CHECK_EQ(count_used(rx), 0);
}

/* ------------------------------------------------------------------ */

static void expect_link_down(void)
{
	struct net *n = d->state;

	CHECK_EQ(virtio_config_read(d, 6, 2), 0);
	CHECK_EQ(rig_interrupts(d, NULL), 1);
	CHECK_EQ(rig_warnings(), 1);
	CHECK_EQ(n->watch.fd, -1);
	/* What it sends is lost, and it gets its buffers back. */
	for (unsigned i = 0; i < 3; i++)
		guest_adds(&plain, 60, i);
	rig_kick(tx);
	CHECK_EQ(count_used(tx), 3);
	rig_kick(rx);
	CHECK_EQ(rig_warnings(), 0);
	/* Also after a reset. */
	rig_start(d, ALL, 16);
	CHECK_EQ(virtio_config_read(d, 6, 2), 0);
	guest_adds(&plain, 60, 0);
	rig_kick(tx);
	CHECK_EQ(count_used(tx), 1);
}

static void test_far_end_hangs_up(void)
{
	plug_in(SOCK_SEQPACKET, "");
	rig_start(d, ALL, 16);
	add_buffers(4, BUFFER);
	rig_kick(rx);
	world_sends(60, 1);
	close(world);
	rig_turn();
	guest_expects(60, 1);
	rig_turn();
	expect_link_down();
}

/* No SIGPIPE: that would be the end of us all. */
static void test_hangs_up_on_the_sender(void)
{
	signal(SIGPIPE, SIG_DFL);
	plug_in(SOCK_SEQPACKET, "");
	rig_start(d, ALL, 16);
	close(world);
	guest_adds(&plain, 60, 1);
	rig_kick(tx);
	CHECK_EQ(count_used(tx), 1);
	expect_link_down();
}

static void test_far_end_is_closed(void)
{
	start(ALL, 16);
	add_buffers(4, BUFFER);
	close(world);
	guest_adds(&plain, 60, 1);
	guest_adds(&plain, 60, 2);
	rig_kick(tx);
	CHECK_EQ(count_used(tx), 2);
	expect_link_down();
}

/* 10^5 frames each way, with EVENT_IDX and one buffer: no kick is lost. */
static void test_ping_pong(void)
{
	struct rig_buffer in = { 0, BUFFER, true };
	struct rig_buffer out = { 0, HEADER + 60, false };

	start(ALL | EVENT_IDX, 4);
	in.gpa = rig_alloc(BUFFER);
	out.gpa = rig_alloc(HEADER + 60);
	for (unsigned i = 0; i < 100000; i++) {
		rig_add(rx, &in, 1);
		if (!(i % 3))
			rig_kick(rx);
		rig_add(tx, &out, 1);
		virtio_notify(d, TX);
		if (world_gets() != 60 || send(world, big, 60, 0) != 60)
			break;
		rig_turn();
		if (count_used(tx) != 1 || count_used(rx) != 1) {
			CHECK_EQ(i, 100000);
			return;
		}
	}
	CHECK_EQ(rx->chains, 100000);
	CHECK_EQ(tx->chains, 100000);
}

int main(void)
{
	RUN(test_parse_refuses);
	RUN(test_parse_accepts);
	RUN(test_bad_descriptors);
	RUN(test_offer_of_a_socket);
	RUN(test_send);
	RUN(test_send_in_pieces);
	RUN(test_send_impossible_sizes);
	RUN(test_send_random_headers);
	RUN(test_send_to_a_slow_reader);
	RUN(test_two_guests);
	RUN(test_receive_merged);
	RUN(test_receive_without_merging);
	RUN(test_receive_in_pieces);
	RUN(test_flood_then_buffers);
	RUN(test_held_frame_goes_on);
	RUN(test_held_frame_is_given_up);
	RUN(test_frame_beyond_the_queue);
	RUN(test_useless_buffers);
	RUN(test_reset_forgets);
	RUN(test_receive_impossible_sizes);
	RUN(test_far_end_hangs_up);
	RUN(test_hangs_up_on_the_sender);
	RUN(test_far_end_is_closed);
	RUN(test_ping_pong);
	return rig_done();
}
