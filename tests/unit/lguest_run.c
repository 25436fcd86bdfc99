/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor `lguest` and signals: the loop's wait is a read(2) that must
 * not sleep over them, and what else is read must not be left because of them.
 * A socket plays /dev/lguest; what blocks for ever ends with the test.
 */
#include <fcntl.h>
#include <sys/ucontext.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../applets/core/hypervisor/lguest.h"
#include "interruptible.h"
#include "rig.h"

#define IN_DX		{ 13, { 0xec, 0x90 }, 0 }

static const struct hypervisor hypervisor_waiting = {
	.name = "waiting",
	.wait = lguest_wait,
};

static struct guest *g;
static int host;		/* the far end of lguest.fd */
static unsigned served, readies;

static void make_guest(void)
{
	int ends[2];

	g = rig_guest(MIB(1));
	g->hv = &hypervisor_waiting;
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
	lguest.fd = ends[0];
	host = ends[1];
}

static void serve(struct guest *guest)
{
	(void)guest;
	served++;
}

/* Comes when the loop has served its signals for this turn. */
static void ready(void *owner, short revents)
{
	struct watch *w = owner;
	char byte;

	(void)revents;
	CHECK_EQ(read(w->fd, &byte, 1), 1);
	if (!readies++)
		raise(SIGUSR2);
}

static void signal_while_serving(void)
{
	static struct watch w = { .ready = ready, .owner = &w };
	int ends[2];

	make_guest();
	CHECK(!pipe(ends));
	w.fd = ends[0];
	watch_add(&w);
	loop_on_signal(SIGUSR2, serve);
	CHECK_EQ(write(ends[1], "xy", 2), 2);
	loop_turn(g, -1);
	CHECK_EQ(readies, 1);
	CHECK_EQ(served, 0);
	/* Nothing else would end this one: the byte is read first. */
	CHECK_EQ(read(ends[0], &(char){ 0 }, 1), 1);
	loop_turn(g, -1);
	CHECK_EQ(served, 1);
}

/* Raised in mid-turn by hand; and then by whom it is for. */
static void descriptor_raises_a_signal(void)
{
	static struct watch w = { .ready = ready, .owner = &w };
	int ends[2];
	pid_t pid;

	make_guest();
	CHECK(!pipe(ends));
	readies = 1;		/* no signal of its own */
	w.fd = ends[0];
	watch_add(&w);
	loop_on_signal(SIGUSR2, serve);
	pid = fork();
	if (!pid) {
		usleep(20000);
		_exit(write(ends[1], "x", 1) != 1);
	}
	while (readies < 2)
		loop_turn(g, -1);
	waitpid(pid, NULL, 0);
	/* Another descriptor of the same number is asked as well. */
	CHECK(fcntl(ends[0], F_GETFL) & O_ASYNC);
	close(ends[0]);
	close(ends[1]);
	w.fd = -1;
	loop_turn(g, 1);
	CHECK(!pipe(ends));
	w.fd = ends[0];
	loop_turn(g, 1);
	CHECK(fcntl(ends[0], F_GETFL) & O_ASYNC);
}

/* Who was killed could not clean up: the flag is set, for a process that is
 * no more. */
static void descriptor_of_somebody_dead(void)
{
	static struct watch w = { .ready = ready, .owner = &w };
	int ends[2];

	make_guest();
	CHECK(!pipe(ends));
	CHECK(!fcntl(ends[0], F_SETFL, O_ASYNC));
	w.fd = ends[0];
	watch_add(&w);
	loop_turn(g, 1);
	CHECK_EQ(fcntl(ends[0], F_GETOWN), getpid());
}

/* The Guest says something that makes no work, or would. */
static void host_notifies(void)
{
	uint32_t nothing = 0;

	CHECK_EQ(write(host, &nothing, 4), 4);
}

/*
 * No signal for what comes while its owner looks by himself; but what he has
 * left is found before the Guest goes on.
 */
static void descriptor_is_hushed(void)
{
	static struct watch w = { .ready = ready, .owner = &w };
	int ends[2];

	make_guest();
	CHECK(!pipe(ends));
	readies = 1;
	w.fd = ends[0];
	watch_add(&w);
	host_notifies();
	loop_turn(g, -1);
	CHECK(!interruptible_is_woken());
	lguest_hush(ends[0], true);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK(!interruptible_is_woken());
	lguest_hush(ends[0], false);
	host_notifies();
	loop_turn(g, -1);
	CHECK_EQ(readies, 2);
	/* And then signals come again. */
	loop_turn(g, -1);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK(interruptible_is_woken());
	loop_turn(g, -1);
	CHECK_EQ(readies, 3);
}

/* Also in the last microsecond of a second. */
static void alarms(void)
{
	static const struct timespec times[] = {
		{ 0, 1 }, { 0, 999 }, { 0, 1000 }, { 0, 2000000 },
		{ 0, 999999999 }, { 0, 999999000 },
	};

	make_guest();
	for (unsigned i = 0; i < ARRAY_SIZE(times); i++)
		CHECK_EQ(lguest_wait(g, NULL, 0, &times[i], NULL), 0);
	CHECK_EQ(lguest_wait(g, NULL, 0, &(struct timespec){ 0, 0 }, NULL),
		 0);
}

/* ------------------------------------------------------------------ */

static unsigned long registers[17], wanted;

static void play_host(void)
{
	unsigned long words[LGUEST_WORDS];

	while (read(host, words, sizeof(words)) == sizeof(words)) {
		if (words[0] == LHREQ_GETREG)
			if (write(host, &registers[words[1] / 4], 4) != 4)
				break;
		if (words[0] == LHREQ_SETREG)
			registers[words[1] / 4] = words[2];
		/* How it ended. */
		if (words[0] == LHREQ_SETREG && words[1] == LGREG_IP)
			_exit(registers[LGREG_AX / 4] != wanted ||
			      registers[LGREG_IP / 4] != 0x1001);
	}
	_exit(1);
}

static uint64_t answer(struct guest *guest, uint64_t off, unsigned width)
{
	(void)guest, (void)off, (void)width;
	return 0x5a;
}

/* A wake-up is due, and the registers have to be read all the same. */
static void woken_before_registers(void)
{
	static const struct io_range port = { .base = 0x1234, .size = 1,
					      .read = answer };
	struct lguest_pending pending = IN_DX;
	ucontext_t context = { 0 };
	int status = -1;
	pid_t pid;

	make_guest();
	io_add(&port);
	registers[LGREG_CS / 4] = 0x61;
	registers[LGREG_DX / 4] = 0xffff1234;
	registers[LGREG_AX / 4] = 0x11223344;
	registers[LGREG_IP / 4] = 0x1000;
	wanted = 0x1122335a;
	pid = fork();
	if (!pid)
		play_host();
	interruptible_begin();
	interruptible_wake(&context);
	lguest_emulate(g, &pending);
	waitpid(pid, &status, 0);
	CHECK_EQ(status, 0);
}

int main(void)
{
	RUN(signal_while_serving);
	RUN(descriptor_raises_a_signal);
	RUN(descriptor_of_somebody_dead);
	RUN(descriptor_is_hushed);
	RUN(alarms);
	RUN(woken_before_registers);
	return rig_done();
}
