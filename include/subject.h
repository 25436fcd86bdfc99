/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file that we look into: what it turned out to be, and how lguest-inspect
 * tells that.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include "machine.h"
#include "unpack.h"

enum answer { ANSWER_YES, ANSWER_NO, ANSWER_UNKNOWN };

extern const char *const answers[];	/* "yes", "no", "unknown" */

struct subject {
	const char *name;
	int fd;			/* of the kernel, unpacked if it was packed */
	uint64_t size;
	enum { SUBJECT_UNKNOWN, SUBJECT_KERNEL, SUBJECT_INITRD,
	       SUBJECT_PACKED } kind;
	char why[WHY_MAX];	/* SUBJECT_UNKNOWN: why nothing else */
	/* What the whole file is packed with, or NULL. */
	const struct packing *packing;

	/* A kernel. */
	struct image image;
	char version[256];	/* with who built it, and when */
	const struct packing *payload;	/* what a bzImage's is packed with */
	bool payload_known;	/* or plain; false: none we recognise */
	int inside_fd;		/* the vmlinux; -1: we have not got it */
	/* Valid if inside_fd is not -1; has what the bzImage's header says. */
	struct image inside;
	struct vmlinux vmlinux;
	struct elf_notes notes;
	char *config;		/* NULL: none */
	char config_why[WHY_MAX];
	char lguest_why[WHY_MAX];
	const char *lguest_bus;	/* NULL if image.lguest is LGUEST_NO */
};

/* subject.c: opens name and looks; false after a line on stderr. */
bool subject_open(struct subject *s, const char *name);
void subject_close(struct subject *s);

/*
 * The same for what was opened and parsed already: fd, image and inside_fd
 * (-1) are set.  False with the reason in s->why: it is damaged.
 */
bool subject_look_kernel(struct subject *s);

/* subject_lguest.c: fills in what we can say of lguest Guests. */
void subject_find_lguest(struct subject *s);

/* What h would boot of it: the file, or the vmlinux inside. */
const struct image *subject_image(const struct subject *s,
				  const struct hypervisor *h);

/* Does h run it, here?  The reason in why, WHY_MAX bytes. */
enum answer subject_can(const struct subject *s, const struct hypervisor *h,
			char *why);

/* subject_kernel.c */
void subject_tell_kernel(const struct subject *s);
const char *subject_architecture(const struct subject *s);

/* subject_header.c: the setup header of a bzImage. */
void subject_tell_header(const struct subject *s);

/* subject_initrd.c; false after a line on stderr: it is damaged. */
bool subject_tell_initrd(const struct subject *s, bool list);

#endif
