/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One register that a CPU may read without asking.  Drivers poll a serial
 * port's line status before each byte they send; were every poll to wait for
 * the core, then printing a line would mean some eighty naps for the CPU.
 */
#include <stdatomic.h>

#include "guest.h"

#define VALID		(1u << 31)

/* Ports never change once there is a value; the value does at any time. */
static atomic_ushort latch_port, latch_behind;
static atomic_uint latch;

void io_latch(uint16_t port, uint16_t behind, int value)
{
	latch_port = port;
	latch_behind = behind;
	atomic_store(&latch, value < 0 ? 0 : VALID | value);
}

bool io_latched(uint16_t port, uint8_t *value)
{
	unsigned now = atomic_load(&latch);

	*value = now;
	return now & VALID && port == latch_port;
}

bool io_latch_ignores(uint16_t port)
{
	return atomic_load(&latch) & VALID && port == latch_behind;
}
