/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random numbers (VIRTIO 5.4): the driver queues buffers, the Host's own pool
 * fills them.  It fills at least one byte of each, and it never waits: a Host
 * that has just booted may not have any randomness to give away yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "guest.h"

/* Nobody needs more at a time, whatever the size of the buffer. */
#define BYTES_MAX	KIB(4)
#define RETRY_NS	UINT64_C(100000000)

struct rng {
	int fd;			/* /dev/urandom, or -1: getrandom(2) */
	struct timer retry;	/* set while a request waits for the pool */
};

/*
 * Both may give less than asked for, and neither blocks: /dev/urandom never
 * did, which is why it is the fallback and not /dev/random.
 */
static ssize_t rng_read(const struct rng *rng, void *buf, size_t len)
{
	ssize_t n;

	do {
		n = rng->fd >= 0 ? read(rng->fd, buf, len) :
				   getrandom(buf, len, GRND_NONBLOCK);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* Returns how many bytes there were to have; 0 means: not now. */
static size_t rng_fill(struct device *d, const struct chain *c)
{
	size_t done = 0;

	for (unsigned i = 0; i < c->nin && done < BYTES_MAX; i++) {
		size_t len = c->in[i].iov_len;
		ssize_t n;

		if (len > BYTES_MAX - done)
			len = BYTES_MAX - done;
		n = rng_read(d->state, c->in[i].iov_base, len);
		if (n < 0 && errno != EAGAIN)
			device_warn_once(d, 0, "random numbers: %s",
					 strerror(errno));
		if (n > 0)
			done += n;
		/* The length we tell counts from the front: no gaps. */
		if (n < (ssize_t)len)
			break;
	}
	return done;
}

/*
 * The order of requests is kept: the one that found the pool empty goes back
 * into the queue and is the first to be tried again.
 */
static bool rng_kick(struct device *d, struct virtqueue *q)
{
	struct rng *rng = d->state;
	static struct chain c;

	for (unsigned n = 0; n < q->size; n++) {
		size_t done;

		if (!vq_pop(q, &c))
			return true;
		/* We MUST give a byte or more (VIRTIO 5.4.6.2): but where? */
		if (!c.in_len) {
			virtio_break(d, "queue %u: a request without room",
				     q->index);
			return true;
		}
		done = rng_fill(d, &c);
		if (!done) {
			vq_unpop(q, 1);
			rng->retry.when = now_ns() + RETRY_NS;
			return false;
		}
		vq_push(q, c.head, done);
	}
	return true;
}

static void rng_retry(void *owner)
{
	struct device *d = owner;

	virtio_serve(&d->queues[0]);
}

static void rng_open(struct device *d)
{
	struct rng *rng = d->state;
	uint8_t byte;

	rng->fd = -1;
	/* Linux before 3.17, or a filter that does not know the call. */
	if (rng_read(rng, &byte, 1) < 0 && errno != EAGAIN)
		rng->fd = xopen("/dev/urandom", O_RDONLY, 0);
	rng->retry = (struct timer){ .expired = rng_retry, .owner = d };
	timer_add(&rng->retry);
}

const struct device_type device_rng = {
	.name = "rng",
	.option = "rng",
	.option_help = "a source of random numbers",
	.id = 4,
	.pci_class = 0xff0000,
	.nqueues = 1,
	.state_size = sizeof(struct rng),
	.open = rng_open,
	.kick = rng_kick,
};
