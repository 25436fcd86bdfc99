/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Launcher's side of the hypervisor `user` against stubs that have been
 * taken over: the test is the stub and writes what it likes to struct user.
 */
#include <linux/memfd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../applets/core/hypervisor/user/sandbox.h"
#include "rig.h"

#define PORT		0x2f8
#define DEVICE_PAGES	MIB(1)
#define STORM_TURNS	3000

/* What stubs of the test leave for it, where they are seen by it. */
struct shared {
	int fds[STUB_FDS];
	_Atomic unsigned begun;
	pid_t pids[SPACES_MAX];
};

static struct shared *shared;
static struct guest *guest;
static void (*stub_does)(unsigned me);

/* --- in place of sandbox.c and stub.c ------------------------------------ */

NORETURN void stub_run(unsigned me, const struct guest *g, pid_t launcher,
		       const int fds[STUB_FDS])
{
	(void)g;
	/* A test that failed leaves nobody. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != launcher)
		_exit(0);
	signal(SIGUSR1, SIG_IGN);
	memcpy(shared->fds, fds, sizeof(shared->fds));
	shared->pids[me] = getpid();
	shared->begun++;
	if (stub_does)
		stub_does(me);
	for (;;)
		pause();
}

long sandbox_filter(bool may_exit)
{
	(void)may_exit;
	return -1;
}

void sandbox_drop_rights(void)
{
}

/* --- one port of the test's ---------------------------------------------- */

static struct {
	unsigned reads, writes;
	uint64_t off, value;
	unsigned width;
	bool busy, fills;	/* fills: after each write it is busy */
} port;

static uint64_t port_read(struct guest *g, uint64_t off, unsigned width)
{
	(void)g;
	CHECK(off < 8 && width <= 8 - off);
	port.reads++;
	return UINT64_C(0x1122334455667788);
}

static void port_write(struct guest *g, uint64_t off, unsigned width,
		       uint64_t value)
{
	(void)g;
	CHECK(off < 8 && width <= 8 - off);
	CHECK(!port.busy);
	port.writes++;
	port.off = off;
	port.width = width;
	port.value = value;
	port.busy = port.fills;
}

static bool port_busy(struct guest *g, uint64_t off, bool write)
{
	(void)g, (void)off;
	return write && port.busy;
}

static const struct io_range range = {
	.base = PORT, .size = 8, .read = port_read, .write = port_write,
	.busy = port_busy,
};

/* --- playing a stub ------------------------------------------------------ */

static void begin(void (*does)(unsigned me))
{
	void *at = mmap(USER, sizeof(*USER), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE |
			MAP_FIXED_NOREPLACE, -1, 0);

	CHECK(at == USER);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	guest = rig_guest(MIB(1));
	mem_create(&guest->mem, MIB(1), DEVICE_PAGES, 0, 0);
	io_add(&range);
	stub_does = does;
	post_create(guest);
	post_start(guest);
	while (!shared->begun)
		usleep(1000);
}

static void kick(void)
{
	uint64_t one = 1;

	CHECK_EQ(write(shared->fds[FD_KICK], &one, sizeof(one)), sizeof(one));
}

/* Posts it; true: there was an answer, in *value. */
static bool post(struct post p, uint32_t *value)
{
	uint32_t mine = USER->posted + 1;

	USER->post = p;
	USER->posted = mine;
	kick();
	rig_turn();
	if (value)
		*value = USER->post.value;
	return USER->answered == mine;
}

static struct post port_post(bool write, unsigned width, uint64_t addr)
{
	return (struct post){ .kind = POST_IO, .write = write, .width = width,
			      .addr = addr, .value = 0xaabbccdd };
}

/* --- tests --------------------------------------------------------------- */

static void answers(void)
{
	uint32_t value;

	begin(NULL);
	CHECK(post(port_post(false, 4, PORT), &value));
	CHECK_EQ(value, 0x55667788);
	CHECK(post(port_post(false, 1, PORT + 7), &value));
	CHECK_EQ(value, 0x88);
	CHECK(post(port_post(true, 2, PORT + 2), NULL));
	CHECK_EQ(port.value, 0xccdd);
	CHECK_EQ(port.off, 2);
	/* Nobody there, or half of it not. */
	CHECK(post(port_post(false, 2, PORT + 7), &value));
	CHECK_EQ(value, 0xffff);
	CHECK(post(port_post(false, 4, UINT64_MAX - 1), &value));
	CHECK_EQ(value, UINT32_MAX);
	CHECK_EQ(port.reads, 2);
	CHECK(!guest->ended);
}

static void widths(void)
{
	begin(NULL);
	for (unsigned width = 0; width < 256; width++)
		if (width != 1 && width != 2 && width != 4) {
			CHECK(post(port_post(false, width, PORT), NULL));
			CHECK(post(port_post(true, width, PORT), NULL));
		}
	CHECK_EQ(port.reads + port.writes, 0);
}

static void turns(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rig_turn();
}

/* What is noted waits, and a post behind it waits for both. */
static void busy(void)
{
	begin(NULL);
	port.busy = true;
	USER->notes[0] = port_post(true, 1, PORT);
	USER->noted = 1;
	kick();
	turns(5);
	CHECK_EQ(USER->notes_taken, 0);
	CHECK(!post(port_post(true, 1, PORT), NULL));
	turns(5);
	CHECK_EQ(port.writes, 0);
	CHECK(USER->answered != USER->posted);
	port.busy = false;
	turns(5);
	CHECK_EQ(USER->notes_taken, 1);
	CHECK_EQ(port.writes, 2);
	CHECK_EQ(USER->answered, USER->posted);
}

/* It was not busy when we were asked what we wait for. */
static void busy_since(void)
{
	begin(NULL);
	port.fills = true;
	USER->notes[0] = port_post(true, 1, PORT);
	USER->noted = 1;
	CHECK(!post(port_post(true, 1, PORT), NULL));
	CHECK_EQ(port.writes, 1);
	port.busy = port.fills = false;
	turns(5);
	CHECK_EQ(port.writes, 2);
	CHECK_EQ(USER->answered, USER->posted);
}

static void spawns(void)
{
	static const uint32_t never[] = { 0, SPACES_MAX, UINT32_MAX, 1u << 31 };
	struct post p = { .kind = POST_SPAWN };
	uint32_t value;

	begin(NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(never); i++) {
		p.value = never[i];
		CHECK(post(p, &value));
		CHECK_EQ(value, 0);
	}
	for (unsigned i = 0; i < 3 * SPACES_MAX; i++) {
		p.value = i % SPACES_MAX;
		CHECK(post(p, &value));
		CHECK_EQ(value, i && i < SPACES_MAX);
	}
	while (shared->begun < SPACES_MAX)
		usleep(1000);
	post_stop();
	for (unsigned i = 0; i < SPACES_MAX; i++)
		CHECK(kill(shared->pids[i], 0) < 0);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0);
}

static void last_words(uint64_t gpa, uint32_t how)
{
	struct post p = { .kind = POST_SHUTDOWN, .addr = gpa, .value = how };

	guest->ended = false;
	guest->why[0] = '\0';
	CHECK(!post(p, NULL));
	CHECK(guest->ended);
	CHECK_EQ(guest->status, STATUS_CRASHED);
}

/* No end to a text where memory ends; and behind it, what is not for them. */
static void texts(void)
{
	static const uint64_t places[] = {
		MIB(1) - 1, MIB(1) - 127, MIB(1), MIB(2) - 1, MIB(2) - 200,
		MIB(2), MIB(3), UINT32_MAX, UINT64_MAX, UINT64_MAX - 126,
	};
	uint8_t *behind;

	begin(NULL);
	behind = guest->mem.host + MIB(2);
	CHECK(mmap(behind, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		   MAP_ANONYMOUS | MAP_FIXED, -1, 0) == behind);
	memset(behind, 'S', PAGE);
	memset(guest->mem.host, 'x', MIB(2));
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		last_words(places[i], 1);
		CHECK(!strchr(guest->why + strlen("CRASH: "), 'S'));
	}
	last_words(MIB(2) - 3, 1);
	CHECK(!strcmp(guest->why, "CRASH: xxx"));
	memcpy(guest->mem.host, "a\033[2Jb\nc", 9);
	last_words(0, 7);
	CHECK(!strcmp(guest->why, "CRASH: a [2Jb c"));
}

static void kinds(void)
{
	static const uint32_t numbers[] = { POST_NONE, POST_SPAWN + 1, 1000,
					    UINT32_MAX };

	begin(NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		guest->ended = false;
		CHECK(!post((struct post){ .kind = numbers[i] }, NULL));
		CHECK_EQ(guest->status, STATUS_CRASHED);
		CHECK(!strcmp(guest->why, "a stub went astray"));
	}
	for (uint32_t i = 0; i < 1000; i++) {
		guest->ended = false;
		CHECK(!post((struct post){ .kind = POST_CRASH, .crash = i *
			    (UINT32_MAX / 999) }, NULL));
		CHECK(guest->ended && guest->why[0]);
	}
}

/* Somebody ended, stopped or refused one; or it was none of ours. */
static void ends(int sig, enum status status, const char *why)
{
	begin(NULL);
	CHECK(!kill(shared->pids[0], sig));
	for (unsigned i = 0; i < 2000 && !guest->ended; i++) {
		rig_turn();
		usleep(1000);
	}
	CHECK(guest->ended);
	CHECK_EQ(guest->status, status);
	CHECK(!strcmp(guest->why, why));
	post_stop();
	CHECK(kill(shared->pids[0], 0) < 0);
}

static void killed(void)
{
	ends(SIGKILL, STATUS_CRASHED, "stub 0 was killed (signal 9)");
}

static void stopped(void)
{
	ends(SIGSTOP, STATUS_CRASHED, "stub 0 was stopped (signal 19)");
}

static void refused_memory(unsigned me)
{
	(void)me;
	_exit(STEP_UNMAP);
}

static void refused(void)
{
	begin(refused_memory);
	for (unsigned i = 0; i < 2000 && !guest->ended; i++) {
		rig_turn();
		usleep(1000);
	}
	CHECK_EQ(guest->status, STATUS_FAILED);
	CHECK(!strcmp(guest->why,
		      "stub 0: munmap: memory cannot be given up here"));
}

static void others(void)
{
	begin(NULL);
	if (!fork())
		_exit(1);
	for (unsigned i = 0; i < 100; i++) {
		rig_turn();
		usleep(1000);
	}
	CHECK(!guest->ended);
	CHECK(waitpid(-1, NULL, WNOHANG) == 0);	/* only the stub is left */
	post_stop();
}

/* Everything that the Launcher reads, all the time, while it reads. */
static void storm_stub(unsigned me)
{
	uint32_t seed = me + 1;
	uint64_t one = 1;

	for (;;) {
		struct user *u = USER;
		uint32_t *words = (uint32_t *)(seed & 4 ? &u->post :
			&u->notes[seed >> 8 & (NOTES_RING - 1)]);

		for (unsigned i = 0; i < sizeof(struct post) / 4; i++) {
			seed = seed * 1664525 + 1013904223;
			words[i] = seed & 0x80000 ? seed >> 20 :
				   seed >> (seed >> 27);
		}
		u->post.kind = seed >> 16 & 1 ? POST_IO : POST_SPAWN;
		u->posted = seed;
		u->noted = seed * 3;
		u->notes_taken = seed * 5;
		u->answered = seed * 7;
		u->cur = seed >> 3;
		u->asleep = seed & 1;
		if (write(shared->fds[FD_KICK], &one, sizeof(one)) < 0)
			seed++;
	}
}

static bool expired;

static void expire(void *owner)
{
	(void)owner;
	expired = true;
}

static void storm(void)
{
	static struct timer soon = { .expired = expire };

	begin(storm_stub);
	timer_add(&soon);
	soon.when = now_ns() + 300000000;
	for (unsigned i = 0; i < STORM_TURNS || !expired; i++) {
		rig_turn();
		post_interrupt(i % 32);
		guest->ended = guest->reboot = false;
	}
	CHECK(expired);
	CHECK(shared->begun <= SPACES_MAX);
	post_stop();
	CHECK(waitpid(-1, NULL, WNOHANG) < 0);
}

int main(void)
{
	RUN(answers);
	RUN(widths);
	RUN(busy);
	RUN(busy_since);
	RUN(spawns);
	RUN(texts);
	RUN(kinds);
	RUN(killed);
	RUN(stopped);
	RUN(refused);
	RUN(others);
	RUN(storm);
	return rig_done();
}
