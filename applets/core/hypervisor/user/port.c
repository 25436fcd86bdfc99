/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports and devices' registers: what the Launcher has to be asked for, what it
 * is only told of, and what is done here.
 */
#include "user.h"

/* A write that only says "look": nothing depends on when it is seen. */
static bool is_kick(const struct user *u, const struct post *p)
{
	if (!p->mmio || !p->write)
		return false;
	if (p->addr >= u->rings && p->addr < u->ram_size)
		return true;
	for (unsigned i = 0; i < DOORBELLS_MAX; i++)
		if (u->doorbells[i] && u->doorbells[i] == p->addr)
			return true;
	return false;
}

/* A byte for the console while its line status is known: so is what it does. */
static bool is_printing(const struct user *u, const struct post *p)
{
	return u->latch & LATCHED && p->write && p->addr == UART_PORT &&
	       p->width == 1;
}

/* A PC's port that need not be the Launcher's to know. */
static bool port_here(struct user *u, const struct post *p, uint32_t *value)
{
	uint32_t latch = u->latch;

	/* Its oldest chips are here. */
	if (board_port(u, p->addr, p->write, p->width, value))
		return true;
	if (p->write || !(latch & LATCHED) || p->addr != UART_STATUS ||
	    p->width != 1)
		return false;
	*value = latch & 0xff;
	return true;
}

uint32_t cpu_io(struct user *u, const struct post *post)
{
	bool port = u->stock && !post->mmio;
	uint32_t value = post->value;

	if (port && port_here(u, post, &value))
		return value;
	if (port && is_printing(u, post)) {
		stub_note(u, post, post->value == '\n');
		return 0;
	}
	if (is_kick(u, post)) {
		stub_note(u, post, true);
		return 0;
	}
	u->post = *post;
	stub_post(u);
	return u->post.value;
}
