/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code of a stock kernel that neither works nor traps at ring 3 (see text.h).
 *
 * Nothing says where the instructions of a page begin, but for the one that is
 * about to run.  Behind that one it takes only reading.  Before it we read from
 * several places at once: code read from a wrong place soon falls into step
 * with the right one, or turns into what no kernel does.
 */
#include <string.h>

#include "access.h"
#include "state.h"
#include "text.h"

/* Positions are those in bytes[]. */
#define FIRST	TEXT_AROUND
#define LAST	(TEXT_AROUND + PAGE)

#define RING	16		/* of positions ahead; over INSN_MAX */
#define STRAIGHT 8		/* instructions that a selector is followed for */

struct text {
	const uint8_t *bytes;
	unsigned begin, end;	/* of what there is of them */
	uint8_t *page;
	bool cpuid;
	unsigned changed, left;
};

struct one {
	unsigned at, n;		/* n: bytes; 0: no such instruction */
	unsigned prefixes;
	bool half;		/* operands of 16 bits */
	uint8_t op[INSN_MAX + 8];	/* from the opcode on; then zeros */
};

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

static bool is_in(const uint32_t set[8], uint8_t op)
{
	return set[op >> 5] >> (op & 31) & 1;
}

static bool is_odd(const struct one *o)
{
	const uint8_t *op = o->op;
	unsigned reg = op[1] >> 3 & 7;
	bool memory = op[1] >> 6 != 3;

	switch (op[0]) {
	case 0x00:			/* zeros, most of the time */
		return !op[1];
	case 0x0f:
		return is_in(odd_two, op[1]);
	case 0x62: case 0xc4: case 0xc5:	/* bound, les, lds */
		return memory;
	case 0x8d:			/* lea of no address */
		return !memory;
	case 0x8f:
		return reg;
	case 0x8e:			/* mov to cs, or to none */
		return reg == 1 || reg > 5;
	case 0x9a: case 0xea:		/* far, by a strange selector */
		return !o->half && (op[5] & 7 || op[6]);
	case 0xc6: case 0xc7:
		return reg && op[1] != 0xf8;
	case 0xfe:
		return reg > 1;
	case 0xff:
		return reg == 7;
	}
	return is_in(odd_one, op[0]);
}

/*
 * Jumps of static calls are one behind the other, each with a mark.  So regular
 * are they that who reads them wrong does so to the end; but within something
 * else there is no such mark.
 */
static bool hides_mark(const uint8_t *bytes, unsigned n, unsigned there)
{
	for (unsigned i = 1; i < n && i + 2 < there; i++)
		if (bytes[i] == 0x0f && bytes[i + 1] == 0xb9 &&
		    bytes[i + 2] == 0xcc)
			return true;
	return false;
}

static bool is_prefix(uint8_t byte)
{
	return (byte & 0xe7) == 0x26 || (byte & 0xfc) == 0x64 ||
	       byte == 0xf0 || byte == 0xf2 || byte == 0xf3;
}

static struct one read_one(const struct text *t, unsigned at)
{
	struct one o = { .at = at };
	const uint8_t *bytes = t->bytes + at;

	if (at >= t->end)
		return o;
	o.n = insn_length(bytes, t->end - at);
	for (; o.prefixes < o.n && is_prefix(bytes[o.prefixes]); o.prefixes++)
		o.half |= bytes[o.prefixes] == 0x66;
	memcpy(o.op, bytes + o.prefixes, o.n - o.prefixes);
	if (is_odd(&o) || hides_mark(bytes, o.n, t->end - at))
		o.n = 0;
	return o;
}

/* Changes a byte that is `ahead` of the opcode. */
static void put(struct text *t, const struct one *o, unsigned ahead,
		uint8_t byte)
{
	unsigned at = o->at + o->prefixes + ahead;

	if (at < FIRST || at >= LAST)
		return;
	t->page[at - FIRST] = byte;
	t->changed++;
}

/* --- selectors -------------------------------------------------------- */

struct meaning {
	uint8_t from, to;
	uint8_t into;		/* segment registers, as bits */
};

static const struct meaning meanings[] = {
	{ 0x7b, 0x2b, 1 << 3 | 1 << 0 },
	{ 0xd8, 0xdf, 1 << 4 | 1 << 5 },
	{ 0xe0, 0xe7, 1 << 4 | 1 << 5 },
};

#define USED	(1u << 31)	/* it goes elsewhere, too */

/* Registers that what ModRM means, other than its middle, is made of. */
static unsigned modrm_others(const uint8_t *modrm)
{
	unsigned rm = modrm[0] & 7, mod = modrm[0] >> 6;

	if (mod == 3 || rm != 4)
		return 1u << rm;
	return 1u << (modrm[1] & 7) | 1u << (modrm[1] >> 3 & 7);
}

static unsigned after_modrm(const uint8_t *op, const uint8_t *modrm,
			    unsigned regs, bool half)
{
	unsigned reg = 1u << (modrm[0] >> 3 & 7), others = modrm_others(modrm);
	bool between = modrm[0] >> 6 == 3;
	bool loads = op[0] == 0x8b || op[0] == 0x8d ||
		     (op[0] == 0x0f && (op[1] & 0xf6) == 0xb6);
	/* Nothing is left of what is combined with itself. */
	bool clears = ((op[0] | 2) == 0x2b || (op[0] | 2) == 0x33) &&
		      between && reg == others;

	/* It is a segment register, or part of the opcode. */
	if (op[0] == 0x8c || (op[0] & 0xfc) == 0x80 || (op[0] & 0xf8) == 0xc0)
		reg = 0;
	/* In operations on bytes 4 to 7 are the second ones of 0 to 3. */
	if (!(op[0] & 1) && op[0] != 0x8c)
		others |= (reg | others) >> 4;
	if (!((reg | others) & regs))
		return regs;
	if (half)
		return USED;
	if ((op[0] == 0x89 || op[0] == 0x8c) && between)
		return reg & regs ? regs | others : regs & ~others;
	return clears || (loads && !(others & regs)) ? regs & ~reg : USED;
}

/*
 * Which registers hold the selector after an instruction, if these do before
 * it; 0 as well if it leads elsewhere, or is too much for us.
 */
static unsigned after(const struct text *t, const struct one *o, unsigned regs)
{
	const uint8_t *op = o->op;
	unsigned modrm = insn_modrm(t->bytes + o->at, o->n);
	unsigned reg = 1u << (op[0] & 7);

	if (op[0] == 0xff)		/* jump, call, push, or rare */
		return 0;
	if (modrm)
		return after_modrm(op, op + modrm - o->prefixes, regs,
				   o->half);
	switch (op[0]) {
	case 0x40 ... 0x57:
		return reg & regs ? USED : regs;
	case 0x58 ... 0x5f: case 0xb8 ... 0xbf:
		return regs & ~reg;
	case 0x0f:			/* push and pop of fs and gs */
		return (op[1] & 0xf6) == 0xa0 ? regs : 0;
	case 0x06: case 0x07: case 0x16: case 0x1e: case 0x1f: case 0x68:
	case 0x6a: case 0x90: case 0x9c: case 0x6e: case 0xfa ... 0xfd:
		return regs;
	}
	return 0;
}

/* Is what a register is given at `at` for segment registers, and only that? */
static bool is_selector(const struct text *t, unsigned at, unsigned reg,
			unsigned into)
{
	unsigned regs = 1u << reg;
	bool found = false;

	for (unsigned i = 0; i < STRAIGHT && regs; i++) {
		struct one o = read_one(t, at);
		uint8_t modrm = o.op[1];

		if (!o.n)
			break;
		if (o.op[0] == 0x8e && modrm >> 6 == 3)
			found |= (regs >> (modrm & 7) & 1) &&
				 (into >> (modrm >> 3 & 7) & 1);
		else
			regs = after(t, &o, regs);
		if (regs == USED)
			return false;
		at += o.n;
	}
	return found;
}

static bool is_popped(const struct text *t, unsigned at, unsigned into)
{
	struct one o = read_one(t, at);
	const uint8_t *op = o.op;

	if (!o.n)
		return false;
	return op[0] == 0x0f ? (op[1] & 0xf7) == 0xa1 &&
			       into >> (op[1] >> 3 & 7) & 1 :
	       (op[0] & 0xe7) == 0x07 && into >> (op[0] >> 3) & 1;
}

static void treat_selector(struct text *t, const struct one *o)
{
	const uint8_t *op = o->op;
	unsigned next = o->at + o->n;
	/* It has zeros behind its end. */
	uint32_t value = op[1] | (op[2] | op[3] | op[4]) << 8;

	for (unsigned i = 0; i < ARRAY_SIZE(meanings); i++) {
		const struct meaning *m = &meanings[i];

		/* Of a byte the sign is extended. */
		if (m->from == value && (op[0] != 0x6a || value < 0x80) &&
		    (op[0] >= 0xb8 ?
		     is_selector(t, next, op[0] & 7, m->into) :
		     is_popped(t, next, m->into)))
			put(t, o, 1, m->to);
	}
}

/* ---------------------------------------------------------------------- */

static void treat_two(struct text *t, const struct one *o)
{
	const uint8_t *op = o->op;
	unsigned modrm = op[2], reg = modrm >> 3 & 7;

	if (op[1] == 0xa2 && t->cpuid)
		put(t, o, 1, 0x08);
	else if (op[1] == 0x00 && reg < 2)
		put(t, o, 2, modrm ^ 0x30);
	else if (op[1] == 0x01 && reg < 2 && modrm >> 6 != 3)
		put(t, o, 2, modrm ^ (reg ? 0x38 : 0x28));
}

static void treat_one(struct text *t, const struct one *o)
{
	uint8_t op = o->op[0];

	switch (op) {
	case 0x9c: case 0x9d:
		/* Of 16 bits, or with a prefix that outs would heed. */
		if (!o->prefixes)
			put(t, o, 0, op == 0x9c ? 0x6e : 0x6c);
		else
			t->left++;
		break;
	case 0x0f:
		treat_two(t, o);
		break;
	case 0x68: case 0x6a: case 0xb8 ... 0xbf:
		treat_selector(t, o);
		break;
	}
}

/* From an instruction to `to`, or to the first that is none; returns where. */
static unsigned treat_from(struct text *t, unsigned at, unsigned to)
{
	while (at < to) {
		struct one o = read_one(t, at);

		if (!o.n)
			break;
		treat_one(t, &o);
		at += o.n;
	}
	return at;
}

/* --- before the entry ------------------------------------------------- */

/* Readers that have met, and where the first of most of them began. */
struct met {
	unsigned count, origin;
};

struct readers {
	struct met at[RING];
	unsigned count;
	unsigned from, until;	/* where they begin */
};

/* More readers where there is none left that does not read nonsense. */
static void readers_begin(struct readers *r, unsigned from)
{
	r->from = from;
	r->until = from + RING;
}

static struct met readers_take(struct readers *r, unsigned at)
{
	struct met *ring = &r->at[at % RING], m = *ring;

	ring->count = 0;
	if (at < r->from || at >= r->until)
		return m;
	if (!m.count)
		m.origin = at;
	/*
	 * With nothing before it the page is the first of its kind, and
	 * begins with an instruction.
	 */
	m.count += at == FIRST ? RING : 1;
	r->count += at == FIRST ? RING : 1;
	return m;
}

static void readers_meet(struct readers *r, unsigned at, struct met m)
{
	struct met *ring = &r->at[at % RING];

	if (m.count > ring->count)
		ring->origin = m.origin;
	ring->count += m.count;
}

/* Where most of those that get to the entry began; the entry, if they do not. */
static unsigned origin_of(const struct text *t, unsigned entry)
{
	struct readers r = { .count = 0 };
	struct met m;

	readers_begin(&r, t->begin);
	for (unsigned at = t->begin; at < entry; at++) {
		struct one o;

		m = readers_take(&r, at);
		if (!m.count)
			continue;
		o = read_one(t, at);
		if (o.n) {
			readers_meet(&r, at + o.n, m);
			continue;
		}
		r.count -= m.count;
		if (!r.count && at + 1 >= r.until)
			readers_begin(&r, at + 1);
	}
	m = r.at[entry % RING];
	return m.count * 2 > r.count ? m.origin : entry;
}

unsigned text_treat(const uint8_t *bytes, unsigned before, unsigned behind,
		    unsigned entry, uint8_t *page, bool cpuid,
		    struct text_counts *n)
{
	struct text t = { .bytes = bytes, .page = page, .cpuid = cpuid,
			  .begin = FIRST - before, .end = LAST + behind };
	unsigned origin, at;

	origin = origin_of(&t, FIRST + entry);
	treat_from(&t, origin, FIRST + entry);
	at = treat_from(&t, FIRST + entry, LAST);
	n->pages++;
	n->patched += t.changed;
	n->left += t.left;
	n->lost += (origin > FIRST ? origin - FIRST : 0) +
		   (at < LAST ? LAST - at : 0);
	return t.changed;
}
