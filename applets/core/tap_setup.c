/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From what is wanted of a tap to what is.  Each step looks first and changes
 * only what differs: who calls twice finds that nothing happens the second
 * time, and needs no powers for it either.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/rtnetlink.h>

#include "tap.h"

static bool have_net_admin(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct sets[2] = { 0 };

	/* Who cannot be asked will be told by the kernel. */
	if (syscall(SYS_capget, &head, sets) < 0)
		return true;
	return sets[0].effective & (1u << CAP_NET_ADMIN);
}

/*
 * The kernel refuses as well, but a shut /dev/net/tun may come before, and
 * its "Permission denied" would send people the wrong way.
 */
static void need_net_admin(const char *name, const char *what)
{
	if (have_net_admin())
		return;
	errno = EPERM;
	tap_die(name, what);
}

static void find_tap(struct link *l, const char *name)
{
	if (!link_find(l, name))
		die("%s: no such interface", name);
	if (!link_is_tap(l))
		die("%s: not a tap", name);
}

/* Only its holder knows how long such a tap is going to be there. */
static void find_kept_tap(struct link *l, const struct tap_plan *p)
{
	find_tap(l, p->name);
	if (p->make && l->described && !l->persistent)
		die("%s: a tap of another process, which goes with it",
		    p->name);
}

/* --- bridges --- */

/* A bridge made for a tap that did not come about; 0 for none. */
static int made_bridge;

static void unmake_bridge(void)
{
	struct link l = { .index = made_bridge };

	if (made_bridge)
		link_remove(&l);
}

/* One of ours goes with its last port, whoever put the others in. */
static void release_bridge(int index)
{
	struct links all = { 0 };
	bool used = false;
	struct link l;

	if (!link_find_index(&l, index) || !link_is_ours(&l))
		return;
	link_list(&all);
	for (unsigned i = 0; i < all.n; i++)
		used |= all.at[i].master == index;
	free(all.at);
	if (!used && !link_remove(&l) && errno != ENODEV)
		tap_die(l.name, "remove");
}

static void find_bridge(struct link *l, const struct tap_plan *p)
{
	bool made = false;

	if (!link_find(l, p->bridge)) {
		if (!p->create_bridge)
			die("bridge %s: no such interface (make it with "
			    "--create-bridge)", p->bridge);
		made = link_make_bridge(p->bridge);
		if (!link_find(l, p->bridge))
			die("bridge %s: gone again", p->bridge);
	}
	if (made) {
		made_bridge = l->index;
		atexit(unmake_bridge);
	}
	if (!link_is_bridge(l))
		die("%s: not a bridge", p->bridge);
	/* What others made is theirs to set up. */
	if (link_is_ours(l) && !(l->flags & IFF_UP))
		tap_bring_up(l->name);
}

static void apply_bridge(const struct link *l, const struct tap_plan *p)
{
	struct link bridge = { 0 };

	if (p->bridge)
		find_bridge(&bridge, p);
	else if (!p->leave_bridge)
		return;
	if (l->master == bridge.index)
		return;
	if (l->master) {
		link_leave_bridge(l);
		release_bridge(l->master);
	}
	if (bridge.index)
		tap_join_bridge(l->name, bridge.name);
}

/* --- addresses --- */

static bool address_same(const struct link_address *a,
			 const struct link_address *b)
{
	return a->family == b->family && a->length == b->length &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool address_among(const struct link_address *a,
			  const struct link_address *all, unsigned n, int index)
{
	for (unsigned i = 0; i < n; i++)
		if ((!index || all[i].index == index) &&
		    address_same(a, &all[i]))
			return true;
	return false;
}

/*
 * The Host does not speak for itself on a port of a bridge, but on the bridge:
 * so that gets the addresses, if it is ours to give any.
 */
static struct link address_target(const struct tap_plan *p)
{
	struct link l, bridge;

	find_tap(&l, p->name);
	if (!l.master || !link_find_index(&bridge, l.master))
		return l;
	if (!link_is_ours(&bridge))
		die("%s: its bridge %s is not of our making: give that its "
		    "addresses yourself", l.name, bridge.name);
	return bridge;
}

/* With the first address of a network the kernel removes the others. */
static void remove_others(const struct link *l, const struct tap_plan *p,
			  const struct link_addresses *now)
{
	for (unsigned i = 0; i < now->n; i++) {
		const struct link_address *a = &now->at[i];

		if (a->index != l->index || a->scope == RT_SCOPE_LINK)
			continue;
		if (!address_among(a, p->addresses, p->naddresses, 0))
			link_remove_address(l, a);
	}
}

static void apply_addresses(const struct tap_plan *p)
{
	struct link_addresses now = { 0 };
	struct link l;

	if (!p->naddresses && !p->only_addresses)
		return;
	l = address_target(p);
	link_list_addresses(&now);
	if (p->only_addresses) {
		remove_others(&l, p, &now);
		link_list_addresses(&now);
	}
	for (unsigned i = 0; i < p->naddresses; i++)
		/* Twice on the command line is once as well. */
		if (!address_among(&p->addresses[i], now.at, now.n, l.index) &&
		    !address_among(&p->addresses[i], p->addresses, i, 0))
			link_add_address(&l, &p->addresses[i]);
	free(now.at);
}

/* --- the tap itself --- */

/* Only who has it open can give it to somebody. */
static void apply_owner(const struct link *l, const struct tap_plan *p)
{
	uint32_t owner = p->has_owner ? p->owner : l->owner;
	uint32_t group = p->has_group ? p->group : l->group;
	struct tap t;

	if (!p->has_owner && !p->has_group)
		return;
	if (l->described && owner == l->owner && group == l->group)
		return;
	need_net_admin(l->name, "TUNSETOWNER");
	tap_attach(&t, l->name);
	tap_set_owner(&t, owner, group);
	tap_detach(&t);
}

static void apply_numbers(const struct link *l, const struct tap_plan *p)
{
	char what[32];

	if (p->has_mac && memcmp(p->mac, l->mac, sizeof(p->mac)))
		link_set_mac(l, p->mac);
	if (!p->mtu || p->mtu == l->mtu)
		return;
	snprintf(what, sizeof(what), "set MTU %u", (unsigned)p->mtu);
	if (!tap_set_mtu(l->name, (unsigned)p->mtu))
		tap_die(l->name, what);
}

static void apply(const struct tap_plan *p)
{
	struct link l;

	find_kept_tap(&l, p);
	apply_numbers(&l, p);
	apply_bridge(&l, p);
	apply_addresses(p);
	if (p->up)
		tap_bring_up(l.name);
	if (p->down && (l.flags & IFF_UP))
		link_set_flags(&l, 0, IFF_UP);
}

/*
 * It is kept only once everything worked; until then it goes with us.  Without
 * a word about whose it is, it is the caller's: one that is nobody's can be
 * opened by everybody.
 */
static void make_tap(struct tap_plan *p)
{
	static struct tap t;

	need_net_admin(p->name, "make tap");
	tap_create(&t, p->name);
	p->name = t.name;
	if (!p->has_owner)
		p->owner = p->has_group ? LINK_NOBODY : geteuid();
	tap_set_owner(&t, p->owner, p->has_group ? p->group : LINK_NOBODY);
	p->make = false;
	apply(p);
	tap_set_persistent(&t, true);
	tap_detach(&t);
}

const char *tap_set_up(const struct tap_plan *wanted)
{
	static struct tap_plan p;
	struct link l;

	p = *wanted;
	if (p.make && !tap_exists(p.name)) {
		make_tap(&p);
	} else {
		find_kept_tap(&l, &p);
		apply_owner(&l, &p);
		apply(&p);
	}
	made_bridge = 0;
	return p.name;
}

/* Closing the last descriptor of a tap that is not kept removes it. */
void tap_remove(const char *name)
{
	struct link l;
	struct tap t;

	if (!tap_exists(name))
		return;
	find_tap(&l, name);
	if (!l.described || l.owner != geteuid())
		need_net_admin(name, "remove");
	/* Many-queued ones could be opened once more. */
	if (l.carrier)
		die("%s: in use by another process", name);
	tap_attach(&t, name);
	tap_set_persistent(&t, false);
	tap_detach(&t);
	if (l.master)
		release_bridge(l.master);
}
