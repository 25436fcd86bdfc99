/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as what a driver does to the console, with a user at the other
 * end who types and reads now and then.  The bytes are a list of small steps.
 * What must hold: no more is used than was made available, output never
 * exceeds its queue, and every turn ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

#define RAM	MIB(1)
#define STEPS	512

extern const struct device_type device_console;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct device *d;
static int user;
static struct {
	const uint8_t *at;
	size_t left;
} input;

static uint32_t take(unsigned bytes)
{
	uint32_t value = 0;

	while (bytes--) {
		value = value << 8 | (input.left ? *input.at : 0);
		if (input.left) {
			input.left--;
			input.at++;
		}
	}
	return value;
}

static void set_up(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		abort();
	dup2(ends[0], STDIN_FILENO);
	dup2(ends[0], STDOUT_FILENO);
	close(ends[0]);
	user = ends[1];
	fcntl(user, F_SETFL, O_NONBLOCK);
	terminal_open(rig_guest(RAM), "tty", NULL);
	d = rig_device(&device_console, NULL);
	/* Nobody wants to read these a million times. */
	d->told = UINT32_MAX;
}

/* The user reads what there is; then there is room again. */
static void read_all(void)
{
	static char buf[KIB(64)];

	while (read(user, buf, sizeof(buf)) > 0)
		;
}

/* Rings in the first 64 KiB; the offered features among those given. */
static void start(uint32_t features, unsigned size)
{
	uint64_t version_1 = UINT64_C(1) << VIRTIO_F_VERSION_1;

	virtio_set_status(d, 0);
	virtio_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER);
	virtio_accept(d, d->features & (features | version_1));
	virtio_set_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	memset(rig_at(0), 0, KIB(64));
	for (unsigned i = 0; i < 2; i++) {
		d->queues[i].size = (uint16_t)size;
		d->queues[i].desc = KIB(16) * i;
		d->queues[i].avail = KIB(16) * i + KIB(8);
		d->queues[i].used = KIB(16) * i + KIB(12);
		d->queues[i].enabled = true;
	}
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
}

static void describe(struct virtqueue *q)
{
	unsigned i = take(1) % q->size;
	gpa_t addr = take(3);
	uint32_t len = take(2);
	uint16_t flags = (uint16_t)(take(1) & 7);

	/* Now and then what no Guest has. */
	if (flags == 7)
		addr |= (gpa_t)take(4) << 32;
	rig_desc(q, i, addr, len, flags, (uint16_t)take(1));
}

static void type(unsigned n)
{
	static const char keys[256] = "\001x\003\003\003ls -l\r";

	if (write(user, keys, n) < 0 && errno != EAGAIN)
		abort();
}

static void poke(void)
{
	gpa_t addr = take(3) % (RAM - 16);

	for (unsigned i = 0; i < 12; i++)
		*(uint8_t *)rig_at(addr + i) = (uint8_t)take(1);
}

static void step(void)
{
	unsigned what = take(1);
	struct virtqueue *q = &d->queues[what >> 7];

	switch (what & 7) {
	case 0:
		describe(q);
		break;
	case 1:
		rig_avail(q, (uint16_t)take(1));
		break;
	case 2:
		rig_kick(q);
		break;
	case 3:
		type(take(1));
		rig_turn();
		break;
	case 4:
		read_all();
		rig_turn();
		break;
	case 5:
		poke();
		break;
	case 6:
		virtio_config_write(d, take(1), 1u << (take(1) & 3), take(4));
		break;
	case 7:
		start(take(4), 1u << (take(1) & 7));
		break;
	}
	if (q->live && (uint16_t)(q->last_avail - q->used_idx) > q->size)
		abort();
	if (terminal_room() > KIB(64) || d->g->ended)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!d)
		set_up();
	input.at = data;
	input.left = size;
	start(take(4), 1u << (take(1) & 7));
	for (unsigned i = 0; i < STEPS && input.left; i++)
		step();
	/* What is under way now is not the next input's. */
	virtio_set_status(d, 0);
	for (unsigned i = 0; i < 16; i++) {
		read_all();
		rig_turn();
	}
	return 0;
}
