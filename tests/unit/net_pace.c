/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network card goes by what frames were like lately: how large, how many
 * at once, how soon what was sent is answered.  Whatever comes instead has to
 * arrive all the same.
 */
#include "card.h"

static struct net *n;

static void begin(void)
{
	start(ALL, 256);
	n = d->state;
}

/* One frame a turn, with a turn in between that has none. */
static void receive_single(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		add_buffers(1, BUFFER);
		rig_kick(rx);
		world_sends(60, i);
		rig_turn();
		guest_expects(60, i);
		rig_turn();
	}
}

/* What does not fit into the chains that were offered follows in others. */
static void test_small_then_large(void)
{
	begin();
	add_buffers(100, BUFFER);
	receive_single(300);
	CHECK(n->most <= 3);
	world_sends(65535, 1);
	world_sends(60, 2);
	rig_turn();
	guest_expects(65535, 1);
	rig_turn();
	guest_expects(60, 2);
	CHECK(n->most > 40);
	CHECK_EQ(rig_warnings(), 0);
}

/* Nothing kicks us for what was left: poll(2) goes on finding it. */
static void test_single_then_many(void)
{
	unsigned turns = 0, got = 0, now;

	begin();
	receive_single(20);
	CHECK_EQ(n->burst, 1);
	add_buffers(200, BUFFER);
	for (unsigned i = 0; i < 200; i++)
		CHECK_EQ(send(world, big, 60, 0), 60);
	while (got < 200 && turns < 12) {
		rig_turn();
		now = count_used(rx);
		CHECK(now >= 1 && now <= BATCH);
		got += now;
		turns++;
	}
	CHECK_EQ(got, 200);
	CHECK(world_is_read());
	/* And back again. */
	receive_single(20);
	CHECK_EQ(n->burst, 1);
}

/* The driver sends; whether the answer is there by the time we have done so. */
static void send_one(bool answer_is_there)
{
	if (answer_is_there)
		world_sends(60, 5);
	guest_adds(&plain, 60, 1);
	virtio_notify(d, TX);
	CHECK_EQ(count_used(tx), 1);
	CHECK_EQ(world_gets(), 60);
}

static void test_answered_at_once(void)
{
	begin();
	add_buffers(100, BUFFER);
	receive_single(20);
	for (unsigned i = 0; i < ANSWERS_SURE; i++) {
		send_one(true);
		CHECK_EQ(count_used(rx), 0);
		rig_turn();
		CHECK_EQ(count_used(rx), 1);
		rig_turn();
	}
	/* Now it is worth a look, until that was in vain. */
	send_one(true);
	CHECK_EQ(count_used(rx), 1);
	while (n->answers == ANSWERS_SURE)
		send_one(false);
	CHECK_EQ(count_used(rx), 0);
	send_one(true);
	CHECK_EQ(count_used(rx), 0);
	rig_turn();
	CHECK_EQ(count_used(rx), 1);
}

static char hushes[16];		/* what was asked for, and when */
static unsigned nhushes;

static void note_hush(int fd, bool on)
{
	CHECK_EQ(fd, n->wire.fd);
	CHECK_EQ(count_used(rx), !on);
	hushes[nhushes++] = on ? 'h' : '.';
}

/* Who is sure of an answer needs nobody to tell him of it; others do. */
static void test_hushed_while_sure(void)
{
	struct hypervisor telling;

	begin();
	telling = *d->g->hv;
	telling.hush = note_hush;
	d->g->hv = &telling;
	add_buffers(100, BUFFER);
	n->answers = ANSWERS_SURE - 1;
	send_one(false);
	CHECK_EQ(nhushes, 0);
	n->answers = ANSWERS_SURE;
	send_one(true);
	CHECK(!strcmp(hushes, "h."));
}

/* A driver without buffers, or with a broken receive queue, sends as ever. */
static void test_answer_to_a_broken_ring(void)
{
	begin();
	n->answers = ANSWERS_SURE;
	send_one(true);
	CHECK_EQ(n->answers, ANSWERS_SURE);
	rx->last_avail -= 1000;
	guest_adds(&plain, 60, 1);
	virtio_notify(d, TX);
	CHECK(d->broken);
	CHECK_EQ(world_gets(), 60);
	CHECK_EQ(rig_warnings(), 1);
}

int main(void)
{
	RUN(test_small_then_large);
	RUN(test_single_then_many);
	RUN(test_answered_at_once);
	RUN(test_hushed_while_sure);
	RUN(test_answer_to_a_broken_ring);
	return rig_done();
}
