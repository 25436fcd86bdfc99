/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a Guest's page tables, and what its CPU does with them: fills,
 * writes to tables, cr3, invlpg, the bits of CR0 and CR4, text that runs and is
 * written.  After each step, what stubs have mapped is held against tables that
 * are read here, once more and by nobody else's code.
 *
 *	1 byte		which Guest: bit 0 a PC's, 1 PAE, 2 CR4.PSE, 3 CR4.PGE,
 *			4 CR0.WP, 5 few stubs, 6 few leaves
 *	then steps	1 byte what, and the bytes that this one takes
 */
#include "../fuzz/ring.h"

#undef CHECK
#undef CHECK_EQ
#define CHECK(is)	must((is), #is)
#define CHECK_EQ(a, b)	must((a) == (b), #a " == " #b)
#include "../../applets/core/hypervisor/user/insn.h"
#include "../../applets/core/hypervisor/user/kind.h"
#include "../unit/user_host.h"

#define RAM		KIB(256)
#define FRAMES		72		/* that entries may name: some too far */
#define KERNEL		0xc0000000u
#define ALL		(PTE_P | PTE_RW | PTE_US)
#define STEPS		400
#define PARTS		1024u

#define CR0_WP		(1u << 16)
#define CR0_PG		(1u << 31)
#define CR4_PAE		(1u << 5)
#define CR4_PGE		(1u << 7)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* --- the tables, read again ------------------------------------------------- */

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
	return !u->stock || u->mmu.pae || u->sys.cr4 & CR4_PSE;
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
	else if (!level((value & PTE_FRAME) + (va >> 12 & mask) * size,
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

/* --- what has to be true ------------------------------------------------------ */

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

/* Tables have changed.  What was allowed and is no more is stale from now on. */
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
		must(!(u->mmu.treated[is >> 12] == va && is & PROT_WRITE),
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

static void check_counts(void)
{
	unsigned leaves = 0;

	for (unsigned part = 0; part < PARTS; part++) {
		unsigned n = 0, first = part << 10;

		for (unsigned i = first; i < first + 1024; i++) {
			if (part >= u->mmu.kernel >> 22)
				n += !!u->mmu.kernel_pte[i];
			must(!u->mmu.kernel_pte[i] == !u->mmu.kernel_spaces[i],
			     "a kernel's page that nobody has");
		}
		CHECK_EQ(u->mmu.kernel_count[part], n);
		for (unsigned s = 0; s < SPACES_MAX; s++) {
			const struct space *space = &u->spaces[s];
			const uint32_t *e = u->mmu.leaves[space->leaf[part]];

			must(!space->leaf[part] == !space->count[part],
			     "an empty leaf");
			if (!space->leaf[part])
				continue;
			leaves++;
			n = 0;
			for (unsigned i = 0; i < 1024; i++)
				n += !!e[i];
			CHECK_EQ(space->count[part], n);
		}
	}
	must(leaves + u->mmu.nfree == host.leaves, "a leaf that is lost");
}

static void check_treated(void)
{
	for (unsigned frame = 0; frame < RAM / PAGE; frame++) {
		uint32_t va = u->mmu.treated[frame];
		uint32_t is = va ? u->mmu.kernel_pte[va >> 12] : 0;

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

/* --- steps ------------------------------------------------------------------- */

static void settle(void)
{
	unsigned before = u->cur;

	u->cur = space_wanted(u) - u->spaces;
	if (u->cur != before || u->spaces[u->cur].reset)
		look();
	host_drain();
}

static uint32_t some_va(struct input *in)
{
	uint8_t byte = input_byte(in);

	return page_va(byte % PAGES) + (byte & 128 ? 0xffc : 0x10);
}

/* Where tables are: a page of the first 16, one of the indexes in use. */
static void write_entry(struct input *in)
{
	static const uint16_t indexes[] = { 0, 1, 2, 3, 4, 5, 7, 16, 508, 511,
		512, 767, 768, 769, 1020, 1023 };
	uint8_t at = input_byte(in), frame = input_byte(in) % FRAMES;
	uint8_t bits = input_byte(in);
	uint32_t index = indexes[at >> 4], value = (uint32_t)frame << 12;
	uint32_t gpa = (at & 15) * PAGE;

	value |= (bits & 7) | (bits & 0x38) << 2 | (bits & 0x40) << 2;
	if (u->mmu.pae) {
		gpa += index % 512 * 8;
		*host_word(gpa + 4) = bits & 0x80 ? 1u << (at & 31) : 0;
	} else
		gpa += index * 4;
	*host_word(gpa) = value;
	look();
}

static bool over;		/* the Guest is dead */

/* One of the kernel's own instructions, as it is when it has trapped. */
static void privileged(const char *bytes, uint32_t eax)
{
	struct insn i = { .n = 3, .used = 1, .size = 4 };

	memcpy(i.bytes, bytes, 3);
	u->cpu.gpr[AX] = eax;
	over = CRASHES(kind_insn(u, &i, 0x0f));
	must(!over || host.crash == CRASH_TABLE, "a crash of another kind");
}

static void load(uint32_t cr3)
{
	if (!u->stock) {
		over = CRASHES(mmu_load(u, cr3));
		look();
		return;
	}
	privileged("\x0f\x22\xd8", cr3);
	if (!(u->sys.cr4 & CR4_PGE) && !u->mmu.linear)
		told_all();
	for (unsigned i = 0; i < u->mmu.nspaces; i++)
		if (u->mmu.keys[i] == cr3)
			told(i, 0, u->mmu.kernel - 1);
	look();
}

static void invalidate(uint32_t va)
{
	struct entry e = entry_of(u->mmu.cr3, va);

	if (u->stock)
		privileged("\x0f\x01\x38", va);
	else
		mmu_set_pte(u, u->mmu.cr3, va);
	if (e.large && !is_kernel(va))
		told(u->cur, va & PTE_FRAME, va & PTE_FRAME);
	else
		for (unsigned i = 0; i < u->mmu.nspaces; i++)
			if (is_kernel(va) || u->mmu.keys[i] == u->mmu.cr3)
				told(i, va & PTE_FRAME, va);
	look();
}

static void control(uint8_t how)
{
	if (!u->stock)
		return;
	if (how & 1)
		privileged("\x0f\x22\xc0", u->sys.cr0 ^ CR0_WP);
	else if (how & 2)
		privileged("\x0f\x22\xe0", u->sys.cr4 ^ CR4_PGE);
	else if (how & 4)
		privileged("\x0f\x22\xe0", u->sys.cr4 ^ CR4_PSE);
	else {
		/* Paging off, on, and none of it is what it was. */
		privileged("\x0f\x22\xc0", u->sys.cr0 & ~CR0_PG);
		settle();
		if (how & 8)
			privileged("\x0f\x22\xe0", u->sys.cr4 ^ CR4_PAE);
		privileged("\x0f\x22\xc0", u->sys.cr0 | CR0_PG);
	}
	told_all();
}

/* Should the CPU let that pass? */
static bool passes(const struct entry *e, unsigned how)
{
	if (!e->there || (how & PF_USER && !e->user))
		return false;
	return !(how & PF_WRITE) || e->writes ||
	       (u->sys.overwrites && !(how & PF_USER));
}

static bool is_mapped(uint32_t va, unsigned how)
{
	uint32_t is = host_pages(u->cur)[va / PAGE];

	if (!is || (how & PF_WRITE && !(is & PROT_WRITE)))
		return false;
	return !(how & PF_FETCH) || is & PROT_EXEC;
}

static void overwrites(uint32_t va)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (page_va(i) == (va & PTE_FRAME))
			view_of(u->cur, i)->overwritten = true;
}

/* A page that is missing: who has to see to it?  If it is us, it is there. */
static void fill(uint32_t va, unsigned how)
{
	struct entry e = entry_of(u->mmu.cr3, va);
	bool failing = host.error;
	uint32_t gpa = 0;

	/* Both: the instruction at va writes to its own page. */
	u->cpu.eip = how & PF_FETCH ? va : KERNEL + MIB(64);
	if (how & PF_WRITE)
		how &= ~PF_FETCH;
	/* Programs' code ends where the kernel begins. */
	if (how & PF_FETCH && is_kernel(va))
		how &= ~PF_USER;
	if (how & PF_WRITE && u->sys.overwrites && !e.writes)
		overwrites(va);
	switch (mmu_fill(u, va, how, &gpa)) {
	case FILL_BAD:
		must(e.broken || (!u->stock && e.frame >= RAM), "not bad");
		break;
	case FILL_GUEST:
		must(!passes(&e, how), "not for the Guest");
		break;
	case FILL_LOW:
		must(va < u->lowest, "not low");
		break;
	case FILL_DEVICE:
		must(passes(&e, how) && e.frame >= RAM, "no device");
		break;
	case FILL_DONE:
		must(passes(&e, how) && e.frame < RAM, "not to be filled");
		look();
		host_drain();
		/* When a leaf was taken from itself, it takes another try. */
		if (!is_mapped(va, how) && !failing) {
			mmu_fill(u, va, how, &gpa);
			host_drain();
		}
		must(failing || is_mapped(va, how), "filled in vain");
	}
}

static void step(struct input *in)
{
	static const uint32_t cr3s[] = { 0x1000, 0x2000, 0x3000, 0x1008,
		0x4020, 0x8000, 0x3f000, 0x40000 };
	uint8_t what = input_byte(in);
	uint32_t va;

	switch (what & 15) {
	case 0 ... 3:
		write_entry(in);
		break;
	case 4 ... 7:
		fill(some_va(in), what >> 4 & (PF_WRITE | PF_USER));
		break;
	case 8:
		fill(some_va(in), PF_FETCH | (what >> 4 & PF_USER));
		break;
	case 9:
		load(cr3s[what >> 4 & 7]);
		break;
	case 10:
		invalidate(some_va(in));
		break;
	case 11:
		control(what >> 4);
		break;
	case 12:
		va = some_va(in);
		if (what & 16)
			mmu_write(u, va, &va, 4);
		else
			mmu_read(u, va, &(uint64_t){ 0 }, 8);
		look();
		break;
	case 13:			/* text that writes to its own page */
		va = some_va(in);
		u->cpu.eip = va;
		if (what & 16 && u->sys.stepped) {
			stock_stepped(u);
			break;
		}
		if (u->stock && !u->sys.stepped)
			fill(va, PF_WRITE | PF_FETCH);
		break;
	case 14:
		mmu_flush_all(u);
		told_all();
		break;
	case 15:			/* the Host has no more mappings */
		host.error = what & 16 ? -12 : 0;
		break;
	}
	if (over)
		return;
	settle();
	check();
}

/* --- a Guest ------------------------------------------------------------------ */

/* Three address spaces that share their kernel, and some of their tables. */
static void make_tables(void)
{
	bool pae = u->mmu.pae;

	for (unsigned i = 1; i <= 3; i++) {
		uint32_t dir = i * PAGE;

		if (pae) {
			*host_word(dir) = 0x4000 | PTE_P;
			*host_word(dir + 24) = 0x5000 | PTE_P;
			continue;
		}
		*host_word(dir) = 0xa000 | ALL;
		*host_word(dir + 4) = (i < 3 ? 0x8000 : 0xb000) | ALL;
		*host_word(dir + 8) = 0x9000 | ALL;
		*host_word(dir + 768 * 4) = 0xc000 | ALL;
		*host_word(dir + 769 * 4) = 0xd000 | ALL;
	}
	for (unsigned i = 0; pae && i < 6; i++) {
		*host_word(0x4000 + i * 8) = (0x8000 + i * PAGE) | ALL;
		*host_word(0x5000 + i * 8) = (0xc000 + i % 3 * PAGE) | ALL;
	}
	for (unsigned table = 8; table < 15; table++)
		for (unsigned i = 0; i < 16; i++)
			*host_word(table * PAGE + i * (pae ? 8 : 4)) =
				(16 + table + i) * PAGE | ALL |
				(i & 4 ? PTE_A | PTE_D : 0);
}

/* As host_begin() does, but over and over. */
static void set_up(uint8_t kind)
{
	if (!u)
		host_begin(RAM, kind & 1);
	madvise(u, sizeof(*u), MADV_DONTNEED);
	memset(host.ram, 0, RAM);
	for (unsigned i = 0; i < SPACES_MAX; i++)
		if (host.has[i])
			madvise(host.has[i], HOST_PAGES * 4, MADV_DONTNEED);
	over = false;
	host.error = 0;
	host.out = NULL;
	u->ram = host.ram;
	u->ram_size = RAM;
	u->window = 0x10000000;
	u->window_end = u->window + MIB(1);
	u->lowest = LINEAR_START;
	u->stock = kind & 1;
	space_init(u);
	if (kind & 32)
		u->mmu.nspaces = 2;
	if (kind & 64)
		u->mmu.nfree = 3;
	host.leaves = u->mmu.nfree;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t kind = input_byte(&in);

	set_up(kind);
	if (kind & 1) {
		stock_init(u);
		u->mmu.pae = kind & 2;
		u->sys.cr4 = (kind & 2 ? CR4_PAE : 0) |
			     (kind & 4 ? CR4_PSE : 0) |
			     (kind & 8 ? CR4_PGE : 0);
		make_tables();
		privileged("\x0f\x22\xd8", 0x1000);
		privileged("\x0f\x22\xc0", CR0_PG | 0x11 |
			   (kind & 16 ? CR0_WP : 0));
	} else {
		make_tables();
		mmu_load(u, 0x1000);
	}
	memset(views, 0, sizeof(views));
	settle();
	told_all();
	for (unsigned i = 0; i < STEPS && in.size && !over; i++)
		step(&in);
	check_counts();
	return 0;
}
