/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the Guest of --selftest knows of its machine: the order of its devices,
 * which selftest.c gives it, and BAR 0 as bus/pci.h and VIRTIO 4.1.4.3 have it.
 */
#ifndef SELFTEST_GUEST_H
#define SELFTEST_GUEST_H

enum { CONSOLE = 1, BLOCK, RNG, NET };	/* slots */

/* Where they are mapped, 4 MiB. */
#define WINDOW		0xc0400000u

#define BAR_ISR		0x040
#define BAR_NOTIFY	0x100
#define NOTIFY_EACH	4

enum { COMMON_GFSELECT = 8, COMMON_GF = 12, COMMON_STATUS = 20,
	COMMON_Q_SELECT = 22, COMMON_Q_SIZE = 24, COMMON_Q_ENABLE = 28,
	COMMON_Q_DESC = 32, COMMON_Q_AVAIL = 40, COMMON_Q_USED = 48 };

#endif
