/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which port belongs to which chip.
 */
#include <sys/syscall.h>
#include <time.h>

#include "user.h"

/*
 * PCI's lines and ACPI's stay high until their devices were served.  A
 * firmware would have set these.
 */
#define ELCR_LOW	0x20	/* line 5 */
#define ELCR_HIGH	0x0e	/* 9, 10 and 11 */
/* The timer, the keyboard, the other chip, the clock, the FPU: never. */
#define ELCR_LOW_MAY	0xf8
#define ELCR_HIGH_MAY	0xde
#define CASCADE		0x04	/* but for us the other chip is a level */
#define CMOS_INDEX	0x7f	/* the last bit was to keep NMIs away */

uint64_t board_clock(int id)
{
	struct timespec now;

	stub_call(SYS_clock_gettime, id, (long)&now, 0, 0, 0, 0);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

void board_init(struct board *b)
{
	/* Silent until somebody has told them what their vectors are. */
	for (unsigned i = 0; i < ARRAY_SIZE(b->pic); i++)
		b->pic[i].imr = 0xff;
	b->pic[0].level = ELCR_LOW | CASCADE;
	b->pic[1].level = ELCR_HIGH;
	for (unsigned i = 0; i < ARRAY_SIZE(b->pit); i++)
		b->pit[i].access = b->pit[i].mode = 3;
	b->pit[2].held = true;
}

/* What a read gives; -1: none of ours. */
static int port_byte(struct user *u, uint16_t port, bool write, uint8_t value)
{
	struct board *b = &u->board;
	uint8_t *at, may;	/* of one that does nothing but remember */

	switch (port) {
	case 0x20 ... 0x21:
	case 0xa0 ... 0xa1:
		return i8259_port(u, port >> 7, port & 1, write, value);
	case 0x40 ... 0x43:
		return i8254_port(b, port & 3, write, value);
	case 0x61:
		return i8254_gate(b, write, value);
	case 0x70:
		at = &b->cmos_index;
		may = CMOS_INDEX;
		break;
	case 0x71:
		return mc146818_data(b, write, value);
	case 0x80:	/* where people write to pass the time */
		return 0xff;
	case 0x4d0:
		at = &b->pic[0].level;
		may = ELCR_LOW_MAY;
		break;
	case 0x4d1:
		at = &b->pic[1].level;
		may = ELCR_HIGH_MAY;
		break;
	default:
		return -1;
	}
	if (write)
		*at = (*at & ~may) | (value & may);
	return *at & may;
}

bool board_port(struct user *u, uint16_t port, bool write, unsigned width,
		uint32_t *value)
{
	uint32_t all = 0;

	for (unsigned i = 0; i < width; i++) {
		int got = port_byte(u, port + i, write, *value >> 8 * i);

		if (got < 0 && !i)
			return false;
		all |= (uint32_t)(got & 0xff) << 8 * i;
	}
	if (!write)
		*value = all;
	return true;
}
