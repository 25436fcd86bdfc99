/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shadow MMU of the hypervisor `user`, on page tables made up here.  The
 * stub is played: what it would ask its Host to map is written down.
 */
#include "user_host.h"

#define RAM		MIB(8)
#define DIR		0x100000u
#define TABLE		0x101000u	/* of 0 to 4 MiB */
#define KERNEL_TABLE	0x102000u	/* of the kernel's first 4 MiB */
#define OTHER_DIR	0x103000u
#define OTHER_TABLE	0x104000u
#define KERNEL		0xc0000000u
#define ALL		(PTE_P | PTE_RW | PTE_US)
#define USED		(PTE_A | PTE_D)

/* --- page tables ---------------------------------------------------------- */

/* The kernel's directory entry leads on; programs have 4 MiB at 0. */
static void begin(void)
{
	host_begin(RAM, false);
	*host_word(DIR) = TABLE | ALL;
	*host_word(DIR + (KERNEL >> 22) * 4) = KERNEL_TABLE | ALL;
	*host_word(OTHER_DIR) = TABLE | ALL;
	*host_word(OTHER_DIR + (KERNEL >> 22) * 4) = KERNEL_TABLE | ALL;
	mmu_load(u, DIR);
	CHECK_EQ(host.crashes, 0);
	host_drain();
	host.calls = host.maps = host.unmaps = host.protects = 0;
}

static void pte(uint32_t va, uint32_t value)
{
	*host_word((va >= KERNEL ? KERNEL_TABLE : TABLE) +
		   (va >> 12 & 1023) * 4) = value;
}

static uint32_t pte_of(uint32_t va)
{
	return *host_word(TABLE + (va >> 12 & 1023) * 4);
}

static enum mmu_fill fill(uint32_t va, unsigned how)
{
	uint32_t gpa;
	enum mmu_fill rc = mmu_fill(u, va, how, &gpa);

	host_drain();
	return rc;
}

/* --- tests ---------------------------------------------------------------- */

/* Bits as the CPU sets them; writable only once it was written to. */
static void accessed(void)
{
	begin();
	pte(0x20000, 0x300000 | ALL);
	pte(0x21000, 0x301000 | ALL);
	CHECK_EQ(fill(0x20123, PF_USER), FILL_DONE);
	CHECK_EQ(pte_of(0x20000), 0x300000 | ALL | PTE_A);
	/* Its neighbour would fit, but nobody has seen that used. */
	CHECK_EQ(host.last.len, PAGE);
	CHECK_EQ(pte_of(0x21000), 0x301000 | ALL);
	CHECK_EQ(host.maps, 1);
	CHECK_EQ(host.last.at, 0x20000);
	CHECK_EQ(host.last.offset, 0x300000);
	CHECK(!(host.last.prot & PROT_WRITE));
	CHECK_EQ(fill(0x20ffc, PF_WRITE | PF_USER), FILL_DONE);
	CHECK_EQ(pte_of(0x20000), 0x300000 | ALL | USED);
	CHECK(host.last.prot & PROT_WRITE);
}

static void protection(void)
{
	begin();
	pte(0x20000, 0x300000 | PTE_P | PTE_US);
	pte(0x21000, 0x301000 | PTE_P | PTE_RW);
	CHECK_EQ(fill(0x20000, PF_WRITE), FILL_GUEST);
	CHECK_EQ(fill(0x21000, PF_USER), FILL_GUEST);
	CHECK_EQ(fill(0x22000, PF_USER), FILL_GUEST);
	CHECK_EQ(fill(0x80000000, PF_USER), FILL_GUEST);
	CHECK_EQ(fill(LINEAR_END, 0), FILL_GUEST);
	CHECK_EQ(fill(UINT32_MAX, 0), FILL_GUEST);
	CHECK_EQ(host.calls, 0);
	CHECK_EQ(pte_of(0x20000), 0x300000 | PTE_P | PTE_US);
}

/* Not RAM: a device, or beyond belief, or too low for the Host. */
static void elsewhere(void)
{
	uint32_t gpa = 0;

	begin();
	pte(0x20000, 0x10000000 | ALL);
	CHECK_EQ(mmu_fill(u, 0x20044, PF_WRITE, &gpa), FILL_DEVICE);
	CHECK_EQ(gpa, 0x10000044);
	pte(0x21000, RAM | ALL);
	CHECK_EQ(fill(0x21000, 0), FILL_BAD);
	pte(0x21000, 0xfffff000 | ALL);
	CHECK_EQ(fill(0x21000, 0), FILL_BAD);
	pte(0x21000, (RAM - PAGE) | ALL);
	CHECK_EQ(fill(0x21000, 0), FILL_DONE);
	pte(0x1000, 0x300000 | ALL);
	CHECK_EQ(fill(0x1000, 0), FILL_LOW);
	*host_word(DIR + 4) = RAM | ALL;
	CHECK_EQ(fill(0x400000, 0), FILL_BAD);
	*host_word(DIR + 4) = TABLE | ALL | PTE_PSE;
	CHECK_EQ(fill(0x400000, 0), FILL_BAD);
	*host_word(DIR + 4) = 0xfffff000 | ALL;
	CHECK_EQ(fill(0x400000, 0), FILL_BAD);
}

/* A table that is its own directory, and RAM as tables of itself. */
static void circles(void)
{
	begin();
	for (unsigned i = 0; i < 768; i++)
		*host_word(DIR + i * 4) = DIR | ALL;
	for (uint64_t va = 0x10000; va < KERNEL; va += 0x3f7000)
		fill(va, va >> 11 & (PF_WRITE | PF_USER));
	mmu_flush_user(u);
	mmu_flush_all(u);
	host_drain();
	CHECK_EQ(host.crashes, 0);
	/* What it says is what is mapped, or less. */
	for (uint64_t va = 0; va < KERNEL; va += PAGE) {
		uint32_t is = space_get(u, &u->spaces[u->cur], va);
		const struct table t = mmu_table(u, DIR, va);
		uint32_t e = is ? mmu_entry(u, &t, 0) : 0;

		CHECK(!is || (e & PTE_P && !((is ^ e) & PTE_FRAME)));
	}
}

static void changes(void)
{
	begin();
	pte(0x20000, 0x300000 | ALL | USED);
	fill(0x20000, PF_WRITE | PF_USER);
	pte(0x20000, 0x300000 | PTE_P | PTE_US | USED);
	mmu_set_pte(u, DIR, 0x20000);
	host_drain();
	CHECK_EQ(host.protects, 1);
	CHECK(!(host.last.prot & PROT_WRITE));
	pte(0x20000, 0);
	mmu_set_pte(u, DIR, 0x20000);
	host_drain();
	CHECK_EQ(host.unmaps, 1);
	CHECK_EQ(host.last.at, 0x20000);
	CHECK_EQ(space_get(u, &u->spaces[0], 0x20000), 0);
	/* Told of a table that nobody has, and of what cannot be. */
	mmu_set_pte(u, 0xfffff000, 0x20000);
	mmu_set_pte(u, DIR, UINT32_MAX);
	mmu_set_table(u, DIR, 1024);
	mmu_set_table(u, DIR, UINT32_MAX);
	mmu_set_table(u, UINT32_MAX, 0);
	host_drain();
	CHECK_EQ(host.calls, 3);
}

static void tables(void)
{
	static const uint32_t none[] = { RAM, RAM - 16, UINT32_MAX,
					 0x80000000 };

	begin();
	for (unsigned i = 0; i < ARRAY_SIZE(none); i++) {
		host.crashes = 0;
		mmu_load(u, none[i]);
		CHECK_EQ(host.crashes, 1);
		CHECK_EQ(host.crash, CRASH_TABLE);
		CHECK_EQ(u->mmu.cr3, DIR);
	}
}

/* So much of programs that another address space gets another stub. */
static void use(void)
{
	pte(0x20000, 0x300000 | ALL | USED);
	pte(0x30000, 0x310000 | ALL | USED);
	CHECK_EQ(fill(0x20000, PF_WRITE | PF_USER), FILL_DONE);
	CHECK_EQ(fill(0x30000, PF_WRITE | PF_USER), FILL_DONE);
}

/* The kernel's pages are the same in all spaces, and go from all. */
static void shared(void)
{
	struct space *s;

	begin();
	use();
	pte(KERNEL + 0x5000, 0x305000 | ALL | USED);
	CHECK_EQ(fill(KERNEL + 0x5000, PF_WRITE), FILL_DONE);
	mmu_load(u, OTHER_DIR);
	s = space_wanted(u);
	CHECK(s != &u->spaces[0]);
	u->cur = s - u->spaces;
	CHECK_EQ(fill(KERNEL + 0x5000, PF_WRITE), FILL_DONE);
	CHECK(space_get(u, &u->spaces[0], KERNEL + 0x5000));
	pte(KERNEL + 0x5000, 0);
	mmu_set_pte(u, OTHER_DIR, KERNEL + 0x5000);
	CHECK_EQ(space_get(u, &u->spaces[0], KERNEL + 0x5000), 0);
	CHECK_EQ(space_get(u, s, KERNEL + 0x5000), 0);
	CHECK_EQ(u->spaces[0].nops, 1);
}

/* More directories than stubs: some give theirs up, and nothing is left. */
static void recycled(void)
{
	begin();
	use();
	for (unsigned i = 0; i < 5 * SPACES_MAX; i++) {
		uint32_t dir = 0x200000 + i * PAGE;
		struct space *s;

		*host_word(dir) = TABLE | ALL;
		mmu_load(u, dir);
		s = space_wanted(u);
		u->cur = s - u->spaces;
		CHECK_EQ(u->mmu.keys[u->cur], dir);
		host_drain();
		CHECK_EQ(space_get(u, s, 0x20000), 0);
		use();
	}
	CHECK_EQ(host.crashes, 0);
	CHECK(u->n.evictions >= 4 * SPACES_MAX);
}

/* Two that have a page or none: the tables change, and not the stub. */
static void exchanged(void)
{
	begin();
	pte(0x20000, 0x300000 | ALL | USED);
	*host_word(OTHER_DIR) = OTHER_TABLE | ALL;
	*host_word(OTHER_TABLE + 0x30 * 4) = 0x310000 | ALL | USED;
	*host_word(OTHER_TABLE + 0x31 * 4) = 0x318000 | ALL | USED;
	for (unsigned i = 0; i < 3 * SPACES_MAX; i++) {
		CHECK_EQ(fill(0x20000, PF_WRITE | PF_USER), FILL_DONE);
		mmu_load(u, OTHER_DIR);
		CHECK(space_wanted(u) == &u->spaces[0]);
		host_drain();
		CHECK_EQ(host.has[0][0x20], 0);
		CHECK_EQ(u->mmu.keys[0], OTHER_DIR);
		CHECK_EQ(fill(0x20000, PF_USER), FILL_GUEST);
		CHECK_EQ(fill(0x30000, PF_WRITE | PF_USER), FILL_DONE);
		mmu_load(u, DIR);
		CHECK(space_wanted(u) == &u->spaces[0]);
		host_drain();
		CHECK_EQ(host.has[0][0x30], 0);
	}
	/* With one that has two, it is not worth it; and that keeps them. */
	use();
	mmu_load(u, OTHER_DIR);
	u->cur = space_wanted(u) - u->spaces;
	CHECK(u->cur);
	CHECK_EQ(fill(0x30000, PF_WRITE | PF_USER), FILL_DONE);
	mmu_load(u, DIR);
	CHECK(space_wanted(u) == &u->spaces[0]);
	u->cur = 0;
	host_drain();
	CHECK(host.has[0][0x20] && host.has[0][0x30]);
	/* One that comes to run again with tables of another has to look. */
	pte(0x30000, 0);
	mmu_set_pte(u, DIR, 0x30000);
	mmu_load(u, OTHER_DIR);
	CHECK(space_wanted(u) == &u->spaces[0]);
	CHECK_EQ(u->mmu.keys[1], DIR);
	host_drain();
	CHECK_EQ(fill(0x30000, PF_WRITE | PF_USER), FILL_DONE);
	CHECK_EQ(fill(0x31000, PF_WRITE | PF_USER), FILL_DONE);
	mmu_load(u, DIR);
	CHECK(space_wanted(u) == &u->spaces[1]);
	u->cur = 1;
	host_drain();
	CHECK_EQ(host.has[1][0x30], 0);
	CHECK_EQ(host.crashes, 0);
}

/* Every 4 MiB of many programs in use: there are not that many leaves. */
static void leaves(void)
{
	uint32_t free_before;

	begin();
	free_before = u->mmu.nfree;
	pte(0x20000, 0x300000 | ALL | USED);
	for (unsigned i = 0; i < 8; i++) {
		uint32_t dir = 0x200000 + i * PAGE;

		for (unsigned part = 0; part < 768; part++)
			*host_word(dir + part * 4) = TABLE | ALL;
		mmu_load(u, dir);
		u->cur = space_wanted(u) - u->spaces;
		for (unsigned part = 0; part < 768; part++)
			CHECK_EQ(fill(part << 22 | 0x20000, PF_WRITE | PF_USER),
				 FILL_DONE);
	}
	CHECK_EQ(host.crashes, 0);
	for (unsigned i = 0; i < SPACES_MAX; i++)
		space_forget(u, &u->spaces[i]);
	CHECK_EQ(u->mmu.nfree, free_before);
}

/* Reads and writes stop where memory does, in the middle of a word too. */
static void linear(void)
{
	uint32_t value = 0x44332211;

	begin();
	pte(0x20000, 0x300000 | ALL);
	pte(0x21000, 0x310000 | PTE_P | PTE_US);
	CHECK(mmu_write(u, 0x20ffc, &value, 4));
	CHECK(!mmu_write(u, 0x20ffe, &value, 4));
	CHECK(!mmu_write(u, 0x21000, &value, 4));
	CHECK(mmu_read(u, 0x20ffe, &value, 4));
	CHECK(!mmu_read(u, 0x21ffe, &value, 4));
	CHECK(!mmu_read(u, UINT32_MAX - 1, &value, 4));
	CHECK(!mmu_read(u, LINEAR_END - 2, &value, 4));
	pte(0x22000, RAM | ALL);
	CHECK(!mmu_read(u, 0x22000, &value, 4));
	CHECK_EQ(pte_of(0x22000), RAM | ALL);
}

int main(void)
{
	RUN(accessed);
	RUN(protection);
	RUN(elsewhere);
	RUN(circles);
	RUN(changes);
	RUN(tables);
	RUN(shared);
	RUN(recycled);
	RUN(exchanged);
	RUN(leaves);
	RUN(linear);
	return rig_done();
}
