/* SPDX-License-Identifier: GPL-2.0-only */
/* Console, random numbers, network. */
#include "device.h"

#define INPUT		0
#define OUTPUT		1

TEST(devices, console_out)
{
	/* outcomes.sh looks for these. */
	static char text[] = "SAID by the driver\n", more[] = "SAID in ",
		    pieces[] = "three ", end[] = "pieces\n";
	struct piece one = { text, sizeof(text) - 1, false };
	struct piece three[] = {
		{ more, sizeof(more) - 1, false },
		{ pieces, sizeof(pieces) - 1, false },
		{ end, sizeof(end) - 1, false },
	};
	struct device d;

	CHECK(device_find(&d, TYPE_CONSOLE));
	EQUAL(d.nqueues, 2);
	device_start(&d, 0);
	queue_do(&d.q[OUTPUT], &one, 1);
	queue_do(&d.q[OUTPUT], three, 3);
	/* Back to where the early console works, which needs no driver. */
	device_reset(&d);
}

/* The Launcher's input is a line that the test gives it. */
TEST(devices, console_in)
{
	static char line[64];
	struct piece p = { line, sizeof(line) - 1, true };
	struct device d;
	u32 len;

	CHECK(device_find(&d, TYPE_CONSOLE));
	device_start(&d, 0);
	len = queue_do(&d.q[INPUT], &p, 1);
	device_reset(&d);
	if (len != 13 || memcmp(line, "to the Guest\n", 13))
		fail("%u bytes: %s", len, line);
}

TEST(devices, rng)
{
	static u32 words[32];
	struct piece p = { words, sizeof(words), true };
	struct device d;
	u32 len, differ = 0;

	if (!device_find(&d, TYPE_RNG)) {
		skip("no --rng");
		return;
	}
	device_start(&d, 0);
	for (unsigned i = 0; i < 10; i++) {
		memset(words, 0, sizeof(words));
		len = queue_do(&d.q[0], &p, 1);
		CHECK(len > 0 && len <= sizeof(words));
		for (unsigned n = 1; n < len / 4; n++)
			differ += words[n] != words[n - 1];
		/* No more than it says. */
		for (unsigned n = (len + 3) / 4; n < ARRAY_SIZE(words); n++)
			EQUAL(words[n], 0);
	}
	CHECK(differ > 10);
	device_reset(&d);
}

/* --- net ----------------------------------------------------------------- */

#define HEADER		(GEN < KERNEL(4, 0, 0) ? 10 : 12)
#define FEATURE_MAC	(1 << 5)

struct arp {
	u8 to[6], from[6];
	u16 type, hardware, protocol;
	u8 sizes[2];
	u16 what;
	u8 sender[6], sender_ip[4], target[6], target_ip[4];
	u8 padding[18];
} __attribute__((packed));

struct frame {
	u8 header[12];
	u8 bytes[1600];
};

static u16 swap(u16 n)
{
	return n << 8 | n >> 8;
}

/* Who has .1, the Host's end? */
static void arp_ask(struct arp *a)
{
	static const u8 host[] = { 192, 168, 251, 1 },
			us[] = { 192, 168, 251, 2 },
			mac[] = { 2, 0x11, 0x22, 0x33, 0x44, 0x55 };

	memset(a, 0, sizeof(*a));
	memset(a->to, 0xff, 6);
	memcpy(a->from, mac, 6);
	a->type = swap(0x0806);
	a->hardware = swap(1);
	a->protocol = swap(0x0800);
	a->sizes[0] = 6;
	a->sizes[1] = 4;
	a->what = swap(1);
	memcpy(a->sender, mac, 6);
	memcpy(a->sender_ip, us, 4);
	memcpy(a->target_ip, host, 4);
}

TEST(devices, net_arp)
{
	static struct frame out, in[8];
	struct arp *asked = (void *)(out.header + HEADER), *got;
	struct piece p = { out.header, HEADER + sizeof(*asked), false };
	struct device d;
	int head;

	if (!device_find(&d, TYPE_NET)) {
		skip("no --tunnet");
		return;
	}
	device_start(&d, FEATURE_MAC);
	for (unsigned i = 0; i < ARRAY_SIZE(in); i++)
		queue_add(&d.q[INPUT], i,
			  &(struct piece){ in[i].header, 1600, true }, 1);
	device_kick(&d.q[INPUT]);
	memset(out.header, 0, sizeof(out.header));
	arp_ask(asked);
	queue_add(&d.q[OUTPUT], 0, &p, 1);
	device_kick(&d.q[OUTPUT]);
	if (queue_wait(&d.q[OUTPUT], NULL) < 0)
		return;
	/* Others may speak first. */
	for (unsigned i = 0; i < ARRAY_SIZE(in); i++) {
		head = queue_wait(&d.q[INPUT], NULL);
		if (head < 0)
			break;
		got = (void *)(in[head].header + HEADER);
		if (got->type == swap(0x0806) && got->what == swap(2)) {
			CHECK(!memcmp(got->sender_ip, asked->target_ip, 4));
			CHECK(!memcmp(got->to, asked->from, 6));
			device_reset(&d);
			return;
		}
	}
	fail("no answer to ARP");
	device_reset(&d);
}
