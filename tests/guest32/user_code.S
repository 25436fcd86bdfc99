/* SPDX-License-Identifier: GPL-2.0-only */
/* What runs in ring 3: see user.h, and user_trap.c for the second half. */
	.section .user, "ax"
	.globl	user_nothing, user_read, user_write, user_jump, user_loop
	.globl	user_gs, user_gs_write, user_step, user_fpu_get, user_fpu_set
user_nothing:
	int	$0x80
user_read:
	movl	(%edx), %eax
	int	$0x80
user_write:
	movl	%eax, (%edx)
	int	$0x80
user_jump:
	jmp	*%edx
user_loop:
	jmp	user_loop
user_gs:
	movl	%eax, %gs
	movl	%gs:(%edx), %eax
	int	$0x80
user_gs_write:
	movl	%ecx, %gs
	movl	%eax, %gs:(%edx)
	int	$0x80
user_step:
	nop
	nop
	movl	$1, %ecx
	int	$0x80
/* The top of the x87's stack, and the first SSE register. */
user_fpu_get:
	fstpl	(%edx)
	fldl	(%edx)
	movups	%xmm0, 8(%edx)
	int	$0x80
user_fpu_set:
	fninit
	fldl	(%edx)
	movups	8(%edx), %xmm0
	int	$0x80

	.macro	PROBE name, insn:vararg
	.globl	user_\name, user_at_\name
user_\name:
user_at_\name:
	\insn
	int	$0x81
	.endm
	.macro	BEGIN name
	.globl	user_\name
user_\name:
	.endm
	.macro	INSN name, insn:vararg
	.globl	user_at_\name
user_at_\name:
	\insn
	int	$0x81
	.endm
	BEGIN	divide
	xorl	%ecx, %ecx
	INSN	divide, divl %ecx
	BEGIN	overflow
	movl	$0x7fffffff, %eax
	addl	$1, %eax
	INSN	overflow, into
	BEGIN	bound
	movl	$5, -8(%esp)
	movl	$6, -4(%esp)
	xorl	%eax, %eax
	INSN	bound, boundl %eax, -8(%esp)
	BEGIN	float
	fninit
	pushl	$0x037b
	fldcw	(%esp)
	fld1
	fldz
	fdivrp
	INSN	float, fwait
	PROBE	undefined, ud2
	PROBE	breakpoint, int3
	PROBE	breakpoint_long, .byte 0xcd, 3
	PROBE	cli, cli
	PROBE	sti, sti
	PROBE	hlt, hlt
	PROBE	read_cr0, movl %cr0, %eax
	PROBE	read_cr2, movl %cr2, %eax
	PROBE	write_cr3, movl %eax, %cr3
	PROBE	read_dr7, movl %db7, %eax
	PROBE	lgdt, lgdt (%esp)
	PROBE	lidt, lidt (%esp)
	PROBE	lldt, lldt %ax
	PROBE	ltr, ltr %ax
	PROBE	lmsw, lmsw %ax
	PROBE	clts, clts
	PROBE	invd, invd
	PROBE	wbinvd, wbinvd
	PROBE	invlpg, invlpg (%esp)
	PROBE	rdmsr, rdmsr
	PROBE	wrmsr, wrmsr
	PROBE	in_byte, inb %dx, %al
	PROBE	in_imm, inl $0x70, %eax
	PROBE	out_byte, outb %al, %dx
	PROBE	out_string, outsb
	PROBE	int_05, int $0x05
	PROBE	int_0d, int $0x0d
	PROBE	int_0e, int $0x0e
	PROBE	int_1f, int $0x1f
	PROBE	int_20, int $0x20
	PROBE	int_82, int $0x82
	PROBE	int_ff, int $0xff
	BEGIN	kernel_data
	movl	$0x69, %eax
	INSN	kernel_data, movl %eax, %fs
	BEGIN	host_data
	movl	$0x08, %eax
	INSN	host_data, movl %eax, %fs
	BEGIN	far_segment
	movl	$0xf8, %eax
	INSN	far_segment, movl %eax, %es
	BEGIN	null_stack
	xorl	%eax, %eax
	INSN	null_stack, movl %eax, %ss
	BEGIN	null_use
	xorl	%eax, %eax
	movl	%eax, %es
	INSN	null_use, movl %es:(%esp), %eax
	PROBE	kernel_call, lcall $0x61, $0xc0100000
	PROBE	kernel_jump, ljmp $0x61, $0xc0100000
	PROBE	kernel_read, movl 0xc0100000, %eax
	PROBE	kernel_write, movl %eax, 0xc0100000
	PROBE	null_read, movl 16, %eax
	PROBE	null_write, movl %eax, 16
	PROBE	text_write, movl %eax, 0x400000
	PROBE	hole_read, movl 0x700010, %eax
	PROBE	hole_write, movl %eax, 0x700020
	PROBE	top_read, movl 0xfffff000, %eax
	/* The stack is there when the Host's kernel wants to look at it. */
	BEGIN	sysenter
	pushl	%eax
	popl	%eax
	INSN	sysenter, sysenter
	BEGIN	syscall
	pushl	%eax
	popl	%eax
	INSN	syscall, .byte 0x0f, 0x05
	PROBE	rdpmc, rdpmc
	PROBE	mov_ss, movl %edx, %ss

/* Segment registers loaded in each of the ways, and used. */
	.globl	user_reload, user_far, user_iret, user_plain, user_flags
	.globl	user_count
user_reload:
	movl	$0x7b, %ecx
	movl	%ecx, %ds
	movl	%ecx, %es
	addl	$1, (%edx)
	movl	%edx, %edi
	addl	$4, %edi
	movl	$0x1111, %eax
	stosl
	pushl	%ds
	popl	%es
	stosl
	pushl	$0x7b
	popl	%ds
	addl	$1, (%edx)
	movl	$0x7b, (%edi)
	movw	(%edi), %es
	stosl
	movl	$0x7b, %ecx
	movl	%ecx, %fs
	addl	$1, %fs:(%edx)
	movl	%ecx, %ss
	pushl	$0x2222
	popl	%eax
	int	$0x80
user_far:
	ljmp	$0x73, $1f
1:	lcall	$0x73, $2f
	movl	$0x4444, %eax
	int	$0x80
2:	addl	$1, (%edx)
	lret
user_iret:
	movl	%esp, %ecx
	pushl	$0x7b
	pushl	%ecx
	pushl	$0xcd7
	pushl	$0x73
	pushl	$1f
	addl	$8, %esp
	subl	$8, %esp
	iret
1:	pushfl
	popl	%eax
	cld
	int	$0x80
/* What is allowed to everybody, but shows the Host's values. */
user_plain:
	sgdt	(%edx)
	sidt	8(%edx)
	sldt	%eax
	str	%eax
	smsw	%eax
	xorl	%eax, %eax
	cpuid
	rdtsc
	movl	$0x7b, %ecx
	lar	%ecx, %eax
	verw	%cx
	pushfl
	popfl
	int	$0x80
user_flags:
	pushl	%eax
	popfl
	int	$0x80
/* Counts at edx for ever. */
user_count:
	addl	$1, (%edx)
	jmp	user_count
