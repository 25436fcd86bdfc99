/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address spaces: which stub has which page tables of the Guest, and what of
 * them is mapped there.  A mapping is an mmap(2) in the stub, which only the
 * stub itself can do: what changes while another one runs waits (queue.c).
 *
 * What is here may always be less than what the Guest's tables say, never
 * more: what is missing faults and is filled in.  So when in doubt, unmap.
 */
#include <string.h>
#include <sys/mman.h>

#include "user.h"

#define PART_SHIFT	22	/* of the kernel, 4 MiB together */
#define PARTS		1024u
#define KERNEL_USUAL	0xc0000000u	/* until it says otherwise */
#define LIGHT		1u	/* pages; as many as kernels use for that */

void space_init(struct user *u)
{
	u->mmu.linear = true;
	u->mmu.kernel = KERNEL_USUAL;
	u->mmu.end = u->stock ? DIRECT_PC : LINEAR_END;
	u->mmu.nspaces = SPACES_MAX;
	/* Leaf 0 is none. */
	for (unsigned i = 1; i < LEAVES_MAX; i++)
		u->mmu.free[u->mmu.nfree++] = i;
	for (unsigned i = 0; i < SPACES_MAX; i++)
		u->mmu.keys[i] = NO_CR3;
	u->spaces[0].used = true;
}

void space_rekey(struct user *u, const struct space *s, uint32_t cr3)
{
	struct mmu *m = &u->mmu;
	uint32_t *key = &m->keys[space_index(u, s)];

	if (*key != NO_CR3)
		m->keyed[key_hash(*key)]--;
	*key = cr3;
	if (cr3 != NO_CR3)
		m->keyed[key_hash(cr3)]++;
}

/* --- what is mapped --------------------------------------------------- */

static uint32_t *leaf_entry(struct user *u, const struct space *s, uint32_t va)
{
	unsigned leaf = s->leaf[va >> LEAF_SHIFT];

	return leaf && leaf < LEAVES_MAX ?
	       &u->leaves[leaf][va / PAGE % LEAF_PAGES] : NULL;
}

static void leaf_free(struct user *u, struct space *s, unsigned part)
{
	unsigned leaf = s->leaf[part];

	if (!leaf)
		return;
	if (u->mmu.count[leaf])
		memset(u->leaves[leaf], 0, sizeof(u->leaves[leaf]));
	s->pages -= u->mmu.count[leaf];
	s->leaf[part] = u->mmu.count[leaf] = 0;
	u->mmu.free[u->mmu.nfree++] = leaf;
}

static void forget_programs(struct user *u, struct space *s)
{
	for (unsigned part = 0; s->pages && part < ARRAY_SIZE(s->leaf); part++)
		leaf_free(u, s, part);
}

/* Backwards, and first those from 3 GiB on, where most kernels begin. */
struct shadow *space_kernel(struct user *u, uint32_t va)
{
	return &u->shadow[va >> PART_SHIFT ^ 0xff];
}

/* Nobody has it mapped as text: then what happens to it is not seen. */
static void forget_text(struct user *u, uint32_t pte)
{
	if (pte & PTE_TEXT)
		*mmu_treated(u, pte) = 0;
}

static void forget_kernel(struct user *u, const struct space *s)
{
	struct mmu *m = &u->mmu;
	uint64_t bit = UINT64_C(1) << space_index(u, s);

	for (unsigned part = m->kernel >> PART_SHIFT; part < PARTS; part++) {
		struct shadow *k = space_kernel(u, part << PART_SHIFT);

		if (!m->kernel_count[part])
			continue;
		for (unsigned i = 0; i < 1024; i++) {
			if (!(k->spaces[i] & bit))
				continue;
			k->spaces[i] &= ~bit;
			if (!k->spaces[i]) {
				forget_text(u, k->pte[i]);
				k->pte[i] = 0;
				m->kernel_count[part]--;
			}
		}
	}
}

void space_forget(struct user *u, struct space *s)
{
	forget_programs(u, s);
	forget_kernel(u, s);
	s->reset = true;
	s->nops = 0;
}

/* The least recently used of the others; with_leaves: that has some to give. */
static struct space *space_oldest(struct user *u, const struct space *not,
				  bool with_leaves)
{
	struct space *best = NULL;

	for (unsigned i = 0; i < u->mmu.nspaces; i++) {
		struct space *s = &u->spaces[i];

		if (s != not && s->used && (s->pages || !with_leaves) &&
		    (!best || s->last < best->last))
			best = s;
	}
	return best;
}

/* For 2 MiB that have no leaf yet. */
static void leaf_take(struct user *u, struct space *s, unsigned part)
{
	struct mmu *m = &u->mmu;

	if (!m->nfree) {
		struct space *other = space_oldest(u, s, true);

		/* Alone, and it has everything: then not for long. */
		space_forget(u, other ? other : s);
	}
	s->leaf[part] = m->free[--m->nfree];
}

static void set_program(struct user *u, struct space *s, uint32_t va,
			uint32_t pte)
{
	unsigned part = va >> LEAF_SHIFT;
	uint32_t *e;

	if (!s->leaf[part]) {
		if (!pte)
			return;
		leaf_take(u, s, part);
	}
	if (pte)
		s->latest = va;
	e = leaf_entry(u, s, va);
	if (!*e != !pte) {
		u->mmu.count[s->leaf[part]] += pte ? 1 : -1;
		s->pages += pte ? 1 : -1;
	}
	*e = pte;
	if (!u->mmu.count[s->leaf[part]])
		leaf_free(u, s, part);
}

/* A kernel page that is no more what it was: nobody may have it. */
static void drop_kernel(struct user *u, uint32_t va)
{
	struct shadow *k = space_kernel(u, va);
	unsigned i = va >> 12 & 1023;

	for (uint64_t left = k->spaces[i]; left; left &= left - 1) {
		struct space *s = &u->spaces[__builtin_ctzll(left)];

		space_op(u, s, (struct op){ va, 1, 0, OP_UNMAP, 0 });
	}
	if (k->pte[i])
		u->mmu.kernel_count[va >> PART_SHIFT]--;
	forget_text(u, k->pte[i]);
	k->pte[i] = 0;
	k->spaces[i] = 0;
}

static void set_kernel(struct user *u, const struct space *s, uint32_t va,
		       uint32_t pte)
{
	struct shadow *k = space_kernel(u, va);
	unsigned i = va >> 12 & 1023;
	uint64_t bit = UINT64_C(1) << space_index(u, s);

	/* The others lose it; here it is replaced. */
	k->spaces[i] &= ~bit;
	if (k->pte[i] && k->pte[i] != pte)
		drop_kernel(u, va);
	if (!k->pte[i])
		u->mmu.kernel_count[va >> PART_SHIFT]++;
	if (pte & PTE_RW && va != u->mmu.kernel + (pte & PTE_FRAME))
		u->aliased[pte >> 15] |= 1 << (pte >> 12 & 7);
	k->pte[i] = pte;
	k->spaces[i] |= bit;
}

uint32_t space_get(struct user *u, const struct space *s, uint32_t va)
{
	const struct shadow *k = space_kernel(u, va);
	unsigned i = va >> 12 & 1023;
	uint32_t *e;

	if (va >= u->mmu.kernel)
		return k->spaces[i] >> space_index(u, s) & 1 ? k->pte[i] : 0;
	e = leaf_entry(u, s, va);
	return e ? *e : 0;
}

/* A PC's kernel may execute only what we have looked at. */
static int protection(const struct user *u, uint32_t va, uint32_t pte)
{
	bool any = !u->stock || u->mmu.linear || va < u->mmu.kernel;

	return PROT_READ | (pte & PTE_RW ? PROT_WRITE : 0) |
	       (any || pte & PTE_TEXT ? PROT_EXEC : 0);
}

void space_map(struct user *u, struct space *s, uint32_t va, uint32_t n,
	       uint32_t pte)
{
	space_op(u, s, (struct op){ va, n, pte & PTE_FRAME, OP_MAP,
				    protection(u, va, pte) });
	/* Linear mode ends as a whole, so there it is not worth the memory. */
	for (uint32_t i = 0; i < n && !u->mmu.linear; i++) {
		uint32_t at = va + i * PAGE, e = pte + i * PAGE;

		if (at >= u->mmu.kernel)
			set_kernel(u, s, at, e);
		else
			set_program(u, s, at, e);
	}
}

void space_unmap(struct user *u, struct space *s, uint32_t va)
{
	if (va >= u->mmu.kernel) {
		drop_kernel(u, va);
		return;
	}
	set_program(u, s, va, 0);
	space_op(u, s, (struct op){ va, 1, 0, OP_UNMAP, 0 });
}

void space_protect(struct user *u, struct space *s, uint32_t va, uint32_t pte)
{
	set_program(u, s, va, pte);
	space_op(u, s, (struct op){ va, 1, 0, OP_PROTECT,
				    protection(u, va, pte) });
}

/* --- whose turn it is ------------------------------------------------- */

/* Its programs' pages go; the kernel's are the same everywhere. */
static void space_recycle(struct user *u, struct space *s)
{
	u->n.evictions++;
	forget_programs(u, s);
	space_op(u, s, (struct op){ 0, u->mmu.kernel / PAGE, 0, OP_UNMAP, 0 });
}

static struct space *space_take(struct user *u)
{
	const struct space *current = &u->spaces[u->cur % SPACES_MAX];
	struct space *s;

	for (unsigned i = 0; i < u->mmu.nspaces; i++)
		if (!u->spaces[i].used)
			return &u->spaces[i];
	s = space_oldest(u, current, false);
	/* There is no other: the one that we are in changes. */
	if (!s)
		s = &u->spaces[u->cur % SPACES_MAX];
	space_recycle(u, s);
	return s;
}

/* Those that have it have hardly anything of programs mapped. */
static bool is_light(const struct space *s)
{
	return !s || s->pages <= LIGHT;
}

/*
 * The stub that runs takes the other's tables, and gives its own: what little
 * is mapped is cheaper to change than the process.  Kernels that change their
 * own text do that at another address space of one page, thousands of times.
 */
static void space_exchange(struct user *u, struct space *s,
			   struct space *other)
{
	struct mmu *m = &u->mmu;

	if (other) {
		space_rekey(u, other, m->keys[space_index(u, s)]);
		other->recheck = true;
	}
	space_rekey(u, s, m->cr3);
	s->recheck = true;
	mmu_catch_up(u, s);
	/* In such a turn it is always the same that is wanted next. */
	mmu_set_pte(u, m->cr3, s->latest);
}

struct space *space_wanted(struct user *u)
{
	struct mmu *m = &u->mmu;
	struct space *s = &u->spaces[u->cur % SPACES_MAX], *other = NULL;

	if (!m->linear && m->keys[space_index(u, s)] != m->cr3) {
		for (unsigned i = 0; i < m->nspaces && !other; i++)
			if (m->keys[i] == m->cr3)
				other = &u->spaces[i];
		if (is_light(s) && is_light(other)) {
			space_exchange(u, s, other);
		} else {
			s = other ? other : space_take(u);
			s->used = true;
			space_rekey(u, s, m->cr3);
		}
	}
	mmu_catch_up(u, s);
	s->last = ++m->uses;
	return s;
}
