/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct lguest_data: the memory in which Guest and Host tell each other of
 * interrupts, and where hypercalls wait (include/linux/lguest.h of Linux
 * 2.6.25 to 4.13).
 */
#ifndef USER_DATA_H
#define USER_DATA_H

#include "user.h"

#define ARGS		5	/* of a hypercall: its number, and four more */
#define RING		64	/* hypercalls that wait */
#define RING_FREE	0xff

/* Offsets of what is not at the same place in all versions; 0: not there. */
struct layout {
	uint16_t status, hcalls, words, reserve, pgdir, noirq, noirq_iret,
		 kernel, size;
};

const struct layout *data_layout(const struct user *u);

/* What is at an offset.  The Guest's struct was found to be in RAM. */
uint32_t *data_at(const struct user *u, unsigned offset);

/*
 * The first hypercall: which kind of Guest this is, and what it and the Host
 * say to each other once.  Its struct is where ebx, or with the oldest edx,
 * says.
 */
void data_init(struct user *u, uint32_t ebx, uint32_t edx);

#endif
