/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lguest_data.irq_pending, which Hosts set and forget: the Launcher clears it
 * before the Guest runs, once it has found out where that is.
 */
#include <string.h>

#include "scripts.h"

#define AT	(SCRATCH + 0x30014)	/* as aligned as a word has to be */
#define FLAG	0x200
#define PENDING	5			/* in words, from 2.6.31 on */

/* struct lguest_data, of which only this is looked at. */
static void put_data(unsigned ring, unsigned kernel)
{
	static const uint32_t where[] = { 0xc0000000, 0x80 };
	uint32_t none = UINT32_MAX;

	for (unsigned i = 0; i < 16; i++)
		guest_write(AT + (ring + i) * 4, &none, 4);
	guest_write(AT + kernel * 4, where, sizeof(where));
}

/* What becomes of a word over the Guest's next turn. */
static uint32_t next_turn(struct device *d, unsigned word, uint32_t value)
{
	guest_write(AT + word * 4, &value, sizeof(value));
	print(d, ".");
	return guest_read32(AT + word * 4);
}

static struct device *at_work(const struct era *era, unsigned ring,
			      unsigned kernel)
{
	struct device *d;

	launch(era, ENDS_PIPE, NULL);
	put_data(ring, kernel);
	scan(era);
	d = start(era, CONSOLE);
	for (unsigned i = 0; i < 70; i++)
		print(d, ",");
	return d;
}

/* What a flag is then: kernels to 2.6.30 have none, wherever it might be. */
static uint32_t then(const struct era *era)
{
	return !strncmp(era->version, "2.6.2", 5) ||
	       !strncmp(era->version, "2.6.30", 6) ? FLAG : 0;
}

/* The places differ by version, and no Host says which version it runs. */
static void cleared(const struct era *era, unsigned kernel)
{
	struct device *d = at_work(era, 6, kernel);

	NEED_EQ(next_turn(d, PENDING, FLAG), then(era));
	NEED_EQ(next_turn(d, PENDING, FLAG), then(era));
	/* What is no flag is none of our business; nor are neighbours. */
	NEED_EQ(next_turn(d, PENDING, 0x1200), 0x1200);
	NEED_EQ(next_turn(d, 4, FLAG), FLAG);
	end_well();
}

void script_flag_old(const struct era *era)
{
	/* To 2.6.30 there is none: before the ring is the time. */
	struct device *d = at_work(era, 5, 282);

	NEED_EQ(next_turn(d, 4, FLAG), FLAG);
	end_well();
}

void script_flag_2_6_31(const struct era *era)
{
	cleared(era, 347);
}

void script_flag_3_1(const struct era *era)
{
	cleared(era, 346);
}

void script_flag_4_1(const struct era *era)
{
	cleared(era, 345);
}

/* A new start is another Guest, which has its data where it likes. */
void script_flag_reboot(const struct era *era)
{
	struct device *d = at_work(era, 6, 346);

	NEED_EQ(next_turn(d, PENDING, FLAG), then(era));
	host_restart();
	host_run();
	scan(era);
	d = start(era, CONSOLE);
	NEED_EQ(next_turn(d, PENDING, FLAG), FLAG);
	end_well();
}
