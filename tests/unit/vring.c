/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rings as hostile drivers make them.  The device is one that remembers what
 * it was given; "broken" below always means that it was told to stop.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdlib.h>

#include "rig.h"

#define RAM	MIB(2)
#define SIZE	8

static struct chain last;
static unsigned popped;

/* Takes everything, returns it as if it had filled `in`. */
static bool sink_kick(struct device *d, struct virtqueue *q)
{
	(void)d;
	while (vq_pop(q, &last)) {
		popped++;
		vq_push(q, last.head, last.in_len);
	}
	return true;
}

static void sink_open(struct device *d)
{
	(void)d;
}

static const struct device_type sink = {
	.name = "sink", .id = 99, .nqueues = 2,
	.open = sink_open, .kick = sink_kick,
};

static struct device *d;
static struct virtqueue *q;

static void start(uint64_t features)
{
	rig_guest(RAM);
	d = rig_device(&sink, NULL);
	rig_start(d, features, SIZE);
	q = &d->queues[0];
	popped = 0;
}

#define INDIRECT	(UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT_IDX	(UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)

/* The ring in its present state is refused, in one line, and stays so. */
static void expect_broken(void)
{
	rig_kick(q);
	CHECK(d->broken);
	CHECK(d->status & VIRTIO_CONFIG_S_NEEDS_RESET);
	CHECK_EQ(popped, 0);
	CHECK_EQ(rig_warnings(), 1);
	CHECK_EQ(rig_interrupts(d, NULL), 1);
	rig_kick(q);
	CHECK_EQ(popped, 0);
	CHECK_EQ(rig_warnings(), 0);
}

static void expect_fine(unsigned nout, unsigned nin)
{
	rig_kick(q);
	CHECK(!d->broken);
	CHECK_EQ(popped, 1);
	CHECK_EQ(last.nout, nout);
	CHECK_EQ(last.nin, nin);
}

static void plain_chain(void)
{
	gpa_t a;
	uint16_t head, used;
	uint32_t len;

	start(0);
	a = rig_alloc(64);
	head = rig_add(q, (struct rig_buffer[]){ { a, 16, false },
			{ a + 16, 8, true }, { a + 24, 4, true } }, 3);
	expect_fine(1, 2);
	CHECK(last.out[0].iov_base == rig_at(a));
	CHECK_EQ(last.in_len, 12);
	CHECK(rig_used(q, &used, &len));
	CHECK_EQ(used, head);
	CHECK_EQ(len, 12);
	CHECK_EQ(rig_interrupts(d, q), 1);
}

static void one_buffer(gpa_t at, uint32_t len)
{
	start(0);
	rig_add(q, &(struct rig_buffer){ at, len, true }, 1);
}

static void lengths_at_edges(void)
{
	one_buffer(RAM - 1, 1);
	expect_fine(0, 1);
	one_buffer(0, 1);
	expect_fine(0, 1);
	one_buffer(0, RAM);
	expect_fine(0, 1);
	one_buffer(RAM - 1, 0);
	expect_fine(0, 0);
	one_buffer(UINT64_MAX, 0);
	expect_fine(0, 0);
}

static void buffer_past_ram(void) { one_buffer(RAM, 1); expect_broken(); }
static void buffer_over_end(void) { one_buffer(RAM - 1, 2); expect_broken(); }
static void buffer_huge(void) { one_buffer(0, UINT32_MAX); expect_broken(); }
static void buffer_at_4g(void) { one_buffer(GIB(4) - 1, 2); expect_broken(); }
static void buffer_wraps(void) { one_buffer(UINT64_MAX, 2); expect_broken(); }
static void buffer_wraps_to_0(void)
{
	one_buffer(UINT64_MAX - 0xfffe, UINT32_MAX);
	expect_broken();
}

static void chain_loops(void)
{
	start(0);
	rig_desc(q, 0, 4096, 16, VRING_DESC_F_NEXT, 1);
	rig_desc(q, 1, 4096, 16, VRING_DESC_F_NEXT, 0);
	rig_avail(q, 0);
	expect_broken();
}

/* Makes no progress, and must not spin either. */
static void chain_of_nothing_loops(void)
{
	start(0);
	rig_desc(q, 0, 0, 0, VRING_DESC_F_NEXT, 0);
	rig_avail(q, 0);
	expect_broken();
}

static void chain_full_length(void)
{
	start(0);
	for (unsigned i = 0; i < SIZE; i++)
		rig_desc(q, i, 4096, 1, i < SIZE - 1 ? VRING_DESC_F_NEXT : 0,
			 i + 1);
	rig_avail(q, 0);
	expect_fine(SIZE, 0);
}

static void next_out_of_range(void)
{
	start(0);
	rig_desc(q, 0, 4096, 16, VRING_DESC_F_NEXT, SIZE);
	rig_avail(q, 0);
	expect_broken();
}

static void head_out_of_range(void)
{
	start(0);
	rig_avail(q, SIZE);
	expect_broken();
}

static void readable_after_writable(void)
{
	start(0);
	rig_add(q, (struct rig_buffer[]){ { 4096, 4, true },
					  { 4096, 4, false } }, 2);
	expect_broken();
}

static void avail_jumps(unsigned by)
{
	struct vring_avail *avail;

	start(0);
	avail = rig_at(q->avail);
	avail->idx += by;
}

static void avail_jumps_over_size(void)
{
	avail_jumps(SIZE + 1);
	expect_broken();
}

static void avail_jumps_half_way(void)
{
	avail_jumps(32768);
	expect_broken();
}

/* The same head many times: as often as the ring is long, no more. */
static void same_head_many_times(void)
{
	avail_jumps(SIZE);
	rig_desc(q, 0, 4096, 16, 0, 0);
	rig_kick(q);
	CHECK(!d->broken);
	CHECK_EQ(popped, SIZE);
}

static void indirect_len(uint32_t len, uint16_t flags)
{
	start(INDIRECT);
	rig_desc(q, 0, rig_alloc(16 * 1024), len,
		 VRING_DESC_F_INDIRECT | flags, 1);
	rig_avail(q, 0);
}

static void indirect_good(void)
{
	gpa_t a;

	start(INDIRECT);
	a = rig_alloc(64);
	rig_add_indirect(q, (struct rig_buffer[]){ { a, 16, false },
			 { a, 16, true } }, 2);
	expect_fine(1, 1);
}

/* As long as the queue: the one that leads to it is no part of it. */
static void indirect_whole(void)
{
	struct rig_buffer buffers[SIZE];

	start(INDIRECT);
	for (unsigned i = 0; i < SIZE; i++)
		buffers[i] = (struct rig_buffer){ 4096, 1, i == SIZE - 1 };
	rig_add_indirect(q, buffers, SIZE);
	expect_fine(SIZE - 1, 1);
}

/* One buffer before a table as long as the queue is one too many. */
static void indirect_whole_after_plain(void)
{
	struct vring_desc *table;
	gpa_t at;

	start(INDIRECT);
	at = rig_alloc(SIZE * 16);
	table = rig_at(at);
	for (unsigned i = 0; i < SIZE; i++)
		table[i] = (struct vring_desc){ 4096, 1, i < SIZE - 1 ?
				VRING_DESC_F_NEXT : 0, i + 1 };
	rig_desc(q, 0, 4096, 1, VRING_DESC_F_NEXT, 1);
	rig_desc(q, 1, at, SIZE * 16, VRING_DESC_F_INDIRECT, 0);
	rig_avail(q, 0);
	expect_broken();
}

/* A table of one, which leads to itself. */
static void indirect_to_itself(uint16_t flags)
{
	struct vring_desc *table;
	gpa_t at;

	start(INDIRECT);
	at = rig_alloc(16);
	table = rig_at(at);
	*table = (struct vring_desc){ at, 16, flags, 0 };
	rig_desc(q, 0, at, 16, VRING_DESC_F_INDIRECT, 0);
	rig_avail(q, 0);
	expect_broken();
}

static void indirect_loop(void) { indirect_to_itself(VRING_DESC_F_NEXT); }
static void indirect_nested(void)
{
	indirect_to_itself(VRING_DESC_F_INDIRECT);
}

/* Nobody said that such a table is aligned. */
static void indirect_at_odd_address(void)
{
	struct vring_desc desc;
	gpa_t table;

	start(INDIRECT);
	table = rig_alloc(64) + 1;
	desc = (struct vring_desc){ table, 16, VRING_DESC_F_WRITE, 0 };
	memcpy(rig_at(table), &desc, sizeof(desc));
	rig_desc(q, 0, table, 16, VRING_DESC_F_INDIRECT, 0);
	rig_avail(q, 0);
	expect_fine(0, 1);
}

/* Plain descriptors, then a table (2.7.5.3.2). */
static void indirect_after_plain(void)
{
	struct vring_desc *table;
	gpa_t at;

	start(INDIRECT);
	at = rig_alloc(16);
	table = rig_at(at);
	*table = (struct vring_desc){ 4096, 8, VRING_DESC_F_WRITE, 0 };
	rig_desc(q, 0, 4096, 16, VRING_DESC_F_NEXT, 1);
	rig_desc(q, 1, at, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE, 0);
	rig_avail(q, 0);
	expect_fine(1, 1);
}

static void indirect_empty(void) { indirect_len(0, 0); expect_broken(); }
static void indirect_odd(void) { indirect_len(24, 0); expect_broken(); }
static void indirect_257(void) { indirect_len(257 * 16, 0); expect_broken(); }
static void indirect_4g(void) { indirect_len(0xfffffff0, 0); expect_broken(); }
static void indirect_next(void)
{
	indirect_len(16, VRING_DESC_F_NEXT);
	expect_broken();
}

static void indirect_not_negotiated(void)
{
	start(0);
	rig_desc(q, 0, rig_alloc(16), 16, VRING_DESC_F_INDIRECT, 0);
	rig_avail(q, 0);
	expect_broken();
}

static void indirect_outside(gpa_t at)
{
	start(INDIRECT);
	rig_desc(q, 0, at, 32, VRING_DESC_F_INDIRECT, 0);
	rig_avail(q, 0);
	expect_broken();
}

static void indirect_past_ram(void) { indirect_outside(RAM); }
static void indirect_over_end(void) { indirect_outside(RAM - 16); }

/* Starting with rings that are none: the device stops before it began. */
static void start_with(unsigned size, gpa_t desc, gpa_t avail, gpa_t used)
{
	start(0);
	virtio_set_status(d, 0);
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER);
	virtio_accept(d, UINT64_C(1) << VIRTIO_F_VERSION_1);
	virtio_set_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	q->size = size;
	q->desc = desc;
	q->avail = avail;
	q->used = used;
	q->enabled = true;
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
}

static void bad_sizes_and_places(void)
{
	static const struct {
		unsigned size;
		gpa_t desc, avail, used;
	} bad[] = {
		{ 0, 4096, 8192, 12288 },
		{ 3, 4096, 8192, 12288 },
		{ 512, 4096, 16384, 20480 },
		{ 32769, 4096, 8192, 12288 },
		{ SIZE, 4104, 8192, 12288 },
		{ SIZE, 4096, 8193, 12288 },
		{ SIZE, 4096, 8192, 12290 },
		{ SIZE, RAM, 8192, 12288 },
		{ SIZE, 4096, RAM - 2, 12288 },
		{ SIZE, 4096, 8192, RAM - 4 },
		{ SIZE, UINT64_MAX & ~UINT64_C(15), 8192, 12288 },
		{ SIZE, 4096, 4096, 12288 },
		{ SIZE, 4096, 8192, 8192 },
		{ SIZE, 4096, 8192, 4096 + 16 * SIZE - 4 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		start_with(bad[i].size, bad[i].desc, bad[i].avail, bad[i].used);
		CHECK(d->broken);
		CHECK(!q->live);
	}
	start_with(SIZE, 4096, 8192, 12288);
	CHECK(!d->broken);
}

static void reset_revives(void)
{
	chain_loops();
	rig_start(d, 0, SIZE);
	CHECK(!d->broken);
	popped = 0;
	rig_add(q, &(struct rig_buffer){ 4096, 4, true }, 1);
	expect_fine(0, 1);
}

static void notify_anything(void)
{
	start(0);
	rig_avail(q, 0);
	virtio_notify(d, 2);
	virtio_notify(d, 0xffff);
	virtio_notify(d, 0x80000000);
	CHECK_EQ(popped, 0);
	virtio_set_status(d, 0);
	virtio_notify(d, 0);
	CHECK_EQ(popped, 0);
	CHECK_EQ(rig_warnings(), 0);
}

static void no_interrupt_flag(void)
{
	struct vring_avail *avail;

	start(0);
	avail = rig_at(q->avail);
	avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	rig_add(q, &(struct rig_buffer){ 4096, 4, true }, 1);
	rig_kick(q);
	CHECK_EQ(rig_interrupts(d, q), 0);
	avail->flags = 0;
	rig_add(q, &(struct rig_buffer){ 4096, 4, true }, 1);
	rig_kick(q);
	CHECK_EQ(rig_interrupts(d, q), 1);
}

/* used_event says after which entry to interrupt (2.7.7.2). */
static void event_index(void)
{
	struct vring_avail *avail;

	start(EVENT_IDX);
	avail = rig_at(q->avail);
	avail->ring[SIZE] = 1;
	rig_add(q, &(struct rig_buffer){ 4096, 4, true }, 1);
	rig_kick(q);
	CHECK_EQ(rig_interrupts(d, q), 0);
	rig_add(q, &(struct rig_buffer){ 4096, 4, true }, 1);
	rig_kick(q);
	CHECK_EQ(rig_interrupts(d, q), 1);
	avail->ring[SIZE] = 5;
	for (unsigned i = 0; i < 4; i++)
		rig_add(q, &(struct rig_buffer){ 4096, 4, true }, 1);
	rig_kick(q);
	CHECK_EQ(rig_interrupts(d, q), 1);
	CHECK_EQ(popped, 6);
}

static void unpop_gives_back(void)
{
	struct chain c;

	start(0);
	rig_add(q, &(struct rig_buffer){ 4096, 4, true }, 1);
	rig_add(q, &(struct rig_buffer){ 4096, 5, true }, 1);
	CHECK(vq_pop(q, &c) && vq_pop(q, &c));
	vq_unpop(q, 2);
	CHECK(vq_pop(q, &c));
	CHECK_EQ(c.in_len, 4);
}

static void iov_pieces(void)
{
	char a[3] = "abc", b[1] = "d", c[4] = "efgh", buf[16] = "";
	struct iovec iov[] = { { a, 3 }, { b, 1 }, { c, 4 } }, part[3];

	CHECK_EQ(iov_read(iov, 3, 2, buf, 4), 4);
	CHECK(!memcmp(buf, "cdef", 4));
	CHECK_EQ(iov_read(iov, 3, 7, buf, 4), 1);
	CHECK_EQ(iov_read(iov, 3, 8, buf, 4), 0);
	CHECK_EQ(iov_write(iov, 3, 2, "XYZ", 3), 3);
	CHECK(!memcmp(a, "abX", 3) && b[0] == 'Y' && c[0] == 'Z');
	CHECK_EQ(iov_slice(part, iov, 3, 1, 4), 3);
	CHECK(part[0].iov_base == a + 1 && part[0].iov_len == 2);
	CHECK_EQ(part[2].iov_len, 1);
	CHECK_EQ(iov_slice(part, iov, 3, 8, 4), 0);
}

/* ------------------------------------------------------------------ */
/*
 * The driver in a thread of its own: it adds one request at a time, kicks
 * only if the device asks for it, and waits.  One lost kick and it waits for
 * ever.  The device side runs on bare vq_ calls, as virtio_serve() does.
 */
#define PING_PONGS	1000000

static volatile bool kicked, over;

static void *driver(void *arg)
{
	struct vring_avail *avail = rig_at(q->avail);
	struct vring_used *used = rig_at(q->used);
	uint16_t *event = (uint16_t *)&used->ring[SIZE];

	for (unsigned i = 0; i < PING_PONGS; i++) {
		uint16_t old = avail->idx, new = old + 1;

		avail->ring[old % SIZE] = 0;
		__atomic_store_n(&avail->idx, new, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (arg ? vring_need_event(__atomic_load_n(event,
				__ATOMIC_ACQUIRE), new, old) :
		    !(__atomic_load_n(&used->flags, __ATOMIC_ACQUIRE) &
		      VRING_USED_F_NO_NOTIFY))
			__atomic_store_n(&kicked, true, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) != new)
			sched_yield();
	}
	over = true;
	return NULL;
}

static void ping_pong(uint64_t features)
{
	pthread_t thread;
	unsigned kicks = 0;

	start(features);
	rig_desc(q, 0, 4096, 4, VRING_DESC_F_WRITE, 0);
	pthread_create(&thread, NULL, driver, features ? "" : NULL);
	while (!over) {
		if (!__atomic_exchange_n(&kicked, false, __ATOMIC_SEQ_CST)) {
			sched_yield();
			continue;
		}
		kicks++;
		virtio_notify(d, 0);
		rig_turn();
	}
	pthread_join(thread, NULL);
	CHECK_EQ(popped, PING_PONGS);
	CHECK(kicks <= PING_PONGS);
}

static void ping_pong_flags(void) { ping_pong(0); }
static void ping_pong_event_idx(void) { ping_pong(EVENT_IDX); }

int main(void)
{
	RUN(plain_chain);
	RUN(lengths_at_edges);
	RUN(buffer_past_ram);
	RUN(buffer_over_end);
	RUN(buffer_huge);
	RUN(buffer_at_4g);
	RUN(buffer_wraps);
	RUN(buffer_wraps_to_0);
	RUN(chain_loops);
	RUN(chain_of_nothing_loops);
	RUN(chain_full_length);
	RUN(next_out_of_range);
	RUN(head_out_of_range);
	RUN(readable_after_writable);
	RUN(avail_jumps_over_size);
	RUN(avail_jumps_half_way);
	RUN(same_head_many_times);
	RUN(indirect_good);
	RUN(indirect_whole);
	RUN(indirect_whole_after_plain);
	RUN(indirect_loop);
	RUN(indirect_at_odd_address);
	RUN(indirect_after_plain);
	RUN(indirect_empty);
	RUN(indirect_odd);
	RUN(indirect_257);
	RUN(indirect_4g);
	RUN(indirect_next);
	RUN(indirect_not_negotiated);
	RUN(indirect_nested);
	RUN(indirect_past_ram);
	RUN(indirect_over_end);
	RUN(bad_sizes_and_places);
	RUN(reset_revives);
	RUN(notify_anything);
	RUN(no_interrupt_flag);
	RUN(event_index);
	RUN(unpop_gives_back);
	RUN(iov_pieces);
	RUN(ping_pong_flags);
	RUN(ping_pong_event_idx);
	return rig_done();
}
