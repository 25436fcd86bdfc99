/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Guest's page tables, read as the CPU would read them: accessed and
 * dirty bits, write protection, and the tables of an address space that
 * change only as far as we are told.  What they say, space.c maps.
 */
#include <string.h>

#include "user.h"

#define PART_SHIFT	22
#define TABLE_PAGES	1024u
#define KERNEL_RUN	32768u	/* pages to map at one fault */
#define PROGRAM_RUN	16u

uint32_t *mmu_ram(struct user *u, uint32_t gpa, uint32_t len)
{
	if (gpa > u->ram_size || u->ram_size - gpa < len)
		return NULL;
	return (uint32_t *)(u->ram + gpa);
}

/* The next table's frame, or 0 with *bad set if there cannot be one. */
static uint32_t table_at(struct user *u, uint32_t gpa, bool *bad)
{
	const uint32_t *e = mmu_ram(u, gpa, u->mmu.pae ? 8 : 4);

	if (!e) {
		*bad = true;
		return 0;
	}
	if (!(e[0] & PTE_P))
		return 0;
	/* No large pages were offered, and no memory beyond 4 GiB. */
	if (e[0] & PTE_PSE || (u->mmu.pae && e[1] & INT32_MAX) ||
	    !mmu_ram(u, e[0] & PTE_FRAME, PAGE)) {
		*bad = true;
		return 0;
	}
	/* Frame 0 would be mistaken for none; no Guest has a table there. */
	return e[0] & PTE_FRAME;
}

static uint32_t *walk(struct user *u, uint32_t cr3, uint32_t va, bool *bad)
{
	uint32_t table;

	if (!u->mmu.pae) {
		table = table_at(u, (cr3 & PTE_FRAME) + (va >> 22) * 4, bad);
		return table ? mmu_ram(u, table + (va >> 12 & 1023) * 4, 4) :
			       NULL;
	}
	table = table_at(u, (cr3 & ~31u) + (va >> 30) * 8, bad);
	if (table)
		table = table_at(u, table + (va >> 21 & 511) * 8, bad);
	return table ? mmu_ram(u, table + (va >> 12 & 511) * 8, 8) : NULL;
}

uint32_t *mmu_walk(struct user *u, uint32_t cr3, uint32_t va)
{
	bool bad = false;

	return walk(u, cr3, va, &bad);
}

/* An entry that is in RAM; one beyond 4 GiB is made one that is not. */
static uint32_t entry(const struct user *u, const uint32_t *p)
{
	uint32_t pte = p[0];

	return u->mmu.pae && p[1] & INT32_MAX ? pte | PTE_FRAME : pte;
}

/*
 * What may be mapped for this entry, 0: nothing.  Not before it was accessed,
 * and not for writing before it was written to, so that both are seen.
 */
static uint32_t effective(const struct user *u, uint32_t pte)
{
	uint32_t wanted = PTE_P | PTE_A, dirty = PTE_RW | PTE_D;

	if ((pte & wanted) != wanted)
		return 0;
	if ((pte & PTE_FRAME) >= u->ram_size)
		return 0;
	return (pte & PTE_FRAME) | PTE_P |
	       ((pte & dirty) == dirty ? PTE_RW : 0);
}

uint32_t mmu_mappable(const struct user *u, const uint32_t *p)
{
	return p ? effective(u, entry(u, p)) : 0;
}

/* --- memory by linear address ----------------------------------------- */

/* The part of va..va+len that lies in its first page, as our pointer. */
static uint8_t *linear_at(struct user *u, uint32_t va, uint32_t *len,
			  bool write)
{
	uint32_t room = PAGE - va % PAGE, gpa = va, *p;

	if (*len > room)
		*len = room;
	if (u->mmu.linear) {
		if (va >= u->mmu.kernel)
			gpa -= u->mmu.kernel;
		return (uint8_t *)mmu_ram(u, gpa, *len);
	}
	if (va >= LINEAR_END)
		return NULL;
	p = mmu_walk(u, u->mmu.cr3, va);
	if (!p || !(*p & PTE_P) || (write && !(*p & PTE_RW)))
		return NULL;
	gpa = (entry(u, p) & PTE_FRAME) + va % PAGE;
	if (!mmu_ram(u, gpa, *len))
		return NULL;
	*p |= PTE_A | (write ? PTE_D : 0);
	return (uint8_t *)mmu_ram(u, gpa, *len);
}

bool mmu_read(struct user *u, uint32_t va, void *buf, uint32_t len)
{
	while (len) {
		uint32_t n = len;
		const uint8_t *from = linear_at(u, va, &n, false);

		if (!from)
			return false;
		memcpy(buf, from, n);
		buf = (uint8_t *)buf + n;
		va += n;
		len -= n;
	}
	return true;
}

bool mmu_write(struct user *u, uint32_t va, const void *buf, uint32_t len)
{
	while (len) {
		uint32_t n = len;
		uint8_t *to = linear_at(u, va, &n, true);

		if (!to)
			return false;
		memcpy(to, buf, n);
		buf = (const uint8_t *)buf + n;
		va += n;
		len -= n;
	}
	return true;
}

/* --- faults ----------------------------------------------------------- */

/* Before there are page tables: RAM at its address, and where Linux has it. */
static enum mmu_fill fill_linear(struct user *u, uint32_t va)
{
	struct space *s = &u->spaces[u->cur % SPACES_MAX];
	uint32_t base = va >= u->mmu.kernel ? u->mmu.kernel : 0;
	uint32_t room = (base ? LINEAR_END : u->mmu.kernel) - base;
	uint32_t first = base ? 0 : LINEAR_START;

	if (room > u->ram_size)
		room = u->ram_size;
	if (va < base + first || va - base >= room)
		return FILL_GUEST;
	space_map(u, s, base + first, (room - first) / PAGE,
		  first | PTE_P | PTE_RW);
	return FILL_DONE;
}

/* May the page at va be mapped together with one whose entry is e? */
static bool joins(struct user *u, const struct space *s, uint32_t va,
		  uint32_t e)
{
	const uint32_t *p;

	if (va < u->lowest || va >= LINEAR_END || space_get(u, s, va))
		return false;
	p = mmu_walk(u, u->mmu.cr3, va);
	return p && mmu_mappable(u, p) == e;
}

/*
 * Most of the kernel's memory, and much of a program's, lies in one run of
 * frames.  One call maps all of it.
 */
static void map_run(struct user *u, struct space *s, uint32_t va, uint32_t e)
{
	bool kernel = va >= u->mmu.kernel;
	uint32_t max = kernel ? KERNEL_RUN : PROGRAM_RUN;
	uint32_t down = 0, up = 1;

	while (down < max && va != down * PAGE &&
	       (va - (down + 1) * PAGE >= u->mmu.kernel) == kernel &&
	       joins(u, s, va - (down + 1) * PAGE, e - (down + 1) * PAGE))
		down++;
	while (up < max && va + up * PAGE &&
	       (va + up * PAGE >= u->mmu.kernel) == kernel &&
	       joins(u, s, va + up * PAGE, e + up * PAGE))
		up++;
	space_map(u, s, va - down * PAGE, down + up, e - down * PAGE);
}

enum mmu_fill mmu_fill(struct user *u, uint32_t va, bool write, bool user,
		       uint32_t *gpa)
{
	struct space *s = &u->spaces[u->cur % SPACES_MAX];
	uint32_t *p, pte;
	bool bad = false;

	if (va >= LINEAR_END)
		return FILL_GUEST;
	if (u->mmu.linear)
		return fill_linear(u, va);
	p = walk(u, u->mmu.cr3, va, &bad);
	if (!p)
		return bad ? FILL_BAD : FILL_GUEST;
	pte = entry(u, p);
	if (!(pte & PTE_P) || (write && !(pte & PTE_RW)) ||
	    (user && !(pte & PTE_US)))
		return FILL_GUEST;
	*gpa = (pte & PTE_FRAME) | va % PAGE;
	if (*gpa >= u->window && *gpa < u->window_end)
		return FILL_DEVICE;
	if ((pte & PTE_FRAME) >= u->ram_size)
		return FILL_BAD;
	if (va < u->lowest)
		return FILL_LOW;
	*p |= PTE_A | (write ? PTE_D : 0);
	map_run(u, s, va & PTE_FRAME, effective(u, *p));
	return FILL_DONE;
}

/* --- a new table -------------------------------------------------------- */

/*
 * A directory of four entries, of which the last one, for the kernel, has no
 * flag but presence: in tables without PAE it would have more.
 */
static bool looks_like_pae(struct user *u, uint32_t cr3)
{
	const uint32_t *e = mmu_ram(u, cr3, 32);

	return e && (cr3 % PAGE || ((e[6] & ~PTE_FRAME) == PTE_P && !e[7]));
}

void mmu_load(struct user *u, uint32_t cr3)
{
	struct mmu *m = &u->mmu;

	if (!mmu_ram(u, cr3, 32)) {
		stub_crash(u, CRASH_TABLE, cr3, 0, 0);
		return;
	}
	if (m->linear) {
		m->pae = looks_like_pae(u, cr3);
		m->linear = false;
		space_rekey(u, &u->spaces[u->cur % SPACES_MAX], cr3);
		space_forget(u, &u->spaces[u->cur % SPACES_MAX]);
	}
	m->cr3 = cr3;
}
