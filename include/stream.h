/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What <stdio.h> comes down to in the finished program, where the linker makes
 * these its functions; see the Makefile.  Others call those by their own names.
 */
#ifndef STREAM_H
#define STREAM_H

#include "lguest.h"

/* A FILE is one of these: a descriptor, or if that is -1 the caller's text. */
struct stream {
	int fd;
	bool wrong;		/* something could not be written */
	char *at;		/* where the next byte goes */
	size_t room;		/* what is left behind it... */
	size_t len;		/* ... and what is before and not written */
};

int stream_print(struct stream *s, const char *fmt, va_list ap);

size_t stream_fwrite(const void *p, size_t size, size_t n, FILE *to);
int stream_fputs(const char *text, FILE *to);
int stream_fputc(int c, FILE *to);
int stream_puts(const char *text);
int stream_putchar(int c);
int stream_printf(const char *fmt, ...) PRINTF(1, 2);
int stream_fprintf(FILE *to, const char *fmt, ...) PRINTF(2, 3);
int stream_vsnprintf(char *to, size_t size, const char *fmt, va_list ap);
int stream_snprintf(char *to, size_t size, const char *fmt, ...) PRINTF(3, 4);
int stream_sprintf(char *to, const char *fmt, ...) PRINTF(2, 3);
int stream_fflush(FILE *to);
int stream_ferror(FILE *to);

/* At exit(3). */
void stream_exit(void);

extern FILE *const stream_stdout, *const stream_stderr;

#endif
