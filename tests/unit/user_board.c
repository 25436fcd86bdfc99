/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The chips of the hypervisor `user`, played with as kernels do.  The clock is
 * the test's own where time matters, so that nothing depends on how fast we
 * are.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "../../applets/core/hypervisor/user/user.h"
#include "rig.h"

#define NS		UINT64_C(1000000000)
#define PIT_HZ		1193182u
#define BASE		0x30u	/* vectors, as Linux has them */
#define START		UINT64_C(123456789012345)

static struct user *u;
static uint64_t now;		/* 0: ask the Host */
static uint64_t step;		/* how long it takes to ask */
static struct {
	unsigned set;
	uint64_t ns, interval;
} timer;

/* --- in place of stub.c --------------------------------------------------- */

long stub_call(long nr, long a, long b, long c, long d, long e, long f)
{
	struct timespec *t = (struct timespec *)b;

	(void)c, (void)d, (void)e, (void)f;
	CHECK_EQ(nr, SYS_clock_gettime);
	if (!now)
		return clock_gettime(a, t);
	*t = (struct timespec){ now / NS, now % NS };
	now += step;
	return 0;
}

void stub_timer(int fd, uint64_t ns, uint64_t interval)
{
	CHECK_EQ(fd, FD_TIMER);
	timer.set++;
	timer.ns = ns;
	timer.interval = interval;
}

/* Nothing of that is for the chips. */
void stub_post(struct user *user)
{
	(void)user;
	abort();
}

void stub_note(struct user *user, const struct post *post, bool at_once)
{
	(void)user, (void)post, (void)at_once;
	abort();
}

void stub_tell(struct user *user)
{
	(void)user;
	abort();
}

void stub_crash(struct user *user, enum crash why, uint32_t a, uint32_t b,
		uint32_t c)
{
	(void)user, (void)why, (void)a, (void)b, (void)c;
	abort();
}

void stub_resume(struct user *user)
{
	(void)user;
	abort();
}

void stub_handle_signals(unsigned me)
{
	(void)me;
	abort();
}

/* --- the CPU's side ------------------------------------------------------- */

static void out(uint16_t port, uint32_t value)
{
	CHECK(board_port(u, port, true, 1, &value));
}

static uint32_t in_wide(uint16_t port, unsigned width)
{
	uint32_t value = 0xa5a5a5a5;

	CHECK(board_port(u, port, false, width, &value));
	return value;
}

static unsigned in(uint16_t port)
{
	return in_wide(port, 1);
}

static void begin(void)
{
	u = mmap(NULL, sizeof(*u), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	board_init(&u->board);
	now = START;
	step = 0;
	memset(&timer, 0, sizeof(timer));
}

/* As Linux does it; all lines are open then. */
static void begin_pic(void)
{
	begin();
	out(0x20, 0x11);
	out(0x21, BASE);
	out(0x21, 0x04);
	out(0x21, 0x01);
	out(0xa0, 0x11);
	out(0xa1, BASE + 8);
	out(0xa1, 0x02);
	out(0xa1, 0x01);
	CHECK_EQ(in(0x21), 0);
	CHECK_EQ(in(0xa1), 0);
}

static void rise(unsigned irq)
{
	u->irqs |= 1u << irq;
}

static unsigned isr(uint16_t port)
{
	unsigned value;

	out(port, 0x0b);
	value = in(port);
	out(port, 0x0a);
	return value;
}

static void end(unsigned irq)
{
	if (irq >= 8)
		out(0xa0, 0x60 | (irq - 8));
	out(0x20, 0x60 | (irq < 8 ? irq : 2));
}

/* The CPU takes what there is, which is this line. */
#define TAKE(irq)	do {						\
		CHECK_EQ(board_irq(u), BASE + (irq));			\
		CHECK_EQ(board_acknowledge(u), BASE + (irq));		\
	} while (0)
#define TAKE_NONE()	CHECK_EQ(board_irq(u), -1)

/* --- interrupts ----------------------------------------------------------- */

static void silent(void)
{
	begin();
	u->irqs = u->levels = UINT32_MAX;
	TAKE_NONE();
	out(0x80, 0xff);
	CHECK_EQ(in(0x80), 0xff);
	TAKE_NONE();
}

static void priorities(void)
{
	static const uint8_t order[] = { 0, 1, 8, 9, 10, 11, 12, 13, 14, 15,
					 3, 4, 5, 6, 7 };

	begin_pic();
	out(0x4d0, 0);
	out(0x4d1, 0);
	/* Nobody but the second chip is at line 2; and there are 16. */
	u->irqs = UINT32_MAX;
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
		TAKE(order[i]);
		TAKE_NONE();
		end(order[i]);
	}
	TAKE_NONE();
	CHECK_EQ(isr(0x20) | isr(0xa0) | in(0x20) | in(0xa0), 0);
}

/* Only what is more urgent interrupts a handler; EOI ends the innermost. */
static void nesting(void)
{
	begin_pic();
	rise(6);
	TAKE(6);
	rise(6);
	rise(7);
	TAKE_NONE();
	rise(3);
	TAKE(3);
	rise(4);
	rise(1);
	TAKE(1);
	CHECK_EQ(isr(0x20), 1 << 6 | 1 << 3 | 1 << 1);
	CHECK_EQ(in(0x20), 1 << 7 | 1 << 6 | 1 << 4);
	out(0x20, 0x20);
	CHECK_EQ(isr(0x20), 1 << 6 | 1 << 3);
	TAKE_NONE();
	out(0x20, 0x20);
	TAKE(4);
	out(0x20, 0x66);	/* not the innermost */
	CHECK_EQ(isr(0x20), 1 << 4);
	TAKE_NONE();
	out(0x20, 0x20);
	TAKE(6);
	out(0x20, 0x20);
	TAKE(7);
	out(0x20, 0x20);
	out(0x20, 0x20);	/* nothing to end */
	out(0x20, 0x40);	/* and no operation */
	CHECK_EQ(isr(0x20), 0);
}

static void cascade(void)
{
	begin_pic();
	rise(12);
	CHECK_EQ(board_irq(u), BASE + 12);
	CHECK_EQ(in(0x20), 1 << 2);
	TAKE(12);
	CHECK_EQ(isr(0x20), 1 << 2);
	CHECK_EQ(isr(0xa0), 1 << 4);
	rise(3);
	rise(8);
	rise(14);
	TAKE_NONE();		/* 8 is behind 2, which is being served */
	out(0xa0, 0x20);
	TAKE_NONE();
	rise(1);
	TAKE(1);
	out(0x20, 0x61);
	out(0x20, 0x62);
	TAKE(8);
	end(8);
	TAKE(14);
	end(14);
	TAKE(3);
}

/* What is not there is none of the commands that are. */
static void refused(void)
{
	begin_pic();
	rise(1);
	TAKE(1);
	rise(3);
	out(0x20, 0xc0 | 4);	/* priorities */
	out(0x20, 0x80);
	out(0x20, 0x00);
	out(0x20, 0x40);
	out(0x20, 0x68);	/* masks */
	out(0x20, 0x48);
	out(0x20, 0x0c);	/* a poll */
	CHECK_EQ(in(0x20), 1 << 3);
	CHECK_EQ(in(0x21), 0);
	CHECK_EQ(isr(0x20), 1 << 1);
	TAKE_NONE();
	out(0x20, 0xa0);	/* rotates, but is an EOI */
	TAKE(3);
	rise(1);
	TAKE(1);
	out(0x20, 0xe0 | 3);
	CHECK_EQ(isr(0x20), 1 << 1);
}

static void masks(void)
{
	begin_pic();
	out(0x4d0, 0);
	/* The probe */
	out(0xa1, 0xff);
	out(0x21, 0xfb);
	CHECK_EQ(in(0x21), 0xfb);
	CHECK_EQ(in(0xa1), 0xff);
	rise(4);
	rise(14);
	TAKE_NONE();
	CHECK_EQ(in(0x20), 1 << 4);
	CHECK_EQ(in(0xa0), 1 << 6);
	out(0xa1, 0xbf);
	TAKE(14);
	end(14);
	TAKE_NONE();
	out(0x21, 0xeb);
	TAKE(4);
	/* Also masked, it is still being served. */
	out(0x21, 0x10);
	rise(6);
	TAKE_NONE();
	out(0x20, 0x64);
	TAKE(6);
}

static void automatic(void)
{
	begin_pic();
	out(0x20, 0x11);
	out(0x21, BASE);
	out(0x21, 0x04);
	out(0x21, 0x03);
	rise(0);
	TAKE(0);
	CHECK_EQ(isr(0x20), 0);
	rise(0);
	rise(7);
	TAKE(0);
	TAKE(7);
	TAKE_NONE();
}

/* A level asks for as long as it is there, an edge once. */
static void levels(void)
{
	static const uint8_t pci[] = PCI_IRQS;
	unsigned mask = 1 << SCI_IRQ;

	for (unsigned i = 0; i < ARRAY_SIZE(pci); i++)
		mask |= 1 << pci[i];
	begin_pic();
	CHECK_EQ(in_wide(0x4d0, 2) & mask, mask);
	CHECK(!(in_wide(0x4d0, 2) & (1 << UART_IRQ | 1)));
	u->levels = 1 << 10 | 1 << 4;
	u->irqs = 1 << 10 | 1 << 4;
	TAKE(10);
	TAKE_NONE();
	end(10);
	TAKE(10);
	u->levels = 1 << 4;
	end(10);
	TAKE(4);
	end(4);
	TAKE_NONE();		/* it did not rise again */
	u->levels = 1 << 10;
	CHECK_EQ(board_irq(u), BASE + 10);
	u->levels = 0;
	TAKE_NONE();		/* it has changed its mind */
	u->levels = 1 << 4;
	rise(4);
	CHECK_EQ(board_irq(u), BASE + 4);
	u->levels = 0;
	TAKE(4);		/* that was an edge */
	end(4);
	rise(10);		/* no edges there */
	TAKE_NONE();
}

static void elcr(void)
{
	uint32_t all = UINT32_MAX;

	begin_pic();
	CHECK(board_port(u, 0x4d0, true, 2, &all));
	CHECK_EQ(in(0x4d0), 0xf8);
	CHECK_EQ(in(0x4d1), 0xde);
	CHECK_EQ(in_wide(0x4d0, 2), 0xdef8);
	CHECK_EQ(in_wide(0x4d1, 2), 0xffde);	/* and nobody */
	u->levels = 1 << 3;
	TAKE(3);
	end(3);
	TAKE(3);
	end(3);
	out(0x4d0, 0);
	CHECK_EQ(in(0x4d0), 0);
	TAKE(3);		/* it had not been acknowledged yet */
	end(3);
	TAKE_NONE();
	rise(3);
	TAKE(3);
	end(3);
	/* The second chip is heard all the same. */
	rise(8);
	TAKE(8);
}

/* What the chips say when whoever asked has gone. */
static void spurious(void)
{
	begin_pic();
	CHECK_EQ(board_acknowledge(u), BASE + 7);
	CHECK_EQ(isr(0x20), 0);
	rise(12);
	CHECK_EQ(board_irq(u), BASE + 12);
	out(0xa1, 0x10);
	CHECK_EQ(board_acknowledge(u), BASE + 7);
	CHECK_EQ(isr(0x20) | isr(0xa0), 0);
	out(0xa1, 0);
	TAKE(12);
	CHECK_EQ(board_acknowledge(u), BASE + 7);
	CHECK_EQ(isr(0x20), 1 << 2);
	CHECK_EQ(isr(0xa0), 1 << 4);
	end(12);
	/* One that is real is told from it by this. */
	rise(7);
	TAKE(7);
	CHECK_EQ(isr(0x20), 1 << 7);
}

/* Which words follow ICW1, it says itself. */
static void initialisation(void)
{
	begin_pic();
	rise(6);
	TAKE(6);
	rise(5);
	out(0x21, 0xff);
	u->levels = 1 << 4;
	board_irq(u);
	out(0x20, 0x12);	/* alone, and no ICW4 */
	out(0x21, 0x47);
	CHECK_EQ(in(0x21), 0);
	out(0x21, 0x08);
	CHECK_EQ(in(0x21), 0x08);
	CHECK_EQ(isr(0x20), 0);
	CHECK_EQ(in(0x20), 0);	/* rises before that are forgotten */
	rise(1);
	CHECK_EQ(board_irq(u), 0x41);
	out(0x20, 0x13);	/* alone */
	out(0x21, 0x50);
	out(0x21, 0x03);
	rise(0);
	CHECK_EQ(board_irq(u), 0x50);
	CHECK_EQ(board_acknowledge(u), 0x50);
	CHECK_EQ(isr(0x20), 0);
	out(0x20, 0x10);	/* two, and no ICW4 */
	out(0x21, 0x60);
	out(0x21, 0x04);
	out(0x21, 0x81);
	CHECK_EQ(in(0x21), 0x81);
}

/* --- the timer ------------------------------------------------------------ */

static void pit_set(unsigned channel, unsigned mode, unsigned count)
{
	out(0x43, channel << 6 | 0x30 | mode << 1);
	out(0x40 + channel, count & 0xff);
	out(0x40 + channel, count >> 8);
}

static unsigned pit_get(unsigned channel)
{
	unsigned low;

	out(0x43, channel << 6);
	low = in(0x40 + channel);
	return in(0x40 + channel) << 8 | low;
}

/* In ticks of the timer since it was set; the middle of one. */
static void pass(uint64_t ticks)
{
	now = START + (ticks * NS + NS / 2) / PIT_HZ;
}

static void later(uint64_t ticks)
{
	now += (ticks * NS + NS / 2) / PIT_HZ;
}

static void periodic(void)
{
	begin();
	pit_set(0, 2, 4773);	/* 250 Hz */
	CHECK_EQ(timer.ns, UINT64_C(4773) * NS / PIT_HZ);
	CHECK_EQ(timer.interval, timer.ns);
	for (unsigned t = 0; t < 20000; t += 7) {
		pass(t);
		CHECK_EQ(pit_get(0), 4773 - t % 4773);
	}
	/* Long after, it still begins where the Host's timer expires. */
	for (uint64_t n = 1; n < 1u << 30; n = n * 3 + 1) {
		now = START + n * timer.interval;
		CHECK_EQ(pit_get(0), 4773);
		now--;
		CHECK_EQ(pit_get(0), 1);
	}
	pit_set(0, 6, 0);	/* is 2 */
	CHECK_EQ(timer.interval, 65536 * NS / PIT_HZ);
	/* Nobody gets the Launcher to do nothing else. */
	pit_set(0, 2, 2);
	CHECK(timer.interval >= 50000);
	out(0x43, 0x30);
	CHECK_EQ(timer.ns, 0);
	CHECK_EQ(timer.interval, 0);
}

static void one_shot(void)
{
	static const uint8_t modes[] = { 0, 4, 1, 5 };

	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		begin();
		pit_set(0, modes[i], 1000);
		CHECK_EQ(timer.ns, 1000 * NS / PIT_HZ);
		CHECK_EQ(timer.interval, 0);
		pass(400);
		CHECK_EQ(pit_get(0), 600);
		pass(1003);
		CHECK_EQ(pit_get(0), 65533);
		/* Another count, same mode; only with both of its halves. */
		timer.set = 0;
		out(0x40, 0xff);
		CHECK_EQ(timer.set, 0);
		out(0x40, 0x01);
		CHECK_EQ(timer.set, 1);
		CHECK_EQ(timer.ns, 511 * NS / PIT_HZ);
		CHECK_EQ(pit_get(0), 511);
	}
}

/* Somebody waits for it himself, and then the Host's timer goes on. */
static void resumed(void)
{
	const uint64_t tick = UINT64_C(4773) * NS / PIT_HZ;
	const struct board *b;

	begin();
	b = &u->board;
	CHECK_EQ(i8254_next(b), 0);
	pit_set(0, 2, 4773);
	now = START + 3 * tick + 1000;
	CHECK_EQ(i8254_next(b), tick - 1000);
	i8254_resume(b, tick - 1000);
	CHECK_EQ(timer.ns, tick - 1000);
	CHECK_EQ(timer.interval, tick);
	i8254_resume(b, 0);
	CHECK_EQ(timer.ns, tick - 1000);
	/* One that comes when it is due leaves a whole one. */
	now = START + 4 * tick;
	CHECK_EQ(i8254_next(b), tick);
	/* Too fast for that. */
	pit_set(0, 2, 20);
	CHECK_EQ(i8254_next(b), 0);
	begin();
	b = &u->board;
	pit_set(0, 0, 4773);
	now = START + tick - 1;
	CHECK_EQ(i8254_next(b), 1);
	/* By the time that it is looked at it may be over: not for who says. */
	now++;
	CHECK_EQ(i8254_next(b), 0);
	i8254_resume(b, 1);
	CHECK_EQ(timer.ns, 1);
	CHECK_EQ(timer.interval, 0);
	/* It came: there is none, and none that is stopped. */
	timer.set = 0;
	i8254_resume(b, 0);
	CHECK_EQ(timer.set, 0);
	out(0x43, 0x30);
	CHECK_EQ(i8254_next(b), 0);
}

static void accesses(void)
{
	begin();
	out(0x43, 0x54);	/* channel 1, low, mode 2 */
	out(0x41, 18);
	CHECK_EQ(timer.set, 0);
	pass(5);
	CHECK_EQ(in(0x41), 13);
	CHECK_EQ(in(0x41), 13);
	pass(19);
	CHECK_EQ(in(0x41), 17);
	now = START;
	out(0x43, 0x64);	/* high */
	out(0x41, 0x80);
	pass(0x100);
	CHECK_EQ(in(0x41), 0x7f);
	CHECK_EQ(in(0x41), 0x7f);
	out(0x43, 0x40);
	pass(0x200);
	CHECK_EQ(in(0x41), 0x7f);
	CHECK_EQ(in(0x41), 0x7e);
	CHECK_EQ(in(0x43), 0xff);
}

/* A latched count stays until it was read, and a second latch is none. */
static void latches(void)
{
	begin();
	pit_set(0, 2, 0);
	pass(0x1234);
	out(0x43, 0x00);
	pass(0x2345);
	out(0x43, 0x00);
	CHECK_EQ(in(0x40), 0xcc);
	pass(0x3456);
	CHECK_EQ(in(0x40), 0xed);
	CHECK_EQ(in(0x40), 0xaa);	/* now it runs again */
	CHECK_EQ(in(0x40), 0xcb);
	/* Read-back: both of two channels; status comes first. */
	now = START;
	out(0x61, 0x01);
	pit_set(2, 3, 1000);
	pass(300);
	out(0x43, 0xc0 | 2 << 0 | 2 << 2);
	pass(900);
	out(0x43, 0xc0 | 2 << 0 | 2 << 2);
	CHECK_EQ(in(0x40), 0x80 | 0x30 | 2 << 1);
	CHECK_EQ(in(0x40) | in(0x40) << 8, 65536 - 300);
	CHECK_EQ(in(0x42), 0x80 | 0x30 | 3 << 1);
	CHECK_EQ(in(0x42) | in(0x42) << 8, 400);
	/* Status alone: in its second half, and before it has a count. */
	out(0x43, 0xe0 | 2 << 2);
	CHECK_EQ(in(0x42), 0x30 | 3 << 1);
	CHECK_EQ(in(0x42) | in(0x42) << 8, 200);
	out(0x43, 0xb0);
	out(0x43, 0xe0 | 2 << 2);
	CHECK_EQ(in(0x42), 0x40 | 0x30);
	out(0x42, 1);
	out(0x43, 0xe0 | 2 << 2);
	CHECK_EQ(in(0x42), 0x40 | 0x30);
	out(0x42, 0);
	out(0x43, 0xe0 | 2 << 2);
	CHECK_EQ(in(0x42), 0x30);
}

static void gate(void)
{
	begin();
	CHECK_EQ(in(0x61) & 0x10, 0x10 & ~in(0x61));
	out(0x61, 0xff);
	CHECK_EQ(in(0x61) & 0xcf, 0x0f);
	out(0x61, 0x00);
	pit_set(2, 0, 1000);
	pass(5000);		/* nothing goes on */
	CHECK(!(in(0x61) & 0x20));
	CHECK_EQ(pit_get(2), 1000);
	out(0x61, 0x01);
	later(600);
	CHECK_EQ(pit_get(2), 400);
	out(0x61, 0x00);
	later(3000);
	CHECK_EQ(pit_get(2), 400);
	CHECK(!(in(0x61) & 0x20));
	out(0x61, 0x01);
	later(398);
	CHECK(!(in(0x61) & 0x20));
	later(1);
	CHECK(in(0x61) & 0x20);
	later(900000);
	CHECK(in(0x61) & 0x20);
	out(0x43, 0xb0);
	CHECK(!(in(0x61) & 0x20));
}

static void square(void)
{
	begin();
	out(0x61, 0x03);
	pit_set(2, 7, 1000);
	for (unsigned t = 0; t < 5000; t += 9) {
		pass(t);
		CHECK_EQ(!!(in(0x61) & 0x20), t % 1000 < 500);
		CHECK_EQ(pit_get(2), 1000 - 2 * t % 1000);
	}
}

/* Did the upper half of the count stay what it was for a while? */
static bool expect_high(unsigned high, uint64_t *last, uint64_t *width)
{
	unsigned count = 0;
	uint64_t before = 0;

	for (; count < 50000; count++) {
		in(0x42);
		if (in(0x42) != high)
			break;
		before = *last;
		*last = now;
	}
	*width = now - before;
	return count > 5;
}

/* The calibrations of Linux: against this count, how long is 1 s? */
static void calibration(void)
{
	uint64_t first = 0, last = 0, width, ratio;
	unsigned i;

	begin();
	step = 1500;
	out(0x61, (in(0x61) & ~0x02) | 0x01);
	pit_set(2, 0, 0xffff);
	CHECK_EQ(in(0x42) | in(0x42) << 8, 0xfffe);
	CHECK(expect_high(0xff, &first, &width));
	for (i = 1; i <= 100; i++)
		CHECK(expect_high(0xff - i, &last, &width));
	ratio = (last - first) * PIT_HZ / (100 * 256) * 1000 / NS;
	CHECK(ratio >= 995 && ratio <= 1005);

	begin();
	step = 1500;
	out(0x61, (in(0x61) & ~0x02) | 0x01);
	pit_set(2, 0, PIT_HZ / 20);
	for (first = now; !(in(0x61) & 0x20) && now < first + NS; )
		;
	ratio = (now - first) * 20 * 1000 / NS;
	CHECK(ratio >= 999 && ratio <= 1001);
}

/* The same on the Host's clock; somebody else may run in between. */
static void host_clock(void)
{
	uint64_t best = UINT64_MAX;

	begin();
	now = 0;
	out(0x61, 0x01);
	for (unsigned i = 0; i < 50; i++) {
		uint64_t start = now_ns(), took;

		pit_set(2, 0, PIT_HZ / 200);
		while (!(in(0x61) & 0x20) && now_ns() < start + NS)
			;
		took = now_ns() - start;
		CHECK(took >= NS / 200 - 1000);
		best = took < best ? took : best;
		if (best < NS / 200 * 5 / 4)
			return;
	}
	CHECK(best < NS / 200 * 5 / 4);
}

/* --- the clock ------------------------------------------------------------ */

static unsigned cmos(unsigned index)
{
	out(0x70, index);
	return in(0x71);
}

static unsigned bcd(unsigned index)
{
	unsigned value = cmos(index);

	CHECK((value & 15) < 10 && value >> 4 < 10);
	return (value >> 4) * 10 + (value & 15);
}

static bool is_clock(time_t t)
{
	struct tm tm;

	gmtime_r(&t, &tm);
	return bcd(0) == (unsigned)tm.tm_sec && bcd(2) == (unsigned)tm.tm_min &&
	       bcd(4) == (unsigned)tm.tm_hour &&
	       bcd(6) == (unsigned)tm.tm_wday + 1 &&
	       bcd(7) == (unsigned)tm.tm_mday &&
	       bcd(8) == (unsigned)tm.tm_mon + 1 &&
	       bcd(9) == (unsigned)tm.tm_year % 100 &&
	       bcd(0x32) == 19 + (unsigned)tm.tm_year / 100;
}

/* Each day for 140 years, at any time of it. */
static void dates(void)
{
	static const time_t when[] = { 951782399, 951782400, 951868800,
		1709164800, 1709251199, 1709251200, 2147483647, 2147483648,
		4070908799, 4070908800, 4107542399, 4107542400, 4294967295,
		4294967296, 13574563199, 13574563200 };

	begin();
	srandom(3);
	for (unsigned i = 0; i < ARRAY_SIZE(when); i++) {
		now = when[i] * NS + 1;
		CHECK(is_clock(when[i]));
	}
	for (unsigned day = 0; day < 51000; day++) {
		time_t t = day * UINT64_C(86400) + random() % 86400;

		now = t * NS + random() % NS + !t;
		CHECK(is_clock(t));
	}
}

/* Against the Host's, which may go on meanwhile. */
static void host_time(void)
{
	begin();
	now = 0;
	for (unsigned i = 0; i < 100; i++) {
		time_t before = time(NULL);
		bool same = is_clock(before);

		if (time(NULL) == before) {
			CHECK(same);
			return;
		}
	}
	CHECK(false);
}

static void registers(void)
{
	begin();
	now = START / NS * NS;
	CHECK_EQ(cmos(0x0a), 0x26);
	CHECK_EQ(cmos(0x8a), 0x26);
	CHECK_EQ(in(0x70), 0x0a);
	now += NS - 1;
	CHECK_EQ(cmos(0x0a), 0xa6);
	now -= NS / 2;
	CHECK_EQ(cmos(0x0a), 0x26);
	CHECK_EQ(cmos(0x0b), 0x02);
	out(0x71, 0x80 | 0x04);	/* stop, in binary: not all of it */
	CHECK_EQ(cmos(0x0b), 0x82);
	out(0x71, 0x00);
	CHECK_EQ(cmos(0x0b), 0x02);
	CHECK_EQ(cmos(0x0c), 0);
	CHECK_EQ(cmos(0x0d), 0x80);
	for (unsigned i = 0x0e; i < 0x80; i++) {
		if (i == 0x32)
			continue;
		out(0x70, i);
		out(0x71, 0x55);
		CHECK_EQ(cmos(i), 0);
	}
	out(0x70, 0);
	out(0x71, 0x59);
	CHECK(is_clock(now / NS));
}

/* --- anything ------------------------------------------------------------- */

static void ports(void)
{
	unsigned ours = 0;

	begin();
	for (unsigned port = 0; port < 65536; port++) {
		uint32_t value = 0x12345678;

		if (board_port(u, port, false, 1, &value)) {
			ours++;
			CHECK(value < 256);
		} else {
			CHECK_EQ(value, 0x12345678);
			CHECK(!board_port(u, port, true, 4, &value));
			CHECK(!board_port(u, port, false, 4, &value));
		}
	}
	CHECK_EQ(ours, 4 + 2 + 4 + 1 + 2 + 1);
	CHECK_EQ(in_wide(0x43, 4), 0xffffffff);
}

/* Sane: with registers as they can be. */
static void random_step(bool sane)
{
	static const uint16_t at[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1,
		0x40, 0x41, 0x42, 0x43, 0x61, 0x70, 0x71, 0x80, 0x60, 0x22 };
	uint32_t value = random(), before = value;
	unsigned width = 1 << random() % 3;
	bool write = random() & 1;
	int irq;

	if (!board_port(u, at[random() % ARRAY_SIZE(at)], write, width,
			&value) || write)
		CHECK_EQ(value, before);
	else
		CHECK(width == 4 || !(value >> 8 * width));
	u->irqs |= random() & random() & random();
	u->levels = random() & random();
	now += random() % 1000000;
	irq = board_irq(u);
	CHECK(irq >= -1 && irq < 256);
	CHECK(!sane || board_irq(u) == irq);
	if (irq >= 0 && random() & 1)
		CHECK_EQ(board_acknowledge(u), irq);
	CHECK(board_acknowledge(u) < 256);
}

/* Through the ports, and with what never came from there. */
static void garbage(void)
{
	uint8_t lg[sizeof(u->lg)], n[sizeof(u->n)], *b;

	begin();
	srandom(1);
	memcpy(&u->lg, memset(lg, 0x5a, sizeof(lg)), sizeof(lg));
	memcpy(&u->n, memset(n, 0x5a, sizeof(n)), sizeof(n));
	b = (uint8_t *)&u->board;
	for (unsigned i = 0; i < 200000; i++) {
		if (i >= 100000)
			b[random() % sizeof(u->board)] = random();
		random_step(i < 100000);
		/* Nothing of what lies around it has changed. */
		CHECK(!memcmp(lg, &u->lg, sizeof(lg)));
		CHECK(!memcmp(n, &u->n, sizeof(n)));
	}
	CHECK(timer.set > 100);
	board_init(memset(b, 0, sizeof(u->board)));
	u->irqs = 0;
	out(0x20, 0x11);
	out(0x21, BASE);
	out(0x21, 0x04);
	out(0x21, 0x01);
	rise(0);
	TAKE(0);
}

int main(void)
{
	RUN(silent);
	RUN(priorities);
	RUN(nesting);
	RUN(cascade);
	RUN(refused);
	RUN(masks);
	RUN(automatic);
	RUN(levels);
	RUN(elcr);
	RUN(spurious);
	RUN(initialisation);
	RUN(periodic);
	RUN(one_shot);
	RUN(resumed);
	RUN(accesses);
	RUN(latches);
	RUN(gate);
	RUN(square);
	RUN(calibration);
	RUN(host_clock);
	RUN(dates);
	RUN(host_time);
	RUN(registers);
	RUN(ports);
	RUN(garbage);
	return rig_done();
}
