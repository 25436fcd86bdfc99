/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes windows: where one may begin, and how far it goes (see window.h).
 */
#include <string.h>

#include "window_make.h"

#define BACK		4	/* instructions before the one that traps */

/* Where branches of the code lead: out, or to another part of it. */
static bool lead_branches(struct maker *m)
{
	for (unsigned i = 0; i < m->branches; i++) {
		uint32_t to = m->branch[i].to, at = m->branch[i].at;

		if (to - m->x.va < m->x.length) {
			to = m->x.to[to - m->x.va];
			if (to == WINDOW_NOWHERE)
				return false;
			to += m->x.code;
		}
		to -= m->x.code + at + 4;
		memcpy(m->code + at, &to, sizeof(to));
	}
	return true;
}

/*
 * iret, behind a jump over verw: it is the jump that moves.  Newer kernels have
 * what does nothing in verw's place, and as long: that becomes the jump.
 */
static bool begins_iret(struct maker *m, const uint8_t *p)
{
	static const uint8_t verw[] = { 0x0f, 0, 0x2d };
	static const uint8_t nop[] = { 0x3e, 0x8d, 0xb4, 0x26, 0, 0, 0, 0 };
	const struct windows *w = &m->u->windows;
	unsigned over, back, length = 5;

	if (*p != 0xcf || m->x.site % PAGE < 10)
		return false;
	/* There may be a prefix. */
	over = p[-8] == 0x2e ? 8 : 7;
	back = over + 2;
	if (!memcmp(p - sizeof(nop), nop, sizeof(nop)))
		back = length = sizeof(nop);
	else if (memcmp(p - 7, verw, sizeof(verw)) ||
		 p[-2 - (int)over] != 0xeb || p[-1 - (int)over] != over)
		return false;
	if (!window_bit(w->starts, m->x.site - back - w->image))
		return false;
	m->x.va = m->x.site - back;
	m->x.to[0] = m->x.to[back] = 0;
	m->x.length = length;
	return window_jump(m, DIRECT_PC_IRET);
}

/*
 * Behind the last instruction there may be some that only fill a gap.  If they
 * were more, somebody would come to them.
 */
static void take_padding(struct maker *m)
{
	static const uint8_t fillers[] = { 0xcc, 0x90, 0x8d, 0x66, 0x2e, 0x3e };
	const uint8_t *p = maker_text(m->u, m->x.va);
	unsigned at = m->end - m->x.va, n = 1;

	for (; n && at < 5 && memchr(fillers, p[at], sizeof(fillers));
	     at += n) {
		m->x.to[at] = m->n;
		n = insn_length(p + at, INSN_MAX);
	}
	if (!maker_is_beyond(m, m->x.va + at))
		m->end = m->x.va + at;
}

/* To go on there, because of one that would trap. */
static bool is_worth_it(const uint8_t *p)
{
	return window_is_better(p) ||
	       window_is_better(p + insn_length(p, INSN_MAX));
}

/* All from `va` to what has trapped, and as much as a jump needs. */
static int gather(struct maker *m, uint32_t va)
{
	const uint8_t *p = maker_text(m->u, va);
	int refused;

	m->x.va = m->end = va;
	m->n = m->branches = m->x.length = 0;
	m->over = false;
	memset(m->x.to, WINDOW_NOWHERE, sizeof(m->x.to));
	/* What jumps over a sti, and only that, is not among the targets. */
	if (*p == 0xfb && va % PAGE >= 2 && (p[-2] & 0xf0) == 0x70 &&
	    p[-1] == 1)
		return REFUSED_TARGET;
	if (va == m->x.site && begins_iret(m, p))
		return lead_branches(m) ?
		       window_is_free(m->u, m->x.va, m->x.length) :
		       REFUSED_INSN;
	while (m->end - va < 5 || m->end <= m->x.site) {
		if (m->over)
			return REFUSED_INSN;
		refused = window_move(m);
		if (refused >= 0)
			return refused;
		if (m->over)
			take_padding(m);
		/* What is behind it is done here, and stays there, too. */
		if (!m->x.length && m->end - va >= 5)
			m->x.length = m->end - va;
	}
	while (!m->over && is_worth_it(maker_text(m->u, m->end)) &&
	       window_move(m) < 0)
		;
	if (!m->over && !window_jump(m, m->end))
		return REFUSED_INSN;
	if (!lead_branches(m) ||
	    (m->covers && m->x.site - va >= m->x.length))
		return REFUSED_INSN;
	return window_is_free(m->u, va, m->x.length);
}

/* Is that the Guest's name for the frame? */
static bool is_mapped(struct user *u, uint32_t va)
{
	const struct table t = mmu_table(u, u->mmu.cr3, va);
	uint32_t pte = mmu_entry(u, &t, 0);

	return pte & PTE_P && (pte & PTE_FRAME) ==
	       ((va - u->mmu.kernel) & PTE_FRAME);
}

static void commit(struct maker *m)
{
	struct user *u = m->u;
	struct windows *w = &u->windows;
	struct window *x = &m->x;
	uint8_t *at = maker_text(u, x->va);
	uint32_t offset = x->code - (x->va + 5);

	x->made = true;
	memcpy(x->was, at, x->length);
	memcpy(maker_text(u, x->code), m->code, m->n);
	/* Who reads the text from here on has to stay in step. */
	memset(at, 0x90, x->length);
	*at = 0xe9;
	memcpy(at + 1, &offset, sizeof(offset));
	/* Of a jump over a sti that stays, nobody knows as yet. */
	for (unsigned i = 0; i < m->branches; i++)
		if (m->branch[i].to - x->va >= x->length)
			window_target(u, m->branch[i].to);
	for (uint32_t i = 1; i < x->length; i++)
		window_set(w->inside, x->va - w->image + i, true);
	window_set(w->pages, (x->va - w->image) / PAGE, true);
	w->used += m->n;
	w->list[w->n++] = *x;
	/* Who is at the iret need not have come by that branch. */
	if (x->site != x->va || (*x->was & 0xf0) != 0x70)
		u->cpu.eip = x->code + x->to[x->site - x->va];
}

/* The instruction before; 0: it is not known, or in another page. */
static uint32_t before(const struct windows *w, uint32_t va)
{
	for (uint32_t i = 1; i <= INSN_MAX && i <= va % PAGE; i++)
		if (window_bit(w->starts, va - w->image - i))
			return va - i;
	return 0;
}

/*
 * It may begin a few instructions earlier: best with another one that traps, or
 * that would be left alone; or where it has to.
 */
static int gather_best(struct maker *m)
{
	const struct windows *w = &m->u->windows;
	uint32_t va[BACK + 1] = { m->x.site };
	int refused = 0, why;
	unsigned n = 1;

	while (n <= BACK && (va[n] = before(w, va[n - 1])))
		n++;
	for (unsigned i = n; i--;)
		if (window_is_better(maker_text(m->u, va[i])) &&
		    gather(m, va[i]) < 0)
			return -1;
	for (unsigned i = 0; i < n; i++) {
		why = gather(m, va[i]);
		if (why < 0)
			return why;
		if (refused < why)
			refused = why;
	}
	return refused;
}

/* Others jump to what has trapped, or branch to an iret: the next of them. */
static int gather_jump(struct maker *m)
{
	uint32_t va = m->x.site & PTE_FRAME, word;

	m->led = m->x.site;
	for (unsigned i = 0; i < PAGE - 5; i++, va++) {
		const uint8_t *p = maker_text(m->u, va);

		memcpy(&word, p + 1, sizeof(word));
		m->x.site = va;
		if ((*p == 0xe9 ? va + 5 + word == m->led :
		     (*p & 0xf0) == 0x70 && maker_is_iret(m) &&
		     va + 2 + (int8_t)p[1] == m->led) &&
		    gather(m, va) < 0)
			return -1;
	}
	return REFUSED_INSN;
}

int window_make(struct user *u)
{
	struct windows *w = &u->windows;
	struct maker m = { .u = u, .x.site = u->cpu.eip };
	uint32_t va = m.x.site;
	int refused;

	m.x.code = u->mmu.kernel + WINDOW_CODE + w->used;
	if (w->n == WINDOWS_MAX || w->used + MAKER_CODE > WINDOW_CODE_SIZE ||
	    u->mmu.linear || !is_mapped(u, va) || !is_mapped(u, m.x.code) ||
	    !is_mapped(u, m.x.code + MAKER_CODE - 1) ||
	    !mmu_ram(u, va - u->mmu.kernel, 4 * INSN_MAX) ||
	    !mmu_ram(u, WINDOW_CODE, WINDOW_CODE_SIZE))
		return REFUSED_FULL;
	/* Who jumps there does not come by a window before it. */
	m.covers = window_bit(w->targets, va - w->image);
	refused = gather_best(&m);
	if (refused >= 0)
		refused = gather_jump(&m);
	if (refused >= 0 && m.covers) {
		m = (struct maker){ .u = u, .x.site = va, .x.code = m.x.code };
		refused = gather_best(&m);
	}
	if (refused < 0)
		commit(&m);
	return refused;
}
