/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ring 0 does for the Guest of tests/guest32/: hypercalls, page faults,
 * interrupts; and for what only its Launcher can do, it goes there.  Nothing
 * here is told how the Guest's drivers work.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "own.h"

#define TRAP_GP		13
#define TRAP_PF		14
#define FIRST_IRQ	32	/* vector of interrupt 0, which is the timer */
#define FLAG_IF		0x200
#define IMAGE		0x40000	/* bytes of the Guest that are looked at */
#define INTERRUPT_GATE	0xe

#define LHCALL_LGUEST_INIT	1
#define LHCALL_SHUTDOWN		2
#define LHCALL_NEW_PGTABLE	4
#define LHCALL_FLUSH_TLB	5
#define LHCALL_LOAD_IDT_ENTRY	6
#define LHCALL_SET_CLOCKEVENT	9
#define LHCALL_HALT		10
#define LHCALL_SET_PTE		14
#define LHCALL_NOTIFY		17
#define SHUTDOWN_RESTART	2

/* In struct lguest_data. */
enum { IRQ_ENABLED = 0, BLOCKED = 4, IRQ_PENDING = 20 };

static const struct era *era;
static struct user_regs_struct r;
static uint32_t pgdir, data, gates[256][2];
static uint64_t alarm_at;	/* ns; 0: none */
static bool timer_raised, halted;

/* 2.6.30 or so is newer than 2.6.28.10. */
static bool since(const char *version)
{
	unsigned a[3] = { 0 }, b[3] = { 0 };

	sscanf(era->version, "%u.%u.%u", &a[0], &a[1], &a[2]);
	sscanf(version, "%u.%u.%u", &b[0], &b[1], &b[2]);
	for (unsigned i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] > b[i];
	return true;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* --- interrupts ---------------------------------------------------------- */

static uint32_t deliverable(void)
{
	uint32_t irqs = host_pending();

	if (alarm_at && now() >= alarm_at) {
		alarm_at = 0;
		timer_raised = true;
	}
	irqs |= timer_raised;
	return irqs & ~memory_word(data + BLOCKED);
}

/* The stack is mapped: the Guest used it a moment ago. */
static void push(uint32_t value)
{
	r.rsp -= 4;
	memory_put_word(memory_translate(pgdir, r.rsp), value);
}

/* As set_guest_interrupt() does; to the same ring, so without a stack. */
static void enter(unsigned vector)
{
	uint32_t enabled = memory_word(data + IRQ_ENABLED);
	uint32_t *gate = gates[vector];

	push((r.eflags & ~FLAG_IF) | (enabled & FLAG_IF));
	push(r.cs);
	push(r.rip);
	r.rip = (gate[0] & 0xffff) | (gate[1] & 0xffff0000);
	if ((gate[1] >> 8 & 0xf) == INTERRUPT_GATE)
		memory_put_word(data + IRQ_ENABLED, 0);
}

static void interrupt(void)
{
	uint32_t irqs = data ? deliverable() : 0;
	unsigned irq;

	if (!irqs)
		return;
	/* It may see what the interrupt is for. */
	memory_give();
	memory_take();
	if (halted) {
		memory_put_word(data + IRQ_ENABLED, FLAG_IF);
		halted = false;
	} else if (!memory_word(data + IRQ_ENABLED)) {
		if (since("2.6.31"))
			memory_put_word(data + IRQ_PENDING, FLAG_IF);
		return;
	}
	irq = __builtin_ctz(irqs);
	if (irq)
		host_clear(irq);
	else
		timer_raised = false;
	if (gates[FIRST_IRQ + irq][1] & 0x8000)
		enter(FIRST_IRQ + irq);
}

/* Until there is an interrupt, whatever the Launcher does meanwhile. */
static void sleep_on(void)
{
	halted = true;
	memory_give();
	while (!deliverable()) {
		uint64_t ms = alarm_at ? (alarm_at - now()) / 1000000 + 1 : 0;

		host_step_within(ms);
	}
	memory_take();
}

/* --- hypercalls ---------------------------------------------------------- */

/* False at the Guest's end. */
static bool shut_down(uint32_t text, uint32_t how)
{
	char words[128], reason[160];

	if (how == SHUTDOWN_RESTART) {
		host_restart();
		return false;
	}
	guest_read(text, words, sizeof(words));
	words[sizeof(words) - 1] = '\0';
	snprintf(reason, sizeof(reason), "CRASH: %s", words);
	host_die(strdup(reason));
	return false;
}

static void notify(uint32_t value)
{
	memory_give();
	host_notify(value);
	memory_take();
}

static void forget_mappings(void)
{
	process_unmap(LOWEST, (1ULL << 32) - LOWEST);
}

static void load_gate(uint32_t n, uint32_t low, uint32_t high)
{
	NEED(n < 256);
	gates[n][0] = low;
	gates[n][1] = high;
}

static bool hypercall(void)
{
	bool old = !since("2.6.29");
	uint32_t a = old ? r.rdx : r.rbx, b = old ? r.rbx : r.rcx;
	uint32_t c = old ? r.rcx : r.rdx;

	switch ((uint32_t)r.rax) {
	case LHCALL_LGUEST_INIT:
		data = a;
		break;
	case LHCALL_SHUTDOWN:
		memory_give();
		return shut_down(a, b);
	case LHCALL_NEW_PGTABLE:
		pgdir = a;
		forget_mappings();
		break;
	case LHCALL_FLUSH_TLB:
		forget_mappings();
		break;
	case LHCALL_SET_PTE:
		process_unmap(b & -PAGE, PAGE);
		break;
	case LHCALL_LOAD_IDT_ENTRY:
		load_gate(a, b, c);
		break;
	case LHCALL_SET_CLOCKEVENT:
		alarm_at = a ? now() + a : 0;
		timer_raised = false;
		break;
	case LHCALL_HALT:
		sleep_on();
		break;
	case LHCALL_NOTIFY:
		notify(a);
	}
	return true;
}

/* --- what the Launcher emulates ------------------------------------------ */

/* By offsets of GETREG and SETREG; the others are only seen. */
static struct {
	unsigned word;
	unsigned long long *reg;
} const shared[] = {
	{ 0, &r.rbx }, { 1, &r.rcx }, { 2, &r.rdx }, { 3, &r.rsi },
	{ 4, &r.rdi }, { 5, &r.rbp }, { 6, &r.rax }, { 12, &r.rip },
	{ 14, &r.eflags }, { 15, &r.rsp },
};

static void emulate(uint8_t trap, const uint8_t insn[7], uint32_t physical)
{
	unsigned refused = host_traps[trap];

	for (unsigned i = 0; i < ARRAY_SIZE(shared); i++)
		host_registers[shared[i].word] = *shared[i].reg;
	memory_give();
	host_trap(trap, insn, physical);
	memory_take();
	for (unsigned i = 0; i < ARRAY_SIZE(shared); i++)
		*shared[i].reg = host_registers[shared[i].word];
	/* The Guest's drivers do nothing that a Launcher has to refuse. */
	if (host_traps[trap] != refused)
		failed(__FILE__, __LINE__,
		       "trap %u for %02x %02x %02x at %#llx", trap, insn[0],
		       insn[1], insn[2], r.rip);
}

static void page_fault(uint32_t va, const uint8_t insn[7])
{
	uint32_t physical = memory_translate(pgdir, va);

	if (physical != NOBODY && memory_map(va, physical))
		return;
	if (physical == NOBODY || physical / PAGE >= host_boot.device_limit)
		failed(__FILE__, __LINE__, "page fault at %#llx for %#x",
		       r.rip, va);
	emulate(TRAP_PF, insn, physical);
}

/* --- its life ------------------------------------------------------------ */

/* What stopped it; false at its end. */
static bool stopped(int sig, const siginfo_t *why)
{
	static const uint8_t call[] = { 0xcd, 0x1f };
	uint8_t insn[7];

	memory_fetch(pgdir, r.rip, insn, sizeof(insn));
	if (sig != SIGSEGV)
		failed(__FILE__, __LINE__, "signal %d at %#llx", sig, r.rip);
	if (why->si_code != SI_KERNEL) {
		page_fault((uintptr_t)why->si_addr, insn);
	} else if (!memcmp(insn, call, sizeof(call))) {
		r.rip += sizeof(call);
		return hypercall();
	} else {
		NEED(era->telling == TELLS_PCI);
		emulate(TRAP_GP, insn, 0);
	}
	return true;
}

/*
 * vmcall is what 2.6.30 to 2.6.33 said; where we are a virtual machine's, it
 * may go to that one's Host.  Theirs put int $0x1f and a nop there, too.
 */
static void replace_vmcalls(void)
{
	static const uint8_t vmcall[] = { 0x0f, 0x01, 0xc1 },
			     call[] = { 0xcd, 0x1f, 0x90 };
	static uint8_t image[IMAGE];
	uint8_t *at = image;

	guest_read(host_boot.start, image, sizeof(image));
	for (;;) {
		at = memmem(at, image + IMAGE - at, vmcall, sizeof(vmcall));
		if (!at)
			return;
		guest_write(host_boot.start + (at - image), call,
			    sizeof(call));
		at += sizeof(vmcall);
	}
}

static void boot(void)
{
	memset(&r, 0, sizeof(r));
	memset(gates, 0, sizeof(gates));
	r.rip = host_boot.start;
	pgdir = host_boot.pgdir;
	data = 0;
	alarm_at = 0;
	timer_raised = halted = false;
	if (since("2.6.30") && !since("2.6.34"))
		replace_vmcalls();
	memory_start();
}

int own_live(const struct era *of)
{
	unsigned lives = 0;
	siginfo_t why;
	int sig;

	era = of;
	while (host_runs()) {
		/* It goes on for as long as it has something to say. */
		NEED(lives++ < 10);
		boot();
		do {
			interrupt();
			sig = process_run(&r, &why);
		} while (stopped(sig, &why));
		process_end();
	}
	return child_status();
}
