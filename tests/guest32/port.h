/* SPDX-License-Identifier: GPL-2.0-only */
/* in and out, which trap. */
#ifndef PORT_H
#define PORT_H

#include "guest32.h"

static inline void outb(u16 port, u8 v)
{
	asm volatile("outb %0, %1" :: "a"(v), "Nd"(port));
}

static inline void outw(u16 port, u16 v)
{
	asm volatile("outw %0, %1" :: "a"(v), "Nd"(port));
}

static inline void outl(u16 port, u32 v)
{
	asm volatile("outl %0, %1" :: "a"(v), "Nd"(port));
}

static inline u8 inb(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u16 inw(u16 port)
{
	u16 v;

	asm volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u32 inl(u16 port)
{
	u32 v;

	asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

/* --- PCI's configuration space: pci.c ------------------------------------- */

u32 pci_read(unsigned device, unsigned off, unsigned width);
void pci_write(unsigned device, unsigned off, unsigned width, u32 value);

#define PCI_CFG_COMMON		1
#define PCI_CFG_NOTIFY		2
#define PCI_CFG_ISR		3
#define PCI_CFG_DEVICE		4
#define PCI_CFG_WINDOW		5

/* Where that capability of virtio's is; 0 if it has none. */
unsigned pci_capability(unsigned device, unsigned type);

#endif
