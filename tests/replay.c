/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gives each file named on the command line to a fuzz target once: how a
 * corpus is replayed where there is no libFuzzer.  Whatever is wrong ends the
 * program through the sanitizers; the name of the input is on stderr by then.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX	(4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly the file's size, so that ASan sees the byte behind it. */
static void replay_file(const char *path)
{
	static uint8_t buf[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	uint8_t *copy;
	size_t size, i;

	if (!f) {
		perror(path);
		exit(1);
	}
	size = fread(buf, 1, sizeof(buf), f);
	fclose(f);

	copy = malloc(size ? size : 1);
	if (!copy)
		exit(1);
	for (i = 0; i < size; i++)
		copy[i] = buf[i];
	fprintf(stderr, "replay: %s\n", path);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		replay_file(argv[i]);
	return 0;
}
