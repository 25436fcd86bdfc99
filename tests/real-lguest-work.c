/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the Guests of real-lguest.sh do when the Launcher is timed, and the
 * Host's ends of their connections.  Prints the microseconds it took.
 *
 *	work read|direct-read|direct-write|fsync FILE KIB COUNT
 *	work send|receive ADDRESS PORT MIB
 *	work sink|source PORT		the other ends, for ever
 *	work clock			what time it is
 *	work stir			credits the kernel with random numbers
 *	work naps SECONDS		wakes up 250 times a second, and says
 *					what that took of a CPU
 *	work terminal COMMAND...	runs it on a terminal that our standard
 *					input types on
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUFFER	(256 * 1024)

static char buffer[BUFFER] __attribute__((aligned(4096)));

static void die(const char *what)
{
	fprintf(stderr, "work: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000) + t.tv_nsec / 1000;
}

static void disk(const char *how, const char *file, size_t size,
		 unsigned count)
{
	bool direct = !strncmp(how, "direct", 6), sync = !strcmp(how, "fsync");
	bool write_it = sync || strstr(how, "write");
	int fd = open(file, O_RDWR | (direct ? O_DIRECT : 0));

	if (fd < 0)
		die(file);
	for (unsigned i = 0; i < count; i++) {
		ssize_t n = write_it ? write(fd, buffer, size) :
				       read(fd, buffer, size);

		if (n != (ssize_t)size || (sync && fsync(fd) < 0))
			die(how);
	}
	close(fd);
}

static struct sockaddr_in address(const char *ip, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(atoi(port)) };

	a.sin_addr.s_addr = ip ? inet_addr(ip) : htonl(INADDR_ANY);
	return a;
}

/* Until there is no more, or the other side has gone. */
static uint64_t move(int fd, bool out, uint64_t bytes)
{
	uint64_t left = bytes;

	while (left) {
		size_t want = left < BUFFER ? left : BUFFER;
		ssize_t n = out ? send(fd, buffer, want, MSG_NOSIGNAL) :
				  recv(fd, buffer, want, 0);

		if (n <= 0)
			break;
		left -= n;
	}
	return left;
}

static void stream(bool out, const char *ip, const char *port, unsigned mib)
{
	struct sockaddr_in a = address(ip, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (void *)&a, sizeof(a)) < 0)
		die("connect");
	if (move(fd, out, (uint64_t)mib << 20))
		die("stream");
	/* What was sent counts when it has arrived. */
	shutdown(fd, SHUT_WR);
	if (out && recv(fd, buffer, 1, 0) < 0)
		die("the end of the stream");
	close(fd);
}

static void serve(bool out, const char *port)
{
	struct sockaddr_in a = address(NULL, port);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (void *)&a, sizeof(a)) < 0 ||
	    listen(listener, 1) < 0)
		die("listen");
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		move(fd, out, UINT64_MAX);
		close(fd);
	}
}

/*
 * An emulated machine that just booted has had too few interrupts to be called
 * random; getrandom(2) waits, and a Launcher with --rng.
 */
static int stir(void)
{
	struct { int bits, bytes; char data[64]; } pool = { 512, 64, { 0 } };
	int source = open("/dev/hwrng", O_RDONLY);
	int fd = open("/dev/random", O_RDWR);

	/* Only what is too much for one pool of the kernel's gets to others. */
	for (unsigned i = 0; i < 32; i++) {
		if (source < 0 ||
		    read(source, pool.data, sizeof(pool.data)) < 0 ||
		    ioctl(fd, RNDADDENTROPY, &pool) < 0)
			die("stir");
		usleep(10000);
	}
	return 0;
}

static bool copy(int from, int to)
{
	ssize_t n = read(from, buffer, sizeof(buffer));

	return n > 0 && write(to, buffer, n) == n;
}

static int terminal(char **argv)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), status;
	struct pollfd fds[2] = { { master, POLLIN, 0 },
				 { STDIN_FILENO, POLLIN, 0 } };
	pid_t pid;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		die("posix_openpt");
	pid = fork();
	if (!pid) {
		int fd;

		setsid();
		fd = open(ptsname(master), O_RDWR);
		ioctl(fd, TIOCSCTTY, 0);
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
		execvp(argv[0], argv);
		die(argv[0]);
	}
	/* Its end is the end of the terminal: EIO. */
	while (poll(fds, 2, -1) > 0) {
		if (fds[1].revents && !copy(STDIN_FILENO, master))
			fds[1].fd = -1;
		if (fds[0].revents && !copy(master, STDOUT_FILENO))
			break;
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static uint64_t naps(unsigned seconds)
{
	const struct timespec nap = { .tv_nsec = 4000000 };
	uint64_t end = now() + seconds * UINT64_C(1000000);
	struct rusage used;

	while (now() < end)
		nanosleep(&nap, NULL);
	getrusage(RUSAGE_SELF, &used);
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) *
	       UINT64_C(1000000) + used.ru_utime.tv_usec +
	       used.ru_stime.tv_usec;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	uint64_t start = now();

	if (argc > 2 && !strcmp(how, "terminal"))
		return terminal(argv + 2);
	if (argc == 2 && !strcmp(how, "stir"))
		return stir();
	if (argc == 2 && !strcmp(how, "clock")) {
		printf("%llu\n", (unsigned long long)start);
		return 0;
	}
	if (argc == 3 && !strcmp(how, "naps")) {
		printf("%llu\n", (unsigned long long)naps(atoi(argv[2])));
		return 0;
	}
	if (argc == 3 && (!strcmp(how, "sink") || !strcmp(how, "source"))) {
		serve(!strcmp(how, "source"), argv[2]);
	} else if (argc != 5) {
		fprintf(stderr, "work: usage\n");
		return 2;
	} else if (!strcmp(how, "send") || !strcmp(how, "receive")) {
		stream(!strcmp(how, "send"), argv[2], argv[3], atoi(argv[4]));
	} else {
		disk(how, argv[2], atoi(argv[3]) * 1024, atoi(argv[4]));
	}
	printf("%llu\n", (unsigned long long)(now() - start));
	return 0;
}
