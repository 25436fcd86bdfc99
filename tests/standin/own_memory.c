/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Launcher's memory is its own, so the Guest's process has copies of those
 * pages that it touched.  Between two turns of either what changed goes to the
 * other, byte by byte: while the Guest runs a signal may wake the Launcher up,
 * which then writes into a page that the Guest writes to as well.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "own.h"

#define FRAMES		(RAM / PAGE + 256)

static uint8_t *frames;		/* the file, which the process maps */
static uint8_t (*shadow)[PAGE];	/* what the Launcher has as far as we know */
static bool known[FRAMES];

void memory_start(void)
{
	int file = memfd_create("own", MFD_CLOEXEC);
	uint32_t len = FRAMES * PAGE;

	NEED(file >= 0 && !ftruncate(file, len));
	frames = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	shadow = mmap(NULL, len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(frames != MAP_FAILED && shadow != MAP_FAILED);
	memset(known, 0, sizeof(known));
	process_start(file);
	close(file);
}

static void give_page(uint32_t n)
{
	uint8_t *own = frames + n * PAGE;

	for (unsigned at = 0, end; at < PAGE; at = end + 1) {
		while (at < PAGE && own[at] == shadow[n][at])
			at++;
		for (end = at; end < PAGE && own[end] != shadow[n][end]; )
			end++;
		if (at < end)
			guest_write(n * PAGE + at, own + at, end - at);
	}
	memcpy(shadow[n], own, PAGE);
}

void memory_give(void)
{
	for (uint32_t n = 0; n < FRAMES; n++)
		if (known[n] && memcmp(frames + n * PAGE, shadow[n], PAGE))
			give_page(n);
}

void memory_take(void)
{
	for (uint32_t n = 0; n < FRAMES; n++) {
		if (!known[n])
			continue;
		guest_read(n * PAGE, shadow[n], PAGE);
		memcpy(frames + n * PAGE, shadow[n], PAGE);
	}
}

/* That byte and what follows it in its page; NULL if it is not in RAM. */
static uint8_t *byte_at(uint32_t physical)
{
	uint32_t n = physical / PAGE;

	if (n >= host_boot.limit)
		return NULL;
	NEED(n < FRAMES);
	if (!known[n]) {
		guest_read(n * PAGE, shadow[n], PAGE);
		memcpy(frames + n * PAGE, shadow[n], PAGE);
		known[n] = true;
	}
	return frames + physical;
}

uint32_t memory_word(uint32_t at)
{
	uint32_t value;
	uint8_t *from = byte_at(at);

	NEED(from && at % 4 == 0);
	memcpy(&value, from, sizeof(value));
	return value;
}

void memory_put_word(uint32_t at, uint32_t value)
{
	uint8_t *to = byte_at(at);

	NEED(to && at % 4 == 0);
	memcpy(to, &value, sizeof(value));
}

uint32_t memory_translate(uint32_t pgdir, uint32_t va)
{
	uint32_t entry;

	/* Before the first table everything is where it is. */
	if (!pgdir)
		return va;
	entry = memory_word(pgdir + (va >> 22) * 4);
	if (entry & PTE_PRESENT)
		entry = memory_word((entry & -PAGE) + (va >> 12) % 1024 * 4);
	if (!(entry & PTE_PRESENT))
		return NOBODY;
	return (entry & -PAGE) + va % PAGE;
}

void memory_fetch(uint32_t pgdir, uint32_t va, void *to, size_t len)
{
	uint8_t *out = to;

	for (; len--; va++) {
		uint32_t at = memory_translate(pgdir, va);
		uint8_t *byte = at == NOBODY ? NULL : byte_at(at);

		*out++ = byte ? *byte : 0;
	}
}

bool memory_map(uint32_t va, uint32_t physical)
{
	if (!byte_at(physical))
		return false;
	process_map(va & -PAGE, physical & -PAGE);
	return true;
}
