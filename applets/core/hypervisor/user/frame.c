/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Guest's registers, as a signal finds them and as they are when it ends.
 * The frame of a signal for 64-bit code does not have the data segments: what
 * the Guest has there is still loaded when the handler begins, and must be
 * again when it ends.
 */
#include <signal.h>
#include <ucontext.h>

#include "frame.h"

#define FLAGS_SEEN	0x254dd5u	/* of eflags, what a Guest may change */
#define CS_64		0x33

/* Where the last instruction of frame_leave() is. */
extern const char frame_iretq[] __attribute__((visibility("hidden")));

static const uint8_t places[8] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
};

bool frame_is_host(const struct user *u, const greg_t *r)
{
	uint64_t rip = r[REG_RIP];

	return (r[REG_CSGSFS] & 0xffff) == CS_64 &&
	       (rip >> 32 || rip - (u->stock ? DIRECT_PC : DIRECT_CODE) < PAGE);
}

void frame_take_segments(struct user *u)
{
	uint16_t *sel = u->cpu.sel;

	asm volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
		     : "=r"(sel[DS]), "=r"(sel[ES]), "=r"(sel[FS]),
		       "=r"(sel[GS]));
}

static void load_segments(const struct user *u)
{
	const uint16_t *sel = u->cpu.sel;

	asm volatile("mov %0, %%ds; mov %1, %%es; mov %2, %%fs; mov %3, %%gs"
		     :: "r"(sel[DS]), "r"(sel[ES]), "r"(sel[FS]),
			"r"(sel[GS]));
}

void frame_take(struct user *u, int sig, const greg_t *r)
{
	struct cpu *c = &u->cpu;
	uint64_t rip = r[REG_RIP];

	frame_take_segments(u);
	c->signal = sig;
	c->trap = r[REG_TRAPNO];
	c->error = r[REG_ERR];
	c->cr2 = r[REG_CR2];
	/* The CPU would not go to where the Guest is: then that is its trap. */
	if (rip == (uintptr_t)frame_iretq)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		c->gpr[i] = r[places[i]];
	c->eip = rip;
	c->eflags = r[REG_EFL];
	c->cs = r[REG_CSGSFS];
	c->ss = r[REG_CSGSFS] >> 48;
	/* It has left its 32 bits: that is not ours to run. */
	if (c->cs == CS_64 || rip >> 32)
		c->signal = 0;
}

static void registers_give(const struct user *u, greg_t *r)
{
	const struct cpu *c = &u->cpu;
	uint64_t cs = u->direct.user ? LDT_SELECTOR(GDT_USER_CS) : HOST_CS;
	uint64_t ss = u->direct.user ? LDT_SELECTOR(GDT_USER_DS) : HOST_DS;

	/* Between two rings. */
	if (direct_is_critical(u, c->eip)) {
		cs = c->cs;
		ss = c->ss;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		r[places[i]] = c->gpr[i];
	r[REG_RIP] = c->eip;
	r[REG_EFL] = (c->eflags & FLAGS_SEEN) | FLAG_IF;
	r[REG_CSGSFS] = cs | ss << 48;
}

void frame_give(const struct user *u, greg_t *r)
{
	registers_give(u, r);
	load_segments(u);
	/* These a signal's end does not take from its frame. */
	asm volatile("pushq %0; popfq" ::
		     "r"((uint64_t)(u->cpu.eflags & (FLAG_NT | FLAG_ID))) :
		     "cc", "memory");
}

void frame_leave(const struct user *u)
{
	greg_t r[NGREG], cs_ss, sp;

	registers_give(u, r);
	load_segments(u);
	/* Behind edi to ecx, what iretq wants. */
	sp = r[REG_RSP];
	cs_ss = r[REG_CSGSFS];
	r[REG_RSP] = r[REG_RIP];
	r[REG_RIP] = cs_ss & 0xffff;
	r[REG_CSGSFS] = sp;
	r[REG_ERR] = cs_ss >> 48;
	asm volatile("mov %0, %%rsp; pop %%rdi; pop %%rsi; pop %%rbp; "
		     "pop %%rbx; pop %%rdx; pop %%rax; pop %%rcx\n"
		     "frame_iretq: iretq"
		     :: "r"(&r[REG_RDI]) : "memory");
	__builtin_unreachable();
}
