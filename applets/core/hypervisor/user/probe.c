/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does this Host let a process do what a stub does?  A child tries all of it
 * in turn, and runs two bytes of 32-bit code; where it fails, it says.
 */
#include <asm/ldt.h>
#include <errno.h>
#include <linux/memfd.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "user.h"

#ifndef MFD_EXEC
#define MFD_EXEC	0x0010U
#endif

enum step { STEP_FINE, STEP_MEMFD, STEP_MAP, STEP_LDT, STEP_SECCOMP,
	STEP_CODE, STEP_CHILD };

static const char *const steps[] = {
	[STEP_MEMFD] = "memfd_create: this Host has no memory files",
	[STEP_MAP] = "mmap: no executable shared memory below 4 GiB",
	[STEP_LDT] = "modify_ldt: this Host lets nobody have segments (CONFIG_MODIFY_LDT_SYSCALL)",
	[STEP_SECCOMP] = "seccomp: this Host has no filters for system calls",
	[STEP_CODE] = "32-bit code does not run in a 64-bit process here",
	[STEP_CHILD] = "fork: no child process to be had",
};

static void code_ran(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *r = uc->uc_mcontext.gregs;

	(void)info;
	if (sig == SIGUSR1) {
		r[REG_RIP] = LINEAR_START;
		r[REG_CSGSFS] = HOST_CS | (uint64_t)HOST_DS << 48;
		return;
	}
	_exit(sig == SIGILL && (r[REG_CSGSFS] & 0xffff) == HOST_CS &&
	      r[REG_RIP] == LINEAR_START ? STEP_FINE : STEP_CODE);
}

/* ud2 at LINEAR_START, in 32-bit code, from a file like the Guest's RAM. */
static enum step run_code(int fd)
{
	struct sigaction sa = { .sa_sigaction = code_ran,
				.sa_flags = SA_SIGINFO | SA_ONSTACK };
	static uint8_t room[KIB(64)];
	stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };
	uint8_t *at = mmap((void *)(uintptr_t)LINEAR_START, PAGE, PROT_READ |
			   PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd,
			   0);
	static const int sigs[] = { SIGUSR1, SIGILL, SIGSEGV, SIGBUS,
				    SIGTRAP };

	if (at == MAP_FAILED)
		return STEP_MAP;
	at[0] = 0x0f;
	at[1] = 0x0b;
	sigaltstack(&stack, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(sigs); i++)
		sigaction(sigs[i], &sa, NULL);
	raise(SIGUSR1);
	return STEP_CODE;
}

static enum step try_all(void)
{
	struct user_desc d = { .entry_number = 1, .limit = 1, .seg_32bit = 1,
			       .useable = 1 };
	sigset_t none;
	int fd = syscall(SYS_memfd_create, "probe", MFD_CLOEXEC | MFD_EXEC);

	if (fd < 0)
		fd = syscall(SYS_memfd_create, "probe", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, PAGE))
		return STEP_MEMFD;
	if (syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)))
		return STEP_LDT;
	/* A filter of no instructions: is it asked for them at all? */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) < 0 &&
	    errno != EFAULT && errno != EACCES)
		return STEP_SECCOMP;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return run_code(fd);
}

bool probe_host(char *why)
{
	enum step step = STEP_CHILD;
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(try_all());
	if (pid > 0) {
		step = STEP_CODE;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFEXITED(status))
			step = WEXITSTATUS(status);
	}
	if (step >= ARRAY_SIZE(steps))
		step = STEP_CODE;
	if (step)
		snprintf(why, WHY_MAX, "%s", steps[step]);
	return !step;
}
