/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports and device memory from the Guest's side: an instruction that it
 * cannot do by itself, its registers before and after.  Each access takes the
 * next of several ways to say it.
 */
#include <stdlib.h>
#include <string.h>

#include "standin.h"

enum { BX, CX, DX, SI, DI, BP, AX, IP = 12, SP = 15 };

/* By ModRM's numbers. */
static const unsigned regs[8] = { AX, CX, DX, BX, SP, BP, SI, DI };

static uint32_t before[17];
static uint8_t insn[7];
static unsigned length, turn;

/* Every register holds something that is not what it will hold. */
static void begin(void)
{
	for (unsigned i = 0; i < 17; i++)
		if (i != 13)		/* cs */
			host_registers[i] = rand() << 8 ^ rand();
	memset(insn, 0x90, sizeof(insn));
	length = 0;
}

static void emit(uint8_t byte)
{
	NEED(length < sizeof(insn));
	insn[length++] = byte;
}

/* One instruction, after which only register `changed` may have changed. */
static void execute(uint8_t trap, uint32_t addr, int changed)
{
	memcpy(before, host_registers, sizeof(before));
	host_trap(trap, insn, addr);
	NEED_EQ(host_traps[trap], 0);
	NEED_EQ(host_registers[IP], before[IP] + length);
	for (int i = 0; i < 17; i++)
		if (i != IP && i != changed && host_registers[i] != before[i])
			failed(__FILE__, __LINE__, "register %d changed from %#x to %#x by %02x %02x %02x",
			       i, before[i], host_registers[i], insn[0],
			       insn[1], insn[2]);
}

static uint32_t mask(unsigned width)
{
	return UINT32_MAX >> (32 - 8 * width);
}

static void emit_port(unsigned port, unsigned width, uint8_t op)
{
	if (width == 2)
		emit(0x66);
	op |= width > 1;
	if (port < 256 && turn++ & 1) {
		emit(op);
		emit(port);
	} else {
		emit(op | 8);
		/* Only dx counts. */
		host_registers[DX] = (host_registers[DX] & ~0xffffU) | port;
	}
}

uint32_t port_in(unsigned port, unsigned width)
{
	uint32_t all = mask(width);

	begin();
	emit_port(port, width, 0xe4);
	execute(13, 0, AX);
	NEED_EQ(host_registers[AX] & ~all, before[AX] & ~all);
	return host_registers[AX] & all;
}

void port_out(unsigned port, unsigned width, uint32_t value)
{
	begin();
	emit_port(port, width, 0xe6);
	host_registers[AX] = (host_registers[AX] & ~mask(width)) | value;
	execute(13, 0, -1);
}

/* ModRM for register `reg` and some address; the Host found it already. */
static void emit_address(unsigned reg)
{
	unsigned form = turn++ % 6;

	switch (form) {
	case 0:				/* (%ebx) */
		emit(reg << 3 | 3);
		return;
	case 1:				/* 4(%esi) */
		emit(0x40 | reg << 3 | 6);
		emit(4);
		return;
	case 2:				/* (%esp) */
		emit(reg << 3 | 4);
		emit(0x24);
		return;
	case 3:				/* an absolute address */
		emit(reg << 3 | 5);
		break;
	case 4:				/* 0x100(%edi) */
		emit(0x80 | reg << 3 | 7);
		break;
	case 5:				/* 8(%eax,%ecx,4) */
		emit(0x40 | reg << 3 | 4);
		emit(0x88);
		emit(8);
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		emit(i);
}

/* The registers that take turns; 4 to 7 are ah to bh as bytes. */
static unsigned pick(void)
{
	static unsigned last;

	return ++last % 8;
}

uint32_t mmio_read(uint32_t at, unsigned width)
{
	unsigned reg = pick(), high = width == 1 && reg >= 4, shift;
	bool extend = width < 4 && turn & 1;
	uint32_t all, value;

	begin();
	if (extend) {			/* movzx */
		emit(0x0f);
		emit(width == 1 ? 0xb6 : 0xb7);
		high = 0;
	} else {
		if (width == 2)
			emit(0x66);
		emit(width == 1 ? 0x8a : 0x8b);
	}
	emit_address(reg);
	reg = regs[high ? reg - 4 : reg];
	execute(14, at, reg);
	shift = high ? 8 : 0;
	all = extend ? UINT32_MAX : mask(width) << shift;
	NEED_EQ(host_registers[reg] & ~all, before[reg] & ~all);
	value = (host_registers[reg] & all) >> shift;
	NEED(value <= mask(width));
	return value;
}

void mmio_write(uint32_t at, unsigned width, uint32_t value)
{
	unsigned reg = pick(), high = width == 1 && reg >= 4, shift;
	uint32_t *r;

	begin();
	if (width == 2)
		emit(0x66);
	if (width == 1 && turn % 6 < 2) {	/* movb $value */
		emit(0xc6);
		emit_address(0);
		emit(value);
		execute(14, at, -1);
		return;
	}
	emit(width == 1 ? 0x88 : 0x89);
	emit_address(reg);
	r = &host_registers[regs[high ? reg - 4 : reg]];
	shift = high ? 8 : 0;
	*r = (*r & ~(mask(width) << shift)) | value << shift;
	execute(14, at, -1);
}

/* --- before the Guest has handlers ---------------------------------------- */

/* All that it may ask for is 0; anything else is the end, not a loop. */
void script_no_gates(const struct era *era)
{
	if (era->telling != TELLS_PCI)
		return;
	launch(era, ENDS_PIPE, NULL);
	host_no_gates = true;
	for (unsigned reg = 0; reg < 8; reg++) {
		begin();
		emit(0x0f);
		emit(0x20);
		emit(0xc0 | reg);
		execute(13, 0, regs[reg]);
		NEED_EQ(host_registers[regs[reg]], 0);
	}
	begin();
	emit(0x0f);
	emit(0x30);
	execute(13, 0, -1);
	begin();
	emit(0x0f);
	emit(0x32);
	host_registers[DX] = 0;
	execute(13, 0, AX);
	NEED_EQ(host_registers[AX], 0);
	begin();
	emit(0xf4);
	host_registers[IP] = 0x12345;
	host_trap_kills(13, insn, NULL);
	NEED_EQ(host_end(), 3);
	NEED(child_said("lguest: trap 13 at 0x12345 has no handler\n"));
}
