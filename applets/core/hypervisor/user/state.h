/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stubs and Launcher share: struct user and its parts, and the words that
 * they are described in.  Who may believe what of it: see user.h.
 */
#ifndef USER_STATE_H
#define USER_STATE_H

#include <stdatomic.h>

#include "abi/lguest.h"
#include "board.h"
#include "direct.h"
#include "machine.h"
#include "text.h"
#include "window.h"

#define PAGE		4096u
/*
 * The end of struct user, and where the program begins.  Below, down to 4 GiB,
 * there is room for RAM_MAX.
 */
#ifndef USER_END
#define USER_END	0x23f780000
#endif
#define SPACES_MAX	48	/* stubs; a bit each in a 64-bit mask */
#define STACK_SIZE	KIB(24)	/* of a stub's handler, with its frames */
#define LEAVES_MAX	3520	/* of programs' shadow tables */
#define LEAF_SHIFT	21	/* 2 MiB each */
#define LEAF_PAGES	512u
#define NO_CR3		UINT32_MAX	/* key of a space that has none */
#define KEYED		256u	/* to see at once that a cr3 has no space */
#define OPS_MAX		128	/* mappings that wait for their stub to run */
#define SHARED_SIZE	KIB(512)	/* of what of struct user all stubs use */

/*
 * The top of the linear addresses is not the Guest's: the Host of old had its
 * Switcher there, and Guests keep off as much as they are told.
 */
#define RESERVED	MIB(4)
#define LINEAR_END	0xffc00000u	/* of lguest's; a PC's: DIRECT_PC */

/*
 * Where a Guest's boot parameters are; pages below nobody may map whom the
 * Host's administrator has not told so (vm.mmap_min_addr).
 */
#define LINEAR_START	0x10000u

/* --- the CPU ---------------------------------------------------------- */

enum { AX, CX, DX, BX, SP, BP, SI, DI };	/* as in ModRM */
enum { ES, CS, SS, DS, FS, GS, SELECTORS };	/* as in mov to sreg */

/* eflags */
#define FLAG_TF		0x100u
#define FLAG_IF		0x200u
#define FLAG_RF		0x10000u
#define FLAG_VM		0x20000u
#define FLAG_NT		0x4000u
#define FLAG_AC		0x40000u
#define FLAG_ID		0x200000u

enum { TRAP_DE = 0, TRAP_DB = 1, TRAP_DF = 8, TRAP_BP = 3, TRAP_OF = 4, TRAP_UD = 6,
	TRAP_NM = 7,
	TRAP_NP = 11, TRAP_SS = 12, TRAP_GP = 13, TRAP_PF = 14, TRAP_AC = 17,
	VECTOR_IRQ = 32, VECTOR_SYSCALL = 0x80 };

/* Indexes into the Guest's GDT; selectors of its kernel and its programs. */
enum { GDT_TLS = 6, GDT_TLS_END = 9, GDT_KERNEL_CS = 12, GDT_KERNEL_DS,
	GDT_USER_CS, GDT_USER_DS, GDT_TSS = 16, GDT_DOUBLE_FAULT = 31,
	GDT_ENTRIES };
#define KERNEL_CS	0x61u
#define KERNEL_DS	0x69u
#define USER_CS		0x73u
#define USER_DS		0x7bu

/*
 * What the real CPU has loaded instead.  The Host's GDT has flat segments for
 * 32-bit code; everything else comes from the stub's LDT, with the index that
 * it has in the Guest's GDT, so that selector >> 3 stays what it was.
 */
#define HOST_CS		0x23u
#define HOST_DS		0x2bu
#define LDT_SELECTOR(i)	((uint16_t)((i) << 3 | 7))

#define FPU_MAX		2752u	/* AVX-512's, which is up to 2688 */
#define CR4_OSXSAVE	(1u << 18)
#define OSXSAVE		(1u << 27)	/* in CPUID, what that says */

struct cpu {
	uint32_t gpr[8], eip, eflags;
	uint16_t sel[SELECTORS];	/* the real ones; CS and SS unused */
	/* What stopped it: the signal, and for some the CPU's trap. */
	int signal;
	uint32_t trap, error, cr2;
	uint16_t cs, ss;		/* where it was */
	bool ts, halted;
	uint32_t dr[8];
	uint32_t idt[256][2], gdt[GDT_ENTRIES][2];
	uint32_t gdt_generation;	/* grows with each change */
	/* of fxsave or xsave, which want it so */
	uint8_t fpu[FPU_MAX] __attribute__((aligned(64)));
	bool fpu_used;
};

/* --- the shadow MMU --------------------------------------------------- */

enum op_kind { OP_MAP, OP_UNMAP, OP_PROTECT };

/* What is to be done to a stub's mappings before it runs. */
struct op {
	uint32_t va, pages, pa;
	uint8_t kind, prot;	/* as for mmap(2) */
};

/* An address space of the Guest, and the stub that has it. */
struct space {
	bool used, spawned;
	bool reset;		/* unmap everything, instead of ops */
	bool recheck;		/* its tables have changed meanwhile */
	_Atomic uint32_t turn;	/* futex: it was handed the CPU */
	uint64_t last;		/* when it last was, for the least recent */
	uint32_t nops;
	struct op ops[OPS_MAX];
	/* Shadow entries of programs' pages, by 2 MiB; 0: no leaf. */
	uint16_t leaf[2048];
	uint32_t pages;		/* in all of those together */
	uint32_t latest;	/* linear address of the one that came last */
	/* What the LDT holds. */
	uint32_t ldt_generation;
	uint32_t ldt[GDT_ENTRIES][2];
	uint8_t *fpu;		/* in the frame of the running handler */
};

struct mmu {
	bool linear;		/* before the Guest's first page tables */
	bool pae;
	uint32_t cr3;
	uint32_t kernel;	/* the Guest's PAGE_OFFSET */
	uint32_t end;		/* linear addresses from here are ours */
	uint64_t uses;		/* counts handovers */
	uint32_t keys[SPACES_MAX];	/* cr3 of each space */
	uint8_t keyed[KEYED];	/* how many, by key_hash() */
	unsigned nspaces;	/* that can be had */
	/* Leaves that are free, as a stack. */
	uint16_t free[LEAVES_MAX], nfree;
	uint16_t count[LEAVES_MAX];	/* pages in each */
	uint16_t kernel_count[1024];
};

/* 4 MiB of kernel pages, which are shadowed once, and of RAM. */
struct shadow {
	uint32_t pte[1024];
	uint64_t spaces[1024];	/* bit i: space i has it mapped */
	/* Where a frame is text that we have changed; 0: it is not. */
	uint32_t treated[1024];
};

/* --- lguest ----------------------------------------------------------- */

struct lguest_state {
	uint32_t data;		/* gpa of struct lguest_data, 0: not yet */
	uint8_t layout;		/* index into layouts[] of data.c */
	bool edx_first;		/* the oldest order of arguments */
	uint32_t noirq_start, noirq_end;
	uint32_t next_hcall;
};

/* --- a PC ------------------------------------------------------------- */

/* What lguest's Guests never had: the CPU's own registers for systems. */
struct system {
	uint32_t cr0, cr4;
	bool overwrites;	/* CR0.WP is off: ring 0 may write anything */
	uint32_t idt, idt_limit, gdt, gdt_limit;
	uint32_t tr, tss, ldtr;	/* linear address of the TSS */
	uint32_t call_gate[2];	/* of VECTOR_SYSCALL, once it is direct */
	uint32_t iret;		/* the last that has trapped in the Guest's text */
	uint32_t stepped;	/* text that this instruction may write to */
	uint32_t missed;	/* memory at cpu.cr2: PF_, by an instruction */
};

/* --- posts: what stubs ask the Launcher for --------------------------- */

enum post_kind { POST_NONE, POST_IO, POST_SHUTDOWN, POST_CRASH, POST_SPAWN };

/* Why a stub ended the Guest; post.c has the words. */
enum crash { CRASH_TRAP, CRASH_STACK, CRASH_HCALL, CRASH_NO_INIT, CRASH_INIT,
	CRASH_TWICE, CRASH_PAGE, CRASH_TABLE, CRASH_GATE, CRASH_GDT,
	CRASH_MEMORY, CRASH_HOST, CRASH_SIGNAL };

struct post {
	uint32_t kind;
	/* POST_IO.  No bool: a stub may leave anything there. */
	uint8_t mmio, write, width;
	uint64_t addr;		/* or the text's of a shutdown */
	uint32_t value;		/* and what a read gave; how to shut down */
	uint32_t crash, args[3];
};

/* The Guest, its handler; and that when it looks for interrupts no more. */
enum where { IN_GUEST, IN_HANDLER, ON_THE_WAY };

/* What the Host's CPU says of itself; a row for each leaf and its like. */
enum { CPUID_LEAVES = 14, CPUID_EXTENDED = 9, CPUID_CACHES = 4,
	CPUID_STATES = 8,
	CPUID_ROWS = CPUID_LEAVES + CPUID_EXTENDED + CPUID_CACHES +
		     CPUID_STATES };

#define NOTES_RING	64	/* writes that nobody waits for */
#define NOTES_QUIET	16	/* bytes for a console, before it is told of them */
#define LATCHED		(1u << 31)
#define UART_STATUS	(UART_PORT + 5)
#define DOORBELLS_MAX	(DEVICES_MAX * QUEUES_MAX)

struct counters {
	uint64_t traps, irqs, syscalls, faults, filled, hcalls, direct,
		 async_hcalls, switches, evictions, protection, maps, unmaps,
		 protects, posts;
	/* What was emulated, by the first byte, or behind 0f the second. */
	uint32_t one[256], two[256];
};

/*
 * All that stubs share: one piece of memory, at the same place in each.
 *
 * Wherever a stub touches it, the Host gives that stub a page table for the
 * 2 MiB around, and there are many stubs.  So what they all need is in two
 * such pieces: the end of `leaves` with the stacks, and the end of `shadow`,
 * all from `ram` on and the program's text, which follows.  RAM is right below
 * (mem_create()), and shares the tables above these.
 */
struct user {
	struct windows windows;
	uint32_t leaves[LEAVES_MAX][LEAF_PAGES] __attribute__((aligned(SHARED_SIZE)));
	uint8_t stacks[SPACES_MAX][STACK_SIZE];
	uint8_t gap[MIB(1)];
	/* Backwards: see space_kernel(). */
	struct shadow shadow[1024];

	/* The Launcher's to write, before the Guest runs. */
	uint8_t *ram __attribute__((aligned(SHARED_SIZE)));
	uint32_t ram_size;	/* bytes from gpa 0, device pages included */
	uint32_t window, window_end;	/* gpa of BARs */
	uint32_t lowest;	/* linear address that may be mapped */
	uint32_t pgdir;		/* where Guests up to 3.0 get their first */
	bool stock;		/* a PC's kernel, not one of lguest's */
	bool cpuid_faults;	/* the Host can make CPUID trap */
	uint32_t cpuid[CPUID_ROWS][4];
	uint32_t states;	/* of XCR0, that a kernel may save */
	uint64_t tsc, tsc_ns;	/* of one moment, before the Guest ran */
	uint32_t rings;		/* gpa: of what is from here on, only kicks */
	uint32_t doorbells[DOORBELLS_MAX];	/* gpa; 0: none */

	_Atomic uint32_t irqs;	/* raised; both sides write */
	_Atomic uint32_t levels;	/* lines that are up now; the Launcher's */
	_Atomic uint32_t cur;	/* the space that has the CPU */
	_Atomic uint32_t wake;	/* futex: the Launcher has news */
	_Atomic uint32_t asleep;	/* somebody waits for that */
	_Atomic uint32_t where;	/* enum where; the stub's that has the CPU */
	_Atomic uint32_t answered;	/* posts that were served */
	uint32_t posted;
	struct post post;
	/* Written without waiting: addresses of doorbells. */
	_Atomic uint32_t noted, notes_taken;
	struct post notes[NOTES_RING];
	bool untold;		/* there are some that it was not told of */
	/* What a PC's UART_STATUS gives, without asking (io_latch()). */
	_Atomic uint32_t latch;

	/* Of the direct paths: linear address, or 0 if there are none. */
	uint32_t irq_enabled, thunks;

	struct cpu cpu;
	struct lguest_state lg;
	struct system sys;
	struct board board;
	struct text_counts text;
	struct counters n;
	struct space spaces[SPACES_MAX];
	struct mmu mmu;
	/* A bit a frame: could be written elsewhere than in all memory's map. */
	uint8_t aliased[1 << 17];
	/* Pages that the Guest sees, too. */
	struct direct direct __attribute__((aligned(4096)));
	uint8_t direct_code[PAGE] __attribute__((aligned(4096)));
};

_Static_assert(sizeof(struct user) ==
	       offsetof(struct user, ram) + SHARED_SIZE, "");
_Static_assert((USER_END - SHARED_SIZE) % MIB(2) == MIB(1) &&
	       sizeof(((struct user *)0)->shadow) % MIB(2) == 0, "");
_Static_assert(offsetof(struct user, gap) - offsetof(struct user, leaves) ==
	       MIB(8), "");

/* Where it is, in the Launcher and in all stubs. */
#define USER	((struct user *)(USER_END - sizeof(struct user)))

#endif
