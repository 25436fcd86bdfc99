/* SPDX-License-Identifier: GPL-2.0-only */
/* Console, random numbers. */
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
