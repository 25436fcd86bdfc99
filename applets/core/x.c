/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls that succeed or die, and small readers of text.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lguest.h"

void *xzalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		die_errno("allocate %zu bytes", size);
	return p;
}

int xopen(const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags | O_CLOEXEC, mode);

	if (fd < 0)
		die_errno("open %s", path);
	return fd;
}

int xtake(const char *path)
{
	uint64_t n;
	int fd;

	if (strncmp(path, "fd:", 3) || !parse_number(path + 3, 0, INT_MAX, &n))
		return -1;
	/* Never 0 to 2, which others will use. */
	fd = fcntl((int)n, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		die_errno("open %s", path);
	return fd;
}

void xpread(int fd, void *buf, size_t len, off_t off, const char *path)
{
	while (len) {
		ssize_t n = pread(fd, buf, len, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die_errno("read %s", path);
		if (!n)
			die("read %s: file is truncated", path);
		buf = (char *)buf + n;
		len -= n;
		off += n;
	}
}

size_t xread(int fd, void *buf, size_t len, const char *path)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = read(fd, (char *)buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die_errno("read %s", path);
		if (!n)
			break;
		done += n;
	}
	return done;
}

bool write_all(int fd, const void *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n < 0)
			continue;
		buf = (const char *)buf + n;
		len -= n;
	}
	return true;
}

/* strtoull() takes signs and spaces; sizes and counts have neither. */
static bool parse_digits(const char **text, uint64_t *n)
{
	const char *p = *text;

	for (*n = 0; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(*n, 10, n) ||
		    __builtin_add_overflow(*n, *p - '0', n))
			return false;
	if (p == *text)
		return false;
	*text = p;
	return true;
}

bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *n)
{
	return parse_digits(&text, n) && !*text && *n >= min && *n <= max;
}

bool parse_size(const char *text, uint64_t unit, uint64_t *bytes)
{
	static const char letters[] = "kmgt";
	const char *letter;
	uint64_t n;

	if (!parse_digits(&text, &n))
		return false;
	if (*text) {
		letter = strchr(letters, *text | 0x20);
		if (!letter || text[1])
			return false;
		unit = UINT64_C(1) << (10 * (letter - letters + 1));
	}
	return !__builtin_mul_overflow(n, unit, bytes);
}

bool parse_hex(const char *text, unsigned n, uint32_t *value)
{
	for (*value = 0; n--; text++) {
		unsigned digit = *text - '0', letter = (*text | 0x20) - 'a';

		if (digit > 9 && letter > 5)
			return false;
		*value = *value << 4 | (digit > 9 ? letter + 10 : digit);
	}
	return true;
}

/* memmem(3) is a page of code that is fast where we are never slow. */
void *bytes_find(const void *in, size_t len, const void *what, size_t n)
{
	const char *at = in, *end = at + len;

	for (; (size_t)(end - at) >= n; at++) {
		at = memchr(at, *(const char *)what, end - at - n + 1);
		if (!at || !memcmp(at, what, n))
			return (void *)at;
	}
	return NULL;
}

char *next_item(char **list, char separator)
{
	char *item = *list, *end;

	if (!item)
		return NULL;
	end = strchr(item, separator);
	if (end)
		*end++ = '\0';
	*list = end;
	return item;
}

char *item_value(char *item, const char *key)
{
	size_t n = strlen(key);

	if (strncmp(item, key, n) || item[n] != '=')
		return NULL;
	return item + n + 1;
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}
