/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules of LOAD_IDT_ENTRY. */
#include "guest32.h"

void probe_undefined(u32);
void probe_hlt(u32);

/* Entries of vectors that have no error code, to tell gates by. */
#define MARK	200

TEST(kernel, gate_replaced)
{
	idt_set(6, trap_entries[MARK], GATE_INTERRUPT, 0);
	CHECK(trap_catch(probe_undefined, 0));
	EQUAL(trapped.vector, MARK);
	idt_set(6, trap_entries[MARK + 1], GATE_TRAP, 0);
	CHECK(trap_catch(probe_undefined, 0));
	EQUAL(trapped.vector, MARK + 1);
	gate_restore(6);
	CHECK(trap_catch(probe_undefined, 0));
	EQUAL(trapped.vector, 6);
}

/* Whatever code segment a gate names, it is the kernel's. */
TEST(kernel, gate_segment)
{
	u32 at = (u32)trap_entries[MARK];
	static const u32 types[] = { GATE_INTERRUPT, GATE_TRAP };

	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		hcall(LHCALL_LOAD_IDT_ENTRY, 6, 0x10 << 16 | (at & 0xffff),
		      (at & 0xffff0000) | types[i]);
		CHECK(trap_catch(probe_undefined, 0));
		EQUAL(trapped.vector, MARK);
		EQUAL(trapped.cs, KERNEL_CS);
	}
	gate_restore(6);
}

/* These are the Host's: NMI, double fault, 15, and hypercalls. */
TEST(kernel, gate_not_ours)
{
	static const u8 ignored[] = { 2, 8, 15, 0x1f };

	for (unsigned i = 0; i < ARRAY_SIZE(ignored); i++) {
		idt_set(ignored[i], trap_entries[MARK], GATE_INTERRUPT, 3);
		hcall(LHCALL_LOAD_IDT_ENTRY, ignored[i], 0, 0);
		/* Not even looked at. */
		hcall(LHCALL_LOAD_IDT_ENTRY, ignored[i], 0, 0x8500);
		hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
	}
	CHECK(trap_catch(probe_undefined, 0));
	EQUAL(trapped.vector, 6);
}

TEST(kernel, gate_each_vector)
{
	/* All can be set, those of interrupts and beyond too. */
	for (unsigned n = 32; n < 256; n++)
		idt_set(n, trap_entries[n], GATE_INTERRUPT, 0);
	for (unsigned n = 64; n < 256; n++)
		hcall(LHCALL_LOAD_IDT_ENTRY, n, 0, 0);
	for (unsigned n = 32; n < 64; n++)
		gate_restore(n);
	gate_restore(0x80);
	CHECK(trap_catch(probe_undefined, 0));
}

/* Error codes are pushed for a vector, whatever its gate. */
TEST(kernel, gate_error_code)
{
	idt_set(13, trap_entries[17], GATE_INTERRUPT, 0);
	CHECK(trap_catch(probe_hlt, 0));
	EQUAL(trapped.vector, 17);
	EQUAL(trapped.error, 0);
	EQUAL(trapped.cs, KERNEL_CS);
	gate_restore(13);
}
