/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver of the virtio console, and the user at the other end of a
 * socketpair.
 */
#ifndef CONSOLEDRIVER_H
#define CONSOLEDRIVER_H

#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
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
static inline void make(void)
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

static inline void begin(unsigned size)
{
	make();
	rig_start(d, SIZE | EMERG | EVENT_IDX | INDIRECT, size);
}

static inline void end(void)
{
	terminal_close();
	dup2(own_stdout, STDOUT_FILENO);
}

static inline void turns(unsigned n)
{
	while (n--)
		rig_turn();
}

static inline gpa_t text_at(const char *text)
{
	gpa_t at = rig_alloc(strlen(text));

	memcpy(rig_at(at), text, strlen(text));
	return at;
}

/* All that has come to the user by now. */
static inline size_t read_user(char *buf, size_t size)
{
	size_t n = 0;
	ssize_t more;

	turns(2);
	while (n < size && (more = read(user, buf + n, size - n)) > 0)
		n += more;
	return n;
}

static inline bool user_sees(const char *want)
{
	char buf[4096];
	size_t n = read_user(buf, sizeof(buf));

	if (n == strlen(want) && !memcmp(buf, want, n))
		return true;
	fprintf(stderr, "wanted \"%s\", got \"%.*s\"\n", want, (int)n, buf);
	return false;
}

static inline void type(const char *text)
{
	CHECK_EQ(write(user, text, strlen(text)), strlen(text));
	turns(3);
}

static inline unsigned all_used(struct virtqueue *q, uint32_t *bytes)
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

static inline unsigned used(struct virtqueue *q)
{
	uint32_t bytes;

	return all_used(q, &bytes);
}

static inline void add_rx(gpa_t at, uint32_t len)
{
	struct rig_buffer b = { at, len, true };

	rig_add(rx, &b, 1);
}

#endif
