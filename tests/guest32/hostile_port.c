/* SPDX-License-Identifier: GPL-2.0-only */
/* Anything at all to a PC's ports, but for those that are the end of it. */
#include "port.h"

static u32 seed;

static u32 next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static void begin(void)
{
	seed = argument_number("seed", 1) * 2654435761u | 1;
}

/* Not those by which a PC is switched off, reset, or said to have crashed. */
static bool is_end(u32 port)
{
	return (port >= 0x500 && port < 0x700) || port == 0x64 ||
	       port == 0x92 || (port >= 0xcf8 && port <= 0xcff) ||
	       (port >= 0x3f5 && port < 0x400) || port > 0xfff0;
}

TEST(hostile, ports_random)
{
	u32 sum = 0;

	begin();
	for (unsigned i = 0; i < 20000; i++) {
		u16 port = next() % 4 ? next() & 0x3ff : next();

		if (is_end(port) || is_end(port + 3))
			continue;
		switch (next() % 6) {
		case 0:
			outb(port, next());
			break;
		case 1:
			outw(port, next());
			break;
		case 2:
			outl(port, next());
			break;
		case 3:
			sum += inb(port);
			break;
		case 4:
			sum += inw(port);
			break;
		case 5:
			sum += inl(port);
			break;
		}
	}
	say("SURVIVED 0x%x\n", sum);
}

/* Each register of the chips, and no less often than they can bear. */
TEST(hostile, chips_random)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x40, 0x41, 0x42,
				     0x43, 0x61, 0x70, 0x71, 0x4d0, 0x4d1 };

	begin();
	for (unsigned i = 0; i < 20000; i++) {
		u16 port = ports[next() % ARRAY_SIZE(ports)];

		outb(port, next());
		(void)inb(port);
		if (next() % 64 == 0) {
			irqs_on();
			irqs_off();
		}
	}
	say("SURVIVED\n");
}
