/* SPDX-License-Identifier: GPL-2.0-only */
/* What programs may do, and goes well. */
#include "user.h"

void user_reload(void);
void user_far(void);
void user_iret(void);
void user_plain(void);
void user_flags(void);
void user_count(void);

TEST(user, calls)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	user_regs(&r, (u32)user_nothing);
	for (unsigned i = 0; i < 5000; i++) {
		r.eip = (u32)user_nothing;
		r.eax = i;
		user_run(&r);
		EQUAL(r.vector, 0x80);
		EQUAL(r.eax, i);
		EQUAL(r.eip, (u32)user_nothing + 2);
	}
	program_end();
}

TEST(user, segments_reloaded)
{
	struct room room;
	struct regs r;
	u32 *data;

	program_begin(&room);
	data = (u32 *)room.data;
	program_run(&r, user_reload, 0, USER_DATA);
	if (r.vector != 0x80)
		fail("trap %u error 0x%x at byte %u", r.vector, r.error,
		     r.eip - (u32)user_reload);
	EQUAL(r.eax, 0x2222);
	EQUAL(data[0], 3);
	EQUAL(data[1], 0x1111);
	EQUAL(data[2], 0x1111);
	EQUAL(data[3], 0x1111);
	program_end();
}

TEST(user, far_transfers)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	program_run(&r, user_far, 0, USER_DATA);
	if (r.vector != 0x80)
		fail("trap %u error 0x%x at byte %u", r.vector, r.error,
		     r.eip - (u32)user_far);
	EQUAL(r.eax, 0x4444);
	EQUAL(((u32 *)room.data)[0], 1);
	program_end();
}

/* iret within ring 3: flags change, but not those that are not its own. */
TEST(user, iret)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	program_run(&r, user_iret, 0, 0);
	EQUAL(r.vector, 0x80);
	EQUAL(r.eax, 0xcd7 | FLAG_IF);
	program_end();
}

TEST(user, allowed)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	program_run(&r, user_plain, 0, USER_DATA);
	EQUAL(r.vector, 0x80);
	program_end();
}

/* popf in ring 3 can change neither IF nor IOPL. */
TEST(user, flags)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	program_run(&r, user_flags, 0x3002, 0);
	EQUAL(r.vector, 0x80);
	EQUAL(r.eflags, FLAG_IF | 2);
	program_run(&r, user_flags, 0x200cd7, 0);
	EQUAL(r.eflags, 0x200cd7 | FLAG_IF);
	program_end();
}

/* One instruction, and the trap behind it, with TF in the frame. */
TEST(user, single_step)
{
	struct room room;
	struct regs r;

	/* Old Hosts leave TF on in an interrupt gate's handler. */
	idt_set(1, trap_entries[1], GEN < KERNEL(4, 0, 0) ? GATE_TRAP :
		GATE_INTERRUPT, 0);
	program_begin(&room);
	user_regs(&r, (u32)user_step);
	r.eflags |= FLAG_TF;
	for (unsigned i = 1; i <= 3; i++) {
		user_run(&r);
		EQUAL(r.vector, 1);
		EQUAL(r.eip, (u32)user_step + (i < 3 ? i : 7));
		EQUAL(r.eflags & FLAG_TF, FLAG_TF);
	}
	EQUAL(r.ecx, 1);
	r.eflags &= ~FLAG_TF;
	user_run(&r);
	EQUAL(r.vector, 0x80);
	gate_restore(1);
	program_end();
}

static void end_it(struct regs *r, unsigned irq)
{
	(void)irq;
	if (irq_count[0] == 20)
		r->eip = (u32)user_nothing;
	else
		hcall(LHCALL_SET_CLOCKEVENT, 500000, 0, 0);
}

/* A program that never calls is interrupted all the same. */
TEST(user, interrupted)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	lguest_data.blocked_interrupts = ~1;
	irq_count[0] = 0;
	irq_hook = end_it;
	hcall(LHCALL_SET_CLOCKEVENT, 500000, 0, 0);
	program_run(&r, user_count, 0, USER_DATA);
	EQUAL(r.vector, 0x80);
	EQUAL(irq_count[0], 20);
	CHECK(((u32 *)room.data)[0] > 1000);
	program_end();
}

/* Pages come as they are touched. */
TEST(user, pages_on_demand)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	for (unsigned i = 0; i < 200; i++) {
		u32 va = 0x10000000 + i * 0x11000;

		program_run(&r, user_write, i, va);
		EQUAL(r.vector, 14);
		EQUAL(r.error, 6);
		EQUAL(trapped_cr2, va);
		*pte_at(room.pgdir, va) = phys(page_get()) | PTE_P | PTE_W |
					  PTE_U;
		user_run(&r);
		EQUAL(r.vector, 0x80);
		EQUAL(*(u32 *)va, i);
	}
	program_end();
}
