/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files behind the console share: terminal.c opens and closes,
 * tty.c keeps the terminal's modes, input.c and output.c move the bytes,
 * transcript.c remembers them, socket.c is --console=unix:PATH.  Everybody
 * else wants machine.h.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include "machine.h"

/* --- output.c: what the Guest prints, on its way out --- */

/* How to write to a descriptor without ever waiting for its reader. */
enum sink {
	SINK_NONE,	/* nobody there: dropped, and there is always room */
	SINK_FILE,	/* a file or disk: write(2) ends by itself */
	SINK_NONBLOCK,	/* O_NONBLOCK on an open file description of our own */
	SINK_SOCKET,	/* send(2) with MSG_DONTWAIT */
	SINK_POLLED,	/* somebody else's: a little after POLLOUT */
};

/* Once, before anything else here. */
void output_open(void);

/*
 * Output goes to fd from now on; what waits for the one before is dropped.
 * When it fails, gone() is called, or name is told to the user if that is
 * NULL.  Either way the sink is SINK_NONE by then.
 */
void output_to(int fd, enum sink sink, const char *name, void (*gone)(void));

/* A file given by --console= is emptied: not before the Guest really runs. */
void output_truncate(int fd);
void output_start(void);

/* A beep for the user, not part of what the Guest says. */
void output_bell(void);

/* The end: writes out what waits, for at most ms milliseconds. */
void output_close(int ms);

/* --- transcript.c: a copy on disk, and the last of it in memory --- */

void transcript_open(const char *log);	/* dies; NULL: no log */
void transcript_start(void);
void transcript_add(const void *bytes, size_t n);
void transcript_flush(void);

/* --- input.c: what is typed, on its way in --- */

enum source {
	SOURCE_NONE,
	SOURCE_TTY,	/* always read; keys mean something */
	SOURCE_STREAM,	/* a pipe or file: read when the Guest has room */
	SOURCE_SOCKET,	/* the same, and its hanging up matters */
};

/* Once, before anything else here. */
void input_open(struct guest *g);

/*
 * Input comes from fd from now on.  left() is called when the other end of a
 * SOURCE_SOCKET hung up and everything it sent was read.
 */
void input_from(int fd, enum source source, void (*left)(void));

/* The other end hung up, though the Guest has not read all it sent. */
bool input_hung_up(void);

/* --- tty.c: the terminal's modes --- */

/* fd is the terminal that terminal_raw() is about; -1: there is none. */
void tty_open(int fd);

/* May we read it?  Not while a shell has us in the background. */
bool tty_foreground(void);

/* A read failed: if we are in the background, look again from time to time. */
bool tty_lost(void);

/* Two descriptors of one terminal. */
bool tty_same(int a, int b);

/* Tells whoever asked by terminal_on_resize(). */
void terminal_resized(void);

/* --- socket.c: --console=unix:PATH --- */

bool socket_path_fits(const char *path);
void socket_open(const char *path);	/* dies */
void socket_close(void);

#endif
