/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What there is: taps as the kernel describes them, for people and scripts.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "accounts.h"
#include "tap.h"

/* Everything, read once, so that all lines are of about the same moment. */
struct view {
	struct links links;
	struct link_addresses addresses;
	bool json;
};

static const struct {
	const char *name;
	unsigned question;
} offloads[] = {
	{ "csum", ETHTOOL_GTXCSUM },
	{ "tso", ETHTOOL_GTSO },
};

/* What the holder takes unfinished (TUNSETOFFLOAD). */
static bool offload_on(const struct link *l, unsigned question)
{
	struct ethtool_value value = { .cmd = question };
	struct ifreq ifr = { 0 };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (s < 0)
		return false;
	memcpy(ifr.ifr_name, l->name, IFNAMSIZ);
	ifr.ifr_data = (void *)&value;
	ret = ioctl(s, SIOCETHTOOL, &ifr);
	close(s);
	return !ret && value.data;
}

/* A name may hold any byte but a slash, a colon and blanks. */
static void show_text(const char *text, bool json)
{
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (!json)
			putchar(c < 0x20 || c == 0x7f ? '?' : c);
		else if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
}

static const struct link *view_bridge(const struct view *v,
				      const struct link *l)
{
	for (unsigned i = 0; l->master && i < v->links.n; i++)
		if (v->links.at[i].index == l->master)
			return &v->links.at[i];
	return NULL;
}

/* A list of words, in one of two dialects. */
struct words {
	bool json;
	unsigned n;
};

static void show_word(struct words *w, const char *word)
{
	if (w->json)
		printf("%s\"%s\"", w->n++ ? ", " : "", word);
	else
		printf("%s%s", w->n++ ? " " : "", word);
}

static void show_addresses(const struct view *v, int index)
{
	struct words w = { .json = v->json };
	char text[LINK_ADDRESS_TEXT];

	for (unsigned i = 0; i < v->addresses.n; i++) {
		if (v->addresses.at[i].index != index)
			continue;
		link_address_text(&v->addresses.at[i], text);
		show_word(&w, text);
	}
	if (!w.n && !v->json)
		putchar('-');
}

static void show_flags(const struct link *l, bool json)
{
	struct words w = { .json = json };

	if (l->vnet_hdr)
		show_word(&w, "vnet_hdr");
	if (l->pi)
		show_word(&w, "pi");
	if (l->multi_queue)
		show_word(&w, "multi_queue");
	if (l->persistent)
		show_word(&w, "persistent");
	if (!w.n && !json)
		putchar(l->described ? '-' : '?');
}

static void show_offloads(const struct link *l, bool json)
{
	struct words w = { .json = json };

	for (unsigned i = 0; i < ARRAY_SIZE(offloads); i++)
		if (offload_on(l, offloads[i].question))
			show_word(&w, offloads[i].name);
	if (!w.n && !json)
		putchar('-');
}

static void show_mac(const struct link *l)
{
	for (unsigned i = 0; i < sizeof(l->mac); i++)
		printf("%s%02x", i ? ":" : "", l->mac[i]);
}

/* --- for scripts --- */

static void json_number(const char *key, uint32_t n, bool known)
{
	if (known)
		printf(", \"%s\": %u", key, n);
	else
		printf(", \"%s\": null", key);
}

static void json_bridge(const struct view *v, const struct link *bridge)
{
	if (!bridge) {
		printf(", \"bridge\": null");
		return;
	}
	printf(", \"bridge\": {\"name\": \"");
	show_text(bridge->name, true);
	printf("\", \"ours\": %s, \"addresses\": [",
	       link_is_ours(bridge) ? "true" : "false");
	show_addresses(v, bridge->index);
	printf("]}");
}

static void show_json(const struct view *v, const struct link *l)
{
	printf("{\"name\": \"");
	show_text(l->name, true);
	printf("\", \"state\": \"%s\", \"held\": %s",
	       l->flags & IFF_UP ? "up" : "down", l->carrier ? "true" : "false");
	json_number("owner", l->owner, l->owner != LINK_NOBODY);
	json_number("group", l->group, l->group != LINK_NOBODY);
	json_bridge(v, view_bridge(v, l));
	printf(", \"addresses\": [");
	show_addresses(v, l->index);
	printf("], \"mac\": \"");
	show_mac(l);
	printf("\", \"mtu\": %u, \"flags\": [", l->mtu);
	show_flags(l, true);
	printf("], \"offloads\": [");
	show_offloads(l, true);
	printf("]}");
}

/* --- for people --- */

/* A number is what counts; a name is for those who have an /etc/passwd. */
static void show_id(const struct link *l, uint32_t id, const char *list)
{
	struct account a;

	if (id == LINK_NOBODY)
		putchar(l->described ? '-' : '?');
	else if (accounts_find(&a, list, NULL, id))
		printf("%u (%s)", id, a.name);
	else
		printf("%u", id);
}

static void show_owner(const struct link *l)
{
	printf("\n    owner     ");
	show_id(l, l->owner, ACCOUNTS_USERS);
	printf("\n    group     ");
	show_id(l, l->group, ACCOUNTS_GROUPS);
}

static void show_bridge(const struct view *v, const struct link *bridge)
{
	printf("\n    bridge    ");
	if (!bridge) {
		putchar('-');
		return;
	}
	show_text(bridge->name, false);
	printf("%s, ", link_is_ours(bridge) ? " (ours)" : "");
	show_addresses(v, bridge->index);
}

static void show_people(const struct view *v, const struct link *l)
{
	show_text(l->name, false);
	printf(": %s, %s", l->flags & IFF_UP ? "up" : "down",
	       l->carrier ? "held" : "not held");
	show_owner(l);
	show_bridge(v, view_bridge(v, l));
	printf("\n    address   ");
	show_addresses(v, l->index);
	printf("\n    mac       ");
	show_mac(l);
	printf("\n    mtu       %u\n    flags     ", l->mtu);
	show_flags(l, false);
	printf("\n    offloads  ");
	show_offloads(l, false);
	putchar('\n');
}

void tap_show(const char *name, bool json)
{
	struct view v = { .json = json };
	unsigned shown = 0;

	link_list(&v.links);
	link_list_addresses(&v.addresses);
	for (unsigned i = 0; i < v.links.n; i++) {
		const struct link *l = &v.links.at[i];

		if (name ? strcmp(l->name, name) : !link_is_tap(l))
			continue;
		if (!link_is_tap(l))
			die("%s: not a tap", name);
		if (json)
			printf(shown ? ",\n " : "[");
		(json ? show_json : show_people)(&v, l);
		shown++;
	}
	if (name && !shown)
		die("%s: no such interface", name);
	if (json)
		puts(shown ? "]" : "[]");
}
