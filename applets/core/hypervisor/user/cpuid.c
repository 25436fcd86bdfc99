/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a Guest is told of its CPU (Intel SDM volume 2, CPUID), and the few
 * model specific registers that it may ask for.
 */
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "user.h"

/* FPU, VME no, TSC, PAE, CX8, CMOV, CLFSH, MMX, FXSR, SSE, SSE2. */
#define LEAF1_EDX	0x07888151u
#define LEAF1_ECX	0x00982201u	/* SSE3, SSSE3, CX16, SSE4, POPCNT */

/*
 * What a PC's kernel has besides: PSE, MSR, PGE; MCE and MCA, of which it has
 * 0 banks, for Linux complains of there being none; PCLMUL, MOVBE, AES, RDRAND.
 */
#define PC_EDX		0x000060a8u
#define PC_ECX		0x42400002u
#define HYPERVISOR	(1u << 31)

/*
 * Where a kernel saves more than fxsave does, programs may have it: AVX and
 * AVX-512, that is XCR0's bits here, and what of leaf 1 and 7 goes with it.
 */
#define XSAVE		(1u << 26)
#define AVX_ECX		0x30001000u	/* AVX, F16C, FMA */
#define LEAF7_EBX	0xf02b0328u	/* AVX*, BMI, ADX, SHA, ERMS */
#define LEAF7_ECX	0x00005f42u	/* VBMI, GFNI, VAES, VNNI, ... */
#define FAST_STRINGS	(1u << 9)

#define KVM_LEAF	0x40000000u
/* KVM_FEATURE_: CLOCKSOURCE, NOP_IO_DELAY, CLOCKSOURCE2, _STABLE_BIT. */
#define KVM_FEATURES	(1u << 0 | 1u << 1 | 1u << 3 | 1u << 24)
#define EXTENDED_MAX	0x80000008u
#define ARCH_CAPABILITIES (1u << 29)	/* leaf 7, edx: there is that MSR */

/* --- cpuid ------------------------------------------------------------ */

/*
 * What needs more state than a Guest's kernel saves, it does not see.  With
 * family 5 it looks for no microcode, and for no features before Linux asks.
 */
static void filter_lguest(uint32_t leaf, uint32_t r[4])
{
	switch (leaf) {
	case 0:
		r[0] = r[0] < 5 ? r[0] : 5;
		break;
	case 1:
		r[0] = (r[0] & 0xff) | 0x500;
		r[2] = (r[2] & LEAF1_ECX) | HYPERVISOR;
		r[3] &= LEAF1_EDX;
		break;
	case 0x80000000:
		r[0] = r[0] < EXTENDED_MAX ? r[0] : EXTENDED_MAX;
		break;
	case 0x80000001:
		r[2] = 0;
		r[3] &= LEAF1_EDX;
		break;
	}
}

static void put_name(uint32_t *a, uint32_t *b, uint32_t *c, const char *name)
{
	memcpy(a, name, 4);
	memcpy(b, name + 4, 4);
	memcpy(c, name + 8, 4);
}

static void filter_features(const struct user *u, uint32_t r[4])
{
	uint32_t more = u->states ? XSAVE | AVX_ECX : 0;

	if (more && u->sys.cr4 & CR4_OSXSAVE)
		more |= OSXSAVE;
	r[0] = 0x6f0 | (r[0] & 0xf);
	r[1] &= 0xff00;
	r[2] = (r[2] & (LEAF1_ECX | PC_ECX | more)) | HYPERVISOR;
	r[3] = (r[3] & LEAF1_EDX) | PC_EDX;
}

/* Sizes are the Host's whatever is on: its xsave saves what is on there. */
static void filter_states(const struct user *u, uint32_t leaf,
			  uint32_t r[4])
{
	uint32_t on = u->states;

	if (!on || (leaf > 1 && (leaf >= CPUID_STATES || !(on >> leaf & 1))))
		memset(r, 0, 4 * sizeof(*r));
	if (leaf == 1) {
		r[0] &= 1;		/* xsaveopt */
		r[1] = r[2] = r[3] = 0;
	}
}

/*
 * A PC's kernel knows what to do about each maker's faults, by registers that
 * we have not.  Of this one it knows none but the name, where it would warn of
 * a maker that it does not know.  And there is a clock that is right, KVM's.
 */
static void filter_stock(const struct user *u, uint32_t leaf,
			 uint32_t r[4])
{
	switch (leaf) {
	case 0:
		r[0] = 0xd;
		put_name(&r[1], &r[3], &r[2], "UMC UMC UMC\0");
		break;
	case 1:
		filter_features(u, r);
		break;
	case 7:
		r[0] = 0;
		r[1] &= u->states ? LEAF7_EBX : FAST_STRINGS;
		r[2] &= u->states ? LEAF7_ECX : 0;
		r[3] = ARCH_CAPABILITIES;
		break;
	case 0xd:
		filter_states(u, u->cpu.gpr[CX], r);
		break;
	case KVM_LEAF:
		r[0] = KVM_LEAF + 1;
		put_name(&r[1], &r[2], &r[3], "KVMKVMKVM\0\0");
		break;
	case KVM_LEAF + 1:
		memset(r, 0, 4 * sizeof(*r));
		r[0] = KVM_FEATURES;
		break;
	case 0x80000000:
		memset(r, 0, 4 * sizeof(*r));
		r[0] = EXTENDED_MAX;
		break;
	case 0x80000001:
		r[0] = r[1] = r[3] = 0;
		r[2] &= 1;			/* lahf */
		break;
	case 0x80000007:
		r[0] = r[1] = r[2] = 0;
		r[3] &= 1u << 8;		/* the TSC never stops */
		break;
	case 0x80000008:
		memset(r, 0, 4 * sizeof(*r));
		r[0] = 0x2020;			/* 32 bits of each address */
		break;
	case 0x80000002 ... 0x80000006:		/* its name, its caches */
		break;
	default:
		memset(r, 0, 4 * sizeof(*r));
	}
}

unsigned cpuid_row(uint32_t leaf, uint32_t sub)
{
	if (leaf >> 31)
		return CPUID_LEAVES + leaf % 16 % CPUID_EXTENDED;
	/* The last one of the caches says that there are no more. */
	if (leaf == 4)
		return CPUID_LEAVES + CPUID_EXTENDED +
		       (sub < CPUID_CACHES ? sub : CPUID_CACHES - 1);
	if (leaf == 0xd)
		return CPUID_ROWS - CPUID_STATES + sub % CPUID_STATES;
	return leaf % CPUID_LEAVES;
}

void cpuid_emulate(struct user *u)
{
	struct cpu *c = &u->cpu;
	uint32_t leaf = c->gpr[AX], r[4] = { 0 };
	/* No leaf beyond the last: the CPU would answer with that one. */
	uint32_t max = leaf >> 31 ? EXTENDED_MAX : u->stock ? 0xd : 5;

	if (leaf <= max)
		memcpy(r, u->cpuid[cpuid_row(leaf, c->gpr[CX])], sizeof(r));
	if (u->stock)
		filter_stock(u, leaf, r);
	else
		filter_lguest(leaf, r);
	c->gpr[AX] = r[0];
	c->gpr[BX] = r[1];
	c->gpr[CX] = r[2];
	c->gpr[DX] = r[3];
}

/* --- kvm-clock (Documentation/virt/kvm/x86/msr.rst) ------------------- */

struct clock_page {
	uint32_t version, pad;
	uint64_t tsc, ns;
	uint32_t multiplier;
	int8_t shift;
	uint8_t flags, pad2[2];
};

#define CLOCK_STABLE	1	/* the same on all CPUs */

/*
 * Between two moments, ns for each tick of the TSC, in units of 2^-32: less
 * than one as no TSC is slower than 1 GHz; or twice that, and so on.
 */
static void set_rate(struct clock_page *p, uint64_t tsc, uint64_t ns)
{
	for (; ns >> 31; ns >>= 1)
		tsc >>= 1;
	for (; tsc <= ns && tsc; tsc <<= 1)
		p->shift++;
	p->multiplier = tsc ? (ns << 32) / tsc : 0;
}

static void set_clock(struct user *u, uint32_t value)
{
	uint32_t *at = mmu_ram(u, value & ~3u, sizeof(struct clock_page));
	struct clock_page p = { .flags = CLOCK_STABLE };

	if (!(value & 1) || !at)
		return;
	lguest_sample(&p.tsc, &p.ns);
	p.ns -= u->tsc_ns;
	set_rate(&p, p.tsc - u->tsc, p.ns);
	p.version = at[0] + 2 - at[0] % 2;
	memcpy(at, &p, sizeof(p));
}

/* What time it was when the other clock was 0. */
static void set_wall_clock(struct user *u, uint32_t gpa)
{
	uint32_t *at = mmu_ram(u, gpa & ~3u, 12);
	uint64_t ns = board_clock(CLOCK_REALTIME) -
		      (board_clock(CLOCK_MONOTONIC) - u->tsc_ns);

	if (!at)
		return;
	at[0] += 2;
	at[1] = ns / 1000000000;
	at[2] = ns % 1000000000;
}

/* --- model specific registers ----------------------------------------- */

enum { MSR_TSC = 0x10, MSR_ARCH_CAPABILITIES = 0x10a,
	MSR_MCG_CAP = 0x179, MSR_MCG_STATUS = 0x17a, MSR_DEBUGCTL = 0x1d9,
	MSR_WALL_CLOCK_OLD = 0x11, MSR_CLOCK_OLD = 0x12,
	MSR_WALL_CLOCK = 0x4b564d00, MSR_CLOCK = 0x4b564d01 };

/*
 * None of the faults that kernels have cures for: Meltdown and its like (0, 3
 * to 6, 8), and those after them.  Whatever is to be done about the real CPU's
 * the Host does.
 */
#define NO_FAULTS	0x1d1fe179u

/*
 * There are no others.  But before its first page table a kernel may see what
 * the real CPU is, and look for its NX or its microcode; nor has it gates yet.
 */
bool msr_read(struct user *u)
{
	uint64_t value = 0;

	switch (u->cpu.gpr[CX]) {
	case MSR_MCG_CAP: case MSR_MCG_STATUS: case MSR_DEBUGCTL:
	case MSR_CLOCK: case MSR_CLOCK_OLD:
	case MSR_WALL_CLOCK: case MSR_WALL_CLOCK_OLD:
		break;
	case MSR_TSC:
		value = __builtin_ia32_rdtsc();
		break;
	case MSR_ARCH_CAPABILITIES:
		value = NO_FAULTS;
		break;
	default:
		if (!u->mmu.linear)
			return false;
	}
	u->cpu.gpr[AX] = value;
	u->cpu.gpr[DX] = value >> 32;
	return true;
}

/* The TSC is the Host's; errors and branches nobody records. */
bool msr_write(struct user *u)
{
	uint32_t value = u->cpu.gpr[AX];

	switch (u->cpu.gpr[CX]) {
	case MSR_CLOCK: case MSR_CLOCK_OLD:
		set_clock(u, value);
		break;
	case MSR_WALL_CLOCK: case MSR_WALL_CLOCK_OLD:
		set_wall_clock(u, value);
		break;
	case MSR_TSC: case MSR_MCG_STATUS: case MSR_DEBUGCTL:
		break;
	default:
		return u->mmu.linear;
	}
	return true;
}
