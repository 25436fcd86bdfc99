/* SPDX-License-Identifier: GPL-2.0-only */
/* PCI's configuration space, by its two ports. */
#include "port.h"

#define ADDRESS		0xcf8
#define DATA		0xcfc
#define ENABLE		0x80000000
#define CAP_POINTER	0x34
#define CAP_VENDOR	0x09

u32 pci_read(unsigned device, unsigned off, unsigned width)
{
	outl(ADDRESS, ENABLE | device << 11 | (off & 0xfc));
	switch (width) {
	case 1:
		return inb(DATA + off % 4);
	case 2:
		return inw(DATA + off % 4);
	}
	return inl(DATA);
}

void pci_write(unsigned device, unsigned off, unsigned width, u32 value)
{
	outl(ADDRESS, ENABLE | device << 11 | (off & 0xfc));
	if (width == 1)
		outb(DATA + off % 4, value);
	else if (width == 2)
		outw(DATA + off % 4, value);
	else
		outl(DATA, value);
}

unsigned pci_capability(unsigned device, unsigned type)
{
	unsigned at = pci_read(device, CAP_POINTER, 1), turns = 48;

	while (at >= 0x40 && turns--) {
		if (pci_read(device, at, 1) == CAP_VENDOR &&
		    pci_read(device, at + 3, 1) == type)
			return at;
		at = pci_read(device, at + 1, 1);
	}
	return 0;
}
