/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between a last look at a flag and the system call there is a gap of an
 * instruction or two, and a signal that comes in there would be slept over.
 * No blocking of signals can close it, for read(2) takes no mask.  But the
 * handler sees where it interrupted us: if that is in the gap, it moves us to
 * where the call has failed.  So libc does it for thread cancellation.
 *
 * When a call that was interrupted would be restarted, it is the system call
 * instruction that we come back to, which is in the gap, too.
 */
#include <errno.h>
#include <sys/ucontext.h>

#include "interruptible.h"

/* Labels in the code below. */
extern const char interruptible_gap[], interruptible_end[],
	interruptible_abort[];

int interruptible_woken;

#ifdef __i386__
#define PC	REG_EIP
__asm__(
"	.text\n"
"	.globl	interruptible_read\n"
"	.type	interruptible_read, @function\n"
"interruptible_read:\n"
"	push	%ebx\n"
"	mov	8(%esp), %ebx\n"
"	mov	12(%esp), %ecx\n"
"	mov	16(%esp), %edx\n"
"	mov	$3, %eax\n"		/* SYS_read */
"	.globl	interruptible_gap\n"
"interruptible_gap:\n"
"	cmpl	$0, interruptible_woken\n"
"	jne	interruptible_abort\n"
"	int	$0x80\n"
"	.globl	interruptible_end\n"
"interruptible_end:\n"
"	pop	%ebx\n"
"	ret\n"
"	.globl	interruptible_abort\n"
"interruptible_abort:\n"
"	mov	$-4, %eax\n"		/* -EINTR */
"	pop	%ebx\n"
"	ret\n"
"	.size	interruptible_read, .-interruptible_read\n"
);
#else
#define PC	REG_RIP
__asm__(
"	.text\n"
"	.globl	interruptible_read\n"
"	.type	interruptible_read, @function\n"
"interruptible_read:\n"
"	xor	%eax, %eax\n"		/* SYS_read */
"	.globl	interruptible_gap\n"
"interruptible_gap:\n"
"	cmpl	$0, interruptible_woken(%rip)\n"
"	jne	interruptible_abort\n"
"	syscall\n"
"	.globl	interruptible_end\n"
"interruptible_end:\n"
"	ret\n"
"	.globl	interruptible_abort\n"
"interruptible_abort:\n"
"	mov	$-4, %rax\n"		/* -EINTR */
"	ret\n"
"	.size	interruptible_read, .-interruptible_read\n"
);
#endif

void interruptible_begin(void)
{
	__atomic_store_n(&interruptible_woken, 0, __ATOMIC_SEQ_CST);
}

bool interruptible_is_woken(void)
{
	return __atomic_load_n(&interruptible_woken, __ATOMIC_SEQ_CST);
}

void interruptible_wake(void *ucontext)
{
	greg_t *pc = &((ucontext_t *)ucontext)->uc_mcontext.gregs[PC];

	interruptible_woken = 1;
	if (*pc >= (greg_t)interruptible_gap && *pc < (greg_t)interruptible_end)
		*pc = (greg_t)interruptible_abort;
}
