/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernels that are headers and a pattern, for tests of those who read them;
 * and what holds for every image that image_parse() lets through.
 */
#ifndef KERNELS_H
#define KERNELS_H

#include <elf.h>
#include <string.h>

#include "abi/bootparam.h"
#include "machine.h"

#define BZ_OFFSET	1024		/* of the protected-mode kernel */
#define BZ_SIZE		4096
#define BZ_HEADER_END	0x26c		/* 2.15: behind kernel_info_offset */
#define ELF_OFFSET	512
#define ELF_TEXT	1024		/* bytes in the file */
#define ELF_DATA	256
#define ELF_BSS		8192
#define ELF_PADDR	0x1000000
#define ELF_VADDR	0xc1000000

struct kernel {
	uint8_t bytes[8192];
	size_t size;
};

static inline void kernel_put(struct kernel *k, unsigned at, unsigned bytes,
			      uint64_t value)
{
	for (; bytes--; value >>= 8)
		k->bytes[at++] = value;
}

static inline void kernel_pattern(struct kernel *k)
{
	for (size_t i = 0; i < sizeof(k->bytes); i++)
		k->bytes[i] = i * 7 + (i >> 8);
}

/* For kernel_put(): where a field of the setup header is. */
#define HDR(name) offsetof(struct boot_params, hdr.name), \
		  sizeof(((struct boot_params *)0)->hdr.name)

static inline void kernel_bzimage(struct kernel *k)
{
	struct setup_header h = {
		.setup_sects = BZ_OFFSET / 512 - 1,
		.syssize = BZ_SIZE / 16,
		.boot_flag = BOOT_FLAG,
		.jump = 0xeb, .jump_to = BZ_HEADER_END - BOOT_MAGIC_AT,
		.header = BOOT_MAGIC,
		.version = 0x20f,
		.loadflags = LOADED_HIGH | CAN_USE_HEAP | KEEP_SEGMENTS,
		.code32_start = 0x100000,
		.initrd_addr_max = 0x7fffffff,
		.kernel_alignment = 0x200000,
		.relocatable_kernel = 1,
		.xloadflags = XLF_KERNEL_64,
		.cmdline_size = 2047,
		.payload_offset = 0x100, .payload_length = 0x200,
		.pref_address = 0x1000000,
		.init_size = 0x800000,
	};

	kernel_pattern(k);
	memset(k->bytes, 0, BZ_OFFSET);
	memcpy(k->bytes + SETUP_HEADER_AT, &h, sizeof(h));
	k->size = BZ_OFFSET + BZ_SIZE;
}

#define KERNEL_ELF(bits, em) \
static inline void kernel_elf##bits(struct kernel *k) \
{ \
	Elf##bits##_Ehdr e = { \
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS##bits, \
			     ELFDATA2LSB, EV_CURRENT }, \
		.e_type = ET_EXEC, .e_machine = em, \
		.e_version = EV_CURRENT, .e_entry = ELF_PADDR + 16, \
		.e_phoff = sizeof(e), .e_ehsize = sizeof(e), \
		.e_phentsize = sizeof(Elf##bits##_Phdr), .e_phnum = 3, \
	}; \
	Elf##bits##_Phdr p[3] = { \
		{ .p_type = PT_LOAD, .p_offset = ELF_OFFSET, \
		  .p_vaddr = ELF_VADDR, .p_paddr = ELF_PADDR, \
		  .p_filesz = ELF_TEXT, .p_memsz = ELF_TEXT }, \
		{ .p_type = PT_LOAD, .p_offset = ELF_OFFSET + ELF_TEXT, \
		  .p_vaddr = ELF_VADDR + 4096, .p_paddr = ELF_PADDR + 4096, \
		  .p_filesz = ELF_DATA, .p_memsz = ELF_DATA + ELF_BSS }, \
		{ .p_type = PT_NOTE, .p_offset = ELF_OFFSET, \
		  .p_filesz = 12, .p_memsz = 12 }, \
	}; \
\
	kernel_pattern(k); \
	memset(k->bytes, 0, ELF_OFFSET); \
	memcpy(k->bytes, &e, sizeof(e)); \
	memcpy(k->bytes + sizeof(e), p, sizeof(p)); \
	/* A note whose sizes are a trap for whoever walks it. */ \
	memset(k->bytes + ELF_OFFSET, 0xff, 8); \
	k->size = ELF_OFFSET + ELF_TEXT + ELF_DATA; \
}
KERNEL_ELF(32, EM_386)
KERNEL_ELF(64, EM_X86_64)

/* For kernel_put(): fields of the ELF header and of program header n. */
#define EHDR(bits, name) offsetof(Elf##bits##_Ehdr, name), \
			 sizeof(((Elf##bits##_Ehdr *)0)->name)
#define PHDR(bits, n, name) sizeof(Elf##bits##_Ehdr) + \
			    (n) * sizeof(Elf##bits##_Phdr) + \
			    offsetof(Elf##bits##_Phdr, name), \
			    sizeof(((Elf##bits##_Phdr *)0)->name)

static inline bool segment_sane(const struct image *image, unsigned n)
{
	const struct segment *s = &image->segments[n];

	if (s->filesz > s->memsz || !s->memsz ||
	    s->offset + s->filesz < s->offset ||
	    (s->filesz && s->offset + s->filesz > image->file_size) ||
	    s->paddr + s->memsz < s->paddr)
		return false;
	for (unsigned i = 0; i < n; i++) {
		const struct segment *t = &image->segments[i];

		if (t->paddr < s->paddr + s->memsz &&
		    s->paddr < t->paddr + t->memsz)
			return false;
	}
	return true;
}

/* NULL, or what is wrong with an image that was let through. */
static inline const char *image_wrong(const struct image *image)
{
	if (!image->nsegments || image->nsegments > SEGMENTS_MAX)
		return "segments";
	for (unsigned i = 0; i < image->nsegments; i++)
		if (!segment_sane(image, i))
			return "a segment";
	if (image->header_size > sizeof(image->header))
		return "header size";
	if (image->relocatable && (!image->alignment ||
	    image->alignment & (image->alignment - 1)))
		return "alignment";
	if (image->preferred + image->init_size < image->preferred)
		return "init_size wraps";
	if (image->initrd_max >= GIB(4))
		return "initrd_max";
	if (image->kind == IMAGE_BZIMAGE &&
	    (image->init_size < image->segments[0].memsz ||
	     image->protocol < 0x200 || image->entry < 0x100000 ||
	     image->entry - 0x100000 >= image->segments[0].filesz))
		return "bzImage";
	return NULL;
}

#endif
