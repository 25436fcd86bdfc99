/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What else firmware would have done: tables, a CPU in the mode that the
 * kernel's boot protocol asks for (Documentation/arch/x86/boot.rst, "64-bit
 * boot protocol" and "32-bit boot protocol"), and the few settings of a CPU
 * that kernels expect to find made.
 */
#include <string.h>

#include "kvm.h"

#define CPUIDS_MAX	256

/* Selectors that the boot protocol wants for code and data. */
#define BOOT_CS		0x10
#define BOOT_DS		0x18
#define BOOT_TR		0x20

#define CR0_PE		(1u << 0)
#define CR0_ET		(1u << 4)
#define CR0_NE		(1u << 5)
#define CR0_PG		(1u << 31)
#define CR4_PAE		(1u << 5)
#define EFER_LONG	(1u << 8 | 1u << 10)	/* enabled, active */

#define MSR_MISC_ENABLE	0x1a0
#define MISC_FAST_STRINGS (1 << 0)
#define MSR_MTRR_DEFAULT 0x2ff
#define MTRR_ON		(1 << 11)
#define MTRR_WRITE_BACK	6

#define PTE_TABLE	0x03	/* present, writable */
#define PTE_LARGE	0x83	/* and 2 MiB of memory */

/* The first 4 GiB at their own addresses, in pages of 2 MiB. */
static void page_tables(struct guest *g)
{
	uint64_t *pml4 = pc_low(g, KVM_PAGES, 0x6000);
	uint64_t *pdpt = pml4 + 512, *pd = pdpt + 512;

	pml4[0] = (KVM_PAGES + 0x1000) | PTE_TABLE;
	for (unsigned i = 0; i < 4; i++)
		pdpt[i] = (KVM_PAGES + 0x2000 + i * 0x1000) | PTE_TABLE;
	for (unsigned i = 0; i < 4 * 512; i++)
		pd[i] = MIB(2) * i | PTE_LARGE;
}

/* The segments that the CPU already has, in case the kernel reloads them. */
static void descriptor_table(struct guest *g, bool wide)
{
	uint64_t *gdt = pc_low(g, KVM_GDT, 5 * 8);

	gdt[BOOT_CS / 8] = wide ? 0x00af9b000000ffff : 0x00cf9b000000ffff;
	gdt[BOOT_DS / 8] = 0x00cf93000000ffff;
	gdt[BOOT_TR / 8] = 0x00008b0000000067;
}

void kvm_boot_load(struct guest *g, struct boot *boot)
{
	pc_load(g, boot, kvm.ncpus);
	descriptor_table(g, boot->enter_64);
	if (boot->enter_64)
		page_tables(g);
}

/* ------------------------------------------------------------------ */

void kvm_boot_flat(struct kvm_sregs *s, bool wide, uint64_t cr3)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = BOOT_CS, .type = 0xb,
		.present = 1, .s = 1, .g = 1, .l = wide, .db = !wide,
	};
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = BOOT_DS, .type = 0x3,
		.present = 1, .s = 1, .g = 1, .db = 1,
	};

	s->cs = code;
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment){
		.limit = 0x67, .selector = BOOT_TR, .type = 0xb, .present = 1,
	};
	s->cr0 = CR0_PE | CR0_ET | CR0_NE;
	if (!wide)
		return;
	s->cr0 |= CR0_PG;
	s->cr3 = cr3;
	s->cr4 = CR4_PAE;
	s->efer = EFER_LONG;
}

static void set_registers(struct kvm_cpu *cpu, const struct boot *boot)
{
	struct kvm_sregs s;
	struct kvm_regs r = {
		.rip = boot->entry, .rsi = boot->params, .rsp = KVM_STACK,
		.rflags = 2,	/* interrupts off; one bit is always on */
	};

	if (kvm_ioctl(cpu->fd, KVM_GET_SREGS, &s) < 0)
		die_errno("KVM_GET_SREGS");
	kvm_boot_flat(&s, boot->enter_64, KVM_PAGES);
	s.gdt.base = KVM_GDT;
	s.gdt.limit = 5 * 8 - 1;
	s.idt.limit = 0;
	if (kvm_ioctl(cpu->fd, KVM_SET_SREGS, &s) < 0)
		die_errno("KVM_SET_SREGS");
	if (kvm_ioctl(cpu->fd, KVM_SET_REGS, &r) < 0)
		die_errno("KVM_SET_REGS");
}

/*
 * All memory is cached unless page tables say otherwise, and string
 * instructions are fast: kernels that find either switched off believe it.
 * What a CPU does not have KVM refuses, and that is all right.
 */
static void set_msrs(struct kvm_cpu *cpu)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} wanted[] = {
		{ MSR_MTRR_DEFAULT, MTRR_ON | MTRR_WRITE_BACK },
		{ MSR_MISC_ENABLE, MISC_FAST_STRINGS },
	};
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} m;

	for (unsigned i = 0; i < ARRAY_SIZE(wanted); i++) {
		memset(&m, 0, sizeof(m));
		m.head.nmsrs = 1;
		m.entry.index = wanted[i].index;
		/* Other bits tell what the CPU has not: keep them. */
		kvm_ioctl(cpu->fd, KVM_GET_MSRS, &m);
		m.entry.data |= wanted[i].value;
		m.head.nmsrs = 1;
		kvm_ioctl(cpu->fd, KVM_SET_MSRS, &m);
	}
}

/* ------------------------------------------------------------------ */

static bool has_deadline_timer(void)
{
	return kvm_ioctl_n(kvm.fd, KVM_CHECK_EXTENSION,
			   KVM_CAP_TSC_DEADLINE_TIMER) > 0;
}

/*
 * KVM tells what the Host's CPU can do; where it sits among others is ours to
 * say: packages of one core with one thread, APIC ids as in the MADT.
 */
static void fix_cpuid(struct kvm_cpuid_entry2 *e, unsigned id)
{
	switch (e->function) {
	case 0x1:
		e->ebx = (e->ebx & 0xffff) | 1 << 16 | id << 24;
		e->ecx |= 1u << 31;		/* a hypervisor is here */
		if (has_deadline_timer())
			e->ecx |= 1 << 24;
		e->edx &= ~(1u << 28);		/* no threads */
		break;
	case 0x4:
		/* Of cores and of threads that share this cache: one. */
		e->eax &= 0x3fff;
		break;
	case 0xb:
	case 0x1f:
		e->eax = 0;
		e->ebx = e->ecx & 0xff00 ? 1 : 0;
		e->edx = id;
		break;
	case 0x80000001:
		e->ecx &= ~(1u << 1);		/* no cores beside this one */
		break;
	case 0x80000008:
		e->ecx = 0;
		break;
	case 0x8000001d:
		e->eax &= 0x3fff;
		break;
	case 0x8000001e:
		e->eax = e->ebx = id;
		e->ecx = 0;
		break;
	}
}

static void set_cpuid(struct kvm_cpu *cpu)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[CPUIDS_MAX];
	} c;

	c.head.nent = CPUIDS_MAX;
	if (kvm_ioctl(kvm.fd, KVM_GET_SUPPORTED_CPUID, &c) < 0)
		die_errno("KVM_GET_SUPPORTED_CPUID");
	for (unsigned i = 0; i < c.head.nent; i++)
		fix_cpuid(&c.entries[i], cpu->index);
	if (kvm_ioctl(cpu->fd, KVM_SET_CPUID2, &c) < 0)
		die_errno("KVM_SET_CPUID2");
}

void kvm_boot_cpu(struct kvm_cpu *cpu, const struct boot *boot)
{
	set_cpuid(cpu);
	set_msrs(cpu);
	/* With KVM's own APICs, others wait for an INIT from the first. */
	if (cpu->index == 0)
		set_registers(cpu, boot);
}
