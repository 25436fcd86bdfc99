/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The beginning of the Guest: what a file has to say so that a Launcher takes
 * it for a kernel, and the way from its first instruction to C.  There are two
 * kinds of Host.  lguest's does for us what only ring 0 may do, and is asked
 * by int $0x1f; elsewhere we are alone on a CPU.
 *
 * Like Linux we are loaded at 1 MiB, and run where that is mapped from
 * 0xc0000000 on.  Until the page tables are in use, addresses are physical.
 */
#define PAGE_OFFSET	0xc0000000
#define PHYS(x)		((x) - PAGE_OFFSET)

/* boot_params; struct lguest_data of 4.1; hypercalls. */
#define SUBARCH		0x23c
#define SUBARCH_LGUEST	1
#define HCALL_STATUS	24
#define HCALLS		64
#define KERNEL_ADDRESS	1380
#define SYSCALL_VECTOR	1384
#define LGUEST_INIT	1
#define NEW_PGTABLE	4

#define PTE_KERNEL	3	/* present, writable */
#define PTE_TABLE	7

	.section .head, "ax"
	.globl	header
header:
	.byte	0x7f, 'E', 'L', 'F', 1, 1, 1
	.zero	9
	.short	2, 3				/* ET_EXEC, EM_386 */
	.long	1, PHYS(entry), phdr - header, 0, 0
	.short	52, 32, 1, 0, 0, 0
phdr:
	.long	1, 0, header, PHYS(header), file_size, memory_size, 7, 4096

	/* Which bus do we look for?  PCI.  Can we be a Guest of lguest's? */
	.asciz	"Linux version 4.1.0"
	.asciz	"LGUEST"

entry:
	movl	$PHYS(ram_table), %edi
	movl	$PTE_KERNEL, %eax
	movl	$1024, %ecx
1:	stosl
	addl	$4096, %eax
	loop	1b
	movl	$PHYS(ram_table) + PTE_TABLE, %eax
	movl	%eax, PHYS(directory)
	movl	%eax, PHYS(directory) + (PAGE_OFFSET >> 22) * 4

	cmpl	$SUBARCH_LGUEST, SUBARCH(%esi)
	jne	2f
	incb	PHYS(is_lguest)
	movl	$PHYS(lguest_data), %ebx
	leal	HCALL_STATUS(%ebx), %edi
	movb	$HCALLS, %cl
	movb	$0xff, %al			/* all free */
	rep	stosb
	/*
	 * The number comes first, as in Linux: a Host may put something else
	 * in place of one that is right before an int, but we are not yet
	 * where it takes us to be.
	 */
	movl	$LGUEST_INIT, %eax
	movl	$PAGE_OFFSET, KERNEL_ADDRESS(%ebx)
	movb	$0x80, SYSCALL_VECTOR(%ebx)
	int	$0x1f
	movl	$NEW_PGTABLE, %eax
	movl	$PHYS(directory), %ebx
	int	$0x1f
	jmp	3f

2:	movl	$PHYS(directory), %eax
	movl	%eax, %cr3
	movl	%cr0, %eax
	orl	$1 << 31, %eax
	movl	%eax, %cr0

3:	movl	$stack_end, %esp
	movl	$guest_main, %eax
	jmp	*%eax

	.globl	on_timer, on_device
on_timer:
	pushal
	movb	$1, %al
	jmp	4f
on_device:
	pushal
	xorl	%eax, %eax
4:	call	guest_interrupt
	popal
	iretl

	.bss
	.globl	directory
	.balign	4096
directory:
	.zero	4096
ram_table:
	.zero	4096
	.zero	4096
stack_end:
lguest_data:
	.zero	1388
