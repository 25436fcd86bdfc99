/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a tar archive: entries whose names stay inside, or a reason.
 */
#include <stdlib.h>
#include <string.h>

#include "tar.h"

struct bytes {
	const uint8_t *at;
	size_t left;
};

static size_t bytes_read(void *from, void *buf, size_t n)
{
	struct bytes *b = from;

	n = n < b->left ? n : b->left;
	memcpy(buf, b->at, n);
	b->at += n;
	b->left -= n;
	return n;
}

static bool bytes_skip(void *from, uint64_t n)
{
	struct bytes *b = from;

	if (n > b->left)
		return false;
	b->at += n;
	b->left -= n;
	return true;
}

/* Cleaned, a name has no "..", no "." and no empty part. */
static void judge_path(char *path)
{
	const char *why = NULL;

	if (!tree_clean_path(path, &why)) {
		if (!why)
			abort();
		return;
	}
	while (*path) {
		size_t n = strcspn(path, "/");

		if (!n || n > NAME_BYTES_MAX || (n == 1 && *path == '.') ||
		    (n == 2 && !memcmp(path, "..", 2)))
			abort();
		path += n;
		if (*path && !*++path)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tar_entry e;
	static struct tar t;
	struct bytes b = { data, size };
	int r;

	memset(&t, 0, sizeof(t));
	t.read = bytes_read;
	t.skip = bytes_skip;
	t.from = &b;
	while ((r = tar_next(&t, &e)) > 0) {
		if (e.type < '0' || e.type > '6' || e.size > INT64_MAX ||
		    e.nsec >= 1000000000)
			abort();
		judge_path(e.path);
		judge_path(e.link);
	}
	if (r < 0 && !t.why[0])
		abort();
	return 0;
}
