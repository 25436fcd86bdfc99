/* SPDX-License-Identifier: GPL-2.0-only */
/* A disk of 64 KiB. */
#include "device.h"

#define SECTOR		512
#define SECTORS		128
#define IN		0
#define OUT		1
#define FLUSH		4
#define FEATURE_FLUSH	(1 << 9)
#define MANY		20	/* requests at once */

#define OK		0
#define IOERR		1
#define UNSUPPORTED	2

struct header {
	u32 type, ioprio;
	u64 sector;
};

struct request {
	struct header h;
	u8 status, data[SECTOR];
};

static unsigned request_pieces(struct request *r, struct piece *p, u32 type,
			       u32 sector, void *data, u32 len)
{
	unsigned n = 0;

	r->h = (struct header){ type, 0, sector };
	r->status = 0xee;
	p[n++] = (struct piece){ &r->h, sizeof(r->h), false };
	if (len)
		p[n++] = (struct piece){ data, len, type == IN };
	p[n++] = (struct piece){ &r->status, 1, true };
	return n;
}

u8 block_request(struct device *d, u32 type, u32 sector, void *data, u32 len)
{
	static struct request r;
	struct piece p[3];
	unsigned n = request_pieces(&r, p, type, sector, data, len);

	queue_do(&d->q[0], p, n);
	return r.status;
}

static bool find(struct device *d)
{
	if (device_find(d, TYPE_BLOCK))
		return true;
	skip("no --block");
	return false;
}

static u8 buffer[4 * SECTOR];

static void pattern(u8 *data, u32 len, u32 seed)
{
	for (u32 i = 0; i < len; i++)
		data[i] = seed + i * 7 + (i >> 8);
}

static void pattern_check(const u8 *data, u32 len, u32 seed)
{
	for (u32 i = 0; i < len; i++)
		if (data[i] != (u8)(seed + i * 7 + (i >> 8))) {
			fail("byte %u is 0x%x", i, data[i]);
			return;
		}
}

TEST(devices, block_capacity)
{
	struct device d;
	u64 sectors;

	if (!find(&d))
		return;
	device_config(&d, 0, &sectors, sizeof(sectors));
	EQUAL(sectors, SECTORS);
	EQUAL(d.nqueues, 1);
}

TEST(devices, block_write_read)
{
	struct device d;

	if (!find(&d))
		return;
	device_start(&d, 0);
	for (u32 i = 0; i < 8; i++) {
		pattern(buffer, sizeof(buffer), i);
		EQUAL(block_request(&d, OUT, 4 * i, buffer, sizeof(buffer)),
		      OK);
	}
	for (u32 i = 8; i--; ) {
		memset(buffer, 0, sizeof(buffer));
		EQUAL(block_request(&d, IN, 4 * i, buffer, sizeof(buffer)),
		      OK);
		pattern_check(buffer, sizeof(buffer), i);
	}
	device_reset(&d);
}

TEST(devices, block_errors)
{
	struct device d;

	if (!find(&d))
		return;
	device_start(&d, 0);
	EQUAL(block_request(&d, IN, SECTORS, buffer, SECTOR), IOERR);
	EQUAL(block_request(&d, OUT, SECTORS - 1, buffer, 2 * SECTOR), IOERR);
	EQUAL(block_request(&d, IN, 0xfffffff0, buffer, SECTOR), IOERR);
	EQUAL(block_request(&d, 77, 0, buffer, SECTOR), UNSUPPORTED);
	EQUAL(block_request(&d, IN, 0, buffer, SECTOR), OK);
	device_reset(&d);
}

TEST(devices, block_flush)
{
	struct device d;
	u32 offered;

	if (!find(&d))
		return;
	offered = device_features(&d) & FEATURE_FLUSH;
	device_start(&d, FEATURE_FLUSH);
	EQUAL(offered, FEATURE_FLUSH);
	EQUAL(block_request(&d, OUT, 9, buffer, SECTOR), OK);
	EQUAL(block_request(&d, FLUSH, 0, NULL, 0), OK);
	EQUAL(block_request(&d, FLUSH, 0, NULL, 0), OK);
	EQUAL(block_request(&d, IN, 9, buffer, SECTOR), OK);
	device_reset(&d);
}

/* Two sectors in pieces that have nothing to do with sectors. */
static void pieces_do(struct device *d, struct request *r, u32 type)
{
	static const u16 lens[] = { 1, 510, 2, 500, 11 };
	struct piece p[ARRAY_SIZE(lens) + 2];
	unsigned n = 1;
	u8 *at = buffer;

	r->h = (struct header){ type, 0, 60 };
	r->status = 0xee;
	p[0] = (struct piece){ &r->h, sizeof(r->h), false };
	for (unsigned i = 0; i < ARRAY_SIZE(lens); i++) {
		p[n++] = (struct piece){ at, lens[i], type == IN };
		at += lens[i];
	}
	p[n++] = (struct piece){ &r->status, 1, true };
	EQUAL(queue_do(&d->q[0], p, n), type == IN ? 2 * SECTOR + 1 : 1);
	EQUAL(r->status, OK);
}

TEST(devices, block_pieces)
{
	static struct request r;
	struct device d;

	if (!find(&d))
		return;
	device_start(&d, 0);
	pattern(buffer, 2 * SECTOR, 99);
	pieces_do(&d, &r, OUT);
	memset(buffer, 0, sizeof(buffer));
	EQUAL(block_request(&d, IN, 60, buffer, 2 * SECTOR), OK);
	pattern_check(buffer, 2 * SECTOR, 99);
	memset(buffer, 0, sizeof(buffer));
	pieces_do(&d, &r, IN);
	pattern_check(buffer, 2 * SECTOR, 99);
	/* Not a byte more. */
	EQUAL(buffer[2 * SECTOR], 0);
	device_reset(&d);
}

static struct request requests[MANY];

static void many_add(struct device *d)
{
	struct piece p[3];

	for (u32 i = 0; i < MANY; i++) {
		unsigned n = request_pieces(&requests[i], p, IN, i,
					    requests[i].data, SECTOR);

		queue_add(&d->q[0], 3 * i, p, n);
	}
	device_kick(&d->q[0]);
}

/* Several in flight: each is answered once. */
TEST(devices, block_many)
{
	u32 answered = 0;
	struct device d;

	if (!find(&d))
		return;
	device_start(&d, 0);
	for (u32 i = 0; i < MANY; i++) {
		pattern(buffer, SECTOR, 50 + i);
		EQUAL(block_request(&d, OUT, i, buffer, SECTOR), OK);
	}
	for (u32 round = 0; round < 20; round++) {
		many_add(&d);
		for (u32 i = 0; i < MANY; i++) {
			int head = queue_wait(&d.q[0], NULL);

			if (head < 0)
				return;
			answered |= 1 << head / 3;
		}
		EQUAL(answered, (1 << MANY) - 1);
		answered = 0;
		for (u32 i = 0; i < MANY; i++) {
			EQUAL(requests[i].status, OK);
			pattern_check(requests[i].data, SECTOR, 50 + i);
		}
	}
	device_reset(&d);
}

/* Reset with requests under way, and all over again. */
TEST(devices, block_reset)
{
	struct device d;

	if (!find(&d))
		return;
	for (u32 i = 0; i < 10; i++) {
		u32 mark = pages_mark();

		device_start(&d, 0);
		many_add(&d);
		device_reset(&d);
		EQUAL(device_status(&d), 0);
		device_start(&d, 0);
		pattern(buffer, SECTOR, i);
		EQUAL(block_request(&d, OUT, 5, buffer, SECTOR), OK);
		memset(buffer, 0, SECTOR);
		EQUAL(block_request(&d, IN, 5, buffer, SECTOR), OK);
		pattern_check(buffer, SECTOR, i);
		device_reset(&d);
		pages_release(mark);
	}
}
