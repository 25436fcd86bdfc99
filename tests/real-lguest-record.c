/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records what a Launcher and the Host's /dev/lguest tell each other, and what
 * Guest and Launcher write into the rings in between; runs inside the Host of
 * real-lguest.sh, with a Guest on the lguest bus or on PCI.
 *
 * usage: real-lguest-record OUT LGUEST MEM [OPTIONS]...
 *
 * OUT has a line an event; all numbers are hexadecimal, bytes are as in memory:
 *	open NUMBER		of a file that is /dev/lguest
 *	write NUMBER WORD... = RESULT	a request; "base" is the first word of
 *				INITIALIZE, wherever that was
 *	get NUMBER REGISTER = WORD	such a request and the read(2) after it
 *	read NUMBER = RESULT BYTE...	the Guest ran until then, or has died
 *	close NUMBER
 *	guest ADDRESS BYTE...	the Guest wrote that, in the read that follows
 *	launcher ADDRESS BYTE...	we did, before the read that follows
 * Results below zero are -errno.  Of memory, only what concerns devices is
 * there: the descriptor page, rings, and the buffers that a Guest fills.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/lguest.h"

#define NODE		"/dev/lguest"
#define FILES		64
#define RINGS_MAX	16
#define AREAS_MAX	64
#define DESC_NEXT	1
#define DESC_WRITE	2
#define DESC_INDIRECT	4
#define SYSGOOD		(SIGTRAP | 0x80)

struct ring {
	uint32_t desc, avail, used;
	uint16_t num, seen;
};

/* What is compared from one read(2) to the next. */
struct area {
	uint32_t at, len;
	uint8_t *old;
};

static FILE *out;
static int memory = -1;		/* the Launcher's */
static bool files[FILES];
static uint32_t base, ram;
static struct ring rings[RINGS_MAX];
static struct area areas[AREAS_MAX];
static bool is_bus;
static unsigned nareas, nrings;

static bool get(uint32_t at, void *to, size_t len)
{
	return pread(memory, to, len, (off_t)base + at) == (ssize_t)len;
}

static uint8_t bytes[64 * 1024];	/* for a moment */

static void print_hex(const uint8_t *from, size_t len)
{
	while (len--)
		fprintf(out, " %02x", *from++);
	fputc('\n', out);
}

static void print_bytes(const char *who, uint32_t at, const uint8_t *from,
			size_t len)
{
	fprintf(out, "%s %x", who, at);
	print_hex(from, len);
}

/* --- memory -------------------------------------------------------------- */

static void area_add(uint32_t at, uint32_t len)
{
	for (unsigned i = 0; i < nareas; i++)
		if (areas[i].at == at && areas[i].len == len)
			return;
	if (nareas == AREAS_MAX)
		return;
	areas[nareas].at = at;
	areas[nareas].len = len;
	areas[nareas++].old = calloc(1, len);
}

/* Runs of bytes that differ; less than four alike do not end one. */
static void area_compare(const char *who, struct area *a)
{
	uint8_t *now = bytes;

	if (a->len > sizeof(bytes) || !get(a->at, now, a->len))
		return;
	for (uint32_t i = 0; i < a->len; i++) {
		uint32_t end = i + 1, same = 0;

		if (now[i] == a->old[i])
			continue;
		for (uint32_t j = end; j < a->len && same < 4; j++) {
			same = now[j] == a->old[j] ? same + 1 : 0;
			if (!same)
				end = j + 1;
		}
		print_bytes(who, a->at + i, now + i, end - i);
		i = end;
	}
	memcpy(a->old, now, a->len);
}

static void compare(const char *who)
{
	for (unsigned i = 0; i < nareas; i++)
		area_compare(who, &areas[i]);
}

static void ring_add(uint32_t desc, uint32_t avail, uint32_t used, unsigned num)
{
	unsigned i = 0;

	while (i < nrings && rings[i].desc != desc)
		i++;
	if (i == RINGS_MAX)
		return;
	if (i == nrings)
		nrings++;
	rings[i] = (struct ring){ desc, avail, used, num, 0 };
	area_add(desc, 16 * num);
	area_add(avail, 4 + 2 * num);
	area_add(used, 4 + 8 * num);
}

/* The bytes that the Guest has put there for a device. */
static void buffer_print(uint32_t at, uint32_t len)
{
	if (len <= sizeof(bytes) && get(at, bytes, len))
		print_bytes("guest", at, bytes, len);
}

static void chain_print(uint32_t table, unsigned num, unsigned i)
{
	struct { uint64_t addr; uint32_t len; uint16_t flags, next; } d;

	for (unsigned n = 0; n < num; n++) {
		if (i >= num || !get(table + i * sizeof(d), &d, sizeof(d)))
			return;
		if (!(d.flags & DESC_WRITE))
			buffer_print(d.addr, d.len);
		if (d.flags & DESC_INDIRECT && num)
			chain_print(d.addr, d.len / sizeof(d), 0);
		if (!(d.flags & DESC_NEXT))
			return;
		i = d.next;
	}
}

static void chains_print(void)
{
	for (struct ring *r = rings; r < rings + nrings; r++) {
		uint16_t idx, head;

		if (!get(r->avail + 2, &idx, 2))
			continue;
		for (; r->seen != idx; r->seen++)
			if (get(r->avail + 4 + r->seen % r->num * 2, &head, 2))
				chain_print(r->desc, r->num, head);
	}
}

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
	if (offset == 28)
		ring_add(w[8], w[10], w[12], w[6] & 0xffff);
}

/* --- system calls -------------------------------------------------------- */

static void opened(struct user_regs_struct *r, int fd)
{
	uint32_t at = r->orig_eax == SYS_openat ? r->ecx : r->ebx;
	char path[sizeof(NODE)] = "";

	if (fd < 0 || fd >= FILES ||
	    pread(memory, path, sizeof(path), at) < (ssize_t)sizeof(path) ||
	    memcmp(path, NODE, sizeof(NODE)))
		return;
	files[fd] = true;
	fprintf(out, "open %x\n", fd);
}

/* Nobody read what was asked for: then it was a write(2) like others. */
static void not_asked(int fd)
{
	if (asked >= 0)
		fprintf(out, "write %x %x %x 0 0 0 = 8\n", fd, LHREQ_GETREG,
			asked);
	asked = -1;
}

static void wrote(struct user_regs_struct *r, int result)
{
	uint32_t words[8] = { 0 };
	unsigned n = (uint32_t)r->edx / 4 < 8 ? (uint32_t)r->edx / 4 : 8;

	pread(memory, words, n * 4, (uint32_t)r->ecx);
	not_asked(r->ebx);
	if (words[0] == LHREQ_GETREG && result >= 0) {
		asked = words[1];
		return;
	}
	fprintf(out, "write %x", (unsigned)r->ebx);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, words[0] == LHREQ_INITIALIZE && i == 1 ?
			" base" : " %x", words[i]);
	fprintf(out, " = %d\n", result);
	if (words[0] == LHREQ_INITIALIZE) {
		base = words[1];
		nareas = nrings = 0;
		memset(functions, 0, sizeof(functions));
		/* From 4.0 on the limit is RAM's; before, of devices, too. */
		is_bus = words[2] * LGUEST_PAGE != ram;
	} else if (words[0] == LHREQ_SETREG && words[1] == LGREG_IP) {
		pci_stored();
	}
}

/* The bytes come first, as they have to be there when read(2) returns. */
static void did_read(struct user_regs_struct *r, int result)
{
	uint8_t got[512] = { 0 };
	int n = result < 0 ? 0 : result < 512 ? result : 512;

	pread(memory, got, n, (uint32_t)r->ecx);
	if (asked >= 0 && n == 4) {
		memcpy(&last_register, got, 4);
		fprintf(out, "get %x %x = %x\n", (unsigned)r->ebx, asked,
			last_register);
		asked = -1;
		return;
	}
	chains_print();
	compare("guest");
	if (n == 4 && *(uint32_t *)got < ram)
		buffer_print(*(uint32_t *)got, 16);
	fprintf(out, "read %x = %d", (unsigned)r->ebx, result);
	print_hex(got, n);
	if (n == sizeof(pending))
		memcpy(&pending, got, n);
}

static bool is_node(struct user_regs_struct *r)
{
	uint32_t fd = r->ebx;

	return fd < FILES && files[fd];
}

static void entered(struct user_regs_struct *r)
{
	if (r->orig_eax != SYS_read || !is_node(r) || asked >= 0)
		return;
	if (is_bus && !nrings)
		bus_look();
	compare("launcher");
}

static void left(struct user_regs_struct *r)
{
	int result = r->eax;

	/* ERESTARTSYS and its like are the kernel's own. */
	if (result <= -512)
		return;
	if (r->orig_eax == SYS_open || r->orig_eax == SYS_openat)
		opened(r, result);
	if (!is_node(r))
		return;
	if (r->orig_eax == SYS_write)
		wrote(r, result);
	else if (r->orig_eax == SYS_read && result != -EINTR)
		did_read(r, result);
	else if (r->orig_eax == SYS_close && !result) {
		not_asked(r->ebx);
		fprintf(out, "close %x\n", (unsigned)r->ebx);
		files[r->ebx] = false;
	}
}

static int trace(pid_t pid)
{
	struct user_regs_struct regs;
	bool inside = false;
	int status, sig = 0;

	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, 0, sig);
		if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
		sig = WSTOPSIG(status);
		if (sig != SYSGOOD)
			continue;
		sig = 0;
		inside = !inside;
		ptrace(PTRACE_GETREGS, pid, 0, &regs);
		if (inside)
			entered(&regs);
		else
			left(&regs);
	}
}

int main(int argc, char **argv)
{
	char path[32];
	int status;
	pid_t pid;

	if (argc < 4 || !(out = fopen(argv[1], "w")))
		return 2;
	ram = strtoul(argv[3], NULL, 10) << 20;
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
	/* After execve(2), or this is our own memory. */
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	memory = open(path, O_RDONLY);
	status = trace(pid);
	fclose(out);
	return status;
}
