/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls of a program that come by the page which its kernel gives it:
 * from the second time on they are a far call, and who is on his way back from
 * the first finds the way that he came by.
 */
#include "user_pc.h"

#define VDSO	0x404000u	/* a program's pages: symbols, and more code */
#define NAME	0x300
#define HERE	0x400		/* of __kernel_vsyscall in its page */
#define NEXT	(HERE + 0x20)	/* of another function */

static uint8_t *first, *second;

static void symbol(unsigned i, uint32_t value)
{
	uint8_t *at = first + 0x100 + i * 16;

	memset(at, 0, 16);
	memcpy(at + 4, &value, 4);
	at[12] = 0x12;
}

static void map(unsigned page, uint32_t flags)
{
	*host_word(PROGRAM_TABLE + (4 + page) * 4) =
		((uint32_t)(pc_at(VDSO + page * PAGE) - u->ram)) | flags;
}

/* A vDSO of two pages, with its functions at these offsets. */
static void begin(uint32_t vsyscall, uint32_t next)
{
	pc_begin_program();
	direct_create(u);
	first = pc_at(VDSO);
	second = first + PAGE;
	memset(first, 0x90, 2 * PAGE);
	memcpy(first, "\177ELF\1\1\1", 7);
	memcpy(first + NAME, "__kernel_vsyscall", 18);
	memset(first + 0x100, 0, NAME - 0x100);
	symbol(0, vsyscall);
	symbol(1, next);
	map(0, 5);
	map(1, 5);
	u->direct.vdso_seen = 0;
}

static void put(uint8_t *at, const char *bytes, unsigned n)
{
	memcpy(at, bytes, n);
}

/* Is there lcall to the direct path, the one that pushes or the other? */
static bool calls(const uint8_t *at, bool pushes)
{
	uint32_t to = direct_calls(u, pushes);

	return at[0] == 0x9a && !memcmp(at + 1, &to, 4) &&
	       at[5] == HOST_CS && !at[6];
}

static bool leaps(const uint8_t *at)
{
	return !memcmp(at, "\xeb\x01\xc3", 3) && calls(at + 3, false) &&
	       !memcmp(at + 10, "\xcd\x80\xc3", 3);
}

static void leaps_over_ret(void)
{
	begin(HERE, NEXT);
	put(first + HERE - 1, "\x5d\xcd\x80\xc3\x51\x52", 6);
	direct_patch_vdso(u, VDSO + HERE);
	CHECK(leaps(first + HERE));
	CHECK_EQ(first[HERE + 13], 0x90);
}

static void function_too_near(void)
{
	begin(HERE, HERE + 12);
	put(first + HERE - 1, "\x5d\xcd\x80\xc3", 4);
	direct_patch_vdso(u, VDSO + HERE);
	CHECK(!memcmp(first + HERE, "\xcd\x80\xc3\x90", 4));
	begin(HERE, HERE + 13);
	put(first + HERE - 1, "\x5d\xcd\x80\xc3", 4);
	direct_patch_vdso(u, VDSO + HERE);
	CHECK(leaps(first + HERE));
}

static void instead_of_sysenter(void)
{
	begin(HERE, NEXT);
	put(first + HERE, "\x51\x52\x55\x0f\x1f\x40\x00\xcd\x80\x5d", 10);
	direct_patch_vdso(u, VDSO + HERE + 7);
	CHECK(calls(first + HERE, true));
	CHECK(!memcmp(first + HERE + 7, "\xcd\x80\x5d", 3));
}

static void in_the_second_page(void)
{
	begin(PAGE + HERE, PAGE + NEXT);
	put(second + HERE - 1, "\x5d\xcd\x80\xc3", 4);
	/* Nobody has looked at the symbols yet: then not now. */
	map(0, 0);
	direct_patch_vdso(u, VDSO + PAGE + HERE);
	CHECK(!memcmp(second + HERE, "\xcd\x80\xc3", 3));
	map(0, 5);
	direct_patch_vdso(u, VDSO + PAGE + HERE);
	CHECK(leaps(second + HERE));
}

static void elsewhere(void)
{
	begin(HERE, NEXT);
	put(second + HERE - 1, "\x5d\xcd\x80\xc3", 4);
	direct_patch_vdso(u, VDSO + PAGE + HERE);
	CHECK(!memcmp(second + HERE, "\xcd\x80\xc3", 3));
	memset(first, 0, 7);
	put(first + HERE - 1, "\x5d\xcd\x80\xc3", 4);
	direct_patch_vdso(u, VDSO + HERE);
	CHECK(!memcmp(first + HERE, "\xcd\x80\xc3", 3));
}

int main(void)
{
	RUN(leaps_over_ret);
	RUN(function_too_near);
	RUN(instead_of_sysenter);
	RUN(in_the_second_page);
	RUN(elsewhere);
	return rig_done();
}
