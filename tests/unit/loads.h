/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of load_linux(): a Guest, a kernel, and the hypervisor's wishes. */
#ifndef LOADS_H
#define LOADS_H

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels.h"
#include "rig.h"

#define PARAMS	0x10000
#define CMDLINE	0x20000
#define ROOM	4096
#define LOW	0x100000

static struct kernel kernel;
static struct image image;
static struct plan plan;
static struct boot boot;
static struct guest *g;
static char said[512];		/* what the child of dies() wrote */

static const struct e820_range e820[] = {
	{ 0, 0x9fc00, 1 }, { 0xf0000, 0x10000, 2 }, { 0x100000, MIB(63), 1 },
};

static inline int file_of(const void *bytes, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	CHECK(write_all(fd, bytes, size));
	return fd;
}

/* A Guest of so many MiB with `kernel` in it, ready to be loaded. */
static inline void prepare(unsigned mib, char *arguments)
{
	char why[WHY_MAX];

	g = rig_guest(MIB(mib));
	plan = (struct plan){ .kernel = "vmlinuz", .arguments = arguments };
	g->plan = &plan;
	CHECK(image_parse(&image, kernel.bytes, kernel.size, kernel.size,
			  why));
	g->image = &image;
	g->kernel_fd = file_of(kernel.bytes, kernel.size);
	boot = (struct boot){
		.params = PARAMS, .cmdline = CMDLINE, .cmdline_room = ROOM,
		.low = LOW, .rsdp = 0xf0000, .e820 = e820,
		.ne820 = ARRAY_SIZE(e820),
	};
}

static inline void add_initrd(const char *name, const void *bytes, size_t size)
{
	plan.initrds[plan.ninitrds] = name;
	g->initrd_fds[plan.ninitrds++] = file_of(bytes, size);
}

/* An initrd of zeroes, which takes no memory of ours. */
static inline void add_big_initrd(uint64_t size)
{
	add_initrd("big.img", "", 0);
	CHECK(!ftruncate(g->initrd_fds[plan.ninitrds - 1], size));
}

static inline void load_it(void)
{
	load_linux(g, &boot);
}

/* Does fn die with status 1, and with `words` on stderr?  Fills said. */
static inline bool dies(void (*fn)(void), const char *words)
{
	int fds[2], status;
	ssize_t n;
	pid_t child;

	CHECK(!pipe(fds));
	child = fork();
	if (!child) {
		dup2(fds[1], 2);
		fn();
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], said, sizeof(said) - 1);
	close(fds[0]);
	said[n < 0 ? 0 : n] = 0;
	waitpid(child, &status, 0);
	fprintf(stderr, "status %#x, expected \"%s\": %s\n", status, words,
		said);
	return WIFEXITED(status) && WEXITSTATUS(status) == STATUS_FAILED &&
	       strstr(said, words) && strchr(said, '\n') == strrchr(said, '\n');
}

#endif
