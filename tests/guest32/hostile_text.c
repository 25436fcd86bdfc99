/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text that changes under the CPU's feet: by itself, from elsewhere, by another
 * name.  A PC executes what was written last, whatever a Host may have put in
 * its place before; and here it has a reason to, for each piece looks at its
 * flags, too, which ring 3 cannot do without being helped.
 */
#include "user.h"

#define BITS	(PTE_P | PTE_W | PTE_A | PTE_D)
#define TURNS	300
#define RING3	0x800000
#define PUSHF	0x9c
#define RET	0xc3

static u8 *page[2];		/* as the kernel has all of memory */

/* Two pages, at KERNEL_VA as well. */
static u8 *begin(void)
{
	for (unsigned i = 0; i < 2; i++) {
		page[i] = page_get();
		pte_set(kernel_pgdir, KERNEL_VA + i * PAGE,
			phys(page[i]) | BITS);
	}
	return (u8 *)KERNEL_VA;
}

static u32 call(const void *at, u32 edx)
{
	u32 eax = (u32)at;

	asm volatile("call *%0" : "+a"(eax), "+d"(edx) :: "ecx", "esi", "edi",
		     "memory", "cc");
	return eax;
}

/* Bytes, and in place of each 0xee what comes next of the address. */
static u8 *put(u8 *to, const char *bytes, unsigned n, u32 value)
{
	for (unsigned i = 0; i < n; i++) {
		u8 b = bytes[i];

		if (b == 0xee) {
			b = value;
			value >>= 8;
		}
		*to++ = b;
	}
	return to;
}

#define PUT(to, bytes, value)	put(to, bytes, sizeof(bytes) - 1, value)
#define FLAGS_CODE	"\x9c\x58\xc3"			/* pushf; pop; ret */
#define VALUE_CODE	"\xb8\xee\xee\xee\xee\xc3"	/* mov $, %eax; ret */

/* It writes the next instruction, each time another. */
TEST(hostile, text_next)
{
	u8 *at = begin();

	PUT(at, "\x9c\x59\x89\x15\xee\xee\xee\xee\xb8\0\0\0\0\xc3",
	    KERNEL_VA + 9);
	for (u32 i = 1; i <= TURNS; i++)
		EQUAL(call(at, i * 0x01010101), i * 0x01010101);
	say("SURVIVED\n");
}

/* The same in a program. */
TEST(hostile, text_next_ring3)
{
	struct room room;
	struct regs r;

	begin();
	program_begin(&room);
	pte_set(room.pgdir, RING3, phys(page[0]) | BITS | PTE_U);
	PUT(page[0], "\x9c\x59\x89\x15\xee\xee\xee\xee\xb8\0\0\0\0\xcd\x80",
	    RING3 + 9);
	for (u32 i = 1; i <= TURNS; i++) {
		program_run(&r, (void (*)(void))RING3, 0, i);
		EQUAL(r.vector, 0x80);
		EQUAL(r.eax, i);
	}
	program_end();
	say("SURVIVED\n");
}

/* A string instruction lays new code in its own way, at + 17. */
static void lay(u8 *at, u32 way)
{
	for (u32 i = 1; i <= TURNS; i++) {
		u8 *to = PUT(at, "\xbe\xee\xee\xee\xee", KERNEL_VA + 0x800);

		to = PUT(to, "\xbf\xee\xee\xee\xee", way);
		PUT(to, "\xb9\x06\0\0\0\xf3\xa4\x9c\x58\xc3\x90\x90\x90", 0);
		PUT(at + 0x800, VALUE_CODE, i);
		EQUAL(call(at, 0), i);
	}
	say("SURVIVED\n");
}

TEST(hostile, text_string)
{
	lay(begin(), KERNEL_VA + 17);
}

/* By another name of the page that it runs in, as Linux changes its own. */
TEST(hostile, text_string_alias)
{
	u8 *at = begin();

	lay(at, (u32)page[0] + 17);
}

/* Executed under one name and written under the other, and the reverse. */
static void by_two_names(u8 *executed, u8 *written)
{
	for (u32 i = 1; i <= TURNS; i++) {
		PUT(written, VALUE_CODE, i);
		EQUAL(call(executed, 0), i);
		PUT(written, FLAGS_CODE, 0);
		EQUAL(call(executed, 0) & FLAG_IF, 0);
	}
	say("SURVIVED\n");
}

TEST(hostile, text_alias)
{
	u8 *at = begin();

	by_two_names(at, page[0]);
}

TEST(hostile, text_alias_back)
{
	u8 *at = begin();

	by_two_names(page[0], at);
}

TEST(hostile, text_same_name)
{
	u8 *at = begin();

	by_two_names(at, at);
}

/* By both names in turn, which no more than one Host's mapping can be. */
TEST(hostile, text_executed_twice)
{
	u8 *at = begin();

	PUT(at, FLAGS_CODE, 0);
	for (u32 i = 1; i <= TURNS; i++) {
		EQUAL(call(at, 0) & FLAG_IF, 0);
		EQUAL(call(page[0], 0) & FLAG_IF, 0);
	}
	say("SURVIVED\n");
}

/* An instruction on two pages, of which the second one changes. */
TEST(hostile, text_two_pages)
{
	u8 *at = begin() + PAGE - 2;

	for (u32 i = 1; i <= TURNS; i++) {
		PUT(at, VALUE_CODE, i * 0x10001);
		EQUAL(call(at, 0), i * 0x10001);
		page[1][0] = i;
		EQUAL(call(at, 0) >> 8 & 0xff, i & 0xff);
	}
	/* The flags' on the border. */
	PUT(at + 1, FLAGS_CODE, 0);
	EQUAL(call(at + 1, 0) & FLAG_IF, 0);
	say("SURVIVED\n");
}

/* The page is another one meanwhile; nobody writes to either. */
TEST(hostile, text_remapped)
{
	u8 *at = begin();

	PUT(page[0], FLAGS_CODE, 0);
	for (u32 i = 1; i <= TURNS; i++) {
		PUT(page[1], VALUE_CODE, i);
		pte_set(kernel_pgdir, KERNEL_VA, phys(page[i % 2]) | BITS);
		if (i % 2)
			EQUAL(call(at, 0), i);
		else
			EQUAL(call(at, 0) & FLAG_IF, 0);
	}
	say("SURVIVED\n");
}

/* Data that looks like what is replaced is no text, and stays. */
TEST(hostile, text_data)
{
	u8 *at = begin();

	PUT(at, VALUE_CODE, 0x9d9c9d9c);
	PUT(at + 16, FLAGS_CODE, 0);
	for (u32 i = 1; i <= TURNS; i++) {
		EQUAL(call(at, 0), 0x9d9c9d9c);
		EQUAL(call(at + 16, 0) & FLAG_IF, 0);
	}
	say("SURVIVED\n");
}

/*
 * Into the middle of instructions, at each byte of what was executed before:
 * selectors and flags.  What comes of it may be nonsense, but is over.
 */
static void jump(u32 to)
{
	asm volatile("pushal; call *%0; popal" :: "a"(to) : "memory");
}

TEST(hostile, text_middle)
{
	u8 *at = begin();
	u32 traps = 0, n;

	n = PUT(at, "\xb8\x7b\0\0\0\x8e\xd8\xba\xd8\0\0\0\x8e\xe2\x9c\x58\x9c"
		"\x9d\x0f\xa2\x0f\x01\xe0\x9c\x5b\x66\x9c\x66\x58\x9c\x59"
		"\xc3", 0) - at;
	traps += trap_catch(jump, KERNEL_VA);
	for (u32 i = 0; i < n; i++)
		traps += trap_catch(jump, KERNEL_VA + i);
	asm volatile("movl %0, %%ds; movl %0, %%es; cld" :: "r"(KERNEL_DS));
	EQUAL(traps, 21);	/* on a PC */
	say("SURVIVED %u traps\n", traps);
}

/* Random code that has all its page to write to, again and again. */
TEST(hostile, text_random)
{
	u32 seed = argument_number("seed", 1), traps = 0;
	u8 *at = begin();

	for (u32 i = 0; i < 4000; i++) {
		for (u32 b = 0; b < 64; b++) {
			seed = seed * 1664525 + 1013904223;
			page[i % 2][seed >> 20] = seed >> 12;
		}
		at[(seed >> 8) % PAGE] = RET;
		page[0][(seed >> 4) % PAGE] = PUSHF;
		traps += trap_catch(jump, KERNEL_VA + (seed >> 7) % PAGE);
	}
	say("SURVIVED %u traps\n", traps);
}
