/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The smallest Guest that can do what surroundings are tested with: it boots
 * in no time.  The letters after "do=" on its command line are its program:
 *
 *	p	print a line
 *	l	print many
 *	i	print the initrd
 *	e	read a line, and print it
 *	b	wait for the power button
 *	B	listen to the power button, and never do a thing about it
 *	s	spin for ever, interrupts off
 *	h	halt for ever, interrupts off
 *	f	break a rule of virtio: a queue where there is no memory
 *	x	panic
 *	t	triple fault
 *	r	reboot
 *	o	power off
 *
 * Built with -m32 -ffreestanding; entered by the 32-bit boot protocol.
 */
#include <stdint.h>

#define UART		0x3f8
#define UART_STATUS	(UART + 5)
#define PM1_STATUS	0x600
#define PM1_ENABLE	0x602
#define PM1_CONTROL	0x604
#define POWER_BUTTON	0x100
#define BAR		0xe0000000

static inline void out8(uint16_t port, uint8_t v)
{
	asm volatile("outb %0, %1" : : "a" (v), "Nd" (port));
}

static inline void out16(uint16_t port, uint16_t v)
{
	asm volatile("outw %0, %1" : : "a" (v), "Nd" (port));
}

static inline void out32(uint16_t port, uint32_t v)
{
	asm volatile("outl %0, %1" : : "a" (v), "Nd" (port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t v;

	asm volatile("inb %1, %0" : "=a" (v) : "Nd" (port));
	return v;
}

static inline uint16_t in16(uint16_t port)
{
	uint16_t v;

	asm volatile("inw %1, %0" : "=a" (v) : "Nd" (port));
	return v;
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t v;

	asm volatile("inl %1, %0" : "=a" (v) : "Nd" (port));
	return v;
}

static void print_char(char c)
{
	while (!(in8(UART_STATUS) & 0x20))
		;
	out8(UART, c);
}

static void print(const char *s)
{
	while (*s)
		print_char(*s++);
}

static void print_initrd(const uint8_t *params)
{
	const char *s = *(const char *const *)(params + 0x218);
	uint32_t n = *(const uint32_t *)(params + 0x21c);

	/* Between two files there may be zeroes. */
	for (; n--; s++)
		if (*s)
			print_char(*s);
}

static void echo_line(void)
{
	char c;

	/* Nothing comes in before somebody asks for interrupts. */
	out8(UART + 4, 8);
	out8(UART + 1, 1);
	while (!(in8(UART_STATUS) & 1))
		;
	/* Not before: now there is somebody who listens, too. */
	print("got: ");
	do {
		while (!(in8(UART_STATUS) & 1))
			;
		c = in8(UART);
		print_char(c);
	} while (c != '\n');
}

static void wait_for_button(void)
{
	out16(PM1_ENABLE, POWER_BUTTON);
	print("ready\n");
	while (!(in16(PM1_STATUS) & POWER_BUTTON))
		;
	out16(PM1_STATUS, POWER_BUTTON);
	print("button\n");
}

static void triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) none;

	asm volatile("lidt %0; int3" : : "m" (none));
}

/* Slot 1 has the console. */
static uint32_t pci_read(uint8_t off)
{
	out32(0xcf8, 0x80000800 | (off & 0xfc));
	return in32(0xcfc) >> (off & 3) * 8;
}

static void pci_write(uint8_t off, uint32_t v)
{
	out32(0xcf8, 0x80000800 | off);
	out32(0xcfc, v);
}

/* VIRTIO 3.1.1, as it should not be done; 4.1.4 for the offsets. */
static void break_rule(void)
{
	volatile uint8_t *common = (volatile uint8_t *)BAR;
	uint8_t cap = pci_read(0x34);

	while (cap && ((pci_read(cap) & 0xff) != 9 ||
		       (pci_read(cap + 3) & 0xff) != 1))
		cap = pci_read(cap + 1);
	pci_write(0x10, BAR);
	pci_write(0x14, 0);
	pci_write(0x04, 2);			/* memory space on */
	common += pci_read(cap + 8);
	common[20] = 0;				/* status: reset */
	common[20] = 1 | 2;			/* acknowledged, driver */
	*(volatile uint32_t *)(common + 8) = 1;
	*(volatile uint32_t *)(common + 12) = 1;	/* VERSION_1 */
	common[20] = 1 | 2 | 8;			/* features are fine */
	*(volatile uint16_t *)(common + 22) = 0;
	*(volatile uint32_t *)(common + 32) = 0x80000000;
	*(volatile uint32_t *)(common + 36) = 0;
	*(volatile uint16_t *)(common + 28) = 1;	/* queue enabled */
	common[20] = 1 | 2 | 8 | 4;		/* go */
}

static void obey(char c, const uint8_t *params)
{
	int i;

	switch (c) {
	case 'p':
		print("Hello\n");
		break;
	case 'l':
		for (i = 0; i < 60; i++)
			print("Hello, hello, hello, hello, hello\n");
		break;
	case 'i':
		print_initrd(params);
		break;
	case 'e':
		echo_line();
		break;
	case 'b':
		wait_for_button();
		break;
	case 'B':
		out16(PM1_ENABLE, POWER_BUTTON);
		print("ready\n");
		break;
	case 's':
		for (;;)
			;
	case 'h':
		for (;;)
			asm volatile("hlt");
	case 'f':
		break_rule();
		break;
	case 'x':
		print("\nKernel panic - not syncing: out of ideas\nbye\n");
		out8(0x505, 1);
		break;
	case 't':
		triple_fault();
		break;
	case 'r':
		out8(0x64, 0xfe);
		break;
	case 'o':
		out16(PM1_CONTROL, 5 << 10 | 1 << 13);
		break;
	}
}

__attribute__((used)) static void kernel(const uint8_t *params)
{
	const char *s = *(const char *const *)(params + 0x228);

	while (s[0] && (s[0] != 'd' || s[1] != 'o' || s[2] != '='))
		s++;
	for (s += 3; *s && *s != ' '; )
		obey(*s++, params);
	/* Power off, reboot and panic take a moment to be heard. */
	for (;;)
		asm volatile("hlt");
}

/* The boot protocol has %esi point to boot_params, and gives no stack. */
asm(".globl _start\n"
    "_start:	mov	$0x80000, %esp\n"
    "	push	%esi\n"
    "	call	kernel\n");
