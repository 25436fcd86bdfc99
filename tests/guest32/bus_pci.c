/* SPDX-License-Identifier: GPL-2.0-only */
/* From 4.0 on: virtio 1.0 on PCI. */
#include "device.h"
#include "port.h"

#if GEN >= KERNEL(4, 0, 0)

#define SLOTS		32
#define COMMAND		4
#define MEMORY		2
#define MASTER		4
#define BAR0		0x10
#define IRQ_LINE	0x3c
#define SIZE		256	/* entries, at most */
#define VERSION_1	1	/* of the features' second word */

/* Offsets in the common configuration. */
enum { OFFER_SELECT = 0, OFFER = 4, ACCEPT_SELECT = 8, ACCEPT = 12,
	NUM_QUEUES = 18, STATUS = 20, QUEUE_SELECT = 22, QUEUE_SIZE = 24,
	QUEUE_ENABLE = 28, NOTIFY_OFF = 30, DESC = 32, AVAIL = 40, USED = 48 };

/* Where one of each is, in the device's first region. */
static u32 common[SLOTS], notify[SLOTS], multiplier[SLOTS], isr[SLOTS],
	   config[SLOTS];
static volatile u8 *regions[SLOTS];

#define GARBAGE		0x5a5a5a5a

/* What was in a register stays there, but for that many bytes. */
static u32 low_bytes(u32 v, unsigned width)
{
	u32 mask = 0xffffffff >> (32 - 8 * width);

	EQUAL(v & ~mask, GARBAGE & ~mask);
	return v & mask;
}

/* What readl() and its kin are, no more and no less. */
static u32 get(volatile u8 *at, unsigned width)
{
	u32 v = GARBAGE;

	if (width == 1)
		asm volatile("movb %1, %b0" : "+q"(v) : "m"(*at));
	else if (width == 2)
		asm volatile("movw %1, %w0" : "+r"(v) :
			     "m"(*(volatile u16 *)at));
	else
		asm volatile("movl %1, %0" : "=r"(v) :
			     "m"(*(volatile u32 *)at));
	return low_bytes(v, width);
}

static void put(volatile u8 *at, unsigned width, u32 v)
{
	if (width == 1)
		asm volatile("movb %b1, %0" : "=m"(*at) : "q"(v));
	else if (width == 2)
		asm volatile("movw %w1, %0" : "=m"(*(volatile u16 *)at) :
			     "r"(v));
	else
		asm volatile("movl %1, %0" : "=m"(*(volatile u32 *)at) :
			     "r"(v));
}

static u32 where(unsigned slot, unsigned type)
{
	unsigned at = pci_capability(slot, type);

	return at ? pci_read(slot, at + 8, 4) : 0;
}

static void slot_open(unsigned slot)
{
	unsigned at = pci_capability(slot, PCI_CFG_NOTIFY);

	if (regions[slot])
		return;
	pci_write(slot, COMMAND, 2, MEMORY | MASTER);
	regions[slot] = map_physical(pci_read(slot, BAR0, 4) & -16u,
				     2 * PAGE);
	common[slot] = where(slot, PCI_CFG_COMMON);
	notify[slot] = where(slot, PCI_CFG_NOTIFY);
	isr[slot] = where(slot, PCI_CFG_ISR);
	config[slot] = where(slot, PCI_CFG_DEVICE);
	multiplier[slot] = pci_read(slot, at + 16, 4);
}

bool device_find(struct device *d, unsigned type)
{
	memset(d, 0, sizeof(*d));
	for (unsigned slot = 1; slot < SLOTS; slot++) {
		if (pci_read(slot, 0, 4) != ((0x1040 + type) << 16 | 0x1af4))
			continue;
		slot_open(slot);
		d->type = type;
		d->slot = slot;
		d->at = regions[slot] + common[slot];
		d->nqueues = get(d->at + NUM_QUEUES, 2);
		return true;
	}
	return false;
}

u8 device_status(struct device *d)
{
	return get(d->at + STATUS, 1);
}

static void set_status(struct device *d, u8 status)
{
	put(d->at + STATUS, 1, status);
}

void device_reset(struct device *d)
{
	set_status(d, 0);
	EQUAL(device_status(d), 0);
}

u32 device_features(struct device *d)
{
	put(d->at + OFFER_SELECT, 4, 0);
	return get(d->at + OFFER, 4);
}

static void queue_open(struct device *d, unsigned i)
{
	struct queue *q = &d->q[i];
	unsigned size, pages;
	u8 *ring;

	put(d->at + QUEUE_SELECT, 2, i);
	size = get(d->at + QUEUE_SIZE, 2);
	pages = (18 * size + 6 + PAGE - 1) / PAGE;
	ring = page_get();
	for (unsigned n = 1; n < pages + 1; n++)
		page_get();
	q->d = d;
	q->index = i;
	q->irq = pci_read(d->slot, IRQ_LINE, 1);
	q->doorbell = notify[d->slot] +
		      get(d->at + NOTIFY_OFF, 2) * multiplier[d->slot];
	queue_init(q, ring, pages * PAGE, size);
	put(d->at + DESC, 4, phys(ring));
	put(d->at + DESC + 4, 4, 0);
	put(d->at + AVAIL, 4, phys(q->avail));
	put(d->at + AVAIL + 4, 4, 0);
	put(d->at + USED, 4, phys(q->used));
	put(d->at + USED + 4, 4, 0);
	put(d->at + QUEUE_ENABLE, 2, 1);
}

void device_start(struct device *d, u32 features)
{
	features &= device_features(d);
	device_reset(d);
	set_status(d, ACKNOWLEDGE);
	set_status(d, ACKNOWLEDGE | DRIVER);
	put(d->at + ACCEPT_SELECT, 4, 0);
	put(d->at + ACCEPT, 4, features);
	put(d->at + ACCEPT_SELECT, 4, 1);
	put(d->at + ACCEPT, 4, VERSION_1);
	set_status(d, ACKNOWLEDGE | DRIVER | FEATURES_OK);
	EQUAL(device_status(d), ACKNOWLEDGE | DRIVER | FEATURES_OK);
	for (unsigned i = 0; i < d->nqueues && i < QUEUES; i++)
		queue_open(d, i);
	set_status(d, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
}

void device_config(struct device *d, unsigned off, void *to, unsigned len)
{
	u8 *bytes = to;

	for (unsigned i = 0; i < len; i++)
		bytes[i] = get(regions[d->slot] + config[d->slot] + off + i,
			       1);
}

void device_kick(struct queue *q)
{
	put(regions[q->d->slot] + q->doorbell, 2, q->index);
}

void device_acknowledge(struct device *d)
{
	get(regions[d->slot] + isr[d->slot], 1);
}

TEST(devices, pci_nobody)
{
	EQUAL(pci_read(31, 0, 4), 0xffffffff);
	EQUAL(pci_read(31, 2, 2), 0xffff);
	EQUAL(pci_read(31, 3, 1), 0xff);
	/* Without the bit that enables it: no configuration space. */
	outl(0xcf8, 1 << 11);
	EQUAL(inl(0xcfc), 0xffffffff);
}

/* How Linux finds out that there is PCI at all. */
TEST(devices, pci_probe)
{
	outb(0xcfb, 0x01);
	outl(0xcf8, 0x80000000);
	EQUAL(inl(0xcf8), 0x80000000);
	EQUAL(pci_read(0, 8, 4) >> 16, 0x0600);
}

TEST(devices, pci_widths)
{
	u32 v = GARBAGE;

	outl(0xcf8, 0x80000000);
	asm volatile("inb %1, %b0" : "+a"(v) : "Nd"((u16)0xcf8));
	EQUAL(low_bytes(v, 1), 0);
	v = GARBAGE;
	asm volatile("inw %1, %w0" : "+a"(v) : "Nd"((u16)0xcfa));
	EQUAL(low_bytes(v, 2), 0x8000);
	v = GARBAGE;
	asm volatile("inb %1, %b0" : "+a"(v) : "Nd"((u16)0xcfb));
	EQUAL(low_bytes(v, 1), 0x80);
}

TEST(devices, pci_bar)
{
	struct device d;
	u32 bar, size;

	CHECK(device_find(&d, TYPE_CONSOLE));
	bar = pci_read(d.slot, BAR0, 4);
	EQUAL(bar & 15, 0);
	CHECK(bar >= ram_size);
	pci_write(d.slot, BAR0, 4, 0xffffffff);
	size = -(pci_read(d.slot, BAR0, 4) & -16u);
	CHECK(size >= 64 && !(size & (size - 1)));
	EQUAL(bar % size, 0);
	pci_write(d.slot, BAR0, 4, bar);
	EQUAL(pci_read(d.slot, BAR0, 4), bar);
}

TEST(devices, pci_features)
{
	struct device d;

	CHECK(device_find(&d, TYPE_CONSOLE));
	put(d.at + OFFER_SELECT, 4, 1);
	CHECK(get(d.at + OFFER, 4) & VERSION_1);
	put(d.at + OFFER_SELECT, 4, 2);
	EQUAL(get(d.at + OFFER, 4), 0);
	put(d.at + QUEUE_SELECT, 2, 77);
	EQUAL(get(d.at + QUEUE_SIZE, 2), 0);
	put(d.at + QUEUE_SELECT, 2, 0);
	CHECK(get(d.at + QUEUE_SIZE, 2) > 0);
}

#endif
