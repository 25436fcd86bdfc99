/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block device before a driver that makes every mistake there is, and on
 * a Host that fails.  Each has one right answer: a status byte, a used length,
 * and an image that is byte for byte what it was.
 */
#include <sys/resource.h>

#include "blockdriver.h"

/* --- what the driver gets wrong --------------------------------------- */

static void odd_lengths(void)
{
	static const uint32_t lengths[] = { 1, 511, 513, 1023, 65535 };

	start("", ALL);
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		CHECK_EQ(wr(0, lengths[i]), VIRTIO_BLK_S_IOERR);
		CHECK_EQ(used_len, 1);
		CHECK_EQ(rd(0, lengths[i]), VIRTIO_BLK_S_IOERR);
		CHECK_EQ(used_len, 0);
		CHECK(data_untouched());
	}
	CHECK(unchanged());
	CHECK_EQ(rig_warnings(), 0);
}

static void sectors_past_the_end(void)
{
	static const uint64_t sectors[] = {
		SECTORS - 1, SECTORS, SECTORS + 1, UINT64_MAX,
		UINT64_MAX - 1, UINT64_C(1) << 55, (UINT64_C(1) << 55) - 1,
		UINT64_C(1) << 63, (UINT64_C(1) << 55) + 1
	};

	start("", ALL);
	for (unsigned i = 0; i < ARRAY_SIZE(sectors); i++) {
		CHECK_EQ(wr(sectors[i], 1024), VIRTIO_BLK_S_IOERR);
		CHECK_EQ(rd(sectors[i], 1024), VIRTIO_BLK_S_IOERR);
		CHECK(data_untouched());
	}
	CHECK(unchanged());
	CHECK_EQ(rd(0, 512), VIRTIO_BLK_S_OK);
}

static void types_unknown(void)
{
	static const uint32_t types[] = {
		2, 3, 5, 6, 7, 9, 10, 12, 14, 15, 16, 31, 32, 0x101,
		0x7fffffff, 0x80000000, 0x80000001, 0xffffffff
	};

	start("", ALL);
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		memset(rig_at(data), UNTOUCHED, KIB(64));
		CHECK_EQ(request(types[i], 0, 512, false),
			 VIRTIO_BLK_S_UNSUPP);
		CHECK_EQ(used_len, 1);
		CHECK_EQ(request(types[i], 0, 512, true),
			 VIRTIO_BLK_S_UNSUPP);
		CHECK_EQ(used_len, 0);
		CHECK(data_untouched());
	}
	CHECK(unchanged());
}

/* All lengths of header that are too short, many times in a row. */
static void header_missing(void)
{
	start("", ALL);
	for (unsigned i = 0; i < 255; i++) {
		struct rig_buffer b[] = {
			{ header, i % 16, false }, { status, 1, true }
		};

		set_header(i % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_GET_ID, 0);
		rig_add(q, b + !(i % 3), 2 - !(i % 3));
		CHECK_EQ(answer(), VIRTIO_BLK_S_IOERR);
		CHECK_EQ(used_len, 1);
	}
	CHECK(unchanged());
	CHECK(!d->broken);
}

static void status_missing(void)
{
	start("", ALL);
	for (unsigned i = 0; i < 255; i++) {
		struct rig_buffer b[] = {
			{ header, 16, false }, { data, 512, false },
			{ status, 0, true }
		};

		set_header(VIRTIO_BLK_T_OUT, 0);
		rig_add(q, b, 2 + i % 2);
		CHECK_EQ(answer(), NEVER);
		CHECK(d->broken);
	}
	CHECK(unchanged());
	CHECK(d->status & VIRTIO_CONFIG_S_NEEDS_RESET);
	CHECK_EQ(rig_warnings(), 1);
	rig_start(d, ALL, 256);
	CHECK_EQ(rd(0, 512), VIRTIO_BLK_S_OK);
}

static void buffers_outside_ram(void)
{
	static const gpa_t places[] = {
		MIB(48) - 1, MIB(48), UINT64_C(0xffffffff), UINT64_MAX - 511,
		UINT64_MAX
	};

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		start("", ALL);
		data = places[i];
		CHECK_EQ(request(VIRTIO_BLK_T_OUT, 0, 512, false), NEVER);
		CHECK(d->broken);
		CHECK(unchanged());
	}
}

/* --- discard and write zeroes ----------------------------------------- */

static void clears_of_many_ranges(void)
{
	struct virtio_blk_discard_write_zeroes ranges[17];

	start("", ALL);
	for (unsigned i = 0; i < 17; i++)
		ranges[i] = (struct virtio_blk_discard_write_zeroes){
			.sector = i, .num_sectors = 1 };
	memcpy(rig_at(data), ranges, sizeof(ranges));
	CHECK_EQ(request(VIRTIO_BLK_T_DISCARD, 0, 17 * 16, false),
		 VIRTIO_BLK_S_IOERR);
	CHECK_EQ(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, 2 * 16, false),
		 VIRTIO_BLK_S_IOERR);
	/* The last one is wrong: none is done. */
	ranges[15].sector = SECTORS;
	memcpy(rig_at(data), ranges, sizeof(ranges));
	CHECK_EQ(request(VIRTIO_BLK_T_DISCARD, 0, 16 * 16, false),
		 VIRTIO_BLK_S_IOERR);
	CHECK(unchanged());
	CHECK_EQ(request(VIRTIO_BLK_T_DISCARD, 0, 15 * 16, false),
		 VIRTIO_BLK_S_OK);
}

static void clears_that_are_wrong(void)
{
	static const struct {
		uint64_t sector;
		uint32_t sectors, flags;
		uint8_t zeroes, discard;
	} rows[] = {
		{ SECTORS, 1, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ SECTORS - 1, 2, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ UINT64_MAX, 1, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ UINT64_MAX, 2, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ UINT64_C(1) << 55, 8, 0, VIRTIO_BLK_S_IOERR,
		  VIRTIO_BLK_S_IOERR },
		{ 0, UINT32_MAX, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ 0, 8, 2, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_UNSUPP },
		{ 0, 8, 0x80000001, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_UNSUPP },
		{ SECTORS, 8, 0xffffffff, VIRTIO_BLK_S_UNSUPP,
		  VIRTIO_BLK_S_UNSUPP },
	};

	start("", ALL);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_EQ(clear(VIRTIO_BLK_T_WRITE_ZEROES, rows[i].sector,
			       rows[i].sectors, rows[i].flags),
			 rows[i].zeroes);
		CHECK_EQ(clear(VIRTIO_BLK_T_DISCARD, rows[i].sector,
			       rows[i].sectors, rows[i].flags),
			 rows[i].discard);
	}
	/* `unmap` is for write zeroes alone. */
	CHECK_EQ(clear(VIRTIO_BLK_T_DISCARD, 0, 8, 1), VIRTIO_BLK_S_UNSUPP);
	CHECK(unchanged());
}

static void clears_of_odd_length(void)
{
	static const uint32_t lengths[] = { 0, 1, 15, 17, 24, 4096, 65536 };

	start("", ALL);
	memset(rig_at(data), 0, KIB(64));
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		CHECK_EQ(request(VIRTIO_BLK_T_DISCARD, 0, lengths[i], false),
			 VIRTIO_BLK_S_IOERR);
		CHECK_EQ(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, lengths[i],
				 false), VIRTIO_BLK_S_IOERR);
	}
	CHECK(unchanged());
}

/* Inside the disk, but more than one request may clear. */
static void clears_that_are_large(void)
{
	start_sized("", ALL, MIB(40));
	CHECK_EQ(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 32769, 1),
		 VIRTIO_BLK_S_IOERR);
	CHECK(unchanged());
	CHECK_EQ(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 32768, 1), 0);
	CHECK(!unchanged());
}

/* What was not agreed on does not exist. */
static void features_declined(void)
{
	start("", 0);
	CHECK_EQ(clear(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	CHECK_EQ(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0),
		 VIRTIO_BLK_S_UNSUPP);
	CHECK(unchanged());
}

/* --- configuration ---------------------------------------------------- */

static void config_says(void)
{
	start("", ALL);
	CHECK_EQ(virtio_config_read(d, 0, 4), SECTORS);
	CHECK_EQ(virtio_config_read(d, 4, 4), 0);
	CHECK_EQ(virtio_config_read(d, 12, 4), 254);	/* seg_max */
	CHECK_EQ(virtio_config_read(d, 20, 4), 512);	/* blk_size */
	CHECK_EQ(virtio_config_read(d, 32, 1), 1);	/* writeback */
	CHECK_EQ(virtio_config_read(d, 33, 3), 0);	/* num_queues */
	CHECK(virtio_config_read(d, 36, 4) && virtio_config_read(d, 40, 4));
	CHECK_EQ(virtio_config_read(d, 57, 3), 0);	/* unused1 */
	CHECK_EQ(virtio_config_read(d, 60, 4), 0);
	CHECK(!(d->features & BIT(VIRTIO_BLK_F_SIZE_MAX)));
	CHECK(!(d->features & BIT(VIRTIO_BLK_F_MQ)));
	CHECK(d->features & BIT(VIRTIO_BLK_F_SEG_MAX));
}

/* Every place and width, from end to end: only the cache is the driver's. */
static void config_is_written(void)
{
	uint8_t before[CONFIG_MAX];

	start("", ALL);
	memcpy(before, d->config, sizeof(before));
	for (unsigned off = 0; off < 300; off++)
		for (unsigned len = 1; len <= 4; len *= 2)
			virtio_config_write(d, off, len, 0xffffffff);
	CHECK(!memcmp(before, d->config, sizeof(before)));
	for (unsigned off = 0; off < 300; off++)
		for (unsigned len = 1; len <= 4; len *= 2)
			virtio_config_write(d, off, len, 0);
	before[32] = 0;
	CHECK(!memcmp(before, d->config, sizeof(before)));
	CHECK_EQ(wr(SECTORS, 512), VIRTIO_BLK_S_IOERR);
}

static void cache_is_switched(void)
{
	start("", ALL);
	virtio_config_write(d, 32, 1, 0);
	CHECK_EQ(syncs, 1);	/* for what was written before */
	CHECK_EQ(wr(0, 512), VIRTIO_BLK_S_OK);
	CHECK_EQ(syncs, 2);
	virtio_config_write(d, 32, 1, 1);
	CHECK_EQ(wr(0, 512), VIRTIO_BLK_S_OK);
	CHECK_EQ(syncs, 2);
	virtio_config_write(d, 32, 1, 0);
	rig_start(d, ALL, 256);
	CHECK_EQ(virtio_config_read(d, 32, 1), 1);
	/* Nobody asked for the switch: it does not switch. */
	rig_start(d, ALL & ~WCE, 256);
	virtio_config_write(d, 32, 1, 0);
	CHECK_EQ(virtio_config_read(d, 32, 1), 1);
	/* No flushes, no cache (VIRTIO 5.2.5.2). */
	rig_start(d, ALL & ~FLUSH, 256);
	CHECK_EQ(virtio_config_read(d, 32, 1), 0);
}

/* --- the Host fails --------------------------------------------------- */

static void image_that_shrinks(void)
{
	start("", ALL);
	CHECK(!truncate(path, 512));
	CHECK_EQ(rd(0, 1024), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(used_len, 0);
	CHECK_EQ(rd(8, 512), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(rig_warnings(), 1);
	CHECK_EQ(rd(0, 512), VIRTIO_BLK_S_OK);
}

static void image_that_cannot_grow(void)
{
	struct rlimit limit = { 4096, 4096 };

	start("", ALL);
	CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
	for (unsigned i = 0; i < 10; i++)
		CHECK_EQ(wr(8, 512), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(used_len, 1);
	CHECK_EQ(rig_warnings(), 1);
	CHECK(unchanged());
	CHECK_EQ(wr(0, 512), VIRTIO_BLK_S_OK);
}

/* --- bounds ----------------------------------------------------------- */

/* One request of 40 MiB, all of it into the same megabyte of the Guest. */
static gpa_t huge(void)
{
	static struct rig_buffer b[42];
	gpa_t at = rig_alloc(MIB(1));

	b[0] = (struct rig_buffer){ header, 16, false };
	for (unsigned i = 1; i < 41; i++)
		b[i] = (struct rig_buffer){ at, MIB(1), true };
	b[41] = (struct rig_buffer){ status, 1, true };
	set_header(VIRTIO_BLK_T_IN, 0);
	rig_add(q, b, 42);
	return at;
}

/* A driver that kicks and kicks gets no more than its turn. */
static void huge_request_kicked_on(void)
{
	start_sized("", ALL, MIB(40));
	moves = 0;
	huge();
	for (unsigned i = 0; i < 100; i++)
		virtio_notify(d, 0);
	CHECK_EQ(moves, 1);
	CHECK_EQ(q->kicks, 100);
	rig_turn();
	CHECK_EQ(moves, 2);
}

static void huge_request_takes_turns(void)
{
	const uint8_t *bytes;
	uint16_t head;
	gpa_t at;

	start_sized("", ALL, MIB(40));
	moves = 0;
	at = huge();
	virtio_notify(d, 0);
	CHECK(!rig_used(q, &head, NULL));
	CHECK_EQ(moves, 1);
	rig_turn();
	rig_turn();
	CHECK_EQ(moves, 3);
	CHECK(rig_used(q, &head, &used_len));
	CHECK_EQ(used_len, MIB(40) + 1);
	CHECK_EQ(*(uint8_t *)rig_at(status), VIRTIO_BLK_S_OK);
	bytes = rig_at(at);
	for (unsigned i = 0; i < MIB(1); i++)
		if (bytes[i] != diskfile_byte(MIB(39) + i)) {
			CHECK(!"the last megabyte");
			break;
		}
	CHECK_EQ(rig_interrupts(d, q), 1);
}

static void reset_in_flight(void)
{
	uint16_t head;

	start_sized("", ALL, MIB(40));
	huge();
	virtio_notify(d, 0);
	rig_start(d, ALL, 256);
	rig_turn();
	rig_turn();
	rig_turn();
	CHECK(!rig_used(q, &head, NULL));
	CHECK_EQ(*(uint8_t *)rig_at(status), UNTOUCHED);
	CHECK_EQ(rd(1, 512), VIRTIO_BLK_S_OK);
	CHECK(data_is(512, 512));
}

int main(void)
{
	diskfile_begin();
	RUN(odd_lengths);
	RUN(sectors_past_the_end);
	RUN(types_unknown);
	RUN(header_missing);
	RUN(status_missing);
	RUN(buffers_outside_ram);
	RUN(clears_of_many_ranges);
	RUN(clears_that_are_wrong);
	RUN(clears_of_odd_length);
	RUN(clears_that_are_large);
	RUN(features_declined);
	RUN(config_says);
	RUN(config_is_written);
	RUN(cache_is_switched);
	RUN(image_that_shrinks);
	RUN(image_that_cannot_grow);
	RUN(huge_request_takes_turns);
	RUN(huge_request_kicked_on);
	RUN(reset_in_flight);
	diskfile_end();
	return rig_done();
}
