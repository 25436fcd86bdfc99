/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shadow MMU of the hypervisor `user` with what only a PC's kernel has:
 * large pages, three levels, write protection that can be off, global pages,
 * and text that is changed before it runs.
 */
#include "user_host.h"

#define RAM		(MIB(16) - 8 * PAGE)
#define DIR		0x100000u
#define TABLE		0x101000u	/* of 0 to 4 MiB */
#define KERNEL_TABLE	0x102000u	/* of the kernel's second 4 MiB */
#define OTHER_DIR	0x103000u
#define PAE_DIR		0x104000u	/* of PAE: 0 to 1 GiB */
#define PAE_KERNEL	0x105000u	/* and the last */
#define PAE_TABLE	0x106000u
#define KERNEL		0xc0000000u
#define SECOND		(KERNEL + MIB(4))	/* has small pages */
#define CODE		0x110000u	/* frame of a page of instructions */
#define ALL		(PTE_P | PTE_RW | PTE_US)
#define USED		(PTE_A | PTE_D)
#define R		PROT_READ
#define RW		(PROT_READ | PROT_WRITE)
#define RX		(PROT_READ | PROT_EXEC)
#define RWX		(RW | PROT_EXEC)

#define CR0_WP		(1u << 16)
#define CR0_PG		(1u << 31)
#define CR4_PSE		(1u << 4)
#define CR4_PAE		(1u << 5)
#define CR4_PGE		(1u << 7)

/* --- a kernel that turns its CPU's knobs ---------------------------------- */

/* The instruction, from the first page of the kernel's second 4 MiB. */
static void emulate(const void *bytes, unsigned n)
{
	memcpy(u->ram + CODE, bytes, n);
	u->cpu.eip = u->mmu.linear ? CODE : SECOND;
	CHECK(insn_emulate(u));
	u->cur = space_wanted(u) - u->spaces;
	host_drain();
}

#define EMULATE(...) do {						\
	static const uint8_t bytes[] = { __VA_ARGS__ };			\
	emulate(bytes, sizeof(bytes));					\
} while (0)

static void set_cr0(uint32_t value)
{
	u->cpu.gpr[AX] = value;
	EMULATE(0x0f, 0x22, 0xc0);
}

static void set_cr3(uint32_t value)
{
	u->cpu.gpr[AX] = value;
	EMULATE(0x0f, 0x22, 0xd8);
}

static void set_cr4(uint32_t value)
{
	u->cpu.gpr[AX] = value;
	EMULATE(0x0f, 0x22, 0xe0);
}

static void invlpg(uint32_t va)
{
	u->cpu.gpr[AX] = va;
	EMULATE(0x0f, 0x01, 0x38);
}

static void pde(uint32_t va, uint32_t value)
{
	*host_word(DIR + (va >> 22) * 4) = value;
}

/* Of the first 4 MiB, or the kernel's second. */
static uint32_t *pte(uint32_t va)
{
	return host_word((va >= KERNEL ? KERNEL_TABLE : TABLE) +
			 (va >> 12 & 1023) * 4);
}

static void begin(void)
{
	host_begin(RAM, true);
	u->cpuid_faults = true;
	pde(0, TABLE | ALL);
	pde(SECOND, KERNEL_TABLE | ALL);
	*pte(SECOND) = CODE | PTE_P | PTE_RW;
	memcpy(host_word(OTHER_DIR), host_word(DIR), PAGE);
	u->cpu.gpr[SP] = SECOND + 0x800;
	set_cr4(CR4_PSE | CR4_PGE);
	set_cr3(DIR);
	set_cr0(0x80010011);
	CHECK_EQ(host.crashes, 0);
	CHECK(!u->mmu.linear && u->mmu.cr3 == DIR);
	host.calls = host.maps = host.unmaps = host.protects = 0;
}

static void begin_pae(void)
{
	begin();
	set_cr0(0x80010011 & ~CR0_PG);
	memset(host_word(DIR), 0, PAGE);
	*host_word(DIR) = PAE_DIR | PTE_P;
	*host_word(DIR + 24) = PAE_KERNEL | PTE_P;
	*host_word(PAE_KERNEL + 2 * 8) = PAE_TABLE | ALL;
	*host_word(PAE_TABLE) = CODE | PTE_P | PTE_RW;
	set_cr4(CR4_PSE | CR4_PGE | CR4_PAE);
	set_cr0(0x80010011);
	CHECK(u->mmu.pae);
}

static enum mmu_fill fill(uint32_t va, unsigned how)
{
	uint32_t gpa;
	enum mmu_fill rc;

	if (how & PF_FETCH)
		u->cpu.eip = va;
	rc = mmu_fill(u, va, how, &gpa);
	host_drain();
	return rc;
}

/* --- large pages ---------------------------------------------------------- */

static void large(void)
{
	begin();
	pde(KERNEL, 0x400000 | PTE_P | PTE_RW | PTE_PSE);
	CHECK_EQ(fill(KERNEL + 0x5123, 0), FILL_DONE);
	CHECK_EQ(*host_word(DIR + 768 * 4),
		 0x400000 | PTE_P | PTE_RW | PTE_PSE | PTE_A);
	/* All of it by one call, as all of it was accessed. */
	CHECK_EQ(host.maps, 1);
	for (unsigned i = 0; i < 1024; i++)
		CHECK_EQ(host_has(KERNEL + i * PAGE),
			 (0x400000 + i * PAGE) | R);
	CHECK_EQ(u->mmu.kernel_count[KERNEL >> 22], 1024);
	CHECK_EQ(fill(KERNEL + 0x3ffffc, PF_WRITE), FILL_DONE);
	CHECK(*host_word(DIR + 768 * 4) & PTE_D);
	CHECK_EQ(host_has(KERNEL + 0x3ff000), 0x7ff000 | RW);
	CHECK_EQ(host_has(KERNEL), 0x400000 | R);
	CHECK_EQ(u->mmu.kernel_count[KERNEL >> 22], 1024);
	CHECK_EQ(fill(KERNEL, PF_USER), FILL_GUEST);
	CHECK_EQ(fill(KERNEL, PF_USER | PF_WRITE), FILL_GUEST);
}

static void large_of_programs(void)
{
	begin();
	pde(0x8000000, 0x800000 | PTE_P | PTE_US | PTE_PSE);
	CHECK_EQ(fill(0x8000000 + 0x1ff000, PF_USER | PF_WRITE), FILL_GUEST);
	CHECK_EQ(host_has(0x81ff000), 0);
	CHECK_EQ(fill(0x81ff000, PF_USER), FILL_DONE);
	CHECK_EQ(host_has(0x81ff000), 0x9ff000 | RX);
	pde(0x8000000, 0x800000 | ALL | USED | PTE_PSE);
	CHECK_EQ(fill(0x8200000, PF_USER | PF_WRITE), FILL_DONE);
	CHECK_EQ(host_has(0x8200000), 0xa00000 | RWX);
	CHECK_EQ(host_has(0x81ff000), 0x9ff000 | RX);
}

/* RAM ends in the middle of it. */
static void large_over_the_end(void)
{
	begin();
	pde(KERNEL, 0xc00000 | PTE_P | PTE_RW | USED | PTE_PSE);
	CHECK_EQ(fill(KERNEL + 0x10000, 0), FILL_DONE);
	CHECK_EQ(host_has(KERNEL + 0x3f7000), 0xff7000 | RW);
	CHECK_EQ(host_has(KERNEL + 0x3f8000), 0);
	CHECK_EQ(fill(KERNEL + 0x3f8000, PF_WRITE), FILL_DEVICE);
	CHECK_EQ(fill(KERNEL + 0x3ff000, 0), FILL_DEVICE);
	CHECK_EQ(host_has(KERNEL + 0x3ff000), 0);
}

/* Bit 7 of a directory's entry means nothing as long as CR4.PSE is off. */
static void not_large(void)
{
	begin();
	set_cr4(CR4_PGE);
	pde(0, TABLE | ALL | PTE_PSE);
	*pte(0x20000) = 0x300000 | ALL;
	CHECK_EQ(fill(0x20000, PF_USER), FILL_DONE);
	CHECK_EQ(host_has(0x20000), 0x300000 | RX);
}

static void large_pae(void)
{
	uint32_t *e;

	begin_pae();
	e = host_word(PAE_KERNEL);
	e[0] = 0x600000 | PTE_P | PTE_RW | PTE_PSE;
	e[1] = 1u << 31;			/* nobody executes it */
	CHECK_EQ(fill(KERNEL + 0x1fffff, PF_WRITE), FILL_DONE);
	CHECK_EQ(e[0], 0x600000 | PTE_P | PTE_RW | USED | PTE_PSE);
	for (unsigned i = 0; i < 512; i++)
		CHECK_EQ(host_has(KERNEL + i * PAGE),
			 (0x600000 + i * PAGE) | RW);
	CHECK_EQ(host_has(KERNEL + MIB(2)), 0);
	CHECK_EQ(fill(KERNEL + MIB(2), 0), FILL_GUEST);
	/* Then 2 MiB more, which go on where those end. */
	e[2] = 0x800000 | PTE_P | PTE_RW | USED | PTE_PSE;
	CHECK_EQ(fill(KERNEL + MIB(3), 0), FILL_DONE);
	CHECK_EQ(host_has(KERNEL + MIB(2)), 0x800000 | RW);
	CHECK_EQ(host_has(KERNEL + MIB(4) - PAGE), 0x9ff000 | RW);
}

/* Bits of an address that a large page has not. */
static void large_reserved(void)
{
	begin();
	for (unsigned bit = 12; bit < 22; bit++) {
		pde(KERNEL, 0x400000 | ALL | PTE_PSE | 1u << bit);
		CHECK_EQ(fill(KERNEL + 0x5123, 0),
			 bit == 12 ? FILL_DONE : FILL_BAD);
	}
	/* Then it is a table, in a frame of zeros. */
	pde(KERNEL, 0x402000 | ALL | PTE_PSE);
	set_cr4(CR4_PGE);
	CHECK_EQ(fill(KERNEL + 0x5123, 0), FILL_GUEST);
}

static void large_reserved_pae(void)
{
	begin_pae();
	for (unsigned bit = 12; bit < 22; bit++) {
		*host_word(PAE_KERNEL) = 0x600000 | ALL | PTE_PSE | 1u << bit;
		CHECK_EQ(fill(KERNEL + 0x5123, 0),
			 bit > 12 && bit < 21 ? FILL_BAD : FILL_DONE);
	}
}

/* --- where the kernel begins ---------------------------------------------- */

/* Paging begins with CODE at its own address, and at another, or not. */
static void split(uint32_t at, uint32_t frame, uint32_t begins)
{
	if (u)
		munmap(u, sizeof(*u));
	host_begin(RAM, true);
	u->cpuid_faults = true;
	pde(0, TABLE | ALL);
	*pte(CODE) = CODE | PTE_P | PTE_RW;
	pde(at, OTHER_DIR | ALL);
	*host_word(OTHER_DIR + CODE / PAGE * 4) = frame;
	set_cr3(DIR);
	set_cr0(0x80010011);
	CHECK_EQ(u->mmu.kernel, begins);
}

static void splits(void)
{
	static const uint32_t all[] = { 0x40000000, 0x78000000, 0x80000000,
		0xb0000000, KERNEL };

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		split(all[i], CODE | PTE_P, all[i]);
		split(all[i], CODE, KERNEL);
		split(all[i], (CODE + PAGE) | PTE_P, KERNEL);
		split(all[i] + MIB(4), CODE | PTE_P, KERNEL);
	}
	/* Once and for all, for there is something mapped now. */
	split(0x80000000, CODE | PTE_P, 0x80000000);
	pde(0x40000000, OTHER_DIR | ALL);
	*pte(SECOND) = CODE | PTE_P | PTE_RW;
	u->cpu.eip = CODE;
	u->cpu.gpr[AX] = 0x10011;
	memcpy(u->ram + CODE, "\x0f\x22\xc0\x0f\x22\xc0", 6);
	CHECK(insn_emulate(u) && u->mmu.linear);
	u->cpu.gpr[AX] = 0x80010011;
	CHECK(insn_emulate(u) && !u->mmu.linear);
	CHECK_EQ(u->mmu.kernel, 0x80000000);
}

/* --- PAE ------------------------------------------------------------------ */

/* Nobody has memory beyond 4 GiB, whichever table says so. */
static void beyond_4g(void)
{
	uint32_t *e;

	begin_pae();
	e = host_word(PAE_TABLE + 5 * 8);
	e[0] = 0x300000 | PTE_P | PTE_RW | USED;
	e[1] = 1;
	CHECK_EQ(fill(SECOND + 5 * PAGE, 0), FILL_BAD);
	e[1] = 1u << 30;
	CHECK_EQ(fill(SECOND + 5 * PAGE, PF_WRITE), FILL_BAD);
	CHECK_EQ(host_has(SECOND + 5 * PAGE), 0);
	/* Nor do its neighbours bring it along. */
	e[2] = 0x301000 | PTE_P | PTE_RW | USED;
	e[-2] = 0x2ff000 | PTE_P | PTE_RW | USED;
	CHECK_EQ(fill(SECOND + 4 * PAGE, PF_WRITE), FILL_DONE);
	CHECK_EQ(fill(SECOND + 6 * PAGE, PF_WRITE), FILL_DONE);
	CHECK_EQ(host_has(SECOND + 5 * PAGE), 0);
	e[1] = 1u << 31;
	CHECK_EQ(fill(SECOND + 5 * PAGE, 0), FILL_DONE);
	CHECK_EQ(host_has(SECOND + 5 * PAGE), 0x300000 | RW);
	e[1] = 1;
	invlpg(SECOND + 5 * PAGE);
	CHECK_EQ(host_has(SECOND + 5 * PAGE), 0);
	*host_word(PAE_KERNEL + 4) = 1;
	*host_word(PAE_KERNEL) = 0x600000 | ALL | PTE_PSE;
	CHECK_EQ(fill(KERNEL, 0), FILL_BAD);
	*host_word(DIR + 4) = 1;
	CHECK_EQ(fill(0x20000, 0), FILL_BAD);
	CHECK_EQ(host_has(KERNEL), 0);
}

/* --- write protection ----------------------------------------------------- */

static void unprotected(void)
{
	begin();
	*pte(0x20000) = 0x300000 | PTE_P | PTE_US;
	*pte(SECOND + PAGE) = 0x301000 | PTE_P;
	*pte(SECOND + 2 * PAGE) = 0x302000;
	CHECK_EQ(fill(0x20000, PF_WRITE), FILL_GUEST);
	CHECK_EQ(fill(SECOND + PAGE, PF_WRITE), FILL_GUEST);
	set_cr0(0x80010011 & ~CR0_WP);
	CHECK_EQ(fill(SECOND + PAGE, PF_WRITE), FILL_DONE);
	CHECK_EQ(host_has(SECOND + PAGE), 0x301000 | RW);
	CHECK_EQ(fill(0x20000, PF_WRITE), FILL_DONE);
	CHECK_EQ(*pte(0x20000), 0x300000 | PTE_P | PTE_US | USED);
	/* Programs may not, nor may anybody where there is nothing. */
	CHECK_EQ(fill(0x20000, PF_WRITE | PF_USER), FILL_GUEST);
	CHECK_EQ(fill(SECOND + 2 * PAGE, PF_WRITE), FILL_GUEST);
	set_cr0(0x80010011);
	CHECK_EQ(host_has(0x20000) & PROT_WRITE, 0);
	CHECK_EQ(host_has(SECOND + PAGE) & PROT_WRITE, 0);
	CHECK_EQ(fill(SECOND + PAGE, PF_WRITE), FILL_GUEST);
}

/* What an instruction of the kernel's writes on its own, too. */
static void unprotected_by_us(void)
{
	uint32_t value = 0x12345678;

	begin();
	*pte(SECOND + PAGE) = 0x301000 | PTE_P;
	CHECK(!mmu_write(u, SECOND + PAGE, &value, 4));
	set_cr0(0x80010011 & ~CR0_WP);
	CHECK(mmu_write(u, SECOND + PAGE, &value, 4));
	CHECK_EQ(*host_word(0x301000), value);
	CHECK(!mmu_write(u, SECOND + 2 * PAGE, &value, 4));
}

/* --- when changes are seen ------------------------------------------------ */

static void invalidated(void)
{
	begin();
	*pte(0x20000) = 0x300000 | ALL | USED;
	*pte(SECOND + PAGE) = 0x301000 | PTE_P | PTE_RW | USED;
	fill(0x20000, PF_USER);
	fill(SECOND + PAGE, 0);
	*pte(0x20000) = 0x310000 | ALL | USED;
	*pte(SECOND + PAGE) = 0;
	invlpg(0x30000);
	invlpg(SECOND + 2 * PAGE);
	CHECK_EQ(host_has(0x20000), 0x300000 | RWX);
	CHECK_EQ(host_has(SECOND + PAGE), 0x301000 | RW);
	invlpg(0x20123);
	invlpg(SECOND + PAGE + 4);
	CHECK(host_has(0x20000) != (0x300000 | RWX));
	CHECK_EQ(host_has(SECOND + PAGE), 0);
	/* Where there can be nothing, nothing happens. */
	invlpg(UINT32_MAX);
	invlpg(0);
	CHECK_EQ(host.crashes, 0);
}

/* Any address in it means all of a large page. */
static void invalidated_large(void)
{
	static const uint32_t places[] = { 0, 0x200000, 0x3fffff };

	begin();
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		pde(KERNEL, 0x400000 | PTE_P | PTE_RW | USED | PTE_PSE);
		fill(KERNEL, 0);
		CHECK_EQ(host_has(KERNEL + 0x123000), 0x523000 | RW);
		pde(KERNEL, 0x800000 | PTE_P | PTE_RW | USED | PTE_PSE);
		invlpg(KERNEL + places[i]);
		for (unsigned k = 0; k < 1024; k++)
			CHECK_EQ(host_has(KERNEL + k * PAGE), 0);
		CHECK_EQ(u->mmu.kernel_count[KERNEL >> 22], 0);
	}
	pde(0x8000000, 0x400000 | ALL | USED | PTE_PSE);
	fill(0x8000000, PF_USER);
	pde(0x8000000, 0x400000 | PTE_P | PTE_US | USED | PTE_PSE);
	invlpg(0x83ff000);
	CHECK_EQ(host_has(0x8000000), 0x400000 | RX);
	pde(0x8000000, 0);
	invlpg(0x8000000);
	CHECK_EQ(host_has(0x8000000), 0);
}

static void reloaded(void)
{
	begin();
	*pte(0x20000) = 0x300000 | ALL | USED;
	*pte(SECOND + PAGE) = 0x301000 | PTE_P | PTE_RW | USED | 0x100;
	fill(0x20000, PF_USER);
	fill(SECOND + PAGE, 0);
	*pte(0x20000) = 0;
	set_cr3(DIR);
	CHECK_EQ(host_has(0x20000), 0);
	/* The kernel's are global. */
	*pte(SECOND + PAGE) = 0;
	set_cr3(DIR);
	CHECK_EQ(host_has(SECOND + PAGE), 0x301000 | RW);
	set_cr4(CR4_PSE);
	CHECK_EQ(host_has(SECOND + PAGE), 0);
	/* And now they are not. */
	*pte(SECOND + PAGE) = 0x301000 | PTE_P | PTE_RW | USED | 0x100;
	fill(SECOND + PAGE, 0);
	CHECK_EQ(host_has(SECOND + PAGE), 0x301000 | RW);
	*pte(SECOND + PAGE) = 0;
	set_cr3(DIR);
	CHECK_EQ(host_has(SECOND + PAGE), 0);
}

/* Away, a change, and back: by then it has to be seen. */
static void reloaded_another(void)
{
	unsigned first;

	begin();
	first = u->cur;
	*pte(0x20000) = 0x300000 | ALL | USED;
	*pte(0x21000) = 0x301000 | ALL | USED;
	fill(0x20000, PF_USER);
	CHECK_EQ(host_has(0x21000), 0x301000 | RWX);
	set_cr3(OTHER_DIR);
	CHECK(u->cur != first);
	CHECK_EQ(host_has(0x20000), 0);
	fill(0x20000, PF_USER);
	*pte(0x20000) = 0x310000 | ALL | USED;
	set_cr3(DIR);
	CHECK_EQ(u->cur, first);
	CHECK(host_has(0x20000) != (0x300000 | RWX));
	CHECK_EQ(host_has(0x21000), 0x301000 | RWX);
	CHECK_EQ(fill(0x20000, PF_USER), FILL_DONE);
	CHECK_EQ(host_has(0x20000), 0x310000 | RWX);
	/* And the other one, which nobody reloaded, when it is. */
	set_cr3(OTHER_DIR);
	CHECK(host_has(0x20000) != (0x300000 | RWX));
	CHECK(CRASHES(set_cr3(RAM)));
	CHECK_EQ(host.crash, CRASH_TABLE);
}

/* --- text ----------------------------------------------------------------- */

#define TEXT		(SECOND + 4 * PAGE)
#define ALIAS		(SECOND + 8 * PAGE)
#define FRAME		0x340000u

/* nop, pushf, popf, cpuid, and ret to the end; accessible at two places. */
static void begin_text(void)
{
	static const uint8_t code[] = { 0x90, 0x9c, 0x9d, 0x0f, 0xa2 };

	begin();
	memset(u->ram + FRAME, 0xc3, PAGE);
	memcpy(u->ram + FRAME, code, sizeof(code));
	*pte(TEXT) = FRAME | PTE_P | PTE_RW;
	*pte(ALIAS) = FRAME | PTE_P | PTE_RW;
}

static bool is_treated(void)
{
	return u->ram[FRAME + 1] == 0x6e && u->ram[FRAME + 2] == 0x6c;
}

static void treated(void)
{
	begin_text();
	CHECK_EQ(fill(TEXT, 0), FILL_DONE);
	CHECK_EQ(host_has(TEXT), FRAME | R);
	CHECK(!is_treated());
	CHECK_EQ(fill(TEXT, PF_FETCH), FILL_DONE);
	CHECK(is_treated());
	/* The Host can make it trap, so there it stays. */
	CHECK_EQ(u->ram[FRAME + 4], 0xa2);
	CHECK_EQ(host_has(TEXT), FRAME | RX);
	CHECK_EQ(*mmu_treated(u, FRAME), TEXT);
	CHECK_EQ(u->text.pages, 1);
	CHECK_EQ(fill(TEXT, PF_FETCH), FILL_DONE);
	CHECK_EQ(u->text.pages, 1);
	/* A program's is not ours to change. */
	*pte(0x20000) = 0x341000 | PTE_P | PTE_US;
	u->ram[0x341000] = 0x9c;
	CHECK_EQ(fill(0x20000, PF_FETCH | PF_USER), FILL_DONE);
	CHECK_EQ(u->ram[0x341000], 0x9c);
	CHECK_EQ(*mmu_treated(u, 0x341000), 0);
}

static void treated_written(void)
{
	begin_text();
	fill(TEXT, PF_FETCH);
	u->cpu.eip = SECOND;
	CHECK_EQ(fill(TEXT + 8, PF_WRITE), FILL_DONE);
	CHECK_EQ(host_has(TEXT), FRAME | RW);
	CHECK_EQ(*mmu_treated(u, FRAME), 0);
	u->ram[FRAME + 8] = 0x9c;
	u->ram[FRAME + 9] = 0xc3;
	CHECK_EQ(fill(TEXT, PF_FETCH), FILL_DONE);
	CHECK_EQ(u->ram[FRAME + 8], 0x6e);
	CHECK_EQ(host_has(TEXT), FRAME | RX);
	CHECK_EQ(u->text.pages, 2);
}

/* By an instruction of the same page: it may, and nobody else. */
static void treated_by_itself(void)
{
	begin_text();
	fill(TEXT, PF_FETCH);
	u->cpu.eip = TEXT + 5;
	CHECK_EQ(fill(TEXT + 8, PF_WRITE), FILL_DONE);
	CHECK_EQ(host_has(TEXT), FRAME | RWX);
	CHECK(u->cpu.eflags & FLAG_TF);
	CHECK_EQ(u->sys.stepped, TEXT);
	u->cpu.signal = SIGTRAP;
	u->cpu.trap = TRAP_DB;
	cpu_trap(u);
	host_drain();
	CHECK_EQ(host.crashes, 0);
	CHECK(!(u->cpu.eflags & FLAG_TF));
	CHECK_EQ(u->sys.stepped, 0);
	CHECK_EQ(host_has(TEXT), 0);
	CHECK_EQ(*mmu_treated(u, FRAME), 0);
	CHECK_EQ(u->mmu.kernel_count[TEXT >> 22], 0);
}

/* Under another address it can be read, until it is written to there. */
static void treated_alias(void)
{
	begin_text();
	fill(TEXT, PF_FETCH);
	CHECK_EQ(fill(ALIAS, 0), FILL_DONE);
	CHECK_EQ(host_has(ALIAS), FRAME | R);
	*pte(ALIAS) |= PTE_D;
	invlpg(ALIAS);
	CHECK_EQ(host_has(ALIAS) & ~R, host_has(ALIAS) ? FRAME : 0);
	u->cpu.eip = SECOND;
	CHECK_EQ(fill(ALIAS, PF_WRITE), FILL_DONE);
	CHECK_EQ(host_has(ALIAS), FRAME | RW);
	CHECK_EQ(host_has(TEXT), 0);
	CHECK_EQ(*mmu_treated(u, FRAME), 0);
	/* Executed over there it is the other's, which loses it. */
	fill(TEXT, PF_FETCH);
	CHECK_EQ(fill(ALIAS, PF_FETCH), FILL_DONE);
	CHECK_EQ(*mmu_treated(u, FRAME), ALIAS);
	CHECK_EQ(host_has(TEXT), 0);
	CHECK_EQ(host_has(ALIAS), FRAME | RX);
}

/* Where the kernel has all of its memory, it was written before it ran. */
static void treated_lowmem(void)
{
	const uint32_t low = KERNEL + FRAME;

	begin_text();
	pde(KERNEL, PTE_P | PTE_RW | USED | PTE_PSE);
	CHECK_EQ(fill(low, PF_WRITE), FILL_DONE);
	CHECK_EQ(host_has(low), FRAME | RW);
	CHECK_EQ(fill(TEXT, PF_FETCH), FILL_DONE);
	CHECK_EQ(host_has(TEXT), FRAME | RX);
	CHECK(!(host_has(low) & PROT_WRITE));
	u->cpu.eip = SECOND;
	CHECK_EQ(fill(low, PF_WRITE), FILL_DONE);
	CHECK_EQ(host_has(low), FRAME | RW);
	CHECK_EQ(host_has(TEXT), 0);
}

static void treated_unmapped(void)
{
	begin_text();
	fill(TEXT, PF_FETCH);
	*pte(TEXT) = 0x350000 | PTE_P | PTE_RW | USED;
	invlpg(TEXT);
	CHECK_EQ(host_has(TEXT), 0);
	CHECK_EQ(*mmu_treated(u, FRAME), 0);
	CHECK_EQ(fill(ALIAS, PF_WRITE), FILL_DONE);
	CHECK_EQ(host_has(ALIAS), FRAME | RW);
	CHECK_EQ(fill(TEXT, PF_FETCH), FILL_DONE);
	CHECK_EQ(*mmu_treated(u, 0x350000), TEXT);
}

/* The only space that had it is somebody else's now. */
static void treated_evicted(void)
{
	begin_text();
	fill(TEXT, PF_FETCH);
	space_forget(u, &u->spaces[u->cur]);
	host_drain();
	CHECK_EQ(host_has(TEXT), 0);
	CHECK_EQ(*mmu_treated(u, FRAME), 0);
	CHECK_EQ(fill(ALIAS, PF_WRITE), FILL_DONE);
	/* With another that still has it, it stays what it is. */
	fill(TEXT, PF_FETCH);
	*pte(0x20000) = 0x300000 | ALL | USED;
	*pte(0x30000) = 0x310000 | ALL | USED;
	fill(0x20000, PF_WRITE | PF_USER);
	fill(0x30000, PF_WRITE | PF_USER);
	set_cr3(OTHER_DIR);
	CHECK_EQ(fill(TEXT, PF_FETCH), FILL_DONE);
	CHECK_EQ(u->text.pages, 2);
	space_forget(u, &u->spaces[u->cur]);
	host_drain();
	CHECK_EQ(*mmu_treated(u, FRAME), TEXT);
	set_cr3(DIR);
	CHECK_EQ(host_has(TEXT), FRAME | RX);
}

/* The Host has no more mappings: all over again, and nothing is lost. */
static void no_memory(void)
{
	begin_text();
	fill(TEXT, PF_FETCH);
	host.error = -12;
	CHECK_EQ(fill(SECOND, 0), FILL_DONE);
	CHECK_EQ(host_has(TEXT), 0);
	CHECK_EQ(space_get(u, &u->spaces[u->cur], TEXT), 0);
	CHECK_EQ(*mmu_treated(u, FRAME), 0);
	CHECK_EQ(fill(SECOND, 0), FILL_DONE);
	CHECK_EQ(host_has(SECOND), CODE | R);
	host.error = -1;
	CHECK(CRASHES(fill(TEXT, 0)));
	CHECK_EQ(host.crash, CRASH_HOST);
}

int main(void)
{
	RUN(large);
	RUN(large_of_programs);
	RUN(large_over_the_end);
	RUN(not_large);
	RUN(large_pae);
	RUN(large_reserved);
	RUN(large_reserved_pae);
	RUN(splits);
	RUN(beyond_4g);
	RUN(unprotected);
	RUN(unprotected_by_us);
	RUN(invalidated);
	RUN(invalidated_large);
	RUN(reloaded);
	RUN(reloaded_another);
	RUN(treated);
	RUN(treated_written);
	RUN(treated_by_itself);
	RUN(treated_alias);
	RUN(treated_lowmem);
	RUN(treated_unmapped);
	RUN(treated_evicted);
	RUN(no_memory);
	return rig_done();
}
