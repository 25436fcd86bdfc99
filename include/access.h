/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * access.c: instructions by which 32-bit code reaches ports and device memory,
 * for hypervisors that have to do them themselves.  Pure; works on any bytes.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include "lguest.h"

#define INSN_MAX	15	/* bytes of the longest there is */

/* An access to a port or to device memory, decoded. */
struct access {
	bool write, mmio;
	unsigned width;		/* bytes accessed */
	unsigned length;	/* of the instruction */
	int reg;		/* 0 to 7 as in ModRM, or -1: value is it */
	bool high;		/* ah, ch, dh or bh */
	unsigned extend;	/* width of the register to fill, zeroed */
	int port;		/* number, or -1: it is in dx */
	uint32_t value;
};

/*
 * What insn, of which n bytes are there, does to memory (mmio) or to I/O
 * ports.  False: nothing that we know.
 */
bool access_decode(struct access *a, const uint8_t *insn, unsigned n,
		   bool mmio);

/* length.c: bytes of the instruction; 0: it does not end within n of them. */
unsigned insn_length(const uint8_t *bytes, unsigned n);

/* Where its ModRM byte is; 0: it has none. */
unsigned insn_modrm(const uint8_t *bytes, unsigned n);

#endif
