/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two interrupt controllers of a PC (Intel's data sheet of the 8259A).
 * What they would tell the CPU is worked out anew each time from what their
 * registers hold, so that it cannot disagree with them.
 *
 * Left out is what no PC has had a use for: polling, the special fully nested
 * mode, rotation at an automatic EOI.  Who asks for one of these gets the
 * ordinary.
 */
#include "user.h"

#define CASCADE		2	/* the first chip's line for the second */
#define LAST		7	/* which is blamed if nobody was it */
#define NOBODY		8

/* Command port: which word it is, and what it says. */
#define IS_ICW1		0x10
#define IS_OCW3		0x08
#define ICW1_ICW4	0x01	/* there will be one */
#define ICW1_SINGLE	0x02	/* there will be no ICW3 */
#define OCW2_EOI	0x20
#define OCW2_SPECIFIC	0x40
#define OCW2_ROTATE	0x80
#define OCW3_ISR	0x01
#define OCW3_READ	0x02	/* the bit above is meant */
#define OCW3_MASK	0x20
#define OCW3_SPECIAL	0x40	/* the bit above is meant */

/* Data port, after ICW1: what is still to come, in this order. */
#define ICW2		0x01
#define ICW3		0x02	/* who is whose: there is no choice */
#define ICW4		0x04
#define ICW4_AUTO_EOI	0x02

/* The most urgent of these lines, counted from the top; 8: none. */
static unsigned i8259_first(const struct i8259 *c, unsigned lines)
{
	return __builtin_ctz((lines | lines << 8) >> (c->top & 7) | 1 << NOBODY);
}

/* Lines that ask, masked or not. */
static uint8_t i8259_requests(const struct i8259 *c)
{
	return (c->irr & ~c->level) | (c->lines & c->level);
}

/* The one being served that others have to be more urgent than. */
static unsigned i8259_serving(const struct i8259 *c)
{
	return i8259_first(c, c->isr & ~(c->special_mask ? c->imr : 0));
}

/* The line that the CPU is interrupted for, or 8. */
static unsigned i8259_next(const struct i8259 *c)
{
	unsigned n = i8259_first(c, i8259_requests(c) & ~c->imr);

	return n < i8259_serving(c) ? (n + c->top) & 7 : NOBODY;
}

/* What has happened outside, to both chips. */
static void i8259_listen(struct user *u)
{
	struct i8259 *c = u->board.pic;
	/* A locked exchange is not for each time that somebody asks. */
	uint32_t rises = u->irqs ? atomic_exchange(&u->irqs, 0) : 0;
	uint32_t lines = u->levels;

	/* A line that was seen to rise has risen, who ever told. */
	for (unsigned i = 0; i < 2; i++) {
		c[i].irr |= (rises | (lines & ~c[i].lines)) & 0xff;
		c[i].lines = lines;
		rises >>= 8;
		lines >>= 8;
	}
	c[0].lines &= ~(1 << CASCADE);
	if (i8259_next(&c[1]) != NOBODY)
		c[0].lines |= 1 << CASCADE;
}

int board_irq(struct user *u)
{
	struct i8259 *c = u->board.pic;
	unsigned n;

	i8259_listen(u);
	n = i8259_next(&c[0]);
	if (n == CASCADE) {
		c++;
		n = i8259_next(c);
	}
	return n == NOBODY ? -1 : (int)(c->base | n);
}

static unsigned i8259_acknowledge(struct i8259 *c)
{
	unsigned n = i8259_next(c);

	/* Whoever it was does not ask any more; and nothing is remembered. */
	if (n == NOBODY)
		return LAST;
	c->irr &= ~(1 << n);
	if (!c->auto_eoi)
		c->isr |= 1 << n;
	return n;
}

/* As of the last board_irq(): what has come since will be told of next. */
unsigned board_acknowledge(struct user *u)
{
	struct i8259 *c = u->board.pic;
	unsigned n = i8259_acknowledge(&c[0]);

	if (n == CASCADE) {
		c++;
		n = i8259_acknowledge(c);
	}
	return c->base | n;
}

/* --- ports ------------------------------------------------------------ */

/* Rises so far are forgotten, but a line that is high does not rise again. */
static void i8259_start(struct i8259 *c, uint8_t icw1)
{
	*c = (struct i8259){
		.lines = c->lines,
		.level = c->level,
		.expected = ICW2 | (icw1 & ICW1_SINGLE ? 0 : ICW3) |
			    (icw1 & ICW1_ICW4 ? ICW4 : 0),
	};
}

/* The end of the most urgent interrupt, or of a specific one. */
static void i8259_end(struct i8259 *c, uint8_t ocw2)
{
	unsigned n = i8259_serving(c);

	if (ocw2 & OCW2_SPECIFIC)
		n = ocw2 & 7;
	else if (!(ocw2 & OCW2_EOI) || n == NOBODY)
		return;
	else
		n = (n + c->top) & 7;
	if (ocw2 & OCW2_EOI)
		c->isr &= ~(1 << n);
	if (ocw2 & OCW2_ROTATE)
		c->top = (n + 1) & 7;
}

static void i8259_command(struct i8259 *c, uint8_t value)
{
	if (value & IS_ICW1) {
		i8259_start(c, value);
	} else if (!(value & IS_OCW3)) {
		i8259_end(c, value);
	} else {
		if (value & OCW3_READ)
			c->read_isr = value & OCW3_ISR;
		if (value & OCW3_SPECIAL)
			c->special_mask = value & OCW3_MASK;
	}
}

static void i8259_data(struct i8259 *c, uint8_t value)
{
	if (!c->expected)
		c->imr = value;
	else if (c->expected & ICW2)
		c->base = value & 0xf8;
	else if (!(c->expected & ICW3))
		c->auto_eoi = value & ICW4_AUTO_EOI;
	c->expected &= c->expected - 1;
}

uint8_t i8259_port(struct user *u, unsigned chip, unsigned port, bool write,
		   uint8_t value)
{
	struct i8259 *c = &u->board.pic[chip];

	i8259_listen(u);
	if (write && port)
		i8259_data(c, value);
	else if (write)
		i8259_command(c, value);
	else if (port)
		return c->imr;
	else
		return c->read_isr ? c->isr : i8259_requests(c);
	return 0;
}
