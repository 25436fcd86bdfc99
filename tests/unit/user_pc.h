/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PC's kernel that is nothing but tables: pages, gates, segments, a task.
 * The test puts an instruction where its CPU is, says that it has trapped as
 * the real CPU does at ring 3, and sees what has become of it.
 */
#ifndef USER_PC_H
#define USER_PC_H

#include "user_host.h"

#define RAM		MIB(4)
#define KERNEL		0xc0000000u
#define AT(page)	(KERNEL + (page) * PAGE)	/* that frame of RAM */
#define DIR		0x10000u
#define TABLE		0x11000u	/* of the kernel's first 4 MiB */
#define PROGRAM_TABLE	0x12000u	/* of 4 to 8 MiB */

#define IDT		AT(0x20)
#define GDT		AT(0x21)
#define TSS		AT(0x22)
#define ENTRY_STACK	(AT(0x25) - 16)	/* what the TSS names; 0x25 is a hole */
#define STACK		AT(0x27)	/* 0x26 and 0x28 are holes */
#define STACK_TOP	(STACK + 0x800)
#define CODE		AT(0x2a)	/* 0x2b is a hole */
#define DATA		AT(0x2d)	/* 0x2c and 0x2e are holes */
#define DATA_END	AT(0x2e)
#define READ_ONLY	AT(0x2f)
#define HANDLER(n)	(AT(0x100) + (n) * 16)

#define P_CODE		0x400000u	/* a program's */
#define P_STACK		0x402000u	/* 0x401000, 0x403000: holes */
#define P_STACK_TOP	(P_STACK + 0x800)
#define P_READ_ONLY	0x404000u

#define TSS_SEL		0x80u
#define ABSENT_SEL	0xa0u		/* index 20: data, not present */
#define RING0_SEL	0xa8u		/* index 21: data of ring 0, not flat */
#define SYSTEM_SEL	0xb0u		/* index 22: a call gate */
#define RING3_SEL	0xbbu		/* index 23: data of ring 3, not flat */
#define ABSENT_CODE	0xc0u		/* index 24: code, not present */

static uint32_t handlers;	/* gates of what type */

static inline uint8_t *pc_at(uint32_t va)
{
	return va >= KERNEL ? u->ram + (va - KERNEL) :
	       u->ram + 0x40000 + (va - P_CODE);
}

static inline uint32_t pc_word(uint32_t va)
{
	uint32_t value;

	memcpy(&value, pc_at(va), 4);
	return value;
}

static inline void pc_set_word(uint32_t va, uint32_t value)
{
	memcpy(pc_at(va), &value, 4);
}

static inline void pc_descriptor(unsigned i, uint32_t low, uint32_t high)
{
	pc_set_word(GDT + i * 8, low);
	pc_set_word(GDT + i * 8 + 4, high);
}

static inline void pc_gate(unsigned vector, uint32_t access)
{
	pc_set_word(IDT + vector * 8, 0x600000 | (HANDLER(vector) & 0xffff));
	pc_set_word(IDT + vector * 8 + 4,
		    (HANDLER(vector) & 0xffff0000) | access);
}

static inline void pc_tables(void)
{
	static const uint8_t holes[] = { 0x25, 0x26, 0x28, 0x2b, 0x2c, 0x2e };

	*host_word(DIR + (KERNEL >> 22) * 4) = TABLE | PTE_P | PTE_RW | PTE_US;
	*host_word(DIR + 4) = PROGRAM_TABLE | PTE_P | PTE_RW | PTE_US;
	for (unsigned i = 0; i < 1024; i++)
		*host_word(TABLE + i * 4) = i * PAGE | PTE_P | PTE_RW;
	for (unsigned i = 0; i < sizeof(holes); i++)
		*host_word(TABLE + holes[i] * 4) = 0;
	*host_word(TABLE + (READ_ONLY - KERNEL) / PAGE * 4) &= ~PTE_RW;
	for (unsigned i = 0; i < 5; i += 2)
		*host_word(PROGRAM_TABLE + i * 4) =
			(0x40000 + i * PAGE) | PTE_P | PTE_US |
			(i < 4 ? PTE_RW : 0);
}

static inline void pc_descriptors(void)
{
	pc_descriptor(12, 0xffff, 0x00cf9a00);
	pc_descriptor(13, 0xffff, 0x00cf9200);
	pc_descriptor(14, 0xffff, 0x00cffa00);
	pc_descriptor(15, 0xffff, 0x00cff200);
	pc_descriptor(TSS_SEL / 8, (TSS << 16) | 0x206b,
		      (TSS & 0xff000000) | 0x8900 | (TSS >> 16 & 0xff));
	pc_descriptor(ABSENT_SEL / 8, 0xffff, 0x00cf7200);
	pc_descriptor(RING0_SEL / 8, 0x20000fff, 0x00409201);
	pc_descriptor(SYSTEM_SEL / 8, 0x00600000, 0xc010ec00);
	pc_descriptor(RING3_SEL / 8, 0x20000fff, 0x0040f201);
	pc_descriptor(ABSENT_CODE / 8, 0xffff, 0x00cf7a00);
	for (unsigned i = 0; i < 48; i++)
		pc_gate(i, handlers);
	pc_gate(VECTOR_SYSCALL, 0xef00);
	pc_set_word(TSS + 4, ENTRY_STACK);
	pc_set_word(TSS + 8, 0x68);
}

/* In its kernel, interrupts off, with a stack and registers of some value. */
static inline void pc_begin(void)
{
	if (!handlers)
		handlers = 0x8f00;
	if (!u)
		host_begin(RAM, true);
	pc_tables();
	pc_descriptors();
	u->cpuid_faults = true;
	u->mmu.linear = false;
	u->mmu.cr3 = DIR;
	space_rekey(u, &u->spaces[0], DIR);
	u->sys.cr0 = 0x80010011;
	u->sys.overwrites = false;
	u->sys.idt = IDT;
	u->sys.gdt = GDT;
	u->sys.idt_limit = 0x7ff;
	u->sys.gdt_limit = 0xff;
	u->sys.tr = TSS_SEL;
	u->sys.tss = TSS;
	for (unsigned i = 0; i < 8; i++)
		u->cpu.gpr[i] = 0x11111111 * (i + 1);
	for (unsigned i = 0; i < SELECTORS; i++)
		u->cpu.sel[i] = HOST_DS;
	u->cpu.gpr[SP] = STACK_TOP;
	u->cpu.eip = CODE;
	u->cpu.eflags = FLAG_IF | 2;
	u->direct.user = u->direct.flag = 0;
	stock_descriptors(u);
}

/* The same in a program. */
static inline void pc_begin_program(void)
{
	pc_begin();
	u->direct.user = 1;
	u->direct.flag = FLAG_IF;
	stock_descriptors(u);
	u->cpu.gpr[SP] = P_STACK_TOP;
	u->cpu.eip = P_CODE;
	for (unsigned i = 0; i < SELECTORS; i++)
		u->cpu.sel[i] = LDT_SELECTOR(GDT_USER_DS);
}

/* Which handler it is in, and with which frame; -1: in none. */
static struct {
	uint32_t error, eip, cs, flags, sp, ss;
} frame;

static inline int pc_vector(void)
{
	const uint32_t codes = 0x27d00;		/* vectors with an error code */
	uint32_t n = (u->cpu.eip - HANDLER(0)) / 16, sp = u->cpu.gpr[SP];

	if (n > 255 || u->cpu.eip % 16)
		return -1;
	frame.error = n < 32 && codes >> n & 1 ? pc_word(sp) : 0;
	sp += n < 32 && codes >> n & 1 ? 4 : 0;
	frame.eip = pc_word(sp);
	frame.cs = pc_word(sp + 4);
	frame.flags = pc_word(sp + 8);
	if (frame.cs & 3) {
		frame.sp = pc_word(sp + 12);
		frame.ss = pc_word(sp + 16);
	}
	return n;
}

/* What trapped, at eip: the handler that the Guest is in then. */
static inline int pc_trap(unsigned trap, uint32_t error)
{
	u->cpu.signal = trap == TRAP_UD ? SIGILL : SIGSEGV;
	u->cpu.trap = trap;
	u->cpu.error = error;
	cpu_trap(u);
	return pc_vector();
}

static inline int pc_run(unsigned trap, const void *bytes, unsigned n)
{
	memcpy(pc_at(u->cpu.eip), bytes, n);
	return pc_trap(trap, 0);
}

/* An instruction, which traps with #GP, or another. */
#define PC_TRAP(trap, ...) ({						\
	static const uint8_t code[] = { __VA_ARGS__ };			\
	pc_run((trap), code, sizeof(code)); })
#define PC(...)		PC_TRAP(TRAP_GP, __VA_ARGS__)

/* It went on behind it, with nothing delivered. */
#define CHECK_DONE(n, ...) do {						\
	uint32_t from = u->cpu.eip;					\
	CHECK_EQ(PC(__VA_ARGS__), -1);					\
	CHECK_EQ(u->cpu.eip, from + (n));				\
} while (0)

/* It had this fault, and did nothing else. */
#define CHECK_FAULT(vector, code, ...) do {				\
	struct cpu before = u->cpu;					\
	CHECK_EQ(PC(__VA_ARGS__), (vector));				\
	CHECK_EQ(frame.error, (code));					\
	pc_check_untouched(&before);					\
} while (0)

static inline void pc_check_untouched(const struct cpu *before)
{
	CHECK_EQ(frame.eip, before->eip);
	for (unsigned i = 0; i < 8; i++)
		CHECK(i == SP || u->cpu.gpr[i] == before->gpr[i]);
	for (unsigned i = 0; i < SELECTORS; i++)
		CHECK_EQ(u->cpu.sel[i], before->sel[i]);
	if (frame.cs & 3)
		CHECK_EQ(frame.sp, before->gpr[SP]);
	else
		CHECK_EQ(u->cpu.gpr[SP] + (pc_vector() >= 8 ? 16 : 12),
			 before->gpr[SP]);
}

#endif
