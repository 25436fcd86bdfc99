/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs that try out, inside the Guests of real-lguest.sh and
 * real-user.sh, what programs rely on.  Each has a table of trials, and prints
 * "NAME: fine" or what was not.
 */
#ifndef REAL_LGUEST_TRIAL_H
#define REAL_LGUEST_TRIAL_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE	4096u

struct trial {
	const char *name;
	void (*run)(unsigned n);
};

__attribute__((noreturn, format(printf, 1, 2)))
static void wrong(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "trial: ");
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, " (last error: %s)\n", strerror(errno));
	_exit(1);
}

/* A child, -1 for any: it has to end with this status. */
static inline void reap(pid_t pid, int wanted)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		wrong("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
		wrong("a child ended with 0x%x", status);
}

static inline pid_t child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		wrong("fork");
	return pid;
}

static sigjmp_buf back;
static volatile sig_atomic_t got_signal, got_code;
static void *volatile got_address;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	got_signal = sig;
	got_code = info->si_code;
	got_address = info->si_addr;
	siglongjmp(back, 1);
}

/* Runs DO, which has to end in SIG. */
#define FAULT(sig, do) fault_check(#do, sig, ({ got_signal = 0; \
	if (!sigsetjmp(back, 1)) { do; } got_signal; }))

static inline void fault_check(const char *what, int wanted, int got)
{
	if (got != wanted)
		wrong("%s gave signal %d, not %d", what, got, wanted);
}

static inline void fault_address(const char *what, const void *wanted)
{
	if (got_address != wanted)
		wrong("%s: fault at %p, not %p", what, got_address, wanted);
}

/* From here on faults are only remembered. */
static inline void faults_catch(void)
{
	static const int sigs[] = { SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGBUS };
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO };

	for (unsigned i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaction(sigs[i], &sa, NULL);
}

static int trial_main(const struct trial *t, char **argv)
{
	for (; t->name && argv[1]; t++) {
		if (strcmp(argv[1], t->name))
			continue;
		t->run(argv[2] ? atoi(argv[2]) : 0);
		printf("%s: fine\n", t->name);
		return 0;
	}
	fprintf(stderr, "trial: usage\n");
	return 2;
}

#endif
