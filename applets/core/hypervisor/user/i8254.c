/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The timer of a PC (Intel's data sheet of the 8254): the first channel is
 * interrupt 0, the third makes a sound.  Nothing counts here: a count is how
 * long ago it began, and the interrupts are those of a timer of the Host's.
 *
 * Modes 1 and 5 want an edge at a gate that only the third channel has; they
 * are 0 and 4.  All count in binary.  A closed gate holds a count, in any
 * mode, and a new count begins at once.
 */
#include <time.h>

#include "user.h"

#define HZ		1193182u
#define NS		UINT64_C(1000000000)
#define MAX		65536u
/* No kernel wants more; and the Launcher has other things to do. */
#define SHORTEST_NS	50000

/* Control word, and of the status what is not in there. */
#define CONTROL_CHANNEL(v)	((v) >> 6)
#define CONTROL_ACCESS(v)	((v) >> 4 & 3)
#define CONTROL_MODE(v)		((v) >> 1 & 7)
#define READ_BACK		3	/* instead of a channel */
#define BACK_CHANNEL(i)		(2 << (i))
#define BACK_NO_STATUS		0x10
#define BACK_NO_COUNT		0x20
#define STATUS_EMPTY		0x40
#define STATUS_OUT		0x80

enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };
enum { MODE_ONCE = 0, MODE_SQUARE = 3, MODE_STROBE = 4 };
#define PERIODIC	2	/* of a mode: 2, 3 and their doubles, 6 and 7 */

/* Port 0x61 */
#define GATE		0x01
#define REFRESH		0x10
#define OUT		0x20
#define GATE_KEPT	0x0f

static uint64_t ticks_to_ns(uint32_t ticks)
{
	return ticks * NS / HZ;
}

static uint32_t channel_full(const struct i8254_channel *c)
{
	return c->count ? c->count : MAX;
}

/*
 * All in terms of whole periods in ns, since these are what the Host's timer
 * counts; so the two cannot drift apart, and nothing overflows.
 */
static uint16_t channel_now(const struct i8254_channel *c, bool *out)
{
	uint64_t past = c->held ? c->since :
			board_clock(CLOCK_MONOTONIC) - c->since;
	uint32_t full = channel_full(c), t;

	if (c->empty)
		past = 0;
	t = past % ticks_to_ns(c->mode & PERIODIC ? full : MAX) * HZ / NS;
	*out = c->mode != MODE_ONCE || past >= ticks_to_ns(full);
	if (c->mode == MODE_SQUARE) {	/* two a tick */
		*out = t < (full + 1) / 2;
		t *= 2;
		if (t >= full)
			t -= full;
	}
	return full - t;
}

static void channel_latch(struct i8254_channel *c, bool count, bool status)
{
	bool out;
	uint16_t now = channel_now(c, &out);

	/* What waits to be read stays what it is. */
	if (count && !c->latched)
		c->latch = now;
	if (status && !c->status_latched)
		c->status = (out ? STATUS_OUT : 0) |
			    (c->empty ? STATUS_EMPTY : 0) |
			    c->access << 4 | c->mode << 1;
	c->latched |= count;
	c->status_latched |= status;
}

static uint8_t channel_read(struct i8254_channel *c)
{
	bool out, high = c->access == ACCESS_HIGH;
	uint16_t value;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	value = c->latched ? c->latch : channel_now(c, &out);
	if (c->access == ACCESS_BOTH) {
		high = c->second_read;
		c->second_read = !high;
	}
	if (!c->second_read)
		c->latched = false;
	return high ? value >> 8 : value;
}

/* Only the first channel's end is noticed by anybody. */
static void timer_start(const struct i8254_channel *c)
{
	uint64_t ns = ticks_to_ns(channel_full(c));
	uint64_t again = ns < SHORTEST_NS ? SHORTEST_NS : ns;

	stub_timer(FD_TIMER, ns, c->mode & PERIODIC ? again : 0);
}

/* True: that was all of it. */
static bool channel_load(struct i8254_channel *c, uint8_t value)
{
	if (c->access == ACCESS_BOTH) {
		c->second_write = !c->second_write;
		if (c->second_write) {
			c->low = value;
			return false;
		}
		c->count = value << 8 | c->low;
	} else {
		c->count = c->access == ACCESS_HIGH ? value << 8 : value;
	}
	c->empty = false;
	c->since = c->held ? 0 : board_clock(CLOCK_MONOTONIC);
	return true;
}

/* Until it has a count, it does nothing. */
static void channel_set(struct i8254_channel *c, uint8_t control)
{
	uint8_t mode = CONTROL_MODE(control);

	*c = (struct i8254_channel){
		.access = CONTROL_ACCESS(control),
		.mode = mode & PERIODIC ? mode & MODE_SQUARE :
			mode & MODE_STROBE,
		.held = c->held,
		.empty = true,
	};
}

static void i8254_control(struct board *b, uint8_t value)
{
	unsigned n = CONTROL_CHANNEL(value);

	if (n == READ_BACK) {
		for (unsigned i = 0; i < ARRAY_SIZE(b->pit); i++)
			if (value & BACK_CHANNEL(i))
				channel_latch(&b->pit[i],
					      !(value & BACK_NO_COUNT),
					      !(value & BACK_NO_STATUS));
	} else if (CONTROL_ACCESS(value) == ACCESS_LATCH) {
		channel_latch(&b->pit[n], true, false);
	} else {
		channel_set(&b->pit[n], value);
		if (!n)
			stub_timer(FD_TIMER, 0, 0);
	}
}

uint8_t i8254_port(struct board *b, unsigned port, bool write, uint8_t value)
{
	if (port == READ_BACK) {
		if (write)
			i8254_control(b, value);
		return 0xff;	/* nothing to be read there */
	}
	if (!write)
		return channel_read(&b->pit[port]);
	if (channel_load(&b->pit[port], value) && !port)
		timer_start(&b->pit[0]);
	return 0;
}

/* What was a moment in time becomes a duration, and the other way round. */
static void gate_set(struct i8254_channel *c, bool held)
{
	if (held != c->held)
		c->since = board_clock(CLOCK_MONOTONIC) - c->since;
	c->held = held;
}

uint8_t i8254_gate(struct board *b, bool write, uint8_t value)
{
	bool out;

	if (write) {
		b->port61 = (b->port61 & ~GATE_KEPT) | (value & GATE_KEPT);
		gate_set(&b->pit[2], !(value & GATE));
		return 0;
	}
	/* Each time another row of memory, for those who wait for that. */
	b->port61 ^= REFRESH;
	channel_now(&b->pit[2], &out);
	return (b->port61 & (GATE_KEPT | REFRESH)) | (out ? OUT : 0);
}
