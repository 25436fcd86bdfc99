/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a rescue host's shell cannot do:
 *
 *	pair COMMAND...		runs COMMAND... 1 and COMMAND... 2, the ends of
 *				a socketpair being their descriptors 3
 *	talk PATH TEXT		sends TEXT to a Unix socket, and prints what
 *				comes until its end
 *	tap NAME UID		makes a tap that this user may use
 *	as UID COMMAND...	runs it as that user, with no other groups
 */
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static pid_t start(char **argv, int n, int fd, const char *which)
{
	char *copy[n + 2];
	pid_t pid = fork();

	if (pid)
		return pid;
	memcpy(copy, argv, n * sizeof(*copy));
	copy[n] = (char *)which;
	copy[n + 1] = NULL;
	/* Both ends are above 3, where dup2() would not close anything. */
	dup2(fd, 3);
	execvp(copy[0], copy);
	_exit(127);
}

static int pair(int argc, char **argv)
{
	int ends[2], status, failed = 0;

	/* So that neither end is 3. */
	dup2(2, 3);
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail("socketpair");
	if (start(argv, argc, ends[0], "1") < 0 ||
	    start(argv, argc, ends[1], "2") < 0)
		return fail("fork");
	close(ends[0]);
	close(ends[1]);
	while (wait(&status) > 0)
		failed |= status != 0;
	return failed;
}

static int talk(const char *path, const char *text)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), tries = 6000;
	char buf[4096];
	ssize_t n;

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	while (connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0) {
		if (!tries--)
			return fail(path);
		usleep(100000);
	}
	if (write(fd, text, strlen(text)) < 0)
		return fail("write");
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(1, buf, n) != n)
			return fail("stdout");
	return n < 0 ? fail("read") : 0;
}

static int tap(const char *name, const char *uid)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request) < 0 ||
	    ioctl(fd, TUNSETOWNER, strtoul(uid, NULL, 10)) < 0 ||
	    ioctl(fd, TUNSETPERSIST, 1UL) < 0)
		return fail(name);
	return 0;
}

static int as(const char *uid, char **argv)
{
	unsigned id = strtoul(uid, NULL, 10);

	if (setgroups(0, NULL) || setgid(id) || setuid(id))
		return fail("setuid");
	execvp(argv[0], argv);
	return fail(argv[0]);
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "pair"))
		return pair(argc - 2, argv + 2);
	if (argc == 4 && !strcmp(argv[1], "talk"))
		return talk(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "tap"))
		return tap(argv[2], argv[3]);
	if (argc > 3 && !strcmp(argv[1], "as"))
		return as(argv[2], argv + 3);
	fprintf(stderr, "usage: helper pair|talk|tap|as ...\n");
	return 2;
}
