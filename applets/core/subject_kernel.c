/* SPDX-License-Identifier: GPL-2.0-only */
/* What there is to say of a kernel, outside first. */
#include <string.h>
#include <elf.h>

#include "image.h"
#include "report.h"
#include "subject.h"

#define XLF_SINCE	0x20c	/* only since then a header tells */

const char *subject_architecture(const struct subject *s)
{
	if (s->inside_fd >= 0)
		return s->inside.is_64 ? "x86-64" : "i386";
	if (s->image.is_64)
		return "x86-64";
	return s->image.protocol >= XLF_SINCE ? "i386" : "unknown";
}

static void tell_payload(const struct subject *s)
{
	uint64_t at = s->image.payload_offset, len = s->image.payload_length;

	if (!len)
		return;
	report_open("payload");
	report_number("offset", at);
	report_number("length", len);
	report_text("compression", s->payload ? s->payload->name :
		    s->payload_known ? "none" : "unknown");
	/* Behind it, Linux appends four bytes: the size, which gzip has. */
	if (s->payload && !packing_is_gzip(s->payload) && len > 4)
		report_print("unpack", "tail -c +%llu FILE | head -c %llu | %s",
			     (unsigned long long)at + 1,
			     (unsigned long long)len - 4, s->payload->tool);
	report_close();
}

static void tell_segments(const struct image *image)
{
	report_list("segments");
	for (unsigned i = 0; i < image->nsegments; i++) {
		const struct segment *g = &image->segments[i];
		char flags[4] = "---";

		flags[0] = g->flags & PF_R ? 'r' : '-';
		flags[1] = g->flags & PF_W ? 'w' : '-';
		flags[2] = g->flags & PF_X ? 'x' : '-';
		report_row(NULL);
		report_hex("offset", g->offset);
		report_hex("address", g->paddr);
		report_hex("virtual", g->vaddr);
		report_hex("bytes", g->filesz);
		report_hex("memory", g->memsz);
		report_text("flags", flags);
		report_close();
	}
	report_close();
}

static void tell_notes(const struct elf_notes *notes)
{
	char hex[2 * BUILD_ID_MAX + 1] = "";

	for (unsigned i = 0; i < notes->build_id_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", notes->build_id[i]);
	report_open("notes");
	if (*hex)
		report_text("build_id", hex);
	if (*notes->salt)
		report_text("build_salt", notes->salt);
	if (notes->pvh)
		report_hex("pvh_entry", notes->pvh_entry);
	report_flag("xen", notes->xen);
	if (*notes->xen_os)
		report_print("xen_guest", "%s %s", notes->xen_os,
			     notes->xen_version);
	report_close();
}

/* The ELF file itself, or the one inside. */
static void tell_inside(const struct subject *s, const char *key)
{
	const struct image *image = &s->inside;

	report_open(key);
	report_text("class", image->is_64 ? "ELF64" : "ELF32");
	report_number("size", image->file_size);
	report_hex("entry", image->entry);
	report_hex("lowest_address", image->preferred);
	report_number("memory", image->init_size);
	tell_segments(image);
	tell_notes(&s->notes);
	if (*s->vmlinux.banner)
		report_text("banner", s->vmlinux.banner);
	report_flag("configuration", s->config);
	report_close();
}

static void tell_lguest(const struct subject *s)
{
	static const char *const words[] = {
		[LGUEST_MAYBE] = "unknown", [LGUEST_YES] = "yes",
		[LGUEST_NO] = "no",
	};

	report_answer("lguest_guest", words[s->image.lguest], s->lguest_why);
	if (s->lguest_bus)
		report_text("lguest_bus", s->lguest_bus);
}

static void tell_hypervisors(const struct subject *s)
{
	char why[WHY_MAX];

	report_open("runs_here");
	for (const struct hypervisor *const *h = hypervisors; *h; h++) {
		enum answer answer = subject_can(s, *h, why);

		report_answer((*h)->name, answers[answer],
			      answer == ANSWER_YES ? "" : why);
	}
	report_close();
}

static void tell_place(const struct subject *s)
{
	report_hex("entry", s->image.entry);
	report_flag("relocatable", s->image.relocatable);
	report_hex("preferred_address", s->image.preferred);
	report_hex("alignment", s->image.alignment);
	report_number("memory_to_start", s->image.init_size);
	report_number("command_line_limit", s->image.cmdline_max);
	report_hex("initrd_limit", s->image.initrd_max);
}

void subject_tell_kernel(const struct subject *s)
{
	bool elf = s->image.kind == IMAGE_ELF;

	report_text("architecture", subject_architecture(s));
	if (*s->image.version)
		report_text("release", s->image.version);
	if (*s->version)
		report_text("version", s->version);
	if (!elf) {
		report_print("boot_protocol", "%u.%02u",
			     s->image.protocol >> 8, s->image.protocol & 0xff);
		tell_place(s);
		tell_payload(s);
		subject_tell_header(s);
	}
	if (s->inside_fd >= 0)
		tell_inside(s, elf ? "elf" : "vmlinux");
	tell_lguest(s);
	tell_hypervisors(s);
}
