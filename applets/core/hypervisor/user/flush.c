/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of mappings when the Guest says that its tables have changed.
 *
 * One policy: what is mapped there is compared with the tables, and only what
 * differs goes.  A whole flush then costs a walk, not a thousand faults.
 */
#include <string.h>

#include "user.h"

#define PART_SHIFT	22
#define TABLE_PAGES	1024u

/* What is mapped at va, against what its table says now. */
static void recheck(struct user *u, struct space *s, uint32_t va, uint32_t is,
		    uint32_t wanted)
{
	if (is == wanted)
		return;
	/* Kernel pages are shared; and what is elsewhere comes by a fault. */
	if (va >= u->mmu.kernel || (is ^ wanted) & (PTE_FRAME | PTE_P))
		space_unmap(u, s, va);
	else
		space_protect(u, s, va, wanted);
}

/*
 * How many entries behind the first differ from the Guest's as that one does,
 * in flags that do not matter here.  Nearly all of the kernel's memory is like
 * this, and some kernels have us look at it thousands of times.
 */
static unsigned alike(const uint32_t *p, const uint32_t *is, unsigned n)
{
	const uint64_t both = 1 | UINT64_C(1) << 32, flags = PAGE - 1;
	uint64_t differ = (p[0] ^ is[0]) * both, same = is[0] & flags, a, b;
	unsigned i;

	for (i = 1; i + 1 <= n; i += 2) {
		memcpy(&a, p + i, sizeof(a));
		memcpy(&b, is + i, sizeof(b));
		if ((a ^ b) != differ || (b & flags * both) != same * both)
			break;
	}
	return i - 1;
}

/* The same with PAE, whose entries have 64 bits. */
static unsigned alike_pae(const uint32_t *p, const uint32_t *is, unsigned n)
{
	uint32_t flags = is[0] & (PAGE - 1);
	uint64_t first, next;
	unsigned i;

	memcpy(&first, p, sizeof(first));
	first ^= is[0];
	for (i = 1; i <= n; i++) {
		memcpy(&next, p + 2 * i, sizeof(next));
		if ((next ^ is[i]) != first || (is[i] & (PAGE - 1)) != flags)
			break;
	}
	return i - 1;
}

/* The same within a large page. */
static unsigned alike_large(const uint32_t *is, unsigned n)
{
	unsigned i;

	for (i = 1; i <= n && is[i] == is[0] + i * PAGE; i++)
		;
	return i - 1;
}

/* The entries of 2 MiB from va on, all in one of the Guest's tables. */
static void recheck_run(struct user *u, struct space *s, uint32_t cr3,
			uint32_t va, const uint32_t *is)
{
	const struct table t = mmu_table(u, cr3, va);
	uint64_t two;

	for (unsigned i = 0; i < LEAF_PAGES; i++) {
		uint32_t wanted, was = is[i], left = LEAF_PAGES - i - 1;

		memcpy(&two, is + (i & ~1u), sizeof(two));
		if (!two)
			i |= 1;
		if (!was)
			continue;
		wanted = mmu_mappable(u, va + i * PAGE, mmu_entry(u, &t, i));
		if (was != wanted)
			recheck(u, s, va + i * PAGE, was, wanted);
		else if (t.large)
			i += alike_large(is + i, left);
		else if (u->mmu.pae)
			i += alike_pae(t.at + 2 * i, is + i, left);
		else
			i += alike(t.at + i, is + i, left);
	}
}

/* 2 MiB of programs. */
static void recheck_leaf(struct user *u, struct space *s, uint32_t va)
{
	unsigned leaf = s->leaf[va >> LEAF_SHIFT] % LEAVES_MAX;

	if (leaf)
		recheck_run(u, s, u->mmu.keys[space_index(u, s)], va,
			    u->leaves[leaf]);
}

/* 4 MiB; a table of PAE has half of that. */
static void recheck_part(struct user *u, struct space *s, unsigned part)
{
	struct mmu *m = &u->mmu;
	uint32_t va = (uint32_t)part << PART_SHIFT;

	if (va >= m->kernel && !m->kernel_count[part])
		return;
	for (unsigned half = 0; half < 2; half++, va += LEAF_PAGES * PAGE) {
		if (va >= m->kernel)
			recheck_run(u, s, m->cr3, va, &space_kernel(u, va)->
				    pte[half * LEAF_PAGES]);
		else
			recheck_leaf(u, s, va);
	}
}

/* Kernels want this at each mov to cr3, and most of the 3 GiB are empty. */
static void recheck_programs(struct user *u, struct space *s)
{
	unsigned end = u->mmu.kernel >> LEAF_SHIFT;
	uint64_t four;

	s->recheck = false;
	for (unsigned i = 0; s->pages && i < end; i++) {
		memcpy(&four, s->leaf + (i & ~3u), sizeof(four));
		if (four)
			recheck_leaf(u, s, i << LEAF_SHIFT);
		else
			i |= 3;
	}
}

void mmu_flush_user(struct user *u)
{
	struct space *s = &u->spaces[u->cur % SPACES_MAX];

	/* It may have asked for other tables a moment ago. */
	for (unsigned i = 0; i < u->mmu.nspaces; i++)
		if (u->mmu.keys[i] == u->mmu.cr3)
			s = &u->spaces[i];
	if (!u->mmu.linear && u->mmu.keys[space_index(u, s)] == u->mmu.cr3)
		recheck_programs(u, s);
}

/* Those that do not run can wait until they do. */
void mmu_flush_all(struct user *u)
{
	if (u->mmu.linear)
		return;
	for (unsigned i = 0; i < u->mmu.nspaces; i++)
		u->spaces[i].recheck = u->spaces[i].used;
	mmu_catch_up(u, &u->spaces[u->cur % SPACES_MAX]);
	for (unsigned part = u->mmu.kernel >> PART_SHIFT;
	     part < TABLE_PAGES; part++)
		recheck_part(u, &u->spaces[0], part);
}

void mmu_catch_up(struct user *u, struct space *s)
{
	if (s->recheck)
		recheck_programs(u, s);
}

/* The entry is in memory already, so its value need not be taken from here. */
static void set_in(struct user *u, struct space *s, uint32_t cr3, uint32_t va)
{
	const struct table t = mmu_table(u, cr3, va);
	uint32_t wanted = mmu_mappable(u, va, mmu_entry(u, &t, 0));
	uint32_t is = space_get(u, s, va);

	if (is)
		recheck(u, s, va, is, wanted);
	/* It will be used at once, or would not have been accessed. */
	else if (wanted && cr3 == u->mmu.cr3 && va >= u->lowest &&
		 va < u->mmu.kernel)
		space_map(u, s, va, 1, wanted);
}

void mmu_set_pte(struct user *u, uint32_t cr3, uint32_t va)
{
	struct mmu *m = &u->mmu;

	va &= PTE_FRAME;
	if (va >= m->end || m->linear)
		return;
	if (va >= m->kernel) {
		const struct table t = mmu_table(u, m->cr3, va);
		uint32_t is = space_kernel(u, va)->pte[va >> 12 & 1023];

		if (is)
			recheck(u, &u->spaces[0], va, is,
				mmu_mappable(u, va, mmu_entry(u, &t, 0)));
		return;
	}
	if (!m->keyed[key_hash(cr3)])
		return;
	for (unsigned i = 0; i < m->nspaces; i++)
		if (m->keys[i] == cr3)
			set_in(u, &u->spaces[i], cr3, va);
}

/* In the tables that are in use, the 4 MiB around va. */
void mmu_set_part(struct user *u, uint32_t va)
{
	recheck_part(u, &u->spaces[u->cur % SPACES_MAX], va >> PART_SHIFT);
}

void mmu_set_table(struct user *u, uint32_t cr3, uint32_t index)
{
	struct mmu *m = &u->mmu;
	unsigned n = m->pae ? 256 : 1, first = index * n;

	if (m->linear || first >= TABLE_PAGES)
		return;
	for (unsigned part = first; part < first + n; part++) {
		if (part >= m->kernel >> PART_SHIFT) {
			recheck_part(u, &u->spaces[0], part);
			continue;
		}
		for (unsigned i = 0; i < m->nspaces; i++)
			if (m->keys[i] == cr3)
				recheck_part(u, &u->spaces[i], part);
	}
}
