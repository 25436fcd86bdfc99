/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A wire to the Host's kernel, which answers what it is asked: ARP, and pings
 * with what was in them.
 */
#include "device.h"

#define INPUT		0
#define OUTPUT		1
#define FEATURE_MAC	(1 << 5)
#define FEATURE_MERGE	(1 << 15)

#define BUFFERS		32
#define BUFFER		1600
#define FRAME		1514
#define TYPE_ARP	0x0806
#define TYPE_IP		0x0800

struct ethernet {
	u8 to[6], from[6];
	u16 type;
} __attribute__((packed));

struct arp {
	struct ethernet e;
	u16 hardware, protocol;
	u8 sizes[2];
	u16 what;
	u8 sender[6], sender_ip[4], target[6], target_ip[4];
	u8 padding[18];
} __attribute__((packed));

struct ping {
	struct ethernet e;
	u8 version, tos;
	u16 total, id, fragment;
	u8 ttl, protocol;
	u16 sum;
	u8 from[4], to[4];
	/* ICMP */
	u8 type, code;
	u16 icmp_sum, ident, number;
	u8 data[];
} __attribute__((packed));

#define PING_MOST	(FRAME - sizeof(struct ping))

static const u8 host_ip[] = { 192, 168, 251, 1 },
		our_ip[] = { 192, 168, 251, 2 },
		our_mac[] = { 2, 0x11, 0x22, 0x33, 0x44, 0x55 };
static u8 host_mac[6];

static struct device d;
static unsigned header, room;		/* of the device's, of a buffer */
static u8 buffers[BUFFERS][BUFFER];
static u8 received[12 + FRAME + BUFFER];	/* header and frame */

static u16 swap(u16 n)
{
	return n << 8 | n >> 8;
}

/* --- frames in and out --------------------------------------------------- */

/* Linux's drivers have the header in a piece of its own, too. */
static void buffer_add(unsigned i)
{
	struct piece p[] = { { buffers[i], header, true },
			     { buffers[i] + header, room - header, true } };

	queue_add(&d.q[INPUT], 2 * i, p, 2);
}

/* Headers alone, or all in one; the device need not see a difference. */
static void send(void *frame, unsigned len, bool apart)
{
	static u8 out[12 + FRAME];
	struct piece p[] = { { out, header, false },
			     { out + header, len, false } };

	memset(out, 0, header);
	memcpy(out + header, frame, len);
	if (!apart)
		p[0].len += len;
	queue_do(&d.q[OUTPUT], p, apart ? 2 : 1);
}

/* One used buffer goes behind what came before, and back; its length. */
static unsigned receive_part(unsigned at)
{
	u32 len = 0;
	int head = queue_wait(&d.q[INPUT], &len);

	if (head < 0 || len > room) {
		fail("%u bytes in a buffer of %u", len, room);
		return 0;
	}
	if (at + len <= sizeof(received))
		memcpy(received + at, buffers[head / 2], len);
	memset(buffers[head / 2], 0xee, room);
	buffer_add(head / 2);
	return len;
}

/* A frame that the device says is in that many buffers; 0: none came. */
static unsigned receive(unsigned *parts)
{
	unsigned len = receive_part(0);
	u16 n = 1;

	if (!len)
		return 0;
	/* Before 1.0 there is no such field unless they may be several. */
	if (header == 12)
		memcpy(&n, received + 10, 2);
	if (!n || n > BUFFERS) {
		fail("a frame in %u buffers", n);
		return 0;
	}
	for (unsigned i = 1; i < n; i++)
		len += receive_part(len);
	device_kick(&d.q[INPUT]);
	if (parts)
		*parts = n;
	return has_failed() ? 0 : len - header;
}

/* --- who is there -------------------------------------------------------- */

static void arp_ask(void)
{
	struct arp a;

	memset(&a, 0, sizeof(a));
	memset(a.e.to, 0xff, 6);
	memcpy(a.e.from, our_mac, 6);
	a.e.type = swap(TYPE_ARP);
	a.hardware = swap(1);
	a.protocol = swap(TYPE_IP);
	a.sizes[0] = 6;
	a.sizes[1] = 4;
	a.what = swap(1);
	memcpy(a.sender, our_mac, 6);
	memcpy(a.sender_ip, our_ip, 4);
	memcpy(a.target_ip, host_ip, 4);
	send(&a, sizeof(a), false);
}

static bool arp_answered(void)
{
	const struct arp *a = (void *)(received + header);

	/* Others may speak first. */
	for (unsigned i = 0; i < BUFFERS; i++) {
		if (!receive(NULL))
			return false;
		if (a->e.type != swap(TYPE_ARP) || a->what != swap(2))
			continue;
		CHECK(!memcmp(a->sender_ip, host_ip, 4));
		CHECK(!memcmp(a->e.to, our_mac, 6));
		memcpy(host_mac, a->sender, 6);
		return true;
	}
	fail("no answer to ARP");
	return false;
}

/* With buffers of `size` bytes; true if the Host speaks to us. */
static bool begin(u32 features, unsigned size)
{
	if (!device_find(&d, TYPE_NET)) {
		skip("no --tunnet");
		return false;
	}
	features |= FEATURE_MAC;
	header = GEN < KERNEL(4, 0, 0) && !(features & FEATURE_MERGE) ? 10 : 12;
	room = size;
	EQUAL(device_features(&d) & features, features);
	device_start(&d, features);
	for (unsigned i = 0; i < BUFFERS; i++)
		buffer_add(i);
	device_kick(&d.q[INPUT]);
	arp_ask();
	return arp_answered();
}

TEST(devices, net_arp)
{
	u8 mac[6];

	if (!begin(0, BUFFER))
		return;
	device_config(&d, 0, mac, sizeof(mac));
	CHECK(!memcmp(mac, our_mac, 6));
	device_reset(&d);
}

/* --- pings --------------------------------------------------------------- */

static u16 sum(const void *at, unsigned len)
{
	const u8 *b = at;
	u32 all = 0;

	for (unsigned i = 0; i < len; i++)
		all += i % 2 ? b[i] << 8 : b[i];
	while (all >> 16)
		all = (all & 0xffff) + (all >> 16);
	return ~all;
}

static u8 pattern(unsigned number, unsigned i)
{
	return number * 31 + i * 7 + (i >> 8);
}

static void ping(unsigned number, unsigned size)
{
	static u8 frame[FRAME];
	struct ping *p = (void *)frame;

	memset(p, 0, sizeof(*p));
	memcpy(p->e.to, host_mac, 6);
	memcpy(p->e.from, our_mac, 6);
	p->e.type = swap(TYPE_IP);
	p->version = 0x45;
	p->total = swap(sizeof(*p) - sizeof(p->e) + size);
	p->ttl = 64;
	p->protocol = 1;
	memcpy(p->from, our_ip, 4);
	memcpy(p->to, host_ip, 4);
	p->sum = sum(&p->version, 20);
	p->type = 8;
	p->ident = swap(0x1234);
	p->number = swap(number);
	for (unsigned i = 0; i < size; i++)
		p->data[i] = pattern(number, i);
	p->icmp_sum = sum(&p->type, 8 + size);
	send(frame, sizeof(*p) + size, number % 2);
}

/* The next answer's number; -1 if there is none. */
static int pong(unsigned *len, unsigned *parts)
{
	const struct ping *p = (void *)(received + header);

	for (unsigned i = 0; i < BUFFERS; i++) {
		*len = receive(parts);
		if (!*len)
			return -1;
		if (p->e.type == swap(TYPE_IP) && p->protocol == 1 &&
		    p->type == 0 && p->ident == swap(0x1234))
			return swap(p->number);
	}
	fail("no answer to a ping");
	return -1;
}

static void pong_check(unsigned number, unsigned size, unsigned len)
{
	const struct ping *p = (void *)(received + header);

	EQUAL(swap(p->total), sizeof(*p) - sizeof(p->e) + size);
	EQUAL(sum(&p->version, 20), 0);
	EQUAL(sum(&p->type, 8 + size), 0);
	/* Short ones may be as long as a wire wants them. */
	if (len > 60)
		EQUAL(len, sizeof(*p) + size);
	for (unsigned i = 0; i < size; i++)
		if (p->data[i] != pattern(number, i)) {
			fail("byte %u of %u is 0x%x", i, size, p->data[i]);
			return;
		}
}

/* There and back, in as many buffers as it takes; false if it was not so. */
static bool ping_pong(unsigned number, unsigned size)
{
	unsigned len, parts;

	ping(number, size);
	EQUAL(pong(&len, &parts), number);
	if (!has_failed())
		pong_check(number, size, len);
	EQUAL(parts, (header + len + room - 1) / room);
	return !has_failed();
}

static void all_sizes(void)
{
	static const u16 sizes[] = { 0, 1, 18, 56, 443, 1000, 1023,
				     PING_MOST - 1, PING_MOST };

	for (unsigned round = 0; round < 10; round++)
		for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
			if (!ping_pong(round * 10 + i, sizes[i]))
				return;
}

TEST(devices, net_sizes)
{
	if (!begin(0, BUFFER))
		return;
	all_sizes();
	device_reset(&d);
}

/* All are sent before one is looked at. */
TEST(devices, net_many)
{
	u32 answered = 0;
	unsigned len;
	int number;

	if (!begin(0, BUFFER))
		return;
	for (unsigned i = 0; i < BUFFERS - 8; i++)
		ping(i, 50 * i);
	for (unsigned i = 0; i < BUFFERS - 8; i++) {
		number = pong(&len, NULL);
		if (number < 0)
			return;
		CHECK(!(answered & 1 << number));
		answered |= 1 << number;
		pong_check(number, 50 * number, len);
	}
	EQUAL(answered, (1 << (BUFFERS - 8)) - 1);
	device_reset(&d);
}

/* What does not fit is lost; neither the buffer is, nor what comes next. */
TEST(devices, net_small_buffers)
{
	unsigned len;

	if (!begin(0, 400))
		return;
	for (unsigned i = 0; i < 2 * BUFFERS; i++)
		ping(1000 + i, 1000);
	ping(1, 200);
	EQUAL(pong(&len, NULL), 1);
	pong_check(1, 200, len);
	/* To the last byte, and not one more. */
	ping(2, 400 - header - sizeof(struct ping) + 1);
	ping(3, 400 - header - sizeof(struct ping));
	EQUAL(pong(&len, NULL), 3);
	pong_check(3, 400 - header - sizeof(struct ping), len);
	device_reset(&d);
}

/* Buffers that a frame may share. */
TEST(devices, net_merged)
{
	if (!begin(FEATURE_MERGE, 256))
		return;
	all_sizes();
	/* Just full, and just more. */
	ping_pong(1, 3 * 256 - header - sizeof(struct ping));
	ping_pong(2, 3 * 256 - header - sizeof(struct ping) + 1);
	device_reset(&d);
}

/* An answer is under way to a driver that is not there any more. */
TEST(devices, net_reset)
{
	for (unsigned i = 0; i < 10 && !has_failed(); i++) {
		u32 mark = pages_mark();

		if (!begin(i % 2 ? FEATURE_MERGE : 0, BUFFER))
			return;
		ping(100 + i, 500);
		device_reset(&d);
		EQUAL(device_status(&d), 0);
		if (!begin(0, BUFFER))
			return;
		ping_pong(i, 900);
		device_reset(&d);
		pages_release(mark);
	}
}
