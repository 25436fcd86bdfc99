/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random bytes as instructions, a million of them, from a seed=.  Whatever
 * becomes of the Guest, it may not become of the Launcher.
 */
#include "user.h"

#define CODE		0x800000	/* a page, and one of nothing after */
#define BYTES		1000000
#define STARTS		16		/* in a page */
#define SLICE		2000000		/* nanoseconds for each */

static u32 seed;

static u32 next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

/* Old Hosts leave TF on in an interrupt gate's handler. */
static void begin(void)
{
	seed = argument_number("seed", 1);
	if (GEN < KERNEL(4, 0, 0))
		idt_set(1, trap_entries[1], GATE_TRAP, 0);
}

static void fill(u8 *page)
{
	for (unsigned i = 0; i < PAGE; i += 4)
		*(u32 *)(page + i) = next();
}

/* Time over: go on where a trap is. */
static void over(struct regs *r, unsigned irq)
{
	(void)irq;
	if ((r->cs & 3) != 3)
		return;
	r->eip = (u32)user_nothing;
	r->eflags &= ~FLAG_TF;
}

/* In ring 1 that is only so while trap_catch() waits for it. */
static void over_ring1(struct regs *r, unsigned irq)
{
	(void)irq;
	r->eip = 0x10;
	r->eflags &= ~FLAG_TF;
}

static void slice(void)
{
	irqs_off();
	lguest_data.blocked_interrupts = ~1;
	hcall(LHCALL_SET_CLOCKEVENT, SLICE, 0, 0);
}

static void random_regs(struct regs *r, u32 eip)
{
	user_regs(r, eip);
	r->eax = next();
	r->ebx = next() & 0xffff;
	r->ecx = next();
	r->edx = USER_DATA;
	r->esi = USER_DATA + 64;
	r->edi = USER_DATA + 128;
	r->ebp = USER_DATA + 256;
	r->esp = USER_STACK - 1024;
}

TEST(hostile, random_ring3)
{
	u32 traps[256], bytes = argument_number("bytes", BYTES);
	struct room room;
	struct regs r;
	u8 *code = page_get();

	memset(traps, 0, sizeof(traps));
	begin();
	irq_hook = over;
	program_begin(&room);
	pte_set(room.pgdir, CODE, phys(code) | PTE_P | PTE_W | PTE_U);
	for (u32 done = 0; done < bytes; done += PAGE) {
		fill(code);
		for (unsigned i = 0; i < STARTS; i++) {
			random_regs(&r, CODE + next() % PAGE);
			slice();
			user_run(&r);
			traps[r.vector % 256]++;
		}
	}
	program_end();
	for (unsigned i = 0; i < 256; i++)
		if (traps[i])
			say("trap %u: %u\n", i, traps[i]);
	say("SURVIVED %u\n", bytes);
}

static void jump(u32 to)
{
	irqs_on();
	asm volatile("pushal; call *%0; popal" :: "a"(to) : "memory");
}

TEST(hostile, random_ring1)
{
	u32 traps = 0, bytes = argument_number("bytes", BYTES);
	u8 *code = page_get();

	begin();
	irq_hook = over_ring1;
	pte_set(kernel_pgdir, KERNEL_VA, phys(code) | PTE_P | PTE_W);
	for (u32 done = 0; done < bytes; done += PAGE) {
		fill(code);
		for (unsigned i = 0; i < STARTS; i++) {
			slice();
			traps += trap_catch(jump, KERNEL_VA + next() % PAGE);
		}
	}
	say("SURVIVED %u traps\n", traps);
}

/* For those who watch from outside: all that costs a Host something. */
TEST(hostile, churn)
{
	u32 mark = pages_mark(), code, seconds = argument_number("seconds", 3);
	u32 end = lguest_data.sec + seconds;
	struct room room;
	struct regs r;

	begin();
	irq_hook = over;
	while (lguest_data.sec < end) {
		program_begin(&room);
		code = phys(page_get());
		fill(virt(code));
		pte_set(room.pgdir, CODE, code | PTE_P | PTE_W | PTE_U);
		random_regs(&r, CODE + next() % PAGE);
		slice();
		user_run(&r);
		timer_sleep(1000);
		program_end();
		hcall(LHCALL_FLUSH_TLB, 1, 0, 0);
		/* Up to a hundred directories before they are used again. */
		if (next() % 100 == 0)
			pages_release(mark);
	}
	say("SURVIVED\n");
}
