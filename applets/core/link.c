/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading rtnetlink: datagrams of messages of attributes, some of which hold
 * attributes again.  Every level has a length of its own, and each is checked
 * against the level around it before anything in it is looked at.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include "link.h"

/* Bytes not yet read, of a message or of an attribute. */
struct span {
	const uint8_t *at;
	size_t len;
};

/* 1: the next attribute.  0: no more, or no more that make sense. */
static bool span_next(struct span *s, unsigned *type, struct span *value)
{
	struct rtattr head;
	size_t whole;

	if (s->len < sizeof(head))
		return false;
	memcpy(&head, s->at, sizeof(head));
	if (head.rta_len < sizeof(head) || head.rta_len > s->len)
		return false;
	value->at = s->at + sizeof(head);
	value->len = head.rta_len - sizeof(head);
	/* The top bits say "nested" and "network order". */
	*type = head.rta_type & NLA_TYPE_MASK;
	/* The last one may come without its padding. */
	whole = ALIGN_UP(head.rta_len, RTA_ALIGNTO);
	if (whole > s->len)
		whole = s->len;
	s->at += whole;
	s->len -= whole;
	return true;
}

/* Numbers that are too short stay as they were. */
static void span_u32(const struct span *s, uint32_t *n)
{
	if (s->len >= sizeof(*n))
		memcpy(n, s->at, sizeof(*n));
}

static bool span_bool(const struct span *s)
{
	return s->len && s->at[0];
}

/* With or without its NUL; too long a one is cut. */
static void span_text(const struct span *s, char *text, size_t size)
{
	size_t n = strnlen((const char *)s->at, s->len);

	if (n > size - 1)
		n = size - 1;
	memcpy(text, s->at, n);
	text[n] = '\0';
}

static void parse_tun(struct link *l, struct span data)
{
	struct span value;
	unsigned type;

	while (span_next(&data, &type, &value))
		switch (type) {
		case IFLA_TUN_OWNER:
			span_u32(&value, &l->owner);
			break;
		case IFLA_TUN_GROUP:
			span_u32(&value, &l->group);
			break;
		case IFLA_TUN_TYPE:
			l->described = true;
			break;
		case IFLA_TUN_PI:
			l->pi = span_bool(&value);
			break;
		case IFLA_TUN_VNET_HDR:
			l->vnet_hdr = span_bool(&value);
			break;
		case IFLA_TUN_PERSIST:
			l->persistent = span_bool(&value);
			break;
		case IFLA_TUN_MULTI_QUEUE:
			l->multi_queue = span_bool(&value);
			break;
		}
}

/* The kind may come behind its data, so look twice. */
static void parse_info(struct link *l, struct span info)
{
	struct span again = info, value;
	unsigned type;

	while (span_next(&info, &type, &value))
		if (type == IFLA_INFO_KIND)
			span_text(&value, l->kind, sizeof(l->kind));
	if (strcmp(l->kind, "tun"))
		return;
	while (span_next(&again, &type, &value))
		if (type == IFLA_INFO_DATA)
			parse_tun(l, value);
}

static void parse_attribute(struct link *l, unsigned type, struct span value)
{
	uint32_t n = 0;

	switch (type) {
	case IFLA_IFNAME:
		span_text(&value, l->name, sizeof(l->name));
		break;
	case IFLA_IFALIAS:
		span_text(&value, l->alias, sizeof(l->alias));
		break;
	case IFLA_MTU:
		span_u32(&value, &n);
		l->mtu = n;
		break;
	case IFLA_MASTER:
		span_u32(&value, &n);
		l->master = (int)n;
		break;
	case IFLA_ADDRESS:
		if (value.len == sizeof(l->mac))
			memcpy(l->mac, value.at, sizeof(l->mac));
		break;
	case IFLA_CARRIER:
		l->carrier = span_bool(&value);
		break;
	case IFLA_LINKINFO:
		parse_info(l, value);
		break;
	}
}

/* What follows the fixed part of a message; false if that is not all there. */
static bool message_body(const struct nlmsghdr *h, unsigned type, void *fixed,
			 size_t size, struct span *rest)
{
	size_t len = h->nlmsg_len, skip = NLMSG_LENGTH(0) + NLMSG_ALIGN(size);

	if (h->nlmsg_type != type || len < NLMSG_LENGTH(0) + size)
		return false;
	memcpy(fixed, (const char *)h + NLMSG_LENGTH(0), size);
	rest->at = (const uint8_t *)h + skip;
	rest->len = len > skip ? len - skip : 0;
	return true;
}

bool link_parse(struct link *l, const struct nlmsghdr *h)
{
	struct ifinfomsg info;
	struct span rest, value;
	unsigned type;

	if (!message_body(h, RTM_NEWLINK, &info, sizeof(info), &rest))
		return false;
	*l = (struct link){
		.index = info.ifi_index,
		.type = info.ifi_type,
		.flags = info.ifi_flags,
		/* Before 3.9 the flag alone tells, of what is up. */
		.carrier = info.ifi_flags & 0x10000,	/* IFF_LOWER_UP */
		.owner = LINK_NOBODY,
		.group = LINK_NOBODY,
	};
	while (span_next(&rest, &type, &value))
		parse_attribute(l, type, value);
	return true;
}

/* IFA_LOCAL is our end of a point-to-point link, and IFA_ADDRESS the other. */
bool link_parse_address(struct link_address *a, const struct nlmsghdr *h)
{
	struct ifaddrmsg info;
	struct span rest, value;
	unsigned type;
	size_t size;
	bool found = false, local = false;

	if (!message_body(h, RTM_NEWADDR, &info, sizeof(info), &rest))
		return false;
	if (info.ifa_family != AF_INET && info.ifa_family != AF_INET6)
		return false;
	size = info.ifa_family == AF_INET ? 4 : 16;
	*a = (struct link_address){
		.index = (int)info.ifa_index,
		.family = info.ifa_family,
		.length = info.ifa_prefixlen,
		.scope = info.ifa_scope,
	};
	while (span_next(&rest, &type, &value)) {
		if ((type != IFA_ADDRESS || local) && type != IFA_LOCAL)
			continue;
		if (value.len != size)
			continue;
		memcpy(a->bytes, value.at, size);
		local = type == IFA_LOCAL;
		found = true;
	}
	return found && a->length <= 8 * size;
}

/* Of an acknowledgement, which is an error number of 0. */
static enum link_end message_error(const struct nlmsghdr *h)
{
	struct nlmsgerr error;
	struct span rest;

	errno = EBADMSG;
	if (!message_body(h, NLMSG_ERROR, &error, sizeof(error), &rest) ||
	    error.error > 0)
		return LINK_FAILED;
	/* Not negated if it is the one number that cannot be. */
	if (error.error != INT32_MIN)
		errno = -error.error;
	return error.error ? LINK_FAILED : LINK_DONE;
}

/* A list that failed half-way ends with the error; old kernels send nothing. */
static enum link_end message_done(const struct nlmsghdr *h)
{
	struct span rest;
	int32_t error;

	if (!message_body(h, NLMSG_DONE, &error, sizeof(error), &rest) ||
	    error >= 0 || error == INT32_MIN)
		return LINK_DONE;
	errno = -error;
	return LINK_FAILED;
}

enum link_end link_walk(const void *bytes, size_t len, uint32_t seq,
			void (*take)(void *where, const struct nlmsghdr *h),
			void *where)
{
	const uint8_t *at = bytes;
	size_t whole;

	while (len >= NLMSG_LENGTH(0)) {
		const struct nlmsghdr *h = (const void *)at;

		if (h->nlmsg_len < NLMSG_LENGTH(0) || h->nlmsg_len > len)
			break;
		if (h->nlmsg_seq == seq) {
			if (h->nlmsg_flags & NLM_F_DUMP_INTR)
				return LINK_AGAIN;
			if (h->nlmsg_type == NLMSG_DONE)
				return message_done(h);
			if (h->nlmsg_type == NLMSG_ERROR)
				return message_error(h);
			if (h->nlmsg_type >= NLMSG_MIN_TYPE)
				take(where, h);
		}
		whole = ALIGN_UP((size_t)h->nlmsg_len, NLMSG_ALIGNTO);
		if (whole >= len)
			return LINK_MORE;
		at += whole;
		len -= whole;
	}
	if (!len)
		return LINK_MORE;
	errno = EBADMSG;
	return LINK_FAILED;
}

bool link_is_tap(const struct link *l)
{
	return !strcmp(l->kind, "tun") && l->type == ARPHRD_ETHER;
}

bool link_is_bridge(const struct link *l)
{
	return !strcmp(l->kind, "bridge");
}

bool link_parse_address_text(struct link_address *a, const char *text)
{
	const char *slash = strchr(text, '/');
	char host[INET6_ADDRSTRLEN];
	uint64_t length;

	*a = (struct link_address){ 0 };
	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return false;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	a->family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a->family, host, a->bytes) != 1 ||
	    !parse_number(slash + 1, 0, a->family == AF_INET ? 32 : 128,
			  &length))
		return false;
	a->length = (unsigned)length;
	return true;
}

void link_address_text(const struct link_address *a, char *text)
{
	size_t n;

	inet_ntop(a->family, a->bytes, text, INET6_ADDRSTRLEN);
	n = strlen(text);
	snprintf(text + n, LINK_ADDRESS_TEXT - n, "/%u", a->length);
}
