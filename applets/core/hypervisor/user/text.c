/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code of a stock kernel that neither works nor traps at ring 3 (see text.h).
 *
 * Nothing says where the instructions of a page begin, but for the one that is
 * about to run.  Behind that one it takes only reading.  Before it we read from
 * several places at once: code read from a wrong place soon falls into step
 * with the right one, or turns into what no kernel does.
 */
#include "state.h"
#include "text_read.h"

/* Positions are those in bytes[]. */
#define FIRST	TEXT_AROUND
#define LAST	(TEXT_AROUND + PAGE)

#define RING	16	/* of positions ahead; over INSN_MAX */
#define STRAIGHT 8	/* instructions that a selector is followed for */

struct text {
	struct text_source from;
	uint8_t *page, *starts;
	bool cpuid;
	unsigned changed, left;
};

static void put(struct text *t, const uint8_t *where, uint8_t byte)
{
	unsigned at = where - t->from.bytes - FIRST;

	if (at >= PAGE)
		return;
	t->page[at] = byte;
	t->changed++;
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
static unsigned after(const struct text *t, const struct text_insn *o,
		      unsigned regs)
{
	unsigned modrm = insn_modrm(t->from.bytes + o->at, o->n);
	uint8_t op = o->op[0] == 0x0f ? o->op[1] & 0x8f : o->op[0];

	if (op == 0xff)
		return 0;
	if (modrm)
		return after_modrm(o->op, t->from.bytes[o->at + modrm], regs);
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
	struct text_insn o;

	for (unsigned i = 0; i < STRAIGHT && regs; i++, at += o.n) {
		text_read(&t->from, at, &o);
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
static void treat_selector(struct text *t, const struct text_insn *o)
{
	const uint8_t *op = o->op;
	unsigned next = o->at + o->n;
	bool mov = op[0] >= 0xb8;

	/* All that we look for is less than a byte, whose sign is extended. */
	for (const uint8_t *p = t->from.bytes + next; --p > op + 1;)
		if (*p)
			return;
	for (unsigned i = 0; i < ARRAY_SIZE(meanings); i++) {
		const struct meaning *m = &meanings[i];

		if (m->from != op[1] || (op[0] == 0x6a && op[1] >> 7))
			continue;
		if (mov ? is_moved(t, next, 1u << (op[0] & 7), m->into) :
		    is_popped(t->from.bytes + next, m->into))
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

static void treat_one(struct text *t, const struct text_insn *o)
{
	switch (o->op[0]) {
	case 0x9c: case 0x9d:
		/* Of 16 bits, or with a prefix that outs would heed. */
		if (o->op != t->from.bytes + o->at)
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

/* Nothing but a jump leads to what is behind it; or it is padding. */
static bool is_last(uint8_t op)
{
	return op == 0xc3 || op == 0xcc || (op & 0xfc) == 0xe8 || op == 0xff;
}

/*
 * From an instruction to `to`, or to the first that is none; returns where.
 * An int3 in a straight line is one of five bytes, or less, that the kernel is
 * about to exchange: the other four are no instructions, and mislead.
 */
static unsigned treat_from(struct text *t, unsigned at, unsigned to)
{
	bool last = false;
	unsigned next = at;
	struct text_insn o;

	for (; at < to; at += o.n) {
		text_read(&t->from, at, &o);
		if (!o.n)
			break;
		if (at >= next)
			treat_one(t, &o);
		if (at >= FIRST && at < LAST)
			t->starts[(at - FIRST) / 8] |= 1 << at % 8;
		if (o.op[0] == 0xcc && !last)
			next = at + 5 + INSN_MAX;
		last = is_last(o.op[0]);
	}
	return at;
}

/* --- before the entry ------------------------------------------------- */

/*
 * Readers begin at RING places one behind the other.  Those that meet go on as
 * one, which remembers how many they are and where most of them began.  Who
 * reads nonsense is out, and if that was the last one, new ones begin behind
 * it; and so is who steps over the entry.  Returns where most of those that
 * come to it began; the entry, if none does.
 */
static unsigned origin_of(const struct text *t, unsigned entry)
{
	struct { unsigned count, origin; } ring[RING] = { 0 }, m, *to;
	unsigned from = t->from.begin, all = 0;
	struct text_insn o;

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
		text_read(&t->from, at, &o);
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
	return m.count ? m.origin : entry;
}

unsigned text_treat(const uint8_t *bytes, unsigned before, unsigned behind,
		    unsigned entry, uint8_t *page, bool cpuid,
		    struct text_counts *n, uint8_t *starts)
{
	struct text t = {
		.from = { bytes, FIRST - before, LAST +
			  (behind < TEXT_PEEK ? 0 : behind - TEXT_PEEK) },
		.page = page, .starts = starts, .cpuid = cpuid,
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
