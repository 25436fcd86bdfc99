/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two interrupt controllers of a PC (Intel's data sheet of the 8259A).
 * What they would tell the CPU is worked out anew, in one place, after each
 * change of what their registers hold, so that it cannot disagree with them.
 *
 * Left out is what kernels of PCs have no use for: polling, rotating
 * priorities, special modes of masks and nesting.  Who asks for one of these
 * is heard and gets the ordinary.
 */
#include "user.h"

#define CASCADE_LINE	2	/* the first chip's for the second */
#define CASCADE		(1u << CASCADE_LINE)
#define LAST		7	/* which is blamed if nobody was it */
#define NOBODY		8

/* Command port: which word it is, and what it says. */
#define IS_ICW1		0x10
#define IS_OCW3		0x08
#define ICW1_ICW4	0x01	/* there will be one */
#define ICW1_SINGLE	0x02	/* there will be no ICW3 */
#define OCW2_EOI	0x20
#define OCW2_SPECIFIC	0x40
#define OCW3_ISR	0x01
#define OCW3_READ	0x02	/* the bit above is meant */

/* Data port, after ICW1: what is still to come, in this order. */
#define ICW2		0x01
#define ICW3		0x02	/* who is whose: there is no choice */
#define ICW4		0x04
#define ICW4_AUTO_EOI	0x02

/* The most urgent of these lines is the lowest; 8: none. */
static unsigned i8259_first(uint8_t lines)
{
	return __builtin_ctz(lines | 1 << NOBODY);
}

/*
 * What has happened to its lines, and who is next: to be that it has to be
 * more urgent than all that are being served.
 */
static void i8259_hear(struct i8259 *c, uint8_t rises, uint8_t lines)
{
	unsigned n;

	c->irr = ((c->irr | rises) & ~c->level) | (lines & c->level);
	n = i8259_first(c->irr & ~c->imr);
	c->next = n < i8259_first(c->isr) ? n : NOBODY;
}

/* After each change, and before somebody looks. */
static void i8259_listen(struct user *u)
{
	struct i8259 *c = u->board.pic;
	/* A locked exchange is not for each time that somebody asks. */
	uint32_t rises = u->irqs ? atomic_exchange(&u->irqs, 0) : 0;
	uint32_t lines = u->levels & ~CASCADE;

	i8259_hear(&c[1], rises >> 8, lines >> 8);
	if (c[1].next != NOBODY)
		lines |= CASCADE;
	i8259_hear(&c[0], rises, lines);
}

int board_irq(struct user *u)
{
	struct i8259 *c = u->board.pic;

	i8259_listen(u);
	if (c->next == CASCADE_LINE)
		c++;
	return c->next == NOBODY ? -1 : c->base | c->next;
}

static unsigned i8259_acknowledge(struct i8259 *c)
{
	unsigned n = c->next;

	/* It was nobody; and nothing is remembered. */
	if (n >= NOBODY)
		return c->base | LAST;
	c->next = NOBODY;
	c->irr &= ~(1 << n);
	if (!c->auto_eoi)
		c->isr |= 1 << n;
	return c->base | n;
}

/* As of the last board_irq(): what has come since will be told of next. */
unsigned board_acknowledge(struct user *u)
{
	struct i8259 *c = u->board.pic;
	bool cascade = c->next == CASCADE_LINE;
	unsigned vector = i8259_acknowledge(&c[0]);

	return cascade ? i8259_acknowledge(&c[1]) : vector;
}

/* --- ports ------------------------------------------------------------ */

/* All is forgotten but how the lines are wired. */
static void i8259_start(struct i8259 *c, uint8_t icw1)
{
	*c = (struct i8259){
		.level = c->level,
		.expected = ICW2 | (icw1 & ICW1_SINGLE ? 0 : ICW3) |
			    (icw1 & ICW1_ICW4 ? ICW4 : 0),
	};
}

/* The end of the most urgent interrupt, or of a specific one. */
static void i8259_end(struct i8259 *c, uint8_t ocw2)
{
	if (!(ocw2 & OCW2_EOI))
		return;
	if (ocw2 & OCW2_SPECIFIC)
		c->isr &= ~(1 << (ocw2 & 7));
	else
		c->isr &= c->isr - 1;
}

static void i8259_command(struct i8259 *c, uint8_t value)
{
	if (value & IS_ICW1) {
		i8259_start(c, value);
	} else if (!(value & IS_OCW3)) {
		i8259_end(c, value);
	} else if (value & OCW3_READ) {
		c->read_isr = value & OCW3_ISR;
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

	if (write && port)
		i8259_data(c, value);
	else if (write)
		i8259_command(c, value);
	i8259_listen(u);
	if (port)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}
