/* SPDX-License-Identifier: GPL-2.0-only */
/* Between acpi.c and acpi_aml.c: how tables are put on paper. */
#ifndef ACPI_H
#define ACPI_H

#include "machine.h"

/* A pen on a sheet of buf: everything is written front to back, once. */
struct acpi_pen {
	uint8_t *at, *end;
};

/* Writes len bytes, or zeroes for NULL; returns where.  Dies when full. */
uint8_t *acpi_put(struct acpi_pen *pen, const void *bytes, size_t len);

/* Writes an integer of len bytes, little-endian. */
void acpi_int(struct acpi_pen *pen, uint64_t value, unsigned len);

/* The body of the DSDT: what no fixed table can say, as AML. */
void acpi_aml(struct acpi_pen *pen);

/* \_S5 says what to write to PM1 control to power off. */
#define ACPI_S5_TYPE	5

/* The reset register: the keyboard controller's, where old kernels look. */
#define RESET_PORT	0x64
#define RESET_VALUE	0xfe

#endif
