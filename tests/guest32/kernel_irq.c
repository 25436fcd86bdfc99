/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts: the timer is one that every Guest has. */
#include "user.h"

#define TIMER		1	/* its bit in blocked_interrupts */
#define MSEC		1000000u
#define PATIENCE	3000	/* times a few milliseconds */

static void timer_ready(void)
{
	irqs_off();
	irq_count[0] = 0;
	lguest_data.blocked_interrupts = ~TIMER;
}

static void timer_set(u32 ns)
{
	hcall(LHCALL_SET_CLOCKEVENT, ns, 0, 0);
}

/* Some time: the Host is asked about it, so that all it has gets through. */
static void pass_time(u32 ms)
{
	struct { u32 low, high; } from, now;
	u32 khz = lguest_data.tsc_khz ? lguest_data.tsc_khz : 1000000;

	asm volatile("rdtsc" : "=a"(from.low), "=d"(from.high));
	do {
		hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
		asm volatile("rdtsc" : "=a"(now.low), "=d"(now.high));
	} while ((now.low - from.low) / khz < ms);
}

static bool wait_count(u32 n)
{
	for (u32 i = 0; i < PATIENCE && irq_count[0] < n; i++)
		pass_time(1);
	return irq_count[0] >= n;
}

TEST(kernel, timer_halt)
{
	timer_ready();
	irqs_on();
	/* Long enough to be asleep by then, even emulated. */
	timer_set(50 * MSEC);
	hcall(LHCALL_HALT, 0, 0, 0);
	EQUAL(irq_count[0], 1);
	/* Once means once. */
	pass_time(5);
	EQUAL(irq_count[0], 1);
}

/* HALT with interrupts off is woken too, and has them on then. */
TEST(kernel, timer_halt_disabled)
{
	timer_ready();
	timer_set(50 * MSEC);
	hcall(LHCALL_HALT, 0, 0, 0);
	EQUAL(irq_count[0], 1);
	EQUAL(lguest_data.irq_enabled, FLAG_IF);
}

TEST(kernel, timer_while_running)
{
	timer_ready();
	irqs_on();
	timer_set(MSEC);
	for (u32 i = 0; i < 2000000000 && !irq_count[0]; i++)
		barrier();
	EQUAL(irq_count[0], 1);
}

static u32 stamp_sec, stamp_nsec;

static u32 since_stamp(void)
{
	return (lguest_data.sec - stamp_sec) * 1000000000u +
	       lguest_data.nsec - stamp_nsec;
}

TEST(kernel, timer_not_early)
{
	static const u32 times[] = { 20 * MSEC, 5 * MSEC, 1500000, 100000 };

	timer_ready();
	irqs_on();
	for (unsigned i = 0; i < ARRAY_SIZE(times); i++) {
		/* The time is that of the last interrupt. */
		timer_sleep(100000);
		stamp_sec = lguest_data.sec;
		stamp_nsec = lguest_data.nsec;
		timer_sleep(times[i]);
		if (since_stamp() < times[i])
			fail("%u ns came after %u", times[i], since_stamp());
	}
	EQUAL(irq_count[0], 2 * ARRAY_SIZE(times));
}

TEST(kernel, timer_cancelled)
{
	timer_ready();
	irqs_on();
	timer_set(30 * MSEC);
	timer_set(0);
	pass_time(60);
	EQUAL(irq_count[0], 0);
	/* A later one takes the place of the one before. */
	timer_set(4000000000u);
	timer_sleep(1);
	EQUAL(irq_count[0], 1);
	timer_set(0);
}

TEST(kernel, irq_blocked)
{
	timer_ready();
	lguest_data.blocked_interrupts = ~0;
	irqs_on();
	timer_set(MSEC);
	pass_time(20);
	EQUAL(irq_count[0], 0);
	lguest_data.blocked_interrupts = ~TIMER;
	CHECK(wait_count(1));
	EQUAL(irq_count[0], 1);
}

TEST(kernel, irq_disabled)
{
	timer_ready();
	timer_set(MSEC);
	pass_time(20);
#if GEN >= KERNEL(2, 6, 31)
	for (u32 i = 0; i < PATIENCE && !lguest_data.irq_pending; i++)
		pass_time(1);
	EQUAL(lguest_data.irq_pending, FLAG_IF);
#endif
	EQUAL(irq_count[0], 0);
	irqs_on();
	/* From 2.6.31 on the Host is told, and need not be waited for. */
	if (GEN >= KERNEL(2, 6, 31))
		EQUAL(irq_count[0], 1);
	CHECK(wait_count(1));
	EQUAL(irq_count[0], 1);
}

/* Whoever just sets the flag gets it a little later. */
TEST(kernel, irq_enabled_silently)
{
	timer_ready();
	timer_set(MSEC);
	pass_time(20);
	lguest_data.irq_enabled = FLAG_IF;
	for (u32 i = 0; i < 2000000000 && !irq_count[0]; i++)
		barrier();
	EQUAL(irq_count[0], 1);
}

TEST(kernel, irq_without_gate)
{
	timer_ready();
	hcall(LHCALL_LOAD_IDT_ENTRY, 32, 0, 0);
	irqs_on();
	timer_set(MSEC);
	pass_time(20);
	EQUAL(irq_count[0], 0);
	/* It is kept until there is one. */
	gate_restore(32);
	CHECK(wait_count(1));
}

static struct regs seen;
static u32 seen_enabled, seen_at;

static void see(struct regs *r, unsigned irq)
{
	(void)irq;
	seen = *r;
	seen_at = (u32)r;
	seen_enabled = lguest_data.irq_enabled;
}

TEST(kernel, irq_frame)
{
	u32 esp;

	timer_ready();
	irq_hook = see;
	timer_set(MSEC);
	/* On when the registers are what we want to see. */
	asm volatile("movl %%esp, %0\n"
		     "	movl $0x12345678, %%ebx\n"
		     "	movl $0x200, lguest_data\n"
		     "1:	cmpl $0, irq_count\n"
		     "	je 1b" : "=S"(esp) :: "ebx", "cc", "memory");
	EQUAL(seen.ebx, 0x12345678);
	EQUAL(seen.cs, KERNEL_CS);
	EQUAL(seen.eflags & (FLAG_IF | 2), FLAG_IF | 2);
	EQUAL(seen.error, 0);
	EQUAL(seen_at + offsetof(struct regs, esp), esp);
	/* They are off inside, and on again after it. */
	EQUAL(seen_enabled, 0);
	EQUAL(lguest_data.irq_enabled, FLAG_IF);
}

static void see_and_end(struct regs *r, unsigned irq)
{
	see(r, irq);
	r->eip = (u32)user_nothing;
}

TEST(kernel, irq_frame_from_user)
{
	struct room room;
	struct regs r;

	timer_ready();
	irq_hook = see_and_end;
	program_begin(&room);
	timer_set(MSEC);
	program_run(&r, user_loop, 0x1234, 0x5678);
	EQUAL(r.vector, 0x80);
	EQUAL(irq_count[0], 1);
	EQUAL(seen.eip, (u32)user_loop);
	EQUAL(seen.cs, USER_CS);
	EQUAL(seen.eflags & FLAG_IF, FLAG_IF);
	EQUAL(seen.esp, USER_STACK);
	EQUAL(seen.ss, USER_DS);
	EQUAL(seen.eax, 0x1234);
	EQUAL(seen_at + sizeof(seen), (u32)trap_stack + sizeof(trap_stack));
	EQUAL(seen_enabled, 0);
	program_end();
}

static u32 depth, deepest, bad_place;

/* Comes again at once, and again and again. */
static void again(struct regs *r, unsigned irq)
{
	(void)irq;
	if (r->eip >= (u32)noirq_start && r->eip < (u32)noirq_end)
		bad_place = r->eip;
	if (GEN >= KERNEL(4, 1, 0) && r->eip == (u32)noirq_iret)
		bad_place = r->eip;
	if (++depth > deepest)
		deepest = depth;
	if (irq_count[0] < 300)
		timer_set(1 + irq_count[0] % 8 * 10000);
	depth--;
}

static void iret_often(u32 unused)
{
	(void)unused;
	/* From here to there by iret, as often as there is time for it. */
	while (irq_count[0] < 300)
		asm volatile("pushl $0x202\n"
			     "	pushl $0x61\n"
			     "	pushl $1f\n"
			     "	movl $0, %%ss:lguest_data\n"
			     "	jmp guest_iret\n"
			     "1:" ::: "cc", "memory");
}

/* Between its store and its iret no interrupt may be seen. */
TEST(kernel, irq_at_iret)
{
	timer_ready();
	depth = deepest = bad_place = 0;
	irq_hook = again;
	irqs_on();
	timer_set(1);
	if (trap_catch(iret_often, 0))
		fail("trap %u at 0x%x", trapped.vector, trapped.eip);
	EQUAL(bad_place, 0);
	EQUAL(deepest, 1);
	CHECK(irq_count[0] >= 300);
	timer_set(0);
}

static void nest(struct regs *r, unsigned irq)
{
	(void)r, (void)irq;
	if (++depth > deepest)
		deepest = depth;
	if (depth == 1) {
		timer_set(MSEC);
		irqs_on();
		for (u32 i = 0; i < 2000000000 && irq_count[0] < 2; i++)
			barrier();
		irqs_off();
	}
	depth--;
}

TEST(kernel, irq_nested)
{
	timer_ready();
	depth = deepest = 0;
	irq_hook = nest;
	irqs_on();
	timer_set(MSEC);
	CHECK(wait_count(2));
	EQUAL(deepest, 2);
	EQUAL(lguest_data.irq_enabled, FLAG_IF);
}
