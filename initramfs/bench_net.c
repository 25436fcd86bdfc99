/* SPDX-License-Identifier: GPL-2.0-only */
/* The network's half of bench.c. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bench.h"

#define SIZE_MAX_UDP	1400
#define DEPTH_MAX	32
#define LOST_MAX	3
#define PATIENCE	10	/* times 3 seconds */
#define CHUNK		65536

static struct sockaddr_in peer;
static int udp = -1;
static struct mmsghdr messages[DEPTH_MAX];
static struct iovec iov[DEPTH_MAX];
static uint8_t packets[DEPTH_MAX][SIZE_MAX_UDP];

const char *bench_peer(const char *address)
{
	struct timeval patience = { .tv_sec = 3 };

	peer.sin_family = AF_INET;
	peer.sin_port = htons(BENCH_PORT);
	if (!address || inet_pton(AF_INET, address, &peer.sin_addr) != 1)
		return "lguest.peer= is missing";
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (udp < 0 ||
	    connect(udp, (struct sockaddr *)&peer, sizeof(peer)) < 0)
		return "no socket to the peer";
	setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* Addresses are resolved before anybody counts packets. */
	return bench_echo(1, 64, NULL) ? NULL : "the peer does not answer";
}

unsigned bench_echo(unsigned n, unsigned size, uint64_t *took)
{
	unsigned lost = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t start = bench_now();

		packets[0][0] = BENCH_ECHO;
		if (send(udp, packets[0], size, 0) != (ssize_t)size)
			return 0;
		if (recv(udp, packets[1], SIZE_MAX_UDP, 0) !=
		    (ssize_t)size && ++lost > LOST_MAX)
			return 0;
		if (took)
			*took = bench_now() - start;
	}
	return 2 * n;
}

/* What comes late from before is none of the answers. */
bool bench_ask(void)
{
	uint8_t packet[SIZE_MAX_UDP] = { BENCH_ASK };

	if (send(udp, packet, 64, 0) != 64)
		return false;
	for (unsigned i = 0; i < PATIENCE; i++)
		if (recv(udp, packet, sizeof(packet), 0) > 0 &&
		    packet[0] == BENCH_ASK)
			return true;
	return false;
}

static void lay_out(unsigned depth, unsigned size)
{
	for (unsigned i = 0; i < depth; i++) {
		iov[i] = (struct iovec){ packets[i], size };
		messages[i].msg_hdr = (struct msghdr){
			.msg_iov = &iov[i], .msg_iovlen = 1,
		};
		packets[i][0] = i + 1 == depth ? BENCH_LAST : BENCH_MORE;
	}
}

static bool send_all(unsigned depth)
{
	unsigned sent = 0;

	while (sent < depth) {
		int n = sendmmsg(udp, messages + sent, depth - sent, 0);

		if (n <= 0)
			return false;
		sent += n;
	}
	return true;
}

unsigned bench_send(unsigned n, unsigned depth, unsigned size)
{
	unsigned turns = n / depth, lost = 0;
	uint8_t answer[SIZE_MAX_UDP];

	lay_out(depth, size);
	for (unsigned i = 0; i < turns; i++) {
		if (!send_all(depth))
			return 0;
		if (recv(udp, answer, sizeof(answer), 0) <= 0 &&
		    ++lost > LOST_MAX)
			return 0;
	}
	return turns * (depth + 1);
}

/* However they come, in ones or all at once. */
static unsigned receive_all(unsigned depth)
{
	unsigned got = 0;

	while (got < depth) {
		int n = recvmmsg(udp, messages, depth - got, MSG_WAITFORONE,
				 NULL);

		if (n <= 0)
			break;
		got += n;
	}
	return got;
}

unsigned bench_receive(unsigned n, unsigned depth, unsigned size)
{
	unsigned turns = n / depth, lost = 0;
	uint8_t wish[SIZE_MAX_UDP] = { BENCH_SEND, depth };

	lay_out(depth, size);
	for (unsigned i = 0; i < turns; i++) {
		if (send(udp, wish, size, 0) != (ssize_t)size)
			return 0;
		if (receive_all(depth) < depth && ++lost > LOST_MAX)
			return 0;
	}
	return turns * (depth + 1);
}

/* Ends with an answer of one byte, or all was only put into a buffer. */
static bool stream_out(int fd, uint8_t *chunk, uint64_t bytes)
{
	while (bytes) {
		size_t len = bytes < CHUNK ? bytes : CHUNK;
		ssize_t n = write(fd, chunk, len);

		if (n <= 0)
			return false;
		bytes -= n;
	}
	shutdown(fd, SHUT_WR);
	return read(fd, chunk, 1) == 1;
}

static bool stream_in(int fd, uint8_t *chunk, uint64_t bytes)
{
	while (bytes) {
		ssize_t n = read(fd, chunk, CHUNK);

		if (n <= 0)
			return false;
		bytes -= (uint64_t)n < bytes ? (uint64_t)n : bytes;
	}
	return true;
}

bool bench_stream(bool send, uint64_t bytes)
{
	static uint8_t chunk[CHUNK];
	uint32_t count = htonl(bytes);
	uint8_t wish[5] = { send ? BENCH_TAKE : BENCH_GIVE };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	memcpy(wish + 1, &count, sizeof(count));
	ok = fd >= 0 &&
	     connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0 &&
	     write(fd, wish, sizeof(wish)) == sizeof(wish);
	if (ok)
		ok = send ? stream_out(fd, chunk, bytes) :
			    stream_in(fd, chunk, bytes);
	close(fd);
	return ok;
}
