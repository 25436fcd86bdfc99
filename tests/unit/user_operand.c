/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where instructions have their operands, by the word of the real CPU: it runs
 * them in 32-bit code.  What lea says is compared, and the faults of all that
 * reaches for memory that is not there.
 */
#include <asm/ldt.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../applets/core/hypervisor/user/insn.h"
#include "user_host.h"

#define RAM		MIB(1)
#define NATIVE		0x10000000u	/* the code, and a stack behind it */
#define NATIVE_SIZE	(3 * PAGE)
#define NATIVE_STACK	(NATIVE + 2 * PAGE)
#define BACK		(NATIVE + PAGE + 0x2b)	/* int3; as a selector, fine */
#define HOLE		0x20000000u	/* to 0x60000000: nothing at all */
#define HOLE_SIZE	0x40000000u
#define GS_INDEX	9
#define GS_BASE		0x123450u
#define CODE		0x20000u	/* the Guest's; it has no tables */

/* --- 32-bit code in the midst of ours ------------------------------------- */

static struct {
	uint32_t gpr[8];
	bool entering;
	gregset_t before;
	/* How it ended. */
	uint32_t trap, error, cr2, eip;
} native;

static const uint8_t places[8] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
};

static void native_signal(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig, (void)info;
	if (native.entering) {
		native.entering = false;
		memcpy(native.before, r, sizeof(native.before));
		for (unsigned i = 0; i < 8; i++)
			r[places[i]] = native.gpr[i];
		r[REG_RIP] = NATIVE;
		r[REG_EFL] = 0x202;
		r[REG_CSGSFS] = HOST_CS | (uint64_t)HOST_DS << 48;
		return;
	}
	if ((r[REG_CSGSFS] & 0xffff) != HOST_CS)
		_exit(1);
	for (unsigned i = 0; i < 8; i++)
		native.gpr[i] = r[places[i]];
	native.trap = r[REG_TRAPNO];
	native.error = r[REG_ERR];
	native.cr2 = r[REG_CR2];
	native.eip = r[REG_RIP];
	memcpy(r, native.before, sizeof(native.before));
}

/* With the registers in native, which get what it made of them. */
static void native_run(const uint8_t *insn, unsigned n)
{
	uint32_t *stack = (uint32_t *)(uintptr_t)NATIVE_STACK;

	memcpy((void *)(uintptr_t)NATIVE, insn, n);
	*(uint8_t *)(uintptr_t)(NATIVE + n) = 0xcc;
	for (unsigned i = 0; i < PAGE / 4; i++)
		stack[i] = BACK;
	asm volatile("mov %0, %%gs" :: "r"(GS_INDEX << 3 | 7));
	native.entering = true;
	asm volatile("int3" ::: "memory");
}

/* False: this Host has no such thing. */
static bool native_begin(void)
{
	static uint8_t room[KIB(64)];
	static const int sigs[] = { SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS };
	struct sigaction sa = { .sa_sigaction = native_signal,
				.sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct user_desc d = {
		.entry_number = GS_INDEX, .base_addr = GS_BASE,
		.limit = 0xfffff, .limit_in_pages = 1, .seg_32bit = 1,
		.useable = 1,
	};
	stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };
	void *at = mmap((void *)(uintptr_t)NATIVE, NATIVE_SIZE, PROT_READ |
			PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS |
			MAP_FIXED_NOREPLACE, -1, 0);

	if (at == MAP_FAILED || syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)))
		return false;
	memset(at, 0xcc, NATIVE_SIZE);
	sigfillset(&sa.sa_mask);
	sigaltstack(&stack, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(sigs); i++)
		sigaction(sigs[i], &sa, NULL);
	return true;
}

/* The same segment in the Guest's table. */
static void begin(void)
{
	host_begin(RAM, true);
	u->mmu.kernel = HOLE;
	u->cpu.eip = CODE;
	for (unsigned i = 0; i < SELECTORS; i++)
		u->cpu.sel[i] = HOST_DS;
	u->cpu.sel[GS] = GS_INDEX << 3 | 7;
	u->cpu.gdt[GS_INDEX][0] = GS_BASE << 16 | 0xffff;
	u->cpu.gdt[GS_INDEX][1] = 0x00cff200 | GS_BASE >> 16;
	srand(1);
}

static uint32_t any(void)
{
	return (uint32_t)rand() << 16 ^ (uint32_t)rand();
}

/* --- addresses ------------------------------------------------------------ */

/* Some of them, in any order; two of one kind are one. */
static unsigned prefixes(uint8_t *to, bool all)
{
	static const uint8_t some[] = { 0x26, 0x2e, 0x36, 0x3e, 0x65, 0x65,
					0x66, 0xf2, 0xf3, 0xf0 };
	unsigned n = rand() % 4, used = 0;

	for (unsigned i = 0; i < n && rand() % 2; i++) {
		/* To lea, only segments mean nothing. */
		to[used++] = some[rand() % (all ? sizeof(some) : 6)];
	}
	return used;
}

static void lea(void)
{
	begin();
	if (!native_begin()) {
		rig_skip("32-bit code: this Host does not run it");
		return;
	}
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t insn[INSN_MAX];
		unsigned at = prefixes(insn, false), n, reg;
		struct insn in = { 0 };
		uint32_t base, va;

		insn[at] = 0x8d;
		for (unsigned k = at + 1; k < INSN_MAX; k++)
			insn[k] = rand();
		if (insn[at + 1] >> 6 == 3)
			continue;
		n = insn_length(insn, INSN_MAX);
		for (unsigned k = 0; k < 8; k++)
			native.gpr[k] = u->cpu.gpr[k] = any();
		memcpy(in.bytes, insn, n);
		in.n = n;
		insn_prefixes(&in);
		CHECK_EQ(insn_take(&in, 1), 0x8d);
		va = insn_address(u, &in, insn_take(&in, 1));
		CHECK_EQ(in.used, n);
		/* It computes an offset, where others use an address. */
		base = in.segment == 0x65 ? GS_BASE : 0;
		native_run(insn, n);
		reg = insn[at + 1] >> 3 & 7;
		CHECK_EQ(native.trap, TRAP_BP);
		CHECK_EQ(native.eip, NATIVE + n + 1);
		CHECK_EQ(native.gpr[reg], va - base);
		if (rig_failed())
			return;
	}
}

/* --- faults --------------------------------------------------------------- */

struct seen {
	unsigned faults, wrong;
};

static struct seen one[256], two[256];

/* Jumps, system calls, and what our own FS would not survive. */
static bool is_out_of_bounds(const uint8_t *op, bool far)
{
	if (op[0] == 0x0f)
		return op[1] == 0x05 || op[1] == 0x07 || op[1] == 0x34 ||
		       op[1] == 0x35 || (op[1] & 0xf0) == 0x80 ||
		       (!far && op[1] == 0xa1) || op[1] == 0xb4 ||
		       op[1] == 0x38 || op[1] == 0x3a ||
		       (op[1] == 0x01 && op[2] >> 6 == 3) ||
		       /* clwb, or xsaveopt: a prefix's difference */
		       (op[1] == 0xae && (op[2] >> 3 & 7) == 6);
	switch (op[0]) {
	case 0x70 ... 0x7f: case 0xe0 ... 0xe3: case 0xe9 ... 0xeb:
	case 0x9a: case 0xcc ... 0xce: case 0xf1: case 0x62: case 0xf4:
	case 0xc4: case 0xc5:
		return true;
	case 0x8e: case 0xff:
		return op[1] >> 6 == 3;
	case 0x8f:		/* it pops first, and then looks where to */
		return far || (op[1] & 7) == SP;
	}
	return false;
}

/* What both of them say of the same. */
static bool agree(const uint8_t *op, uint32_t va, bool write)
{
	uint32_t cr2 = native.cr2;

	/* Which word of a frame is read first is this CPU's own affair. */
	if (op[0] == 0xca || op[0] == 0xcb || op[0] == 0xcf)
		return cr2 - va < 12 && !(native.error & PF_WRITE);
	/* And where it begins to look at all of the FPU's state. */
	if (op[0] == 0x0f && op[1] == 0xae && cr2 - va < PAGE)
		va = cr2;
	return va == cr2 && write == !!(native.error & PF_WRITE);
}

/* Any registers, but with addresses in the hole as often as may be. */
static void registers(bool stack)
{
	for (unsigned i = 0; i < 8; i++)
		native.gpr[i] = rand() % 4 ? HOLE + any() % HOLE_SIZE :
				rand() % 2 ? any() : any() % 256;
	native.gpr[SP] = stack ? HOLE + any() % HOLE_SIZE :
			 NATIVE_STACK + 0x800;
	if (rand() % 4 == 0)
		native.gpr[SI] = NATIVE_STACK;
	memcpy(u->cpu.gpr, native.gpr, sizeof(native.gpr));
}

static void compare(const uint8_t *insn, unsigned n, const uint8_t *op,
		    struct seen *seen)
{
	uint32_t va = 0;
	bool write = false, known = insn_operand(u, &va, &write);

	/* Anywhere else would be something of our own. */
	if (known && va - HOLE >= HOLE_SIZE - 1024)
		return;
	native_run(insn, n);
	/* Nobody asks about what is not beyond a program's segment. */
	if (native.trap != TRAP_PF || native.eip != NATIVE ||
	    native.error & PF_FETCH || native.cr2 < HOLE)
		return;
	seen->faults++;
	if (known && agree(op, va, write))
		return;
	if (!seen->wrong++) {
		for (unsigned i = 0; i < n; i++)
			fprintf(stderr, "%02x ", insn[i]);
		fprintf(stderr, ": %s %x, not %s %x%s\n", write ? "write" :
			"read", va, native.error & PF_WRITE ? "write" : "read",
			native.cr2, known ? "" : " (unknown)");
	}
}

/* All opcodes, with what comes behind them by chance. */
static void fault(unsigned opcode, bool stack)
{
	uint8_t insn[INSN_MAX];
	unsigned at = prefixes(insn, true), n;
	uint8_t *op = insn + at;
	struct seen *seen = opcode >> 8 ? &two[opcode & 255] : &one[opcode];

	for (unsigned k = at; k < INSN_MAX; k++)
		insn[k] = rand();
	if (opcode >> 8)
		*op = 0x0f;
	op[opcode >> 8] = opcode;
	n = insn_length(insn, INSN_MAX);
	if (!n || is_out_of_bounds(op, stack))
		return;
	registers(stack);
	memcpy(u->ram + CODE, insn, INSN_MAX);
	compare(insn, n, op, seen);
}

static void faults(void)
{
	unsigned found = 0, opcodes = 0;

	begin();
	if (!native_begin()) {
		rig_skip("32-bit code: this Host does not run it");
		return;
	}
	for (unsigned opcode = 0; opcode < 512; opcode++) {
		const struct seen *s = opcode >> 8 ? &two[opcode & 255] :
				       &one[opcode];

		if ((opcode & 0xe7) == 0x26 && opcode < 256)
			continue;		/* a prefix */
		if ((opcode >= 0x64 && opcode <= 0x67) || opcode == 0x0f ||
		    opcode == 0xf0 || opcode == 0xf2 || opcode == 0xf3)
			continue;
		for (unsigned i = 0; i < 800; i++)
			fault(opcode, i % 4 == 0);
		found += s->faults;
		opcodes += s->faults > 0;
		if (s->wrong)
			fprintf(stderr, "%x: %u of %u wrong\n", opcode,
				s->wrong, s->faults);
		CHECK_EQ(s->wrong, 0);
	}
	fprintf(stderr, "%u faults of %u opcodes\n", found, opcodes);
	/* If nothing faults, nothing was compared. */
	CHECK(found > 20000 && opcodes > 200);
}

int main(void)
{
	RUN(lea);
	RUN(faults);
	return rig_done();
}
