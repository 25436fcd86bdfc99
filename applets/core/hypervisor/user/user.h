/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor `user`: a Guest's code, kernel and programs alike, runs at
 * ring 3 of ordinary processes, the stubs, one for each of its address spaces.
 * Below 4 GiB a stub has nothing but the Guest's linear addresses; a fault
 * there is a signal, and its handler, above 4 GiB, plays the Host: the CPU
 * (cpu.c, insn.c), its page tables (mmu.c), and what is lguest's own
 * (lguest.c).
 *
 * What protects what.  A Guest that jumps to 64-bit code reaches all that its
 * stub maps: struct user, the Guest's RAM, our program's text.  So stubs, and
 * all code here that runs in one, are part of the Guest.  The wall is around
 * the stubs: a seccomp filter that lets a few calls through (sandbox.c), no
 * descriptors but four, no capabilities, none of the Launcher's memory.  On
 * the other side the Launcher (user.c, post.c) keeps what it needs to itself
 * and checks whatever it reads in struct user, once and in a copy.
 *
 * Within the Guest, its programs are kept from its kernel by segment limits:
 * that stops mistakes, not an attacker.
 */
#ifndef USER_HYPERVISOR_H
#define USER_HYPERVISOR_H

#include "state.h"

struct insn;

/* --- user.c ----------------------------------------------------------- */

/* In the Launcher and its children: is g's kernel a PC's? */
bool user_is_pc(const struct guest *g);

/* --- stub.c, sandbox.c: in the stubs ---------------------------------- */

/* Descriptors of a stub. */
enum { FD_RAM, FD_KICK, FD_TIMER, FD_RETRY, STUB_FDS };

/*
 * In a child of the process `launcher`: becomes space `me`'s stub; does not
 * return.
 */
NORETURN void stub_run(unsigned me, const struct guest *g, pid_t launcher,
		       const int fds[STUB_FDS]);

/* A system call, as the kernel answers it: -errno is an error. */
long stub_call(long nr, long a, long b, long c, long d, long e, long f);

/* Has the Launcher serve u->post, and waits for its answer. */
void stub_post(struct user *u);

/*
 * Tells the Launcher of a write that nobody waits for, and goes on; if not
 * now, then with others, or when there is time (stub_tell()).
 */
void stub_note(struct user *u, const struct post *post, bool now);
void stub_tell(struct user *u);

/* The Guest is over.  Does not return in a stub. */
void stub_crash(struct user *u, enum crash crash, uint32_t a, uint32_t b,
		uint32_t c);

/*
 * For a direct path that has changed more than registers: the Guest goes on as
 * u->cpu says, after a handover if its tables are another stub's.
 */
NORETURN void stub_resume(struct user *u);

/* One of the two timers; ns 0: off; interval 0: once. */
void stub_timer(int fd, uint64_t ns, uint64_t interval);

/* --- ldt.c ------------------------------------------------------------ */

/* In a stub: as it begins, and before it runs the Guest. */
void ldt_init(void);
void ldt_sync(struct user *u, struct space *s);

/* --- fpu.c ------------------------------------------------------------ */

/* Out of the frame of s's handler, and into it; live: out of the registers. */
void fpu_save(struct user *u, const struct space *s, bool live);
void fpu_load(const struct user *u, struct space *s, bool live);

/* What is in the frame goes live. */
void fpu_resume(const struct user *u, const struct space *s);

/* --- cpu.c, port.c ---------------------------------------------------- */

/* Does what the signal asks for. */
void cpu_trap(struct user *u);

/* Before the Guest goes on.  False: it cannot, wait for an interrupt. */
bool cpu_settle(struct user *u);

/* Enters the Guest's handler.  False: it has none. */
bool cpu_deliver(struct user *u, unsigned vector, bool has_error,
		 uint32_t error);

/* The same, or the Guest is dead. */
void cpu_fault(struct user *u, unsigned vector, bool has_error,
	       uint32_t error);

/* What the real CPU loads for the Guest's `sel`; or the trap that it is. */
unsigned cpu_selector(const struct user *u, uint32_t sel, uint16_t *real);

/* A port or a device's register: asks the Launcher. */
uint32_t cpu_io(struct user *u, const struct post *post);

/* --- insn.c ----------------------------------------------------------- */

/* After #GP: does the instruction at eip.  False: the Guest has its trap. */
bool insn_emulate(struct user *u);

/* The linear address that a program's instruction at eip uses, if any. */
bool insn_operand(struct user *u, uint32_t *va, bool *write);

/* After a fault at device memory, at gpa. */
bool insn_mmio(struct user *u, uint32_t gpa);

/* Up to n bytes at eip; how many there were. */
unsigned insn_fetch(struct user *u, uint8_t *bytes, unsigned n);

/* --- mmu.c: what the Guest's page tables say -------------------------- */

#define CR4_PSE		(1u << 4)	/* large pages, if not by PAE */

#define PTE_P		1u
#define PTE_RW		2u
#define PTE_US		4u
#define PTE_A		0x20u
#define PTE_D		0x40u
#define PTE_PSE		0x80u
#define PTE_FRAME	(~(uint32_t)(PAGE - 1))

/* In our own entries alone: text that was treated, to be executed only. */
#define PTE_TEXT	0x200u

/* The table, or the large page, that has va. */
struct table {
	uint32_t *at;		/* entry of va, NULL: there is none */
	uint32_t large;		/* that of its 4 KiB, if at is a large page's */
	uint32_t allowed;	/* what the directory leaves of an entry */
	bool bad;		/* on the way to va there is what cannot be */
};

struct table mmu_table(struct user *u, uint32_t cr3, uint32_t va);

/* The entry i pages behind va, in the same table; 0: none. */
uint32_t mmu_entry(const struct user *u, const struct table *t, unsigned i);

/* What of the Guest's entry for va may be mapped: frame, P, RW, TEXT; or 0. */
uint32_t mmu_mappable(const struct user *u, uint32_t va, uint32_t pte);

/* Where that frame of RAM is text that we have changed; 0: it is not. */
uint32_t *mmu_treated(const struct user *u, uint32_t frame);

/* A word of the Guest's RAM, which may lie anywhere. */
uint32_t *mmu_ram(struct user *u, uint32_t gpa, uint32_t len);

/*
 * Guest's memory by linear address, a page of it at most.  False: a hole, and
 * nothing was written.
 */
bool mmu_read(struct user *u, uint32_t va, void *buf, uint32_t len);
bool mmu_write(struct user *u, uint32_t va, const void *buf, uint32_t len);

enum mmu_fill { FILL_DONE, FILL_GUEST, FILL_DEVICE, FILL_BAD, FILL_LOW };

/* How memory was accessed: bits of #PF's error code. */
enum { PF_PRESENT = 1, PF_WRITE = 2, PF_USER = 4, PF_RESERVED = 8,
	PF_FETCH = 16 };

/*
 * After a fault at va: maps the page as the Guest's tables say, or says that
 * it is the Guest's to handle, that it is a device's (*gpa), or that its
 * tables are beyond belief.
 */
enum mmu_fill mmu_fill(struct user *u, uint32_t va, unsigned how,
		       uint32_t *gpa);

/* Page tables changed: one entry, 4 MiB, programs' pages, everything. */
void mmu_set_pte(struct user *u, uint32_t cr3, uint32_t va);
void mmu_set_table(struct user *u, uint32_t cr3, uint32_t index);
void mmu_set_part(struct user *u, uint32_t va);
void mmu_flush_user(struct user *u);
void mmu_flush_all(struct user *u);
void mmu_load(struct user *u, uint32_t cr3);

/* Does what a flush has left for the time when this space runs. */
void mmu_catch_up(struct user *u, struct space *s);

/* --- space.c: which stub has which mappings --------------------------- */

/* As if it had just been started; u is zero but for the Launcher's part. */
void space_init(struct user *u);

/* The space of the page tables in use; one is taken from another if need be. */
struct space *space_wanted(struct user *u);

/*
 * queue.c: one thing more to be done to its mappings.  If there is no room for
 * it, everything of a stub that does not run is forgotten instead.
 */
void space_op(struct user *u, struct space *s, struct op o);

/* Does what waits to be done to the mappings of the stub that we are in. */
void space_drain(struct user *u, struct space *s);

/* Of the kernel's pages around va. */
struct shadow *space_kernel(struct user *u, uint32_t va);

/* What is (to be) mapped at va; 0: nothing. */
uint32_t space_get(struct user *u, const struct space *s, uint32_t va);

/* Remembers it, and has it done: n pages, consecutive in va and gpa. */
void space_map(struct user *u, struct space *s, uint32_t va, uint32_t n,
	       uint32_t pte);
void space_unmap(struct user *u, struct space *s, uint32_t va);
void space_protect(struct user *u, struct space *s, uint32_t va, uint32_t pte);
/* s gets the page tables cr3. */
void space_rekey(struct user *u, const struct space *s, uint32_t cr3);
/* Everything. */
void space_forget(struct user *u, struct space *s);

static inline unsigned key_hash(uint32_t cr3)
{
	return (cr3 >> 12 ^ cr3 >> 5) % KEYED;
}

static inline unsigned space_index(const struct user *u, const struct space *s)
{
	return s - u->spaces;
}

/* --- stock.c, system.c, cpuid.c --------------------------------------- */

/* As a boot loader leaves the CPU. */
void stock_init(struct user *u);

/* Takes over what has changed in the Guest's descriptor table. */
void stock_descriptors(struct user *u);

/*
 * Before the page is mapped: text and what is written must not be one.  True:
 * it was mapped here, for one instruction.
 */
bool stock_text(struct user *u, uint32_t va, uint32_t frame, unsigned how);

/* After that instruction, or instead of it. */
void stock_stepped(struct user *u);

/*
 * From the direct path, with the registers AX to DI, and on the Guest's stack
 * where it goes on: does the instruction there, or leaves it to a trap.
 */
void system_direct(uint64_t *gpr);

/* Is it one that can be done there?  n bytes from its first on. */
bool system_is_direct(const uint8_t *bytes, unsigned n);

/* Instructions behind 0f that do not exist, and stand for others. */
bool system_replaced(struct user *u, struct insn *i);

/* In the Guest's registers. */
void cpuid_emulate(struct user *u);

/* Where u->cpuid has it; leaf is not beyond the last, 0xd or 0x80000008. */
unsigned cpuid_row(uint32_t leaf, uint32_t sub);

/* False: there is no such register. */
bool msr_read(struct user *u);
bool msr_write(struct user *u);

/* --- lguest.c --------------------------------------------------------- */

/* int $0x1f or vmcall, eip behind it. */
void lguest_hypercall(struct user *u);

/* From the direct path, with the registers AX to DI.  1: not by this way. */
int lguest_direct(const uint64_t *gpr);

/* Can that be hypercall n, where the kernel names it before an int? */
bool lguest_may_name(uint32_t n);

/* The TSC and the monotonic clock, of one moment. */
void lguest_sample(uint64_t *tsc, uint64_t *ns);

/* --- post.c: in the Launcher ------------------------------------------ */

/* Makes descriptors and watches; once. */
void post_create(struct guest *g);

/* Starts the first stub, and with it the Guest. */
void post_start(struct guest *g);

/* Ends all stubs. */
void post_stop(void);

/* An interrupt for the Guest. */
void post_interrupt(unsigned irq);

/* A line of a PC goes up or down. */
void post_line(unsigned irq, bool level);

/* --- children.c: in the Launcher -------------------------------------- */

/* Starts stub i, once; false: there is one, or the Host has no process. */
bool children_spawn(uint32_t i, const struct guest *g,
		    const int fds[STUB_FDS]);

/* Has stub i look for interrupts, if there is one. */
void children_interrupt(uint32_t i);

/* From now on the Guest ends with any of its stubs; once. */
void children_watch(void);

/* Ends them all. */
void children_stop(void);

/* This process, and all that it starts, to one of the Host's CPUs; once. */
void children_stay_on_a_cpu(void);

/* --- boot.c ----------------------------------------------------------- */

/* Loads an lguest's or a PC's kernel; the CPU's registers are set for its first instruction. */
void boot_load(struct guest *g, struct user *u);

/* --- probe.c ---------------------------------------------------------- */

/* What this Host lacks, in why; true: nothing. */
bool probe_host(char *why);

/* What it lacks if a stub, or its trial, exits with this status. */
const char *probe_lacks(unsigned step);

#endif
