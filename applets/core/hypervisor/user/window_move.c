/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which instructions may move, and what they become in a trampoline (see
 * window.h).
 */
#include <string.h>

#include "window_make.h"

#define CODE_ONE	64	/* of one instruction there, or less */

#define STR2(x)		#x
#define STR(x)		STR2(x)

/* In struct direct. */
#define W_FLAG		"%ss:0xfffff03c"
#define W_CR2		0xfffff058
#define W_PENDING	"%ss:0xfffff05c"

/*
 * What ring 0's instructions are here.  They change no flags but those that
 * they should.  FLAG_IF is set before we look whether something waits for it:
 * then whatever comes in between finds it set, or is found.
 */
asm(
"	.section .rodata.window, \"a\"\n"
"	.code32\n"
"window_cli:\n"
"	movl	$0, " W_FLAG "\n"
"window_sti:\n"
"	movl	$0x200, " W_FLAG "\n"
"	push	%ecx\n"
"	mov	" W_PENDING ", %ecx\n"
"	jecxz	1f\n"
"	sti\n"				/* traps */
"1:	pop	%ecx\n"
"window_pushf:\n"
"	pushfl\n"			/* with FLAG_IF, the real one */
"	push	%eax\n"
"	push	%ecx\n"
"	mov	8(%esp), %eax\n"
"	mov	" W_FLAG ", %ecx\n"
"	lea	-0x200(%eax, %ecx), %eax\n"
"	mov	%eax, 8(%esp)\n"
"	pop	%ecx\n"
"	pop	%eax\n"
"window_popf:\n"
"	testl	$0x204100, (%esp)\n"	/* ID, NT, TF: not by this way */
"	jnz	2f\n"
"	push	%eax\n"
"	mov	4(%esp), %eax\n"
"	and	$0x200, %eax\n"
"	mov	%eax, " W_FLAG "\n"
"	pop	%eax\n"
"	popfl\n"
"	push	%ecx\n"
"	mov	" W_PENDING ", %ecx\n"
"	jecxz	1f\n"
"	wbinvd\n"			/* traps, and does nothing */
"1:	pop	%ecx\n"
"	jmp	3f\n"
"2:	.byte	0x6c\n"			/* popf, as text.c has it */
"3:\n"
"window_end:\n"
"	.previous\n"
"	.code64\n");

extern const uint8_t window_cli[], window_sti[], window_pushf[], window_popf[],
	window_end[];

static void put(struct maker *m, const void *bytes, unsigned n)
{
	memcpy(m->code + m->n, bytes, n);
	m->n += n;
}

static bool put_code(struct maker *m, const uint8_t *from, const uint8_t *to)
{
	put(m, from, (uintptr_t)to - (uintptr_t)from);
	return true;
}

static void put_word(struct maker *m, uint32_t word)
{
	put(m, &word, sizeof(word));
}

static bool put_branch(struct maker *m, uint32_t to)
{
	if (m->branches == MAKER_BRANCHES)
		return false;
	m->branch[m->branches].at = m->n;
	m->branch[m->branches++].to = to;
	put_word(m, 0);
	return true;
}

bool window_jump(struct maker *m, uint32_t to)
{
	m->over = true;
	put(m, "\xe9", 1);
	return put_branch(m, to);
}

/* --- one instruction -------------------------------------------------- */

/* Done by 64-bit code, which steps over it if it has done it. */
static bool move_direct(struct maker *m, const uint8_t *p, unsigned n)
{
	if (!system_is_direct(p, INSN_MAX))
		return false;
	put(m, "\x9a", 1);
	put_word(m, direct_host());
	put(m, "\x33\0", 2);
	put(m, p, n);
	return true;
}

/* What would trap.  False: it is something else. */
static bool move_better(struct maker *m, const uint8_t *p, unsigned n)
{
	switch (p[0]) {
	case 0xfa:
		return put_code(m, window_cli, window_sti);
	case 0xfb:
		/* The CPU does these two as one. */
		if (p[1] == 0xf4)
			return false;
		return put_code(m, window_sti, window_pushf);
	case 0x6e:
		return put_code(m, window_pushf, window_popf);
	case 0x6c:
		return put_code(m, window_popf, window_end);
	case 0xcf:
		return window_jump(m, DIRECT_PC_IRET);
	}
	if (p[0] != 0x0f || p[1] != 0x20 || (p[2] & 0xf8) != 0xd0)
		return move_direct(m, p, n);
	put(m, (uint8_t[]){ 0x36, 0x8b, 0x05 | (p[2] & 7) << 3 }, 3);
	put_word(m, W_CR2);
	return true;
}

/* What a jump leads to comes along, and then it goes on behind that. */
static bool move_led(struct maker *m)
{
	const uint8_t *p = maker_text(m->u, m->led);
	unsigned n = insn_length(p, INSN_MAX);

	return move_better(m, p, n) && (m->over || window_jump(m, m->led + n));
}

/*
 * Branches to a fixed place, as near ones.  A call is one still, and comes back
 * to the trampoline; but who is in there now comes back to where it was: that
 * is never inside a window, for a call has five bytes.  False: it is none.
 */
static bool move_branch(struct maker *m, const uint8_t *p)
{
	uint8_t cond = p[0] == 0x0f ? p[1] : p[0] + 0x10;
	uint32_t word;

	if (p[0] == 0xeb)
		return window_jump(m, m->end + 2 + (int8_t)p[1]);
	memcpy(&word, p + 1, sizeof(word));
	word += m->end + 5;
	/* Those that a kernel means to replace are in a table of it. */
	if (p[0] == 0xe9 && !window_is_code(m->u, word))
		return word == m->led ? move_led(m) : window_jump(m, word);
	if (p[0] == 0xe8 && word != m->end + 5) {
		put(m, p, 1);
		return put_branch(m, word);
	}
	if ((cond & 0xf0) != 0x80)
		return false;
	put(m, (uint8_t[]){ 0x0f, cond }, 2);
	memcpy(&word, p + 2, sizeof(word));
	word = m->end + (p[0] == 0x0f ? 6 + word :
			 (uint32_t)(2 + (int8_t)p[1]));
	return put_branch(m, word == m->led && maker_is_iret(m) ?
			  DIRECT_PC_IRET : word);
}

/*
 * What stays: what leads elsewhere, or means another place from here; what the
 * kernel may be about to replace (lock, and nops); and what is not there to be
 * executed.
 */
static const uint32_t stays_one[8] = {
	[3] = 1u << (0x67 & 31) | 1u << (0x6c & 31) | 1u << (0x6e & 31) |
	      0xffff0000,		/* jcc */
	[4] = 1u << (0x90 & 31) | 1u << (0x9a & 31) | 1u << (0x9c & 31) |
	      1u << (0x9d & 31),
	[6] = 1u << (0xc2 & 31) | 1u << (0xc8 & 31) | 0xfc00,	/* ca to cf */
	[7] = 0x0f | 0xf00 |		/* loops; calls, jumps */
	      1u << (0xf0 & 31) | 1u << (0xf1 & 31) | 1u << (0xf4 & 31) |
	      1u << (0xfa & 31) | 1u << (0xfb & 31),
};

static bool stays(const uint8_t *p, unsigned n)
{
	unsigned i = 0;

	for (; i + 1 < n && (p[i] == 0x66 || (p[i] & 0xfe) == 0xf2 ||
			     (p[i] & 0xe7) == 0x26 || (p[i] & 0xfe) == 0x64);
	     i++)
		if (p[i] == 0x3e)	/* which lock may become */
			return true;
	switch (p[i]) {
	case 0x0f:
		return p[i + 1] < 0x10 || (p[i + 1] & 0xf8) == 0x18 ||
		       (p[i + 1] & 0xf8) == 0x20 ||
		       (p[i + 1] & 0xf0) == 0x30 ||
		       (p[i + 1] & 0xf0) == 0x80 || p[i + 1] == 0xb9 ||
		       p[i + 1] == 0xff;
	case 0xff:			/* inc, dec, push */
		return (p[i + 1] >> 3 & 7) >= 2 && (p[i + 1] >> 3 & 7) < 6;
	case 0xc7:
		return p[i + 1] == 0xf8;
	}
	return stays_one[p[i] >> 5] >> (p[i] & 31) & 1;
}

int window_move(struct maker *m)
{
	struct user *u = m->u;
	const uint8_t *p = maker_text(u, m->end);
	unsigned at = m->end - m->x.va, n, before;

	n = insn_length(p, INSN_MAX);
	if (!n || at + n > WINDOW_BYTES || m->n + CODE_ONE > MAKER_CODE ||
	    maker_is_beyond(m, m->end + n) ||
	    !window_bit(u->windows.starts, m->end - u->windows.image))
		return REFUSED_INSN;
	m->x.to[at] = before = m->n;
	if (*p == 0xc3) {
		m->over = true;
		put(m, p, n);
	} else if (!move_better(m, p, n) && !move_branch(m, p)) {
		/* Maybe half of a branch is there, for which was no room. */
		if (stays(p, n)) {
			m->n = before;
			m->over = false;
			return REFUSED_INSN;
		}
		put(m, p, n);
	}
	m->end += n;
	return -1;
}
