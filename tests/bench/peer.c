/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Host's end of a guest's network: whom bench_net.c of initramfs/ talks
 * to.  The same for every launcher that is measured.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <unistd.h>

#include "../../initramfs/bench.h"
#include "meter.h"

#define DEPTH_MAX	32
#define SIZE_MAX_UDP	1400
#define CHUNK		65536

static int bound(int type, const char *address)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(BENCH_PORT),
	};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || inet_pton(AF_INET, address, &at.sin_addr) != 1)
		fail(address);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail("bind");
	return fd;
}

static void send_many(int fd, struct sockaddr_in *to, const uint8_t *packet,
		      size_t size)
{
	static uint8_t packets[SIZE_MAX_UDP];
	struct mmsghdr messages[DEPTH_MAX] = { 0 };
	struct iovec iov = { packets, size };
	unsigned n = packet[1] > DEPTH_MAX ? DEPTH_MAX : packet[1];
	unsigned sent = 0;

	for (unsigned i = 0; i < n; i++)
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = to, .msg_namelen = sizeof(*to),
			.msg_iov = &iov, .msg_iovlen = 1,
		};
	while (sent < n) {
		int done = sendmmsg(fd, messages + sent, n - sent, 0);

		if (done <= 0)
			return;
		sent += done;
	}
}

static void NORETURN serve_packets(int fd, int looked)
{
	char c;

	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		uint8_t packet[SIZE_MAX_UDP];
		ssize_t n = recvfrom(fd, packet, sizeof(packet), 0,
				     (struct sockaddr *)&from, &len);

		if (n < 2)
			continue;
		if (packet[0] == BENCH_ASK && read(looked, &c, 1) != 1)
			_exit(0);
		if (packet[0] == BENCH_ASK || packet[0] == BENCH_ECHO ||
		    packet[0] == BENCH_LAST)
			sendto(fd, packet, n, 0, (struct sockaddr *)&from, len);
		else if (packet[0] == BENCH_SEND)
			send_many(fd, &from, packet, n);
	}
}

static void serve_stream(int fd)
{
	static uint8_t chunk[CHUNK];
	uint8_t wish[5];
	uint32_t bytes;

	if (recv(fd, wish, sizeof(wish), MSG_WAITALL) != sizeof(wish))
		return;
	memcpy(&bytes, wish + 1, sizeof(bytes));
	bytes = ntohl(bytes);
	if (wish[0] == BENCH_TAKE) {
		while (read(fd, chunk, CHUNK) > 0)
			;
		send(fd, chunk, 1, MSG_NOSIGNAL);
		return;
	}
	while (bytes) {
		ssize_t n = send(fd, chunk, bytes < CHUNK ? bytes : CHUNK,
				 MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes -= n;
	}
}

static void NORETURN serve_streams(int fd)
{
	listen(fd, 4);
	for (;;) {
		int stream = accept(fd, NULL, NULL);

		if (stream < 0)
			continue;
		serve_stream(stream);
		close(stream);
	}
}

/* Two processes, the second one the first one's child: both go at its end. */
pid_t peer_start(const char *address, int looked)
{
	int packets = bound(SOCK_DGRAM, address);
	int streams = bound(SOCK_STREAM, address);
	pid_t pid = fork();

	if (pid) {
		close(packets);
		close(streams);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve_streams(streams);
	}
	serve_packets(packets, looked);
}
