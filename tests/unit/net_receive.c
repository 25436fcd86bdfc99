/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network card receives: frames of all sizes in buffers of all kinds, too
 * many of the ones and too few of the others.
 */
#include "card.h"

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

/* Old drivers accept features late: what is in our hands goes back first. */
static void test_late_features(void)
{
	uint16_t head;
	uint32_t len;

	start(ALL, 16);
	add_buffers(4, BUFFER);
	world_sends(60, 1);
	rig_kick(rx);
	rig_turn();
	guest_expects(60, 1);
	CHECK_EQ(((struct net *)d->state)->nheads, 3);
	virtio_accept_late(d, d->acked & ~MRG);
	CHECK_EQ(((struct net *)d->state)->nheads, 0);
	for (unsigned i = 0; i < 3; i++) {
		world_sends(60 + i, i);
		rig_turn();
		CHECK(rig_used(rx, &head, &len));
		CHECK_EQ(len, HEADER + 60 + i);
		CHECK(is_filled((uint8_t *)rig_at(at[head]) + HEADER, 60 + i,
				i));
	}
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
	RUN(test_late_features);
	RUN(test_receive_impossible_sizes);
	RUN(test_ping_pong);
	return rig_done();
}
