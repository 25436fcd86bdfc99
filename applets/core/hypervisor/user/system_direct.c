/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions of a PC's ring 0 without a signal: 64-bit code of the stub does
 * them, called by 32-bit code (see direct_pc.c).
 */
#include "insn.h"
#include "kind.h"

#define RETRY_NS	1000
#define FLAGS		8	/* of what direct_pc.c pushes */
#define IS_REGISTER(modrm) ((modrm) >> 6 == 3)

/* mov to cr3, after which it may be another stub's turn. */
static bool is_cr3(const uint8_t *bytes)
{
	return bytes[0] == 0x0f && bytes[1] == 0x22 &&
	       (bytes[2] & 0xf8) == 0xd8;
}

/*
 * What neither changes the ring nor where the CPU is: ports, one page, and a
 * few registers.
 */
bool system_is_direct(const uint8_t *bytes, unsigned n)
{
	if (n < 3)
		return false;
	switch (bytes[0]) {
	case 0xe4 ... 0xe7: case 0xec ... 0xef:
		return true;
	case 0x66:			/* of 16 bits */
		return (bytes[1] & 0xf4) == 0xe4;
	case 0x0f:
		return (bytes[1] == 0x01 && (bytes[2] & 0x38) == 0x38 &&
			!IS_REGISTER(bytes[2])) ||
		       bytes[1] == 0x06 || bytes[1] == 0x20 || is_cr3(bytes) ||
		       bytes[1] == 0x21 || bytes[1] == 0x23 ||
		       bytes[1] == 0x30 || bytes[1] == 0x32;
	}
	return false;
}

void system_direct(uint64_t *gpr)
{
	struct user *u = USER;
	struct cpu *c = &u->cpu;
	/* It was pushed a moment ago, so it is there. */
	uint32_t *back = (uint32_t *)(uintptr_t)(uint32_t)gpr[SP];
	uint8_t bytes[4];

	if (back[0] >= DIRECT_PC) {	/* an iret, of a page fault */
		mmu_set_pte(u, u->mmu.cr3, u->direct.fill);
		u->direct.fill = 0;
		space_drain(u, &u->spaces[u->cur % SPACES_MAX]);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		c->gpr[i] = gpr[i];
	c->gpr[SP] += 8;
	c->eip = back[0];
	asm("mov %%fs, %0; mov %%gs, %1" : "=r"(c->sel[FS]), "=r"(c->sel[GS]));
	if (u->direct.user || insn_fetch(u, bytes, 4) < 4 ||
	    !system_is_direct(bytes, 4) || !insn_emulate(u))
		return;
	u->n.direct++;
	if (is_cr3(bytes)) {
		c->eflags = gpr[FLAGS];
		stub_resume(u);
	}
	for (unsigned i = 0; i < 8; i++)
		if (i != SP)
			gpr[i] = c->gpr[i];
	back[0] = c->eip;
	space_drain(u, &u->spaces[u->cur % SPACES_MAX]);
	u->direct.slow = c->ts || stock_wanted(u);
	/* That was what it waited for: nothing else may trap soon. */
	if (u->direct.slow && u->direct.flag)
		stub_timer(FD_RETRY, RETRY_NS, 0);
}
