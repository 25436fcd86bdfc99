/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a Guest does in its life, on any era's Host.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "standin.h"

#define NET		1
#define BLOCK		2
#define CONSOLE		3
#define RNG		4
#define INDIRECT	(1U << 28)
#define F_FLUSH		(1U << 9)
#define F_BARRIER	(1U << 0)
#define F_WRITE_ZEROES	(1U << 14)
#define T_OUT		1
#define T_FLUSH		4
#define T_WRITE_ZEROES	13
#define T_BARRIER	0x80000000
#define SECTOR		512
#define DISK		"disk.img"
#define DISK_SECTORS	256

/* Areas of SCRATCH: data, a block request's header, its status. */
#define DATA		SCRATCH
#define HEADER		(SCRATCH + 0x10000)
#define STATUS		(SCRATCH + 0x10100)
#define INPUT		(SCRATCH + 0x20000)

static struct device devices[DEVICES];
static unsigned ndevices;

static struct device *device_of(unsigned type)
{
	for (unsigned i = 0; i < ndevices; i++)
		if (devices[i].type == type)
			return &devices[i];
	failed(__FILE__, __LINE__, "there is no device of type %u", type);
}

static void scan(const struct era *era)
{
	ndevices = era->telling == TELLS_PCI ? pci_scan(devices) :
		   bus_scan(devices, RAM);
}

static void begin(const struct era *era, struct device *d, uint32_t features)
{
	if (era->telling == TELLS_PCI)
		pci_begin(d, features);
	else
		bus_begin(era, d, features);
}

static void ready(const struct era *era, struct device *d, uint32_t features)
{
	if (era->telling == TELLS_PCI)
		pci_ready(d);
	else
		bus_ready(era, d, features);
}

static struct device *start(const struct era *era, unsigned type)
{
	struct device *d = device_of(type);

	begin(era, d, 0);
	ready(era, d, 0);
	return d;
}

static void end_well(void)
{
	host_die("CRASH: Power down");
	NEED_EQ(host_end(), 0);
}

/* ------------------------------------------------------------------ */
/* The console                                                          */

static void early_words(const struct era *era)
{
	static const char text[] = "early\n";

	if (era->telling == TELLS_PCI) {
		for (const char *c = text; *c; c++)
			pci_early(*c);
	} else {
		guest_write(DATA, text, sizeof(text));
		host_notify(DATA);
	}
	child_printed("early");
}

static void print(struct device *d, const char *text)
{
	struct buffer b = { DATA, strlen(text), false };

	guest_write(DATA, text, b.len);
	ring_add(&d->rings[1], &b, 1);
	NEED_EQ(ring_wait(&d->rings[1]), 0);
	child_printed(text);
}

/* A buffer is offered, the Guest sleeps, the user types. */
static void listen(struct device *d, const char *text)
{
	struct buffer b = { INPUT, 64, true };
	char got[64] = "";
	uint32_t len;

	ring_add(&d->rings[0], &b, 1);
	host_run();
	child_type(text);
	len = ring_wait(&d->rings[0]);
	NEED_EQ(len, strlen(text));
	guest_read(INPUT, got, len);
	NEED(!memcmp(got, text, len));
}

static void console(const struct era *era, enum ends ends)
{
	struct device *d;

	launch(era, ends, NULL);
	boot_check(era);
	scan(era);
	early_words(era);
	d = start(era, CONSOLE);
	print(d, "hello");
	listen(d, "typed");
	/* More than once round, and both ways. */
	for (unsigned i = 0; i < 40; i++) {
		char text[] = { 'a' + i % 26, 'A' + i / 26, '.', 0 };

		listen(d, text);
		print(d, text);
	}
	end_well();
}

static void console_pipe(const struct era *era)
{
	console(era, ENDS_PIPE);
}

static void console_pty(const struct era *era)
{
	console(era, ENDS_PTY);
}

/* ------------------------------------------------------------------ */
/* Disks                                                                */

static void make_disk(void)
{
	int fd = open(DISK, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	NEED(fd >= 0 && !ftruncate(fd, DISK_SECTORS * SECTOR));
	close(fd);
}

static uint8_t *disk_bytes(unsigned sector)
{
	static uint8_t bytes[SECTOR];
	int fd = open(DISK, O_RDONLY);

	NEED(pread(fd, bytes, SECTOR, sector * SECTOR) == SECTOR);
	close(fd);
	return bytes;
}

/* Returns the status byte.  The used length is checked. */
static uint8_t request(struct device *d, uint32_t type, uint64_t sector,
		       uint32_t len)
{
	struct { uint32_t type, ioprio; uint64_t sector; } header = {
		type, 0, sector };
	bool in = !(type & (T_OUT | T_FLUSH | T_WRITE_ZEROES));
	struct buffer b[3] = { { HEADER, sizeof(header), false } };
	unsigned n = 1;
	uint8_t status = 0xff;
	uint32_t used;

	if (len)
		b[n++] = (struct buffer){ DATA, len, in };
	b[n++] = (struct buffer){ STATUS, 1, true };
	guest_write(HEADER, &header, sizeof(header));
	guest_write(STATUS, &status, 1);
	ring_add(&d->rings[0], b, n);
	used = ring_wait(&d->rings[0]);
	guest_read(STATUS, &status, 1);
	if (!status)
		NEED_EQ(used, in ? len + 1 : 1);
	return status;
}

static void write_and_read(struct device *d, unsigned sector, uint32_t type)
{
	uint8_t bytes[SECTOR], got[SECTOR], none[SECTOR] = { 0 };

	for (unsigned i = 0; i < SECTOR; i++)
		bytes[i] = sector + i;
	guest_write(DATA, bytes, SECTOR);
	NEED_EQ(request(d, T_OUT | type, sector, SECTOR), 0);
	NEED(!memcmp(disk_bytes(sector), bytes, SECTOR));
	guest_write(DATA, none, SECTOR);
	NEED_EQ(request(d, type, sector, SECTOR), 0);
	guest_read(DATA, got, SECTOR);
	NEED(!memcmp(got, bytes, SECTOR));
}

/* By the Host's own way to punch holes, or without it. */
static void clear(struct device *d, unsigned sector)
{
	struct { uint64_t sector; uint32_t sectors, flags; } range = {
		sector, 1, 0 };

	guest_write(DATA, &range, sizeof(range));
	NEED_EQ(request(d, T_OUT | T_WRITE_ZEROES, 0, sizeof(range)), 0);
	NEED_EQ(disk_bytes(sector)[1], 0);
	NEED(disk_bytes(sector - 1)[1] && disk_bytes(sector + 1)[1]);
}

static void block(const struct era *era)
{
	static const char *const options[] = { "--block=" DISK, NULL };
	uint32_t features = F_FLUSH | F_BARRIER | F_WRITE_ZEROES | INDIRECT;
	struct device *d;

	make_disk();
	launch(era, ENDS_PIPE, options);
	scan(era);
	NEED_EQ(ndevices, 2);
	d = device_of(BLOCK);
	begin(era, d, features);
	NEED_EQ(d->config[0], DISK_SECTORS & 0xff);
	NEED_EQ(d->config[1], DISK_SECTORS >> 8);
	/* The driver's probe looks for partitions before it is ready. */
	if (era->telling != TELLS_PCI)
		write_and_read(d, 1, 0);
	ready(era, d, features);
	for (unsigned i = 2; i < 150; i++)
		write_and_read(d, i, 0);
	NEED_EQ(request(d, T_FLUSH, 0, 0), 0);
	clear(d, 40);
	if (d->features & F_BARRIER)
		write_and_read(d, 3, T_BARRIER);
	/* Past the end: the request fails, the disk stays. */
	NEED_EQ(request(d, T_OUT, DISK_SECTORS, SECTOR), 1);
	write_and_read(d, DISK_SECTORS - 1, 0);
	end_well();
	NEED_EQ(disk_bytes(149)[0], 149);
}

static void rng(const struct era *era)
{
	static const char *const options[] = { "--rng", NULL };
	struct buffer b = { DATA, 256, true };
	uint8_t bytes[256] = { 0 };
	unsigned sum = 0;
	struct device *d;
	uint32_t len;

	launch(era, ENDS_PIPE, options);
	scan(era);
	d = start(era, RNG);
	guest_write(DATA, bytes, sizeof(bytes));
	ring_add(&d->rings[0], &b, 1);
	len = ring_wait(&d->rings[0]);
	NEED(len > 0 && len <= sizeof(bytes));
	guest_read(DATA, bytes, len);
	for (unsigned i = 0; i < len; i++)
		sum += bytes[i];
	NEED(len < 16 || sum);
	end_well();
}

/* ------------------------------------------------------------------ */
/* Ends                                                                 */

static void crash(const struct era *era)
{
	launch(era, ENDS_PIPE, NULL);
	host_die("CRASH: Attempted to kill\x1b init!");
	NEED_EQ(host_end(), 3);
	NEED(child_said("lguest: CRASH: Attempted to kill  init!\n"));
}

static void long_reason(const struct era *era)
{
	static char reason[600];

	launch(era, ENDS_PIPE, NULL);
	memset(reason, 'x', sizeof(reason) - 1);
	host_die(reason);
	NEED_EQ(host_end(), 3);
	NEED(child_said("xxxxxxxx"));
}

/* The Host's own words come at once when it dies outside of read(2). */
static void dies_of_trap(const struct era *era)
{
	static const uint8_t hlt[7] = { 0xf4 };

	launch(era, ENDS_PIPE, NULL);
	if (era->telling == TELLS_PCI)
		host_trap_kills(13, hlt, "bad stack page 0x12345");
	else
		host_die("bad stack page 0x12345");
	NEED_EQ(host_end(), 3);
	NEED(child_said("lguest: bad stack page 0x12345\n"));
}

static void sigterm(const struct era *era)
{
	launch(era, ENDS_PIPE, NULL);
	child_signal(SIGTERM);
	NEED_EQ(host_end(), 4);
	NEED(child_said("stopped by SIGTERM"));
}

static void sigterm_after_kicks(const struct era *era)
{
	launch(era, ENDS_PIPE, NULL);
	scan(era);
	print(start(era, CONSOLE), "hello");
	child_signal(SIGTERM);
	NEED_EQ(host_end(), 4);
}

static void timeout(const struct era *era)
{
	static const char *const options[] = { "--timeout=1", NULL };

	launch(era, ENDS_PIPE, options);
	NEED_EQ(host_end(), 4);
	NEED(child_said("stopped after --timeout"));
}

/* The second boot is like the first, in memory as new. */
static void boots_again(const struct era *era)
{
	struct device *d;

	for (unsigned i = 0; i < 2; i++) {
		boot_check(era);
		NEED_EQ(guest_read32(DATA), 0);
		scan(era);
		NEED_EQ(ndevices, 1);
		early_words(era);
		d = start(era, CONSOLE);
		print(d, i ? "second" : "first");
		listen(d, "typed");
		if (i)
			break;
		host_restart();
		host_run();
		NEED_EQ(host_initializes, 3);
	}
	end_well();
}

static void reboot(const struct era *era)
{
	launch(era, ENDS_PIPE, NULL);
	boots_again(era);
}

static void reboot_in_chroot(const struct era *era)
{
	static const char *const options[] = { "--chroot=.",
					       "--username=1000:1000", NULL };

	if (getuid())
		skipped("only root may use --chroot");
	launch(era, ENDS_PIPE, options);
	host_no_node = true;
	boots_again(era);
}

static void no_reboot(const struct era *era)
{
	static const char *const options[] = { "--no-reboot", NULL };

	launch(era, ENDS_PIPE, options);
	host_restart();
	NEED_EQ(host_end(), 5);
}

/* A driver that gives up, comes back, and resets in the middle of things. */
static void driver_again(const struct era *era)
{
	struct buffer b = { INPUT, 64, true };
	struct device *d;

	launch(era, ENDS_PIPE, NULL);
	scan(era);
	d = start(era, CONSOLE);
	print(d, "one");
	ring_add(&d->rings[0], &b, 1);
	if (era->telling != TELLS_PCI && era->telling != TELLS_RESET)
		bus_fail(d);
	start(era, CONSOLE);
	print(d, "two");
	listen(d, "typed");
	end_well();
}

const struct script scripts[] = {
	{ "console", console_pipe }, { "console-pty", console_pty },
	{ "block", block }, { "rng", rng },
	{ "crash", crash }, { "dies-of-trap", dies_of_trap }, { "long-reason", long_reason },
	{ "sigterm", sigterm }, { "sigterm-after-kicks", sigterm_after_kicks },
	{ "timeout", timeout }, { "reboot", reboot },
	{ "no-reboot", no_reboot }, { "driver-again", driver_again },
	{ "reboot-in-chroot", reboot_in_chroot },
	{ 0 }
};
