/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The FPU of two programs that take turns, switched when one wants it (TS and
 * trap 7), as Linux did to 4.9.  A Host may show the trap on the way into ring
 * 3 already; what counts is whose numbers a program finds.
 */
#include "user.h"

#define NM	7

struct fpu_image {
	u8 bytes[512];
} __attribute__((aligned(16)));

/* What user_fpu_set and _get take and give. */
struct numbers {
	u64 x87;
	u32 sse[4];
};

struct task {
	struct room room;
	struct regs r;
	struct fpu_image image;
	unsigned wanted;	/* how often it had to ask for the FPU */
};

static struct task tasks[2];
static struct task *owner;

static void ts(bool on)
{
#if GEN < KERNEL(4, 10, 0)
	hcall(LHCALL_TS, on, 0, 0);
#else
	(void)on;
#endif
}

static void fpu_give(struct task *t)
{
	ts(false);
	if (owner == t)
		return;
	if (owner)
		asm volatile("fxsave %0" : "=m"(owner->image));
	asm volatile("fxrstor %0" :: "m"(t->image));
	owner = t;
}

/* One call of fn in that program; its FPU is there when it wants it. */
static void task_run(struct task *t, void (*fn)(void))
{
	pgdir_use(t->room.pgdir);
	if (GEN < KERNEL(4, 10, 0))
		ts(owner != t);
	else
		fpu_give(t);
	program_run(&t->r, fn, 0, USER_DATA);
	while (t->r.vector == NM && t->wanted < 100) {
		t->wanted++;
		fpu_give(t);
		user_run(&t->r);
	}
	EQUAL(t->r.vector, 0x80);
}

static void tasks_make(void)
{
	owner = NULL;
	ts(false);
	asm volatile("fninit");
	for (unsigned i = 0; i < 2; i++) {
		memset(&tasks[i], 0, sizeof(tasks[i]));
		program_map(pgdir_new(), &tasks[i].room);
		asm volatile("fxsave %0" : "=m"(tasks[i].image));
	}
}

/* 1.0 and so on up, as a double has them; small numbers are exact. */
static u64 number(unsigned task, unsigned n)
{
	return 0x3ff0000000000000 + ((u64)(task * 64 + n) << 44);
}

static void numbers_put(unsigned task, unsigned n)
{
	struct numbers *to = (void *)tasks[task].room.data;

	to->x87 = number(task, n);
	for (unsigned i = 0; i < 4; i++)
		to->sse[i] = task << 16 | n << 4 | i;
}

static void numbers_check(unsigned task, unsigned n)
{
	struct numbers *got = (void *)tasks[task].room.data;

	if (got->x87 != number(task, n))
		fail("program %u finds 0x%x%x in the x87 (round %u)", task,
		     (u32)(got->x87 >> 32), (u32)got->x87, n);
	for (unsigned i = 0; i < 4; i++)
		EQUAL(got->sse[i], task << 16 | n << 4 | i);
	memset(got, 0, sizeof(*got));
}

TEST(kernel, fpu_two_programs)
{
	tasks_make();
	for (unsigned n = 0; n < 16; n++) {
		for (unsigned i = 0; i < 2; i++) {
			numbers_put(i, n);
			task_run(&tasks[i], user_fpu_set);
		}
		for (unsigned i = 0; i < 2; i++) {
			/* In between one of them does without. */
			task_run(&tasks[1 - i], user_nothing);
			task_run(&tasks[i], user_fpu_get);
			numbers_check(i, n);
		}
	}
	if (GEN < KERNEL(4, 10, 0))
		CHECK(tasks[0].wanted >= 16 && tasks[1].wanted >= 16);
	ts(false);
	pgdir_use(kernel_pgdir);
}

#if GEN < KERNEL(4, 10, 0)
TEST(kernel, fpu_trap)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	((struct numbers *)room.data)->x87 = 0;
	ts(true);
	program_run(&r, user_fpu_set, 0, USER_DATA);
	EQUAL(r.vector, NM);
	EQUAL(r.error, 0);
	CHECK(r.eip == (u32)user_fpu_set);
	/* Not before it was taken away. */
	user_run(&r);
	EQUAL(r.vector, NM);
	ts(false);
	user_run(&r);
	EQUAL(r.vector, 0x80);
	/* Off: nobody asks. */
	program_run(&r, user_fpu_set, 0, USER_DATA);
	EQUAL(r.vector, 0x80);
	program_end();
}
#endif

/* Traps, interrupts, other tables: nothing of that touches it. */
TEST(kernel, fpu_kept_in_kernel)
{
	static const double value = 1.5;
	u64 got = 0;

	asm volatile("fninit; fldl %0" :: "m"(value));
	for (unsigned i = 0; i < 50; i++) {
		u32 mark = pages_mark();

		pgdir_use(pgdir_new());
		hcall(LHCALL_FLUSH_TLB, 1, 0, 0);
		timer_sleep(1000);
		irqs_off();
		pgdir_use(kernel_pgdir);
		pages_release(mark);
	}
	asm volatile("fstpl %0" : "=m"(got));
	EQUAL(got >> 32, 0x3ff80000);
	EQUAL(got, 0);
}
