/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Windows in a kernel's text: what is made of each kind of site, what forbids
 * one, what undoes one.  And that it does the same: pieces of code run on the
 * real CPU, what traps is emulated, and the end is compared with and without
 * windows.
 */
#include <ucontext.h>
#include <unistd.h>
#include <sys/wait.h>

#include "user_pc.h"

#define TEXT		AT(0x200)
#define OTHER		AT(0x201)
#define TABLES		AT(0x300)	/* data */
#define TRAPS		64		/* more than any site needs */
#define PLAIN		0x40		/* inc %eax */

static int memory = -1;

/* A new kernel whose text is one instruction again and again. */
static void begin(void)
{
	static void *ram;

	pc_begin();
	if (memory < 0) {
		memory = memfd_create("ram", 0);
		CHECK(!ftruncate(memory, RAM));
		ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED,
			   memory, 0);
	}
	munmap(u, sizeof(*u));
	host_begin(RAM, true);
	free(u->ram);
	u->ram = ram;
	memset(ram, 0, RAM);
	pc_begin();
	memset(pc_at(TEXT), PLAIN, 2 * PAGE);
}

/* It is about to be executed. */
static void fetch(uint32_t va)
{
	u->cpu.eip = va;
	stock_text(u, va & PTE_FRAME, (va & PTE_FRAME) - KERNEL, PF_FETCH);
}

static void put(uint32_t va, const void *bytes, unsigned n)
{
	memcpy(pc_at(va), bytes, n);
}

#define PUT(va, ...) do {						\
	static const uint8_t bytes[] = { __VA_ARGS__ };			\
	put((va), bytes, sizeof(bytes));				\
} while (0)

static bool in_code(uint32_t va)
{
	return va - KERNEL - WINDOW_CODE < WINDOW_CODE_SIZE;
}

/* The instruction traps, again and again.  Does it come to a window? */
static bool trap(uint32_t site)
{
	for (unsigned i = 0; i < TRAPS; i++) {
		u->cpu.gpr[SP] = STACK_TOP;
		u->cpu.eip = site;
		pc_trap(TRAP_GP, 0);
		if (in_code(u->cpu.eip))
			return true;
	}
	return false;
}

static bool is_jump(uint32_t va)
{
	return *pc_at(va) == 0xe9 && in_code(va + 5 + pc_word(va + 1));
}

/* A page with these bytes in the middle, of which one traps. */
#define SITE(site, ...) ({						\
	begin();							\
	PUT(TEXT + 0x100, __VA_ARGS__);					\
	fetch(TEXT);							\
	trap(TEXT + 0x100 + (site)); })

/* --- kinds ---------------------------------------------------------------- */

static void kinds(void)
{
	CHECK(SITE(0, 0x9c));
	CHECK(SITE(0, 0xfa));
	CHECK(SITE(0, 0xfb));
	CHECK(SITE(0, 0x9d));
	CHECK(SITE(0, 0x0f, 0x20, 0xd3));
	CHECK(SITE(0, 0xcf, 0xcc, 0xcc, 0xcc, 0xcc));
	CHECK(SITE(5, 0x68, 1, 2, 3, 4, 0xcf));
	CHECK(is_jump(TEXT + 0x100));
	CHECK(SITE(2, 0x74, 0x01, 0xfb));
	CHECK(is_jump(TEXT + 0x100));
	CHECK(!SITE(0, 0xfb, 0xf4));
	/* With its neighbours: room for it is before it, or behind. */
	CHECK(SITE(4, 0x9c, 0x5b, 0x89, 0xd8, 0xfa, 0xff, 0xd0));
	CHECK(is_jump(TEXT + 0x100));
	CHECK(SITE(2, 0x9c, 0x5b, 0xfa, 0xe8, 0, 1, 0, 0));
	CHECK(SITE(0, 0xfa, 0xc3, 0x8d, 0x74, 0x26, 0));
	CHECK(SITE(0, 0xfb, 0xeb, 0x20, 0xcc, 0xcc));
}

/* What has to stay where it is, or as it is. */
static void neighbours(void)
{
	/* A window's place is between two such. */
	CHECK(!SITE(2, 0xcd, 3, 0xfa, 0xcd, 3));
	CHECK(!SITE(2, 0xe2, 3, 0xfa, 0xe2, 3));
	CHECK(!SITE(2, 0xff, 0xd0, 0xfa, 0xff, 0xd0));
	CHECK(!SITE(2, 0x66, 0x90, 0xfa, 0x66, 0x90));
	CHECK(!SITE(5, 0x0f, 0x1f, 0x44, 0, 0, 0xfa, 0x0f, 0x1f, 0x44, 0, 0));
	CHECK(!SITE(3, 0xf0, 0xff, 0, 0xfa, 0xf0, 0xff, 0));
	CHECK(!SITE(3, 0x3e, 0xff, 0, 0xfa, 0x3e, 0xff, 0));
	CHECK(!SITE(2, 0x0f, 0x0b, 0xfa, 0x0f, 0x0b));
	CHECK(!SITE(5, 0xe8, 0, 0, 0, 0, 0xfa, 0xff, 0xe0));
}

/* Bytes that the jump does not need stay: others come to the iret. */
static void iret(void)
{
	CHECK(SITE(10, 0xeb, 8, 0x2e, 0x0f, 0, 0x2d, 1, 2, 3, 0xc0, 0xcf));
	CHECK(is_jump(TEXT + 0x100));
	CHECK_EQ(pc_word(TEXT + 0x105), 0x0302012d | 0);
	CHECK_EQ(*pc_at(TEXT + 0x10a), 0xcf);
	CHECK(!SITE(8, 0x2e, 0x0f, 0, 0x2d, 1, 2, 3, 0xc0, 0xcf));
	/* Of what does nothing, none is left to be read. */
	CHECK(SITE(8, 0x3e, 0x8d, 0xb4, 0x26, 0, 0, 0, 0, 0xcf));
	CHECK(is_jump(TEXT + 0x100));
	CHECK_EQ(pc_word(TEXT + 0x105), 0xcf909090);
	CHECK(!SITE(8, 0x3e, 0x8d, 0xb4, 0x26, 0, 0, 0, 1, 0xcf));
	/* Others that jump there, one after the other. */
	begin();
	PUT(TEXT + 0x100, 0xcd, 3, 0xcf, 0xcd, 3);
	PUT(TEXT + 0x200, 0xe9, 0xfd, 0xfe, 0xff, 0xff);
	PUT(TEXT + 0x300, 0xe9, 0xfd, 0xfd, 0xff, 0xff);
	fetch(TEXT);
	CHECK(trap(TEXT + 0x102));
	CHECK(trap(TEXT + 0x102));
	CHECK(!trap(TEXT + 0x102));
	CHECK(is_jump(TEXT + 0x200) && is_jump(TEXT + 0x300));
	CHECK_EQ(*pc_at(TEXT + 0x102), 0xcf);
	CHECK_EQ(pc_word(u->windows.list[1].code + 1), DIRECT_PC_IRET -
		 (u->windows.list[1].code + 5));
}

/* --- who may land inside -------------------------------------------------- */

static void branches(void)
{
	/* From the same page: to the site itself, and to behind it. */
	CHECK(SITE(2, 0xeb, 0, 0xfa));
	CHECK(!SITE(2, 0xeb, 1, 0xfa, 0xeb, 0xfd));
	begin();
	PUT(TEXT + 0x100, 0xfa);
	PUT(OTHER, 0xe9, 0xfd, 0xf0, 0xff, 0xff);	/* to TEXT + 0x102 */
	PUT(OTHER + 5, 0x0f, 0x84, 0xf8, 0xf0, 0xff, 0xff);	/* + 0x103 */
	fetch(OTHER);
	fetch(TEXT);
	CHECK(trap(TEXT + 0x100));
	CHECK(is_jump(TEXT + 0xfd));	/* so all is before it */
}

static void later(void)
{
	begin();
	PUT(TEXT + 0x100, 0xfa);
	PUT(OTHER, 0xe9, 0xfd, 0xf0, 0xff, 0xff);
	fetch(TEXT);
	CHECK(trap(TEXT + 0x100));
	CHECK(is_jump(TEXT + 0x100));
	fetch(OTHER);
	CHECK_EQ(pc_word(TEXT + 0x100), 0x404040fa);
	CHECK_EQ(*pc_at(TEXT + 0x104), PLAIN);
	CHECK_EQ(u->windows.undone, 1);
}

static void tables(void)
{
	for (unsigned i = 0; i < 2; i++) {
		begin();
		/* With branches all around it, there is one place only. */
		PUT(TEXT + 0x100, 0xe2, 0, 0xfa, 0x40, 0x41, 0x42, 0x43);
		pc_set_word(TABLES, i ? TEXT + 0x103 - TABLES : TEXT + 0x103);
		fetch(TEXT);
		CHECK(!trap(TEXT + 0x102));
		CHECK_EQ(u->windows.refused[REFUSED_TARGET] +
			 u->windows.refused[REFUSED_INSN], 2);
	}
	/* The address in an instruction. */
	begin();
	PUT(TEXT + 0x100, 0xe2, 0, 0xfa, 0x40, 0x41, 0x42, 0x43);
	*pc_at(TEXT + 0x200) = 0x68;
	pc_set_word(TEXT + 0x201, TEXT + 0x103);
	fetch(TEXT);
	CHECK(!trap(TEXT + 0x102));
}

/* An interrupt will come back behind the site; then its frame is gone. */
static void interrupted(void)
{
	begin();
	PUT(TEXT + 0x100, 0xe2, 0, 0xfa, 0x40, 0x41, 0x42, 0x43);
	fetch(TEXT);
	u->cpu.eip = TEXT + 0x103;
	u->cpu.gpr[SP] = STACK_TOP + 0x100;
	CHECK(cpu_deliver(u, 32, false, 0));
	CHECK(!trap(TEXT + 0x102));
	CHECK(u->windows.refused[REFUSED_BUSY] > 2);
	pc_set_word(STACK_TOP + 0x100 - 12, 0);
	CHECK(trap(TEXT + 0x102));
}

/* --- undoing -------------------------------------------------------------- */

static void written(void)
{
	CHECK(SITE(0, 0xfa));
	CHECK(is_jump(TEXT + 0x100));
	u->cpu.eip = OTHER;
	stock_text(u, TEXT, TEXT - KERNEL, PF_WRITE);
	CHECK_EQ(pc_word(TEXT + 0x100), 0x404040fa);
	/* Elsewhere already, when it is written: that is not ours to mend. */
	CHECK(SITE(0, 0xfa));
	*pc_at(TEXT + 0x102) ^= 1;
	stock_text(u, TEXT, TEXT - KERNEL, PF_WRITE);
	CHECK_EQ(*pc_at(TEXT + 0x100), 0xe9);
}

static void faults(void)
{
	uint32_t eip;

	/* cli; mov (%eax), %eax, that faults; inc */
	CHECK(SITE(0, 0xfa, 0x8b, 0x00));
	eip = u->windows.list[0].code + u->windows.list[0].to[1];
	CHECK_EQ(*pc_at(eip), 0x8b);
	u->cpu.eip = eip;
	cpu_fault(u, TRAP_PF, true, 0);
	CHECK_EQ(u->cpu.eip, TEXT + 0x101);
	CHECK_EQ(pc_word(TEXT + 0x100), 0x40008bfa);
	/* Interrupts come back to the trampoline. */
	u->cpu.gpr[SP] = STACK_TOP;
	u->cpu.eip = eip;
	cpu_fault(u, 40, false, 0);
	CHECK_EQ(pc_vector(), 40);
	CHECK_EQ(frame.eip, eip);
	/* It may be made once more, and then no more. */
	CHECK(trap(TEXT + 0x100));
	u->cpu.eip = u->windows.list[1].code;
	cpu_fault(u, TRAP_GP, true, 0);
	CHECK_EQ(u->cpu.eip, TEXT + 0x100);
	CHECK(!trap(TEXT + 0x100));
}

/* The room for trampolines ends, and nothing is written behind it. */
static void full(void)
{
	unsigned made = 0, sites = 0;

	begin();
	memset(pc_at(TEXT), PLAIN, 64 * PAGE);
	for (uint32_t va = TEXT; va < TEXT + 64 * PAGE; va += 64)
		memcpy(pc_at(va), "\x9c\x9c\x9c\x9d\x9d\x9d", 6);
	memset(pc_at(KERNEL + WINDOW_CODE + WINDOW_CODE_SIZE), 0x5a, PAGE);
	for (uint32_t va = TEXT; va < TEXT + 64 * PAGE; va += 64) {
		if (!(va % PAGE))
			fetch(va);
		made += trap(va);
		sites++;
	}
	CHECK(made > 200 && made < sites);
	CHECK(u->windows.used <= WINDOW_CODE_SIZE);
	CHECK(u->windows.refused[REFUSED_FULL] > 0);
	for (unsigned i = 0; i < PAGE; i++)
		CHECK_EQ(*pc_at(KERNEL + WINDOW_CODE + WINDOW_CODE_SIZE + i),
			 0x5a);
}

/* --- on the real CPU ------------------------------------------------------ */

#define PLACES { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, \
		 REG_RSI, REG_RDI }

static struct {
	bool entered;
	int signal;
	uint32_t gpr[8], eip, eflags;
	struct direct direct;
} *shared;

/* By hand: one of them is where ASan does not know of memory. */
__attribute__((no_sanitize("address", "undefined")))
static void copy_direct(volatile struct direct *to,
			const volatile struct direct *from)
{
	for (unsigned i = 0; i < sizeof(*to); i++)
		((volatile uint8_t *)to)[i] = ((volatile uint8_t *)from)[i];
}

/* First to the Guest's code; then from there. */
static void handler(int sig, siginfo_t *info, void *context)
{
	static const uint8_t places[] = PLACES;
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)info;
	if (!shared->entered) {
		shared->entered = true;
		for (unsigned i = 0; i < 8; i++)
			r[places[i]] = shared->gpr[i];
		r[REG_RIP] = shared->eip;
		r[REG_EFL] = shared->eflags;
		r[REG_CSGSFS] = HOST_CS | (uint64_t)HOST_DS << 48;
		return;
	}
	asm volatile("pushq $2; popfq" ::: "cc", "memory");
	for (unsigned i = 0; i < 8; i++)
		shared->gpr[i] = r[places[i]];
	shared->eip = r[REG_RIP];
	shared->eflags = r[REG_EFL];
	shared->signal = sig;
	copy_direct(&shared->direct, (void *)(uintptr_t)DIRECT_PC);
	_exit(0);
}

static void child(void)
{
	struct sigaction sa = { .sa_sigaction = handler,
				.sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_sp = mmap(NULL, MIB(1), PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			  .ss_size = MIB(1) };
	int fixed = MAP_SHARED | MAP_FIXED, prot = PROT_READ | PROT_WRITE |
						     PROT_EXEC;

	alarm(10);
	mmap((void *)(uintptr_t)KERNEL, RAM, prot, fixed, memory, 0);
	mmap((void *)(uintptr_t)DIRECT_PC, PAGE, prot, MAP_PRIVATE | MAP_FIXED |
	     MAP_ANONYMOUS, -1, 0);
	copy_direct((void *)(uintptr_t)DIRECT_PC, &u->direct);
	sigaltstack(&stack, NULL);
	for (int sig = SIGILL; sig <= SIGSEGV; sig++)
		sigaction(sig, &sa, NULL);
	raise(SIGTRAP);
	_exit(1);
}

/* Until it traps; false: it does not run here. */
static bool run(void)
{
	struct cpu *c = &u->cpu;
	int status;
	pid_t pid;

	shared->entered = false;
	memcpy(shared->gpr, c->gpr, sizeof(c->gpr));
	shared->eip = c->eip;
	shared->eflags = c->eflags;
	pid = fork();
	if (!pid)
		child();
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return false;
	memcpy(c->gpr, shared->gpr, sizeof(c->gpr));
	c->eip = shared->eip;
	c->eflags = shared->eflags;
	u->direct = shared->direct;
	return true;
}

/* Up to ud2, and how often it has trapped on the way; -1: it does not run. */
static int run_all(void)
{
	for (int traps = 0; traps < 100; traps++) {
		if (!run())
			return -1;
		if (shared->signal == SIGILL && *pc_at(u->cpu.eip) == 0x0f &&
		    pc_at(u->cpu.eip)[1] == 0x0b)
			return traps;
		CHECK(insn_emulate(u));
	}
	return -1;
}

/* Pieces that may stand anywhere, and use no memory but their stack. */
static const struct {
	uint8_t n, bytes[12];
} pieces[] = {
	{ 2, { 0x9c, 0x58 } },			/* pushf; pop %eax */
	{ 2, { 0x9c, 0x5e } },
	{ 1, { 0x9c } },
	{ 1, { 0xfa } }, { 1, { 0xfb } },
	/* What popf may pop; also what it may not do directly. */
	{ 6, { 0x68, 0xd7, 0x0e, 0, 0, 0x9d } },
	{ 6, { 0x68, 0x02, 0x00, 0, 0, 0x9d } },
	{ 6, { 0x68, 0x95, 0x0a, 0x01, 0, 0x9d } },
	{ 6, { 0x68, 0x46, 0x42, 0, 0, 0x9d } },
	{ 6, { 0x9c, 0x81, 0x34, 0x24, 0, 0x02 } },	/* pushf; xor; */
	{ 3, { 0, 0, 0x9d } },
	{ 3, { 0x0f, 0x20, 0xd2 } },		/* mov %cr2, %edx */
	{ 3, { 0x74, 0x01, 0xfb } },		/* je; sti */
	{ 3, { 0x75, 0x01, 0xfb } },
	{ 5, { 0x9c, 0x5f, 0xfa, 0x57, 0x9d } },
	{ 1, { 0x43 } }, { 2, { 0x01, 0xd8 } }, { 2, { 0x31, 0xf2 } },
	{ 2, { 0x39, 0xc3 } }, { 3, { 0x8d, 0x0c, 0x58 } },
	{ 1, { 0x51 } }, { 1, { 0x5d } }, { 1, { 0xfd } },
	{ 2, { 0xd1, 0xe6 } }, { 6, { 0x81, 0xc7, 0, 0, 0, 0x80 } },
	{ 7, { 0x0f, 0x82, 1, 0, 0, 0, 0x41 } },	/* jb over inc */
	{ 5, { 0xe8, 0, 0, 0, 0 } },
};

/* Behind one another; ends with ud2.  Returns how many bytes. */
static unsigned compose(uint8_t *at)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 8; i++) {
		unsigned k = (unsigned)rand() % ARRAY_SIZE(pieces);

		/* One of them is the second half of the one before. */
		if (pieces[k].bytes[0] == 0)
			k--;
		memcpy(at + n, pieces[k].bytes, pieces[k].n);
		n += pieces[k].n;
		if (pieces[k].n == 6 && pieces[k].bytes[5] == 0x02) {
			memcpy(at + n, pieces[k + 1].bytes, 3);
			n += 3;
		}
	}
	memset(at + n, PLAIN, 5);
	memcpy(at + n + 5, "\x0f\x0b", 2);
	return n;
}

static void registers(uint32_t flag)
{
	static uint32_t gpr[8];

	if (flag != UINT32_MAX) {
		for (unsigned i = 0; i < 8; i++)
			gpr[i] = (unsigned)rand() * 5u;
		gpr[SP] = STACK_TOP;
		u->direct.flag = flag;
	}
	memcpy(u->cpu.gpr, gpr, sizeof(gpr));
	/* A window may begin before the first piece. */
	u->cpu.eip = TEXT + 0xf0;
	u->cpu.eflags = FLAG_IF | 2;
	memset(pc_at(STACK), 0x11, PAGE);
}

/* Once as it was, once with windows wherever one may be. */
static unsigned compare(void)
{
	static uint8_t stack[PAGE];
	uint32_t flag = rand() % 2 ? FLAG_IF : 0;
	struct cpu was;
	struct direct direct;
	unsigned n;
	int slow, fast;

	begin();
	u->direct.cr2 = 0x12345678;
	u->direct.pending = rand() % 4 == 0;
	n = compose(pc_at(TEXT + 0x100));
	fetch(TEXT);
	u->windows.image = 0;
	registers(flag);
	slow = run_all();
	was = u->cpu;
	direct = u->direct;
	memcpy(stack, pc_at(STACK), PAGE);
	u->windows.image = KERNEL;
	for (unsigned i = 0; i < n; i++)
		if (window_bit(u->windows.starts, TEXT + 0x100 + i - KERNEL) &&
		    window_is_better(pc_at(TEXT + 0x100 + i)))
			trap(TEXT + 0x100 + i);
	registers(UINT32_MAX);
	u->direct.flag = flag;
	u->direct.cr2 = 0x12345678;
	fast = run_all();
	CHECK(slow >= 0 && fast >= 0 && fast <= slow);
	CHECK(!memcmp(was.gpr, u->cpu.gpr, sizeof(was.gpr)));
	CHECK_EQ(was.eip, u->cpu.eip);
	CHECK_EQ(was.eflags, u->cpu.eflags);
	CHECK_EQ(direct.flag, u->direct.flag);
	/* What is below its end nobody looks at. */
	CHECK(!memcmp(stack + was.gpr[SP] % PAGE,
		      pc_at(was.gpr[SP]), PAGE - was.gpr[SP] % PAGE));
	return u->windows.n;
}

static void natively(void)
{
	unsigned windows = 0;

	begin();
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED |
		      MAP_ANONYMOUS, -1, 0);
	PUT(TEXT + 0x100, 0x0f, 0x0b);
	registers(0);
	if (run_all() != 0) {
		rig_skip("32-bit code does not run here");
		return;
	}
	for (unsigned i = 0; i < 60; i++)
		windows += compare();
	CHECK(windows > 40);
}

int main(void)
{
	srand(1);
	RUN(kinds);
	RUN(neighbours);
	RUN(iret);
	RUN(branches);
	RUN(later);
	RUN(tables);
	RUN(interrupted);
	RUN(written);
	RUN(faults);
	RUN(full);
	RUN(natively);
	return rig_done();
}
