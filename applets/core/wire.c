/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames go in and out here, one a call, and never block.  A tap speaks of
 * offloads in a header before each frame; a socket carries the bare frame.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

/*
 * Lets a Guest on a bridge with jumbo frames have them too: a new member with
 * a small MTU would make the whole bridge's small.  Not every MTU is possible
 * for a tap, so this is a wish.
 */
static void wire_join(struct wire *w, const char *bridge)
{
	unsigned mtu = tap_query_mtu(bridge);

	if (mtu && mtu != tap_query_mtu(w->tap.name))
		tap_set_mtu(w->tap.name, mtu);
	tap_join_bridge(w->tap.name, bridge);
}

/*
 * The kinds whose names promise that the Host's side gets set up.  A tap that
 * somebody prepared is left as it is: perhaps we may not even touch it.
 */
static void wire_open_tap(struct wire *w, const struct wire_plan *plan)
{
	if (plan->kind == WIRE_TAP) {
		tap_attach(&w->tap, plan->name);
		return;
	}
	/* Said before anybody hears about missing permissions. */
	if (plan->kind == WIRE_BRIDGE && !tap_exists(plan->name))
		die("bridge %s: no such interface", plan->name);
	tap_create(&w->tap, "tap%d");
	if (plan->kind == WIRE_BRIDGE)
		wire_join(w, plan->name);
	else
		tap_set_address(w->tap.name, plan->address);
	tap_bring_up(w->tap.name);
}

/*
 * Something that keeps frames apart, with somebody at the other end.  Its
 * flags may be shared with other processes and stay as they are: each call
 * says for itself that it will not wait.
 */
static void wire_open_socket(struct wire *w, int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int), peer_len = sizeof(peer);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		die("fd:%d: neither a tap nor a datagram socket", fd);
	if (type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		die("fd:%d: not a datagram socket", fd);
	if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0)
		die_errno("fd:%d: getpeername", fd);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	w->fd = fd;
	w->hangs_up = type == SOCK_SEQPACKET;
	snprintf(w->name, sizeof(w->name), "fd:%d", fd);
}

void wire_open(struct wire *w, const struct wire_plan *plan)
{
	w->gone = false;
	if (plan->kind == WIRE_FD && !tap_adopt(&w->tap, plan->fd)) {
		w->is_tap = false;
		wire_open_socket(w, plan->fd);
		return;
	}
	if (plan->kind != WIRE_FD)
		wire_open_tap(w, plan);
	w->is_tap = true;
	w->fd = w->tap.fd;
	memcpy(w->name, w->tap.name, sizeof(w->name));
	tap_watch_links(&w->tap);
	verbose("%s: header %u bytes, offloads %#x", w->name, w->tap.header,
		w->tap.offloads);
}

/* What a failed call means for this frame, and for all that follow. */
static enum wire_result wire_failed(struct wire *w)
{
	switch (errno) {
	case EAGAIN:
		return WIRE_WAIT;
	/* The tap's interface is gone, or the far end was closed. */
	case EBADFD:
	case EBADF:
	case ENODEV:
	case ENOTCONN:
	case ENOLINK:
	case EPIPE:
		w->gone = true;
	}
	/*
	 * Anything else, such as EIO from a tap that is down, ECONNREFUSED
	 * from UDP and EMSGSIZE, is like a bad cable: frames get lost.
	 */
	return WIRE_LOST;
}

/* MSG_TRUNC: how long it really was.  Half a frame is no frame. */
static ssize_t wire_recv(struct wire *w, struct iovec *iov, unsigned n)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t len = recvmsg(w->fd, &msg, MSG_DONTWAIT | MSG_TRUNC);

	if (!len && w->hangs_up)
		w->gone = true;
	return len;
}

enum wire_result wire_read(struct wire *w, struct virtio_net_hdr_v1 *header,
			   struct iovec *iov, unsigned n, size_t *len)
{
	size_t before = w->is_tap ? w->tap.header : 0;
	ssize_t got;

	memset(header, 0, sizeof(*header));
	iov[0].iov_base = header;
	iov[0].iov_len = before;
	got = w->is_tap ? readv(w->fd, iov, (int)n) :
	      wire_recv(w, iov + 1, n - 1);
	if (got < 0)
		return wire_failed(w);
	/* The Host speaks of the whole frame, also if we got part of it. */
	if ((size_t)got <= before || (size_t)got - before > FRAME_MAX)
		return WIRE_LOST;
	*len = (size_t)got - before;
	return WIRE_DONE;
}

/* No SIGPIPE, whatever kind of socket it is: errno says enough. */
static ssize_t wire_send(struct wire *w, struct iovec *iov, unsigned n)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };

	return sendmsg(w->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

enum wire_result wire_write(struct wire *w,
			    const struct virtio_net_hdr_v1 *header,
			    struct iovec *iov, unsigned n)
{
	ssize_t sent;

	/* With VIRTIO_F_VERSION_1 or not, the tap has a size of its own. */
	iov[0].iov_base = (void *)header;
	iov[0].iov_len = w->is_tap ? w->tap.header : 0;
	if (w->is_tap)
		sent = writev(w->fd, iov, (int)n);
	else
		sent = wire_send(w, iov + 1, n - 1);
	return sent < 0 ? wire_failed(w) : WIRE_DONE;
}

/* Asking a socket for its error also clears it, so it is seen once. */
void wire_check(struct wire *w, short revents)
{
	socklen_t len = sizeof(int);
	int error;

	if (revents & POLLNVAL)
		w->gone = true;
	else if (w->is_tap)
		w->gone = tap_query_state(&w->tap) == TAP_GONE;
	else if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ||
		 (revents & (POLLHUP | POLLIN)) == POLLHUP)
		w->gone = true;
}
