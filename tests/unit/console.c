/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtio console, with the test as driver, between two socket ends. */
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

extern const struct device_type device_console;

#define SIZE		(UINT64_C(1) << VIRTIO_CONSOLE_F_SIZE)
#define EMERG		(UINT64_C(1) << VIRTIO_CONSOLE_F_EMERG_WRITE)
#define EVENT_IDX	(UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT	(UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)

static struct device *d;
static struct virtqueue *rx, *tx;
static int user;	/* the other end of the console */
static int own_stdout;

/* The terminal is a socket at descriptors 0 and 1. */
static void make(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		abort();
	own_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	dup2(ends[0], STDIN_FILENO);
	dup2(ends[0], STDOUT_FILENO);
	close(ends[0]);
	user = ends[1];
	fcntl(user, F_SETFL, O_NONBLOCK);
	terminal_open(rig_guest(MIB(4)), "tty", NULL);
	terminal_raw();
	d = rig_device(&device_console, NULL);
	rx = &d->queues[0];
	tx = &d->queues[1];
}

static void begin(unsigned size)
{
	make();
	rig_start(d, SIZE | EMERG | EVENT_IDX | INDIRECT, size);
}

static void end(void)
{
	terminal_close();
	dup2(own_stdout, STDOUT_FILENO);
}

static void turns(unsigned n)
{
	while (n--)
		rig_turn();
}

static gpa_t text_at(const char *text)
{
	gpa_t at = rig_alloc(strlen(text));

	memcpy(rig_at(at), text, strlen(text));
	return at;
}

/* All that has come to the user by now. */
static size_t read_user(char *buf, size_t size)
{
	size_t n = 0;
	ssize_t more;

	turns(2);
	while (n < size && (more = read(user, buf + n, size - n)) > 0)
		n += more;
	return n;
}

static bool user_sees(const char *want)
{
	char buf[4096];
	size_t n = read_user(buf, sizeof(buf));

	if (n == strlen(want) && !memcmp(buf, want, n))
		return true;
	fprintf(stderr, "wanted \"%s\", got \"%.*s\"\n", want, (int)n, buf);
	return false;
}

static void type(const char *text)
{
	CHECK_EQ(write(user, text, strlen(text)), strlen(text));
	turns(3);
}

static unsigned all_used(struct virtqueue *q, uint32_t *bytes)
{
	unsigned n = 0;
	uint16_t head;
	uint32_t len;

	*bytes = 0;
	while (rig_used(q, &head, &len)) {
		*bytes += len;
		n++;
	}
	return n;
}

static unsigned used(struct virtqueue *q)
{
	uint32_t bytes;

	return all_used(q, &bytes);
}

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

static void add_rx(gpa_t at, uint32_t len)
{
	struct rig_buffer b = { at, len, true };

	rig_add(rx, &b, 1);
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

/* One chain of one buffer in a queue; does the device live on? */
static bool survives(unsigned queue, gpa_t addr, uint32_t len, uint16_t flags)
{
	struct virtqueue *q = &d->queues[queue];

	rig_start(d, SIZE, 4);
	rig_desc(q, 0, addr, len, flags, 0);
	rig_avail(q, 0);
	rig_kick(q);
	turns(2);
	return !d->broken;
}

static void buffers_at_the_edge_of_ram(void)
{
	const gpa_t end_of_ram = MIB(4);
	static const struct {
		gpa_t addr;
		uint32_t len;
		bool fine;
	} t[] = {
		{ 0, 0, true },
		{ 0, 1, true },
		{ 0, 0xffffffff, false },
		{ MIB(4) - 1, 1, true },
		{ MIB(4) - 1, 2, false },
		{ MIB(4), 1, false },
		{ MIB(4), 0, true },
		{ 0xffffffff, 1, false },
		{ 0xffffffff, 0xffffffff, false },
		{ UINT64_MAX, 1, false },
		{ UINT64_MAX, 0xffffffff, false },
	};

	make();
	CHECK_EQ(d->g->mem.size, end_of_ram);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		CHECK_EQ(survives(1, t[i].addr, t[i].len, 0), t[i].fine);
		CHECK_EQ(survives(0, t[i].addr, t[i].len, VRING_DESC_F_WRITE),
			 t[i].fine);
	}
	end();
}

static void broken_chains(void)
{
	make();
	CHECK(!survives(1, 0, 1, VRING_DESC_F_NEXT));	/* to itself */
	CHECK(!survives(0, 0, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE));
	/* Said once a run, however often. */
	CHECK_EQ(rig_warnings(), 1);
	/* The wrong direction is nothing to print, or no room to read. */
	CHECK(survives(1, 0, 100, VRING_DESC_F_WRITE));
	CHECK_EQ(used(tx), 1);
	CHECK(survives(0, 0, 100, 0));
	CHECK_EQ(used(rx), 1);
	CHECK(user_sees(""));
	end();
}

/* No room in any of them: all come back, nothing spins or is lost. */
static void receive_buffers_without_room(void)
{
	uint32_t bytes;
	gpa_t at;

	begin(8);
	type("key");
	for (unsigned i = 0; i < 7; i++)
		add_rx(0, 0);
	at = rig_alloc(8);
	add_rx(at, 8);
	rig_kick(rx);
	turns(3);
	CHECK_EQ(all_used(rx, &bytes), 8);
	CHECK_EQ(bytes, 3);
	CHECK(!memcmp(rig_at(at), "key", 3));
	end();
}

static void buffers_of_one_byte(void)
{
	static char keys[65];
	gpa_t at;

	begin(64);
	at = rig_alloc(64);
	memset(keys, 'z', 64);
	for (unsigned i = 0; i < 64; i++)
		add_rx(at + i, 1);
	rig_kick(rx);
	type(keys);
	turns(70);
	CHECK_EQ(used(rx), 64);
	CHECK(!memcmp(rig_at(at), keys, 64));
	end();
}

/* A chain of many times all of RAM: bounded work a turn, others go on. */
static void endless_chain(void)
{
	struct rig_buffer b[63];
	char buf[KIB(64)];

	begin(64);
	for (unsigned i = 0; i < ARRAY_SIZE(b); i++)
		b[i] = (struct rig_buffer){ 0, MIB(4), false };
	rig_add_indirect(tx, b, ARRAY_SIZE(b));
	rig_kick(tx);
	add_rx(rig_alloc(8), 8);
	rig_kick(rx);
	for (unsigned i = 0; i < 50; i++)
		CHECK(read_user(buf, sizeof(buf)) <= sizeof(buf));
	CHECK_EQ(used(tx), 0);
	type("k");
	CHECK_EQ(used(rx), 1);
	/* The same with nobody to slow it down. */
	close(user);
	for (unsigned i = 0; i < 10; i++)
		rig_turn();
	CHECK_EQ(used(tx), 0);
	virtio_set_status(d, 0);
	end();
}

static void a_queueful_a_turn(void)
{
	struct rig_buffer b = { 0, 1, false };

	begin(8);
	b.gpa = text_at("y");
	for (unsigned i = 0; i < 8; i++)
		rig_add(tx, &b, 1);
	rig_kick(tx);
	turns(3);
	CHECK(user_sees("yyyyyyyy"));
	CHECK_EQ(used(tx), 8);
	CHECK(!tx->quiet);
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
	/* Linux looks only when it is told. */
	rig_start(d, SIZE, 4);
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
	RUN(buffers_at_the_edge_of_ram);
	RUN(broken_chains);
	RUN(receive_buffers_without_room);
	RUN(buffers_of_one_byte);
	RUN(endless_chain);
	RUN(a_queueful_a_turn);
	RUN(emergency_write);
	RUN(emergency_storm);
	RUN(size_of_the_window);
	RUN(ping_pong);
	return rig_done();
}
