/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Becoming a stub.  Other stubs run already and can write all of struct user,
 * so a new one neither reads nor writes it before its walls are up: it works
 * from what it has as a child of the Launcher, on a stack of its own, and only
 * as its last step comes to the handler's stack, which is in there.
 */
#include <asm/prctl.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

#define ADDRESSES_END	UINT64_C(0x7ffffffff000)
#define VDSO_ROOM	KIB(64)	/* it and its data lie within, to both sides */
/* The stack on which a stub gives up its memory; the last thing to go. */
#define SCRATCH		(LINEAR_END - MIB(1))
#define SCRATCH_SIZE	KIB(16)
#define LDT_WRITE	0x11

/* --- what a stub may ask for ------------------------------------------ */

enum { BELOW_4G = 1, IS };

/* A check of one argument, counted from 1; 0 ends them. */
struct check {
	uint8_t arg, kind;
	uint32_t value;
};

#define BELOW(n)	{ n, BELOW_4G, 0 }
#define ARG(n, v)	{ n, IS, v }

static const struct rule {
	uint16_t nr;
	struct check checks[4];
} rules[] = {
	/* First: only for whoever is no stub yet. */
	{ SYS_exit_group, { { 0 } } },
	/* Back to the Guest, out of the handler. */
	{ SYS_rt_sigreturn, { { 0 } } },
	/* The Guest's RAM, and nothing else, where its addresses are. */
	{ SYS_mmap, { BELOW(1), BELOW(2), ARG(4, MAP_SHARED | MAP_FIXED),
		      ARG(5, FD_RAM) } },
	{ SYS_mmap, { BELOW(1), BELOW(2),
		      ARG(4, MAP_SHARED | MAP_FIXED | MAP_POPULATE),
		      ARG(5, FD_RAM) } },
	{ SYS_munmap, { BELOW(1), BELOW(2) } },
	{ SYS_mprotect, { BELOW(1), BELOW(2) } },
	/* To sleep, and to wake the Launcher and other stubs. */
	{ SYS_futex, { ARG(2, FUTEX_WAIT) } },
	{ SYS_futex, { ARG(2, FUTEX_WAKE) } },
	{ SYS_write, { ARG(1, FD_KICK) } },
	/* The Guest's timer, and the one that looks for interrupts. */
	{ SYS_timerfd_settime, { ARG(1, FD_TIMER) } },
	{ SYS_timerfd_settime, { ARG(1, FD_RETRY) } },
	/* Not those of other processes, which would tell of them. */
	{ SYS_clock_gettime, { ARG(1, CLOCK_REALTIME) } },
	{ SYS_clock_gettime, { ARG(1, CLOCK_MONOTONIC) } },
	/* The Guest's segments. */
	{ SYS_modify_ldt, { ARG(1, LDT_WRITE) } },
};

#define RULE_INSNS	(3 + 4 * 4)	/* at most */
#define FILTER_MAX	(8 + ARRAY_SIZE(rules) * RULE_INSNS)
#define AT(field)	offsetof(struct seccomp_data, field)

struct filter {
	struct sock_filter insns[FILTER_MAX];
	unsigned n;
};

static void emit(struct filter *f, uint16_t code, uint32_t k, uint8_t jt,
		 uint8_t jf)
{
	f->insns[f->n++] = (struct sock_filter){ code, jt, jf, k };
}

static void load(struct filter *f, uint32_t at)
{
	emit(f, BPF_LD | BPF_W | BPF_ABS, at, 0, 0);
}

static void ret(struct filter *f, uint32_t action)
{
	emit(f, BPF_RET | BPF_K, action, 0, 0);
}

/* Goes on only if it equals k; where else it goes is known at the end. */
static void only(struct filter *f, uint32_t k)
{
	emit(f, BPF_JMP | BPF_JEQ | BPF_K, k, 0, UINT8_MAX);
}

static void emit_rule(struct filter *f, const struct rule *r)
{
	unsigned start = f->n;

	load(f, AT(nr));
	only(f, r->nr);
	for (const struct check *c = r->checks;
	     c < r->checks + ARRAY_SIZE(r->checks) && c->arg; c++) {
		uint32_t at = AT(args) + (c->arg - 1) * 8;

		load(f, at + 4);	/* the upper half */
		only(f, 0);
		if (c->kind == IS) {
			load(f, at);
			only(f, c->value);
		}
	}
	ret(f, SECCOMP_RET_ALLOW);
	for (unsigned i = start; i < f->n; i++)
		if (f->insns[i].jf == UINT8_MAX)
			f->insns[i].jf = f->n - i - 1;
}

/* A Guest's int $0x80 is a call of the other architecture: to its kernel. */
long sandbox_filter(bool may_exit)
{
	struct filter f = { .n = 0 };
	struct sock_fprog prog = { .filter = f.insns };
	long rc;

	load(&f, AT(arch));
	emit(&f, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	ret(&f, SECCOMP_RET_TRAP);
	for (unsigned i = !may_exit; i < ARRAY_SIZE(rules); i++)
		emit_rule(&f, &rules[i]);
	ret(&f, SECCOMP_RET_TRAP);
	prog.len = f.n;
	/* The Guest has no secrets to keep from itself. */
	rc = stub_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		       SECCOMP_FILTER_FLAG_SPEC_ALLOW, (long)&prog, 0, 0, 0);
	if (rc == -EINVAL)	/* before 4.17 nobody could say so */
		rc = stub_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0,
			       (long)&prog, 0, 0, 0);
	return rc;
}

/* --- memory ----------------------------------------------------------- */

extern const char __executable_start[], __init_array_start[];

struct range {
	uint64_t from, to;
};

/* `may`: the error that may be; with any other it is no stub. */
static bool unmap(uint64_t from, uint64_t to, long may)
{
	long rc = from < to ? stub_call(SYS_munmap, from, to - from, 0, 0, 0,
					0) : 0;

	if (rc && rc != may)
		_exit(STEP_UNMAP);
	return !rc;
}

/*
 * Some Hosts let nobody unmap the vDSO, and then refuse all that is around it,
 * too.  So it goes page by page, and what stays is the vDSO's.
 */
static void unmap_around(uint64_t from, uint64_t to, uint64_t vdso)
{
	uint64_t low = vdso - VDSO_ROOM, high = vdso + VDSO_ROOM;

	if (unmap(from, to, -EPERM))
		return;
	low = low > from && low < to ? low : from;
	high = high > low && high < to ? high : to;
	if (high - low > 2 * VDSO_ROOM)
		_exit(STEP_UNMAP);
	unmap(from, low, 0);
	unmap(high, to, 0);
	for (; low < high; low += PAGE)
		unmap(low, low + PAGE, -EPERM);
}

/*
 * On its own stack, for all others go: what is left are our program's text and
 * constants, struct user, RAM, and the direct paths' pages.
 */
static NORETURN void sandbox_enter(uint64_t ram, uint64_t ram_end,
				   uint64_t vdso, bool pc)
{
	uint64_t state = (uintptr_t)USER, at = 0;
	struct range keep[] = {
		{ SCRATCH, SCRATCH + SCRATCH_SIZE },
		{ pc ? DIRECT_PC : DIRECT_DATA,
		  pc ? GIB(4) : DIRECT_CODE + PAGE },
		{ ram, ram_end },
		{ state, USER_END },
		{ (uintptr_t)__executable_start,
		  (uintptr_t)__init_array_start & ~(uint64_t)(PAGE - 1) },
	};

	/* It is not always where we would like to have it. */
	if (ram > state) {
		keep[2] = keep[3];
		keep[3] = keep[4];
		keep[4] = (struct range){ ram, ram_end };
	}
	for (unsigned i = 0; i < ARRAY_SIZE(keep); i++) {
		unmap_around(at, keep[i].from, vdso);
		at = keep[i].to;
	}
	unmap_around(at, ADDRESSES_END, vdso);
	if (sandbox_filter(false) < 0)
		_exit(STEP_SECCOMP);
	/* This stack goes, too; and on the next one is the Guest. */
	asm volatile("syscall; int3" :: "a"(SYS_munmap), "D"(SCRATCH),
		     "S"(SCRATCH_SIZE) : "rcx", "r11", "memory");
	__builtin_unreachable();
}

static NORETURN void change_stack(uint64_t ram, uint64_t ram_end,
				  uint64_t vdso, bool pc)
{
	uint8_t *scratch = mmap((void *)(uintptr_t)SCRATCH, SCRATCH_SIZE,
				PROT_READ | PROT_WRITE, MAP_PRIVATE |
				MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (scratch == MAP_FAILED)
		_exit(STEP_MAP);
	asm volatile("mov %0, %%rsp; call *%1" ::
		     "r"(scratch + SCRATCH_SIZE), "r"(sandbox_enter),
		     "D"(ram), "S"(ram_end), "d"(vdso), "c"((uint64_t)pc) :
		     "memory");
	__builtin_unreachable();
}

/* --- as a child of the Launcher --------------------------------------- */

static void keep_descriptors(const int fds[STUB_FDS])
{
	struct rlimit limit;

	/* Only the last of these numbers may be one of ours already. */
	for (int i = 0; i < STUB_FDS; i++)
		if (dup2(fds[i], i) < 0)
			_exit(STEP_DESCRIPTORS);
	if (!syscall(SYS_close_range, STUB_FDS, ~0u, 0))
		return;
	/* Before 5.9, or in a container that does not know it. */
	if (getrlimit(RLIMIT_NOFILE, &limit))
		_exit(STEP_DESCRIPTORS);
	for (rlim_t i = STUB_FDS; i < limit.rlim_cur; i++)
		close(i);
}

void sandbox_drop_rights(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { { 0 } };
	const struct rlimit no_core = { 0 };

	if (syscall(SYS_capset, &head, none) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0) ||
	    setrlimit(RLIMIT_CORE, &no_core))
		_exit(STEP_RIGHTS);
	setsid();		/* no terminal, and no signals from there */
}

/*
 * All but the one that ends this wait, until the handler says otherwise: and
 * a fault that is blocked is the end, not a way to the handler.
 */
static void block_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGTRAP);
	sigprocmask(SIG_SETMASK, &set, NULL);
	/* The Launcher's handlers are not for here. */
	for (int sig = 1; sig < _NSIG; sig++)
		signal(sig, SIG_DFL);
}

NORETURN void stub_run(unsigned me, const struct guest *g, pid_t launcher,
		       const int fds[STUB_FDS])
{
	uint64_t ram = (uintptr_t)g->mem.host;

	block_signals();
	keep_descriptors(fds);
	sandbox_drop_rights();
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != launcher)
		_exit(STEP_CHILD);
	/* Where that cannot be, programs see the Host's. */
	syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
	stub_handle_signals(me);
	if (!direct_map(USER, user_is_pc(g)))
		_exit(STEP_ALIAS);
	change_stack(ram, ram + g->mem.size + g->mem.devices.size,
		     getauxval(AT_SYSINFO_EHDR), user_is_pc(g));
}
