/* SPDX-License-Identifier: GPL-2.0-only */
/* Control and segments in ring 1 as kernels use them. */
#include "user.h"

void control_far(u32 *count);
void control_data(u32 *count);
void control_iret(u32 frame);
extern const char at_iret[];

static u32 count;

static void far(u32 unused)
{
	(void)unused;
	control_far(&count);
}

static void data(u32 unused)
{
	(void)unused;
	control_data(&count);
}

TEST(kernel, control_far)
{
	count = 0;
	if (trap_catch(far, 0))
		fail("trap %u error 0x%x after %u", trapped.vector,
		     trapped.error, count);
	else
		EQUAL(count, 5);
}

TEST(kernel, control_data)
{
	count = 0;
	if (trap_catch(data, 0))
		fail("trap %u error 0x%x after %u", trapped.vector,
		     trapped.error, count);
	else
		EQUAL(count, 6);
}

/* iret by itself does not touch what stands for IF: that is a word. */
TEST(kernel, control_iret_flag)
{
	count = 0;
	irqs_off();
	CHECK(!trap_catch(far, 0));
	EQUAL(lguest_data.irq_enabled, 0);
}

/* Frames that no CPU takes, which is said at the iret. */
TEST(kernel, control_iret_bad)
{
	static const struct {
		u32 frame[5], error;
	} rows[] = {
		{ { 0x400000, 0, 0x202, 0x500000, USER_DS }, 0 },
		{ { 0x400000, 3, 0x202, 0x500000, USER_DS }, 0 },
		{ { 0x400000, USER_DS, 0x202, 0x500000, USER_DS }, 0x78 },
		{ { 0x400000, 0xfb, 0x202, 0x500000, USER_DS }, 0xf8 },
		{ { 0x400000, USER_CS, 0x202, 0x500000, 0 }, 0 },
		{ { 0x400000, USER_CS, 0x202, 0x500000, USER_CS }, 0x70 },
		{ { 0x400000, USER_CS, 0x202, 0x500000, KERNEL_DS }, 0x68 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!trap_catch(control_iret, (u32)rows[i].frame))
			fail("row %u: no trap", i);
		else if (trapped.vector != 13 ||
			 trapped.error != rows[i].error)
			fail("row %u: trap %u error 0x%x", i, trapped.vector,
			     trapped.error);
		else if (trapped.cs != KERNEL_CS ||
			 trapped.eip != (u32)at_iret)
			fail("row %u: at 0x%x:0x%x", i, trapped.cs,
			     trapped.eip);
	}
}
