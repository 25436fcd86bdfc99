/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor `user`: for Hosts that offer nothing.  The Guest's CPU is the
 * real one, in processes of ours; see user.h.
 */
#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

#define WINDOW_SIZE	MIB(1)		/* of BARs, a page each */
/* The Guest's addresses are 32 bits, and its devices want some. */
#define RAM_MAX		GIB(3)

static bool made;		/* is there a struct user? */

static bool hypervisor_user_can(const struct image *image, char *why)
{
	if (image->is_64) {
		snprintf(why, WHY_MAX, "a 64-bit kernel: that needs /dev/kvm; here a 32-bit one would do (Debian: linux-image-686)");
		return false;
	}
	return probe_host(why);
}

static const struct hypervisor user_pc;

bool user_is_pc(const struct guest *g)
{
	return g->hv == &user_pc;
}

/*
 * One of lguest's that nobody can look into is a PC's as well as any other, and
 * what is none would not start as one of lguest's.
 */
static const struct hypervisor *hypervisor_user_as(const struct guest *g)
{
	return g->image->lguest == LGUEST_YES ? g->hv : &user_pc;
}

/* Kernels from 4.0 on look for PCI, those before for the lguest bus. */
static const char *hypervisor_user_bus(const struct guest *g)
{
	const char *version = g->image->version;

	return version[0] >= '4' && version[1] == '.' ? "pci" : "lguest";
}

static void pc_open(struct guest *g)
{
	g->mem.below = USER;
	if (g->plan->memory > RAM_MAX)
		die_usage("%llu MB of memory: Guests of the hypervisor user have at most 3072",
			  (unsigned long long)(g->plan->memory >> 20));
}

static void hypervisor_user_open(struct guest *g)
{
	io_no_timer();
	pc_open(g);
}

static bool cpuid_faults(void)
{
	/* On, as it is: the question is whether it could be off. */
	return !syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1);
}

/* AVX and AVX-512.  A Host with other states saves those as well, unasked. */
#define XSAVE_STATES	0xe7u

static void cpuid_row_read(struct user *u, uint32_t leaf, uint32_t sub)
{
	uint32_t *r = u->cpuid[cpuid_row(leaf, sub)];

	/* Of leaves beyond the last the CPU would say what that one is. */
	if (__get_cpuid_max(leaf & 0x80000000, NULL) >= leaf)
		__cpuid_count(leaf, sub, r[0], r[1], r[2], r[3]);
}

/* Here, for in stubs CPUID may trap whoever asks. */
static void cpuid_read(struct user *u)
{
	uint32_t low, high;

	for (unsigned i = 0; i < CPUID_LEAVES - 1; i++)
		cpuid_row_read(u, i, 0);
	for (unsigned i = 0; i < CPUID_EXTENDED; i++)
		cpuid_row_read(u, 0x80000000 + i, 0);
	for (unsigned i = 0; i < CPUID_CACHES; i++)
		cpuid_row_read(u, 4, i);
	for (unsigned i = 0; i < CPUID_STATES; i++)
		cpuid_row_read(u, 0xd, i);
	if (!(u->cpuid[1][2] & OSXSAVE))
		return;
	asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	u->states = low & ~XSAVE_STATES || high ? 0 : low;
}

static void hypervisor_user_create(struct guest *g)
{
	struct user *u = mmap(USER, sizeof(*u), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE |
			      MAP_FIXED_NOREPLACE, -1, 0);

	if (u != USER)
		die_errno("mmap the Guest's state");
	lguest_sample(&u->tsc, &u->tsc_ns);
	u->stock = user_is_pc(g);
	u->ram = g->mem.host;
	u->ram_size = g->mem.size + g->bus->memory;
	u->rings = g->bus->memory ? g->mem.size + PAGE : u->ram_size;
	u->window = g->window;
	u->window_end = g->window + WINDOW_SIZE;
	u->lowest = LINEAR_START;
	u->cpuid_faults = cpuid_faults();
	cpuid_read(u);
	if (!u->cpuid_faults && !(u->stock && u->states))
		verbose("CPUID does not trap here: programs in the Guest see AVX, which its kernel cannot save");
	space_init(u);
	direct_create(u);
	u->direct.fn = u->stock ? (uintptr_t)system_direct :
				  (uintptr_t)lguest_direct;
	post_create(g);
	boot_load(g, u);
	made = true;
}

static void hypervisor_user_start(struct guest *g)
{
	post_start(g);
}

/* Interrupts of lguest are events. */
static void hypervisor_user_line(struct guest *g, unsigned irq, bool level)
{
	(void)g;
	if (level && irq < 32)
		post_interrupt(irq);
}

/* A bus that is reset takes its doorbells from a Guest that is gone. */
static void hypervisor_user_doorbell(struct virtqueue *q, gpa_t gpa, bool on)
{
	unsigned n = q->d->index * QUEUES_MAX + q->index;

	if (made)
		USER->doorbells[n] = on ? gpa : 0;
}

static void tell_counters(void)
{
	const struct counters *n = &USER->n;
	const struct windows *w = &USER->windows;
	const struct { const char *what; uint64_t n; } rows[] = {
		{ "traps", n->traps }, { "system calls", n->syscalls },
		{ "page faults", n->faults }, { "pages filled", n->filled },
		{ "protection faults", n->protection },
		{ "hypercalls", n->hcalls }, { "direct ones", n->direct },
		{ "asynchronous ones", n->async_hcalls },
		{ "interrupts", n->irqs }, { "posts", n->posts },
		{ "handovers", n->switches }, { "evictions", n->evictions },
		{ "maps", n->maps }, { "unmaps", n->unmaps },
		{ "protects", n->protects },
	};

	fprintf(stderr, "user:");
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		fprintf(stderr, "%s %llu %s", i ? "," : "",
			(unsigned long long)rows[i].n, rows[i].what);
	fprintf(stderr, "\r\nuser: emulated");
	for (unsigned i = 0; i < 256; i++) {
		if (n->one[i])
			fprintf(stderr, ", %02x %u", i, n->one[i]);
		if (n->two[i])
			fprintf(stderr, ", 0f%02x %u", i, n->two[i]);
	}
	fprintf(stderr, "\r\nuser: text: %u pages, %u replaced, %u left, %u bytes unknown\r\n",
		USER->text.pages, USER->text.patched, USER->text.left,
		USER->text.lost);
	fprintf(stderr, "user: windows: %u made, %u undone, refused %u as targets, %u by instructions, %u busy, %u without room, %u bytes of code\r\n",
		w->n, w->undone, w->refused[REFUSED_TARGET],
		w->refused[REFUSED_INSN], w->refused[REFUSED_BUSY],
		w->refused[REFUSED_FULL], w->used);
}

static void hypervisor_user_dump(struct guest *g)
{
	const struct cpu *c = &USER->cpu;

	(void)g;
	fprintf(stderr, "user: ring %d, eip %08x esp %08x eflags %08x eax %08x ebx %08x ecx %08x edx %08x\r\n",
		USER->direct.user ? 3 : 1, c->eip, c->gpr[SP], c->eflags,
		c->gpr[AX], c->gpr[BX], c->gpr[CX], c->gpr[DX]);
	tell_counters();
}

static void hypervisor_user_destroy(struct guest *g)
{
	(void)g;
	post_stop();
	if (say_verbose)
		tell_counters();
	made = false;
	munmap(USER, sizeof(*USER));
}

static const uint8_t irqs[] = {
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};

const struct hypervisor hypervisor_user = {
	.name = "user",
	.bus = hypervisor_user_bus,
	.priority = 30,
	.irqs = irqs,
	.nirqs = ARRAY_SIZE(irqs),
	.unpacks = true,
	.can = hypervisor_user_can,
	.as = hypervisor_user_as,
	.open = hypervisor_user_open,
	.create = hypervisor_user_create,
	.start = hypervisor_user_start,
	.destroy = hypervisor_user_destroy,
	.line = hypervisor_user_line,
	.line_is_event = true,
	.doorbell = hypervisor_user_doorbell,
	.dump = hypervisor_user_dump,
};

/* --- a PC ------------------------------------------------------------- */

static const char *pc_bus(const struct guest *g)
{
	(void)g;
	return "pci";
}

/* What a reboot finds again is made once. */
static void user_pc_create(struct guest *g)
{
	static bool once;

	if (!once) {
		uart_create(g);
		pc_create(g);
	}
	once = true;
	hypervisor_user_create(g);
	uart_reset(g);
	pc_reset(g);
}

static void pc_line(struct guest *g, unsigned irq, bool level)
{
	(void)g;
	post_line(irq, level);
}

static const uint8_t pc_irqs[] = PCI_IRQS;

static const struct hypervisor user_pc = {
	.name = "user",
	.bus = pc_bus,
	.arguments = pc_arguments,
	.window = PCI_WINDOW,
	.irqs = pc_irqs,
	.nirqs = ARRAY_SIZE(pc_irqs),
	.unpacks = true,
	.open = pc_open,
	.create = user_pc_create,
	.start = hypervisor_user_start,
	.destroy = hypervisor_user_destroy,
	.line = pc_line,
	.doorbell = hypervisor_user_doorbell,
	.dump = hypervisor_user_dump,
};
