/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ACPI tables: where a stock kernel learns how many CPUs there are, where
 * the PCI bridge is and how its interrupts are wired, and how to power off.
 * They also say what a PC has and we have not (VGA, keyboard, clock chip), so
 * that the kernel does not spend its first second probing for it.
 *
 * Numbers with "ACPI" are sections of the specification, version 6.4.
 */
#include <string.h>

#include "acpi.h"

#define HEADER_SIZE	36	/* ACPI 5.2.6 */
#define RSDP_SIZE	36
#define FACS_SIZE	64
#define FADT_SIZE	276	/* of revision 6 */

#define LOCAL_APIC	0xfee00000
#define IO_APIC		0xfec00000

/* ACPI 5.2.9, the fixed feature flags */
#define FADT_WBINVD	(1 << 0)
#define FADT_C1		(1 << 2)
#define FADT_NO_SLEEP_BUTTON (1 << 5)	/* the power button we do have */
#define FADT_RESET_REG	(1 << 10)

/* ACPI 5.2.9.3.  Not set: legacy devices, keyboard controller. */
#define BOOT_NO_VGA	(1 << 2)
#define BOOT_NO_RTC	(1 << 5)

uint8_t *acpi_put(struct acpi_pen *pen, const void *bytes, size_t len)
{
	uint8_t *at = pen->at;

	if ((size_t)(pen->end - at) < len)
		die("ACPI tables do not fit into their place");
	if (bytes)
		memcpy(at, bytes, len);
	else
		memset(at, 0, len);
	pen->at += len;
	return at;
}

void acpi_int(struct acpi_pen *pen, uint64_t value, unsigned len)
{
	uint8_t *at = acpi_put(pen, NULL, len);

	while (len--) {
		*at++ = value;
		value >>= 8;
	}
}

/* Writes an integer into what acpi_put() left as zeroes. */
static void fill(uint8_t *table, unsigned off, uint64_t value, unsigned len)
{
	struct acpi_pen pen = { table + off, table + off + len };

	acpi_int(&pen, value, len);
}

/* All bytes of a table add up to 0, and this one makes them. */
static void fill_checksum(uint8_t *table, unsigned off, size_t len)
{
	uint8_t sum = 0;

	table[off] = 0;
	while (len--)
		sum += table[len];
	table[off] = -sum;
}

static uint8_t *table_begin(struct acpi_pen *pen, const char *signature,
			    uint8_t revision)
{
	uint8_t *table;

	while ((uintptr_t)pen->at & 15)
		acpi_int(pen, 0, 1);
	table = acpi_put(pen, NULL, HEADER_SIZE);
	memcpy(table, signature, 4);
	table[8] = revision;
	memcpy(table + 10, "LGUESTLGUESTPC", 14);	/* OEM, its table */
	fill(table, 24, 1, 4);
	memcpy(table + 28, "LGST", 4);
	fill(table, 32, 1, 4);
	return table;
}

static void table_end(struct acpi_pen *pen, uint8_t *table)
{
	size_t len = pen->at - table;

	fill(table, 4, len, 4);
	fill_checksum(table, 9, len);
}

/* ACPI 5.2.3.2: a register in port space, the way newer fields say it. */
static void fill_register(uint8_t *table, unsigned off, uint16_t port,
			  unsigned bits)
{
	table[off] = 1;			/* system I/O */
	table[off + 1] = bits;
	table[off + 3] = bits == 8 ? 1 : 2;	/* access by byte, word */
	fill(table, off + 4, port, 8);
}

/* ACPI 5.2.9.  Each address is there twice: as of old, and in 64 bits. */
static uint8_t *put_fadt(struct acpi_pen *pen, uint32_t facs, uint32_t dsdt)
{
	uint8_t *t = table_begin(pen, "FACP", 6);

	acpi_put(pen, NULL, FADT_SIZE - HEADER_SIZE);
	fill(t, 36, facs, 4);
	fill(t, 40, dsdt, 4);
	fill(t, 46, SCI_IRQ, 2);
	/* No SMI command port: ACPI mode is the only one we have. */
	fill(t, 56, PM1_EVENT_PORT, 4);
	fill(t, 64, PM1_CONTROL_PORT, 4);
	t[88] = 4;			/* bytes of PM1 event */
	t[89] = 2;			/* and control */
	fill(t, 96, 0xffff, 2);		/* C2 and C3 take for ever: none */
	fill(t, 98, 0xffff, 2);
	fill(t, 109, BOOT_NO_VGA | BOOT_NO_RTC, 2);
	fill(t, 112, FADT_WBINVD | FADT_C1 | FADT_NO_SLEEP_BUTTON |
	     FADT_RESET_REG, 4);
	fill_register(t, 116, RESET_PORT, 8);
	t[128] = RESET_VALUE;
	t[131] = 4;			/* revision 6.4 */
	fill(t, 140, dsdt, 8);
	fill_register(t, 148, PM1_EVENT_PORT, 32);
	fill_register(t, 172, PM1_CONTROL_PORT, 16);
	memcpy(t + 268, "LGUEST", 6);	/* hypervisor vendor */
	table_end(pen, t);
	return t;
}

/* ACPI 5.2.10: shared with firmware that sleeps.  We only own its lock. */
static uint8_t *put_facs(struct acpi_pen *pen)
{
	uint8_t *t;

	while ((uintptr_t)pen->at & 63)
		acpi_int(pen, 0, 1);
	t = acpi_put(pen, NULL, FACS_SIZE);
	memcpy(t, "FACS", 4);
	fill(t, 4, FACS_SIZE, 4);
	t[32] = 2;			/* version */
	return t;
}

static void put_override(struct acpi_pen *pen, uint8_t irq)
{
	acpi_int(pen, 2, 1);
	acpi_int(pen, 10, 1);
	acpi_int(pen, 0, 1);		/* ISA */
	acpi_int(pen, irq, 1);
	acpi_int(pen, irq, 4);
	acpi_int(pen, 0xd, 2);		/* active high, level-triggered */
}

/* ACPI 5.2.12: the interrupt controllers. */
static uint8_t *put_madt(struct acpi_pen *pen, unsigned ncpus)
{
	static const uint8_t levels[] = PCI_IRQS;
	uint8_t *t = table_begin(pen, "APIC", 5);
	unsigned i;

	acpi_int(pen, LOCAL_APIC, 4);
	acpi_int(pen, 1, 4);		/* two 8259s are there as well */
	for (i = 0; i < ncpus; i++) {
		acpi_int(pen, 0, 1);
		acpi_int(pen, 8, 1);
		acpi_int(pen, i, 1);	/* number */
		acpi_int(pen, i, 1);	/* APIC id */
		acpi_int(pen, 1, 4);	/* enabled */
	}
	acpi_int(pen, 1, 1);
	acpi_int(pen, 12, 1);
	acpi_int(pen, 0, 2);		/* APIC id */
	acpi_int(pen, IO_APIC, 4);
	acpi_int(pen, 0, 4);		/* its first GSI */
	/* ISA lines are edges unless said otherwise; these are shared. */
	put_override(pen, SCI_IRQ);
	for (i = 0; i < ARRAY_SIZE(levels); i++)
		put_override(pen, levels[i]);
	/* Every CPU's LINT1 is where NMIs come in. */
	acpi_int(pen, 4, 1);
	acpi_int(pen, 6, 1);
	acpi_int(pen, 0xff, 1);
	acpi_int(pen, 0, 2);
	acpi_int(pen, 1, 1);
	table_end(pen, t);
	return t;
}

/* ACPI 5.2.7 and 5.2.8: the list of tables, in 32 or 64 bits. */
static uint8_t *put_list(struct acpi_pen *pen, const char *signature,
			 unsigned width, gpa_t fadt, gpa_t madt)
{
	uint8_t *t = table_begin(pen, signature, 1);

	acpi_int(pen, fadt, width);
	if (madt)
		acpi_int(pen, madt, width);
	table_end(pen, t);
	return t;
}

static uint8_t *put_dsdt(struct acpi_pen *pen)
{
	/* Revision 2: its integers have 64 bits. */
	uint8_t *t = table_begin(pen, "DSDT", 2);

	acpi_aml(pen);
	table_end(pen, t);
	return t;
}

size_t acpi_build(uint8_t *buf, size_t size, gpa_t at, unsigned ncpus)
{
	struct acpi_pen pen = { buf, buf + size };
	uint8_t *rsdp = acpi_put(&pen, NULL, RSDP_SIZE);
	uint8_t *facs, *dsdt, *fadt, *rsdt, *xsdt;
	gpa_t madt = 0;

	facs = put_facs(&pen);
	dsdt = put_dsdt(&pen);
	fadt = put_fadt(&pen, at + (facs - buf), at + (dsdt - buf));
	if (ncpus)
		madt = at + (put_madt(&pen, ncpus) - buf);
	rsdt = put_list(&pen, "RSDT", 4, at + (fadt - buf), madt);
	xsdt = put_list(&pen, "XSDT", 8, at + (fadt - buf), madt);

	/* ACPI 5.2.5.3.  The first checksum is for readers of version 1. */
	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "LGUEST", 6);
	rsdp[15] = 2;
	fill(rsdp, 16, at + (rsdt - buf), 4);
	fill(rsdp, 20, RSDP_SIZE, 4);
	fill(rsdp, 24, at + (xsdt - buf), 8);
	fill_checksum(rsdp, 8, 20);
	fill_checksum(rsdp, 32, RSDP_SIZE);
	return pen.at - buf;
}
