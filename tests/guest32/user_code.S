/* SPDX-License-Identifier: GPL-2.0-only */
/* What runs in ring 3. */
	.section .user, "ax"
	.globl	user_nothing
user_nothing:
	int	$0x80
