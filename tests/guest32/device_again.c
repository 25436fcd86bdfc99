/* SPDX-License-Identifier: GPL-2.0-only */
/* Restart: the disk alone remembers how often we were here. */
#include "device.h"

#define SECTOR		512
#define COUNTER		100	/* its sector */

/* device_block.c */
u8 block_request(struct device *d, u32 type, u32 sector, void *data,
		 u32 len);

TEST(devices, again)
{
	static u32 data[SECTOR / 4];
	struct device d;

	if (!device_find(&d, TYPE_BLOCK)) {
		skip("no --block");
		return;
	}
	device_start(&d, 0);
	EQUAL(block_request(&d, 0, COUNTER, data, SECTOR), 0);
	if (data[0] < 2) {
		data[0]++;
		EQUAL(block_request(&d, 1, COUNTER, data, SECTOR), 0);
		say("AGAIN %u\n", data[0]);
		power_off("once more", 2);
	}
	EQUAL(data[0], 2);
	device_reset(&d);
}
