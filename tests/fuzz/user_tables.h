/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the fuzz target of the shadow MMU: the Guest's page tables, read by code
 * of its own, and what has to be true of what is mapped because of them.
 */
#ifndef USER_TABLES_H
#define USER_TABLES_H

#include "../fuzz/ring.h"

#undef CHECK
#undef CHECK_EQ
#define CHECK(is)	must((is), #is)
#define CHECK_EQ(a, b)	must((a) == (b), #a " == " #b)
#include "../unit/user_host.h"

#define RAM		KIB(256)
#define KERNEL		0xc0000000u
#define PARTS		1024u

/* Pages that are looked at after each step; about as many as are used. */
static const uint32_t bases[] = {
	0x400000, 0x7fc000, 0x800000, KERNEL, KERNEL + 0x3fc000,
	KERNEL + 0x400000, 0x10000, 0xbfffc000,
};
#define RUN_PAGES	8
#define PAGES		(ARRAY_SIZE(bases) * RUN_PAGES)

static uint32_t page_va(unsigned i)
{
	return bases[i / RUN_PAGES] + i % RUN_PAGES * PAGE;
}

/* --- the tables, read again: none of them in frame 0 ---------------------- */

struct entry {
	bool there, writes, user, large, broken;
	uint32_t frame, bits;
};

/* A word of a table; none beyond RAM. */
static bool word(uint64_t gpa, uint64_t *value)
{
	unsigned size = u->mmu.pae ? 8 : 4;

	*value = 0;
	if (gpa + size > RAM)
		return false;
	memcpy(value, u->ram + gpa, size);
	return true;
}

static bool level(uint64_t gpa, uint64_t *value, struct entry *e, bool last)
{
	if (!word(gpa, value)) {
		e->broken = true;
		return false;
	}
	if (!(*value & PTE_P))
		return false;
	*value &= INT64_MAX;
	/* A page there is none of, to lguest's Guests; to a PC's it is bad. */
	last &= !u->stock;
	if (*value >> 32 && !last)
		e->broken = true;
	return !(*value >> 32) || last;
}

static bool is_large(uint64_t value, struct entry *e)
{
	if (!(value & PTE_PSE))
		return false;
	if (!u->stock)
		e->broken = true;
	else if (!u->mmu.pae && !(u->sys.cr4 & CR4_PSE))
		return false;
	else if (value & (u->mmu.pae ? 0x1fe000 : 0x3fe000))
		e->broken = true;
	return true;
}

static struct entry entry_of(uint32_t cr3, uint32_t va)
{
	unsigned shift = u->mmu.pae ? 9 : 10, size = u->mmu.pae ? 8 : 4;
	uint32_t mask = (1u << shift) - 1, inside;
	struct entry e = { .writes = true, .user = true };
	uint64_t dir = cr3 & PTE_FRAME, value;

	if (u->mmu.pae) {
		if (!level((cr3 & ~31u) + (va >> 30) * 8, &dir, &e, false))
			return e;
		dir &= PTE_FRAME;
		if (!dir)	/* as mmu.c says */
			return e;
	}
	if (!level(dir + (va >> (12 + shift) & mask) * size, &value, &e,
		   false))
		return e;
	e.writes = value & PTE_RW;
	e.user = value & PTE_US;
	e.large = is_large(value, &e);
	if (e.broken)
		return e;
	inside = (1u << (12 + shift)) - 1;
	if (e.large)
		value = (value & ~(uint64_t)inside & PTE_FRAME) |
			(va & inside & PTE_FRAME) | (value & 0x7f);
	else if (!(value & PTE_FRAME) ||
		 !level((value & PTE_FRAME) + (va >> 12 & mask) * size,
			&value, &e, true))
		return e;
	e.there = true;
	e.writes &= !!(value & PTE_RW);
	e.user &= !!(value & PTE_US);
	e.bits = value & (PAGE - 1);
	e.frame = value >> 32 ? PTE_FRAME : value & PTE_FRAME;
	return e;
}

/* What may be mapped because of it: frame and PROT_; 0: nothing. */
static uint32_t allowed(const struct entry *e)
{
	if (!e->there || !(e->bits & PTE_A) || e->frame >= RAM)
		return 0;
	return e->frame | PROT_READ |
	       (e->writes && e->bits & PTE_D ? PROT_WRITE : 0);
}

/* --- what has to be true -------------------------------------------------- */

/*
 * Of each page, in each stub and for the kernel: what it was allowed when
 * somebody last looked; and is it still true, or may it be stale?
 */
struct view {
	uint32_t was;
	bool stale, overwritten;
};

static struct view views[SPACES_MAX][PAGES];

static bool is_kernel(uint32_t va)
{
	return va >= u->mmu.kernel;
}

/* The kernel's pages are the same for all: they are kept with the first. */
static struct view *view_of(unsigned space, unsigned i)
{
	return &views[is_kernel(page_va(i)) ? 0 : space][i];
}

static uint32_t cr3_of(unsigned space, uint32_t va)
{
	return is_kernel(va) ? u->mmu.cr3 : u->mmu.keys[space];
}

/* Tables have changed: what was allowed and is no more is stale from now on. */
static void look(void)
{
	for (unsigned s = 0; s < u->mmu.nspaces; s++)
		for (unsigned i = 0; i < PAGES; i++) {
			struct view *v = view_of(s, i);
			struct entry e;
			uint32_t is;

			if (s && is_kernel(page_va(i)))
				continue;
			if (u->mmu.keys[s] == NO_CR3 && !is_kernel(page_va(i)))
				continue;
			e = entry_of(cr3_of(s, page_va(i)), page_va(i));
			is = allowed(&e);
			if (v->was && (((v->was ^ is) & PTE_FRAME) ||
				       (v->was & ~is & (PAGE - 1))))
				v->stale = true;
			v->was = is;
		}
}

/* The CPU was told: nothing is stale in there. */
static void told(unsigned space, uint32_t from, uint32_t to)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (page_va(i) >= from && page_va(i) <= to)
			*view_of(space, i) = (struct view){ 0 };
}

static void told_all(void)
{
	memset(views, 0, sizeof(views));
	look();
}

/* No more than its table says, if that is not stale; never what is no RAM. */
static void check_page(unsigned space, unsigned i)
{
	uint32_t va = page_va(i), is = host_pages(space)[va / PAGE];
	const struct view *v = view_of(space, i);
	uint32_t shadow = space_get(u, &u->spaces[space], va), more;

	if (!is)
		return;
	must((is & PTE_FRAME) < RAM, "mapped beyond RAM");
	must(va >= u->lowest && va < u->mmu.end, "mapped where none may be");
	must(shadow && !((shadow ^ is) & PTE_FRAME), "mapped, and not known");
	must(!(is & PROT_WRITE) || shadow & PTE_RW, "writable, and not known");
	if (u->sys.stepped != va)
		must(!(*mmu_treated(u, is) == va && is & PROT_WRITE),
		     "text that can be written to");
	if (u->stock && is_kernel(va) && is & PROT_EXEC)
		must(shadow & PTE_TEXT, "code that nobody looked at");
	if (v->stale)
		return;
	more = is & ~PROT_EXEC & ~v->was;
	must(!((is ^ v->was) & PTE_FRAME), "another page than its table's");
	must(!(more & PROT_WRITE) || v->overwritten || u->sys.stepped == va,
	     "more than its table allows");
}

static void check_kernel_count(unsigned part)
{
	const struct shadow *k = space_kernel(u, part << 22);
	unsigned n = 0;

	for (unsigned i = 0; i < 1024; i++) {
		n += !!k->pte[i];
		must(!k->pte[i] == !k->spaces[i],
		     "a kernel's page that nobody has");
	}
	CHECK_EQ(u->mmu.kernel_count[part], n);
}

static void check_counts(void)
{
	unsigned leaves = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(bases); i++)
		if (is_kernel(bases[i]))
			check_kernel_count(bases[i] >> 22);
	for (unsigned part = 0; part < PARTS; part++)
		if (u->mmu.kernel_count[part])
			check_kernel_count(part);
	for (unsigned s = 0; s < SPACES_MAX; s++) {
		const struct space *space = &u->spaces[s];
		unsigned pages = 0;

		for (unsigned part = 0; part < ARRAY_SIZE(space->leaf);
		     part++) {
			unsigned leaf = space->leaf[part], n = 0;

			if (!leaf)
				continue;
			leaves++;
			for (unsigned i = 0; i < LEAF_PAGES; i++)
				n += !!u->leaves[leaf][i];
			must(n, "an empty leaf");
			CHECK_EQ(u->mmu.count[leaf], n);
			pages += n;
		}
		CHECK_EQ(space->pages, pages);
	}
	must(leaves + u->mmu.nfree == host.leaves, "a leaf that is lost");
}

static void check_treated(void)
{
	for (unsigned frame = 0; frame < RAM / PAGE; frame++) {
		uint32_t va = *mmu_treated(u, frame * PAGE);
		uint32_t is = !va ? 0 :
			space_kernel(u, va)->pte[va >> 12 & 1023];

		must(!va || (is & PTE_TEXT && is >> 12 == frame),
		     "treated, and not mapped as text");
	}
}

static void check(void)
{
	must(u->mmu.nfree <= LEAVES_MAX, "leaves out of nothing");
	if (u->mmu.linear)
		return;
	for (unsigned i = 0; i < PAGES; i++)
		check_page(u->cur, i);
	if (u->stock)
		check_treated();
}

#endif
