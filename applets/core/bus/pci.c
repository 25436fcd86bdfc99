/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI bus with one virtio device in each slot (VIRTIO 4.1): configuration
 * space through ports 0xcf8 and 0xcfc, a BAR, INTx, and MSI-X where the
 * hypervisor can send messages.  Slot 0 is the host bridge.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "pci.h"

#define CONFIG_ADDRESS	0xcf8
#define CONFIG_DATA	0xcfc
#define VENDOR_VIRTIO	0x1af4
#define VENDOR_BRIDGE	0x1b36
#define DEVICE_BRIDGE	0x0008
#define CAPABILITIES	0x40	/* the first one's offset */

struct pci_function pci_functions[PCI_SLOTS];
static uint32_t config_address;

static void put16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

gpa_t pci_bar_base(const struct pci_function *f)
{
	if (!(pci_config(f, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
		return 0;
	return pci_config(f, PCI_BASE_ADDRESS_0, 4) & PCI_BASE_ADDRESS_MEM_MASK;
}

/* ------------------------------------------------------------------ */
/* Configuration space                                                  */

/* BAR access through configuration space (VIRTIO 4.1.4.9). */
static bool window_range(const struct pci_function *f, unsigned *off,
			 unsigned *width)
{
	struct virtio_pci_cap cap;

	memcpy(&cap, f->config + f->window, sizeof(cap));
	*off = cap.offset;
	*width = cap.length;
	return !cap.bar && (*width == 1 || *width == 2 || *width == 4) &&
	       *off < BAR_SIZE && *off % *width == 0;
}

static bool is_window_data(const struct pci_function *f, unsigned off)
{
	return f->window &&
	       off - f->window - sizeof(struct virtio_pci_cap) < 4;
}

static uint32_t config_read(struct pci_function *f, unsigned off,
			    unsigned width)
{
	unsigned bar_off, bar_width;

	if (is_window_data(f, off) && window_range(f, &bar_off, &bar_width))
		put32(f->config + f->window + sizeof(struct virtio_pci_cap),
		      pci_bar_read(f, bar_off, bar_width));
	return pci_config(f, off, width);
}

/* The driver changed something that has consequences. */
static void config_written(struct pci_function *f, unsigned off)
{
	unsigned bar_off, bar_width;

	if (is_window_data(f, off) && window_range(f, &bar_off, &bar_width))
		pci_bar_write(f, bar_off, bar_width,
			      pci_config(f, f->window +
				  sizeof(struct virtio_pci_cap), 4));
	if (off <= PCI_COMMAND + 1 ||
	    (off & ~3U) == PCI_BASE_ADDRESS_0)
		pci_update_doorbells(f);
	pci_update_line(f);
	pci_fire_pending(f);
}

static void config_write(struct pci_function *f, unsigned off, unsigned width,
			 uint32_t value)
{
	for (unsigned i = 0; i < width; i++) {
		uint8_t *byte = &f->config[off + i];
		uint8_t mask = f->writable[off + i];

		*byte = (*byte & ~mask) | (value >> (8 * i) & mask);
	}
	if (f->d)
		config_written(f, off);
}

/* Whom config_address points to, NULL for nobody. */
static struct pci_function *config_target(void)
{
	unsigned slot = config_address >> 11 & 31;
	struct pci_function *f = &pci_functions[slot];

	/* Enabled, bus 0, function 0. */
	if (config_address >> 31 != 1 || config_address & 0xff0700)
		return NULL;
	return f->d || !slot ? f : NULL;
}

static uint64_t pci_port_read(struct guest *g, uint64_t off, unsigned width)
{
	struct pci_function *f = config_target();
	unsigned at = off & 3;

	(void)g;
	if (at + width > 4)
		return UINT64_MAX;
	if (off < CONFIG_DATA - CONFIG_ADDRESS)
		return config_address >> (8 * at);
	return f ? config_read(f, (config_address & 0xfc) + at, width)
		 : UINT64_MAX;
}

static void pci_port_write(struct guest *g, uint64_t off, unsigned width,
			   uint64_t value)
{
	struct pci_function *f = config_target();
	unsigned at = off & 3;
	uint32_t address;

	(void)g;
	if (at + width > 4)
		return;
	if (off >= CONFIG_DATA - CONFIG_ADDRESS) {
		if (f)
			config_write(f, (config_address & 0xfc) + at, width,
				     value);
		return;
	}
	/* Linux probes with a byte to 0xcfb, so parts can be written. */
	address = config_address;
	memcpy((uint8_t *)&address + at, &value, width);
	config_address = address & 0x80fffffc;
}

static const struct io_range pci_ports = {
	.base = CONFIG_ADDRESS, .size = 8,
	.read = pci_port_read, .write = pci_port_write,
};

/* ------------------------------------------------------------------ */
/* BARs                                                                 */

/* Which function's BAR holds all of the access at `addr`. */
static struct pci_function *bar_target(gpa_t addr, unsigned width)
{
	for (unsigned i = 1; i < PCI_SLOTS; i++) {
		struct pci_function *f = &pci_functions[i];
		gpa_t base = f->d ? pci_bar_base(f) : 0;

		if (base && addr >= base && addr - base <= BAR_SIZE - width)
			return f;
	}
	return NULL;
}

static uint64_t pci_window_read(struct guest *g, uint64_t off, unsigned width)
{
	gpa_t addr = g->window + off;
	struct pci_function *f = bar_target(addr, width);

	return f ? pci_bar_read(f, addr - pci_bar_base(f), width) : UINT64_MAX;
}

static void pci_window_write(struct guest *g, uint64_t off, unsigned width,
			     uint64_t value)
{
	gpa_t addr = g->window + off;
	struct pci_function *f = bar_target(addr, width);

	if (f)
		pci_bar_write(f, addr - pci_bar_base(f), width, value);
}

static struct io_range pci_window = {
	.mmio = true, .size = PCI_WINDOW_SIZE,
	.read = pci_window_read, .write = pci_window_write,
};

/* ------------------------------------------------------------------ */
/* Making functions                                                     */

/* Room for a capability of len bytes, linked in; returns its offset. */
static unsigned cap_add(struct pci_function *f, uint8_t id, unsigned len)
{
	unsigned at = CAPABILITIES, last = PCI_CAPABILITY_LIST;

	while (f->config[last]) {
		last = f->config[last] + PCI_CAP_LIST_NEXT;
		at = last - PCI_CAP_LIST_NEXT;
	}
	if (last != PCI_CAPABILITY_LIST)
		at = ALIGN_UP(at + f->writable[at], 4);
	f->config[last] = at;
	f->config[at] = id;
	/* Until all are there, its length waits in the write mask. */
	f->writable[at] = len;
	return at;
}

/* Where one of the virtio structures is in BAR 0 (VIRTIO 4.1.4). */
static unsigned cap_add_virtio(struct pci_function *f, uint8_t type,
			       uint32_t off, uint32_t len, unsigned size)
{
	unsigned at = cap_add(f, PCI_CAP_ID_VNDR, size);
	struct virtio_pci_cap cap = {
		.cap_vndr = PCI_CAP_ID_VNDR, .cap_len = size,
		.cfg_type = type, .offset = off, .length = len,
	};

	memcpy(f->config + at, &cap, sizeof(cap));
	return at;
}

static void add_capabilities(struct pci_function *f)
{
	const unsigned size = sizeof(struct virtio_pci_cap);
	unsigned nqueues = f->d->type->nqueues, at;

	cap_add_virtio(f, VIRTIO_PCI_CAP_COMMON_CFG, BAR_COMMON,
		       sizeof(struct virtio_pci_common_cfg), size);
	at = cap_add_virtio(f, VIRTIO_PCI_CAP_NOTIFY_CFG, BAR_NOTIFY,
			    NOTIFY_EACH * nqueues, size + 4);
	put32(f->config + at + size, NOTIFY_EACH);
	cap_add_virtio(f, VIRTIO_PCI_CAP_ISR_CFG, BAR_ISR, 1, size);
	if (f->d->config_size)
		cap_add_virtio(f, VIRTIO_PCI_CAP_DEVICE_CFG, BAR_DEVICE,
			       f->d->config_size, size);
	f->window = cap_add_virtio(f, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, size + 4);
	if (!f->d->g->hv->msi_fire)
		return;
	f->nvectors = nqueues + 1;
	f->msix = at = cap_add(f, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF);
	put16(f->config + at + PCI_MSIX_FLAGS, f->nvectors - 1);
	put32(f->config + at + PCI_MSIX_TABLE, BAR_MSIX);
	put32(f->config + at + PCI_MSIX_PBA, BAR_PENDING);
}

static void add_write_masks(struct pci_function *f)
{
	uint8_t *w = f->writable;

	memset(w, 0, sizeof(f->writable));
	put16(w + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
	      PCI_COMMAND_INTX_DISABLE);
	w[PCI_CACHE_LINE_SIZE] = w[PCI_LATENCY_TIMER] = 0xff;
	put32(w + PCI_BASE_ADDRESS_0, ~(BAR_SIZE - 1));
	w[f->window + offsetof(struct virtio_pci_cap, bar)] = 0xff;
	/* offset, length, and the data behind them */
	memset(w + f->window + offsetof(struct virtio_pci_cap, offset), 0xff,
	       12);
	if (f->msix)
		put16(w + f->msix + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE |
		      PCI_MSIX_FLAGS_MASKALL);
}

/* As after power-on, with what firmware would have assigned. */
static void function_reset(struct pci_function *f, struct device *d)
{
	const struct hypervisor *hv = d->g->hv;
	unsigned slot = d->index + 1;
	uint8_t *c = f->config;

	memset(f, 0, sizeof(*f));
	f->d = d;
	put16(c + PCI_VENDOR_ID, VENDOR_VIRTIO);
	put16(c + PCI_DEVICE_ID, 0x1040 + d->type->id);
	put16(c + PCI_STATUS, PCI_STATUS_CAP_LIST);
	put32(c + PCI_CLASS_REVISION, d->type->pci_class << 8 | 1);
	put32(c + PCI_BASE_ADDRESS_0, d->g->window + slot * BAR_SIZE);
	put16(c + PCI_SUBSYSTEM_VENDOR_ID, VENDOR_VIRTIO);
	put16(c + PCI_SUBSYSTEM_ID, 0x40);
	c[PCI_INTERRUPT_LINE] = hv->irqs[slot % hv->nirqs];
	c[PCI_INTERRUPT_PIN] = 1;
	add_capabilities(f);
	add_write_masks(f);
	pci_bar_reset(f);
	/* Messages come when the driver says so (PCI 3.0, 6.8.2.9). */
	for (unsigned i = 0; i < f->nvectors; i++)
		f->vectors[i].control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

/* Linux trusts this mechanism only if it finds a host bridge. */
static void bridge_create(void)
{
	uint8_t *c = pci_functions[0].config;

	put16(c + PCI_VENDOR_ID, VENDOR_BRIDGE);
	put16(c + PCI_DEVICE_ID, DEVICE_BRIDGE);
	put32(c + PCI_CLASS_REVISION, 0x060000 << 8);
}

static bool pci_attach(struct device *d)
{
	unsigned slot = d->index + 1;

	if (slot >= PCI_SLOTS)
		return false;
	if (slot == 1) {
		bridge_create();
		io_add(&pci_ports);
		pci_window.base = d->g->window;
		io_add(&pci_window);
	}
	d->features |= UINT64_C(1) << VIRTIO_F_VERSION_1 |
		       UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC |
		       UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX;
	function_reset(&pci_functions[slot], d);
	return true;
}

static void pci_reset(struct guest *g)
{
	config_address = 0;
	for (unsigned i = 0; i < g->ndevices; i++) {
		struct pci_function *f = &pci_functions[i + 1];

		f->isr = 0;
		pci_update_line(f);
		pci_update_doorbells(f);
		function_reset(f, &g->devices[i]);
	}
}

static void pci_dump(struct guest *g)
{
	for (unsigned i = 0; i < g->ndevices; i++) {
		const struct pci_function *f = &pci_functions[i + 1];

		fprintf(stderr, "pci 00:%02x.0 %s: BAR %#llx, command %#x, irq %u, isr %#x, MSI-X %s, pending %#x\r\n",
			i + 1, f->d->name,
			(unsigned long long)pci_bar_base(f),
			pci_config(f, PCI_COMMAND, 2),
			f->config[PCI_INTERRUPT_LINE], f->isr,
			pci_msix_enabled(f) ? "on" : "off", f->pending);
	}
}

const struct bus bus_pci = {
	.name = "pci",
	.attach = pci_attach,
	.reset = pci_reset,
	.interrupt = pci_interrupt,
	.dump = pci_dump,
};
