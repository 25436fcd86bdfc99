/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records what a Launcher and the Host's /dev/lguest tell each other, and what
 * Guest and Launcher write into the rings in between; runs inside the Host of
 * real-lguest.sh, with a Guest on the lguest bus or on PCI.
 *
 * usage: real-lguest-record OUT LGUEST MEM [OPTIONS]...
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
#include "real-lguest-rings.h"

#define NODE		"/dev/lguest"
#define FILES		64
#define SYSGOOD		(SIGTRAP | 0x80)

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
		uint32_t value;

		memcpy(&value, got, 4);
		fprintf(out, "get %x %x = %x\n", (unsigned)r->ebx, asked,
			value);
		/* What is stored is in none of ip and cs. */
		if (asked < LGREG_IP)
			last_register = value;
		asked = -1;
		return;
	}
	chains_print();
	compare("guest");
	if (n == 4 && *(uint32_t *)got < ram)
		buffer_print("guest", *(uint32_t *)got, 16);
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
	used_print();
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
	long call = -1;
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
		ptrace(PTRACE_GETREGS, pid, 0, &regs);
		/* Until it is done, a call's result is that there is none. */
		inside = (int)regs.eax == -ENOSYS &&
			 !(inside && call == regs.orig_eax);
		call = regs.orig_eax;
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
