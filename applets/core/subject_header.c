/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The setup header for people: each field by its name, as a number, and in
 * words where the number is not the answer.
 */
#include <string.h>
#include <unistd.h>

#include "image.h"
#include "report.h"
#include "subject.h"

/* Documentation/arch/x86/boot.rst names the bits. */
static const char *const loadflags[] = {
	[0] = "LOADED_HIGH", [1] = "KASLR_FLAG", [5] = "QUIET_FLAG",
	[6] = "KEEP_SEGMENTS", [7] = "CAN_USE_HEAP",
};
static const char *const xloadflags[] = {
	"XLF_KERNEL_64", "XLF_CAN_BE_LOADED_ABOVE_4G", "XLF_EFI_HANDOVER_32",
	"XLF_EFI_HANDOVER_64", "XLF_EFI_KEXEC", "XLF_5LEVEL",
	"XLF_5LEVEL_ENABLED", "XLF_MEM_ENCRYPTION",
};
static const char *const subarchs[] = {
	"PC", "lguest", "Xen", "Intel MID", "CE4100",
};

/* Bits without a name are told too: they are of the future. */
static void flags_text(char *text, size_t size, const char *const *names,
		       size_t n, uint64_t value)
{
	size_t len = 0;

	for (size_t i = 0; i < 32; i++) {
		const char *name = i < n ? names[i] : NULL;

		if (!(value >> i & 1) || len > size - 40)
			continue;
		if (len)
			text[len++] = ' ';
		if (name)
			len += snprintf(text + len, size - len, "%s", name);
		else
			len += snprintf(text + len, size - len, "bit %zu", i);
	}
}

/* Not NULL: what the field means, in words. */
static const char *meaning(const char *name, uint64_t v)
{
	static const char *const modes[] = { "ask", "extended", "normal" };
	static char text[256];
	unsigned long long n = v;

	text[0] = '\0';
	if (!strcmp(name, "loadflags"))
		flags_text(text, sizeof(text), loadflags,
			   ARRAY_SIZE(loadflags), v);
	else if (!strcmp(name, "xloadflags"))
		flags_text(text, sizeof(text), xloadflags,
			   ARRAY_SIZE(xloadflags), v);
	else if (!strcmp(name, "version"))
		snprintf(text, sizeof(text), "%llu.%02llu", n >> 8, n & 0xff);
	else if (!strcmp(name, "vid_mode") && v >= 0xfffd)
		return modes[v - 0xfffd];
	else if (!strcmp(name, "root_dev"))
		snprintf(text, sizeof(text), "%llu:%llu", n >> 8, n & 0xff);
	else if (!strcmp(name, "hardware_subarch"))
		return v < ARRAY_SIZE(subarchs) ? subarchs[v] : "unknown";
	else if (!strcmp(name, "min_alignment") && v < 64)
		snprintf(text, sizeof(text), "0x%llx bytes", 1ULL << v);
	else if (!strcmp(name, "syssize"))
		snprintf(text, sizeof(text), "%llu bytes", n * 16);
	else
		return NULL;
	return text;
}

static bool is_count(const char *name)
{
	static const char *const counts[] = {
		"setup_sects", "cmdline_size", "payload_offset",
		"payload_length", "relocatable_kernel", "min_alignment",
		"syssize", "ramdisk_size", "hardware_subarch",
	};

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		if (!strcmp(name, counts[i]))
			return true;
	return false;
}

/* It is in the kernel, at an offset of which the header says the place. */
static void tell_kernel_info(const struct subject *s, uint64_t at)
{
	static const char *const names[] = {
		"size", "size_total", "setup_type_max",
	};
	const struct segment *kernel = &s->image.segments[0];
	uint8_t info[16];

	if (!at || kernel->filesz < sizeof(info) ||
	    at > kernel->filesz - sizeof(info) ||
	    pread(s->fd, info, sizeof(info), kernel->offset + at) !=
	    sizeof(info) || memcmp(info, "LToP", 4))
		return;
	report_open_verbatim("kernel_info");
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		report_number(names[i], image_number(info + 4 + 4 * i, 4));
	report_close();
}

void subject_tell_header(const struct subject *s)
{
	uint64_t kernel_info = 0;
	struct header_field f;
	const char *text;

	report_open_verbatim("setup_header");
	for (unsigned i = 0; image_header_field(&s->image, i, &f); i++) {
		if (!f.there)
			continue;
		if (!strcmp(f.name, "kernel_info_offset"))
			kernel_info = f.value;
		text = meaning(f.name, f.value);
		if (text)
			report_meaning(f.name, f.value, !is_count(f.name),
				       text);
		else if (is_count(f.name))
			report_number(f.name, f.value);
		else
			report_hex(f.name, f.value);
	}
	report_close();
	tell_kernel_info(s, kernel_info);
}
