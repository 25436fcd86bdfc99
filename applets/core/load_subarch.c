/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What boot parameters say besides when the machine is lguest's and no PC
 * (hardware_subarch, Documentation/arch/x86/boot.rst).
 */
#include "abi/bootparam.h"
#include "abi/lguest.h"
#include "machine.h"

void load_lguest_params(struct guest *g, gpa_t params)
{
	struct boot_params *p = mem_at(&g->mem, params, sizeof(*p));
	struct setup_header *h = &p->hdr;

	if (h->version < LGUEST_BOOT_VERSION)
		h->version = LGUEST_BOOT_VERSION;
	/* There is no GDT of ours to load segments from. */
	h->loadflags |= KEEP_SEGMENTS;
	h->hardware_subarch = LGUEST_SUBARCH;
	/* Hosts from 2.6.29 to 3.0 put page tables right below whole pages. */
	h->ramdisk_size = ALIGN_UP(h->ramdisk_size, LGUEST_PAGE);
	/* A vmlinux says nothing of it; from 3.1 on it is asked for. */
	if (!h->kernel_alignment)
		h->kernel_alignment = LGUEST_ALIGNMENT;
}
