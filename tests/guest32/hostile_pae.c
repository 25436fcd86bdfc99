/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables of a PC with large pages, and with entries of 64 bits (PAE), by
 * chance.  The kernel itself lives in large pages then.
 *
 * A directory of 32-bit entries and the four entries that PAE begins with have
 * room in one page: so CR4.PAE can be switched with paging on, and the kernel is
 * there in both.
 */
#include "hostile_pc.h"

#define LARGE		0x80u
#define PSE		0x10u		/* CR4 */
#define PAE		0x20u
#define SSE		0x600u

#define FROM		0x10000000u	/* what the tables are about */
#define TABLES		4
#define POOL		64		/* pages that anything may be written to */
#define POOL_LARGE	(32u << 20)	/* and large ones, that we never get to */
#define POOL_LARGES	6

static bool pae;			/* CR4.PAE */
static bool holes;			/* large pages are behind RAM, too */
static u32 *top;			/* in cr3 */
static u8 *directory, *kernel_part;	/* of PAE: of 0 and of PAGE_OFFSET */
static u8 *tables[TABLES], *pool;

static unsigned large_shift(void)
{
	return pae ? 21 : 22;
}

static u32 large_size(void)
{
	return 1u << large_shift();
}

/* Entry i of a table, or of as many as it takes. */
static void put(void *table, unsigned i, u64 value)
{
	i %= pae ? 512 : 1024;
	if (pae)
		((u64 *)table)[i] = value;
	else
		((u32 *)table)[i] = value;
	barrier();
}

static void put_directory(u32 va, u64 value)
{
	put(pae ? (void *)directory : top, va >> large_shift(), value);
}

static void put_top(u64 *pdpt, unsigned i, const void *to)
{
	pdpt[i] = phys(to) | PTE_P;
}

/*
 * Tables of one kind are nonsense to the other; and what was accessed as an
 * entry of the one is none of the other's, which has no such bit.
 */
static void mode(u32 cr4)
{
	put_top((u64 *)top, 0, directory);
	put_top((u64 *)top, 3, kernel_part);
	for (unsigned i = 0; pae != !!(cr4 & PAE) && i < TABLES; i++)
		memset(tables[i], 0, PAGE);
	pae = cr4 & PAE;
	cr4_write(SSE | cr4);
}

/* With 32 bits the kernel stays in small pages: PSE comes and goes. */
static void tables_begin(void)
{
	holes = true;
	top = pgdir_new();
	directory = page_get();
	kernel_part = page_get();
	pool = page_get();
	for (unsigned i = 1; i < POOL; i++)
		page_get();
	for (unsigned i = 0; i < TABLES; i++)
		tables[i] = page_get();
	for (u32 i = 0; i < KERNEL_TABLES * 2; i++)
		((u64 *)kernel_part)[i] = i << 21 | BITS | LARGE;
	pgdir_use(top);
}

static void kernel_large(void)
{
	mode(PSE);
	for (u32 i = 0; i < KERNEL_TABLES; i++)
		top[PAGE_OFFSET / (4 << 20) + i] = i << 22 | BITS | LARGE;
	pgdir_use(top);
}

static void tables_end(void)
{
	/* Large pages want PSE to the end, and PAE its own tables. */
	pgdir_use(pae ? top : kernel_pgdir);
	mode(0);
	pgdir_use(kernel_pgdir);
}

/* In RAM, but for one in so many: a kernel soon ends by that. */
static u32 anything(void)
{
	return next() % 128 ? next() % ram_size : next();
}

static u64 high(bool anywhere)
{
	return pae && anywhere && next() % 256 == 0 ? (u64)next() << 32 : 0;
}

/* A page's: behind RAM, in the pool, or wherever. */
static u64 entry(bool anywhere)
{
	u32 bits = (next() & 0xfff) | (next() & 1), at;

	at = next() % 4 ? phys(pool) + next() % POOL * PAGE :
	     ram_size + next() % 0x40000000;
	if (anywhere)
		at = anything();
	return (at & -PAGE) | bits | high(anywhere);
}

/* A directory's: a large page, or one of the tables. */
static u64 entry_of_directory(bool anywhere)
{
	u32 bits = (next() & 0x67) | PTE_P, at;

	if (anywhere && next() % 4 == 0)
		return entry(true);
	if (next() % 3)
		return phys(tables[next() % TABLES]) | bits;
	at = next() % 4 || !holes ? POOL_LARGE + next() % POOL_LARGES * large_size() :
	     ram_size + next() % 0x40000000;
	return (at & -large_size()) | bits | LARGE;
}

static void churn(unsigned turns, bool anywhere)
{
	for (unsigned i = 0; i < turns; i++) {
		u32 va = FROM + next() % (TABLES << large_shift());
		bool all = next() % 4;

		if (all)
			put_directory(FROM + next() % (TABLES <<
				      large_shift()),
				      entry_of_directory(anywhere));
		put(tables[next() % TABLES], va >> 12, entry(anywhere));
		if (all)
			pgdir_use(top);
		else
			hcall(LHCALL_SET_PTE, 0, va, 0);
		go_there(va, anywhere);
	}
}

TEST(hostile, large_pool)
{
	begin();
	tables_begin();
	kernel_large();
	churn(5000, false);
	tables_end();
	survived_as(2917);
}

TEST(hostile, large_random)
{
	begin();
	tables_begin();
	kernel_large();
	churn(5000, true);
	tables_end();
	survived();
}

TEST(hostile, pae_pool)
{
	begin();
	tables_begin();
	mode(PAE);
	churn(5000, false);
	tables_end();
	survived_as(2591);
}

TEST(hostile, pae_random)
{
	begin();
	tables_begin();
	mode(PAE);
	churn(5000, true);
	tables_end();
	survived();
}

/* Now of this kind, and now of that. */
TEST(hostile, modes_random)
{
	static const u32 modes[] = { 0, PSE, PAE, PAE | PSE };

	begin();
	tables_begin();
	/* Without PSE they are tables. */
	holes = false;
	for (unsigned i = 0; i < 1000; i++) {
		mode(modes[next() % ARRAY_SIZE(modes)]);
		churn(3, false);
	}
	tables_end();
	survived_as(2189);
}

/* --- the top ------------------------------------------------------------ */

/* Four entries, of 128 that have room in a page. */
static u64 *pdpt_random(u8 *page)
{
	u64 *pdpt = (u64 *)(page + next() % 128 * 32);

	memset(pdpt, 0, 32);
	put_top(pdpt, 3, kernel_part);
	return pdpt;
}

/* Directories that are their own tables, and tops that are directories. */
TEST(hostile, pae_circle)
{
	u32 at = FROM >> 21, *mine = (u32 *)(FROM + (FROM >> 9));

	begin();
	tables_begin();
	mode(PAE);
	for (unsigned i = 0; i < 400; i++) {
		u8 *page = page_get(), *own = page_get();
		u64 *pdpt = pdpt_random(page);

		put_top(pdpt, 0, own);
		put_top(pdpt, 1, page);
		put(own, at, phys(own) | BITS | PTE_U);
		put(own, at + 1, phys(page) | BITS | PTE_U);
		cr3_write(phys(pdpt));
		traps += trap_catch(touch, FROM + next() % (4 << 20));
		traps += trap_catch(touch, (1 << 30) + next() % (256 << 20));
		/* The directory, by way of itself. */
		mine[next() % 200 + 600] = next() & ~1u;
		traps += trap_catch(touch, FROM + next() % (4 << 20));
		cr3_write(phys(top));
	}
	tables_end();
	survived_as(1193);
}

/* A fault that tells of a bit that there is not, and none when it is gone. */
static void reserved(u64 *e, u64 bits, u32 at)
{
	u64 was = *e;

	*e |= bits;
	cr3_write(phys(top));
	EQUAL(trap_catch(touch, at), true);
	EQUAL(trapped.vector, 14);
	EQUAL(trapped.error, at & 1 ? 11 : 9);
	EQUAL(trapped_cr2, at & ~3u);
	*e = was;
	cr3_write(phys(top));
	EQUAL(trap_catch(touch, at), false);
}

/* In each level; and where a large page has no address. */
TEST(hostile, pae_reserved)
{
	u64 *pde, *pte;

	tables_begin();
	mode(PAE);
	pde = (u64 *)directory + (FROM >> 21) % 512;
	pte = (u64 *)tables[0];
	for (u32 at = FROM; at < FROM + 2; at++) {
		for (unsigned bit = 52; bit < 63; bit++) {
			put_directory(FROM, phys(tables[0]) | BITS);
			put(tables[0], 0, phys(pool) | BITS);
			reserved(pte, 1ull << bit, at);
			reserved(pde, 1ull << bit, at);
			put_directory(FROM, POOL_LARGE | BITS | LARGE);
			reserved(pde, 1ull << bit, at);
		}
		for (unsigned bit = 13; bit < 21; bit++)
			reserved(pde, 1ull << bit, at);
	}
	tables_end();
	survived();
}

/* Each has a page of its own at the same address, and they come again. */
TEST(hostile, pae_many)
{
	u8 *page = page_get(), *own;
	u32 value, first;

	begin();
	tables_begin();
	mode(PAE);
	first = phys(page_get());
	for (u32 i = 1; i < 128 * 3; i++)
		page_get();
	for (u32 i = 0; i < 128; i++) {
		u64 *pdpt = (u64 *)(page + i * 32);

		own = virt(first + i * PAGE);
		put_top(pdpt, 0, own);
		put_top(pdpt, 3, kernel_part);
		put(own, FROM >> 21, (first + (128 + i) * PAGE) | BITS);
		put(virt(first + (128 + i) * PAGE), FROM >> 12,
		    (first + (256 + i) * PAGE) | BITS);
		*(u32 *)virt(first + (256 + i) * PAGE) = i;
	}
	for (u32 i = 0; i < 2000; i++) {
		u32 n = next() % 128;

		cr3_write(phys(page) + n * 32);
		value = *(volatile u32 *)FROM;
		EQUAL(value & 127, n);
		*(volatile u32 *)FROM = value + 128;
	}
	value = 0;
	for (u32 i = 0; i < 128; i++)
		value += *(u32 *)virt(first + (256 + i) * PAGE) / 128;
	tables_end();
	EQUAL(value, 2000);
	survived();
}

/* All but the kernel's of the four are anything at all. */
TEST(hostile, pae_top_random)
{
	u8 *page = page_get();

	begin();
	tables_begin();
	mode(PAE);
	for (unsigned i = 0; i < 400; i++) {
		u64 *pdpt = pdpt_random(page);

		for (unsigned n = 0; n < 3; n++)
			pdpt[n] = (anything() & -PAGE) | high(true) |
				  (next() & 1);
		traps += trap_catch(cr3_write, phys(pdpt));
		traps += trap_catch(touch, next() % 3 << 30 |
				    next() % (1 << 30));
		cr3_write(phys(top));
	}
	tables_end();
	survived();
}

/* The top where RAM ends, and behind that. */
TEST(hostile, pae_top_end)
{
	begin();
	tables_begin();
	mode(PAE);
	traps += trap_catch(cr3_write, ram_size - 32);
	survived();
}

TEST(hostile, pae_top_nowhere)
{
	begin();
	tables_begin();
	mode(PAE);
	traps += trap_catch(cr3_write, 0xffffffe0);
	survived();
}

/* A large page is split and put together again, with what is in it. */
TEST(hostile, pae_split)
{
	begin();
	tables_begin();
	mode(PAE);
	for (u32 i = 0; i < 512; i++)
		put(tables[0], i, (POOL_LARGE + i * PAGE) | BITS);
	for (u32 i = 0; i < 300; i++) {
		u32 va = FROM + next() % 512 * PAGE;
		volatile u32 *mine = (u32 *)virt(POOL_LARGE + (va - FROM));

		put_directory(FROM, i % 2 ? phys(tables[0]) | BITS :
			      POOL_LARGE | BITS | LARGE);
		pgdir_use(top);
		*(volatile u32 *)va = i;
		EQUAL(*mine, i);
		*mine = ~i;
		EQUAL(*(volatile u32 *)va, ~i);
	}
	tables_end();
	survived();
}
