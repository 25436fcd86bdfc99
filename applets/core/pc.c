/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ports that the ACPI tables name: power button, power off, reset, and the
 * one by which a Guest tells that it has panicked.
 *
 * Numbers with "ACPI" are sections of the specification, version 6.4.
 */
#include "acpi.h"

/* ACPI 4.8.3.1.1: bits of PM1 status and, in the same places, enable. */
#define PM1_POWER_BUTTON	(1 << 8)
/* Those that a Guest may set: timer, global lock, buttons, clock. */
#define PM1_ENABLES		0x0721

/* ACPI 4.8.3.2.1: bits of PM1 control. */
#define PM1_SCI_EN		(1 << 0)
#define PM1_SLP_TYPE(v)		((v) >> 10 & 7)
#define PM1_SLP_EN		(1 << 13)

#define PVPANIC_PANICKED	(1 << 0)
#define PVPANIC_CRASH_LOADED	(1 << 1)

static struct {
	uint16_t status, enable, control;
} pm1;

/* The SCI is as high as anything is pending that the Guest wants to know. */
static void sci_update(struct guest *g)
{
	if (g->hv->line)
		g->hv->line(g, SCI_IRQ, pm1.status & pm1.enable);
}

/* Any width at any offset: what was put together as one little-endian word. */
static uint64_t part_of(uint64_t word, uint64_t off, unsigned width)
{
	uint64_t part = word >> off * 8;

	return width == 8 ? part : part & ((UINT64_C(1) << width * 8) - 1);
}

static uint64_t event_read(struct guest *g, uint64_t off, unsigned width)
{
	(void)g;
	return part_of(pm1.status | (uint32_t)pm1.enable << 16, off, width);
}

static void event_write(struct guest *g, uint64_t off, unsigned width,
			uint64_t value)
{
	uint32_t mask = part_of(0xffffffff, 0, width) << off * 8;
	uint32_t word = value << off * 8;

	/* Status bits go away where a 1 is written, enables are as written. */
	pm1.status &= ~(word & mask);
	pm1.enable = ((pm1.enable & ~(mask >> 16)) | (word & mask) >> 16) &
		     PM1_ENABLES;
	sci_update(g);
}

/* There is no way out of ACPI mode, so SCI_EN is always set. */
static uint64_t control_read(struct guest *g, uint64_t off, unsigned width)
{
	(void)g;
	return part_of(pm1.control | PM1_SCI_EN, off, width);
}

static void control_write(struct guest *g, uint64_t off, unsigned width,
			  uint64_t value)
{
	uint16_t mask = part_of(0xffff, 0, width) << off * 8;
	uint16_t word = (pm1.control & ~mask) | ((value << off * 8) & mask);

	/* SLP_EN reads as zero. */
	pm1.control = word & ~PM1_SLP_EN;
	if ((word & PM1_SLP_EN) && PM1_SLP_TYPE(word) == ACPI_S5_TYPE)
		guest_end(g, STATUS_POWEROFF, "the Guest powered off");
}

/*
 * All ones is what an empty socket reads as: no keyboard controller here, and
 * nobody waits for it to become ready.  The one command that works is its
 * famous pulse on the CPU's reset pin.
 */
static uint64_t reset_read(struct guest *g, uint64_t off, unsigned width)
{
	(void)g;
	(void)off;
	return part_of(UINT64_MAX, 0, width);
}

static void reset_write(struct guest *g, uint64_t off, unsigned width,
			uint64_t value)
{
	(void)off;
	if (part_of(value, 0, width) == RESET_VALUE)
		guest_reboot(g);
}

static uint64_t pvpanic_read(struct guest *g, uint64_t off, unsigned width)
{
	(void)g;
	(void)off;
	(void)width;
	return PVPANIC_PANICKED | PVPANIC_CRASH_LOADED;
}

static void pvpanic_write(struct guest *g, uint64_t off, unsigned width,
			  uint64_t value)
{
	char words[WHY_MAX - 16];

	(void)off;
	(void)width;
	/* With a crash kernel loaded the Guest will look after itself. */
	if (!(value & PVPANIC_PANICKED))
		return;
	terminal_last_words(words, sizeof(words));
	guest_end(g, STATUS_CRASHED, "panic: %s", words);
}

static const struct io_range ranges[] = {
	{ .base = PM1_EVENT_PORT, .size = 4,
	  .read = event_read, .write = event_write },
	{ .base = PM1_CONTROL_PORT, .size = 2,
	  .read = control_read, .write = control_write },
	{ .base = RESET_PORT, .size = 1,
	  .read = reset_read, .write = reset_write },
	{ .base = PVPANIC_PORT, .size = 1,
	  .read = pvpanic_read, .write = pvpanic_write },
};

void pc_create(struct guest *g)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		io_add(&ranges[i]);
	pc_reset(g);
}

void pc_reset(struct guest *g)
{
	pm1.status = pm1.enable = pm1.control = 0;
	sci_update(g);
}

bool pc_power_button(struct guest *g)
{
	if (!(pm1.enable & PM1_POWER_BUTTON))
		return false;
	pm1.status |= PM1_POWER_BUTTON;
	sci_update(g);
	return true;
}
