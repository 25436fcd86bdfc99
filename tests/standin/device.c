/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/lguest: the requests and answers of drivers/lguest/lguest_user.c, in
 * the order in which it looks at things.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "i386.h"
#include "standin.h"

#define ERESTART_LINUX	85
#define O_CLOEXEC_I386	02000000
#define IRQS		32

enum request { INITIALIZE, IRQ = 2, GETREG = 5, SETREG = 6, TRAP = 7 };

uint32_t host_registers[17];
unsigned host_traps[256];
bool host_no_gates;
unsigned host_initializes, host_reads;
struct initialize host_boot;
bool host_no_node;

static const struct era *era;

/* One open file; the last one that was initialised is the Guest. */
static struct file {
	bool initialized, dead;
	const char *reason;	/* NULL: error */
	int error;
	pid_t owner;
	uint32_t irqs;		/* raised */
	int fetch;		/* register that the next read gives, or -1 */
} files[FILES], *guest;

static struct call reading;	/* the read that runs the Guest; id 0: none */

void host_reset(const struct era *of)
{
	era = of;
	memset(files, 0, sizeof(files));
	guest = NULL;
	reading.id = 0;
	host_initializes = host_reads = 0;
	memset(&host_boot, 0, sizeof(host_boot));
}

/* ------------------------------------------------------------------ */

int host_open(const struct call *c)
{
	uint32_t path = c->args[c->nr == I386_OPENAT];
	uint32_t flags = c->args[1 + (c->nr == I386_OPENAT)];
	char name[sizeof("/dev/lguest")];
	int n = 0;

	if (!child_read(path, name, sizeof(name)) ||
	    memcmp(name, "/dev/lguest", sizeof(name))) {
		child_continue(c);
		return -1;
	}
	/* In a chroot there is none. */
	if (host_no_node) {
		child_answer(c, 0, ENOENT);
		return -1;
	}
	while (n < FILES && child_has_fd(FIRST_FD + n))
		n++;
	if (n == FILES) {
		child_answer(c, 0, EMFILE);
		return -1;
	}
	files[n] = (struct file){ .fetch = -1 };
	child_give_fd(c, FIRST_FD + n, flags & O_CLOEXEC_I386);
	return FIRST_FD + n;
}

/* ------------------------------------------------------------------ */

static int initialize(struct file *f, const struct call *c,
		      const uint32_t *words)
{
	char byte;

	if (f->initialized)
		return -EBUSY;
	host_boot = (struct initialize){ .base = words[0],
					  .limit = words[1] };
	if (era->form == FORM_PGDIR)
		host_boot.pgdir = words[2];
	host_boot.start = words[era->form == FORM_PGDIR ? 3 : 2];
	if (era->form == FORM_DEVICES)
		host_boot.device_limit = words[3];
	NEED_EQ(host_boot.base % PAGE, 0);
	NEED(child_read(host_boot.base, &byte, 1));
	NEED(child_read(host_boot.base + host_boot.limit * PAGE - 1, &byte,
			1));
	f->initialized = true;
	f->owner = c->thread;
	f->fetch = -1;
	guest = f;
	host_initializes++;
	memset(host_registers, 0, sizeof(host_registers));
	host_no_gates = false;
	host_registers[52 / 4] = 0x61;
	return era->form == FORM_START ? 12 : 16;
}

static int register_request(struct file *f, const uint32_t *words, bool set)
{
	uint32_t offset = words[0];
	/* bx to ax, ip, sp may be set; the others only seen. */
	bool known = offset <= 64 && offset % 4 == 0 && offset != 44;

	if (era->form != FORM_DEVICES)
		return -EINVAL;
	if (!known || (set && offset > 24 && offset != 48 && offset != 60))
		return -ENOENT;
	if (!set) {
		f->fetch = offset;
		return 8;
	}
	host_registers[offset / 4] = words[1];
	return 12;
}

static int request(struct file *f, const struct call *c)
{
	/* The size does not matter to the driver, nor to us. */
	uint32_t words[5] = { 0 };

	if (!child_read(c->args[1], words, sizeof(words)))
		return -EFAULT;
	if (words[0] == INITIALIZE)
		return initialize(f, c, words + 1);
	if (!f->initialized)
		return -EINVAL;
	if (f->dead)
		return -ENOENT;
	if (era->owner_only && c->thread != f->owner)
		return -EPERM;
	switch (words[0]) {
	case IRQ:
		if (words[1] >= IRQS)
			return -EINVAL;
		NEED(words[1] != 0);	/* that is the timer's */
		f->irqs |= 1U << words[1];
		return 0;
	case GETREG:
	case SETREG:
		return register_request(f, words + 1, words[0] == SETREG);
	case TRAP:
		if (era->form != FORM_DEVICES || words[1] > 255 ||
		    host_no_gates)
			return -EINVAL;
		host_traps[words[1]]++;
		f->dead = f->reason;
		return 0;
	}
	/* BREAK and EVENTFD served Launchers of many threads. */
	failed(__FILE__, __LINE__, "request %u is never sent", words[0]);
}

/* ------------------------------------------------------------------ */

/* What read(2) gives at once: its value or -errno; 0 if the Guest runs. */
static int read_now(struct file *f, const struct call *c)
{
	size_t len;

	if (!f->initialized)
		return -EINVAL;
	if (c->thread != f->owner)
		return -EPERM;
	if (f->dead) {
		if (!f->reason)
			return -f->error;
		len = strlen(f->reason) + 1;
		if (len > c->args[2])
			len = c->args[2];
		NEED(child_write(c->args[1], f->reason, len));
		return len;
	}
	if (f->fetch >= 0) {
		NEED(child_write(c->args[1], &host_registers[f->fetch / 4],
				 4));
		f->fetch = -1;
		return 4;
	}
	return 0;
}

/* Answers the next call; false when the Launcher has ended. */
static bool step(void)
{
	struct call c;
	struct file *f, before;
	int value;

	if (!child_call(&c))
		return false;
	/* It has one thread, so what it did before is over: a signal came. */
	reading.id = 0;
	if (c.nr == I386_OPEN || c.nr == I386_OPENAT) {
		host_open(&c);
		return true;
	}
	f = &files[c.args[0] - FIRST_FD];
	before = *f;
	value = c.nr == I386_READ ? read_now(f, &c) : request(f, &c);
	if (c.nr == I386_READ && !value) {
		NEED(f == guest);
		host_reads++;
		reading = c;
		return true;
	}
	/* Gone by a signal: it will ask again, as if for the first time. */
	if (!child_answer(&c, value, value < 0 ? -value : 0))
		*f = before;
	return true;
}

static void step_or_fail(void)
{
	if (!step())
		failed(__FILE__, __LINE__, "the Launcher ended with status %d",
		       child_status());
}

void host_run(void)
{
	while (!reading.id)
		step_or_fail();
}

/*
 * Ends the read with bytes, however often it is begun.  If a signal ended it,
 * there is something else by now where its buffer was.
 */
static void end_read(const void *bytes, size_t len)
{
	for (;;) {
		host_run();
		if (child_waits(&reading)) {
			if (!child_write(reading.args[1], bytes, len))
				failed(__FILE__, __LINE__,
				       "no room for %zu bytes", len);
			if (child_answer(&reading, len, 0))
				break;
		}
		reading.id = 0;
	}
	reading.id = 0;
}

void host_notify(uint32_t value)
{
	NEED(era->telling != TELLS_PCI);
	end_read(&value, sizeof(value));
	host_run();
}

static void give_trap(uint8_t trap, const uint8_t insn[7], uint32_t addr)
{
	uint8_t pending[12] = { trap };

	memcpy(pending + 1, insn, 7);
	memcpy(pending + 8, &addr, sizeof(addr));
	end_read(pending, sizeof(pending));
}

void host_trap(uint8_t trap, const uint8_t insn[7], uint32_t addr)
{
	give_trap(trap, insn, addr);
	host_run();
}

void host_trap_kills(uint8_t trap, const uint8_t insn[7], const char *reason)
{
	host_run();
	guest->reason = reason;
	give_trap(trap, insn, 0);
}

/* If a signal was faster, the next read(2) is told the same. */
static void end_guest(const char *reason, int error)
{
	host_run();
	guest->dead = true;
	guest->reason = reason;
	guest->error = error;
	child_answer(&reading, 0, error);
	reading.id = 0;
}

void host_die(const char *reason)
{
	end_guest(reason, ENOENT);
}

void host_restart(void)
{
	end_guest(NULL, ERESTART_LINUX);
}

unsigned host_raised(void)
{
	unsigned irq;

	host_run();
	if (!guest->irqs)
		return 0;
	/* Lowest first, one at a time. */
	irq = __builtin_ctz(guest->irqs);
	guest->irqs &= ~(1U << irq);
	return irq;
}

unsigned host_halt(void)
{
	unsigned irq;

	while (!(irq = host_raised()))
		step_or_fail();
	return irq;
}

uint32_t host_pending(void)
{
	host_run();
	return guest->irqs;
}

void host_clear(unsigned irq)
{
	guest->irqs &= ~(1U << irq);
}

void host_step_within(unsigned ms)
{
	if (!ms || child_calls(ms))
		step_or_fail();
}

bool host_runs(void)
{
	while (!reading.id)
		if (!step())
			return false;
	return true;
}

int host_end(void)
{
	while (step())
		;
	return child_status();
}

/* ------------------------------------------------------------------ */

static uint32_t host_address(uint32_t at, size_t len)
{
	uint32_t size = host_boot.limit * PAGE;

	NEED(guest && guest->initialized);
	NEED(at <= size && len <= size - at);
	return host_boot.base + at;
}

void guest_read(uint32_t at, void *buf, size_t len)
{
	NEED(child_read(host_address(at, len), buf, len));
}

void guest_write(uint32_t at, const void *buf, size_t len)
{
	NEED(child_write(host_address(at, len), buf, len));
}

uint32_t guest_read32(uint32_t at)
{
	uint32_t value;

	guest_read(at, &value, sizeof(value));
	return value;
}

uint16_t guest_read16(uint32_t at)
{
	uint16_t value;

	guest_read(at, &value, sizeof(value));
	return value;
}
