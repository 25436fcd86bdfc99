/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/lguest and the lguest bus as Linux 2.6.25 to 4.13 had them: requests,
 * registers, and the page of device descriptors
 * (include/linux/lguest_launcher.h, drivers/lguest/lguest_user.c).
 */
#ifndef ABI_LGUEST_H
#define ABI_LGUEST_H

#include <stdint.h>

/* The first word of a write(2); the others follow, as many as it wants. */
enum lguest_request {
	LHREQ_INITIALIZE = 0,	/* base, pfnlimit, and by generation: */
				/* to 2.6.28: page directory, start */
				/* to 3.19: start */
				/* from 4.0: start, limit of device pages */
	LHREQ_IRQ = 2,		/* irq */
				/* 3 and 4 served Launchers of many threads */
	LHREQ_GETREG = 5,	/* from 4.0: offset; then read(2) it */
	LHREQ_SETREG = 6,	/* offset, value */
	LHREQ_TRAP = 7,		/* vector */
};

/* Offsets of registers, those of struct pt_regs. */
enum lguest_register {
	LGREG_BX = 0, LGREG_CX = 4, LGREG_DX = 8, LGREG_SI = 12,
	LGREG_DI = 16, LGREG_BP = 20, LGREG_AX = 24, LGREG_IP = 48,
	LGREG_CS = 52, LGREG_FLAGS = 56, LGREG_SP = 60, LGREG_SS = 64,
};

/* From 4.0, what read(2) returns when the Guest did what the Host cannot. */
struct lguest_pending {
	uint8_t trap;		/* 13: instruction, 14: device memory */
	uint8_t insn[7];	/* the bytes at its eip */
	uint32_t addr;		/* trap 14: guest physical */
};

/* What lguest_data and boot_params say of each other. */
#define LGUEST_SUBARCH		1
#define LGUEST_BOOT_VERSION	0x0207	/* the least that knows subarchs */
#define LGUEST_ALIGNMENT	0x1000000

/* The descriptor page: descriptors without gaps, type 0 ends them. */
#define LGUEST_PAGE		4096
#define LGUEST_DEVICE_PAGES	256	/* it and all rings */
#define LGUEST_RING_ALIGN	4096

struct lguest_device_desc {
	uint8_t type;		/* virtio device id */
	uint8_t num_vq;
	uint8_t feature_len;	/* bytes of each of the two bitmaps */
	uint8_t config_len;
	uint8_t status;		/* written by the Guest */
	/* num_vq struct lguest_vqconfig, features offered, features */
	/* accepted by the Guest, configuration */
};

struct lguest_vqconfig {
	uint16_t num;		/* entries */
	uint16_t irq;
	uint32_t pfn;
} __attribute__((packed));

#endif
