/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Direct paths: what a Guest does most often, without a signal.  A system call
 * of a program, the kernel's iret, and hypercalls that only change page tables
 * become jumps to a page at the top of the linear addresses.  Far jumps between
 * segments of one ring need nobody's leave.
 *
 * All of it is optional: a site that is not what we know stays as it is, and
 * traps, which is right and slower.
 */
#ifndef USER_DIRECT_H
#define USER_DIRECT_H

#define DIRECT_DATA	0xffc00000	/* linear: struct direct */
#define DIRECT_CODE	0xffc01000	/* and code behind it */

/* Of a PC the highest page is nobody's: that is where its fixmap begins. */
#define DIRECT_PC	0xfffff000	/* linear: struct direct, with code behind */

/* Offsets in struct direct, for the code. */
#define D_USER		0xffc00000
#define D_SLOW		0xffc00004
#define D_STACK		0xffc00008
#define D_SYSCALL	0xffc00010
#define D_EIP		0xffc00014
#define D_ESP		0xffc0001c
#define D_DS		0xffc00020
#define D_FN		0x28
#define D_TOP		0x30
#define D_IRQ		0x5a5a5a5a	/* replaced: the Guest's irq_enabled */
#define D_GATE		0x5b5b5b5b	/* the same, if its gate clears it */

/* In direct_pc.c, replaced as well: linear addresses. */
#define P_GDT		0x5c5c5c5c
#define P_TSS		0x5d5d5d5d	/* of esp0 */
#define P_GATE		0x5e5e5e5e
#define P_KERNEL	0x5f5f5f5f	/* where the kernel begins */

/* Where a PC's iret goes by the short way. */
#define DIRECT_PC_IRET	0xfffff100

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

/* One page, seen by the code above and by stubs as u->direct. */
struct direct {
	uint32_t user;		/* the virtual CPU is in ring 3 */
	uint32_t slow;		/* something waits: take no shortcut */
	uint32_t stack, stack_ss;	/* of ring 1, for lss */
	uint32_t syscall;	/* the handler of VECTOR_SYSCALL */
	uint32_t eip, cs;	/* for ljmp */
	uint32_t esp, ds;	/* for lss */
	uint32_t scratch;
	uint64_t fn, top;	/* 64-bit code for hypercalls, the stub's stack */
	uint32_t vdso_seen;	/* how often we looked for one */
	uint32_t flag;		/* a PC's FLAG_IF */
	uint32_t tls[6];	/* what of its GDT the LDT holds */
	uint32_t cr2;		/* a PC's, of its last page fault */
	uint32_t pending;	/* an interrupt waits for its FLAG_IF */
	uint32_t fill;		/* a PC's page fault here is being served */
	uint8_t reserved[0x100 - 0x64];
	uint8_t code[0x400];	/* from DIRECT_PC_IRET on */
};

_Static_assert(offsetof(struct direct, syscall) == D_SYSCALL - D_USER, "");
_Static_assert(offsetof(struct direct, esp) == D_ESP - D_USER, "");
_Static_assert(offsetof(struct direct, fn) == D_FN, "");
_Static_assert(offsetof(struct direct, top) == D_TOP, "");
_Static_assert(offsetof(struct direct, flag) == 0x3c, "");
_Static_assert(offsetof(struct direct, tls) == 0x40, "");
_Static_assert(offsetof(struct direct, cr2) == 0x58, "");
_Static_assert(offsetof(struct direct, pending) == 0x5c, "");
_Static_assert(offsetof(struct direct, fill) == 0x60, "");
_Static_assert(offsetof(struct direct, code) == 0x100, "");

struct user;

/* In the Launcher, before the Guest runs: fills both pages. */
void direct_create(struct user *u);

/*
 * Finds the iret and the hypercalls in n bytes of the kernel's code, of which
 * the first has this linear address, and leads them here.  Returns how many.
 */
unsigned direct_patch(struct user *u, uint8_t *at, uint32_t n, uint32_t va);

/* In a child of the Launcher: puts the pages where its kind of Guest sees them. */
int direct_map(struct user *u, int pc);

/* Where a call from there arrives; with three registers to push first, or not. */
uint32_t direct_calls(const struct user *u, int pushes);

/*
 * vdso.c: in a stub, after int $0x80 of a program at eip: if that is the vDSO's, the
 * next time it comes directly.
 */
void direct_patch_vdso(struct user *u, uint32_t eip);

/* A PC's descriptor tables are new, or its task's. */
void direct_tables(struct user *u);

/*
 * Where a PC's kernel has an instruction done without a signal: lcall there
 * (9a, this address, 33 00) right before it.  It must be one that
 * system_is_direct() knows.
 */
uint32_t direct_host(void);

/* The Guest's handler for system calls is a new one. */
void direct_syscall(struct user *u, const uint32_t gate[2]);

/* Is the CPU where an interrupt would find half a frame? */
int direct_is_critical(const struct user *u, uint32_t eip);

/* A trap in there: what it means.  True: done. */
int direct_trap(struct user *u);

#endif
#endif
