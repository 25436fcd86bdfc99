/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bzImage: a boot sector that nobody boots any more, the setup code (real
 * mode, which we never run), and the protected-mode kernel.  What we need is
 * in the setup header, which has grown a few fields at a time since 1995.
 */
#include <stdio.h>

#include "abi/bootparam.h"
#include "image.h"

#define SECTOR		512
#define HIGH_BASE	0x100000	/* where a bzImage goes by default */
#define ENTRY_64	0x200		/* from the load address */
#define PADDED		0x20a		/* files are whole since about then */

enum field {
	SETUP_SECTS, ROOT_FLAGS, SYSSIZE, RAM_SIZE, VID_MODE, ROOT_DEV,
	BOOT_SIGNATURE, HEADER, VERSION, REALMODE_SWTCH, START_SYS_SEG,
	KERNEL_VERSION, TYPE_OF_LOADER, LOADFLAGS, SETUP_MOVE_SIZE,
	CODE32_START, RAMDISK_IMAGE, RAMDISK_SIZE, BOOTSECT_KLUDGE,
	HEAP_END_PTR, EXT_LOADER_VER, EXT_LOADER_TYPE, CMD_LINE_PTR,
	INITRD_ADDR_MAX, KERNEL_ALIGNMENT, RELOCATABLE, MIN_ALIGNMENT,
	XLOADFLAGS, CMDLINE_SIZE, HARDWARE_SUBARCH, HARDWARE_SUBARCH_DATA,
	PAYLOAD_OFFSET, PAYLOAD_LENGTH, SETUP_DATA, PREF_ADDRESS, INIT_SIZE,
	HANDOVER_OFFSET, KERNEL_INFO_OFFSET,
};

#define FIELD(name) #name, offsetof(struct boot_params, hdr.name), \
		    sizeof(((struct boot_params *)0)->hdr.name)

/*
 * Each field, the protocol that brought it, and what its absence means.
 * (syssize had 16 bits and no meaning for a bzImage before 2.04.)  The jump
 * is left out: it is the length of the header.
 */
static const struct {
	const char *name;
	uint16_t at, size, since;
	uint32_t absent;
} fields[] = {
	[SETUP_SECTS] = { FIELD(setup_sects), 0x200, 4 },
	[ROOT_FLAGS] = { FIELD(root_flags), 0x200, 0 },
	[SYSSIZE] = { FIELD(syssize), 0x204, 0 },
	[RAM_SIZE] = { FIELD(ram_size), 0x200, 0 },
	[VID_MODE] = { FIELD(vid_mode), 0x200, 0 },
	[ROOT_DEV] = { FIELD(root_dev), 0x200, 0 },
	[BOOT_SIGNATURE] = { FIELD(boot_flag), 0x200, 0 },
	[HEADER] = { FIELD(header), 0x200, 0 },
	[VERSION] = { FIELD(version), 0x200, 0 },
	[REALMODE_SWTCH] = { FIELD(realmode_swtch), 0x200, 0 },
	[START_SYS_SEG] = { FIELD(start_sys_seg), 0x200, 0 },
	[KERNEL_VERSION] = { FIELD(kernel_version), 0x200, 0 },
	[TYPE_OF_LOADER] = { FIELD(type_of_loader), 0x200, 0 },
	[LOADFLAGS] = { FIELD(loadflags), 0x200, 0 },
	[SETUP_MOVE_SIZE] = { FIELD(setup_move_size), 0x200, 0 },
	[CODE32_START] = { FIELD(code32_start), 0x200, HIGH_BASE },
	[RAMDISK_IMAGE] = { FIELD(ramdisk_image), 0x200, 0 },
	[RAMDISK_SIZE] = { FIELD(ramdisk_size), 0x200, 0 },
	[BOOTSECT_KLUDGE] = { FIELD(bootsect_kludge), 0x200, 0 },
	[HEAP_END_PTR] = { FIELD(heap_end_ptr), 0x201, 0 },
	[EXT_LOADER_VER] = { FIELD(ext_loader_ver), 0x202, 0 },
	[EXT_LOADER_TYPE] = { FIELD(ext_loader_type), 0x202, 0 },
	[CMD_LINE_PTR] = { FIELD(cmd_line_ptr), 0x202, 0 },
	[INITRD_ADDR_MAX] = { FIELD(initrd_addr_max), 0x203, 0x37ffffff },
	[KERNEL_ALIGNMENT] = { FIELD(kernel_alignment), 0x205, 0 },
	[RELOCATABLE] = { FIELD(relocatable_kernel), 0x205, 0 },
	[MIN_ALIGNMENT] = { FIELD(min_alignment), 0x20a, 0 },
	[XLOADFLAGS] = { FIELD(xloadflags), 0x20c, 0 },
	[CMDLINE_SIZE] = { FIELD(cmdline_size), 0x206, 255 },
	[HARDWARE_SUBARCH] = { FIELD(hardware_subarch), 0x207, 0 },
	[HARDWARE_SUBARCH_DATA] = { FIELD(hardware_subarch_data), 0x207, 0 },
	[PAYLOAD_OFFSET] = { FIELD(payload_offset), PAYLOAD_TOLD, 0 },
	[PAYLOAD_LENGTH] = { FIELD(payload_length), PAYLOAD_TOLD, 0 },
	[SETUP_DATA] = { FIELD(setup_data), 0x209, 0 },
	[PREF_ADDRESS] = { FIELD(pref_address), 0x20a, HIGH_BASE },
	[INIT_SIZE] = { FIELD(init_size), 0x20a, 0 },
	[HANDOVER_OFFSET] = { FIELD(handover_offset), 0x20b, 0 },
	[KERNEL_INFO_OFFSET] = { FIELD(kernel_info_offset), 0x20f, 0 },
};

/* A field is there if the protocol has it and the header is long enough. */
static bool field_there(const struct image *image, enum field which)
{
	unsigned end = fields[which].at + fields[which].size;

	return image->protocol >= fields[which].since &&
	       end <= SETUP_HEADER_AT + image->header_size;
}

static uint64_t field_get(const struct image *image, enum field which)
{
	unsigned at = fields[which].at - SETUP_HEADER_AT;

	if (!field_there(image, which))
		return fields[which].absent;
	return image_number(image->header + at, fields[which].size);
}

bool image_header_field(const struct image *image, unsigned n,
			struct header_field *field)
{
	if (image->kind != IMAGE_BZIMAGE || n >= ARRAY_SIZE(fields))
		return false;
	field->name = fields[n].name;
	field->at = fields[n].at;
	field->size = fields[n].size;
	field->there = field_there(image, n);
	field->value = field_get(image, n);
	return true;
}

/*
 * The magic is behind the boot sector, which is why a disk image looks much
 * the same up to there.
 */
bool image_is_bzimage(const struct image_file *f)
{
	return f->head_len >= BOOT_MAGIC_AT + 4 &&
	       image_number(f->head + BOOT_MAGIC_AT, 4) == BOOT_MAGIC;
}

/* Copies the header, which says in its jump instruction where it ends. */
static bool header_get(struct image *image, const struct image_file *f,
		       char *why)
{
	const unsigned jump = offsetof(struct boot_params, hdr.jump);
	const unsigned flag = offsetof(struct boot_params, hdr.boot_flag);
	unsigned end = BOOT_MAGIC_AT + f->head[jump + 1];

	if (image_number(f->head + flag, 2) != BOOT_FLAG)
		return image_refuse(why, "a damaged bzImage: "
				    "no boot sector signature");
	/* 0xeb, jmp rel8: the header has no other way to tell its length. */
	if (f->head[jump] != 0xeb)
		return image_refuse(why, "a damaged bzImage: "
				    "no jump over the setup header");
	if (end > SETUP_HEADER_END)
		end = SETUP_HEADER_END;
	if (end < SETUP_HEADER_AT + offsetof(struct setup_header, heap_end_ptr))
		return image_refuse(why, "a damaged bzImage: "
				    "setup header of %u bytes",
				    end - SETUP_HEADER_AT);
	if (end > f->head_len)
		return image_truncated(why, f, end);
	image->header_size = end - SETUP_HEADER_AT;
	memcpy(image->header, f->head + SETUP_HEADER_AT, image->header_size);
	image->protocol = 0x200;	/* so that field_get() finds it */
	image->protocol = field_get(image, VERSION);
	if (image->protocol < 0x200)
		return image_refuse(why, "a bzImage of boot protocol %u.%02u: "
				    "2.00 or later is needed",
				    image->protocol >> 8,
				    image->protocol & 0xff);
	if (!(field_get(image, LOADFLAGS) & LOADED_HIGH))
		return image_refuse(why, "a zImage, which loads below 1 MiB: "
				    "only a bzImage will do");
	return true;
}

/* Where in the file the protected-mode kernel is. */
static bool kernel_find(struct image *image, const struct image_file *f,
			char *why)
{
	struct segment *s = &image->segments[0];
	uint64_t sects = field_get(image, SETUP_SECTS);
	uint64_t size = field_get(image, SYSSIZE) * 16;
	uint64_t least = image->is_64 ? ENTRY_64 + 16 : 16;

	if (!sects)
		sects = fields[SETUP_SECTS].absent;
	s->offset = (sects + 1) * SECTOR;
	if (s->offset + least > f->size)
		return image_truncated(why, f, s->offset + least);
	s->filesz = f->size - s->offset;
	if (image->protocol >= fields[SYSSIZE].since) {
		/*
		 * syssize is rounded up, and kernels of old did not pad their
		 * file.  What follows it (a signature) is not for the kernel.
		 */
		if (size > ALIGN_UP(s->filesz, image->protocol < PADDED ?
				    16 : 1))
			return image_truncated(why, f, s->offset + size);
		if (size < least)
			return image_refuse(why, "a damaged bzImage: syssize "
					    "leaves %llu bytes of kernel",
					    (unsigned long long)size);
		if (s->filesz > size)
			s->filesz = size;
	}
	if (s->filesz > GIB(4))
		return image_refuse(why, "a bzImage of %llu bytes, which do "
				    "not fit below 4 GiB",
				    (unsigned long long)s->filesz);
	s->memsz = s->filesz;
	s->paddr = HIGH_BASE;
	image->nsegments = 1;
	return true;
}

/*
 * Before 2.08 the header does not say where, but Linux has its gzip soon behind
 * the first code, and right in front of that its length.
 */
static uint64_t payload_search(const struct image *image,
			       const struct image_file *f, uint64_t *offset)
{
	const struct segment *s = &image->segments[0];
	uint64_t from = s->offset + 4, length;
	const uint8_t *at;

	if (image->protocol >= PAYLOAD_TOLD || from > f->head_len)
		return 0;
	at = bytes_find(f->head + from, f->head_len - from, "\x1f\x8b\x08", 4);
	if (!at)
		return 0;
	*offset = at - f->head - s->offset;
	length = image_number(at - 4, 4);
	return *offset + length <= s->filesz ? length : 0;
}

static bool payload_find(struct image *image, const struct image_file *f,
			 char *why)
{
	uint64_t offset = field_get(image, PAYLOAD_OFFSET);
	uint64_t length = field_get(image, PAYLOAD_LENGTH);
	uint64_t size = image->segments[0].filesz;

	if (!length)
		length = payload_search(image, f, &offset);
	/*
	 * We do not unpack it, but who does (lguest kernels are found in
	 * there) may rely on it.  32-bit fields: their sum cannot wrap.
	 */
	image->payload_offset = image->segments[0].offset + offset;
	image->payload_length = length;
	if (offset + length <= size)
		return true;
	return image_refuse(why, "a damaged bzImage: payload of %llu bytes at "
			    "%llu, in a kernel of %llu",
			    (unsigned long long)length,
			    (unsigned long long)offset,
			    (unsigned long long)size);
}

/*
 * Where in memory it wants to be, how it may be moved, and how much room it
 * takes until it has told the Guest's own memory management of itself.
 */
static bool place_get(struct image *image, char *why)
{
	uint64_t size = image->segments[0].filesz;

	image->entry = field_get(image, CODE32_START);
	if (image->entry < HIGH_BASE || image->entry - HIGH_BASE >= size)
		return image_refuse(why, "a damaged bzImage: entry 0x%llx "
				    "is outside it",
				    (unsigned long long)image->entry);

	image->relocatable = field_get(image, RELOCATABLE);
	image->alignment = field_get(image, KERNEL_ALIGNMENT);
	if (image->relocatable &&
	    (!image->alignment || image->alignment & (image->alignment - 1)))
		return image_refuse(why, "a damaged bzImage: alignment 0x%llx "
				    "is no power of two",
				    (unsigned long long)image->alignment);

	image->preferred = field_get(image, PREF_ADDRESS);
	if (!image->preferred)
		image->preferred = HIGH_BASE;
	/*
	 * Before 2.10 nobody says how much room the unpacked kernel takes;
	 * gzip does not do better than this on one.
	 */
	image->init_size = size * 4;
	if (image->protocol >= fields[INIT_SIZE].since)
		image->init_size = field_get(image, INIT_SIZE);
	if (image->init_size < size)
		image->init_size = size;
	if (image->preferred + image->init_size > GIB(4) ||
	    image->preferred > GIB(4))
		return image_refuse(why, "a bzImage that wants to run at "
				    "0x%llx, beyond 4 GiB",
				    (unsigned long long)image->preferred);
	return true;
}

/* The word in front of "(builder@host) ...", 0x200 behind where it says. */
static void version_get(struct image *image, const struct image_file *f)
{
	uint64_t at = field_get(image, KERNEL_VERSION) + 0x200;
	size_t n = 0;

	if (at == 0x200)
		return;
	while (n < sizeof(image->version) - 1 && at + n < f->head_len &&
	       f->head[at + n] > ' ' && f->head[at + n] <= '~')
		n++;
	memcpy(image->version, f->head + at, n);
}

bool image_parse_bzimage(struct image *image, const struct image_file *f,
			 char *why)
{
	image->kind = IMAGE_BZIMAGE;
	if (!header_get(image, f, why))
		return false;
	image->is_64 = field_get(image, XLOADFLAGS) & XLF_KERNEL_64;
	image->cmdline_max = field_get(image, CMDLINE_SIZE);
	image->initrd_max = field_get(image, INITRD_ADDR_MAX);
	version_get(image, f);
	return kernel_find(image, f, why) &&
	       payload_find(image, f, why) &&
	       place_get(image, why);
}
