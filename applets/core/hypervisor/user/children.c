/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stubs as processes: who they are is only here, out of their reach.
 */
#include <sched.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user.h"

/* 0: none.  A number stays its own until we have waited for it. */
static pid_t pids[SPACES_MAX];

bool children_spawn(uint32_t i, const struct guest *g,
		    const int fds[STUB_FDS])
{
	pid_t launcher = getpid(), pid;

	if (i >= SPACES_MAX || pids[i])
		return false;
	pid = fork();
	if (!pid)
		stub_run(i, g, launcher, fds);
	if (pid > 0)
		pids[i] = pid;
	return pid > 0;
}

void children_interrupt(uint32_t i)
{
	if (i < SPACES_MAX && pids[i])
		kill(pids[i], SIGUSR1);
}

/*
 * No stub ends by itself: the Host refused it something, somebody killed it,
 * or the Guest found a way to.  And one that was stopped would never say
 * anything again.
 */
static void child_changed(struct guest *g, unsigned i, int status)
{
	bool stopped = WIFSTOPPED(status);

	if (!stopped)
		pids[i] = 0;
	if (WIFEXITED(status))
		guest_end(g, STATUS_FAILED, "stub %u: %s", i,
			  probe_lacks(WEXITSTATUS(status)));
	else
		guest_end(g, STATUS_CRASHED, "stub %u was %s (signal %d)", i,
			  stopped ? "stopped" : "killed",
			  stopped ? WSTOPSIG(status) : WTERMSIG(status));
}

static void children_changed(struct guest *g)
{
	int status;
	pid_t pid;

	/* Also others: whoever started us may have left us some. */
	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0)
		for (unsigned i = 0; i < SPACES_MAX; i++)
			if (pids[i] == pid)
				child_changed(g, i, status);
}

void children_watch(void)
{
	loop_on_signal(SIGCHLD, children_changed);
}

void children_stop(void)
{
	for (unsigned i = 0; i < SPACES_MAX; i++) {
		if (!pids[i])
			continue;
		kill(pids[i], SIGKILL);
		while (waitpid(pids[i], NULL, 0) < 0 && errno == EINTR)
			;
		pids[i] = 0;
	}
}

/*
 * From one CPU to another a message takes twenty times as long as from one
 * process to the next on the same.  So all of us stay on one; which one, our
 * number decides, so that several Guests do not all choose the same.
 */
void children_stay_on_a_cpu(void)
{
	cpu_set_t may, one;
	int n, cpu = -1;

	if (sched_getaffinity(0, sizeof(may), &may))
		return;
	n = getpid() % CPU_COUNT(&may);
	do {
		cpu++;
		n -= CPU_ISSET(cpu, &may);
	} while (n >= 0);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}
