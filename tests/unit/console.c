/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtio console, with the test as driver. */
#include <sys/ioctl.h>

#include "consoledriver.h"

static void prints(void)
{
	struct rig_buffer b[3];

	begin(8);
	b[0] = (struct rig_buffer){ text_at("Hello, "), 7, false };
	b[1] = (struct rig_buffer){ text_at("Host"), 4, false };
	b[2] = (struct rig_buffer){ text_at("!\r\n"), 3, false };
	rig_add(tx, b, 3);
	rig_add_indirect(tx, b, 3);
	rig_kick(tx);
	CHECK(user_sees("Hello, Host!\r\nHello, Host!\r\n"));
	CHECK_EQ(used(tx), 2);
	CHECK_EQ(rig_interrupts(d, tx), 1);
	end();
}

static void reads(void)
{
	gpa_t at;
	uint32_t bytes;

	begin(8);
	at = rig_alloc(64);
	add_rx(at, 32);
	add_rx(at + 32, 32);
	rig_kick(rx);
	CHECK_EQ(used(rx), 0);
	rig_interrupts(d, rx);
	type("ls -l\n");
	CHECK_EQ(all_used(rx, &bytes), 1);
	CHECK_EQ(bytes, 6);
	CHECK(!memcmp(rig_at(at), "ls -l\n", 6));
	CHECK_EQ(rig_interrupts(d, rx), 1);
	end();
}

/* Typing before the driver is ready is not lost and hangs nothing. */
static void typed_early(void)
{
	gpa_t at;
	uint32_t bytes;

	make();
	type("early");
	rig_start(d, SIZE, 8);
	turns(2);
	at = rig_alloc(8);
	add_rx(at, 3);
	rig_kick(rx);
	turns(2);
	CHECK_EQ(all_used(rx, &bytes), 1);
	CHECK_EQ(bytes, 3);
	CHECK(!memcmp(rig_at(at), "ear", 3));
	add_rx(at, 8);
	rig_kick(rx);
	turns(2);
	CHECK_EQ(all_used(rx, &bytes), 1);
	CHECK(!memcmp(rig_at(at), "ly", 2));
	end();
}

/* With the last buffer gone we must hear of the next one. */
static void kicks_are_wanted_when_buffers_ran_out(void)
{
	struct vring_used *ring;
	uint16_t *event;
	gpa_t at;

	begin(8);
	ring = rig_at(rx->used);
	event = (uint16_t *)&ring->ring[8];
	at = rig_alloc(8);
	for (unsigned i = 1; i < 30; i++) {
		add_rx(at, 1);
		rig_kick(rx);
		type("k");
		CHECK_EQ(used(rx), 1);
		CHECK_EQ(*event, i);
		CHECK(!rx->quiet);
	}
	end();
}

static void out_of_buffers_the_user_waits(void)
{
	static char block[KIB(16)];
	size_t n = 0, taken = 0;
	uint32_t bytes;
	ssize_t done;
	gpa_t at;

	begin(8);
	memset(block, 'q', sizeof(block));
	for (unsigned i = 0; i < 4096; i++) {
		done = write(user, block, sizeof(block));
		n += done > 0 ? done : 0;
		rig_turn();
	}
	/* 64 MiB were offered; a socket's buffer is all that was taken. */
	CHECK(n < MIB(4));
	at = rig_alloc(4096);
	while (taken < n) {
		add_rx(at, 4096);
		rig_kick(rx);
		turns(2);
		CHECK_EQ(all_used(rx, &bytes), 1);
		if (!bytes)
			break;
		taken += bytes;
	}
	CHECK_EQ(taken, n);
	end();
}

/* More than the user takes: the chain is given back only when it is out. */
static void slow_user(void)
{
	static char out[MIB(1)];
	gpa_t at;
	size_t n = 0;
	struct rig_buffer b;

	begin(8);
	at = rig_alloc(sizeof(out));
	for (size_t i = 0; i < sizeof(out); i++)
		((char *)rig_at(at))[i] = i * 7 >> 3;
	b = (struct rig_buffer){ at, sizeof(out), false };
	rig_add(tx, &b, 1);
	rig_kick(tx);
	turns(100);
	CHECK_EQ(used(tx), 0);
	CHECK_EQ(terminal_room(), 0);
	/* Other queues go on meanwhile. */
	add_rx(rig_alloc(8), 8);
	rig_kick(rx);
	type("k");
	CHECK_EQ(used(rx), 1);
	for (unsigned i = 0; i < 1000 && n < sizeof(out); i++)
		n += read_user(out + n, sizeof(out) - n);
	CHECK_EQ(n, sizeof(out));
	CHECK(!memcmp(out, rig_at(at), sizeof(out)));
	turns(3);
	CHECK_EQ(used(tx), 1);
	/* And the queue is alive, with kicks wanted again. */
	b.len = 5;
	rig_add(tx, &b, 1);
	CHECK(!tx->quiet);
	rig_kick(tx);
	CHECK_EQ(used(tx), 1);
	end();
}

static void user_gone(void)
{
	struct rig_buffer b = { 0, 1000, false };

	begin(8);
	b.gpa = rig_alloc(1000);
	close(user);
	rig_warnings();
	for (unsigned i = 0; i < 100; i++) {
		rig_add(tx, &b, 1);
		rig_kick(tx);
		turns(2);
		CHECK_EQ(used(tx), 1);
	}
	CHECK_EQ(rig_warnings(), 1);
	CHECK(!d->broken);
	end();
}

/* A reset forgets what we held, in both directions. */
static void reset_in_flight(void)
{
	struct rig_buffer b = { 0, MIB(1), false };

	begin(8);
	b.gpa = rig_alloc(MIB(1));
	add_rx(rig_alloc(8), 8);
	rig_kick(rx);
	rig_add(tx, &b, 1);
	rig_kick(tx);
	turns(20);
	virtio_set_status(d, 0);
	type("x");
	for (char buf[4096]; read_user(buf, sizeof(buf)); )
		;
	rig_start(d, SIZE, 4);
	CHECK_EQ(used(tx), 0);
	CHECK_EQ(used(rx), 0);
	b = (struct rig_buffer){ text_at("again"), 5, false };
	rig_add(tx, &b, 1);
	rig_kick(tx);
	CHECK(user_sees("again"));
	CHECK_EQ(used(tx), 1);
	add_rx(rig_alloc(8), 8);
	rig_kick(rx);
	turns(2);
	CHECK_EQ(used(rx), 1);
	end();
}

/* ------------------------------------------------------------------ */

static void emergency_write(void)
{
	make();
	/* Before DRIVER_OK, before anything. */
	virtio_config_write(d, 8, 4, 'A');
	virtio_config_write(d, 8, 1, 'B');
	virtio_config_write(d, 8, 2, 'C' | 0x4400);
	CHECK(user_sees("ABC"));
	virtio_config_write(d, 9, 1, 'x');
	virtio_config_write(d, 0, 4, 'x');
	virtio_config_write(d, 11, 1, 'x');
	virtio_config_write(d, 12, 4, 'x');
	virtio_config_write(d, 255, 1, 'x');
	CHECK(user_sees(""));
	/* What was written stays nowhere. */
	for (unsigned i = 0; i < 16; i++)
		CHECK_EQ(virtio_config_read(d, i, 1), 0);
	rig_start(d, EMERG, 4);
	virtio_config_write(d, 8, 4, 'D');
	CHECK(user_sees("D"));
	end();
}

/* A storm of them in front of a reader that is not there. */
static void emergency_storm(void)
{
	make();
	for (unsigned i = 0; i < 1000000; i++)
		virtio_config_write(d, 8, 4, '!');
	CHECK_EQ(terminal_room(), 0);
	end();
}

static void size_of_the_window(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct winsize ws = { .ws_row = 25, .ws_col = 80 };

	if (master < 0 || grantpt(master) || unlockpt(master)) {
		rig_skip("no pty");
		return;
	}
	CHECK_EQ(ioctl(master, TIOCSWINSZ, &ws), 0);
	terminal_open(rig_guest(MIB(1)), ptsname(master), NULL);
	d = rig_device(&device_console, NULL);
	CHECK_EQ(virtio_config_read(d, 0, 4), 25 << 16 | 80);
	/* Linux looks only when it is told, and must not be told at once. */
	rig_start(d, SIZE, 4);
	raise(SIGWINCH);
	rig_turn();
	CHECK_EQ(rig_interrupts(d, NULL), 0);
	rig_add(&d->queues[1],
		&(struct rig_buffer){ rig_alloc(1), 1, false }, 1);
	rig_kick(&d->queues[1]);
	CHECK_EQ(rig_interrupts(d, NULL), 0);
	loop_turn(d->g, -1);	/* up to the timer */
	CHECK_EQ(rig_interrupts(d, NULL), 1);
	ws.ws_col = 132;
	CHECK_EQ(ioctl(master, TIOCSWINSZ, &ws), 0);
	raise(SIGWINCH);
	rig_turn();
	CHECK_EQ(rig_interrupts(d, NULL), 1);
	CHECK_EQ(virtio_config_read(d, 0, 2), 132);
	/* A driver that did not ask for it is left in peace. */
	rig_start(d, 0, 4);
	raise(SIGWINCH);
	rig_turn();
	CHECK_EQ(rig_interrupts(d, NULL), 0);
}

/* Kick, type, read, over and over: no wake-up is lost. */
static void ping_pong(void)
{
	struct rig_buffer in = { 0, 4, true }, out = { 0, 4, false };
	unsigned i;
	uint16_t head;
	char buf[8];

	begin(4);
	in.gpa = rig_alloc(4);
	out.gpa = text_at("ping");
	for (i = 0; i < 20000; i++) {
		rig_add(rx, &in, 1);
		virtio_notify(d, 0);
		rig_add(tx, &out, 1);
		virtio_notify(d, 1);
		rig_turn();
		if (read(user, buf, sizeof(buf)) != 4 ||
		    write(user, "pong", 4) != 4)
			break;
		rig_turn();
		if (!rig_used(rx, &head, NULL) || !rig_used(tx, &head, NULL))
			break;
	}
	CHECK_EQ(i, 20000);
	end();
}

int main(void)
{
	RUN(prints);
	RUN(reads);
	RUN(typed_early);
	RUN(kicks_are_wanted_when_buffers_ran_out);
	RUN(out_of_buffers_the_user_waits);
	RUN(slow_user);
	RUN(user_gone);
	RUN(reset_in_flight);
	RUN(emergency_write);
	RUN(emergency_storm);
	RUN(size_of_the_window);
	RUN(ping_pong);
	return rig_done();
}
