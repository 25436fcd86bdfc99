/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compression by several threads: it is an ordinary gzip file, and memory is
 * asked for and given back by the first thread alone, since heap.c has no lock.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "cpio.h"
#include "rig.h"
#include "target.h"

#define SIZE	(MIB(5) + 7)

static unsigned begun, ended, elsewhere;

/* In place of zlib's. */
int deflateInit2_(z_stream *z, int level, int method, int bits, int memory,
		  int strategy, const char *version, int size)
{
	int (*real)(z_stream *, int, int, int, int, int, const char *, int) =
		dlsym(RTLD_NEXT, "deflateInit2_");

	__atomic_add_fetch(&begun, 1, __ATOMIC_RELAXED);
	if (gettid() != getpid())
		__atomic_add_fetch(&elsewhere, 1, __ATOMIC_RELAXED);
	return real(z, level, method, bits, memory, strategy, version, size);
}

int deflateEnd(z_stream *z)
{
	int (*real)(z_stream *) = dlsym(RTLD_NEXT, "deflateEnd");

	__atomic_add_fetch(&ended, 1, __ATOMIC_RELAXED);
	if (gettid() != getpid())
		__atomic_add_fetch(&elsewhere, 1, __ATOMIC_RELAXED);
	return real(z);
}

static void threads(void)
{
	struct target to = { .name = "it", .fd = memfd_create("it", 0) };
	uint8_t *in = malloc(SIZE), *out = malloc(SIZE), more;
	uint32_t word = 1;
	struct pack p;
	gzFile file;

	/* Half of it can be made smaller. */
	for (unsigned i = 0; i < SIZE; i++) {
		word = word * 1103515245 + 12345;
		in[i] = i / KIB(100) % 2 ? word >> 24 : word >> 30;
	}
	pack_start(&p, &to, 0, true);
	for (unsigned at = 0; at < SIZE; at += KIB(300))
		pack_write(&p, in + at, SIZE - at < KIB(300) ? SIZE - at :
							       KIB(300));
	pack_end(&p);
	CHECK(begun > 8);
	CHECK_EQ(ended, begun);
	CHECK_EQ(elsewhere, 0);
	lseek(to.fd, 0, SEEK_SET);
	file = gzdopen(to.fd, "r");
	CHECK_EQ(gzread(file, out, SIZE), SIZE);
	CHECK_EQ(gzread(file, &more, 1), 0);
	CHECK(!memcmp(in, out, SIZE));
	gzclose(file);
	free(in);
	free(out);
	free(p.gzip);
}

int main(void)
{
	RUN(threads);
	return rig_done();
}
