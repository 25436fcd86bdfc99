/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550A, the serial port of every PC since 1987.  Each kernel can print on
 * it before it knows anything of virtio.  The line is infinitely fast: a byte
 * is sent the moment it is written, so the transmitter is always empty.
 */
#include <string.h>

#include "machine.h"

#define FIFO_SIZE	16

/* Registers, by offset; what is behind two of them depends on DLAB. */
enum {
	DATA = 0,		/* RBR and THR; DLAB: divisor, low */
	IER = 1,		/* DLAB: divisor, high */
	IIR = 2,		/* written: FCR */
	LCR = 3,
	MCR = 4,
	LSR = 5,
	MSR = 6,
	SCR = 7,
};

#define IER_RX		0x01
#define IER_TX		0x02
#define IER_LINE	0x04
#define IER_MODEM	0x08
#define IER_ALL		0x0f	/* a 16550A has no more bits than these */

#define IIR_MODEM	0x00	/* in rising order of priority */
#define IIR_NONE	0x01
#define IIR_TX		0x02
#define IIR_TIMEOUT	0x0c	/* fewer bytes than asked for, and no more */
#define IIR_RX		0x04
#define IIR_LINE	0x06
#define IIR_FIFO	0xc0

#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define LCR_DLAB	0x80

#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_OUT1	0x04
#define MCR_OUT2	0x08
#define MCR_LOOP	0x10
#define MCR_ALL		0x1f

#define LSR_DATA	0x01
#define LSR_OVERRUN	0x02
#define LSR_EMPTY	0x60	/* THRE and TEMT */

#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_RI		0x40
#define MSR_DCD		0x80

static struct {
	uint8_t ier, fcr, lcr, mcr, scr;
	uint8_t divisor[2];
	uint8_t delta;		/* low half of MSR */
	bool overrun;
	bool tx_done;		/* since IIR told of it last */
	bool line;		/* the level of our interrupt line */
	unsigned head, count;
	uint8_t fifo[FIFO_SIZE];
} uart;

/*
 * The most urgent reason for an interrupt.  It is worked out anew each time
 * from what the registers hold, so that it cannot disagree with them.
 */
static unsigned uart_iir(void)
{
	static const uint8_t triggers[] = { 1, 4, 8, 14 };
	unsigned fifo = uart.fcr & FCR_ENABLE ? IIR_FIFO : 0;

	if (uart.ier & IER_LINE && uart.overrun)
		return fifo | IIR_LINE;
	if (uart.ier & IER_RX && uart.count) {
		/* The timeout of a line this fast is over at once. */
		if (fifo && uart.count < triggers[uart.fcr >> 6])
			return fifo | IIR_TIMEOUT;
		return fifo | IIR_RX;
	}
	if (uart.ier & IER_TX && uart.tx_done)
		return fifo | IIR_TX;
	if (uart.ier & IER_MODEM && uart.delta)
		return fifo | IIR_MODEM;
	return fifo | IIR_NONE;
}

/*
 * Line status can be known without asking us: the transmitter is empty, so
 * bytes still on their way to us make no difference.  But for two cases: an
 * overrun ends by being read, and in loopback what is sent is received.
 */
static void uart_latch(void)
{
	bool plain = !uart.overrun && !(uart.mcr & MCR_LOOP);

	io_latch(UART_PORT + LSR, UART_PORT + DATA,
		 plain ? LSR_EMPTY | (uart.count ? LSR_DATA : 0) : -1);
}

/* Tells the hypervisor only of changes: each may cost a system call. */
static void uart_update(struct guest *g)
{
	bool line = !(uart_iir() & IIR_NONE);

	uart_latch();
	if (line == uart.line)
		return;
	uart.line = line;
	g->hv->line(g, UART_IRQ, line);
}

/* The modem's lines: all well, or in loopback what MCR says. */
static uint8_t uart_modem(void)
{
	uint8_t msr = 0;

	if (!(uart.mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	if (uart.mcr & MCR_RTS)
		msr |= MSR_CTS;
	if (uart.mcr & MCR_DTR)
		msr |= MSR_DSR;
	if (uart.mcr & MCR_OUT1)
		msr |= MSR_RI;
	if (uart.mcr & MCR_OUT2)
		msr |= MSR_DCD;
	return msr;
}

/* --- receiving --- */

/* What finds no room is lost, as on the wire; only loopback can do that. */
static void rx_put(uint8_t byte)
{
	if (uart.count == FIFO_SIZE) {
		uart.overrun = true;
		return;
	}
	uart.fifo[(uart.head + uart.count++) % FIFO_SIZE] = byte;
}

static uint8_t rx_get(void)
{
	uint8_t byte;

	if (!uart.count)
		return 0;
	byte = uart.fifo[uart.head];
	uart.head = (uart.head + 1) % FIFO_SIZE;
	uart.count--;
	return byte;
}

/*
 * A driver clears the FIFO when it starts, and then asks for interrupts.  So
 * until it asks for them we leave what was typed where it is safe.  On a PC
 * they also have to pass the gate that OUT2 is: Linux sets and clears all of
 * IER to see what chip this is, long before it opens it.
 */
static size_t rx_room(void *owner)
{
	(void)owner;
	if (!(uart.ier & IER_RX) || !(uart.mcr & MCR_OUT2) ||
	    uart.mcr & MCR_LOOP)
		return 0;
	return FIFO_SIZE - uart.count;
}

static void rx_take(void *owner, const char *bytes, size_t n)
{
	while (n--)
		rx_put(*bytes++);
	uart_update(owner);
}

static struct reader uart_reader = { .room = rx_room, .take = rx_take };

/* --- registers --- */

/* Reading LSR and MSR forgets what happened since the last time. */
static uint8_t uart_read_byte(unsigned off)
{
	uint8_t value;

	switch (off) {
	case DATA:
		return uart.lcr & LCR_DLAB ? uart.divisor[0] : rx_get();
	case IER:
		return uart.lcr & LCR_DLAB ? uart.divisor[1] : uart.ier;
	case IIR:
		value = uart_iir();
		/* Being told of it is what ends this one. */
		if ((value & ~IIR_FIFO) == IIR_TX)
			uart.tx_done = false;
		return value;
	case LCR:
		return uart.lcr;
	case MCR:
		return uart.mcr;
	case LSR:
		value = LSR_EMPTY | (uart.count ? LSR_DATA : 0) |
			(uart.overrun ? LSR_OVERRUN : 0);
		uart.overrun = false;
		return value;
	case MSR:
		value = uart_modem() | uart.delta;
		uart.delta = 0;
		return value;
	default:
		return uart.scr;
	}
}

static void uart_send(uint8_t byte)
{
	if (uart.mcr & MCR_LOOP)
		rx_put(byte);
	else
		terminal_write(&byte, 1);
	uart.tx_done = true;
}

static void uart_set_ier(uint8_t value)
{
	/* Asking tells you at once, if there is room: drivers rely on it. */
	if (value & ~uart.ier & IER_TX)
		uart.tx_done = true;
	uart.ier = value & IER_ALL;
}

static void uart_set_fcr(uint8_t value)
{
	/* Without ENABLE the other bits are not there. */
	if (!(value & FCR_ENABLE)) {
		uart.fcr = 0;
		return;
	}
	if (value & FCR_CLEAR_RX)
		uart.count = 0;
	/* The trigger level is in the bits that IIR uses for FIFO. */
	uart.fcr = value & (IIR_FIFO | FCR_ENABLE);
}

static void uart_set_mcr(uint8_t value)
{
	uint8_t before = uart_modem(), changed;

	uart.mcr = value & MCR_ALL;
	changed = before ^ uart_modem();
	/* Of the ring indicator only the end of a ring counts. */
	changed &= ~MSR_RI | (before & MSR_RI);
	uart.delta |= changed >> 4;
}

/* LSR and MSR are read-only: factory tests write them, nobody else. */
static void uart_write_byte(unsigned off, uint8_t value)
{
	switch (off) {
	case DATA:
		if (uart.lcr & LCR_DLAB)
			uart.divisor[0] = value;
		else
			uart_send(value);
		break;
	case IER:
		if (uart.lcr & LCR_DLAB)
			uart.divisor[1] = value;
		else
			uart_set_ier(value);
		break;
	case IIR:			/* where FCR is, for writes */
		uart_set_fcr(value);
		break;
	case LCR:
		uart.lcr = value;
		break;
	case MCR:
		uart_set_mcr(value);
		break;
	case SCR:
		uart.scr = value;
		break;
	}
}

/* The FIFO may have drained: get what waits for it. */
static void uart_after(struct guest *g)
{
	if (!uart.count && rx_room(g))
		terminal_feed();
	uart_update(g);
}

/* The chip has eight data lines: wider accesses are several of its own. */
static uint64_t uart_read(struct guest *g, uint64_t off, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)uart_read_byte(off + i) << (8 * i);
	uart_after(g);
	return value;
}

static void uart_write(struct guest *g, uint64_t off, unsigned width,
		       uint64_t value)
{
	for (unsigned i = 0; i < width; i++)
		uart_write_byte(off + i, value >> (8 * i));
	uart_after(g);
}

/* A slow reader stops the CPU that prints, and nothing is lost. */
static bool uart_busy(struct guest *g, uint64_t off, bool write)
{
	(void)g;
	return write && off == DATA && !(uart.lcr & LCR_DLAB) &&
	       !(uart.mcr & MCR_LOOP) && !terminal_room();
}

static const struct io_range uart_range = {
	.base = UART_PORT,
	.size = 8,
	.read = uart_read,
	.write = uart_write,
	.busy = uart_busy,
};

void uart_reset(struct guest *g)
{
	bool line = uart.line;

	memset(&uart, 0, sizeof(uart));
	uart.divisor[0] = 1;	/* 115200 baud, as firmware leaves it */
	uart.line = line;
	uart_update(g);
}

void uart_create(struct guest *g)
{
	memset(&uart, 0, sizeof(uart));
	uart_reset(g);
	uart_reader.owner = g;
	terminal_attach(&uart_reader, true);
	io_add(&uart_range);
}
