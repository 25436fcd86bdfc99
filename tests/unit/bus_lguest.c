/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lguest bus: what the descriptor page says, and what drivers of all
 * generations do with it.
 */
#include <linux/virtio_blk.h>
#include <linux/virtio_net.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diskfile.h"
#include "legacydriver.h"

static unsigned syncs;

/* What a barrier costs. */
int fdatasync(int fd)
{
	(void)fd;
	syncs++;
	return 0;
}

/* A random device has nothing to tell and one queue: the simplest. */
static struct device *one_rng(uint64_t *desc)
{
	struct device *d;

	make_guest("2.6.35");
	d = attach(&device_rng, NULL);
	*desc = desc_at(0);
	return d;
}

/* Puts a buffer into q; the next kick should use it. */
static void offer(struct virtqueue *q)
{
	struct rig_buffer b = { rig_alloc(16), 16, true };

	rig_add(q, &b, 1);
}

static unsigned used_of(const struct virtqueue *q)
{
	return q->used ? get16(q->used + 2) : 0;
}

static void layout(void)
{
	uint64_t desc, page = RAM + LGUEST_PAGE;
	struct device *d[2];
	const uint8_t *at;

	make_guest("2.6.35");
	d[0] = attach(&device_console, NULL);
	d[1] = attach(&device_rng, NULL);
	/* By hand, from the first byte. */
	at = rig_at(RAM);
	CHECK_EQ(at[0], 3);
	CHECK_EQ(at[1], 2);
	CHECK_EQ(at[2], 4);
	CHECK_EQ(at[3], d[0]->config_size);
	CHECK_EQ(at[4], 0);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(get16(RAM + 5 + 8 * i), 256);
		CHECK_EQ(get16(RAM + 7 + 8 * i), 1 + i);
		CHECK_EQ(get32(RAM + 9 + 8 * i), page / LGUEST_PAGE + 3 * i);
	}
	CHECK_EQ(get32(RAM + 21), (uint32_t)d[0]->features);
	CHECK_EQ(get32(RAM + 25), 0);
	CHECK(!memcmp(at + 29, d[0]->config, d[0]->config_size));
	desc = desc_at(1);
	CHECK_EQ(desc, RAM + 29 + d[0]->config_size);
	CHECK_EQ(*(uint8_t *)rig_at(desc), 4);
	CHECK_EQ(irq_of(desc, 0), 3);
	CHECK_EQ(ring_at(desc, 0), page + 6 * LGUEST_PAGE);
	CHECK_EQ(desc_at(2), END);
	/* Alignment 4096: 16 * 256, 6 + 2 * 256, then the next page. */
	CHECK_EQ(d[1]->queues[0].avail - d[1]->queues[0].desc, 4096);
	CHECK_EQ(d[1]->queues[0].used - d[1]->queues[0].desc, 8192);
}

static void features_of_old(void)
{
	uint32_t offered;

	make_guest("2.6.30");
	attach(&device_block, diskfile_make("features", 4096));
	offered = get32(offered_at(desc_at(0)));
	CHECK(offered & BIT(VIRTIO_BLK_F_BARRIER));
	CHECK(offered & BIT(VIRTIO_RING_F_INDIRECT_DESC));
	/* Nobody would hear of a switched cache. */
	CHECK(!(offered & BIT(VIRTIO_BLK_F_CONFIG_WCE)));
}

static void each_step_told(void)
{
	uint64_t desc;
	struct device *d = one_rng(&desc);

	put_status(desc, ACK);
	notify(desc);
	put_status(desc, ACK | DRIVER);
	notify(desc);
	CHECK(!d->queues[0].live);
	put_accepted(desc, BIT(VIRTIO_RING_F_INDIRECT_DESC));
	put_status(desc, ACK | DRIVER | OK);
	notify(desc);
	CHECK(d->queues[0].live);
	CHECK(d->queues[0].indirect && !d->queues[0].event_idx);
}

/* From 3.1 on features are told, and being ready is not. */
static void features_told(void)
{
	uint64_t desc;
	struct device *d = one_rng(&desc);

	put_status(desc, ACK | DRIVER);
	put_accepted(desc, BIT(VIRTIO_RING_F_EVENT_IDX));
	notify(desc);
	put_status(desc, ACK | DRIVER | OK);
	offer(&d->queues[0]);
	kick(&d->queues[0]);
	CHECK(d->queues[0].event_idx);
	CHECK_EQ(used_of(&d->queues[0]), 1);
	CHECK_EQ(raised[1], 1);
}

static void kicked_before_ready(void)
{
	uint64_t desc;
	struct device *d = one_rng(&desc);

	put_status(desc, ACK | DRIVER);
	offer(&d->queues[0]);
	kick(&d->queues[0]);
	CHECK_EQ(used_of(&d->queues[0]), 1);
	CHECK_EQ(raised[1], 1);
}

/* To 2.6.31 features come after the probe that used the device. */
static void accepted_late(void)
{
	uint32_t features = BIT(VIRTIO_RING_F_INDIRECT_DESC) |
			    BIT(VIRTIO_F_NOTIFY_ON_EMPTY);
	struct rig_buffer b;
	uint64_t desc;
	struct device *d = one_rng(&desc);

	b = (struct rig_buffer){ rig_alloc(16), 16, true };
	put_status(desc, ACK | DRIVER);
	/* It knows what it will accept, and does so already. */
	rig_add_indirect(&d->queues[0], &b, 1);
	kick(&d->queues[0]);
	CHECK_EQ(used_of(&d->queues[0]), 1);
	put_accepted(desc, features);
	put_status(desc, ACK | DRIVER | OK);
	notify(desc);
	CHECK_EQ(d->acked, features & d->features);
	CHECK(!d->broken);
	/* And when that is told by nothing but the next kick. */
	start(desc, 0);
	put_status(desc, 0);
	notify(desc);
	notify(d->queues[0].desc);
	CHECK(d->queues[0].live);
	put_accepted(desc, features & d->features);
	put_status(desc, ACK | DRIVER | OK);
	notify(d->queues[0].desc);
	CHECK_EQ(d->acked, features & d->features);
}

static void repeats(void)
{
	uint64_t desc;
	struct device *d = one_rng(&desc);

	for (unsigned i = 0; i < 3; i++)
		notify(desc);
	CHECK_EQ(d->status, 0);
	start(desc, 0);
	offer(&d->queues[0]);
	kick(&d->queues[0]);
	for (unsigned i = 0; i < 3; i++) {
		notify(desc);
		kick(&d->queues[0]);
	}
	/* It goes on where it was. */
	CHECK_EQ(used_of(&d->queues[0]), 1);
	offer(&d->queues[0]);
	kick(&d->queues[0]);
	CHECK_EQ(used_of(&d->queues[0]), 2);
	CHECK_EQ(raised[1], 2);
}

static void reset_is_anew(void)
{
	uint64_t desc;
	struct device *d = one_rng(&desc);
	uint8_t before[64], *ring;

	memcpy(before, rig_at(desc), sizeof(before));
	start(desc, BIT(VIRTIO_RING_F_INDIRECT_DESC));
	offer(&d->queues[0]);
	kick(&d->queues[0]);
	memset(rig_at(desc + 5), 0xee, 8);
	put_status(desc, 0);
	notify(desc);
	CHECK(!memcmp(before, rig_at(desc), sizeof(before)));
	CHECK(!d->queues[0].live);
	CHECK_EQ(d->acked, 0);
	ring = rig_at(ring_at(desc, 0));
	for (unsigned i = 0; i < 3 * LGUEST_PAGE; i++)
		CHECK_EQ(ring[i], 0);
}

/* 2.6.25 tells resets by NOTIFY alone, whatever the status. */
static void resets_of_2_6_25(void)
{
	uint64_t desc;
	struct device *d;

	make_guest("2.6.25.20");
	d = attach(&device_rng, NULL);
	desc = desc_at(0);
	put_status(desc, ACK | DRIVER | OK);
	offer(&d->queues[0]);
	kick(&d->queues[0]);
	CHECK(d->queues[0].live);
	notify(desc);
	CHECK(!d->queues[0].live);
	CHECK_EQ(*(uint8_t *)rig_at(desc + 4), 0);
}

static void refused_features(void)
{
	uint64_t desc;
	struct device *d = one_rng(&desc);

	rig_warnings();
	start(desc, 1U << 3);
	CHECK(d->broken && !d->queues[0].live);
	CHECK_EQ(rig_warnings(), 1);
	offer(&d->queues[0]);
	kick(&d->queues[0]);
	CHECK_EQ(used_of(&d->queues[0]), 0);
	/* With a reset it may try again. */
	start(desc, 0);
	CHECK(!d->broken && d->queues[0].live);
	CHECK_EQ(rig_warnings(), 0);
}

static void reboot(void)
{
	uint64_t desc;
	struct device *d = one_rng(&desc);
	uint8_t before[64];

	memcpy(before, rig_at(desc), sizeof(before));
	start(desc, BIT(VIRTIO_RING_F_EVENT_IDX));
	virtio_reset(d);
	mem_clear(&g->mem);
	bus_lguest.reset(g);
	CHECK(!memcmp(before, rig_at(desc), sizeof(before)));
	start(desc, 0);
	CHECK(d->queues[0].live);
}

/* ------------------------------------------------------------------ */

static void notify_of_nonsense(void)
{
	uint64_t desc;
	struct device *d = one_rng(&desc);

	start(desc, 0);
	for (uint64_t at = RAM - 64; at < END + 64; at++)
		if (at != desc && at != ring_at(desc, 0))
			notify(at);
	notify(0);
	notify(UINT32_MAX);
	notify(UINT64_MAX);
	CHECK(d->queues[0].live);
	CHECK_EQ(d->queues[0].kicks, 0);
}

static void scribbled_page(void)
{
	static const unsigned bits[] = { 0, ACK, DRIVER, OK, 0x80, 0xff };
	uint8_t *page;
	uint64_t desc[3];

	make_guest("2.6.35");
	attach(&device_console, NULL);
	attach(&device_rng, NULL);
	attach(&device_block, diskfile_make("scribbled", 8192));
	for (unsigned i = 0; i < 3; i++)
		desc[i] = desc_at(i);
	page = rig_at(RAM);
	srand(1);
	for (unsigned turn = 0; turn < 2000; turn++) {
		for (unsigned i = 0; i < 256; i++)
			page[i] = rand();
		page[desc[turn % 3] - RAM + 4] = bits[turn % 6];
		for (unsigned i = 0; i < 3; i++) {
			notify(desc[i]);
			for (unsigned q = 0; q < 7; q++)
				notify(RAM + LGUEST_PAGE * (1 + 3 * q));
		}
		rig_turn();
	}
	/* Told once of each, however often. */
	CHECK(rig_warnings() <= 6);
	for (unsigned i = 0; i < 3; i++) {
		put_status(desc[i], 0);
		notify(desc[i]);
		start(desc[i], 0);
		CHECK(g->devices[i].queues[0].live);
	}
}

static void scribbled_rings(void)
{
	uint64_t desc, ring;
	struct device *d;

	make_guest("2.6.35");
	d = attach(&device_block, diskfile_make("rings", 8192));
	desc = desc_at(0);
	ring = ring_at(desc, 0);
	srand(2);
	for (unsigned turn = 0; turn < 300; turn++) {
		uint8_t *bytes = rig_at(ring);

		start(desc, turn & 1 ? BIT(VIRTIO_RING_F_EVENT_IDX) : 0);
		for (unsigned i = 0; i < 3 * LGUEST_PAGE; i++)
			bytes[i] = rand();
		/* Sometimes an index that is not refused at once. */
		if (turn & 2)
			*(uint16_t *)rig_at(d->queues[0].avail + 2) = 1;
		kick(&d->queues[0]);
		/* Nothing but the rings was written. */
		CHECK_EQ(get32(desc + 5 + 4), ring / LGUEST_PAGE);
	}
	CHECK_EQ(rig_warnings() <= 4, true);
	start(desc, 0);
	CHECK(d->queues[0].live);
}

/* ------------------------------------------------------------------ */

/* What dies, and its words. */
static bool dies_saying(void (*fn)(void), const char *words)
{
	char said[512] = "";
	int ends[2], status;
	pid_t pid;

	CHECK(!pipe(ends));
	pid = fork();
	if (!pid) {
		dup2(ends[1], 2);
		fn();
		_exit(0);
	}
	close(ends[1]);
	CHECK(read(ends[0], said, sizeof(said) - 1) >= 0);
	waitpid(pid, &status, 0);
	fprintf(stderr, "%s", said);
	return WIFEXITED(status) && WEXITSTATUS(status) == STATUS_USAGE &&
	       strstr(said, words);
}

static void many_interrupts(void)
{
	make_guest("3.11");
	attach(&device_console, NULL);
	for (unsigned i = 0; i < 30; i++)
		attach(&device_rng, NULL);
}

static void many_descriptors(void)
{
	static struct device_type type;

	type = device_rng;
	type.config_size = CONFIG_MAX;
	make_guest("3.11");
	for (unsigned i = 0; i < DEVICES_MAX; i++) {
		struct device *d = rig_device(&type, NULL);

		/* A descriptor has a byte for this. */
		d->config_size = 255;
		if (!bus_lguest.attach(d))
			_exit(STATUS_FAILED);
	}
}

static void limits(void)
{
	CHECK(dies_saying(many_interrupts, "rng29 is one device too many: the bus lguest has 31 interrupts"));
	CHECK(dies_saying(many_descriptors, "one page of descriptors"));
}

static void all_interrupts(void)
{
	make_guest("3.11");
	for (unsigned i = 0; i < 31; i++)
		attach(&device_rng, NULL);
	for (unsigned i = 0; i < 31; i++) {
		struct virtqueue *q = &g->devices[i].queues[0];

		start(desc_at(i), 0);
		offer(q);
		kick(q);
		CHECK_EQ(raised[1 + i], 1);
	}
}

/* ------------------------------------------------------------------ */

static struct device *net_card(int *world)
{
	char arg[32];
	int ends[2];

	CHECK(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends));
	*world = ends[1];
	make_guest("2.6.30");
	snprintf(arg, sizeof(arg), "fd:%d", ends[0]);
	return attach(&device_net, arg);
}

/* The driver wants no interrupts, but for the ring running empty. */
static void notify_on_empty(void)
{
	int world;
	struct device *d = net_card(&world);
	struct virtqueue *tx = &d->queues[1];
	uint64_t desc = desc_at(0);
	struct rig_buffer b;

	b = (struct rig_buffer){ rig_alloc(70), 70, false };
	CHECK(get32(offered_at(desc)) & BIT(VIRTIO_F_NOTIFY_ON_EMPTY));
	start(desc, 0);
	*(uint16_t *)rig_at(tx->avail) = VRING_AVAIL_F_NO_INTERRUPT;
	rig_add(tx, &b, 1);
	kick(tx);
	CHECK_EQ(used_of(tx), 1);
	CHECK_EQ(raised[irq_of(desc, 1)], 0);
	start(desc, BIT(VIRTIO_F_NOTIFY_ON_EMPTY));
	*(uint16_t *)rig_at(tx->avail) = VRING_AVAIL_F_NO_INTERRUPT;
	rig_desc(tx, 0, b.gpa, b.len, 0, 0);
	rig_avail(tx, 0);
	kick(tx);
	CHECK_EQ(used_of(tx), 1);
	CHECK_EQ(raised[irq_of(desc, 1)], 1);
}

/* Ten bytes in front of a frame, or twelve with MRG_RXBUF. */
static void short_header(void)
{
	static const char frame[60] = "who am I? where?";
	uint32_t mrg = BIT(VIRTIO_NET_F_MRG_RXBUF);
	char got[128];
	int world;
	struct device *d = net_card(&world);
	uint64_t desc = desc_at(0);

	for (unsigned i = 0; i < 2; i++) {
		unsigned header = i ? 12 : 10;
		struct virtqueue *rx = &d->queues[0], *tx = &d->queues[1];
		gpa_t in = rig_alloc(128), out = rig_alloc(128);

		start(desc, i ? mrg : 0);
		memcpy((char *)rig_at(out) + header, frame, sizeof(frame));
		rig_desc(tx, 0, out, header + sizeof(frame), 0, 0);
		rig_avail(tx, 0);
		kick(tx);
		CHECK_EQ(recv(world, got, sizeof(got), 0), sizeof(frame));
		CHECK(!memcmp(got, frame, sizeof(frame)));

		rig_desc(rx, 0, in, 128, VRING_DESC_F_WRITE, 0);
		rig_avail(rx, 0);
		kick(rx);
		CHECK_EQ(send(world, frame, sizeof(frame), 0), sizeof(frame));
		rig_turn();
		CHECK_EQ(used_of(rx), 1);
		CHECK_EQ(get32(rx->used + 8), header + sizeof(frame));
		CHECK(!memcmp((char *)rig_at(in) + header, frame,
			      sizeof(frame)));
	}
}

static uint8_t block_request(struct device *d, uint32_t type)
{
	struct virtio_blk_outhdr header = { .type = type };
	struct rig_buffer b[3] = {
		{ rig_alloc(sizeof(header)), sizeof(header), false },
		{ rig_alloc(512), 512, !(type & VIRTIO_BLK_T_OUT) },
		{ rig_alloc(1), 1, true } };

	memcpy(rig_at(b[0].gpa), &header, sizeof(header));
	*(uint8_t *)rig_at(b[2].gpa) = 0xff;
	rig_add(&d->queues[0], b, 3);
	kick(&d->queues[0]);
	return *(uint8_t *)rig_at(b[2].gpa);
}

static void barriers(void)
{
	struct device *d;

	make_guest("2.6.30");
	d = attach(&device_block, diskfile_make("barriers", 8192));
	/* With FLUSH, so that not each write is durable anyway. */
	start(desc_at(0), BIT(VIRTIO_BLK_F_BARRIER) | BIT(VIRTIO_BLK_F_FLUSH));
	syncs = 0;
	CHECK_EQ(block_request(d, VIRTIO_BLK_T_OUT), 0);
	CHECK_EQ(syncs, 0);
	CHECK_EQ(block_request(d, VIRTIO_BLK_T_OUT | VIRTIO_BLK_T_BARRIER), 0);
	CHECK_EQ(syncs, 2);
	/* A flush is durable by itself. */
	CHECK_EQ(block_request(d, VIRTIO_BLK_T_FLUSH | VIRTIO_BLK_T_BARRIER),
		 0);
	CHECK_EQ(syncs, 3);
	/* Not agreed on: no such type. */
	put_status(desc_at(0), 0);
	notify(desc_at(0));
}

int main(void)
{
	diskfile_begin();
	RUN(layout);
	RUN(features_of_old);
	RUN(each_step_told);
	RUN(features_told);
	RUN(kicked_before_ready);
	RUN(accepted_late);
	RUN(repeats);
	RUN(reset_is_anew);
	RUN(resets_of_2_6_25);
	RUN(refused_features);
	RUN(reboot);
	RUN(notify_of_nonsense);
	RUN(scribbled_page);
	RUN(scribbled_rings);
	RUN(limits);
	RUN(all_interrupts);
	RUN(notify_on_empty);
	RUN(short_header);
	RUN(barriers);
	diskfile_end();
	return rig_done();
}
