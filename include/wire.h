/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wire that is plugged into a Guest's network card: a tap of the Host's,
 * or a datagram socket with perhaps another Guest at its far end.
 */
#ifndef WIRE_H
#define WIRE_H

#include <linux/virtio_net.h>
#include <sys/uio.h>

#include "tap.h"

/* Ethernet: two addresses and a type; a full IP packet and two VLAN tags. */
#define FRAME_MIN	14u
#define FRAME_MAX	(65535u + 14 + 8)

/* Where to get a wire from. */
struct wire_plan {
	enum {
		WIRE_ADDRESS,	/* a new tap with this address */
		WIRE_BRIDGE,	/* a new tap on the bridge `name` */
		WIRE_TAP,	/* the tap `name` */
		WIRE_FD,	/* the open descriptor fd */
	} kind;
	char name[IFNAMSIZ];
	struct in_addr address;
	int fd;
};

struct wire {
	int fd;
	bool is_tap;
	bool hangs_up;		/* SOCK_SEQPACKET: 0 bytes mean the end */
	struct tap tap;		/* if so */
	char name[IFNAMSIZ];	/* for messages: "tap0", "fd:5" */
	bool gone;		/* nothing will ever come or go again */
};

/* Finds or makes it, or dies. */
void wire_open(struct wire *w, const struct wire_plan *plan);

enum wire_result {
	WIRE_DONE,
	WIRE_WAIT,		/* nothing there, or no room, right now */
	WIRE_LOST,		/* that frame was lost; others may do */
};

/*
 * Takes the next frame, *len bytes, into iov[1] to iov[n - 1], which are
 * FRAME_MAX bytes in all; iov[0] is ours to fill, and header is what the Host
 * says about it.  A wire that breaks becomes `gone` and says WIRE_LOST.
 */
enum wire_result wire_read(struct wire *w, struct virtio_net_hdr_v1 *header,
			   struct iovec *iov, unsigned n, size_t *len);

/*
 * Sends the frame that lies in iov[1] to iov[n - 1]; iov[0] is ours to fill.
 * The header must have been checked.  gone as above.
 */
enum wire_result wire_write(struct wire *w,
			    const struct virtio_net_hdr_v1 *header,
			    struct iovec *iov, unsigned n);

/* poll(2) saw an error: finds out whether the wire is gone. */
void wire_check(struct wire *w, short revents);

#endif
