/* SPDX-License-Identifier: GPL-2.0-only */
/* A vmlinux: its program headers, true ones and others. */
#include "parses.h"

static void elf(void)
{
	struct kernel k;

	for (int wide = 0; wide < 2; wide++) {
		if (wide)
			kernel_elf64(&k);
		else
			kernel_elf32(&k);
		CHECK(parse(&k));
		CHECK_EQ(image.kind, IMAGE_ELF);
		CHECK_EQ(image.is_64, wide);
		CHECK_EQ(image.entry, ELF_PADDR + 16);
		CHECK_EQ(image.nsegments, 2);
		CHECK_EQ(image.segments[1].paddr, ELF_PADDR + 4096);
		CHECK_EQ(image.segments[1].filesz, ELF_DATA);
		CHECK_EQ(image.segments[1].memsz, ELF_DATA + ELF_BSS);
		CHECK_EQ(image.preferred, ELF_PADDR);
		CHECK_EQ(image.init_size, 4096 + ELF_DATA + ELF_BSS);
	}
	kernel_put(&k, EHDR(64, e_type), ET_DYN);
	CHECK(parse(&k));
}

static void elf_virtual_entry(void)
{
	struct kernel k;

	kernel_elf32(&k);
	kernel_put(&k, EHDR(32, e_entry), ELF_VADDR + 4096 + 8);
	CHECK(parse(&k));
	CHECK_EQ(image.entry, ELF_PADDR + 4096 + 8);
	/* In bss there is nothing to run. */
	kernel_put(&k, EHDR(32, e_entry), ELF_VADDR + 4096 + ELF_DATA);
	CHECK(refused(&k, "is in no segment"));
	kernel_put(&k, EHDR(32, e_entry), 0xffffffff);
	CHECK(refused(&k, "entry 0xffffffff is in no segment"));
}

#define ELF_ALL	UINT64_MAX

static const struct {
	unsigned at, bytes;
	uint64_t value;
	const char *words;
} elf32_bad[] = {
	{ EHDR(32, e_phnum), 0, "without program headers" },
	{ EHDR(32, e_phnum), 65535, "65535 program headers" },
	{ EHDR(32, e_phnum), 65534, "truncated: needs" },
	{ EHDR(32, e_phentsize), 0, "program headers of 0 bytes" },
	{ EHDR(32, e_phentsize), 56, "program headers of 56 bytes" },
	{ EHDR(32, e_phoff), ELF_ALL, "truncated: needs 4294967391" },
	{ EHDR(32, e_type), ET_REL, "an ELF object" },
	{ EHDR(32, e_type), ET_CORE, "core dump" },
	{ EHDR(32, e_type), 0xfe00, "unknown type" },
	{ EHDR(32, e_machine), EM_AARCH64, "an ARM64 ELF" },
	{ EHDR(32, e_machine), EM_X86_64, "an x32 ELF" },
	{ EHDR(32, e_machine), 12345, "machine 12345" },
	{ EI_CLASS, 1, 0, "ELF" },
	{ EI_CLASS, 1, 3, "ELF" },
	{ EI_DATA, 1, ELFDATA2MSB, "ELF" },
	{ PHDR(32, 2, p_type), PT_INTERP, "a program for Linux" },
	{ PHDR(32, 0, p_filesz), ELF_ALL, "more bytes in the file" },
	{ PHDR(32, 1, p_memsz), ELF_DATA - 1, "more bytes in the file" },
	{ PHDR(32, 0, p_memsz), ELF_ALL, "overlaps" },
	{ PHDR(32, 0, p_offset), ELF_ALL, "truncated: needs 4294968319" },
	{ PHDR(32, 1, p_paddr), ELF_PADDR + ELF_TEXT - 1, "overlaps" },
	{ PHDR(32, 0, p_paddr), 0x5000, "is in no segment" },
}, elf64_bad[] = {
	{ EHDR(64, e_phoff), ELF_ALL, "program headers at 0xfff" },
	{ EHDR(64, e_machine), EM_386, "a 64-bit i386 ELF" },
	{ PHDR(64, 0, p_memsz), ELF_ALL, "wraps around" },
	{ PHDR(64, 0, p_paddr), ELF_ALL, "wraps around" },
	{ PHDR(64, 0, p_offset), ELF_ALL, "wraps around" },
	{ PHDR(64, 0, p_offset), 5000, "truncated: needs 6024" },
	{ PHDR(64, 2, p_type), PT_TLS, "a program for Linux" },
};

static void elf_damaged(void)
{
	struct kernel k;

	for (size_t i = 0; i < ARRAY_SIZE(elf32_bad); i++) {
		kernel_elf32(&k);
		kernel_put(&k, elf32_bad[i].at, elf32_bad[i].bytes,
			   elf32_bad[i].value);
		CHECK(refused(&k, elf32_bad[i].words));
	}
	for (size_t i = 0; i < ARRAY_SIZE(elf64_bad); i++) {
		kernel_elf64(&k);
		kernel_put(&k, elf64_bad[i].at, elf64_bad[i].bytes,
			   elf64_bad[i].value);
		CHECK(refused(&k, elf64_bad[i].words));
	}
	/* Notes are not ours to walk: their sizes are 0xffffffff already. */
	kernel_elf32(&k);
	kernel_put(&k, PHDR(32, 2, p_filesz), ELF_ALL);
	kernel_put(&k, PHDR(32, 2, p_memsz), ELF_ALL);
	CHECK(parse(&k));
}

static void elf_many_segments(void)
{
	struct kernel k;
	unsigned n;

	kernel_elf64(&k);
	memset(k.bytes + sizeof(Elf64_Ehdr), 0, 20 * sizeof(Elf64_Phdr));
	kernel_put(&k, EHDR(64, e_entry), ELF_PADDR);
	for (n = 0; n < SEGMENTS_MAX + 1; n++) {
		kernel_put(&k, PHDR(64, n, p_type), PT_LOAD);
		kernel_put(&k, PHDR(64, n, p_paddr), ELF_PADDR + n * 4096);
		kernel_put(&k, PHDR(64, n, p_filesz), 16);
		kernel_put(&k, PHDR(64, n, p_memsz), 16);
	}
	kernel_put(&k, EHDR(64, e_phnum), SEGMENTS_MAX);
	CHECK(parse(&k));
	CHECK_EQ(image.nsegments, SEGMENTS_MAX);
	kernel_put(&k, EHDR(64, e_phnum), SEGMENTS_MAX + 1);
	CHECK(refused(&k, "more than 16 segments"));
}

/* The table may be anywhere in the file, but we look at its beginning. */
static void elf_late_headers(void)
{
	struct kernel k;

	kernel_elf64(&k);
	kernel_put(&k, EHDR(64, e_phoff), IMAGE_HEAD);
	CHECK(!image_parse(&image, k.bytes, k.size, MIB(1), why));
	CHECK(strstr(why, "not among its first") != NULL);
}

int main(void)
{
	RUN(elf);
	RUN(elf_virtual_entry);
	RUN(elf_damaged);
	RUN(elf_many_segments);
	RUN(elf_late_headers);
	return rig_done();
}
