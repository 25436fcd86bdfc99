/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The direct paths of a PC: code in the page at DIRECT_PC, behind struct
 * direct.  What it is for and how it begins and ends is as in direct_code.c;
 * but here ring 0's FLAG_IF is ours, and the tables are the Guest's.
 */
#include "direct.h"

#define STR2(x)		#x
#define STR(x)		STR2(x)

/* Offsets in struct direct, seen by the Guest. */
#define P_USER		"%ss:0xfffff000"
#define P_SLOW		"%ss:0xfffff004"
#define P_STACK		"0xfffff008"
#define P_SYSCALL	"%ss:0xfffff010"
#define P_EIP		"0xfffff014"
#define P_ESP		"0xfffff01c"
#define P_DS		"%ss:0xfffff020"
#define P_FLAG		"%ss:0xfffff03c"
#define P_FILL		"%ss:0xfffff060"
#define P_TLS(i)	"%ss:0xfffff040+4*" #i

/* A program's segment is one that its LDT does not hold yet: the long way. */
#define SAME_TLS(i)							\
"	mov	%ss:" STR(P_GDT) "+0x30+4*" #i ", %eax\n"		\
"	cmp	" P_TLS(i) ", %eax\n"					\
"	jne	2f\n"

/* A program's usual segment, under one of its three names. */
#define IS_FLAT(sreg)							\
"	mov	" sreg ", %eax\n"					\
"	and	$0xfb, %eax\n"						\
"	cmp	$0x7b, %eax\n"						\
"	je	1f\n"							\
"	cmp	$0x2b, %eax\n"						\
"	jne	2f\n"							\
"1:\n"

/*
 * From a program by lcall, with two ways to go on: into a vDSO that had only
 * int $0x80, and one that pushed three registers before it.
 */
#define ENTRY								\
"	push	%eax\n"							\
"	mov	$0x2b, %eax\n"						\
"	mov	%eax, %es\n"						\
"	mov	%es:" STR(P_TSS) ", %eax\n"				\
"	mov	%eax, %es:" P_STACK "\n"				\
"	mov	4(%esp), %eax\n"					\
"	lea	2(%eax), %eax\n"					\
"	mov	%eax, %es:" P_EIP "\n"					\
"	pop	%eax\n"							\
"	lea	8(%esp), %esp\n"

asm(
"	.section .rodata.direct_pc, \"a\"\n"
"	.code32\n"
"	.globl direct_pc, direct_pc_pushes, direct_pc_calls, direct_pc_end\n"
"	.globl direct_pc_critical_end, direct_pc_host\n"
/*
 * The kernel's iret: eip, cs, eflags, and for a program esp, ss.  If it comes
 * from a page fault, the page is mapped now, which saves the next one.
 */
"direct_pc:\n"
"	cmpl	$0, " P_SLOW "\n"
"	jne	slow_pc\n"
"	cmpl	$0, " P_FILL "\n"
"	jne	fill_pc\n"
"	testl	$0x20100, 8(%esp)\n"	/* single step, vm86 */
"	jnz	slow_pc\n"
"	cmpw	$0x73, 4(%esp)\n"
"	jne	kernel_pc\n"
"	cmpw	$0x7b, 16(%esp)\n"
"	jne	slow_pc\n"
"	push	%eax\n"
IS_FLAT("%ds") IS_FLAT("%es")
SAME_TLS(0) SAME_TLS(1) SAME_TLS(2) SAME_TLS(3) SAME_TLS(4) SAME_TLS(5)
"	pop	%eax\n"
"	movl	$0x200, " P_FLAG "\n"
"	popl	%ss:" P_EIP "\n"
"	lea	4(%esp), %esp\n"
"	popfl\n"
"	popl	%ss:" P_ESP "\n"
"	movl	$1, " P_USER "\n"
"	movw	" P_DS ", %ds\n"
"	movw	" P_DS ", %es\n"
"	lss	%ss:" P_ESP ", %esp\n"
"	ljmp	*%cs:" P_EIP "\n"
"kernel_pc:\n"
"	cmpw	$0x60, 4(%esp)\n"
"	jne	slow_pc\n"
"	push	%eax\n"
"	mov	12(%esp), %eax\n"
"	and	$0x200, %eax\n"
"	mov	%eax, " P_FLAG "\n"
"	pop	%eax\n"
"	popl	%ss:" P_EIP "\n"
"	lea	4(%esp), %esp\n"
"	popfl\n"
"	jmp	*%ss:" P_EIP "\n"
"fill_pc:\n"
"	.byte	0x9a\n"		/* lcall, as windows do it */
"	.long	0xfffff100 + direct_pc_host - direct_pc\n"
"	.word	0x33\n"
"	jmp	direct_pc\n"
"2:	pop	%eax\n"
"slow_pc:\n"
/*
 * To these the CPU goes without a trap.  23 is what the kernel reads in place
 * of 60; otherwise a program has made it up, and shall not become the kernel,
 * nor code of 64 bits.
 */
"	cmpw	$0x77, 4(%esp)\n"
"	je	3f\n"
"	cmpw	$0x33, 4(%esp)\n"
"	je	3f\n"
"	cmpw	$0x23, 4(%esp)\n"
"	jne	4f\n"
"	cmpl	$" STR(P_KERNEL) ", (%esp)\n"
"	jae	4f\n"
"3:	movw	$3, 4(%esp)\n"
"4:	iret\n"
"direct_pc_pushes:\n"
ENTRY
"	mov	%ecx, -4(%esp)\n"
"	mov	%edx, -8(%esp)\n"
"	mov	%ebp, -12(%esp)\n"
"	lea	-12(%esp), %esp\n"
"	jmp	1f\n"
"direct_pc_calls:\n"
ENTRY
"1:	mov	%esp, %es:" P_ESP "\n"
"	lss	%es:" P_STACK ", %esp\n"
"	pushl	$0x7b\n"
"	pushl	%ss:" P_ESP "\n"
"	pushfl\n"
"	pushl	$0x73\n"
"	pushl	%ss:" P_EIP "\n"
"	movl	$0, " P_USER "\n"
"	movl	$0, %ss:" STR(P_GATE) "\n"
"	jmp	*" P_SYSCALL "\n"
"direct_pc_critical_end:\n"
/*
 * From the kernel by lcall: 64-bit code of the stub does the instruction that
 * the call returns to, and steps over it; or leaves it, and then it traps.
 */
"direct_pc_host:\n"
"	.code64\n"
"	movl	$0xfffff000, %r8d\n"
"	movl	%esp, %r9d\n"
"	movq	" STR(D_TOP) "(%r8), %rsp\n"
"	pushfq\n"
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
"	popq	%rax\n"
"	popq	%rcx\n"
"	popq	%rdx\n"
"	popq	%rbx\n"
"	popq	%r9\n"
"	popq	%rbp\n"
"	popq	%rsi\n"
"	popq	%rdi\n"
"	popfq\n"
"	movl	%r9d, %esp\n"
"	.byte	0xcb\n"		/* far, to 32-bit code */
"direct_pc_end:\n"
"	.previous\n"
"	.code64\n");
