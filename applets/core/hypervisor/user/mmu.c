/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Guest's page tables, read as the CPU would read them: accessed and
 * dirty bits, write protection, and the tables of an address space that
 * change only as far as we are told.  What they say, space.c maps.
 */
#include <string.h>

#include "user.h"

#define KERNEL_RUN	32768u	/* pages to map at one fault */
#define FIXMAP		0xff800000u	/* from here on, where one is largest */
#define PROGRAM_RUN	16u

uint32_t *mmu_ram(struct user *u, uint32_t gpa, uint32_t len)
{
	if (gpa > u->ram_size || u->ram_size - gpa < len)
		return NULL;
	return (uint32_t *)(u->ram + gpa);
}

/* What all entries on the way to a page have to allow. */
#define COMMON	(~(PTE_RW | PTE_US))

/* Beyond 4 GiB is no memory: those bits are reserved, where they are not NX. */
static bool is_bad(const struct user *u, const uint32_t *e)
{
	return u->mmu.pae && e[0] & PTE_P && e[1] & INT32_MAX;
}

/* A table's entry, NULL with *bad set if there cannot be one. */
static uint32_t *entry_at(struct user *u, uint32_t gpa, bool *bad)
{
	uint32_t *e = mmu_ram(u, gpa, u->mmu.pae ? 8 : 4);

	if (!e || is_bad(u, e))
		*bad = true;
	return *bad ? NULL : e;
}

/* From an entry to the table it names: its frame; 0: it names none. */
static uint32_t table_of(struct user *u, const uint32_t *e, bool *bad)
{
	if (!e || !(*e & PTE_P))
		return 0;
	/* Frame 0 would be mistaken for none; no Guest has a table there. */
	if (mmu_ram(u, *e & PTE_FRAME, PAGE))
		return *e & PTE_FRAME;
	*bad = true;
	return 0;
}

/* The directory's entry for va. */
static uint32_t *directory_entry(struct user *u, uint32_t cr3, uint32_t va,
				 bool *bad)
{
	uint32_t dir;

	if (!u->mmu.pae)
		return entry_at(u, (cr3 & PTE_FRAME) + (va >> 22) * 4, bad);
	dir = table_of(u, entry_at(u, (cr3 & ~31u) + (va >> 30) * 8, bad),
		       bad);
	return dir ? entry_at(u, dir + (va >> 21 & 511) * 8, bad) : NULL;
}

struct table mmu_table(struct user *u, uint32_t cr3, uint32_t va)
{
	struct table t = { .allowed = UINT32_MAX };
	uint32_t *e = directory_entry(u, cr3, va, &t.bad), frame;
	uint32_t large = u->mmu.pae ? MIB(2) : MIB(4);

	if (!e || !(*e & PTE_P))
		return t;
	t.allowed = *e | COMMON;
	if (*e & PTE_PSE &&
	    (u->mmu.pae || !u->stock || u->sys.cr4 & CR4_PSE)) {
		/* lguest's Guests were not offered them; and bit 12 is PAT. */
		if (!u->stock || *e & (large - 1) & ~(2 * PAGE - 1)) {
			t.bad = true;
			return t;
		}
		t.at = e;
		t.large = (*e & ~(large - 1)) | (va & (large - 1) & PTE_FRAME) |
			  (*e & (PTE_PSE - 1));
		return t;
	}
	frame = table_of(u, e, &t.bad);
	if (frame) {
		t.at = u->mmu.pae ?
		       mmu_ram(u, frame + (va >> 12 & 511) * 8, 8) :
		       mmu_ram(u, frame + (va >> 12 & 1023) * 4, 4);
		t.bad = u->stock && is_bad(u, t.at);
	}
	return t;
}

uint32_t mmu_entry(const struct user *u, const struct table *t, unsigned i)
{
	const uint32_t *p;
	uint32_t pte;

	if (t->large)
		return (t->large + i * PAGE) & t->allowed;
	if (!t->at)
		return 0;
	p = t->at + (u->mmu.pae ? 2 * i : i);
	pte = p[0];
	/* One beyond 4 GiB is made one that is not in RAM. */
	if (u->mmu.pae && p[1] & INT32_MAX)
		pte |= PTE_FRAME;
	return pte & t->allowed;
}

/* Backwards, too. */
uint32_t *mmu_treated(const struct user *u, uint32_t frame)
{
	return &((struct user *)u)->shadow[frame >> 22 ^ 0x3ff]
			.treated[frame >> 12 & 1023];
}

/*
 * What may be mapped for this entry, 0: nothing.  Not before it was accessed,
 * and not for writing before it was written to, so that both are seen; nor if
 * it is text that we have changed.
 */
uint32_t mmu_mappable(const struct user *u, uint32_t va, uint32_t pte)
{
	uint32_t wanted = PTE_P | PTE_A, dirty = PTE_RW | PTE_D;
	uint32_t frame = pte & PTE_FRAME, treated;

	if ((pte & wanted) != wanted || frame >= u->ram_size)
		return 0;
	treated = *mmu_treated(u, frame);
	if (treated)
		return frame | PTE_P | (treated == va ? PTE_TEXT : 0);
	return frame | PTE_P | ((pte & dirty) == dirty ? PTE_RW : 0);
}

/* --- memory by linear address ----------------------------------------- */

/* The part of va..va+len that lies in its first page, as our pointer. */
static uint8_t *linear_at(struct user *u, uint32_t va, uint32_t *len,
			  bool write)
{
	uint32_t room = PAGE - va % PAGE, gpa = va, pte;
	struct table t;

	if (*len > room)
		*len = room;
	if (u->mmu.linear) {
		if (va >= u->mmu.kernel && !u->stock)
			gpa -= u->mmu.kernel;
		return (uint8_t *)mmu_ram(u, gpa, *len);
	}
	if (va >= u->mmu.end)
		return NULL;
	t = mmu_table(u, u->mmu.cr3, va);
	pte = mmu_entry(u, &t, 0);
	if (!(pte & PTE_P) ||
	    (write && !(pte & PTE_RW) && !u->sys.overwrites))
		return NULL;
	gpa = (pte & PTE_FRAME) + va % PAGE;
	if (!mmu_ram(u, gpa, *len))
		return NULL;
	*t.at |= PTE_A | (write ? PTE_D : 0);
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
	uint32_t end = 1;

	/* Into two pages at most: then it is done, or nothing of it. */
	if (va % PAGE + len > PAGE && !linear_at(u, va + len - 1, &end, true))
		return false;
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
static enum mmu_fill fill_linear(struct user *u, uint32_t va, uint32_t *gpa)
{
	struct space *s = &u->spaces[u->cur % SPACES_MAX];
	uint32_t base = va >= u->mmu.kernel && !u->stock ? u->mmu.kernel : 0;
	uint32_t room = (base ? u->mmu.end : u->mmu.kernel) - base;
	uint32_t first = base ? 0 : LINEAR_START;

	if (room > u->ram_size)
		room = u->ram_size;
	if (va < base + first || va - base >= room) {
		*gpa = va;
		return u->stock && va >= room ? FILL_DEVICE : FILL_GUEST;
	}
	space_map(u, s, base + first, (room - first) / PAGE,
		  first | PTE_P | PTE_RW);
	return FILL_DONE;
}

/* May the page at va be mapped together with one whose entry is e? */
static bool joins(struct user *u, const struct space *s, uint32_t va,
		  uint32_t e)
{
	struct table t;

	if (va < u->lowest || va >= u->mmu.end || space_get(u, s, va))
		return false;
	t = mmu_table(u, u->mmu.cr3, va);
	return mmu_mappable(u, va, mmu_entry(u, &t, 0)) == e;
}

/*
 * Most of the kernel's memory, and much of a program's, lies in one run of
 * frames.  One call maps all of it.  The top is different: there kernels map
 * for a moment, and take away, page by page.
 */
static void map_run(struct user *u, struct space *s, uint32_t va, uint32_t e)
{
	bool kernel = va >= u->mmu.kernel;
	uint32_t max = va >= FIXMAP ? 0 : kernel ? KERNEL_RUN : PROGRAM_RUN;
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

/* What ring and kind of access an entry does not allow. */
static bool refuses(const struct user *u, uint32_t pte, unsigned how)
{
	if (!(pte & PTE_P) || (how & PF_USER && !(pte & PTE_US)))
		return true;
	return how & PF_WRITE && !(pte & PTE_RW) &&
	       (how & PF_USER || !u->sys.overwrites);
}

enum mmu_fill mmu_fill(struct user *u, uint32_t va, unsigned how,
		       uint32_t *gpa)
{
	struct space *s = &u->spaces[u->cur % SPACES_MAX];
	struct table t;
	uint32_t pte, e, used = PTE_A | (how & PF_WRITE ? PTE_D : 0);

	if (va >= u->mmu.end)
		return FILL_GUEST;
	if (u->mmu.linear)
		return fill_linear(u, va, gpa);
	t = mmu_table(u, u->mmu.cr3, va);
	pte = mmu_entry(u, &t, 0);
	if (t.bad)
		return FILL_BAD;
	if (refuses(u, pte, how))
		return FILL_GUEST;
	*gpa = (pte & PTE_FRAME) | va % PAGE;
	if (*gpa >= u->window && *gpa < u->window_end)
		return FILL_DEVICE;
	if ((pte & PTE_FRAME) >= u->ram_size)
		return u->stock ? FILL_DEVICE : FILL_BAD;
	if (va < u->lowest)
		return FILL_LOW;
	*t.at |= used;
	t.large |= t.large ? used : 0;
	va &= PTE_FRAME;
	if (u->stock && stock_text(u, va, pte & PTE_FRAME, how))
		return FILL_DONE;
	e = mmu_mappable(u, va, mmu_entry(u, &t, 0));
	/* Ring 0 may, and until its tables are looked at again it can. */
	if (how & PF_WRITE && !(e & PTE_RW))
		space_map(u, s, va, 1, e | PTE_RW);
	else
		map_run(u, s, va, e);
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
		if (!u->stock)
			m->pae = looks_like_pae(u, cr3);
		m->linear = false;
		space_rekey(u, &u->spaces[u->cur % SPACES_MAX], cr3);
		space_forget(u, &u->spaces[u->cur % SPACES_MAX]);
	}
	m->cr3 = cr3;
}
