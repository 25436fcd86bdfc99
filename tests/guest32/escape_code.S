/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a Host runs us natively its 64-bit code segment is one far jump away.
 * edx: a struct escape.  Ends in ud2, of whatever mode.
 */
	.section .user, "ax"
	/* There a page fault would be nobody's: what is used is there before. */
	.macro	TOUCH
	movl	(%edx), %eax
	movl	%eax, (%edx)
	pushl	%eax
	popl	%eax
	.endm
	.globl	user_escape, user_escape_int80, user_escape_only
user_escape:
	TOUCH
	ljmp	$0x33, $1f
	.code64
1:	movl	%edx, %ebx
	movl	$1, 80(%rbx)
	movq	0(%rbx), %rax
	movq	8(%rbx), %rdi
	movq	16(%rbx), %rsi
	movq	24(%rbx), %rdx
	movq	32(%rbx), %r10
	movq	40(%rbx), %r8
	movq	48(%rbx), %r9
	movl	%esp, %esp
	cmpq	$0, 56(%rbx)
	je	2f
	/* By a syscall instruction of the Host's program itself. */
	leaq	3f(%rip), %rcx
	pushq	%rcx
	jmp	*56(%rbx)
2:	syscall
3:	movq	%rax, 64(%rbx)
	movl	$1, 72(%rbx)
	ud2
	.code32

/* The same by int 0x80 in 64-bit code: i386's numbers. */
user_escape_int80:
	TOUCH
	ljmp	$0x33, $1f
	.code64
1:	movl	%edx, %r12d
	movl	$1, 80(%r12)
	movl	0(%r12), %eax
	movl	8(%r12), %ebx
	movl	16(%r12), %ecx
	movl	24(%r12), %edx
	movl	32(%r12), %esi
	movl	40(%r12), %edi
	int	$0x80
	movslq	%eax, %rax
	movq	%rax, 64(%r12)
	movl	$1, 72(%r12)
	ud2
	.code32

/* Just there. */
user_escape_only:
	TOUCH
	ljmp	$0x33, $1f
	.code64
1:	movl	%edx, %ebx
	movl	$1, 80(%rbx)
	ud2
	.code32
