/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ACPI tables as a Guest's kernel walks them.  With a directory as its
 * argument the program writes the tables there, for acpi.test to disassemble.
 */
#include <stdlib.h>

#include "rig.h"

#define AT	0xe0000

static uint8_t sheet[8192] __attribute__((aligned(64)));
static size_t used;

static uint64_t number(const uint8_t *p, unsigned len)
{
	uint64_t v = 0;

	while (len--)
		v = v << 8 | p[len];
	return v;
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *p++;
	return s;
}

static uint8_t *table(uint64_t gpa, const char *signature)
{
	uint8_t *t = sheet + (gpa - AT);

	CHECK(gpa >= AT && gpa + 36 <= AT + used);
	CHECK(!memcmp(t, signature, 4));
	CHECK(number(t + 4, 4) <= AT + used - gpa);
	if (memcmp(t, "FACS", 4))
		CHECK_EQ(sum(t, number(t + 4, 4)), 0);
	return t;
}

static uint8_t *fadt(void)
{
	return table(number(table(number(sheet + 24, 8), "XSDT") + 36, 8),
		     "FACP");
}

static uint8_t *madt(void)
{
	return table(number(table(number(sheet + 24, 8), "XSDT") + 44, 8),
		     "APIC");
}

static void build(unsigned ncpus)
{
	memset(sheet, 0xee, sizeof(sheet));
	used = acpi_build(sheet, sizeof(sheet), AT, ncpus);
	CHECK(used > 0 && used < sizeof(sheet));
	CHECK_EQ(sheet[used], 0xee);
}

static void roots(void)
{
	uint8_t *rsdt;

	build(1);
	CHECK(!memcmp(sheet, "RSD PTR ", 8));
	CHECK_EQ(sum(sheet, 20), 0);
	CHECK_EQ(sum(sheet, 36), 0);
	CHECK_EQ(sheet[15], 2);
	/* Both lists name the same tables. */
	rsdt = table(number(sheet + 16, 4), "RSDT");
	CHECK_EQ(number(rsdt + 4, 4), 36 + 2 * 4);
	CHECK_EQ(number(rsdt + 36, 4) - AT, fadt() - sheet);
	CHECK_EQ(number(rsdt + 40, 4) - AT, madt() - sheet);
}

static void fixed_hardware(void)
{
	uint8_t *t;

	build(1);
	t = fadt();
	CHECK_EQ(number(t + 4, 4), 276);
	CHECK_EQ(number(t + 36, 4) % 64, 0);
	table(number(t + 36, 4), "FACS");
	table(number(t + 40, 4), "DSDT");
	CHECK_EQ(number(t + 140, 8), number(t + 40, 4));
	CHECK_EQ(number(t + 46, 2), SCI_IRQ);
	CHECK_EQ(number(t + 56, 4), PM1_EVENT_PORT);
	CHECK_EQ(number(t + 152, 8), PM1_EVENT_PORT);
	CHECK_EQ(number(t + 64, 4), PM1_CONTROL_PORT);
	CHECK_EQ(number(t + 176, 8), PM1_CONTROL_PORT);
	/* A fixed power button, and nobody at home where PCs keep fossils. */
	CHECK_EQ(number(t + 112, 4) & (1 << 4), 0);
	CHECK_EQ(number(t + 109, 2), (1 << 2) | (1 << 5));
}

static void cpus_and_lines(void)
{
	unsigned cpus = 0, levels = 0;
	uint8_t *t, *p;

	build(3);
	t = madt();
	for (p = t + 44; p < t + number(t + 4, 4); p += p[1]) {
		CHECK(p[1] >= 6);
		if (p[0] == 0)
			CHECK_EQ(p[3], cpus++);
		if (p[0] == 2) {
			CHECK_EQ(p[8], 0xd);
			levels |= 1 << p[3];
		}
		if (p[1] < 6)
			break;
	}
	CHECK_EQ(p - t, number(t + 4, 4));
	CHECK_EQ(cpus, 3);
	CHECK_EQ(levels, 1 << 5 | 1 << 9 | 1 << 10 | 1 << 11);
}

static void routing(void)
{
	static const uint8_t irqs[] = PCI_IRQS;
	unsigned slot;
	uint8_t *dsdt;
	size_t len;

	build(1);
	dsdt = table(number(fadt() + 40, 4), "DSDT");
	len = number(dsdt + 4, 4);
	for (slot = 1; slot < 32; slot++) {
		uint8_t row[] = { 0x0c, 0xff, 0xff, slot, 0, 0, 0, 0x0a,
				  irqs[slot % 3] };

		CHECK(memmem(dsdt, len, row, sizeof(row)) != NULL);
	}
}

static void write_table(const char *dir, const char *name, uint8_t *t)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.dat", dir, name);
	f = fopen(path, "w");
	if (!f || fwrite(t, number(t + 4, 4), 1, f) != 1 || fclose(f)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2) {
		build(1);
		write_table(argv[1], "fadt", fadt());
		write_table(argv[1], "madt", madt());
		write_table(argv[1], "dsdt", sheet + number(fadt() + 40, 4) - AT);
		write_table(argv[1], "facs", sheet + number(fadt() + 36, 4) - AT);
		write_table(argv[1], "xsdt", sheet + number(sheet + 24, 8) - AT);
		write_table(argv[1], "rsdt", sheet + number(sheet + 16, 4) - AT);
		return 0;
	}
	RUN(roots);
	RUN(fixed_hardware);
	RUN(cpus_and_lines);
	RUN(routing);
	return rig_done();
}
