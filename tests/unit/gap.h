/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A signal between any two instructions of interruptible_read(), by stepping
 * a child through it.  Its pipe stays empty for ever unless said otherwise,
 * so what does not come back at once never will.
 */
#ifndef GAP_H
#define GAP_H

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interruptible.h"

#define GAP_STEPS_MAX	64
#ifdef __i386__
#define GAP_PC		eip
#else
#define GAP_PC		rip
#endif

extern const char interruptible_gap[], interruptible_end[];
extern int interruptible_woken;

struct gap {
	bool cure;		/* the handler that we ship */
	bool restart;		/* SA_RESTART */
	bool data;		/* there is some to read */
};

/* How a child ended: */
enum { GAP_EINTR, GAP_DATA, GAP_LOST, GAP_ODD, GAP_SLEEPS };

static void gap_cured(int sig, siginfo_t *info, void *ucontext)
{
	(void)sig, (void)info;
	interruptible_wake(ucontext);
}

/* What one would write first. */
static void gap_naive(int sig, siginfo_t *info, void *ucontext)
{
	(void)sig, (void)info, (void)ucontext;
	interruptible_woken = 1;
}

static void gap_child(const struct gap *how)
{
	struct sigaction sa = {
		.sa_sigaction = how->cure ? gap_cured : gap_naive,
		.sa_flags = SA_SIGINFO | (how->restart ? SA_RESTART : 0) };
	char buf[8];
	int ends[2];
	long n;

	if (pipe(ends) || (how->data && write(ends[1], "data", 4) != 4))
		_exit(GAP_ODD);
	alarm(60);
	sigaction(SIGUSR1, &sa, NULL);
	interruptible_begin();
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	n = interruptible_read(ends[0], buf, sizeof(buf));
	if (n == 4)
		_exit(GAP_DATA);
	if (n != -EINTR)
		_exit(GAP_ODD);
	if (how->data && read(ends[0], buf, sizeof(buf)) != 4)
		_exit(GAP_LOST);
	_exit(GAP_EINTR);
}

static unsigned long gap_pc(pid_t child)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, child, NULL, &regs))
		return 0;
	return regs.GAP_PC;
}

/* 'S' in /proc: it waits for what never comes.  Stepped, 't'. */
static bool gap_sleeps(pid_t child)
{
	char path[32], line[256] = "";
	const char *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
	f = fopen(path, "r");
	if (f && !fgets(line, sizeof(line), f))
		*line = '\0';
	if (f)
		fclose(f);
	state = strrchr(line, ')');
	return state && state[2] == 'S';
}

/* Lets it go on; how it ends, or that it sleeps. */
static int gap_outcome(pid_t child)
{
	unsigned asleep = 0;
	int status;

	while (waitpid(child, &status, WNOHANG) == 0) {
		/* Asleep each time, and not just between two things. */
		asleep = gap_sleeps(child) ? asleep + 1 : 0;
		if (asleep == 50) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return GAP_SLEEPS;
		}
		usleep(1000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : GAP_ODD;
}

/*
 * The outcome of a signal after so many instructions; -1 when there are not
 * that many.  With an empty pipe read(2) itself is not stepped into.
 */
static int gap_try(const struct gap *how, unsigned instructions)
{
	unsigned long end = (unsigned long)interruptible_end;
	int status;
	pid_t child = fork();

	if (!child)
		gap_child(how);
	waitpid(child, &status, 0);
	while (gap_pc(child) != (unsigned long)interruptible_read) {
		ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
		waitpid(child, &status, 0);
		if (!WIFSTOPPED(status))
			return GAP_ODD;
	}
	for (unsigned i = 0; i < instructions; i++) {
		/* Both ways into the kernel are two bytes long. */
		if (gap_pc(child) == (how->data ? end : end - 2)) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return -1;
		}
		ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
		waitpid(child, &status, 0);
	}
	ptrace(PTRACE_DETACH, child, NULL, SIGUSR1);
	return gap_outcome(child);
}

/* And one that comes when it sleeps in there already. */
static int gap_asleep(const struct gap *how)
{
	int status;
	pid_t child = fork();

	if (!child)
		gap_child(how);
	waitpid(child, &status, 0);
	ptrace(PTRACE_DETACH, child, NULL, 0);
	for (unsigned i = 0; i < 10000 && !gap_sleeps(child); i++)
		usleep(1000);
	kill(child, SIGUSR1);
	return gap_outcome(child);
}

/* Counts outcomes over all instructions. */
static unsigned gap_all(const struct gap *how, unsigned count[GAP_SLEEPS + 1])
{
	unsigned n = 0;
	int outcome;

	memset(count, 0, (GAP_SLEEPS + 1) * sizeof(*count));
	while (n < GAP_STEPS_MAX && (outcome = gap_try(how, n)) >= 0) {
		count[outcome]++;
		n++;
	}
	return n;
}

#endif
