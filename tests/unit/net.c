/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network card: its option, what it offers, what the driver sends, and
 * what becomes of it when the far end hangs up.  (net_receive.c has the other
 * direction, net_tap.c the card on a tap.)
 */
#include "card.h"

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

/* With no buffers to receive in, only sending can tell. */
/* Found out by the receiver, while the sender waits for room. */
static void test_is_gone_while_the_sender_waits(void)
{
	unsigned added = 0;

	plug_in(SOCK_SEQPACKET, "");
	rig_start(d, ALL, 256);
	while (!((struct net *)d->state)->tx_waits && added < 5000) {
		guest_adds(&plain, 1000, added++);
		rig_kick(tx);
		count_used(tx);
	}
	close(world);
	add_buffers(1, 2000);
	virtio_notify(d, rx->index);
	rig_turn();
	CHECK_EQ(count_used(tx), 1);
	CHECK_EQ(tx->used_idx, added);
	expect_link_down();
}

static void test_hangs_up_on_the_sender(void)
{
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
	RUN(test_far_end_hangs_up);
	RUN(test_hangs_up_on_the_sender);
	RUN(test_is_gone_while_the_sender_waits);
	RUN(test_far_end_is_closed);
	return rig_done();
}
