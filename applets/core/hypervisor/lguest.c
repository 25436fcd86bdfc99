/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor `lguest`: the one that came with Linux 2.6.23 to 4.13 for
 * 32-bit Hosts.  The Host's kernel runs the Guest's CPU; we give it memory,
 * a kernel, interrupts, and devices.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/bootparam.h"
#include "lguest.h"

#define NODE		"/dev/lguest"
#define PROBE_SIZE	MIB(4)
/*
 * One open file is one Guest.  After --chroot or --username we could open no
 * more, so each reboot takes one of these.
 */
#define SPARES		32

struct lguest lguest = { .fd = -1 };

static int spares[SPARES];
static unsigned nspares;

const char *const lguest_hosts[] = {
	[LGUEST_PGDIR] = "2.6.25 to 2.6.28",
	[LGUEST_BUS] = "2.6.29 to 3.19",
	[LGUEST_PCI] = "4.0 to 4.13",
};

long lguest_request(int fd, enum lguest_request request,
		    unsigned long a, unsigned long b, unsigned long c,
		    unsigned long d)
{
	unsigned long words[LGUEST_WORDS] = { request, a, b, c, d };
	long rc;

	/*
	 * The Host takes what it needs; the size is no matter to it.  It is
	 * not interrupted either, but who traces or filters us may be.
	 */
	do {
		rc = write(fd, words, sizeof(words));
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : rc;
}

long lguest_read_now(void *buf, size_t len)
{
	long n;

	do {
		n = read(lguest.fd, buf, len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * The first request's answer is the number of bytes it took; of the two
 * generations that take four words, only one knows of registers.
 */
static long lguest_generation(int fd, void *memory)
{
	struct boot_params *p = memory;
	unsigned long pages = PROBE_SIZE / LGUEST_PAGE;
	long rc;

	/* 2.6.29 to 3.0 read this to make page tables. */
	p->e820_entries = 1;
	p->e820_table[0] = (struct boot_e820_entry){ 0, PROBE_SIZE, 1 };
	rc = lguest_request(fd, LHREQ_INITIALIZE, (unsigned long)memory, pages,
			    0, pages);
	if (rc < 0)
		return rc;
	if (rc == 12)
		return LGUEST_BUS;
	return lguest_request(fd, LHREQ_GETREG, LGREG_IP, 0, 0, 0) == 8 ?
	       LGUEST_PCI : LGUEST_PGDIR;
}

/* The generation, or -errno; nothing remains. */
static long lguest_probe(void)
{
	void *memory = mmap(NULL, PROBE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = open(NODE, O_RDWR | O_CLOEXEC);
	long rc = fd < 0 ? -errno : -ENOMEM;

	if (fd >= 0 && memory != MAP_FAILED)
		rc = lguest_generation(fd, memory);
	if (fd >= 0)
		close(fd);
	if (memory != MAP_FAILED)
		munmap(memory, PROBE_SIZE);
	return rc;
}

/* Kernels from 4.0 on look for PCI, those before for the lguest bus. */
static bool wants_pci(const struct image *image)
{
	return image->version[0] >= '4' && image->version[1] == '.';
}

static bool hypervisor_lguest_can(const struct image *image, char *why)
{
	long generation;

	if (image->is_64) {
		snprintf(why, WHY_MAX, "a 64-bit kernel: lguest Guests are i386");
		return false;
	}
	if (image->lguest == LGUEST_NO) {
		snprintf(why, WHY_MAX, "not built to be an lguest Guest");
		return false;
	}
	if (sizeof(long) != 4) {
		snprintf(why, WHY_MAX, NODE ": that is a 32-bit Host's, for a 32-bit Launcher");
		return false;
	}
	generation = lguest_probe();
	if (generation < 0) {
		snprintf(why, WHY_MAX, NODE ": %s", strerror(-generation));
		return false;
	}
	lguest.generation = generation;
	if (*image->version &&
	    wants_pci(image) != (generation == LGUEST_PCI)) {
		snprintf(why, WHY_MAX, "a Linux %s Guest does not go with a Host of %s",
			 image->version, lguest_hosts[generation]);
		return false;
	}
	return true;
}

static const char *hypervisor_lguest_bus(const struct guest *g)
{
	(void)g;
	return lguest.generation == LGUEST_PCI ? "pci" : "lguest";
}

static void hypervisor_lguest_open(struct guest *g)
{
	unsigned wanted = g->plan->chroot || g->plan->username ? SPARES : 1;

	io_no_timer();
	while (nspares < wanted)
		spares[nspares++] = xopen(NODE, O_RDWR, 0);
}

/* In a chroot the name is no more what it was, so there we do not open it. */
static int next_file(const struct guest *g)
{
	if (nspares)
		return spares[--nspares];
	if (g->plan->chroot || g->plan->username)
		die("the Guest restarted %u times, and no " NODE " is left",
		    SPARES - 1);
	return xopen(NODE, O_RDWR, 0);
}

static void hypervisor_lguest_create(struct guest *g)
{
	gpa_t pgdir, entry = lguest_boot_load(g, &pgdir);
	unsigned long base = (unsigned long)g->mem.host;
	unsigned long limit = (g->mem.size + g->bus->memory) / LGUEST_PAGE;
	bool old = lguest.generation == LGUEST_PGDIR;
	long rc;

	lguest_flag_reset(g);
	lguest.fd = next_file(g);
	rc = lguest_request(lguest.fd, LHREQ_INITIALIZE, base, limit,
			    old ? pgdir : entry, old ? entry :
			    (g->window + MIB(1)) / LGUEST_PAGE);
	if (rc < 0)
		die(NODE ": initialize: %s", strerror(-rc));
}

/* The Guest runs whenever the loop waits. */
static void hypervisor_lguest_start(struct guest *g)
{
	(void)g;
}

static void hypervisor_lguest_destroy(struct guest *g)
{
	(void)g;
	close(lguest.fd);
	lguest.fd = -1;
}

/* An interrupt is an event to this Host: it has no level. */
static void hypervisor_lguest_line(struct guest *g, unsigned irq, bool level)
{
	static bool told;
	long rc;

	(void)g;
	if (!level || lguest.fd < 0)
		return;
	rc = lguest_request(lguest.fd, LHREQ_IRQ, irq, 0, 0, 0);
	/* A Guest that is dead tells so when it is next run. */
	if (rc < 0 && rc != -ENOENT && !told) {
		told = true;
		warn(NODE ": interrupt %u: %s", irq, strerror(-rc));
	}
}

static void hypervisor_lguest_dump(struct guest *g)
{
	(void)g;
	fprintf(stderr, NODE ": the Host is of %s\r\n",
		lguest_hosts[lguest.generation]);
}

/* Few old kernels know of more than an 8259's. */
static const uint8_t irqs[] = {
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};

const struct hypervisor hypervisor_lguest = {
	.name = "lguest",
	.bus = hypervisor_lguest_bus,
	.priority = 10,
	/* These Hosts give out a page that is no file's in less time. */
	.memory_is_private = true,
	.irqs = irqs,
	.nirqs = ARRAY_SIZE(irqs),
	.can = hypervisor_lguest_can,
	.open = hypervisor_lguest_open,
	.create = hypervisor_lguest_create,
	.start = hypervisor_lguest_start,
	.destroy = hypervisor_lguest_destroy,
	.wait = lguest_wait,
	.hush = lguest_hush,
	.doorbell = lguest_doorbell,
	.line = hypervisor_lguest_line,
	.line_is_event = true,
	.dump = hypervisor_lguest_dump,
};
