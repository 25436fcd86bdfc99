/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program sees of its CPU and of its kernel, as text that is the same in
 * each boot of one kernel: to be compared between two of them.
 *
 *	sees all		in lines, and many instructions as sums of them
 *	sees leaves		those of CPUID alone
 *	sees random FROM	the lines of a hundred of those
 *
 * Each instruction runs at the same place with the same values in all
 * registers; the signal that ends it (int3 is behind it) tells what became of
 * them.  What differs by CPU or by time is left out.
 */
#include <cpuid.h>
#include <dirent.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <ucontext.h>

#include "real-lguest-trial.h"

#define CODE		0x20000000u
#define DATA		0x30000000u	/* two pages, and nothing around them */
#define ROOM		64u		/* for the code of one trial */
#define RANDOM		3000u
#define SELECTORS	0x180u

#define FLAGS		0x202u
#define FLAG_TF		0x100u

/* As popa takes them: edi, esi, ebp, esp, ebx, edx, ecx, eax. */
static struct state {
	uint32_t gpr[8], flags;
} state;

enum { DI, SI, BP, SP, BX, DX, CX, AX };

static const struct state usual = {
	{ DATA + 0x800, DATA + 0x400, DATA + 0x1100, 0, 0x11223344,
	  0x55667788, DATA + 0xffe, 0x99aabbcc }, FLAGS,
};

/* Of a context that a signal's end is to change: this to that. */
static int change_index;
static uint32_t change_value;

/* --- lines, and sums of them ---------------------------------------------- */

static bool summing;
static uint32_t sum;

__attribute__((format(printf, 1, 2)))
static void line(const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (!summing)
		fputs(text, stdout);
	for (const char *p = text; *p; p++)
		sum = (sum ^ (uint8_t)*p) * 16777619;
}

static void sum_begin(void)
{
	summing = true;
	sum = 2166136261;
}

static void sum_end(const char *what, unsigned n)
{
	summing = false;
	printf("%s %u: %08x\n", what, n, sum);
}

/* --- to the code and back -------------------------------------------------- */

static uint32_t own_gs;
static const uint32_t code_at = CODE;

static void show(int sig, const siginfo_t *info, const greg_t *r)
{
	uint32_t memory = 0;

	for (unsigned i = 0; i < 2 * PAGE / 4; i++)
		memory = memory * 31 + ((const uint32_t *)DATA)[i];
	line(" %d.%d at %x, trap %u.%x of %x, memory %x, segments",
	     sig, info->si_code, r[REG_EIP] - CODE, r[REG_TRAPNO], r[REG_ERR],
	     sig == SIGSEGV || sig == SIGBUS ? (uint32_t)info->si_addr : 0,
	     memory);
	for (unsigned i = REG_GS; i <= REG_DS; i++)
		line(" %x", r[i] & 0xffff);
	line(" %x %x, flags %x,", r[REG_CS] & 0xffff, r[REG_SS] & 0xffff,
	     r[REG_EFL]);
	for (unsigned i = REG_EDI; i <= REG_EAX; i++)
		line(" %x", r[i]);
	line("\n");
}

/* The kernel leaves AC and gs as they were, and C cannot do with those. */
static void ended(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	asm volatile("pushl $2; popfl; movl %0, %%gs" :: "r"(own_gs) : "cc");
	if (change_index >= 0) {
		r[change_index] = change_value;
		change_index = -1;
		return;
	}
	show(sig, info, r);
	siglongjmp(back, 1);
}

static void run(const void *code, unsigned n)
{
	memset((void *)CODE, 0xcc, ROOM);
	memcpy((void *)CODE, code, n);
	memset((void *)DATA, 0xcc, 2 * PAGE);
	if (sigsetjmp(back, 1))
		return;
	asm volatile("pushl %0; popfl; movl %1, %%esp; popal; movl %2, %%esp;"
		     "jmp *%3" :: "m"(state.flags), "i"(state.gpr),
		     "i"(DATA + 0x1800), "m"(code_at) : "memory");
}

#define RUN(code)	run(code, sizeof(code) - 1)

static void prepare(void)
{
	static const int sigs[] = { SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGBUS,
				    SIGSYS };
	static uint8_t room[65536];
	struct sigaction sa = { .sa_sigaction = ended, .sa_flags = SA_SIGINFO |
				SA_ONSTACK | SA_NODEFER };
	stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };

	asm volatile("movl %%gs, %0" : "=r"(own_gs));
	sigaltstack(&stack, NULL);
	for (unsigned i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		sigaction(sigs[i], &sa, NULL);
	if (mmap((void *)CODE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ||
	    mmap((void *)DATA, 2 * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		wrong("mmap");
	state = usual;
	change_index = -1;
}

/* --- instructions ----------------------------------------------------------- */

/* Of descriptor tables the address is another on each of the Host's CPUs. */
static const struct {
	const char *name;
	uint8_t n, code[20];
} known[] = {
	{ "nothing", 0, { 0 } },
	{ "sgdt", 9, { 0x0f, 0x01, 0x07, 0xc7, 0x47, 0x02, 0, 0, 0 } },
	{ "sidt", 9, { 0x0f, 0x01, 0x0f, 0xc7, 0x47, 0x02, 0, 0, 0 } },
	{ "sldt", 3, { 0x0f, 0x00, 0xc0 } },
	{ "str", 3, { 0x0f, 0x00, 0xc8 } },
	{ "smsw", 3, { 0x0f, 0x01, 0xe0 } },
	{ "lmsw", 3, { 0x0f, 0x01, 0xf0 } },
	{ "lgdt", 3, { 0x0f, 0x01, 0x17 } },
	{ "lidt", 3, { 0x0f, 0x01, 0x1f } },
	{ "invlpg", 3, { 0x0f, 0x01, 0x3f } },
	{ "swapgs", 3, { 0x0f, 0x01, 0xf8 } },
	{ "vmcall", 3, { 0x0f, 0x01, 0xc1 } },
	{ "xgetbv", 5, { 0x31, 0xc9, 0x0f, 0x01, 0xd0 } },
	{ "pusha popa", 2, { 0x60, 0x61 } },
	{ "pushf pop", 2, { 0x9c, 0x58 } },
	{ "cli", 1, { 0xfa } }, { "sti", 1, { 0xfb } },
	{ "hlt", 1, { 0xf4 } }, { "clts", 2, { 0x0f, 0x06 } },
	{ "invd", 2, { 0x0f, 0x08 } }, { "wbinvd", 2, { 0x0f, 0x09 } },
	{ "in", 2, { 0xe4, 0x80 } }, { "out", 2, { 0xe6, 0x80 } },
	{ "insb", 1, { 0x6c } }, { "outsb", 1, { 0x6e } },
	{ "rep outsb", 2, { 0xf3, 0x6e } },
	{ "rdmsr", 2, { 0x0f, 0x32 } }, { "wrmsr", 2, { 0x0f, 0x30 } },
	{ "mov cr0", 3, { 0x0f, 0x20, 0xc0 } },
	{ "mov to cr3", 3, { 0x0f, 0x22, 0xd8 } },
	{ "mov dr7", 3, { 0x0f, 0x21, 0xf8 } },
	{ "int3", 1, { 0xcc } }, { "int1", 1, { 0xf1 } },
	{ "into", 5, { 0xb0, 0x7f, 0x04, 0x01, 0xce } },
	{ "bound", 2, { 0x62, 0x07 } }, { "ud2", 2, { 0x0f, 0x0b } },
	{ "div", 4, { 0x31, 0xd2, 0xf7, 0xf2 } },
	{ "aam 0", 2, { 0xd4, 0x00 } },
	{ "NULL", 5, { 0xa1, 0, 0, 0, 0 } },
	{ "kernel", 5, { 0xa1, 0, 0, 0x10, 0xc0 } },
	{ "write to it", 5, { 0xa3, 0, 0, 0x10, 0xc0 } },
	{ "the top", 5, { 0xa1, 0xfc, 0xff, 0xff, 0xff } },
	{ "a page's end", 5, { 0xa3, 0xfe, 0x1f, 0, 0x30 } },
	{ "jump to the kernel", 5, { 0x68, 0, 0, 0x10, 0xc0 } },
	{ "rep movsb", 2, { 0xf3, 0xa4 } },
	{ "std, rep stosl", 3, { 0xfd, 0xf3, 0xab } },
	{ "unaligned, AC", 12, { 0x9c, 0x81, 0x0c, 0x24, 0, 0, 4, 0, 0x9d,
				 0x8b, 0x47, 0x01 } },
	{ "single step", 10, { 0x9c, 0x80, 0x4c, 0x24, 0x01, 0x01, 0x9d, 0x90,
			       0x90, 0x90 } },
	{ "its thread's", 6, { 0x65, 0xa1, 0, 0, 0, 0 } },
	{ "ds = 7b", 9, { 0xb8, 0x7b, 0, 0, 0, 0x8e, 0xd8, 0x8b, 0x1f } },
	{ "fs = 33", 12, { 0xb8, 0x33, 0, 0, 0, 0x8e, 0xe0, 0x64, 0xa1, 0, 0,
			   0 } },
	{ "a call to 64 bits", 7, { 0x9a, 0, 0, 0, 0x20, 0x63, 0 } },
};

static void all_known(void)
{
	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++) {
		line("%s:", known[i].name);
		run(known[i].code, known[i].n);
	}
}

/* Traps by number, but the system call. */
static void all_int(void)
{
	for (unsigned i = 0; i < 256; i++) {
		const uint8_t code[] = { 0xcd, i };

		if (i != 0x80) {
			line("int %u:", i);
			run(code, 2);
		}
	}
}

/*
 * These a 64-bit Host has itself, and a program may load them without a trap;
 * what they are to this kernel they become when the next trap comes.  (1 to 3
 * become 0 then, on any CPU.)
 */
static bool is_of_host(uint32_t sel)
{
	return sel - 1 < 3 || (sel & ~3u) == 0x20 || (sel & ~3u) == 0x28 ||
	       (sel & ~3u) == 0x30 || (sel & ~3u) == 0x78;
}

/* Into each segment register and back; lar, verr and verw of it. */
static void all_selectors(void)
{
	static const char codes[][9] = {
		"\x8e\xc0\x8c\xc3", "\x8e\xd8\x8c\xdb", "\x8e\xe0\x8c\xe3",
		"\x8e\xe8\x8c\xeb", "\x8e\xd0\x8c\xd3", "\x0f\x02\xd8\x90",
		"\x0f\x00\xe0\x90", "\x0f\x00\xe8\x90",
	};

	for (unsigned i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		sum_begin();
		for (uint32_t sel = 0; sel < SELECTORS; sel++) {
			state.gpr[AX] = sel;
			if (i > 4 || !is_of_host(sel))
				run(codes[i], 4);
		}
		sum_end("selectors", i);
	}
	state = usual;
}

/*
 * Each flag through pushf, and through a call of the kernel that does nothing
 * and one that is none, by interrupt and by what it offers.
 */
static void all_flags(void)
{
	state.gpr[SI] = getauxval(AT_SYSINFO);
	for (unsigned bit = 0; bit < 32; bit++) {
		/* That one traps on the way. */
		if (1u << bit == FLAG_TF)
			continue;
		state.flags = FLAGS ^ 1u << bit;
		line("flag %u:", bit);
		RUN("\x9c\x5b");
		state.gpr[AX] = 9999;
		line("and int 80:");
		RUN("\xcd\x80\x9c\x5b");
		state.gpr[AX] = 158;
		line("and sched_yield:");
		RUN("\xcd\x80\x9c\x5b");
		if (!state.gpr[SI])
			continue;
		line("and by the vDSO:");
		RUN("\xff\xd6\x9c\x5b");
		state.gpr[AX] = 9999;
		line("again:");
		RUN("\xff\xd6\x9c\x5b\xff\xd6\x9c\x5f");
	}
	state = usual;
}

/*
 * What a signal's end brings back, if its handler has changed it.  Not 23 and
 * 77: to those an iret goes without a trap, and only the short way looks first.
 */
static void all_contexts(void)
{
	static const uint16_t selectors[] = { 0, 0x37, 0x60, 0x73, 0x7f, 0x88,
		0xd8, 0xdb, 0xfb, 0xffff };

	for (unsigned bit = 0; bit < 32; bit++) {
		line("flag %u at a signal's end:", bit);
		change_value = FLAGS ^ 1u << bit;
		change_index = REG_EFL;
		RUN("\xcc\x9c\x5b\x90");
	}
	for (int i = REG_GS; i <= REG_SS; i++)
		for (unsigned n = 0; n < sizeof(selectors) / 2; n++) {
			if (i > REG_DS && i != REG_CS && i != REG_SS)
				continue;
			line("register %d = %x:", i, selectors[n]);
			change_value = selectors[n];
			change_index = i;
			RUN("\xcc\x8c\xe3\x8c\xe9\x90");
			change_index = -1;
		}
}

/* --- by chance ---------------------------------------------------------------- */

static uint32_t seed;

static uint8_t next(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 24;
}

/*
 * Not what calls the kernel or loops, far jumps, the FPU (it remembers where it
 * was used), and what tells the time, the CPU or by chance.
 */
static bool is_left_out(const uint8_t *code, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t a = code[i], b = i + 1 < n ? code[i + 1] : 0;

		if ((a & 0xf0) == 0x70 || (a & 0xf8) == 0xe0 || a == 0xcd ||
		    a == 0x9a || (a & 0xfc) == 0xe8 || (a & 0xf8) == 0xd8 ||
		    (a == 0xff && (b & 0x28) == 0x28) || a == 0xc7 ||
		    (a & 0xfe) == 0xca || a == 0xcf)
			return true;
		if (a == 0x0f && (b < 4 || b == 5 || b == 7 || b == 0x31 ||
		    b == 0x34 || b == 0x35 || b == 0xa2 || b == 0xae ||
		    (b & 0xf0) == 0x80))
			return true;
	}
	return false;
}

static void by_chance(unsigned from, unsigned to)
{
	seed = from;
	for (unsigned i = from; i < to; i++) {
		uint8_t code[8];
		unsigned n = 2 + next() % 6;

		do {
			for (unsigned k = 0; k < n; k++)
				code[k] = next();
		} while (is_left_out(code, n));
		for (unsigned k = 0; k < n; k++)
			line("%02x", code[k]);
		run(code, n);
	}
}

static void all_chance(void)
{
	for (unsigned i = 0; i < RANDOM; i += 100) {
		sum_begin();
		by_chance(i, i + 100);
		sum_end("random", i);
	}
}

/* --- what is to be read ---------------------------------------------------------- */

static void show_leaf(uint32_t leaf, uint32_t sub)
{
	uint32_t r[4];

	__cpuid_count(leaf, sub, r[0], r[1], r[2], r[3]);
	/* Which of the CPUs this is. */
	if (leaf == 1)
		r[1] &= 0xffffff;
	if (leaf == 0xb || leaf == 0x1f)
		r[3] = 0;
	if (leaf == 0x8000001e)
		r[0] = r[1] = r[2] = 0;
	line("cpuid %x.%u: %08x %08x %08x %08x\n", leaf, sub, r[0], r[1],
	     r[2], r[3]);
}

static void all_leaves(void)
{
	static const uint32_t first[] = { 0, 0x40000000, 0x80000000 };

	for (unsigned i = 0; i < 3; i++)
		for (uint32_t n = 0; n < 0x22; n++)
			for (uint32_t sub = 0; sub < 4; sub++)
				show_leaf(first[i] + n, sub);
}

/* Without lines that tell how fast it is, which is measured. */
static void show_file(const char *name)
{
	char text[256];
	FILE *f = fopen(name, "re");

	line("%s:\n", name);
	while (f && fgets(text, sizeof(text), f))
		if (!strstr(text, "MHz") && !strstr(text, "bogomips"))
			line("%s", text);
	if (f)
		fclose(f);
}

static void all_files(void)
{
	static const char dir[] = "/sys/devices/system/cpu/vulnerabilities/";
	struct dirent **names;
	char name[300];
	int n = scandir(dir, &names, NULL, alphasort);

	for (int i = 0; i < n; i++)
		if (names[i]->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%s%s", dir,
				 names[i]->d_name);
			show_file(name);
		}
	show_file("/proc/cpuinfo");
	show_file("/proc/self/maps");
	line("hwcap %lx %lx, %s\n", getauxval(AT_HWCAP),
	     getauxval(AT_HWCAP2), (char *)getauxval(AT_PLATFORM));
}

static void all(unsigned n)
{
	(void)n;
	prepare();
	all_files();
	all_leaves();
	all_known();
	sum_begin();
	all_int();
	sum_end("int", 0);
	all_selectors();
	all_flags();
	all_contexts();
	all_chance();
}

static void leaves(unsigned n)
{
	(void)n;
	all_leaves();
}

static void random_lines(unsigned from)
{
	prepare();
	by_chance(from, from + 100);
}

static const struct trial trials[] = {
	{ "all", all }, { "leaves", leaves }, { "random", random_lines },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	(void)argc;
	/* Addresses, too, are to be the same. */
	if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
		personality(ADDR_NO_RANDOMIZE);
		execv("/proc/self/exe", argv);
	}
	return trial_main(trials, argv);
}
