/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel in memory, and the CPU before its first instruction: as the Host of
 * old had it, but for the place of the boot parameters.
 */
#include <string.h>

#include "abi/bootparam.h"
#include "user.h"

#define PARAMS		LINEAR_START
#define CMDLINE		(LINEAR_START + PAGE)
#define CMDLINE_ROOM	PAGE
#define LOW_END		(LINEAR_START + 2 * PAGE)

/* --- code that means something else here ------------------------------ */

/* mov $sel, %reg right before a mov from that register to a segment's. */
static bool loads_segment(const uint8_t *at, const uint8_t *end)
{
	unsigned reg = at[0] & 7;

	for (const uint8_t *p = at + 5; p < end - 1 && p < at + 9; p++)
		if (p[0] == 0x8e && p[1] >> 6 == 3 && (p[1] & 7) == reg)
			return true;
	return false;
}

/* What the real CPU has to load for it. */
static uint8_t real_selector(uint8_t sel)
{
	switch (sel) {
	case USER_DS:
		return HOST_DS;
	case 27 << 3:			/* the kernel's per-CPU data */
	case 28 << 3:			/* its stack protector's */
		return sel | 7;
	}
	return 0;
}

/*
 * USER_DS is a segment in the Host's GDT, too, of no use and a few bytes: the
 * kernel would load it and then fault at each use.  Some 15 places; a kernel
 * that is not found by this (packed, say) is only slower.
 */
static unsigned patch_selectors(uint8_t *at, const uint8_t *end)
{
	unsigned n = 0;

	for (; at + 16 < end; at++) {
		uint8_t real;

		if ((at[0] & 0xf8) != 0xb8 || at[2] || at[3] || at[4])
			continue;
		real = real_selector(at[1]);
		if (!real || !loads_segment(at, at + 16))
			continue;
		at[1] = real;
		n++;
	}
	return n;
}

/* From 2.6.30 to 3.0 hypercalls were vmcall, which a Host in a VM obeys. */
static unsigned patch_vmcalls(uint8_t *at, const uint8_t *end)
{
	static const uint8_t vmcall[] = { 0x0f, 0x01, 0xc1 };
	static const uint8_t interrupt[] = { 0xcd, 0x1f, 0x90 };
	unsigned n = 0;

	for (; at + 3 <= end; at++) {
		if (memcmp(at, vmcall, sizeof(vmcall)))
			continue;
		memcpy(at, interrupt, sizeof(interrupt));
		n++;
	}
	return n;
}

static bool has_vmcalls(const struct image *image)
{
	return !strncmp(image->version, "2.6.3", 5) ||
	       !strncmp(image->version, "3.0", 3);
}

static void patch(struct guest *g, struct user *u)
{
	const struct image *image = g->image;
	unsigned selectors = 0, vmcalls = 0, direct = 0;

	if (image->kind != IMAGE_ELF)
		return;
	for (unsigned i = 0; i < image->nsegments; i++) {
		const struct segment *s = &image->segments[i];
		uint8_t *at = mem_at(&g->mem, s->paddr, s->filesz);

		if (!(s->flags & 1) || !at)
			continue;
		selectors += patch_selectors(at, at + s->filesz);
		if (has_vmcalls(image))
			vmcalls += patch_vmcalls(at, at + s->filesz);
		direct += direct_patch(u, at, s->filesz, s->vaddr);
	}
	verbose("patched %u selectors, %u vmcalls, %u direct paths",
		selectors, vmcalls, direct);
}

/* ---------------------------------------------------------------------- */

static void boot_pc(struct guest *g, struct user *u)
{
	struct boot boot;

	pc_load(g, &boot, 0);
	stock_init(u);
	u->cpu.eip = boot.entry;
	u->cpu.gpr[SI] = boot.params;
	u->cpu.eflags = FLAG_IF | 2;
	for (unsigned i = 0; i < SELECTORS; i++)
		u->cpu.sel[i] = HOST_DS;
}

void boot_load(struct guest *g, struct user *u)
{
	const struct e820_range ram = { 0, g->mem.size, 1 };
	struct boot boot = {
		.params = PARAMS, .cmdline = CMDLINE,
		.cmdline_room = CMDLINE_ROOM, .low = LOW_END,
		.e820 = &ram, .ne820 = 1,
	};
	struct cpu *c = &u->cpu;

	if (u->stock) {
		boot_pc(g, u);
		return;
	}
	load_linux(g, &boot);
	load_lguest_params(g, PARAMS);
	patch(g, u);
	/* Where a Host would have put page tables, if somebody asks. */
	u->pgdir = (boot.initrd_start ? boot.initrd_start : g->mem.size) -
		   PAGE;
	u->pgdir &= PTE_FRAME;
	c->eip = boot.entry;
	c->gpr[SI] = PARAMS;
	c->eflags = FLAG_IF | 2;
	/* gs too: early code may have a stack protector. */
	c->sel[DS] = c->sel[ES] = c->sel[GS] = HOST_DS;
}
