/* SPDX-License-Identifier: GPL-2.0-only */
/* Traps in ring 1: which, where, and what is on the stack. */
#include "guest32.h"

#define FLAGS_ONE	0x2	/* always 1 */
#define FLAGS_ALL	0x200cd7 /* CF PF AF ZF SF DF OF, ID */
#define IOPL		0x3000

/* RF is set there for faults, except by CPUs that do not care. */
#define FLAG_RF		0x10000
#define FLAGS(r)	((r).eflags & ~FLAG_RF)

struct probe {
	const char *name;
	void (*fn)(u32);
	const char *at;
	u32 vector, error, past;
};

#define PROBES(X) \
	X(divide, 0, 0, 0) X(undefined, 6, 0, 0) X(breakpoint, 3, 0, 1) \
	X(overflow, 4, 0, 1) X(bound, 5, 0, 0) \
	X(float, 16, 0, 0) X(read_cr0, 13, 0, 0) X(write_cr3, 13, 0, 0) \
	X(sti, 13, 0, 0) X(hlt, 13, 0, 0) X(lgdt, 13, 0, 0) \
	X(lidt, 13, 0, 0) X(invlpg, 13, 0, 0) X(wbinvd, 13, 0, 0) \
	X(clts, 13, 0, 0) X(rdmsr, 13, 0, 0) X(wrmsr, 13, 0, 0) \
	X(null_stack, 13, 0, 0) X(host_segment, 13, 8, 0) \
	X(task_segment, 13, 0xf8, 0) X(int_05, 13, 0x2a, 0) \
	X(int_20, 13, 0x102, 0) X(int_81, 13, 0x40a, 0) \
	X(int_80, 0x80, 0, 2) X(jump_far, 13, 0xf8, 0) \
	X(in_string, 13, 0, 0)

#define DECLARE(n, vector, error, past) \
	void probe_##n(u32); extern const char at_##n[];
PROBES(DECLARE)
DECLARE(registers, 0, 0, 0)
DECLARE(step, 0, 0, 0)
DECLARE(cli, 0, 0, 0)

static const struct probe probes[] = {
#define ROW(n, v, e, p) { #n, probe_##n, at_##n, v, e, p },
	PROBES(ROW)
};

extern u32 probe_stack;

static void probe_check(const struct probe *p)
{
	trace(p->name);
	if (!trap_catch(p->fn, 0))
		fail("%s does not trap", p->name);
	else if (trapped.vector != p->vector || trapped.error != p->error)
		fail("%s: trap %u error 0x%x, not %u and 0x%x", p->name,
		     trapped.vector, trapped.error, p->vector, p->error);
	else if (trapped.eip - (u32)p->at != p->past)
		fail("%s: eip is %d bytes from it", p->name,
		     trapped.eip - (u32)p->at);
	else if (trapped.cs != KERNEL_CS)
		fail("%s: cs 0x%x", p->name, trapped.cs);
}

TEST(kernel, trap_kinds)
{
	for (unsigned i = 0; i < ARRAY_SIZE(probes); i++)
		probe_check(&probes[i]);
	asm volatile("fninit");
}

TEST(kernel, trap_kinds_by_trap_gate)
{
	for (unsigned i = 0; i < 20; i++)
		idt_set(i, trap_entries[i], GATE_TRAP, i == 3 || i == 4 ?
			3 : 0);
	for (unsigned i = 0; i < ARRAY_SIZE(probes); i++)
		probe_check(&probes[i]);
	asm volatile("fninit");
	for (unsigned i = 0; i < 20; i++)
		gate_restore(i);
}

TEST(kernel, trap_registers)
{
	CHECK(trap_catch(probe_registers, FLAGS_ONE));
	EQUAL(trapped.eax, 0x10101010);
	EQUAL(trapped.ecx, 0x21212121);
	EQUAL(trapped.edx, 0x32323232);
	EQUAL(trapped.ebx, 0x43434343);
	EQUAL(trapped.ebp, 0x54545454);
	EQUAL(trapped.esi, 0x65656565);
	EQUAL(trapped.edi, 0x76767676);
	/* eflags, cs, eip right below where esp was; then our own two. */
	EQUAL(trapped.esp_unused, probe_stack - 20);
	EQUAL(trapped_stack, probe_stack - 12 - offsetof(struct regs, eip));
}

TEST(kernel, trap_flags)
{
	for (u32 bit = 1; bit < 0x400000; bit <<= 1) {
		u32 flags = (FLAGS_ALL & bit) | FLAGS_ONE;

		CHECK(trap_catch(probe_registers, flags));
		EQUAL(FLAGS(trapped) & ~FLAG_IF, flags);
	}
	CHECK(trap_catch(probe_registers, FLAGS_ALL | FLAGS_ONE));
	EQUAL(FLAGS(trapped) & ~FLAG_IF, FLAGS_ALL | FLAGS_ONE);
	/* These are not ours to change, and popf says nothing. */
	CHECK(trap_catch(probe_registers, IOPL | FLAGS_ONE));
	EQUAL(FLAGS(trapped) & ~FLAG_IF, FLAGS_ONE);
}

/* In the frame IF is what the Guest says it is, whatever the CPU's is. */
TEST(kernel, trap_interrupt_flag)
{
	irqs_off();
	CHECK(trap_catch(probe_registers, FLAGS_ONE));
	EQUAL(FLAGS(trapped), FLAGS_ONE);
	EQUAL(trapped_irqs, 0);
	irqs_on();
	CHECK(trap_catch(probe_registers, FLAGS_ONE));
	EQUAL(FLAGS(trapped), FLAGS_ONE | FLAG_IF);
	/* An interrupt gate turns them off, */
	EQUAL(trapped_irqs, 0);
	/* a trap gate leaves them; also when the Host has to look first. */
	idt_set(6, trap_entries[6], GATE_TRAP, 0);
	idt_set(13, trap_entries[13], GATE_TRAP, 0);
	irqs_on();
	CHECK(trap_catch(probe_registers, FLAGS_ONE));
	EQUAL(FLAGS(trapped), FLAGS_ONE | FLAG_IF);
	EQUAL(trapped_irqs, FLAG_IF);
	irqs_on();
	CHECK(trap_catch(probe_hlt, 0));
	EQUAL(trapped.eflags & FLAG_IF, FLAG_IF);
	EQUAL(trapped_irqs, FLAG_IF);
	gate_restore(6);
	gate_restore(13);
}

/* Tried by emulations of cmpxchg8b; the Host steps over it from 2.6.34 on. */
TEST(kernel, trap_cli)
{
	bool did;

	irqs_on();
	did = trap_catch(probe_cli, 0);
	if (GEN >= KERNEL(2, 6, 34))
		CHECK(!did);
	if (did)
		EQUAL(trapped.vector, 13);
}

#define STEPS_MAX	8

static u32 steps[STEPS_MAX], nsteps;

static bool step_hook(struct regs *r)
{
	if (r->vector != 1)
		return false;
	if (nsteps < STEPS_MAX)
		steps[nsteps++] = r->eip;
	if (r->eip > (u32)at_step)
		r->eflags &= ~FLAG_TF;
	return true;
}

static void step(const char *what)
{
	nsteps = 0;
	trap_hook = step_hook;
	if (trap_catch(probe_step, 0))
		fail("%s: trap %u", what, trapped.vector);
	trap_hook = NULL;
	/* After the nop behind popf, and after the next one. */
	EQUAL(nsteps, 2);
	EQUAL(steps[0], (u32)at_step);
	EQUAL(steps[1], (u32)at_step + 1);
}

TEST(kernel, trap_single_step)
{
	/* Older Hosts leave TF on at the entry, and step through that. */
	if (GEN >= KERNEL(4, 0, 0))
		step("interrupt gate");
	idt_set(1, trap_entries[1], GATE_TRAP, 0);
	step("trap gate");
	gate_restore(1);
}
