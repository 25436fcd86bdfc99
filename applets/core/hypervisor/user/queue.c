/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is to be done to a stub's mappings, and waits until that stub runs.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "user.h"

#define POPULATE_MAX	16	/* pages that are worth having at once */

/* Does o go on where the last one ended? */
static bool op_extends(const struct op *last, const struct op *o)
{
	return last->kind == o->kind && last->prot == o->prot &&
	       last->va + last->pages * PAGE == o->va &&
	       (o->kind != OP_MAP || last->pa + last->pages * PAGE == o->pa);
}

void space_op(struct user *u, struct space *s, struct op o)
{
	struct op *last = s->nops ? &s->ops[s->nops - 1] : NULL;

	if (last && op_extends(last, &o)) {
		last->pages += o.pages;
		return;
	}
	if (s->nops == OPS_MAX) {
		if (space_index(u, s) == u->cur)
			space_drain(u, s);
		else
			space_forget(u, s);
		/* Of what was forgotten, nothing is left to be undone. */
		if (s->reset && o.kind != OP_MAP)
			return;
	}
	s->ops[s->nops++] = o;
}

static long op_do(const struct op *o)
{
	long va = o->va, len = (long)o->pages * PAGE;
	int flags = MAP_SHARED | MAP_FIXED;

	if (o->kind == OP_UNMAP)
		return stub_call(SYS_munmap, va, len, 0, 0, 0, 0);
	if (o->kind == OP_PROTECT)
		return stub_call(SYS_mprotect, va, len, o->prot, 0, 0, 0);
	if (o->pages <= POPULATE_MAX)
		flags |= MAP_POPULATE;
	return stub_call(SYS_mmap, va, len, o->prot, flags, FD_RAM, o->pa);
}

static void drain_reset(struct user *u, struct space *s)
{
	s->reset = false;
	u->n.unmaps++;
	if (stub_call(SYS_munmap, 0, u->mmu.end, 0, 0, 0, 0) < 0)
		stub_crash(u, CRASH_HOST, ENOMEM, 0, 0);
}

/*
 * The Host gives a process some 65,000 mappings.  When they are used up we
 * begin again with none.
 */
static void drain_failed(struct user *u, struct space *s, long error)
{
	if (error != -ENOMEM)
		stub_crash(u, CRASH_HOST, -error, 0, 0);
	space_forget(u, s);
	drain_reset(u, s);
}

void space_drain(struct user *u, struct space *s)
{
	if (s->reset)
		drain_reset(u, s);
	for (unsigned i = 0; i < s->nops; i++) {
		const struct op *o = &s->ops[i];
		long rc = op_do(o);

		if (o->kind == OP_MAP)
			u->n.maps++;
		else if (o->kind == OP_UNMAP)
			u->n.unmaps++;
		else
			u->n.protects++;
		if (rc < 0) {
			drain_failed(u, s, rc);
			break;
		}
	}
	s->nops = 0;
}
