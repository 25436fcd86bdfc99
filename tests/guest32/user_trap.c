/* SPDX-License-Identifier: GPL-2.0-only */
/* What programs do that traps: which one, where, and where its frame is. */
#include "user.h"

#define FLAG_RF	0x10000
#define ANY	0xffffffff	/* of no account */

struct probe {
	const char *name;
	void (*fn)(void);
	const char *at;
	u32 vector, error, past, cr2;
};

#define GP(X, name)	X(name, 13, 0, 0, 0)
#define PROBES(X) \
	X(divide, 0, 0, 0, 0) X(breakpoint, 3, 0, 1, 0) \
	X(breakpoint_long, 3, 0, 2, 0) X(overflow, 4, 0, 1, 0) \
	X(bound, 5, 0, 0, 0) X(undefined, 6, 0, 0, 0) X(float, 16, 0, 0, 0) \
	GP(X, cli) GP(X, sti) GP(X, hlt) GP(X, read_cr0) GP(X, read_cr2) \
	GP(X, write_cr3) GP(X, read_dr7) GP(X, lgdt) GP(X, lidt) \
	GP(X, lldt) GP(X, ltr) GP(X, lmsw) GP(X, clts) GP(X, invd) \
	GP(X, wbinvd) GP(X, invlpg) GP(X, rdmsr) GP(X, wrmsr) \
	GP(X, in_byte) GP(X, in_imm) GP(X, out_byte) GP(X, out_string) \
	GP(X, rdpmc) \
	X(int_05, 13, 0x2a, 0, 0) X(int_0d, 13, 0x6a, 0, 0) \
	X(int_0e, 13, 0x72, 0, 0) X(int_1f, 13, 0xfa, 0, 0) \
	X(int_20, 13, 0x102, 0, 0) X(int_82, 13, 0x412, 0, 0) \
	X(int_ff, 13, 0x7fa, 0, 0) \
	X(kernel_data, 13, 0x68, 0, 0) X(host_data, 13, 8, 0, 0) \
	X(far_segment, 13, 0xf8, 0, 0) X(null_stack, 13, 0, 0, 0) \
	X(kernel_call, 13, 0x60, 0, 0) \
	X(kernel_jump, 13, 0x60, 0, 0) \
	X(kernel_read, 14, 5, 0, 0xc0100000) \
	X(kernel_write, 14, 7, 0, 0xc0100000) X(null_read, 14, 4, 0, 16) \
	X(null_write, 14, 6, 0, 16) X(text_write, 14, 7, 0, 0x400000) \
	X(hole_read, 14, 4, 0, 0x700010) X(hole_write, 14, 6, 0, 0x700020) \
	X(top_read, 14, ANY, 0, 0xfffff000)

#define DECLARE(n, ...) void user_##n(void); extern const char user_at_##n[];
PROBES(DECLARE)
DECLARE(null_use)
DECLARE(sysenter)
DECLARE(syscall)

static const struct probe probes[] = {
#define ROW(n, v, e, p, c) { #n, user_##n, user_at_##n, v, e, p, c }
#define ENTRY(...)	ROW(__VA_ARGS__),
	PROBES(ENTRY)
};

static volatile u32 touched;

static void probe_check(const struct probe *p)
{
	struct regs r;

	trace(p->name);
	/* Not touched before, some Hosts call it absent. */
	touched = *(volatile u32 *)0xc0100000;
	program_run(&r, p->fn, 0, 0);
	if (r.vector != p->vector || (p->error != ANY && r.error != p->error))
		fail("%s: trap %u error 0x%x, not %u and 0x%x", p->name,
		     r.vector, r.error, p->vector, p->error);
	else if (r.eip - (u32)p->at != p->past)
		fail("%s: eip is %d bytes from it", p->name,
		     r.eip - (u32)p->at);
	else if (r.cs != USER_CS || r.ss != USER_DS)
		fail("%s: cs 0x%x ss 0x%x", p->name, r.cs, r.ss);
	else if (p->cr2 && trapped_cr2 != p->cr2)
		fail("%s: cr2 0x%x", p->name, trapped_cr2);
}

/* QEMU's emulation lets it pass: see limits=0 in kernel_segment.c. */
TEST(user, null_segment)
{
	static const struct probe row = ROW(null_use, 13, 0, 0, 0);
	struct room room;

	if (!argument_number("limits", 1)) {
		skip("this CPU does not look at segments' limits");
		return;
	}
	program_begin(&room);
	probe_check(&row);
	program_end();
}

TEST(user, trap_kinds)
{
	struct room room;

	program_begin(&room);
	for (unsigned i = 0; i < ARRAY_SIZE(probes); i++)
		probe_check(&probes[i]);
	asm volatile("fninit");
	program_end();
}

TEST(user, trap_kinds_by_trap_gate)
{
	struct room room;

	for (unsigned i = 0; i < 20; i++)
		idt_set(i, trap_entries[i], GATE_TRAP,
			i == 3 || i == 4 ? 3 : 0);
	program_begin(&room);
	for (unsigned i = 0; i < ARRAY_SIZE(probes); i++)
		probe_check(&probes[i]);
	asm volatile("fninit");
	program_end();
	for (unsigned i = 0; i < 20; i++)
		gate_restore(i);
}

/* A segment of the kernel's is not to be had, by any name it may have. */
TEST(user, kernel_segments)
{
	static const u32 selectors[] = { 27 << 3, 27 << 3 | 3, 27 << 3 | 7,
					 13 << 3 | 7, 12 << 3 | 7 };
	static u32 secret[2] = { 0x5ec4e7, 0 };
	u32 base = (u32)secret;
	struct room room;
	struct regs r;

	gdt_set(27, (base & 0xffff) << 16 | 7, (base & 0xff000000) |
		0x409300 | (base >> 16 & 0xff));
	/* The kernel has it in use meanwhile. */
	asm volatile("movl %0, %%fs; movl %%fs:0, %%eax" :: "r"(27 << 3) :
		     "eax");
	program_begin(&room);
	for (unsigned i = 0; i < ARRAY_SIZE(selectors); i++) {
		program_run(&r, user_gs, selectors[i], 0);
		if (r.vector != 13)
			fail("selector 0x%x: trap %u, 0x%x", selectors[i],
			     r.vector, r.eax);
	}
	program_end();
	asm volatile("movl %0, %%fs" :: "r"(0));
	gdt_set(27, 0, 0);
}

/* The ways into a kernel that a Guest has not got: no Host's kernel either. */
TEST(user, fast_calls)
{
	static void (*const calls[])(void) = { user_sysenter, user_syscall };
	static const char *const at[] = { user_at_sysenter, user_at_syscall };
	struct room room;
	struct regs r;

	program_begin(&room);
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
		for (u32 nr = 0; nr < 400; nr += 20) {
			/* Where the Host's kernel would look for more. */
			user_regs(&r, (u32)calls[i]);
			r.eax = nr;
			r.ebp = r.esp = USER_STACK - 64;
			user_run(&r);
			if ((r.vector != 6 && r.vector != 13) || r.eax != nr)
				fail("way %u, call %u: trap %u, eax 0x%x", i,
				     nr, r.vector, r.eax);
			if (r.eip != (u32)at[i])
				fail("way %u, call %u: eip 0x%x", i, nr,
				     r.eip);
		}
	program_end();
}

/* All of it, from a call of the system and from a fault. */
static void frame_check(void (*fn)(void), const char *at, u32 vector)
{
	static const u32 flags = 0xcd7 | FLAG_IF;
	struct regs r;

	user_regs(&r, (u32)fn);
	r.eax = 0x1a1a1a1a;
	r.ebx = 0x2b2b2b2b;
	r.ecx = 0x3c3c3c3c;
	r.edx = 0x700000;
	r.esi = 0x4d4d4d4d;
	r.edi = 0x5e5e5e5e;
	r.ebp = 0x6f6f6f6f;
	r.eflags = flags;
	r.esp = USER_STACK - 0x124;
	user_run(&r);
	EQUAL(r.vector, vector);
	EQUAL(r.eip, (u32)at);
	EQUAL(r.cs, USER_CS);
	/* RF is set there for faults, except by CPUs that do not care. */
	EQUAL(r.eflags & ~FLAG_RF, flags);
	EQUAL(r.esp, USER_STACK - 0x124);
	EQUAL(r.ss, USER_DS);
	EQUAL(r.eax, 0x1a1a1a1a);
	EQUAL(r.ebx, 0x2b2b2b2b);
	EQUAL(r.ecx, 0x3c3c3c3c);
	EQUAL(r.edx, 0x700000);
	EQUAL(r.esi, 0x4d4d4d4d);
	EQUAL(r.edi, 0x5e5e5e5e);
	EQUAL(r.ebp, 0x6f6f6f6f);
	/* On the stack that the Host was told, from its very end. */
	EQUAL(trapped_stack + sizeof(r),
	      (u32)trap_stack + sizeof(trap_stack));
}

TEST(user, trap_frame)
{
	struct room room;

	program_begin(&room);
	frame_check(user_nothing, (char *)user_nothing + 2, 0x80);
	frame_check(user_read, (char *)user_read, 14);
	frame_check(user_undefined, user_at_undefined, 6);
	frame_check(user_hlt, user_at_hlt, 13);
	program_end();
}

/* With interrupts on in a program, a gate says how they are after it. */
TEST(user, trap_gate_types)
{
	static const u32 types[] = { GATE_INTERRUPT, GATE_TRAP };
	struct room room;
	struct regs r;

	program_begin(&room);
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		idt_set(6, trap_entries[6], types[i], 0);
		program_run(&r, user_undefined, 0, 0);
		EQUAL(r.eflags & FLAG_IF, FLAG_IF);
		EQUAL(trapped_irqs, i ? FLAG_IF : 0);
		idt_set(14, trap_entries[14], types[i], 0);
		program_run(&r, user_read, 0, 0x700000);
		EQUAL(r.vector, 14);
		EQUAL(trapped_irqs, i ? FLAG_IF : 0);
	}
	gate_restore(6);
	gate_restore(14);
	program_end();
}

/* int n asks the gate. */
TEST(user, gate_privilege)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	idt_set(3, trap_entries[3], GATE_TRAP, 0);
	program_run(&r, user_breakpoint_long, 0, 0);
	EQUAL(r.vector, 13);
	EQUAL(r.error, 3 * 8 + 2);
	EQUAL(r.eip, (u32)user_breakpoint_long);
	idt_set(3, trap_entries[3], GATE_TRAP, 3);
	program_run(&r, user_breakpoint_long, 0, 0);
	EQUAL(r.vector, 3);
	gate_restore(3);
	program_end();
}

/* The stack is the one of the last SET_STACK. */
TEST(user, stack_switched)
{
	static u8 other[2 * PAGE] __attribute__((aligned(PAGE)));
	struct room room;
	struct regs r;
	u32 top;

	program_begin(&room);
	for (unsigned i = 0; i < 8; i++) {
		top = (u32)other + sizeof(other) - 64 * i;
		hcall(LHCALL_SET_STACK, KERNEL_DS, top, 1 + i % 2);
		program_run(&r, user_nothing, 0, 0);
		EQUAL(r.vector, 0x80);
		EQUAL(trapped_stack + sizeof(r), top);
	}
	hcall(LHCALL_SET_STACK, KERNEL_DS,
	      (u32)trap_stack + sizeof(trap_stack), 2);
	program_run(&r, user_nothing, 0, 0);
	EQUAL(trapped_stack + sizeof(r),
	      (u32)trap_stack + sizeof(trap_stack));
	program_end();
}
