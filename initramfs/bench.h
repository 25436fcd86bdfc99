/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between bench.c and bench_net.c, and what the guest and the Host's end of
 * its network (peer.c of tests/bench) say to each other.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#include "init.h"

#define BENCH_PORT	7000

/* The first byte of a datagram; the second is a number. */
enum {
	BENCH_ECHO = 'e',	/* send it back */
	BENCH_MORE = 'm',	/* one of several: no answer */
	BENCH_LAST = 'l',	/* the last of several: one datagram back */
	BENCH_SEND = 's',	/* send that many, as long as this one */
	BENCH_ASK = 'a',	/* send it back when the meter has looked */
};

/*
 * A stream's first five bytes: one of these and, for BENCH_GIVE, the number of
 * bytes wanted, in network order.
 */
enum { BENCH_TAKE = 't', BENCH_GIVE = 'g' };

uint64_t bench_now(void);

/* Whom to talk to.  Returns why not, or NULL. */
const char *bench_peer(const char *address);

/*
 * Packets that went either way, 0 if too many were lost: one forth and one
 * back, n times; or `depth` one way and one the other, until it was n.
 * *took: the time of the last round trip.
 */
unsigned bench_echo(unsigned n, unsigned size, uint64_t *took);
unsigned bench_send(unsigned n, unsigned depth, unsigned size);
unsigned bench_receive(unsigned n, unsigned depth, unsigned size);

/* Returns when the meter has seen all that we said. */
bool bench_ask(void);

/* So many bytes over TCP, to the peer or from it. */
bool bench_stream(bool send, uint64_t bytes);

#endif
