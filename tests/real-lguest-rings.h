/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For real-lguest-record.c: the memory that a Guest shares with its devices.
 * Where rings are is for the recorder to find out; what changes in them, and
 * in the buffers that they name, is printed here.
 */
#ifndef REAL_LGUEST_RINGS_H
#define REAL_LGUEST_RINGS_H

#define RINGS_MAX	16
#define AREAS_MAX	64
#define DESC_NEXT	1
#define DESC_WRITE	2
#define DESC_INDIRECT	4

struct ring {
	uint32_t desc, avail, used;
	uint16_t num, seen, served;
};

/* What is compared from one read(2) to the next. */
struct area {
	uint32_t at, len;
	uint8_t *old;
};

static FILE *out;
static uint32_t base, limit;	/* of the Guest's memory */
static struct ring rings[RINGS_MAX];
static struct area areas[AREAS_MAX];
static unsigned nareas, nrings;

static bool get(uint32_t at, void *to, size_t len)
{
	if (at > limit || len > limit - at)
		return false;
	memcpy(to, (void *)(uintptr_t)(base + at), len);
	return true;
}

static uint8_t bytes[64 * 1024];	/* for a moment */

static void print_hex(const uint8_t *from, size_t len)
{
	while (len--)
		fprintf(out, " %02x", *from++);
	fputc('\n', out);
}

static void print_bytes(const char *who, uint32_t at, const uint8_t *from,
			size_t len)
{
	fprintf(out, "%s %x", who, at);
	print_hex(from, len);
}

static void area_add(uint32_t at, uint32_t len)
{
	for (unsigned i = 0; i < nareas; i++)
		if (areas[i].at == at && areas[i].len == len)
			return;
	if (nareas == AREAS_MAX)
		return;
	areas[nareas].at = at;
	areas[nareas].len = len;
	areas[nareas++].old = calloc(1, len);
	fprintf(out, "area %x %x\n", at, len);
}

/* Runs of bytes that differ; less than four alike do not end one. */
static void area_compare(const char *who, struct area *a)
{
	uint8_t *now = bytes;

	if (a->len > sizeof(bytes) || !get(a->at, now, a->len))
		return;
	for (uint32_t i = 0; i < a->len; i++) {
		uint32_t end = i + 1, same = 0;

		if (now[i] == a->old[i])
			continue;
		for (uint32_t j = end; j < a->len && same < 4; j++) {
			same = now[j] == a->old[j] ? same + 1 : 0;
			if (!same)
				end = j + 1;
		}
		print_bytes(who, a->at + i, now + i, end - i);
		i = end;
	}
	memcpy(a->old, now, a->len);
}

static void compare(const char *who)
{
	for (unsigned i = 0; i < nareas; i++)
		area_compare(who, &areas[i]);
}

/* With the event indexes at the ends of avail and used. */
static void ring_add(uint32_t desc, uint32_t avail, uint32_t used, unsigned num)
{
	unsigned i = 0;

	while (i < nrings && rings[i].desc != desc)
		i++;
	if (i == RINGS_MAX)
		return;
	if (i == nrings)
		nrings++;
	rings[i] = (struct ring){ desc, avail, used, num, 0, 0 };
	area_add(desc, 16 * num);
	area_add(avail, 6 + 2 * num);
	area_add(used, 6 + 8 * num);
}

/* What one of them has put into a buffer for the other. */
static void buffer_print(const char *who, uint32_t at, uint32_t len)
{
	if (len && len <= sizeof(bytes) && get(at, bytes, len))
		print_bytes(who, at, bytes, len);
}

/* A chain's buffers of the Guest's, or `filled` bytes of the Launcher's. */
static void chain_print(uint32_t table, unsigned num, unsigned i,
			uint32_t *filled)
{
	struct { uint64_t addr; uint32_t len; uint16_t flags, next; } d;

	for (unsigned n = 0; n < num; n++) {
		if (i >= num || !get(table + i * sizeof(d), &d, sizeof(d)))
			return;
		if (d.flags & DESC_INDIRECT) {
			if (!filled)
				buffer_print("guest", d.addr, d.len);
			chain_print(d.addr, d.len / sizeof(d), 0, filled);
		} else if (!filled && !(d.flags & DESC_WRITE)) {
			buffer_print("guest", d.addr, d.len);
		} else if (filled && d.flags & DESC_WRITE) {
			d.len = d.len < *filled ? d.len : *filled;
			buffer_print("launcher", d.addr, d.len);
			*filled -= d.len;
		}
		if (!(d.flags & DESC_NEXT))
			return;
		i = d.next;
	}
}

/* Those that the Guest has made available. */
static void chains_print(void)
{
	for (struct ring *r = rings; r < rings + nrings; r++) {
		uint16_t idx, head;

		if (!get(r->avail + 2, &idx, 2))
			continue;
		for (; r->seen != idx; r->seen++)
			if (get(r->avail + 4 + r->seen % r->num * 2, &head, 2))
				chain_print(r->desc, r->num, head, NULL);
	}
}

/* Those that the Launcher has used. */
static void used_print(void)
{
	for (struct ring *r = rings; r < rings + nrings; r++) {
		struct { uint32_t id, len; } e;
		uint16_t idx;

		if (!get(r->used + 2, &idx, 2))
			continue;
		for (; r->served != idx; r->served++)
			if (get(r->used + 4 + r->served % r->num * 8, &e,
				sizeof(e)))
				chain_print(r->desc, r->num, e.id, &e.len);
	}
}

#endif
