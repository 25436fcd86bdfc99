/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The console before there is one: to 3.19 a hypercall with some characters'
 * address; from 4.0 on the console's emergency register, reached through a
 * window in PCI's configuration space.
 */
#include "port.h"

#if PC

#define UART		0x3f8

void early_print(const char *s)
{
	for (; *s; s++) {
		while (!(inb(UART + 5) & 0x20))
			;
		outb(UART, *s);
	}
}

#elif GEN < KERNEL(4, 0, 0)

void early_print(const char *s)
{
	/* At most 16 at once, and the NUL. */
	static char text[17];

	while (*s) {
		unsigned n = 0;

		while (*s && n < sizeof(text) - 1)
			text[n++] = *s++;
		text[n] = '\0';
		hcall(LHCALL_NOTIFY, phys(text), 0, 0);
	}
}

#else

#define CONSOLE		1		/* always at 00:01.0 */
#define CONSOLE_ID	0x10431af4
#define EMERGENCY	8		/* in its configuration */

static unsigned window, where;

static bool find(void)
{
	unsigned config;

	if (pci_read(CONSOLE, 0, 4) != CONSOLE_ID)
		return false;
	window = pci_capability(CONSOLE, PCI_CFG_WINDOW);
	config = pci_capability(CONSOLE, PCI_CFG_DEVICE);
	if (!window || !config)
		return false;
	where = pci_read(CONSOLE, config + 8, 4) + EMERGENCY;
	return true;
}

void early_print(const char *s)
{
	static bool told;

	if (!window && !find())
		return;
	if (!told) {
		told = true;
		pci_write(CONSOLE, window + 4, 1, 0);
		pci_write(CONSOLE, window + 8, 4, where);
		pci_write(CONSOLE, window + 12, 4, 4);
	}
	for (; *s; s++)
		pci_write(CONSOLE, window + 16, 4, (u8)*s);
}

#endif
