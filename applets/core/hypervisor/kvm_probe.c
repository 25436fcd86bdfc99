/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does /dev/kvm work here?  CPU flags do not tell: there are Hosts without
 * them where it does, and Hosts with an open /dev/kvm behind which there is
 * only an emulator of single instructions.  So we let it run a Guest, a very
 * small one, but with paging: that is what the emulators cannot do.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kvm.h"

#define PROBE_MS	50
#define TRIES		4	/* the Host may have been busy elsewhere */
#define MEMORY		0x10000
#define CODE		0x8000
#define COUNTER		0x5000
/*
 * Emulators manage a few million instructions a second, so this takes them
 * some hundred milliseconds; a CPU, even one that is emulated as a whole, less
 * than ten.
 */
#define COUNT		300000

/* The same bytes in 32-bit and 64-bit mode: count, then halt. */
static const uint8_t code[] = {
	0xb9, COUNT & 0xff, COUNT >> 8 & 0xff, COUNT >> 16, 0,	/* mov %ecx */
	0xff, 0x04, 0x25, 0x00, COUNTER >> 8, 0, 0,	/* incl COUNTER */
	0xe2, 0xf7,					/* loop incl */
	0xf4,						/* hlt */
};

struct probe {
	int fd, vm, cpu;
	uint8_t *memory;
	struct kvm_run *run;
	size_t run_size;
};

static struct kvm_run *volatile late;	/* for the handler */

/*
 * With its first VM a Host's kernel turns virtualization on, and with its last
 * one off again, which both take time: so this one stays until there is
 * another.
 */
static struct probe kept = { .fd = -1 };

/* The timer repeats, so it does not matter where the first one hit. */
static void too_late(int sig)
{
	(void)sig;
	if (late)
		late->immediate_exit = 1;
}

static bool has_needs(int fd, char *why)
{
	static const struct {
		int cap;
		const char *name;
	} needs[] = {
		{ KVM_CAP_USER_MEMORY, "memory" },
		{ KVM_CAP_IRQCHIP, "interrupt controllers" },
		{ KVM_CAP_PIT2, "timer" },
		{ KVM_CAP_IRQFD, "irqfd" },
		{ KVM_CAP_IOEVENTFD, "ioeventfd" },
		{ KVM_CAP_IMMEDIATE_EXIT, "immediate_exit (Linux 4.11)" },
	};

	if (kvm_ioctl_n(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		snprintf(why, WHY_MAX, "/dev/kvm: not the version we know");
		return false;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(needs); i++) {
		if (kvm_ioctl_n(fd, KVM_CHECK_EXTENSION, needs[i].cap) > 0)
			continue;
		snprintf(why, WHY_MAX, "/dev/kvm: has no %s", needs[i].name);
		return false;
	}
	return true;
}

/* Has the Host's CPU 64-bit mode for Guests? */
static bool has_long_mode(int fd)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} c;

	c.head.nent = ARRAY_SIZE(c.entries);
	if (kvm_ioctl(fd, KVM_GET_SUPPORTED_CPUID, &c) < 0)
		return false;
	for (unsigned i = 0; i < c.head.nent; i++)
		if (c.entries[i].function == 0x80000001)
			return c.entries[i].edx >> 29 & 1;
	return false;
}

/* A large page at address 0, for whichever kind of page tables. */
static void fill_memory(uint8_t *memory, bool wide)
{
	static const uint64_t wide_tables[] = { 0x2003, 0x3003, 0x83 };
	uint32_t narrow = 0x83;

	if (wide)
		for (unsigned i = 0; i < ARRAY_SIZE(wide_tables); i++)
			memcpy(memory + 0x1000 * (i + 1), &wide_tables[i], 8);
	else
		memcpy(memory + 0x1000, &narrow, 4);
	memcpy(memory + CODE, code, sizeof(code));
}

static bool set_cpu(struct probe *p, bool wide)
{
	struct kvm_regs r = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs s;

	if (kvm_ioctl(p->cpu, KVM_GET_SREGS, &s) < 0)
		return false;
	kvm_boot_flat(&s, wide, 0x1000);
	if (!wide) {
		s.cr0 |= 1u << 31;	/* PG */
		s.cr3 = 0x1000;
		s.cr4 = 1 << 4;		/* PSE */
	}
	return kvm_ioctl(p->cpu, KVM_SET_SREGS, &s) == 0 &&
	       kvm_ioctl(p->cpu, KVM_SET_REGS, &r) == 0;
}

/* Makes the VM.  False and errno: what was made remains for probe_close(). */
static bool probe_create(struct probe *p, bool wide)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };

	p->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->memory == MAP_FAILED)
		return false;
	fill_memory(p->memory, wide);
	region.userspace_addr = (uintptr_t)p->memory;
	p->vm = kvm_ioctl_n(p->fd, KVM_CREATE_VM, 0);
	if (p->vm < 0 ||
	    kvm_ioctl_n(p->vm, KVM_SET_TSS_ADDR, 0xfffbd000) < 0 ||
	    kvm_ioctl(p->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return false;
	p->cpu = kvm_ioctl_n(p->vm, KVM_CREATE_VCPU, 0);
	if (p->cpu < 0)
		return false;
	p->run_size = kvm_ioctl_n(p->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	p->run = mmap(NULL, p->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      p->cpu, 0);
	return p->run != MAP_FAILED && set_cpu(p, wide);
}

/* Runs until HLT or for PROBE_MS. */
static bool probe_run(struct probe *p)
{
	struct sigaction sa = { .sa_handler = too_late }, old;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = KVM_KICK };
	struct itimerspec ms = { { 0, 1000000 }, { 0, PROBE_MS * 1000000 } };
	uint32_t counter;
	timer_t timer;
	int number;
	bool halted;

	/* The C library's brings all that timers with threads need. */
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &number) < 0)
		return false;
	timer = (timer_t)(intptr_t)number;
	late = p->run;
	sigaction(KVM_KICK, &sa, &old);
	timer_settime(timer, 0, &ms, NULL);
	halted = kvm_ioctl_n(p->cpu, KVM_RUN, 0) == 0 &&
		 p->run->exit_reason == KVM_EXIT_HLT;
	timer_delete(timer);
	late = NULL;
	p->run->immediate_exit = 0;
	sigaction(KVM_KICK, &old, NULL);
	memcpy(&counter, p->memory + COUNTER, sizeof(counter));
	return halted && counter == COUNT;
}

static void probe_close(struct probe *p)
{
	if (p->run != MAP_FAILED)
		munmap(p->run, p->run_size);
	if (p->cpu >= 0)
		close(p->cpu);
	if (p->vm >= 0)
		close(p->vm);
	if (p->memory != MAP_FAILED)
		munmap(p->memory, MEMORY);
	close(p->fd);
}

static bool probe(struct probe *p, const struct image *image, char *why)
{
	bool wide = has_long_mode(p->fd), ran = false;

	if (!has_needs(p->fd, why))
		return false;
	if (image->is_64 && !wide) {
		snprintf(why, WHY_MAX, "a 64-bit kernel, on a 32-bit Host");
		return false;
	}
	if (!probe_create(p, wide)) {
		snprintf(why, WHY_MAX, "/dev/kvm: create a VM: %s",
			 strerror(errno));
		return false;
	}
	for (unsigned i = 0; i < TRIES && !ran; i++) {
		set_cpu(p, wide);
		memset(p->memory + COUNTER, 0, sizeof(uint32_t));
		ran = probe_run(p);
	}
	if (!ran)
		snprintf(why, WHY_MAX, "/dev/kvm: runs a paged guest too slowly or not at all: it only emulates");
	return ran;
}

bool kvm_can(const struct image *image, char *why)
{
	struct probe p = {
		.vm = -1, .cpu = -1, .memory = MAP_FAILED, .run = MAP_FAILED,
	};
	bool yes;

	kvm_probe_forget();
	p.fd = kvm_open_node();
	if (p.fd < 0) {
		snprintf(why, WHY_MAX, "/dev/kvm: %s", strerror(errno));
		return false;
	}
	yes = probe(&p, image, why);
	if (yes)
		kept = p;
	else
		probe_close(&p);
	return yes;
}

void kvm_probe_forget(void)
{
	if (kept.fd < 0)
		return;
	probe_close(&kept);
	kept.fd = -1;
}
