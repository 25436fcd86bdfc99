/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts into the Guest, and its doorbells out of it.
 *
 * A line is set by an ioctl: it is level-triggered and shared, and the bus
 * knows when it ends, which an eventfd could not say.  Messages have no end,
 * so each is an irqfd: a write, and KVM does the rest.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <unistd.h>

#include "kvm.h"

static struct msi {
	int fd;
	bool routed;
	uint64_t address;
	uint32_t data;
} msis[KVM_MSIS];

static struct doorbell {
	bool on;
	gpa_t gpa;
	struct watch watch;
} doorbells[DEVICES_MAX][QUEUES_MAX];

static bool levels[KVM_LINES];
static bool any_length;		/* of writes to doorbells: KVM can do that */

/* ------------------------------------------------------------------ */

void kvm_line(struct guest *g, unsigned irq, bool level)
{
	struct kvm_irq_level l = { .irq = irq, .level = level };

	(void)g;
	if (kvm.vm < 0 || irq >= KVM_LINES || levels[irq] == level)
		return;
	levels[irq] = level;
	if (kvm_ioctl(kvm.vm, KVM_IRQ_LINE, &l) < 0)
		warn_errno("KVM_IRQ_LINE %u", irq);
}

/* ------------------------------------------------------------------ */

static struct {
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry entries[16 + KVM_LINES + KVM_MSIS];
} table;

static void route_pin(unsigned gsi, unsigned chip, unsigned pin)
{
	table.entries[table.head.nr++] = (struct kvm_irq_routing_entry){
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

/*
 * KVM wants the whole table each time.  It begins as the one that KVM made
 * itself: every line goes to the I/O APIC, the first 16 to the 8259s as well.
 */
static bool write_routes(void)
{
	table.head.nr = 0;
	for (unsigned i = 0; i < KVM_LINES; i++) {
		if (i < 16)
			route_pin(i, i < 8 ? KVM_IRQCHIP_PIC_MASTER :
				  KVM_IRQCHIP_PIC_SLAVE, i % 8);
		route_pin(i, KVM_IRQCHIP_IOAPIC, i);
	}
	for (unsigned i = 0; i < KVM_MSIS; i++) {
		if (!msis[i].routed)
			continue;
		table.entries[table.head.nr++] = (struct kvm_irq_routing_entry){
			.gsi = KVM_LINES + i, .type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = msis[i].address,
				   .address_hi = msis[i].address >> 32,
				   .data = msis[i].data },
		};
	}
	return kvm_ioctl(kvm.vm, KVM_SET_GSI_ROUTING, &table) == 0;
}

/*
 * The Guest rewrites the same message often, to mask it and not, and a new
 * table makes KVM wait for all its readers: only do it for news.
 */
void kvm_msi_route(struct guest *g, unsigned n, uint64_t address, uint32_t data)
{
	struct msi *m = &msis[n];
	struct kvm_irqfd irqfd = { .fd = m->fd, .gsi = KVM_LINES + n };
	bool had = m->routed;

	(void)g;
	if (kvm.vm < 0 ||
	    (had && m->address == address && m->data == data))
		return;
	m->address = address;
	m->data = data;
	m->routed = true;
	if (!write_routes() ||
	    (!had && kvm_ioctl(kvm.vm, KVM_IRQFD, &irqfd) < 0))
		m->routed = false;	/* a message that goes nowhere */
}

void kvm_msi_fire(struct guest *g, unsigned n)
{
	uint64_t one = 1;

	(void)g;
	if (msis[n].routed && write(msis[n].fd, &one, sizeof(one)) < 0)
		warn_errno("irqfd");
}

/* ------------------------------------------------------------------ */

static struct doorbell *doorbell_of(const struct virtqueue *q)
{
	return &doorbells[q->d->index][q->index];
}

/*
 * A write to a register may still be in a ring when the doorbell that was rung
 * after it is heard.  That matters for one of them, DRIVER_OK: before it is
 * served the device would take no notice.
 */
static bool too_early(const struct virtqueue *q)
{
	if (q->d->status & VIRTIO_CONFIG_S_DRIVER_OK)
		return false;
	for (unsigned i = 0; i < kvm.ncpus; i++)
		if (!kvm_posts_empty(&kvm.cpus[i]))
			return true;
	return false;
}

static short doorbell_want(void *owner)
{
	if (too_early(owner))
		for (unsigned i = 0; i < kvm.ncpus; i++)
			if (kvm_posts_busy(&kvm.cpus[i]))
				return 0;
	return POLLIN;
}

static void doorbell_ready(void *owner, short revents)
{
	struct virtqueue *q = owner;
	uint64_t rings;

	(void)revents;
	for (unsigned i = 0; i < kvm.ncpus; i++)
		if (!kvm_posts_empty(&kvm.cpus[i]))
			kvm_posts_serve(&kvm.cpus[i]);
	if (kvm.g->ended || kvm.g->reboot || too_early(q))
		return;
	if (read(doorbell_of(q)->watch.fd, &rings, sizeof(rings)) > 0)
		virtio_notify(q->d, q->index);
}

/* A failure is none: then the write arrives at the bus, as any other does. */
static void ioeventfd(const struct doorbell *b, bool on)
{
	static const uint32_t widths[] = { 1, 2, 4, 8 };
	struct kvm_ioeventfd io = {
		.addr = b->gpa, .fd = b->watch.fd,
		.flags = on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN,
	};

	if (any_length) {
		kvm_ioctl(kvm.vm, KVM_IOEVENTFD, &io);
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(widths); i++) {
		io.len = widths[i];
		kvm_ioctl(kvm.vm, KVM_IOEVENTFD, &io);
	}
}

void kvm_doorbell(struct virtqueue *q, gpa_t gpa, bool on)
{
	struct doorbell *b = doorbell_of(q);

	if (kvm.vm < 0 || (b->on == on && b->gpa == gpa))
		return;
	if (b->on)
		ioeventfd(b, false);
	b->on = on;
	b->gpa = gpa;
	if (on)
		ioeventfd(b, true);
}

/* ------------------------------------------------------------------ */

/* Everything that a reboot will need again is made here, once. */
void kvm_irq_create(struct guest *g)
{
	any_length = kvm_ioctl_n(kvm.fd, KVM_CHECK_EXTENSION,
				 KVM_CAP_IOEVENTFD_ANY_LENGTH) > 0;
	for (unsigned i = 0; i < g->ndevices * (QUEUES_MAX + 1); i++)
		msis[i].fd = kvm_eventfd();
	for (unsigned i = 0; i < g->ndevices; i++) {
		struct device *d = &g->devices[i];

		for (unsigned j = 0; j < d->type->nqueues; j++) {
			struct watch *w = &doorbells[i][j].watch;

			*w = (struct watch){
				.fd = kvm_eventfd(), .want = doorbell_want,
				.ready = doorbell_ready,
				.owner = &d->queues[j],
			};
			watch_add(w);
		}
	}
}

/* A new VM knows nothing of the old one's. */
void kvm_irq_reset(void)
{
	memset(levels, 0, sizeof(levels));
	for (unsigned i = 0; i < KVM_MSIS; i++)
		msis[i].routed = false;
	for (unsigned i = 0; i < DEVICES_MAX; i++)
		for (unsigned j = 0; j < QUEUES_MAX; j++)
			doorbells[i][j].on = false;
}
