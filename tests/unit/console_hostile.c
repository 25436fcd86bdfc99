/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtio console with drivers that do what none should. */
#include "consoledriver.h"

/* One chain of one buffer in a queue; does the device live on? */
static bool survives(unsigned queue, gpa_t addr, uint32_t len, uint16_t flags)
{
	struct virtqueue *q = &d->queues[queue];

	rig_start(d, SIZE, 4);
	rig_desc(q, 0, addr, len, flags, 0);
	rig_avail(q, 0);
	rig_kick(q);
	turns(2);
	return !d->broken;
}

static void buffers_at_the_edge_of_ram(void)
{
	const gpa_t end_of_ram = MIB(4);
	static const struct {
		gpa_t addr;
		uint32_t len;
		bool fine;
	} t[] = {
		{ 0, 0, true },
		{ 0, 1, true },
		{ 0, 0xffffffff, false },
		{ MIB(4) - 1, 1, true },
		{ MIB(4) - 1, 2, false },
		{ MIB(4), 1, false },
		{ MIB(4), 0, true },
		{ 0xffffffff, 1, false },
		{ 0xffffffff, 0xffffffff, false },
		{ UINT64_MAX, 1, false },
		{ UINT64_MAX, 0xffffffff, false },
	};

	make();
	CHECK_EQ(d->g->mem.size, end_of_ram);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		CHECK_EQ(survives(1, t[i].addr, t[i].len, 0), t[i].fine);
		CHECK_EQ(survives(0, t[i].addr, t[i].len, VRING_DESC_F_WRITE),
			 t[i].fine);
	}
	end();
}

static void broken_chains(void)
{
	make();
	CHECK(!survives(1, 0, 1, VRING_DESC_F_NEXT));	/* to itself */
	CHECK(!survives(0, 0, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE));
	/* Said once a run, however often. */
	CHECK_EQ(rig_warnings(), 1);
	/* The wrong direction is nothing to print, or no room to read. */
	CHECK(survives(1, 0, 100, VRING_DESC_F_WRITE));
	CHECK_EQ(used(tx), 1);
	CHECK(survives(0, 0, 100, 0));
	CHECK_EQ(used(rx), 1);
	CHECK(user_sees(""));
	end();
}

/* No room in any of them: all come back, nothing spins or is lost. */
static void receive_buffers_without_room(void)
{
	uint32_t bytes;
	gpa_t at;

	begin(8);
	type("key");
	for (unsigned i = 0; i < 7; i++)
		add_rx(0, 0);
	at = rig_alloc(8);
	add_rx(at, 8);
	rig_kick(rx);
	turns(3);
	CHECK_EQ(all_used(rx, &bytes), 8);
	CHECK_EQ(bytes, 3);
	CHECK(!memcmp(rig_at(at), "key", 3));
	end();
}

static void buffers_of_one_byte(void)
{
	static char keys[65];
	gpa_t at;

	begin(64);
	at = rig_alloc(64);
	memset(keys, 'z', 64);
	for (unsigned i = 0; i < 64; i++)
		add_rx(at + i, 1);
	rig_kick(rx);
	type(keys);
	turns(70);
	CHECK_EQ(used(rx), 64);
	CHECK(!memcmp(rig_at(at), keys, 64));
	end();
}

/* A chain of many times all of RAM: bounded work a turn, others go on. */
static void endless_chain(void)
{
	struct rig_buffer b[63];
	char buf[KIB(64)];

	begin(64);
	for (unsigned i = 0; i < ARRAY_SIZE(b); i++)
		b[i] = (struct rig_buffer){ 0, MIB(4), false };
	rig_add_indirect(tx, b, ARRAY_SIZE(b));
	rig_kick(tx);
	add_rx(rig_alloc(8), 8);
	rig_kick(rx);
	for (unsigned i = 0; i < 50; i++)
		CHECK(read_user(buf, sizeof(buf)) <= sizeof(buf));
	CHECK_EQ(used(tx), 0);
	type("k");
	CHECK_EQ(used(rx), 1);
	/* The same with nobody to slow it down. */
	close(user);
	for (unsigned i = 0; i < 10; i++)
		rig_turn();
	CHECK_EQ(used(tx), 0);
	virtio_set_status(d, 0);
	end();
}

static void a_queueful_a_turn(void)
{
	struct rig_buffer b = { 0, 1, false };

	begin(8);
	b.gpa = text_at("y");
	for (unsigned i = 0; i < 8; i++)
		rig_add(tx, &b, 1);
	rig_kick(tx);
	turns(3);
	CHECK(user_sees("yyyyyyyy"));
	CHECK_EQ(used(tx), 8);
	CHECK(!tx->quiet);
	end();
}

int main(void)
{
	RUN(buffers_at_the_edge_of_ram);
	RUN(broken_chains);
	RUN(receive_buffers_without_room);
	RUN(buffers_of_one_byte);
	RUN(endless_chain);
	RUN(a_queueful_a_turn);
	return rig_done();
}
