/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From 4.0 on the Host hands us what its Guest could not do: in and out, and
 * accesses to the pages that stand for devices.  We do it with the Guest's
 * registers and step over it, or let the Guest have its trap.
 */
#include <errno.h>
#include <string.h>

#include "access.h"
#include "lguest.h"

#define TRAP_GP		13
#define TRAP_PF		14
#define CLI		0xfa

/* Where ModRM's registers are among the Host's. */
static const uint8_t registers[8] = {
	LGREG_AX, LGREG_CX, LGREG_DX, LGREG_BX,
	LGREG_SP, LGREG_BP, LGREG_SI, LGREG_DI,
};

static uint32_t get(unsigned offset)
{
	unsigned long value = 0;

	/*
	 * The register is what the next read(2) gives, before anything else
	 * and at once.  It has to be taken, whatever signal has come: else the
	 * next one to run the Guest would find it.
	 */
	if (lguest_request(lguest.fd, LHREQ_GETREG, offset, 0, 0, 0) < 0 ||
	    lguest_read_now(&value, sizeof(value)) < 0)
		return 0;
	return value;
}

static void set(unsigned offset, uint32_t value)
{
	lguest_request(lguest.fd, LHREQ_SETREG, offset, value, 0, 0);
}

/* A value of `extend` bytes becomes part of a register, or all of it. */
static void set_part(const struct access *a, uint32_t value)
{
	unsigned shift = a->high ? 8 : 0;
	uint32_t mask = (UINT32_MAX >> (32 - 8 * a->extend)) << shift;
	uint32_t old = a->extend == 4 ? 0 : get(registers[a->reg]);

	set(registers[a->reg], (old & ~mask) | ((value << shift) & mask));
}

/* Where a write means a kick, whatever its value; 0: nowhere yet. */
static gpa_t doorbells[DEVICES_MAX][QUEUES_MAX];

void lguest_doorbell(struct virtqueue *q, gpa_t gpa, bool on)
{
	doorbells[q->d->index][q->index] = on ? gpa : 0;
}

static bool ring(struct guest *g, gpa_t addr)
{
	for (unsigned i = 0; i < g->ndevices; i++)
		for (unsigned q = 0; q < QUEUES_MAX; q++)
			if (addr == doorbells[i][q]) {
				virtio_notify(&g->devices[i], q);
				return true;
			}
	return false;
}

static void access_do(struct guest *g, const struct access *a, uint64_t addr)
{
	uint32_t value = a->value;

	/* What costs two calls, the register, is not looked at. */
	if (a->write && a->mmio && addr && ring(g, addr))
		return;
	if (!a->write) {
		set_part(a, io_read(g, a->mmio, addr, a->width));
		return;
	}
	if (a->reg >= 0)
		value = get(registers[a->reg]) >> (a->high ? 8 : 0);
	io_write(g, a->mmio, addr, a->width, value);
}

/* False: the Guest gets its trap. */
static bool emulate(struct guest *g, const struct lguest_pending *p)
{
	bool mmio = p->trap == TRAP_PF;
	uint64_t addr = p->addr;
	struct access a;
	unsigned length = 1;

	/* Ports belong to the Guest's kernel: ring 1. */
	if (!mmio && (get(LGREG_CS) & 3) != 1)
		return false;
	/* Interrupts are not off by that, but nor is it a mistake. */
	if (mmio || p->insn[0] != CLI) {
		if (!access_decode(&a, p->insn, sizeof(p->insn), mmio))
			return false;
		if (!mmio)
			addr = a.port < 0 ? get(LGREG_DX) & 0xffff :
				    (unsigned)a.port;
		access_do(g, &a, addr);
		length = a.length;
	}
	set(LGREG_IP, get(LGREG_IP) + length);
	return true;
}

/*
 * Before it has handlers to be told, a kernel, or what unpacks it, may ask for
 * what only ring 0 has: CR0, or registers for microcode.  All of that is 0.
 */
static bool early(const struct lguest_pending *p)
{
	bool control = p->insn[1] == 0x20, read = p->insn[1] == 0x32;

	if (p->trap != TRAP_GP || p->insn[0] != 0x0f ||
	    (!control && !read && p->insn[1] != 0x30))
		return false;
	if (control)
		set(registers[p->insn[2] & 7], 0);
	if (read) {
		set(LGREG_AX, 0);
		set(LGREG_DX, 0);
	}
	set(LGREG_IP, get(LGREG_IP) + 2 + control);
	return true;
}

void lguest_emulate(struct guest *g, const struct lguest_pending *pending)
{
	struct lguest_pending p = *pending;

	if (p.trap != TRAP_GP && p.trap != TRAP_PF)
		return;
	/* Refused, it would come again for ever. */
	if (!emulate(g, &p) &&
	    lguest_request(lguest.fd, LHREQ_TRAP, p.trap, 0, 0, 0) == -EINVAL &&
	    !early(&p))
		guest_end(g, STATUS_CRASHED, "trap %u at 0x%x has no handler",
			  p.trap, get(LGREG_IP));
}
