/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What everything else stands on: text, memory, options, ports, the loop.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

static void sizes(void)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t bytes;
	} cases[] = {
		{ "64", true, MIB(64) }, { "64M", true, MIB(64) },
		{ "64m", true, MIB(64) }, { "1G", true, GIB(1) },
		{ "2t", true, GIB(2048) }, { "64k", true, KIB(64) },
		{ "0", true, 0 },
		{ "", false, 0 }, { "M", false, 0 }, { "-1", false, 0 },
		{ "+1", false, 0 }, { " 1", false, 0 }, { "1 ", false, 0 },
		{ "64x", false, 0 }, { "64MB", false, 0 }, { "1.5G", false, 0 },
		{ "0x10", false, 0 }, { "1\x8d", false, 0 },
		{ "18446744073709551615", false, 0 },
		{ "18446744073709551616", false, 0 },
		{ "17592186044416", false, 0 },	/* times 1 MiB: 2^64 */
		{ "16777216T", false, 0 },
		{ "16777215T", true, UINT64_C(16777215) << 40 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t bytes = 0;

		CHECK_EQ(parse_size(cases[i].text, MIB(1), &bytes),
			 cases[i].ok);
		if (cases[i].ok)
			CHECK_EQ(bytes, cases[i].bytes);
	}
}

static void items(void)
{
	char text[] = "a,b=c,,d", *list = text, *item;

	CHECK(!strcmp(next_item(&list, ','), "a"));
	item = next_item(&list, ',');
	CHECK(!strcmp(item_value(item, "b"), "c"));
	CHECK(!item_value(item, "bb"));
	CHECK(!strcmp(next_item(&list, ','), ""));
	CHECK(!strcmp(next_item(&list, ','), "d"));
	CHECK(!next_item(&list, ','));
}

static void hexadecimal(void)
{
	uint32_t n;

	CHECK(parse_hex("0a", 2, &n) && n == 0x0a);
	CHECK(parse_hex("fFff19AFz", 8, &n) && n == 0xffff19af);
	CHECK(parse_hex("12", 1, &n) && n == 1);
	CHECK(!parse_hex("1", 2, &n));
	CHECK(!parse_hex("g0", 2, &n));
	CHECK(!parse_hex("0@", 2, &n));
	CHECK(!parse_hex("0`", 2, &n));
	CHECK(!parse_hex("0/", 2, &n));
	CHECK(!parse_hex("0:", 2, &n));
	CHECK(!parse_hex("\x10", 1, &n));
	CHECK(!parse_hex("\xb1", 1, &n));
}

static void bytes(void)
{
	/* No more than the array: the sanitizer watches its ends. */
	char *in = memcpy(malloc(7), "aabaac\0", 7);

	CHECK(bytes_find(in, 7, "aac", 3) == in + 3);
	CHECK(bytes_find(in, 7, "c\0", 2) == in + 5);
	CHECK(bytes_find(in, 7, "aabaac\0", 7) == in);
	CHECK(!bytes_find(in, 7, "aabaac\0a", 8));
	CHECK(!bytes_find(in, 5, "aac", 3));
	CHECK(!bytes_find(in, 7, "x", 1));
	CHECK(!bytes_find(in, 0, "a", 1));
	free(in);
}

static void memory_and_its_hole(void)
{
	struct memory m;

	mem_create(&m, MIB(8), 0, MIB(6), MIB(16));
	CHECK_EQ((uintptr_t)m.host % MIB(2), 0);
	CHECK(mem_at(&m, 0, MIB(6)) == m.host);
	CHECK(!mem_at(&m, 0, MIB(6) + 1));
	CHECK(mem_at(&m, MIB(6) - 1, 1));
	CHECK(!mem_at(&m, MIB(6), 0));
	CHECK(!mem_at(&m, MIB(6) - 1, 2));
	CHECK(mem_at(&m, MIB(16), MIB(2)) == m.host + MIB(6));
	CHECK(!mem_at(&m, MIB(16) - 1, 1));
	CHECK(!mem_at(&m, MIB(18) - 1, 2));
	CHECK(!mem_at(&m, UINT64_MAX, 2));
	CHECK(!mem_at(&m, MIB(17), UINT64_MAX));
	CHECK(!mem_at(&m, MIB(17), UINT64_MAX - MIB(17) + 2));
}

static void memory_clears(void)
{
	struct memory m;
	char *at;

	mem_create(&m, MIB(4), 0, 0, 0);
	at = mem_at(&m, MIB(3), 1);
	*at = 'x';
	mem_clear(&m);
	CHECK_EQ(*at, 0);
}

/* How a call that ends the process ended it. */
static int status_of(void (*fn)(void *), void *arg)
{
	int status;
	pid_t child = fork();

	if (!child) {
		fn(arg);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_size(void *size)
{
	mem_check_size(*(uint64_t *)size);
}

static void memory_too_large(void)
{
	uint64_t size = GIB(1024) * 1024;

	CHECK_EQ(status_of(check_size, &size), STATUS_USAGE);
	size = MIB(1);
	CHECK_EQ(status_of(check_size, &size), 0);
}

/* ------------------------------------------------------------------ */

struct parsed {
	bool flag;
	const char *text;
	uint64_t number;
};

static const struct option_row rows[] = {
	{ .name = "flag", .kind = OPTION_FLAG, .letter = 'f',
	  .offset = offsetof(struct parsed, flag) },
	{ .name = "text", .arg = "T", .kind = OPTION_STRING, .letter = 't',
	  .offset = offsetof(struct parsed, text) },
	{ .name = "number", .arg = "N", .kind = OPTION_NUMBER,
	  .offset = offsetof(struct parsed, number), .min = 1, .max = 9 },
	{ 0 }
};

static struct parsed parsed;
static char *argv[16];
static int first, argc;

static void parse(void *text)
{
	char *list = strdup(text);

	argc = 0;
	while ((argv[argc] = next_item(&list, ' ')))
		argc++;
	memset(&parsed, 0, sizeof(parsed));
	first = options_parse(rows, &parsed, argc, argv);
}

static void options_as_getopt(void)
{
	parse("x --text=a 64 kernel --number 3 -f root");
	CHECK(parsed.flag);
	CHECK(parsed.text && !strcmp(parsed.text, "a"));
	CHECK_EQ(parsed.number, 3);
}

/* What is left over is at the end, in its order. */
static void options_left(void)
{
	static const struct {
		const char *line, *text;
		bool flag;
		unsigned number, left;
	} tries[] = {
		{ "x a b c", NULL, false, 0, 3 },
		{ "x a -f b --te=1 c", "1", true, 0, 3 },
		{ "x a --t -f b c", "-f", false, 0, 3 },
		{ "x --num 3 a -- b -f", NULL, false, 3, 3 },
		{ "x -- a --number=4 c", NULL, false, 0, 3 },
		{ "x - --flag", NULL, true, 0, 1 },
		{ "x --", NULL, false, 0, 0 },
		{ "x", NULL, false, 0, 0 },
		{ "x -ft5 a", "5", true, 0, 1 },
		{ "x -f -t 5 a", "5", true, 0, 1 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(tries); i++) {
		parse((void *)tries[i].line);
		CHECK_EQ(parsed.flag, tries[i].flag);
		CHECK_EQ(parsed.number, tries[i].number);
		CHECK(!tries[i].text == !parsed.text);
		CHECK(!parsed.text || !strcmp(parsed.text, tries[i].text));
		CHECK_EQ(argc - first, tries[i].left);
		if (tries[i].left == 3) {
			CHECK_EQ(*argv[first], 'a');
			CHECK_EQ(*argv[argc - 1], i == 3 ? '-' : 'c');
		}
	}
}

static void options_wrong(void)
{
	static const char *const bad[] = {
		"x --what", "x -z", "x --text", "x --flag=1", "x --number=0",
		"x --number=10", "x --number=", "x --text=", "x --number=1x",
		"x -t", "x -ft", "x --flagg", "x --f=1",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_EQ(status_of(parse, (void *)bad[i]), STATUS_USAGE);
	CHECK_EQ(rig_warnings(), ARRAY_SIZE(bad));
}

/* ------------------------------------------------------------------ */

static uint64_t last_write;

static uint64_t port_read(struct guest *g, uint64_t off, unsigned width)
{
	(void)g, (void)width;
	return 0x1122334455667788 + off;
}

static void port_write(struct guest *g, uint64_t off, unsigned width,
		       uint64_t value)
{
	(void)g, (void)off, (void)width;
	last_write = value;
}

static void ports(void)
{
	static const struct io_range r = {
		.base = 0x100, .size = 4, .read = port_read,
		.write = port_write,
	};
	struct guest *g = rig_guest(MIB(1));

	io_add(&r);
	CHECK_EQ(io_read(g, false, 0x100, 1), 0x88);
	CHECK_EQ(io_read(g, false, 0x101, 2), 0x7789);
	CHECK_EQ(io_read(g, false, 0x102, 4), 0xffffffff);
	CHECK_EQ(io_read(g, false, 0xff, 2), 0xffff);
	CHECK_EQ(io_read(g, true, 0x100, 4), 0xffffffff);
	CHECK_EQ(io_read(g, false, UINT64_MAX, 2), 0xffff);
	CHECK_EQ(io_read(g, false, 0x100, 3), 0xffffff);
	io_write(g, false, 0x100, 2, 0x12345);
	CHECK_EQ(last_write, 0x2345);
	io_write(g, false, 0x103, 2, 1);
	CHECK_EQ(last_write, 0x2345);
}

/* ------------------------------------------------------------------ */

static unsigned wants, readies, expiries, signals;
static short wanted = POLLIN;

static short want(void *owner)
{
	(void)owner;
	wants++;
	return wanted;
}

static void ready(void *owner, short revents)
{
	char c;

	(void)revents;
	readies += read(*(int *)owner, &c, 1) == 1;
}

static void expired(void *owner)
{
	(void)owner;
	expiries++;
}

static void on_signal(struct guest *g)
{
	(void)g;
	signals++;
}

static void loop_asks_before_it_polls(void)
{
	int fds[2];
	struct watch w = { .want = want, .ready = ready, .owner = &fds[0] };
	struct guest *g = rig_guest(MIB(1));

	CHECK(!pipe(fds) && write(fds[1], "ab", 2) == 2);
	w.fd = fds[0];
	watch_add(&w);
	wanted = 0;
	loop_turn(g, 0);
	CHECK_EQ(readies, 0);
	wanted = POLLIN;
	loop_turn(g, 0);
	CHECK_EQ(readies, 1);
	w.fd = -1;
	loop_turn(g, 0);
	CHECK_EQ(readies, 1);
	CHECK_EQ(wants, 2);
}

static void loop_timers(void)
{
	struct timer t = { .expired = expired };
	struct guest *g = rig_guest(MIB(1));

	timer_add(&t);
	loop_turn(g, 0);
	CHECK_EQ(expiries, 0);
	t.when = now_ns() + 1000000;
	loop_turn(g, -1);
	CHECK_EQ(expiries, 1);
	CHECK_EQ(t.when, 0);
}

/* A signal that comes between two turns must end the wait of the next. */
static void loop_signal_is_not_slept_over(void)
{
	struct guest *g = rig_guest(MIB(1));

	loop_on_signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	raise(SIGUSR1);
	CHECK_EQ(signals, 0);
	loop_turn(g, -1);
	CHECK_EQ(signals, 1);
	loop_turn(g, 0);
	CHECK_EQ(signals, 1);
}

static void first_end_counts(void)
{
	struct guest *g = rig_guest(MIB(1));

	guest_end(g, STATUS_CRASHED, "one %d", 1);
	guest_end(g, STATUS_POWEROFF, "two");
	CHECK_EQ(g->status, STATUS_CRASHED);
	CHECK(!strcmp(g->why, "one 1"));
	loop_run(g);	/* leaves at once */
}

int main(void)
{
	RUN(sizes);
	RUN(items);
	RUN(hexadecimal);
	RUN(bytes);
	RUN(memory_and_its_hole);
	RUN(memory_clears);
	RUN(memory_too_large);
	RUN(options_as_getopt);
	RUN(options_left);
	RUN(options_wrong);
	RUN(ports);
	RUN(loop_asks_before_it_polls);
	RUN(loop_timers);
	RUN(loop_signal_is_not_slept_over);
	RUN(first_end_counts);
	return rig_done();
}
