/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory and processes: pages that keep what was written there, however often
 * page tables come, change and go.
 *
 *	tasks pages N		N rounds of mmap, fork, copy on write
 *	tasks spaces N		N processes at once pass a token around
 *	tasks pipes N		two of them, a byte, N times there and back
 *	tasks exec N		N times fork and exec
 *	tasks alarms SECONDS	a computation, with a timer's signals
 *	tasks clock		answers each line of input with the time
 */
#include <sys/time.h>

#include "real-lguest-trial.h"

#define PAGES	64u		/* of a round of pages() */

static const char *self;

/* --- memory ------------------------------------------------------------ */

static void fill(uint32_t *page, uint32_t seed)
{
	for (unsigned i = 0; i < PAGE / 4; i++)
		page[i] = seed + i * 2654435761u;
}

static void look(const uint32_t *page, uint32_t seed, const char *who)
{
	for (unsigned i = 0; i < PAGE / 4; i++)
		if (page[i] != seed + i * 2654435761u)
			wrong("%s: word %u of page %u is 0x%x", who, i, seed,
			      page[i]);
}

static uint32_t *room(unsigned n)
{
	uint32_t *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		wrong("mmap");
	return p;
}

/* The child's pages are its own from the first write on. */
static void copy_on_write(uint32_t *p, unsigned turn)
{
	pid_t pid = child();

	if (!pid) {
		for (unsigned i = 0; i < PAGES; i++) {
			look(p + i * PAGE / 4, turn + i, "the child");
			if (i % 3)
				fill(p + i * PAGE / 4, ~turn - i);
		}
		for (unsigned i = 0; i < PAGES; i++)
			if (i % 3)
				look(p + i * PAGE / 4, ~turn - i, "changed");
		_exit(0);
	}
	for (unsigned i = 0; i < PAGES; i += 5)
		fill(p + i * PAGE / 4, turn + i);
	reap(pid, 0);
}

static void pages(unsigned n)
{
	faults_catch();
	for (volatile unsigned turn = 1; turn <= n; turn++) {
		uint32_t *p = room(PAGES), *q;

		for (unsigned i = 0; i < PAGES; i++)
			fill(p + i * PAGE / 4, turn + i);
		copy_on_write(p, turn);
		for (unsigned i = 0; i < PAGES; i++)
			look(p + i * PAGE / 4, turn + i, "the parent");
		mprotect(p, PAGES / 2 * PAGE, PROT_READ);
		FAULT(SIGSEGV, *(volatile uint32_t *)p = 1);
		mprotect(p, PAGES / 2 * PAGE, PROT_READ | PROT_WRITE);
		*p = turn;
		q = mremap(p, PAGES * PAGE, 2 * PAGES * PAGE, MREMAP_MAYMOVE);
		for (unsigned i = 0; i < PAGES; i++)
			look(q + i * PAGE / 4, turn + i, "moved");
		if (q[PAGES * PAGE / 4])
			wrong("new memory is not zero");
		munmap(q, 2 * PAGES * PAGE);
		FAULT(SIGSEGV, *(volatile uint32_t *)q = 1);
	}
}

/* Each has memory of its own, and looks at it when it is its turn. */
static void spaces(unsigned n)
{
	int pipes[2][2];
	char token = 0;
	int in, first;

	if (pipe(pipes[0]))
		wrong("pipe");
	in = pipes[0][0], first = pipes[0][1];
	for (unsigned i = 0; i < n; i++) {
		if (pipe(pipes[1]))
			wrong("pipe");
		if (!child()) {
			uint32_t *p = room(16);

			for (unsigned k = 0; k < 16; k++)
				fill(p + k * PAGE / 4, i * 16 + k);
			close(first);
			while (read(in, &token, 1) == 1) {
				for (unsigned k = 0; k < 16; k++)
					look(p + k * PAGE / 4, i * 16 + k,
					     "its turn");
				write(pipes[1][1], &token, 1);
			}
			_exit(0);
		}
		close(in);
		close(pipes[1][1]);
		in = pipes[1][0];
	}
	for (unsigned turn = 0; turn < 20; turn++)
		if (write(first, &token, 1) != 1 || read(in, &token, 1) != 1)
			wrong("the token got lost in turn %u", turn);
	close(first);
	for (unsigned i = 0; i < n; i++)
		reap(-1, 0);
}

/* A byte there and back: the least that a change of address space can cost. */
static void pipes(unsigned n)
{
	int to[2], from[2];
	char byte = 0;

	if (pipe(to) || pipe(from))
		wrong("pipe");
	if (!child()) {
		close(to[1]);
		while (read(to[0], &byte, 1) == 1)
			write(from[1], &byte, 1);
		_exit(0);
	}
	while (n--)
		if (write(to[1], &byte, 1) != 1 ||
		    read(from[0], &byte, 1) != 1)
			wrong("the byte got lost");
	close(to[1]);
	reap(-1, 0);
}

/* --- processes and time ------------------------------------------------ */

static void exec(unsigned n)
{
	for (volatile unsigned i = 0; i < n; i++) {
		/* Every second one with page tables of its own before. */
		pid_t pid = i & 1 ? child() : vfork();

		if (!pid) {
			execlp(self, self, "seven", NULL);
			_exit(1);
		}
		reap(pid, 7);
	}
}

static volatile sig_atomic_t rings;

static void on_alarm(int sig)
{
	volatile double x = sig;

	rings++;
	x = x * 1.5 + rings;
}

static uint32_t computed(void)
{
	uint32_t sum = 1;
	double x = 1;

	for (uint32_t i = 0; i < 1000000; i++) {
		sum = sum * 1664525 + i;
		x = x * 0.999 + (sum & 255);
	}
	return sum ^ (uint32_t)(int64_t)x;
}

static void alarms(unsigned seconds)
{
	const struct itimerval often = { { 0, 3000 }, { 0, 3000 } };
	uint32_t wanted = computed();
	/* Now, for that may have taken long; and this second ends soon. */
	time_t end = time(NULL) + seconds + 1;

	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	do {
		if (computed() != wanted)
			wrong("a sum changed after %d alarms", (int)rings);
	} while (time(NULL) < end);
	/* How many depends on who else wants the CPU. */
	if (!rings)
		wrong("no alarms");
}

/* The nanoseconds since 1970, for each line. */
static void clock_answers(unsigned n)
{
	char line[64];

	(void)n;
	while (fgets(line, sizeof(line), stdin) && line[0] != '.') {
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		printf("time %lld%09ld\n", (long long)t.tv_sec, t.tv_nsec);
		fflush(stdout);
	}
}

static const struct trial trials[] = {
	{ "pages", pages }, { "spaces", spaces }, { "exec", exec },
	{ "alarms", alarms }, { "clock", clock_answers }, { "pipes", pipes },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	self = argv[0];
	/* What exec() waits for. */
	if (argc > 1 && !strcmp(argv[1], "seven"))
		return 7;
	return trial_main(trials, argv);
}
