/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF notes: (name length, contents length, type), name, contents, padded.  A
 * kernel tells hypervisors and debuggers in them what it offers.
 */
#include <string.h>

#include "image.h"
#include "unpack.h"

/* include/xen/interface/elfnote.h */
#define XEN_GUEST_OS		6
#define XEN_GUEST_VERSION	7
#define XEN_PHYS32_ENTRY	18	/* PVH */
#define GNU_BUILD_ID		3
#define LINUX_BUILD_SALT	0x100

struct note {
	const uint8_t *name, *desc;
	uint32_t name_len, desc_len, type;
};

/* Text, as far as it can be printed. */
static void text_copy(char *to, size_t size, const struct note *n)
{
	size_t i = 0;

	while (i < size - 1 && i < n->desc_len && n->desc[i] >= ' ' &&
	       n->desc[i] <= '~') {
		to[i] = n->desc[i];
		i++;
	}
	to[i] = '\0';
}

static bool is_named(const struct note *n, const char *name)
{
	size_t len = strlen(name) + 1;

	return n->name_len == len && !memcmp(n->name, name, len);
}

static void xen_note(struct elf_notes *notes, const struct note *n)
{
	notes->xen = true;
	if (n->type == XEN_GUEST_OS)
		text_copy(notes->xen_os, sizeof(notes->xen_os), n);
	if (n->type == XEN_GUEST_VERSION)
		text_copy(notes->xen_version, sizeof(notes->xen_version), n);
	if (n->type == XEN_PHYS32_ENTRY &&
	    (n->desc_len == 4 || n->desc_len == 8)) {
		notes->pvh = true;
		notes->pvh_entry = image_number(n->desc, n->desc_len);
	}
}

static void note_read(struct elf_notes *notes, const struct note *n)
{
	if (is_named(n, "Xen"))
		xen_note(notes, n);
	if (is_named(n, "GNU") && n->type == GNU_BUILD_ID && n->desc_len &&
	    n->desc_len <= BUILD_ID_MAX) {
		notes->build_id_len = n->desc_len;
		memcpy(notes->build_id, n->desc, n->desc_len);
	}
	if (is_named(n, "Linux") && n->type == LINUX_BUILD_SALT)
		text_copy(notes->salt, sizeof(notes->salt), n);
}

/*
 * Each turn consumes at least its header's 12 bytes, and lengths are compared
 * with what is left before anything is added to them: no loop, no wrap.
 */
void elf_notes_read(struct elf_notes *notes, const uint8_t *bytes, size_t len,
		    uint64_t align)
{
	uint64_t at = 0, pad = align == 8 ? 8 : 4;

	while (at < len && len - at >= 12) {
		struct note n = {
			.name_len = image_number(bytes + at, 4),
			.desc_len = image_number(bytes + at + 4, 4),
			.type = image_number(bytes + at + 8, 4),
		};
		uint64_t name = at + 12;
		uint64_t desc = ALIGN_UP(name + n.name_len, pad);

		if (desc > len || n.desc_len > len - desc)
			return;
		n.name = bytes + name;
		n.desc = bytes + desc;
		note_read(notes, &n);
		at = ALIGN_UP(desc + n.desc_len, pad);
	}
}
