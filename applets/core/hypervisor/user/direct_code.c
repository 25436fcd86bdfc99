/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The code of the direct paths.  It is copied to a page of its own, so it uses
 * absolute addresses and, within itself, relative jumps.
 */
#include "direct.h"

#define STR2(x)		#x
#define STR(x)		STR2(x)

/*
 * From a program by lcall: eip and cs on its stack.  Its flags are what they
 * were, so nothing here may change them.  Behind the call there is an int
 * $0x80: a system call that is restarted begins two bytes before where it
 * would return to.  Some vDSOs have pushed three registers before it.
 */
#define ENTRY								\
"	push	%eax\n"							\
"	mov	$0x2b, %eax\n"						\
"	mov	%eax, %es\n"						\
"	mov	4(%esp), %eax\n"					\
"	lea	2(%eax), %eax\n"					\
"	mov	%eax, %es:" STR(D_EIP) "\n"				\
"	pop	%eax\n"							\
"	lea	8(%esp), %esp\n"

asm(
"	.section .rodata.direct, \"a\"\n"
"	.code32\n"
"	.globl direct_code, direct_code_end, direct_iret, direct_hcall\n"
"	.globl direct_critical_end, direct_pushes\n"
"direct_code:\n"
ENTRY
"	jmp	1f\n"
"direct_pushes:\n"
ENTRY
"	mov	%ecx, -4(%esp)\n"
"	mov	%edx, -8(%esp)\n"
"	mov	%ebp, -12(%esp)\n"
"	lea	-12(%esp), %esp\n"
"1:	mov	%esp, %es:" STR(D_ESP) "\n"
"	lss	%es:" STR(D_STACK) ", %esp\n"
"	pushl	$0x7b\n"
"	pushl	%ss:" STR(D_ESP) "\n"
"	pushfl\n"
"	pushl	$0x73\n"
"	pushl	%ss:" STR(D_EIP) "\n"
"	movl	$0, %ss:" STR(D_USER) "\n"
"	movl	$0, %ss:" STR(D_GATE) "\n"
"	jmp	*%ss:" STR(D_SYSCALL) "\n"
/* The kernel's iret: eip, cs, eflags, and for a program esp, ss. */
"direct_iret:\n"
"	cmpl	$0, %ss:" STR(D_SLOW) "\n"
"	jne	slow\n"
"	testl	$0x100, 8(%esp)\n"	/* single step */
"	jnz	slow\n"
"	testb	$2, 4(%esp)\n"
"	jz	kernel\n"
/* Programs with segments of their own are few, and can wait. */
"	push	%eax\n"
"	mov	%ds, %eax\n"
"	and	$0xab, %eax\n"		/* 7b, 7f, 2b: all the same */
"	cmp	$0x2b, %eax\n"
"	jne	1f\n"
"	mov	%es, %eax\n"
"	and	$0xab, %eax\n"
"	cmp	$0x2b, %eax\n"
"1:	pop	%eax\n"
"	jne	slow\n"
"	pushl	8(%esp)\n"
"	popl	%ss:" STR(D_IRQ) "\n"
"	popl	%ss:" STR(D_EIP) "\n"
"	lea	4(%esp), %esp\n"
"	popfl\n"
"	popl	%ss:" STR(D_ESP) "\n"
"	movl	$1, %ss:" STR(D_USER) "\n"
"	movw	%ss:" STR(D_DS) ", %ds\n"
"	movw	%ss:" STR(D_DS) ", %es\n"
"	lss	%ss:" STR(D_ESP) ", %esp\n"
"	ljmp	*%cs:" STR(D_EIP) "\n"
"kernel:\n"
"	pushl	8(%esp)\n"
"	popl	%ss:" STR(D_IRQ) "\n"
"	popl	%ss:" STR(D_EIP) "\n"
"	lea	4(%esp), %esp\n"
"	popfl\n"
"	jmp	*%ss:" STR(D_EIP) "\n"
"slow:\n"
"	pushl	8(%esp)\n"
"	popl	%ss:" STR(D_IRQ) "\n"
"	iret\n"
"direct_critical_end:\n"
/*
 * A hypercall: 64-bit code of the stub has a look, and sets the carry if it
 * needs the whole Host for this one.
 */
"direct_hcall:\n"
"	.byte	0x9a\n"
"	.long	" STR(DIRECT_CODE) " + (direct_64 - direct_code)\n"
"	.word	0x33\n"
"	jc	1f\n"
"	ret\n"
"1:	int	$0x1f\n"
"	ret\n"
"	.code64\n"
"direct_64:\n"
"	movl	$" STR(DIRECT_DATA) ", %r8d\n"
"	movl	%esp, %r9d\n"
"	movq	" STR(D_TOP) "(%r8), %rsp\n"
"	pushq	$2\n"			/* no alignment check in C */
"	popfq\n"
"	pushq	%rdi\n"
"	pushq	%rsi\n"
"	pushq	%rbp\n"
"	pushq	%r9\n"
"	pushq	%rbx\n"
"	pushq	%rdx\n"
"	pushq	%rcx\n"
"	pushq	%rax\n"
"	movq	%rsp, %rdi\n"
"	callq	*" STR(D_FN) "(%r8)\n"
"	btl	$0, %eax\n"
"	popq	%rax\n"
"	popq	%rcx\n"
"	popq	%rdx\n"
"	popq	%rbx\n"
"	popq	%r9\n"
"	popq	%rbp\n"
"	popq	%rsi\n"
"	popq	%rdi\n"
"	movl	%r9d, %esp\n"
"	.byte	0xcb\n"		/* far, to 32-bit code */
"direct_code_end:\n"
"	.previous\n"
"	.code64\n");
