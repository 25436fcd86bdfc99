/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * printf(3) without what we do not print: the C library's brings floating
 * point, wide characters and positional arguments, 8 KiB of the binary.  All
 * of its family ends up here, by way of stream.c.
 */
#include <string.h>

#include "lguest.h"

/* Unbuffered streams get a line in one write(2) as long as it fits. */
struct text {
	void (*put)(void *to, const char *bytes, size_t n);
	void *to;
	int total;
	size_t len;
	char buf[512];
};

/* What stands between '%' and its letter. */
struct conversion {
	bool prefix;		/* '#' */
	char pad;		/* in front, up to the width */
	int width;
	int precision;		/* -1: none */
	unsigned longs;		/* 'l's; size_t is as long as long is */
};

static void text_flush(struct text *t)
{
	t->put(t->to, t->buf, t->len);
	t->len = 0;
}

static void text_char(struct text *t, char c)
{
	if (t->len == sizeof(t->buf))
		text_flush(t);
	t->buf[t->len++] = c;
	t->total++;
}

static void text_put(struct text *t, const struct conversion *c,
		     const char *s, size_t len)
{
	for (size_t n = len; c->width > 0 && n < (size_t)c->width; n++)
		text_char(t, c->pad);
	while (len--)
		text_char(t, *s++);
}

static void text_number(struct text *t, const struct conversion *c,
			uint64_t n, char letter)
{
	const char *digits = letter == 'X' ? "0123456789ABCDEF" :
					     "0123456789abcdef";
	unsigned base = (letter | 0x20) == 'x' ? 16 : 10;
	char number[24], *end = number + sizeof(number), *p = end;
	bool minus = letter == 'd' && (int64_t)n < 0;
	bool prefix = c->prefix && n;

	if (minus)
		n = -n;
	do
		*--p = digits[n % base];
	while (n /= base);
	if (prefix) {
		*--p = 'x';
		*--p = '0';
	}
	if (minus)
		*--p = '-';
	text_put(t, c, p, end - p);
}

/* Digits, or the next argument in place of '*'. */
static const char *take_number(const char *fmt, int *n, va_list *ap)
{
	if (*fmt == '*') {
		*n = va_arg(*ap, int);
		return fmt + 1;
	}
	for (*n = 0; *fmt >= '0' && *fmt <= '9'; fmt++)
		*n = *n * 10 + *fmt - '0';
	return fmt;
}

static const char *take_conversion(const char *fmt, struct conversion *c,
				   va_list *ap)
{
	*c = (struct conversion){ .pad = ' ', .precision = -1 };
	for (; *fmt == '#' || *fmt == '0'; fmt++)
		if (*fmt == '#')
			c->prefix = true;
		else
			c->pad = '0';
	fmt = take_number(fmt, &c->width, ap);
	if (*fmt == '.')
		fmt = take_number(fmt + 1, &c->precision, ap);
	for (; *fmt == 'l' || *fmt == 'z'; fmt++)
		c->longs++;
	return fmt;
}

static uint64_t take_integer(const struct conversion *c, bool sign,
			     va_list *ap)
{
	if (c->longs > 1)
		return va_arg(*ap, unsigned long long);
	if (c->longs)
		return sign ? (uint64_t)va_arg(*ap, long) :
			      va_arg(*ap, unsigned long);
	return sign ? (uint64_t)va_arg(*ap, int) : va_arg(*ap, unsigned);
}

static void text_convert(struct text *t, const struct conversion *c,
			 char letter, va_list *ap)
{
	const char *s;
	char one;

	switch (letter) {
	case 's':
		s = va_arg(*ap, const char *);
		/* A negative precision is none, and longer than any text. */
		text_put(t, c, s, strnlen(s, (unsigned)c->precision));
		break;
	case 'd':
	case 'u':
	case 'x':
	case 'X':
		text_number(t, c, take_integer(c, letter == 'd', ap), letter);
		break;
	case 'c':
		one = va_arg(*ap, int);
		text_put(t, c, &one, 1);
		break;
	default:
		/* "%%"; and what we do not know stands for itself. */
		text_char(t, letter);
	}
}

int format_print(void (*put)(void *to, const char *bytes, size_t n), void *to,
		 const char *fmt, va_list arguments)
{
	struct text t = { .put = put, .to = to };
	struct conversion c;
	va_list ap;

	/* A va_list may be an array, whose address an argument has not. */
	va_copy(ap, arguments);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			text_char(&t, *fmt);
			continue;
		}
		fmt = take_conversion(fmt + 1, &c, &ap);
		if (!*fmt)
			break;
		text_convert(&t, &c, *fmt, &ap);
	}
	va_end(ap);
	text_flush(&t);
	return t.total;
}
