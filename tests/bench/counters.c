/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counting system calls by tracepoints, not by ptrace(2): that would make each
 * so slow that the guest has time to fill its queues, and the figures for many
 * requests at a time would flatter.
 */
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <fcntl.h>

#include "meter.h"

#define TRACEFS		"/sys/kernel/tracing/events"

/* The first is all calls together; the others are those that launchers use. */
static const char *const events[] = {
	"raw_syscalls/sys_enter",
	"syscalls/sys_enter_read", "syscalls/sys_enter_write",
	"syscalls/sys_enter_readv", "syscalls/sys_enter_writev",
	"syscalls/sys_enter_pread64", "syscalls/sys_enter_pwrite64",
	"syscalls/sys_enter_preadv", "syscalls/sys_enter_pwritev",
	"syscalls/sys_enter_preadv2", "syscalls/sys_enter_pwritev2",
	"syscalls/sys_enter_sendmsg", "syscalls/sys_enter_recvmsg",
	"syscalls/sys_enter_fdatasync", "syscalls/sys_enter_fsync",
	"syscalls/sys_enter_io_submit", "syscalls/sys_enter_io_getevents",
	"syscalls/sys_enter_io_uring_enter",
	"syscalls/sys_enter_poll", "syscalls/sys_enter_ppoll",
	"syscalls/sys_enter_epoll_wait", "syscalls/sys_enter_epoll_pwait",
	"syscalls/sys_enter_ioctl", "syscalls/sys_enter_futex",
	"syscalls/sys_enter_rt_sigprocmask", "syscalls/sys_enter_madvise",
	"syscalls/sys_enter_clone3", "syscalls/sys_enter_clone",
	"syscalls/sys_enter_gettid", "syscalls/sys_enter_tgkill",
	"syscalls/sys_enter_lseek", "syscalls/sys_enter_clock_gettime",
	"kvm/kvm_exit", "kvm/kvm_userspace_exit", "kvm/kvm_msi_set_irq",
	"kvm/kvm_set_irq",
};
#define NEVENTS	(sizeof(events) / sizeof(events[0]))

static int fds[COUNTERS_MAX];

static int event_id(const char *event)
{
	char path[160];
	int id = -1;
	FILE *f;

	snprintf(path, sizeof(path), TRACEFS "/%s/id", event);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%d", &id) != 1)
		id = -1;
	fclose(f);
	return id;
}

bool counters_open(pid_t pid)
{
	bool any = false;

	for (unsigned i = 0; i < NEVENTS; i++) {
		struct perf_event_attr attr = {
			.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr),
			.config = event_id(events[i]), .inherit = 1,
		};

		fds[i] = -1;
		if ((int)attr.config < 0)
			continue;
		fds[i] = syscall(SYS_perf_event_open, &attr, pid, -1, -1,
				 PERF_FLAG_FD_CLOEXEC);
		any |= fds[i] >= 0;
	}
	return any;
}

void counters_read(uint64_t values[COUNTERS_MAX])
{
	for (unsigned i = 0; i < NEVENTS; i++)
		if (fds[i] < 0 || read(fds[i], &values[i], 8) != 8)
			values[i] = 0;
}

/* "syscalls/sys_enter_preadv" is "call.preadv". */
static void key_of(const char *event, char *key, size_t size)
{
	const char *name = strrchr(event, '/') + 1;

	if (!strcmp(name, "sys_enter"))
		snprintf(key, size, "calls");
	else if (!strncmp(name, "sys_enter_", 10))
		snprintf(key, size, "call.%s", name + 10);
	else
		snprintf(key, size, "%s", name);
}

void counters_print(const char *prefix, const uint64_t a[COUNTERS_MAX],
		    const uint64_t b[COUNTERS_MAX], uint64_t n)
{
	char key[64];

	for (unsigned i = 0; i < NEVENTS; i++) {
		/* What has a name of its own is only of interest if used. */
		if (fds[i] < 0 || (i && b[i] == a[i]))
			continue;
		key_of(events[i], key, sizeof(key));
		printf("%s %s %.4f\n", prefix, key,
		       (double)(b[i] - a[i]) / n);
	}
}
