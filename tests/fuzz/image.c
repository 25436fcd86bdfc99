/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a kernel: they are refused with a reason, or what the parser
 * says of them holds.  The file behind the bytes may be longer than they are.
 */
#include <stdlib.h>

#include "kernels.h"

static void judge(const uint8_t *data, size_t size, uint64_t file_size)
{
	char why[WHY_MAX];
	struct image image;

	memset(why, 'x', sizeof(why));
	if (image_parse(&image, data, size, file_size, why)) {
		if (image_wrong(&image) || image.file_size != file_size)
			abort();
		return;
	}
	/* One line that can be printed. */
	if (!memchr(why, 0, sizeof(why)) || !why[0])
		abort();
	for (const char *c = why; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	judge(data, size < IMAGE_HEAD ? size : IMAGE_HEAD, size);
	judge(data, size < IMAGE_HEAD ? size : IMAGE_HEAD, size + MIB(64));
	judge(data, size, UINT64_MAX);
	judge(data, size, size / 2);
	return 0;
}
