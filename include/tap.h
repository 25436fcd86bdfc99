/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Host's end of a Guest's network: taps, and what is done to a network
 * interface so that frames flow through it.
 *
 * Everything that dies here names the interface, the call, and the cause; and
 * the capability that is missing, if it is that.
 */
#ifndef TAP_H
#define TAP_H

#include <net/if.h>
#include <netinet/in.h>

#include "link.h"

/* An open tap. */
struct tap {
	int fd;			/* never blocks */
	char name[IFNAMSIZ];
	unsigned header;	/* bytes of virtio_net_hdr in front of each
				   frame: 12, 10, or 0 on a very old Host */
	unsigned offloads;	/* TUN_F_* that it knows; none are on yet */
	int links;		/* see tap_watch_links(); -1 for none */
};

enum tap_state {
	TAP_UP,
	TAP_DOWN,		/* as `ip link set NAME down` does it */
	TAP_GONE,		/* its interface was deleted */
};

/* --- Before the Guest runs; these succeed or die. --- */

/*
 * Makes a new tap, which vanishes with the descriptor.  A %d in the name
 * becomes the first free number.  Root gets a missing /dev/net/tun made.
 */
void tap_create(struct tap *t, const char *name);

/* Opens a tap that somebody made before; never makes one. */
void tap_attach(struct tap *t, const char *name);

/*
 * Takes over an inherited descriptor.  False if it is nothing like a tap;
 * dies if it is one that we cannot use.  It does not block from now on.
 */
bool tap_adopt(struct tap *t, int fd);

/*
 * Opens t->links, which becomes readable when any interface of the Host
 * changes.  Where that cannot be had it is -1, and we live without.
 */
void tap_watch_links(struct tap *t);

/* True if there is such an interface, of whatever kind. */
bool tap_exists(const char *name);

/* Its index, or 0 if there is none. */
int tap_query_index(const char *name);

/*
 * It stays when its descriptor is closed, or no longer does.  LINK_NOBODY
 * leaves the owner or the group as it is: a new tap has neither, and belongs
 * to everybody who may open /dev/net/tun.
 */
void tap_set_persistent(const struct tap *t, bool persistent);
void tap_set_owner(const struct tap *t, uint32_t owner, uint32_t group);

/* Closes it, and leaves it to the next holder as a new one would be. */
void tap_detach(struct tap *t);

/* Instead of /dev/net/tun.  A missing one is not made then. */
void tap_use_device(const char *path);

/* Names the interface, what was tried, and errno; or the missing power. */
NORETURN void tap_die(const char *name, const char *call);

/* The netmask is the one of the address's class, as it always was. */
void tap_set_address(const char *name, struct in_addr address);
void tap_bring_up(const char *name);
void tap_join_bridge(const char *name, const char *bridge);

/* Bytes.  False and errno: it keeps the MTU that it has. */
bool tap_set_mtu(const char *name, unsigned mtu);

/* The MTU in bytes, or 0 if nobody can tell. */
unsigned tap_query_mtu(const char *name);

/* --- While the Guest runs; these allocate and open nothing. --- */

/* Which TUN_F_* frames we take from now on.  Best effort. */
void tap_set_offloads(const struct tap *t, unsigned offloads);

/* What became of the interface.  TAP_UP if it is out of our sight. */
enum tap_state tap_query_state(const struct tap *t);

/* Reads away what made t->links readable. */
void tap_drain_links(const struct tap *t);

/* --- What lguest-tap does (tap_setup.c, tap_show.c); succeed or die. --- */

#define TAP_ADDRESSES	32

/* What is wanted of a tap; what is not mentioned stays as it is. */
struct tap_plan {
	const char *name;
	bool make;		/* it need not be there yet */
	bool has_owner, has_group;
	uint32_t owner, group;
	struct link_address addresses[TAP_ADDRESSES];
	unsigned naddresses;
	bool only_addresses;	/* it keeps no others, link-local ones aside */
	const char *bridge;
	bool create_bridge, leave_bridge;
	uint64_t mtu;		/* 0: as it is */
	bool has_mac;
	uint8_t mac[6];
	bool up, down;
};

/*
 * Makes it so, changing only what is not so yet.  A tap that was made for it
 * goes again if that fails.  Returns the name, which the kernel may have
 * completed.
 */
const char *tap_set_up(const struct tap_plan *p);

/*
 * Also the bridge it was in, if that is ours and has no other port.  A tap
 * that is not there is gone already.
 */
void tap_remove(const char *name);

/* All taps, or one; to stdout. */
void tap_show(const char *name, bool json);

#endif
