/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lguest-inspect: what is this kernel, and can it run here?  Scripts ask with
 * --can= and look at the status; people read; programs take --json.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "subject.h"

/* Exit statuses of --can= besides 0, yes. */
#define STATUS_NO	1
#define STATUS_UNKNOWN	3

static struct inspect {
	const char *can, *extract;
	bool json, config, list, force;
} options;

static void inspect_help(void *where, const struct option_row *row,
			 char *value);

static const struct option_row rows[] = {
	{ "json", NULL, "for scripts: a list with an object a file",
	  OPTION_FLAG, .offset = offsetof(struct inspect, json) },
	{ "can", "HYPERVISOR", "no words: status 0 yes, 1 no, 3 unknown",
	  OPTION_STRING, .offset = offsetof(struct inspect, can) },
	{ "config", NULL, "print the configuration that is embedded in FILE",
	  OPTION_FLAG, .offset = offsetof(struct inspect, config) },
	{ "extract", "VMLINUX", "write the kernel inside FILE to a new file",
	  OPTION_STRING, .offset = offsetof(struct inspect, extract) },
	{ "force", NULL, "replace VMLINUX if it is there",
	  OPTION_FLAG, .letter = 'f',
	  .offset = offsetof(struct inspect, force) },
	{ "list", NULL, "list what is in an initramfs",
	  OPTION_FLAG, .offset = offsetof(struct inspect, list) },
	{ "help", NULL, "print this and leave",
	  OPTION_CALL, .letter = 'h', .take = inspect_help },
	{ 0 }
};

static void inspect_help(void *where, const struct option_row *row,
			 char *value)
{
	(void)where, (void)row, (void)value;
	printf("usage: lguest-inspect [options] FILE...\n"
	       "Says what each FILE is (a bzImage, a vmlinux, an initramfs; - is stdin), what\n"
	       "is in it, and which hypervisor here can run it.\n\n");
	options_help(rows);
	printf("\nhypervisors: auto");
	for (const struct hypervisor *const *h = hypervisors; *h; h++)
		printf(" %s", (*h)->name);
	printf("\n\nExit status: 0 all was understood, 1 something was not, 2 usage; of --can=:\n"
	       "0 yes, 1 no, 3 unknown.\n");
	exit(STATUS_POWEROFF);
}

/* ------------------------------------------------------------------ */
/* --can=NAME                                                           */

static bool is_asked(const struct hypervisor *h)
{
	return !strcmp(options.can, "auto") || !strcmp(options.can, h->name);
}

static void check_can(void)
{
	for (const struct hypervisor *const *h = hypervisors; *h; h++)
		if (is_asked(*h))
			return;
	die_usage("--can=%s: there is none of that name", options.can);
}

/* With `auto`, one that can is enough. */
static int inspect_can(const struct subject *s)
{
	int status = STATUS_NO;
	char why[WHY_MAX];

	for (const struct hypervisor *const *h = hypervisors; *h; h++) {
		enum answer answer;

		if (!is_asked(*h))
			continue;
		answer = subject_can(s, *h, why);
		if (answer == ANSWER_YES)
			return 0;
		if (answer == ANSWER_UNKNOWN)
			status = STATUS_UNKNOWN;
	}
	return status;
}

/* ------------------------------------------------------------------ */
/* --config, --extract                                                  */

static int refuse(const struct subject *s, const char *why)
{
	warn("%s: %s", s->name, why);
	return STATUS_FAILED;
}

static int inspect_config(const struct subject *s)
{
	if (s->kind == SUBJECT_UNKNOWN)
		return refuse(s, s->why);
	if (s->kind != SUBJECT_KERNEL)
		return refuse(s, "not a kernel");
	if (!s->config)
		return refuse(s, s->config_why);
	if (fputs(s->config, stdout) < 0 || fflush(stdout))
		die_errno("write standard output");
	return 0;
}

static int inspect_extract(const struct subject *s)
{
	if (s->kind == SUBJECT_UNKNOWN)
		return refuse(s, s->why);
	if (s->kind != SUBJECT_KERNEL)
		return refuse(s, "not a kernel");
	if (s->inside_fd < 0)
		return refuse(s, s->config_why);
	whole_file_copy(s->inside_fd, options.extract, options.force);
	return 0;
}

/* ------------------------------------------------------------------ */

static const char *kind_name(const struct subject *s)
{
	switch (s->kind) {
	case SUBJECT_KERNEL:
		return s->image.kind == IMAGE_ELF ? "vmlinux" : "bzImage";
	case SUBJECT_INITRD:
		return "initramfs";
	case SUBJECT_PACKED:
		return "packed";
	case SUBJECT_UNKNOWN:
		break;
	}
	return "unknown";
}

static void tell_packing(const struct subject *s)
{
	if (!s->packing)
		return;
	report_text("packed_with", s->packing->name);
	if (!packing_is_gzip(s->packing))
		report_text("unpack", s->packing->tool);
}

static int inspect_tell(const struct subject *s)
{
	static bool another;
	bool good = true;

	if (s->kind == SUBJECT_UNKNOWN) {
		warn("%s: %s", s->name, s->why);
		if (!options.json)
			return STATUS_FAILED;
	}
	if (another)
		report_line("%s", "");
	another = true;
	report_open(NULL);
	report_text("file", s->name);
	report_text("kind", kind_name(s));
	if (s->kind == SUBJECT_UNKNOWN) {
		report_text("error", s->why);
		good = false;
	} else {
		report_number("size", s->size);
		tell_packing(s);
	}
	if (s->kind == SUBJECT_KERNEL)
		subject_tell_kernel(s);
	else if (s->kind == SUBJECT_INITRD)
		good = subject_tell_initrd(s, options.list);
	report_close();
	return good ? 0 : STATUS_FAILED;
}

static int inspect_file(const char *name)
{
	static struct subject s;
	int status = STATUS_FAILED;

	if (subject_open(&s, name)) {
		if (options.can)
			status = inspect_can(&s);
		else if (options.config)
			status = inspect_config(&s);
		else if (options.extract)
			status = inspect_extract(&s);
		else
			status = inspect_tell(&s);
	}
	subject_close(&s);
	return status;
}

static void check_options(int nfiles)
{
	unsigned modes = options.json + options.config + !!options.can +
		!!options.extract;

	if (modes > 1)
		die_usage("only one of --json, --can, --config and --extract");
	if (options.list && modes > options.json)
		die_usage("--list goes with --json alone");
	if (options.force && !options.extract)
		die_usage("--force goes with --extract");
	if (nfiles > 1 && (options.config || options.extract))
		die_usage("only one FILE goes with --config and --extract");
	if (options.can)
		check_can();
}

/* No is worse than unknown, and unknown than yes. */
static int worse(int a, int b)
{
	if (a == STATUS_NO || b == STATUS_NO)
		return STATUS_NO;
	return a ? a : b;
}

static int inspect_main(int argc, char **argv)
{
	int first = options_parse(rows, &options, argc, argv);
	bool tell;
	int worst = 0;

	if (first == argc)
		die_usage("usage: lguest-inspect [options] FILE...; see --help");
	check_options(argc - first);
	signal(SIGXFSZ, SIG_IGN);	/* EFBIG says it */
	tell = !options.can && !options.config && !options.extract;
	if (tell)
		report_begin(options.json);
	for (; first < argc; first++)
		worst = worse(worst, inspect_file(argv[first]));
	if (tell)
		report_end();
	return worst;
}

const struct applet applet_inspect = {
	.name = "lguest-inspect",
	.summary = "say what a kernel is, and what runs it here",
	.main = inspect_main,
};
