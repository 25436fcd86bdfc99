/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taps: network interfaces of the Host whose wire ends in our hands.  What
 * the Host sends to one of these we read(2), what we write(2) it receives.
 *
 * Everything here is the kernel's oldest interface for the purpose, ioctls
 * on a struct ifreq, for our Hosts may be as old as 2.6.25; only to be told
 * of changes takes a netlink socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "tap.h"

#define TUN_PATH	"/dev/net/tun"

static const char *tun_path = TUN_PATH;

void tap_use_device(const char *path)
{
	tun_path = path;
}

/* EPERM alone helps nobody: say which power was missing. */
void tap_die(const char *name, const char *call)
{
	if (errno == EPERM)
		die("%s: %s: %s (needs CAP_NET_ADMIN)", name, call,
		    strerror(errno));
	die_errno("%s: %s", name, call);
}

/* Names come from the user: too long a one is cut, and then not found. */
static struct ifreq tap_request(const char *name)
{
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	return ifr;
}

/* Any socket will do to ask the Host about its interfaces. */
static int tap_ioctl(unsigned long request, struct ifreq *ifr)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret, saved;

	if (s < 0)
		die_errno("%s: socket", ifr->ifr_name);
	ret = ioctl(s, request, ifr);
	saved = errno;
	close(s);
	errno = saved;
	return ret;
}

/* A name that is too long was cut, and would find some other interface. */
int tap_query_index(const char *name)
{
	struct ifreq ifr = tap_request(name);

	if (strlen(name) >= IFNAMSIZ || tap_ioctl(SIOCGIFINDEX, &ifr) < 0)
		return 0;
	return ifr.ifr_ifindex;
}

bool tap_exists(const char *name)
{
	return tap_query_index(name);
}

/* The kernel derives netmask and broadcast address from the class. */
void tap_set_address(const char *name, struct in_addr address)
{
	struct ifreq ifr = tap_request(name);
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr = address };

	memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
	if (tap_ioctl(SIOCSIFADDR, &ifr) < 0)
		tap_die(name, "SIOCSIFADDR");
}

bool tap_set_mtu(const char *name, unsigned mtu)
{
	struct ifreq ifr = tap_request(name);

	ifr.ifr_mtu = (int)mtu;
	return !tap_ioctl(SIOCSIFMTU, &ifr);
}

unsigned tap_query_mtu(const char *name)
{
	struct ifreq ifr = tap_request(name);

	if (tap_ioctl(SIOCGIFMTU, &ifr) < 0 || ifr.ifr_mtu < 0)
		return 0;
	return (unsigned)ifr.ifr_mtu;
}

/* Only adds IFF_UP: the other flags are the administrator's business. */
void tap_bring_up(const char *name)
{
	struct ifreq ifr = tap_request(name);

	if (tap_ioctl(SIOCGIFFLAGS, &ifr) < 0)
		tap_die(name, "SIOCGIFFLAGS");
	if (ifr.ifr_flags & IFF_UP)
		return;
	ifr.ifr_flags |= IFF_UP;
	if (tap_ioctl(SIOCSIFFLAGS, &ifr) < 0)
		tap_die(name, "SIOCSIFFLAGS up");
}

/* What a wrong kind of interface says to this depends on the kernel. */
void tap_join_bridge(const char *name, const char *bridge)
{
	struct ifreq member = tap_request(name), ifr = tap_request(bridge);

	if (!tap_exists(bridge))
		die("bridge %s: no such interface", bridge);
	if (tap_ioctl(SIOCGIFINDEX, &member) < 0)
		tap_die(name, "SIOCGIFINDEX");
	ifr.ifr_ifindex = member.ifr_ifindex;
	if (!tap_ioctl(SIOCBRADDIF, &ifr))
		return;
	if (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOTTY)
		die("%s: SIOCBRADDIF %s: not a bridge", bridge, name);
	tap_die(bridge, "SIOCBRADDIF");
}

/* A rescue shell may have no udev: then root makes the node. */
static void tap_make_node(void)
{
	if (mkdir("/dev/net", 0755) < 0 && errno != EEXIST)
		die_errno("mkdir /dev/net");
	/* 0666 is safe: the interfaces have owners of their own. */
	if (mknod(TUN_PATH, S_IFCHR | 0600, makedev(10, 200)) == 0)
		chmod(TUN_PATH, 0666);
	else if (errno == EPERM)
		die("mknod " TUN_PATH ": %s (needs CAP_MKNOD)",
		    strerror(errno));
	else if (errno != EEXIST)
		die_errno("mknod " TUN_PATH);
}

static int tap_open_tun(void)
{
	int fd = open(tun_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && geteuid() == 0 &&
	    !strcmp(tun_path, TUN_PATH)) {
		tap_make_node();
		fd = open(tun_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	if (fd < 0 && (errno == ENODEV || errno == ENXIO))
		die("open %s: %s (is the module tun loaded?)", tun_path,
		    strerror(errno));
	if (fd < 0)
		die_errno("open %s", tun_path);
	return fd;
}

/*
 * Asks for the longest header there is, which only came with 2.6.33, and finds
 * the offloads that this kernel knows by trying: it refuses a set as a whole
 * if there is one in it that it does not know.
 */
static void tap_learn(struct tap *t, bool vnet)
{
	static const unsigned sets[] = {
		TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
		TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6,
		TUN_F_CSUM | TUN_F_TSO4,
		TUN_F_CSUM,
	};
	int size = 12;

	t->links = -1;
	t->header = t->offloads = 0;
	if (!vnet)
		return;
	t->header = ioctl(t->fd, TUNSETVNETHDRSZ, &size) < 0 ? 10 : 12;
	for (unsigned i = 0; i < ARRAY_SIZE(sets) && !t->offloads; i++)
		if (!ioctl(t->fd, TUNSETOFFLOAD, (unsigned long)sets[i]))
			t->offloads = sets[i];
	tap_set_offloads(t, 0);
}

/*
 * TUNSETIFF: gives the descriptor its interface.  0, or -1 and errno.
 * IFF_NO_PI: without the four bytes of "packet information" in front;
 * IFF_VNET_HDR: with virtio's own header instead, where the kernel can.
 */
static int tap_bind(struct tap *t, const char *name)
{
	struct ifreq ifr = tap_request(name);
	unsigned known = 0;
	short flags = IFF_TAP | IFF_NO_PI;

	t->fd = tap_open_tun();
	if (!ioctl(t->fd, TUNGETFEATURES, &known) && (known & IFF_VNET_HDR))
		flags |= IFF_VNET_HDR;
	ifr.ifr_flags = flags;
	if (ioctl(t->fd, TUNSETIFF, &ifr) < 0) {
		/* One that was made for many queues wants to hear it. */
		if (errno != EINVAL || !(known & IFF_MULTI_QUEUE))
			return -1;
		ifr.ifr_flags = (short)(flags | IFF_MULTI_QUEUE);
		if (ioctl(t->fd, TUNSETIFF, &ifr) < 0)
			return -1;
	}
	memcpy(t->name, ifr.ifr_name, IFNAMSIZ);
	t->name[IFNAMSIZ - 1] = '\0';
	tap_learn(t, flags & IFF_VNET_HDR);
	return 0;
}

/* Not persistent: it goes when we go, however that happens. */
void tap_create(struct tap *t, const char *name)
{
	if (tap_bind(t, name) < 0)
		tap_die(name, "TUNSETIFF");
}

void tap_set_persistent(const struct tap *t, bool persistent)
{
	if (ioctl(t->fd, TUNSETPERSIST, (unsigned long)persistent) < 0)
		tap_die(t->name, "TUNSETPERSIST");
}

/* The kernel knows no way back to nobody. */
void tap_set_owner(const struct tap *t, uint32_t owner, uint32_t group)
{
	if (owner != LINK_NOBODY &&
	    ioctl(t->fd, TUNSETOWNER, (unsigned long)owner) < 0)
		tap_die(t->name, "TUNSETOWNER");
	if (group != LINK_NOBODY &&
	    ioctl(t->fd, TUNSETGROUP, (unsigned long)group) < 0)
		tap_die(t->name, "TUNSETGROUP");
}

/*
 * The length of the header belongs to the interface, not to the descriptor,
 * and many a program expects the one that a tap is born with.
 */
void tap_detach(struct tap *t)
{
	int size = 10;

	if (t->header)
		ioctl(t->fd, TUNSETVNETHDRSZ, &size);
	close(t->fd);
	t->fd = -1;
}

/*
 * TUNSETIFF makes an interface that is not there, if it may.  Somebody who
 * names one means one that is: hence the question first.
 */
void tap_attach(struct tap *t, const char *name)
{
	if (!tap_exists(name))
		die("tap %s: no such interface; as root: "
		    "lguest-tap add %s --owner=USER", name, name);
	if (tap_bind(t, name) == 0)
		return;
	if (errno == EBUSY)
		die("tap %s: TUNSETIFF: in use by another process", name);
	if (errno == EINVAL)
		die("%s: TUNSETIFF: not a tap", name);
	if (errno == EPERM)
		die("tap %s: TUNSETIFF: %s (it is not yours; needs "
		    "CAP_NET_ADMIN)", name, strerror(errno));
	die_errno("tap %s: TUNSETIFF", name);
}

/*
 * TUNGETIFF is answered by taps alone (macvtaps too), so it doubles as the
 * question whether this is one.  The flags belong to the open file, which we
 * share with whoever gave it to us; a tap has no other way not to block.
 */
bool tap_adopt(struct tap *t, int fd)
{
	struct ifreq ifr = { 0 };
	int flags;

	if (ioctl(fd, TUNGETIFF, &ifr) < 0) {
		if (errno != EBADFD && errno != ENOLINK)
			return false;
		die("fd:%d: TUNGETIFF: this tap has no interface", fd);
	}
	if ((ifr.ifr_flags & IFF_TUN) || !(ifr.ifr_flags & IFF_TAP))
		die("fd:%d: %.15s carries no Ethernet frames: a tun, not a tap",
		    fd, ifr.ifr_name);
	if (!(ifr.ifr_flags & IFF_NO_PI))
		die("fd:%d: %.15s was opened without IFF_NO_PI", fd,
		    ifr.ifr_name);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		die_errno("fd:%d: fcntl", fd);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	t->fd = fd;
	memcpy(t->name, ifr.ifr_name, IFNAMSIZ);
	t->name[IFNAMSIZ - 1] = '\0';
	tap_learn(t, ifr.ifr_flags & IFF_VNET_HDR);
	return true;
}

/*
 * An inherited tap may live in another network namespace, where its name
 * means something else to us.  The same hardware address tells.
 */
static bool tap_is_near(const struct tap *t)
{
	struct ifreq here = tap_request(t->name), there = here;

	return !ioctl(t->fd, SIOCGIFHWADDR, &there) &&
	       !tap_ioctl(SIOCGIFHWADDR, &here) &&
	       !memcmp(here.ifr_hwaddr.sa_data, there.ifr_hwaddr.sa_data, 6);
}

/* RTMGRP_LINK is open to everybody: this works without privileges. */
void tap_watch_links(struct tap *t)
{
	struct sockaddr_nl all = { .nl_family = AF_NETLINK,
				   .nl_groups = RTMGRP_LINK };

	t->links = -1;
	if (!tap_is_near(t))
		return;
	t->links = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  NETLINK_ROUTE);
	if (t->links < 0)
		return;
	if (bind(t->links, (struct sockaddr *)&all, sizeof(all)) < 0) {
		close(t->links);
		t->links = -1;
	}
}

/*
 * What the news is does not matter: we go and look for ourselves.  So one
 * byte of each is enough, and news that was lost (ENOBUFS) is news as well.
 */
void tap_drain_links(const struct tap *t)
{
	char byte;

	for (unsigned i = 0; i < 64; i++)
		if (recv(t->links, &byte, 1, MSG_DONTWAIT) < 0 &&
		    errno != ENOBUFS)
			break;
}

void tap_set_offloads(const struct tap *t, unsigned offloads)
{
	/* ECN says something about TSO; alone it is refused. */
	if (!(offloads & (TUN_F_TSO4 | TUN_F_TSO6)))
		offloads &= ~(unsigned)TUN_F_TSO_ECN;
	if (t->header)
		ioctl(t->fd, TUNSETOFFLOAD, (unsigned long)offloads);
}

/*
 * The descriptor knows its name today; it may have been renamed.  The netlink
 * socket answers as any socket does, and opening another is not for us once
 * the Guest runs.
 */
enum tap_state tap_query_state(const struct tap *t)
{
	struct ifreq ifr = tap_request(t->name);

	/* Up to 2.6.26 nobody knows that question. */
	if (ioctl(t->fd, TUNGETIFF, &ifr) < 0 && errno != EINVAL)
		return TAP_GONE;
	if (t->links < 0 || ioctl(t->links, SIOCGIFFLAGS, &ifr) < 0)
		return TAP_UP;
	return ifr.ifr_flags & IFF_UP ? TAP_UP : TAP_DOWN;
}
