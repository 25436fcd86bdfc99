/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network interfaces of the Host, as rtnetlink tells about them and changes
 * them.  For applets that run once and leave: these open sockets and allocate.
 *
 * What comes from the kernel is parsed as if a stranger had sent it: no length
 * in a message is believed before it was compared with what was received.
 */
#ifndef LINK_H
#define LINK_H

#include <net/if.h>
#include <linux/netlink.h>

#include "lguest.h"

#define LINK_NOBODY	UINT32_MAX	/* owner or group: not set */

struct link {
	int index;
	unsigned type;		/* ARPHRD_* */
	unsigned flags;		/* IFF_* */
	unsigned mtu;
	int master;		/* index of the bridge it is in, or 0 */
	bool carrier;		/* of a tap: somebody holds it */
	uint8_t mac[6];
	char name[IFNAMSIZ];
	char kind[16];		/* "tun", "bridge"; "" for hardware */
	char alias[64];
	/* Of taps; Linux tells since 4.18. */
	bool described;
	uint32_t owner, group;	/* or LINK_NOBODY */
	bool vnet_hdr, pi, multi_queue, persistent;
};

struct link_address {
	int index;		/* of the interface */
	int family;		/* AF_INET, AF_INET6 */
	unsigned length;	/* of the prefix, in bits */
	unsigned scope;		/* RT_SCOPE_* */
	uint8_t bytes[16];
};

/* Grown with realloc(3); a Host has as many as it has. */
struct links {
	struct link *at;
	unsigned n;
};

struct link_addresses {
	struct link_address *at;
	unsigned n;
};

/* --- The parser: bytes in, structs out, and no system calls. --- */

enum link_end {
	LINK_MORE,		/* the answer goes on in another datagram */
	LINK_DONE,		/* that was all of it */
	LINK_FAILED,		/* errno says why */
	LINK_AGAIN,		/* it changed while it was told: ask again */
};

/*
 * Calls take() for each whole message of a datagram that answers the request
 * number seq.  Stops at the first one that makes no sense (EBADMSG).
 */
enum link_end link_walk(const void *bytes, size_t len, uint32_t seq,
			void (*take)(void *where, const struct nlmsghdr *h),
			void *where);

/*
 * Of a message that link_walk() handed out.  False if it is of another type,
 * or too short to be one; attributes that make no sense are passed over.
 */
bool link_parse(struct link *l, const struct nlmsghdr *h);
bool link_parse_address(struct link_address *a, const struct nlmsghdr *h);

/* --- Questions.  These die if the kernel does not answer. --- */

/* False if there is none of this name. */
bool link_find(struct link *l, const char *name);
bool link_find_index(struct link *l, int index);

void link_list(struct links *all);
void link_list_addresses(struct link_addresses *all);

/* An Ethernet interface whose other end is a file. */
bool link_is_tap(const struct link *l);
bool link_is_bridge(const struct link *l);

/* A bridge with our mark on it, which goes with its last port. */
bool link_is_ours(const struct link *l);

/* --- Changes.  These die, naming the interface, what was tried and why. --- */

void link_set_flags(const struct link *l, unsigned flags, unsigned mask);
void link_set_mac(const struct link *l, const uint8_t *mac);
void link_leave_bridge(const struct link *l);

/* index in *a does not matter.  One that is gone needs no removing. */
void link_add_address(const struct link *l, const struct link_address *a);
void link_remove_address(const struct link *l, const struct link_address *a);

/*
 * Makes a bridge with our mark on it, which forwards from the start.  False if
 * somebody else was faster.
 */
bool link_make_bridge(const char *name);

/* Of any kind.  False and errno: it is still there. */
bool link_remove(const struct link *l);

/* --- Text --- */

#define LINK_ADDRESS_TEXT	64

/* "10.0.0.1/24", "fd00::1/64".  False on anything else. */
bool link_parse_address_text(struct link_address *a, const char *text);
void link_address_text(const struct link_address *a, char *text);

#endif
