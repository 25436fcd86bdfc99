/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver may cut a request into buffers wherever it likes (VIRTIO 2.7.4),
 * so nobody may assume that a header is one buffer.
 */
#include <string.h>

#include "guest.h"

unsigned iov_slice(struct iovec *dst, const struct iovec *iov, unsigned n,
		   size_t off, size_t len)
{
	struct iovec *to = dst;

	for (; n && off >= iov->iov_len; n--)
		off -= iov++->iov_len;
	for (; n && len; n--, iov++, to++) {
		to->iov_base = (char *)iov->iov_base + off;
		to->iov_len = iov->iov_len - off;
		if (to->iov_len > len)
			to->iov_len = len;
		len -= to->iov_len;
		off = 0;
	}
	return to - dst;
}

/* memcpy between iovecs and buf; the direction is all that differs. */
static size_t iov_copy(const struct iovec *iov, unsigned n, size_t off,
		       char *buf, size_t len, bool to_iov)
{
	size_t done = 0;

	for (unsigned i = 0; i < n && done < len; i++) {
		size_t have = iov[i].iov_len;
		char *at = iov[i].iov_base;

		if (off >= have) {
			off -= have;
			continue;
		}
		at += off;
		have -= off;
		off = 0;
		if (have > len - done)
			have = len - done;
		if (to_iov)
			memcpy(at, buf + done, have);
		else
			memcpy(buf + done, at, have);
		done += have;
	}
	return done;
}

size_t iov_read(const struct iovec *iov, unsigned n, size_t off,
		void *buf, size_t len)
{
	return iov_copy(iov, n, off, buf, len, false);
}

size_t iov_write(const struct iovec *iov, unsigned n, size_t off,
		 const void *buf, size_t len)
{
	return iov_copy(iov, n, off, (void *)buf, len, true);
}
