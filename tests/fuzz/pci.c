/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as what a Guest does to the PCI bus: accesses of every width to
 * its ports, to its window and to the memory that its rings are in, in any
 * order, with resets and reboots between them.  The hypervisor of this bench
 * keeps books: a doorbell is taken down where it was put up, a line changes
 * when it is told to, a message has a number that there is.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>

#include "../fuzz/ring.h"

#define RAM	KIB(64)
#define STEPS	4096
#define DEVICES	3

extern const struct bus bus_pci;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct guest *g;
static bool lines[256];
static gpa_t doorbells[DEVICES][QUEUES_MAX];
static bool routed[DEVICES_MAX * (QUEUES_MAX + 1)];

static bool gadget_kick(struct device *d, struct virtqueue *q)
{
	static struct chain c;

	(void)d;
	for (unsigned i = 0; i < q->size && vq_pop(q, &c); i++)
		vq_push(q, c.head, 0);
	return true;
}

static void gadget_written(struct device *d, unsigned off, unsigned len)
{
	must(len && off < d->config_size && len <= d->config_size - off,
	     "a write beyond the configuration");
}

static const struct device_type gadget = {
	.name = "gadget", .id = 30, .pci_class = 0xff0000, .nqueues = 2,
	.config_size = 12, .features = 1, .kick = gadget_kick,
	.config_written = gadget_written,
}, bare = {
	.name = "bare", .id = 31, .pci_class = 0xff0000, .nqueues = 1,
	.kick = gadget_kick,
};

static void line(struct guest *guest, unsigned irq, bool level)
{
	(void)guest;
	must(irq < ARRAY_SIZE(lines) && lines[irq] != level, "a line");
	lines[irq] = level;
}

static void msi_route(struct guest *guest, unsigned n, uint64_t address,
		      uint32_t data)
{
	(void)guest, (void)address, (void)data;
	must(n < DEVICES * (QUEUES_MAX + 1), "a message of nobody's");
	routed[n] = true;
}

static void msi_fire(struct guest *guest, unsigned n)
{
	(void)guest;
	must(n < DEVICES * (QUEUES_MAX + 1), "a message of nobody's");
}

static void doorbell(struct virtqueue *q, gpa_t gpa, bool on)
{
	gpa_t *at = &doorbells[q->d->index][q->index];

	must(*at == (on ? 0 : gpa) && gpa, "a doorbell elsewhere");
	*at = on ? gpa : 0;
}

static const uint8_t irqs[] = PCI_IRQS;

static const struct hypervisor bench = {
	.name = "bench", .irqs = irqs, .nirqs = ARRAY_SIZE(irqs),
	.line = line, .doorbell = doorbell,
	.msi_route = msi_route, .msi_fire = msi_fire,
};

static void set_up(void)
{
	g = rig_guest(RAM);
	g->hv = &bench;
	g->bus = &bus_pci;
	g->window = PCI_WINDOW;
	for (unsigned i = 0; i < DEVICES; i++) {
		struct device *d;

		d = guest_add_device(g, i == 1 ? &bare : &gadget, NULL);
		must(bus_pci.attach(d), "no slot");
		d->told = UINT32_MAX;
	}
}

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)input_byte(in) << (8 * i);
	return value;
}

static void access_at(struct input *in, bool mmio, uint64_t at, uint8_t how)
{
	unsigned width = 1 << (how >> 6);

	if (how & 0x20)
		io_write(g, mmio, at, width, take(in, width));
	else
		must(width == 8 || !(io_read(g, mmio, at, width) >> 8 * width),
		     "a wide answer");
}

/* As after a reboot, or as after another one. */
static void reboot(void)
{
	for (unsigned i = 0; i < DEVICES; i++)
		virtio_reset(&g->devices[i]);
	bus_pci.reset(g);
	for (unsigned i = 0; i < DEVICES; i++)
		must(!doorbells[i][0] && !doorbells[i][1], "an old doorbell");
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
		must(!lines[i], "an old interrupt");
}

/* The usual steps up to DRIVER_OK, so that there is something to upset. */
static void bring_up(unsigned n)
{
	gpa_t bar = PCI_WINDOW + 0x1000 * (1 + n % DEVICES);

	io_write(g, false, 0xcf8, 4, 0x80000004 | (1 + n % DEVICES) << 11);
	io_write(g, false, 0xcfc, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_STATUS, 1, 0);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_STATUS, 1, 3);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_GF, 4, 1);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_STATUS, 1, 11);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_Q_SELECT, 2, n >> 4 & 1);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_Q_SIZE, 2, 8);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_Q_MSIX, 2, n >> 5 & 3);
	io_write(g, true, bar + 0x800 + 16 * (n >> 5 & 3) + 12, 4, 0);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0x1000);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_Q_AVAILLO, 4, 0x2000);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_Q_USEDLO, 4, 0x3000);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	io_write(g, true, bar + VIRTIO_PCI_COMMON_STATUS, 1, 15);
}

static void step(struct input *in)
{
	uint8_t how = input_byte(in), n;
	uint64_t at;

	switch (how & 7) {
	case 0:			/* a port, as it comes */
		access_at(in, false, 0xcf8 + (input_byte(in) & 15), how);
		break;
	case 1:			/* a register of configuration space */
		n = input_byte(in);
		at = input_byte(in);
		io_write(g, false, 0xcf8, 4, 0x80000000 | (n & 7) << 11 | at);
		access_at(in, false, 0xcfc + (at & 3), how);
		break;
	case 2:			/* a place in somebody's BAR */
		at = take(in, 2);
		access_at(in, true, PCI_WINDOW + (at & 0x7fff), how);
		break;
	case 3:			/* anywhere */
		access_at(in, true, take(in, 5), how);
		break;
	case 4:			/* memory */
		at = take(in, 2);
		for (n = input_byte(in) & 31; n--; at++)
			if (at < RAM)
				*(uint8_t *)rig_at(at) = input_byte(in);
		break;
	case 5:
		virtio_config_changed(&g->devices[how >> 3 & 1]);
		break;
	case 6:
		if (how & 8)
			rig_turn();
		else
			reboot();
		break;
	case 7:
		bring_up(input_byte(in));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (!g)
		set_up();
	memset(rig_at(0), 0, RAM);
	reboot();
	for (unsigned i = 0; i < STEPS && in.size; i++)
		step(&in);
	for (unsigned i = 0; i < DEVICES; i++)
		must(g->devices[i].features >> 32 == 1, "offers changed");
	return 0;
}
