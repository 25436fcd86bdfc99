/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Behind BAR 0 of a virtio-pci function: common configuration, interrupt
 * status, device configuration, doorbells, MSI-X table (VIRTIO 4.1.4).
 */
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <string.h>

#include "pci.h"

/* The queue that queue_select points to; NULL: there is none. */
static struct virtqueue *selected(struct pci_function *f)
{
	if (f->queue_select >= f->d->type->nqueues)
		return NULL;
	return &f->d->queues[f->queue_select];
}

/*
 * Registers are as wide as they are (VIRTIO 4.1.3.1); 64-bit ones are two of
 * 32.  0: no register starts there.
 */
static const uint8_t common_width[sizeof(struct virtio_pci_common_cfg)] = {
	[VIRTIO_PCI_COMMON_DFSELECT] = 4, [VIRTIO_PCI_COMMON_DF] = 4,
	[VIRTIO_PCI_COMMON_GFSELECT] = 4, [VIRTIO_PCI_COMMON_GF] = 4,
	[VIRTIO_PCI_COMMON_MSIX] = 2, [VIRTIO_PCI_COMMON_NUMQ] = 2,
	[VIRTIO_PCI_COMMON_STATUS] = 1, [VIRTIO_PCI_COMMON_CFGGENERATION] = 1,
	[VIRTIO_PCI_COMMON_Q_SELECT] = 2, [VIRTIO_PCI_COMMON_Q_SIZE] = 2,
	[VIRTIO_PCI_COMMON_Q_MSIX] = 2, [VIRTIO_PCI_COMMON_Q_ENABLE] = 2,
	[VIRTIO_PCI_COMMON_Q_NOFF] = 2,
	[VIRTIO_PCI_COMMON_Q_DESCLO] = 4, [VIRTIO_PCI_COMMON_Q_DESCHI] = 4,
	[VIRTIO_PCI_COMMON_Q_AVAILLO] = 4, [VIRTIO_PCI_COMMON_Q_AVAILHI] = 4,
	[VIRTIO_PCI_COMMON_Q_USEDLO] = 4, [VIRTIO_PCI_COMMON_Q_USEDHI] = 4,
};

/* A 32-bit half of a 64-bit value, if there is such a half. */
static uint32_t half(uint64_t value, uint32_t select)
{
	return select < 2 ? value >> (32 * select) : 0;
}

static void set_half(uint64_t *value, uint32_t select, uint32_t to)
{
	if (select == 0)
		*value = (*value & ~UINT64_C(0xffffffff)) | to;
	else if (select == 1)
		*value = (*value & 0xffffffff) | (uint64_t)to << 32;
}

static uint32_t queue_read(struct pci_function *f, unsigned off)
{
	struct virtqueue *q = selected(f);

	/* size 0 tells the driver that there is no such queue */
	if (!q)
		return 0;
	switch (off) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return q->size;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return f->queue_vector[q->index];
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return q->enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return q->index;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return half(q->desc, off != VIRTIO_PCI_COMMON_Q_DESCLO);
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return half(q->avail, off != VIRTIO_PCI_COMMON_Q_AVAILLO);
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return half(q->used, off != VIRTIO_PCI_COMMON_Q_USEDLO);
	}
	return 0;
}

static uint32_t common_read(struct pci_function *f, unsigned off)
{
	struct device *d = f->d;

	switch (off) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return f->device_feature_select;
	case VIRTIO_PCI_COMMON_DF:
		return half(d->features, f->device_feature_select);
	case VIRTIO_PCI_COMMON_GFSELECT:
		return f->driver_feature_select;
	case VIRTIO_PCI_COMMON_GF:
		return half(f->driver_features, f->driver_feature_select);
	case VIRTIO_PCI_COMMON_MSIX:
		return f->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ:
		return d->type->nqueues;
	case VIRTIO_PCI_COMMON_STATUS:
		return d->status;
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return d->generation;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return f->queue_select;
	}
	return queue_read(f, off);
}

/* A vector that is not there reads back as none (VIRTIO 4.1.5.1.2). */
static uint16_t vector(const struct pci_function *f, uint32_t value)
{
	return value < f->nvectors ? value : NO_VECTOR;
}

static void queue_write(struct pci_function *f, unsigned off, uint32_t value)
{
	struct virtqueue *q = selected(f);

	if (!q)
		return;
	if (off == VIRTIO_PCI_COMMON_Q_MSIX)
		f->queue_vector[q->index] = vector(f, value);
	/* What is in use stays as it is until reset (VIRTIO 4.1.4.3.2). */
	if (q->enabled)
		return;
	switch (off) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		q->size = value;
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		q->enabled = value == 1;
		pci_update_doorbells(f);
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		set_half(&q->desc, off != VIRTIO_PCI_COMMON_Q_DESCLO, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		set_half(&q->avail, off != VIRTIO_PCI_COMMON_Q_AVAILLO, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		set_half(&q->used, off != VIRTIO_PCI_COMMON_Q_USEDLO, value);
		break;
	}
}

/* Writing 0 resets the device and, with it, what we keep of it. */
static void status_write(struct pci_function *f, uint8_t value)
{
	virtio_set_status(f->d, value);
	if (value)
		return;
	pci_update_doorbells(f);
	pci_bar_reset(f);
	pci_update_line(f);
}

static void common_write(struct pci_function *f, unsigned off, uint32_t value)
{
	switch (off) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		f->device_feature_select = value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		f->driver_feature_select = value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		/* Bits from 64 up do not exist, so nobody offered them. */
		if (f->driver_feature_select > 1 && value)
			break;
		set_half(&f->driver_features, f->driver_feature_select, value);
		virtio_accept(f->d, f->driver_features);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		f->config_vector = vector(f, value);
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		status_write(f, value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		f->queue_select = value;
		break;
	default:
		queue_write(f, off, value);
	}
}

/* Reading the interrupt status ends the interrupt (VIRTIO 4.1.4.5). */
static uint8_t isr_read(struct pci_function *f)
{
	uint8_t isr = f->isr;

	f->isr = 0;
	pci_update_line(f);
	return isr;
}

/* ------------------------------------------------------------------ */
/* MSI-X: an array of 32-bit words (PCI 3.0, 6.8.2)                     */

static uint32_t *msix_word(struct pci_function *f, unsigned off)
{
	unsigned entry = off / sizeof(f->vectors[0]);

	if (entry >= f->nvectors || off % 4)
		return NULL;
	return (uint32_t *)f->vectors + off / 4;
}

static uint64_t msix_read(struct pci_function *f, unsigned off, unsigned width)
{
	uint32_t *low = msix_word(f, off), *high = msix_word(f, off + 4);

	if (width == 4 && low)
		return *low;
	if (width == 8 && low && high)
		return *low | (uint64_t)*high << 32;
	return 0;
}

static void msix_write(struct pci_function *f, unsigned off, unsigned width,
		       uint64_t value)
{
	uint32_t *low = msix_word(f, off), *high = msix_word(f, off + 4);

	if (width == 4 && low) {
		*low = value;
	} else if (width == 8 && low && high) {
		*low = value;
		*high = value >> 32;
	}
	pci_fire_pending(f);
}

/* ------------------------------------------------------------------ */

uint64_t pci_bar_read(struct pci_function *f, unsigned off, unsigned width)
{
	if (off < sizeof(common_width))
		return common_width[off] == width ? common_read(f, off) : 0;
	if (off == BAR_ISR)
		return isr_read(f);
	if (off >= BAR_DEVICE && off < BAR_DEVICE + CONFIG_MAX)
		return virtio_config_read(f->d, off - BAR_DEVICE,
					  width > 4 ? 4 : width);
	if (off >= BAR_MSIX && off < BAR_PENDING)
		return msix_read(f, off - BAR_MSIX, width);
	if (off == BAR_PENDING)
		return f->pending;
	return 0;
}

void pci_bar_write(struct pci_function *f, unsigned off, unsigned width,
		   uint64_t value)
{
	if (off < sizeof(common_width)) {
		if (common_width[off] == width)
			common_write(f, off, value);
	} else if (off >= BAR_DEVICE && off < BAR_DEVICE + CONFIG_MAX) {
		virtio_config_write(f->d, off - BAR_DEVICE, width, value);
	} else if (off >= BAR_NOTIFY && off < BAR_MSIX) {
		virtio_notify(f->d, (off - BAR_NOTIFY) / NOTIFY_EACH);
	} else if (off >= BAR_MSIX && off < BAR_PENDING) {
		msix_write(f, off - BAR_MSIX, width, value);
	}
}

void pci_update_doorbells(struct pci_function *f)
{
	const struct hypervisor *hv = f->d->g->hv;
	gpa_t bar = pci_bar_base(f);

	if (!hv->doorbell)
		return;
	for (unsigned i = 0; i < f->d->type->nqueues; i++) {
		struct virtqueue *q = &f->d->queues[i];
		gpa_t at = 0;

		if (q->enabled && bar)
			at = bar + BAR_NOTIFY + i * NOTIFY_EACH;
		if (at == f->doorbell[i])
			continue;
		if (f->doorbell[i])
			hv->doorbell(q, f->doorbell[i], false);
		f->doorbell[i] = at;
		if (at)
			hv->doorbell(q, at, true);
	}
}

/* A reset of the device: MSI-X, being PCI's, is left alone. */
void pci_bar_reset(struct pci_function *f)
{
	f->device_feature_select = f->driver_feature_select = 0;
	f->driver_features = 0;
	f->queue_select = 0;
	f->isr = 0;
	f->config_vector = NO_VECTOR;
	for (unsigned i = 0; i < QUEUES_MAX; i++)
		f->queue_vector[i] = NO_VECTOR;
}
