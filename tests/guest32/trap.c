/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traps and interrupts.  Whoever wants to see one runs what causes it under
 * trap_catch(), or in ring 3 by user_run(), and gets it back as it was.
 */
#include "guest32.h"

#define IRQ_BASE	32

struct regs trapped;
u32 trapped_cr2, trapped_irqs, trapped_stack;
bool (*trap_hook)(struct regs *r);
volatile u32 irq_count[32];
void (*irq_hook)(struct regs *r, unsigned irq);

u8 trap_stack[2 * PAGE] __attribute__((aligned(PAGE)));

static struct context caught, home;
static bool catching;
static struct regs *program;

void idt_set(unsigned n, const void *handler, u32 type, unsigned dpl)
{
	u32 at = (u32)handler;

	hcall(LHCALL_LOAD_IDT_ENTRY, n, KERNEL_CS << 16 | (at & 0xffff),
	      (at & 0xffff0000) | type | dpl << 13);
}

void gate_restore(unsigned n)
{
	unsigned dpl = n == 3 || n == 4 || n == 0x80 ? 3 : 0;
	u32 type = GATE_INTERRUPT;

	/* Linux: a trap gate for system calls, to 4.5. */
	if (n == 0x80 && GEN < KERNEL(4, 6, 0))
		type = GATE_TRAP;
	idt_set(n, trap_entries[n], type, dpl);
}

void traps_init(void)
{
	for (unsigned n = 0; n < 64; n++)
		gate_restore(n);
	gate_restore(0x80);
	/* Programs' segments, without and with a privilege of 3. */
	gdt_set(USER_CS >> 3, 0x0000ffff, 0x00cffb00);
	gdt_set(USER_DS >> 3, 0x0000ffff, 0x00cff300);
	hcall(LHCALL_SET_STACK, KERNEL_DS,
	      (u32)trap_stack + sizeof(trap_stack), 2);
}

static __attribute__((noreturn)) void unexpected(const struct regs *r)
{
	say("PANIC trap %u error 0x%x at 0x%x:0x%x flags 0x%x cr2 0x%x\n",
	    r->vector, r->error, r->cs, r->eip, r->eflags, lguest_data.cr2);
	power_off("unexpected trap in the testing Guest", 1);
}

static void keep(const struct regs *r, u32 irqs)
{
	trapped_irqs = irqs;
	trapped_cr2 = lguest_data.cr2;
	trapped_stack = (u32)r;
	irqs_off();
}

void trap(struct regs *r)
{
	u32 irqs = lguest_data.irq_enabled;
	bool from_user = (r->cs & 3) == 3;

#if PC
	irqs = pc_trapped(r);
#endif
	if (trap_hook && trap_hook(r))
		return;
	if (r->vector >= IRQ_BASE && r->vector < IRQ_BASE + 32) {
		irq_count[r->vector - IRQ_BASE]++;
		if (irq_hook)
			irq_hook(r, r->vector - IRQ_BASE);
		return;
	}
	keep(r, irqs);
	if (from_user && program) {
		*program = *r;
		program = NULL;
		context_load(&home, 1);
	}
	if (!catching)
		unexpected(r);
	catching = false;
	/* What lies behind eflags is the stack of whoever was trapped. */
	trapped = *r;
	context_load(&caught, 1);
}

bool trap_catch(void (*fn)(u32), u32 arg)
{
	if (context_save(&caught))
		return true;
	catching = true;
	fn(arg);
	catching = false;
	irqs_off();
	return false;
}

void timer_sleep(u32 ns)
{
	u32 count = irq_count[0];

	irqs_off();
	lguest_data.blocked_interrupts = ~1;
	hcall(LHCALL_SET_CLOCKEVENT, ns, 0, 0);
#if GEN >= KERNEL(2, 6, 31)
	hcall(LHCALL_HALT, 0, 0, 0);
#else
	/* One that comes while these Hosts fall asleep does not wake them. */
	lguest_data.irq_enabled = FLAG_IF;
#endif
	while (irq_count[0] == count)
		hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
}

void user_regs(struct regs *r, u32 eip)
{
	memset(r, 0, sizeof(*r));
	r->ds = r->es = USER_DS;
	r->eip = eip;
	r->cs = USER_CS;
	r->eflags = FLAG_IF | 2;
	r->esp = USER_STACK;
	r->ss = USER_DS;
}

void user_run(struct regs *r)
{
	struct regs *top = (struct regs *)(trap_stack + sizeof(trap_stack)) - 1;

	program = r;
	if (context_save(&home))
		return;
	*top = *r;
	regs_load(top);
}
