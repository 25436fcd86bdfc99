/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lguest-tap: sets up, shows and removes the Host's end of a Guest's network.
 * What the command line says becomes a plan; nothing is touched before all of
 * it made sense.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"
#include "tap.h"

/* The command line while it is read. */
struct words {
	struct tap_plan plan;
	bool set;		/* "none" is possible */
	bool json;
	/* tunctl's */
	const char *make, *remove, *device;
	bool brief;
};

static void words_help(void *where, const struct option_row *row, char *value);

/* --- what the options say --- */

/* A number, or a name if there is somebody to ask. */
static uint32_t find_id(const struct option_row *row, const char *value,
			const char *list, const char *what)
{
	struct account a;
	uint64_t n;

	if (parse_number(value, 0, ACCOUNTS_NOBODY - 1, &n))
		return (uint32_t)n;
	if (!accounts_find(&a, list, value, 0))
		die_usage("--%s=%s: no such %s", row->name, value, what);
	return a.id;
}

static void words_owner(void *where, const struct option_row *row, char *value)
{
	struct words *w = where;

	w->plan.has_owner = true;
	w->plan.owner = find_id(row, value, ACCOUNTS_USERS, "user");
}

static void words_group(void *where, const struct option_row *row, char *value)
{
	struct words *w = where;

	w->plan.has_group = true;
	w->plan.group = find_id(row, value, ACCOUNTS_GROUPS, "group");
}

/* Each --ip is one more; for `set` they are all there shall be. */
static void words_ip(void *where, const struct option_row *row, char *value)
{
	struct words *w = where;
	struct tap_plan *p = &w->plan;

	p->only_addresses = w->set;
	if (w->set && !strcmp(value, "none"))
		return;
	if (p->naddresses == TAP_ADDRESSES)
		die_usage("--%s=%s is one too many: at most %d", row->name,
			  value, TAP_ADDRESSES);
	if (!link_parse_address_text(&p->addresses[p->naddresses++], value))
		die_usage("--%s=%s: not an address with the length of its "
			  "network, as in 10.0.0.1/24 or fd00::1/64",
			  row->name, value);
}

/* What the kernel takes for a name.  A %d is a number that it chooses. */
static void check_name(const char *what, const char *name, bool pattern)
{
	const char *percent = strchr(name, '%');

	if (!*name || strlen(name) >= IFNAMSIZ || !strcmp(name, ".") ||
	    !strcmp(name, "..") || strpbrk(name, "/: \t\n\v\f\r"))
		die_usage("%s%s: not a name for an interface (1 to %d bytes)",
			  what, name, IFNAMSIZ - 1);
	if (percent && (!pattern || percent[1] != 'd' ||
			strchr(percent + 1, '%')))
		die_usage("%s%s: %s", what, name, pattern ?
			  "only one %d can be in a name" :
			  "no % can be in a name here");
}

static void words_bridge(void *where, const struct option_row *row, char *value)
{
	struct words *w = where;

	(void)row;
	w->plan.leave_bridge = w->set && !strcmp(value, "none");
	w->plan.bridge = NULL;
	if (w->plan.leave_bridge)
		return;
	check_name("--bridge=", value, false);
	w->plan.bridge = value;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";

	if (strlen(text) != 17)
		return false;
	for (unsigned i = 0; i < 17; i++) {
		const char *digit = strchr(digits, text[i]);
		unsigned n = digit ? (unsigned)(digit - digits) % 16 : 0;

		if (i % 3 == 2 ? text[i] != ':' : !digit)
			return false;
		if (i % 3 < 2)
			mac[i / 3] = (uint8_t)(mac[i / 3] << 4 | n);
	}
	return true;
}

static void words_mac(void *where, const struct option_row *row, char *value)
{
	static const uint8_t zero[6];
	struct words *w = where;

	if (!parse_mac(value, w->plan.mac))
		die_usage("--%s=%s: not a MAC address (aa:bb:cc:dd:ee:ff)",
			  row->name, value);
	/* The lowest bit of the first byte: a group, not a card. */
	if ((w->plan.mac[0] & 1) || !memcmp(w->plan.mac, zero, 6))
		die_usage("--%s=%s: not a MAC address of one card", row->name,
			  value);
	w->plan.has_mac = true;
}

/* --- the tables --- */

#define WORDS(field)	offsetof(struct words, field)

#define HELP_ROW { "help", NULL, "print this and leave", OPTION_CALL, \
		   .letter = 'h', .take = words_help }

static const struct option_row plan_rows[] = {
	{ "owner", "USER", "who may use it: a name or a UID (add: you)",
	  OPTION_CALL, .take = words_owner },
	{ "group", "GROUP", "who may use it: a name or a GID",
	  OPTION_CALL, .take = words_group },
	{ "ip", "ADDR/LEN", "an address of the Host; may be repeated",
	  OPTION_CALL, .take = words_ip },
	{ "bridge", "NAME", "the bridge it is in",
	  OPTION_CALL, .take = words_bridge },
	{ "create-bridge", NULL, "make that bridge if it is missing",
	  OPTION_FLAG, .offset = WORDS(plan.create_bridge) },
	{ "mtu", "BYTES", "the longest packet, 68 to 65521",
	  OPTION_NUMBER, .offset = WORDS(plan.mtu), .min = 68, .max = 65521 },
	{ "mac", "MAC", "the Host's own MAC address",
	  OPTION_CALL, .take = words_mac },
	{ "up", NULL, "bring it up (a new tap is, without a word)",
	  OPTION_FLAG, .offset = WORDS(plan.up) },
	{ "down", NULL, "take it down",
	  OPTION_FLAG, .offset = WORDS(plan.down) },
	HELP_ROW,
	{ 0 }
};

static const struct option_row show_rows[] = {
	{ "json", NULL, "for scripts",
	  OPTION_FLAG, .offset = WORDS(json) },
	HELP_ROW,
	{ 0 }
};

static const struct option_row help_rows[] = { HELP_ROW, { 0 } };

static const struct option_row tunctl_rows[] = {
	{ "tap", "NAME", "make this tap (tap%d) and keep it",
	  OPTION_STRING, .letter = 't', .offset = WORDS(make) },
	{ "delete", "NAME", "remove this tap",
	  OPTION_STRING, .letter = 'd', .offset = WORDS(remove) },
	{ "user", "USER", "who may use it",
	  OPTION_CALL, .letter = 'u', .take = words_owner },
	{ "group", "GROUP", "who may use it",
	  OPTION_CALL, .letter = 'g', .take = words_group },
	{ "brief", NULL, "print its name and no more",
	  OPTION_FLAG, .letter = 'b', .offset = WORDS(brief) },
	{ "file", "DEV", "instead of /dev/net/tun",
	  OPTION_STRING, .letter = 'f', .offset = WORDS(device) },
	HELP_ROW,
	{ 0 }
};

static void words_help(void *where, const struct option_row *row, char *value)
{
	(void)where, (void)row, (void)value;
	printf("usage: lguest-tap add NAME [options]\n"
	       "       lguest-tap set NAME [options]\n"
	       "       lguest-tap del NAME\n"
	       "       lguest-tap show [NAME] [--json]\n"
	       "       lguest-tap -t NAME | -d NAME [-u USER] [-g GROUP] [-b] [-f DEV]\n"
	       "Sets up, shows and removes the Host's end of a Guest's network.\n\n"
	       "add makes a tap, if it is missing, and sets it up; a %%d in NAME becomes the\n"
	       "first free number, and the name is printed.  set changes one that is there:\n"
	       "its addresses become those given, and --ip=none and --bridge=none are possible.\n"
	       "What is so already is left alone.\n\n"
	       "add, set:\n");
	options_help(plan_rows);
	printf("\nshow:\n");
	options_help(show_rows);
	printf("\nThe way of tunctl:\n");
	options_help(tunctl_rows);
	printf("\nExit status: 0 done, 1 the Host refused, 2 usage.\n");
	exit(0);
}

/* --- the commands --- */

/* The operand, which is there unless it may be missing. */
static const char *one_name(int argc, char **argv, int first, bool optional)
{
	if (argc - first > 1)
		die_usage("%s: one NAME at a time; see --help", argv[0]);
	if (argc == first && !optional)
		die_usage("%s wants a NAME; see --help", argv[0]);
	return argv[first];
}

static int read_plan(struct words *w, int argc, char **argv, bool pattern)
{
	int first = options_parse(plan_rows, w, argc, argv);

	w->plan.name = one_name(argc, argv, first, false);
	check_name("", w->plan.name, pattern);
	if (w->plan.up && w->plan.down)
		die_usage("--up and --down exclude each other");
	if (w->plan.create_bridge && !w->plan.bridge)
		die_usage("--create-bridge wants --bridge=NAME");
	return first;
}

static int command_add(struct words *w, int argc, char **argv)
{
	const char *name;

	read_plan(w, argc, argv, true);
	w->plan.make = true;
	if (!tap_exists(w->plan.name))
		w->plan.up = !w->plan.down;
	name = tap_set_up(&w->plan);
	if (strchr(w->plan.name, '%'))
		puts(name);
	return 0;
}

static int command_set(struct words *w, int argc, char **argv)
{
	w->set = true;
	read_plan(w, argc, argv, false);
	tap_set_up(&w->plan);
	return 0;
}

static int command_del(struct words *w, int argc, char **argv)
{
	int first = options_parse(help_rows, w, argc, argv);
	const char *name = one_name(argc, argv, first, false);

	check_name("", name, false);
	tap_remove(name);
	return 0;
}

static int command_show(struct words *w, int argc, char **argv)
{
	int first = options_parse(show_rows, w, argc, argv);

	tap_show(one_name(argc, argv, first, true), w->json);
	return 0;
}

/* Prints what tunctl prints, for scripts read that. */
static int command_tunctl(struct words *w, int argc, char **argv)
{
	struct tap_plan *p = &w->plan;
	int first = options_parse(tunctl_rows, w, argc, argv);

	if (first != argc)
		die_usage("unknown command %s; see --help", argv[first]);
	if (w->make && w->remove)
		die_usage("-t and -d exclude each other");
	if (w->device)
		tap_use_device(w->device);
	p->name = w->remove ? w->remove : w->make ? w->make : "tap%d";
	check_name(w->remove ? "-d " : "-t ", p->name, !w->remove);
	if (w->remove) {
		tap_remove(p->name);
		printf("Set '%s' nonpersistent\n", p->name);
		return 0;
	}
	p->make = true;
	if (!p->has_owner && !p->has_group) {
		p->has_owner = true;
		p->owner = geteuid();
	}
	p->name = tap_set_up(p);
	printf(w->brief ? "%s\n" : "Set '%s' persistent", p->name);
	if (w->brief)
		return 0;
	if (p->has_owner)
		printf(" and owned by uid %u", p->owner);
	if (p->has_group)
		printf(" gid %u", p->group);
	putchar('\n');
	return 0;
}

static const struct {
	const char *word;
	int (*run)(struct words *w, int argc, char **argv);
} commands[] = {
	{ "add", command_add },
	{ "set", command_set },
	{ "del", command_del },
	{ "show", command_show },
};

static int tap_main(int argc, char **argv)
{
	static struct words words;
	int status = -1;

	if (argc < 2)
		die_usage("add, set, del or show? see --help");
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].word))
			status = commands[i].run(&words, argc - 1, argv + 1);
	if (status < 0)
		status = command_tunctl(&words, argc, argv);
	/* A full disk must not look like a host without taps. */
	if (fflush(stdout) || ferror(stdout))
		die_errno("write to stdout");
	return status;
}

const struct applet applet_tap = {
	.name = "lguest-tap",
	.summary = "set up, show and remove the Host's end of the network",
	.main = tap_main,
};
