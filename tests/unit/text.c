/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of a kernel's code: of each form, of garbage, and, for files
 * named on the command line, of every page, from several entries each, by the
 * disassembler's word.
 */
#include <ctype.h>
#include <elf.h>
#include <stdlib.h>

#include "access.h"
#include "../../applets/core/hypervisor/user/text.h"
#include "rig.h"

#define PAGE	4096u
#define ENTRIES	8	/* tried in each page of a file */

/* --- a file ----------------------------------------------------------- */

#define SECTIONS 128
#define FOLLOWED 8	/* instructions that a selector is followed for */
#define FOLLOWS	4	/* at a time */

/*
 * A file's sections by address, as far as they are loaded; those of a module,
 * which have none, one behind the other.
 */
struct file {
	const char *name;
	bool is_module;
	uint8_t *bytes;
	bool *begins;		/* an instruction */
	uint8_t *want;		/* another byte here; 0: none */
	uint32_t base, size;
	struct { char name[64]; uint32_t at, shift, size; } sections[SECTIONS];
	unsigned n;
};

static uint8_t *file_read(const char *name, size_t *size)
{
	FILE *f = fopen(name, "r");
	uint8_t *bytes;

	if (!f || fseek(f, 0, SEEK_END))
		return NULL;
	*size = ftell(f);
	rewind(f);
	bytes = malloc(*size);
	if (fread(bytes, 1, *size, f) != *size)
		*size = 0;
	fclose(f);
	return bytes;
}

/* Only those that are loaded; a module's code alone. */
static bool section_matters(const Elf32_Ehdr *e, const Elf32_Shdr *s)
{
	return s->sh_type == SHT_PROGBITS && s->sh_flags & SHF_ALLOC &&
	       s->sh_size &&
	       (e->e_type == ET_EXEC || s->sh_flags & SHF_EXECINSTR);
}

static bool file_lay_out(struct file *f, const uint8_t *elf)
{
	const Elf32_Ehdr *e = (const void *)elf;
	const Elf32_Shdr *s = (const void *)(elf + e->e_shoff);
	const char *names = (const char *)elf + s[e->e_shstrndx].sh_offset;
	uint32_t low = UINT32_MAX, high = 0, next = PAGE;

	f->is_module = e->e_type != ET_EXEC;
	for (unsigned i = 0; i < e->e_shnum && f->n < SECTIONS; i++) {
		if (!section_matters(e, &s[i]))
			continue;
		f->sections[f->n].shift = 0;
		if (f->is_module) {
			next = (next + s[i].sh_addralign - 1) &
			       -s[i].sh_addralign;
			f->sections[f->n].shift = next;
			next += s[i].sh_size;
		}
		f->sections[f->n].at = s[i].sh_addr + f->sections[f->n].shift;
		f->sections[f->n].size = s[i].sh_size;
		snprintf(f->sections[f->n].name, 64, "%s",
			 names + s[i].sh_name);
		low = low < f->sections[f->n].at ? low : f->sections[f->n].at;
		if (high < f->sections[f->n].at + s[i].sh_size)
			high = f->sections[f->n].at + s[i].sh_size;
		f->n++;
	}
	if (!f->n)
		return false;
	f->base = low & ~(PAGE - 1);
	f->size = (high - f->base + PAGE) & ~(PAGE - 1);
	f->bytes = calloc(f->size, 1);
	f->begins = calloc(f->size, 1);
	f->want = calloc(f->size, 1);
	for (unsigned i = 0, k = 0; i < e->e_shnum && k < f->n; i++)
		if (section_matters(e, &s[i]))
			memcpy(f->bytes + f->sections[k++].at - f->base,
			       elf + s[i].sh_offset, s[i].sh_size);
	return true;
}

struct totals {
	unsigned long lines, lengths;	/* of which so many we read otherwise */
	unsigned long pages, entries, sites, missed, wrong, again;
	struct text_counts n;
};

static struct totals totals;
static uint8_t starts[PAGE / 8];

/* --- by the disassembler's word --------------------------------------- */

struct line {
	uint32_t at;		/* within the file's bytes */
	unsigned n;
	uint8_t bytes[16];
	char word[16], args[96];
};

static bool line_read(const char *text, uint32_t shift, struct line *l)
{
	const char *tab = strchr(text, '\t'), *insn = strrchr(text, '\t');
	char *end;

	if (!tab || insn == tab)
		return false;
	l->at = strtoul(text, &end, 16) + shift;
	if (*end != ':')
		return false;
	l->n = 0;
	for (tab++; isxdigit(tab[0]) && isxdigit(tab[1]) && l->n < 16; tab += 3)
		l->bytes[l->n++] = strtoul((char[]){ tab[0], tab[1], 0 }, NULL,
					   16);
	l->word[0] = l->args[0] = 0;
	sscanf(insn + 1, "%15s %95[^<\n]", l->word, l->args);
	return l->n;
}

static const char *const reg_names[] = { "eax", "ecx", "edx", "ebx", "esp",
	"ebp", "esi", "edi" };

static bool names(const char *args, unsigned reg)
{
	char name[8];

	snprintf(name, sizeof(name), "%%%s", reg_names[reg]);
	if (strstr(args, name))
		return true;
	snprintf(name, sizeof(name), "%%%s", reg_names[reg] + 1);
	if (strstr(args, name))
		return true;
	snprintf(name, sizeof(name), "%%%cl", reg_names[reg][1]);
	if (reg < 4 && strstr(args, name))
		return true;
	name[2] = 'h';
	return reg < 4 && strstr(args, name);
}

/* The 32-bit register that s is, or -1. */
static int register_of(const char *s)
{
	for (unsigned i = 0; i < 8; i++)
		if (s[0] == '%' && !strncmp(s + 1, reg_names[i], 3) &&
		    (!s[4] || s[4] == ',' || s[4] == ' '))
			return i;
	return -1;
}

struct follow {
	uint32_t at;		/* of the constant; 0: free */
	unsigned regs, lines;
	bool found;
	uint8_t to;
	const char *into[2];
};

static const struct follow kinds[] = {
	{ .at = 0x7b, .to = 0x2b, .into = { "%ds", "%es" } },
	{ .at = 0xd8, .to = 0xdf, .into = { "%fs", "%gs" } },
	{ .at = 0xe0, .to = 0xe7, .into = { "%fs", "%gs" } },
};

static struct follow follows[FOLLOWS];

static void follow_end(struct file *f, struct follow *w, bool good)
{
	if (good && w->found)
		f->want[w->at - f->base] = w->to;
	w->at = 0;
}

static bool leads_away(const char *word)
{
	return word[0] == 'j' || strstr(word, "call") || strstr(word, "ret") ||
	       strstr(word, "jmp") || !strncmp(word, "ud", 2);
}

static bool writes_last(const char *word)
{
	return !strncmp(word, "mov", 3) || !strncmp(word, "lea", 3) ||
	       !strcmp(word, "pop");
}

/* What becomes of the selector by this line. */
static void follow_line(struct file *f, struct follow *w, const struct line *l)
{
	const char *last = strrchr(l->args, ',');
	int from = register_of(l->args), to;
	unsigned named = 0;

	last = last ? last + 1 : l->args;
	to = register_of(last);
	for (unsigned r = 0; r < 8; r++)
		if (w->regs >> r & 1 && names(l->args, r))
			named |= 1u << r;
	if (leads_away(l->word)) {
		follow_end(f, w, true);
		return;
	}
	if (!strcmp(l->word, "mov") && strlen(last) == 3 && last[2] == 's') {
		w->found |= named && (!strcmp(last, w->into[0]) ||
				      !strcmp(last, w->into[1]));
	} else if (!strcmp(l->word, "mov") && from >= 0 && to >= 0 &&
		   w->regs >> from & 1) {
		w->regs |= 1u << to;
	} else if (named && to >= 0 && named == 1u << to) {
		size_t before = last - l->args;
		char rest[96] = "";

		memcpy(rest, l->args, before);
		if ((writes_last(l->word) && !names(rest, to)) ||
		    ((!strcmp(l->word, "xor") || !strcmp(l->word, "sub")) &&
		     from == to))
			w->regs &= ~(1u << to);
		else
			follow_end(f, w, false);
	} else if (named) {
		follow_end(f, w, false);
	}
	if (w->at && (!w->regs || !--w->lines))
		follow_end(f, w, true);
}

static void follow_begin(const struct line *l)
{
	unsigned op = l->bytes[0] == 0x66;
	unsigned value;

	if (strcmp(l->word, "mov") || (l->bytes[op] & 0xf8) != 0xb8 ||
	    sscanf(l->args, "$0x%x", &value) != 1)
		return;
	for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++)
		for (unsigned i = 0; i < FOLLOWS && kinds[k].at == value; i++)
			if (!follows[i].at) {
				follows[i] = kinds[k];
				follows[i].at = l->at + op + 1;
				follows[i].regs = 1u << (l->bytes[op] & 7);
				follows[i].lines = FOLLOWED;
				break;
			}
}

static void want_line(struct file *f, const struct line *l, bool runs)
{
	static const struct { const char *word; uint8_t at, flip; } forms[] = {
		{ "pushf", 0, 0x9c ^ 0x6e }, { "popf", 0, 0x9d ^ 0x6c },
		{ "cpuid", 1, 0xa2 ^ 0x08 }, { "sldt", 2, 0x30 },
		{ "str", 2, 0x30 }, { "sgdtl", 2, 0x28 },
		{ "sidtl", 2, 0x38 }, { "sgdt", 2, 0x28 }, { "sidt", 2, 0x38 },
	};
	uint32_t at = l->at - f->base;

	totals.lines++;
	/* The disassembler takes fwait for a part of what it waits for. */
	if (l->bytes[0] != 0x9b &&
	    insn_length(l->bytes, l->n) != l->n && ++totals.lengths <= 20)
		printf("%s: %x: not %u bytes: %s %s\n", f->name, l->at, l->n,
		       l->word, l->args);
	f->begins[at] = runs;
	for (unsigned i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(l->word, forms[i].word)) {
			unsigned skip = 0;

			while (forms[i].at == 2 && l->bytes[skip] != 0x0f)
				skip++;
			at += skip + forms[i].at;
			f->want[at] = f->bytes[at] ^ forms[i].flip;
		}
}

/* Templates, and what is for unloading a kernel, do not run where they are. */
static bool section_runs(const struct file *f, const char *name)
{
	return f->is_module || (strcmp(name, ".altinstr_replacement") &&
				strcmp(name, ".exit.text"));
}

static void file_disassemble(struct file *f)
{
	char text[512], name[64] = "";
	unsigned section = 0;
	uint32_t shift = 0;
	struct line l;
	FILE *p;

	snprintf(text, sizeof(text), "objdump -d -w -z --insn-width=16 %s",
		 f->name);
	p = popen(text, "r");
	while (p && fgets(text, sizeof(text), p)) {
		if (sscanf(text, "Disassembly of section %63[^:]", name) == 1) {
			while (section < f->n &&
			       strcmp(f->sections[section].name, name))
				section++;
			shift = section < f->n ? f->sections[section].shift : 0;
		} else if (section < f->n && line_read(text, shift, &l)) {
			want_line(f, &l, section_runs(f, name));
			for (unsigned i = 0; i < FOLLOWS; i++)
				if (follows[i].at)
					follow_line(f, &follows[i], &l);
			follow_begin(&l);
		}
	}
	if (p)
		pclose(p);
}

/* --- pages ------------------------------------------------------------ */

/* Treats the page at `at` of the file's bytes in a copy of its surroundings. */
static void page_treat(const struct file *f, uint32_t at, unsigned entry,
		       uint8_t *page, struct text_counts *n)
{
	unsigned before = at ? TEXT_AROUND : 0;
	unsigned behind = at + PAGE < f->size ? TEXT_AROUND : 0;
	uint8_t bytes[PAGE + 2 * TEXT_AROUND] = { 0 };

	memcpy(bytes + TEXT_AROUND - before, f->bytes + at - before,
	       before + PAGE + behind);
	memcpy(page, f->bytes + at, PAGE);
	text_treat(bytes, before, behind, entry, page, true, n, starts);
}

static void page_judge(const struct file *f, uint32_t at, unsigned entry)
{
	struct totals *all = &totals;
	uint8_t page[PAGE];

	page_treat(f, at, entry, page, &all->n);
	all->entries++;
	for (unsigned i = 0; i < PAGE; i++) {
		uint8_t want = f->want[at + i] ? f->want[at + i] :
			       f->bytes[at + i];

		if (page[i] == want)
			continue;
		if (want != f->bytes[at + i])
			all->missed++;
		else
			all->wrong++;
		if (all->missed + all->wrong <= 20)
			printf("%s: %x from %x: %02x became %02x, not %02x\n",
			       f->name, f->base + at + i, f->base + at + entry,
			       f->bytes[at + i], page[i], want);
	}
}

static unsigned page_entries(const struct file *f, uint32_t at,
			     unsigned entries[ENTRIES])
{
	uint16_t all[PAGE] = { 0 };
	unsigned n = 0, k = 0;

	for (unsigned i = 0; i < PAGE; i++)
		if (f->begins[at + i])
			all[n++] = i;
	for (unsigned i = 0; i < ENTRIES && n; i++)
		if (!k || all[i * (n - 1) / (ENTRIES - 1)] != entries[k - 1])
			entries[k++] = all[i * (n - 1) / (ENTRIES - 1)];
	return k;
}

static void file_judge(struct file *f)
{
	unsigned entries[ENTRIES];

	for (uint32_t at = 0; at < f->size; at += PAGE) {
		unsigned n = page_entries(f, at, entries);

		totals.pages += n > 0;
		for (unsigned i = 0; i < n; i++)
			page_judge(f, at, entries[i]);
	}
	for (uint32_t i = 0; i < f->size; i++)
		totals.sites += f->want[i] && f->want[i] != f->bytes[i];
}

/* What is treated is found in order, wherever it is entered the next time. */
static void file_again(struct file *f)
{
	unsigned entries[ENTRIES];
	uint8_t page[PAGE];
	struct text_counts n;

	for (uint32_t i = 0; i < f->size; i++)
		if (f->want[i])
			f->bytes[i] = f->want[i];
	for (uint32_t at = 0; at < f->size; at += PAGE) {
		unsigned k = page_entries(f, at, entries);

		while (k--) {
			page_treat(f, at, entries[k], page, &n);
			totals.again += memcmp(page, f->bytes + at, PAGE) != 0;
		}
	}
}

static bool file_try(const char *name)
{
	struct file f = { .name = name };
	size_t size;
	uint8_t *elf = file_read(name, &size);

	if (!elf || size < sizeof(Elf32_Ehdr) || memcmp(elf, ELFMAG, 4) ||
	    elf[EI_CLASS] != ELFCLASS32) {
		printf("%s: no 32-bit ELF file\n", name);
		return false;
	}
	/* There are modules without any code. */
	if (!file_lay_out(&f, elf))
		return true;
	file_disassemble(&f);
	file_judge(&f);
	file_again(&f);
	free(f.bytes);
	free(f.begins);
	free(f.want);
	free(elf);
	return true;
}

/* Exit status. */
static int files_try(char *names[])
{
	for (; *names; names++)
		if (!file_try(*names))
			return 1;
	printf("%lu instructions, %lu of another length to us; %lu pages "
	       "entered %lu times: %lu places; %lu missed, %lu wrong, %lu not "
	       "the same again; %u left, %u bytes lost\n", totals.lines,
	       totals.lengths, totals.pages, totals.entries, totals.sites,
	       totals.missed, totals.wrong, totals.again, totals.n.left,
	       totals.n.lost);
	return !totals.entries || totals.lengths || totals.missed ||
	       totals.wrong || totals.again;
}

/* --- single forms ----------------------------------------------------- */

static uint8_t around[PAGE + 2 * TEXT_AROUND], page[PAGE];
static uint8_t *const bytes = around + TEXT_AROUND;
static struct text_counts counts;

/* Nothing but nop. */
static void page_clear(void)
{
	memset(around, 0x90, sizeof(around));
	memset(&counts, 0, sizeof(counts));
}

static unsigned treat(unsigned entry, bool cpuid)
{
	memcpy(page, bytes, PAGE);
	return text_treat(around, TEXT_AROUND, TEXT_AROUND, entry, page, cpuid,
			  &counts, starts);
}

struct form {
	const char *code;
	unsigned n;
	unsigned at;		/* of the byte that changes */
	uint8_t to;		/* 0: none does */
};

#define FORM(code, ...)	{ code, sizeof(code) - 1, __VA_ARGS__ }

static const struct form forms[] = {
	FORM("\x9c", 0, 0x6e),
	FORM("\x9d", 0, 0x6c),
	FORM("\x66\x9c", 0, 0),
	FORM("\xf3\x9d", 0, 0),
	FORM("\x6e\x6c", 0, 0),
	FORM("\xb8\x9c\x9c\x9d\x9d", 0, 0),
	FORM("\x0f\xa2", 1, 0x08),
	FORM("\x0f\x00\xc0", 2, 0xf0),			/* sldt %eax */
	FORM("\x0f\x00\x05\x9c\x0f\xa2\xc1", 2, 0x35),
	FORM("\x0f\x00\xc9", 2, 0xf9),			/* str %ecx */
	FORM("\x2e\x0f\x00\x0d\1\2\3\4", 3, 0x3d),
	FORM("\x0f\x00\xd0", 0, 0),			/* lldt */
	FORM("\x0f\x00\x2d\1\2\3\4", 0, 0),		/* verw */
	FORM("\x0f\x01\x04\x24", 2, 0x2c),		/* sgdt (%esp) */
	FORM("\x0f\x01\x4d\xe2", 2, 0x75),		/* sidt -30(%ebp) */
	FORM("\x0f\x01\xc1", 0, 0),			/* vmcall */
	FORM("\x0f\x01\xc8", 0, 0),			/* monitor */
	FORM("\x0f\x01\x15\1\2\3\4", 0, 0),		/* lgdt */
};

static const struct form selectors[] = {
	/* to %ds and %es, at once, later, by another register */
	FORM("\xba\x7b\0\0\0\x8e\xda\x8e\xc2", 1, 0x2b),
	FORM("\xba\x7b\0\0\0\x8e\xc2\xeb\xfe\x89\x10", 1, 0x2b),
	FORM("\x66\xb8\x7b\0\x8e\xd8", 2, 0x2b),
	FORM("\xb9\x7b\0\0\0\x89\xe0\x58\x81\xc4\1\0\0\0\x8e\xd9", 1, 0x2b),
	FORM("\xb8\x7b\0\0\0\x89\xc2\x8e\xda\x8e\xc0", 1, 0x2b),
	FORM("\xb8\x7b\0\0\0\x8e\xd8\x31\xc0\x89\x03", 1, 0x2b),
	FORM("\xb8\x7b\0\0\0\x8e\xd8\x8b\x03\x89\x03", 1, 0x2b),
	FORM("\xb8\xd8\0\0\0\x8e\xe0\x58\x50", 1, 0xdf),
	FORM("\xb8\xd8\0\0\0\x8e\xe0\x8c\xd0\x50", 1, 0xdf),
	FORM("\xba\x7b\0\0\0\x8c\xd0\x8e\xda", 1, 0x2b),
	FORM("\xb8\x7b\0\0\0\x83\xc4\x08\x8e\xd8", 1, 0x2b),
	FORM("\xb8\xe0\0\0\0\x8e\xe8\x83\xc4\x08\xc3", 1, 0xe7),
	FORM("\x6a\x7b\x1f", 1, 0x2b),
	FORM("\x68\x7b\0\0\0\x07", 1, 0x2b),
	FORM("\x68\xd8\0\0\0\x0f\xa1", 1, 0xdf),
	FORM("\x68\xe0\0\0\0\x0f\xa9", 1, 0xe7),
	/* another one, or nowhere */
	FORM("\xb8\x7c\0\0\0\x8e\xd8", 0, 0),
	FORM("\xb8\x7b\1\0\0\x8e\xd8", 0, 0),
	FORM("\xb8\x7b\0\0\0\x8e\xd9", 0, 0),
	FORM("\xb8\x7b\0\0\0\x8e\xe0", 0, 0),
	FORM("\xb8\xd8\0\0\0\x8e\xd8", 0, 0),
	FORM("\xbb\x7b\0\0\0\x66\x89\x58\x1c", 0, 0),
	FORM("\x6a\x7b\x6a\0\x9c", 4, 0x6e),
	FORM("\x6a\xd8\x0f\xa1", 0, 0),
	FORM("\x68\x7b\0\0\0\x58", 0, 0),
	/* overwritten, or not in a straight line */
	FORM("\xb8\x7b\0\0\0\x31\xc0\x8e\xd8", 0, 0),
	FORM("\xb8\x7b\0\0\0\x8b\x03\x8e\xd8", 0, 0),
	FORM("\xb8\x7b\0\0\0\x75\x02\x8e\xd8", 0, 0),
	/* told to others as well */
	FORM("\xb8\x7b\0\0\0\x8e\xd8\x89\x03", 0, 0),
	FORM("\xb8\x7b\0\0\0\x50\x8e\xd8", 0, 0),
	FORM("\xb8\x7b\0\0\0\x8e\xd8\x66\x89\x43\x1c", 0, 0),
	FORM("\xb8\x7b\0\0\0\x89\xc2\x8e\xd8\x89\x13", 0, 0),
	FORM("\xb8\x7b\0\0\0\x8e\xd8\x88\x03", 0, 0),
	FORM("\xb8\x7b\0\0\0\x8e\xd8\xa3\1\2\3\4", 0, 0),
};

/* Wherever it is in the page, and wherever that is entered. */
static void form_try(const struct form *form, unsigned at, unsigned entry)
{
	page_clear();
	memcpy(bytes + at, form->code, form->n);
	CHECK_EQ(treat(entry, true), form->to ? 1 : 0);
	CHECK_EQ(counts.patched, form->to ? 1 : 0);
	if (form->to)
		bytes[at + form->at] = form->to;
	CHECK(!memcmp(page, bytes, PAGE));
	/* A second time there is nothing left to do. */
	CHECK_EQ(treat(entry, true), 0);
	CHECK(!memcmp(page, bytes, PAGE));
	if (rig_failed())
		printf("form %02x %02x %02x at %u from %u\n",
		       (uint8_t)form->code[0], (uint8_t)form->code[1],
		       (uint8_t)form->code[2], at, entry);
}

static void forms_try(const struct form *form, size_t n)
{
	static const unsigned places[] = { 0, 1, 100, 4070 };

	for (; n--; form++)
		for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
			unsigned at = places[i];

			form_try(form, at, at);
			form_try(form, at, at + form->n);
			form_try(form, at, at > 50 ? at - 50 : 0);
		}
}

static void each_form(void)
{
	forms_try(forms, ARRAY_SIZE(forms));
}

static void each_selector(void)
{
	forms_try(selectors, ARRAY_SIZE(selectors));
}

static void cpuid_if_asked(void)
{
	page_clear();
	memcpy(bytes, "\x0f\xa2\x9c", 3);
	CHECK_EQ(treat(0, false), 1);
	CHECK(!memcmp(page, "\x0f\xa2\x6e", 3));
}

/* What has no form is at least counted. */
static void left(void)
{
	page_clear();
	memcpy(bytes, "\x66\x9c\x66\x9d\x9c", 5);
	CHECK_EQ(treat(0, true), 1);
	CHECK_EQ(counts.left, 2);
	CHECK_EQ(counts.lost, 0);
	CHECK_EQ(counts.pages, 1);
}

/* Each page has the bytes that are its own. */
static void across_pages(void)
{
	page_clear();
	memcpy(bytes - 1, "\x0f\xa2", 2);
	memcpy(bytes + PAGE - 1, "\x0f\xa2", 2);
	CHECK_EQ(treat(100, true), 1);
	CHECK_EQ(page[0], 0x08);
	CHECK_EQ(page[PAGE - 1], 0x0f);

	page_clear();
	memcpy(bytes - 4, "\xba\x7b\0\0\0\x8e\xda", 7);
	memcpy(bytes + PAGE - 2, "\xba\x7b\0\0\0\x8e\xda", 7);
	CHECK_EQ(treat(3, true), 1);
	CHECK_EQ(page[0], 0);
	CHECK_EQ(page[PAGE - 1], 0x2b);
}

/* Behind the last instruction that is none, and not before. */
static void data_before(void)
{
	page_clear();
	memset(around, 0, TEXT_AROUND + 300);
	bytes[250] = 0x9c;
	bytes[320] = 0x9c;
	CHECK_EQ(treat(400, true), 1);
	CHECK_EQ(page[320], 0x6e);
	CHECK(counts.lost >= 290 && counts.lost <= 320);
}

static void data_behind(void)
{
	page_clear();
	bytes[320] = bytes[500] = 0x9c;
	memset(bytes + 400, 0, 16);
	CHECK_EQ(treat(0, true), 1);
	CHECK_EQ(page[320], 0x6e);
	CHECK_EQ(counts.lost, PAGE - 400);
}

/* A module's sections, with zeros up to where the next one is aligned. */
static void between_sections(void)
{
	page_clear();
	for (unsigned i = 1; i < 16; i++) {
		memset(bytes + i * 128 - i, 0, i);
		/* ret, or a jump */
		bytes[i * 128 - i - 1] = i % 4 > 1 ? 0x05 : 0xc3;
		bytes[i * 128 - i - 2] = i % 4 > 1 ? 0xeb : 0x90;
		bytes[i * 128] = 0x9c;
	}
	CHECK_EQ(treat(0, true), 15);
	CHECK_EQ(counts.lost, 0);
	CHECK_EQ(treat(PAGE - 1, true), 15);
	CHECK_EQ(counts.lost, 0);
}

/* With nothing before it a page begins with an instruction. */
static void first_page(void)
{
	page_clear();
	memcpy(bytes, "\xb8\x9c\x9c\x9c\x9c", 5);
	memset(around, 0, TEXT_AROUND);
	memcpy(page, bytes, PAGE);
	CHECK_EQ(text_treat(around, 0, TEXT_AROUND, 100, page, true, &counts,
			    starts), 0);
	/* Zeros, too, are nothing. */
	CHECK_EQ(treat(100, true), 0);
}

/* A kernel changes its code: first the rest, last the first byte. */
static void half_changed(void)
{
	page_clear();
	memcpy(bytes + 100, "\xcc\x9c\x9d\x9c\x90", 5);
	bytes[150] = 0x9c;
	CHECK_EQ(treat(0, true), 1);
	CHECK_EQ(page[150], 0x6e);

	/* This one is for whoever runs past the end. */
	memcpy(bytes + 99, "\xc3\xcc\xcc\x9c\x9d", 5);
	CHECK_EQ(treat(0, true), 3);
}

/* They look the same from wherever one reads, for the length of the page. */
static void static_calls(void)
{
	page_clear();
	for (unsigned i = 0; i < 0x348 + TEXT_AROUND; i += 8) {
		memcpy(around + i, "\xe9\x4b\x2f\x9c\xff\x0f\xb9\xcc", 8);
		around[i + 1] = "\x4b\x93\xeb\x23\x8b\xe3\x3b\x83"[i / 8 % 8];
		around[i + 2] = "\x2f\x2f\x2f\x30\x65\x65\x66\x66"[i / 8 % 8];
	}
	CHECK_EQ(treat(0x348, true), 0);
	CHECK_EQ(treat(0x340, true), 0);
	CHECK_EQ(counts.lost, 0);
}

/* --- garbage ---------------------------------------------------------- */

/* Do instructions lead from one place to another? */
static bool leads_to(const uint8_t *code, unsigned end, unsigned from,
		     unsigned to)
{
	while (from < to) {
		unsigned n = insn_length(code + from, end - from);

		if (!n)
			return false;
		from += n;
	}
	return from == to;
}

/* A change is within an instruction that the entry belongs with. */
static bool is_in_chain(const uint8_t *code, unsigned end, unsigned at,
			unsigned entry)
{
	for (unsigned back = 0; back < 4 && back <= at; back++)
		if (at - back >= entry ? leads_to(code, end, entry, at - back)
				       : leads_to(code, end, at - back, entry))
			return true;
	return false;
}

static void garbage_once(unsigned before, unsigned behind, unsigned odds)
{
	unsigned entry = rand() % PAGE, changed = 0;
	unsigned first = TEXT_AROUND - before;
	unsigned last = TEXT_AROUND + PAGE + behind;
	/* Allocated, so that ASan sees one too far. */
	uint8_t *code = calloc(PAGE + 2 * TEXT_AROUND, 1);
	const uint8_t *old = code + TEXT_AROUND;

	/* Some of it plausible, so that there is something to find. */
	for (unsigned i = first; i < last; i++)
		code[i] = (unsigned)rand() % 16 < odds ? 1 + rand() % 255 :
			  "\x90\x9c\x9d\x50\x58\x89\xc3\x0f\xa2"[rand() % 9];
	memset(&counts, 0, sizeof(counts));
	memcpy(page, old, PAGE);
	text_treat(code, before, behind, entry, page, rand() % 2, &counts,
		   starts);
	for (unsigned i = 0; i < PAGE; i++)
		if (page[i] != old[i]) {
			changed++;
			CHECK(is_in_chain(code + first, last - first,
					  before + i, before + entry));
		}
	CHECK_EQ(changed, counts.patched);
	CHECK(counts.lost <= PAGE);
	free(code);
}

static void garbage(void)
{
	srand(1);
	for (unsigned i = 0; i < 300; i++)
		garbage_once(i & 1 ? TEXT_AROUND : 0, i & 2 ? TEXT_AROUND : 0,
			     i % 17);
}

int main(int argc, char *argv[])
{
	if (argc > 1)
		return files_try(argv + 1);
	RUN(each_form);
	RUN(each_selector);
	RUN(cpuid_if_asked);
	RUN(left);
	RUN(across_pages);
	RUN(data_before);
	RUN(data_behind);
	RUN(between_sections);
	RUN(first_page);
	RUN(half_changed);
	RUN(static_calls);
	RUN(garbage);
	return rig_done();
}
