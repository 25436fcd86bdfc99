/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leads the system calls of a Guest's programs to the direct path: in the page
 * that its kernel gives them to call.
 */
#include <string.h>

#include "kind.h"

#define VDSO_TRIES	1000
#define CALL		7	/* bytes of an lcall */
#define LEAP		(CALL + 3)	/* of that, int and ret */

/* What a vDSO has before its int $0x80 if there might have been a sysenter. */
static bool pushes_before(const uint8_t *at)
{
	static const uint8_t pushes[] = { 0x51, 0x52, 0x55 };
	/* As compilers write it, and as kernels do; sysenter's room. */
	static const uint8_t nops[][4] = {
		{ 0x90, 0x90, 0x90, 0x90 }, { 0x8d, 0x74, 0x26, 0x00 },
		{ 0x0f, 0x1f, 0x40, 0x00 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(nops); i++)
		if (!memcmp(at - 7, pushes, 3) && !memcmp(at - 4, nops[i], 4))
			return true;
	return false;
}

/*
 * The call comes before the int $0x80, where there are nops: sysenter might
 * have been there.  Or that leaps over its own ret, which somebody may be on
 * his way back to, to call, int and ret of ours: where sysenter is that we do
 * not have, or where nothing is.
 */
static void vdso_write(const struct user *u, uint8_t *page, uint32_t at)
{
	uint8_t call[LEAP] = {
		0x9a, 0, 0, 0, 0, HOST_CS, 0, 0xcd, VECTOR_SYSCALL, 0xc3,
	};
	bool pushes = pushes_before(page + at);
	uint32_t to = direct_calls(u, pushes);
	unsigned nops = 0;

	memcpy(call + 1, &to, 4);
	while (nops < CALL && page[at - nops - 1] == 0x90)
		nops++;
	if (pushes || nops == CALL) {
		memcpy(page + at - CALL, call, CALL);
	} else if (page[at + 2] == 0xc3) {
		memcpy(page + at + 3, call, LEAP);
		page[at] = 0xeb;
		page[at + 1] = 1;
	}
}

/*
 * Is `at` in the function __kernel_vsyscall, with none behind that it hurts?
 * Old kernels' symbols have the address where the page is, so they say less.
 */
static bool is_vsyscall(const uint8_t *page, uint32_t at)
{
	static const char name[] = "__kernel_vsyscall";
	uint32_t strings = 0, sym, value, size = at < PAGE ? PAGE : 2 * PAGE;

	for (uint32_t i = 52; i + sizeof(name) < PAGE && !strings; i++)
		if (!memcmp(page + i, name, sizeof(name)))
			strings = i;
	/* Symbols are an array of 16 bytes, before their names. */
	for (sym = 52; sym + 16 <= strings; sym += 4) {
		uint32_t next = 0, from;

		memcpy(&value, page + sym + 4, 4);
		from = value % size;
		if (page[sym + 12] != 0x12 || from > at || at - from > 16)
			continue;
		/* A function, near: none may begin in what we write. */
		for (uint32_t other = sym % 16 ? sym % 16 + 48 : 64;
		     other + 16 <= strings; other += 16) {
			memcpy(&value, page + other + 4, 4);
			if (page[other + 12] == 0x12 && value % size > from &&
			    value % size < at + 3 + LEAP)
				next = value;
		}
		return !next;
	}
	return false;
}

/* The Guest's page at va; NULL: there is none. */
static uint8_t *page_at(struct user *u, uint32_t va)
{
	const struct table t = mmu_table(u, u->mmu.cr3, va);
	uint32_t pte = mmu_entry(u, &t, 0);

	return pte & PTE_P ? (uint8_t *)mmu_ram(u, pte & PTE_FRAME, PAGE) :
	       NULL;
}

/* Linux 7.2's has two pages: the symbols are in the first. */
void direct_patch_vdso(struct user *u, uint32_t eip)
{
	uint32_t at = eip % PAGE, before = 0;
	uint8_t *page, *first;

	if (!WINDOWS || (!u->stock && !u->irq_enabled) ||
	    u->direct.vdso_seen >= VDSO_TRIES || at < 64 || at > PAGE - 16)
		return;
	page = first = page_at(u, eip);
	if (!page)
		return;
	u->direct.vdso_seen++;
	if (memcmp(page, "\177ELF\1\1\1", 7)) {
		before = PAGE;
		first = page_at(u, eip - PAGE);
	}
	if (!first || memcmp(first, "\177ELF\1\1\1", 7) ||
	    !is_vsyscall(first, before + at))
		return;
	u->direct.vdso_seen = VDSO_TRIES;
	if (u->stock && kind_gate(u, VECTOR_SYSCALL, u->sys.call_gate))
		direct_syscall(u, u->sys.call_gate);
	vdso_write(u, page, at);
}
