/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is this file?  Anybody can write "KERNEL" on a command line and mean
 * the initrd, so what we refuse we try to call by its name.
 */
#include <stdarg.h>
#include <stdio.h>

#include "image.h"

#define UNPACK	": unpack it first"
#define INITRD	" (an initramfs?): give it as --initrd"

/* Files that people give by mistake, in the order in which we ask. */
static const struct mistake {
	unsigned at, len;
	const char *magic, *what;
} mistakes[] = {
	{ 0x38, 4, "ARM\x64", "an ARM64 kernel image" },
	{ 0x30, 8, "RISCV\0\0\0", "a RISC-V kernel image" },
	{ 4, 4, "zimg", "an EFI zboot image" UNPACK },
	{ 0, 2, "\x1f\x8b", "a gzip file" UNPACK },
	{ 0, 6, "\xfd" "7zXZ\0", "an xz file" UNPACK },
	{ 0, 4, "\x28\xb5\x2f\xfd", "a zstd file" UNPACK },
	{ 0, 3, "BZh", "a bzip2 file" UNPACK },
	{ 0, 3, "\x5d\0\0", "an lzma file" UNPACK },
	{ 0, 4, "\x02\x21\x4c\x18", "an lz4 file" UNPACK },
	{ 0, 4, "\x04\x22\x4d\x18", "an lz4 file" UNPACK },
	{ 0, 4, "\x89LZO", "an lzop file" UNPACK },
	{ 0, 5, "07070", "a cpio archive" INITRD },
	{ 0, 2, "\xc7\x71", "a cpio archive" INITRD },
	{ 0, 4, "\x27\x05\x19\x56", "a U-Boot image: take the kernel out" },
	{ 0, 4, "QFI\xfb", "a qcow2 disk image" },
	{ 0, 4, "!<ar", "an archive (a package?): unpack it first" },
	{ 257, 5, "ustar", "a tar archive" UNPACK },
	{ 0x8001, 5, "CD001", "an ISO 9660 image: take the kernel out" },
	{ 0x438, 2, "\x53\xef", "an ext2 file system" },
	{ 0x1fe, 2, "\x55\xaa", "a boot sector without a Linux setup header" },
	{ 0, 2, "#!", "a script" },
	{ 0, 2, "MZ", "a DOS, Windows or EFI program" },
};

bool image_refuse(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WHY_MAX, fmt, ap);
	va_end(ap);
	return false;
}

bool image_truncated(char *why, const struct image_file *f, uint64_t needed)
{
	return image_refuse(why, "truncated: needs %llu bytes, has %llu",
			    (unsigned long long)needed,
			    (unsigned long long)f->size);
}

/*
 * A header that is cut off may still be recognisable, but hardly below this:
 * then the length is the most useful thing we can say.
 */
#define SHORTEST	0x206

static bool image_name_mistake(const struct image_file *f, char *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		const struct mistake *m = &mistakes[i];

		if (m->at + m->len <= f->head_len &&
		    !memcmp(f->head + m->at, m->magic, m->len))
			return image_refuse(why, "%s, not a Linux kernel",
					    m->what);
	}
	if (f->size < SHORTEST)
		return image_refuse(why, "not a Linux kernel "
				    "(its size is %llu)",
				    (unsigned long long)f->size);
	return image_refuse(why, "not a Linux kernel "
			    "(no bzImage or ELF header)");
}

bool image_parse(struct image *image, const uint8_t *head, size_t head_len,
		 uint64_t file_size, char *why)
{
	struct image_file f = { head, head_len, file_size };

	/* Believe the shorter of the two, so that nobody has to check both. */
	if (f.head_len > file_size)
		f.head_len = file_size;
	memset(image, 0, sizeof(*image));
	image->file_size = file_size;

	if (!f.head_len)
		return image_refuse(why, "empty");
	if (image_is_elf(&f))
		return image_parse_elf(image, &f, why);
	if (image_is_bzimage(&f))
		return image_parse_bzimage(image, &f, why);
	return image_name_mistake(&f, why);
}
