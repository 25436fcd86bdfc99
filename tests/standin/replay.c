/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a real Host and a real Guest once said to the Launcher, told again word
 * by word; and the Launcher has to answer as it did then, byte for byte.  So
 * what the other scripts believe about them is not all that we go by.
 *
 * The transcripts are what `tests/real-lguest.sh -r` leaves behind: their
 * format is at the head of tests/real-lguest-record.c.  Numbers of files are
 * others here, as is the place of the Guest's memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "i386.h"
#include "scripts.h"

#define LINE_MAX_BYTES	(256 * 1024)
#define BYTES_MAX	(64 * 1024)
#define AREAS_MAX	64
#define MEM		"24"

static FILE *transcript;
static char line[LINE_MAX_BYTES];	/* the one that comes next */
static unsigned number;			/* of that line */
static int fds[FILES];			/* theirs, by number then */
static uint32_t base;
static bool fetching;			/* a register, next */
static uint32_t fetched;

/* Memory as it has to be. */
static struct area {
	uint32_t at, len;
	uint8_t *bytes;
} areas[AREAS_MAX];
static unsigned nareas;

static bool next_line(void)
{
	number++;
	if (!fgets(line, sizeof(line), transcript))
		line[0] = '\0';
	return line[0];
}

#define AGREE(cond, ...) do { \
	if (!(cond)) { \
		fprintf(stderr, __VA_ARGS__); \
		failed(__FILE__, __LINE__, "line %u: %.60s", number, line); \
	} \
} while (0)

/* After the word, if that is what the line begins with. */
static char *is(const char *word)
{
	size_t n = strlen(word);

	return !strncmp(line, word, n) && line[n] == ' ' ? line + n : NULL;
}

static uint32_t hex(char **at)
{
	return strtoul(*at, at, 16);
}

static size_t get_bytes(char *at, uint8_t *to)
{
	size_t n = 0;

	while (*at == ' ' && at[1] != '\n') {
		AGREE(n < BYTES_MAX, "too long\n");
		to[n++] = hex(&at);
	}
	return n;
}

/* --- memory ---------------------------------------------------------- */

static void area_add(char *at)
{
	struct area *a = &areas[nareas];

	AGREE(nareas++ < AREAS_MAX, "too many\n");
	a->at = hex(&at);
	a->len = hex(&at);
	a->bytes = calloc(1, a->len);
}

static void areas_store(uint32_t at, const uint8_t *bytes, size_t n)
{
	for (struct area *a = areas; a < areas + nareas; a++)
		for (size_t i = 0; i < n; i++)
			if (at + i - a->at < a->len)
				a->bytes[at + i - a->at] = bytes[i];
}

/* Nothing may be there that nobody wrote then. */
static void areas_check(void)
{
	static uint8_t now[BYTES_MAX];

	for (struct area *a = areas; a < areas + nareas; a++) {
		NEED(a->len <= sizeof(now));
		NEED(child_read(base + a->at, now, a->len));
		for (uint32_t i = 0; i < a->len; i++)
			AGREE(now[i] == a->bytes[i], "at %#x: %02x, not %02x\n",
			      a->at + i, now[i], a->bytes[i]);
	}
}

static void guest_wrote(char *at)
{
	static uint8_t bytes[BYTES_MAX];
	uint32_t where = hex(&at);
	size_t n = get_bytes(at, bytes);

	NEED(child_write(base + where, bytes, n));
	areas_store(where, bytes, n);
}

static void launcher_wrote(char *at)
{
	static uint8_t bytes[BYTES_MAX], now[BYTES_MAX];
	uint32_t where = hex(&at);
	size_t n = get_bytes(at, bytes);

	NEED(child_read(base + where, now, n));
	for (size_t i = 0; i < n; i++)
		AGREE(now[i] == bytes[i], "at %#zx: %02x, not %02x\n",
		      where + i, now[i], bytes[i]);
	areas_store(where, bytes, n);
}

/* What is told of memory, and files that are closed, up to the next call. */
static void tell(void)
{
	bool guests = false;
	char *at;

	for (;; next_line()) {
		if ((at = is("guest"))) {
			if (!guests)
				areas_check();
			guest_wrote(at);
		} else if ((at = is("launcher"))) {
			launcher_wrote(at);
		} else if ((at = is("area"))) {
			area_add(at);
		} else if ((at = is("close"))) {
			AGREE(!child_has_fd(fds[hex(&at)]), "it is open\n");
		} else {
			return;
		}
		guests = is("guest");
	}
}

/* --- calls ----------------------------------------------------------- */

static void opened(const struct call *c)
{
	int fd = host_open(c);
	char *at = is("open");
	uint32_t then;

	if (fd < 0)
		return;
	AGREE(at, "open\n");
	then = hex(&at);
	NEED(then < FILES);
	fds[then] = fd;
	next_line();
}

static void check_fd(const struct call *c, char **at)
{
	uint32_t then = *at ? hex(at) : FILES;

	AGREE(then < FILES && (int)c->args[0] == fds[then],
	      "a call on file %d\n", (int)c->args[0]);
}

/* A question for a register has its answer in the same line. */
static void asked(const struct call *c, const uint32_t *words)
{
	char *at = is("get");

	check_fd(c, &at);
	AGREE(hex(&at) == words[1], "register %#x\n", words[1]);
	at = strchr(at, '=');
	NEED(at++);
	fetching = true;
	fetched = hex(&at);
	if (child_answer(c, 8, 0))
		next_line();
}

static void wrote(const struct call *c)
{
	enum { INITIALIZE, GETREG = 5 };
	char *at = is("write");
	uint32_t words[8];
	unsigned n = c->args[2] / 4;
	int result;

	NEED(n > 1 && n <= 8 && child_read(c->args[1], words, n * 4));
	if (words[0] == GETREG && !at) {
		asked(c, words);
		return;
	}
	check_fd(c, &at);
	for (unsigned i = 0; i < n; i++) {
		if (i == 1 && !strncmp(at, " base", 5))
			at += 5;
		else
			AGREE(hex(&at) == words[i], "word %u is %#x\n", i,
			      words[i]);
	}
	AGREE(!strncmp(at, " = ", 3), "%u words\n", n);
	result = atoi(at + 3);
	if (words[0] == INITIALIZE) {
		base = words[1];
		nareas = 0;
	}
	if (child_answer(c, result, result < 0 ? -result : 0))
		next_line();
}

static void run(const struct call *c)
{
	static uint8_t bytes[BYTES_MAX];
	char *at = is("read");
	int result;
	size_t n;

	if (fetching) {
		NEED(child_write(c->args[1], &fetched, sizeof(fetched)));
		fetching = !child_answer(c, sizeof(fetched), 0);
		return;
	}
	check_fd(c, &at);
	areas_check();
	NEED(!strncmp(at, " = ", 3));
	result = strtol(at + 3, &at, 10);
	n = get_bytes(at, bytes);
	AGREE(n <= c->args[2], "no room\n");
	NEED(child_write(c->args[1], bytes, n));
	/* Gone by a signal: it comes again. */
	if (child_answer(c, result, result < 0 ? -result : 0))
		next_line();
}

/* ------------------------------------------------------------------ */

/* A file of zeroes, of the size that the transcript names. */
static bool make_file(const char *word)
{
	char *at = is(word);
	FILE *f;

	if (!at)
		return false;
	f = fopen(word, "we");
	NEED(f && !ftruncate(fileno(f), hex(&at)));
	fclose(f);
	return next_line();
}

static void start_launcher(const struct era *era)
{
	char *argv[8] = { (char *)launcher, "--hypervisor=lguest" };
	unsigned n = 2;

	if (make_file("initrd"))
		argv[n++] = "--initrd=initrd";
	if (make_file("disk"))
		argv[n++] = "--block=disk";
	argv[n++] = MEM;
	argv[n] = make_kernel(era);
	child_start(era, ENDS_PIPE, argv);
}

void replay(const struct era *era, const char *path)
{
	struct call c;

	transcript = fopen(path, "re");
	NEED(transcript && next_line());
	host_reset(era);
	start_launcher(era);
	while (child_call(&c)) {
		tell();
		if (c.nr == I386_OPEN || c.nr == I386_OPENAT)
			opened(&c);
		else if (c.nr == I386_WRITE)
			wrote(&c);
		else
			run(&c);
	}
	tell();
	AGREE(!line[0], "the Launcher ended\n");
	NEED_EQ(child_status(), 0);
}
