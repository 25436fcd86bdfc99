/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions that both rings have and that trap at ring 3: selectors, iret,
 * far jumps, calls and returns, in and out; against what the architecture says
 * of them, with operands everywhere and nowhere.
 */
#include "../../applets/core/hypervisor/user/kind.h"
#include "user_pc.h"

/* --- selectors ------------------------------------------------------------ */

struct load {
	uint16_t sel;
	int trap;		/* or -1 */
	uint16_t real;		/* what the real CPU gets */
};

static const struct load kernel_loads[] = {
	{ 0, -1, 0 }, { 3, -1, 0 },
	{ KERNEL_DS - 1, -1, HOST_DS }, { 0x68, -1, HOST_DS },
	{ USER_DS, -1, HOST_DS }, { HOST_DS, -1, HOST_DS },
	{ RING0_SEL, -1, RING0_SEL | 7 }, { RING3_SEL, -1, RING3_SEL | 7 },
	{ ABSENT_SEL, TRAP_NP, 0 }, { SYSTEM_SEL, TRAP_GP, 0 },
	{ TSS_SEL, TRAP_GP, 0 }, { GDT_ENTRIES * 8, TRAP_GP, 0 },
	{ 0xfff8, TRAP_GP, 0 }, { 0xffff, TRAP_GP, 0 },
}, program_loads[] = {
	{ 0, -1, 0 }, { 1, -1, 0 },
	{ USER_DS, -1, LDT_SELECTOR(GDT_USER_DS) },
	{ LDT_SELECTOR(GDT_USER_DS), -1, LDT_SELECTOR(GDT_USER_DS) },
	{ HOST_DS, -1, LDT_SELECTOR(GDT_USER_DS) },
	{ RING3_SEL, -1, RING3_SEL | 7 }, { RING0_SEL | 3, TRAP_GP, 0 },
	{ 0x68, TRAP_GP, 0 }, { 0x6b, TRAP_GP, 0 }, { SYSTEM_SEL, TRAP_GP, 0 },
	{ ABSENT_SEL | 3, TRAP_NP, 0 }, { 0xfffb, TRAP_GP, 0 },
};

static void check_load(const struct load *l, unsigned sreg, int vector,
		       uint32_t eip)
{
	CHECK_EQ(vector, l->trap);
	if (l->trap < 0) {
		CHECK_EQ(u->cpu.sel[sreg], l->real);
		CHECK_EQ(u->cpu.eip, eip);
	} else {
		CHECK_EQ(frame.error, l->sel & 0xfffc);
	}
}

static const uint8_t data_sregs[] = { ES, DS, FS, GS };

static void load_from_register(void (*begin)(void), const struct load *l)
{
	for (unsigned reg = 0; reg < 8; reg++) {
		if (reg == SP)
			continue;
		for (unsigned i = 0; i < sizeof(data_sregs); i++) {
			uint8_t sreg = data_sregs[i];
			uint8_t insn[] = { 0x8e, 0xc0 | sreg << 3 | reg };
			uint32_t eip;

			begin();
			eip = u->cpu.eip + 2;
			u->cpu.gpr[reg] = 0xabcd0000 | l->sel;
			check_load(l, sreg, pc_run(TRAP_GP, insn, 2), eip);
			CHECK(l->trap >= 0 ||
			      u->cpu.gpr[reg] == (0xabcd0000 | l->sel));
		}
	}
}

/* With an absolute address; what is behind the word is not read. */
static void load_from_memory(void (*begin)(void), uint32_t at,
			     const struct load *l)
{
	for (unsigned i = 0; i < sizeof(data_sregs); i++) {
		uint8_t sreg = data_sregs[i];
		uint8_t insn[] = { 0x8e, 0x05 | sreg << 3, at, at >> 8,
				   at >> 16, at >> 24 };
		uint32_t eip;

		begin();
		eip = u->cpu.eip + 6;
		memcpy(pc_at(at), &l->sel, 2);
		check_load(l, sreg, pc_run(TRAP_GP, insn, 6), eip);
	}
}

static void load_by_pop(void (*begin)(void), const struct load *l)
{
	static const struct {
		uint8_t bytes[3], n, sreg;
	} pops[] = {
		{ { 0x07 }, 1, ES }, { { 0x1f }, 1, DS },
		{ { 0x0f, 0xa1 }, 2, FS }, { { 0x0f, 0xa9 }, 2, GS },
		{ { 0x66, 0x07 }, 2, ES }, { { 0x66, 0x0f, 0xa1 }, 3, FS },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(pops); i++) {
		uint32_t eip, sp;
		int vector;

		begin();
		eip = u->cpu.eip + pops[i].n;
		sp = u->cpu.gpr[SP];
		/* What is above the selector does not matter. */
		pc_set_word(sp, 0xa5a50000 | l->sel);
		vector = pc_run(TRAP_GP, pops[i].bytes, pops[i].n);
		check_load(l, pops[i].sreg, vector, eip);
		if (l->trap < 0)
			CHECK_EQ(u->cpu.gpr[SP],
				 sp + (pops[i].bytes[0] == 0x66 ? 2 : 4));
		else if (frame.cs & 3)
			CHECK_EQ(frame.sp, sp);
		else
			CHECK_EQ(u->cpu.gpr[SP] + 16, sp);
	}
}

static void selectors_of_kernel(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kernel_loads); i++) {
		load_from_register(pc_begin, &kernel_loads[i]);
		load_from_memory(pc_begin, DATA + 6, &kernel_loads[i]);
		load_from_memory(pc_begin, DATA_END - 2, &kernel_loads[i]);
		load_by_pop(pc_begin, &kernel_loads[i]);
	}
}

/* Nobody has loaded a table yet: there are those of the boot protocol. */
static void selectors_at_start(void)
{
	uint16_t real;

	host_begin(RAM, true);
	CHECK_EQ(cpu_selector(u, 0x18, &real), 0);
	CHECK_EQ(real, HOST_DS);
	CHECK_EQ(cpu_selector(u, 0x20, &real), TRAP_GP);
	CHECK(stock_is_code(u, 0x10));
	CHECK(!stock_is_code(u, 0x18));
}

/* What a signal's end may ask of a kernel for its program. */
static void selectors_of_ring_3(void)
{
	uint16_t real;

	pc_begin();
	u->cpu.gdt[27][0] = 0xffff;
	u->cpu.gdt[27][1] = 0x00cf9300;
	CHECK_EQ(cpu_selector(u, 0xd8, &real), 0);
	CHECK_EQ(real, HOST_DS);
	CHECK_EQ(cpu_selector(u, 0xdb, &real), TRAP_GP);
	CHECK_EQ(cpu_selector(u, 0x68, &real), 0);
	CHECK_EQ(cpu_selector(u, 0x6b, &real), TRAP_GP);
	CHECK_EQ(cpu_selector(u, 0x7b, &real), 0);
}

static void selectors_of_program(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(program_loads); i++) {
		load_from_register(pc_begin_program, &program_loads[i]);
		load_from_memory(pc_begin_program, P_STACK + 4,
				 &program_loads[i]);
		load_by_pop(pc_begin_program, &program_loads[i]);
	}
}

/* The stack's has to be flat, to be there, and of the ring. */
static void stack_selectors(void)
{
	static const struct load loads[] = {
		{ 0x68, -1, 0 }, { HOST_DS, -1, 0 }, { 0, TRAP_GP, 0 },
		{ 3, TRAP_GP, 0 }, { RING0_SEL, TRAP_GP, 0 },
		{ 0xfff8, TRAP_GP, 0 },
	}, programs[] = {
		{ USER_DS, -1, 0 }, { LDT_SELECTOR(GDT_USER_DS), -1, 0 },
		{ 0x68, TRAP_GP, 0 }, { 0, TRAP_GP, 0 },
		{ RING3_SEL, TRAP_GP, 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(loads); i++) {
		pc_begin();
		u->cpu.gpr[AX] = loads[i].sel;
		CHECK_EQ(PC(0x8e, 0xd0), loads[i].trap);
		pc_begin();
		pc_set_word(STACK_TOP, loads[i].sel);
		CHECK_EQ(PC(0x17), loads[i].trap);
		/* lss: both registers, or none. */
		pc_begin();
		pc_set_word(DATA_END - 6, 0x5555);
		memcpy(pc_at(DATA_END - 2), &loads[i].sel, 2);
		u->cpu.gpr[BX] = DATA_END - 6;
		if (loads[i].sel == RING0_SEL)
			continue;
		CHECK_EQ(PC(0x0f, 0xb2, 0x23), loads[i].trap);
		CHECK_EQ(u->cpu.gpr[SP],
			 loads[i].trap < 0 ? 0x5555 : STACK_TOP - 16);
	}
	/* Its stack from there on is the linear one. */
	pc_begin();
	pc_set_word(DATA_END - 6, 0x5555);
	memcpy(pc_at(DATA_END - 2), (uint16_t[]){ RING0_SEL }, 2);
	u->cpu.gpr[BX] = DATA_END - 6;
	CHECK_EQ(PC(0x0f, 0xb2, 0x23), -1);
	CHECK_EQ(u->cpu.gpr[SP], 0x5555 + 0x12000);
	for (unsigned i = 0; i < ARRAY_SIZE(programs); i++) {
		pc_begin_program();
		u->cpu.gpr[AX] = programs[i].sel;
		CHECK_EQ(PC(0x8e, 0xd0), programs[i].trap);
	}
}

/* Nothing is done, and the first byte that is not there is named. */
static void operands_in_holes(void)
{
	static const struct {
		uint32_t at, cr2;
	} places[] = {
		{ DATA_END, DATA_END }, { DATA_END - 1, DATA_END },
		{ DATA - 1, DATA - 1 }, { DATA - 2, DATA - 2 },
		{ DATA_END + 0x800, DATA_END + 0x800 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		pc_begin();
		u->cpu.gpr[BX] = places[i].at;
		CHECK_FAULT(TRAP_PF, 0, 0x8e, 0x1b);
		CHECK_EQ(u->direct.cr2, places[i].cr2);
		pc_begin();
		u->cpu.gpr[BX] = places[i].at;
		CHECK_FAULT(TRAP_PF, 0, 0x0f, 0xb2, 0x23);
		CHECK_EQ(u->direct.cr2, places[i].cr2);
	}
	/* In the program, and in what is not a program's. */
	pc_begin_program();
	u->cpu.gpr[BX] = P_STACK + PAGE - 1;
	CHECK_FAULT(TRAP_PF, PF_USER, 0x8e, 0x1b);
	CHECK_EQ(u->direct.cr2, P_STACK + PAGE);
	pc_begin_program();
	u->cpu.gpr[BX] = DATA;
	*(uint16_t *)pc_at(DATA) = USER_DS;
	CHECK_FAULT(TRAP_PF, PF_USER | PF_PRESENT, 0x8e, 0x1b);
	CHECK_EQ(u->direct.cr2, DATA);
	pc_begin_program();
	u->cpu.gpr[SP] = P_STACK + PAGE - 2;
	CHECK_FAULT(TRAP_PF, PF_USER, 0x1f);
}

/* An instruction over a border; and one that ends in a hole. */
static void borders(void)
{
	static const uint8_t insn[] = { 0x2e, 0x66, 0x8e, 0x98, 4, 0, 0, 0 };

	for (unsigned n = 1; n <= 12; n++) {
		pc_begin();
		u->cpu.eip = CODE + PAGE - n;
		u->cpu.gpr[AX] = DATA;
		*(uint16_t *)pc_at(DATA + 4) = 0x68;
		memcpy(pc_at(u->cpu.eip), insn, n < 8 ? n : 8);
		if (n >= 8) {
			CHECK_EQ(pc_trap(TRAP_GP, 0), -1);
			CHECK_EQ(u->cpu.eip, CODE + PAGE - n + 8);
			CHECK_EQ(u->cpu.sel[DS], HOST_DS);
			continue;
		}
		/* The real CPU would not have got there; we stay sane. */
		pc_trap(TRAP_GP, 0);
		CHECK_EQ(host.crashes, 0);
	}
}

/* --- iret ----------------------------------------------------------------- */

#define ARITHMETIC	0x8d5u
#define FLAG_DF		0x400u

static void push(uint32_t value)
{
	u->cpu.gpr[SP] -= 4;
	pc_set_word(u->cpu.gpr[SP], value);
}

static void push_frame(uint32_t eip, uint32_t cs, uint32_t flags)
{
	push(flags);
	push(cs);
	push(eip);
}

static void iret_flag(uint32_t flag, bool kept)
{
	pc_begin();
	push_frame(CODE + 0x123, 0x60, flag | 2);
	CHECK_EQ(PC(0xcf), -1);
	CHECK_EQ(u->cpu.eip, CODE + 0x123);
	CHECK_EQ(u->cpu.gpr[SP], STACK_TOP);
	CHECK_EQ(u->direct.flag, flag & FLAG_IF);
	CHECK(u->cpu.eflags & FLAG_IF);	/* ours */
	CHECK_EQ(u->cpu.eflags & flag & ~FLAG_IF, kept ? flag & ~FLAG_IF : 0);
	pc_begin_program();
	push_frame(P_CODE + 0x123, USER_CS, flag | 2);
	u->cpu.eflags = 2;
	CHECK_EQ(PC(0xcf), -1);
	CHECK_EQ(u->cpu.eip, P_CODE + 0x123);
	/* No program's to say. */
	CHECK(u->direct.user && u->direct.flag);
	CHECK_EQ(u->cpu.eflags & flag & ~FLAG_IF, kept ? flag & ~FLAG_IF : 0);
}

static void iret_within(void)
{
	static const uint16_t codes[] = { 0x60, HOST_CS };
	static const uint16_t others[] = { 0, 0x68, USER_DS, RING0_SEL, 0x61,
		TSS_SEL, 0xfff8, ABSENT_CODE };

	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t flag = 1u << bit;

		if (flag == FLAG_VM)
			continue;
		iret_flag(flag, flag & (ARITHMETIC | FLAG_DF | FLAG_TF |
					FLAG_AC | FLAG_ID | FLAG_NT | FLAG_IF));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
		pc_begin();
		push_frame(CODE + 7, 0xffff0000 | codes[i], FLAG_IF);
		CHECK_EQ(PC(0xcf), -1);
		CHECK_EQ(u->cpu.eip, CODE + 7);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		pc_begin();
		push_frame(CODE + 7, others[i], FLAG_IF);
		CHECK_FAULT(TRAP_GP, others[i] & 0xfffcu, 0xcf);
		CHECK_EQ(u->direct.flag, 0);
	}
}

/* Where a PC would go on in 16 bits, with any cs: not as this ring 0. */
static void iret_virtual(void)
{
	static const uint16_t codes[] = { 0x60, HOST_CS, USER_CS, 0, 0xf000 };

	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
		pc_begin();
		push_frame(0x100, codes[i], FLAG_VM | FLAG_IF | 2);
		CHECK_FAULT(TRAP_GP, 0, 0xcf);
		CHECK_EQ(frame.cs, 0x60);
		CHECK(!u->direct.user && !u->direct.flag);
	}
}

static void iret_outwards(void)
{
	static const struct {
		uint32_t cs, ss;
		int error;
	} ends[] = {
		{ USER_CS, USER_DS, -1 },
		{ 0xbeef0000 | USER_CS, 0xdead0000 | USER_DS, -1 },
		{ USER_CS, 0x68, 0x68 }, { USER_CS, 0, 0 },
		{ USER_CS, USER_DS - 1, (USER_DS - 1) & 0xfffc },
		{ USER_CS, RING3_SEL, RING3_SEL & 0xfffc },
		{ USER_DS, USER_DS, USER_DS & 0xfffc },
		{ 0x63, USER_DS, 0x60 }, { 0xffff, USER_DS, 0xfffc },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		pc_begin();
		push(ends[i].ss);
		push(P_STACK_TOP);
		push_frame(P_CODE + 5, ends[i].cs, FLAG_IF | FLAG_TF | 1);
		if (ends[i].error >= 0) {
			CHECK_FAULT(TRAP_GP, (uint32_t)ends[i].error, 0xcf);
			CHECK(!u->direct.user);
			continue;
		}
		CHECK_EQ(PC(0xcf), -1);
		CHECK(u->direct.user);
		CHECK_EQ(u->cpu.eip, P_CODE + 5);
		CHECK_EQ(u->cpu.gpr[SP], P_STACK_TOP);
		CHECK_EQ(u->cpu.eflags & 0xdd5, FLAG_TF | 1);
		CHECK_EQ(u->direct.flag, FLAG_IF);
		/* What is left in segment registers is no kernel's. */
		CHECK(cpu_settle(u));
		CHECK_EQ(u->cpu.sel[DS], LDT_SELECTOR(GDT_USER_DS));
		CHECK_EQ(u->cpu.sel[GS], LDT_SELECTOR(GDT_USER_DS));
	}
}

static void iret_from_nowhere(void)
{
	pc_begin();
	u->cpu.gpr[SP] = STACK + PAGE - 8;
	CHECK(CRASHES(PC(0xcf)));
	CHECK_EQ(host.crash, CRASH_STACK);
	pc_begin();
	u->cpu.gpr[SP] = STACK + PAGE - 16;
	pc_set_word(STACK + PAGE - 12, USER_CS);
	CHECK(CRASHES(PC(0xcf)));
	CHECK_EQ(host.crash, CRASH_STACK);
	pc_begin_program();
	u->cpu.gpr[SP] = P_STACK + PAGE - 8;
	CHECK_FAULT(TRAP_PF, PF_USER, 0xcf);
	CHECK_EQ(u->direct.cr2, P_STACK + PAGE);
	pc_begin_program();
	u->cpu.gpr[SP] = DATA;
	CHECK_FAULT(TRAP_PF, PF_USER | PF_PRESENT, 0xcf);
	/* A program to a ring further in. */
	pc_begin_program();
	push_frame(CODE, 0x60, FLAG_IF);
	CHECK_FAULT(TRAP_GP, 0x60, 0xcf);
}

/* --- far jumps, calls, returns -------------------------------------------- */

static void far_jumps(void)
{
	static const uint16_t refused[] = { 0, 0x68, USER_CS, TSS_SEL, 0xfff8,
		ABSENT_CODE };

	pc_begin();
	CHECK_EQ(PC(0xea, 0x10, 0x20, 0x30, 0x40, 0x60, 0), -1);
	CHECK_EQ(u->cpu.eip, 0x40302010);
	CHECK_EQ(u->cpu.gpr[SP], STACK_TOP);
	pc_begin();
	CHECK_EQ(PC(0x9a, 0x10, 0x20, 0x30, 0x40, 0x60, 0), -1);
	CHECK_EQ(u->cpu.eip, 0x40302010);
	CHECK_EQ(u->cpu.gpr[SP], STACK_TOP - 8);
	CHECK_EQ(pc_word(STACK_TOP - 8), CODE + 7);
	CHECK_EQ(pc_word(STACK_TOP - 4), 0x60);
	/* And back. */
	u->cpu.eip = CODE + 0x20;
	CHECK_EQ(PC(0xcb), -1);
	CHECK_EQ(u->cpu.eip, CODE + 7);
	CHECK_EQ(u->cpu.gpr[SP], STACK_TOP);
	for (unsigned i = 0; i < ARRAY_SIZE(refused); i++) {
		uint8_t insn[7] = { 0xea, 0, 0, 0, 0, refused[i],
				    refused[i] >> 8 };

		pc_begin();
		CHECK_EQ(pc_run(TRAP_GP, insn, 7), TRAP_GP);
		CHECK_EQ(frame.error, refused[i] & 0xfffcu);
		CHECK_EQ(frame.eip, CODE);
		pc_begin();
		insn[0] = 0x9a;
		CHECK_EQ(pc_run(TRAP_GP, insn, 7), TRAP_GP);
		CHECK_EQ(u->cpu.gpr[SP], STACK_TOP - 16);
		pc_begin();
		push(refused[i]);
		push(CODE);
		CHECK_FAULT(TRAP_GP, refused[i] & 0xfffcu, 0xcb);
	}
}

static void far_jumps_of_programs(void)
{
	pc_begin_program();
	CHECK_EQ(PC(0x9a, 0x10, 0x20, 0, 0, USER_CS, 0), -1);
	CHECK_EQ(u->cpu.eip, 0x2010);
	CHECK_EQ(pc_word(P_STACK_TOP - 8), P_CODE + 7);
	CHECK_EQ(pc_word(P_STACK_TOP - 4), USER_CS);
	u->cpu.eip = P_CODE;
	CHECK_EQ(PC(0xcb), -1);
	CHECK_EQ(u->cpu.eip, P_CODE + 7);
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0x60, 0xea, 0, 0, 0, 0, 0x60, 0);
	pc_begin_program();
	push(0x60);
	push(CODE);
	CHECK_FAULT(TRAP_GP, 0x60, 0xcb);
	/* No stack to call with: none that is there, may be written, is its. */
	pc_begin_program();
	u->cpu.gpr[SP] = P_STACK + 4;
	pc_set_word(P_STACK, 0x77777777);
	CHECK_FAULT(TRAP_PF, PF_USER | PF_WRITE, 0x9a, 0, 0, 0, 0, USER_CS, 0);
	CHECK_EQ(u->direct.cr2, P_STACK - 4);
	CHECK_EQ(pc_word(P_STACK), 0x77777777);
	pc_begin_program();
	u->cpu.gpr[SP] = P_READ_ONLY + 0x80;
	CHECK_FAULT(TRAP_PF, PF_USER | PF_WRITE | PF_PRESENT,
		    0x9a, 0, 0, 0, 0, USER_CS, 0);
	pc_begin_program();
	u->cpu.gpr[SP] = DATA + 8;
	pc_set_word(DATA, 0x77777777);
	PC(0x9a, 0, 0, 0, 0, USER_CS, 0);
	CHECK(!u->direct.user);
	CHECK_EQ(pc_word(DATA), 0x77777777);
	pc_begin();
	u->cpu.gpr[SP] = READ_ONLY + 0x80;
	CHECK(CRASHES(PC(0x9a, 0, 0, 0, 0, 0x60, 0)));
	CHECK_EQ(host.crash, CRASH_STACK);
}

/* --- what programs may not ------------------------------------------------ */

static void not_for_programs(void)
{
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0, 0xfa);
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0, 0xfb);
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0, 0xf4);
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0, 0x0f, 0x22, 0xd8);
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0, 0x0f, 0x20, 0xc0);
	pc_begin_program();
	u->cpu.gpr[BX] = P_STACK;
	CHECK_FAULT(TRAP_GP, 0, 0x0f, 0x01, 0x13);
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0, 0x0f, 0x30);
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0, 0x0f, 0x32);
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0, 0x6e);
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0, 0x6c);
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0, 0xec);
	pc_begin_program();
	CHECK_FAULT(TRAP_GP, 0, 0x0f, 0x00, 0xd8);
	CHECK_EQ(host.posts, 0);
	CHECK_EQ(u->sys.cr0, 0x80010011);
}

/* --- in and out ----------------------------------------------------------- */

static void in_out(uint8_t op, unsigned prefix, unsigned width)
{
	uint8_t insn[3] = { 0x66, op, 0x2e }, *at = insn + !prefix;
	unsigned n = 1 + prefix + !(op & 8);
	uint32_t keep = width < 4 ? UINT32_MAX << 8 * width : 0;

	pc_begin();
	u->cpu.gpr[DX] = 0xffff02f8;
	u->cpu.gpr[AX] = 0x12345678;
	host.answer = 0xa1b2c3d4;
	host.posts = 0;
	CHECK_EQ(pc_run(TRAP_GP, at, n), -1);
	CHECK_EQ(u->cpu.eip, CODE + n);
	CHECK_EQ(host.posts, 1);
	CHECK_EQ(host.post.kind, POST_IO);
	CHECK_EQ(host.post.mmio, 0);
	CHECK_EQ(host.post.width, width);
	CHECK_EQ(host.post.addr, op & 8 ? 0x2f8 : 0x2e);
	CHECK_EQ(host.post.write, op >> 1 & 1);
	if (op & 2) {
		CHECK_EQ(host.post.value, 0x12345678 & ~keep);
		CHECK_EQ(u->cpu.gpr[AX], 0x12345678);
	} else {
		CHECK_EQ(u->cpu.gpr[AX], (0x12345678 & keep) |
			 (0xa1b2c3d4 & ~keep));
	}
}

static void ports(void)
{
	for (uint8_t op = 0xe4; op <= 0xef; op = op == 0xe7 ? 0xec : op + 1) {
		in_out(op, 0, op & 1 ? 4 : 1);
		in_out(op, 1, op & 1 ? 2 : 1);
	}
	/* A PC's own chips are asked here. */
	host.posts = 0;
	pc_begin();
	u->cpu.gpr[AX] = 0xffffff5a;
	CHECK_DONE(2, 0xe6, 0x21);
	u->cpu.gpr[AX] = 0;
	CHECK_DONE(2, 0xe4, 0x21);
	CHECK_EQ(u->cpu.gpr[AX], 0x5a);
	CHECK_EQ(host.posts, 0);
}

int main(void)
{
	RUN(selectors_at_start);
	RUN(selectors_of_kernel);
	RUN(selectors_of_ring_3);
	RUN(selectors_of_program);
	RUN(stack_selectors);
	RUN(operands_in_holes);
	RUN(borders);
	RUN(iret_within);
	RUN(iret_virtual);
	RUN(iret_outwards);
	RUN(iret_from_nowhere);
	RUN(far_jumps);
	RUN(far_jumps_of_programs);
	RUN(not_for_programs);
	RUN(ports);
	return rig_done();
}
