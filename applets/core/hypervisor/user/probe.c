/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does this Host let a process do what a stub does?  A child tries all of it
 * in turn, gives up what a stub gives up, and runs two bytes of 32-bit code;
 * where it fails, it says.
 */
#include <asm/ldt.h>
#include <errno.h>
#include <linux/memfd.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "sandbox.h"

#ifndef MFD_EXEC
#define MFD_EXEC	0x0010U
#endif

static const char *const steps[] = {
	[STEP_MEMFD] = "memfd_create: this Host has no memory files",
	[STEP_MAP] = "mmap: no executable shared memory below 4 GiB",
	[STEP_LDT] = "modify_ldt: this Host lets nobody have segments (CONFIG_MODIFY_LDT_SYSCALL)",
	[STEP_SECCOMP] = "seccomp: this Host has no filters for system calls",
	[STEP_CODE] = "32-bit code does not run in a 64-bit process here",
	[STEP_CHILD] = "fork: no child process to be had",
	[STEP_RIGHTS] = "capset, prctl: rights cannot be given up here",
	[STEP_DESCRIPTORS] = "dup2: no descriptors to be had",
	[STEP_ALIAS] = "mremap: no shared memory at two places",
	[STEP_UNMAP] = "munmap: memory cannot be given up here",
};

const char *probe_lacks(unsigned step)
{
	if (step >= ARRAY_SIZE(steps) || !steps[step])
		step = STEP_CODE;
	return steps[step];
}

/*
 * By now there is the filter: a call that is not on its list is a signal, and
 * the one to end is on the list for once.
 */
static void code_ran(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *r = uc->uc_mcontext.gregs;

	(void)info;
	if (sig == SIGTRAP) {
		r[REG_RIP] = LINEAR_START;
		r[REG_CSGSFS] = HOST_CS | (uint64_t)HOST_DS << 48;
		return;
	}
	if (sig == SIGSYS)
		_exit(STEP_FINE);
	if (sig != SIGILL || (r[REG_CSGSFS] & 0xffff) != HOST_CS ||
	    r[REG_RIP] != LINEAR_START)
		_exit(STEP_CODE);
	stub_call(SYS_getppid, 0, 0, 0, 0, 0, 0);
	_exit(STEP_SECCOMP);
}

/* ud2 at LINEAR_START, in 32-bit code, from a file like the Guest's RAM. */
static enum step run_code(int fd)
{
	struct sigaction sa = { .sa_sigaction = code_ran,
				.sa_flags = SA_SIGINFO | SA_ONSTACK |
					    SA_NODEFER };
	static uint8_t room[KIB(64)];
	stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };
	uint8_t *at = mmap((void *)(uintptr_t)LINEAR_START, PAGE, PROT_READ |
			   PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd,
			   0);
	static const int sigs[] = { SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGSYS };

	if (at == MAP_FAILED)
		return STEP_MAP;
	at[0] = 0x0f;
	at[1] = 0x0b;
	sigaltstack(&stack, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(sigs); i++)
		sigaction(sigs[i], &sa, NULL);
	if (sandbox_filter(true) < 0)
		return STEP_SECCOMP;
	asm volatile("int3");
	return STEP_CODE;
}

/* Shared memory at two places, as struct user's direct pages are. */
static bool can_alias(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED |
			  MAP_ANONYMOUS, -1, 0);

	return page != MAP_FAILED &&
	       mremap(page, 0, PAGE, MREMAP_MAYMOVE) != MAP_FAILED;
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
	if (!can_alias())
		return STEP_ALIAS;
	sandbox_drop_rights();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return run_code(fd);
}

bool probe_host(char *why)
{
	/* We may have been started with it ignored: then nobody would tell. */
	void (*before)(int) = signal(SIGCHLD, SIG_DFL);
	unsigned step = STEP_CHILD;
	int status = 0;
	pid_t pid = fork(), ended = pid;

	if (!pid)
		_exit(try_all());
	while (pid > 0 && (ended = waitpid(pid, &status, 0)) < 0 &&
	       errno == EINTR)
		;
	signal(SIGCHLD, before);
	if (ended > 0)
		step = WIFEXITED(status) ? WEXITSTATUS(status) : STEP_CODE;
	if (step)
		snprintf(why, WHY_MAX, "%s", probe_lacks(step));
	return !step;
}
