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

#include "frame.h"
#include "kind.h"
#include "sandbox.h"

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

static void run_on(struct user *u, struct space *s, bool live)
{
	struct space *next;

	for (;;) {
		u->where = ON_THE_WAY;
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
	u->where = IN_GUEST;
}

void stub_resume(struct user *u)
{
	frame_take_segments(u);
	run_on(u, &u->spaces[u->cur % SPACES_MAX], true);
	frame_leave(u);
}

static void handler(int sig, siginfo_t *info, void *context)
{
	struct user *u = USER;
	ucontext_t *uc = context;
	greg_t *r = uc->uc_mcontext.gregs;
	unsigned me = ((uint8_t *)context - u->stacks[0]) / STACK_SIZE;
	struct space *s = &u->spaces[me % SPACES_MAX];
	bool first = !s->fpu;

	/* The Guest's alignment check is not for our code. */
	asm volatile("pushq $2; popfq" ::: "cc", "memory");
	/* A trap comes from the CPU; what is said of another is not its own. */
	if (info->si_code <= 0 && sig != SIGUSR1)
		stub_crash(u, CRASH_SIGNAL, sig, 0, 0);
	if (!first && sig == SIGUSR1 && frame_is_host(u, r)) {
		if (u->where != IN_HANDLER) {
			u->direct.slow = 1;
			stub_timer(FD_RETRY, RETRY_SOON_NS, 0);
		}
		return;
	}
	/* Our own: of the Host's memory there was none left, or it is a bug. */
	if (!first && sig != SIGUSR1 && u->where != IN_GUEST)
		stub_crash(u, sig == SIGBUS ? CRASH_MEMORY : CRASH_SIGNAL,
			   sig == SIGBUS ? r[REG_CR2] : sig, 0, 0);
	s->fpu = (uint8_t *)uc->uc_mcontext.fpregs;
	if (first) {
		/* It is the end of sandbox.c. */
		memset(&uc->uc_sigmask, 0, sizeof(uint64_t));
		wait_for_turn(u, s);
		fpu_load(u, s, false);
	} else {
		u->where = IN_HANDLER;
		frame_take(u, sig, r);
		cpu_trap(u);
	}
	run_on(u, s, false);
	if (!first && sig != SIGUSR1) {
		fpu_resume(u, s);
		frame_leave(u);
	}
	frame_give(u, r);
}

/* Which of them there are, and where they get their stack. */
void stub_handle_signals(unsigned me)
{
	static const int sigs[] = { SIGSEGV, SIGSYS, SIGILL, SIGTRAP, SIGFPE,
				    SIGBUS, SIGUSR1 };
	struct sigaction sa = { .sa_sigaction = handler,
				.sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_sp = USER->stacks[me], .ss_size = STACK_SIZE };

	sigaltstack(&stack, NULL);
	/* Traps end by frame_leave(), so they leave the mask alone. */
	for (unsigned i = 0; i < ARRAY_SIZE(sigs); i++) {
		if (sigs[i] == SIGUSR1)
			sigfillset(&sa.sa_mask);
		else
			sa.sa_flags |= SA_NODEFER;
		sigaction(sigs[i], &sa, NULL);
	}
	ldt_init();
}
