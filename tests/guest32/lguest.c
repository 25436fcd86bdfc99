/* SPDX-License-Identifier: GPL-2.0-only */
/* What this Guest and its Host share, and the calls beside plain hcall(). */
#include "guest32.h"

#if !PC

/*
 * Made before the first instruction runs, since the first hypercall is made
 * with it, and at physical addresses no C could fill it in.
 */
volatile struct lguest_data lguest_data __attribute__((aligned(PAGE))) = {
	.hcall_status = { [0 ... RING - 1] = 0xff },
	.blocked_interrupts = 0xffffffff,
#if GEN < KERNEL(4, 1, 0)
	.noirq_start = (u32)noirq_start,
	.noirq_end = (u32)noirq_end,
#else
	.noirq_iret = (u32)noirq_iret,
#endif
	.kernel_address = PAGE_OFFSET,
	.syscall_vec = 0x80,
};

/* By these a Launcher knows a Guest of lguest, and its generation. */
__attribute__((used)) static const char banner[] =
	"Linux version " RELEASE ".0 (a Guest that tests its Host)\n";
__attribute__((used)) static const char maker[] = "\0LGUEST";

static u32 gdt[32][2] = {
	[KERNEL_CS >> 3] = { 0x0000ffff, 0x00cfbb00 },
	[KERNEL_DS >> 3] = { 0x0000ffff, 0x00cfb300 },
};

bool hcall_async(u32 nr, u32 a, u32 b, u32 c)
{
	static unsigned next;

	if (lguest_data.hcall_status[next] != 0xff)
		return false;
	lguest_data.hcalls[next].nr = nr;
#if GEN < KERNEL(2, 6, 30)
	/* In the order of the registers: edx comes last. */
	lguest_data.hcalls[next].arg[2] = a;
	lguest_data.hcalls[next].arg[0] = b;
	lguest_data.hcalls[next].arg[1] = c;
#else
	lguest_data.hcalls[next].arg[0] = a;
	lguest_data.hcalls[next].arg[1] = b;
	lguest_data.hcalls[next].arg[2] = c;
#endif
	barrier();
	lguest_data.hcall_status[next] = 0;
	next = (next + 1) % RING;
	return true;
}

void gdt_set(unsigned n, u32 low, u32 high)
{
	gdt[n][0] = low;
	gdt[n][1] = high;
#if GEN < KERNEL(2, 6, 30)
	hcall(LHCALL_LOAD_GDT, phys(gdt), ARRAY_SIZE(gdt), 0);
#else
	hcall(LHCALL_LOAD_GDT_ENTRY, n, low, high);
#endif
}

void irqs_on(void)
{
	lguest_data.irq_enabled = FLAG_IF;
	barrier();
#if GEN >= KERNEL(2, 6, 31)
	if (lguest_data.irq_pending)
		hcall(LHCALL_SEND_INTERRUPTS, 0, 0, 0);
#endif
}

void irqs_off(void)
{
	lguest_data.irq_enabled = 0;
	barrier();
}

void power_off(const char *why, u32 how)
{
	/* The Host takes 128 bytes from there. */
	static char text[128];

	memset(text, 0, sizeof(text));
	for (unsigned i = 0; i < sizeof(text) - 1 && why[i]; i++)
		text[i] = why[i];
	for (;;)
		hcall(LHCALL_SHUTDOWN, phys(text), how, 0);
}

#endif
