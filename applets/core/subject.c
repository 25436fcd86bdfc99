/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is this file?  A kernel may be packed inside a kernel inside a packed
 * file; each layer goes to a file without a name, so that memory is bounded
 * and every reader below needs nothing but a descriptor.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/bootparam.h"
#include "image.h"
#include "subject.h"

#define UNPACKED_MAX	MIB(256)	/* no kernel comes near it */
#define NOTES_SIZE_MAX	KIB(64)
#define PEEK		0x210		/* enough for each magic */

static bool fd_put(void *owner, const uint8_t *bytes, size_t n)
{
	if (!write_all(*(int *)owner, bytes, n))
		die_errno("unpack");
	return true;
}

/* The gzip stream there as a file of its own; -1 with the reason. */
static int unpack_part(int fd, uint64_t at, uint64_t len, char *why)
{
	int to = load_nameless();
	struct sink sink = { fd_put, &to };

	if (unpack_gzip(fd, at, len, UNPACKED_MAX, &sink, NULL, why))
		return to;
	close(to);
	return -1;
}

static int copy_part(int fd, uint64_t at, uint64_t len)
{
	static uint8_t chunk[KIB(64)];
	int to = load_nameless();
	size_t n;

	while (len && (n = read_at(fd, chunk, len < sizeof(chunk) ? len :
				   sizeof(chunk), at)) > 0) {
		if (!write_all(to, chunk, n))
			die_errno("unpack");
		at += n;
		len -= n;
	}
	return to;
}

/* The beginning of a gzip stream, unpacked. */
struct peek {
	uint8_t bytes[PEEK];
	size_t len;
};

static bool peek_put(void *owner, const uint8_t *bytes, size_t n)
{
	struct peek *p = owner;

	if (n > PEEK - p->len)
		n = PEEK - p->len;
	memcpy(p->bytes + p->len, bytes, n);
	p->len += n;
	return p->len < PEEK;
}

/* ------------------------------------------------------------------ */

static bool parse(int fd, struct image *image, uint64_t *size, char *why)
{
	static uint8_t head[IMAGE_HEAD];
	size_t len = read_at(fd, head, sizeof(head), 0);
	struct stat st;

	if (fstat(fd, &st))
		die_errno("stat");
	*size = st.st_size;
	/* The file may be cut short while we look. */
	if (len < sizeof(head))
		*size = len;
	return image_parse(image, head, len, *size, why);
}

/*
 * Up to 2.6.25 there is no ELF header: what we can read but not boot, for
 * nothing in it says where in memory it belongs.
 */
static void bare_look(struct subject *s, int fd, uint64_t size)
{
	s->inside.nsegments = 1;
	s->inside.segments[0] = (struct segment){ .filesz = size };
	vmlinux_search(&s->vmlinux, fd, &s->inside);
	s->config = vmlinux_config(&s->vmlinux, fd, s->config_why);
	s->payload_known = *s->vmlinux.banner;
	image_refuse(s->config_why, "its payload has no ELF header");
}

/* What the vmlinux says; its descriptor belongs to s from now on. */
static void inside_look(struct subject *s, int fd)
{
	static uint8_t bytes[NOTES_SIZE_MAX];
	uint64_t size;

	if (!parse(fd, &s->inside, &size, s->config_why) ||
	    s->inside.kind != IMAGE_ELF) {
		s->payload_known = false;
		if (s->image.protocol < PAYLOAD_TOLD)
			bare_look(s, fd, size);
		if (fd != s->fd)
			close(fd);
		return;
	}
	s->inside_fd = fd;
	vmlinux_search(&s->vmlinux, fd, &s->inside);
	for (unsigned i = 0; i < s->inside.nnotes; i++) {
		const struct note_range *r = &s->inside.notes[i];
		size_t len = r->size < sizeof(bytes) ? r->size : sizeof(bytes);

		elf_notes_read(&s->notes, bytes,
			       read_at(fd, bytes, len, r->offset), r->align);
	}
	s->config = vmlinux_config(&s->vmlinux, fd, s->config_why);
}

/* False with the reason: the payload is damaged, so the kernel is. */
static bool inside_find(struct subject *s)
{
	uint64_t at = s->image.payload_offset, len = s->image.payload_length;
	char why[WHY_MAX - 64];
	uint8_t magic[8];
	int fd;

	/* Before 2.08 we may not find it: no harm, but no inside. */
	s->payload_known = true;
	if (!len) {
		image_refuse(s->config_why, "its payload is not to be found");
		return true;
	}
	if (read_at(s->fd, magic, 8, at) < 8)
		memset(magic, 0, sizeof(magic));
	s->payload = packing_find(magic, len < 8 ? len : 8);
	if (s->payload && !packing_is_gzip(s->payload)) {
		image_refuse(s->config_why, "its payload is packed with %s (%s unpacks it)",
			     s->payload->name, s->payload->tool);
		return true;
	}
	if (!s->payload && memcmp(magic, ELFMAG, SELFMAG)) {
		image_refuse(s->config_why, "its payload is nothing known");
		s->payload_known = false;
		return true;
	}
	fd = s->payload ? unpack_part(s->fd, at, len, why) :
		copy_part(s->fd, at, len);
	if (fd < 0)
		return image_refuse(s->why, "a damaged bzImage: its payload is %s",
				    why);
	inside_look(s, fd);
	return true;
}

/* The line that /proc/version will have, from the setup code's own copy. */
static void version_read(struct subject *s)
{
	size_t n = 0, len;
	struct header_field f;

	for (unsigned i = 0; image_header_field(&s->image, i, &f); i++) {
		if (strcmp(f.name, "kernel_version") || !f.value)
			continue;
		len = read_at(s->fd, s->version, sizeof(s->version) - 1,
			      f.value + 0x200);
		while (n < len && s->version[n] >= ' ' && s->version[n] <= '~')
			n++;
	}
	s->version[n] = '\0';
}

/*
 * Who boots the vmlinux boots what the bzImage promises: its header, which
 * Linux reads too, counts in place of what we assume of any vmlinux.
 */
static void inside_inherit(struct subject *s)
{
	const struct image *from = &s->image;
	struct image *to = &s->inside;

	to->lguest = from->lguest;
	memcpy(to->version, from->version, sizeof(to->version));
	memcpy(to->header, from->header, sizeof(to->header));
	to->header_size = from->header_size;
	to->cmdline_max = from->cmdline_max;
	to->initrd_max = from->initrd_max;
}

/* "Linux version 6.1.0 (...": the third word, if there is a banner. */
static void banner_read(struct subject *s)
{
	const char *word = s->vmlinux.banner + sizeof("Linux version");

	if (*s->vmlinux.banner)
		snprintf(s->image.version, sizeof(s->image.version), "%.*s",
			 (int)strcspn(word, " "), word);
}

bool subject_look_kernel(struct subject *s)
{
	s->kind = SUBJECT_KERNEL;
	if (s->image.kind == IMAGE_ELF) {
		s->payload_known = true;
		inside_look(s, s->fd);
		banner_read(s);
	} else {
		version_read(s);
		if (!inside_find(s))
			return false;
	}
	subject_find_lguest(s);
	inside_inherit(s);
	return true;
}

/* ------------------------------------------------------------------ */

/* A gzip file: of what?  A kernel is unpacked and looked at in its place. */
static bool packed_look(struct subject *s)
{
	struct peek p = { .len = 0 };
	struct sink sink = { peek_put, &p };
	char why[WHY_MAX];
	struct image_file f = { p.bytes, 0, s->size };
	int fd;

	s->kind = SUBJECT_PACKED;
	if (!packing_is_gzip(s->packing))
		return true;
	if (!unpack_gzip(s->fd, 0, s->size, PEEK + KIB(64), &sink, NULL,
			 s->why))
		return false;
	f.head_len = p.len;
	if (cpio_is_newc(p.bytes, p.len)) {
		s->kind = SUBJECT_INITRD;
		return true;
	}
	if (!image_is_elf(&f) && !image_is_bzimage(&f))
		return image_refuse(s->why, "a gzip file with neither a kernel nor an initramfs in it");
	fd = unpack_part(s->fd, 0, s->size, s->why);
	if (fd < 0)
		return false;
	close(s->fd);
	s->fd = fd;
	if (parse(fd, &s->image, &s->size, why))
		return subject_look_kernel(s);
	return image_refuse(s->why, "a gzip file of %.180s", why);
}

static bool look(struct subject *s)
{
	uint8_t head[PEEK];
	size_t len;

	if (parse(s->fd, &s->image, &s->size, s->why))
		return subject_look_kernel(s);
	len = read_at(s->fd, head, sizeof(head), 0);
	s->packing = packing_find(head, len);
	if (s->packing)
		return packed_look(s);
	if (!cpio_is_newc(head, len))
		return false;
	s->kind = SUBJECT_INITRD;
	return true;
}

/* Only what has an end: /dev/zero has none. */
static bool check_type(const char *name)
{
	struct stat st;

	if (!strcmp(name, "-"))
		return true;
	if (stat(name, &st)) {
		warn_errno("open %s", name);
	} else if (S_ISDIR(st.st_mode)) {
		warn("%s: is a directory", name);
	} else if (S_ISCHR(st.st_mode)) {
		warn("%s: is a character device, not a file", name);
	} else if (S_ISREG(st.st_mode) && !st.st_size) {
		warn("%s: empty", name);
	} else if (!S_ISFIFO(st.st_mode) && access(name, R_OK)) {
		warn_errno("open %s", name);
	} else {
		return true;
	}
	return false;
}

bool subject_open(struct subject *s, const char *name)
{
	memset(s, 0, sizeof(*s));
	s->name = load_name(name);
	s->inside_fd = -1;
	s->fd = -1;
	if (!check_type(name))
		return false;
	s->fd = load_open(name);
	if (!look(s))
		s->kind = SUBJECT_UNKNOWN;
	return true;
}

void subject_close(struct subject *s)
{
	if (s->inside_fd >= 0 && s->inside_fd != s->fd)
		close(s->inside_fd);
	if (s->fd >= 0)
		close(s->fd);
	free(s->config);
}
