/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What firmware and a boot loader leave in a PC's memory: a map of it, ACPI's
 * tables, and a kernel (Documentation/arch/x86/boot.rst).
 */
#include "machine.h"

#define PC_PARAMS	0x10000
#define PC_CMDLINE	0x20000
#define PC_CMDLINE_ROOM	0x10000
#define PC_LOW_END	0x9f000	/* of usable memory below 1 MiB */
#define PC_ACPI		0xe0000
#define PC_HIGH		0x100000

#define E820_RAM	1
#define E820_RESERVED	2

/*
 * So that the simplest command line prints something; that a kernel that panics
 * before it has a driver to tell us does not sit there for ever; and that those
 * of 32 bits do not wait a third of a second for answers of ISA cards.  No
 * hardware would tell them that there are none, and kernels without that driver
 * do not mind what has a dot in its name.
 */
const char *const pc_arguments[] = {
	"console=ttyS0", "panic=-1", "pnp.isapnp_disable=1", NULL,
};

void *pc_low(struct guest *g, gpa_t gpa, uint64_t len)
{
	void *p = mem_at(&g->mem, gpa, len);

	if (!p)
		die("%llu KiB of memory: a PC has at least 1 MiB",
		    (unsigned long long)(g->mem.size >> 10));
	return p;
}

/* RAM as it is, but for the PC's own half of the first megabyte. */
static unsigned memory_map(const struct guest *g, struct e820_range *e)
{
	unsigned n = 0;

	e[n++] = (struct e820_range){ 0, PC_LOW_END, E820_RAM };
	e[n++] = (struct e820_range){
		PC_LOW_END, PC_HIGH - PC_LOW_END, E820_RESERVED
	};
	for (unsigned i = 0; i < g->mem.nregions; i++) {
		struct region r = g->mem.regions[i];

		if (r.base == 0) {
			r.base = PC_HIGH;
			r.size = r.size > PC_HIGH ? r.size - PC_HIGH : 0;
		}
		if (r.size)
			e[n++] = (struct e820_range){
				r.base, r.size, E820_RAM
			};
	}
	return n;
}

void pc_load(struct guest *g, struct boot *boot, unsigned ncpus)
{
	static struct e820_range map[REGIONS_MAX + 2];

	*boot = (struct boot){
		.params = PC_PARAMS, .cmdline = PC_CMDLINE,
		.cmdline_room = PC_CMDLINE_ROOM, .low = PC_HIGH,
		.rsdp = PC_ACPI, .e820 = map,
	};
	pc_low(g, 0, PC_HIGH);
	boot->ne820 = memory_map(g, map);
	acpi_build(pc_low(g, PC_ACPI, PC_HIGH - PC_ACPI), PC_HIGH - PC_ACPI,
		   PC_ACPI, ncpus);
	load_linux(g, boot);
}
