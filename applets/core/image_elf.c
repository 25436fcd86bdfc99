/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF: a vmlinux, as the linker left it.  Two classes that differ in where
 * their fields are; a table says where, and from there on they are alike.
 */
#include <elf.h>
#include <stdio.h>

#include "image.h"

/* What a kernel without a setup header cannot tell us, Linux fixed long ago. */
#define CMDLINE_MAX	2047
#define INITRD_MAX_32	0x37ffffff
#define INITRD_MAX_64	0x7fffffff

static const struct layout {
	uint16_t machine, ehsize, phsize, word;
	/* In the ELF header. */
	uint16_t entry, phoff, phentsize, phnum;
	/* In a program header. */
	uint16_t offset, vaddr, paddr, filesz, memsz, flags, align;
} layouts[] = {
#define LAYOUT(bits, em) { \
	.machine = em, \
	.ehsize = sizeof(Elf##bits##_Ehdr), \
	.phsize = sizeof(Elf##bits##_Phdr), \
	.word = sizeof(Elf##bits##_Addr), \
	.entry = offsetof(Elf##bits##_Ehdr, e_entry), \
	.phoff = offsetof(Elf##bits##_Ehdr, e_phoff), \
	.phentsize = offsetof(Elf##bits##_Ehdr, e_phentsize), \
	.phnum = offsetof(Elf##bits##_Ehdr, e_phnum), \
	.offset = offsetof(Elf##bits##_Phdr, p_offset), \
	.vaddr = offsetof(Elf##bits##_Phdr, p_vaddr), \
	.paddr = offsetof(Elf##bits##_Phdr, p_paddr), \
	.filesz = offsetof(Elf##bits##_Phdr, p_filesz), \
	.memsz = offsetof(Elf##bits##_Phdr, p_memsz), \
	.flags = offsetof(Elf##bits##_Phdr, p_flags), \
	.align = offsetof(Elf##bits##_Phdr, p_align), \
}
	[ELFCLASS32] = LAYOUT(32, EM_386),
	[ELFCLASS64] = LAYOUT(64, EM_X86_64),
};

static const struct machine {
	uint16_t machine;
	const char *name;
} machines[] = {
	{ EM_386, "a 64-bit i386" },	/* met only in the wrong class */
	{ EM_X86_64, "an x32" },
	{ EM_AARCH64, "an ARM64" },
	{ EM_ARM, "an ARM" },
	{ EM_RISCV, "a RISC-V" },
	{ EM_PPC, "a PowerPC" },
	{ EM_PPC64, "a PowerPC" },
	{ EM_MIPS, "a MIPS" },
	{ EM_S390, "an s390" },
	{ EM_SPARC, "a SPARC" },
	{ EM_SPARCV9, "a SPARC" },
	{ EM_IA_64, "an Itanium" },
	{ EM_68K, "an m68k" },
	{ EM_SH, "a SuperH" },
	{ 258, "a LoongArch" },		/* younger than some elf.h */
};

bool image_is_elf(const struct image_file *f)
{
	return f->head_len >= SELFMAG && !memcmp(f->head, ELFMAG, SELFMAG);
}

/* People cross-compile: tell them which tree they took the kernel from. */
static bool machine_refuse(unsigned machine, char *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (machines[i].machine == machine)
			return image_refuse(why, "%s ELF, not a kernel for "
					    "x86", machines[i].name);
	return image_refuse(why, "an ELF for machine %u, not a kernel for x86",
			    machine);
}

/* The layout of an executable for our machines, or NULL and the reason. */
static const struct layout *header_check(const struct image_file *f, char *why)
{
	const struct layout *l;
	const uint8_t *h = f->head;
	unsigned type, machine;

	/* e_machine is at the same place in both classes. */
	if (f->head_len < offsetof(Elf32_Ehdr, e_version)) {
		image_truncated(why, f, sizeof(Elf32_Ehdr));
		return NULL;
	}
	type = image_number(h + offsetof(Elf32_Ehdr, e_type), 2);
	machine = image_number(h + offsetof(Elf32_Ehdr, e_machine), 2);
	if (h[EI_DATA] == ELFDATA2MSB)
		machine = machine >> 8 | (machine & 0xff) << 8;
	if (h[EI_DATA] != ELFDATA2LSB || !h[EI_CLASS] ||
	    h[EI_CLASS] >= ARRAY_SIZE(layouts) ||
	    machine != layouts[h[EI_CLASS]].machine) {
		machine_refuse(machine, why);
		return NULL;
	}
	l = &layouts[h[EI_CLASS]];
	if (type == ET_REL)
		image_refuse(why, "an ELF object (.o, .ko), not a kernel");
	else if (type == ET_CORE)
		image_refuse(why, "an ELF core dump, not a kernel");
	else if (type != ET_EXEC && type != ET_DYN)
		image_refuse(why, "an ELF of unknown type %u", type);
	else if (f->head_len < l->ehsize)
		image_truncated(why, f, l->ehsize);
	else
		return l;
	return NULL;
}

/* The table of program headers: inside the bytes we have. */
static bool table_check(const struct layout *l, const struct image_file *f,
			uint64_t *off, unsigned *num, char *why)
{
	uint64_t size, entry = image_number(f->head + l->phentsize, 2);

	*off = image_number(f->head + l->phoff, l->word);
	*num = image_number(f->head + l->phnum, 2);
	if (!*num)
		return image_refuse(why, "an ELF without program headers");
	if (*num == PN_XNUM)
		return image_refuse(why, "an ELF with %u program headers",
				    *num);
	if (entry != l->phsize)
		return image_refuse(why, "a damaged ELF: program headers of "
				    "%u bytes", (unsigned)entry);
	size = *num * entry;
	if (*off > UINT64_MAX - size)
		return image_refuse(why, "a damaged ELF: program headers at "
				    "0x%llx", (unsigned long long)*off);
	if (*off + size > f->size)
		return image_truncated(why, f, *off + size);
	if (*off + size > f->head_len)
		return image_refuse(why, "an ELF whose program headers are not "
				    "among its first %u bytes",
				    (unsigned)f->head_len);
	return true;
}

/* Ends cannot wrap: segment_add() let only such in that do not. */
static bool segment_overlaps(const struct image *image,
			     const struct segment *s)
{
	for (unsigned i = 0; i < image->nsegments; i++) {
		const struct segment *t = &image->segments[i];

		if (s->paddr < t->paddr + t->memsz &&
		    t->paddr < s->paddr + s->memsz)
			return true;
	}
	return false;
}

/*
 * From here on the loader may add up offset and filesz, paddr and memsz,
 * without a thought.
 */
static bool segment_add(struct image *image, const struct segment *s,
			char *why)
{
	unsigned n = image->nsegments;

	if (s->filesz > s->memsz)
		return image_refuse(why, "a damaged ELF: segment %u has more "
				    "bytes in the file than in memory", n);
	if (s->paddr > UINT64_MAX - s->memsz ||
	    s->offset > UINT64_MAX - s->filesz)
		return image_refuse(why, "a damaged ELF: segment %u wraps "
				    "around", n);
	if (n == SEGMENTS_MAX)
		return image_refuse(why, "an ELF with more than %u segments",
				    SEGMENTS_MAX);
	if (segment_overlaps(image, s))
		return image_refuse(why, "a damaged ELF: segment %u overlaps "
				    "another", n);
	image->segments[image->nsegments++] = *s;
	return true;
}

/* A kernel without its notes is still one: what is not in the file is not. */
static void notes_add(struct image *image, const struct note_range *notes)
{
	if (image->nnotes < NOTES_MAX && notes->offset <= image->file_size &&
	    notes->size <= image->file_size - notes->offset)
		image->notes[image->nnotes++] = *notes;
}

/* No kernel has any of these, and nearly every program has one. */
static bool type_check(uint64_t type, char *why)
{
	if (type == PT_INTERP || type == PT_TLS || type == PT_GNU_RELRO)
		return image_refuse(why, "a program for Linux, not a kernel");
	return true;
}

/*
 * Is e_entry in a segment's bytes?  A vmlinux may give it as a virtual
 * address: then *entry becomes the physical one.
 */
static bool entry_translate(const struct segment *s, uint64_t vaddr,
			    uint64_t want, gpa_t *entry)
{
	if (want - vaddr >= s->filesz)
		return false;
	*entry = s->paddr + (want - vaddr);
	return true;
}

/*
 * Fills image->segments and image->notes from the table, and image->entry.
 * What is not loaded we never look into: nothing in there can hurt us.
 */
static bool segments_get(struct image *image, const struct layout *l,
			 const struct image_file *f, char *why)
{
	uint64_t off, want, type, needed = 0;
	bool physical = false, virtual = false;
	gpa_t translated = 0, entry = 0;
	unsigned num;

	if (!table_check(l, f, &off, &num, why))
		return false;
	want = image_number(f->head + l->entry, l->word);
	for (; num--; off += l->phsize) {
		const uint8_t *p = f->head + off;
		struct segment s = {
			.offset = image_number(p + l->offset, l->word),
			.filesz = image_number(p + l->filesz, l->word),
			.memsz = image_number(p + l->memsz, l->word),
			.paddr = image_number(p + l->paddr, l->word),
			.vaddr = image_number(p + l->vaddr, l->word),
			.flags = image_number(p + l->flags, 4),
		};

		type = image_number(p, 4);
		if (!type_check(type, why))
			return false;
		if (type == PT_NOTE)
			notes_add(image, &(struct note_range){
				s.offset, s.filesz,
				image_number(p + l->align, l->word) });
		if (type != PT_LOAD || !(s.memsz | s.filesz))
			continue;
		if (!segment_add(image, &s, why))
			return false;
		if (s.filesz && s.offset + s.filesz > needed)
			needed = s.offset + s.filesz;
		physical |= entry_translate(&s, s.paddr, want, &entry);
		virtual |= entry_translate(&s, s.vaddr, want, &translated);
	}
	if (needed > f->size)
		return image_truncated(why, f, needed);
	if (!physical && !virtual)
		return image_refuse(why, "an ELF whose entry 0x%llx is in no "
				    "segment", (unsigned long long)want);
	image->entry = physical ? entry : translated;
	return true;
}

bool image_parse_elf(struct image *image, const struct image_file *f,
		     char *why)
{
	const struct layout *l = header_check(f, why);
	gpa_t start = UINT64_MAX, end = 0;

	if (!l || !segments_get(image, l, f, why))
		return false;
	for (unsigned i = 0; i < image->nsegments; i++) {
		const struct segment *s = &image->segments[i];

		if (s->paddr < start)
			start = s->paddr;
		if (s->paddr + s->memsz > end)
			end = s->paddr + s->memsz;
	}
	/* Not relocatable: what its addresses say is where it goes. */
	image->kind = IMAGE_ELF;
	image->is_64 = l->machine == EM_X86_64;
	image->preferred = start;
	image->init_size = end - start;
	image->alignment = 4096;
	image->cmdline_max = CMDLINE_MAX;
	image->initrd_max = image->is_64 ? INITRD_MAX_64 : INITRD_MAX_32;
	return true;
}
