/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every applet uses: how to fail, how to ask the Host for things and be
 * told plainly when it refuses, and how the command line is read.
 */
#ifndef LGUEST_H
#define LGUEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define KIB(n)		((uint64_t)(n) << 10)
#define MIB(n)		((uint64_t)(n) << 20)
#define GIB(n)		((uint64_t)(n) << 30)

/* a must be a power of two. */
#define ALIGN_UP(x, a)	(((x) + ((a) - 1)) & ~((uint64_t)(a) - 1))

#define LGUEST_VERSION	"0.1"

#define NORETURN	__attribute__((noreturn))
#define PRINTF(f, a)	__attribute__((format(printf, f, a)))

/* Exit status: a contract with the scripts that call us (see --help). */
enum status {
	STATUS_POWEROFF = 0,	/* the Guest powered off; success */
	STATUS_FAILED = 1,	/* the Launcher or the Host failed */
	STATUS_USAGE = 2,	/* the command line makes no sense */
	STATUS_CRASHED = 3,	/* the Guest crashed or panicked */
	STATUS_STOPPED = 4,	/* stopped by the user, SIGTERM or --timeout */
	STATUS_REBOOTED = 5,	/* the Guest rebooted under --no-reboot */
	STATUS_BROKEN = 6,	/* a driver broke a rule under --fail-fast */
};

/*
 * One command.  Each applets/NAME.c ends with one of these, called
 * applet_NAME; the Makefile collects them into applets[].
 */
struct applet {
	const char *name;	/* what argv[0] ends in: "lguest-mkdisk" */
	const char *summary;	/* one line for people */
	int (*main)(int argc, char **argv);	/* returns the exit status */
};

/* Ends with NULL.  Made by the Makefile from the directory listing. */
extern const struct applet *const applets[];

/* --- say.c: the three ways to speak; each writes one line to stderr --- */

/* The applet's name, put before each line.  Set once, by main(). */
extern const char *progname;

/* Set by --verbose: verbose() speaks only then. */
extern bool say_verbose;

/* The user or the Host is wrong: say so and leave with STATUS_FAILED. */
NORETURN void die(const char *fmt, ...) PRINTF(1, 2);

/* The same, with ": " and the cause in errno behind it. */
NORETURN void die_errno(const char *fmt, ...) PRINTF(1, 2);

/* The command line is wrong: say so and leave with STATUS_USAGE. */
NORETURN void die_usage(const char *fmt, ...) PRINTF(1, 2);

/* Something is wrong and we go on.  errno is preserved by all of these. */
void warn(const char *fmt, ...) PRINTF(1, 2);
void warn_errno(const char *fmt, ...) PRINTF(1, 2);

/* For --verbose only. */
void verbose(const char *fmt, ...) PRINTF(1, 2);

/* Our own mistake: assert(3) calls this, as the linker wants it. */
NORETURN void say_assertion(const char *what, const char *file, int line,
			    const char *fn);

/* --- format.c: what the C library's printf() and its kin come down to --- */

/*
 * For s, c, d, u, x, X, with "#", "0", a width, a precision: puts the text in
 * pieces, and returns its length.
 */
int format_print(void (*put)(void *to, const char *bytes, size_t n), void *to,
		 const char *fmt, va_list ap);

/* --- x.c: calls that succeed or die, naming the object and the call --- */

/* Zeroed memory.  Never called once the Guest runs. */
void *xzalloc(size_t size);

/* open(2) with O_CLOEXEC added. */
int xopen(const char *path, int flags, mode_t mode);

/*
 * "fd:N" is what somebody has opened for us: a copy of it, or die.  -1 for any
 * other path; a file of that name is "./fd:N".
 */
int xtake(const char *path);

/* Exactly len bytes at off, or die naming path; EOF is "file is truncated". */
void xpread(int fd, void *buf, size_t len, off_t off, const char *path);

/* Up to len bytes, fewer only at the end; dies naming path. */
size_t xread(int fd, void *buf, size_t len, const char *path);

/* write(2) until all is out; retries EINTR.  Returns false and errno. */
bool write_all(int fd, const void *buf, size_t len);

/*
 * "64", "64K", "1G", "2T" (and kmgt): a number of units of `unit` bytes when
 * no letter follows, of the letter's bytes otherwise; in bytes into *bytes.
 * False on anything else: empty, sign, trailing text, overflow.
 */
bool parse_size(const char *text, uint64_t unit, uint64_t *bytes);

/* A plain decimal number from min to max.  False on anything else. */
bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *n);

/* Exactly n hexadecimal digits, whatever follows.  False: not all are. */
bool parse_hex(const char *text, unsigned n, uint32_t *value);

/* Where the n bytes of `what` first stand in the len bytes of `in`, or NULL. */
void *bytes_find(const void *in, size_t len, const void *what, size_t n);

/*
 * Cuts the next item off a list "a,b,c": returns it NUL-terminated and moves
 * *list behind it, NULL at the end.  Writes into the list.
 */
char *next_item(char **list, char separator);

/* If item is "key=value", the value; NULL otherwise. */
char *item_value(char *item, const char *key);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t now_ns(void);

/* --- options.c --- */

enum option_kind {
	OPTION_FLAG,		/* --name; stores true in a bool */
	OPTION_STRING,		/* --name=value; stores const char * */
	OPTION_NUMBER,		/* --name=value; stores uint64_t, min..max */
	OPTION_CALL,		/* --name[=value]; calls take(where, value) */
};

/*
 * One option: how it is written, where it goes, what help says.  `offset` is
 * into the struct that options_parse() is given.  An option with `arg` needs
 * `--name=value`; one without takes none.
 */
struct option_row {
	const char *name;
	const char *arg;	/* what help calls the value; NULL for none */
	const char *help;
	enum option_kind kind;
	char letter;		/* short form, 0 for none */
	size_t offset;
	uint64_t min, max;
	void (*take)(void *where, const struct option_row *row, char *value);
	const void *owner;	/* for take(): whose row this is */
};

/*
 * Parses argv by the rows (they end with name == NULL) into *where, the way
 * getopt_long(3) does: options and operands may mix, "--name value" and
 * abbreviations work, "--" ends the options.  Returns the index of the first
 * operand, all operands moved behind it.  Dies with STATUS_USAGE and the
 * option's name.
 */
int options_parse(const struct option_row *rows, void *where,
		  int argc, char **argv);

/* One line an option, to stdout. */
void options_help(const struct option_row *rows);

#endif
