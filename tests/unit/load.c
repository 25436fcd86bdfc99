/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading: what lands where in Guest memory, and what is said if it cannot. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels.h"
#include "rig.h"

#define PARAMS	0x10000
#define CMDLINE	0x20000
#define ROOM	4096
#define LOW	0x100000

static struct kernel kernel;
static struct image image;
static struct plan plan;
static struct boot boot;
static struct guest *g;
static char said[512];		/* what the child of dies() wrote */

static const struct e820_range e820[] = {
	{ 0, 0x9fc00, 1 }, { 0xf0000, 0x10000, 2 }, { 0x100000, MIB(63), 1 },
};

static int file_of(const void *bytes, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	CHECK(write_all(fd, bytes, size));
	return fd;
}

/* A Guest of so many MiB with `kernel` in it, ready to be loaded. */
static void prepare(unsigned mib, char *arguments)
{
	char why[WHY_MAX];

	g = rig_guest(MIB(mib));
	plan = (struct plan){ .kernel = "vmlinuz", .arguments = arguments };
	g->plan = &plan;
	CHECK(image_parse(&image, kernel.bytes, kernel.size, kernel.size,
			  why));
	g->image = &image;
	g->kernel_fd = file_of(kernel.bytes, kernel.size);
	boot = (struct boot){
		.params = PARAMS, .cmdline = CMDLINE, .cmdline_room = ROOM,
		.low = LOW, .rsdp = 0xf0000, .e820 = e820,
		.ne820 = ARRAY_SIZE(e820),
	};
}

static void add_initrd(const char *name, const void *bytes, size_t size)
{
	plan.initrds[plan.ninitrds] = name;
	g->initrd_fds[plan.ninitrds++] = file_of(bytes, size);
}

/* An initrd of zeroes, which takes no memory of ours. */
static void add_big_initrd(uint64_t size)
{
	add_initrd("big.img", "", 0);
	CHECK(!ftruncate(g->initrd_fds[plan.ninitrds - 1], size));
}

static void load_it(void)
{
	load_linux(g, &boot);
}

/* Does fn die with status 1, and with `words` on stderr?  Fills said. */
static bool dies(void (*fn)(void), const char *words)
{
	int fds[2], status;
	ssize_t n;
	pid_t child;

	CHECK(!pipe(fds));
	child = fork();
	if (!child) {
		dup2(fds[1], 2);
		fn();
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], said, sizeof(said) - 1);
	close(fds[0]);
	said[n < 0 ? 0 : n] = 0;
	waitpid(child, &status, 0);
	fprintf(stderr, "status %#x, expected \"%s\": %s\n", status, words,
		said);
	return WIFEXITED(status) && WEXITSTATUS(status) == STATUS_FAILED &&
	       strstr(said, words) && strchr(said, '\n') == strrchr(said, '\n');
}

/* Does it fit once the user does as the message in said[] tells? */
static bool advice_helps(uint64_t initrd)
{
	const char *at = strstr(said, "MEM must be at least ");
	int status;
	pid_t child;

	if (!at)
		return false;
	prepare(atoi(at + strlen("MEM must be at least ")), "");
	if (initrd)
		add_big_initrd(initrd);
	child = fork();
	if (!child) {
		load_it();
		_exit(0);
	}
	waitpid(child, &status, 0);
	return status == 0;
}

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

/* Exactly what fits does, and a byte more does not. */
static void initrd_room(void)
{
	const uint64_t room = MIB(64) - 0x1800000;

	kernel_bzimage(&kernel);
	prepare(64, "");
	add_big_initrd(room);
	load_it();
	CHECK_EQ(boot.initrd_start, boot.kernel_end);
	prepare(64, "");
	add_big_initrd(room + 1);
	CHECK(dies(load_it, "big.img does not fit: it needs 40961 KiB, and "
		   "beside the kernel there are 40960 KiB"));
	CHECK(advice_helps(room + 1));
}

/* RAM above 4 GiB is of no use to an initrd, and more of it no help. */
static void initrd_hole(void)
{
	kernel_bzimage(&kernel);
	prepare(64, "");
	mem_create(&g->mem, MIB(64), MIB(32), GIB(4));
	add_initrd("a", "A", 1);
	load_it();
	CHECK_EQ(boot.initrd_start, MIB(32) - 4096);
	prepare(64, "");
	mem_create(&g->mem, MIB(64), MIB(32), GIB(4));
	add_big_initrd(MIB(20));
	CHECK(dies(load_it, "there are 15360 KiB"));
	CHECK(!strstr(said, "MEM must"));
}

static void initrd_too_big(void)
{
	kernel_bzimage(&kernel);
	prepare(64, "");
	add_big_initrd(GIB(8));
	CHECK(dies(load_it, "big.img does not fit: 8388608 KiB"));

	kernel_put(&kernel, HDR(initrd_addr_max), 0x1ffffff);
	prepare(64, "");
	add_big_initrd(MIB(16));
	CHECK(dies(load_it, "below 0x2000000 there are 15360 KiB"));
	CHECK(!strstr(said, "MEM must"));
}

static void kernel_too_big(void)
{
	kernel_bzimage(&kernel);
	prepare(23, "");
	CHECK(dies(load_it, "vmlinuz does not fit: it needs 8192 KiB from "
		   "0x1000000 on, where the Guest has 7168 KiB"));
	CHECK(advice_helps(0));
	prepare(8, "");
	CHECK(dies(load_it, "where the Guest has 0 KiB"));

	kernel_elf64(&kernel);
	kernel_put(&kernel, PHDR(64, 1, p_memsz), GIB(5));
	prepare(64, "");
	CHECK(dies(load_it, "where a Guest has no RAM"));
	kernel_put(&kernel, PHDR(64, 1, p_memsz),
		   UINT64_MAX - ELF_PADDR - 4096);
	prepare(64, "");
	CHECK(dies(load_it, "vmlinuz does not fit"));
}

/* p_paddr over what is not the kernel's. */
static void kernel_over_others(void)
{
	kernel_elf64(&kernel);
	kernel_put(&kernel, PHDR(64, 1, p_paddr), PARAMS + 4095);
	prepare(64, "");
	CHECK(dies(load_it, "belongs to the zero page"));
	kernel_put(&kernel, PHDR(64, 1, p_paddr), CMDLINE - 8192);
	prepare(64, "");
	CHECK(dies(load_it, "belongs to the command line"));
	kernel_put(&kernel, PHDR(64, 1, p_paddr), LOW - 1);
	prepare(64, "");
	CHECK(dies(load_it, "belongs to the Launcher's tables"));
	kernel_put(&kernel, PHDR(64, 1, p_paddr), LOW);
	prepare(64, "");
	load_it();

	kernel_bzimage(&kernel);
	kernel_put(&kernel, HDR(relocatable_kernel), 0);
	prepare(64, "");
	boot.low = LOW + 4096;
	CHECK(dies(load_it, "belongs to the Launcher's tables"));
}

static void arguments_too_long(void)
{
	char text[4096];

	memset(text, 'x', sizeof(text));
	text[2048] = 0;
	kernel_bzimage(&kernel);
	prepare(64, text);
	CHECK(dies(load_it, "arguments are 2048 bytes long, and vmlinuz takes "
		   "at most 2047"));
	text[2047] = 0;
	load_it();
	CHECK(!strcmp(rig_at(CMDLINE), text));
	boot.cmdline_room = 2047;
	CHECK(dies(load_it, "2047 bytes long, and there is room for 2046"));

	kernel_put(&kernel, HDR(version), 0x205);
	text[256] = 0;
	prepare(64, text);
	CHECK(dies(load_it, "at most 255"));
}

/* So little memory that not even our own pieces fit. */
static void tiny_memory(void)
{
	kernel_bzimage(&kernel);
	prepare(1, "");
	boot.params = MIB(1) - 4095;
	CHECK(dies(load_it, "the zero page does not fit"));
	boot.params = PARAMS;
	boot.cmdline = MIB(1);
	CHECK(dies(load_it, "the command line does not fit"));
}

static void old_protocol(void)
{
	kernel_bzimage(&kernel);
	kernel_put(&kernel, HDR(version), 0x201);
	prepare(64, "");
	CHECK(dies(load_it, "boot protocol 2.01 is too old"));
}

static void shrinking_files(void)
{
	kernel_bzimage(&kernel);
	prepare(64, "");
	CHECK(!ftruncate(g->kernel_fd, kernel.size - 1));
	CHECK(dies(load_it, "vmlinuz"));
	CHECK(strstr(said, "truncated") != NULL);
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
	RUN(initrd_room);
	RUN(initrd_hole);
	RUN(initrd_too_big);
	RUN(kernel_too_big);
	RUN(kernel_over_others);
	RUN(arguments_too_long);
	RUN(tiny_memory);
	RUN(old_protocol);
	RUN(shrinking_files);
	RUN(again);
	return rig_done();
}
