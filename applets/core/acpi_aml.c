/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DSDT's byte code.  It holds names and data only, not one method: the
 * Guest's interpreter has nothing to run, and the tables cannot be wrong in
 * interesting ways.
 *
 * Numbers with "ACPI" are sections of the specification, version 6.4.
 */
#include <string.h>

#include "acpi.h"

/* ACPI 20.3: the few opcodes that we need. */
enum {
	AML_ZERO = 0x00, AML_NAME = 0x08, AML_BYTE = 0x0a, AML_WORD = 0x0b,
	AML_DWORD = 0x0c, AML_STRING = 0x0d, AML_SCOPE = 0x10,
	AML_BUFFER = 0x11, AML_PACKAGE = 0x12, AML_EXT = 0x5b,
	AML_EXT_DEVICE = 0x82,
};

/* ACPI 6.4.3.5.1: ranges that a bridge passes on to what is behind it. */
enum { RANGE_MEMORY, RANGE_IO, RANGE_BUS };
#define RANGE_FIXED	0x0c	/* producer; both ends are fixed */

static const uint8_t pci_irqs[] = PCI_IRQS;

/*
 * The length of a block comes before it and counts itself (ACPI 20.2.4).  We
 * always take the three-byte form, so that it can be filled in at the end.
 */
static uint8_t *block_begin(struct acpi_pen *pen)
{
	return acpi_put(pen, NULL, 3);
}

static void block_end(struct acpi_pen *pen, uint8_t *length)
{
	uint32_t n = pen->at - length;

	length[0] = 0x80 | (n & 0xf);
	length[1] = n >> 4;
	length[2] = n >> 12;
}

static void put_name(struct acpi_pen *pen, const char *name)
{
	acpi_int(pen, AML_NAME, 1);
	acpi_put(pen, name, strlen(name));
}

static void put_number(struct acpi_pen *pen, uint32_t n)
{
	unsigned len = n > 0xffff ? 4 : n > 0xff ? 2 : 1;

	if (n == 0) {
		acpi_int(pen, AML_ZERO, 1);
		return;
	}
	acpi_int(pen, len == 4 ? AML_DWORD : len == 2 ? AML_WORD : AML_BYTE, 1);
	acpi_int(pen, n, len);
}

static uint8_t *device_begin(struct acpi_pen *pen, const char *name)
{
	uint8_t *length;

	acpi_int(pen, AML_EXT, 1);
	acpi_int(pen, AML_EXT_DEVICE, 1);
	length = block_begin(pen);
	acpi_put(pen, name, 4);
	return length;
}

/*
 * _HID.  "PNPxxxx" is packed into a double word, big-endian, five bits a
 * letter (ACPI 19.3.4); other names stay strings.
 */
static void put_hid(struct acpi_pen *pen, const char *hid)
{
	uint8_t packed[4] = { 0x41, 0xd0 };	/* "PNP" */
	uint32_t n = 0;

	put_name(pen, "_HID");
	if (!strncmp(hid, "PNP", 3)) {
		parse_hex(hid + 3, 4, &n);
		packed[2] = n >> 8;
		packed[3] = n;
		acpi_int(pen, AML_DWORD, 1);
		acpi_put(pen, packed, 4);
	} else {
		acpi_int(pen, AML_STRING, 1);
		acpi_put(pen, hid, strlen(hid) + 1);
	}
}

/* A resource template, in a buffer whose size is filled in at the end. */
static uint8_t *crs_begin(struct acpi_pen *pen)
{
	uint8_t *length;

	put_name(pen, "_CRS");
	acpi_int(pen, AML_BUFFER, 1);
	length = block_begin(pen);
	acpi_int(pen, AML_WORD, 1);
	acpi_int(pen, 0, 2);
	return length;
}

static void crs_end(struct acpi_pen *pen, uint8_t *length)
{
	static const uint8_t end_tag[] = { 0x79, 0 };
	unsigned n;

	acpi_put(pen, end_tag, sizeof(end_tag));
	n = pen->at - (length + 6);
	length[4] = n;
	length[5] = n >> 8;
	block_end(pen, length);
}

/* ACPI 6.4.2.5 */
static void put_ports(struct acpi_pen *pen, uint16_t port, uint8_t count)
{
	acpi_int(pen, 0x47, 1);
	acpi_int(pen, 1, 1);		/* decodes all 16 bits */
	acpi_int(pen, port, 2);
	acpi_int(pen, port, 2);
	acpi_int(pen, 1, 1);		/* alignment */
	acpi_int(pen, count, 1);
}

/* ACPI 6.4.3.5.2 and 6.4.3.5.3: the same in words or double words. */
static void put_range(struct acpi_pen *pen, unsigned type, unsigned flags,
		      uint32_t min, uint32_t max)
{
	unsigned width = type == RANGE_MEMORY ? 4 : 2;

	acpi_int(pen, width == 4 ? 0x87 : 0x88, 1);
	acpi_int(pen, 3 + 5 * width, 2);
	acpi_int(pen, type, 1);
	acpi_int(pen, RANGE_FIXED, 1);
	acpi_int(pen, flags, 1);
	acpi_int(pen, 0, width);		/* granularity */
	acpi_int(pen, min, width);
	acpi_int(pen, max, width);
	acpi_int(pen, 0, width);		/* translation */
	acpi_int(pen, (uint64_t)max - min + 1, width);
}

/*
 * Which line a slot's INTA# comes out at (ACPI 6.2.13).  No card of ours uses
 * pins B to D.  There are no link devices: the line is a plain GSI number,
 * which needs nobody to program a router.
 */
static void put_prt(struct acpi_pen *pen)
{
	uint8_t *all, *one;
	unsigned slot;

	put_name(pen, "_PRT");
	acpi_int(pen, AML_PACKAGE, 1);
	all = block_begin(pen);
	acpi_int(pen, 31, 1);
	for (slot = 1; slot < 32; slot++) {
		acpi_int(pen, AML_PACKAGE, 1);
		one = block_begin(pen);
		acpi_int(pen, 4, 1);
		put_number(pen, slot << 16 | 0xffff);
		put_number(pen, 0);	/* INTA# */
		put_number(pen, 0);	/* no link device, but this GSI: */
		put_number(pen, pci_irqs[slot % ARRAY_SIZE(pci_irqs)]);
		block_end(pen, one);
	}
	block_end(pen, all);
}

static void put_pci(struct acpi_pen *pen)
{
	uint8_t *device = device_begin(pen, "PCI0");
	uint8_t *crs;

	put_hid(pen, "PNP0A03");
	put_name(pen, "_UID");
	put_number(pen, 0);
	crs = crs_begin(pen);
	put_range(pen, RANGE_BUS, 0, 0, 0);
	put_ports(pen, 0xcf8, 8);
	put_range(pen, RANGE_IO, 3, 0, 0xcf7);
	put_range(pen, RANGE_IO, 3, 0xd00, 0xffff);
	put_range(pen, RANGE_MEMORY, 1, PCI_WINDOW,
		  PCI_WINDOW + PCI_WINDOW_SIZE - 1);
	crs_end(pen, crs);
	put_prt(pen);
	block_end(pen, device);
}

static void put_serial(struct acpi_pen *pen)
{
	uint8_t *device = device_begin(pen, "COM1");
	uint8_t *crs;

	put_hid(pen, "PNP0501");
	put_name(pen, "_UID");
	put_number(pen, 1);
	crs = crs_begin(pen);
	put_ports(pen, UART_PORT, 8);
	acpi_int(pen, 0x22, 1);		/* ACPI 6.4.2.1: IRQ, by mask */
	acpi_int(pen, 1 << UART_IRQ, 2);
	crs_end(pen, crs);
	block_end(pen, device);
}

/* The driver knows this one by QEMU's name for it. */
static void put_pvpanic(struct acpi_pen *pen)
{
	uint8_t *device = device_begin(pen, "PEVT");
	uint8_t *crs;

	put_hid(pen, "QEMU0001");
	crs = crs_begin(pen);
	put_ports(pen, PVPANIC_PORT, 1);
	crs_end(pen, crs);
	put_name(pen, "_STA");
	put_number(pen, 0xf);		/* here, working, and to be shown */
	block_end(pen, device);
}

void acpi_aml(struct acpi_pen *pen)
{
	uint8_t *length;

	acpi_int(pen, AML_SCOPE, 1);
	length = block_begin(pen);
	acpi_put(pen, "\\_SB_", 5);
	put_pci(pen);
	put_serial(pen);
	put_pvpanic(pen);
	block_end(pen, length);

	/* ACPI 7.4.2: what goes into PM1a and PM1b control, two reserved. */
	put_name(pen, "_S5_");
	acpi_int(pen, AML_PACKAGE, 1);
	length = block_begin(pen);
	acpi_int(pen, 4, 1);
	put_number(pen, ACPI_S5_TYPE);
	put_number(pen, ACPI_S5_TYPE);
	put_number(pen, 0);
	put_number(pen, 0);
	block_end(pen, length);
}
