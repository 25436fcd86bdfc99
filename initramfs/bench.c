/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's part of `make bench`: it loads its disk and its network in
 * named phases and prints how long each took.  Who started us (meter.c of
 * tests/bench) counts system calls outside in the meantime: before and after
 * the work of a phase there is a line, and we wait until it has been seen.
 *
 *	bench		reads, writes and flushes /dev/vda; packets and streams
 *			to lguest.peer=ADDRESS
 *	bench-pause	how long a slow flush stops CPU, timer and network
 *
 *	lguest.rounds=N	how often each phase is repeated
 *	lguest.seconds=N	if there is time for that
 *	lguest.effort=N	percent of the usual amount of work
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define DISK		"/dev/vda"
#define DEPTH_MAX	32
#define SETTLE_US	100000

struct phase {
	const char *name;
	/* Returns how many requests or packets it was, 0 if it failed. */
	unsigned (*work)(const struct phase *p);
	unsigned count;		/* requests */
	unsigned depth;
	unsigned size;		/* bytes of each */
	bool write, random;
};

static int disk = -1;
static uint64_t disk_size;
static uint8_t *buffers;

uint64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

/* The rows of /proc/interrupts that belong to virtio devices, added up. */
static unsigned long interrupts(void)
{
	unsigned long sum = 0;
	char line[512];
	FILE *f = fopen("/proc/interrupts", "re");

	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (colon && strstr(line, "virtio"))
			sum += strtoul(colon + 1, NULL, 10);
	}
	if (f)
		fclose(f);
	return sum;
}

/* ------------------------------------------------------------------ */
/* The disk                                                             */

/* Not libc's: it has none of this; and one thread can keep the queue full. */
static aio_context_t aio_create(unsigned depth)
{
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, depth, &context) < 0)
		return 0;
	return context;
}

static off_t next_place(const struct phase *p, unsigned i)
{
	static uint64_t seed = 88172645463325252u;
	uint64_t places = disk_size / p->size;

	if (!p->random)
		return i % places * p->size;
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % places * p->size;
}

static void fill_request(struct iocb *cb, const struct phase *p, unsigned slot,
			 unsigned i)
{
	*cb = (struct iocb){
		.aio_data = slot, .aio_fildes = disk,
		.aio_lio_opcode = p->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
		.aio_buf = (uintptr_t)(buffers + (size_t)slot * p->size),
		.aio_nbytes = p->size, .aio_offset = next_place(p, i),
	};
}

/* Keeps `depth` requests under way until `count` are done. */
static unsigned work_disk(const struct phase *p)
{
	aio_context_t context = aio_create(DEPTH_MAX);
	struct iocb cb[DEPTH_MAX], *submit[DEPTH_MAX];
	struct io_event events[DEPTH_MAX];
	unsigned sent = 0, done = 0;
	long got = p->depth, n;

	/* The slots that are free now are those that just came back. */
	for (unsigned i = 0; i < p->depth; i++)
		events[i].data = i;
	while (context && done < p->count) {
		for (n = 0; n < got && sent < p->count; n++, sent++) {
			submit[n] = &cb[events[n].data];
			fill_request(submit[n], p, events[n].data, sent);
		}
		if (n && syscall(SYS_io_submit, context, n, submit) != n)
			break;
		got = syscall(SYS_io_getevents, context, 1L, (long)p->depth,
			      events, NULL);
		if (got <= 0)
			break;
		for (long i = 0; i < got; i++)
			if (events[i].res != (int64_t)p->size)
				return 0;
		done += got;
	}
	syscall(SYS_io_destroy, context);
	return done;
}

static unsigned work_flush(const struct phase *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (pwrite(disk, buffers, p->size, next_place(p, i)) !=
		    (ssize_t)p->size || fdatasync(disk) < 0)
			return 0;
	return p->count;
}

/* ------------------------------------------------------------------ */

static unsigned work_echo(const struct phase *p)
{
	return bench_echo(p->count, p->size, NULL);
}

static unsigned work_send(const struct phase *p)
{
	return bench_send(p->count, p->depth, p->size);
}

static unsigned work_receive(const struct phase *p)
{
	return bench_receive(p->count, p->depth, p->size);
}

/* A stream's unit is a MiB. */
static unsigned work_stream(const struct phase *p)
{
	return bench_stream(p->write, p->count * p->size) ? p->count : 0;
}

/* What the lines around a phase cost is measured as well. */
static unsigned work_nothing(const struct phase *p)
{
	return p->count;
}

static const struct phase phases[] = {
	{ "nothing", work_nothing, 1, 1, 1, false, false },
	{ "read-1", work_disk, 600, 1, 4096, false, true },
	{ "read-32", work_disk, 3000, 32, 4096, false, true },
	{ "write-1", work_disk, 600, 1, 4096, true, true },
	{ "write-32", work_disk, 3000, 32, 4096, true, true },
	{ "seq-read", work_disk, 256, 4, 262144, false, false },
	{ "seq-write", work_disk, 256, 4, 262144, true, false },
	{ "flush", work_flush, 60, 1, 4096, true, true },
	{ "echo", work_echo, 500, 1, 64, false, false },
	{ "send-32", work_send, 3200, 32, 64, false, false },
	{ "receive-32", work_receive, 3200, 32, 64, false, false },
	{ "tcp-send", work_stream, 16, 1, 1 << 20, true, false },
	{ "tcp-receive", work_stream, 16, 1, 1 << 20, false, false },
};

/* The meter looks at its counters after the first line and after the second. */
static void run_phase(const struct phase *p)
{
	unsigned long irqs;
	uint64_t start, ns;
	unsigned n;

	say("bench: begin %s", p->name);
	if (!bench_ask())
		return;
	irqs = interrupts();
	start = bench_now();
	n = p->work(p);
	ns = bench_now() - start;
	irqs = interrupts() - irqs;
	say("bench: finish %s", p->name);
	if (bench_ask())
		say("bench: end %s %u %llu %lu", p->name, n,
		    (unsigned long long)ns, irqs);
}

static unsigned number(const char *key, unsigned otherwise)
{
	const char *text = word(key);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static const char *open_disk(void)
{
	disk = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (disk < 0 || ioctl(disk, BLKGETSIZE64, &disk_size) < 0)
		return "there is no disk";
	buffers = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return buffers == MAP_FAILED ? "no memory" : NULL;
}

const char *bench(void)
{
	unsigned rounds = number("rounds", 1);
	unsigned effort = number("effort", 100);
	uint64_t end = bench_now() + number("seconds", 30) *
				     UINT64_C(1000000000);
	const char *why = open_disk();

	if (!why)
		why = bench_peer(word("peer"));
	for (unsigned r = 0; !why && r < rounds && (!r || bench_now() < end);
	     r++) {
		for (unsigned i = 0; i < sizeof(phases) / sizeof(*phases);
		     i++) {
			struct phase p = phases[i];

			p.count = p.count * effort / 100;
			if (p.count < p.depth)
				p.count = p.depth;
			run_phase(&p);
		}
	}
	/* The meter has a last look, and switches us off. */
	say("bench: done");
	sleep(10);
	return why;
}

/* ------------------------------------------------------------------ */
/* Pauses                                                               */

/* The longest time between two looks at the clock. */
static uint64_t gap_cpu(uint64_t until)
{
	uint64_t last = bench_now(), longest = 0;

	while (last < until) {
		uint64_t now = bench_now();

		if (now - last > longest)
			longest = now - last;
		last = now;
	}
	return longest;
}

/* The longest that a sleep of 1 ms took. */
static uint64_t gap_timer(uint64_t until)
{
	uint64_t longest = 0, start;

	while ((start = bench_now()) < until) {
		uint64_t took;

		usleep(1000);
		took = bench_now() - start;
		if (took > longest)
			longest = took;
	}
	return longest;
}

/* The longest that an answer from the Host took. */
static uint64_t gap_network(uint64_t until)
{
	uint64_t longest = 0;

	while (bench_now() < until) {
		uint64_t took = 0;

		if (!bench_echo(1, 64, &took))
			return 0;
		if (took > longest)
			longest = took;
		usleep(1000);
	}
	return longest;
}

static const struct {
	const char *name;
	uint64_t (*gap)(uint64_t until);
} pauses[] = {
	{ "cpu", gap_cpu },
	{ "timer", gap_timer },
	{ "network", gap_network },
};

#define PAUSE_NS	UINT64_C(1200000000)

/* Another process flushes all the while, or sleeps, for comparison. */
static void run_pause(unsigned i, bool flush)
{
	uint64_t until, longest, start = bench_now(), flushed = 0;
	pid_t pid = fork();

	if (pid == 0) {
		const struct phase one = { "", work_flush, 1, 1, 4096, true,
					   true };

		while (flush)
			work_flush(&one);
		pause();
	}
	usleep(SETTLE_US);
	until = bench_now() + PAUSE_NS;
	longest = pauses[i].gap(until);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (flush) {
		start = bench_now();
		work_flush(&(struct phase){ "", work_flush, 1, 1, 4096, true,
					    true });
		flushed = bench_now() - start;
	}
	say("bench: pause %s-%s %llu %llu", pauses[i].name,
	    flush ? "flush" : "idle", (unsigned long long)longest,
	    (unsigned long long)flushed);
}

const char *bench_pause(void)
{
	const char *why = open_disk();

	if (!why)
		why = bench_peer(word("peer"));
	for (unsigned i = 0; !why && i < sizeof(pauses) / sizeof(*pauses);
	     i++) {
		run_pause(i, false);
		run_pause(i, true);
	}
	return why;
}
