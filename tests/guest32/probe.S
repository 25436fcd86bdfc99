/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions that trap in ring 1, each a function void (u32), with at_NAME
 * where it is.
 */
	.macro	BEGIN name
	.globl	probe_\name
probe_\name:
	.endm
	.macro	INSN name, insn:vararg
	.globl	at_\name
at_\name:
	\insn
	ret
	.endm
	.macro	PROBE name, insn:vararg
	BEGIN	\name
	INSN	\name, \insn
	.endm

	.text
	BEGIN	divide
	xorl	%ecx, %ecx
	INSN	divide, divl %ecx
	PROBE	undefined, ud2
	PROBE	breakpoint, int3
	BEGIN	overflow
	movl	$0x7fffffff, %eax
	addl	$1, %eax
	INSN	overflow, into
	BEGIN	bound
	xorl	%eax, %eax
	INSN	bound, boundl %eax, bounds
	BEGIN	float
	fninit
	pushl	$0x037b
	fldcw	(%esp)
	popl	%eax
	fld1
	fldz
	fdivrp
	INSN	float, fwait

	PROBE	read_cr0, movl %cr0, %eax
	PROBE	write_cr3, movl %eax, %cr3
	PROBE	sti, sti
	PROBE	hlt, hlt
	PROBE	lgdt, lgdt bounds
	PROBE	lidt, lidt bounds
	PROBE	invlpg, invlpg (%esp)
	PROBE	wbinvd, wbinvd
	PROBE	clts, clts
	BEGIN	rdmsr
	movl	$0x1b, %ecx
	INSN	rdmsr, rdmsr
	BEGIN	wrmsr
	movl	$0x1b, %ecx
	INSN	wrmsr, wrmsr
	BEGIN	null_stack
	xorl	%eax, %eax
	INSN	null_stack, movl %eax, %ss
	BEGIN	host_segment
	movl	$8, %eax
	INSN	host_segment, movl %eax, %fs
	BEGIN	task_segment
	movl	$0xf8, %eax
	INSN	task_segment, movl %eax, %fs
	PROBE	int_05, int $0x05
	PROBE	int_20, int $0x20
	PROBE	int_81, int $0x81
	PROBE	int_80, int $0x80
	PROBE	jump_far, ljmp $0xf8, $0
	PROBE	in_string, insb
	PROBE	cli, cli
	/* The rest of what a trap keeps: flags as told, and all registers. */
	BEGIN	registers
	movl	4(%esp), %eax
	movl	%esp, probe_stack
	pushl	%eax
	popfl
	movl	$0x10101010, %eax
	movl	$0x21212121, %ecx
	movl	$0x32323232, %edx
	movl	$0x43434343, %ebx
	movl	$0x54545454, %ebp
	movl	$0x65656565, %esi
	movl	$0x76767676, %edi
	INSN	registers, ud2
	/* TF comes in force with the instruction behind popf. */
	BEGIN	step
	pushfl
	orl	$0x100, (%esp)
	popfl
	nop
	INSN	step, nop

/* void hcall_registers(u32 got[7]): a hypercall changes none. */
	.globl	hcall_registers
hcall_registers:
	pushal
	movl	$0, %eax
	movl	$0x21212121, %ecx
	movl	$0x32323232, %edx
	movl	$0x43434343, %ebx
	movl	$0x54545454, %ebp
	movl	$0x65656565, %esi
	movl	$0x76767676, %edi
	stc
#include "layout.h"
	HYPERCALL
	pushal
	pushfl
	movl	72(%esp), %eax
	popl	28(%eax)
	popl	0(%eax)
	popl	4(%eax)
	popl	8(%eax)
	addl	$4, %esp
	popl	12(%eax)
	popl	16(%eax)
	popl	20(%eax)
	popl	24(%eax)
	popal
	ret

	.data
	.globl	probe_stack
bounds:	.long	1, 2, 0
probe_stack:
	.long	0
