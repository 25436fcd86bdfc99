/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking into things: what a file is packed with, what is in a cpio archive,
 * what a vmlinux says of itself.  Everything here reads bytes that nobody has
 * checked, and promises bounded time and memory whatever they are.
 */
#ifndef UNPACK_H
#define UNPACK_H

#include "lguest.h"

/* ------------------------------------------------------------------ */
/* unpack.c: compressed data                                           */

struct packing {
	const char *name;	/* "gzip" */
	const char *tool;	/* what unpacks it from stdin to stdout */
	unsigned len;
	const char *magic;
};

/* By the first n bytes; NULL for none that Linux knows. */
const struct packing *packing_find(const uint8_t *bytes, size_t n);

/* The one that unpack_gzip() does. */
bool packing_is_gzip(const struct packing *p);

/* Who gets what comes out; false: enough. */
struct sink {
	bool (*put)(void *owner, const uint8_t *bytes, size_t n);
	void *owner;
};

/*
 * Unpacks the gzip stream in len bytes at `at` of fd, at most max bytes of it.
 * True when all of it came out right or the sink had enough; *used, if not
 * NULL, is then how many bytes the stream had.  False with the reason.
 */
bool unpack_gzip(int fd, uint64_t at, uint64_t len, uint64_t max,
		 const struct sink *to, uint64_t *used, char *why);

/* As pread(2), but short only at the end of the file; dies naming nobody. */
size_t read_at(int fd, void *buf, size_t len, uint64_t at);

/* ------------------------------------------------------------------ */
/* cpio_list.c: what an initramfs has in it, byte by byte              */

#define CPIO_NAME_MAX	4096	/* PATH_MAX, as for the kernel */

struct cpio_member {
	char name[CPIO_NAME_MAX];	/* NUL-terminated */
	uint32_t mode, uid, gid, nlink, mtime, size, rmajor, rminor;
};

struct cpio {
	/* Called for each member but the last, TRAILER!!!. */
	void (*found)(void *owner, const struct cpio_member *m);
	void *owner;
	bool ended;		/* TRAILER!!! was there */
	uint64_t members;
	/* The parser's own; all zeros to begin with. */
	uint8_t header[110];
	unsigned have;		/* bytes of the header, or of the name */
	unsigned name_size;
	uint64_t at, skip;	/* bytes so far, to be skipped */
	struct cpio_member m;
};

/*
 * Feeds the next n bytes.  Returns how many of them belong to the archive:
 * all, unless it ended.  False in *good with the reason: it is damaged.
 */
size_t cpio_feed(struct cpio *c, const uint8_t *bytes, size_t n, bool *good,
		 char *why);

/* Bytes that begin a newc archive? */
bool cpio_is_newc(const uint8_t *bytes, size_t n);

/* ------------------------------------------------------------------ */
/* elf_notes.c                                                         */

#define BUILD_ID_MAX	32

struct elf_notes {
	bool pvh, xen;
	uint64_t pvh_entry;
	char xen_os[16], xen_version[16], salt[64];
	unsigned build_id_len;
	uint8_t build_id[BUILD_ID_MAX];
};

/* Adds what len bytes of notes, aligned to `align`, say. */
void elf_notes_read(struct elf_notes *notes, const uint8_t *bytes, size_t len,
		    uint64_t align);

/* ------------------------------------------------------------------ */
/* vmlinux.c: what stands in an unpacked kernel                        */

struct vmlinux {
	char banner[256];	/* "Linux version ..."; "": none */
	uint64_t config_at;	/* of the embedded configuration's gzip */
	uint64_t config_len;	/* 0: it has none */
	bool says_lguest;	/* as a Guest of lguest does */
};

struct image;

/* Looks through the image's segments, as far as any vmlinux goes. */
void vmlinux_search(struct vmlinux *v, int fd, const struct image *image);

/*
 * The embedded configuration, NUL-terminated, to be freed; NULL with the
 * reason if there is none or it is damaged.
 */
char *vmlinux_config(const struct vmlinux *v, int fd, char *why);

/* Is there a line "option=value" (value NULL: "# option is not set")? */
bool config_has(const char *config, const char *option, const char *value);

/* ------------------------------------------------------------------ */
/* whole_file.c: files that are there as a whole or not at all          */

/*
 * Copies fd's bytes from its start to a new file at path, by way of a
 * temporary name beside it; replaces what is there only if `force`.  Dies
 * naming it, with what was there untouched.
 */
void whole_file_copy(int fd, const char *path, bool force);

#endif
