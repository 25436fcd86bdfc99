/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The console (VIRTIO 5.3): bytes in, bytes out, and how large the window is.
 * The other end of it is the terminal's business.
 */
#include <linux/virtio_console.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <string.h>

#include "machine.h"

#define RECEIVEQ	0
#define TRANSMITQ	1
/* How much is copied at once, and how much in one go before others' turn. */
#define COPY_BYTES	KIB(4)
#define TURN_BYTES	KIB(64)
/* From a driver's first output until it can bear news: see console_settled. */
#define SETTLE_NS	UINT64_C(1000000000)
#define EMERG_OFFSET	offsetof(struct virtio_console_config, emerg_wr)

struct console {
	struct device *d;
	struct reader reader;
	bool kicking;		/* inside of receive() */
	bool spoke, settled;
	struct timer settle;

	/*
	 * Chains that we hold: taken off the queue, not yet given back.  One
	 * that is printed in parts, and a buffer for what will be typed.
	 */
	bool sending, receiving;
	uint64_t sent;
	struct chain tx, rx;
};

/* The next part of tx; false when the terminal has no room. */
static bool send_part(struct console *s, uint64_t *budget)
{
	char buf[COPY_BYTES];
	uint64_t n = s->tx.out_len - s->sent;
	size_t room = terminal_room();

	if (!room)
		return false;
	if (n > room)
		n = room;
	if (n > sizeof(buf))
		n = sizeof(buf);
	if (n > *budget)
		n = *budget;
	/* Copied once, so that all who look at it see the same bytes. */
	n = iov_read(s->tx.out, s->tx.nout, s->sent, buf, n);
	terminal_write(buf, n);
	s->sent += n;
	*budget -= n;
	return true;
}

/* Without a window there is no news to wait for, nor a clock to ask. */
static void console_speaks(struct console *s)
{
	uint16_t cols, rows;

	s->spoke = true;
	if (terminal_size(&cols, &rows))
		s->settle.when = now_ns() + SETTLE_NS;
}

/* A chain may have 4 GiB in each buffer: what one turn prints is bounded. */
static bool send_kick(struct console *s, struct virtqueue *q)
{
	uint64_t budget = TURN_BYTES;
	unsigned chains = 0;

	if (!s->spoke)
		console_speaks(s);
	while (budget && chains < q->size) {
		if (!s->sending && !vq_pop(q, &s->tx))
			return true;
		if (!s->sending)
			s->sent = 0;
		s->sending = true;
		while (s->sent < s->tx.out_len && budget)
			if (!send_part(s, &budget))
				return false;	/* see room_again() */
		if (s->sent < s->tx.out_len)
			break;
		s->sending = false;
		vq_push(q, s->tx.head, 0);
		chains++;
	}
	loop_again(q);
	return false;
}

/* The terminal's reader took something: on with the chain that we hold. */
static void room_again(void *owner)
{
	struct console *s = owner;

	if (s->sending)
		virtio_serve(&s->d->queues[TRANSMITQ]);
}

/*
 * The reader's end.  We hold one buffer, so we know for sure what fits.  One
 * without a byte of room goes back at once; a turn ends after a queueful.
 */
static size_t receive_room(void *owner)
{
	struct console *s = owner;
	struct virtqueue *q = &s->d->queues[RECEIVEQ];

	for (unsigned n = 0; !s->receiving && n < q->size; n++) {
		if (!vq_pop(q, &s->rx))
			return 0;
		s->receiving = s->rx.in_len;
		if (!s->receiving)
			vq_push(q, s->rx.head, 0);
	}
	if (!s->receiving || !q->live)
		return 0;
	return s->rx.in_len < COPY_BYTES ? s->rx.in_len : COPY_BYTES;
}

static void receive_take(void *owner, const char *bytes, size_t n)
{
	struct console *s = owner;
	struct virtqueue *q = &s->d->queues[RECEIVEQ];

	n = iov_write(s->rx.in, s->rx.nin, 0, bytes, n);
	s->receiving = false;
	vq_push(q, s->rx.head, n);
	/* Interrupts, and asks for kicks again if that was the last buffer. */
	if (!s->kicking)
		virtio_serve(q);
}

/*
 * With a buffer left over we have no use for kicks: who types wakes us, not
 * the driver.
 */
static bool receive_kick(struct console *s)
{
	s->kicking = true;
	terminal_feed();
	s->kicking = false;
	return !receive_room(s);
}

static bool console_kick(struct device *d, struct virtqueue *q)
{
	if (q->index == RECEIVEQ)
		return receive_kick(d->state);
	return send_kick(d->state, q);
}

/* Everything in config is ours but emerg_wr, which reads as 0. */
static void fill_config(struct device *d)
{
	uint16_t size[2] = { 0, 0 };

	terminal_size(&size[0], &size[1]);
	memset(d->config, 0, sizeof(struct virtio_console_config));
	for (unsigned i = 0; i < 2; i++) {
		d->config[2 * i] = size[i] & 0xff;
		d->config[2 * i + 1] = size[i] >> 8;
	}
}

/* The terminal's window has another size. */
static void console_resized(void *owner)
{
	struct device *d = owner;
	struct console *s = d->state;

	fill_config(d);
	if (s->spoke && !s->settled)
		s->settle.when = now_ns() + SETTLE_NS;
	else if (s->settled && virtio_has(d, VIRTIO_CONSOLE_F_SIZE))
		virtio_config_changed(d);
}

/*
 * Linux reads the size only when told that it changed, and follows a pointer
 * that is not there yet if told as soon as it is ready.  Once it prints it is
 * almost through; then we wait a little more.
 */
static void console_settled(void *owner)
{
	struct console *s = owner;
	uint16_t cols, rows;

	s->settled = true;
	if (terminal_size(&cols, &rows))
		console_resized(s->d);
}

/* Emergency write (VIRTIO 5.3.5): at any time, without any queue. */
static void console_config_written(struct device *d, unsigned off,
				   unsigned len)
{
	uint8_t c = d->config[EMERG_OFFSET];

	fill_config(d);
	if (off <= EMERG_OFFSET && off + len > EMERG_OFFSET)
		terminal_write(&c, 1);
}

static void console_changed(struct device *d)
{
	struct console *s = d->state;
	bool on = d->status & VIRTIO_CONFIG_S_DRIVER_OK;

	/* A reset takes back all buffers, those that we hold too. */
	if (!on) {
		s->sending = s->receiving = false;
		s->spoke = s->settled = false;
		s->settle.when = 0;
	}
	terminal_attach(&s->reader, on);
}

static void console_open(struct device *d)
{
	struct console *s = d->state;

	s->d = d;
	s->reader = (struct reader){
		.room = receive_room,
		.take = receive_take,
		.owner = s,
	};
	s->settle = (struct timer){ .expired = console_settled, .owner = s };
	timer_add(&s->settle);
	fill_config(d);
	terminal_on_room(room_again, s);
	terminal_on_resize(console_resized, d);
}

const struct device_type device_console = {
	.name = "console",
	.always = true,
	.id = VIRTIO_ID_CONSOLE,
	.pci_class = 0x078000,
	.nqueues = 2,
	.features = UINT64_C(1) << VIRTIO_CONSOLE_F_SIZE |
		    UINT64_C(1) << VIRTIO_CONSOLE_F_EMERG_WRITE,
	.modern_features = UINT64_C(1) << VIRTIO_CONSOLE_F_EMERG_WRITE,
	.config_size = sizeof(struct virtio_console_config),
	.state_size = sizeof(struct console),
	.open = console_open,
	.kick = console_kick,
	.changed = console_changed,
	.config_written = console_config_written,
};
