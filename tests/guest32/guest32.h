/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small lguest Guest that tests what is under it.  Each suite is a list of
 * tests; the kernel's arguments say which of them run (main.c).
 */
#ifndef GUEST32_H
#define GUEST32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096
#define barrier()	asm volatile("" ::: "memory")

struct regs;

/* --- lguest.c: the Host ------------------------------------------------ */

#define RING		64	/* of hypercalls */

/* The page of both, as this generation has it. */
struct lguest_data {
	u32 irq_enabled;
	u32 blocked_interrupts;
	u32 cr2;
	u32 sec, nsec;
#if GEN >= KERNEL(2, 6, 31)
	u32 irq_pending;
#endif
	u8 hcall_status[RING];
#if GEN >= KERNEL(2, 6, 31)
	struct { u32 nr, arg[4]; } hcalls[RING];
#else
	struct { u32 nr, arg[3]; } hcalls[RING];
#endif
	u32 reserve_mem;
	u32 tsc_khz;
#if GEN < KERNEL(3, 1, 0)
	u32 pgdir;
#endif
#if GEN < KERNEL(4, 1, 0)
	u32 noirq_start, noirq_end;
#else
	u32 noirq_iret;
#endif
	u32 kernel_address;
	u32 syscall_vec;
};

extern volatile struct lguest_data lguest_data;

#if PC
/* pc_host.c: does what that call of lguest's stands for. */
void hcall(u32 nr, u32 a, u32 b, u32 c);
/* At the entry: what a Host would have put into lguest_data. */
u32 pc_trapped(const struct regs *r);
#define GATE_TSS	16
extern u32 gdt[32][2], idt[256][2];
u32 ram_end(const u8 *params);
#else
static inline void hcall(u32 nr, u32 a, u32 b, u32 c)
{
#if GEN < KERNEL(2, 6, 30)
	asm volatile("int $0x1f" :: "a"(nr), "d"(a), "b"(b), "c"(c) :
		     "memory");
#elif GEN < KERNEL(2, 6, 34)
	asm volatile(".byte 0x0f, 0x01, 0xc1" :: "a"(nr), "b"(a), "c"(b),
		     "d"(c), "S"(0) : "memory");
#else
	asm volatile("int $0x1f" :: "a"(nr), "b"(a), "c"(b), "d"(c), "S"(0) :
		     "memory");
#endif
}
#endif

/* Puts a call into the ring; false if the next slot is not free. */
bool hcall_async(u32 nr, u32 a, u32 b, u32 c);

void gdt_set(unsigned n, u32 low, u32 high);
void irqs_on(void);
void irqs_off(void);
__attribute__((noreturn)) void power_off(const char *why, u32 how);

/* --- memory.c ----------------------------------------------------------- */

extern u32 kernel_pgdir[1024], kernel_ptes[KERNEL_TABLES * 1024];
extern u32 boot_params;		/* physical */
extern u32 ram_size;

static inline u32 phys(const volatile void *p)
{
	return (u32)p - PAGE_OFFSET;
}

static inline void *virt(u32 physical)
{
	return (void *)(physical + PAGE_OFFSET);
}

/* Zeroed pages, never given back before test_end. */
void *page_get(void);
u32 pages_mark(void);
void pages_release(u32 mark);

/* Where the entry for va is in that page directory; a table is made. */
u32 *pte_at(u32 *pgdir, u32 va);
/* Stores and tells the Host. */
void pte_set(u32 *pgdir, u32 va, u32 pte);
void pgdir_use(u32 *pgdir);
/* A directory with the kernel's part and nothing else. */
u32 *pgdir_new(void);
/* The kernel's, 4 MiB of it, and nobody's in particular. */
#define KERNEL_VA	0xe0000000

/* Maps physical memory that the kernel has not got, for good. */
void *map_physical(u32 at, u32 size);
void memory_init(void);

/* --- text.c --------------------------------------------------------------- */

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
bool same(const char *a, const char *b);
/* %s %u %d %x %c; at most `room` bytes with the NUL. */
void vformat(char *out, size_t room, const char *fmt, __builtin_va_list ap);
__attribute__((format(printf, 1, 2))) void say(const char *fmt, ...);
/* "name=value" of the kernel's arguments; "" if there is none. */
const char *argument(const char *name);
u32 argument_number(const char *name, u32 otherwise);
void arguments_init(void);

/* --- early.c -------------------------------------------------------------- */

/* The console that needs no driver. */
void early_print(const char *s);

/* --- trap.c --------------------------------------------------------------- */

struct regs {
	u32 gs, fs, es, ds;
	u32 edi, esi, ebp, esp_unused, ebx, edx, ecx, eax;
	u32 vector, error;
	u32 eip, cs, eflags;
	u32 esp, ss;		/* only if it came from ring 3 */
};

struct context {
	u32 word[6];
};

int context_save(struct context *c) __attribute__((returns_twice));
__attribute__((noreturn)) void context_load(struct context *c, int value);
__attribute__((noreturn)) void regs_load(struct regs *r);

extern char trap_entries[256][16];
extern char noirq_start[], noirq_end[], noirq_iret[], guest_iret[];

#define GATE_TRAP	0x8f00
#define GATE_INTERRUPT	0x8e00

void idt_set(unsigned n, const void *handler, u32 type, unsigned dpl);
void traps_init(void);
/* Back to what traps_init() made. */
void gate_restore(unsigned n);

/* Runs fn(arg) and is true if it trapped, with how in `trapped`. */
bool trap_catch(void (*fn)(u32), u32 arg);
extern struct regs trapped;
extern u32 trapped_cr2, trapped_irqs;	/* lguest_data's, at the entry */
extern u32 trapped_stack;		/* where the frame was */

/* Is asked first; true: handled, go back. */
extern bool (*trap_hook)(struct regs *r);

/* How often, and what else is to be done then. */
extern volatile u32 irq_count[32];
extern void (*irq_hook)(struct regs *r, unsigned irq);

/*
 * Sleeps until the timer has come; interrupts are on then.  Off before, or it
 * might have come when it is to be waited for.
 */
void timer_sleep(u32 ns);

/* Ring 3, from r on until its next trap, which is in r then. */
void user_run(struct regs *r);
void user_regs(struct regs *r, u32 eip);
extern u8 user_image[], user_stack_page[];
extern u8 trap_stack[2 * PAGE];

#define USER_TEXT	0x400000	/* what link.ld says */
#define USER_STACK	0x500000	/* its page ends here */
#define USER_DATA	0x600000

/* --- main.c --------------------------------------------------------------- */

struct test {
	const char *suite, *name;
	void (*fn)(void);
};

#define TEST(group, title) \
	static void test_##group##_##title(void); \
	static const struct test entry_##group##_##title \
	__attribute__((section(".tests"), used, aligned(4))) = { \
		#group, #title, test_##group##_##title }; \
	static void test_##group##_##title(void)

/* The first one counts. */
__attribute__((format(printf, 1, 2))) void fail(const char *fmt, ...);
bool has_failed(void);
void skip(const char *why);
/* With trace=1: what the test does next, to find where it hangs. */
void trace(const char *what);

#define CHECK(x) do { \
	if (!(x)) \
		fail("%s (line %u)", #x, __LINE__); \
} while (0)

#define EQUAL(a, b) do { \
	u32 a_ = (u32)(a), b_ = (u32)(b); \
	if (a_ != b_) \
		fail("%s is 0x%x, not 0x%x (line %u)", #a, a_, b_, \
		     __LINE__); \
} while (0)

#endif
