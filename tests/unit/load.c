/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading: what lands where in Guest memory. */
#include "loads.h"

static void bzimage_64(void)
{
	const struct boot_params *p;
	char text[] = "root=/dev/vda quiet";

	kernel_bzimage(&kernel);
	prepare(64, text);
	load_it();
	CHECK(boot.enter_64);
	CHECK_EQ(boot.kernel_start, 0x1000000);
	CHECK_EQ(boot.kernel_end, 0x1800000);
	CHECK_EQ(boot.entry, 0x1000200);
	CHECK(!memcmp(rig_at(0x1000000), kernel.bytes + BZ_OFFSET, BZ_SIZE));
	CHECK(!strcmp(rig_at(CMDLINE), text));

	p = rig_at(PARAMS);
	CHECK_EQ(p->hdr.header, BOOT_MAGIC);
	CHECK_EQ(p->hdr.version, 0x20f);
	CHECK_EQ(p->hdr.type_of_loader, 0xff);
	CHECK_EQ(p->hdr.loadflags, LOADED_HIGH);
	CHECK_EQ(p->hdr.code32_start, 0x1000000);
	CHECK_EQ(p->hdr.cmd_line_ptr, CMDLINE);
	CHECK_EQ(p->hdr.ramdisk_image, 0);
	CHECK_EQ(p->hdr.ramdisk_size, 0);
	CHECK_EQ(p->acpi_rsdp_addr, 0xf0000);
	CHECK_EQ(p->sentinel, 0);
	CHECK_EQ(p->e820_entries, 3);
	CHECK_EQ(p->e820_table[1].addr, 0xf0000);
	CHECK_EQ(p->e820_table[1].type, 2);
	CHECK_EQ(p->e820_table[2].size, MIB(63));
	CHECK_EQ(p->alt_mem_k, 63 * 1024);
}

static void bzimage_32(void)
{
	kernel_bzimage(&kernel);
	kernel_put(&kernel, HDR(xloadflags), 0);
	kernel_put(&kernel, HDR(relocatable_kernel), 0);
	kernel_put(&kernel, HDR(code32_start), 0x100010);
	prepare(64, "");
	load_it();
	/* Loaded at 1 MiB, but it will move to where it prefers. */
	CHECK(!boot.enter_64);
	CHECK_EQ(boot.entry, 0x100010);
	CHECK_EQ(boot.kernel_start, 0x100000);
	CHECK_EQ(boot.kernel_end, 0x1800000);
	CHECK(!memcmp(rig_at(0x100000), kernel.bytes + BZ_OFFSET, BZ_SIZE));
}

/* The hypervisor keeps more of the low memory than the kernel knew. */
static void bzimage_moves_up(void)
{
	kernel_bzimage(&kernel);
	prepare(64, "");
	boot.low = 0x1000001;
	load_it();
	CHECK_EQ(boot.kernel_start, 0x1200000);
	CHECK_EQ(boot.entry, 0x1200200);
	CHECK(!memcmp(rig_at(0x1200000), kernel.bytes + BZ_OFFSET, BZ_SIZE));
}

static void elf_segments(void)
{
	const struct boot_params *p;

	kernel_elf64(&kernel);
	prepare(64, "");
	load_it();
	CHECK(boot.enter_64);
	CHECK_EQ(boot.entry, ELF_PADDR + 16);
	CHECK_EQ(boot.kernel_start, ELF_PADDR);
	CHECK(!memcmp(rig_at(ELF_PADDR), kernel.bytes + ELF_OFFSET, ELF_TEXT));
	CHECK(!memcmp(rig_at(ELF_PADDR + 4096),
		      kernel.bytes + ELF_OFFSET + ELF_TEXT, ELF_DATA));
	CHECK_EQ(*(uint8_t *)rig_at(ELF_PADDR + 4096 + ELF_DATA), 0);
	p = rig_at(PARAMS);
	CHECK_EQ(p->hdr.header, BOOT_MAGIC);
	CHECK_EQ(p->hdr.boot_flag, BOOT_FLAG);
	CHECK_EQ(p->hdr.cmd_line_ptr, CMDLINE);
}

/* lguest has its boot parameters at address 0, and no ACPI. */
static void params_at_zero(void)
{
	kernel_elf32(&kernel);
	prepare(32, "x");
	boot.params = 0;
	boot.cmdline = 4096;
	boot.low = 8192;
	boot.ne820 = 1;
	boot.rsdp = 0;
	load_it();
	CHECK(!boot.enter_64);
	CHECK_EQ(((struct boot_params *)rig_at(0))->hdr.cmd_line_ptr, 4096);
}

/* Several make one, each at a multiple of 4, as high as they may be. */
static void initrds(void)
{
	const struct boot_params *p;

	kernel_bzimage(&kernel);
	prepare(64, "");
	add_initrd("a", "AAAAA", 5);
	add_initrd("b", "BBBB", 4);
	add_initrd("c", "C", 1);
	load_it();
	CHECK_EQ(boot.initrd_start, MIB(64) - 4096);
	CHECK_EQ(boot.initrd_end, MIB(64) - 4096 + 16);
	CHECK(!memcmp(rig_at(boot.initrd_start), "AAAAA\0\0\0BBBBC\0\0", 16));
	p = rig_at(PARAMS);
	CHECK_EQ(p->hdr.ramdisk_image, boot.initrd_start);
	CHECK_EQ(p->hdr.ramdisk_size, 16);
}

/* Below what the kernel can reach, and below what is taken at the top. */
static void initrd_limits(void)
{
	static const struct e820_range top[] = {
		{ 0, MIB(64) - 8192, 1 }, { MIB(64) - 8192, 8192, 3 },
	};

	kernel_bzimage(&kernel);
	prepare(64, "");
	boot.e820 = top;
	boot.ne820 = 2;
	add_initrd("a", "A", 1);
	load_it();
	CHECK_EQ(boot.initrd_start, MIB(64) - 3 * 4096);

	kernel_put(&kernel, HDR(initrd_addr_max), 0x2000fff);
	prepare(64, "");
	add_initrd("a", "A", 1);
	load_it();
	CHECK_EQ(boot.initrd_start, 0x2000000);

	/* Right below the kernel, if there is nothing above it. */
	kernel_put(&kernel, HDR(initrd_addr_max), 0x17fffff);
	prepare(64, "");
	add_initrd("a", "A", 1);
	load_it();
	CHECK_EQ(boot.initrd_start, 0x1000000 - 4096);
}

/* A reboot: memory is cleared, and the same descriptors give the same. */
static void again(void)
{
	kernel_bzimage(&kernel);
	prepare(64, "");
	add_initrd("a", "AAAAA", 5);
	load_it();
	mem_clear(&g->mem);
	CHECK_EQ(*(uint8_t *)rig_at(0x1000001), 0);
	load_it();
	CHECK(!memcmp(rig_at(0x1000000), kernel.bytes + BZ_OFFSET, BZ_SIZE));
	CHECK(!memcmp(rig_at(boot.initrd_start), "AAAAA", 5));
}

int main(void)
{
	RUN(bzimage_64);
	RUN(bzimage_32);
	RUN(bzimage_moves_up);
	RUN(elf_segments);
	RUN(params_at_zero);
	RUN(initrds);
	RUN(initrd_limits);
	RUN(again);
	return rig_done();
}
