/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who answers at which port or address.  A hypervisor that sees its Guest
 * touch something that is no RAM asks here.
 */
#include "guest.h"

static const struct io_range *ranges[IO_RANGES_MAX];
static unsigned nranges;

void io_add(const struct io_range *r)
{
	for (unsigned i = 0; i < nranges; i++)
		if (ranges[i] == r)
			return;		/* a reboot adds it again */
	if (nranges == IO_RANGES_MAX)
		die("more than %u ranges of I/O", IO_RANGES_MAX);
	ranges[nranges++] = r;
}

/* The range that holds all of the access. */
static const struct io_range *io_find(bool mmio, uint64_t addr, unsigned width)
{
	if (width != 1 && width != 2 && width != 4 && width != 8)
		return NULL;
	for (unsigned i = 0; i < nranges; i++) {
		const struct io_range *r = ranges[i];

		if (r->mmio == mmio && addr >= r->base &&
		    addr - r->base < r->size &&
		    width <= r->size - (addr - r->base))
			return r;
	}
	return NULL;
}

/* What a bus gives when nothing drives it. */
static uint64_t all_ones(unsigned width)
{
	return width < 8 ? (UINT64_C(1) << (8 * width)) - 1 : UINT64_MAX;
}

uint64_t io_read(struct guest *g, bool mmio, uint64_t addr, unsigned width)
{
	const struct io_range *r = io_find(mmio, addr, width);

	if (!r)
		return all_ones(width);
	return r->read(g, addr - r->base, width) & all_ones(width);
}

void io_write(struct guest *g, bool mmio, uint64_t addr, unsigned width,
	      uint64_t value)
{
	const struct io_range *r = io_find(mmio, addr, width);

	if (r)
		r->write(g, addr - r->base, width, value & all_ones(width));
}

bool io_busy(struct guest *g, bool mmio, uint64_t addr, bool write)
{
	const struct io_range *r = io_find(mmio, addr, 1);

	return r && r->busy && r->busy(g, addr - r->base, write);
}

static uint64_t no_timer(struct guest *g, uint64_t off, unsigned width)
{
	(void)g, (void)off, (void)width;
	return 0;
}

static void no_timer_write(struct guest *g, uint64_t off, unsigned width,
			   uint64_t value)
{
	(void)g, (void)off, (void)width, (void)value;
}

void io_no_timer(void)
{
	static const struct io_range range = {
		.base = 0x42, .size = 1, .read = no_timer,
		.write = no_timer_write,
	};

	io_add(&range);
}
