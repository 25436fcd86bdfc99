/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must be known of a kernel's text before a part of it can be moved, and
 * what becomes of windows later (see window.h).
 */
#include <string.h>

#include "insn.h"
#include "kind.h"

#define TRIES		8	/* traps before a window is worth its while */
#define FAILURES	2
#define FRAMES_NEAR	8u	/* where one of them may be */
#define ZEROS		(MIB(2) / 4)	/* words: here ends the image */

static uint32_t word_at(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* --- undoing ---------------------------------------------------------- */

static void fail(struct user *u, uint32_t site)
{
	struct windows *w = &u->windows;
	unsigned i = site % ARRAY_SIZE(w->sites);

	if (w->sites[i].va == site)
		w->sites[i].failures++;
}

/* If it is still there: whoever had its page unseen has had it all. */
static bool is_there(const struct user *u, const struct window *x)
{
	const uint8_t *at = u->ram + (x->va - u->mmu.kernel);

	return *at == 0xe9 && word_at(at + 1) == x->code - (x->va + 5);
}

static void undo(struct user *u, struct window *x)
{
	struct windows *w = &u->windows;

	if (!x->made)
		return;
	x->made = false;
	w->undone++;
	for (uint32_t i = 1; i < x->length; i++)
		window_set(w->inside, x->va - w->image + i, false);
	if (is_there(u, x))
		memcpy(u->ram + (x->va - u->mmu.kernel), x->was, x->length);
}

void window_forget(struct user *u, uint32_t va)
{
	for (unsigned i = 0; i < u->windows.n; i++)
		if ((u->windows.list[i].va ^ va) < PAGE)
			undo(u, &u->windows.list[i]);
}

void window_target(struct user *u, uint32_t va)
{
	struct windows *w = &u->windows;
	uint32_t at = va - w->image;

	if (at >= IMAGE_SIZE)
		return;
	window_set(w->targets, at, true);
	/* Most of that map is never looked at, and then takes no memory. */
	if (!window_bit(w->pages, at / PAGE) || !window_bit(w->inside, at))
		return;
	for (unsigned i = 0; i < w->n; i++) {
		struct window *x = &w->list[i];

		if (x->made && va - x->va < x->length &&
		    x->to[va - x->va] != WINDOW_NOWHERE) {
			fail(u, x->site);
			undo(u, x);
		}
	}
}

/* --- who may land where ----------------------------------------------- */

/*
 * Where the direct branch at p leads.  Not of interest: over a sti, which goes
 * into one window with it.
 */
static void branch(struct user *u, uint32_t va, const uint8_t *p)
{
	if ((p[0] & 0xf0) == 0x70 && p[1] == 1 && p[2] == 0xfb)
		return;
	if ((p[0] & 0xf0) == 0x70 || p[0] == 0xeb || (p[0] & 0xfc) == 0xe0)
		window_target(u, va + 2 + (int8_t)p[1]);
	else if ((p[0] & 0xfe) == 0xe8)
		window_target(u, va + 5 + word_at(p + 1));
	else if (p[0] == 0x0f && (p[1] & 0xf0) == 0x80)
		window_target(u, va + 6 + word_at(p + 2));
	else if (p[0] == 0xc7 && p[1] == 0xf8)
		window_target(u, va + 6 + word_at(p + 2));
}

/* The part of a page, in bytes, that has all of its instructions. */
static void known_part(const uint8_t *starts, unsigned *from, unsigned *to)
{
	*from = *to = 0;
	for (unsigned i = 0; i < PAGE / 8; i++) {
		if (!starts[i])
			continue;
		if (!*to)
			*from = i * 8 + __builtin_ctz(starts[i]);
		*to = i * 8 + 8;
	}
}

/* Where windows are, what they were counts. */
static void keep_starts(struct user *u, uint32_t va)
{
	struct windows *w = &u->windows;

	for (unsigned i = 0; i < w->n; i++) {
		const struct window *x = &w->list[i];

		for (unsigned at = 0; x->made && (x->va ^ va) < PAGE &&
		     at < WINDOW_BYTES; at++)
			if (x->to[at] != WINDOW_NOWHERE)
				window_set(w->starts, x->va - w->image + at,
					   true);
	}
}

/*
 * Between the first instruction and the last there are no others.  Before and
 * behind any byte could be one: then more is taken for a target than is one.
 */
void window_text(struct user *u, uint32_t va, const uint8_t *page,
		 const uint8_t *starts)
{
	struct windows *w = &u->windows;
	unsigned from, to;

	if (WINDOWS && !w->image)
		w->image = va - u->mmu.kernel < IMAGE_AROUND ? u->mmu.kernel :
			   va - IMAGE_AROUND;
	if (!w->image || va - w->image >= IMAGE_SIZE)
		return;
	memcpy(w->starts + (va - w->image) / 8, starts, PAGE / 8);
	keep_starts(u, va);
	known_part(starts, &from, &to);
	for (unsigned i = 0; i < PAGE; i++) {
		/* A prefix may say whether a branch is likely. */
		if (window_bit(starts, i) || i < from || i >= to ||
		    (page[i - 1] & 0xef) == 0x2e)
			branch(u, va + i, page + i);
		/* Some instructions have addresses of others in them. */
		if (word_at(page + i) - w->image < IMAGE_SIZE)
			window_target(u, word_at(page + i));
	}
	for (unsigned i = 0; i < w->n; i++)
		if ((w->list[i].va ^ va) < PAGE && !is_there(u, &w->list[i]))
			undo(u, &w->list[i]);
}

/* Words of branches, which are not that of a table. */
static bool is_branch(const uint8_t *p)
{
	return (p[-1] & 0xfe) == 0xe8 ||
	       (p[-2] == 0x0f && (p[-1] & 0xf0) == 0x80);
}

/* Tables have addresses, or their distances from where they stand. */
static void scan_from(struct user *u, uint32_t gpa)
{
	struct windows *w = &u->windows;
	uint32_t end = gpa + IMAGE_AROUND, zeros = 0;

	for (; gpa < end && gpa < u->ram_size && zeros < ZEROS; gpa += 4) {
		const uint8_t *p = u->ram + gpa;
		uint32_t word = word_at(p), va = gpa + u->mmu.kernel;

		if (!word) {
			zeros++;
			continue;
		}
		zeros = 0;
		if (word - w->image < IMAGE_SIZE)
			window_target(u, word);
		else if (word + va - w->image < IMAGE_SIZE && !is_branch(p))
			window_target(u, word + va);
	}
}

static void scan(struct user *u)
{
	struct windows *w = &u->windows;
	uint32_t va = w->image;

	w->scanned = true;
	while (va - w->image < IMAGE_SIZE &&
	       *mmu_treated(u, va - u->mmu.kernel) != va)
		va += PAGE;
	scan_from(u, va - u->mmu.kernel);
}

/* --- who was interrupted where ---------------------------------------- */

/* As long as its stack is not used for something else, it may come back. */
static bool comes_back(struct user *u, uint32_t va, uint32_t sp)
{
	uint32_t word;

	if ((sp ^ u->cpu.gpr[SP]) < PAGE && sp < u->cpu.gpr[SP])
		return false;
	return !mmu_read(u, sp, &word, sizeof(word)) || word == va;
}

void window_interrupted(struct user *u, uint32_t sp)
{
	struct windows *w = &u->windows;
	uint32_t va = u->cpu.eip;
	unsigned first = (va ^ va >> 10 ^ sp >> 2 ^ sp >> 12) * FRAMES_NEAR %
			 ARRAY_SIZE(w->frames), i = 0;

	if (!w->image || va - w->image >= IMAGE_SIZE)
		return;
	/* The same again, or one that is over. */
	while (i < FRAMES_NEAR && (w->frames[first + i].va != va ||
				   w->frames[first + i].sp != sp) &&
	       comes_back(u, w->frames[first + i].va,
			  w->frames[first + i].sp))
		i++;
	/* There is no room to remember another one. */
	if (i == FRAMES_NEAR)
		window_target(u, w->frames[first + --i].va);
	w->frames[first + i].va = va;
	w->frames[first + i].sp = sp;
}

int window_is_free(struct user *u, uint32_t va, unsigned n)
{
	struct windows *w = &u->windows;

	if (window_bit(w->inside, va - w->image))
		return REFUSED_TARGET;
	for (uint32_t i = va - w->image + 1; i < va - w->image + n; i++)
		if (window_bit(w->inside, i) ||
		    (window_bit(w->targets, i) && window_bit(w->starts, i)))
			return REFUSED_TARGET;
	for (unsigned i = 0; i < ARRAY_SIZE(w->frames); i++)
		if (w->frames[i].va - va - 1 < n - 1 &&
		    comes_back(u, w->frames[i].va, w->frames[i].sp))
			return REFUSED_BUSY;
	return -1;
}

/* --- traps ------------------------------------------------------------ */

bool window_is_code(const struct user *u, uint32_t va)
{
	return va - u->mmu.kernel - WINDOW_CODE < u->windows.used;
}

bool window_owns(const struct user *u, uint32_t frame)
{
	return frame - WINDOW_CODE < u->windows.used;
}

bool window_fault(struct user *u)
{
	struct windows *w = &u->windows;
	struct cpu *c = &u->cpu;
	unsigned i = w->n, last = 0;
	struct window *x;

	if (!window_is_code(u, c->eip))
		return false;
	/* The first has no smaller address than all. */
	while (w->list[--i].code > c->eip)
		;
	x = &w->list[i];
	for (unsigned at = 0; at < WINDOW_BYTES; at++)
		if (x->to[at] != WINDOW_NOWHERE &&
		    x->code + x->to[at] <= c->eip)
			last = at;
	fail(u, x->site);
	undo(u, x);
	c->eip = x->va + last;
	return true;
}

/* Those for which window_move.c has something better. */
bool window_is_better(const uint8_t *bytes)
{
	switch (bytes[0]) {
	case 0x6c: case 0x6e: case 0xcf: case 0xfa: case 0xfb:
		return true;
	}
	return system_is_direct(bytes, INSN_MAX);
}

bool window_try(struct user *u, const uint8_t *bytes)
{
	struct windows *w = &u->windows;
	uint32_t va = u->cpu.eip;
	unsigned i = va % ARRAY_SIZE(w->sites);
	int refused;

	if (!w->image || va - w->image >= IMAGE_SIZE || window_is_code(u, va) ||
	    !window_is_better(bytes))
		return false;
	if (w->sites[i].va != va) {
		memset(&w->sites[i], 0, sizeof(w->sites[i]));
		w->sites[i].va = va;
	}
	if (w->sites[i].failures >= FAILURES || ++w->sites[i].tries % TRIES)
		return false;
	if (!w->scanned)
		scan(u);
	refused = window_make(u);
	if (refused < 0)
		return true;
	w->refused[refused]++;
	if (refused != REFUSED_BUSY)
		w->sites[i].failures++;
	return false;
}
