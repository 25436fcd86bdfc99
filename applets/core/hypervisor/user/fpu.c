/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The FPU goes where the CPU goes: from the frame of one stub's handler to that
 * of the next.  On the direct paths there is no frame: then it is in the real
 * registers, "live".
 */
#include <string.h>

#include "user.h"

#define XSAVE_MAGIC	0x46505853u	/* in an fxsave area: there is more */
#define XSAVE_BITS_AT	512	/* which parts are not as after reset */
#define XSAVE_FXSAVE	3
#define FXSAVE		464u	/* of fxsave; then it is the Host's kernel's */
#define FXSAVE_END	512u
#define SIZE_AT		480u	/* of all that is there, if there is more */

/*
 * What the Guest's kernel saves for its programs: fxsave's, or all.  AVX and
 * later, if it does not know of them, programs should not have; where they do
 * all the same, it stays with their address space, and only threads and the
 * handlers of signals find another's.
 */
static uint32_t fpu_size(const struct user *u, const uint8_t *fpu)
{
	uint32_t magic, size;

	memcpy(&magic, fpu + FXSAVE, sizeof(magic));
	memcpy(&size, fpu + SIZE_AT, sizeof(size));
	if (magic != XSAVE_MAGIC || !(u->sys.cr4 & CR4_OSXSAVE))
		return FXSAVE;
	return size < FPU_MAX ? size : FPU_MAX;
}

static void fpu_copy(uint8_t *to, const uint8_t *from, uint32_t size)
{
	memcpy(to, from, FXSAVE);
	if (size > FXSAVE_END)
		memcpy(to + FXSAVE_END, from + FXSAVE_END, size - FXSAVE_END);
}

/* Of all that a frame has: what stubs use themselves is none of this. */
static void fpu_store(struct user *u)
{
	if (u->sys.cr4 & CR4_OSXSAVE)
		asm volatile("xsave64 %0" : "+m"(u->cpu.fpu)
			     : "a"(u->states), "d"(0));
	else
		asm volatile("fxsave64 %0" : "+m"(u->cpu.fpu));
}

static void fpu_restore(const struct user *u)
{
	if (u->sys.cr4 & CR4_OSXSAVE)
		asm volatile("xrstor64 %0" :: "m"(u->cpu.fpu), "a"(u->states),
			     "d"(0));
	else
		asm volatile("fxrstor64 %0" :: "m"(u->cpu.fpu));
}

void fpu_save(struct user *u, const struct space *s, bool live)
{
	if (live)
		fpu_store(u);
	else
		fpu_copy(u->cpu.fpu, s->fpu, fpu_size(u, s->fpu));
	u->cpu.fpu_used = true;
}

void fpu_load(const struct user *u, struct space *s, bool live)
{
	if (!u->cpu.fpu_used)
		return;
	if (live) {
		fpu_restore(u);
		return;
	}
	fpu_copy(s->fpu, u->cpu.fpu, fpu_size(u, s->fpu));
	if (u->cpuid[1][2] & OSXSAVE && !(u->sys.cr4 & CR4_OSXSAVE))
		s->fpu[XSAVE_BITS_AT] |= XSAVE_FXSAVE;
}

void fpu_resume(const struct user *u, const struct space *s)
{
	/* Frames speak of more also where there is none: the CPU knows. */
	if (u->cpuid[1][2] & OSXSAVE)
		asm volatile("xrstor64 (%0)" :: "r"(s->fpu), "a"(-1), "d"(-1) :
			     "memory");
	else
		asm volatile("fxrstor64 (%0)" :: "r"(s->fpu) : "memory");
}
