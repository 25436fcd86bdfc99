/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Becoming a stub.  First, as a child of the Launcher with all of libc, what
 * can only be done from there; then, on the first signal and on a stack that
 * stays, the rest: memory, and last the right to make system calls.
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

#define ADDRESSES_END	UINT64_C(0x7ffffffff000)
/* Around the vDSO there is nothing of ours; some Hosts let nobody unmap it. */
#define VDSO_ROOM	KIB(64)
#define LDT_WRITE	0x11

/* --- what a stub may ask for ------------------------------------------------ */

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
	{ SYS_clock_gettime, { { 0 } } },
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
static long sandbox_filter(void)
{
	struct filter f = { .n = 0 };
	struct sock_fprog prog = { .filter = f.insns };

	load(&f, AT(arch));
	emit(&f, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	ret(&f, SECCOMP_RET_TRAP);
	for (unsigned i = 0; i < ARRAY_SIZE(rules); i++)
		emit_rule(&f, &rules[i]);
	ret(&f, SECCOMP_RET_TRAP);
	prog.len = f.n;
	/* The Guest has no secrets to keep from itself. */
	return stub_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			 SECCOMP_FILTER_FLAG_SPEC_ALLOW, (long)&prog, 0, 0, 0);
}

/* --- memory ----------------------------------------------------------------------- */

extern const char __executable_start[], __init_array_start[];

static void unmap(uint64_t from, uint64_t to)
{
	uint64_t vdso = USER->vdso;

	if (from >= to || !stub_call(SYS_munmap, from, to - from, 0, 0, 0, 0))
		return;
	if (vdso > from + VDSO_ROOM && vdso + VDSO_ROOM < to) {
		stub_call(SYS_munmap, from, vdso - VDSO_ROOM - from, 0, 0, 0,
			  0);
		stub_call(SYS_munmap, vdso + VDSO_ROOM, to - vdso - VDSO_ROOM,
			  0, 0, 0, 0);
	}
}

/* Our program's text and constants, struct user, RAM: in this order. */
void sandbox_enter(struct user *u)
{
	uint64_t text = (uintptr_t)__executable_start;
	uint64_t text_end = (uintptr_t)__init_array_start & ~(uint64_t)4095;
	uint64_t state = (uintptr_t)u, ram = (uintptr_t)u->ram;

	unmap(0, LINEAR_END);
	unmap(DIRECT_CODE + PAGE, text);
	unmap(text_end, state);
	unmap(ALIGN_UP(state + sizeof(*u), PAGE), ram);
	unmap(ram + u->ram_size, ADDRESSES_END);
	if (sandbox_filter() < 0)
		stub_crash(u, CRASH_HOST, ENOSYS, 0, 0);
}

/* --- as a child of the Launcher ------------------------------------------------------ */

static void keep_descriptors(const int fds[STUB_FDS])
{
	struct rlimit limit;

	/* Only the last of these numbers may be one of ours already. */
	for (int i = 0; i < STUB_FDS; i++)
		if (dup2(fds[i], i) < 0)
			_exit(1);
	if (!syscall(SYS_close_range, STUB_FDS, ~0u, 0))
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		_exit(1);
	for (rlim_t i = STUB_FDS; i < limit.rlim_cur; i++)
		close(i);
}

static void drop_rights(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { { 0 } };
	const struct rlimit no_core = { 0 };

	if (syscall(SYS_capset, &head, none) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(1);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	setsid();		/* no terminal, and no signals from there */
}

NORETURN void stub_run(unsigned me, const int fds[STUB_FDS])
{
	pid_t launcher = getppid();
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != launcher)
		_exit(1);
	keep_descriptors(fds);
	drop_rights();
	if (USER->cpuid_faults)
		syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
	/* The Launcher's handlers are not for here. */
	for (int sig = 1; sig < _NSIG; sig++)
		signal(sig, SIG_DFL);
	stub_handle_signals(me);
	if (!direct_map(USER))
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Its handler never returns to this place. */
	raise(SIGUSR1);
	_exit(1);
}
