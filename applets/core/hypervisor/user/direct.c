/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leads a Guest to the direct paths, and serves what comes by them.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "access.h"
#include "direct.h"
#include "kind.h"

extern const uint8_t direct_code[], direct_code_end[], direct_iret[],
	direct_pushes[], direct_hcall[], direct_critical_end[], direct_pc[],
	direct_pc_pushes[], direct_pc_calls[], direct_pc_critical_end[],
	direct_pc_host[], direct_pc_end[];

#define THUNK_SIZE	16
#define LCALL_SIZE	7
#define OFFSET(label)	((uint32_t)((uintptr_t)label - (uintptr_t)direct_code))
#define CODE_SIZE	OFFSET(direct_code_end)
#define ADDRESS(label)	(DIRECT_CODE + OFFSET(label))
#define PC_OFFSET(label) ((uint32_t)((uintptr_t)label - (uintptr_t)direct_pc))
#define PC_ADDRESS(label) (DIRECT_PC_IRET + PC_OFFSET(label))
#define PC_SIZE		PC_OFFSET(direct_pc_end)

/* --- pages ------------------------------------------------------------ */

void direct_create(struct user *u)
{
	struct direct *d = &u->direct;

	memcpy(u->direct_code, direct_code, CODE_SIZE);
	memcpy(d->code, direct_pc, PC_SIZE);
	u->thunks = ALIGN_UP(CODE_SIZE, THUNK_SIZE);
	d->stack_ss = HOST_DS;
	d->cs = LDT_SELECTOR(GDT_USER_CS);
	d->ds = LDT_SELECTOR(GDT_USER_DS);
	d->slow = 1;
}

static bool alias(void *page, uint32_t at, int prot)
{
	void *to = (void *)(uintptr_t)at;

	/* Of size 0: the same shared memory, a second time. */
	return mremap(page, 0, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to &&
	       !mprotect(to, PAGE, prot);
}

int direct_map(struct user *u, int pc)
{
	if (pc)
		return alias(&u->direct, DIRECT_PC, PROT_READ | PROT_WRITE |
			     PROT_EXEC);
	return alias(&u->direct, DIRECT_DATA, PROT_READ | PROT_WRITE) &&
	       alias(u->direct_code, DIRECT_CODE, PROT_READ | PROT_EXEC);
}

uint32_t direct_calls(const struct user *u, int pushes)
{
	if (!u->stock)
		return pushes ? ADDRESS(direct_pushes) : DIRECT_CODE;
	return pushes ? PC_ADDRESS(direct_pc_pushes) :
			PC_ADDRESS(direct_pc_calls);
}

uint32_t direct_host(void)
{
	return PC_ADDRESS(direct_pc_host);
}

/* Every place in the code that holds this word gets that one. */
static void replace(struct user *u, uint32_t was, uint32_t is)
{
	uint8_t *code = u->stock ? u->direct.code : u->direct_code;
	unsigned size = u->stock ? PC_SIZE : CODE_SIZE;
	uint32_t word;

	for (unsigned i = 0; i + 4 <= size; i++) {
		memcpy(&word, code + i, 4);
		if (word == was)
			memcpy(code + i, &is, 4);
	}
}

static void put_jump(uint8_t *at, uint32_t va, uint8_t opcode, uint32_t to)
{
	uint32_t offset = to - (va + 5);

	at[0] = opcode;
	memcpy(at + 1, &offset, 4);
}

void direct_syscall(struct user *u, const uint32_t gate[2])
{
	bool clears = (gate[1] >> 8 & 0xf) == 0xe;

	u->direct.syscall = (gate[0] & 0xffff) | (gate[1] & 0xffff0000);
	if (u->stock)
		replace(u, P_GATE, DIRECT_PC + (uint32_t)(clears ?
			offsetof(struct direct, flag) :
			offsetof(struct direct, scratch)));
	else	/* Its code is read-only to the Guest, but not to us. */
		replace(u, D_GATE, clears ? u->irq_enabled : DIRECT_DATA +
			(uint32_t)offsetof(struct direct, scratch));
}

/* Again: the places are found by what the code was made of. */
void direct_tables(struct user *u)
{
	memcpy(u->direct.code, direct_pc, PC_SIZE);
	replace(u, P_TSS, u->sys.tss + 4);
	replace(u, P_KERNEL, u->mmu.kernel);
	for (uint32_t i = 0; i < 6; i++)
		replace(u, P_GDT + 0x30 + 4 * i, u->sys.gdt + 0x30 + 4 * i);
	if (u->direct.syscall)
		direct_syscall(u, u->sys.call_gate);
}

/* --- the kernel's iret ------------------------------------------------ */

/*
 * lguest_iret, before and from 4.1: it puts the saved eflags where the Host
 * reads them, and then does the real one.  XX: the address of irq_enabled.
 */
static const struct {
	uint8_t n, at;
	uint8_t bytes[12];
} irets[] = {
	{ 7, 7, { 0x50, 0x8b, 0x44, 0x24, 0x0c, 0x36, 0xa3 } },
	{ 7, 7, { 0xff, 0x74, 0x24, 0x08, 0x36, 0x8f, 0x05 } },
};

static unsigned patch_iret(struct user *u, uint8_t *at, uint32_t n,
			   uint32_t va)
{
	for (unsigned k = 0; k < ARRAY_SIZE(irets); k++) {
		const uint8_t *end = at + irets[k].at + 4;
		uint32_t irq;

		if (n < 16 || memcmp(at, irets[k].bytes, irets[k].n) ||
		    (end[0] != 0xcf && (end[0] != 0x58 || end[1] != 0xcf)))
			continue;
		memcpy(&irq, at + irets[k].at, 4);
		replace(u, D_IRQ, irq);
		u->irq_enabled = irq;
		put_jump(at, va, 0xe9, ADDRESS(direct_iret));
		return 1;
	}
	return 0;
}

/* --- hypercalls ------------------------------------------------------- */

/* mov or xor from one register to another, neither of them esp. */
static bool is_move(const uint8_t *at)
{
	return (at[0] == 0x89 || at[0] == 0x31) && at[1] >> 6 == 3 &&
	       (at[1] & 7) != SP && (at[1] >> 3 & 7) != SP;
}

/*
 * mov $n, %eax, of a hypercall that could come directly.  The first ones of
 * all cannot, and there is no stack yet for a call either.
 */
static bool is_number(const uint8_t *at)
{
	return at[0] == 0xb8 && at[1] < 32 && !at[2] && !at[3] && !at[4] &&
	       lguest_may_name(at[1]);
}

/* mov of another argument, behind that. */
static bool is_argument(const uint8_t *at)
{
	return at[0] >= 0xb9 && at[0] <= 0xbf && at[0] != 0xb8 + SP &&
	       is_number(at - 5);
}

/* mov n(%esp), to a register: n has room for our return address. */
static bool is_load(const uint8_t *at)
{
	return at[0] == 0x8b && (at[1] & 0xc7) == 0x44 && at[2] == 0x24 &&
	       at[3] < 0x7c;
}

/*
 * Room for a call is only with the instructions right before int $0x1f, which
 * go along.  Returns how many bytes of them: at least three, or 0.
 */
static unsigned window(const uint8_t *at)
{
	unsigned k = is_move(at - 2) ? 2 : 0;

	if (is_number(at - k - 5) || is_argument(at - k - 5))
		return k + 5;
	if (is_load(at - k - 4))
		return k + 4;
	return k && is_move(at - 4) ? 4 : 0;
}

/* A jump of one byte's reach at `at`, to text[*to]. */
static bool is_short_jump(const uint8_t *text, uint32_t at, uint32_t *to)
{
	uint8_t op = text[at];

	*to = at + 2 + (int8_t)text[at + 1];
	return (op & 0xf0) == 0x70 || op == 0xeb || (op & 0xfc) == 0xe0;
}

/*
 * Nobody must jump between the instructions of a window.  For jumps nearby the
 * code is read from before where they could be; from wherever one begins,
 * after some instructions it is read right, so we begin at several places.
 */
static bool is_near_target(const uint8_t *text, uint32_t n, uint32_t first,
			   uint32_t last)
{
	uint32_t from = first > 256 ? first - 256 : 0, to;

	for (uint32_t start = from; start < from + 8; start++)
		for (uint32_t i = start, len; i < last + 130 && i + 2 < n;
		     i += len) {
			if (is_short_jump(text, i, &to) && to > first &&
			    to <= last)
				return true;
			len = insn_length(text + i, n - i);
			if (!len)
				len = 1;
		}
	return false;
}

/*
 * Behind a single move, there is room together with what is left of a vmcall;
 * or with ret, and then it is a jump, and who is called returns for both.
 */
static bool takes_next(const uint8_t *at)
{
	return is_move(at - 2) && (at[2] == 0x90 || at[2] == 0xc3);
}

/* Where a hypercall's window could be: from `first` to its int, or behind. */
struct site {
	uint32_t first, call, last;
	bool jumped_to;
};

/* Kernels have some 40 hypercalls. */
#define SITES_MAX	64

static unsigned find_sites(const uint8_t *text, uint32_t n, struct site *sites)
{
	unsigned found = 0;

	for (uint32_t i = 16; i + 16 < n && found < SITES_MAX; i++) {
		const uint8_t *at = text + i;
		struct site s = { .call = i, .last = i };
		unsigned k;

		if (at[0] != 0xcd || at[1] != 0x1f)
			continue;
		k = window(at);
		if (!k && takes_next(at)) {
			k = 2;
			s.last += 2;
		}
		s.first = i - k;
		if (k && (!found || s.first > sites[found - 1].last + 1))
			sites[found++] = s;
	}
	return found;
}

/* By jumps and calls from afar: one look at all that could be such. */
static void find_jumps(const uint8_t *text, uint32_t n, struct site *sites,
		       unsigned count)
{
	for (uint32_t i = 2; i + 4 <= n; i++) {
		uint32_t to, room = sites[count - 1].last - sites[0].first;

		if ((text[i - 1] & 0xfe) != 0xe8 &&
		    (text[i - 2] != 0x0f || (text[i - 1] & 0xf0) != 0x80))
			continue;
		memcpy(&to, text + i, 4);
		to += i + 4;
		if (to - sites[0].first > room)
			continue;
		for (struct site *s = sites; s < sites + count; s++)
			if (to - s->first - 1 < s->last - s->first)
				s->jumped_to = true;
	}
}

static bool patch_hcall(struct user *u, uint8_t *text, const struct site *s,
			uint32_t va)
{
	uint8_t *thunk = u->direct_code + u->thunks;
	uint32_t thunk_va = DIRECT_CODE + u->thunks;
	uint8_t *at = text + s->first;
	unsigned k = s->call - s->first;
	bool jump = s->last > s->call && text[s->last] == 0xc3;

	if (u->thunks + THUNK_SIZE > PAGE)
		return false;
	memcpy(thunk, at, k);
	if (is_load(thunk))
		thunk[3] += 4;
	put_jump(thunk + k, thunk_va + k, 0xe9, ADDRESS(direct_hcall));
	memset(at, 0x90, k + 2 + (s->last > s->call));
	put_jump(at, va + s->first, jump ? 0xe9 : 0xe8, thunk_va);
	u->thunks += THUNK_SIZE;
	return true;
}

unsigned direct_patch(struct user *u, uint8_t *at, uint32_t n, uint32_t va)
{
	struct site sites[SITES_MAX];
	unsigned count = find_sites(at, n, sites), done = 0;

	if (count)
		find_jumps(at, n, sites, count);
	for (const struct site *s = sites; s < sites + count; s++)
		if (!s->jumped_to && !is_near_target(at, n, s->first, s->last))
			done += patch_hcall(u, at, s, va);
	for (uint32_t i = 8; i + 16 < n; i++)
		if (at[i] == 0x50 || at[i] == 0xff)
			done += patch_iret(u, at + i, n - i, va + i);
	return done;
}

/* --- traps in there --------------------------------------------------- */

int direct_is_critical(const struct user *u, uint32_t eip)
{
	if (u->stock)
		return eip >= DIRECT_PC_IRET &&
		       eip < PC_ADDRESS(direct_pc_critical_end);
	return eip >= DIRECT_CODE && eip < ADDRESS(direct_critical_end);
}

/*
 * It came by lcall, and its stack ends there, or the next page of it is not to
 * be written yet; or it goes in single steps.  Then it came by a trap, and all
 * that the call did is undone.  If what the vDSO pushes itself has no room,
 * that is its program's page fault.  False: it is.
 */
static bool by_trap(struct user *u, bool pushes)
{
	struct cpu *c = &u->cpu;
	const uint32_t saved[] = { c->gpr[BP], c->gpr[DX], c->gpr[CX] };

	if (!mmu_read(u, c->gpr[SP], &c->eip, 4)) {
		stub_crash(u, CRASH_STACK, c->gpr[SP], c->trap, c->eip);
		return true;
	}
	c->gpr[SP] += 8;
	if (pushes) {
		c->cr2 = c->gpr[SP] - sizeof(saved);
		if (!mmu_write(u, c->cr2, saved, sizeof(saved))) {
			c->eip -= LCALL_SIZE;
			c->signal = SIGSEGV;
			c->trap = TRAP_PF;
			c->error = PF_WRITE;
			return false;
		}
		c->gpr[SP] = c->cr2;
	}
	c->eip += 2;
	cpu_fault(u, VECTOR_SYSCALL, false, 0);
	return true;
}

static uint8_t insn_at(const struct user *u, uint32_t eip)
{
	return u->stock ? ((const uint8_t *)&u->direct)[eip % PAGE] :
			  u->direct_code[eip % PAGE];
}

int direct_trap(struct user *u)
{
	struct cpu *c = &u->cpu;
	bool pushes = c->eip == direct_calls(u, true);

	if (!direct_is_critical(u, c->eip))
		return false;
	if (c->signal == SIGUSR1)
		return true;
	if (pushes || c->eip == direct_calls(u, false))
		return by_trap(u, pushes);
	/* The other thing that traps here on purpose is an iret. */
	if (c->trap == TRAP_GP && insn_at(u, c->eip) != 0xcf) {
		/* The ljmp: there is no such address for a program. */
		c->eip = u->direct.eip;
		cpu_fault(u, TRAP_GP, true, 0);
		return true;
	}
	return false;
}
