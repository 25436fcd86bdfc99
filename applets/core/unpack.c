/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gzip we unpack ourselves, with zlib.  The others would each bring a library
 * larger than all of us, so we only know their names.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "guest.h"
#include "unpack.h"

#define CHUNK		KIB(64)
/* For inflateInit2(): the largest window, and a gzip header around it. */
#define GZIP_WINDOW	(15 + 16)

/* Those that scripts/Makefile.lib of Linux can make, gzip first. */
static const struct packing packings[] = {
	{ "gzip", "gzip -dc", 3, "\x1f\x8b\x08" },
	{ "xz", "xz -dc", 6, "\xfd" "7zXZ\0" },
	{ "zstd", "zstd -dc", 4, "\x28\xb5\x2f\xfd" },
	{ "lz4", "lz4 -dc", 4, "\x02\x21\x4c\x18" },	/* legacy frames */
	{ "lz4", "lz4 -dc", 4, "\x04\x22\x4d\x18" },
	{ "bzip2", "bzip2 -dc", 3, "BZh" },
	{ "lzo", "lzop -dc", 4, "\x89LZO" },
	{ "lzma", "xz --format=lzma -dc", 3, "\x5d\0\0" },
};

const struct packing *packing_find(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(packings); i++)
		if (packings[i].len <= n &&
		    !memcmp(bytes, packings[i].magic, packings[i].len))
			return &packings[i];
	return NULL;
}

bool packing_is_gzip(const struct packing *p)
{
	return p == &packings[0];
}

size_t read_at(int fd, void *buf, size_t len, uint64_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)buf + done, len - done,
				  at + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die_errno("read");
		if (!n)
			break;
		done += n;
	}
	return done;
}

/* One stream on its way. */
struct unpacking {
	z_stream z;
	int fd;
	uint64_t at, left;	/* of what is not read yet */
	uint64_t total, max;	/* of what came out */
	const struct sink *to;
	uint8_t in[CHUNK], out[CHUNK];
};

static bool wrong(char *why, const char *what)
{
	snprintf(why, WHY_MAX, "%s", what);
	return false;
}

/* False at the end of the file or of what we may read of it. */
static bool unpacking_fill(struct unpacking *u)
{
	size_t want = u->left < CHUNK ? u->left : CHUNK;
	size_t n = read_at(u->fd, u->in, want, u->at);

	u->z.next_in = u->in;
	u->z.avail_in = n;
	u->at += n;
	u->left -= n;
	return n;
}

/*
 * One call of inflate().  It makes progress or ends: with input there and
 * room for output, anything else is an error to zlib.
 */
static int unpacking_step(struct unpacking *u, bool *enough, char *why)
{
	size_t n;
	int rc;

	u->z.next_out = u->out;
	u->z.avail_out = CHUNK;
	rc = inflate(&u->z, Z_NO_FLUSH);
	n = CHUNK - u->z.avail_out;
	u->total += n;
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		snprintf(why, WHY_MAX, "damaged gzip data (%s)",
			 u->z.msg ? u->z.msg : "no stream");
	else if (n && u->to && !u->to->put(u->to->owner, u->out, n))
		*enough = true;
	return rc;
}

static bool unpacking_run(struct unpacking *u, char *why)
{
	bool enough = false;
	int rc;

	for (;;) {
		if (!u->z.avail_in && !unpacking_fill(u))
			return wrong(why, "truncated gzip data");
		/* Output may be waiting that needs no more input. */
		do {
			rc = unpacking_step(u, &enough, why);
			if (enough || rc == Z_STREAM_END)
				return true;
			if (rc != Z_OK && rc != Z_BUF_ERROR)
				return false;
			if (u->total > u->max)
				return wrong(why, "gzip data that is larger unpacked than anything sensible");
		} while (!u->z.avail_out);
	}
}

bool unpack_gzip(int fd, uint64_t at, uint64_t len, uint64_t max,
		 const struct sink *to, uint64_t *used, char *why)
{
	static struct unpacking u;
	bool good;

	memset(&u.z, 0, sizeof(u.z));
	u.fd = fd;
	u.at = at;
	u.left = len;
	u.total = 0;
	u.max = max;
	u.to = to;
	if (inflateInit2(&u.z, GZIP_WINDOW) != Z_OK)
		die("zlib: no memory");
	good = unpacking_run(&u, why);
	if (used)
		*used = u.at - at - u.z.avail_in;
	inflateEnd(&u.z);
	return good;
}
