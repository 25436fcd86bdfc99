/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code of a stock kernel that neither works nor traps at ring 3 (see text.h).
 *
 * Nothing says where the instructions of a page begin, but for the one that is
 * about to run.  Behind that one it takes only reading.  Before it we read from
 * several places at once: code read from a wrong place soon falls into step
 * with the right one, or turns into what no kernel does.
 */
#include "access.h"
#include "state.h"
#include "text.h"

/* Positions are those in bytes[]. */
#define FIRST	TEXT_AROUND
#define LAST	(TEXT_AROUND + PAGE)

#define RING	16	/* of positions ahead; over INSN_MAX */
#define STRAIGHT 8	/* instructions that a selector is followed for */
#define PEEK	8	/* bytes behind an opcode that we look at */

struct text {
	const uint8_t *bytes;
	unsigned begin, end;	/* of what there is of them */
	uint8_t *page;
	bool cpuid;
	unsigned changed, left;
};

struct one {
	unsigned at, n;		/* n: bytes; 0: no such instruction */
	const uint8_t *op;	/* behind the prefixes */
	bool prefixed, half;	/* half: operands of 16 bits */
};

static void put(struct text *t, const uint8_t *where, uint8_t byte)
{
	unsigned at = where - t->bytes - FIRST;

	if (at >= PAGE)
		return;
	t->page[at] = byte;
	t->changed++;
}

/* --- reading ---------------------------------------------------------- */

/*
 * What no compiler makes and no kernel needs, bit n & 31 of word n >> 5: BCD
 * arithmetic, the stack pointer counted up or popped, arpl, enter, into, int1,
 * far returns that drop arguments, and the like.
 */
static const uint32_t odd_one[8] = {
	0x00800000, 0x80808080, 0x10001010, 0x00000008,
	0x00000004, 0x00000000, 0x00704500, 0x00020000,
};

/* Behind 0f: what is not defined. */
static const uint32_t odd_two[8] = {
	[0] = 0x00001410, [1] = 0xfa4000f0, [7] = 0x80000000,
};

/* By what is in ModRM: bits for each reg, and for memory or a register. */
static const struct { uint8_t op, reg, memory, direct; } odd_modrm[] = {
	{ 0x62, 0, 1, 0 }, { 0xc4, 0, 1, 0 }, { 0xc5, 0, 1, 0 },
	{ 0x8d, 0, 0, 1 }, { 0x8e, 0xc2, 0, 0 }, { 0x8f, 0xfe, 0, 0 },
	{ 0xc6, 0xfe, 0, 0 }, { 0xc7, 0xfe, 0, 0 }, { 0xfe, 0xfc, 0, 0 },
	{ 0xff, 0x80, 0, 0 },
};

static bool is_odd(const uint8_t *op)
{
	const uint32_t *set = op[0] == 0x0f ? odd_two : odd_one;
	uint8_t last = op[op[0] == 0x0f];

	for (unsigned i = 0; i < ARRAY_SIZE(odd_modrm); i++)
		if (odd_modrm[i].op == op[0] &&
		    (odd_modrm[i].reg >> (op[1] >> 3 & 7) & 1 ||
		     (op[1] >> 6 == 3 ? odd_modrm[i].direct :
		      odd_modrm[i].memory)))
			return true;
	return (!op[0] && !op[1]) || (set[last >> 5] >> (last & 31) & 1);
}

/*
 * Jumps of static calls are one behind the other, each with a mark.  So regular
 * are they that who reads them wrong does so to the end; but within something
 * else there is no such mark.
 */
static bool hides_mark(const uint8_t *bytes, unsigned n)
{
	while (--n)
		if (*++bytes == 0x0f && bytes[1] == 0xb9 && bytes[2] == 0xcc)
			return true;
	return false;
}

/*
 * Zeros that fill up to the next section of a module; how many.  A single one
 * might be an instruction's, but not behind ret.
 */
static unsigned gap_at(const struct text *t, unsigned at)
{
	unsigned n = 0;

	while (at + n < t->end && n < RING && !t->bytes[at + n])
		n++;
	if (n == RING || (at + n) % (n > 3 ? 16 : 4))
		return 0;
	return n > 1 || (at > t->begin && t->bytes[at - 1] == 0xc3) ? n : 0;
}

static bool is_prefix(uint8_t byte)
{
	return (byte & 0xe7) == 0x26 || (byte & 0xfc) == 0x64 ||
	       byte == 0xf0 || (byte & 0xfe) == 0xf2;
}

static void read_one(const struct text *t, unsigned at, struct one *o)
{
	const uint8_t *op = t->bytes + at;

	*o = (struct one){ .at = at, .op = op };
	if (at >= t->end)
		return;
	o->n = gap_at(t, at);
	if (o->n)
		return;
	o->n = insn_length(op, t->end - at);
	if (!o->n || hides_mark(op, o->n)) {
		o->n = 0;
		return;
	}
	for (; is_prefix(*op); op++) {
		o->prefixed = true;
		o->half |= *op == 0x66;
	}
	o->op = op;
	if (is_odd(op))
		o->n = 0;
}

/* --- selectors -------------------------------------------------------- */

static const struct meaning {
	uint8_t from, to;
	uint8_t into;		/* segment registers, as bits */
} meanings[] = {
	{ 0x7b, 0x2b, 1 << 3 | 1 << 0 },
	{ 0xd8, 0xdf, 1 << 4 | 1 << 5 },
	{ 0xe0, 0xe7, 1 << 4 | 1 << 5 },
};

#define USED	(1u << 31)	/* it goes elsewhere, too */

static unsigned after_modrm(const uint8_t *op, uint8_t modrm, unsigned regs)
{
	unsigned reg = 1u << (modrm >> 3 & 7), rm = 1u << (modrm & 7);

	if (modrm >> 6 != 3)
		rm = 0;
	if ((op[0] | 1) == 0x89 && regs & reg)
		return rm ? regs | rm : USED;
	/* It is a segment register, or part of the opcode. */
	if (op[0] == 0x8c || (op[0] & 0xfc) == 0x80 || (op[0] & 0xf8) == 0xc0)
		reg = 0;
	/* Nobody calculates with a selector, so they get something else. */
	return regs & ~(reg | rm);
}

/*
 * Which registers hold the selector after an instruction, if these do before
 * it; none if it leads elsewhere.
 */
static unsigned after(const struct text *t, const struct one *o, unsigned regs)
{
	unsigned modrm = insn_modrm(t->bytes + o->at, o->n);
	uint8_t op = o->op[0] == 0x0f ? o->op[1] & 0x8f : o->op[0];

	if (op == 0xff)
		return 0;
	if (modrm)
		return after_modrm(o->op, t->bytes[o->at + modrm], regs);
	switch (op >> 3) {
	case 0x50 >> 3:			/* push */
		return regs >> (op & 7) & 1 ? USED : regs;
	case 0x58 >> 3:			/* pop, mov */
	case 0xb8 >> 3:
		return regs & ~(1u << (op & 7));
	case 0xa0 >> 3:			/* mov: eax and an address */
		return op & 2 && regs & 1 ? USED : regs & ~1u;
	case 0x70 >> 3: case 0x78 >> 3: case 0x80 >> 3: case 0x88 >> 3:
	case 0xc0 >> 3: case 0xc8 >> 3: case 0xe0 >> 3: case 0xe8 >> 3:
		return 0;
	}
	return regs;
}

/* Is what a register is given before `at` for segment registers alone? */
static bool is_moved(const struct text *t, unsigned at, unsigned regs,
		     unsigned into)
{
	bool found = false;
	struct one o;

	for (unsigned i = 0; i < STRAIGHT && regs; i++, at += o.n) {
		read_one(t, at, &o);
		if (!o.n)
			break;
		if (o.op[0] != 0x8e || o.op[1] >> 6 != 3)
			regs = after(t, &o, regs);
		else if (regs >> (o.op[1] & 7) & 1)
			found |= into >> (o.op[1] >> 3 & 7) & 1;
		if (regs == USED)
			return false;
	}
	return found;
}

/* Is this pop of one of those? */
static bool is_popped(const uint8_t *op, unsigned into)
{
	unsigned sreg = op[0] >> 3;

	if (op[0] == 0x0f && (op[1] & 0xf7) == 0xa1)
		sreg = op[1] >> 3 & 7;
	else if ((op[0] & 0xe7) != 0x07)
		return false;
	return into >> sreg & 1;
}

/* mov and push of a constant. */
static void treat_selector(struct text *t, const struct one *o)
{
	const uint8_t *op = o->op;
	unsigned next = o->at + o->n;
	bool mov = op[0] >= 0xb8;

	/* All that we look for is less than a byte, whose sign is extended. */
	for (const uint8_t *p = t->bytes + next; --p > op + 1;)
		if (*p)
			return;
	for (unsigned i = 0; i < ARRAY_SIZE(meanings); i++) {
		const struct meaning *m = &meanings[i];

		if (m->from != op[1] || (op[0] == 0x6a && op[1] >> 7))
			continue;
		if (mov ? is_moved(t, next, 1u << (op[0] & 7), m->into) :
		    is_popped(t->bytes + next, m->into))
			put(t, op + 1, m->to);
	}
}

/* ---------------------------------------------------------------------- */

static void treat_two(struct text *t, const uint8_t *op)
{
	uint8_t modrm = op[2], reg = modrm >> 3 & 7;

	if (op[1] == 0xa2 && t->cpuid)
		put(t, op + 1, 0x08);
	else if (op[1] == 0x00 && reg < 2)
		put(t, op + 2, modrm ^ 0x30);
	else if (op[1] == 0x01 && reg < 2 && modrm >> 6 != 3)
		put(t, op + 2, modrm ^ (reg ? 0x38 : 0x28));
}

static void treat_one(struct text *t, const struct one *o)
{
	switch (o->op[0]) {
	case 0x9c: case 0x9d:
		/* Of 16 bits, or with a prefix that outs would heed. */
		if (o->prefixed)
			t->left++;
		else
			put(t, o->op, o->op[0] == 0x9c ? 0x6e : 0x6c);
		break;
	case 0x0f:
		treat_two(t, o->op);
		break;
	case 0x68: case 0x6a: case 0xb8 ... 0xbf:
		treat_selector(t, o);
		break;
	}
}

/* From an instruction to `to`, or to the first that is none; returns where. */
static unsigned treat_from(struct text *t, unsigned at, unsigned to)
{
	struct one o;

	for (; at < to; at += o.n) {
		read_one(t, at, &o);
		if (!o.n)
			break;
		treat_one(t, &o);
	}
	return at;
}

/* --- before the entry ------------------------------------------------- */

/*
 * Readers begin at RING places one behind the other.  Those that meet go on as
 * one, which remembers how many they are and where most of them began.  Who
 * reads nonsense is out, and if that was the last one, new ones begin behind
 * it.  Returns where most of those that come to the entry began; the entry, if
 * most do not.
 */
static unsigned origin_of(const struct text *t, unsigned entry)
{
	struct { unsigned count, origin; } ring[RING] = { 0 }, m, *to;
	unsigned from = t->begin, all = 0;
	struct one o;

	for (unsigned at = from; at < entry; at++) {
		m = ring[at % RING];
		ring[at % RING].count = 0;
		if (at < from + RING) {
			/*
			 * With nothing before it the page is the first of its
			 * kind, and begins with an instruction.
			 */
			unsigned weight = at == FIRST ? RING : 1;

			if (m.count < weight)
				m.origin = at;
			m.count += weight;
			all += weight;
		}
		if (!m.count)
			continue;
		read_one(t, at, &o);
		to = &ring[(at + o.n) % RING];
		if (!o.n) {
			all -= m.count;
			if (!all)
				from = at + 1;
			continue;
		}
		if (m.count > to->count)
			to->origin = m.origin;
		to->count += m.count;
	}
	m = ring[entry % RING];
	return m.count * 2 > all ? m.origin : entry;
}

unsigned text_treat(const uint8_t *bytes, unsigned before, unsigned behind,
		    unsigned entry, uint8_t *page, bool cpuid,
		    struct text_counts *n)
{
	struct text t = {
		.bytes = bytes, .page = page, .cpuid = cpuid,
		.begin = FIRST - before,
		.end = LAST + (behind < PEEK ? 0 : behind - PEEK),
	};
	unsigned origin = origin_of(&t, entry += FIRST), at;

	treat_from(&t, origin, entry);
	at = treat_from(&t, entry, LAST);
	n->pages++;
	n->patched += t.changed;
	n->left += t.left;
	n->lost += (origin > FIRST ? origin - FIRST : 0) +
		   (at < LAST ? LAST - at : 0);
	return t.changed;
}
