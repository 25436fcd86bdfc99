/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lengths of instructions: of every opcode with every ModRM by the
 * disassembler's word, of whole programs likewise, and of garbage.
 */
#include <stdlib.h>
#include <unistd.h>

#include "access.h"
#include "rig.h"

#define SLOT	32		/* bytes for each form in the file */

/* One line of objdump: address, tab, bytes in hex, tab, words. */
static unsigned line_bytes(const char *line, uint8_t bytes[INSN_MAX])
{
	const char *at = strchr(line, '\t');
	unsigned n = 0;

	/* What is none to the disassembler, or is two to it, does not count. */
	if (!at || strstr(line, "(bad)") || strstr(line, "\t.byte") ||
	    !strchr(at + 1, '\t'))
		return 0;
	for (at++; n < INSN_MAX && at[0] > ' ' && at[1] > ' '; at += 3)
		bytes[n++] = strtoul((char[]){ at[0], at[1], 0 }, NULL, 16);
	return n;
}

/* It merges fwait with what follows, and sets lone prefixes apart. */
static bool is_its_own(const char *line, const uint8_t *bytes, unsigned n)
{
	static const char *const words[] = { "data16", "addr16", "rex", "repz",
		"repnz", "lock", "notrack", "xacquire", "xrelease", "cs ", "ds ",
		"es ", "ss ", "fs ", "gs ", "bnd" };
	const char *insn = strrchr(line, '\t');

	if (n > 2 && (bytes[0] == 0x9b || bytes[1] == 0x9b))
		return false;
	for (unsigned i = 0; insn && i < ARRAY_SIZE(words); i++)
		if (!strncmp(insn + 1, words[i], strlen(words[i])))
			return n > 1 && words[i][0] != 'd';
	return true;
}

/* How many lines of the disassembly were compared. */
static unsigned long compare(const char *command, unsigned long *wrong)
{
	FILE *f = popen(command, "r");
	unsigned long lines = 0;
	char line[512];

	*wrong = 0;
	while (f && fgets(line, sizeof(line), f)) {
		uint8_t bytes[2 * INSN_MAX];
		unsigned n = line_bytes(line, bytes);

		if (!n || !is_its_own(line, bytes, n))
			continue;
		memset(bytes + n, 0xcc, INSN_MAX);
		lines++;
		if (insn_length(bytes, INSN_MAX) == n)
			continue;
		if (++*wrong <= 5)
			fprintf(stderr, "%u: %s",
				insn_length(bytes, INSN_MAX), line);
	}
	if (f)
		pclose(f);
	return lines;
}

static void whole_programs(void)
{
	/* What of 32-bit code there is. */
	static const char *const files[] = {
		"build/i386/lguest.full", "build/busybox-i386/bin/busybox",
		"build/vmlinux-686",
	};
	unsigned long all = 0, wrong;
	char command[256];

	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		if (access(files[i], R_OK))
			continue;
		snprintf(command, sizeof(command),
			 "objdump -d -w --insn-width=16 %s", files[i]);
		all += compare(command, &wrong);
		CHECK_EQ(wrong, 0);
	}
	if (!all)
		rig_skip("no 32-bit program in build/");
}

/* Opcodes of one byte, of two, and with a prefix, with each ModRM. */
static void every_form(void)
{
	static const char *const heads[] = { "", "\x66", "\x67", "\xf3", "\x0f",
		"\x66\x0f", "\xf2\x0f", "\x0f\x38", "\x66\x0f\x3a",
		"\xc5\xf8", "\xc5\xfd", "\xc4\xe2\x79", "\xc4\xe3\x7d" };
	char name[] = "/tmp/lengthXXXXXX", command[128];
	int fd = mkstemp(name);
	FILE *f = fdopen(fd, "w");
	unsigned long wrong;

	for (unsigned h = 0; h < ARRAY_SIZE(heads); h++)
		for (unsigned form = 0; form < 1 << 16; form += 3) {
			uint8_t slot[SLOT];
			size_t n = strlen(heads[h]);

			memset(slot, 0x90, sizeof(slot));
			memcpy(slot, heads[h], n);
			slot[n] = form;
			slot[n + 1] = form >> 8;
			fwrite(slot, SLOT, 1, f);
		}
	fclose(f);
	snprintf(command, sizeof(command),
		 "objdump -D -w --insn-width=16 -b binary -m i386 %s", name);
	CHECK(compare(command, &wrong) > 100000);
	CHECK_EQ(wrong, 0);
	unlink(name);
}

/* It may say what it likes of garbage, but has to stay within it. */
static void garbage(void)
{
	uint8_t *bytes;

	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned n = rand() % 18, length;

		bytes = malloc(n);	/* so that ASan sees one too far */
		for (unsigned k = 0; k < n; k++)
			bytes[k] = rand();
		length = insn_length(bytes, n);
		CHECK(length <= n && length <= INSN_MAX);
		free(bytes);
	}
}

int main(void)
{
	RUN(whole_programs);
	RUN(every_form);
	RUN(garbage);
	return rig_done();
}
