/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vmlinux has no header that tells its version, but its banner is in it
 * somewhere, as it stands in /proc/version: "Linux version 4.1.15 (...".
 */
#include <string.h>
#include <unistd.h>

#include "machine.h"

#define BANNER	"Linux version "
#define CHUNK	65536

/* Copies the word at `at`, if a version begins there. */
static bool version_copy(struct image *image, const char *at, size_t len)
{
	size_t n = 0;

	if (!len || *at < '0' || *at > '9')
		return false;
	while (n < len && n < sizeof(image->version) - 1 && at[n] > ' ' &&
	       at[n] <= '~')
		n++;
	/* Cut off here, it is whole in the next chunk. */
	if (n == len)
		return false;
	memcpy(image->version, at, n);
	image->version[n] = '\0';
	return true;
}

/* In len bytes; "%s" in place of a number stands in messages, not banners. */
static bool version_search(struct image *image, const char *bytes, size_t len)
{
	const size_t head = sizeof(BANNER) - 1;
	const char *at = bytes, *end = bytes + len;

	while ((at = bytes_find(at, end - at, BANNER, head))) {
		at += head;
		if (version_copy(image, at, end - at))
			return true;
	}
	return false;
}

void image_find_version(struct image *image, int fd)
{
	static char chunk[CHUNK];
	/* Chunks overlap by more than a banner's beginning. */
	const size_t overlap = sizeof(BANNER) + sizeof(image->version);
	off_t at = 0;
	ssize_t n;

	if (image->kind != IMAGE_ELF || *image->version)
		return;
	while ((n = pread(fd, chunk, sizeof(chunk), at)) > (ssize_t)overlap) {
		if (version_search(image, chunk, n))
			return;
		at += n - overlap;
	}
	if (n > 0)
		version_search(image, chunk, n);
}
