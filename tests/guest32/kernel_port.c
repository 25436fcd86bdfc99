/* SPDX-License-Identifier: GPL-2.0-only */
/* in and out in ring 1, where nothing is there. */
#include "port.h"

#define NOBODY	0x4d2

/* eax before; the instruction; eax after. */
#define TRY(insn) ({ \
	u32 eax_ = 0x12345678; \
	asm volatile("movl %1, %%edx\n\t" insn : "+a"(eax_) : \
		     "i"(NOBODY) : "edx", "memory"); \
	eax_; })

TEST(kernel, port_in)
{
	/* To 3.0 Hosts set more for the small ones than is theirs. */
	u32 more = GEN >= KERNEL(3, 1, 0) ? 0 : 0xff00;

	EQUAL(TRY("inb %%dx, %%al") | more, 0x123456ff | more);
	EQUAL(TRY("inb $0x92, %%al") | more, 0x123456ff | more);
	EQUAL(TRY("inl %%dx, %%eax"), 0xffffffff);
	EQUAL(TRY("inl $0x92, %%eax"), 0xffffffff);
	more = GEN >= KERNEL(3, 1, 0) ? 0 : 0xffff0000;
	EQUAL(TRY("inw %%dx, %%ax") | more, 0x1234ffff | more);
	EQUAL(TRY("inw $0x92, %%ax") | more, 0x1234ffff | more);
}

TEST(kernel, port_out)
{
	EQUAL(TRY("outb %%al, %%dx"), 0x12345678);
	EQUAL(TRY("outb %%al, $0x80"), 0x12345678);
	EQUAL(TRY("outw %%ax, %%dx"), 0x12345678);
	EQUAL(TRY("outw %%ax, $0x80"), 0x12345678);
	EQUAL(TRY("outl %%eax, %%dx"), 0x12345678);
	EQUAL(TRY("outl %%eax, $0x80"), 0x12345678);
}

/* Flags are none of its business. */
TEST(kernel, port_flags)
{
	u32 flags;

	asm volatile("pushl $0xcd7; popfl; inb $0x92, %%al; pushfl; popl %0;"
		     "cld" : "=r"(flags) :: "eax", "cc");
	EQUAL(flags & ~FLAG_IF, 0xcd7);
}

TEST(kernel, port_often)
{
	for (unsigned i = 0; i < 2000; i++) {
		outb(0x80, i);
		EQUAL(inb(NOBODY), 0xff);
	}
}
