/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * On a PC there is no Host to be called: what lguest's calls stand for is done
 * by the CPU's own instructions, and so the same tests serve for both.
 */
#include "port.h"

#define PIC		0x20
#define PIT		0x40
#define PIT_HZ		1193182
#define RTC		0x70
#define PANIC		0x505
#define PM1_CONTROL	0x604
#define POWER_OFF	(5 << 10 | 1 << 13)

volatile struct lguest_data lguest_data __attribute__((aligned(PAGE)));

u32 gdt[32][2] = {
	[KERNEL_CS >> 3] = { 0x0000ffff, 0x00cf9b00 },
	[KERNEL_DS >> 3] = { 0x0000ffff, 0x00cf9300 },
};
u32 idt[256][2];

struct pointer {
	u16 limit;
	u32 base;
} __attribute__((packed));

const struct pointer gdt_pointer = { sizeof(gdt) - 1, (u32)gdt };
const struct pointer idt_pointer = { sizeof(idt) - 1, (u32)idt };

/* By this a Launcher knows a kernel. */
__attribute__((used)) static const char banner[] =
	"Linux version " RELEASE ".0 (a Guest that tests its Host)\n";

static u32 tss[26];

u32 ram_end(const u8 *params)
{
	u32 n = params[0x1e8], end = 0, base, size;

	for (u32 i = 0; i < n && i < 128; i++) {
		memcpy(&base, params + 0x2d0 + 20 * i, 4);
		memcpy(&size, params + 0x2d8 + 20 * i, 4);
		if (base == 1 << 20)
			end = base + size;
	}
	return end;
}

static u8 clock(unsigned what)
{
	outb(RTC, what);
	return inb(RTC + 1);
}

static void time_read(void)
{
	u32 minutes = clock(2), seconds = clock(0);

	lguest_data.sec = (minutes >> 4) * 600 + (minutes & 15) * 60 +
			  (seconds >> 4) * 10 + (seconds & 15);
}

static void stack_set(u32 ss, u32 esp)
{
	tss[1] = esp;
	tss[2] = ss;
	if (gdt[GATE_TSS][1])
		return;
	time_read();
	tss[25] = 104 << 16;			/* no ports */
	gdt[GATE_TSS][0] = (u32)tss << 16 | (sizeof(tss) - 1);
	gdt[GATE_TSS][1] = ((u32)tss & 0xff000000) | 0x8900 |
			   ((u32)tss >> 16 & 0xff);
	asm volatile("ltr %w0" :: "r"(GATE_TSS << 3));
}

/* Both chips as Linux has them, and all but the timer's line masked. */
static void pics_init(void)
{
	static const u8 words[] = { 0x11, 0x20, 4, 1, 0xfe };

	for (unsigned i = 0; i < sizeof(words); i++) {
		outb(PIC + !!i, words[i]);
		outb(PIC + 0x80 + !!i, i == 1 ? 0x28 : i == 2 ? 2 :
		     i == 4 ? 0xff : words[i]);
	}
}

static void timer_set(u32 ns)
{
	static bool done;
	u32 count = ns / 1000 * (PIT_HZ / 1000) / 1000;

	if (!done)
		pics_init();
	done = true;
	outb(PIT + 3, 0x30);
	outb(PIT, count > 0xffff ? 0xff : count & 0xff);
	outb(PIT, count > 0xffff ? 0xff : count >> 8);
	time_read();
}

static void cr3_set(u32 to)
{
	asm volatile("movl %0, %%cr3" :: "r"(to) : "memory");
}

static u32 cr3_get(void)
{
	u32 at;

	asm volatile("movl %%cr3, %0" : "=r"(at));
	return at;
}

static void ts_set(bool on)
{
	u32 cr0;

	if (!on) {
		asm volatile("clts");
		return;
	}
	asm volatile("movl %%cr0, %0; orl $8, %0; movl %0, %%cr0" :
		     "=r"(cr0));
}

void hcall(u32 nr, u32 a, u32 b, u32 c)
{
	switch (nr) {
	case LHCALL_NEW_PGTABLE:
		cr3_set(a);
		break;
	case LHCALL_FLUSH_TLB: case LHCALL_SET_PGD:
		cr3_set(cr3_get());
		break;
	case LHCALL_SET_PTE:
		asm volatile("invlpg (%0)" :: "r"(b) : "memory");
		break;
	case LHCALL_LOAD_IDT_ENTRY:
		idt[a % 256][0] = b;
		idt[a % 256][1] = c;
		break;
	case LHCALL_LOAD_TLS:
		memcpy(gdt[6], virt(a), 24);
		break;
	case LHCALL_SET_STACK:
		stack_set(a, b);
		break;
	case LHCALL_TS:
		ts_set(a);
		break;
	case LHCALL_SET_CLOCKEVENT:
		timer_set(a);
		break;
	case LHCALL_HALT:
		asm volatile("sti; hlt" ::: "memory");
		break;
	}
}

u32 pc_trapped(const struct regs *r)
{
	u32 cr2, flags;

	asm volatile("movl %%cr2, %0; pushfl; popl %1" :
		     "=r"(cr2), "=r"(flags));
	lguest_data.cr2 = cr2;
	if (r->vector >= 32 && r->vector < 48)
		outb(PIC, 0x20);
	return flags & FLAG_IF;
}

void gdt_set(unsigned n, u32 low, u32 high)
{
	gdt[n][0] = low;
	gdt[n][1] = high;
}

void irqs_on(void)
{
	asm volatile("sti" ::: "memory");
}

void irqs_off(void)
{
	asm volatile("cli" ::: "memory");
}

void power_off(const char *why, u32 how)
{
	bool well = same(why, "Power down");

	(void)how;
	if (!well)
		say("%s\n", why);
	for (;;) {
		if (!well)
			outb(PANIC, 1);
		outw(PM1_CONTROL, POWER_OFF);
	}
}
