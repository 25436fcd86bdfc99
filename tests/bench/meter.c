/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measures a launcher from outside, any launcher: all it has to do is to show
 * its guest's serial port on its standard output.
 *
 *	meter until PREFIX TEXT COMMAND...
 *		from exec(2) to the moment at which TEXT has come out; then the
 *		launcher is killed.  Prints `PREFIX KEY VALUE` a line
 *	meter read PREFIX FILE...
 *		the time to read these files into fresh memory, no more
 *	meter tap NAME
 *		makes a tap that stays
 *	meter watch PREFIX MB ADDRESS COMMAND...
 *		runs a guest of MB with lguest.test=bench (initramfs/bench.c),
 *		is its peer at ADDRESS, and prints `PREFIX PHASE KEY VALUE`
 *	meter slow MS PREFIX MB ADDRESS COMMAND...
 *		the same, while each fdatasync(2) takes MS longer
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "meter.h"

#define PATIENCE_MS	60000

void fail(const char *what)
{
	fprintf(stderr, "meter: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

/* ------------------------------------------------------------------ */
/* Launchers                                                            */

static struct launcher {
	pid_t pid;
	int out;		/* its standard output */
	volatile uint64_t *start;	/* of its exec(2); shared with it */
} launcher;

/* In the child: waits for its counters, then it is the launcher. */
static void NORETURN launch(int go, int tell, bool slow, char **argv)
{
	char c;
	int listener = -1;

	if (read(go, &c, 1) != 1)
		_exit(1);
	if (slow) {
		listener = slow_install();
		if (listener < 0)
			fail("seccomp");
		/* Who slows us down takes it from here, by this number. */
		if (write(tell, &listener, sizeof(listener)) < 0 ||
		    read(go, &c, 1) != 1)
			_exit(1);
		close(listener);
	}
	*launcher.start = now_ns();
	execvp(argv[0], argv);
	fail(argv[0]);
}

static void slow_start(pid_t pid, int number, unsigned ms)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	int listener = syscall(SYS_pidfd_getfd, pidfd, number, 0);

	if (listener < 0)
		fail("pidfd_getfd");
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		slow_serve(listener, ms);
	}
	close(listener);
	close(pidfd);
}

static void start(char **argv, bool count, unsigned slow_ms)
{
	int out[2], go[2], tell[2], number;

	launcher.start = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0 ||
	    pipe2(tell, O_CLOEXEC) < 0)
		fail("pipe");
	launcher.pid = fork();
	if (launcher.pid == 0) {
		dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		launch(go[0], tell[1], slow_ms, argv);
	}
	close(out[1]);
	launcher.out = out[0];
	if (count && !counters_open(launcher.pid))
		fprintf(stderr, "meter: no tracepoints: nothing counted\n");
	if (write(go[1], "", 1) < 0)
		fail("pipe");
	if (!slow_ms)
		return;
	if (read(tell[0], &number, sizeof(number)) != sizeof(number))
		fail("the launcher to be slowed down");
	slow_start(launcher.pid, number, slow_ms);
	if (write(go[1], "", 1) < 0)
		fail("pipe");
}

/* Reads what came out within ms; 0: nothing; -1: it is over. */
static ssize_t hear(char *buf, size_t size, int ms)
{
	struct pollfd p = { .fd = launcher.out, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return 0;
	n = read(launcher.out, buf, size);
	return n > 0 ? n : -1;
}

static void stop(void)
{
	kill(launcher.pid, SIGKILL);
	waitpid(launcher.pid, NULL, 0);
}

static struct {
	const char *prefix;
	unsigned long guest_kb;
	int looked;		/* tells the peer, which tells the guest */
	uint64_t before[COUNTERS_MAX], after[COUNTERS_MAX];
	/* What a phase costs in which nothing is done. */
	uint64_t noise[COUNTERS_MAX];
} watch;

/* ------------------------------------------------------------------ */

static int meter_until(char **argv)
{
	const char *prefix = *argv++, *text = *argv++;
	uint64_t none[COUNTERS_MAX] = { 0 };
	static char heard[1 << 20];
	size_t len = 0;
	uint64_t end = 0;

	start(argv, true, 0);
	while (!end && len < sizeof(heard) - 1) {
		ssize_t n = hear(heard + len, sizeof(heard) - 1 - len,
				 PATIENCE_MS);

		if (n <= 0)
			break;
		len += n;
		heard[len] = '\0';
		if (memmem(heard, len, text, strlen(text)))
			end = now_ns();
	}
	counters_read(watch.after);
	stop();
	if (!end) {
		fprintf(stderr, "meter: %s: did not say \"%s\"\n", argv[0],
			text);
		fwrite(heard, 1, len, stderr);
		return 1;
	}
	printf("%s ns %llu\n", prefix,
	       (unsigned long long)(end - *launcher.start));
	counters_print(prefix, none, watch.after, 1);
	return 0;
}

/* Like a launcher that does nothing else: shared memory, as guests' is. */
static int meter_read(char **argv)
{
	const char *prefix = *argv++;
	uint64_t start = now_ns();

	for (; *argv; argv++) {
		int fd = open(*argv, O_RDONLY | O_CLOEXEC);
		struct stat st;
		char *memory;
		off_t at = 0;

		if (fd < 0 || fstat(fd, &st) < 0)
			fail(*argv);
		memory = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			fail("mmap");
		while (at < st.st_size) {
			ssize_t n = read(fd, memory + at, st.st_size - at);

			if (n <= 0)
				fail(*argv);
			at += n;
		}
		close(fd);
	}
	printf("%s ns %llu\n", prefix,
	       (unsigned long long)(now_ns() - start));
	return 0;
}

static int meter_tap(char **argv)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	strncpy(r.ifr_name, argv[0], sizeof(r.ifr_name) - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0 ||
	    ioctl(fd, TUNSETPERSIST, 1) < 0)
		fail(argv[0]);
	return 0;
}

/* ------------------------------------------------------------------ */
/* A guest under observation                                            */

/* Resident memory but the guest's: a mapping of at least half its size. */
static void print_memory(void)
{
	unsigned long from, to, rss, all = 0, guest = 0;
	char path[64], line[512];
	bool is_guest = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", launcher.pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			is_guest = (to - from) >> 10 >= watch.guest_kb / 2;
		else if (sscanf(line, "Rss: %lu kB", &rss) == 1) {
			all += rss;
			guest += is_guest ? rss : 0;
		}
	}
	if (f)
		fclose(f);
	printf("%s memory resident_kb %lu\n", watch.prefix, all - guest);
	printf("%s memory guest_kb %lu\n", watch.prefix, guest);
}

static void phase_ended(const char *line)
{
	unsigned long long ns;
	unsigned long irqs;
	char name[32], prefix[96];
	unsigned n;

	if (sscanf(line, "bench: end %31s %u %llu %lu", name, &n, &ns,
		   &irqs) != 4)
		return;
	if (!n) {
		fprintf(stderr, "meter: %s %s: the guest says that it failed\n",
			watch.prefix, name);
		return;
	}
	if (!strcmp(name, "nothing")) {
		for (unsigned i = 0; i < COUNTERS_MAX; i++)
			watch.noise[i] = watch.after[i] - watch.before[i];
		return;
	}
	for (unsigned i = 0; i < COUNTERS_MAX; i++) {
		watch.before[i] += watch.noise[i];
		if (watch.before[i] > watch.after[i])
			watch.before[i] = watch.after[i];
	}
	snprintf(prefix, sizeof(prefix), "%s %s", watch.prefix, name);
	printf("%s ns %.1f\n", prefix, (double)ns / n);
	printf("%s interrupts %.4f\n", prefix, (double)irqs / n);
	counters_print(prefix, watch.before, watch.after, n);
	fflush(stdout);
}

static void pause_told(const char *line)
{
	unsigned long long longest, flush;
	char name[32];

	if (sscanf(line, "bench: pause %31s %llu %llu", name, &longest,
		   &flush) == 3)
		printf("%s pause-%s ns %llu\n", watch.prefix, name, longest);
	if (strstr(line, "-flush"))
		printf("%s pause-flush ns %llu\n", watch.prefix, flush);
	fflush(stdout);
}

/* The guest waits until we have looked. */
static void look(uint64_t values[COUNTERS_MAX])
{
	counters_read(values);
	if (write(watch.looked, "", 1) < 0)
		fail("pipe");
}

/* Returns true at the guest's last line. */
static bool line_told(const char *line)
{
	fprintf(stderr, "%s: %s\n", watch.prefix, line);
	if (strstr(line, "bench: begin")) {
		look(watch.before);
	} else if (strstr(line, "bench: finish")) {
		look(watch.after);
	} else if (strstr(line, "bench: end")) {
		phase_ended(strstr(line, "bench: end"));
	} else if (strstr(line, "bench: pause")) {
		pause_told(strstr(line, "bench: pause"));
	}
	return strstr(line, "bench: done") || strstr(line, "FAILURE") ||
	       strstr(line, "SUCCESS");
}

static bool observe(void)
{
	char line[1024], c[256];
	size_t len = 0;
	bool over = false;
	ssize_t n;

	while (!over && (n = hear(c, sizeof(c), PATIENCE_MS)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (c[i] != '\n' && len < sizeof(line) - 1) {
				if (c[i] != '\r')
					line[len++] = c[i];
				continue;
			}
			line[len] = '\0';
			over |= line_told(line);
			len = 0;
		}
	}
	return over;
}

static int meter_watch(char **argv, unsigned slow_ms)
{
	int looked[2];
	pid_t peer;
	bool over;

	if (pipe2(looked, O_CLOEXEC) < 0)
		fail("pipe");
	watch.looked = looked[1];
	watch.prefix = *argv++;
	watch.guest_kb = strtoul(*argv++, NULL, 10) << 10;
	peer = peer_start(*argv++, looked[0]);
	start(argv, !slow_ms, slow_ms);
	over = observe();
	if (over && !slow_ms) {
		print_memory();
		/* lguest tells what it saw; others die of this, which is due. */
		kill(launcher.pid, SIGUSR1);
		usleep(100000);
	}
	stop();
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
	return over ? 0 : 1;
}

static int run_watch(char **argv)
{
	return meter_watch(argv, 0);
}

static int run_slow(char **argv)
{
	unsigned ms = strtoul(argv[0], NULL, 10);

	return meter_watch(argv + 1, ms);
}

static const struct {
	const char *name;
	int least;		/* arguments */
	int (*run)(char **argv);
} modes[] = {
	{ "until", 3, meter_until },
	{ "read", 2, meter_read },
	{ "tap", 1, meter_tap },
	{ "watch", 4, run_watch },
	{ "slow", 5, run_slow },
};

int main(int argc, char **argv)
{
	for (unsigned i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes);
	     i++)
		if (!strcmp(argv[1], modes[i].name) &&
		    argc - 2 >= modes[i].least)
			return modes[i].run(argv + 2);
	fprintf(stderr, "meter: see the head of meter.c\n");
	return 2;
}
