/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Talking rtnetlink: one socket, one question at a time, one answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "link.h"
#include "tap.h"

/* The mark on bridges of ours; people see it in `ip link`. */
#define LINK_MARK	"lguest-tap"

/* The kernel never sends a larger datagram than this in a dump. */
#define ANSWER_MAX	32768

/* An interface that changes each time we look is somebody else's problem. */
#define TRIES_MAX	10

/* A request of ours, built from the front. */
struct request {
	union {
		struct nlmsghdr head;
		char bytes[512];
	};
};

typedef void taker(void *where, const struct nlmsghdr *h);

static void *request_start(struct request *r, unsigned type, unsigned flags,
			   size_t fixed)
{
	static uint32_t seq;

	memset(r, 0, sizeof(*r));
	r->head.nlmsg_type = (uint16_t)type;
	r->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	r->head.nlmsg_seq = ++seq;
	r->head.nlmsg_len = NLMSG_LENGTH(fixed);
	return NLMSG_DATA(&r->head);
}

/* Returns where it went, for request_close(). */
static struct rtattr *request_add(struct request *r, unsigned type,
				  const void *data, size_t len)
{
	size_t at = NLMSG_ALIGN(r->head.nlmsg_len);
	struct rtattr *a = (void *)(r->bytes + at);

	/* Only names and numbers go in here; this is about our own sums. */
	if (at + RTA_SPACE(len) > sizeof(r->bytes))
		die("a netlink request is too long");
	a->rta_type = (uint16_t)type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	r->head.nlmsg_len = (uint32_t)(at + RTA_LENGTH(len));
	return a;
}

/* What was added since `a` is inside of it. */
static void request_close(struct request *r, struct rtattr *a)
{
	a->rta_len = (uint16_t)(r->bytes + r->head.nlmsg_len - (char *)a);
}

static int talk_fd = -1;

static int talk_socket(void)
{
	if (talk_fd < 0)
		talk_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
				 NETLINK_ROUTE);
	if (talk_fd < 0)
		die_errno("socket rtnetlink");
	return talk_fd;
}

/* Anybody may send to us; only what the kernel (port 0) sends is read. */
static size_t talk_receive(int fd, char *buf)
{
	struct sockaddr_nl from;
	struct iovec iov = { buf, ANSWER_MAX };
	struct msghdr m = { .msg_name = &from, .msg_iov = &iov,
			    .msg_iovlen = 1 };
	ssize_t n;

	do {
		m.msg_namelen = sizeof(from);
		n = recvmsg(fd, &m, 0);
		if (n < 0 && errno != EINTR)
			die_errno("receive from rtnetlink");
	} while (n < 0 || m.msg_namelen != sizeof(from) || from.nl_pid);
	if (m.msg_flags & MSG_TRUNC)
		die("receive from rtnetlink: a message of over %d bytes",
		    ANSWER_MAX);
	return (size_t)n;
}

/* Sends, and hands out what comes back until it ends. */
static enum link_end talk(struct request *r, taker *take, void *where)
{
	static char buf[ANSWER_MAX] __attribute__((aligned(8)));
	int fd = talk_socket();
	enum link_end end;

	r->head.nlmsg_flags |= NLM_F_ACK;
	if (send(fd, r->bytes, r->head.nlmsg_len, 0) < 0)
		die_errno("send to rtnetlink");
	do
		end = link_walk(buf, talk_receive(fd, buf), r->head.nlmsg_seq,
				take, where);
	while (end == LINK_MORE);
	/* The kernel tells the rest of that list to nobody, then. */
	if (end == LINK_AGAIN) {
		close(talk_fd);
		talk_fd = -1;
	}
	return end;
}

static void take_nothing(void *where, const struct nlmsghdr *h)
{
	(void)where, (void)h;
}

/* --- questions --- */

struct found {
	struct link *link;
	bool found;
};

static void take_link(void *where, const struct nlmsghdr *h)
{
	struct found *f = where;

	f->found |= link_parse(f->link, h);
}

bool link_find_index(struct link *l, int index)
{
	struct found f = { .link = l };
	struct ifinfomsg *info;
	struct request r;

	info = request_start(&r, RTM_GETLINK, 0, sizeof(*info));
	info->ifi_index = index;
	if (talk(&r, take_link, &f) == LINK_DONE)
		return f.found;
	if (errno == ENODEV)
		return false;
	die_errno("RTM_GETLINK %d", index);
}

bool link_find(struct link *l, const char *name)
{
	int index = tap_query_index(name);

	return index && link_find_index(l, index);
}

/* Doubles a table whenever its length is a power of two. */
static void *grow(void *table, unsigned n, size_t size)
{
	if (n & (n - 1))
		return table;
	table = realloc(table, (n ? 2 * (size_t)n : 1) * size);
	if (!table)
		die_errno("allocate %u entries", n);
	return table;
}

static void take_links(void *where, const struct nlmsghdr *h)
{
	struct links *all = where;

	all->at = grow(all->at, all->n, sizeof(*all->at));
	all->n += link_parse(&all->at[all->n], h);
}

static void take_addresses(void *where, const struct nlmsghdr *h)
{
	struct link_addresses *all = where;

	all->at = grow(all->at, all->n, sizeof(*all->at));
	all->n += link_parse_address(&all->at[all->n], h);
}

/* A list that changed while it was told may lack some: ask again. */
static void list(unsigned type, taker *take, void *where, unsigned *n)
{
	struct request r;

	for (unsigned i = 0; i < TRIES_MAX; i++) {
		enum link_end end;

		*n = 0;
		/* Both begin with a family, and 0 means all of them. */
		request_start(&r, type, NLM_F_DUMP, sizeof(struct ifinfomsg));
		end = talk(&r, take, where);
		if (end == LINK_DONE)
			return;
		if (end == LINK_FAILED)
			die_errno("list network interfaces");
	}
	die("list network interfaces: they change all the time");
}

void link_list(struct links *all)
{
	list(RTM_GETLINK, take_links, all, &all->n);
}

void link_list_addresses(struct link_addresses *all)
{
	list(RTM_GETADDR, take_addresses, all, &all->n);
}

bool link_is_ours(const struct link *l)
{
	return link_is_bridge(l) && !strcmp(l->alias, LINK_MARK);
}

/* --- changes --- */

/* Waits for the kernel's word on it. */
static void change(struct request *r, const char *name, const char *what)
{
	if (talk(r, take_nothing, NULL) != LINK_DONE)
		tap_die(name, what);
}

static void change_link(const struct link *l, unsigned type, const void *data,
			size_t len, const char *what)
{
	struct ifinfomsg *info;
	struct request r;

	info = request_start(&r, RTM_SETLINK, 0, sizeof(*info));
	info->ifi_index = l->index;
	request_add(&r, type, data, len);
	change(&r, l->name, what);
}

void link_set_flags(const struct link *l, unsigned flags, unsigned mask)
{
	struct ifinfomsg *info;
	struct request r;

	info = request_start(&r, RTM_SETLINK, 0, sizeof(*info));
	info->ifi_index = l->index;
	info->ifi_flags = flags;
	info->ifi_change = mask;
	change(&r, l->name, flags & IFF_UP ? "set up" : "set down");
}

void link_set_mac(const struct link *l, const uint8_t *mac)
{
	change_link(l, IFLA_ADDRESS, mac, 6, "set MAC");
}

void link_leave_bridge(const struct link *l)
{
	uint32_t none = 0;

	change_link(l, IFLA_MASTER, &none, sizeof(none), "leave bridge");
}

bool link_remove(const struct link *l)
{
	struct ifinfomsg *info;
	struct request r;

	info = request_start(&r, RTM_DELLINK, 0, sizeof(*info));
	info->ifi_index = l->index;
	return talk(&r, take_nothing, NULL) == LINK_DONE;
}

/*
 * The mark cannot come with the bridge: the kernel takes it from a second
 * message only.  A port of a new bridge would be silent for 15 seconds; with
 * no spanning tree and one bridge there is nothing to wait for.
 */
bool link_make_bridge(const char *name)
{
	struct rtattr *info, *data;
	uint32_t delay = 0;
	struct request r;
	struct link l;

	request_start(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
		      sizeof(struct ifinfomsg));
	request_add(&r, IFLA_IFNAME, name, strlen(name) + 1);
	info = request_add(&r, IFLA_LINKINFO, NULL, 0);
	request_add(&r, IFLA_INFO_KIND, "bridge", sizeof("bridge"));
	data = request_add(&r, IFLA_INFO_DATA, NULL, 0);
	request_add(&r, IFLA_BR_FORWARD_DELAY, &delay, sizeof(delay));
	request_close(&r, data);
	request_close(&r, info);
	if (talk(&r, take_nothing, NULL) != LINK_DONE) {
		if (errno == EEXIST)
			return false;
		tap_die(name, "make bridge");
	}
	if (!link_find(&l, name))
		die("bridge %s: gone again", name);
	change_link(&l, IFLA_IFALIAS, LINK_MARK, sizeof(LINK_MARK),
		    "mark bridge");
	return true;
}

static void change_address(const struct link *l, const struct link_address *a,
			   unsigned type, unsigned flags)
{
	size_t size = a->family == AF_INET ? 4 : 16;
	char text[LINK_ADDRESS_TEXT], what[LINK_ADDRESS_TEXT + 16];
	struct ifaddrmsg *info;
	struct request r;

	info = request_start(&r, type, flags, sizeof(*info));
	info->ifa_family = (uint8_t)a->family;
	info->ifa_prefixlen = (uint8_t)a->length;
	info->ifa_index = (uint32_t)l->index;
	/* The only other one on this wire is the Guest: nobody to ask first. */
	if (a->family == AF_INET6)
		info->ifa_flags = IFA_F_NODAD;
	request_add(&r, IFA_LOCAL, a->bytes, size);
	request_add(&r, IFA_ADDRESS, a->bytes, size);
	if (a->family == AF_INET && a->length < 31) {
		uint32_t all;

		memcpy(&all, a->bytes, 4);
		all |= htonl(a->length ? UINT32_MAX >> a->length : UINT32_MAX);
		request_add(&r, IFA_BROADCAST, &all, sizeof(all));
	}
	link_address_text(a, text);
	snprintf(what, sizeof(what), "%s %s",
		 type == RTM_NEWADDR ? "add address" : "remove", text);
	if (talk(&r, take_nothing, NULL) != LINK_DONE &&
	    (type == RTM_NEWADDR || errno != EADDRNOTAVAIL))
		tap_die(l->name, what);
}

void link_add_address(const struct link *l, const struct link_address *a)
{
	change_address(l, a, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
}

void link_remove_address(const struct link *l, const struct link_address *a)
{
	change_address(l, a, RTM_DELADDR, 0);
}
