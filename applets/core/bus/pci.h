/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the halves of the PCI bus: pci.c has configuration space and
 * interrupts, pci_virtio.c what stands behind BAR 0.
 */
#ifndef PCI_H
#define PCI_H

#include <string.h>

#include "machine.h"

#define PCI_SLOTS	32

#define BAR_SIZE	0x1000
/* What is where in BAR 0. */
#define BAR_COMMON	0x000
#define BAR_ISR		0x040
#define BAR_DEVICE	0x080
#define BAR_NOTIFY	0x100
#define BAR_MSIX	0x800
#define BAR_PENDING	0xc00

#define NOTIFY_EACH	4	/* bytes of doorbell a queue has */
#define VECTORS_MAX	(QUEUES_MAX + 1)
#define NO_VECTOR	0xffff

struct msix_entry {
	uint32_t address_low, address_high, data, control;
};

/* One device, as configuration space and BAR show it. */
struct pci_function {
	struct device *d;
	uint8_t config[256];
	uint8_t writable[256];	/* which bits the driver may change */
	unsigned window;	/* offset of the capability PCI_CFG */
	unsigned msix;		/* offset of the capability MSI-X, 0: none */

	uint32_t device_feature_select, driver_feature_select;
	uint64_t driver_features;
	uint16_t queue_select;
	uint16_t config_vector, queue_vector[QUEUES_MAX];
	uint8_t isr;
	gpa_t doorbell[QUEUES_MAX];	/* where it is registered, or 0 */

	unsigned nvectors;
	struct msix_entry vectors[VECTORS_MAX], routed[VECTORS_MAX];
	uint32_t pending;
};

/* By slot; the bridge in slot 0 has no device. */
extern struct pci_function pci_functions[PCI_SLOTS];

/* 1, 2 or 4 bytes of configuration space, as they are. */
static inline uint32_t pci_config(const struct pci_function *f, unsigned off,
				  unsigned width)
{
	uint32_t value = 0;

	memcpy(&value, f->config + off, width);
	return value;
}

/* BAR 0, from the CPU or through PCI_CFG.  Any off, width 1 to 8. */
uint64_t pci_bar_read(struct pci_function *f, unsigned off, unsigned width);
void pci_bar_write(struct pci_function *f, unsigned off, unsigned width,
		   uint64_t value);

/* Makes the registered doorbells match queues and BAR. */
void pci_update_doorbells(struct pci_function *f);

/* Everything behind BAR 0 as after power-on. */
void pci_bar_reset(struct pci_function *f);

/* The bus's interrupt(). */
void pci_interrupt(struct device *d, struct virtqueue *q);

/* isr or whatever else decides about the interrupt line changed. */
void pci_update_line(struct pci_function *f);

/* A vector may have been unmasked: fires what waited. */
void pci_fire_pending(struct pci_function *f);

bool pci_msix_enabled(const struct pci_function *f);

/* Where BAR 0 is; 0 while the driver keeps it off. */
gpa_t pci_bar_base(const struct pci_function *f);

#endif
