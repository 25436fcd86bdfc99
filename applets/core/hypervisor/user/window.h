/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Windows: places in a stock kernel where an instruction that traps was met
 * again and again.  It and its neighbours, five bytes at least, make room for a
 * jump; they go on in a trampoline, where the same is done without a trap.
 *
 * Nothing may land behind a window's first byte.  So we keep a map of all that
 * somebody may jump to (code or not: but only instructions count), and of where
 * the CPU was interrupted; and a window that turns out to be in the way is
 * undone.  A trampoline is for ever: somebody may
 * have been interrupted in it.
 *
 * All of it is optional: without windows it is right, and slower.
 */
#ifndef USER_WINDOW_H
#define USER_WINDOW_H

#include "lguest.h"

#ifndef WINDOWS
#define WINDOWS		1		/* 0: there are none, for a test */
#endif
#define WINDOWS_MAX	1024
#define WINDOW_BYTES	20		/* the longest there is */
#define WINDOW_CODE	0xd0000u	/* gpa: a hole in every PC's memory */
#define WINDOW_CODE_SIZE 0x10000u
#define WINDOW_NOWHERE	0xff
#define IMAGE_AROUND	MIB(32)		/* of the first text that we see */
#define IMAGE_SIZE	(2 * IMAGE_AROUND)

enum { REFUSED_TARGET, REFUSED_INSN, REFUSED_BUSY, REFUSED_FULL, REFUSALS };

struct window {
	uint32_t va;		/* of its first byte */
	uint32_t site;		/* of what has trapped */
	uint32_t code;		/* linear address of the trampoline */
	uint8_t length;
	bool made;		/* and not undone */
	uint8_t was[WINDOW_BYTES];
	/* Where in the trampoline the instruction at each byte is. */
	uint8_t to[WINDOW_BYTES];
};

struct windows {
	uint32_t image;		/* linear: where the maps begin; 0: not yet */
	uint32_t used;		/* bytes of trampolines */
	uint32_t n;
	bool scanned;
	uint32_t undone, refused[REFUSALS];
	struct window list[WINDOWS_MAX];
	struct {
		uint32_t va;
		uint16_t tries, failures;
	} sites[1 << 16];	/* by the low bits of va */
	/* Where ring 0 was interrupted, and where that is on its stack. */
	struct {
		uint32_t va, sp;
	} frames[1024];
	/* A bit for each byte from image on. */
	uint8_t targets[IMAGE_SIZE / 8];
	uint8_t starts[IMAGE_SIZE / 8];	/* instructions that were read */
	uint8_t inside[IMAGE_SIZE / 8];	/* windows, without the first byte */
	uint8_t pages[IMAGE_SIZE / 8 / 4096];	/* those with windows, or once */
};

struct user;

/* For each byte of text: a call would cost more. */
#define WINDOW_INLINE	static inline __attribute__((always_inline))

WINDOW_INLINE bool window_bit(const uint8_t *map, uint32_t at)
{
	return at < IMAGE_SIZE && map[at / 8] >> at % 8 & 1;
}

WINDOW_INLINE void window_set(uint8_t *map, uint32_t at, bool to)
{
	uint8_t bit = 1 << at % 8;

	map[at / 8] = to ? map[at / 8] | bit : map[at / 8] & ~bit;
}

/*
 * Ring 0 has trapped at eip, where these INSN_MAX bytes are.  True: it goes on
 * in a trampoline.
 */
bool window_try(struct user *u, const uint8_t *bytes);

/*
 * Text that may be executed from now on, with TEXT_AROUND bytes behind it; a
 * bit in starts for each byte where an instruction begins.
 */
void window_text(struct user *u, uint32_t va, const uint8_t *page,
		 const uint8_t *starts);

/* The page's text is about to change: it becomes what it was. */
void window_forget(struct user *u, uint32_t va);

/* Is that frame full of trampolines? */
bool window_owns(const struct user *u, uint32_t frame);

/*
 * Before the Guest is told of a fault at eip.  True: that is in a trampoline,
 * and it will happen again where the Guest knows the instruction.
 */
bool window_fault(struct user *u);

/* Ring 0 is interrupted at eip, which is at sp. */
void window_interrupted(struct user *u, uint32_t sp);

/* --- between window.c and window_make.c ------------------------------- */

/* Makes a window with the instruction at eip; or why there is none. */
int window_make(struct user *u);

/* Somebody may come here. */
void window_target(struct user *u, uint32_t va);

/* Is it in a trampoline? */
bool window_is_code(const struct user *u, uint32_t va);

/* Is it an instruction that window_move.c knows something better for? */
bool window_is_better(const uint8_t *bytes);

/* May somebody come to one of the bytes behind the first? */
int window_is_free(struct user *u, uint32_t va, unsigned n);

#endif
