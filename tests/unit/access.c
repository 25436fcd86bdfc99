/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions that a Guest of the hypervisor `lguest` uses on ports and
 * device memory: against what the assembler made of them, and every form of
 * address against the disassembler.
 */
#include <stdlib.h>
#include <unistd.h>

#include "access.h"
#include "lguest_insns.h"
#include "rig.h"

#define ROOM	7		/* bytes that the Host shows us */
#define SLOT	32		/* bytes for each in the file */

static bool same(const struct access *a, const struct access *b)
{
	return a->write == b->write && a->mmio == b->mmio &&
	       a->width == b->width && a->length == b->length &&
	       a->reg == b->reg && a->high == b->high &&
	       a->extend == b->extend && a->port == b->port &&
	       a->value == b->value;
}

/* What follows an instruction must not matter. */
static void check_insn(const struct insn *insn, uint8_t filler)
{
	uint8_t bytes[ROOM];
	size_t len = strnlen(insn->bytes, ROOM);
	unsigned i = insn - insns;
	struct access a;
	bool known;

	/* Those with a zero in them have a length of their own. */
	if (insn->access.length)
		len = insn->access.length;
	memset(bytes, filler, sizeof(bytes));
	memcpy(bytes, insn->bytes, len);
	known = access_decode(&a, bytes, 7, insn->access.mmio);
	if (known != !!insn->access.length ||
	    (known && !same(&a, &insn->access)))
		fprintf(stderr, "entry %u: known %d, length %u, width %u, reg %d, high %d, extend %u, port %d, value %#x\n",
			i, known, a.length, a.width, a.reg, a.high, a.extend,
			a.port, a.value);
	CHECK_EQ(known, !!insn->access.length);
	CHECK(!known || same(&a, &insn->access));
}

static void as_assembled(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(insns); i++) {
		check_insn(&insns[i], 0x00);
		check_insn(&insns[i], 0x90);
		check_insn(&insns[i], 0xff);
	}
}

/* Only where the same register loses all but that byte. */
static void widened(void)
{
	static const struct {
		uint8_t bytes[ROOM];
		unsigned extend;
	} reads[] = {
		{ { 0x8a, 0x18, 0x0f, 0xb6, 0xdb }, 4 },  /* ebx, bl */
		{ { 0x8a, 0x00, 0x0f, 0xb6, 0xc0 }, 4 },  /* eax, al */
		{ { 0x8a, 0x18, 0x0f, 0xb6, 0xc3 }, 1 },  /* eax, bl */
		{ { 0x8a, 0x18, 0x0f, 0xb6, 0xd8 }, 1 },  /* ebx, al */
		{ { 0x8a, 0x18, 0x0f, 0xb7, 0xdb }, 1 },  /* ebx, bx */
		{ { 0x8a, 0x38, 0x0f, 0xb6, 0xdb }, 1 },  /* bh, first */
		{ { 0x8a, 0x05, 1, 2, 3, 0x0f, 0xb6 }, 1 },
	};
	struct access a;

	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		CHECK(access_decode(&a, reads[i].bytes, ROOM, true));
		CHECK_EQ(a.extend, reads[i].extend);
		CHECK_EQ(a.width, 1);
	}
}

/* A byte less than it needs, and it is not one. */
static void too_long(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(insns); i++) {
		unsigned len = insns[i].access.length, pad = ROOM + 1 - len;
		uint8_t bytes[ROOM];
		struct access a;

		if (!len)
			continue;
		memset(bytes, 0x3e, sizeof(bytes));
		memcpy(bytes + pad, insns[i].bytes, ROOM - pad);
		CHECK(!access_decode(&a, bytes, 7, insns[i].access.mmio));
		/* And with one prefix fewer it is again. */
		memcpy(bytes + pad - 1, insns[i].bytes, len);
		CHECK(access_decode(&a, bytes, 7, insns[i].access.mmio));
		CHECK_EQ(a.length, ROOM);
	}
}

static void prefixes_alone(void)
{
	static const uint8_t bytes[] = { 0x66, 0x26, 0x2e, 0x36, 0x3e, 0x64,
					 0x65 };
	struct access a;

	for (unsigned i = 0; i < sizeof(bytes); i++) {
		uint8_t all[ROOM];

		memset(all, bytes[i], sizeof(all));
		CHECK(!access_decode(&a, all, 7, true));
		CHECK(!access_decode(&a, all, 7, false));
	}
}

/* All 2^16 beginnings, with anything behind: it answers, within bounds. */
static void anything(void)
{
	uint8_t *bytes = malloc(ROOM);	/* so that ASan sees one too far */
	struct access a;

	srand(1);
	for (unsigned i = 0; i < 4 << 16; i++) {
		for (unsigned k = 0; k < ROOM; k++)
			bytes[k] = rand();
		bytes[0] = i;
		bytes[1] = i >> 8;
		if (!access_decode(&a, bytes, 7, i & 1 << 17))
			continue;
		CHECK(a.length >= 1 && a.length <= ROOM);
		CHECK(a.width == 1 || a.width == 2 || a.width == 4);
		CHECK(a.reg >= -1 && a.reg < 8 && (a.reg >= 0 || a.write));
		CHECK(!a.high || a.reg < 4);
	}
	free(bytes);
}

/* ------------------------------------------------------------------ */

/* Opcodes with ModRM, each with every ModRM and every SIB. */
static const char *const heads[] = {
	"\x88", "\x89", "\x8a", "\x8b", "\x66\x89", "\x66\x8b", "\xc6", "\xc7",
	"\x66\xc7", "\x0f\xb6", "\x0f\xb7", "\x66\x0f\xb6", "\x64\x8b",
	"\x2e\x66\x89",
};

static uint8_t modrms[ARRAY_SIZE(heads) << 14];

static unsigned write_all_forms(FILE *f)
{
	unsigned n = 0;

	for (unsigned h = 0; h < ARRAY_SIZE(heads); h++)
		for (unsigned form = 0; form < 1 << 16; form++) {
			uint8_t modrm = form, slot[SLOT];
			size_t head = strlen(heads[h]);

			/* A SIB byte only where there is one. */
			if (form >> 8 && ((modrm & 7) != 4 || modrm >> 6 == 3))
				continue;
			if ((heads[h][head - 1] & 0xfe) == 0xc6 &&
			    modrm & 0x38)
				continue;
			memset(slot, 0x90, sizeof(slot));
			memcpy(slot, heads[h], head);
			slot[head] = modrm;
			slot[head + 1] = form >> 8;
			fwrite(slot, SLOT, 1, f);
			modrms[n++] = modrm;
		}
	return n;
}

/* One line of objdump: "  addr:\tbytes... \tinsn". */
static bool parse_line(const char *line, unsigned long *at, unsigned *len)
{
	char *end;

	*at = strtoul(line, &end, 16);
	if (end == line || *end != ':')
		return false;
	*len = 0;
	for (line = end + 2; line[0] > ' ' && line[1] > ' '; line += 3)
		(*len)++;
	return *len > 0;
}

static void check_form(FILE *f, unsigned long at, unsigned len,
		       const char *line)
{
	bool memory = modrms[at / SLOT] >> 6 != 3, known;
	uint8_t bytes[ROOM];
	struct access a;

	CHECK_EQ(pread(fileno(f), bytes, ROOM, at), ROOM);
	known = access_decode(&a, bytes, 7, true);
	if (known != (memory && len <= ROOM) || (known && a.length != len))
		fprintf(stderr, "known %d, length %u: %s", known, a.length,
			line);
	CHECK_EQ(known, memory && len <= ROOM);
	CHECK(!known || a.length == len);
}

static void as_disassembled(void)
{
	char name[] = "/tmp/lguest-forms-XXXXXX", command[128], line[256];
	unsigned n, seen = 0, len;
	unsigned long at;
	FILE *f, *out;

	if (system("objdump --version >/dev/null 2>&1")) {
		rig_skip("no objdump here");
		return;
	}
	f = fdopen(mkstemp(name), "w+");
	n = write_all_forms(f);
	fflush(f);
	snprintf(command, sizeof(command),
		 "objdump -D -w -z -b binary -m i386 --insn-width=16 %s",
		 name);
	out = popen(command, "r");
	while (fgets(line, sizeof(line), out))
		if (parse_line(line, &at, &len) && at % SLOT == 0) {
			check_form(f, at, len, line);
			seen++;
		}
	CHECK_EQ(pclose(out), 0);
	unlink(name);
	CHECK_EQ(seen, n);
}

int main(void)
{
	RUN(as_assembled);
	RUN(widened);
	RUN(too_long);
	RUN(prefixes_alone);
	RUN(anything);
	RUN(as_disassembled);
	return rig_done();
}
