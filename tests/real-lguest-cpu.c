/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPU as programs see it: faults that become signals, registers that are
 * nobody else's.
 *
 *	cpu faults		each fault gives its signal, at its place
 *	cpu step		ptrace(2) goes one instruction at a time
 *	cpu fpu SECONDS		registers of the FPU, in four processes
 *	cpu avx SECONDS		those of AVX, if programs see that there is any
 *	cpu threads N		TLS and mutexes, in N threads
 *	cpu calls N		system calls with little room on the stack
 *	cpu strange		what is offered to nobody: vm86(2), breakpoints of
 *				the CPU, selectors in a signal's frame, LDTs
 */
#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "real-lguest-trial.h"

#define KERNEL		0xc0100000u	/* where programs may not look */
#define STEPS		10u
#define PROCESSES	4u		/* of fpu() */
#define AVX		0x18000000u	/* and OSXSAVE, in CPUID's leaf 1 */

static uint8_t read_byte(uintptr_t at)
{
	uint8_t byte;

	asm volatile("movb (%1), %0" : "=q"(byte) : "r"(at) : "memory");
	return byte;
}

static void memory_faults(void)
{
	uint8_t *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE |
			     MAP_ANONYMOUS, -1, 0);

	FAULT(SIGSEGV, read_byte(0));
	fault_address("NULL", NULL);
	FAULT(SIGSEGV, read_byte(KERNEL));
	FAULT(SIGSEGV, read_byte(UINT32_MAX));
	FAULT(SIGSEGV, *(volatile uint8_t *)KERNEL = 1);
	FAULT(SIGSEGV, ((void (*)(void))KERNEL)());
	FAULT(SIGSEGV, *(volatile uint8_t *)(page + 7) = 1);
	fault_address("a page to be read", page + 7);
	if (got_code != SEGV_ACCERR)
		wrong("a page to be read: code %d", got_code);
	munmap(page, PAGE);
	FAULT(SIGSEGV, read_byte((uintptr_t)page + 9));
	fault_address("no page", page + 9);
	if (got_code != SEGV_MAPERR)
		wrong("no page: code %d", got_code);
}

static void faults(unsigned n)
{
	volatile int zero = 0, sum;

	(void)n;
	faults_catch();
	memory_faults();
	FAULT(SIGFPE, sum = 77 / zero);
	if (got_code != FPE_INTDIV)
		wrong("a division: code %d", got_code);
	(void)sum;
	FAULT(SIGILL, asm volatile("ud2"));
	FAULT(SIGTRAP, asm volatile("int3"));
	/* Which of its two signals into gives depends on the kernel. */
	FAULT(SIGSEGV, asm volatile("cli"));
	FAULT(SIGSEGV, asm volatile("hlt"));
	FAULT(SIGSEGV, asm volatile("int $0x1f"));
	FAULT(SIGSEGV, asm volatile("int $0x99"));
	FAULT(SIGSEGV, asm volatile("in $0x80, %%al" ::: "eax"));
	FAULT(SIGSEGV, asm volatile("mov %%cr3, %%eax" ::: "eax"));
	FAULT(SIGSEGV, asm volatile("mov %0, %%ds" :: "r"(0x58)));
	FAULT(SIGSEGV, asm volatile("mov %0, %%es" :: "r"(0x69)));
}

/* --- single steps ------------------------------------------------------ */

/* Ten instructions of a byte each, between two that stop. */
static void stepped(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	asm volatile("int3\n\t.rept 10\n\tnop\n\t.endr\n\tint3");
	for (int i = 0; i < 100; i++)
		getppid();
	_exit(3);
}

static uint32_t stopped_at(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != SIGTRAP)
		wrong("a step ended with 0x%x", status);
	/* user_regs_struct's eip, the 13th */
	return ptrace(PTRACE_PEEKUSER, pid, (void *)(12 * 4), NULL);
}

static void step(unsigned n)
{
	pid_t pid = child();
	uint32_t at;

	(void)n;
	if (!pid)
		stepped();
	at = stopped_at(pid);
	for (unsigned i = 1; i <= STEPS; i++) {
		uint32_t now;

		ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
		now = stopped_at(pid);
		if (now != at + i)
			wrong("step %u went to 0x%x, not 0x%x", i, now, at + i);
	}
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	if (stopped_at(pid) != at + STEPS + 1)
		wrong("the second int3 is somewhere else");
	/* Over system calls, too. */
	for (unsigned i = 0; i < 500; i++) {
		ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
		stopped_at(pid);
	}
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	reap(pid, 3);
}

/* --- the FPU ----------------------------------------------------------- */

/* Loads values of our own, lets others run, and looks. */
static bool fpu_keeps(uint32_t seed)
{
	uint32_t in[4] = { seed, ~seed, seed * 3, seed ^ 0x55 }, out[4];
	double x = seed, y = 0;
	uint16_t cw = 0x37f - (seed & 1) * 0x300, cw_out;

	asm volatile("fninit; fldcw %3; fldl %4; movups %5, %%xmm7\n\t"
		     "mov $158, %%eax; int $0x80\n\t"	/* sched_yield */
		     "mov $158, %%eax; int $0x80\n\t"
		     "movups %%xmm7, %0; fstpl %1; fnstcw %2; fninit"
		     : "=m"(out), "=m"(y), "=m"(cw_out)
		     : "m"(cw), "m"(x), "m"(in) : "eax", "memory");
	return !memcmp(in, out, sizeof(in)) && x == y && cw == cw_out;
}

/* The same for AVX, but now it is time that lets others run. */
static bool avx_keeps(uint32_t seed)
{
	uint32_t in[8], out[8];

	for (unsigned i = 0; i < 8; i++)
		in[i] = seed * (i + 1);
	asm volatile("vmovups %1, %%ymm6\n\tmov $20000000, %%ecx\n\t"
		     "1: dec %%ecx; jnz 1b\n\tvmovups %%ymm6, %0"
		     : "=m"(out) : "m"(in) : "ecx", "memory");
	return !memcmp(in, out, sizeof(in));
}

/* Does this program see AVX, and a kernel that lets it? */
static bool has_avx(void)
{
	uint32_t a, b, c, d;

	__cpuid(1, a, b, c, d);
	if ((c & AVX) != AVX)
		return false;
	asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return (a & 6) == 6;
}

static void in_processes(unsigned seconds, bool (*keeps)(uint32_t seed))
{
	pid_t pids[PROCESSES];
	time_t end = time(NULL) + seconds;

	for (unsigned i = 0; i < PROCESSES; i++) {
		pids[i] = child();
		for (uint32_t turn = 0; !pids[i]; turn++) {
			if (!keeps((turn << 4) + i + 1))
				wrong("process %u lost its %s registers", i,
				      keeps == avx_keeps ? "AVX" : "SSE");
			if (time(NULL) >= end)
				_exit(0);
		}
	}
	for (unsigned i = 0; i < PROCESSES; i++)
		reap(pids[i], 0);
}

static void fpu(unsigned seconds)
{
	in_processes(seconds, fpu_keeps);
}

static void avx(unsigned seconds)
{
	if (has_avx())
		in_processes(seconds, avx_keeps);
}

/* --- threads ----------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread unsigned own;
static unsigned shared;

static void *thread(void *arg)
{
	for (unsigned i = 0; i < 2000; i++) {
		own += (uintptr_t)arg;
		pthread_mutex_lock(&lock);
		shared++;
		pthread_mutex_unlock(&lock);
		if (!(i & 15))
			sched_yield();
	}
	return (void *)(uintptr_t)own;
}

static void threads(unsigned n)
{
	pthread_t ids[64];

	if (n > 64)
		n = 64;
	for (uintptr_t i = 0; i < n; i++)
		if (pthread_create(&ids[i], NULL, thread, (void *)i))
			wrong("pthread_create");
	for (uintptr_t i = 0; i < n; i++) {
		void *got;

		pthread_join(ids[i], &got);
		if ((uintptr_t)got != i * 2000)
			wrong("thread %u counted to %u", (unsigned)i,
			      (unsigned)(uintptr_t)got);
	}
	if (shared != n * 2000)
		wrong("all threads counted to %u", shared);
}

/* --- system calls ------------------------------------------------------ */

/*
 * getppid(2) by the vDSO with this stack pointer: does it answer, and leave
 * all other registers alone?
 */
static bool call_at(uint8_t *stack, unsigned long vsyscall)
{
	struct {
		uint32_t in[4], call, out[4], result;
	} r = { { 0x11111111, 0x22222222, 0x33333333, (uintptr_t)stack },
		vsyscall, { 0 }, 0 };

	asm volatile("push %%ebp\n\tmov %%esp, %%edi\n\t"
		     "mov (%0), %%ecx; mov 4(%0), %%edx; mov 8(%0), %%ebp\n\t"
		     "mov 12(%0), %%esp; mov $64, %%eax; call *16(%0)\n\t"
		     "mov %%ecx, 20(%0); mov %%edx, 24(%0); mov %%ebp, 28(%0)\n\t"
		     "mov %%esp, 32(%0); mov %%eax, 36(%0)\n\t"
		     "mov %%edi, %%esp; pop %%ebp"
		     : : "S"(&r) : "eax", "ecx", "edx", "edi", "memory", "cc");
	return r.result == (uint32_t)getppid() &&
	       !memcmp(r.in, r.out, sizeof(r.in));
}

/*
 * The page below is not there yet, or a child's as well since fork(2), so that
 * whoever writes it first is in the middle of a call.
 */
static void calls(unsigned n)
{
	unsigned long vsyscall = getauxval(AT_SYSINFO);

	for (unsigned i = 0; vsyscall && i < n; i++) {
		uint8_t *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		uint8_t *stack = pages + PAGE + i % 8 * 4;
		pid_t pid;

		pages[PAGE] = 1;
		if (!call_at(stack, vsyscall))
			wrong("a call with %u bytes of a page", i % 8 * 4);
		pid = child();
		if (!call_at(stack, vsyscall))
			wrong("a call after fork, with %u bytes", i % 8 * 4);
		if (!pid)
			_exit(7);
		reap(pid, 7);
		munmap(pages, 2 * PAGE);
	}
}

/* --- what nobody offers ------------------------------------------------ */

static uint32_t strange[3];		/* cs, ss, eflags */

static void on_strange(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	r[REG_CS] = strange[0];
	r[REG_SS] = strange[1];
	r[REG_EFL] = strange[2];
}

static void strange_frame(unsigned n)
{
	static const uint16_t codes[] = { 0x73, 0x33, 0x23, 0x60, 0x63, 0x77,
		0x7b, 0x03, 0, 0xfb, 0xfff8, 0x27 };
	static const uint16_t stacks[] = { 0x7b, 0x2b, 0, 0x68, 0x7f, 0x33 };
	struct sigaction sa = { .sa_sigaction = on_strange,
				.sa_flags = SA_SIGINFO };

	strange[0] = codes[n % 12];
	strange[1] = n < 24 ? 0x7b : stacks[n % 6];
	strange[2] = n < 12 ? 0x202 : 0x202 | 1u << (12 + n % 11);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
}

/* struct vm86_struct: registers of pt_regs, es to gs, and more. */
static void strange_mode(unsigned n)
{
	static const uint16_t codes[] = { 0x1000, 0x60, 0x73, 0x23, 0x33, 0x77,
					  0, 0xfff8 };
	uint32_t vm86[64] = { [12] = 0x10, [13] = codes[n % 8], [14] = 0x20202,
			      [15] = 0x800, [16] = 0x1000 };
	void *low = mmap((void *)0x10000, PAGE, PROT_READ | PROT_WRITE |
			 PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			 -1, 0);

	if (low == (void *)0x10000)
		memset(low, 0xf4, PAGE);
	syscall(SYS_vm86old, vm86);
}

/* An entry of a descriptor table of its own. */
static void strange_table(unsigned n)
{
	uint32_t entry[4] = { n, 0, 0xfffff, 0x51 | (n & 2) << 1 };
	uint32_t sel = n << 3 | 7, far[2] = { (uintptr_t)getppid, sel };

	syscall(SYS_modify_ldt, 1, entry, sizeof(entry));
	asm volatile("lar %0, %%eax; lsl %0, %%ecx; verr %w0; verw %w0\n\t"
		     "mov %0, %%gs; mov %%gs:(%1), %%eax\n\t"
		     "mov %0, %%es; mov %%es:(%1), %%eax\n\t"
		     "lcall *(%2)"
		     :: "r"(sel), "r"(entry), "r"(far) :
		     "eax", "ecx", "memory");
}

/* u_debugreg of struct user: a word of ours is executed, or written to. */
static void strange_break(unsigned n)
{
	static volatile uint32_t word;
	pid_t pid = child();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		asm volatile("int3");
		word = getppid();
		_exit(3);
	}
	stopped_at(pid);
	ptrace(PTRACE_POKEUSER, pid, (void *)252,
	       n & 1 ? (void *)&word : (void *)getppid);
	ptrace(PTRACE_POKEUSER, pid, (void *)(252 + 7 * 4),
	       (void *)(n & 1 ? 0xd0101 : 0x101));
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, NULL, 0);
	kill(pid, SIGKILL);
}

/* Whoever asks for it has to do with what comes; all others go on. */
static void strangers(unsigned n)
{
	static void (*const all[])(unsigned n) = {
		strange_frame, strange_mode, strange_table, strange_break,
	};

	for (unsigned i = 0; i < 48 * 4; i++) {
		pid_t pid = child();
		int status;

		if (!pid) {
			alarm(2);
			all[i % 4](i / 4);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (n)
			printf("strange %u %u: 0x%x\n", i % 4, i / 4, status);
	}
	calls(2);
}

static const struct trial trials[] = {
	{ "faults", faults }, { "step", step }, { "fpu", fpu },
	{ "avx", avx }, { "threads", threads }, { "calls", calls },
	{ "strange", strangers },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	(void)argc;
	return trial_main(trials, argv);
}
