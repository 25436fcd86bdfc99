/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Guest of --selftest: drivers of a few lines each, for devices whose order
 * the Launcher and we have agreed on.  For each thing that works it prints a
 * letter.  It waits for nothing but interrupts, so they are tested throughout;
 * and as the timer is one of them, it does not wait for ever.
 *
 * Where registers are in BAR 0 we know from bus/pci.h.
 */
#include <stdbool.h>
#include <stdint.h>

#include "guest.h"

#define SLOTS		5	/* 0 is the bridge */
#define RING		4
#define SECTOR		512
#define FRAME		64
#define HEADER		12	/* of a frame: virtio_net_hdr_v1 */
#define TICKS		40	/* of some 50 ms: then it will never come */
#define TICK_NS		50000000
/* The slowest TSC makes more than that in a tick, if a tick is one. */
#define TICK_CYCLES	4000000

/* VIRTIO 2.7.5, 2.7.6, 2.7.8: as small as it may be; the high halves are 0. */
enum { NEXT = 1, WRITE = 2 };

static volatile struct ring {
	struct {
		uint32_t addr, addr_high, len;
		uint16_t flags, next;
	} desc[RING];
	uint16_t avail_flags, avail_idx, avail[RING], used_event, unused;
	uint16_t used_flags, used_idx;
	uint32_t used[RING][2];
} __attribute__((aligned(16))) rings[SLOTS][2];

extern uint32_t directory[1024];
static uint32_t window_table[1024] __attribute__((aligned(4096)));
static uint32_t bars[SLOTS];	/* where they are mapped; 0: no device */
static uint8_t data[SECTOR];

bool is_lguest;			/* set before there is C */
static volatile bool ticked, called;

#define PHYS(p)		((uint32_t)(p) - 0xc0000000)

/* --- the CPU, and who plays it ------------------------------------------ */

enum hypercall { SHUTDOWN = 2, LOAD_IDT_ENTRY = 6, SET_CLOCKEVENT = 9,
	HALT = 10 };
enum { POWEROFF = 1, RESTART = 2 };

static void hcall(enum hypercall n, uint32_t a, uint32_t b, uint32_t c)
{
	asm volatile("int $0x1f" : : "a"(n), "b"(a), "c"(b), "d"(c) :
		     "memory");
}

static void outb(uint16_t port, uint8_t value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void outl(uint16_t port, uint32_t value)
{
	asm volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint32_t inl(uint16_t port)
{
	uint32_t value;

	asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint64_t rdtsc(void)
{
	uint64_t value;

	asm volatile("rdtsc" : "=A"(value));
	return value;
}

/* Moves that every Host can decode, in the seven bytes it may look at. */
static void write8(uint32_t at, uint8_t value)
{
	asm volatile("movb %b0, (%1)" : : "q"(value), "r"(at) : "memory");
}

static void write16(uint32_t at, uint16_t value)
{
	asm volatile("movw %w0, (%1)" : : "r"(value), "r"(at) : "memory");
}

static void write32(uint32_t at, uint32_t value)
{
	asm volatile("movl %0, (%1)" : : "r"(value), "r"(at) : "memory");
}

static uint8_t read8(uint32_t at)
{
	uint8_t value;

	asm volatile("movb (%1), %b0" : "=q"(value) : "r"(at) : "memory");
	return value;
}

/* --- interrupts ----------------------------------------------------------- */

void on_timer(void), on_device(void);

/* Two 8259s from vector 32 on; the lines that PCI has are level-triggered. */
static const struct {
	uint16_t port;
	uint8_t value;
} pics[] = {
	{ 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 4 }, { 0x21, 1 }, { 0x21, 0 },
	{ 0xa0, 0x11 }, { 0xa1, 0x28 }, { 0xa1, 2 }, { 0xa1, 1 }, { 0xa1, 0 },
	{ 0x4d0, 1 << 5 }, { 0x4d1, 1 << 2 | 1 << 3 },
};

static void interrupts_open(void)
{
	static uint32_t idt[48][2];
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) idtr = { sizeof(idt) - 1, (uint32_t)idt };

	for (unsigned n = 32; n < 48; n++) {
		uint32_t to = (uint32_t)(n == 32 ? on_timer : on_device);

		/* An interrupt gate; 0x10 is the boot protocol's segment. */
		idt[n][0] = 0x10 << 16 | (to & 0xffff);
		idt[n][1] = (to & 0xffff0000) | 0x8e00;
		if (is_lguest)
			hcall(LOAD_IDT_ENTRY, n, idt[n][0], idt[n][1]);
	}
	if (is_lguest)
		return;
	asm volatile("lidt %0" : : "m"(idtr));
	for (unsigned i = 0; i < sizeof(pics) / sizeof(pics[0]); i++)
		outb(pics[i].port, pics[i].value);
}

/* Called with interrupts off. */
__attribute__((used)) void guest_interrupt(bool timer)
{
	if (timer)
		ticked = true;
	else
		called = true;
	/* VIRTIO 4.1.4.5: who was it?  To ask is enough to have it end. */
	for (unsigned i = 1; i < SLOTS; i++)
		if (bars[i])
			read8(bars[i] + BAR_ISR);
	if (is_lguest)
		return;
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
}

/* Only here are interrupts on; lguest's Host turns them on by itself. */
static void halt(void)
{
	if (is_lguest)
		hcall(HALT, 0, 0, 0);
	else
		asm volatile("sti; hlt; cli" : : : "memory");
}

/* Once, in some 50 ms: as long as an 8254 can count. */
static void timer_set(void)
{
	if (is_lguest) {
		hcall(SET_CLOCKEVENT, TICK_NS, 0, 0);
		return;
	}
	outb(0x43, 0x30);
	outb(0x40, 0xff);
	outb(0x40, 0xff);
}

/* --- virtio -------------------------------------------------------------- */

static uint32_t pci_read(unsigned slot, unsigned offset)
{
	outl(0xcf8, 1u << 31 | slot << 11 | offset);
	return inl(0xcfc);
}

static void queue_open(unsigned slot, unsigned q)
{
	uint32_t bar = bars[slot], ring = PHYS(&rings[slot][q]);

	write16(bar + COMMON_Q_SELECT, q);
	write16(bar + COMMON_Q_SIZE, RING);
	write32(bar + COMMON_Q_DESC, ring);
	write32(bar + COMMON_Q_AVAIL, ring +
		__builtin_offsetof(struct ring, avail_flags));
	write32(bar + COMMON_Q_USED, ring +
		__builtin_offsetof(struct ring, used_flags));
	write16(bar + COMMON_Q_ENABLE, 1);
}

/* VIRTIO 3.1.1, and of all features only VERSION_1. */
static void device_open(unsigned slot)
{
	static const uint8_t steps[] = { 1, 3, 0xb, 0xf };
	uint32_t bar = pci_read(slot, 0x10), first = bar & ~0x3fffff;

	if (bar == ~0u)
		return;
	/* Its memory, and that it may use ours. */
	outl(0xcf8, 1u << 31 | slot << 11 | 4);
	outl(0xcfc, 6);
	for (unsigned i = 0; i < 1024; i++)
		window_table[i] = first + (i << 12) + 3;
	directory[WINDOW >> 22] = PHYS(window_table) + 7;
	bars[slot] = bar = WINDOW + (bar & 0x3ff000);
	for (unsigned i = 0; i < sizeof(steps); i++) {
		if (steps[i] == 0xb) {
			write32(bar + COMMON_GFSELECT, 1);
			write32(bar + COMMON_GF, 1);
		}
		if (steps[i] == 0xf) {
			queue_open(slot, 0);
			queue_open(slot, 1);
		}
		write8(bar + COMMON_STATUS, steps[i]);
	}
}

static void put(unsigned slot, unsigned q, unsigned i, volatile void *p,
		uint32_t len, uint16_t flags)
{
	volatile struct ring *r = &rings[slot][q];

	r->desc[i].addr = PHYS(p);
	r->desc[i].len = len;
	r->desc[i].flags = flags;
	r->desc[i].next = i + 1;
}

/* The chain that begins with the first descriptor, as avail[] says. */
static void start(unsigned slot, unsigned q)
{
	called = false;
	rings[slot][q].avail_idx++;
	write16(bars[slot] + BAR_NOTIFY + NOTIFY_EACH * q, q);
}

/* True once the device has done it, and said so by an interrupt. */
static bool finish(unsigned slot, unsigned q)
{
	volatile struct ring *r = &rings[slot][q];

	for (unsigned n = 0; n < TICKS; n++) {
		if (called && r->used_idx == r->avail_idx)
			return true;
		timer_set();
		halt();
	}
	return false;
}

static bool run(unsigned slot, unsigned q)
{
	if (!bars[slot])
		return false;
	start(slot, q);
	return finish(slot, q);
}

/* --- what is tested ------------------------------------------------------ */

static void print(char letter)
{
	static char c;

	c = letter;
	put(CONSOLE, 1, 0, &c, 1, 0);
	run(CONSOLE, 1);
}

/* Whoever types what we are to print is heard and answered. */
static void test_console(void)
{
	static volatile char c;

	put(CONSOLE, 0, 0, &c, 1, WRITE);
	if (run(CONSOLE, 0))
		print(c);
}

/* VIRTIO 5.2.6: type 0 reads, 1 writes. */
static bool block(uint32_t type, uint32_t sector)
{
	static struct {
		uint32_t type, reserved, sector, sector_high;
	} header;
	static volatile uint8_t status;

	header.type = type;
	header.sector = sector;
	status = 0xff;
	put(BLOCK, 0, 0, &header, sizeof(header), NEXT);
	put(BLOCK, 0, 1, data, SECTOR, type ? NEXT : NEXT | WRITE);
	put(BLOCK, 0, 2, &status, 1, WRITE);
	return run(BLOCK, 0) && !status;
}

static void test_rng(void)
{
	static volatile uint32_t random;
	uint32_t first;

	put(RNG, 0, 0, &random, sizeof(random), WRITE);
	run(RNG, 0);
	first = random;
	if (run(RNG, 0) && first && random != first)
		print('r');
}

/* The other end sends each frame back with all bits turned. */
static void test_net(void)
{
	static uint8_t frame[HEADER + FRAME], answer[HEADER + FRAME];

	if (!bars[NET])
		return;
	for (unsigned i = HEADER; i < HEADER + FRAME; i++)
		frame[i] = data[i];
	put(NET, 0, 0, answer, sizeof(answer), WRITE);
	put(NET, 1, 0, frame, sizeof(frame), 0);
	start(NET, 0);
	start(NET, 1);
	if (!finish(NET, 0))
		return;
	for (unsigned i = HEADER; i < HEADER + FRAME; i++)
		if ((frame[i] ^ ((volatile uint8_t *)answer)[i]) != 0xff)
			return;
	print('n');
}

static void test_timer(void)
{
	uint64_t before = rdtsc();

	ticked = false;
	timer_set();
	while (!ticked)
		halt();
	if (rdtsc() - before > TICK_CYCLES)
		print('t');
}

static void __attribute__((noreturn)) leave(bool again)
{
	if (is_lguest)
		hcall(SHUTDOWN, PHYS("Power down"), again ? RESTART : POWEROFF,
		      0);
	else if (again)
		outb(0x64, 0xfe);
	else
		asm volatile("outw %w0, %w1" : : "a"(5 << 10 | 1 << 13),
			     "d"(0x604));
	for (;;)
		halt();
}

void guest_main(void);

/*
 * Sector 0 has our mark if we were here before, 1 is to be copied to 2.  What
 * cannot be marked we do not restart.
 */
__attribute__((used)) void guest_main(void)
{
	interrupts_open();
	for (unsigned i = 1; i < SLOTS; i++)
		device_open(i);
	block(0, 0);
	if (data[0]) {
		print(data[0]);
		leave(false);
	}
	test_console();
	if (block(0, 1) && block(1, 2))
		print('b');
	test_rng();
	test_net();
	test_timer();
	data[0] = 'R';
	leave(block(1, 0));
}
