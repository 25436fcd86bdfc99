/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The self-checks: a guest that looks at its devices and says SUCCESS, or
 * FAILURE and why, one line a step on the way.  Several are separated by
 * commas.
 *
 *	check		console, disk, network and random numbers, in turn
 *	disk, network, rng	one of them
 *	mount		make a file system on the disk, and use it
 *	reboot-once	reboot, and go on the second time
 *	panic		crash the kernel
 *	button		wait for the power button
 *	poweroff	nothing else
 *	bench, bench-pause	measure instead (see bench.c)
 *
 * "network" pings lguest.peer=ADDRESS; lguest.pinged makes it wait until the
 * peer has pinged us, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <linux/fs.h>

#include "init.h"

#define DISK		"/dev/vda"
#define BLOCK		65536
#define SCATTERED	256	/* pages */
#define PEER_PATIENCE	200	/* seconds; the peer may be emulated */
#define MARK		"lguest: rebooted once\n"

static const char *failed(const char *what)
{
	static char why[160];

	snprintf(why, sizeof(why), "%s: %s", what, strerror(errno));
	return why;
}

/* The first line of a small file; empty if there is none. */
static const char *read_line(const char *path)
{
	static char line[2048];
	FILE *f = fopen(path, "re");

	line[0] = '\0';
	if (f) {
		if (!fgets(line, sizeof(line), f))
			line[0] = '\0';
		fclose(f);
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static const char *check_console(void)
{
	static const char *const ttys[] = { "/dev/ttyS0", "/dev/hvc0" };
	char line[64];
	unsigned i;

	for (i = 0; i < 2; i++) {
		int fd = open(ttys[i], O_WRONLY | O_NOCTTY | O_CLOEXEC);
		int n = snprintf(line, sizeof(line), "console: this is %s\r\n",
				 ttys[i]);

		if (fd < 0)
			return failed(ttys[i]);
		if (write(fd, line, n) != n)
			return failed(ttys[i]);
		close(fd);
	}
	return NULL;
}

/* xorshift: what it writes differs at each place and from run to run. */
static void fill(uint64_t *buf, uint64_t seed)
{
	unsigned i;

	for (i = 0; i < BLOCK / sizeof(*buf); i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		buf[i] = seed;
	}
}

/* The first block, some in between, and the last: whole blocks all. */
static off_t disk_place(uint64_t size, unsigned i)
{
	uint64_t last = size - BLOCK;

	return i == 7 ? last : last / 7 * i / 4096 * 4096;
}

static const char *disk_write(int fd, uint64_t size, uint64_t seed)
{
	static uint64_t buf[BLOCK / 8];
	unsigned i;

	for (i = 0; i < 8; i++) {
		fill(buf, seed + i);
		if (pwrite(fd, buf, BLOCK, disk_place(size, i)) != BLOCK)
			return failed("write " DISK);
	}
	if (fsync(fd) < 0)
		return failed("fsync " DISK);
	return NULL;
}

/* Past the guest's page cache, so that it is the device that answers. */
static const char *disk_compare(uint64_t size, uint64_t seed)
{
	static uint64_t want[BLOCK / 8];
	static uint64_t got[BLOCK / 8] __attribute__((aligned(4096)));
	int fd = open(DISK, O_RDONLY | O_DIRECT | O_CLOEXEC);
	unsigned i;

	if (fd < 0)
		return failed("open " DISK);
	for (i = 0; i < 8; i++) {
		fill(want, seed + i);
		if (pread(fd, got, BLOCK, disk_place(size, i)) != BLOCK)
			return failed("read " DISK);
		if (memcmp(want, got, BLOCK))
			return "the disk gave back what was not written";
	}
	close(fd);
	return NULL;
}

/*
 * A megabyte in pages that are not neighbours: the longest requests that there
 * can be.
 */
static const char *disk_scattered(uint64_t seed)
{
	static uint64_t pages[2 * SCATTERED][4096 / 8]
		__attribute__((aligned(4096)));
	struct iovec iov[SCATTERED];
	int fd = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	const ssize_t size = sizeof(pages) / 2;
	unsigned i;

	if (fd < 0)
		return failed("open " DISK);
	/* As they come, they get their place in memory. */
	memset(pages, 1, sizeof(pages));
	for (i = 0; i < SCATTERED; i++) {
		iov[i] = (struct iovec){ pages[2 * i], sizeof(pages[0]) };
		pages[2 * i][0] = seed + i;
	}
	if (writev(fd, iov, SCATTERED) != size)
		return failed("write " DISK " from many places");
	memset(pages, 0, sizeof(pages));
	if (lseek(fd, 0, SEEK_SET) || readv(fd, iov, SCATTERED) != size)
		return failed("read " DISK " to many places");
	close(fd);
	for (i = 0; i < SCATTERED; i++)
		if (pages[2 * i][0] != seed + i || pages[2 * i + 1][0])
			return "the disk gave back another page";
	return NULL;
}

static const char *check_disk(void)
{
	int fd = open(DISK, O_RDWR | O_CLOEXEC);
	uint64_t size, seed = (uint64_t)time(NULL) << 20 | getpid();
	const char *why;

	if (fd < 0)
		return failed("open " DISK);
	if (ioctl(fd, BLKGETSIZE64, &size) < 0)
		return failed("size of " DISK);
	if (size < 16 * BLOCK)
		return "the disk has less than a megabyte";
	/* If it does not say "write back", fsync() asks nothing of it. */
	if (strcmp(read_line("/sys/block/vda/queue/write_cache"),
		   "write back"))
		return "the disk does not offer to flush";
	why = disk_write(fd, size, seed);
	close(fd);
	if (!why)
		why = disk_compare(size, seed);
	return why ? why : disk_scattered(seed);
}

/* ICMP echo requests received so far: column 9 (InEchos) of this table. */
static unsigned long pings_received(void)
{
	unsigned long n = 0;
	char line[512];
	FILE *f = fopen("/proc/net/snmp", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Icmp: %*u %*u %*u %*u %*u %*u %*u %*u %lu",
			   &n) == 1)
			break;
	}
	if (f)
		fclose(f);
	return n;
}

static const char *wait_for_peer(void)
{
	unsigned i;

	say("network: waiting to be pinged");
	for (i = 0; i < PEER_PATIENCE * 10; i++) {
		if (pings_received())
			return NULL;
		usleep(100000);
	}
	return "nobody pinged us";
}

static const char *check_network(void)
{
	const char *peer = word("peer");

	if (access("/sys/class/net/eth0", F_OK) < 0)
		return "there is no eth0";
	if (!peer)
		return "lguest.peer= is missing";
	if (!RUN("ping", "-q", "-c", "3", "-i", "0.2", "-w", "100", peer))
		return "the peer does not answer pings";
	return word("pinged") ? wait_for_peer() : NULL;
}

static const char *check_rng(void)
{
	uint8_t a[32], b[32];
	int fd = open("/dev/hwrng", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return failed("open /dev/hwrng");
	if (strncmp(read_line("/sys/class/misc/hw_random/rng_current"),
		    "virtio_rng", 10))
		return "hwrng is not virtio's";
	memset(a, 0, sizeof(a));
	memset(b, 0, sizeof(b));
	if (read(fd, a, sizeof(a)) <= 0 || read(fd, b, sizeof(b)) <= 0)
		return failed("read /dev/hwrng");
	close(fd);
	if (!memcmp(a, b, sizeof(a)))
		return "the same random numbers twice";
	return NULL;
}

/* Writes a file, takes the disk away and back, and reads it again. */
static const char *check_mount(void)
{
	static const char text[] = "written in the guest\n";
	int fd;

	if (mount(DISK, "/mnt", "ext2", 0, NULL) < 0) {
		say("mount: no file system yet: making one");
		if (!RUN("mke2fs", "-F", DISK))
			return "mke2fs failed";
		if (mount(DISK, "/mnt", "ext2", 0, NULL) < 0)
			return failed("mount " DISK);
	}
	fd = open("/mnt/guest", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		  0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return failed("/mnt/guest");
	if (fsync(fd) < 0)
		return failed("fsync /mnt/guest");
	close(fd);
	if (umount("/mnt") < 0)
		return failed("umount /mnt");
	if (mount(DISK, "/mnt", "ext2", 0, NULL) < 0)
		return failed("mount " DISK " again");
	if (strncmp(read_line("/mnt/guest"), text, strlen(text) - 1))
		return "the file is not what was written";
	umount("/mnt");
	return NULL;
}

/* The disk remembers: its first bytes say that we have been here. */
static const char *check_reboot_once(void)
{
	char seen[sizeof(MARK)] = "";
	int fd = open(DISK, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return failed("open " DISK);
	if (pread(fd, seen, strlen(MARK), 0) != (ssize_t)strlen(MARK))
		return failed("read " DISK);
	if (!strcmp(seen, MARK))
		return NULL;
	if (pwrite(fd, MARK, strlen(MARK), 0) != (ssize_t)strlen(MARK) ||
	    fsync(fd) < 0)
		return failed("write " DISK);
	say("reboot-once: rebooting");
	end(END_REBOOT);
}

static const char *check_panic(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	say("panic: crashing");
	if (fd < 0 || write(fd, "c", 1) < 0)
		return failed("/proc/sysrq-trigger");
	sleep(60);
	return "the kernel lives";
}

/* init.c's other process sees the button and tells us by a signal. */
static const char *check_button(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	say("button: waiting");
	sigwait(&set, &sig);
	return NULL;
}

static const char *check_poweroff(void)
{
	return NULL;
}

static const struct {
	const char *name;
	const char *(*fn)(void);	/* why it failed, or NULL */
	bool in_check;		/* a part of "check" */
} checks[] = {
	{ "console", check_console, true },
	{ "disk", check_disk, true },
	{ "network", check_network, true },
	{ "rng", check_rng, true },
	{ "mount", check_mount, false },
	{ "reboot-once", check_reboot_once, false },
	{ "panic", check_panic, false },
	{ "button", check_button, false },
	{ "poweroff", check_poweroff, false },
	{ "bench", bench, false },
	{ "bench-pause", bench_pause, false },
};

/* Runs what is called name: one row of the table, or those of "check". */
static void check_one(const char *name)
{
	bool all = !strcmp(name, "check"), any = false;
	unsigned i;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		const char *why;

		if (all ? !checks[i].in_check : strcmp(name, checks[i].name))
			continue;
		any = true;
		why = checks[i].fn();
		if (why) {
			say("FAILURE: %s: %s", checks[i].name, why);
			end(END_POWEROFF);
		}
		say("%s: ok", checks[i].name);
	}
	if (any)
		return;
	say("FAILURE: %s: no such check", name);
	end(END_POWEROFF);
}

void check(const char *names)
{
	char list[256], *rest = list, *name;

	snprintf(list, sizeof(list), "%s", names);
	while ((name = strsep(&rest, ",")))
		check_one(name);
	say("SUCCESS");
	end(END_POWEROFF);
}
