/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stub: a process whose 32-bit half belongs to the Guest, and a signal
 * handler that plays the Host.  The handler has no data of its own but struct
 * user, no heap and no libc that would need one: by the time that the first
 * instruction of the Guest runs, nothing else of the Launcher is left here.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>

#include "kind.h"
#include "sandbox.h"

#define FLAGS_SEEN	0x254dd5u	/* of eflags, what a Guest may change */
#define CS_64		0x33
#define RETRY_SOON_NS	50000

long stub_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d, r8 asm("r8") = e, r9 asm("r9") = f;
	long rc;

	asm volatile("syscall" : "=a"(rc) : "a"(nr), "D"(a), "S"(b), "d"(c),
		     "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return rc;
}

/* --- waiting and waking ----------------------------------------------- */

/* For so many ns at most; 0: no matter how long. */
static void futex_wait_for(_Atomic uint32_t *at, uint32_t seen, uint64_t ns)
{
	struct timespec most = { ns / 1000000000, ns % 1000000000 };

	stub_call(SYS_futex, (long)at, FUTEX_WAIT, seen,
		  ns ? (long)&most : 0, 0, 0);
}

static void futex_wait(_Atomic uint32_t *at, uint32_t seen)
{
	futex_wait_for(at, seen, 0);
}

static void futex_wake(_Atomic uint32_t *at)
{
	stub_call(SYS_futex, (long)at, FUTEX_WAKE, 1, 0, 0, 0);
}

static void kick_launcher(void)
{
	static const uint64_t one = 1;

	stub_call(SYS_write, FD_KICK, (long)&one, sizeof(one), 0, 0, 0);
}

void stub_post(struct user *u)
{
	uint32_t mine = ++u->posted;

	u->n.posts++;
	kick_launcher();
	for (;;) {
		uint32_t seen = u->answered;

		if (seen == mine)
			return;
		futex_wait(&u->answered, seen);
	}
}

void stub_tell(struct user *u)
{
	if (!u->untold)
		return;
	u->untold = false;
	kick_launcher();
}

void stub_note(struct user *u, const struct post *post, bool now)
{
	uint32_t at = u->noted, waiting = at - u->notes_taken;

	/* Full: then it is time that somebody reads them. */
	if (waiting >= NOTES_RING) {
		u->post = *post;
		stub_post(u);
		return;
	}
	u->notes[at % NOTES_RING] = *post;
	u->noted = at + 1;
	if (!now && (waiting + 1) % NOTES_QUIET) {
		u->untold = true;
		return;
	}
	/* If others wait there, the Launcher was told already. */
	if (u->untold || u->notes_taken == at) {
		u->untold = false;
		kick_launcher();
	}
}

void stub_crash(struct user *u, enum crash crash, uint32_t a, uint32_t b,
		uint32_t c)
{
	u->post = (struct post){ .kind = POST_CRASH, .crash = crash,
				 .args = { a, b, c } };
	for (;;)
		stub_post(u);
}

void stub_timer(int fd, uint64_t ns, uint64_t interval)
{
	struct itimerspec it = {
		.it_value = { ns / 1000000000, ns % 1000000000 },
		.it_interval = { interval / 1000000000, interval % 1000000000 },
	};

	stub_call(SYS_timerfd_settime, fd, 0, (long)&it, 0, 0, 0);
}

/*
 * The Launcher writes the interrupt, then `wake`, then reads `asleep`.  A PC's
 * timer is not left to it: most of what an idle Guest costs is to wake up, and
 * then two processes would, hundreds of times a second.
 */
static void stub_sleep(struct user *u)
{
	uint64_t since = u->stock ? board_clock(CLOCK_MONOTONIC) : 0, past;
	uint64_t ns = u->stock ? i8254_next(&u->board) : 0;
	uint32_t seen = u->wake;

	stub_tell(u);
	u->asleep = 1;
	if (!kind_wanted(u)) {
		if (ns)
			stub_timer(FD_TIMER, 0, 0);
		futex_wait_for(&u->wake, seen, ns);
		if (ns) {
			past = board_clock(CLOCK_MONOTONIC) - since;
			if (past >= ns)
				atomic_fetch_or(&u->irqs, 1);
			i8254_resume(&u->board, past < ns ? ns - past : 0);
		}
	}
	u->asleep = 0;
}

/* --- from stub to stub ------------------------------------------------ */

static void wait_for_turn(struct user *u, struct space *s)
{
	for (;;) {
		uint32_t seen = s->turn;

		if (u->cur == space_index(u, s))
			break;
		futex_wait(&s->turn, seen);
	}
	u->direct.top = (uintptr_t)u->stacks[space_index(u, s) + 1];
}

/* False: there can be no more stubs; next has to be one that is there. */
static bool spawn(struct user *u, struct space *next)
{
	u->post = (struct post){ .kind = POST_SPAWN,
				 .value = space_index(u, next) };
	stub_post(u);
	return u->post.value;
}

static void hand_over(struct user *u, struct space *s, struct space *next,
		      bool live)
{
	if (!next->spawned && !spawn(u, next)) {
		/* Those up to here there are; this one never was. */
		space_rekey(u, next, NO_CR3);
		next->used = false;
		u->mmu.nspaces = space_index(u, next);
		return;
	}
	next->spawned = true;
	u->n.switches++;
	fpu_save(u, s, live);
	u->cur = space_index(u, next);
	next->turn++;
	futex_wake(&next->turn);
	wait_for_turn(u, s);
	fpu_load(u, s, live);
}

/* --- the handler ------------------------------------------------------ */

static const uint8_t places[8] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
};

/* Registers of the Guest, as the signal found them. */
static void take_registers(struct user *u, int sig, const greg_t *r)
{
	struct cpu *c = &u->cpu;

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		c->gpr[i] = r[places[i]];
	c->eip = r[REG_RIP];
	c->eflags = r[REG_EFL];
	c->trap = r[REG_TRAPNO];
	c->error = r[REG_ERR];
	c->cr2 = r[REG_CR2];
	c->signal = sig;
	c->cs = r[REG_CSGSFS];
	c->ss = r[REG_CSGSFS] >> 48;
	/* It has left its 32 bits: that is not ours to run. */
	if (c->cs == CS_64 || r[REG_RIP] >> 32)
		c->signal = 0;
}

static void give_registers(const struct user *u, greg_t *r)
{
	const struct cpu *c = &u->cpu;
	uint64_t cs = u->direct.user ? LDT_SELECTOR(GDT_USER_CS) : HOST_CS;
	uint64_t ss = u->direct.user ? LDT_SELECTOR(GDT_USER_DS) : HOST_DS;

	/* Between two rings. */
	if (direct_is_critical(u, c->eip)) {
		cs = c->cs;
		ss = c->ss;
	}

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		r[places[i]] = c->gpr[i];
	r[REG_RIP] = c->eip;
	r[REG_EFL] = (c->eflags & FLAGS_SEEN) | FLAG_IF;
	r[REG_CSGSFS] = cs | ss << 48;
}

static void run_on(struct user *u, struct space *s, bool live)
{
	struct space *next;

	for (;;) {
		while (!cpu_settle(u))
			stub_sleep(u);
		next = space_wanted(u);
		if (next == s)
			break;
		hand_over(u, s, next, live);
	}
	space_drain(u, s);
	if (u->stock)
		stock_descriptors(u);
	ldt_sync(u, s);
	u->direct.pending = kind_wanted(u);
	u->direct.slow = u->cpu.ts || u->direct.pending;
}

static inline void load_segments(const struct user *u)
{
	const uint16_t *sel = u->cpu.sel;

	asm volatile("mov %0, %%ds; mov %1, %%es; mov %2, %%fs; mov %3, %%gs"
		     :: "r"(sel[DS]), "r"(sel[ES]), "r"(sel[FS]),
			"r"(sel[GS]));
}

void stub_resume(struct user *u)
{
	greg_t r[NGREG], cs_ss, sp;

	asm volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
		     : "=r"(u->cpu.sel[DS]), "=r"(u->cpu.sel[ES]),
		       "=r"(u->cpu.sel[FS]), "=r"(u->cpu.sel[GS]));
	run_on(u, &u->spaces[u->cur % SPACES_MAX], true);
	give_registers(u, r);
	load_segments(u);
	/* Behind edi to ecx, what iretq wants. */
	sp = r[REG_RSP];
	cs_ss = r[REG_CSGSFS];
	r[REG_RSP] = r[REG_RIP];
	r[REG_RIP] = cs_ss & 0xffff;
	r[REG_CSGSFS] = sp;
	r[REG_ERR] = cs_ss >> 48;
	asm volatile("mov %0, %%rsp; pop %%rdi; pop %%rsi; pop %%rbp; "
		     "pop %%rbx; pop %%rdx; pop %%rax; pop %%rcx; iretq"
		     :: "r"(&r[REG_RDI]) : "memory");
	__builtin_unreachable();
}

/*
 * In the 64-bit code of a direct path: the Guest's registers are elsewhere, so
 * whatever came has to wait until that is done.
 */
static bool in_direct(const struct user *u, const greg_t *r)
{
	uint64_t rip = r[REG_RIP];

	return (r[REG_CSGSFS] & 0xffff) == CS_64 &&
	       (rip >> 32 || rip - (u->stock ? DIRECT_PC : DIRECT_CODE) < PAGE);
}

/*
 * Signals for 64-bit code do not save the data segments: what the Guest has
 * there is still loaded when we begin, and must be again when we end.
 */
static void handler(int sig, siginfo_t *info, void *context)
{
	struct user *u = USER;
	ucontext_t *uc = context;
	uint16_t sel[SELECTORS];
	unsigned me = ((uint8_t *)context - u->stacks[0]) / STACK_SIZE;
	struct space *s = &u->spaces[me % SPACES_MAX];

	asm volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
		     : "=r"(sel[DS]), "=r"(sel[ES]), "=r"(sel[FS]),
		       "=r"(sel[GS]));
	/* The Guest's alignment check is not for our code. */
	asm volatile("pushq $2; popfq" ::: "cc", "memory");
	/* A trap comes from the CPU; what is said of another is not its own. */
	if (info->si_code <= 0 && sig != SIGUSR1)
		stub_crash(u, CRASH_SIGNAL, sig, 0, 0);
	if (s->fpu && sig == SIGUSR1 && in_direct(u, uc->uc_mcontext.gregs)) {
		u->direct.slow = 1;
		stub_timer(FD_RETRY, RETRY_SOON_NS, 0);
		return;
	}
	if (!s->fpu) {
		/* The first one, which is the end of sandbox.c. */
		memset(&uc->uc_sigmask, 0, sizeof(uint64_t));
		s->fpu = (uint8_t *)uc->uc_mcontext.fpregs;
		wait_for_turn(u, s);
		fpu_load(u, s, false);
	} else {
		s->fpu = (uint8_t *)uc->uc_mcontext.fpregs;
		take_registers(u, sig, uc->uc_mcontext.gregs);
		u->cpu.sel[DS] = sel[DS];
		u->cpu.sel[ES] = sel[ES];
		u->cpu.sel[FS] = sel[FS];
		u->cpu.sel[GS] = sel[GS];
		cpu_trap(u);
	}
	run_on(u, s, false);
	give_registers(u, uc->uc_mcontext.gregs);
	load_segments(u);
	/* These a signal's end does not take from its frame. */
	asm volatile("pushq %0; popfq" ::
		     "r"((uint64_t)(u->cpu.eflags & (FLAG_NT | FLAG_ID))) :
		     "cc", "memory");
}

/* Which of them there are, and where they get their stack. */
void stub_handle_signals(unsigned me)
{
	static const int sigs[] = { SIGSEGV, SIGSYS, SIGILL, SIGTRAP, SIGFPE,
				    SIGBUS, SIGUSR1 };
	struct sigaction sa = { .sa_sigaction = handler,
				.sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_sp = USER->stacks[me], .ss_size = STACK_SIZE };

	sigfillset(&sa.sa_mask);
	sigaltstack(&stack, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(sigs); i++)
		sigaction(sigs[i], &sa, NULL);
	ldt_init();
}
