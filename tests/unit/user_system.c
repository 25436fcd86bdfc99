/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions that only a PC's ring 0 has, and those that stand for what does
 * not trap; cpuid and model specific registers.
 */
#include <cpuid.h>

#include "user_pc.h"

#define FLAG_DF		0x400u
#define ARITHMETIC	0x8d5u

/* --- flags ---------------------------------------------------------------- */

/* The real CPU has been running: this one is always on. */
static void real_cpu(void)
{
	u->cpu.eflags |= 2;
}

/* What pushf and popf have become. */
static void flags(void)
{
	static const uint32_t kept = ARITHMETIC | FLAG_DF | FLAG_TF | FLAG_IF |
				     FLAG_AC | FLAG_NT | FLAG_ID;

	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t flag = 1u << bit;

		pc_begin();
		pc_set_word(STACK_TOP, flag);
		CHECK_DONE(1, 0x6c);
		CHECK_EQ(u->cpu.gpr[SP], STACK_TOP + 4);
		CHECK_EQ(u->direct.flag, flag & FLAG_IF);
		CHECK(u->cpu.eflags & FLAG_IF);
		CHECK(!(u->cpu.eflags & (FLAG_VM | FLAG_RF)));
		real_cpu();
		CHECK_DONE(1, 0x6e);
		CHECK_EQ(u->cpu.gpr[SP], STACK_TOP);
		CHECK_EQ(pc_word(STACK_TOP), (flag & kept) | 2);
	}
}

static void flags_in_frames(void)
{
	pc_begin();
	pc_set_word(STACK_TOP, FLAG_ID | FLAG_IF | FLAG_DF | 2);
	CHECK_DONE(1, 0x6c);
	real_cpu();
	CHECK_EQ(PC(0x8e, 0xdb), TRAP_GP);	/* of ebx: garbage */
	CHECK_EQ(frame.flags, FLAG_ID | FLAG_IF | FLAG_DF | 2);
	u->cpu.gpr[SP] += 4;
	pc_set_word(u->cpu.gpr[SP] + 8, frame.flags & ~FLAG_ID);
	CHECK_EQ(PC(0xcf), -1);
	real_cpu();
	CHECK_DONE(1, 0x6e);
	CHECK_EQ(pc_word(u->cpu.gpr[SP]), FLAG_IF | FLAG_DF | 2);
}

static void flags_in_holes(void)
{
	pc_begin();
	u->cpu.gpr[SP] = ENTRY_STACK + 16 - 2;
	CHECK_FAULT(TRAP_PF, 0, 0x6c);
	CHECK_EQ(u->direct.cr2, ENTRY_STACK + 16);
	/* No stack to tell it of that, either. */
	pc_begin();
	u->cpu.gpr[SP] = STACK;
	CHECK(CRASHES(PC(0x6e)));
	CHECK_EQ(host.crash, CRASH_STACK);
	/* With a prefix it is what it says. */
	pc_begin();
	CHECK_FAULT(TRAP_GP, 0, 0xf3, 0x6e);
	pc_begin();
	CHECK_FAULT(TRAP_GP, 0, 0x66, 0x6c);
}

static void interrupts(void)
{
	for (unsigned type = 0xe; type <= 0xf; type++) {
		handlers = 0x8000 | type << 8;
		pc_begin();
		u->direct.flag = FLAG_IF;
		CHECK_EQ(PC(0x8e, 0xdb), TRAP_GP);
		CHECK_EQ(u->direct.flag, type == 0xe ? 0 : FLAG_IF);
		CHECK_EQ(frame.flags & FLAG_IF, FLAG_IF);
	}
	handlers = 0;
	pc_begin();
	CHECK_DONE(1, 0xfb);
	CHECK_EQ(u->direct.flag, FLAG_IF);
	CHECK_DONE(1, 0xfa);
	CHECK_EQ(u->direct.flag, 0);
	CHECK_DONE(1, 0xf4);
	CHECK(u->cpu.halted);
	/* Nothing comes between these two. */
	u->cpu.halted = false;
	CHECK_DONE(2, 0xfb, 0xf4);
	CHECK(u->cpu.halted && u->direct.flag == FLAG_IF);
	u->cpu.halted = false;
	CHECK_DONE(1, 0xfb, 0x90, 0xf4);
	CHECK(!u->cpu.halted);
	pc_begin();
	u->cpu.eip = CODE + PAGE - 1;
	CHECK_EQ(pc_run(TRAP_GP, "\xfb", 1), -1);
	CHECK_EQ(u->cpu.eip, CODE + PAGE);
	CHECK(!u->cpu.halted);
}

/* --- descriptor tables ---------------------------------------------------- */

static void table_registers(void)
{
	static const uint8_t table[] = { 0x34, 0x12, 0x78, 0x56, 0xbc, 0x9a };

	pc_begin();
	memcpy(pc_at(DATA_END - 6), table, 6);
	u->cpu.gpr[BX] = DATA_END - 6;
	CHECK_DONE(3, 0x0f, 0x01, 0x1b);
	CHECK_EQ(u->sys.idt, 0x9abc5678);
	CHECK_EQ(u->sys.idt_limit, 0x1234);
	CHECK_EQ(u->sys.gdt, GDT);
	u->cpu.gpr[BX] = DATA + 3;
	memset(pc_at(DATA), 0xee, 16);
	CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0x01, 0x33), -1);	/* sidt */
	CHECK(!memcmp(pc_at(DATA + 3), table, 6));
	CHECK_EQ(pc_at(DATA + 2)[0], 0xee);
	CHECK_EQ(pc_at(DATA + 9)[0], 0xee);
	u->sys.idt = IDT;
	u->sys.idt_limit = 0x7ff;
	CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0x01, 0x2b), -1);	/* sgdt */
	CHECK_EQ(pc_word(DATA + 3) & 0xffff, 0xff);
	CHECK_EQ(pc_word(DATA + 5), GDT);
	memcpy(pc_at(DATA + 0x20), pc_at(DATA + 3), 6);
	pc_at(DATA + 0x20)[0] = 0x7f;
	u->cpu.gpr[BX] = DATA + 0x20;
	CHECK_DONE(3, 0x0f, 0x01, 0x13);
	CHECK_EQ(u->sys.gdt_limit, 0x7f);
}

/* All six bytes, or none, wherever it is cut. */
static void tables_in_holes(void)
{
	for (unsigned n = 0; n < 6; n++) {
		pc_begin();
		u->cpu.gpr[BX] = DATA_END - n;
		memset(pc_at(DATA_END - 8), 0xee, 8);
		CHECK_FAULT(TRAP_PF, 0, 0x0f, 0x01, 0x1b);
		CHECK_EQ(u->direct.cr2, DATA_END);
		CHECK_EQ(u->sys.idt, IDT);
		CHECK_EQ(u->sys.idt_limit, 0x7ff);
		pc_begin();
		u->cpu.gpr[BX] = DATA_END - n;
		CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0x01, 0x2b), TRAP_PF);
		CHECK_EQ(frame.error, PF_WRITE);
		CHECK_EQ(u->direct.cr2, DATA_END);
		for (unsigned i = 1; i <= n; i++)
			CHECK_EQ(pc_at(DATA_END - i)[0], 0xee);
	}
	pc_begin();
	u->cpu.gpr[BX] = READ_ONLY;
	CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0x01, 0x33), TRAP_PF);
	CHECK_EQ(frame.error, PF_WRITE | PF_PRESENT);
	CHECK_EQ(u->direct.cr2, READ_ONLY);
	CHECK_EQ(pc_word(READ_ONLY), 0);
}

static void tasks(void)
{
	static const uint32_t bad[] = { 0x100, 0xfff8 };

	pc_begin();
	pc_descriptor(17, 0x5678006b, 0x12008934);
	u->cpu.gpr[AX] = 0xffff0000 | 17 << 3;
	CHECK_DONE(3, 0x0f, 0x00, 0xd8);
	CHECK_EQ(u->sys.tr, 17 << 3);
	CHECK_EQ(u->sys.tss, 0x12345678);
	/* str: to a register, and two bytes of memory. */
	CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0x00, 0xf9), -1);
	CHECK_EQ(u->cpu.gpr[CX], 17 << 3);
	u->cpu.gpr[BX] = DATA_END - 2;
	pc_set_word(DATA_END - 4, UINT32_MAX);
	CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0x00, 0x3b), -1);
	CHECK_EQ(pc_word(DATA_END - 4), 17 << 19 | 0xffff);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		pc_begin();
		u->cpu.gpr[AX] = bad[i];
		CHECK_EQ(PC(0x0f, 0x00, 0xd8), TRAP_GP);
		CHECK_EQ(u->sys.tr, TSS_SEL);
		CHECK_EQ(u->sys.tss, TSS);
	}
	/* The table ends within the descriptor. */
	pc_begin();
	u->sys.gdt_limit = TSS_SEL + 6;
	u->cpu.gpr[AX] = TSS_SEL;
	CHECK_EQ(PC(0x0f, 0x00, 0xd8), TRAP_GP);
	pc_begin();
	*(uint16_t *)pc_at(DATA_END - 2) = TSS_SEL;
	u->cpu.gpr[BX] = DATA_END - 2;
	CHECK_DONE(3, 0x0f, 0x00, 0x1b);
	u->cpu.gpr[BX]++;
	CHECK_FAULT(TRAP_PF, 0, 0x0f, 0x00, 0x1b);
}

static void local_tables(void)
{
	pc_begin();
	u->cpu.gpr[AX] = 0x88;
	CHECK_DONE(3, 0x0f, 0x00, 0xd0);
	u->cpu.gpr[BX] = DATA;
	pc_set_word(DATA, UINT32_MAX);
	CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0x00, 0x33), -1);
	CHECK_EQ(pc_word(DATA), 0xffff0088);
	u->cpu.gpr[BX] = DATA_END - 1;
	pc_at(DATA_END - 1)[0] = 0xee;
	CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0x00, 0x33), TRAP_PF);
	CHECK_EQ(frame.error, PF_WRITE);
	CHECK_EQ(pc_at(DATA_END - 1)[0], 0xee);
	pc_begin();
	u->cpu.gpr[BX] = DATA_END;
	CHECK_FAULT(TRAP_PF, 0, 0x0f, 0x00, 0x13);
	CHECK_EQ(u->sys.ldtr, 0x88);
}

/* What does not exist still does not. */
static void undefined(void)
{
	pc_begin();
	CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0x0b), TRAP_UD);
	CHECK_EQ(frame.eip, CODE);
	pc_begin();
	CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0x01, 0xc1), TRAP_UD);
	pc_begin();
	CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0xff), TRAP_UD);
	pc_begin_program();
	u->cpu.gpr[BX] = P_STACK;
	CHECK_EQ(PC_TRAP(TRAP_UD, 0x0f, 0x01, 0x2b), TRAP_UD);
	CHECK_EQ(frame.cs, USER_CS);
}

/* --- control registers ---------------------------------------------------- */

static void control_registers(void)
{
	for (unsigned reg = 0; reg < 8; reg++) {
		uint8_t load[] = { 0x0f, 0x22, 0xd0 | reg };
		uint8_t store[] = { 0x0f, 0x20, 0xd0 | reg };

		if (reg == SP)
			continue;
		pc_begin();
		u->cpu.gpr[reg] = 0xabcdef01;
		CHECK_EQ(pc_run(TRAP_GP, load, 3), -1);
		CHECK_EQ(u->direct.cr2, 0xabcdef01);
		u->cpu.gpr[reg] = 0;
		CHECK_EQ(pc_run(TRAP_GP, store, 3), -1);
		CHECK_EQ(u->cpu.gpr[reg], 0xabcdef01);
	}
	pc_begin();
	CHECK_DONE(3, 0x0f, 0x20, 0xd8);
	CHECK_EQ(u->cpu.gpr[AX], DIR);
	u->cpu.gpr[AX] = 0x8001001b;
	CHECK_DONE(3, 0x0f, 0x22, 0xc0);
	CHECK(u->cpu.ts);
	CHECK_DONE(3, 0x0f, 0x20, 0xc1);
	CHECK_EQ(u->cpu.gpr[CX], 0x8001001b);
	CHECK_DONE(2, 0x0f, 0x06);
	CHECK(!u->cpu.ts);
	CHECK_DONE(3, 0x0f, 0x20, 0xc1);
	CHECK_EQ(u->cpu.gpr[CX], 0x80010013);
	u->cpu.gpr[DX] = 0x90;
	CHECK_DONE(3, 0x0f, 0x22, 0xe2);
	CHECK_DONE(3, 0x0f, 0x20, 0xe6);
	CHECK_EQ(u->cpu.gpr[SI], 0x90);
	/* Bits of features that there are not. */
	for (unsigned bit = 0; bit < 32; bit++) {
		bool is = 0x7f4u >> bit & 1;

		for (unsigned saves = 0; saves < 2; saves++) {
			pc_begin();
			u->states = saves ? 7 : 0;
			u->sys.cr4 = u->mmu.pae = 0;
			u->cpu.gpr[DX] = 1u << bit;
			if (is || (saves && bit == 18)) {
				CHECK_DONE(3, 0x0f, 0x22, 0xe2);
				CHECK_EQ(u->sys.cr4, 1u << bit);
			} else
				CHECK_FAULT(TRAP_GP, 0, 0x0f, 0x22, 0xe2);
		}
	}
	for (unsigned i = 0; i < 16; i++) {
		uint32_t value = (i & 1) | (i & 2) << 30 | (i & 12) << 27;
		bool is = (i & 3) != 2 && (i & 12) != 4;

		pc_begin();
		u->mmu.pae = false;
		u->cpu.gpr[AX] = value | 0x10010;
		if (is)
			CHECK_DONE(3, 0x0f, 0x22, 0xc0);
		else
			CHECK_FAULT(TRAP_GP, 0, 0x0f, 0x22, 0xc0);
		CHECK_EQ(u->sys.cr0, is ? value | 0x10010 : 0x80010011);
	}
	pc_begin();
	u->states = u->sys.cr4 = 0;
	/* Page tables that are in no memory. */
	u->cpu.gpr[AX] = RAM;
	CHECK(CRASHES(PC(0x0f, 0x22, 0xd8)));
	CHECK_EQ(host.crash, CRASH_TABLE);
	/* Others there are none. */
	for (unsigned i = 1; i < 8; i++) {
		uint8_t insn[] = { 0x0f, 0x20, 0xc0 | i << 3 };

		if (i < 2 || i > 4) {
			pc_begin();
			CHECK_EQ(pc_run(TRAP_GP, insn, 3), TRAP_GP);
			pc_begin();
			insn[1] = 0x22;
			CHECK_EQ(pc_run(TRAP_GP, insn, 3), TRAP_GP);
		}
	}
}

static void debug_registers(void)
{
	pc_begin();
	u->cpu.gpr[AX] = 0xaabbccdd;
	CHECK_DONE(3, 0x0f, 0x23, 0xf8);
	CHECK_EQ(u->cpu.dr[7], 0xaabbccdd);
	CHECK_DONE(3, 0x0f, 0x21, 0xfb);
	CHECK_EQ(u->cpu.gpr[BX], 0xaabbccdd);
	pc_begin();
	CHECK_DONE(2, 0x0f, 0x09);
	CHECK_DONE(3, 0x0f, 0x01, 0xd1);
}

/* The program's next FPU instruction, and nobody else's, is told of CR0.TS. */
static void task_switched(void)
{
	pc_begin();
	u->cpu.ts = true;
	CHECK(cpu_settle(u));
	CHECK_EQ(pc_vector(), -1);
	pc_begin_program();
	u->cpu.ts = true;
	CHECK(cpu_settle(u));
	CHECK_EQ(pc_vector(), TRAP_NM);
	CHECK_EQ(frame.eip, P_CODE);
	CHECK_EQ(frame.ss, USER_DS);
	CHECK_EQ(frame.sp, P_STACK_TOP);
	CHECK_EQ(u->cpu.gpr[SP], ENTRY_STACK - 20);
	u->cpu.ts = false;
}

/* --- gates ---------------------------------------------------------------- */

static bool dies(void)
{
	return CRASHES(PC(0x8e, 0xdb));
}

static void gates(void)
{
	/* Absent, of another type, beyond the limit: the Guest is dead. */
	static const uint32_t bad[] = { 0x0f00, 0x8500, 0x8600, 0x9f00, 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		pc_begin();
		pc_gate(TRAP_GP, bad[i]);
		CHECK(dies());
		CHECK_EQ(host.crash, CRASH_TRAP);
		CHECK_EQ(host.args[0], TRAP_GP);
	}
	pc_begin();
	u->sys.idt_limit = TRAP_GP * 8 + 6;
	CHECK(dies());
	pc_begin();
	u->sys.idt = AT(0x2c);
	CHECK(dies());
	pc_begin_program();
	u->sys.tss = AT(0x2c);
	CHECK(dies());
	CHECK_EQ(host.crash, CRASH_STACK);
	pc_begin_program();
	pc_set_word(TSS + 4, AT(0x26) + 8);
	CHECK(dies());
	CHECK_EQ(host.crash, CRASH_STACK);
	CHECK_EQ(host.args[1], TRAP_GP);
}

/* int n: as far as the gate lets that ring. */
static void software_interrupts(void)
{
	pc_begin();
	memcpy(pc_at(CODE), "\xcd\x20", 2);
	CHECK_EQ(pc_trap(TRAP_GP, 0x20 << 3 | 2), 0x20);
	CHECK_EQ(frame.eip, CODE + 2);
	pc_begin_program();
	memcpy(pc_at(P_CODE), "\xcd\x20", 2);
	CHECK_EQ(pc_trap(TRAP_GP, 0x20 << 3 | 2), TRAP_GP);
	CHECK_EQ(frame.eip, P_CODE);
	CHECK_EQ(frame.error, 0x20 << 3 | 2);
	pc_begin_program();
	memcpy(pc_at(P_CODE), "\xcd\x80", 2);
	CHECK_EQ(pc_trap(TRAP_GP, 0x80 << 3 | 2), VECTOR_SYSCALL);
	CHECK_EQ(frame.eip, P_CODE + 2);
	CHECK_EQ(frame.cs, USER_CS);
}

/* --- what the CPU is ------------------------------------------------------ */

static void cpuid(uint32_t leaf, uint32_t sub)
{
	u->cpu.gpr[AX] = leaf;
	u->cpu.gpr[CX] = sub;
	CHECK_DONE(2, 0x0f, 0x08);
}

/* As the Launcher notes it, for stubs may not ask. */
static void cpuid_begin(uint32_t states)
{
	static const uint32_t leaves[] = { 0, 1, 2, 5, 6, 7, 8, 0xb, 0xc,
		0x80000000, 0x80000001, 0x80000007, 0x80000008 };

	pc_begin();
	for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++) {
		uint32_t *r = u->cpuid[cpuid_row(leaves[i], 0)];

		__cpuid_count(leaves[i], 0, r[0], r[1], r[2], r[3]);
	}
	/* States of sizes that no CPU has. */
	for (unsigned i = 0; i < CPUID_STATES; i++)
		for (unsigned k = 0; k < 4; k++)
			u->cpuid[cpuid_row(0xd, i)][k] = ~0u << i ^ k;
	u->states = states;
}

static void cpuid_leaves(void)
{
	char name[13] = "";

	cpuid_begin(0);
	cpuid(0, 0);
	CHECK_EQ(u->cpu.gpr[AX], 0xd);
	memcpy(name, &u->cpu.gpr[BX], 4);
	memcpy(name + 4, &u->cpu.gpr[DX], 4);
	memcpy(name + 8, &u->cpu.gpr[CX], 4);
	CHECK(!strcmp(name, "UMC UMC UMC"));
	cpuid(0x40000000, 0);
	CHECK_EQ(u->cpu.gpr[AX], 0x40000001);
	CHECK(!memcmp(&u->cpu.gpr[BX], "KVMK", 4));
	cpuid(0x80000000, 0);
	CHECK_EQ(u->cpu.gpr[AX], 0x80000008);
	cpuid(0x80000001, 0);
	/* No 64 bits, no syscall, no NX. */
	CHECK_EQ(u->cpu.gpr[DX], 0);
	cpuid(0x80000008, 0);
	CHECK_EQ(u->cpu.gpr[AX], 0x2020);
	/* In programs, where the Host can make it trap. */
	pc_begin_program();
	u->cpu.gpr[AX] = 0;
	CHECK_DONE(2, 0x0f, 0xa2);
	CHECK_EQ(u->cpu.gpr[AX], 0xd);
}

/* Never what the CPU has not; never what kernels cannot save. */
static void cpuid_features(uint32_t states, bool enabled)
{
	const uint32_t avx = bit_AVX | bit_FMA | bit_F16C;
	uint32_t a, b, c, d;

	cpuid_begin(states);
	u->sys.cr4 = enabled ? CR4_OSXSAVE : 0;
	__cpuid(1, a, b, c, d);
	cpuid(1, 0);
	CHECK(!(u->cpu.gpr[CX] & ~c & ~(1u << 31 | bit_OSXSAVE)));
	CHECK(u->cpu.gpr[CX] >> 31);
	CHECK_EQ(u->cpu.gpr[CX] & (avx | bit_XSAVE),
		 states ? c & (avx | bit_XSAVE) : 0);
	CHECK_EQ(u->cpu.gpr[CX] & bit_OSXSAVE,
		 states && enabled ? c & bit_OSXSAVE : 0);
	/* No monitor, APIC, sysenter, MTRR, PSE-36. */
	CHECK(!(u->cpu.gpr[CX] & 1u << 3));
	CHECK(!(u->cpu.gpr[DX] & (1u << 9 | 1u << 11 | 1u << 12 | 1u << 17)));
	CHECK_EQ(u->cpu.gpr[DX] & 0x2179, 0x2179);
	/* SMT, APIC's number: of that one CPU. */
	CHECK_EQ(u->cpu.gpr[BX] & ~0xff00u, 0);
	cpuid(7, 0);
	CHECK_EQ(u->cpu.gpr[AX], 0);
	CHECK_EQ(u->cpu.gpr[DX], 1u << 29);
	if (!states)
		CHECK(!(u->cpu.gpr[BX] & ~(1u << 9)) && !u->cpu.gpr[CX]);
	/* No SMEP, SMAP, MPX, PKU, user's interrupts. */
	CHECK(!(u->cpu.gpr[BX] & (1u << 7 | 1u << 20 | 1u << 14)));
	CHECK(!(u->cpu.gpr[CX] & (1u << 3 | 1u << 2 | 1u << 7)));
}

static void cpuid_saved(void)
{
	cpuid_features(0, false);
	cpuid_features(0, true);
	cpuid_features(7, false);
	cpuid_features(7, true);
	/* Of each state that is on, and of no other, where it is. */
	for (unsigned i = 2; i < CPUID_STATES; i++) {
		cpuid(0xd, i);
		CHECK_EQ(u->cpu.gpr[AX], 7 >> i & 1 ? ~0u << i : 0);
		CHECK_EQ(u->cpu.gpr[BX], 7 >> i & 1 ? ~0u << i ^ 1 : 0);
	}
	cpuid(0xd, 1);
	CHECK(!(u->cpu.gpr[AX] & ~1u));
	u->states = 0;
	for (unsigned i = 0; i < 40; i++) {
		cpuid(0xd, i);
		CHECK_EQ(u->cpu.gpr[AX] | u->cpu.gpr[BX], 0);
	}
}

/* What is saved with AVX is told if a kernel can, and OSXSAVE if it will. */
static void cpuid_states(void)
{
	uint32_t *leaf1;

	cpuid_begin(7);
	leaf1 = u->cpuid[cpuid_row(1, 0)];
	leaf1[2] |= bit_AVX | bit_XSAVE | bit_OSXSAVE;
	u->cpuid[cpuid_row(0xd, 0)][1] = 832;
	u->cpuid[cpuid_row(0xd, 2)][0] = 256;
	u->cpuid[cpuid_row(0xd, 5)][0] = 64;
	cpuid(1, 0);
	CHECK(u->cpu.gpr[CX] & bit_AVX && u->cpu.gpr[CX] & bit_XSAVE);
	CHECK(!(u->cpu.gpr[CX] & bit_OSXSAVE));
	u->sys.cr4 |= CR4_OSXSAVE;
	cpuid(1, 0);
	CHECK(u->cpu.gpr[CX] & bit_OSXSAVE);
	cpuid(0xd, 0);
	CHECK_EQ(u->cpu.gpr[BX], 832);
	cpuid(0xd, 2);
	CHECK_EQ(u->cpu.gpr[AX], 256);
	/* A state that is not among those, and one beyond all. */
	cpuid(0xd, 5);
	CHECK_EQ(u->cpu.gpr[AX], 0);
	cpuid(0xd, 34);
	CHECK_EQ(u->cpu.gpr[AX], 0);
}

/* Whatever may be behind a leaf's number stays within what was noted. */
static void cpuid_others(void)
{
	static const uint32_t nothing[] = { 2, 3, 4, 5, 6, 8, 0xb, 0xc, 0xe,
		0x14, 0x1f, 0x3fffffff, 0x40000002, 0x7fffffff, 0x80000009,
		0xc0000000, 0xffffffff };
	static const uint32_t subs[] = { 0, 1, 7, 8, 63, 64, 1u << 31,
		UINT32_MAX };

	cpuid_begin(0xe7);
	for (unsigned i = 0; i < ARRAY_SIZE(nothing); i++)
		for (unsigned k = 0; k < ARRAY_SIZE(subs); k++) {
			cpuid(nothing[i], subs[k]);
			CHECK_EQ(u->cpu.gpr[AX] | u->cpu.gpr[BX] |
				 u->cpu.gpr[CX] | u->cpu.gpr[DX], 0);
		}
	for (unsigned k = 0; k < ARRAY_SIZE(subs); k++) {
		cpuid(0xd, subs[k]);
		if (subs[k] >= 8)
			CHECK_EQ(u->cpu.gpr[AX], 0);
	}
	for (uint32_t leaf = 0; leaf <= 0xd; leaf++)
		for (unsigned k = 0; k < ARRAY_SIZE(subs); k++)
			CHECK(cpuid_row(leaf, subs[k]) < CPUID_ROWS);
	for (uint32_t leaf = 0x80000000; leaf <= 0x80000008; leaf++)
		CHECK(cpuid_row(leaf, UINT32_MAX) < CPUID_ROWS);
}

static uint64_t rdmsr(uint32_t msr)
{
	u->cpu.gpr[CX] = msr;
	CHECK_DONE(2, 0x0f, 0x32);
	return u->cpu.gpr[AX] | (uint64_t)u->cpu.gpr[DX] << 32;
}

static void wrmsr(uint32_t msr, uint32_t value)
{
	u->cpu.gpr[CX] = msr;
	u->cpu.gpr[AX] = value;
	u->cpu.gpr[DX] = 0;
	CHECK_DONE(2, 0x0f, 0x30);
}

static void model_registers(void)
{
	uint64_t before = __builtin_ia32_rdtsc(), tsc;

	pc_begin();
	tsc = rdmsr(0x10);
	CHECK(tsc >= before && tsc <= __builtin_ia32_rdtsc());
	/* As long as it has no page tables: EFER, microcode. */
	for (unsigned i = 0; i < 2; i++) {
		u->mmu.linear = true;
		u->cpu.eip = CODE - KERNEL;
		memcpy(u->ram + u->cpu.eip, "\x0f\x32\x0f\x30", 4);
		u->cpu.gpr[CX] = i ? 0xc0000080 : 0x8b;
		CHECK(insn_emulate(u));
		CHECK_EQ(u->cpu.gpr[AX] | u->cpu.gpr[DX], 0);
		u->cpu.gpr[AX] = UINT32_MAX;
		CHECK(insn_emulate(u));
		CHECK_EQ(u->cpu.eip, CODE - KERNEL + 4);
		pc_begin();
	}
	u->cpu.gpr[AX] = u->cpu.gpr[DX] = 7;
	CHECK_DONE(2, 0x0f, 0x33);
	CHECK_EQ(u->cpu.gpr[AX] | u->cpu.gpr[DX], 0);
}

/* All others there are none: a kernel is told, and has a way out. */
static void no_model_registers(void)
{
	static const uint32_t read[] = { 0x10, 0x11, 0x12, 0x10a, 0x179,
		0x17a, 0x1d9, 0x4b564d00, 0x4b564d01 };
	static const uint32_t only_read[] = { 0x10a, 0x179 };
	static const uint32_t first[] = { 0, 0xc0000000, 0xc0010000,
		0x4b564cf0, 0x40000000, 0xfffffff0 };

	for (unsigned i = 0; i < ARRAY_SIZE(first); i++)
		for (uint32_t n = 0; n < 0x300 && first[i] + n >= n; n++) {
			uint32_t msr = first[i] + n;
			bool is = false, constant = false;

			for (unsigned k = 0; k < ARRAY_SIZE(read); k++)
				is |= msr == read[k];
			for (unsigned k = 0; k < ARRAY_SIZE(only_read); k++)
				constant |= msr == only_read[k];
			pc_begin();
			u->cpu.gpr[CX] = msr;
			u->cpu.gpr[AX] = 0;
			if (is)
				CHECK_DONE(2, 0x0f, 0x32);
			else
				CHECK_FAULT(TRAP_GP, 0, 0x0f, 0x32);
			pc_begin();
			u->cpu.gpr[CX] = msr;
			u->cpu.gpr[AX] = 0;
			if (is && !constant)
				CHECK_DONE(2, 0x0f, 0x30);
			else
				CHECK_FAULT(TRAP_GP, 0, 0x0f, 0x30);
		}
}

/* A table's entry that cannot be: the Guest's to know, whatever its flags. */
static void reserved_bits(void)
{
	static const uint32_t entries[] = { 0x2000 | PTE_PSE | PTE_P,
		RAM | PTE_P, 0xfffff000 | PTE_P | PTE_RW | PTE_US };

	for (unsigned i = 0; i < ARRAY_SIZE(entries); i++)
		for (unsigned how = 0; how < 8; how += 2) {
			if (how & PF_USER)
				pc_begin_program();
			else
				pc_begin();
			u->sys.cr4 = CR4_PSE;
			*host_word(DIR + 8) = entries[i];
			u->cpu.cr2 = 0x800123;
			CHECK_EQ(pc_trap(TRAP_PF, how), TRAP_PF);
			CHECK_EQ(frame.error, how | PF_PRESENT | PF_RESERVED);
			CHECK_EQ(u->direct.cr2, 0x800123);
			CHECK_EQ(*host_word(DIR + 8), entries[i]);
		}
	/* By an operand of what is done for it. */
	pc_begin();
	u->sys.cr4 = 0;
	u->cpu.gpr[BX] = 0x800123;
	CHECK_FAULT(TRAP_PF, PF_PRESENT | PF_RESERVED, 0x0f, 0x01, 0x1b);
	CHECK_EQ(u->direct.cr2, 0x800123);
	*host_word(DIR + 8) = 0;
}

/* Where it is told to, and only within RAM; it agrees with the Host's. */
static void clock_page(void)
{
	struct {
		uint32_t version, pad;
		uint64_t tsc, ns;
		uint32_t multiplier;
		int8_t shift;
		uint8_t flags, pad2[2];
	} page;
	static const uint32_t bad[] = { RAM + 1, RAM - 31, UINT32_MAX,
					UINT32_MAX - 30 };
	struct timespec now;
	uint64_t tsc, guest, real;

	pc_begin();
	lguest_sample(&u->tsc, &u->tsc_ns);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_sec * UINT64_C(1000000000) + now.tv_nsec <
	       u->tsc_ns + 50000000);
	wrmsr(0x4b564d01, (DATA - KERNEL) | 1);
	memcpy(&page, pc_at(DATA), sizeof(page));
	CHECK(page.version && !(page.version & 1));
	CHECK_EQ(page.flags, 1);
	lguest_sample(&tsc, &real);
	tsc -= page.tsc;
	tsc = page.shift < 0 ? tsc >> -page.shift : tsc << page.shift;
	guest = page.ns + (uint64_t)((unsigned __int128)tsc *
				     page.multiplier >> 32);
	real -= u->tsc_ns;
	CHECK(guest + 20000 > real && real + 20000 > guest);
	/* Off: what is there stays. */
	memset(pc_at(DATA), 0xee, 64);
	wrmsr(0x4b564d01, DATA - KERNEL);
	CHECK_EQ(pc_word(DATA), 0xeeeeeeee);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		wrmsr(0x4b564d01, bad[i]);
		wrmsr(0x12, bad[i]);
		wrmsr(0x4b564d00, bad[i] & ~3u);
	}
	wrmsr(0x4b564d00, DATA - KERNEL);
	CHECK(pc_word(DATA + 4) <= (uint32_t)time(NULL));
	CHECK(pc_word(DATA + 4) + 5 > (uint32_t)time(NULL));
	CHECK(pc_word(DATA + 8) < 1000000000);
	CHECK_EQ(pc_word(DATA + 12), 0xeeeeeeee);
}

int main(void)
{
	RUN(flags);
	RUN(flags_in_frames);
	RUN(flags_in_holes);
	RUN(interrupts);
	RUN(table_registers);
	RUN(tables_in_holes);
	RUN(tasks);
	RUN(local_tables);
	RUN(undefined);
	RUN(control_registers);
	RUN(debug_registers);
	RUN(task_switched);
	RUN(gates);
	RUN(software_interrupts);
	RUN(cpuid_leaves);
	RUN(cpuid_saved);
	RUN(cpuid_states);
	RUN(cpuid_others);
	RUN(model_registers);
	RUN(no_model_registers);
	RUN(reserved_bits);
	RUN(clock_page);
	return rig_done();
}
