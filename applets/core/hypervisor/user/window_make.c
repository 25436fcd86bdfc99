/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes windows: which instructions may move, and what they become in the
 * trampoline (see window.h).
 */
#include <string.h>

#include "insn.h"
#include "kind.h"

#define CODE_MAX	200	/* of a trampoline */
#define CODE_ONE	64	/* of one instruction there, or less */
#define BACK		3	/* instructions before the one that traps */
#define BRANCHES	3

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

struct maker {
	struct user *u;
	struct window x;
	uint32_t end;		/* behind what has been moved so far */
	uint32_t iret;		/* a jump to here may go all the way */
	unsigned n;		/* bytes of code */
	bool over;		/* it does not go on behind the last one */
	unsigned branches;	/* near ones: where, and to what */
	struct {
		unsigned at;
		uint32_t to;
	} branch[BRANCHES];
	uint8_t code[CODE_MAX];
};

/* In the kernel's own map of all memory, which window_make() has checked. */
static uint8_t *text_at(const struct user *u, uint32_t va)
{
	return u->ram + (va - u->mmu.kernel);
}

static void put(struct maker *m, const void *bytes, unsigned n)
{
	memcpy(m->code + m->n, bytes, n);
	m->n += n;
}

static void put_word(struct maker *m, uint32_t word)
{
	put(m, &word, sizeof(word));
}

static bool put_branch(struct maker *m, uint32_t to)
{
	if (m->branches == BRANCHES)
		return false;
	m->branch[m->branches].at = m->n;
	m->branch[m->branches++].to = to;
	put_word(m, 0);
	return true;
}

static bool put_jump(struct maker *m, uint32_t to)
{
	m->over = true;
	put(m, "\xe9", 1);
	return put_branch(m, to);
}

/* --- one instruction -------------------------------------------------- */

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
		return put_jump(m, m->end + 2 + (int8_t)p[1]);
	memcpy(&word, p + 1, sizeof(word));
	word += m->end + 5;
	/* Those that a kernel means to replace are in a table of it. */
	if (p[0] == 0xe9 && !window_is_code(m->u, word))
		return put_jump(m, word == m->iret ? DIRECT_PC_IRET : word);
	if (p[0] == 0xe8 && word != m->end + 5) {
		put(m, p, 1);
		return put_branch(m, word);
	}
	if ((cond & 0xf0) != 0x80)
		return false;
	put(m, (uint8_t[]){ 0x0f, cond }, 2);
	memcpy(&word, p + 2, sizeof(word));
	return put_branch(m, p[0] == 0x0f ? m->end + 6 + word :
			  m->end + 2 + (int8_t)p[1]);
}

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
		put(m, window_cli, window_sti - window_cli);
		return true;
	case 0xfb:
		/* The CPU does these two as one. */
		if (p[1] == 0xf4)
			return false;
		put(m, window_sti, window_pushf - window_sti);
		return true;
	case 0x6e:
		put(m, window_pushf, window_popf - window_pushf);
		return true;
	case 0x6c:
		put(m, window_popf, window_end - window_popf);
		return true;
	case 0xcf:
		return put_jump(m, DIRECT_PC_IRET);
	}
	if (p[0] != 0x0f || p[1] != 0x20 || (p[2] & 0xf8) != 0xd0)
		return move_direct(m, p, n);
	put(m, (uint8_t[]){ 0x36, 0x8b, 0x05 | (p[2] & 7) << 3 }, 3);
	put_word(m, W_CR2);
	return true;
}

/*
 * What stays: what leads elsewhere, or means another place from here; what the kernel may be about to replace (lock, and nops);
 * and what is not there to be executed.
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

/* Does what ends here end in another page? */
static bool is_beyond(const struct maker *m, uint32_t end)
{
	return (m->x.va ^ (end - 1)) & PTE_FRAME;
}

/* Moves the instruction at m->end, too; or why not. */
static int move(struct maker *m)
{
	struct user *u = m->u;
	const uint8_t *p = text_at(u, m->end);
	unsigned at = m->end - m->x.va, n, branches = m->branches;

	n = insn_length(p, INSN_MAX);
	if (!n || at + n > WINDOW_BYTES || m->n + CODE_ONE > CODE_MAX ||
	    is_beyond(m, m->end + n) ||
	    !window_bit(u->windows.starts, m->end - u->windows.image))
		return REFUSED_INSN;
	m->x.to[at] = m->n;
	if (*p == 0xc3) {
		m->over = true;
		put(m, p, n);
	} else if (!move_better(m, p, n) && !move_branch(m, p)) {
		if (stays(p, n) || m->branches != branches)
			return REFUSED_INSN;
		put(m, p, n);
	}
	m->end += n;
	return -1;
}

/* --- a window --------------------------------------------------------- */

/* Where branches of the code lead: out, or to another part of it. */
static bool lead_branches(struct maker *m)
{
	for (unsigned i = 0; i < m->branches; i++) {
		uint32_t to = m->branch[i].to, at = m->branch[i].at;

		if (to - m->x.va < m->x.length) {
			to = m->x.to[to - m->x.va];
			if (to == WINDOW_NOWHERE)
				return false;
			to += m->x.code;
		}
		to -= m->x.code + at + 4;
		memcpy(m->code + at, &to, sizeof(to));
	}
	return true;
}

/* iret, behind a jump over verw: it is the jump that moves. */
static bool begins_iret(struct maker *m, const uint8_t *p)
{
	static const uint8_t before[] = { 0xeb, 8, 0x2e, 0x0f, 0, 0x2d };
	const struct windows *w = &m->u->windows;
	uint32_t va = m->x.site - 10;

	if (*p != 0xcf || m->x.site % PAGE < 10 ||
	    memcmp(p - 10, before, sizeof(before)) ||
	    !window_bit(w->starts, va - w->image))
		return false;
	m->x.va = va;
	m->x.to[0] = m->x.to[10] = 0;
	m->x.length = 5;
	return put_jump(m, DIRECT_PC_IRET);
}

/*
 * Behind the last instruction there may be some that only fill a gap.  If they
 * were more, somebody would come to them.
 */
static void take_padding(struct maker *m)
{
	static const uint8_t fillers[] = { 0xcc, 0x90, 0x8d, 0x66, 0x2e, 0x3e };
	const uint8_t *p = text_at(m->u, m->x.va);
	unsigned at = m->end - m->x.va, n = 1;

	for (; n && at < 5 && memchr(fillers, p[at], sizeof(fillers)); at += n) {
		m->x.to[at] = m->n;
		n = insn_length(p + at, INSN_MAX);
	}
	if (!is_beyond(m, m->x.va + at))
		m->end = m->x.va + at;
}

/* To go on there, because of one that would trap. */
static bool is_worth_it(const uint8_t *p)
{
	return window_is_better(p) ||
	       window_is_better(p + insn_length(p, INSN_MAX));
}

/* All from `va` to what has trapped, and as much as a jump needs. */
static int gather(struct maker *m, uint32_t va)
{
	const uint8_t *p = text_at(m->u, va);
	int refused;

	m->x.va = m->end = va;
	m->n = m->branches = m->x.length = 0;
	m->over = false;
	memset(m->x.to, WINDOW_NOWHERE, sizeof(m->x.to));
	/* What jumps over a sti, and only that, is not among the targets. */
	if (*p == 0xfb && va % PAGE >= 2 && (p[-2] & 0xf0) == 0x70 &&
	    p[-1] == 1)
		return REFUSED_TARGET;
	if (va == m->x.site && begins_iret(m, p))
		return lead_branches(m) ? window_is_free(m->u, m->x.va, 5) : REFUSED_INSN;
	while (m->end - va < 5 || m->end <= m->x.site) {
		if (m->over)
			return REFUSED_INSN;
		refused = move(m);
		if (refused >= 0)
			return refused;
		if (m->over)
			take_padding(m);
		/* What is behind it is done here, and stays there, too. */
		if (!m->x.length && m->end - va >= 5)
			m->x.length = m->end - va;
	}
	while (!m->over && is_worth_it(text_at(m->u, m->end)) && move(m) < 0)
		;
	if (!m->over && !put_jump(m, m->end))
		return REFUSED_INSN;
	if (!lead_branches(m))
		return REFUSED_INSN;
	return window_is_free(m->u, va, m->x.length);
}

/* Is that the Guest's name for the frame? */
static bool is_mapped(struct user *u, uint32_t va)
{
	const struct table t = mmu_table(u, u->mmu.cr3, va);
	uint32_t pte = mmu_entry(u, &t, 0);

	return pte & PTE_P && (pte & PTE_FRAME) ==
	       ((va - u->mmu.kernel) & PTE_FRAME);
}

static void commit(struct maker *m)
{
	struct user *u = m->u;
	struct windows *w = &u->windows;
	struct window *x = &m->x;
	uint8_t *at = text_at(u, x->va);
	uint32_t offset = x->code - (x->va + 5);

	x->made = true;
	memcpy(x->was, at, x->length);
	memcpy(text_at(u, x->code), m->code, m->n);
	/* Who reads the text from here on has to stay in step. */
	memset(at, 0x90, x->length);
	*at = 0xe9;
	memcpy(at + 1, &offset, sizeof(offset));
	/* Of a jump over a sti that stays, nobody knows as yet. */
	for (unsigned i = 0; i < m->branches; i++)
		if (m->branch[i].to - x->va >= x->length)
			window_target(u, m->branch[i].to);
	for (uint32_t i = 1; i < x->length; i++)
		window_set(w->inside, x->va - w->image + i, true);
	w->used += m->n;
	w->list[w->n++] = *x;
	u->cpu.eip = x->code + x->to[x->site - x->va];
}

/* The instruction before; 0: it is not known, or in another page. */
static uint32_t before(const struct windows *w, uint32_t va)
{
	for (uint32_t i = 1; i <= INSN_MAX && i <= va % PAGE; i++)
		if (window_bit(w->starts, va - w->image - i))
			return va - i;
	return 0;
}

/*
 * It may begin a few instructions earlier: best with another one that traps, or
 * that would be left alone; or where it has to.
 */
static int gather_best(struct maker *m)
{
	const struct windows *w = &m->u->windows;
	uint32_t va[BACK + 1] = { m->x.site };
	int refused = 0, why;
	unsigned n = 1;

	while (n <= BACK && (va[n] = before(w, va[n - 1])))
		n++;
	for (unsigned i = n; i--;)
		if (window_is_better(text_at(m->u, va[i])) && gather(m, va[i]) < 0)
			return -1;
	for (unsigned i = 0; i < n; i++) {
		why = gather(m, va[i]);
		if (why < 0)
			return why;
		if (refused < why)
			refused = why;
	}
	return refused;
}

/* Others jump to an iret: the next of them. */
static int gather_jump(struct maker *m)
{
	uint32_t va = m->x.site & PTE_FRAME, word;

	m->iret = m->x.site;
	for (unsigned i = 0; i < PAGE - 5; i++, va++) {
		const uint8_t *p = text_at(m->u, va);

		memcpy(&word, p + 1, sizeof(word));
		m->x.site = va;
		if (*p == 0xe9 && va + 5 + word == m->iret &&
		    gather(m, va) < 0)
			return -1;
	}
	return REFUSED_INSN;
}

int window_make(struct user *u)
{
	struct windows *w = &u->windows;
	struct maker m = { .u = u, .x.site = u->cpu.eip };
	uint32_t va = m.x.site;
	int refused;

	m.x.code = u->mmu.kernel + WINDOW_CODE + w->used;
	if (w->n == WINDOWS_MAX || w->used + CODE_MAX > WINDOW_CODE_SIZE ||
	    u->mmu.linear || !is_mapped(u, va) || !is_mapped(u, m.x.code) ||
	    !is_mapped(u, m.x.code + CODE_MAX - 1) ||
	    !mmu_ram(u, va - u->mmu.kernel, 4 * INSN_MAX) ||
	    !mmu_ram(u, WINDOW_CODE, WINDOW_CODE_SIZE))
		return REFUSED_FULL;
	refused = gather_best(&m);
	if (refused >= 0 && *text_at(u, va) == 0xcf)
		refused = gather_jump(&m);
	if (refused < 0)
		commit(&m);
	return refused;
}
