/* SPDX-License-Identifier: GPL-2.0-only */
/* The PC's few ports, as a Guest's kernel uses them. */
#include "rig.h"

#define POWER_BUTTON	(1 << 8)
#define SLP_EN		(1 << 13)
#define S5		(5 << 10)

extern bool rig_lines[32];

static struct guest *pc(void)
{
	struct guest *g = rig_guest(MIB(1));

	pc_create(g);
	return g;
}

static void power_button(void)
{
	struct guest *g = pc();

	/* Nobody has asked for it yet. */
	CHECK(!pc_power_button(g));
	CHECK_EQ(io_read(g, false, PM1_EVENT_PORT, 2), 0);

	io_write(g, false, PM1_EVENT_PORT + 2, 2, POWER_BUTTON);
	CHECK_EQ(io_read(g, false, PM1_EVENT_PORT + 2, 2), POWER_BUTTON);
	CHECK(!rig_lines[SCI_IRQ]);
	CHECK(pc_power_button(g));
	CHECK(rig_lines[SCI_IRQ]);
	CHECK_EQ(io_read(g, false, PM1_EVENT_PORT, 2), POWER_BUTTON);

	/* Other bits do not end it, its own does. */
	io_write(g, false, PM1_EVENT_PORT, 2, 0xfeff);
	CHECK(rig_lines[SCI_IRQ]);
	io_write(g, false, PM1_EVENT_PORT, 2, POWER_BUTTON);
	CHECK(!rig_lines[SCI_IRQ]);
	CHECK_EQ(io_read(g, false, PM1_EVENT_PORT, 2), 0);
	CHECK(!g->ended);
}

static void odd_widths(void)
{
	struct guest *g = pc();

	/* By bytes, and both registers in one go. */
	io_write(g, false, PM1_EVENT_PORT + 3, 1, POWER_BUTTON >> 8);
	CHECK_EQ(io_read(g, false, PM1_EVENT_PORT, 4), POWER_BUTTON << 16);
	CHECK(pc_power_button(g));
	CHECK_EQ(io_read(g, false, PM1_EVENT_PORT + 1, 1), POWER_BUTTON >> 8);
	io_write(g, false, PM1_EVENT_PORT, 4, POWER_BUTTON);
	CHECK(!rig_lines[SCI_IRQ]);
	/* That has set enable to 0; bits that are not there stay away. */
	CHECK_EQ(io_read(g, false, PM1_EVENT_PORT + 2, 2), 0);
	io_write(g, false, PM1_EVENT_PORT + 2, 2, 0xffff);
	CHECK_EQ(io_read(g, false, PM1_EVENT_PORT + 2, 2), 0x0721);
	/* Beyond the end there is nothing. */
	CHECK_EQ(io_read(g, false, PM1_EVENT_PORT + 2, 4), 0xffffffff);
}

static void power_off(void)
{
	struct guest *g = pc();

	/* ACPI mode is on, and stays so. */
	CHECK_EQ(io_read(g, false, PM1_CONTROL_PORT, 2), 1);
	io_write(g, false, PM1_CONTROL_PORT, 2, 0);
	CHECK_EQ(io_read(g, false, PM1_CONTROL_PORT, 2), 1);
	/* The type alone, and another type, do nothing. */
	io_write(g, false, PM1_CONTROL_PORT, 2, S5);
	io_write(g, false, PM1_CONTROL_PORT, 2, 3 << 10 | SLP_EN);
	CHECK(!g->ended);
	CHECK_EQ(io_read(g, false, PM1_CONTROL_PORT, 2), (3 << 10) | 1);
	io_write(g, false, PM1_CONTROL_PORT, 2, S5 | SLP_EN);
	CHECK(g->ended);
	CHECK_EQ(g->status, STATUS_POWEROFF);
}

static void power_off_by_bytes(void)
{
	struct guest *g = pc();

	io_write(g, false, PM1_CONTROL_PORT + 1, 1, S5 >> 8);
	CHECK(!g->ended);
	io_write(g, false, PM1_CONTROL_PORT + 1, 1, (S5 | SLP_EN) >> 8);
	CHECK(g->ended);
}

static void reset(void)
{
	struct guest *g = pc();

	CHECK_EQ(io_read(g, false, 0x64, 1), 0xff);
	io_write(g, false, 0x64, 1, 0xaa);
	CHECK(!g->reboot);
	io_write(g, false, 0x64, 1, 0xfe);
	CHECK(g->reboot && !g->ended);

	io_write(g, false, PM1_EVENT_PORT + 2, 2, POWER_BUTTON);
	pc_power_button(g);
	pc_reset(g);
	CHECK(!rig_lines[SCI_IRQ]);
	CHECK_EQ(io_read(g, false, PM1_EVENT_PORT, 4), 0);
	CHECK(!pc_power_button(g));
}

static void panic(void)
{
	struct guest *g = pc();

	CHECK_EQ(io_read(g, false, PVPANIC_PORT, 1), 3);
	io_write(g, false, PVPANIC_PORT, 1, 2);	/* crash kernel takes over */
	CHECK(!g->ended);
	io_write(g, false, PVPANIC_PORT, 1, 1);
	CHECK(g->ended);
	CHECK_EQ(g->status, STATUS_CRASHED);
	CHECK(!strncmp(g->why, "panic: ", 7));
}

int main(void)
{
	RUN(power_button);
	RUN(odd_widths);
	RUN(power_off);
	RUN(power_off_by_bytes);
	RUN(reset);
	RUN(panic);
	return rig_done();
}
