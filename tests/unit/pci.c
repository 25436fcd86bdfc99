/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PCI bus as a driver uses it, and as nobody should.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>

#include "rig.h"

extern const struct bus bus_pci;

#define VERSION_1	(UINT64_C(1) << VIRTIO_F_VERSION_1)

static unsigned kicks, config_writes;

static void gadget_open(struct device *d)
{
	for (unsigned i = 0; i < d->config_size; i++)
		d->config[i] = 0x10 + i;
}

static bool gadget_kick(struct device *d, struct virtqueue *q)
{
	static struct chain c;

	(void)d;
	kicks++;
	while (vq_pop(q, &c))
		vq_push(q, c.head, 0);
	return true;
}

static void gadget_written(struct device *d, unsigned off, unsigned len)
{
	(void)d, (void)off, (void)len;
	config_writes++;
}

static const struct device_type gadget = {
	.name = "gadget", .id = 30, .pci_class = 0xff0000, .nqueues = 2,
	.config_size = 12, .features = 1,
	.open = gadget_open, .kick = gadget_kick,
	.config_written = gadget_written,
};

/* The same without configuration. */
static const struct device_type bare = {
	.name = "bare", .id = 31, .pci_class = 0xff0000, .nqueues = 1,
	.open = gadget_open, .kick = gadget_kick,
};

/* What the hypervisor was told. */
static struct {
	bool line[256];
	unsigned routed, fired, doorbells;
	uint64_t address;
	gpa_t doorbell[DEVICES_MAX][QUEUES_MAX];
} seen;

static void line(struct guest *g, unsigned irq, bool level)
{
	(void)g;
	CHECK(seen.line[irq] != level);
	seen.line[irq] = level;
}

static void msi_route(struct guest *g, unsigned n, uint64_t address,
		      uint32_t data)
{
	(void)g, (void)n, (void)data;
	seen.routed++;
	seen.address = address;
}

static void msi_fire(struct guest *g, unsigned n)
{
	(void)g, (void)n;
	seen.fired++;
}

static void doorbell(struct virtqueue *q, gpa_t gpa, bool on)
{
	gpa_t *at = &seen.doorbell[q->d->index][q->index];

	CHECK_EQ(*at, on ? 0 : gpa);
	*at = on ? gpa : 0;
	seen.doorbells += on ? 1 : -1;
}

static const uint8_t irqs[] = PCI_IRQS;

static const struct hypervisor with_msi = {
	.name = "rig", .irqs = irqs, .nirqs = ARRAY_SIZE(irqs),
	.line = line, .doorbell = doorbell,
	.msi_route = msi_route, .msi_fire = msi_fire,
};
static const struct hypervisor without_msi = {
	.name = "rig", .irqs = irqs, .nirqs = ARRAY_SIZE(irqs), .line = line,
};

static struct guest *g;
static struct device *d;

static void start(const struct hypervisor *hv, unsigned n)
{
	g = rig_guest(MIB(1));
	g->hv = hv;
	g->bus = &bus_pci;
	g->window = PCI_WINDOW;
	for (unsigned i = 0; i < n; i++)
		CHECK(bus_pci.attach(rig_device(i == 1 ? &bare : &gadget,
						NULL)));
	d = &g->devices[0];
}

static void address(unsigned slot, unsigned off)
{
	io_write(g, false, 0xcf8, 4, 0x80000000 | slot << 11 | (off & ~3u));
}

static uint32_t cfg(unsigned slot, unsigned off, unsigned width)
{
	address(slot, off);
	return io_read(g, false, 0xcfc + (off & 3), width);
}

static void cfg_write(unsigned slot, unsigned off, unsigned width, uint32_t v)
{
	address(slot, off);
	io_write(g, false, 0xcfc + (off & 3), width, v);
}

/* The virtio capability of this type, or 0. */
static unsigned find_cap(unsigned slot, uint8_t type)
{
	unsigned hops = 0;

	for (unsigned at = cfg(slot, PCI_CAPABILITY_LIST, 1); at;
	     at = cfg(slot, at + 1, 1)) {
		CHECK(hops++ < 16);
		if (cfg(slot, at, 1) == PCI_CAP_ID_VNDR &&
		    cfg(slot, at + 3, 1) == type)
			return at;
	}
	return 0;
}

static unsigned find_msix(unsigned slot)
{
	unsigned at;

	for (at = cfg(slot, PCI_CAPABILITY_LIST, 1); at;
	     at = cfg(slot, at + 1, 1))
		if (cfg(slot, at, 1) == PCI_CAP_ID_MSIX)
			break;
	return at;
}

static gpa_t enable(unsigned slot)
{
	cfg_write(slot, PCI_COMMAND, 2,
		  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return cfg(slot, PCI_BASE_ADDRESS_0, 4);
}

/* A register of the common structure of slot 1. */
static uint32_t reg(gpa_t bar, unsigned off, unsigned width)
{
	return io_read(g, true, bar + off, width);
}

static void set(gpa_t bar, unsigned off, unsigned width, uint32_t value)
{
	io_write(g, true, bar + off, width, value);
}

static void probe(void)
{
	start(&without_msi, 2);
	/* As Linux checks for mechanism 1. */
	io_write(g, false, 0xcfb, 1, 0x01);
	io_write(g, false, 0xcf8, 4, 0x80000000);
	CHECK_EQ(io_read(g, false, 0xcf8, 4), 0x80000000);
	CHECK_EQ(cfg(0, PCI_CLASS_DEVICE, 2), 0x0600);
	CHECK_EQ(cfg(1, 0, 4), 0x10401af4 + (30 << 16));
	CHECK_EQ(cfg(1, PCI_CLASS_REVISION, 4), 0xff000001);
	CHECK_EQ(cfg(3, 0, 4), 0xffffffff);
	CHECK_EQ(cfg(31, 0, 2), 0xffff);
	/* Other functions, other buses, not enabled: nobody there. */
	io_write(g, false, 0xcf8, 4, 0x80000900);
	CHECK_EQ(io_read(g, false, 0xcfc, 4), 0xffffffff);
	io_write(g, false, 0xcf8, 4, 0x80010800);
	CHECK_EQ(io_read(g, false, 0xcfc, 4), 0xffffffff);
	io_write(g, false, 0xcf8, 4, 0x00000800);
	CHECK_EQ(io_read(g, false, 0xcfc, 4), 0xffffffff);
}

static void bar_sizing_and_moving(void)
{
	gpa_t bar, moved = PCI_WINDOW + 0x100000;

	start(&with_msi, 1);
	CHECK_EQ(enable(1), PCI_WINDOW + 0x1000);
	bar = enable(1);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_NUMQ, 2), 2);
	cfg_write(1, PCI_BASE_ADDRESS_0, 4, 0xffffffff);
	CHECK_EQ(cfg(1, PCI_BASE_ADDRESS_0, 4), 0xfffff000);
	cfg_write(1, PCI_BASE_ADDRESS_0, 4, moved);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_NUMQ, 2), 0xffff);
	CHECK_EQ(reg(moved, VIRTIO_PCI_COMMON_NUMQ, 2), 2);
	cfg_write(1, PCI_COMMAND, 2, 0);
	CHECK_EQ(reg(moved, VIRTIO_PCI_COMMON_NUMQ, 2), 0xffff);
	cfg_write(1, PCI_BASE_ADDRESS_1, 4, 0xffffffff);
	CHECK_EQ(cfg(1, PCI_BASE_ADDRESS_1, 4), 0);
}

static void negotiate(gpa_t bar, uint64_t features)
{
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 1);
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 3);
	for (unsigned i = 0; i < 2; i++) {
		set(bar, VIRTIO_PCI_COMMON_GFSELECT, 4, i);
		set(bar, VIRTIO_PCI_COMMON_GF, 4, features >> (32 * i));
	}
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 11);
}

static void features(void)
{
	gpa_t bar;

	start(&without_msi, 1);
	bar = enable(1);
	set(bar, VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
	CHECK(reg(bar, VIRTIO_PCI_COMMON_DF, 4) & 1);
	set(bar, VIRTIO_PCI_COMMON_DFSELECT, 4, 2);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_DF, 4), 0);
	set(bar, VIRTIO_PCI_COMMON_DFSELECT, 4, 0xffffffff);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_DF, 4), 0);

	/* All ones: refused, nothing takes effect. */
	negotiate(bar, UINT64_MAX);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_STATUS, 1), 3);
	CHECK(virtio_has(d, 0) && !virtio_has(d, 1) && !virtio_has(d, 63));
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 15);
	CHECK(!(d->status & VIRTIO_CONFIG_S_DRIVER_OK));
	/* Not without VERSION_1. */
	negotiate(bar, 1);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_STATUS, 1), 3);
	negotiate(bar, VERSION_1 | 1);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_STATUS, 1), 11);
	/* Too late. */
	set(bar, VIRTIO_PCI_COMMON_GF, 4, 0);
	CHECK_EQ(d->acked, VERSION_1 | 1);
}

static void go_live(gpa_t bar, unsigned queue, gpa_t rings)
{
	negotiate(bar, VERSION_1);
	set(bar, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
	set(bar, VIRTIO_PCI_COMMON_Q_SIZE, 2, 8);
	set(bar, VIRTIO_PCI_COMMON_Q_DESCLO, 4, rings);
	set(bar, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, rings + 0x100);
	set(bar, VIRTIO_PCI_COMMON_Q_USEDLO, 4, rings + 0x200);
	set(bar, VIRTIO_PCI_COMMON_Q_MSIX, 2, 1);
	set(bar, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 15);
}

static void queues_and_intx(void)
{
	gpa_t bar, rings;
	unsigned irq;

	start(&without_msi, 1);
	bar = enable(1);
	irq = cfg(1, PCI_INTERRUPT_LINE, 1);
	rings = rig_alloc(0x400);
	go_live(bar, 1, rings);
	CHECK(d->queues[1].live);
	CHECK(!d->queues[0].live);
	/* Rewriting what is in use changes nothing. */
	set(bar, VIRTIO_PCI_COMMON_Q_SIZE, 2, 3);
	set(bar, VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0xfffffff0);
	set(bar, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0);
	CHECK_EQ(d->queues[1].size, 8);
	CHECK_EQ(d->queues[1].desc, rings);

	rig_desc(&d->queues[1], 0, 4096, 4, 0, 0);
	rig_avail(&d->queues[1], 0);
	set(bar, 0x100 + 4, 2, 1);	/* its doorbell */
	CHECK_EQ(kicks, 1);
	CHECK(seen.line[irq]);
	CHECK_EQ(reg(bar, 0x40, 1), 1);
	CHECK(!seen.line[irq]);
	CHECK_EQ(reg(bar, 0x40, 1), 0);

	/* Turned off by the driver, the line stays down. */
	cfg_write(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY |
		  PCI_COMMAND_INTX_DISABLE);
	rig_avail(&d->queues[1], 0);
	set(bar, 0x100 + 4, 2, 1);
	CHECK(!seen.line[irq]);
	cfg_write(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK(seen.line[irq]);
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	CHECK(!seen.line[irq]);
}

static void hostile_doorbells(void)
{
	gpa_t bar;

	start(&without_msi, 2);
	bar = enable(1);
	set(bar, 0x100, 2, 0);		/* before DRIVER_OK */
	go_live(bar, 1, rig_alloc(0x400));
	for (unsigned off = 0x100; off < 0x800; off += 2)
		if (off / 4 != 0x104 / 4)
			set(bar, off, 2, 0xffff);
	CHECK_EQ(kicks, 0);
	set(bar, 0x104, 4, 0x80000000);	/* the address counts (4.1.5.2) */
	CHECK_EQ(kicks, 1);
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	set(bar, 0x104, 2, 1);
	CHECK_EQ(kicks, 1);
}

static void doorbells_follow(void)
{
	gpa_t bar, moved = PCI_WINDOW + 0x200000;

	start(&with_msi, 1);
	bar = enable(1);
	go_live(bar, 1, rig_alloc(0x400));
	CHECK_EQ(seen.doorbells, 1);
	CHECK_EQ(seen.doorbell[0][1], bar + 0x104);
	cfg_write(1, PCI_BASE_ADDRESS_0, 4, moved);
	CHECK_EQ(seen.doorbell[0][1], moved + 0x104);
	cfg_write(1, PCI_COMMAND, 2, 0);
	CHECK_EQ(seen.doorbells, 0);
	cfg_write(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_EQ(seen.doorbells, 1);
	set(moved, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	CHECK_EQ(seen.doorbells, 0);
	go_live(moved, 0, rig_alloc(0x400));
	CHECK_EQ(seen.doorbells, 1);
	virtio_reset(d);
	bus_pci.reset(g);
	CHECK_EQ(seen.doorbells, 0);
	CHECK_EQ(cfg(1, PCI_BASE_ADDRESS_0, 4), bar);
}

static void kick_queue_1(gpa_t bar)
{
	rig_avail(&d->queues[1], 0);
	set(bar, 0x104, 2, 1);
}

static void msix(void)
{
	unsigned cap, irq;
	gpa_t bar;

	start(&with_msi, 1);
	bar = enable(1);
	irq = cfg(1, PCI_INTERRUPT_LINE, 1);
	cap = find_msix(1);
	CHECK(cap);
	CHECK_EQ(cfg(1, cap + PCI_MSIX_FLAGS, 2), 2);	/* three vectors */
	/* All masked to begin with. */
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(reg(bar, 0x800 + 16 * i + 12, 4), 1);
	set(bar, 0x800 + 28, 4, 0);
	set(bar, 0x800 + 16, 4, 0xfee00000);
	set(bar, 0x800 + 24, 4, 0x41);
	go_live(bar, 1, rig_alloc(0x400));
	rig_desc(&d->queues[1], 0, 4096, 4, 0, 0);
	cfg_write(1, cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_Q_MSIX, 2), 1);
	kick_queue_1(bar);
	CHECK_EQ(seen.fired, 1);
	CHECK_EQ(seen.routed, 1);
	CHECK_EQ(seen.address, 0xfee00000);
	CHECK(!seen.line[irq]);
	/* The same message needs no new route. */
	kick_queue_1(bar);
	CHECK_EQ(seen.fired, 2);
	CHECK_EQ(seen.routed, 1);
	/* Masked it waits, however often, and comes once. */
	set(bar, 0x800 + 28, 4, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	kick_queue_1(bar);
	kick_queue_1(bar);
	CHECK_EQ(seen.fired, 2);
	CHECK_EQ(reg(bar, 0xc00, 4), 2);
	set(bar, 0x800 + 28, 4, 0);
	CHECK_EQ(seen.fired, 3);
	CHECK_EQ(reg(bar, 0xc00, 4), 0);
	/* All masked by the function. */
	cfg_write(1, cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE |
		  PCI_MSIX_FLAGS_MASKALL);
	kick_queue_1(bar);
	CHECK_EQ(seen.fired, 3);
	cfg_write(1, cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	CHECK_EQ(seen.fired, 4);
	/* What waits for the driver is not the next one's after a reboot. */
	set(bar, 0x800 + 28, 4, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	kick_queue_1(bar);
	virtio_reset(d);
	bus_pci.reset(g);
	CHECK_EQ(enable(1), bar);
	CHECK_EQ(reg(bar, 0xc00, 4), 0);
	CHECK_EQ(reg(bar, 0x800 + 28, 4), PCI_MSIX_ENTRY_CTRL_MASKBIT);
	cfg_write(1, cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	set(bar, 0x800 + 28, 4, 0);
	CHECK_EQ(seen.fired, 4);
}

/* Status writes in any order: no step is taken before the one it needs. */
static void status_in_any_order(void)
{
	gpa_t bar;

	start(&without_msi, 1);
	bar = enable(1);
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 4);
	CHECK(!(d->status & VIRTIO_CONFIG_S_DRIVER_OK));
	/* NEEDS_RESET is ours to say. */
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 0x40);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_STATUS, 1), 0);
	go_live(bar, 1, rig_alloc(0x400));
	CHECK(d->queues[1].live && !d->queues[0].live);
	rig_desc(&d->queues[1], 0, 4096, 4, 0, 0);
	kick_queue_1(bar);
	CHECK_EQ(d->queues[1].used_idx, 1);
	/* DRIVER_OK once more, or bits taken back: the ring goes on. */
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 15);
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 1);
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 15);
	CHECK_EQ(d->queues[1].last_avail, 1);
	/* A queue of a running device that was not ready stays off. */
	set(bar, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	set(bar, VIRTIO_PCI_COMMON_Q_SIZE, 2, 3);
	set(bar, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	CHECK(!d->queues[0].live);
	set(bar, 0x100, 2, 0);
	/* FAILED is the driver's opinion, and no reset. */
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 0x80);
	kick_queue_1(bar);
	CHECK_EQ(d->queues[1].used_idx, 2);
	/* After a reset the queue is as large as ever. */
	set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	set(bar, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_Q_SIZE, 2), QUEUE_SIZE_MAX);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
}

/* A driver that breaks the ring, resets, breaks it: one line, not thousands. */
static void broken_a_thousand_times(void)
{
	gpa_t bar, rings;

	start(&with_msi, 1);
	bar = enable(1);
	rings = rig_alloc(0x400);
	rig_warnings();
	for (unsigned i = 0; i < 1000; i++) {
		memset(rig_at(rings), 0, 0x400);
		go_live(bar, 1, rings);
		rig_avail(&d->queues[1], 0xffff);
		set(bar, 0x104, 2, 1);
		CHECK(d->broken);
		/* Neither a doorbell nor DRIVER_OK brings it back. */
		set(bar, 0x104, 2, 1);
		set(bar, VIRTIO_PCI_COMMON_STATUS, 1, 15);
		CHECK(!d->queues[1].live);
		if (i % 10)
			continue;
		virtio_reset(d);
		bus_pci.reset(g);
		enable(1);
	}
	CHECK_EQ(rig_warnings(), 1);
}

static void hostile_vectors(void)
{
	static const uint16_t bad[] = { 3, 0xfffe, 0xffff, 0x8000 };
	gpa_t bar;

	start(&with_msi, 1);
	bar = enable(1);
	cfg_write(1, find_msix(1) + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	go_live(bar, 1, rig_alloc(0x400));
	rig_desc(&d->queues[1], 0, 4096, 4, 0, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		set(bar, VIRTIO_PCI_COMMON_Q_MSIX, 2, bad[i]);
		CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_Q_MSIX, 2), 0xffff);
		set(bar, VIRTIO_PCI_COMMON_MSIX, 2, bad[i]);
		CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_MSIX, 2), 0xffff);
		kick_queue_1(bar);
	}
	CHECK_EQ(seen.fired, 0);
	/* The whole table area and beyond, every width. */
	for (unsigned off = 0x800; off < 0x1000; off++)
		for (unsigned width = 1; width <= 8; width *= 2) {
			io_write(g, true, bar + off, width, UINT64_MAX);
			io_read(g, true, bar + off, width);
		}
}

static void queue_out_of_range(void)
{
	gpa_t bar;

	start(&with_msi, 1);
	bar = enable(1);
	negotiate(bar, VERSION_1);
	set(bar, VIRTIO_PCI_COMMON_Q_SELECT, 2, 2);
	CHECK_EQ(reg(bar, VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
	set(bar, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0xffff);
	for (unsigned off = 0; off < 0x100; off++)
		for (unsigned width = 1; width <= 8; width *= 2) {
			if (off == VIRTIO_PCI_COMMON_Q_SELECT)
				continue;
			reg(bar, off, width);
			set(bar, off, width, 0xffffffff);
		}
	CHECK(!d->queues[0].enabled && !d->queues[1].enabled);
}

static void device_config_edges(void)
{
	gpa_t bar, nothing;

	start(&without_msi, 2);
	bar = enable(1);
	nothing = enable(2);
	CHECK_EQ(reg(bar, 0x80, 4), 0x13121110);
	CHECK_EQ(reg(bar, 0x80 + 11, 1), 0x1b);
	/* Over the end: what there is, then zeroes. */
	CHECK_EQ(reg(bar, 0x80 + 11, 4), 0x1b);
	CHECK_EQ(reg(bar, 0x80 + 12, 4), 0);
	CHECK_EQ(reg(bar, 0x80 + 63, 1), 0);
	CHECK_EQ(reg(nothing, 0x80, 4), 0);
	set(bar, 0x80 + 11, 4, 0xffffffff);
	set(bar, 0x80 + 12, 1, 0xff);
	set(nothing, 0x80, 4, 0xffffffff);
	CHECK_EQ(config_writes, 0);
	CHECK_EQ(reg(bar, 0x80 + 11, 1), 0x1b);
	set(bar, 0x80 + 8, 4, 0x41);
	CHECK_EQ(config_writes, 1);
}

/* BAR access through configuration space (4.1.4.9). */
static void config_window(void)
{
	unsigned cap;

	start(&without_msi, 1);
	cap = find_cap(1, VIRTIO_PCI_CAP_PCI_CFG);
	CHECK(cap);
	cfg_write(1, cap + 4, 1, 0);
	cfg_write(1, cap + 12, 4, 2);
	cfg_write(1, cap + 8, 4, VIRTIO_PCI_COMMON_NUMQ);
	CHECK_EQ(cfg(1, cap + 16, 2), 2);
	/* The early console of an lguest Guest writes like this. */
	cfg_write(1, cap + 12, 4, 4);
	cfg_write(1, cap + 8, 4, 0x80 + 8);
	cfg_write(1, cap + 16, 4, 'x');
	CHECK_EQ(config_writes, 1);
	/* Nowhere, crooked, too wide: nothing happens. */
	for (unsigned i = 0; i < 5; i++) {
		static const uint32_t bad[][3] = {
			{ 1, 0x88, 4 }, { 0, 0x1000, 4 }, { 0, 0x89, 4 },
			{ 0, 0x88, 3 }, { 0, 0xfffffffc, 8 },
		};

		cfg_write(1, cap + 4, 1, bad[i][0]);
		cfg_write(1, cap + 8, 4, bad[i][1]);
		cfg_write(1, cap + 12, 4, bad[i][2]);
		cfg_write(1, cap + 16, 4, 'x');
		cfg(1, cap + 16, 4);
		CHECK_EQ(config_writes, 1);
	}
}

/* Every byte of configuration space written with ones, in every width. */
static void config_all_ones(void)
{
	start(&with_msi, 2);
	for (unsigned slot = 0; slot < 4; slot++)
		for (unsigned off = 0; off < 256; off++)
			for (unsigned width = 1; width <= 4; width *= 2) {
				uint32_t id = cfg(slot, 0, 4);

				if ((off & 3) + width <= 4)
					cfg_write(slot, off, width, ~0u);
				CHECK_EQ(cfg(slot, 0, 4), id);
			}
	CHECK_EQ(cfg(1, PCI_INTERRUPT_LINE, 1) <= 11, true);
}

static void bus_is_full(void)
{
	start(&without_msi, DEVICES_MAX);
	CHECK_EQ(cfg(31, 0, 2), 0x1af4);
}

int main(void)
{
	RUN(probe);
	RUN(bar_sizing_and_moving);
	RUN(features);
	RUN(queues_and_intx);
	RUN(hostile_doorbells);
	RUN(doorbells_follow);
	RUN(msix);
	RUN(status_in_any_order);
	RUN(broken_a_thousand_times);
	RUN(hostile_vectors);
	RUN(queue_out_of_range);
	RUN(device_config_edges);
	RUN(config_window);
	RUN(config_all_ones);
	RUN(bus_is_full);
	return rig_done();
}
