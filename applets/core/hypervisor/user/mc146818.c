/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of a PC (Motorola's data sheet of the MC146818): the Host's time
 * in UTC, in BCD, 24 hours.  It cannot be set, and it never interrupts; the
 * memory behind the clock is empty.
 */
#include <time.h>

#include "user.h"

enum { SECONDS = 0, MINUTES = 2, HOURS = 4, WEEKDAY = 6, DAY, MONTH, YEAR,
	REG_A, REG_B, REG_C, REG_D, CENTURY = 0x32 };

#define A_RATE		0x26	/* 32768 Hz, as everybody has it */
#define A_UPDATING	0x80
#define B_24H		0x02
#define B_KEPT		0xf0	/* stop, and interrupts that never come */
#define D_VALID		0x80	/* the battery is good */

#define NS		UINT64_C(1000000000)
/*
 * For so long before a second ends it says that an update is near.  Who has
 * not seen that may read all of a time, and has four times the data sheet's
 * 244 us for it.
 */
#define UPDATE_NS	1000000

#define LONG_MONTHS	0xad5	/* bit 0: January */

static uint32_t month_days(uint32_t year, uint32_t month)
{
	if (month != 1)
		return 30 + (LONG_MONTHS >> month & 1);
	if (year % 4 || (year % 100 == 0 && year % 400))
		return 28;
	return 29;
}

/* Of so many seconds since 1970: what register r holds, in binary. */
static uint32_t clock_field(unsigned r, uint64_t seconds)
{
	uint32_t day = seconds / 86400, rest = seconds % 86400;
	uint32_t year = 1970, month = 0, n;

	switch (r) {
	case SECONDS:
		return rest % 60;
	case MINUTES:
		return rest / 60 % 60;
	case HOURS:
		return rest / 3600;
	case WEEKDAY:		/* 1 is Sunday; it began on a Thursday */
		return (day + 4) % 7 + 1;
	}
	/* Once for each month of all those years: nobody asks often. */
	while (day >= (n = month_days(year, month))) {
		day -= n;
		if (++month == 12) {
			month = 0;
			year++;
		}
	}
	switch (r) {
	case DAY:
		return day + 1;
	case MONTH:
		return month + 1;
	case YEAR:
		return year % 100;
	case CENTURY:
		return year / 100;
	}
	return 0;
}

uint8_t mc146818_data(struct board *b, bool write, uint8_t value)
{
	uint64_t now = board_clock(CLOCK_REALTIME);
	uint32_t field;

	if (write) {
		if (b->cmos_index == REG_B)
			b->cmos_b = value & B_KEPT;
		return 0;
	}
	switch (b->cmos_index) {
	case REG_A:
		return A_RATE | (now % NS >= NS - UPDATE_NS ? A_UPDATING : 0);
	case REG_B:
		return B_24H | b->cmos_b;
	case REG_D:
		return D_VALID;
	}
	field = clock_field(b->cmos_index, now / NS);
	return field / 10 << 4 | field % 10;
}
