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
#include "../../applets/core/hypervisor/user/insn.h"
#include "../../applets/core/hypervisor/user/kind.h"
#include "../fuzz/user_tables.h"

#define FRAMES		72	/* that entries may name, beyond RAM too */
#define ALL		(PTE_P | PTE_RW | PTE_US)
#define STEPS		400

#define CR0_WP		(1u << 16)
#define CR0_PG		(1u << 31)
#define CR4_PAE		(1u << 5)
#define CR4_PGE		(1u << 7)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- steps ---------------------------------------------------------------- */

/* Who gets other tables has looked at them, or will before it runs. */
static void settle(void)
{
	unsigned before = u->cur;
	uint32_t keys[SPACES_MAX];

	memcpy(keys, u->mmu.keys, sizeof(keys));
	u->cur = space_wanted(u) - u->spaces;
	for (unsigned i = 0; i < u->mmu.nspaces; i++)
		if (keys[i] != u->mmu.keys[i])
			told(i, 0, u->mmu.kernel - 1);
	if (memcmp(keys, u->mmu.keys, sizeof(keys)) || u->cur != before ||
	    u->spaces[u->cur].reset)
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

/* --- a Guest -------------------------------------------------------------- */

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
	u->mmu.nspaces = kind & 32 ? 2 : 5;
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
