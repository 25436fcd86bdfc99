/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Guest's RAM.  It is always shared memory: a hypervisor may map it into
 * other processes, and what the Launcher writes is what the Guest reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "guest.h"

#define LARGE_PAGE	MIB(2)

#ifndef MFD_EXEC
#define MFD_EXEC	0x0010U
#endif

/*
 * A Guest that is larger than its Host would be killed, or would take others
 * along, at some later and worse moment.
 */
void mem_check_size(uint64_t size)
{
	struct sysinfo info;
	struct rlimit limit;
	uint64_t host;

	if (!sysinfo(&info)) {
		host = ((uint64_t)info.totalram + info.totalswap) *
			info.mem_unit;
		if (size > host)
			die_usage("%llu MB of memory: the Host has %llu MB of RAM and swap",
				  (unsigned long long)(size >> 20),
				  (unsigned long long)(host >> 20));
	}
	if (!getrlimit(RLIMIT_AS, &limit) && limit.rlim_cur != RLIM_INFINITY &&
	    size > limit.rlim_cur)
		die_usage("%llu MB of memory: the limit on address space (ulimit -v) is %llu MB",
			  (unsigned long long)(size >> 20),
			  (unsigned long long)(limit.rlim_cur >> 20));
	if (size > SIZE_MAX / 2)
		die_usage("%llu MB of memory: a 32-bit Launcher cannot map that",
			  (unsigned long long)(size >> 20));
}

/*
 * A file in a file system of our own, which nobody else sees and which goes
 * with it.  Such a file can have large pages, which a memfd only gets if the
 * Host's owner has changed a setting; and a Guest whose memory comes 2 MiB at
 * a time boots much sooner.  -1 where we may not (we are not root) or the
 * Host cannot (before 5.2).
 */
static int mem_open_large(void)
{
	static const char *const settings[][2] = {
		{ "huge", "always" },
		{ "size", "0" },	/* no limit but the memory there is */
	};
	int fs = syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	int root, fd = -1;

	if (fs < 0)
		return -1;
	for (unsigned i = 0; i < ARRAY_SIZE(settings); i++)
		syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, settings[i][0],
			settings[i][1], 0);
	syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	root = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	close(fs);
	if (root >= 0) {
		fd = openat(root, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		close(root);
	}
	return fd;
}

/* -1 where the Host's kernel is older than memfd_create(2). */
static int mem_open(uint64_t size)
{
	int fd = mem_open_large();

	if (fd < 0)
		fd = syscall(SYS_memfd_create, "guest",
			     MFD_CLOEXEC | MFD_EXEC);
	/* Before 6.3 all were executable; later that may not be asked for. */
	if (fd < 0 && (errno == EINVAL || errno == EACCES))
		fd = syscall(SYS_memfd_create, "guest", MFD_CLOEXEC);
	if (fd >= 0 && ftruncate(fd, size))
		die_errno("%llu MB of memory: ftruncate",
			  (unsigned long long)(size >> 20));
	return fd;
}

static void mem_add_region(struct memory *m, gpa_t base, uint64_t size,
			   uint8_t *host)
{
	m->regions[m->nregions++] = (struct region){ base, size, host };
}

/*
 * The Guest's large pages have to be ours, too: so we look for a place that
 * is somewhat larger, and map at the first multiple in it.
 */
static uint8_t *mem_map(int fd, uint64_t size, uintptr_t below)
{
	uintptr_t all = size + LARGE_PAGE, best = below > all ? below - all : 0;
	uint8_t *place = mmap((void *)(best & -(uintptr_t)LARGE_PAGE), all,
			      PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			      MAP_NORESERVE, -1, 0);
	size_t before;

	if (place == MAP_FAILED)
		return MAP_FAILED;
	before = -(uintptr_t)place & (LARGE_PAGE - 1);
	if (before)
		munmap(place, before);
	munmap(place + before + size, LARGE_PAGE - before);
	/* NORESERVE: what is not touched is not counted. */
	return mmap(place + before, size, PROT_READ | PROT_WRITE, MAP_FIXED |
		    MAP_NORESERVE |
		    (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED),
		    fd, 0);
}

void mem_create(struct memory *m, uint64_t size, uint64_t extra,
		gpa_t hole_start, gpa_t hole_end)
{
	uint64_t all = size + extra, low = size;

	m->fd = m->is_private ? -1 : mem_open(all);
	m->size = size;
	m->host = mem_map(m->fd, all, (uintptr_t)m->below);
	if (m->host == MAP_FAILED)
		die_errno("%llu MB of memory: mmap",
			  (unsigned long long)(size >> 20));
	if (hole_start && low > hole_start)
		low = hole_start;
	m->nregions = 0;
	mem_add_region(m, 0, low, m->host);
	if (size > low)
		mem_add_region(m, hole_end, size - low, m->host + low);
	m->devices = (struct region){ size > low ? hole_end + size - low : size,
				      extra, m->host + size };
}

void mem_clear(struct memory *m)
{
	uint64_t all = m->size + m->devices.size;

	if (madvise(m->host, all, m->fd < 0 ? MADV_DONTNEED : MADV_REMOVE))
		memset(m->host, 0, all);
}

/* Ordered so that nothing can wrap around. */
static bool region_has(const struct region *r, gpa_t gpa, uint64_t len)
{
	return gpa >= r->base && gpa - r->base < r->size &&
	       len <= r->size - (gpa - r->base);
}

void *mem_at(const struct memory *m, gpa_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < m->nregions; i++)
		if (region_has(&m->regions[i], gpa, len))
			return m->regions[i].host + (gpa - m->regions[i].base);
	if (region_has(&m->devices, gpa, len))
		return m->devices.host + (gpa - m->devices.base);
	return NULL;
}
