/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The netlink parser, fed with what no kernel sends.  Each datagram lies at
 * the end of an allocation of its own, where ASan sees a byte read too many.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "link.h"
#include "rig.h"

#define SEQ	7

/* A datagram while it is written. */
static struct {
	_Alignas(8) uint8_t bytes[2048];
	size_t len, message;
} w;

static void put(const void *bytes, size_t len)
{
	memcpy(w.bytes + w.len, bytes, len);
	w.len += len;
	while (w.len % 4)
		w.bytes[w.len++] = 0;
}

static void message_start(unsigned type)
{
	struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_seq = SEQ };

	w.message = w.len;
	put(&h, sizeof(h));
}

static struct nlmsghdr *message_head(void)
{
	return (void *)(w.bytes + w.message);
}

static void message_end(void)
{
	message_head()->nlmsg_len = w.len - w.message;
}

static size_t attr_start(unsigned type)
{
	struct rtattr a = { .rta_type = type };

	put(&a, sizeof(a));
	return w.len - sizeof(a);
}

static void attr_end(size_t at)
{
	((struct rtattr *)(w.bytes + at))->rta_len = w.len - at;
}

static void attr(unsigned type, const void *bytes, size_t len)
{
	size_t at = attr_start(type);

	put(bytes, len);
	((struct rtattr *)(w.bytes + at))->rta_len = RTA_LENGTH(len);
}

static void attr_u32(unsigned type, uint32_t n)
{
	attr(type, &n, sizeof(n));
}

static void attr_u8(unsigned type, uint8_t n)
{
	attr(type, &n, sizeof(n));
}

/* A tap, as Linux tells about one; the data before the kind. */
static void put_tap(void)
{
	struct ifinfomsg info = { .ifi_index = 5, .ifi_type = ARPHRD_ETHER,
				  .ifi_flags = IFF_UP };
	size_t all, data;

	message_start(RTM_NEWLINK);
	put(&info, sizeof(info));
	attr(IFLA_IFNAME, "vm0", 4);
	attr_u32(IFLA_MTU, 1400);
	attr_u32(IFLA_MASTER, 9);
	attr_u8(IFLA_CARRIER, 1);
	attr(IFLA_ADDRESS, "\2\0\0\0\0\1", 6);
	all = attr_start(IFLA_LINKINFO | NLA_F_NESTED);
	data = attr_start(IFLA_INFO_DATA);
	attr_u32(IFLA_TUN_OWNER, 1000);
	attr_u8(IFLA_TUN_TYPE, IFF_TAP);
	attr_u8(IFLA_TUN_VNET_HDR, 1);
	attr_u8(IFLA_TUN_PERSIST, 1);
	attr_end(data);
	attr(IFLA_INFO_KIND, "tun", 4);
	attr_end(all);
	attr(IFLA_IFALIAS, "lguest-tap", 11);
	message_end();
}

static void put_address(void)
{
	struct ifaddrmsg info = { .ifa_family = AF_INET, .ifa_prefixlen = 24,
				  .ifa_index = 5 };

	message_start(RTM_NEWADDR);
	put(&info, sizeof(info));
	attr(IFA_LOCAL, "\12\0\0\1", 4);
	attr(IFA_ADDRESS, "\12\0\0\2", 4);
	message_end();
}

static struct ifaddrmsg *address_head(void)
{
	return (void *)(w.bytes + NLMSG_LENGTH(0));
}

static void put_number(unsigned type, int32_t n)
{
	struct nlmsgerr e = { .error = n };

	message_start(type);
	put(&e, type == NLMSG_DONE ? sizeof(n) : sizeof(e));
	message_end();
}

static struct link last;
static struct link_address last_address;
static unsigned links, addresses;

static void take(void *where, const struct nlmsghdr *h)
{
	(void)where;
	links += link_parse(&last, h);
	addresses += link_parse_address(&last_address, h);
}

/* Walks a copy that ends where the allocation does. */
static enum link_end walk(size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	enum link_end end;

	memcpy(copy, w.bytes, len);
	links = addresses = 0;
	errno = 0;
	end = link_walk(copy, len, SEQ, take, NULL);
	free(copy);
	return end;
}

static void test_whole(void)
{
	w.len = 0;
	put_tap();
	put_address();
	CHECK_EQ(walk(w.len), LINK_MORE);
	put_number(NLMSG_DONE, 0);
	CHECK_EQ(walk(w.len), LINK_DONE);
	CHECK_EQ(links, 1);
	CHECK_EQ(addresses, 1);
	CHECK(!strcmp(last.name, "vm0") && !strcmp(last.kind, "tun"));
	CHECK(!strcmp(last.alias, "lguest-tap"));
	CHECK(link_is_tap(&last) && !link_is_bridge(&last));
	CHECK(!link_is_ours(&last));
	CHECK_EQ(last.index, 5);
	CHECK_EQ(last.mtu, 1400);
	CHECK_EQ(last.master, 9);
	CHECK_EQ(last.owner, 1000);
	CHECK_EQ(last.group, LINK_NOBODY);
	CHECK(last.described && last.vnet_hdr && last.persistent);
	CHECK(last.carrier && !last.pi && !last.multi_queue);
	CHECK_EQ(last.mac[0], 2);
	CHECK_EQ(last.mac[5], 1);
	CHECK_EQ(last_address.bytes[3], 1);
	CHECK_EQ(last_address.length, 24);
}

/* Each beginning of a good answer: what is whole is taken, what is not is
   refused, and no byte behind it is read. */
static void test_truncated(void)
{
	size_t first;

	w.len = 0;
	put_tap();
	first = w.len;
	put_address();
	for (size_t len = 0; len < w.len; len++) {
		bool clean = len == 0 || len == first;

		CHECK_EQ(walk(len), clean ? LINK_MORE : LINK_FAILED);
		CHECK(clean || errno == EBADMSG);
		CHECK_EQ(links, len >= first);
		CHECK_EQ(addresses, 0);
	}
}

/* The same, with a message length that agrees: attributes are cut instead. */
static void test_cut_attributes(void)
{
	w.len = 0;
	put_tap();
	for (size_t len = NLMSG_LENGTH(0); len <= w.len; len++) {
		message_head()->nlmsg_len = len;
		CHECK_EQ(walk(len), LINK_MORE);
		CHECK_EQ(links, len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)));
	}
}

/* Each byte in turn is each of a few values; nothing must break or hang. */
static void test_hostile_bytes(void)
{
	static const uint8_t values[] = { 0, 1, 3, 4, 0x10, 0x7f, 0x80, 0xff };

	w.len = 0;
	put_tap();
	put_address();
	put_number(NLMSG_ERROR, -EPERM);
	for (size_t i = 0; i < w.len; i++)
		for (unsigned v = 0; v < ARRAY_SIZE(values); v++) {
			uint8_t good = w.bytes[i];

			w.bytes[i] = values[v];
			walk(w.len);
			CHECK(links <= 2 && addresses <= 2);
			CHECK(memchr(last.name, 0, sizeof(last.name)));
			CHECK(memchr(last.kind, 0, sizeof(last.kind)));
			CHECK(memchr(last.alias, 0, sizeof(last.alias)));
			w.bytes[i] = good;
		}
}

static void test_lengths(void)
{
	char text[200];

	memset(text, 'x', sizeof(text));
	w.len = 0;
	message_start(RTM_NEWLINK);
	put(&(struct ifinfomsg){ 0 }, sizeof(struct ifinfomsg));
	attr(IFLA_IFNAME, text, sizeof(text));
	attr(IFLA_IFALIAS, text, sizeof(text));
	attr(IFLA_ADDRESS, text, 20);	/* as InfiniBand has it */
	attr(IFLA_MTU, text, 3);
	attr(IFLA_CARRIER, text, 0);
	message_end();
	CHECK_EQ(walk(w.len), LINK_MORE);
	CHECK_EQ(strlen(last.name), sizeof(last.name) - 1);
	CHECK_EQ(strlen(last.alias), sizeof(last.alias) - 1);
	CHECK_EQ(last.mac[0], 0);
	CHECK_EQ(last.mtu, 0);

	/* An address of the other family's size; a prefix longer than it. */
	w.len = 0;
	put_address();
	address_head()->ifa_family = AF_INET6;
	CHECK_EQ(walk(w.len), LINK_MORE);
	CHECK_EQ(addresses, 0);
	w.len = 0;
	put_address();
	address_head()->ifa_prefixlen = 33;
	CHECK_EQ(walk(w.len), LINK_MORE);
	CHECK_EQ(addresses, 0);
}

static void test_ends(void)
{
	w.len = 0;
	put_number(NLMSG_ERROR, 0);
	CHECK_EQ(walk(w.len), LINK_DONE);
	w.len = 0;
	put_number(NLMSG_ERROR, -EPERM);
	CHECK_EQ(walk(w.len), LINK_FAILED);
	CHECK_EQ(errno, EPERM);
	w.len = 0;
	put_number(NLMSG_ERROR, INT32_MIN);
	CHECK_EQ(walk(w.len), LINK_FAILED);
	CHECK_EQ(errno, EBADMSG);
	w.len = 0;
	put_number(NLMSG_DONE, -EBUSY);
	CHECK_EQ(walk(w.len), LINK_FAILED);
	CHECK_EQ(errno, EBUSY);
	w.len = 0;
	put_tap();
	message_head()->nlmsg_flags = NLM_F_DUMP_INTR;
	CHECK_EQ(walk(w.len), LINK_AGAIN);

	/* The answer to somebody else's question is not ours. */
	w.len = 0;
	put_number(NLMSG_ERROR, -EPERM);
	message_head()->nlmsg_seq = SEQ + 1;
	put_tap();
	message_head()->nlmsg_seq = SEQ + 1;
	CHECK_EQ(walk(w.len), LINK_MORE);
	CHECK_EQ(links, 0);
}

static void test_text(void)
{
	static const char *const wrong[] = {
		"", "/", "10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0/8",
		"10.0.0.1/-1", "10.0.0.1/24x", "fd00::1/129", "fd00::1%lo/64",
		"fd00:::1/64", "/24", "host/24",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/64",
	};
	static const char *const right[] = {
		"10.0.0.1/0", "10.0.0.1/32", "fd00::1/64", "fe80::/10",
		"::ffff:1.2.3.4/128",
	};
	char text[LINK_ADDRESS_TEXT];
	struct link_address a;

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK(!link_parse_address_text(&a, wrong[i]));
	for (unsigned i = 0; i < ARRAY_SIZE(right); i++) {
		CHECK(link_parse_address_text(&a, right[i]));
		link_address_text(&a, text);
		CHECK(!strcmp(text, right[i]));
	}
}

int main(void)
{
	RUN(test_whole);
	RUN(test_truncated);
	RUN(test_cut_attributes);
	RUN(test_hostile_bytes);
	RUN(test_lengths);
	RUN(test_ends);
	RUN(test_text);
	return rig_done();
}
