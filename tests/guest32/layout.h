/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What C and assembly both have to know: numbers of the generation of lguest
 * that this Guest is built for (GEN, RELEASE: from the Makefile).
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#define KERNEL(a, b, c)	((a) << 16 | (b) << 8 | (c))

#define PAGE_OFFSET	0xc0000000
#define KERNEL_TABLES	16		/* of 4 MiB: what the kernel maps */

#define PTE_P		0x001
#define PTE_W		0x002
#define PTE_U		0x004
#define PTE_A		0x020
#define PTE_D		0x040

/* From here on it is no Guest of lguest's but runs on a PC, in ring 0. */
#if GEN >= KERNEL(6, 0, 0)
#define PC		1
#define RING0		0
#else
#define PC		0
#define RING0		1
#endif

#define KERNEL_CS	(0x60 + RING0)
#define KERNEL_DS	(0x68 + RING0)
#define USER_CS		0x73
#define USER_DS		0x7b

#define FLAG_CF		0x001
#define FLAG_TF		0x100
#define FLAG_IF		0x200
#define FLAG_DF		0x400
#define FLAG_NT		0x4000
#define FLAG_AC		0x40000

#define LHCALL_FLUSH_ASYNC	0
#define LHCALL_LGUEST_INIT	1
#define LHCALL_SHUTDOWN		2
#define LHCALL_LOAD_GDT		3	/* to 2.6.29 */
#define LHCALL_NEW_PGTABLE	4
#define LHCALL_FLUSH_TLB	5
#define LHCALL_LOAD_IDT_ENTRY	6
#define LHCALL_SET_STACK	7
#define LHCALL_TS		8
#define LHCALL_SET_CLOCKEVENT	9
#define LHCALL_HALT		10
#define LHCALL_SET_PTE		14
#define LHCALL_SET_PGD		15
#define LHCALL_LOAD_TLS		16
#define LHCALL_NOTIFY		17	/* to 3.19 */
#define LHCALL_LOAD_GDT_ENTRY	18	/* from 2.6.30 */
#define LHCALL_SEND_INTERRUPTS	19	/* from 2.6.31 */

/* The instruction, and the register of the first argument. */
#if GEN < KERNEL(2, 6, 30)
#define ARG1		edx
#define HYPERCALL	int $0x1f
#elif GEN < KERNEL(2, 6, 34)
#define ARG1		ebx
#define HYPERCALL	.byte 0x0f, 0x01, 0xc1	/* vmcall */
#else
#define ARG1		ebx
#define HYPERCALL	int $0x1f
#endif

#endif
