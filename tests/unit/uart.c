/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The serial port, as a driver sees it.  The terminal behind it is our own:
 * we compile uart.c once more, with the terminal's names replaced.
 */
#include <stdlib.h>

#include "rig.h"

static char printed[4096], typed[4096];
static size_t nprinted, ntyped, room = 4096;
static struct reader *reader;
static unsigned lines_set;
static bool irq;

static size_t fake_room(void)
{
	return room;
}

static void fake_write(const void *bytes, size_t n)
{
	/* The contract: what exceeds the room is lost. */
	CHECK(n <= room);
	memcpy(printed + nprinted, bytes, n);
	nprinted += n;
	room -= n;
}

static void fake_attach(struct reader *r, bool on)
{
	reader = on ? r : NULL;
}

static void fake_feed(void)
{
	size_t n;

	while (ntyped && (n = reader->room(reader->owner))) {
		if (n > ntyped)
			n = ntyped;
		reader->take(reader->owner, typed, n);
		ntyped -= n;
		memmove(typed, typed + n, ntyped);
	}
}

#define terminal_room	fake_room
#define terminal_write	fake_write
#define terminal_attach	fake_attach
#define terminal_feed	fake_feed
#define uart_create	tested_create
#define uart_reset	tested_reset
#include "../../applets/core/uart.c"

static struct guest *g;

static void set_line(struct guest *guest, unsigned number, bool level)
{
	CHECK(guest == g);
	CHECK_EQ(number, UART_IRQ);
	CHECK(level != irq);
	irq = level;
	lines_set++;
}

static const struct hypervisor hv = { .name = "test", .line = set_line };

static void plug(void)
{
	g = rig_guest(MIB(1));
	g->hv = &hv;
	uart_create(g);
}

static void out(unsigned reg, uint8_t value)
{
	io_write(g, false, UART_PORT + reg, 1, value);
}

static uint8_t in(unsigned reg)
{
	return io_read(g, false, UART_PORT + reg, 1);
}

static void type(const char *text)
{
	memcpy(typed + ntyped, text, strlen(text));
	ntyped += strlen(text);
	fake_feed();
}

/* What Linux's autoconfig does to tell one chip from another. */
static void autodetection(void)
{
	plug();
	out(IER, 0);
	CHECK_EQ(in(IER), 0);
	out(IER, 0x0f);
	CHECK_EQ(in(IER), 0x0f);
	out(IER, 0xff);			/* no bits of other chips */
	CHECK_EQ(in(IER), 0x0f);
	out(IER, 0);
	out(MCR, 0x1a);			/* loopback, OUT2, RTS */
	CHECK_EQ(in(MSR) & 0xf0, 0x90);	/* DCD, CTS */
	out(MCR, 0);
	out(SCR, 0xa5);
	CHECK_EQ(in(SCR), 0xa5);
	out(LCR, 0xbf);			/* no enhanced registers */
	out(2, 0);
	out(LCR, 0);
	CHECK_EQ(in(LCR), 0);
	out(2, 0x01);
	CHECK_EQ(in(IIR) >> 6, 3);	/* 16550A */
	out(2, 0x21);			/* but no 16750 */
	CHECK_EQ(in(IIR) >> 5, 6);
	out(LCR, 0x80);
	out(2, 0x21);
	CHECK_EQ(in(IIR) >> 5, 6);
	out(LCR, 0);
	out(2, 0);
	CHECK_EQ(in(IIR) >> 6, 0);
	CHECK_EQ(nprinted, 0);
}

static void loopback(void)
{
	plug();
	out(MCR, MCR_LOOP);
	CHECK_EQ(in(MSR) & 0xf0, 0);
	out(MCR, MCR_LOOP | MCR_DTR);
	CHECK_EQ(in(MSR) & 0xf0, MSR_DSR);
	out(MCR, MCR_LOOP | MCR_OUT1);
	CHECK_EQ(in(MSR), MSR_RI | 0x02);	/* DSR has changed */
	out(MCR, MCR_LOOP);
	CHECK_EQ(in(MSR), 0x04);		/* the end of a ring */
	for (unsigned i = 0; i < FIFO_SIZE; i++)
		out(DATA, 'a' + i);
	CHECK_EQ(in(LSR), LSR_EMPTY | LSR_DATA);
	out(DATA, 'z');				/* one too many */
	CHECK_EQ(in(LSR), LSR_EMPTY | LSR_DATA | LSR_OVERRUN);
	CHECK_EQ(in(LSR), LSR_EMPTY | LSR_DATA);
	for (unsigned i = 0; i < FIFO_SIZE; i++)
		CHECK_EQ(in(DATA), 'a' + i);
	CHECK_EQ(in(LSR), LSR_EMPTY);
	CHECK_EQ(nprinted, 0);
	/* Nobody types into a port that listens to itself. */
	out(IER, IER_RX);
	CHECK_EQ(reader->room(reader->owner), 0);
	out(MCR, MCR_OUT2);
	CHECK_EQ(reader->room(reader->owner), FIFO_SIZE);
	CHECK_EQ(in(MSR) & 0xf0, MSR_CTS | MSR_DSR | MSR_DCD);
}

static void printing(void)
{
	plug();
	out(DATA, 'o');
	out(DATA, 'k');
	CHECK_EQ(nprinted, 2);
	CHECK(!memcmp(printed, "ok", 2));
	CHECK_EQ(in(LSR), LSR_EMPTY);
	/* DLAB turns the same port into the divisor. */
	out(LCR, 0x83);
	out(DATA, 0x0c);
	out(IER, 0x01);
	CHECK_EQ(in(DATA), 0x0c);
	CHECK_EQ(in(IER), 0x01);
	out(LCR, 0x03);
	CHECK_EQ(in(IER), 0);
	CHECK_EQ(nprinted, 2);
}

static void slow_reader(void)
{
	plug();
	CHECK(!io_busy(g, false, UART_PORT, true));
	room = 0;
	CHECK(io_busy(g, false, UART_PORT, true));
	CHECK(!io_busy(g, false, UART_PORT, false));
	CHECK(!io_busy(g, false, UART_PORT + IER, true));
	out(LCR, 0x80);
	CHECK(!io_busy(g, false, UART_PORT, true));
	out(LCR, 0);
	out(MCR, MCR_LOOP);
	CHECK(!io_busy(g, false, UART_PORT, true));
	out(MCR, 0);
	CHECK(io_busy(g, false, UART_PORT, true));
	room = 1;
	CHECK(!io_busy(g, false, UART_PORT, true));
}

static void transmit_interrupt(void)
{
	plug();
	out(2, FCR_ENABLE);
	CHECK_EQ(in(IIR), IIR_FIFO | IIR_NONE);
	out(DATA, 'x');
	CHECK(!irq);
	/* Linux looks for chips that forget one of these two. */
	out(IER, IER_TX);
	CHECK(irq);
	CHECK_EQ(in(IIR), IIR_FIFO | IIR_TX);
	CHECK(!irq);
	CHECK_EQ(in(IIR), IIR_FIFO | IIR_NONE);
	out(IER, 0);
	out(IER, IER_TX);
	CHECK(irq);
	CHECK_EQ(in(IIR), IIR_FIFO | IIR_TX);
	out(DATA, 'y');
	CHECK(irq);
	out(IER, 0);
	CHECK(!irq);
}

static void receiving(void)
{
	plug();
	type("early");			/* before the driver listens */
	CHECK_EQ(in(LSR), LSR_EMPTY);
	out(2, FCR_ENABLE | FCR_CLEAR_RX);
	CHECK_EQ(ntyped, 5);
	out(IER, 0x0f);			/* what chip is this? */
	CHECK_EQ(in(IER), 0x0f);
	out(IER, 0);
	CHECK_EQ(ntyped, 5);
	out(MCR, MCR_OUT2);
	CHECK_EQ(ntyped, 5);
	out(IER, IER_RX);		/* nothing was lost */
	CHECK(irq);
	CHECK_EQ(in(LSR), LSR_EMPTY | LSR_DATA);
	CHECK_EQ(in(IIR), IIR_FIFO | IIR_RX);
	for (const char *c = "early"; *c; c++)
		CHECK_EQ(in(DATA), *c);
	CHECK(!irq);
	CHECK_EQ(in(LSR), LSR_EMPTY);
	CHECK_EQ(in(DATA), 0);
	/* Below the trigger it is the timeout that tells. */
	out(2, FCR_ENABLE | 0xc0);
	type("0123456789abc");
	CHECK_EQ(in(IIR), IIR_FIFO | IIR_TIMEOUT);
	type("d");
	CHECK_EQ(in(IIR), IIR_FIFO | IIR_RX);
	out(2, FCR_ENABLE | FCR_CLEAR_RX);
	CHECK_EQ(in(LSR), LSR_EMPTY);
	CHECK(!irq);
}

/* More than the FIFO holds comes in order, as the driver makes room. */
static void long_input(void)
{
	char text[1001] = "";

	for (unsigned i = 0; i < 1000; i++)
		text[i] = 'a' + i % 26;
	plug();
	out(MCR, MCR_OUT2);
	out(IER, IER_RX);
	type(text);
	CHECK_EQ(ntyped, 1000 - FIFO_SIZE);
	for (unsigned i = 0; i < 1000; i++) {
		CHECK(irq);
		CHECK(in(LSR) & LSR_DATA);
		CHECK_EQ(in(DATA), text[i]);
	}
	CHECK_EQ(in(LSR), LSR_EMPTY);
	CHECK(!irq);
}

static void reset(void)
{
	plug();
	out(IER, IER_RX | IER_TX);
	out(SCR, 1);
	out(LCR, 0x83);
	out(MCR, 0x0b);
	type("x");
	CHECK(irq);
	uart_reset(g);
	CHECK(!irq);
	for (unsigned reg = IER; reg < LSR; reg++)
		CHECK_EQ(in(reg), reg == IIR ? IIR_NONE : 0);
	CHECK_EQ(in(LSR), LSR_EMPTY);
	CHECK_EQ(in(SCR), 0);
	/* A reboot may make it again: there is still one. */
	uart_create(g);
	room = 100;
	out(DATA, 'x');
	CHECK_EQ(room, 99);
}

/* Accesses wider than the chip, and across its end. */
static void widths(void)
{
	plug();
	io_write(g, false, UART_PORT, 2, 0x0141);
	CHECK_EQ(nprinted, 1);
	CHECK_EQ(printed[0], 'A');
	CHECK_EQ(in(IER), 1);
	CHECK_EQ(io_read(g, false, UART_PORT + 4, 4), 0x00b06000);
	CHECK_EQ(io_read(g, false, UART_PORT + 7, 2), 0xffff);
	CHECK_EQ(io_read(g, false, UART_PORT + 8, 1), 0xff);
	io_write(g, false, UART_PORT + 6, 4, UINT64_MAX);
	CHECK_EQ(in(SCR), 0);
}

/* Anything to any register, in no order: the line stays true to IIR. */
static void anything(void)
{
	static const unsigned widths_of[] = { 1, 1, 1, 2, 4, 8 };

	plug();
	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned reg = rand() % 8, width = widths_of[rand() % 6];

		room = 64;
		nprinted = 0;
		if (ntyped < 100)
			type("hello");
		if (rand() % 2)
			io_write(g, false, UART_PORT + reg, width,
				 (uint64_t)rand() << 20 ^ rand());
		else
			io_read(g, false, UART_PORT + reg, width);
		CHECK(uart.count <= FIFO_SIZE);
		CHECK(irq == !(uart_iir() & IIR_NONE));
	}
	CHECK(lines_set > 0);
}

int main(void)
{
	RUN(autodetection);
	RUN(loopback);
	RUN(printing);
	RUN(slow_reader);
	RUN(transmit_interrupt);
	RUN(receiving);
	RUN(long_input);
	RUN(reset);
	RUN(widths);
	RUN(anything);
	return rig_done();
}
