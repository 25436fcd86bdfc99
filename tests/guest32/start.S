/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the first instruction, at physical addresses, to guest_main() at
 * virtual ones; and the ways into and out of traps.
 */
#include "layout.h"

#define PA(x)	((x) - PAGE_OFFSET)

	.section .head, "ax"
	.globl start
start:
	cld
	/* esi: where the boot parameters are. */
	movl	%esi, %ebp
	movl	$PA(bss_start), %edi
	movl	$bss_end, %ecx
	subl	$bss_start, %ecx
	shrl	$2, %ecx
	xorl	%eax, %eax
	rep stosl
	movl	%ebp, PA(boot_params)

	/* The first 64 MiB, where they are and from PAGE_OFFSET on. */
	movl	$PA(kernel_ptes), %edi
	movl	$(PTE_A | PTE_D | PTE_W | PTE_P), %eax
	movl	$(KERNEL_TABLES * 1024), %ecx
1:	stosl
	addl	$4096, %eax
	loop	1b
	movl	$PA(kernel_pgdir), %edi
	movl	$(PA(kernel_ptes) + (PTE_A | PTE_D | PTE_W | PTE_P)), %eax
	movl	$KERNEL_TABLES, %ecx
2:	movl	%eax, (PAGE_OFFSET >> 20)(%edi)
	stosl
	addl	$4096, %eax
	loop	2b

	movl	$PA(boot_stack_top), %esp
#if PC
	movl	$PA(kernel_pgdir), %eax
	movl	%eax, %cr3
	movl	$0x80010033, %eax		/* PG, WP, NE, ET, MP, PE */
	movl	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$KERNEL_CS, $1f
1:	movl	$KERNEL_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	lidt	idt_pointer
#else
	movl	$LHCALL_LGUEST_INIT, %eax
	movl	$PA(lguest_data), %ARG1
	HYPERCALL
	movl	$LHCALL_NEW_PGTABLE, %eax
	movl	$PA(kernel_pgdir), %ARG1
	HYPERCALL
#endif
	movl	$boot_stack_top, %esp
	xorl	%ebp, %ebp
	movl	$guest_main, %eax
	call	*%eax
	ud2

	.text
/* --- ways in: one for each vector ---------------------------------- */

	.globl trap_entries
	.balign 16
trap_entries:
	vector = 0
	.rept	256
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)
	pushl	$0
	.endif
	pushl	$vector
	jmp	trap_common
	vector = vector + 1
	.endr

trap_common:
	/* Old Hosts leave NT, TF and all as they were. */
#if PC
	pushfl
	andl	$FLAG_IF, (%esp)
#else
	pushl	$2
#endif
	popfl
	pushal
	pushl	%ds
	pushl	%es
	pushl	%fs
	pushl	%gs
	movl	$KERNEL_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	pushl	%esp
	call	trap
	addl	$4, %esp
/* And out again: esp is at a struct regs. */
trap_leave:
	popl	%gs
	popl	%fs
	popl	%es
	popl	%ds
	popal
	addl	$8, %esp

/*
 * iret, which alone cannot set the flag that stands for IF.  Between the store
 * and the end no interrupt may come, or the stack would grow.
 */
	.globl	guest_iret, noirq_start, noirq_end, noirq_iret
guest_iret:
#if PC
noirq_start:
noirq_end:
noirq_iret:
	iret
#elif GEN < KERNEL(4, 1, 0)
	pushl	%eax
	movl	12(%esp), %eax
	andl	$FLAG_IF, %eax
noirq_start:
	movl	%eax, %ss:lguest_data
	popl	%eax
	iret
noirq_end:
noirq_iret:
#else
	/* An interrupt at the iret finds its frame there already. */
	pushl	%eax
	movl	12(%esp), %eax
	andl	$FLAG_IF, %eax
	movl	%eax, %ss:lguest_data
	popl	%eax
noirq_start:
noirq_end:
noirq_iret:
	iret
#endif

/* --- away and back --------------------------------------------------- */

/* int context_save(struct context *): 0, or later what context_load() gives. */
	.globl	context_save, context_load
context_save:
	movl	4(%esp), %eax
	movl	%ebx, 0(%eax)
	movl	%esi, 4(%eax)
	movl	%edi, 8(%eax)
	movl	%ebp, 12(%eax)
	leal	4(%esp), %ecx
	movl	%ecx, 16(%eax)
	movl	(%esp), %ecx
	movl	%ecx, 20(%eax)
	xorl	%eax, %eax
	ret

/* void context_load(struct context *, int value) */
context_load:
	movl	4(%esp), %edx
	movl	8(%esp), %eax
	movl	0(%edx), %ebx
	movl	4(%edx), %esi
	movl	8(%edx), %edi
	movl	12(%edx), %ebp
	movl	16(%edx), %esp
	jmp	*20(%edx)

/* void regs_load(struct regs *): to there, in whatever ring. */
	.globl	regs_load
regs_load:
	movl	4(%esp), %esp
	jmp	trap_leave

	.section .bss.pages, "aw", @nobits
	.balign	4096
	.globl	kernel_pgdir, kernel_ptes, boot_stack, boot_stack_top
kernel_pgdir:
	.skip	4096
kernel_ptes:
	.skip	4096 * KERNEL_TABLES
boot_stack:
	.skip	8192
boot_stack_top:
