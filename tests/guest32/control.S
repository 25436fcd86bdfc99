/* SPDX-License-Identifier: GPL-2.0-only */
/* Far jumps, calls and returns in ring 1, and segments loaded and used. */
	.globl	control_far, control_data, control_iret, at_iret
	.text
/* void control_far(u32 *count): one for each that went well */
control_far:
	movl	4(%esp), %edx
	ljmp	$0x61, $1f
1:	addl	$1, (%edx)
	lcall	$0x61, $2f
	addl	$1, (%edx)
	pushl	$0x61
	pushl	$3f
	lretl
3:	addl	$1, (%edx)
	pushfl
	pushl	$0x61
	pushl	$4f
	iret
4:	addl	$1, (%edx)
	ret
2:	addl	$1, (%edx)
	lretl

/* void control_data(u32 *count): with each selector that a kernel has */
control_data:
	pushl	%ebx
	movl	8(%esp), %edx
	movl	$0x7b, %ecx
	movl	%ecx, %ds
	addl	$1, (%edx)
	movl	%ecx, %es
	addl	$1, %es:(%edx)
	movl	$0x69, %ecx
	movl	%ecx, %ds
	movl	%ecx, %fs
	addl	$1, %fs:(%edx)
	movl	%ecx, %es
	pushl	%es
	popl	%gs
	addl	$1, %gs:(%edx)
	movl	%ss, %ebx
	movl	%ecx, %ss
	addl	$1, (%edx)
	pushl	%edx
	pushl	$0x69
	popl	%ss
	popl	%edx
	addl	$1, (%edx)
	xorl	%ecx, %ecx
	movl	%ecx, %fs
	movl	%ecx, %gs
	popl	%ebx
	ret

/* void control_iret(const u32 frame[5]): to there, whatever it is */
control_iret:
	movl	4(%esp), %eax
	pushl	16(%eax)
	pushl	12(%eax)
	pushl	8(%eax)
	pushl	4(%eax)
	pushl	0(%eax)
at_iret:
	iret
