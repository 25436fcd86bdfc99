/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * No wake-up is lost between the last look and read(2).
 */
#include "gap.h"
#include "rig.h"

static unsigned count[GAP_SLEEPS + 1];

/* Else what the next test shows would show nothing. */
static void hangs_without_the_cure(void)
{
	struct gap how = { .cure = false };
	unsigned n = gap_all(&how, count);

	CHECK(n >= 3);
	CHECK(count[GAP_SLEEPS] > 0);
}

static void at_every_instruction(void)
{
	struct gap how = { .cure = true };
	unsigned n = gap_all(&how, count);

	CHECK(n >= 3);
	CHECK_EQ(count[GAP_EINTR], n);
}

static void with_restart(void)
{
	struct gap how = { .cure = true, .restart = true };
	unsigned n = gap_all(&how, count);

	CHECK_EQ(count[GAP_EINTR], n);
	CHECK_EQ(gap_asleep(&how), GAP_EINTR);
	/* Restarted, it would sleep on. */
	how.cure = false;
	CHECK(gap_asleep(&how) != GAP_ODD);
}

static void asleep_in_read(void)
{
	struct gap how = { .cure = true };

	CHECK_EQ(gap_asleep(&how), GAP_EINTR);
}

static void data_is_not_lost(void)
{
	struct gap how = { .cure = true, .data = true };
	unsigned n = gap_all(&how, count);

	CHECK(count[GAP_EINTR] > 0);
	CHECK(count[GAP_DATA] > 0);
	CHECK_EQ(count[GAP_EINTR] + count[GAP_DATA], n);
}

static void woken_before(void)
{
	ucontext_t context = { 0 };
	char buf[8];
	int ends[2];

	CHECK(!pipe(ends));
	interruptible_begin();
	interruptible_wake(&context);
	CHECK_EQ(interruptible_read(ends[0], buf, sizeof(buf)), -EINTR);
	/* It is remembered until it is asked for anew. */
	CHECK_EQ(interruptible_read(ends[0], buf, sizeof(buf)), -EINTR);
	interruptible_begin();
	CHECK_EQ(write(ends[1], "data", 4), 4);
	CHECK_EQ(interruptible_read(ends[0], buf, sizeof(buf)), 4);
	CHECK_EQ(interruptible_read(-1, buf, sizeof(buf)), -EBADF);
}

int main(void)
{
	RUN(hangs_without_the_cure);
	RUN(at_every_instruction);
	RUN(with_restart);
	RUN(asleep_in_read);
	RUN(data_is_not_lost);
	RUN(woken_before);
	return rig_done();
}
