/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lguest: runs a Guest.  What the command line says becomes a plan and a list
 * of devices; nothing is opened before all of it made sense.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "links.h"
#include "selftest.h"

/* The command line while it is read. */
struct run {
	struct plan plan;
	struct guest guest;
	bool selftest;
};

#define ROWS_MAX	32

static struct option_row rows[ROWS_MAX + 1];

static void run_help(void *where, const struct option_row *row, char *value);

static void run_version(void *where, const struct option_row *row,
			char *value)
{
	(void)where, (void)row, (void)value;
	printf("lguest " LGUEST_VERSION "\n");
	exit(STATUS_POWEROFF);
}

static void run_list(void *where, const struct option_row *row, char *value)
{
	(void)where, (void)row, (void)value;
	links_list();
	exit(STATUS_POWEROFF);
}

static void run_initrd(void *where, const struct option_row *row, char *value)
{
	struct plan *p = &((struct run *)where)->plan;

	if (!*value)
		die_usage("--%s= wants %s", row->name, row->arg);
	if (p->ninitrds == INITRDS_MAX)
		die_usage("--initrd=%s is one too many: at most %u", value,
			  INITRDS_MAX);
	p->initrds[p->ninitrds++] = value;
}

static void run_device(void *where, const struct option_row *row, char *value)
{
	guest_add_device(&((struct run *)where)->guest, row->owner, value);
}

#define PLAN(field)	offsetof(struct run, plan.field)

static const struct option_row own_rows[] = {
	{ "initrd", "FILE", "initial RAM disk; several are joined; - is stdin",
	  OPTION_CALL, .take = run_initrd },
	{ "hypervisor", "NAME", "auto (default) or one of the list below",
	  OPTION_STRING, .offset = PLAN(hypervisor) },
	{ "console", "WHERE", "tty (default), FILE, unix:PATH or null",
	  OPTION_STRING, .offset = PLAN(console) },
	{ "log", "FILE", "a copy of what the Guest prints",
	  OPTION_STRING, .offset = PLAN(log) },
	{ "username", "USER", "become USER, UID or UID:GID once all is open",
	  OPTION_STRING, .offset = PLAN(username) },
	{ "chroot", "DIR", "go there once all is open",
	  OPTION_STRING, .offset = PLAN(chroot) },
	{ "pidfile", "FILE", "holds our process id while the Guest runs",
	  OPTION_STRING, .offset = PLAN(pidfile) },
	{ "timeout", "SECONDS", "stop the Guest after so long",
	  OPTION_NUMBER, .offset = PLAN(timeout), .min = 1,
	  .max = 365 * 86400 },
	{ "no-reboot", NULL, "leave (status 5) when the Guest reboots",
	  OPTION_FLAG, .offset = PLAN(no_reboot) },
	{ "fail-fast", NULL, "leave (status 6) when a driver breaks a rule",
	  OPTION_FLAG, .offset = PLAN(fail_fast) },
	{ "verbose", NULL, "say what is done and why",
	  OPTION_FLAG, .letter = 'v', .offset = PLAN(verbose) },
	{ "quiet", NULL, "nothing of ours on stdout or stderr but errors",
	  OPTION_FLAG, .offset = PLAN(quiet) },
	{ "selftest", NULL, "try each hypervisor with a Guest of our own",
	  OPTION_FLAG, .offset = offsetof(struct run, selftest) },
	{ "list", NULL, "print the names that this binary answers to",
	  OPTION_CALL, .take = run_list },
	{ "version", NULL, "print the version and leave",
	  OPTION_CALL, .take = run_version },
	{ "help", NULL, "print this and leave",
	  OPTION_CALL, .letter = 'h', .take = run_help },
	{ 0 }
};

/* Devices bring their own options. */
static void run_collect_rows(void)
{
	struct option_row *row = rows;

	for (const struct device_type *const *t = device_types; *t; t++)
		if ((*t)->option)
			*row++ = (struct option_row){
				.name = (*t)->option,
				.arg = (*t)->option_arg,
				.help = (*t)->option_help,
				.kind = OPTION_CALL,
				.take = run_device,
				.owner = *t,
			};
	memcpy(row, own_rows, sizeof(own_rows));
}

static void run_help(void *where, const struct option_row *row, char *value)
{
	(void)where, (void)row, (void)value;
	printf("usage: lguest [options] MEM KERNEL [kernel arguments...]\n"
	       "Runs the Linux kernel KERNEL (bzImage or vmlinux, - is stdin) as a Guest\n"
	       "with MEM of memory: 64 or 64M for megabytes, 1G.\n\n");
	options_help(rows);
	printf("\nlguest --install [-s] DIR makes links of all its names in DIR.\n"
	       "\nhypervisors:");
	for (const struct hypervisor *const *h = hypervisors; *h; h++)
		printf(" %s", (*h)->name);
	printf("\n\nTo leave: three ^C within a second, or Ctrl-A x.  Ctrl-A Ctrl-A sends Ctrl-A.\n"
	       "Exit status: 0 the Guest powered off, 1 the Launcher or the Host failed,\n"
	       "2 usage, 3 the Guest crashed or panicked, 4 stopped by the user, SIGTERM or\n"
	       "--timeout, 5 rebooted under --no-reboot, 6 a driver broke a rule under\n"
	       "--fail-fast.\n");
	exit(STATUS_POWEROFF);
}

static uint64_t parse_memory(const char *text)
{
	uint64_t bytes;

	if (!parse_size(text, MIB(1), &bytes) || bytes % 4096)
		die_usage("%s: not a size of memory, as in 64, 64M or 1G",
			  *text ? text : "an empty MEM");
	if (bytes < MIB(1))
		die_usage("%s: a Guest needs at least 1M of memory", text);
	return bytes;
}

/* The kernel's arguments become one line. */
static char *join(char **words, int n)
{
	size_t size = 1;
	char *line;

	for (int i = 0; i < n; i++)
		size += strlen(words[i]) + 1;
	line = xzalloc(size);
	for (int i = 0; i < n; i++) {
		strcat(line, i ? " " : "");
		strcat(line, words[i]);
	}
	return line;
}

/* A pipe can be read only once. */
static void check_stdin_once(const struct plan *p)
{
	unsigned readers = !strcmp(p->kernel, "-");

	for (unsigned i = 0; i < p->ninitrds; i++)
		readers += !strcmp(p->initrds[i], "-");
	if (readers > 1)
		die_usage("only one of KERNEL and --initrd can be -");
}

static int run_main(int argc, char **argv)
{
	/* No initialiser: it would take 12 KiB of the binary. */
	static struct run run;
	struct plan *p = &run.plan;
	unsigned ndevices;
	int first;

	p->console = "tty";
	if (argc > 1 && !strcmp(argv[1], "--install"))
		return links_install(argc - 1, argv + 1, argv[0]);
	run_collect_rows();
	run.guest.kernel_fd = -1;
	/* Devices that every Guest has come before those asked for. */
	for (const struct device_type *const *t = device_types; *t; t++)
		if ((*t)->always)
			guest_add_device(&run.guest, *t, NULL);
	ndevices = run.guest.ndevices;
	first = options_parse(rows, &run, argc, argv);
	say_verbose = p->verbose && !p->quiet;
	if (run.selftest && (first != argc || run.guest.ndevices != ndevices))
		die_usage("--selftest brings its own kernel and devices");
	if (run.selftest)
		return selftest(&run.guest, p->hypervisor);
	if (argc - first < 2)
		die_usage("usage: lguest [options] MEM KERNEL [kernel arguments...]; see --help");
	p->memory = parse_memory(argv[first]);
	p->kernel = argv[first + 1];
	p->arguments = join(argv + first + 2, argc - first - 2);
	check_stdin_once(p);
	return guest_run(&run.guest, p);
}

const struct applet applet_run = {
	.name = "lguest",
	.summary = "run a Guest",
	.main = run_main,
};
