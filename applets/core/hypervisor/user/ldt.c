/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Segments of the Guest's, in the stub's LDT.
 */
#include <asm/ldt.h>
#include <string.h>
#include <sys/syscall.h>

#include "user.h"

#define LDT_WRITE	0x11

static void ldt_write(unsigned n, uint32_t base, uint32_t limit, bool pages,
		      bool code)
{
	struct user_desc d = {
		.entry_number = n, .base_addr = base, .limit = limit,
		.seg_32bit = 1, .contents = code ? MODIFY_LDT_CONTENTS_CODE :
			MODIFY_LDT_CONTENTS_DATA,
		.limit_in_pages = pages, .useable = 1,
	};

	stub_call(SYS_modify_ldt, LDT_WRITE, (long)&d, sizeof(d), 0, 0, 0);
}

/* One of the Guest's descriptors, as far as its programs may have it. */
static void ldt_set(const struct user *u, unsigned n, uint32_t low,
		    uint32_t high)
{
	uint32_t base = low >> 16 | (high & 0xff) << 16 | (high & 0xff000000);
	uint32_t limit = (low & 0xffff) | (high & 0xf0000);
	bool pages = high & 0x800000, code = (high & 0x1800) == 0x1800;

	if (n == GDT_USER_CS || n == GDT_USER_DS)
		ldt_write(n, 0, u->mmu.kernel / PAGE - 1, true,
			  n == GDT_USER_CS);
	else if (high & 0x8000 && high & 0x1000 && !code)
		ldt_write(n, base, limit, pages, false);
	else	/* loads, and is good for nothing */
		ldt_write(n, 0, 0, false, false);
}

void ldt_sync(struct user *u, struct space *s)
{
	const struct cpu *c = &u->cpu;

	if (s->ldt_generation != c->gdt_generation)
		for (unsigned i = 0; i < GDT_ENTRIES; i++) {
			if (!memcmp(s->ldt[i], c->gdt[i], sizeof(s->ldt[i])))
				continue;
			memcpy(s->ldt[i], c->gdt[i], sizeof(s->ldt[i]));
			ldt_set(u, i, c->gdt[i][0], c->gdt[i][1]);
		}
	s->ldt_generation = c->gdt_generation;
	memcpy(u->direct.tls, s->ldt[GDT_TLS], sizeof(u->direct.tls));
}

/* Guests load these before they have told us what is in them. */
void ldt_init(void)
{
	for (unsigned i = GDT_TLS; i < GDT_TLS_END; i++)
		ldt_write(i, 0, 0, false, false);
}
