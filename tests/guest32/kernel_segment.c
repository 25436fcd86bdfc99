/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules of the GDT, and segments for threads. */
#include "user.h"

#define PERCPU		27
#define CANARY		28
#define SELECTOR(n)	((n) << 3)
#define TLS		6

/* A data segment of len bytes at base. */
static u64 segment(u32 base, u32 len, unsigned dpl)
{
	u32 limit = len - 1;
	u32 low = (base & 0xffff) << 16 | (limit & 0xffff);
	u32 high = (base & 0xff000000) | (limit & 0xf0000) | 0x00409200 |
		   dpl << 13 | (base >> 16 & 0xff);

	return (u64)high << 32 | low;
}

static void gdt_segment(unsigned n, u64 s)
{
	gdt_set(n, s, s >> 32);
}

static u32 got;

static void read_fs(u32 off)
{
	asm volatile("movl %%fs:(%1), %0" : "=r"(got) : "r"(off));
}

static void load_fs(u32 selector)
{
	asm volatile("movl %0, %%fs" :: "r"(selector));
}

static void load_gs(u32 selector)
{
	asm volatile("movl %0, %%gs" :: "r"(selector));
}

static u32 words[4] = { 0x11223344, 0x55667788, 0x99aabbcc, 0xddeeff00 };

/* As SMP kernels have for each CPU: made for ring 0, which is ring 1. */
TEST(kernel, segment_percpu)
{
	gdt_segment(PERCPU, segment((u32)words, 8, 0));
	load_fs(SELECTOR(PERCPU));
	read_fs(0);
	EQUAL(got, words[0]);
	read_fs(4);
	EQUAL(got, words[1]);
	/* Moved: it counts from the next load on at the latest. */
	gdt_segment(PERCPU, segment((u32)&words[2], 8, 0));
	load_fs(SELECTOR(PERCPU));
	read_fs(0);
	EQUAL(got, words[2]);
	load_fs(0);
}

/* QEMU's emulation has no limits: we are told so by limits=0. */
static bool limits(void)
{
	if (argument_number("limits", 1))
		return true;
	skip("this CPU does not look at segments' limits");
	return false;
}

/* Beyond its end is nothing, and in none at all neither. */
TEST(kernel, segment_limit)
{
	if (!limits())
		return;
	gdt_segment(PERCPU, segment((u32)words, 8, 0));
	load_fs(SELECTOR(PERCPU));
	for (unsigned off = 5; off <= 8; off++) {
		CHECK(trap_catch(read_fs, off));
		EQUAL(trapped.vector, 13);
		EQUAL(trapped.error, 0);
	}
	load_fs(0);
	CHECK(trap_catch(read_fs, 0));
	EQUAL(trapped.vector, 13);
	EQUAL(trapped.error, 0);
}

TEST(kernel, segment_canary)
{
	u32 value = 0;

	gdt_segment(CANARY, segment((u32)words, 16, 0));
	load_gs(SELECTOR(CANARY));
	asm volatile("movl %%gs:12, %0" : "=r"(value));
	EQUAL(value, words[3]);
	asm volatile("movl %0, %%gs:12" :: "r"(0x12345678));
	EQUAL(words[3], 0x12345678);
	words[3] = 0xddeeff00;
	load_gs(0);
}

/* Across traps and interrupts they stay what they were. */
TEST(kernel, segment_kept)
{
	gdt_segment(PERCPU, segment((u32)words, 16, 0));
	load_fs(SELECTOR(PERCPU));
	for (unsigned i = 0; i < 100; i++) {
		hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
		read_fs(8);
		EQUAL(got, words[2]);
	}
	load_fs(0);
}

TEST(kernel, segment_not_ours)
{
	static const u8 ignored[] = { 10, 11, 16, 31 };

	/* What is there is the Host's, and goes on to work. */
	for (unsigned i = 0; i < ARRAY_SIZE(ignored); i++)
		gdt_segment(ignored[i], segment((u32)words, 16, 3));
	CHECK(trap_catch(load_fs, SELECTOR(31) | 3));
	EQUAL(trapped.vector, 13);
	EQUAL(trapped.error, SELECTOR(31));
	hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
}

/* Where there is nothing, or it is not present. */
TEST(kernel, segment_absent)
{
	gdt_set(PERCPU, 0, 0);
	CHECK(trap_catch(load_fs, SELECTOR(PERCPU)));
	EQUAL(trapped.vector, 13);
	EQUAL(trapped.error, SELECTOR(PERCPU));
	gdt_segment(PERCPU, segment((u32)words, 16, 0) & ~(1ULL << 47));
	CHECK(trap_catch(load_fs, SELECTOR(PERCPU)));
	EQUAL(trapped.vector, 11);
	EQUAL(trapped.error, SELECTOR(PERCPU));
	gdt_set(PERCPU, 0, 0);
}

static void tls_load(const u64 *tls, bool async)
{
	/* The Guest takes gs away first: an old Host could not bear it. */
	load_gs(0);
	if (!async)
		hcall(LHCALL_LOAD_TLS, phys(tls), 0, 0);
	else if (!hcall_async(LHCALL_LOAD_TLS, phys(tls), 0, 0))
		fail("the ring is full");
}

static u32 tls_read(unsigned n, u32 off)
{
	struct regs r;

	program_run(&r, user_gs, SELECTOR(TLS + n) | 3, off);
	if (r.vector != 0x80)
		fail("TLS %u: trap %u error 0x%x", n, r.vector, r.error);
	return r.eax;
}

static u64 tls[3] __attribute__((aligned(8)));

TEST(kernel, tls_three)
{
	struct room room;
	u32 *data;

	program_begin(&room);
	data = (u32 *)room.data;
	for (unsigned i = 0; i < 16; i++)
		data[i] = 0xabcd0000 + i;
	for (unsigned i = 0; i < 3; i++)
		tls[i] = segment(USER_DATA + 16 * i, 16, 3);
	tls_load(tls, false);
	for (unsigned i = 0; i < 3; i++) {
		EQUAL(tls_read(i, 0), 0xabcd0000 + 4 * i);
		EQUAL(tls_read(i, 12), 0xabcd0003 + 4 * i);
	}
	load_gs(0);
	program_end();
}

TEST(kernel, tls_limit)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	tls[0] = segment(USER_DATA, 16, 3);
	tls[1] = tls[2] = 0;
	tls_load(tls, false);
	program_run(&r, user_gs, SELECTOR(TLS + 1) | 3, 0);
	EQUAL(r.vector, 13);
	EQUAL(r.error, SELECTOR(TLS + 1));
	if (limits()) {
		program_run(&r, user_gs, SELECTOR(TLS) | 3, 16);
		EQUAL(r.vector, 13);
		EQUAL(r.error, 0);
	}
	load_gs(0);
	program_end();
}

/* Two threads that take turns, by a call and by the ring. */
TEST(kernel, tls_switched)
{
	struct room room;
	u32 *data;

	program_begin(&room);
	data = (u32 *)room.data;
	data[0] = 0x1001;
	data[64] = 0x2002;
	for (unsigned turn = 0; turn < 20; turn++) {
		tls[0] = segment(USER_DATA + (turn & 1) * 256, 256, 3);
		tls_load(tls, turn & 2);
		hcall(LHCALL_FLUSH_ASYNC, 0, 0, 0);
		EQUAL(tls_read(0, 0), turn & 1 ? 0x2002 : 0x1001);
	}
	load_gs(0);
	program_end();
}

/* gs of a program comes back to it after a trap. */
TEST(kernel, tls_kept)
{
	struct room room;
	struct regs r;

	program_begin(&room);
	((u32 *)room.data)[2] = 0x5a5a5a5a;
	tls[0] = segment(USER_DATA, 4096, 3);
	tls_load(tls, false);
	program_run(&r, user_gs, SELECTOR(TLS) | 3, 8);
	EQUAL(r.eax, 0x5a5a5a5a);
	EQUAL(r.gs >> 3, TLS);
	for (unsigned i = 0; i < 10; i++) {
		r.eip = (u32)user_gs + 2;	/* behind its load of gs */
		r.eax = 0;
		user_run(&r);
		EQUAL(r.vector, 0x80);
		EQUAL(r.eax, 0x5a5a5a5a);
	}
	load_gs(0);
	program_end();
}
