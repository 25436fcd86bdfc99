/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor `kvm`: a PC for today's kernels.  KVM brings the CPU, the
 * interrupt controllers and the timer; what remains of a PC we put around it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kvm.h"

#define NODE		"/dev/kvm"
#define NODE_DEVICE	makedev(10, 232)

/* Intel's CPUs need four pages for real mode, where no memory is. */
#define IDENTITY_MAP	UINT64_C(0xfffbc000)
#define TSS		0xfffbd000

struct kvm kvm;

int kvm_ioctl(int fd, unsigned long request, void *arg)
{
	int rc;

	do
		rc = ioctl(fd, request, arg);
	while (rc < 0 && errno == EINTR && request != KVM_RUN);
	return rc;
}

int kvm_ioctl_n(int fd, unsigned long request, unsigned long arg)
{
	return kvm_ioctl(fd, request, (void *)arg);
}

int kvm_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		die_errno("eventfd");
	return fd;
}

/*
 * Rescue systems have a /dev that nobody has filled.  A node without a driver
 * behind it would only be in the way, and goes again.
 */
int kvm_open_node(void)
{
	int fd = open(NODE, O_RDWR | O_CLOEXEC), error;

	if (fd >= 0 || errno != ENOENT || geteuid() != 0)
		return fd;
	if (mknod(NODE, S_IFCHR | 0600, NODE_DEVICE) < 0) {
		errno = ENOENT;
		return -1;
	}
	fd = open(NODE, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		error = errno;
		unlink(NODE);
		errno = error;
	}
	return fd;
}

static void hypervisor_kvm_open(struct guest *g)
{
	(void)g;
	kvm.vm = -1;
	kvm.ncpus = 1;
	kvm.fd = kvm_open_node();
	if (kvm.fd < 0)
		die_errno("open " NODE);
}

/* ------------------------------------------------------------------ */

/* One call to KVM that a machine cannot be made without. */
static int must(int fd, unsigned long request, void *arg, const char *what)
{
	int rc = kvm_ioctl(fd, request, arg);

	if (rc < 0)
		die_errno(NODE ": %s", what);
	return rc;
}

/* KVM takes pages from our mapping as the Guest touches them, no sooner. */
static void create_memory(const struct memory *m)
{
	for (unsigned i = 0; i < m->nregions; i++) {
		const struct region *r = &m->regions[i];
		struct kvm_userspace_memory_region slot = {
			.slot = i, .guest_phys_addr = r->base,
			.memory_size = r->size,
			.userspace_addr = (uintptr_t)r->host,
		};

		must(kvm.vm, KVM_SET_USER_MEMORY_REGION, &slot, "set memory");
	}
}

static void create_cpu(struct kvm_cpu *cpu)
{
	cpu->fd = must(kvm.vm, KVM_CREATE_VCPU, (void *)(uintptr_t)cpu->index,
		       "create a CPU");
	cpu->run = mmap(NULL, kvm.run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			cpu->fd, 0);
	if (cpu->run == MAP_FAILED)
		die_errno(NODE ": mmap a CPU");
	kvm_posts_reset(cpu);
}

/*
 * The in-kernel devices come before the CPUs, which look for them.  The timer
 * has a switch in common with the PC's speaker, and answers for both.
 */
static void create_vm(struct guest *g)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity_map = IDENTITY_MAP;

	kvm.vm = must(kvm.fd, KVM_CREATE_VM, NULL, "create a VM");
	/* First: behind the devices KVM would take milliseconds for it. */
	create_memory(&g->mem);
	must(kvm.vm, KVM_SET_TSS_ADDR, (void *)(uintptr_t)TSS, "set TSS");
	must(kvm.vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map, "set map");
	must(kvm.vm, KVM_CREATE_IRQCHIP, NULL, "create irqchip");
	must(kvm.vm, KVM_CREATE_PIT2, &pit, "create timer");
	for (unsigned i = 0; i < kvm.ncpus; i++)
		create_cpu(&kvm.cpus[i]);
}

/* What a reboot finds again: descriptors, watches and the PC's ports. */
static void create_once(struct guest *g)
{
	if (kvm.g)
		return;
	kvm.g = g;
	kvm.run_size = must(kvm.fd, KVM_GET_VCPU_MMAP_SIZE, NULL, "CPU size");
	for (unsigned i = 0; i < kvm.ncpus; i++) {
		kvm.cpus[i].index = i;
		kvm_posts_create(&kvm.cpus[i]);
	}
	kvm_irq_create(g);
	uart_create(g);
	pc_create(g);
}

/*
 * A reboot is a new VM: KVM has no call that makes an old one forget all.  The
 * PC is reset after the VM is there, so that its lines go down in it.
 */
static void hypervisor_kvm_create(struct guest *g)
{
	struct boot boot;

	create_once(g);
	create_vm(g);
	kvm_irq_reset();
	uart_reset(g);
	pc_reset(g);
	kvm_boot_load(g, &boot);
	for (unsigned i = 0; i < kvm.ncpus; i++)
		kvm_boot_cpu(&kvm.cpus[i], &boot);
}

static void hypervisor_kvm_start(struct guest *g)
{
	(void)g;
	for (unsigned i = 0; i < kvm.ncpus; i++)
		kvm_cpu_start(&kvm.cpus[i]);
	kvm_probe_forget();
}

/* CPUs stop before anything goes that they could be using. */
static void hypervisor_kvm_destroy(struct guest *g)
{
	(void)g;
	if (kvm.vm < 0)
		return;
	for (unsigned i = 0; i < kvm.ncpus; i++)
		kvm_cpu_stop(&kvm.cpus[i]);
	for (unsigned i = 0; i < kvm.ncpus; i++) {
		munmap(kvm.cpus[i].run, kvm.run_size);
		close(kvm.cpus[i].fd);
	}
	close(kvm.vm);
	kvm.vm = -1;
}

/* The CPUs may be anywhere: they are asked, and answer in a turn or two. */
static void hypervisor_kvm_dump(struct guest *g)
{
	(void)g;
	for (unsigned i = 0; i < kvm.ncpus; i++)
		kvm_cpu_ask(&kvm.cpus[i]);
}

static const char *hypervisor_kvm_bus(const struct guest *g)
{
	(void)g;
	return "pci";
}

static const uint8_t irqs[] = PCI_IRQS;

const struct hypervisor hypervisor_kvm = {
	.name = "kvm",
	.bus = hypervisor_kvm_bus,
	.arguments = pc_arguments,
	.hole_start = UINT64_C(0xc0000000),
	.hole_end = UINT64_C(0x100000000),
	.window = PCI_WINDOW,
	.irqs = irqs,
	.nirqs = ARRAY_SIZE(irqs),
	.priority = 20,
	.can = kvm_can,
	.open = hypervisor_kvm_open,
	.create = hypervisor_kvm_create,
	.start = hypervisor_kvm_start,
	.destroy = hypervisor_kvm_destroy,
	.line = kvm_line,
	.msi_route = kvm_msi_route,
	.msi_fire = kvm_msi_fire,
	.doorbell = kvm_doorbell,
	.dump = hypervisor_kvm_dump,
};
