/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading what does not fit: each message names it, and helps if it can. */
#include "loads.h"

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
	mem_create(&g->mem, MIB(64), 0, MIB(32), GIB(4));
	add_initrd("a", "A", 1);
	load_it();
	CHECK_EQ(boot.initrd_start, MIB(32) - 4096);
	prepare(64, "");
	mem_create(&g->mem, MIB(64), 0, MIB(32), GIB(4));
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

int main(void)
{
	RUN(initrd_room);
	RUN(initrd_hole);
	RUN(initrd_too_big);
	RUN(kernel_too_big);
	RUN(kernel_over_others);
	RUN(arguments_too_long);
	RUN(tiny_memory);
	RUN(old_protocol);
	RUN(shrinking_files);
	return rig_done();
}
