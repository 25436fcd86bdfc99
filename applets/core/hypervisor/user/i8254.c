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
#define COUNT		0xffffu
#define OUTPUT		0x10000u	/* is high */
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
 * Its count, and above that its output.  All in terms of whole periods in ns,
 * since these are what the Host's timer counts: so the two cannot drift apart,
 * and nothing overflows.
 */
static uint32_t channel_now(const struct i8254_channel *c)
{
	uint64_t past = c->held ? c->since :
			board_clock(CLOCK_MONOTONIC) - c->since;
	uint32_t full = channel_full(c), t;
	uint64_t ns = ticks_to_ns(full);
	bool high;

	if (c->empty)
		past = 0;
	high = c->mode != MODE_ONCE || past >= ns;
	if (!(c->mode & PERIODIC))	/* beyond its end it goes on */
		ns = ticks_to_ns(MAX);
	t = past % ns * HZ / NS;
	if (c->mode == MODE_SQUARE) {	/* it counts by two */
		t *= 2;
		high = t < full;
		if (!high)
			t -= full;
	}
	return ((full - t) & COUNT) | (high ? OUTPUT : 0);
}

/* As a read-back command says; what waits to be read stays what it is. */
static void channel_latch(struct i8254_channel *c, uint8_t command)
{
	uint32_t now = channel_now(c);

	if (!(command & BACK_NO_COUNT) && !c->latched) {
		c->latch = now;
		c->latched = true;
	}
	if (!(command & BACK_NO_STATUS) && !c->status_latched) {
		c->status = (now & OUTPUT ? STATUS_OUT : 0) |
			    (c->empty ? STATUS_EMPTY : 0) |
			    c->access << 4 | c->mode << 1;
		c->status_latched = true;
	}
}

static uint8_t channel_read(struct i8254_channel *c)
{
	bool high = c->access == ACCESS_HIGH;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	/* Two halves of the same, also for those who did not ask for that. */
	channel_latch(c, BACK_NO_STATUS);
	if (c->access == ACCESS_BOTH) {
		high = c->second_read;
		c->second_read = !high;
	}
	c->latched = c->second_read;
	return high ? c->latch >> 8 : c->latch;
}

/* Only the first channel's end is noticed by anybody; ns: until then. */
static void timer_start(const struct i8254_channel *c, uint64_t ns)
{
	uint64_t again = ticks_to_ns(channel_full(c));

	if (again < SHORTEST_NS)
		again = SHORTEST_NS;
	stub_timer(FD_TIMER, ns, c->mode & PERIODIC ? again : 0);
}

uint64_t i8254_next(const struct board *b)
{
	const struct i8254_channel *c = &b->pit[0];
	uint64_t ns = ticks_to_ns(channel_full(c)), past;

	if (c->empty || !c->since || ns < SHORTEST_NS)
		return 0;
	past = board_clock(CLOCK_MONOTONIC) - c->since;
	if (c->mode & PERIODIC)
		past %= ns;
	return past < ns ? ns - past : 0;
}

void i8254_resume(const struct board *b, uint64_t left)
{
	const struct i8254_channel *c = &b->pit[0];

	if (!left && c->mode & PERIODIC)
		left = i8254_next(b);
	if (left)
		timer_start(c, left);
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

	if (n != READ_BACK && CONTROL_ACCESS(value) != ACCESS_LATCH) {
		channel_set(&b->pit[n], value);
		if (!n)
			stub_timer(FD_TIMER, 0, 0);
		return;
	}
	/* The older command of the two is a case of the newer. */
	if (n != READ_BACK)
		value = BACK_CHANNEL(n) | BACK_NO_STATUS;
	for (unsigned i = 0; i < ARRAY_SIZE(b->pit); i++)
		if (value & BACK_CHANNEL(i))
			channel_latch(&b->pit[i], value);
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
		timer_start(&b->pit[0], ticks_to_ns(channel_full(&b->pit[0])));
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
	if (write) {
		b->port61 = (b->port61 & ~GATE_KEPT) | (value & GATE_KEPT);
		gate_set(&b->pit[2], !(value & GATE));
		return 0;
	}
	/* Each time another row of memory, for those who wait for that. */
	b->port61 ^= REFRESH;
	return (b->port61 & (GATE_KEPT | REFRESH)) |
	       (channel_now(&b->pit[2]) & OUTPUT ? OUT : 0);
}
