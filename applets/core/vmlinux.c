/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an unpacked kernel has in it besides code: its banner, perhaps its own
 * configuration (CONFIG_IKCONFIG), and words that only a Guest of lguest has.
 * One pass through what is loaded of it finds all; debugging information,
 * which may be ten times as long, nobody needs to read.
 */
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "unpack.h"

#define CHUNK		KIB(64)
#define CONFIG_TEXT_MAX	MIB(8)	/* that of a Debian kernel has 260 KiB */
#define SEARCH_MAX	MIB(256)	/* a sparse file may go on for ever */
/* A file that is full of beginnings costs us no more than so many looks. */
#define LOOKS_MAX	1000

#define BANNER		"Linux version "
#define CONFIG_START	"IKCFG_ST"
#define CONFIG_END	"IKCFG_ED"
#define NEEDLE_MIN	7	/* the shortest, but for a NUL at its end */
#define NEEDLE_MAX	16

/* One text to look for. */
struct needle {
	const char *text;
	unsigned len;
	/* At `at` it is: is it what we look for? */
	bool (*take)(struct vmlinux *v, int fd, uint64_t at);
};

/* "%s" in place of a number stands in messages, not in banners. */
static bool banner_take(struct vmlinux *v, int fd, uint64_t at)
{
	char text[sizeof(v->banner)];
	size_t n = 0, len = read_at(fd, text, sizeof(text) - 1, at);

	if (len < sizeof(BANNER) || text[sizeof(BANNER) - 1] < '0' ||
	    text[sizeof(BANNER) - 1] > '9')
		return false;
	while (n < len && text[n] >= ' ' && text[n] <= '~')
		n++;
	memcpy(v->banner, text, n);
	v->banner[n] = '\0';
	return true;
}

/* The kernel has the words themselves too, to find its own: then no gzip. */
static bool config_start_take(struct vmlinux *v, int fd, uint64_t at)
{
	uint8_t magic[3];

	at += sizeof(CONFIG_START) - 1;
	if (read_at(fd, magic, 3, at) < 3 || memcmp(magic, "\x1f\x8b\x08", 3))
		return false;
	v->config_at = at;
	return true;
}

static bool config_end_take(struct vmlinux *v, int fd, uint64_t at)
{
	(void)fd;
	if (!v->config_at || at <= v->config_at)
		return false;
	v->config_len = at - v->config_at;
	return true;
}

static bool lguest_take(struct vmlinux *v, int fd, uint64_t at)
{
	(void)fd, (void)at;
	v->says_lguest = true;
	return true;
}

/*
 * "LGUEST" is what a Guest calls the maker of its memory map; the Host's half,
 * which may be built in as well, never writes it in capitals.
 */
static const struct needle needles[] = {
	{ BANNER, sizeof(BANNER) - 1, banner_take },
	{ CONFIG_START, sizeof(CONFIG_START) - 1, config_start_take },
	{ CONFIG_END, sizeof(CONFIG_END) - 1, config_end_take },
	{ "\0LGUEST", 8, lguest_take },
};

/* How often each needle may still be looked at, and how far we may go. */
struct search {
	struct vmlinux *v;
	int fd;
	unsigned looks[ARRAY_SIZE(needles)];
	uint64_t left;
	/*
	 * By the last of NEEDLE_MIN bytes: how much further the next needle
	 * may end at the earliest.  So we look at one byte in five or so, and
	 * once for all needles (Horspool's way).
	 */
	uint8_t skip[256];
};

static void search_start(struct search *s)
{
	memset(s->skip, NEEDLE_MIN, sizeof(s->skip));
	for (unsigned i = 0; i < ARRAY_SIZE(needles); i++) {
		s->looks[i] = LOOKS_MAX;
		for (unsigned k = 0; k < NEEDLE_MIN; k++) {
			uint8_t *skip = &s->skip[(uint8_t)needles[i].text[k]];

			if (*skip > NEEDLE_MIN - 1 - k)
				*skip = NEEDLE_MIN - 1 - k;
		}
	}
}

/* Something may begin here, where `len` bytes are. */
static void search_look(struct search *s, const uint8_t *p, size_t len,
			uint64_t at)
{
	for (unsigned i = 0; i < ARRAY_SIZE(needles); i++) {
		const struct needle *n = &needles[i];

		if (*p != (uint8_t)*n->text || !s->looks[i] || len < n->len ||
		    memcmp(p, n->text, n->len))
			continue;
		s->looks[i]--;
		if (n->take(s->v, s->fd, at))
			s->looks[i] = 0;
	}
}

static void chunk_search(struct search *s, const uint8_t *chunk, size_t len,
			 uint64_t at)
{
	size_t i = 0;

	while (i + NEEDLE_MIN <= len) {
		unsigned skip = s->skip[chunk[i + NEEDLE_MIN - 1]];

		if (!skip) {
			search_look(s, chunk + i, len - i, at + i);
			skip = 1;
		}
		i += skip;
	}
}

static void segment_search(struct search *s, const struct segment *segment)
{
	static uint8_t chunk[CHUNK];
	uint64_t at = segment->offset, left = segment->filesz;
	size_t n;

	if (left > s->left)
		left = s->left;
	s->left -= left;
	/* Chunks overlap, so that nothing is cut in two. */
	while ((n = read_at(s->fd, chunk, left < CHUNK ? left : CHUNK, at))) {
		chunk_search(s, chunk, n, at);
		if (n < CHUNK)
			break;
		at += CHUNK - NEEDLE_MAX;
		left -= CHUNK - NEEDLE_MAX;
	}
}

void vmlinux_search(struct vmlinux *v, int fd, const struct image *image)
{
	static struct search s;

	memset(v, 0, sizeof(*v));
	s.v = v;
	s.fd = fd;
	s.left = SEARCH_MAX;
	search_start(&s);
	for (unsigned i = 0; i < image->nsegments; i++)
		segment_search(&s, &image->segments[i]);
}

/* What was unpacked so far. */
struct text {
	char *bytes;
	size_t len;
};

static bool text_put(void *owner, const uint8_t *bytes, size_t n)
{
	struct text *t = owner;
	char *more;

	/* unpack_gzip() has its limit, but one chunk may go beyond it. */
	more = realloc(t->bytes, t->len + n + 1);
	if (!more)
		die_errno("allocate %zu bytes", t->len + n + 1);
	t->bytes = more;
	memcpy(t->bytes + t->len, bytes, n);
	t->len += n;
	t->bytes[t->len] = '\0';
	return true;
}

char *vmlinux_config(const struct vmlinux *v, int fd, char *why)
{
	struct text t = { 0 };
	struct sink to = { text_put, &t };

	if (!v->config_len) {
		snprintf(why, WHY_MAX, "no configuration is embedded in it");
		return NULL;
	}
	if (unpack_gzip(fd, v->config_at, v->config_len, CONFIG_TEXT_MAX, &to,
			NULL, why) && t.bytes && strlen(t.bytes) == t.len)
		return t.bytes;
	free(t.bytes);
	snprintf(why, WHY_MAX, "its embedded configuration is damaged");
	return NULL;
}

bool config_has(const char *config, const char *option, const char *value)
{
	char line[128];
	const char *at = config, *end = config + strlen(config);
	int n;

	if (value)
		n = snprintf(line, sizeof(line), "%s=%s\n", option, value);
	else
		n = snprintf(line, sizeof(line), "# %s is not set\n", option);
	while ((at = bytes_find(at, end - at, line, n))) {
		if (at == config || at[-1] == '\n')
			return true;
		at += n;
	}
	return false;
}
