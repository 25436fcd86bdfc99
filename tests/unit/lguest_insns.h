/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the assembler made of the line above each entry, and what it means.
 * Entries without a length are none that the Launcher does.
 */
static const struct insn {
	const char *bytes;
	struct access access;
} insns[] = {
	/* mov %al,(%edi) */
	{ "\x88\x07", { .length = 2, .width = 1, .mmio = true, .write = true,
	    .extend = 1 } },
	/* mov (%esi),%al */
	{ "\x8a\x06", { .length = 2, .width = 1, .mmio = true, .extend = 1 } },
	/* mov %cl,(%edi) */
	{ "\x88\x0f", { .length = 2, .width = 1, .mmio = true, .write = true,
	    .reg = 1, .extend = 1 } },
	/* mov (%esi),%cl */
	{ "\x8a\x0e", { .length = 2, .width = 1, .mmio = true, .reg = 1,
	    .extend = 1 } },
	/* mov %dl,(%edi) */
	{ "\x88\x17", { .length = 2, .width = 1, .mmio = true, .write = true,
	    .reg = 2, .extend = 1 } },
	/* mov (%esi),%dl */
	{ "\x8a\x16", { .length = 2, .width = 1, .mmio = true, .reg = 2,
	    .extend = 1 } },
	/* mov %bl,(%edi) */
	{ "\x88\x1f", { .length = 2, .width = 1, .mmio = true, .write = true,
	    .reg = 3, .extend = 1 } },
	/* mov (%esi),%bl */
	{ "\x8a\x1e", { .length = 2, .width = 1, .mmio = true, .reg = 3,
	    .extend = 1 } },
	/* mov %ah,(%edi) */
	{ "\x88\x27", { .length = 2, .width = 1, .mmio = true, .write = true,
	    .high = true, .extend = 1 } },
	/* mov (%esi),%ah */
	{ "\x8a\x26", { .length = 2, .width = 1, .mmio = true, .high = true,
	    .extend = 1 } },
	/* mov %ch,(%edi) */
	{ "\x88\x2f", { .length = 2, .width = 1, .mmio = true, .write = true,
	    .high = true, .reg = 1, .extend = 1 } },
	/* mov (%esi),%ch */
	{ "\x8a\x2e", { .length = 2, .width = 1, .mmio = true, .high = true,
	    .reg = 1, .extend = 1 } },
	/* mov %dh,(%edi) */
	{ "\x88\x37", { .length = 2, .width = 1, .mmio = true, .write = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov (%esi),%dh */
	{ "\x8a\x36", { .length = 2, .width = 1, .mmio = true, .high = true,
	    .reg = 2, .extend = 1 } },
	/* mov %bh,(%edi) */
	{ "\x88\x3f", { .length = 2, .width = 1, .mmio = true, .write = true,
	    .high = true, .reg = 3, .extend = 1 } },
	/* mov (%esi),%bh */
	{ "\x8a\x3e", { .length = 2, .width = 1, .mmio = true, .high = true,
	    .reg = 3, .extend = 1 } },
	/* mov %ax,(%edi) */
	{ "\x66\x89\x07", { .length = 3, .width = 2, .mmio = true,
	    .write = true, .extend = 2 } },
	/* mov (%esi),%ax */
	{ "\x66\x8b\x06", { .length = 3, .width = 2, .mmio = true,
	    .extend = 2 } },
	/* mov %cx,(%edi) */
	{ "\x66\x89\x0f", { .length = 3, .width = 2, .mmio = true,
	    .write = true, .reg = 1, .extend = 2 } },
	/* mov (%esi),%cx */
	{ "\x66\x8b\x0e", { .length = 3, .width = 2, .mmio = true, .reg = 1,
	    .extend = 2 } },
	/* mov %dx,(%edi) */
	{ "\x66\x89\x17", { .length = 3, .width = 2, .mmio = true,
	    .write = true, .reg = 2, .extend = 2 } },
	/* mov (%esi),%dx */
	{ "\x66\x8b\x16", { .length = 3, .width = 2, .mmio = true, .reg = 2,
	    .extend = 2 } },
	/* mov %bx,(%edi) */
	{ "\x66\x89\x1f", { .length = 3, .width = 2, .mmio = true,
	    .write = true, .reg = 3, .extend = 2 } },
	/* mov (%esi),%bx */
	{ "\x66\x8b\x1e", { .length = 3, .width = 2, .mmio = true, .reg = 3,
	    .extend = 2 } },
	/* mov %sp,(%edi) */
	{ "\x66\x89\x27", { .length = 3, .width = 2, .mmio = true,
	    .write = true, .reg = 4, .extend = 2 } },
	/* mov (%esi),%sp */
	{ "\x66\x8b\x26", { .length = 3, .width = 2, .mmio = true, .reg = 4,
	    .extend = 2 } },
	/* mov %bp,(%edi) */
	{ "\x66\x89\x2f", { .length = 3, .width = 2, .mmio = true,
	    .write = true, .reg = 5, .extend = 2 } },
	/* mov (%esi),%bp */
	{ "\x66\x8b\x2e", { .length = 3, .width = 2, .mmio = true, .reg = 5,
	    .extend = 2 } },
	/* mov %si,(%edi) */
	{ "\x66\x89\x37", { .length = 3, .width = 2, .mmio = true,
	    .write = true, .reg = 6, .extend = 2 } },
	/* mov (%esi),%si */
	{ "\x66\x8b\x36", { .length = 3, .width = 2, .mmio = true, .reg = 6,
	    .extend = 2 } },
	/* mov %di,(%edi) */
	{ "\x66\x89\x3f", { .length = 3, .width = 2, .mmio = true,
	    .write = true, .reg = 7, .extend = 2 } },
	/* mov (%esi),%di */
	{ "\x66\x8b\x3e", { .length = 3, .width = 2, .mmio = true, .reg = 7,
	    .extend = 2 } },
	/* mov %eax,(%edi) */
	{ "\x89\x07", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .extend = 4 } },
	/* mov (%esi),%eax */
	{ "\x8b\x06", { .length = 2, .width = 4, .mmio = true, .extend = 4 } },
	/* mov %ecx,(%edi) */
	{ "\x89\x0f", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 1, .extend = 4 } },
	/* mov (%esi),%ecx */
	{ "\x8b\x0e", { .length = 2, .width = 4, .mmio = true, .reg = 1,
	    .extend = 4 } },
	/* mov %edx,(%edi) */
	{ "\x89\x17", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 2, .extend = 4 } },
	/* mov (%esi),%edx */
	{ "\x8b\x16", { .length = 2, .width = 4, .mmio = true, .reg = 2,
	    .extend = 4 } },
	/* mov %ebx,(%edi) */
	{ "\x89\x1f", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 3, .extend = 4 } },
	/* mov (%esi),%ebx */
	{ "\x8b\x1e", { .length = 2, .width = 4, .mmio = true, .reg = 3,
	    .extend = 4 } },
	/* mov %esp,(%edi) */
	{ "\x89\x27", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 4, .extend = 4 } },
	/* mov (%esi),%esp */
	{ "\x8b\x26", { .length = 2, .width = 4, .mmio = true, .reg = 4,
	    .extend = 4 } },
	/* mov %ebp,(%edi) */
	{ "\x89\x2f", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 5, .extend = 4 } },
	/* mov (%esi),%ebp */
	{ "\x8b\x2e", { .length = 2, .width = 4, .mmio = true, .reg = 5,
	    .extend = 4 } },
	/* mov %esi,(%edi) */
	{ "\x89\x37", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 6, .extend = 4 } },
	/* mov (%esi),%esi */
	{ "\x8b\x36", { .length = 2, .width = 4, .mmio = true, .reg = 6,
	    .extend = 4 } },
	/* mov %edi,(%edi) */
	{ "\x89\x3f", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 7, .extend = 4 } },
	/* mov (%esi),%edi */
	{ "\x8b\x3e", { .length = 2, .width = 4, .mmio = true, .reg = 7,
	    .extend = 4 } },
	/* mov %ecx,(%eax) */
	{ "\x89\x08", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 1, .extend = 4 } },
	/* mov (%eax),%dh */
	{ "\x8a\x30", { .length = 2, .width = 1, .mmio = true, .high = true,
	    .reg = 2, .extend = 1 } },
	/* mov %ecx,(%ecx) */
	{ "\x89\x09", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 1, .extend = 4 } },
	/* mov (%ecx),%dh */
	{ "\x8a\x31", { .length = 2, .width = 1, .mmio = true, .high = true,
	    .reg = 2, .extend = 1 } },
	/* mov %ecx,(%edx) */
	{ "\x89\x0a", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 1, .extend = 4 } },
	/* mov (%edx),%dh */
	{ "\x8a\x32", { .length = 2, .width = 1, .mmio = true, .high = true,
	    .reg = 2, .extend = 1 } },
	/* mov %ecx,(%ebx) */
	{ "\x89\x0b", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 1, .extend = 4 } },
	/* mov (%ebx),%dh */
	{ "\x8a\x33", { .length = 2, .width = 1, .mmio = true, .high = true,
	    .reg = 2, .extend = 1 } },
	/* mov %ecx,(%esp) */
	{ "\x89\x0c\x24", { .length = 3, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov (%esp),%dh */
	{ "\x8a\x34\x24", { .length = 3, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,(%ebp) */
	{ "\x89\x4d\x00", { .length = 3, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov (%ebp),%dh */
	{ "\x8a\x75\x00", { .length = 3, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,0xfee00020(,%ecx,4) */
	{ "\x89\x0c\x8d\x20\x00\xe0\xfe", { .length = 7, .width = 4,
	    .mmio = true, .write = true, .reg = 1, .extend = 4 } },
	/* mov 0xfee00020(,%ecx,4),%dh */
	{ "\x8a\x34\x8d\x20\x00\xe0\xfe", { .length = 7, .width = 1,
	    .mmio = true, .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,0x12345678 */
	{ "\x89\x0d\x78\x56\x34\x12", { .length = 6, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov 0x12345678,%dh */
	{ "\x8a\x35\x78\x56\x34\x12", { .length = 6, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,(%eax,%ecx,1) */
	{ "\x89\x0c\x08", { .length = 3, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov (%eax,%ecx,1),%dh */
	{ "\x8a\x34\x08", { .length = 3, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,(%ebp,%edi,8) */
	{ "\x89\x4c\xfd\x00", { .length = 4, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov (%ebp,%edi,8),%dh */
	{ "\x8a\x74\xfd\x00", { .length = 4, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,(%esp,%esi,2) */
	{ "\x89\x0c\x74", { .length = 3, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov (%esp,%esi,2),%dh */
	{ "\x8a\x34\x74", { .length = 3, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,4(%eax) */
	{ "\x89\x48\x04", { .length = 3, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov 4(%eax),%dh */
	{ "\x8a\x70\x04", { .length = 3, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,-4(%ebp) */
	{ "\x89\x4d\xfc", { .length = 3, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov -4(%ebp),%dh */
	{ "\x8a\x75\xfc", { .length = 3, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,8(%esp) */
	{ "\x89\x4c\x24\x08", { .length = 4, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov 8(%esp),%dh */
	{ "\x8a\x74\x24\x08", { .length = 4, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,8(%esi,%ebx,4) */
	{ "\x89\x4c\x9e\x08", { .length = 4, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov 8(%esi,%ebx,4),%dh */
	{ "\x8a\x74\x9e\x08", { .length = 4, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,0x12345(%edx) */
	{ "\x89\x8a\x45\x23\x01\x00", { .length = 6, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov 0x12345(%edx),%dh */
	{ "\x8a\xb2\x45\x23\x01\x00", { .length = 6, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %ecx,-0x12345(%ebp) */
	{ "\x89\x8d\xbb\xdc\xfe\xff", { .length = 6, .width = 4, .mmio = true,
	    .write = true, .reg = 1, .extend = 4 } },
	/* mov -0x12345(%ebp),%dh */
	{ "\x8a\xb5\xbb\xdc\xfe\xff", { .length = 6, .width = 1, .mmio = true,
	    .high = true, .reg = 2, .extend = 1 } },
	/* mov %edx,%cs:(%ebx) */
	{ "\x2e\x89\x13", { .length = 3, .width = 4, .mmio = true,
	    .write = true, .reg = 2, .extend = 4 } },
	/* mov %cs:4(%ebx),%dx */
	{ "\x2e\x66\x8b\x53\x04", { .length = 5, .width = 2, .mmio = true,
	    .reg = 2, .extend = 2 } },
	/* mov %edx,%ds:(%ebx) */
	{ "\x89\x13", { .length = 2, .width = 4, .mmio = true, .write = true,
	    .reg = 2, .extend = 4 } },
	/* mov %ds:4(%ebx),%dx */
	{ "\x66\x8b\x53\x04", { .length = 4, .width = 2, .mmio = true,
	    .reg = 2, .extend = 2 } },
	/* mov %edx,%es:(%ebx) */
	{ "\x26\x89\x13", { .length = 3, .width = 4, .mmio = true,
	    .write = true, .reg = 2, .extend = 4 } },
	/* mov %es:4(%ebx),%dx */
	{ "\x26\x66\x8b\x53\x04", { .length = 5, .width = 2, .mmio = true,
	    .reg = 2, .extend = 2 } },
	/* mov %edx,%ss:(%ebx) */
	{ "\x36\x89\x13", { .length = 3, .width = 4, .mmio = true,
	    .write = true, .reg = 2, .extend = 4 } },
	/* mov %ss:4(%ebx),%dx */
	{ "\x36\x66\x8b\x53\x04", { .length = 5, .width = 2, .mmio = true,
	    .reg = 2, .extend = 2 } },
	/* mov %edx,%fs:(%ebx) */
	{ "\x64\x89\x13", { .length = 3, .width = 4, .mmio = true,
	    .write = true, .reg = 2, .extend = 4 } },
	/* mov %fs:4(%ebx),%dx */
	{ "\x64\x66\x8b\x53\x04", { .length = 5, .width = 2, .mmio = true,
	    .reg = 2, .extend = 2 } },
	/* mov %edx,%gs:(%ebx) */
	{ "\x65\x89\x13", { .length = 3, .width = 4, .mmio = true,
	    .write = true, .reg = 2, .extend = 4 } },
	/* mov %gs:4(%ebx),%dx */
	{ "\x65\x66\x8b\x53\x04", { .length = 5, .width = 2, .mmio = true,
	    .reg = 2, .extend = 2 } },
	/* movzbl (%eax),%ecx */
	{ "\x0f\xb6\x08", { .length = 3, .width = 1, .mmio = true, .reg = 1,
	    .extend = 4 } },
	/* movzbl (%eax),%edi */
	{ "\x0f\xb6\x38", { .length = 3, .width = 1, .mmio = true, .reg = 7,
	    .extend = 4 } },
	/* movzbw (%eax),%bx */
	{ "\x66\x0f\xb6\x18", { .length = 4, .width = 1, .mmio = true,
	    .reg = 3, .extend = 2 } },
	/* movzwl (%eax),%ecx */
	{ "\x0f\xb7\x08", { .length = 3, .width = 2, .mmio = true, .reg = 1,
	    .extend = 4 } },
	/* movzwl (%eax),%edi */
	{ "\x0f\xb7\x38", { .length = 3, .width = 2, .mmio = true, .reg = 7,
	    .extend = 4 } },
	/* movzbl 2(%esp),%ecx */
	{ "\x0f\xb6\x4c\x24\x02", { .length = 5, .width = 1, .mmio = true,
	    .reg = 1, .extend = 4 } },
	/* movzbl 2(%esp),%edi */
	{ "\x0f\xb6\x7c\x24\x02", { .length = 5, .width = 1, .mmio = true,
	    .reg = 7, .extend = 4 } },
	/* movzbw 2(%esp),%bx */
	{ "\x66\x0f\xb6\x5c\x24\x02", { .length = 6, .width = 1, .mmio = true,
	    .reg = 3, .extend = 2 } },
	/* movzwl 2(%esp),%ecx */
	{ "\x0f\xb7\x4c\x24\x02", { .length = 5, .width = 2, .mmio = true,
	    .reg = 1, .extend = 4 } },
	/* movzwl 2(%esp),%edi */
	{ "\x0f\xb7\x7c\x24\x02", { .length = 5, .width = 2, .mmio = true,
	    .reg = 7, .extend = 4 } },
	/* movzbl 0x100(%ebp),%ecx */
	{ "\x0f\xb6\x8d\x00\x01\x00\x00", { .length = 7, .width = 1,
	    .mmio = true, .reg = 1, .extend = 4 } },
	/* movzbl 0x100(%ebp),%edi */
	{ "\x0f\xb6\xbd\x00\x01\x00\x00", { .length = 7, .width = 1,
	    .mmio = true, .reg = 7, .extend = 4 } },
	/* movzwl 0x100(%ebp),%ecx */
	{ "\x0f\xb7\x8d\x00\x01\x00\x00", { .length = 7, .width = 2,
	    .mmio = true, .reg = 1, .extend = 4 } },
	/* movzwl 0x100(%ebp),%edi */
	{ "\x0f\xb7\xbd\x00\x01\x00\x00", { .length = 7, .width = 2,
	    .mmio = true, .reg = 7, .extend = 4 } },
	/* movb $0x5a,(%eax) */
	{ "\xc6\x00\x5a", { .length = 3, .width = 1, .mmio = true,
	    .write = true, .reg = -1, .value = 0x5a } },
	/* movb $0x5a,0x100(%ebp) */
	{ "\xc6\x85\x00\x01\x00\x00\x5a", { .length = 7, .width = 1,
	    .mmio = true, .write = true, .reg = -1, .value = 0x5a } },
	/* movw $0x1234,4(%ecx) */
	{ "\x66\xc7\x41\x04\x34\x12", { .length = 6, .width = 2, .mmio = true,
	    .write = true, .reg = -1, .value = 0x1234 } },
	/* movl $0x12345678,(%edx) */
	{ "\xc7\x02\x78\x56\x34\x12", { .length = 6, .width = 4, .mmio = true,
	    .write = true, .reg = -1, .value = 0x12345678 } },
	/* movl $0x12345678,16(%edx) */
	{ "\xc7\x42\x10\x78\x56\x34\x12", { .length = 7, .width = 4,
	    .mmio = true, .write = true, .reg = -1, .value = 0x12345678 } },
	/* mov %al,0xfee00040 */
	{ "\xa2\x40\x00\xe0\xfe", { .length = 5, .width = 1, .mmio = true,
	    .write = true, .extend = 1 } },
	/* mov 0xfee00040,%al */
	{ "\xa0\x40\x00\xe0\xfe", { .length = 5, .width = 1, .mmio = true,
	    .extend = 1 } },
	/* mov %ax,0xfee00040 */
	{ "\x66\xa3\x40\x00\xe0\xfe", { .length = 6, .width = 2, .mmio = true,
	    .write = true, .extend = 2 } },
	/* mov 0xfee00040,%ax */
	{ "\x66\xa1\x40\x00\xe0\xfe", { .length = 6, .width = 2, .mmio = true,
	    .extend = 2 } },
	/* mov %eax,0xfee00040 */
	{ "\xa3\x40\x00\xe0\xfe", { .length = 5, .width = 4, .mmio = true,
	    .write = true, .extend = 4 } },
	/* mov 0xfee00040,%eax */
	{ "\xa1\x40\x00\xe0\xfe", { .length = 5, .width = 4, .mmio = true,
	    .extend = 4 } },
	/* in $0x64,%al */
	{ "\xe4\x64", { .length = 2, .width = 1, .extend = 1, .port = 0x64 } },
	/* in (%dx),%al */
	{ "\xec", { .length = 1, .width = 1, .extend = 1, .port = -1 } },
	/* out %al,$0x80 */
	{ "\xe6\x80", { .length = 2, .width = 1, .write = true, .extend = 1,
	    .port = 0x80 } },
	/* out %al,(%dx) */
	{ "\xee", { .length = 1, .width = 1, .write = true, .extend = 1,
	    .port = -1 } },
	/* in $0x64,%ax */
	{ "\x66\xe5\x64", { .length = 3, .width = 2, .extend = 2,
	    .port = 0x64 } },
	/* in (%dx),%ax */
	{ "\x66\xed", { .length = 2, .width = 2, .extend = 2, .port = -1 } },
	/* out %ax,$0x80 */
	{ "\x66\xe7\x80", { .length = 3, .width = 2, .write = true,
	    .extend = 2, .port = 0x80 } },
	/* out %ax,(%dx) */
	{ "\x66\xef", { .length = 2, .width = 2, .write = true, .extend = 2,
	    .port = -1 } },
	/* in $0x64,%eax */
	{ "\xe5\x64", { .length = 2, .width = 4, .extend = 4, .port = 0x64 } },
	/* in (%dx),%eax */
	{ "\xed", { .length = 1, .width = 4, .extend = 4, .port = -1 } },
	/* out %eax,$0x80 */
	{ "\xe7\x80", { .length = 2, .width = 4, .write = true, .extend = 4,
	    .port = 0x80 } },
	/* out %eax,(%dx) */
	{ "\xef", { .length = 1, .width = 4, .write = true, .extend = 4,
	    .port = -1 } },
	/* mov %eax,%ebx */
	{ "\x89\xc3", { .mmio = true } },
	/* add %eax,(%ebx) */
	{ "\x01\x03", { .mmio = true } },
	/* xchg %eax,(%ebx) */
	{ "\x87\x03", { .mmio = true } },
	/* movsbl (%eax),%ecx */
	{ "\x0f\xbe\x08", { .mmio = true } },
	/* movsl */
	{ "\xa5", { .mmio = true } },
	/* stosl */
	{ "\xab", { .mmio = true } },
	/* push (%eax) */
	{ "\xff\x30", { .mmio = true } },
	/* cmpl $1,(%eax) */
	{ "\x83\x38\x01", { .mmio = true } },
	/* lock incl (%eax) */
	{ "\xf0\xff\x00", { .mmio = true } },
	/* rep movsb */
	{ "\xf3\xa4", { .mmio = true } },
	/* addr16 movb %al,(%bx) */
	{ "\x67\x88\x07", { .mmio = true } },
	/* movzbl %al,%ecx */
	{ "\x0f\xb6\xc8", { .mmio = true } },
	/* movaps (%eax),%xmm0 */
	{ "\x0f\x28\x00", { .mmio = true } },
	/* fldl (%eax) */
	{ "\xdd\x00", { .mmio = true } },
	/* nop */
	{ "\x90", { .mmio = true } },
	/* cli */
	{ "\xfa", { .mmio = true } },
	/* out %al,$0x80 */
	{ "\xe6\x80", { .mmio = true } },
	/* in (%dx),%al */
	{ "\xec", { .mmio = true } },
	/* mov %cr3,%eax */
	{ "\x0f\x20\xd8", { .mmio = true } },
	/* hlt */
	{ "\xf4", { .mmio = true } },
	/* test %eax,(%ecx) */
	{ "\x85\x01", { .mmio = true } },
	/* bt %eax,(%ecx) */
	{ "\x0f\xa3\x01", { .mmio = true } },
	/* movl $1,0x12345678 */
	{ "\xc7\x05\x78\x56\x34\x12\x01\x00\x00\x00", { .mmio = true } },
	/* movl $1,0x12345(%eax) */
	{ "\xc7\x80\x45\x23\x01\x00\x01\x00\x00\x00", { .mmio = true } },
	/* movw $1,0x12345678 */
	{ "\x66\xc7\x05\x78\x56\x34\x12\x01\x00", { .mmio = true } },
	/* movl %ecx,%cs:0x12345(%eax,%ebx,2) */
	{ "\x2e\x89\x8c\x58\x45\x23\x01\x00", { .mmio = true } },
	/* movw $1,(,%eax,4) */
	{ "\x66\xc7\x04\x85\x00\x00\x00\x00\x01\x00", { .mmio = true } },
	/* insb */
	{ "\x6c", { .mmio = false } },
	/* outsb */
	{ "\x6e", { .mmio = false } },
	/* rep outsl */
	{ "\xf3\x6f", { .mmio = false } },
	/* mov %eax,(%ebx) */
	{ "\x89\x03", { .mmio = false } },
	/* cli */
	{ "\xfa", { .mmio = false } },
	/* sti */
	{ "\xfb", { .mmio = false } },
	/* hlt */
	{ "\xf4", { .mmio = false } },
	/* int $3 */
	{ "\xcc", { .mmio = false } },
	/* mov %cr3,%eax */
	{ "\x0f\x20\xd8", { .mmio = false } },
	/* rdmsr */
	{ "\x0f\x32", { .mmio = false } },
	/* wrmsr */
	{ "\x0f\x30", { .mmio = false } },
	/* lgdt (%eax) */
	{ "\x0f\x01\x10", { .mmio = false } },
	/* nop */
	{ "\x90", { .mmio = false } },
	/* addr16 in (%dx),%al */
	{ "\x67\xec", { .mmio = false } },
	/* lock incl (%eax) */
	{ "\xf0\xff\x00", { .mmio = false } },
};
