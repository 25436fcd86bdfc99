/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole runs of a Guest that does nothing but reboot, on a hypervisor that
 * does nothing but count: a reboot comes when the Launcher sits in an empty
 * directory and has no rights and no descriptor to spare.
 */
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels.h"
#include "rig.h"

#define NOBODY		65534
#define SECTORS		64

extern const struct device_type device_block, device_console, device_rng;

static struct plan plan;
static struct kernel kernel;
static unsigned creates, starts, descriptors, last_start;

static unsigned open_descriptors(unsigned *highest)
{
	unsigned n = 0;

	for (unsigned fd = 0; fd < 1024; fd++)
		if (fcntl((int)fd, F_GETFD) >= 0) {
			n++;
			*highest = fd;
		}
	return n;
}

static const char *bench_bus(const struct guest *g)
{
	(void)g;
	return "bench";
}

static bool bench_can(const struct image *image, char *why)
{
	(void)image, (void)why;
	return true;
}

/* Each time the kernel has to be there, whole, in memory that is clear. */
static void bench_create(struct guest *g)
{
	uint8_t *at = mem_at(&g->mem, MIB(1), kernel.size);

	for (unsigned i = 0; i < kernel.size; i++)
		CHECK(!at[i]);
	xpread(g->kernel_fd, at, kernel.size, 0, "kernel");
	CHECK(!memcmp(at, kernel.bytes, kernel.size));
	creates++;
}

static void bench_start(struct guest *g)
{
	struct rlimit limit = { 0, 0 };
	unsigned highest = 0, n = open_descriptors(&highest);

	/* What all start with is the same, and no more can be had. */
	if (!starts++) {
		CHECK_EQ(geteuid(), NOBODY);
		CHECK(access("/proc", F_OK));
		descriptors = n;
		limit.rlim_cur = limit.rlim_max = highest + 1;
		CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
	}
	CHECK_EQ(n, descriptors);
	for (unsigned i = 0; i < g->ndevices; i++) {
		struct device *d = &g->devices[i];

		CHECK(!d->status && !d->queues[0].live && !d->acked);
		rig_start(d, UINT64_MAX, 8);
		/* In flight when the Guest goes: it is not answered later. */
		rig_add(&d->queues[0], &(struct rig_buffer){
			rig_alloc(64), 64, true }, 1);
		virtio_notify(d, 0);
		loop_again(&d->queues[0]);
	}
	if (starts == last_start)
		guest_end(g, STATUS_POWEROFF, "done");
	else
		guest_reboot(g);
}

static void bench_destroy(struct guest *g)
{
	(void)g;
}

static void bench_interrupt(struct device *d, struct virtqueue *q)
{
	(void)d, (void)q;
}

static bool bench_attach(struct device *d)
{
	d->features |= UINT64_C(1) << VIRTIO_F_VERSION_1;
	return true;
}

static const struct hypervisor hypervisor_bench = {
	.name = "bench", .bus = bench_bus, .can = bench_can, .priority = 1,
	.create = bench_create, .start = bench_start,
	.destroy = bench_destroy,
};
static const struct bus bus_bench = {
	.name = "bench", .attach = bench_attach, .reset = bench_destroy,
	.interrupt = bench_interrupt, .dump = bench_destroy,
};

/* Ours instead of the Launcher's. */
const struct hypervisor *const hypervisors[] = { &hypervisor_bench, NULL };
const struct bus *const buses[] = { &bus_bench, NULL };

static void make_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	CHECK(write_all(fd, bytes, size));
	close(fd);
}

/* In a process of its own, which does not come back from there. */
static int run_in(const char *directory)
{
	static char image[SECTORS * 512];
	char disk[64], path[64], root[64];
	struct guest *g = rig_guest(MIB(4));

	snprintf(disk, sizeof(disk), "%s/disk,snapshot", directory);
	snprintf(path, sizeof(path), "%s/kernel", directory);
	snprintf(root, sizeof(root), "%s/root", directory);
	CHECK(!mkdir(root, 0755));
	kernel_elf32(&kernel);
	make_file(path, kernel.bytes, kernel.size);
	disk[strlen(disk) - strlen(",snapshot")] = 0;
	make_file(disk, image, sizeof(image));
	disk[strlen(disk)] = ',';
	plan = (struct plan){
		.memory = MIB(4), .kernel = path, .arguments = "",
		.console = "null", .username = "65534:65534", .chroot = root,
	};
	guest_add_device(g, &device_console, NULL);
	guest_add_device(g, &device_block, disk);
	guest_add_device(g, &device_rng, NULL);
	return guest_run(g, &plan);
}

static int run_somewhere(unsigned last)
{
	char directory[] = "/tmp/reboot-XXXXXX", command[64];
	int status = -1;
	pid_t child;

	last_start = last;
	CHECK(mkdtemp(directory));
	child = fork();
	if (!child) {
		int ended = run_in(directory);

		/* Where the Launcher's own statuses are not. */
		_exit(creates == starts && !rig_failed() ? 64 + ended : 63);
	}
	waitpid(child, &status, 0);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	CHECK(!system(command));
	return WIFEXITED(status) ? WEXITSTATUS(status) - 64 : -1;
}

static void reboots_without_rights(void)
{
	if (geteuid()) {
		rig_skip("not root");
		return;
	}
	CHECK_EQ(run_somewhere(3), STATUS_POWEROFF);
}

/* The third reboot within ten seconds is the last. */
static void reboots_in_circles(void)
{
	if (geteuid()) {
		rig_skip("not root");
		return;
	}
	CHECK_EQ(run_somewhere(1000), STATUS_CRASHED);
}

int main(void)
{
	RUN(reboots_without_rights);
	RUN(reboots_in_circles);
	return rig_done();
}
