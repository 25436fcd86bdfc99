/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual CPU: what a trap means to the Guest, and how it enters its
 * handlers.  The real CPU does all the rest.
 */
#include <signal.h>
#include <string.h>

#include "kind.h"

#define GATE_PRESENT	0x8000u
#define GATE_DPL(hi)	((hi) >> 13 & 3)
#define GATE_INTERRUPT	0xeu	/* of 4 bits of type: clears FLAG_IF */
#define HYPERCALL	0x1fu
#define ERROR_IDT	2u	/* #GP's error code: it was int n */

/* Access byte of a descriptor */
#define DESC_PRESENT	0x8000u
#define DESC_ORDINARY	0x1000u	/* code or data */
#define DESC_DPL(high)	((high) >> 13 & 3)
#define DESC_CODE	0x0800u

/* As the CPU and then the Host of old pushed it: lowest address first. */
bool cpu_deliver(struct user *u, unsigned vector, bool has_error,
		 uint32_t error)
{
	struct cpu *c = &u->cpu;
	uint32_t frame[6], gate[2], flags = c->eflags & ~FLAG_IF;
	uint32_t sp = c->gpr[SP];
	unsigned n = 0;

	if (!kind_gate(u, vector, gate))
		return false;
	if (u->direct.user && !kind_stack(u, &sp)) {
		stub_crash(u, CRASH_STACK, sp, vector, c->eip);
		return true;
	}
	if (has_error)
		frame[n++] = error;
	frame[n++] = c->eip;
	frame[n++] = u->direct.user ? USER_CS : kind_kernel_cs(u);
	frame[n++] = flags | kind_flag(u);
	if (u->direct.user) {
		frame[n++] = c->gpr[SP];
		frame[n++] = USER_DS;
	}
	sp -= n * sizeof(frame[0]);
	if (!mmu_write(u, sp, frame, n * sizeof(frame[0]))) {
		stub_crash(u, CRASH_STACK, sp, vector, c->eip);
		return true;
	}
	if (u->stock && !u->direct.user)
		window_interrupted(u, sp + (has_error ? 4 : 0));
	u->direct.user = 0;
	c->gpr[SP] = sp;
	c->eip = (gate[0] & 0xffff) | (gate[1] & 0xffff0000);
	c->eflags &= ~(FLAG_TF | FLAG_VM | FLAG_RF | FLAG_NT | FLAG_AC);
	if ((gate[1] >> 8 & 0xf) == GATE_INTERRUPT)
		kind_disable(u);
	return true;
}

void cpu_fault(struct user *u, unsigned vector, bool has_error, uint32_t error)
{
	if (u->stock && !u->direct.user && vector < VECTOR_IRQ &&
	    vector != TRAP_DB && window_fault(u))
		return;
	if (!cpu_deliver(u, vector, has_error, error))
		stub_crash(u, CRASH_TRAP, vector, u->cpu.eip,
			   vector == TRAP_PF ? u->cpu.cr2 : error);
}

/* --- segments --------------------------------------------------------- */

/* Data from 0 to the end: there are several names for it. */
static bool is_flat(const uint32_t d[2])
{
	return (d[1] & 0xffcf9800) == 0x00cf9000 && d[0] == 0xffff;
}

/*
 * Its own selectors the Guest has read from registers, and loads again.  A
 * flat one for its kernel; for its programs, one that ends where the kernel
 * begins; all others are in the LDT with what they are in its GDT.
 */
unsigned cpu_selector(const struct user *u, uint32_t sel, uint16_t *real)
{
	const struct cpu *c = &u->cpu;
	unsigned index = sel >> 3 & 0x1fff;
	bool user = u->direct.user;
	uint32_t high;

	*real = 0;
	if (!(sel & 0xfffc))
		return 0;
	*real = user ? LDT_SELECTOR(GDT_USER_DS) : HOST_DS;
	if ((sel | 3) == HOST_DS)
		return 0;
	*real = HOST_DS;
	if (index >= GDT_ENTRIES || (user && index == GDT_KERNEL_DS))
		return TRAP_GP;
	high = c->gdt[index][1];
	/* Ring 3's selectors are not for what is not ring 3's. */
	if (!user && (index == GDT_KERNEL_DS || index == GDT_USER_DS ||
		      is_flat(c->gdt[index])))
		return (sel & 3) == 3 && index != GDT_USER_DS &&
		       DESC_DPL(high) != 3 ? TRAP_GP : 0;
	*real = LDT_SELECTOR(index);
	if (index >= GDT_TLS && index < GDT_TLS_END)
		return 0;
	if (!(high & DESC_ORDINARY) || (user && DESC_DPL(high) != 3))
		return TRAP_GP;
	return high & DESC_PRESENT ? 0 : TRAP_NP;
}

/* Is it one that we would have loaded? */
static bool is_real(const struct user *u, uint16_t sel)
{
	if (sel & 4 || sel < 4)
		return true;
	return sel == HOST_DS && !u->direct.user;
}

/*
 * Some of the Guest's selectors mean something in the Host's GDT, too, and
 * load without a fault: code that reads as data, or a segment of a few bytes.
 * What comes of that is a fault later.  True if there was one of those.
 */
static bool cpu_fix_selectors(struct user *u)
{
	struct cpu *c = &u->cpu;
	bool fixed = false;

	for (unsigned i = 0; i < SELECTORS; i++) {
		if (i == CS || i == SS || is_real(u, c->sel[i]))
			continue;
		if (cpu_selector(u, c->sel[i], &c->sel[i]))
			c->sel[i] = 0;
		fixed = true;
	}
	return fixed;
}

/* --- traps ------------------------------------------------------------ */

/* A gate says which rings may use it on purpose. */
static bool may_call(struct user *u, unsigned n)
{
	uint32_t gate[2];

	return kind_gate(u, n, gate) &&
	       GATE_DPL(gate[1]) >= (u->direct.user ? 3 :
				     kind_kernel_cs(u) & 3);
}

/* int n: as far as the gate lets this ring do it. */
static void cpu_int(struct user *u, unsigned n)
{
	struct cpu *c = &u->cpu;

	if (!u->direct.user && !u->stock && n == HYPERCALL) {
		c->eip += 2;
		lguest_hypercall(u);
		return;
	}
	if (may_call(u, n)) {
		c->eip += 2;
		cpu_fault(u, n, false, 0);
		return;
	}
	cpu_fault(u, TRAP_GP, true, n << 3 | ERROR_IDT);
}

/* The Guest's to handle: at cr2, with all of its error code but PF_PRESENT. */
static void reflect_page_fault(struct user *u, uint32_t error)
{
	struct cpu *c = &u->cpu;

	if (!u->mmu.linear && c->cr2 < u->mmu.end) {
		const struct table t = mmu_table(u, u->mmu.cr3, c->cr2);

		error |= mmu_entry(u, &t, 0) & PF_PRESENT;
		if (t.bad)
			error |= PF_PRESENT | PF_RESERVED;
	}
	kind_cr2(u, c->cr2);
	u->direct.fill = c->cr2;
	cpu_fault(u, TRAP_PF, true, error);
}

/*
 * A program's segments end where the kernel begins.  It does not know of that:
 * to it there are pages that are not its own.
 */
static bool beyond_its_segment(struct user *u)
{
	bool write;
	uint32_t va;

	if (!u->direct.user || u->cpu.error ||
	    !insn_operand(u, &va, &write) || va < u->mmu.kernel)
		return false;
	u->cpu.cr2 = va;
	reflect_page_fault(u, PF_USER | (write ? PF_WRITE : 0));
	return true;
}

/*
 * What the real CPU refuses it refuses before it has looked for operands: if
 * they are not there, that is the Guest's to know.
 */
static bool missed(struct user *u)
{
	uint32_t error = u->sys.missed & PF_WRITE;

	if (!u->sys.missed)
		return false;
	u->sys.missed = 0;
	reflect_page_fault(u, error | (u->direct.user ? PF_USER : 0));
	return true;
}

static void cpu_protection(struct user *u)
{
	struct cpu *c = &u->cpu;
	uint8_t insn[2] = { 0 };

	insn_fetch(u, insn, sizeof(insn));
	if (c->error & ERROR_IDT && insn[0] == 0xcd) {
		cpu_int(u, insn[1]);
		return;
	}
	u->n.protection++;
	if (insn_emulate(u) || missed(u) || cpu_fix_selectors(u) ||
	    beyond_its_segment(u))
		return;
	cpu_fault(u, TRAP_GP, true, c->error);
}

static void cpu_page_fault(struct user *u)
{
	struct cpu *c = &u->cpu;
	bool critical = direct_is_critical(u, c->eip);
	uint32_t how = c->error & (PF_WRITE | PF_FETCH), gpa;

	/* A segment that was none has led somewhere. */
	if (!critical && cpu_fix_selectors(u))
		return;
	/* Between two rings, it is the kernel's stack. */
	if (u->direct.user && !critical)
		how |= PF_USER;
	u->n.faults++;
	switch (mmu_fill(u, c->cr2, how, &gpa)) {
	case FILL_DONE:
		u->n.filled++;
		return;
	case FILL_DEVICE:
		if (insn_mmio(u, gpa))
			return;
		break;
	case FILL_BAD:
		if (u->stock)
			break;
		stub_crash(u, CRASH_PAGE, c->cr2, c->eip, 0);
		return;
	case FILL_LOW:
		/* It is there, and cannot be had: no page would be of help. */
		cpu_fault(u, TRAP_GP, true, 0);
		return;
	case FILL_GUEST:
		break;
	}
	reflect_page_fault(u, how & (PF_WRITE | PF_USER));
}

/* From a program, by int $0x80; other ways to call the Host there are none. */
static void cpu_syscall(struct user *u)
{
	struct cpu *c = &u->cpu;
	uint8_t insn[2] = { 0 };

	u->n.syscalls++;
	c->eip -= 2;
	insn_fetch(u, insn, sizeof(insn));
	if (insn[0] == 0xcd && insn[1] == VECTOR_SYSCALL) {
		direct_patch_vdso(u, c->eip);
		cpu_int(u, VECTOR_SYSCALL);
	} else
		cpu_fault(u, TRAP_UD, false, 0);
}

/* int3 and into, in either form, are int n as well. */
static bool may_raise(struct user *u, unsigned vector)
{
	struct cpu *c = &u->cpu;
	uint8_t insn = 0;

	if (may_call(u, vector))
		return true;
	c->eip--;
	insn_fetch(u, &insn, 1);
	if (insn != 0xcc && insn != 0xce)
		c->eip--;
	cpu_fault(u, TRAP_GP, true, vector << 3 | ERROR_IDT);
	return false;
}

static void cpu_exception(struct user *u)
{
	struct cpu *c = &u->cpu;

	switch (c->trap) {
	case TRAP_GP:
		cpu_protection(u);
		return;
	case TRAP_PF:
		cpu_page_fault(u);
		return;
	case TRAP_NP:
	case TRAP_SS:
		if (!insn_emulate(u) && !missed(u) && !beyond_its_segment(u))
			cpu_fault(u, c->trap, true, c->error);
		return;
	case TRAP_BP:
	case TRAP_OF:
		if (!may_raise(u, c->trap))
			return;
		break;
	case TRAP_UD:
		if (!u->direct.user && (kind_undefined(u) || missed(u)))
			return;
		break;
	case TRAP_AC:		/* a kernel's accesses are not checked */
		if (u->direct.user)
			break;
		c->eflags &= ~FLAG_AC;
		return;
	case TRAP_DB:
		c->dr[6] = 0xffff4ff0;	/* single step: no other there is */
		break;
	}
	cpu_fault(u, c->trap & 31, c->trap == 10 || c->trap == TRAP_AC,
		  c->error);
}

void cpu_trap(struct user *u)
{
	struct cpu *c = &u->cpu;

	u->n.traps++;
	if (u->sys.stepped) {
		stock_stepped(u);
		if (c->signal == SIGTRAP && c->trap == TRAP_DB)
			return;
	}
	if (direct_trap(u))
		return;
	switch (c->signal) {
	case SIGUSR1:			/* somebody has an interrupt */
		stub_tell(u);
		return;
	case SIGSYS:
		cpu_syscall(u);
		return;
	case 0:				/* it was in 64-bit code */
		cpu_fault(u, TRAP_GP, true, 0);
		return;
	case SIGBUS:
		if (c->trap == TRAP_PF) {
			stub_crash(u, CRASH_MEMORY, c->cr2, 0, 0);
			return;
		}
	}
	cpu_exception(u);
}

/*
 * Without a Host's help nothing traps on the FPU.  So a program that is not
 * to have it is told of it before it asks.
 */
bool cpu_settle(struct user *u)
{
	struct cpu *c = &u->cpu;

	kind_interrupt(u);
	if (c->halted)
		return false;
	if (direct_is_critical(u, c->eip))
		return true;
	if (u->direct.user && c->ts)
		cpu_deliver(u, TRAP_NM, false, 0);
	if (u->direct.user)
		cpu_fix_selectors(u);	/* none reaches the kernel */
	return true;
}
