/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leads the system calls of a Guest's programs to the direct path: in the page
 * that its kernel gives them to call.
 */
#include <string.h>

#include "kind.h"

#define VDSO_TRIES	1000

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
 * lcall, int $0x80, and what came behind it: ret, or pops and ret.  Either
 * there are nops before (sysenter might have been there), or it is the page's
 * last function, and behind it are bytes that nobody needs any more.  Returns
 * by how much the int has moved: nobody may be on his way back to it, and as
 * this is the first one ever, nobody is.
 */
static uint32_t vdso_write(const struct user *u, uint8_t *page, uint32_t at)
{
	uint8_t call[] = {
		0x9a, 0, 0, 0, 0, HOST_CS, 0, 0xcd, VECTOR_SYSCALL, 0xc3,
	};
	uint32_t to = direct_calls(u, false);
	unsigned nops = 0;

	/* Of those that used to be for sysenter; here they are done there. */
	if (pushes_before(page + at)) {
		to = direct_calls(u, true);
		nops = 7;
	}
	memcpy(call + 1, &to, 4);
	while (nops < 7 && page[at - nops - 1] == 0x90)
		nops++;
	if (nops == 7) {
		memcpy(page + at - 7, call, 7);
		return 0;
	}
	if (page[at + 2] != 0xc3)
		return 0;
	memcpy(page + at, call, sizeof(call));
	return 7;
}

/* Is `at` in the function __kernel_vsyscall, with none behind that it hurts? */
static bool is_vsyscall(const uint8_t *page, uint32_t at)
{
	static const char name[] = "__kernel_vsyscall";
	uint32_t strings = 0, sym, value;

	for (uint32_t i = 52; i + sizeof(name) < PAGE && !strings; i++)
		if (!memcmp(page + i, name, sizeof(name)))
			strings = i;
	/* Symbols are an array of 16 bytes, before their names. */
	for (sym = 52; sym + 16 <= strings; sym += 4) {
		uint32_t next = 0, from;

		memcpy(&value, page + sym + 4, 4);
		from = value % PAGE;
		if (page[sym + 12] != 0x12 || from > at || at - from > 16)
			continue;
		/* A function, near: none may begin in what we write. */
		for (uint32_t other = sym % 16 ? sym % 16 + 48 : 64;
		     other + 16 <= strings; other += 16) {
			memcpy(&value, page + other + 4, 4);
			if (page[other + 12] == 0x12 && value % PAGE > from &&
			    value % PAGE < at + 10)
				next = value;
		}
		return !next;
	}
	return false;
}

uint32_t direct_patch_vdso(struct user *u, uint32_t eip)
{
	const struct table t = mmu_table(u, u->mmu.cr3, eip);
	uint32_t pte = mmu_entry(u, &t, 0), at = eip % PAGE;
	uint8_t *page;

	if (!WINDOWS || (!u->stock && !u->irq_enabled) ||
	    u->direct.vdso_seen >= VDSO_TRIES ||
	    !(pte & PTE_P) || at < 64 || at > PAGE - 16)
		return 0;
	u->direct.vdso_seen++;
	page = (uint8_t *)mmu_ram(u, pte & PTE_FRAME, PAGE);
	if (!page || memcmp(page, "\177ELF\1\1\1", 7) ||
	    !is_vsyscall(page, at))
		return 0;
	u->direct.vdso_seen = VDSO_TRIES;
	if (u->stock && kind_gate(u, VECTOR_SYSCALL, u->sys.call_gate))
		direct_syscall(u, u->sys.call_gate);
	return vdso_write(u, page, at);
}
