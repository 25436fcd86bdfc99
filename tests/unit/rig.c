/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test bench.  Every test runs in a process of its own, so that static
 * state, descriptors and deaths of one are no matter to the next.
 */
#include <linux/memfd.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

#define TEST_SECONDS	120

/* Not 1 or 2, which die() uses. */
enum { PASSED, FAILED = 100, SKIPPED };

bool rig_lines[32];

static struct guest guest;
static struct plan plan;
static gpa_t next_free;
static unsigned interrupts[DEVICES_MAX][QUEUES_MAX + 1];
static struct {
	uint16_t next_desc, used_seen;
} drivers[DEVICES_MAX][QUEUES_MAX];

static unsigned npassed, nfailed, nskipped;
static char outcome[512];	/* of the test that runs, in its process */
static bool failed, skipped;
static int log_fd = -1;		/* what the test wrote to stderr */
static off_t log_seen;

/* ------------------------------------------------------------------ */

static void rig_interrupt(struct device *d, struct virtqueue *q)
{
	interrupts[d->index][q ? q->index : QUEUES_MAX]++;
}

static bool rig_attach(struct device *d)
{
	(void)d;
	return true;
}

static void rig_nothing(struct guest *g)
{
	(void)g;
}

static void rig_line(struct guest *g, unsigned irq, bool level)
{
	(void)g;
	if (irq < ARRAY_SIZE(rig_lines))
		rig_lines[irq] = level;
}

static const struct bus bus_rig = {
	.name = "rig",
	.attach = rig_attach,
	.reset = rig_nothing,
	.interrupt = rig_interrupt,
	.dump = rig_nothing,
};

static const struct hypervisor hypervisor_rig = {
	.name = "rig",
	.line = rig_line,
};

/* The Launcher allocates as it starts and then never frees: no leaks here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* Fuzz targets make thousands. */
static void free_guest(void)
{
	for (unsigned i = 0; i < guest.ndevices; i++)
		free(guest.devices[i].state);
	if (!guest.mem.host)
		return;
	munmap(guest.mem.host, guest.mem.size);
	close(guest.mem.fd);
}

struct guest *rig_guest(uint64_t memory)
{
	free_guest();
	memset(&guest, 0, sizeof(guest));
	memset(&plan, 0, sizeof(plan));
	plan.memory = memory;
	guest.plan = &plan;
	guest.kernel_fd = -1;
	guest.bus = &bus_rig;
	guest.hv = &hypervisor_rig;
	mem_create(&guest.mem, memory, 0, 0, 0);
	next_free = 4096;
	return &guest;
}

struct device *rig_device(const struct device_type *type, const char *arg)
{
	struct device *d;

	d = guest_add_device(&guest, type, arg ? strdup(arg) : NULL);
	d->features |= UINT64_C(1) << VIRTIO_F_VERSION_1 |
		       UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC |
		       UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX;
	type->open(d);
	return d;
}

void rig_start(struct device *d, uint64_t features, unsigned size)
{
	uint64_t version_1 = UINT64_C(1) << VIRTIO_F_VERSION_1;

	virtio_set_status(d, 0);
	virtio_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER);
	virtio_accept(d, d->features & (features | version_1));
	virtio_set_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	CHECK(d->status & VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned i = 0; i < d->type->nqueues; i++) {
		struct virtqueue *q = &d->queues[i];

		q->size = size;
		q->desc = rig_alloc(16 * size);
		q->avail = rig_alloc(6 + 2 * size);
		q->used = rig_alloc(6 + 8 * size);
		q->enabled = true;
		drivers[d->index][i].next_desc = 0;
		drivers[d->index][i].used_seen = 0;
	}
	virtio_set_status(d, d->status | VIRTIO_CONFIG_S_DRIVER_OK);
}

gpa_t rig_alloc(uint64_t len)
{
	gpa_t at = next_free;

	next_free = ALIGN_UP(next_free + (len ? len : 1), 16);
	if (next_free > guest.mem.size) {
		fprintf(stderr, "rig: the Guest is too small\n");
		abort();
	}
	memset(rig_at(at), 0, len);
	return at;
}

void *rig_at(gpa_t gpa)
{
	return guest.mem.host + gpa;
}

/* ------------------------------------------------------------------ */

void rig_desc(struct virtqueue *q, unsigned i, gpa_t addr, uint32_t len,
	      uint16_t flags, uint16_t next)
{
	struct vring_desc *desc = rig_at(q->desc);

	desc[i] = (struct vring_desc){ addr, len, flags, next };
}

void rig_avail(struct virtqueue *q, uint16_t head)
{
	struct vring_avail *avail = rig_at(q->avail);

	avail->ring[avail->idx % q->size] = head;
	__atomic_store_n(&avail->idx, avail->idx + 1, __ATOMIC_RELEASE);
}

static uint16_t take_desc(struct virtqueue *q)
{
	return drivers[q->d->index][q->index].next_desc++ % q->size;
}

uint16_t rig_add(struct virtqueue *q, const struct rig_buffer *b, unsigned n)
{
	uint16_t head = take_desc(q), i = head;

	for (unsigned k = 0; k < n; k++) {
		bool last = k == n - 1;
		uint16_t next = last ? 0 : take_desc(q);

		rig_desc(q, i, b[k].gpa, b[k].len,
			 (b[k].in ? VRING_DESC_F_WRITE : 0) |
			 (last ? 0 : VRING_DESC_F_NEXT), next);
		i = next;
	}
	rig_avail(q, head);
	return head;
}

uint16_t rig_add_indirect(struct virtqueue *q, const struct rig_buffer *b,
			  unsigned n)
{
	gpa_t at = rig_alloc(16 * n);
	struct vring_desc *table = rig_at(at);
	uint16_t head = take_desc(q);

	for (unsigned k = 0; k < n; k++)
		table[k] = (struct vring_desc){
			b[k].gpa, b[k].len,
			(b[k].in ? VRING_DESC_F_WRITE : 0) |
			(k < n - 1 ? VRING_DESC_F_NEXT : 0), k + 1
		};
	rig_desc(q, head, at, 16 * n, VRING_DESC_F_INDIRECT, 0);
	rig_avail(q, head);
	return head;
}

void rig_kick(struct virtqueue *q)
{
	virtio_notify(q->d, q->index);
	rig_turn();
}

void rig_turn(void)
{
	loop_turn(&guest, 0);
}

bool rig_used(struct virtqueue *q, uint16_t *head, uint32_t *len)
{
	struct vring_used *used = rig_at(q->used);
	uint16_t *seen = &drivers[q->d->index][q->index].used_seen;
	struct vring_used_elem *e = &used->ring[*seen % q->size];

	if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == *seen)
		return false;
	*head = e->id;
	if (len)
		*len = e->len;
	(*seen)++;
	return true;
}

unsigned rig_interrupts(struct device *d, struct virtqueue *q)
{
	unsigned *count = &interrupts[d->index][q ? q->index : QUEUES_MAX];
	unsigned n = *count;

	*count = 0;
	return n;
}

unsigned rig_warnings(void)
{
	char buf[4096];
	unsigned lines = 0;
	ssize_t n;

	while ((n = pread(log_fd, buf, sizeof(buf), log_seen)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
		log_seen += n;
	}
	return lines;
}

/* ------------------------------------------------------------------ */

static void note(bool *what, const char *fmt, ...)
{
	va_list ap;

	if (failed || skipped)
		return;
	*what = true;
	va_start(ap, fmt);
	vsnprintf(outcome, sizeof(outcome), fmt, ap);
	va_end(ap);
}

void rig_check(bool ok, const char *file, int line, const char *what)
{
	if (!ok)
		note(&failed, "%s:%d: %s", file, line, what);
}

void rig_check_eq(uint64_t a, uint64_t b, const char *file, int line,
		  const char *what)
{
	if (a != b)
		note(&failed, "%s:%d: %s: %#llx, not %#llx", file, line, what,
		     (unsigned long long)a, (unsigned long long)b);
}

void rig_skip(const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	note(&skipped, "%s", why);
}

static int run_child(const char *name, void (*test)(void))
{
	alarm(TEST_SECONDS);
	test();
	printf("%s %s%s%s\n", failed ? "FAIL" : skipped ? "SKIP" : "PASS",
	       name, *outcome ? ": " : "", outcome);
	fflush(stdout);
	return failed ? FAILED : skipped ? SKIPPED : PASSED;
}

static void show_log(void)
{
	char buf[4096];
	ssize_t n;
	off_t at = 0;

	while ((n = pread(log_fd, buf, sizeof(buf), at)) > 0) {
		write_all(STDERR_FILENO, buf, n);
		at += n;
	}
}

void rig_run(const char *name, void (*test)(void))
{
	int status;
	pid_t child;

	fflush(stdout);
	log_fd = syscall(SYS_memfd_create, "log", MFD_CLOEXEC);
	child = fork();
	if (!child) {
		dup2(log_fd, STDERR_FILENO);
		exit(run_child(name, test));
	}
	waitpid(child, &status, 0);
	show_log();
	close(log_fd);
	if (WIFEXITED(status) && WEXITSTATUS(status) == PASSED) {
		npassed++;
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
		nskipped++;
	} else {
		nfailed++;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != FAILED)
			printf("FAIL %s: ended with wait status %#x\n", name,
			       status);
	}
}

bool rig_failed(void)
{
	if (failed)
		fprintf(stderr, "rig: %s\n", outcome);
	return failed;
}

int rig_done(void)
{
	fprintf(stderr, "%u passed, %u failed, %u skipped\n", npassed, nfailed,
		nskipped);
	return nfailed != 0;
}
