/* SPDX-License-Identifier: GPL-2.0-only */
/* Strings, numbers as strings, and the kernel's arguments. */
#include <stdarg.h>

#include "guest32.h"

#define CMDLINE_PTR	0x228

static char arguments[512];

void *memcpy(void *to, const void *from, size_t n)
{
	u8 *t = to;
	const u8 *f = from;

	while (n--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int c, size_t n)
{
	u8 *t = to;

	while (n--)
		*t++ = c;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

bool same(const char *a, const char *b)
{
	return strlen(a) == strlen(b) && !memcmp(a, b, strlen(a));
}

struct out {
	char *at, *end;
};

static void put(struct out *o, char c)
{
	if (o->at < o->end)
		*o->at++ = c;
}

static void put_number(struct out *o, u32 n, u32 base)
{
	char digits[11];
	unsigned i = 0;

	do {
		digits[i++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (i)
		put(o, digits[--i]);
}

static void put_one(struct out *o, char kind, va_list *ap)
{
	const char *s;
	int n;

	switch (kind) {
	case 's':
		for (s = va_arg(*ap, const char *); *s; s++)
			put(o, *s);
		break;
	case 'c':
		put(o, va_arg(*ap, int));
		break;
	case 'd':
		n = va_arg(*ap, int);
		if (n < 0)
			put(o, '-');
		put_number(o, n < 0 ? -(u32)n : (u32)n, 10);
		break;
	case 'u':
	case 'x':
		put_number(o, va_arg(*ap, u32), kind == 'u' ? 10 : 16);
		break;
	default:
		put(o, kind);
	}
}

void vformat(char *text, size_t room, const char *fmt, va_list ap)
{
	struct out o = { text, text + room - 1 };
	va_list copy;

	va_copy(copy, ap);
	for (; *fmt; fmt++) {
		if (*fmt == '%' && fmt[1])
			put_one(&o, *++fmt, &copy);
		else
			put(&o, *fmt);
	}
	va_end(copy);
	*o.at = '\0';
}

void say(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	early_print(line);
}

const char *argument(const char *name)
{
	static char value[64];
	size_t n = strlen(name), len = 0;

	value[0] = '\0';
	for (const char *s = arguments; *s; s++) {
		if ((s != arguments && s[-1] != ' ') || memcmp(s, name, n) ||
		    s[n] != '=')
			continue;
		for (s += n + 1; len < sizeof(value) - 1 && s[len] > ' '; len++)
			value[len] = s[len];
		value[len] = '\0';
		break;
	}
	return value;
}

u32 argument_number(const char *name, u32 otherwise)
{
	const char *s = argument(name);
	u32 n = 0;

	if (!*s)
		return otherwise;
	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + *s - '0';
	return n;
}

void arguments_init(void)
{
	u32 at;
	const char *s;

	memcpy(&at, (char *)virt(boot_params) + CMDLINE_PTR, 4);
	s = virt(at);
	for (unsigned i = 0; i < sizeof(arguments) - 1 && s[i]; i++)
		arguments[i] = s[i];
}
