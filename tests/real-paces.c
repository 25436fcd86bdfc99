/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel does for its programs, timed: the same static 32-bit program
 * is a Guest's init and, with an argument, one of this machine's processes.
 * Prints "ROW VALUE UNIT" lines; each is the best of a few rounds, for what
 * else goes on only ever makes them longer.
 *
 * A Guest of tests/real-memory has spaces=N: it says when it is up, and then,
 * a line later, when N programs more are there, each for itself.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	5
#define PAGE	4096
#define MIB	(1024 * 1024)

#ifndef O_DIRECT
#define O_DIRECT	040000
#endif

static const char *self;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* One round of each: seconds for all `n` of them. */

static void do_syscall(int n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void do_fault(int n)
{
	char *p = mmap(NULL, (size_t)n * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < n; i++)
		p[(size_t)i * PAGE] = 1;
	munmap(p, (size_t)n * PAGE);
}

static void do_fork(int n)
{
	while (n--) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void do_exec(int n)
{
	while (n--) {
		pid_t pid = vfork();

		if (!pid) {
			execl(self, self, "nothing", (char *)NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
}

static void do_pipe(int n)
{
	int there[2], back[2];
	char byte = 0;
	pid_t pid;

	if (pipe(there) || pipe(back))
		return;
	pid = fork();
	if (!pid) {
		for (int i = 0; i < n; i++)
			if (read(there[0], &byte, 1) != 1 ||
			    write(back[1], &byte, 1) != 1)
				_exit(1);
		_exit(0);
	}
	for (int i = 0; i < n; i++)
		if (write(there[1], &byte, 1) != 1 ||
		    read(back[0], &byte, 1) != 1)
			break;
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
}

/*
 * In registers: what a store and a load of the same word cost depends, on some
 * CPUs, on where the stack happens to be.
 */
static void do_loop(int n)
{
	unsigned x = 1;

	while (n--) {
		x = x * 1664525 + 1013904223;
		asm volatile("" : "+r"(x));
	}
}

static void do_copy(int n)
{
	static char from[16 * MIB], to[16 * MIB];

	memset(from, 1, sizeof(from));
	while (n--) {
		memcpy(to, from, sizeof(to));
		/* Nobody looks, but the compiler shall not know. */
		asm volatile("" : : "r"(to) : "memory");
	}
}

static int disk = -1;

static void do_read(int n)
{
	static char block[MIB] __attribute__((aligned(PAGE)));

	lseek(disk, 0, SEEK_SET);
	while (n-- && read(disk, block, sizeof(block)) == sizeof(block))
		;
}

static const struct row {
	const char *name;
	void (*once)(int n);
	int n;
	double per_second;	/* of the unit */
	const char *unit;
} rows[] = {
	{ "syscall", do_syscall, 100000, 1e6, "us" },
	{ "page-fault", do_fault, 4000, 1e6, "us" },
	{ "fork+exit", do_fork, 100, 1e6, "us" },
	{ "vfork+exec", do_exec, 100, 1e6, "us" },
	{ "pipe", do_pipe, 5000, 1e6, "us" },
	{ "cpu-loop", do_loop, 50000000, 1e9, "ns" },
	{ "memcpy", do_copy, 20, 1e3, "ms" },
};

static void measure(const struct row *row)
{
	double best = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		double t = now();

		row->once(row->n);
		t = now() - t;
		if (t < best)
			best = t;
	}
	printf("%s %.4f %s\n", row->name, best / row->n * row->per_second,
	       row->unit);
	fflush(stdout);
}

/* A Guest's disk is the first one, on whichever bus: past its memory. */
static void measure_disk(void)
{
	const struct row row = { "read-64M-direct", do_read, 64, 1e3, "ms" };

	disk = open("/dev/vda", O_RDONLY | O_DIRECT);
	if (disk < 0)
		return;
	measure(&row);
	close(disk);
}

/* A program as others: some text, constants, data, heap and stack. */
static void stay(void)
{
	char *heap = malloc(32 * PAGE), *large = malloc(MIB);
	char stack[2 * PAGE];

	memset(heap, 1, 32 * PAGE);
	memset(large, 2, 8 * PAGE);
	memset(stack, 3, sizeof(stack));
	asm volatile("" : : "r"(heap), "r"(large), "r"(stack) : "memory");
	printf("paces: there\n");
	fflush(stdout);
	for (;;)
		pause();
}

static void have_spaces(int n)
{
	char line[8];

	fgets(line, sizeof(line), stdin);
	for (int i = 0; i < n; i++)
		if (!fork()) {
			execl(self, self, "stay", (char *)NULL);
			_exit(1);
		}
	for (;;)
		pause();
}

static void become_init(void)
{
	int fd;

	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mknod("/dev/vda", S_IFBLK | 0600, makedev(254, 0));
	fd = open("/dev/console", O_RDWR);
	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
	self = "/init";
	printf("paces: up\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1 && !strcmp(argv[1], "nothing"))
		return 0;
	if (argc > 1 && !strcmp(argv[1], "stay"))
		stay();
	if (getpid() == 1)
		become_init();
	if (getenv("spaces"))
		have_spaces(atoi(getenv("spaces")));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		measure(&rows[i]);
	if (getpid() != 1)
		return 0;
	measure_disk();
	printf("paces: done\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT);
	return 1;
}
