/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The random number source: never a wait, never an answer without a byte,
 * never more work than is good for the others.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rig.h"

#define ALL	(~UINT64_C(0))
#define SOURCES	20

extern const struct device_type device_rng;

/* A Host without randomness, or without the system call: an errno. */
static int pool_error;
static unsigned calls, urandoms;
static size_t most;		/* bytes asked for at once */
static size_t at_most;		/* bytes given at once; 0: no limit */

ssize_t getrandom(void *buf, size_t len, unsigned flags)
{
	calls++;
	CHECK(flags & 1);	/* GRND_NONBLOCK */
	if (len > most)
		most = len;
	if (pool_error) {
		errno = pool_error;
		return -1;
	}
	if (at_most && len > at_most)
		len = at_most;
	return syscall(SYS_getrandom, buf, len, flags);
}

ssize_t read(int fd, void *buf, size_t len)
{
	urandoms++;
	return syscall(SYS_read, fd, buf, len);
}

static struct device *d;
static struct virtqueue *q;
static gpa_t data;

static void start(void)
{
	rig_guest(MIB(4));
	d = rig_device(&device_rng, NULL);
	q = &d->queues[0];
	rig_start(d, ALL, 256);
	data = rig_alloc(KIB(64));
	calls = 0;
}

/* Adds a request for len bytes; how many came, or 0 for no answer yet. */
static uint32_t ask(uint32_t len)
{
	struct rig_buffer b = { data, len, true };
	uint32_t used = 0;
	uint16_t head;

	memset(rig_at(data), 0, KIB(64));
	rig_add(q, &b, 1);
	rig_kick(q);
	return rig_used(q, &head, &used) ? used : 0;
}

static unsigned nonzero(uint64_t from, uint64_t to)
{
	const uint8_t *bytes = rig_at(data);
	unsigned n = 0;

	while (from < to)
		n += bytes[from++] != 0;
	return n;
}

static void gives_bytes(void)
{
	start();
	rig_start(d, ALL & ~(UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX), 256);
	CHECK_EQ(ask(64), 64);
	CHECK(nonzero(0, 64) > 32);
	CHECK_EQ(nonzero(64, KIB(64)), 0);
	CHECK_EQ(ask(1), 1);
	CHECK_EQ(nonzero(1, KIB(64)), 0);
	CHECK_EQ(rig_interrupts(d, q), 2);
	CHECK_EQ(d->features & 0xffffff, 0);
}

static void requests_are_bounded(void)
{
	struct rig_buffer b[128];
	uint32_t used;
	uint16_t head;

	start();
	CHECK_EQ(ask(KIB(64)), KIB(4));
	CHECK_EQ(nonzero(KIB(4), KIB(64)), 0);
	/* 128 buffers, all RAM there is, one over the other. */
	for (unsigned i = 0; i < 128; i++)
		b[i] = (struct rig_buffer){ 0, MIB(4), true };
	b[0] = (struct rig_buffer){ data, KIB(4), true };
	rig_add_indirect(q, b, 128);
	calls = 0;
	rig_kick(q);
	CHECK(rig_used(q, &head, &used));
	CHECK_EQ(used, KIB(4));
	CHECK_EQ(calls, 1);
	CHECK(most <= KIB(4));
}

static void buffers_of_all_sizes(void)
{
	uint32_t used;
	uint16_t head;

	start();
	{
		struct rig_buffer b[] = {
			{ data, 3, true }, { data + 3, 0, true },
			{ data + 3, 5, true }, { data + 100, 1, true }
		};

		rig_add(q, b, 4);
	}
	rig_kick(q);
	CHECK(rig_used(q, &head, &used));
	CHECK_EQ(used, 9);
}

/* The length counts from the front: a short answer ends the request. */
static void short_answers_leave_no_gap(void)
{
	struct rig_buffer b[2];
	uint32_t used;
	uint16_t head;

	start();
	at_most = 10;
	b[0] = (struct rig_buffer){ data, 16, true };
	b[1] = (struct rig_buffer){ data + 16, 16, true };
	rig_add(q, b, 2);
	rig_kick(q);
	CHECK(rig_used(q, &head, &used));
	CHECK_EQ(used, 10);
	CHECK_EQ(nonzero(10, 32), 0);
}

static void pool_not_ready(void)
{
	struct timespec pause = { 0, 20000000 };
	uint32_t used = 0;
	uint16_t head;

	start();
	pool_error = EAGAIN;
	CHECK_EQ(ask(64), 0);
	for (unsigned i = 0; i < 5; i++)
		rig_turn();
	CHECK(!rig_used(q, &head, NULL));
	CHECK_EQ(calls, 1);	/* it waits for its timer, it does not spin */
	CHECK_EQ(rig_warnings(), 0);
	pool_error = 0;
	for (unsigned i = 0; i < 500 && !rig_used(q, &head, &used); i++) {
		nanosleep(&pause, NULL);
		rig_turn();
	}
	CHECK_EQ(used, 64);
	CHECK_EQ(rig_interrupts(d, q), 1);
	CHECK_EQ(ask(32), 32);
}

static void reset_while_waiting(void)
{
	struct timespec pause = { 0, 150000000 };
	uint16_t head;

	start();
	pool_error = EAGAIN;
	CHECK_EQ(ask(64), 0);
	virtio_reset(d);
	pool_error = 0;
	nanosleep(&pause, NULL);
	rig_turn();
	CHECK_EQ(calls, 1);
	rig_start(d, ALL, 256);
	CHECK(!rig_used(q, &head, NULL));
	CHECK_EQ(ask(8), 8);
}

/* Each waits for itself, all are answered. */
static void many_sources_wait(void)
{
	struct timespec pause = { 0, 20000000 };
	uint16_t head;
	unsigned n = 0;

	rig_guest(MIB(4));
	for (unsigned i = 0; i < SOURCES; i++) {
		d = rig_device(&device_rng, NULL);
		rig_start(d, ALL, 4);
	}
	data = rig_alloc(KIB(64));
	pool_error = EAGAIN;
	for (unsigned i = 0; i < SOURCES; i++) {
		q = &d->g->devices[i].queues[0];
		CHECK_EQ(ask(16), 0);
	}
	pool_error = 0;
	for (unsigned t = 0; t < 500 && n < SOURCES; t++) {
		nanosleep(&pause, NULL);
		rig_turn();
		for (unsigned i = 0; i < SOURCES; i++)
			n += rig_used(&d->g->devices[i].queues[0], &head,
				      NULL);
	}
	CHECK_EQ(n, SOURCES);
}

static void no_system_call(void)
{
	pool_error = ENOSYS;
	start();
	urandoms = 0;
	CHECK_EQ(ask(64), 64);
	CHECK(nonzero(0, 64) > 32);
	CHECK_EQ(urandoms, 1);
	CHECK_EQ(calls, 0);
}

/* No room for the byte that we must give (VIRTIO 5.4.6.2). */
static void requests_without_room(void)
{
	struct rig_buffer b[2];
	uint16_t head;

	start();
	b[0] = (struct rig_buffer){ data, 16, false };
	b[1] = (struct rig_buffer){ data, 0, true };
	for (unsigned i = 0; i < 2; i++) {
		rig_add(q, b + i, 1);
		rig_kick(q);
		CHECK(d->broken);
		CHECK(d->status & VIRTIO_CONFIG_S_NEEDS_RESET);
		CHECK(!rig_used(q, &head, NULL));
		rig_start(d, ALL, 256);
	}
	CHECK_EQ(rig_warnings(), 1);
	CHECK_EQ(ask(8), 8);
}

static void readable_buffers_stay(void)
{
	struct rig_buffer b[2];
	uint32_t used;
	uint16_t head;

	start();
	memset(rig_at(data), 0x55, 16);
	b[0] = (struct rig_buffer){ data, 16, false };
	b[1] = (struct rig_buffer){ data + 16, 16, true };
	rig_add(q, b, 2);
	rig_kick(q);
	CHECK(rig_used(q, &head, &used));
	CHECK_EQ(used, 16);
	for (unsigned i = 0; i < 16; i++)
		CHECK_EQ(((uint8_t *)rig_at(data))[i], 0x55);
}

static void whole_queues(void)
{
	struct rig_buffer b = { 0, 16, true };
	uint16_t head;
	unsigned n = 0;

	start();
	b.gpa = data;
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 256; i++)
			rig_add(q, &b, 1);
		rig_kick(q);
		while (rig_used(q, &head, NULL))
			n++;
	}
	CHECK_EQ(n, 1024);
}

/* Linux 5.10 asks, and kicks, before it says that it is ready. */
static void asked_too_early(void)
{
	struct rig_buffer b;
	struct virtqueue was;
	uint32_t used = 0;
	uint16_t head;

	start();
	was = *q;
	b = (struct rig_buffer){ data, 64, true };
	rig_add(q, &b, 1);
	virtio_set_status(d, 0);
	virtio_accept(d, d->features);
	virtio_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE |
			  VIRTIO_CONFIG_S_DRIVER |
			  VIRTIO_CONFIG_S_FEATURES_OK);
	q->desc = was.desc;
	q->avail = was.avail;
	q->used = was.used;
	q->enabled = true;
	rig_kick(q);
	CHECK(!rig_used(q, &head, NULL));
	virtio_set_status(d, d->status | VIRTIO_CONFIG_S_DRIVER_OK);
	CHECK(rig_used(q, &head, &used));
	CHECK_EQ(used, 64);
	CHECK_EQ(rig_interrupts(d, q), 1);
}

static void no_configuration(void)
{
	start();
	for (unsigned off = 0; off < 300; off++)
		for (unsigned len = 1; len <= 4; len *= 2) {
			virtio_config_write(d, off, len, 0xffffffff);
			CHECK_EQ(virtio_config_read(d, off, len), 0);
		}
}

int main(void)
{
	RUN(gives_bytes);
	RUN(requests_are_bounded);
	RUN(buffers_of_all_sizes);
	RUN(short_answers_leave_no_gap);
	RUN(pool_not_ready);
	RUN(reset_while_waiting);
	RUN(many_sources_wait);
	RUN(no_system_call);
	RUN(requests_without_room);
	RUN(readable_buffers_stay);
	RUN(whole_queues);
	RUN(asked_too_early);
	RUN(no_configuration);
	return rig_done();
}
