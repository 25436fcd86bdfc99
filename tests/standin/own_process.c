/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that was forked from us, keeps no file open and is traced: below
 * 4 GiB it has nothing but pages of the Guest's, whose 32-bit code it runs.
 * What a Guest may not do at ring 1 is no more allowed to it at ring 3, so all
 * of that ends in signals, which only we get to see.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "own.h"

#define CS_32		0x23	/* Linux's own for 32-bit programs */
#define DS_32		0x2b
#define FLAGS		0x202
/* The Guest's KERNEL_DS is a segment that every thread may define. */
#define TLS_ENTRY	13
#define FILE_FD		3

static pid_t process = -1;
static struct user_regs_struct home;	/* as it was when it stopped first */

/* Where it is sent for a system call of its own. */
void own_syscall(void);
asm(".text\n"
    "own_syscall:\n"
    "	syscall\n"
    "	int3\n");

static void live(int file)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(file, FILE_FD);
	close(0);
	close(1);
	close(2);
	closefrom(FILE_FD + 1);
	if (!ptrace(PTRACE_TRACEME, 0, 0, 0))
		raise(SIGSTOP);
	_exit(1);
}

static int wait_for_stop(void)
{
	int status;

	if (waitpid(process, &status, 0) != process || !WIFSTOPPED(status))
		failed(__FILE__, __LINE__, "the Guest's process is gone");
	return WSTOPSIG(status);
}

static int64_t call(uint64_t nr, const uint64_t args[6])
{
	struct user_regs_struct r = home;

	r.rip = (uintptr_t)own_syscall;
	r.orig_rax = -1;
	r.rax = nr;
	r.rdi = args[0];
	r.rsi = args[1];
	r.rdx = args[2];
	r.r10 = args[3];
	r.r8 = args[4];
	r.r9 = args[5];
	NEED(!ptrace(PTRACE_SETREGS, process, 0, &r));
	NEED(!ptrace(PTRACE_CONT, process, 0, 0));
	NEED_EQ(wait_for_stop(), SIGTRAP);
	NEED(!ptrace(PTRACE_GETREGS, process, 0, &r));
	return r.rax;
}

void process_start(int file)
{
	struct user_desc flat = {
		.entry_number = TLS_ENTRY, .limit = 0xfffff, .seg_32bit = 1,
		.limit_in_pages = 1, .useable = 1 };

	process = fork();
	NEED(process >= 0);
	if (!process)
		live(file);
	NEED_EQ(wait_for_stop(), SIGSTOP);
	NEED(!ptrace(PTRACE_GETREGS, process, 0, &home));
	NEED(!ptrace(PTRACE_SET_THREAD_AREA, process,
		     (void *)(uintptr_t)TLS_ENTRY, &flat));
}

int process_run(struct user_regs_struct *r, siginfo_t *why)
{
	int sig;

	r->cs = CS_32;
	r->ss = DS_32;
	if (!r->ds)
		r->ds = r->es = DS_32;
	/* Ring 1's would do for a process, but ptrace(2) wants ring 3's. */
	r->ds |= 3;
	r->es |= 3;
	r->eflags |= FLAGS;
	r->orig_rax = -1;
	NEED(!ptrace(PTRACE_SETREGS, process, 0, r));
	NEED(!ptrace(PTRACE_CONT, process, 0, 0));
	sig = wait_for_stop();
	NEED(!ptrace(PTRACE_GETREGS, process, 0, r));
	NEED(!ptrace(PTRACE_GETSIGINFO, process, 0, why));
	return sig;
}

void process_map(uint32_t va, uint32_t offset)
{
	const uint64_t args[] = { va, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
				  MAP_SHARED | MAP_FIXED, FILE_FD, offset };

	NEED_EQ(call(SYS_mmap, args), va);
}

void process_unmap(uint32_t va, uint64_t len)
{
	NEED_EQ(call(SYS_munmap, (uint64_t[6]){ va, len }), 0);
}

void process_end(void)
{
	ptrace(PTRACE_KILL, process, 0, 0);
	kill(process, SIGKILL);
	waitpid(process, NULL, 0);
}

const char *process_cannot(void)
{
	static char why[128];
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(ptrace(PTRACE_TRACEME, 0, 0, 0) ? errno : 0);
	waitpid(pid, &status, 0);
	if (!status)
		return NULL;
	snprintf(why, sizeof(why), "no process may be traced here: %s",
		 strerror(WEXITSTATUS(status)));
	return why;
}
