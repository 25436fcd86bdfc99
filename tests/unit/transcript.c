/* SPDX-License-Identifier: GPL-2.0-only */
/* What is kept of what the Guest printed: the log, and its last words. */
#include "ends.h"

static void log_is_a_copy(void)
{
	char *path = path_of("log"), buf[64];
	int fd = pipe_stdout();

	begin("tty", path);
	print("one\n");
	print("two");
	read_file(path, buf, sizeof(buf));
	CHECK(!strcmp(buf, "one\ntwo"));
	CHECK_EQ(drain_pipe(fd), 7);
	/* A console that nobody reads any more has its log all the same. */
	close(fd);
	print("three\n");
	print("four\n");
	end();
	read_file(path, buf, sizeof(buf));
	CHECK(!strcmp(buf, "one\ntwothree\nfour\n"));
}

static void log_on_a_full_disk(void)
{
	int fd = pipe_stdout();

	begin("tty", "/dev/full");
	rig_warnings();
	for (unsigned i = 0; i < 10; i++)
		print("a line\n");
	CHECK_EQ(rig_warnings(), 1);
	CHECK_EQ(drain_pipe(fd), 70);
	CHECK(!g->ended);
	end();
}

static void last_words_are(const char *printed, const char *want)
{
	char buf[100];

	print(printed);
	terminal_last_words(buf, sizeof(buf));
	if (strcmp(buf, want))
		fprintf(stderr, "last words: \"%s\"\n", buf);
	CHECK(!strcmp(buf, want));
}

static void last_words(void)
{
	begin("null", NULL);
	last_words_are("", "");
	last_words_are("\r\n \r\n", "");
	last_words_are("login: ", "login:");
	last_words_are("\r\n\033[1;31m[  OK  ]\033[0m done\a\r\n\r\n",
		       "[  OK  ] done");
	last_words_are("<0>[   12.345678][    T1] Kernel panic - not syncing: "
		       "Attempted to kill init!\r\n"
		       "[   12.345680] CPU: 0 PID: 1\r\n"
		       "[   12.4] ---[ end Kernel panic - not syncing: "
		       "Attempted to kill init! ]---\r\n",
		       "Kernel panic - not syncing: Attempted to kill init!");
}

/* The ring of it goes round at any place, and a long line is cut. */
static void last_words_of_a_talkative_guest(void)
{
	char line[40];

	begin("null", NULL);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(line, sizeof(line), "[%5u.0] line %u\r\n", i, i);
		terminal_write(line, strlen(line));
	}
	last_words_are("", "line 2999");
	memset(got, 'y', 20000);
	terminal_write(got, 20000);
	terminal_last_words(line, sizeof(line));
	CHECK_EQ(strlen(line), sizeof(line) - 1);
	terminal_last_words(line, 1);
	CHECK_EQ(*line, 0);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	RUN(log_is_a_copy);
	RUN(log_on_a_full_disk);
	RUN(last_words);
	RUN(last_words_of_a_talkative_guest);
	remove_dir();
	return rig_done();
}
