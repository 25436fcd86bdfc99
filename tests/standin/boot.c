/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Guest's first look around: boot parameters and page tables as its
 * kernel reads them.  And the kernel, of which nothing ever runs.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "standin.h"

#define WORDS		"words of=\"it\""
#define KERNEL		"vmlinux"

/* A vmlinux of one page, with the words by which its version is known. */
char *make_kernel(const struct era *era)
{
	struct {
		Elf32_Ehdr e;
		Elf32_Phdr p;
		char text[PAGE];
	} file = {
		.e = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
				    ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
		       .e_type = ET_EXEC, .e_machine = EM_386,
		       .e_version = EV_CURRENT, .e_entry = KERNEL_ENTRY,
		       .e_phoff = sizeof(Elf32_Ehdr),
		       .e_ehsize = sizeof(Elf32_Ehdr),
		       .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1 },
		.p = { .p_type = PT_LOAD, .p_offset = sizeof(Elf32_Ehdr) +
		       sizeof(Elf32_Phdr), .p_vaddr = 0xc0000000 + KERNEL_ENTRY,
		       .p_paddr = KERNEL_ENTRY, .p_filesz = PAGE,
		       .p_memsz = 4 * PAGE, .p_flags = PF_R | PF_W | PF_X },
	};
	int fd = open(KERNEL, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	snprintf(file.text, sizeof(file.text),
		 "Linux version %%s (%%s)\nLinux version %s (me@here) #1\n",
		 era->version);
	NEED(write(fd, &file, sizeof(file)) == sizeof(file));
	close(fd);
	return KERNEL;
}

void launch_kernel(const struct era *era, enum ends ends,
		   const char *const *options, const char *const *kernel)
{
	char *argv[32] = { (char *)launcher, "--hypervisor=lguest" };
	unsigned n = 2;

	while (options && *options)
		argv[n++] = (char *)*options++;
	argv[n++] = "16";
	while (*kernel)
		argv[n++] = (char *)*kernel++;
	NEED(n < ARRAY_SIZE(argv));
	host_reset(era);
	child_start(era, ends, argv);
}

void launch_only(const struct era *era, enum ends ends,
		 const char *const *options)
{
	const char *kernel[] = { make_kernel(era), "words", "of=\"it\"",
				 NULL };

	launch_kernel(era, ends, options, kernel);
}

void launch(const struct era *era, enum ends ends, const char *const *options)
{
	launch_only(era, ends, options);
	host_run();
}

/* All of RAM at its own address, as 2.6.28 starts with. */
static void check_tables(uint32_t pgdir)
{
	NEED_EQ(pgdir % PAGE, 0);
	for (uint32_t at = 0; at < RAM; at += PAGE) {
		uint32_t pde = guest_read32(pgdir + at / (PAGE * 1024) * 4);

		NEED_EQ(pde & (PAGE - 1), 7);
		NEED_EQ(guest_read32((pde & -PAGE) + at / PAGE % 1024 * 4),
			at | 7);
	}
	NEED_EQ(guest_read32(pgdir + RAM / (PAGE * 1024) * 4), 0);
}

void boot_check(const struct era *era)
{
	char words[sizeof(WORDS)], head[16];
	uint8_t bytes[2];

	NEED_EQ(host_boot.start, KERNEL_ENTRY);
	NEED_EQ(host_boot.limit, era->form == FORM_DEVICES ? RAM / PAGE :
		RAM / PAGE + 256);
	if (era->form == FORM_DEVICES)
		NEED(host_boot.device_limit > host_boot.limit);
	guest_read(KERNEL_ENTRY, head, sizeof(head));
	NEED(!memcmp(head, "Linux version %s", sizeof(head)));

	guest_read(0x1e8, bytes, 1);
	NEED_EQ(bytes[0], 1);			/* ranges in e820 */
	NEED_EQ(guest_read32(0x2d0), 0);
	NEED_EQ(guest_read32(0x2d4), 0);
	NEED_EQ(guest_read32(0x2d8), RAM);
	NEED_EQ(guest_read32(0x2dc), 0);
	NEED_EQ(guest_read32(0x2e0), 1);
	guest_read(0x1ef, bytes, 1);
	NEED_EQ(bytes[0], 0);			/* sentinel */
	NEED(guest_read16(0x206) >= 0x207);
	guest_read(0x210, bytes, 2);
	NEED_EQ(bytes[0], 0xff);
	NEED(bytes[1] & 0x40);			/* KEEP_SEGMENTS */
	NEED_EQ(guest_read32(0x218), 0);	/* no initrd */
	NEED_EQ(guest_read32(0x21c), 0);
	NEED_EQ(guest_read32(0x23c), 1);	/* hardware_subarch */
	NEED_EQ(guest_read32(0x230), 0x1000000);
	guest_read(guest_read32(0x228), words, sizeof(words));
	NEED(!memcmp(words, WORDS, sizeof(words)));
	if (era->form == FORM_PGDIR)
		check_tables(host_boot.pgdir);
}
