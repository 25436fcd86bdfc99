/* SPDX-License-Identifier: GPL-2.0-only */
/* Hypercalls themselves, one at a time and by the ring. */
#include "guest32.h"

#define MARK	192	/* 64 entries from here tell which gate was last */

void hcall_registers(u32 got[8]);
void probe_undefined(u32);

TEST(kernel, hcall_keeps_registers)
{
	u32 got[8];

	memset(got, 0, sizeof(got));
	hcall_registers(got);
	EQUAL(got[0], 0x76767676);	/* edi */
	EQUAL(got[1], 0x65656565);	/* esi */
	EQUAL(got[2], 0x54545454);	/* ebp */
	EQUAL(got[3], 0x43434343);	/* ebx */
	EQUAL(got[4], 0x32323232);	/* edx */
	EQUAL(got[5], 0x21212121);	/* ecx */
	EQUAL(got[6], 0);		/* eax: FLUSH_ASYNC */
	EQUAL(got[7] & 0xcd5, FLAG_CF | (got[7] & 0xcd4));
}

TEST(kernel, hcall_initialised)
{
	EQUAL(lguest_data.syscall_vec, 0x80);
	EQUAL(lguest_data.kernel_address, PAGE_OFFSET);
	EQUAL(lguest_data.reserve_mem % PAGE, 0);
	CHECK(lguest_data.reserve_mem <= 256 << 20);
	/* After 2001, and a fraction of a second. */
	CHECK(lguest_data.sec > 1000000000);
	CHECK(lguest_data.nsec < 1000000000);
}

static u32 gate_low(unsigned n)
{
	return KERNEL_CS << 16 | ((u32)trap_entries[n] & 0xffff);
}

static u32 gate_high(unsigned n)
{
	return ((u32)trap_entries[n] & 0xffff0000) | GATE_INTERRUPT;
}

/* Puts a gate for vector 6 into the ring that leads to entry n. */
static bool gate_async(unsigned n)
{
	return hcall_async(LHCALL_LOAD_IDT_ENTRY, 6, gate_low(n),
			   gate_high(n));
}

static u32 gate_now(void)
{
	return trap_catch(probe_undefined, 0) ? trapped.vector : 0;
}

static unsigned ring_busy(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RING; i++)
		n += lguest_data.hcall_status[i] != 0xff;
	return n;
}

TEST(kernel, ring_waits)
{
	CHECK(gate_async(MARK));
	/* Nothing is done until a call is made: a trap is none. */
	EQUAL(gate_now(), 6);
	EQUAL(ring_busy(), 1);
	hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
	EQUAL(ring_busy(), 0);
	EQUAL(gate_now(), MARK);
	gate_restore(6);
}

TEST(kernel, ring_before_the_call)
{
	/* What is in the ring comes first, then the call itself. */
	CHECK(gate_async(MARK));
	idt_set(6, trap_entries[MARK + 1], GATE_INTERRUPT, 0);
	EQUAL(gate_now(), MARK + 1);
	gate_restore(6);
}

TEST(kernel, ring_full)
{
	for (unsigned i = 0; i < RING; i++)
		if (!gate_async(MARK + i))
			fail("slot %u is not free", i);
	CHECK(!gate_async(MARK));
	EQUAL(ring_busy(), RING);
	hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
	EQUAL(ring_busy(), 0);
	/* In order: the last one stays. */
	EQUAL(gate_now(), MARK + RING - 1);
	gate_restore(6);
}

TEST(kernel, ring_wraps)
{
	unsigned last = 0;

	for (unsigned round = 0; round < 40; round++) {
		unsigned n = round * 7 % 50 + 1;

		for (unsigned i = 0; i < n; i++) {
			last = MARK + (round + i) % 64;
			if (!gate_async(last))
				fail("round %u: slot %u is not free", round,
				     i);
		}
		hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
		EQUAL(ring_busy(), 0);
		EQUAL(gate_now(), last);
	}
	gate_restore(6);
}

#if GEN < KERNEL(4, 0, 0)
/* One that has to go to the Launcher stops the ring, and it goes on after. */
TEST(kernel, ring_with_notify)
{
	static char text[] = "";

	for (unsigned i = 0; i < 10; i++) {
		CHECK(gate_async(MARK + i));
		CHECK(hcall_async(LHCALL_NOTIFY, phys(text), 0, 0));
	}
	CHECK(gate_async(MARK + 10));
	hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
	EQUAL(ring_busy(), 0);
	EQUAL(gate_now(), MARK + 10);
	gate_restore(6);
	/* And one that means nothing at all. */
	hcall(LHCALL_NOTIFY, 0, 0, 0);
}
#endif

#if GEN >= KERNEL(2, 6, 31)
TEST(kernel, send_interrupts)
{
	/* There are none; it may be asked for with interrupts off too. */
	irqs_off();
	hcall(LHCALL_SEND_INTERRUPTS, 0, 0, 0);
	EQUAL(lguest_data.irq_enabled, 0);
	irqs_on();
	hcall(LHCALL_SEND_INTERRUPTS, 0, 0, 0);
	EQUAL(lguest_data.irq_enabled, FLAG_IF);
}
#endif
