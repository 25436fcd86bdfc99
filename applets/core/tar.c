/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tar archives, by POSIX (ustar and pax) and by what GNU tar writes.
 */
#include <stdlib.h>
#include <string.h>

#include "tar.h"

/* Of a pax header or a long name; attributes of files may be in there. */
#define EXTRA_MAX	MIB(1)

/* Bits of struct tar's has. */
#define HAS_PATH	1
#define HAS_LINK	2
#define HAS_SIZE	4
#define HAS_UID		8
#define HAS_GID		16
#define HAS_MTIME	32
#define HAS_MAP		64

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12];
	char checksum[8], type, link[100], magic[8], user[32], group[32];
	char major[8], minor[8], prefix[155], pad[12];
};

static int tar_wrong(struct tar *t, const char *what, const char *path)
{
	snprintf(t->why, sizeof(t->why), "%s%s%.100s", what,
		 path && *path ? ": " : "", path ? path : "");
	return -1;
}

/* Octal digits, or with the high bit set a big-endian binary number. */
static bool tar_number(const char *field, size_t n, int64_t *value)
{
	const uint8_t *p = (const uint8_t *)field, *end = p + n;
	uint64_t v = 0;

	if (*p & 0x80) {
		v = *p & 0x40 ? UINT64_MAX : 0;
		v = v << 6 | (*p & 0x3f);
		while (++p < end) {
			if (v >> 55 != 0 && v >> 55 != 0x1ff)
				return false;
			v = v << 8 | *p;
		}
		*value = v;
		return true;
	}
	while (p < end && *p == ' ')
		p++;
	for (; p < end && *p >= '0' && *p <= '7'; p++)
		v = v << 3 | (*p - '0');
	*value = v;
	return p == end || *p == ' ' || !*p;
}

/* Some old tars summed signed characters. */
static bool tar_checksum(const struct tar_header *h)
{
	const uint8_t *p = (const uint8_t *)h;
	int64_t want, sum = 0, with_sign = 0;

	for (unsigned i = 0; i < TAR_BLOCK; i++) {
		bool own = i >= offsetof(struct tar_header, checksum) &&
			   i < offsetof(struct tar_header, type);

		sum += own ? ' ' : p[i];
		with_sign += own ? ' ' : (int8_t)p[i];
	}
	return tar_number(h->checksum, sizeof(h->checksum), &want) &&
	       (want == sum || want == with_sign);
}

static void tar_text(char *to, const char *field, size_t n)
{
	n = strnlen(field, n);
	memcpy(to, field, n);
	to[n] = '\0';
}

/* The name of a ustar header: GNU has other things in place of prefix. */
static void tar_path(struct tar_entry *e, const struct tar_header *h)
{
	size_t n = 0;

	if (!memcmp(h->magic, "ustar\0", 6) && h->prefix[0]) {
		tar_text(e->path, h->prefix, sizeof(h->prefix));
		n = strlen(e->path);
		e->path[n++] = '/';
	}
	tar_text(e->path + n, h->name, sizeof(h->name));
}

static bool tar_u32(const char *field, size_t n, uint32_t *value)
{
	int64_t v;

	if (!tar_number(field, n, &v) || v < 0 || v > UINT32_MAX)
		return false;
	*value = v;
	return true;
}

static bool tar_decode(const struct tar_header *h, struct tar_entry *e)
{
	int64_t size;
	bool ok = tar_number(h->size, sizeof(h->size), &size) && size >= 0 &&
		  tar_u32(h->mode, sizeof(h->mode), &e->mode) &&
		  tar_u32(h->uid, sizeof(h->uid), &e->uid) &&
		  tar_u32(h->gid, sizeof(h->gid), &e->gid) &&
		  tar_number(h->mtime, sizeof(h->mtime), &e->mtime);

	e->size = size;
	e->nsec = 0;
	e->type = h->type;
	e->major = e->minor = 0;
	tar_path(e, h);
	tar_text(e->link, h->link, sizeof(h->link));
	if (h->type == '3' || h->type == '4')
		ok = ok && tar_u32(h->major, sizeof(h->major), &e->major) &&
		     tar_u32(h->minor, sizeof(h->minor), &e->minor);
	return ok;
}

/* Seconds with a fraction, before 1970 too. */
static bool pax_time(const char *text, struct tar_entry *e)
{
	bool minus = *text == '-';
	char whole[24];
	uint64_t n;
	size_t len;
	uint32_t unit = 100000000;

	text += minus;
	len = strcspn(text, ".");
	if (len >= sizeof(whole))
		return false;
	memcpy(whole, text, len);
	whole[len] = '\0';
	if (!parse_number(whole, 0, INT64_MAX / 2, &n))
		return false;
	e->nsec = 0;
	for (text += len; *text && *++text >= '0' && *text <= '9'; unit /= 10)
		e->nsec += (*text - '0') * unit;
	if (*text)
		return false;
	e->mtime = minus ? -(int64_t)n : (int64_t)n;
	if (minus && e->nsec) {
		e->mtime--;
		e->nsec = 1000000000 - e->nsec;
	}
	return true;
}

static bool pax_path(char *to, const char *value)
{
	size_t n = strlen(value);

	if (n > PATH_BYTES_MAX)
		return false;
	memcpy(to, value, n + 1);
	return true;
}

/* An empty value takes back what was said; unknown keys are for others. */
static bool pax_take(struct tar *t, const char *key, const char *value)
{
	struct tar_entry *e = &t->next;
	uint64_t n;

	if (!strncmp(key, "GNU.sparse.", 11))
		t->has |= HAS_MAP;
	if (!strcmp(key, "path") || !strcmp(key, "GNU.sparse.name")) {
		t->has |= HAS_PATH;
		return pax_path(e->path, value);
	} else if (!strcmp(key, "linkpath")) {
		t->has |= HAS_LINK;
		return pax_path(e->link, value);
	} else if (!strcmp(key, "size")) {
		t->has |= HAS_SIZE;
		return parse_number(value, 0, INT64_MAX, &e->size);
	} else if (!strcmp(key, "uid")) {
		t->has |= HAS_UID;
		if (!parse_number(value, 0, UINT32_MAX, &n))
			return false;
		e->uid = n;
	} else if (!strcmp(key, "gid")) {
		t->has |= HAS_GID;
		if (!parse_number(value, 0, UINT32_MAX, &n))
			return false;
		e->gid = n;
	} else if (!strcmp(key, "mtime")) {
		t->has |= HAS_MTIME;
		return pax_time(value, e);
	}
	return true;
}

/* Records of "LENGTH KEY=VALUE\n", LENGTH counting all of that. */
static bool pax_parse(struct tar *t, char *text, size_t n)
{
	while (n) {
		size_t digits = strspn(text, "0123456789");
		char *value, *key = text + digits + 1;
		uint64_t len;

		if (!digits || digits > 9 || text[digits] != ' ')
			return false;
		text[digits] = '\0';
		parse_number(text, 0, UINT32_MAX, &len);
		if (len > n || len < digits + 4 || text[len - 1] != '\n')
			return false;
		text[len - 1] = '\0';
		value = memchr(key, '=', len - digits - 2);
		if (!value)
			return false;
		*value++ = '\0';
		if (!pax_take(t, key, value))
			return false;
		text += len;
		n -= len;
	}
	return true;
}

/* A header that is about the next one. */
static int tar_extra(struct tar *t, char type, uint64_t size)
{
	uint64_t padded = ALIGN_UP(size, TAR_BLOCK);
	char *text;
	bool ok = true;

	if (size > EXTRA_MAX)
		return tar_wrong(t, "an extended header of more than 1 MiB",
				 NULL);
	text = xzalloc(padded + 1);
	if (t->read(t->from, text, padded) != padded) {
		free(text);
		return tar_wrong(t, "the archive is cut off", NULL);
	}
	text[size] = '\0';
	if (type == 'x') {
		ok = pax_parse(t, text, size);
	} else if (type == 'L') {
		t->has |= HAS_PATH;
		ok = pax_path(t->next.path, text);
	} else if (type == 'K') {
		t->has |= HAS_LINK;
		ok = pax_path(t->next.link, text);
	}
	free(text);
	return ok ? 1 : tar_wrong(t, "an extended header that we cannot read",
				  NULL);
}

/* What was said before the header goes over what it says itself. */
static void tar_apply(struct tar *t, struct tar_entry *e)
{
	if (t->has & HAS_PATH)
		strcpy(e->path, t->next.path);
	if (t->has & HAS_LINK)
		strcpy(e->link, t->next.link);
	if (t->has & HAS_SIZE)
		e->size = t->next.size;
	if (t->has & HAS_UID)
		e->uid = t->next.uid;
	if (t->has & HAS_GID)
		e->gid = t->next.gid;
	if (t->has & HAS_MTIME) {
		e->mtime = t->next.mtime;
		e->nsec = t->next.nsec;
	}
	t->has = 0;
}

/* Types that mean the same become one; links and nodes have no bytes. */
static int tar_settle(struct tar *t, struct tar_entry *e)
{
	bool has_map = t->has & HAS_MAP;
	size_t n;

	tar_apply(t, e);
	n = strlen(e->path);
	if (e->type == '\0' || e->type == '7')
		e->type = '0';
	/* Older than directories in tar: a file whose name ends in a slash. */
	if (e->type == '0' && n && e->path[n - 1] == '/')
		e->type = '5';
	/* Its bytes are a map and pieces; we would unpack nonsense. */
	if (e->type == 'S' || has_map)
		return tar_wrong(t, "GNU's sparse format (tar --sparse) is not understood",
				 e->path);
	if (e->type < '0' || e->type > '6')
		return tar_wrong(t, "an entry of an unknown type", e->path);
	if (!n)
		return tar_wrong(t, "an entry without a name", NULL);
	if (e->type != '0')
		e->size = 0;
	t->left = e->size;
	t->padding = -e->size & (TAR_BLOCK - 1);
	return 1;
}

int tar_next(struct tar *t, struct tar_entry *e)
{
	struct tar_header h;
	int r = 1;

	_Static_assert(sizeof(h) == TAR_BLOCK, "a header is one block");
	do {
		if (!t->skip(t->from, t->left + t->padding) ||
		    t->read(t->from, &h, sizeof(h)) != sizeof(h))
			return tar_wrong(t, "the archive is cut off", NULL);
		t->left = t->padding = 0;
		if (is_zero(&h, sizeof(h)))
			return t->has ? tar_wrong(t, "the archive ends behind an extended header", NULL) : 0;
		if (!tar_checksum(&h))
			return tar_wrong(t, "not a tar archive, or damaged",
					 NULL);
		if (!tar_decode(&h, e))
			return tar_wrong(t, "a header with a bad number",
					 e->path);
		if (!strchr("xgLKV", h.type) || !h.type)
			return tar_settle(t, e);
		r = tar_extra(t, h.type, e->size);
	} while (r > 0);
	return r;
}
