/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Standard output and standard error, without the locks, the modes and the
 * wide characters of the C library's streams, which are 4 KiB.  A terminal
 * gets its lines as they end, everybody else what fills the buffer.
 */
#include <string.h>
#include <unistd.h>

#include "stream.h"

static char out_buffer[1024];
static struct stream out = {
	.fd = STDOUT_FILENO, .at = out_buffer, .room = sizeof(out_buffer),
};
static struct stream err = { .fd = STDERR_FILENO };

FILE *const stream_stdout = (FILE *)&out, *const stream_stderr = (FILE *)&err;

static void stream_flush(struct stream *s)
{
	if (!write_all(s->fd, s->at - s->len, s->len))
		s->wrong = true;
	s->at -= s->len;
	s->room += s->len;
	s->len = 0;
}

static void stream_put(void *to, const char *bytes, size_t n)
{
	struct stream *s = to;

	if (s->fd >= 0 && n > s->room)
		stream_flush(s);
	/* Too much for any buffer, or there is none. */
	if (s->fd >= 0 && n > s->room) {
		if (!write_all(s->fd, bytes, n))
			s->wrong = true;
		return;
	}
	if (n > s->room)
		n = s->room;
	if (!n)
		return;
	memcpy(s->at, bytes, n);
	s->at += n;
	s->room -= n;
	s->len += n;
	if (s->fd >= 0 && memchr(bytes, '\n', n) && isatty(s->fd))
		stream_flush(s);
}

int stream_print(struct stream *s, const char *fmt, va_list ap)
{
	int n = format_print(stream_put, s, fmt, ap);

	return s->wrong ? -1 : n;
}

size_t stream_fwrite(const void *p, size_t size, size_t n, FILE *to)
{
	struct stream *s = (struct stream *)to;

	stream_put(s, p, size * n);
	return s->wrong ? 0 : n;
}

int stream_fputs(const char *text, FILE *to)
{
	return (int)stream_fwrite(text, strlen(text), 1, to) - 1;
}

int stream_fputc(int c, FILE *to)
{
	char byte = c;

	return stream_fwrite(&byte, 1, 1, to) ? (unsigned char)c : EOF;
}

int stream_putchar(int c)
{
	return stream_fputc(c, stream_stdout);
}

int stream_puts(const char *text)
{
	stream_fputs(text, stream_stdout);
	return stream_putchar('\n');
}

int stream_printf(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = stream_print(&out, fmt, ap);
	va_end(ap);
	return n;
}

int stream_fprintf(FILE *to, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = stream_print((struct stream *)to, fmt, ap);
	va_end(ap);
	return n;
}

int stream_vsnprintf(char *to, size_t size, const char *fmt, va_list ap)
{
	struct stream s = { .fd = -1, .at = to, .room = size ? size - 1 : 0 };
	int n = stream_print(&s, fmt, ap);

	if (size)
		*s.at = '\0';
	return n;
}

int stream_snprintf(char *to, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = stream_vsnprintf(to, size, fmt, ap);
	va_end(ap);
	return n;
}

int stream_sprintf(char *to, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = stream_vsnprintf(to, INT32_MAX, fmt, ap);
	va_end(ap);
	return n;
}

int stream_fflush(FILE *to)
{
	struct stream *s = (struct stream *)to;

	stream_flush(s);
	return s->wrong ? EOF : 0;
}

int stream_ferror(FILE *to)
{
	return ((struct stream *)to)->wrong;
}

void stream_exit(void)
{
	stream_flush(&out);
}
