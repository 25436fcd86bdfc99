/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Launcher as a child, with a filter that was there before it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "i386.h"
#include "standin.h"

#define PATIENCE_MS	20000
#define STATUS_BROKEN	125	/* the child could not even begin */

static pid_t child = -1;
static int listener = -1, input = -1, output = -1, errors = -1;
static int wait_status;
static bool reaped;
static char printed[65536];
static size_t nprinted;

/* ------------------------------------------------------------------ */

static void send_fd(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	sendmsg(socket, &m, 0);
}

static int receive_fd(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(socket, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void become(const struct era *era, int in, int out, int socket,
		   char **argv)
{
	struct rlimit files = { FIRST_FD + FILES, FIRST_FD + FILES };
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	if (isatty(in))
		ioctl(in, TIOCSCTTY, 0);
	setrlimit(RLIMIT_NOFILE, &files);
	dup2(in, 0);
	dup2(out, 1);
	dup2(errors, 2);
	fd = filter_install(era);
	if (fd < 0)
		fprintf(stderr, "seccomp: %s\n", strerror(errno));
	else
		send_fd(socket, fd);
	closefrom(3);
	if (fd >= 0)
		execv(argv[0], argv);
	_exit(STATUS_BROKEN);
}

/* in, out: the child's ends; input, output: ours. */
static void make_ends(enum ends ends, int *in, int *out)
{
	int to[2], from[2];

	if (ends == ENDS_PTY) {
		input = output = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		NEED(input >= 0 && !grantpt(input) && !unlockpt(input));
		*in = *out = open(ptsname(input), O_RDWR | O_NOCTTY);
		NEED(*in >= 0);
		return;
	}
	NEED(!pipe2(to, O_CLOEXEC) && !pipe2(from, O_CLOEXEC));
	*in = to[0];
	input = to[1];
	output = from[0];
	*out = from[1];
}

void child_start(const struct era *era, enum ends ends, char **argv)
{
	int pair[2], in, out;

	errors = memfd_create("stderr", MFD_CLOEXEC);
	make_ends(ends, &in, &out);
	NEED(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	child = fork();
	NEED(child >= 0);
	if (!child)
		become(era, in, out, pair[1], argv);
	close(pair[1]);
	close(in);
	if (out != in)
		close(out);
	listener = receive_fd(pair[0]);
	close(pair[0]);
	NEED(listener >= 0);
	fcntl(listener, F_SETFD, FD_CLOEXEC);
}

/* ------------------------------------------------------------------ */

/* True if SIGIO waits for it. */
static bool signal_waits(void)
{
	char path[32], line[128];
	uint64_t pending = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", child);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "SigPnd:", 7) ||
		    !strncmp(line, "ShdPnd:", 7))
			pending |= strtoull(line + 7, NULL, 16);
	if (f)
		fclose(f);
	return pending >> (SIGIO - 1) & 1;
}

/*
 * What we do with its descriptors raises signals, and an answer to a call
 * that one of them is just ending gets lost without a word to us.
 */
static void settle(void)
{
	for (unsigned i = 0; i < 1000 && signal_waits(); i++)
		usleep(1000);
}

/* Takes what it printed, so that it can go on. */
static void drain(void)
{
	struct pollfd p = { .fd = output, .events = POLLIN };
	size_t had = nprinted;
	ssize_t n;

	while (output >= 0 && nprinted < sizeof(printed) - 1 &&
	       poll(&p, 1, 0) > 0) {
		n = read(output, printed + nprinted,
			 sizeof(printed) - 1 - nprinted);
		if (n <= 0)
			break;
		nprinted += n;
	}
	if (nprinted != had)
		settle();
}

/* With an end to our patience; true if the listener has something. */
static bool wait_for(struct pollfd *p, unsigned n)
{
	if (poll(p, n, PATIENCE_MS) <= 0)
		failed(__FILE__, __LINE__, "nothing happened for %u seconds",
		       PATIENCE_MS / 1000);
	drain();
	return p[0].revents & POLLIN;
}

bool child_call(struct call *c)
{
	struct pollfd p[] = { { .fd = listener, .events = POLLIN },
			      { .fd = output, .events = POLLIN } };
	struct seccomp_notif n;

	for (;;) {
		/* A pty whose other end is gone is no news. */
		if (p[1].revents & POLLHUP)
			p[1].fd = -1;
		if (wait_for(p, 2)) {
			memset(&n, 0, sizeof(n));
			if (!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
				break;
		} else if (p[0].revents) {
			waitpid(child, &wait_status, 0);
			reaped = true;
			return false;
		}
	}
	*c = (struct call){ .id = n.id, .thread = n.pid, .nr = n.data.nr };
	for (unsigned i = 0; i < 6; i++)
		c->args[i] = n.data.args[i];
	return true;
}

bool child_calls(unsigned ms)
{
	struct pollfd p[] = { { .fd = listener, .events = POLLIN },
			      { .fd = output, .events = POLLIN } };

	if (poll(p, 2, ms) > 0)
		drain();
	return p[0].revents;
}

bool child_waits(const struct call *c)
{
	uint64_t id = c->id;

	return !ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

static bool answer(struct seccomp_notif_resp r)
{
	return !ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

bool child_answer(const struct call *c, int64_t value, int error)
{
	return answer((struct seccomp_notif_resp){
		.id = c->id, .val = error ? 0 : value, .error = -error });
}

bool child_continue(const struct call *c)
{
	return answer((struct seccomp_notif_resp){
		.id = c->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE });
}

bool child_give_fd(const struct call *c, int number, bool cloexec)
{
	int fd = memfd_create("lguest", MFD_CLOEXEC);
	struct seccomp_notif_addfd add = {
		.id = c->id, .srcfd = fd, .newfd = number,
		.flags = SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	bool ok = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0;

	close(fd);
	return ok;
}

bool child_has_fd(int number)
{
	char path[64], to[8];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", child, number);
	return readlink(path, to, sizeof(to)) >= 0;
}

bool child_read(uint32_t at, void *buf, size_t len)
{
	struct iovec to = { buf, len }, from = { (void *)(uintptr_t)at, len };

	return process_vm_readv(child, &to, 1, &from, 1, 0) == (ssize_t)len;
}

bool child_write(uint32_t at, const void *buf, size_t len)
{
	struct iovec from = { (void *)buf, len };
	struct iovec to = { (void *)(uintptr_t)at, len };

	return process_vm_writev(child, &from, 1, &to, 1, 0) == (ssize_t)len;
}

/* ------------------------------------------------------------------ */

void child_signal(int sig)
{
	kill(child, sig);
}

void child_type(const char *text)
{
	NEED(write(input, text, strlen(text)) == (ssize_t)strlen(text));
	settle();
}

void child_printed(const char *text)
{
	struct pollfd p = { .fd = output, .events = POLLIN };

	for (;;) {
		drain();
		printed[nprinted] = '\0';
		if (memmem(printed, nprinted, text, strlen(text)))
			return;
		if (poll(&p, 1, PATIENCE_MS) <= 0 || p.revents & POLLNVAL)
			failed(__FILE__, __LINE__, "'%s' was not printed, but '%s'",
			       text, printed);
	}
}

bool child_said(const char *text)
{
	char said[4096];
	ssize_t n = pread(errors, said, sizeof(said), 0);

	return n > 0 && memmem(said, n, text, strlen(text));
}

void child_show(void)
{
	drain();
	fwrite(printed, nprinted, 1, stdout);
	fflush(stdout);
}

int child_status(void)
{
	NEED(reaped);
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) :
	       -WTERMSIG(wait_status);
}

void child_kill(void)
{
	char said[4096];
	ssize_t n = pread(errors, said, sizeof(said), 0);

	if (n > 0)
		fprintf(stderr, "The Launcher said:\n%.*s\n", (int)n, said);
	if (child > 0 && !reaped) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}
