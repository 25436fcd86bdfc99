/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a Guest does in its life, on any era's Host.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scripts.h"

static struct device devices[DEVICES];
unsigned ndevices;

struct device *device_of(unsigned type)
{
	for (unsigned i = 0; i < ndevices; i++)
		if (devices[i].type == type)
			return &devices[i];
	failed(__FILE__, __LINE__, "there is no device of type %u", type);
}

void scan(const struct era *era)
{
	ndevices = era->telling == TELLS_PCI ? pci_scan(devices) :
		   bus_scan(devices, RAM);
}

void begin(const struct era *era, struct device *d, uint32_t features)
{
	if (era->telling == TELLS_PCI)
		pci_begin(d, features);
	else
		bus_begin(era, d, features);
}

void ready(const struct era *era, struct device *d, uint32_t features)
{
	if (era->telling == TELLS_PCI)
		pci_ready(d);
	else
		bus_ready(era, d, features);
}

struct device *start(const struct era *era, unsigned type)
{
	struct device *d = device_of(type);

	begin(era, d, 0);
	ready(era, d, 0);
	return d;
}

void end_well(void)
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

void print(struct device *d, const char *text)
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

/* A Guest of PCI on a Host of the bus, or the other way about. */
static void wrong_guest(const struct era *era)
{
	struct era other = *era;

	other.version = era->telling == TELLS_PCI ? "3.11.10" : "4.1.15";
	launch_only(&other, ENDS_PIPE, NULL);
	host_reset(era);
	NEED_EQ(host_end(), 1);
	NEED(child_said(" Guest does not go with a Host of "));
}

static void no_device(const struct era *era)
{
	host_no_node = true;
	launch_only(era, ENDS_PIPE, NULL);
	NEED_EQ(host_end(), 1);
	NEED(child_said("/dev/lguest: No such file or directory\n"));
}

const struct script scripts[] = {
	{ "console", console_pipe }, { "console-pty", console_pty },
	{ "block", script_block }, { "rng", script_rng },
	{ "crash", crash }, { "dies-of-trap", dies_of_trap }, { "long-reason", long_reason },
	{ "no-gates", script_no_gates },
	{ "sigterm", sigterm }, { "sigterm-after-kicks", sigterm_after_kicks },
	{ "timeout", timeout }, { "reboot", reboot },
	{ "no-reboot", no_reboot }, { "driver-again", driver_again },
	{ "wrong-guest", wrong_guest }, { "no-device", no_device },
	{ "reboot-in-chroot", reboot_in_chroot },
	{ "flag-old", script_flag_old }, { "flag-2.6.31", script_flag_2_6_31 },
	{ "flag-3.1", script_flag_3_1 }, { "flag-4.1", script_flag_4_1 },
	{ "flag-reboot", script_flag_reboot },
	{ 0 }
};
