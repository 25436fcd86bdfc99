/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records what a Launcher and the Host's /dev/lguest tell each other, and what
 * Guest and Launcher write into the rings in between; runs inside the Host of
 * real-lguest.sh, with a Guest on the lguest bus or on PCI.
 *
 * It is the Launcher, linked with what is below around its system calls: from
 * 2.6.31 to 3.8 the Host wakes whoever runs a Guest when the Guest's timer
 * expires, also from a stop of ptrace(2), and what stopped there is missed.
 *
 * usage: RECORD=OUT RECORD_MEM=MEM lguest ... MEM ...
 *
 * In front of what we write, real-lguest.sh puts:
 *	initrd SIZE
 *	disk SIZE		if there is one, full of zeroes
 * OUT has a line an event; all numbers are hexadecimal, bytes are as in memory:
 *	open NUMBER		of a file that is /dev/lguest
 *	write NUMBER WORD... = RESULT	a request; "base" is the first word of
 *				INITIALIZE, wherever that was
 *	get NUMBER REGISTER = WORD	such a request and the read(2) after it
 *	read NUMBER = RESULT BYTE...	the Guest ran until then, or has died
 *	close NUMBER
 *	area ADDRESS LENGTH	from now on all changes in there are recorded;
 *				there are zeroes up to now
 *	guest ADDRESS BYTE...	the Guest wrote that, in the read that follows
 *	launcher ADDRESS BYTE...	we did, before the read that follows
 * Results below zero are -errno.  Of memory, only what concerns devices is
 * there: the descriptor page, rings, and the buffers that were filled.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/lguest.h"
#include "real-lguest-rings.h"

#define NODE		"/dev/lguest"
#define FILES		64

static bool files[FILES];
static uint32_t ram;
static bool is_bus;

/* --- where rings are: the lguest bus ------------------------------------- */

static void bus_look(void)
{
	uint8_t page[LGUEST_PAGE];
	unsigned at = 0;

	if (!get(ram, page, sizeof(page)))
		return;
	area_add(ram, sizeof(page));
	while (at + sizeof(struct lguest_device_desc) < sizeof(page)) {
		struct lguest_device_desc *d = (void *)(page + at);
		struct lguest_vqconfig *vq = (void *)(d + 1);

		if (!d->type)
			return;
		for (unsigned i = 0; i < d->num_vq; i++) {
			uint32_t desc = vq[i].pfn * LGUEST_PAGE;
			uint32_t num = vq[i].num, avail = desc + 16 * num;
			uint32_t used = avail + 4 + 2 * num + LGUEST_PAGE - 1;

			ring_add(desc, avail, used & -LGUEST_PAGE, num);
		}
		at += sizeof(*d) + d->num_vq * sizeof(*vq) +
		      2 * d->feature_len + d->config_len;
	}
}

/* --- and PCI: from what the Guest writes into common configurations ------- */

static struct {
	uint32_t page, words[16];	/* offset / 4 */
} functions[RINGS_MAX];
static struct lguest_pending pending;
static uint32_t last_register;
static int asked = -1;		/* for this register, to be read(2) next */

static void pci_stored(void)
{
	uint32_t offset = pending.addr % LGUEST_PAGE, *w;
	unsigned i = 0;

	/* mov of a register to memory: 88 and 89, maybe with a prefix */
	if (pending.trap != 14 || offset >= 64 ||
	    (pending.insn[pending.insn[0] == 0x66] & 0xfe) != 0x88)
		return;
	while (i < RINGS_MAX - 1 && functions[i].page &&
	       functions[i].page != pending.addr - offset)
		i++;
	functions[i].page = pending.addr - offset;
	w = functions[i].words;
	if (offset % 4 == 0)
		w[offset / 4] = last_register;
	else if (offset % 4 == 2)
		w[offset / 4] = (w[offset / 4] & 0xffff) | last_register << 16;
	/* queue_enable: desc, avail and used are at 32, 40 and 48 */
	if (offset == 28) {
		ring_add(w[8], w[10], w[12], w[6] & 0xffff);
		/* Up to now there is only what the Guest wrote. */
		compare("guest");
	}
}

/* --- system calls -------------------------------------------------------- */

int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __real_read(int fd, void *buf, size_t len);
long __real_interruptible_read(int fd, void *buf, size_t len);

static bool is_node(int fd)
{
	return fd >= 0 && fd < FILES && files[fd];
}

int __wrap_open(const char *path, int flags, int mode)
{
	int fd = __real_open(path, flags, mode);
	const char *name = getenv("RECORD"), *mem = getenv("RECORD_MEM");

	if (fd < 0 || fd >= FILES || !name || !mem || strcmp(path, NODE))
		return fd;
	if (!out) {
		ram = strtoul(mem, NULL, 10) << 20;
		out = fopen(name, "we");
		if (!out)
			abort();
		setvbuf(out, NULL, _IOLBF, 0);
	}
	files[fd] = true;
	fprintf(out, "open %x\n", fd);
	return fd;
}

/* Nobody read what was asked for: then it was a write(2) like others. */
static void not_asked(int fd)
{
	if (asked >= 0)
		fprintf(out, "write %x %x %x 0 0 0 = 8\n", fd, LHREQ_GETREG,
			asked);
	asked = -1;
}

int __wrap_close(int fd)
{
	int result = __real_close(fd);

	if (is_node(fd) && !result) {
		not_asked(fd);
		fprintf(out, "close %x\n", fd);
		files[fd] = false;
	}
	return result;
}

static void initialized(const uint32_t *words)
{
	base = words[1];
	limit = words[2] * LGUEST_PAGE;
	nareas = nrings = 0;
	memset(functions, 0, sizeof(functions));
	/* From 4.0 on the limit is RAM's; before, of devices, too. */
	is_bus = limit != ram;
}

static void wrote(int fd, const uint32_t *words, unsigned n, int result)
{
	not_asked(fd);
	if (words[0] == LHREQ_GETREG && result >= 0) {
		asked = words[1];
		return;
	}
	fprintf(out, "write %x", fd);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, words[0] == LHREQ_INITIALIZE && i == 1 ?
			" base" : " %x", words[i]);
	fprintf(out, " = %d\n", result);
	if (words[0] == LHREQ_INITIALIZE)
		initialized(words);
	else if (words[0] == LHREQ_SETREG && words[1] == LGREG_IP)
		pci_stored();
}

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	ssize_t result = __real_write(fd, buf, len);
	int error = errno;

	if (is_node(fd))
		wrote(fd, buf, len / 4, result < 0 ? -error : result);
	errno = error;
	return result;
}

/* The Guest is about to run: what did we do up to now? */
static void entered(int fd)
{
	if (!is_node(fd) || asked >= 0)
		return;
	if (is_bus && !nrings)
		bus_look();
	used_print();
	compare("launcher");
}

static void got_register(int fd, uint32_t value)
{
	fprintf(out, "get %x %x = %x\n", fd, asked, value);
	/* What is stored is in none of ip and cs. */
	if (asked < LGREG_IP)
		last_register = value;
	asked = -1;
}

/* The bytes come first, as they have to be there when read(2) returns. */
static void did_read(int fd, const void *buf, int result)
{
	uint32_t value;

	if (!is_node(fd) || result == -EINTR)
		return;
	memcpy(&value, buf, sizeof(value));
	if (asked >= 0 && result == sizeof(value)) {
		got_register(fd, value);
		return;
	}
	chains_print();
	compare("guest");
	if (result == sizeof(value) && value < ram)
		buffer_print("guest", value, 16);
	fprintf(out, "read %x = %d", fd, result);
	print_hex(buf, result < 0 ? 0 : result);
	if (result == sizeof(pending))
		memcpy(&pending, buf, sizeof(pending));
}

ssize_t __wrap_read(int fd, void *buf, size_t len)
{
	ssize_t result;
	int error;

	entered(fd);
	result = __real_read(fd, buf, len);
	error = errno;
	did_read(fd, buf, result < 0 ? -error : result);
	errno = error;
	return result;
}

/* Its result is -errno. */
long __wrap_interruptible_read(int fd, void *buf, size_t len)
{
	long result;

	entered(fd);
	result = __real_interruptible_read(fd, buf, len);
	did_read(fd, buf, result);
	return result;
}
