/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usage: standin LAUNCHER [SCRIPT]
 *        standin LAUNCHER replay TRANSCRIPT...
 *        standin LAUNCHER own GUEST [OPTION...]
 * Each script on each era's Host, in the current directory; or what was
 * recorded on real ones, VERSION-NAME each; or the drivers of the Guest of
 * tests/guest32/, NAME-VERSION, on its Host: what they say, as
 * tests/guest32/outcomes.sh wants it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "own.h"

#define LAST_OF_ALL	10000	/* system calls: all there are */
#define SCRIPT_SECONDS	60
#define SKIPPED		77

const char *launcher;

static const struct era eras[] = {
	{ .version = "2.6.25.20", .form = FORM_PGDIR, .telling = TELLS_RESET,
	  .accepts_late = true, .owner_only = true, .last_syscall = 326 },
	{ .version = "2.6.28.10", .form = FORM_PGDIR, .telling = TELLS_STATUS,
	  .accepts_late = true, .owner_only = true, .last_syscall = 332 },
	{ .version = "2.6.30.10", .form = FORM_START, .telling = TELLS_STATUS,
	  .accepts_late = true, .owner_only = true, .last_syscall = 334 },
	{ .version = "2.6.35.14", .form = FORM_START, .telling = TELLS_STATUS,
	  .last_syscall = 337 },
	{ .version = "3.11.10", .form = FORM_START, .telling = TELLS_FEATURES,
	  .last_syscall = 350, .punch = true },
	{ .version = "4.1.15", .form = FORM_DEVICES, .telling = TELLS_PCI,
	  .last_syscall = 358, .ofd_locks = true, .punch = true },
	{ .version = "4.10.17", .form = FORM_DEVICES, .telling = TELLS_PCI,
	  .last_syscall = 382, .ofd_locks = true, .punch = true },
	/* Nothing is missing here. */
	{ .version = "3.19.8", .form = FORM_START, .telling = TELLS_FEATURES,
	  .last_syscall = LAST_OF_ALL, .ofd_locks = true, .punch = true },
};

static const char *name;
static const struct era *now;

void failed(const char *file, int line, const char *fmt, ...)
{
	const char *slash = strrchr(file, '/');
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("FAIL %s-%s: %s:%d: %s\n", now->version, name,
	       slash ? slash + 1 : file, line, text);
	fflush(stdout);
	child_kill();
	_exit(1);
}

void skipped(const char *why)
{
	printf("SKIP %s-%s: %s\n", now->version, name, why);
	fflush(stdout);
	_exit(0);
}

static const char *recorded;	/* to be replayed */

static void replay_it(const struct era *era)
{
	replay(era, recorded);
}

static bool run(const struct script *s, const struct era *era)
{
	int status;
	pid_t pid;

	fflush(stdout);
	name = s->name;
	now = era;
	pid = fork();
	if (!pid) {
		alarm(SCRIPT_SECONDS);
		s->run(era);
		printf("PASS %s-%s\n", era->version, s->name);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("FAIL %s-%s: signal %d\n", era->version, s->name,
		       WTERMSIG(status));
	return !status;
}

/* 2.6.30, but 3.11 of 3.11.10.5. */
static bool is_same_era(const char *a, const char *b)
{
	unsigned dots = *a == '2' ? 3 : 2;

	for (; *a == *b && dots; a++, b++)
		dots -= *a == '.';
	return !dots || (dots == 1 && strspn(a, "0123456789") == 0 &&
			 strspn(b, "0123456789") == 0);
}

static bool run_version(const char *version, const struct script *script)
{
	for (unsigned i = 0; i < ARRAY_SIZE(eras); i++) {
		struct era era = eras[i];

		if (!is_same_era(era.version, version))
			continue;
		era.version = version;
		return run(script, &era);
	}
	printf("FAIL %s-%s: no Host is like that\n", version, script->name);
	return false;
}

static bool run_recorded(const char *path)
{
	const char *slash = strrchr(path, '/');
	char version[64], test[128], *dash;

	recorded = path;
	snprintf(version, sizeof(version), "%s", slash ? slash + 1 : path);
	dash = strchr(version, '-');
	if (dash)
		*dash++ = '\0';
	snprintf(test, sizeof(test), "replay-%s", dash ? dash : "");
	return run_version(version, &(struct script){ test, replay_it });
}

static const char *own_image, *const *own_options;

static void too_long(int sig)
{
	(void)sig;
	child_show();
	failed(__FILE__, __LINE__, "no end within %u seconds",
	       SCRIPT_SECONDS);
}

/* Its input is what a test in there waits for. */
static void own(const struct era *era)
{
	const char *kernel[] = { own_image, "suite=devices", NULL };
	int status;

	signal(SIGALRM, too_long);
	launch_kernel(era, ENDS_PIPE, own_options, kernel);
	child_type("to the Guest\n");
	status = own_live(era);
	child_show();
	printf("STATUS %d\n", status);
	fflush(stdout);
	/* Whether that is good is for others to say. */
	_exit(0);
}

static bool run_own(char **argv)
{
	const char *dash = strrchr(argv[0], '-'), *why = process_cannot();

	printf("RUN suite=devices\n");
	if (why || !dash) {
		printf("SKIP all: %s\n", dash ? why : "of which version?");
		return true;
	}
	own_image = argv[0];
	own_options = (const char *const *)argv + 1;
	return run_version(dash + 1, &(struct script){ "own", own });
}

int main(int argc, char **argv)
{
	const char *why;
	bool ok = true;

	if (argc < 2) {
		fprintf(stderr, "usage: standin LAUNCHER [SCRIPT]\n");
		return 2;
	}
	launcher = argv[1];
	why = filter_cannot();
	if (why) {
		printf("SKIP standin: %s\n", why);
		return SKIPPED;
	}
	if (argc > 3 && !strcmp(argv[2], "replay")) {
		for (int i = 3; i < argc; i++)
			ok &= run_recorded(argv[i]);
		return !ok;
	}
	if (argc > 3 && !strcmp(argv[2], "own"))
		return !run_own(argv + 3);
	for (unsigned i = 0; i < ARRAY_SIZE(eras); i++)
		for (const struct script *s = scripts; s->name; s++)
			if (argc < 3 || !strcmp(argv[2], s->name))
				ok &= run(s, &eras[i]);
	return !ok;
}
