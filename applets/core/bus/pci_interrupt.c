/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a PCI function gets the driver's attention: by its interrupt line, or
 * by messages where driver and hypervisor both can (VIRTIO 4.1.5).
 */
#include <linux/pci_regs.h>

#include "pci.h"

/* Bits of the interrupt status (VIRTIO 4.1.4.5). */
#define ISR_QUEUE	1
#define ISR_CONFIG	2

bool pci_msix_enabled(const struct pci_function *f)
{
	return f->msix && pci_config(f, f->msix + PCI_MSIX_FLAGS, 2) &
			  PCI_MSIX_FLAGS_ENABLE;
}

static bool pci_asserts(const struct pci_function *f)
{
	return f->d && f->isr && !pci_msix_enabled(f) &&
	       !(pci_config(f, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
}

/* Slots share lines: a line is up while any of them wants it up. */
void pci_update_line(struct pci_function *f)
{
	static bool up[256];
	unsigned line = f->config[PCI_INTERRUPT_LINE];
	bool level = false;

	for (unsigned i = 0; i < PCI_SLOTS && !level; i++)
		level = pci_asserts(&pci_functions[i]) &&
			pci_functions[i].config[PCI_INTERRUPT_LINE] == line;
	/* Where only a rise counts, who still wants it up has to say so. */
	if (up[line] == level && !(level && f->d->g->hv->line_is_event))
		return;
	up[line] = level;
	f->d->g->hv->line(f->d->g, line, level);
}

static void pci_fire(struct pci_function *f, unsigned vector)
{
	const struct hypervisor *hv = f->d->g->hv;
	struct msix_entry *e = &f->vectors[vector], *old = &f->routed[vector];
	unsigned flags = pci_config(f, f->msix + PCI_MSIX_FLAGS, 2);
	unsigned slot = f->d->index * VECTORS_MAX + vector;

	if (e->control & PCI_MSIX_ENTRY_CTRL_MASKBIT ||
	    flags & PCI_MSIX_FLAGS_MASKALL) {
		f->pending |= 1U << vector;
		return;
	}
	f->pending &= ~(1U << vector);
	/* Routing is slow, so only what really fires is routed. */
	if (e->address_low != old->address_low || e->data != old->data ||
	    e->address_high != old->address_high) {
		*old = *e;
		hv->msi_route(f->d->g, slot, (uint64_t)e->address_high << 32 |
			      e->address_low, e->data);
	}
	hv->msi_fire(f->d->g, slot);
}

void pci_fire_pending(struct pci_function *f)
{
	for (unsigned i = 0; i < f->nvectors && pci_msix_enabled(f); i++)
		if (f->pending >> i & 1)
			pci_fire(f, i);
}

void pci_interrupt(struct device *d, struct virtqueue *q)
{
	struct pci_function *f = &pci_functions[d->index + 1];
	unsigned vector;

	if (!pci_msix_enabled(f)) {
		f->isr |= q ? ISR_QUEUE : ISR_CONFIG;
		pci_update_line(f);
		return;
	}
	vector = q ? f->queue_vector[q->index] : f->config_vector;
	if (vector < f->nvectors)
		pci_fire(f, vector);
}
