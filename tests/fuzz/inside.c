/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as what is inside of kernels and initrds: an archive, notes, a
 * vmlinux with a configuration, a gzip stream.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernels.h"
#include "subject.h"

struct seen {
	uint64_t members, hash;
};

static void found(void *owner, const struct cpio_member *m)
{
	struct seen *seen = owner;

	seen->members++;
	for (const char *c = m->name; *c; c++)
		seen->hash = seen->hash * 31 + (unsigned char)*c;
	if (strlen(m->name) >= sizeof(m->name))
		abort();
}

/* Fed in pieces of `step`: how far it got, and what it saw. */
static size_t feed(const uint8_t *data, size_t size, size_t step,
		   struct seen *seen, bool *good)
{
	static struct cpio c;
	char why[WHY_MAX] = "";
	size_t done = 0, n;

	memset(&c, 0, sizeof(c));
	memset(seen, 0, sizeof(*seen));
	c.found = found;
	c.owner = seen;
	*good = true;
	while (done < size && *good && !c.ended) {
		n = size - done < step ? size - done : step;
		done += cpio_feed(&c, data + done, n, good, why);
	}
	if (!*good && !*why)
		abort();
	return done;
}

static void judge_cpio(const uint8_t *data, size_t size)
{
	struct seen whole, pieces;
	bool good, good_pieces;
	size_t n = feed(data, size, size, &whole, &good);

	if (feed(data, size, 7, &pieces, &good_pieces) != n ||
	    good != good_pieces || memcmp(&whole, &pieces, sizeof(whole)))
		abort();
}

static void judge_notes(const uint8_t *data, size_t size)
{
	struct elf_notes notes = { 0 };

	elf_notes_read(&notes, data, size, 4);
	elf_notes_read(&notes, data, size, 8);
	if (notes.build_id_len > BUILD_ID_MAX ||
	    !memchr(notes.salt, 0, sizeof(notes.salt)) ||
	    !memchr(notes.xen_os, 0, sizeof(notes.xen_os)))
		abort();
}

static bool count(void *owner, const uint8_t *bytes, size_t n)
{
	(void)bytes;
	*(uint64_t *)owner += n;
	return true;
}

static void judge_file(const uint8_t *data, size_t size)
{
	uint64_t total = 0, used = 0;
	struct sink to = { count, &total };
	static struct vmlinux v;
	/* One that overlaps the other and is longer than the file. */
	struct image image = {
		.nsegments = 2, .segments = {
			{ .filesz = size }, { .offset = 1, .filesz = size },
		},
	};
	char why[WHY_MAX], *config;
	int fd = memfd_create("fuzz", 0);

	if (fd < 0 || !write_all(fd, data, size))
		abort();
	vmlinux_search(&v, fd, &image);
	config = vmlinux_config(&v, fd, why);
	if (config && (!v.config_len || v.config_at + v.config_len > size))
		abort();
	if (config)
		config_has(config, "CONFIG_LGUEST_GUEST", "y");
	free(config);
	unpack_gzip(fd, 0, size, MIB(1), &to, &used, why);
	if (used > size || total > MIB(1) + KIB(64))
		abort();
	close(fd);
}

/* As the payload of a bzImage, and as a kernel's file. */
static void judge_payload(const uint8_t *data, size_t size)
{
	struct subject s = {
		.inside_fd = -1, .fd = memfd_create("fuzz", 0),
		.image.payload_length = size,
	};

	if (s.fd < 0 || !write_all(s.fd, data, size))
		abort();
	if (!subject_look_kernel(&s) && (!*s.why || s.inside_fd >= 0))
		abort();
	if (s.inside_fd >= 0 &&
	    (s.inside.kind != IMAGE_ELF || image_wrong(&s.inside)))
		abort();
	subject_close(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	judge_cpio(data, size);
	judge_notes(data, size);
	judge_file(data, size);
	judge_payload(data, size);
	return 0;
}
