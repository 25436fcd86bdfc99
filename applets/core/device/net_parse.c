/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --tunnet=(IP|bridge:NAME|tap:NAME|fd:N)[:MAC]: where a network card's wire
 * leads to.  Nothing is opened yet; but nonsense ends here.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#include "net.h"

/* Six pairs of digits, and a colon between any two. */
static bool net_parse_mac(const char *text, uint8_t mac[6])
{
	uint32_t byte;

	for (unsigned i = 0; i < 6; i++, text += 3) {
		if (!parse_hex(text, 2, &byte) || text[2] != (i < 5 ? ':' : 0))
			return false;
		mac[i] = (uint8_t)byte;
	}
	return true;
}

/* "bridge:br0": what it is, behind the colon; addresses have no word. */
static char *net_parse_kind(struct wire_plan *plan, char *arg)
{
	static const struct {
		const char *word;
		int kind;
	} words[] = {
		{ "bridge:", WIRE_BRIDGE },
		{ "tap:", WIRE_TAP },
		{ "fd:", WIRE_FD },
	};

	/* The oldest spelling has no word in front. */
	plan->kind = WIRE_ADDRESS;
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		size_t len = strlen(words[i].word);

		if (strncmp(arg, words[i].word, len))
			continue;
		plan->kind = words[i].kind;
		return arg + len;
	}
	return arg;
}

/* inet_pton() is strict: no octal, no hexadecimal, no missing parts. */
static void net_parse_address(struct wire_plan *plan, const char *text)
{
	uint32_t address;

	if (inet_pton(AF_INET, text, &plan->address) != 1)
		die_usage("--tunnet: '%s' is not an IPv4 address", text);
	/* Nobody's, or everybody's: no interface can have it. */
	address = ntohl(plan->address.s_addr);
	if (!(address >> 24) || address >> 24 >= 224)
		die_usage("--tunnet: %s cannot be a Host's address", text);
}

/*
 * The descriptors 0 to 2 are the console's, and their flags are shared with
 * whoever started us: they are no wires.
 */
static void net_parse_where(struct wire_plan *plan, const char *text)
{
	uint64_t n;

	switch (plan->kind) {
	case WIRE_ADDRESS:
		net_parse_address(plan, text);
		break;
	case WIRE_FD:
		if (!parse_number(text, 3, INT32_MAX, &n))
			die_usage("--tunnet: fd:%s: not a number from 3", text);
		plan->fd = (int)n;
		/* Later it may be one of our own. */
		if (fcntl(plan->fd, F_GETFD) < 0)
			die_usage("--tunnet: fd:%s is not open", text);
		break;
	default:
		if (!*text || strlen(text) >= IFNAMSIZ ||
		    strpbrk(text, "/% \t\n"))
			die_usage("--tunnet: %s:%s does not name an interface",
				  plan->kind == WIRE_TAP ? "tap" : "bridge",
				  text);
		strcpy(plan->name, text);
	}
}

/*
 * Neither an IPv4 address, a number nor an interface may have a colon in it,
 * so the first one that follows begins the MAC.  Without one we offer none,
 * and the driver invents one, as it always did.
 */
void net_parse(struct device *d, char *arg)
{
	struct net *n = d->state;
	char *where = net_parse_kind(&n->plan, arg);
	char *mac = strchr(where, ':');

	if (!mac) {
		d->features &= ~BIT(VIRTIO_NET_F_MAC);
		net_parse_where(&n->plan, where);
		return;
	}
	*mac++ = '\0';
	net_parse_where(&n->plan, where);
	if (!net_parse_mac(mac, d->config))
		die_usage("--tunnet: '%s' is not a MAC address "
			  "(aa:bb:cc:dd:ee:ff)", mac);
	/* The lowest bit of the first byte means a group of cards. */
	if ((d->config[0] & 1) || !memcmp(d->config, "\0\0\0\0\0\0", 6))
		die_usage("--tunnet: %s cannot be one card's MAC address",
			  mac);
}

