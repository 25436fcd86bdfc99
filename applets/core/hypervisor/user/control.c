/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control registers of a PC's CPU (Intel SDM volume 3, 2.5), and what they
 * mean to its page tables.
 */
#include "insn.h"

#define CR0_PE		(1u << 0)
#define CR0_TS		(1u << 3)
#define CR0_WP		(1u << 16)
#define CR0_NW		(1u << 29)
#define CR0_CD		(1u << 30)
#define CR0_PG		(1u << 31)
#define CR4_PAE		(1u << 5)
#define CR4_PGE		(1u << 7)
/* TSD, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT: what CPUID tells of. */
#define CR4_OFFERED	0x7f4u
#define SPLIT		MIB(128)	/* each VMSPLIT is a multiple */

static void set_cr3(struct user *u, uint32_t value)
{
	struct mmu *m = &u->mmu;

	m->cr3 = value;
	if (m->linear)
		return;
	if (!mmu_ram(u, value & ~31u, 32)) {
		stub_crash(u, CRASH_TABLE, value, 0, 0);
		return;
	}
	/* Entries of the kernel are global, and stay. */
	if (!(u->sys.cr4 & CR4_PGE))
		mmu_flush_all(u);
	for (unsigned i = 0; i < m->nspaces; i++)
		if (m->keys[i] == value)
			u->spaces[i].recheck = true;
}

/*
 * With its first tables a kernel sees itself twice: where it still runs, which
 * is its physical address, and where it is going to be (CONFIG_VMSPLIT).
 */
static void find_kernel(struct user *u)
{
	for (uint32_t base = SPLIT; base; base += SPLIT) {
		const struct table t = mmu_table(u, u->mmu.cr3,
						 base + u->cpu.eip);
		uint32_t pte = mmu_entry(u, &t, 0);

		if (!(pte & PTE_P) || (pte ^ u->cpu.eip) & PTE_FRAME)
			continue;
		u->mmu.kernel = base;
		direct_tables(u);
		break;
	}
}

static void set_cr0(struct user *u, uint32_t value)
{
	struct mmu *m = &u->mmu;
	struct space *s = &u->spaces[u->cur % SPACES_MAX];
	uint32_t changed = u->sys.cr0 ^ value;

	u->sys.cr0 = value;
	u->sys.overwrites = !(value & CR0_WP);
	u->cpu.ts = value & CR0_TS;
	if (changed & CR0_PG) {
		space_forget(u, s);
		m->linear = !(value & CR0_PG);
		if (!m->linear) {
			/* Nothing is mapped yet, in any space. */
			if (m->keys[space_index(u, s)] == NO_CR3)
				find_kernel(u);
			space_rekey(u, s, m->cr3);
		}
	}
	if (changed & (CR0_PG | CR0_WP))
		mmu_flush_all(u);
}

static void set_cr4(struct user *u, uint32_t value)
{
	uint32_t changed = u->sys.cr4 ^ value;

	u->sys.cr4 = value;
	u->mmu.pae = value & CR4_PAE;
	if (changed & (CR4_PSE | CR4_PAE | CR4_PGE))
		mmu_flush_all(u);
}

bool control_read(struct user *u, struct insn *i)
{
	uint8_t modrm = insn_take(i, 1);
	uint32_t *to = &u->cpu.gpr[modrm & 7];

	switch (modrm >> 3 & 7) {
	case 0:
		*to = (u->sys.cr0 & ~CR0_TS) | (u->cpu.ts ? CR0_TS : 0);
		break;
	case 2:
		*to = u->direct.cr2;
		break;
	case 3:
		*to = u->mmu.cr3;
		break;
	case 4:
		*to = u->sys.cr4;
		break;
	default:
		return false;
	}
	u->cpu.eip += i->used;
	return true;
}

bool control_write(struct user *u, struct insn *i)
{
	uint8_t modrm = insn_take(i, 1);
	uint32_t value = u->cpu.gpr[modrm & 7];

	switch (modrm >> 3 & 7) {
	case 0:
		/* Paging is protected, and a write goes to a cache that is. */
		if ((value & (CR0_PG | CR0_PE)) == CR0_PG ||
		    (value & (CR0_NW | CR0_CD)) == CR0_NW)
			return false;
		set_cr0(u, value);
		break;
	case 2:
		u->direct.cr2 = value;
		break;
	case 3:
		set_cr3(u, value);
		break;
	case 4:
		if (value & ~(u->states ? CR4_OFFERED | CR4_OSXSAVE :
			      CR4_OFFERED))
			return false;
		set_cr4(u, value);
		break;
	default:
		return false;
	}
	u->cpu.eip += i->used;
	return true;
}
