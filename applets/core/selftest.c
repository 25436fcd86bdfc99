/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lguest --selftest: what can this Host do?  A Guest of our own, two kilobytes
 * in the binary, is run on each hypervisor as any other would be, in a child.
 * It prints a letter for each thing that works (selftest/guest.c); we type on
 * its console, answer its frames, and look at what it wrote to its disk.
 *
 * All files are in memory, so it works where there is nothing around us.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "selftest.h"

#define SECONDS		10
#define GRACE_NS	UINT64_C(15000000000)	/* then it is killed */
#define SECTOR		512
#define SECTORS		8

/* Letters as in selftest/guest.c; of the console it is what we type. */
static const struct {
	const char *name;
	char letter;
} tests[] = {
	{ "console", 'c' }, { "block", 'b' }, { "net", 'n' }, { "rng", 'r' },
	{ "timer", 't' }, { "reboot", 'R' },
};

__asm__(".pushsection .rodata.selftest, \"a\"\n"
	".globl selftest_image, selftest_image_end\n"
	"selftest_image:\n"
	".incbin \"build/selftest/guest.bin\"\n"
	"selftest_image_end:\n"
	".popsection");

extern const uint8_t selftest_image[] __attribute__((visibility("hidden"))),
	selftest_image_end[] __attribute__((visibility("hidden")));

/* One run of it.  Of each wire the Guest has one end and we have the other. */
struct attempt {
	const struct hypervisor *hv;
	int kernel, disk;
	enum { CONSOLE, ERRORS, NET, WIRES } wires;
	int ours[WIRES], theirs[WIRES];
	pid_t pid;
	int status;
	char text[NET][1024];	/* what came from these two */
	size_t length[NET];
	char kernel_name[16];
};

static int make_file(const void *bytes, size_t size, off_t at)
{
	int fd = load_nameless();

	if (pwrite(fd, bytes, size, at) != (ssize_t)size)
		die_errno("write a file in memory");
	return fd;
}

/* Sector 1 is what the Guest is to copy to sector 2. */
static void make_sector(uint8_t sector[SECTOR])
{
	for (unsigned i = 0; i < SECTOR; i++)
		sector[i] = i * 7 + 1;
}

static void make_files(struct attempt *a)
{
	uint8_t sector[SECTOR];

	make_sector(sector);
	a->kernel = make_file(selftest_image,
			      (uintptr_t)selftest_image_end -
			      (uintptr_t)selftest_image, 0);
	a->disk = make_file(sector, SECTOR, SECTOR);
	if (ftruncate(a->disk, SECTORS * SECTOR))
		die_errno("ftruncate a file in memory");
}

static void make_wires(struct attempt *a)
{
	for (unsigned i = 0; i < WIRES; i++) {
		int ends[2];

		a->ours[i] = a->theirs[i] = -1;
		if (socketpair(AF_UNIX, i == NET ? SOCK_DGRAM : SOCK_STREAM, 0,
			       ends)) {
			/* Without a network, the rest can still be tested. */
			if (i == NET)
				return;
			die_errno("socketpair");
		}
		a->ours[i] = ends[0];
		a->theirs[i] = ends[1];
	}
}

/* In the child.  The order is that of slots in selftest/guest.h. */
static void add_device(struct guest *g, const char *option, int fd)
{
	static char arguments[4][16];
	char *argument = arguments[g->ndevices - 1];

	snprintf(argument, sizeof(arguments[0]), "fd:%d", fd);
	for (const struct device_type *const *t = device_types; *t; t++)
		if ((*t)->option && !strcmp((*t)->option, option))
			guest_add_device(g, *t, argument);
}

NORETURN static void run_child(struct attempt *a, struct guest *g)
{
	static char none[] = "";
	static struct plan plan = {
		.memory = MIB(4), .arguments = none, .console = "tty",
		.timeout = SECONDS,
	};

	for (unsigned i = 0; i < WIRES; i++)
		close(a->ours[i]);
	dup2(a->theirs[CONSOLE], 0);
	dup2(a->theirs[CONSOLE], 1);
	dup2(a->theirs[ERRORS], 2);
	close(a->theirs[CONSOLE]);
	close(a->theirs[ERRORS]);
	plan.kernel = a->kernel_name;
	plan.hypervisor = a->hv->name;
	add_device(g, "block", a->disk);
	add_device(g, "rng", 0);
	if (a->theirs[NET] >= 0)
		add_device(g, "tunnet", a->theirs[NET]);
	exit(guest_run(g, &plan));
}

/* False at the end of it.  What does not fit was said too often. */
static bool take(struct attempt *a, unsigned wire)
{
	char *text = a->text[wire];
	size_t *length = &a->length[wire];
	ssize_t n;

	if (*length == sizeof(a->text[0]) - 1)
		*length = 0;
	n = read(a->ours[wire], text + *length,
		 sizeof(a->text[0]) - 1 - *length);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	if (wire == ERRORS && say_verbose)
		write_all(STDERR_FILENO, text + *length, n);
	*length += n;
	text[*length] = '\0';
	return true;
}

static bool answer(int fd)
{
	uint8_t frame[256];
	ssize_t n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT);

	for (ssize_t i = 0; i < n; i++)
		frame[i] ^= 0xff;
	return n > 0 && send(fd, frame, n, MSG_DONTWAIT | MSG_NOSIGNAL) == n;
}

/* Until the child has closed what it says things on. */
static void watch(struct attempt *a)
{
	uint64_t end = now_ns() + GRACE_NS;
	struct pollfd fds[WIRES];

	for (unsigned i = 0; i < WIRES; i++)
		fds[i] = (struct pollfd){ .fd = a->ours[i], .events = POLLIN };
	while ((fds[CONSOLE].fd >= 0 || fds[ERRORS].fd >= 0) &&
	       now_ns() < end) {
		if (poll(fds, WIRES, 1000) <= 0)
			continue;
		for (unsigned i = 0; i < WIRES; i++)
			if (fds[i].fd >= 0 && fds[i].revents &&
			    !(i == NET ? answer(fds[i].fd) : take(a, i)))
				fds[i].fd = -1;
	}
	if (now_ns() >= end)
		kill(a->pid, SIGKILL);
	while (waitpid(a->pid, &a->status, 0) < 0 && errno == EINTR)
		;
}

static void run(struct attempt *a, struct guest *g)
{
	make_files(a);
	make_wires(a);
	snprintf(a->kernel_name, sizeof(a->kernel_name), "fd:%d", a->kernel);
	write_all(a->ours[CONSOLE], &tests[0].letter, 1);
	a->status = -1;
	a->pid = fork();
	if (!a->pid)
		run_child(a, g);
	if (a->pid < 0)
		snprintf(a->text[ERRORS], sizeof(a->text[0]), "fork: %s",
			 strerror(errno));
	for (unsigned i = 0; i < WIRES; i++)
		close(a->theirs[i]);
	if (a->pid > 0)
		watch(a);
	for (unsigned i = 0; i < WIRES; i++)
		close(a->ours[i]);
}

/* Did it write what it said? */
static bool disk_is_right(const struct attempt *a)
{
	uint8_t wanted[SECTOR], sector[SECTOR] = { 0 };

	make_sector(wanted);
	return pread(a->disk, sector, SECTOR, 2 * SECTOR) == SECTOR &&
	       !memcmp(sector, wanted, SECTOR);
}

static bool passed(const struct attempt *a, char letter)
{
	return strchr(a->text[CONSOLE], letter) &&
	       (letter != 'b' || disk_is_right(a)) &&
	       (letter != 'R' || !a->status);
}

static char *text_find(const char *text, const char *what)
{
	return bytes_find(text, strlen(text), what, strlen(what));
}

/* The last line of what it said, without our name or the kernel's. */
static const char *reason(struct attempt *a)
{
	char *text = a->text[ERRORS], *at;

	if (!a->status)
		return "the Guest ran, and its devices did not answer";
	text[strcspn(text, "\r")] = '\0';
	while ((at = strchr(text, '\n')) && at[1])
		text = at + 1;
	text[strcspn(text, "\n")] = '\0';
	at = text_find(text, a->kernel_name);
	if (at && text_find(text, "cannot run"))
		return at + strlen(a->kernel_name) + 2;
	at = text_find(text, ": ");
	return at && !strncmp(text, progname, at - text) ? at + 2 : text;
}

/* A Host that has just started may have none to give to its Guests. */
static bool has_random(void)
{
	char byte;

	return getrandom(&byte, 1, GRND_NONBLOCK) == 1 || errno != EAGAIN;
}

/* "-" for what there was not to be tested. */
static const char *verdict(const struct attempt *a, char letter)
{
	if (passed(a, letter))
		return "yes";
	if (letter == 'n' ? a->theirs[NET] < 0 : letter == 'r' && !has_random())
		return "-";
	return "no";
}

/* A line of the table.  True if nothing failed. */
static bool tell(struct attempt *a)
{
	int blanks = (int)strlen("hypervisor") - (int)strlen(a->hv->name);
	bool all = !a->status;

	printf("%s", a->hv->name);
	/* Not one letter: then why not is all there is to say. */
	if (!*a->text[CONSOLE]) {
		all = false;
		printf("%*s  -", blanks, "");
		blanks = strlen(tests[0].name) - 1;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(tests) && *a->text[CONSOLE]; i++) {
		const char *word = verdict(a, tests[i].letter);

		printf("%*s  %s", blanks, "", word);
		blanks = strlen(tests[i].name) - strlen(word);
		all &= *word != 'n';
	}
	if (!all && (a->status || !*a->text[CONSOLE]))
		printf("%*s  %s", blanks, "", reason(a));
	printf("\n");
	fflush(stdout);
	return all;
}

enum status selftest(struct guest *g, const char *only)
{
	static struct attempt a;
	bool fine = false;

	signal(SIGCHLD, SIG_DFL);	/* or we could not wait for one */
	printf("hypervisor");
	for (unsigned i = 0; i < ARRAY_SIZE(tests); i++)
		printf("  %s", tests[i].name);
	printf("\n");
	fflush(stdout);
	for (const struct hypervisor *const *h = hypervisors; *h; h++) {
		if (only && strcmp(only, "auto") && strcmp(only, (*h)->name))
			continue;
		memset(&a, 0, sizeof(a));
		a.hv = *h;
		run(&a, g);
		fine |= tell(&a);
		close(a.kernel);
		close(a.disk);
	}
	if (!fine)
		die("no hypervisor here passed all tests");
	return STATUS_POWEROFF;
}
