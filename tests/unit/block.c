/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block device before a driver that knows its trade: what it reads is what
 * is in the image, what it was told is durable is, and its options do what
 * they say.
 */

#include "blockdriver.h"

/* --- what works ------------------------------------------------------- */

static void reads_and_writes(void)
{
	start("", ALL);
	CHECK_EQ(rd(3, 4096), VIRTIO_BLK_S_OK);
	CHECK_EQ(used_len, 4097);
	CHECK(data_is(3 * 512, 4096));
	CHECK_EQ(wr(SECTORS - 2, 1024), VIRTIO_BLK_S_OK);
	CHECK_EQ(used_len, 1);
	CHECK(image_has(SECTORS - 2, 2, 0xee));
	CHECK_EQ(rd(SECTORS, 0), VIRTIO_BLK_S_OK);
	CHECK_EQ(used_len, 1);
	CHECK_EQ(rig_warnings(), 0);
}

/* The header cut at every place, the status with and apart from the data. */
static void requests_split_anywhere(void)
{
	start("", ALL);
	for (unsigned cut = 1; cut < 16; cut++) {
		struct rig_buffer b[] = {
			{ header, cut, false },
			{ header + cut, 16 - cut, false },
			{ data, 511, true }, { data + 511, 512, true },
			{ data + 1023, 0, true }, { data + 1023, 1, true },
			{ status, 1, true }
		};

		set_header(VIRTIO_BLK_T_IN, cut);
		memset(rig_at(data), UNTOUCHED, KIB(64));
		rig_add_indirect(q, b, ARRAY_SIZE(b));
		CHECK_EQ(answer(), VIRTIO_BLK_S_OK);
		CHECK_EQ(used_len, 1025);
		CHECK(data_is(cut * 512, 1024));
	}
}

/* Header and data in one buffer; data and status in one buffer. */
static void requests_in_two_buffers(void)
{
	struct rig_buffer out[2], in[2];
	gpa_t all;

	start("", ALL);
	all = rig_alloc(16 + 512);
	set_header(VIRTIO_BLK_T_OUT, 7);
	memcpy(rig_at(all), rig_at(header), 16);
	memset(rig_at(all + 16), 0x11, 512);
	out[0] = (struct rig_buffer){ all, 16 + 512, false };
	out[1] = (struct rig_buffer){ status, 1, true };
	rig_add(q, out, 2);
	CHECK_EQ(answer(), VIRTIO_BLK_S_OK);
	CHECK(image_has(7, 1, 0x11));

	set_header(VIRTIO_BLK_T_IN, 7);
	in[0] = (struct rig_buffer){ header, 16, false };
	in[1] = (struct rig_buffer){ all, 513, true };
	*(uint8_t *)rig_at(all + 512) = UNTOUCHED;
	rig_add(q, in, 2);
	answer();
	CHECK_EQ(*(uint8_t *)rig_at(all + 512), VIRTIO_BLK_S_OK);
	CHECK_EQ(used_len, 513);
	CHECK_EQ(*(uint8_t *)rig_at(all + 511), 0x11);
}

/* 32 requests in one kick: a call each, one interrupt. */
static void batches(void)
{
	uint16_t head;
	unsigned n = 0;

	start("", ALL & ~BIT(VIRTIO_RING_F_EVENT_IDX));
	set_header(VIRTIO_BLK_T_IN, 0);
	for (unsigned i = 0; i < 32; i++) {
		struct rig_buffer b[] = {
			{ header, 16, false }, { data, 4096, true },
			{ status, 1, true }
		};

		rig_add(q, b, 3);
	}
	moves = 0;
	rig_kick(q);
	while (rig_used(q, &head, &used_len))
		n++;
	CHECK_EQ(n, 32);
	CHECK_EQ(moves, 32);
	CHECK_EQ(rig_interrupts(d, q), 1);
}

static void serial_number(void)
{
	start(",serial=0123456789abcdefghij", ALL);
	memset(rig_at(data), UNTOUCHED, 64);
	CHECK_EQ(request(VIRTIO_BLK_T_GET_ID, 0, 20, true), 0);
	CHECK_EQ(used_len, 21);
	CHECK(!memcmp(rig_at(data), "0123456789abcdefghij\xaa", 21));
	memset(rig_at(data), UNTOUCHED, 64);
	CHECK_EQ(request(VIRTIO_BLK_T_GET_ID, 0, 5, true), 0);
	CHECK(!memcmp(rig_at(data), "01234\xaa", 6));
	CHECK_EQ(request(VIRTIO_BLK_T_GET_ID, 0, 64, true), 0);
	CHECK_EQ(used_len, 20);
	CHECK_EQ(request(VIRTIO_BLK_T_GET_ID, 0, 0, true), 0);
	CHECK_EQ(used_len, 1);
}

static void serial_number_absent(void)
{
	char zeroes[20] = "";

	start("", ALL);
	memset(rig_at(data), UNTOUCHED, 64);
	CHECK_EQ(request(VIRTIO_BLK_T_GET_ID, 0, 20, true), 0);
	CHECK(!memcmp(rig_at(data), zeroes, 20));
}

static void clears(void)
{
	start("", ALL);
	CHECK_EQ(clear(VIRTIO_BLK_T_WRITE_ZEROES, 9, 2, 0), 0);
	CHECK(image_has(9, 2, 0));
	CHECK_EQ(used_len, 1);
	CHECK_EQ(clear(VIRTIO_BLK_T_WRITE_ZEROES, 9, 64, 1), 0);
	CHECK(image_has(9, 64, 0));
	CHECK_EQ(clear(VIRTIO_BLK_T_DISCARD, SECTORS, 0, 0), 0);
	CHECK_EQ(clear(VIRTIO_BLK_T_DISCARD, 8, 80, 0), 0);
	CHECK_EQ(rd(8, 80 * 512), VIRTIO_BLK_S_OK);
	CHECK_EQ(rig_warnings(), 0);
}

/* --- read-only, snapshot ---------------------------------------------- */

static void read_only(void)
{
	start(",ro,cache=writethrough", ALL);
	CHECK(d->features & BIT(VIRTIO_BLK_F_RO));
	CHECK(!(d->features & (BIT(VIRTIO_BLK_F_DISCARD) |
			       BIT(VIRTIO_BLK_F_WRITE_ZEROES))));
	CHECK_EQ(wr(0, 512), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(clear(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	CHECK_EQ(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0),
		 VIRTIO_BLK_S_UNSUPP);
	CHECK_EQ(flush(), VIRTIO_BLK_S_OK);
	CHECK_EQ(rd(5, 512), VIRTIO_BLK_S_OK);
	CHECK(data_is(5 * 512, 512));
	CHECK(unchanged());
	CHECK_EQ(rig_warnings(), 0);
}

/* Forgotten when we leave, but not when the Guest reboots. */
static void snapshot(void)
{
	start(",snapshot", ALL);
	CHECK_EQ(wr(5, 512), VIRTIO_BLK_S_OK);
	CHECK_EQ(clear(VIRTIO_BLK_T_WRITE_ZEROES, 6, 1, 0), 0);
	CHECK_EQ(flush(), VIRTIO_BLK_S_OK);
	rig_start(d, ALL, 256);
	CHECK_EQ(rd(4, 2048), VIRTIO_BLK_S_OK);
	CHECK_EQ(((uint8_t *)rig_at(data))[512], 0xee);
	CHECK_EQ(((uint8_t *)rig_at(data))[1024], 0);
	CHECK(data_is(4 * 512, 512));
	CHECK_EQ(((uint8_t *)rig_at(data))[1536], diskfile_byte(7 * 512));
	CHECK(unchanged());
}

/* --- durability ------------------------------------------------------- */

static void flush_is_fdatasync(void)
{
	start("", ALL);
	CHECK_EQ(wr(0, 512), VIRTIO_BLK_S_OK);
	CHECK_EQ(syncs, 0);
	CHECK_EQ(flush(), VIRTIO_BLK_S_OK);
	CHECK_EQ(syncs, 1);
	CHECK_EQ(used_len, 1);
}

static void flush_that_fails(void)
{
	start("", ALL);
	sync_error = EIO;
	CHECK_EQ(flush(), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(rig_warnings(), 1);
	sync_error = 0;
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(flush(), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(rig_warnings(), 0);
	CHECK_EQ(rd(0, 512), VIRTIO_BLK_S_OK);
}

/* How many fdatasync(2) a write costs, by what was said and agreed on. */
static void writes_through(void)
{
	static const struct {
		const char *options;
		uint64_t declined;
		unsigned syncs;
	} rows[] = {
		{ "", 0, 0 },
		{ "", WCE, 0 },
		{ "", FLUSH, 1 },
		{ "", FLUSH | WCE, 1 },
		{ ",cache=writeback", 0, 0 },
		{ ",cache=writethrough", 0, 1 },
		{ ",cache=writethrough", WCE, 1 },
		{ ",cache=writethrough", FLUSH | WCE, 1 },
		{ ",cache=unsafe", 0, 0 },
		{ ",cache=unsafe", FLUSH | WCE, 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		start(rows[i].options, ALL & ~rows[i].declined);
		syncs = 0;
		CHECK_EQ(wr(0, 512), VIRTIO_BLK_S_OK);
		CHECK_EQ(syncs, rows[i].syncs);
	}
}

/* Linux 4.0 and later, for some years. */
static void flushes_unasked(void)
{
	start("", ALL & ~(FLUSH | WCE));
	syncs = 0;
	CHECK_EQ(wr(0, 512), VIRTIO_BLK_S_OK);
	CHECK_EQ(syncs, 1);
	CHECK_EQ(flush(), VIRTIO_BLK_S_OK);
	CHECK_EQ(syncs, 2);
	CHECK_EQ(wr(0, 512), VIRTIO_BLK_S_OK);
	CHECK_EQ(syncs, 2);
	/* The next driver may be another. */
	rig_start(d, ALL & ~(FLUSH | WCE), 256);
	CHECK_EQ(wr(0, 512), VIRTIO_BLK_S_OK);
	CHECK_EQ(syncs, 3);
}

static void writethrough_that_fails(void)
{
	start(",cache=writethrough", ALL);
	sync_error = EIO;
	CHECK_EQ(wr(0, 512), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(used_len, 1);
	CHECK_EQ(rig_warnings(), 1);
}

static void unsafe_has_no_flush(void)
{
	start(",cache=unsafe", ALL);
	CHECK(!(d->features & (FLUSH | WCE)));
	CHECK_EQ(flush(), VIRTIO_BLK_S_OK);
	d->type->sync(d);
	CHECK_EQ(syncs, 0);
}

static void leaving_syncs(void)
{
	start("", ALL);
	CHECK_EQ(wr(0, 512), VIRTIO_BLK_S_OK);
	d->type->sync(d);
	CHECK_EQ(syncs, 1);
}

/* --- starting --------------------------------------------------------- */

static void add(const char *options)
{
	char arg[256];

	snprintf(arg, sizeof(arg), "%s%s", diskfile_path("image"), options);
	rig_guest(MIB(1));
	rig_device(&device_block, arg);
}

static void add_bare(const char *arg)
{
	rig_guest(MIB(1));
	rig_device(&device_block, arg);
}

static void refused(void (*how)(const char *), const char *arg, int with,
		    const char *words)
{
	char said[512];

	CHECK_EQ(dies(how, arg, said, sizeof(said)), with);
	CHECK(says(said, words));
}

static void options_refused(void)
{
	diskfile_make("image", SIZE);
	refused(add, ",rw", STATUS_USAGE, "unknown option 'rw'");
	refused(add, ",", STATUS_USAGE, "unknown option ''");
	refused(add, ",ro,snapshots", STATUS_USAGE, "'snapshots'");
	refused(add, ",ro=1", STATUS_USAGE, "'ro=1'");
	refused(add, ",cache=none", STATUS_USAGE, "unknown cache 'none'");
	refused(add, ",cache=", STATUS_USAGE, "unknown cache ''");
	refused(add, ",cache", STATUS_USAGE, "unknown option 'cache'");
	refused(add, ",serial=0123456789abcdefghijk", STATUS_USAGE,
		"more than 20 bytes");
	refused(add_bare, "", STATUS_USAGE, "name of the image is missing");
	refused(add_bare, ",ro", STATUS_USAGE, "name of the image is missing");
}

static void images_refused(void)
{
	start("", ALL);
	refused(add, "", STATUS_FAILED,
		"locked: another Launcher is using it");
	refused(add_bare, "/nonexistent/disk.img", STATUS_FAILED,
		"open /nonexistent/disk.img: No such file or directory");
	refused(add_bare, diskfile_make("odd", 513), STATUS_FAILED,
		"size 513 is no multiple of 512");
}

/* qcow2, with a backing file that the Guest would like to read. */
static const char foreign[] = "QFI\xfb\0\0\0\3\0\0\0\0\0\0\0\x70\0\0\0\x0b"
			      "/etc/passwd";

static void write_foreign_header(const char *arg)
{
	(void)arg;
	start("", ALL);
	memset(rig_at(data), 0, KIB(64));
	memcpy(rig_at(data), foreign, sizeof(foreign));
	_exit(request(VIRTIO_BLK_T_OUT, 0, 512, false));
}

/* Raw is raw: that a Guest writes another format's header changes nothing. */
static void formats_are_not_guessed(void)
{
	char said[512];

	CHECK_EQ(dies(write_foreign_header, NULL, said, sizeof(said)), 0);
	rig_guest(MIB(48));
	d = rig_device(&device_block, diskfile_path("image"));
	q = &d->queues[0];
	rig_start(d, ALL, 256);
	header = rig_alloc(16);
	status = rig_alloc(16);
	data = rig_alloc(KIB(64));
	CHECK_EQ(virtio_config_read(d, 0, 4), SECTORS);
	CHECK_EQ(rd(0, 512), VIRTIO_BLK_S_OK);
	CHECK(!memcmp(rig_at(data), foreign, sizeof(foreign)));
	CHECK_EQ(rd(SECTORS - 1, 512), VIRTIO_BLK_S_OK);
	CHECK(data_is((SECTORS - 1) * 512, 512));
}

int main(void)
{
	diskfile_begin();
	RUN(reads_and_writes);
	RUN(requests_split_anywhere);
	RUN(requests_in_two_buffers);
	RUN(batches);
	RUN(serial_number);
	RUN(serial_number_absent);
	RUN(clears);
	RUN(read_only);
	RUN(snapshot);
	RUN(flush_is_fdatasync);
	RUN(flush_that_fails);
	RUN(writes_through);
	RUN(writethrough_that_fails);
	RUN(unsafe_has_no_flush);
	RUN(flushes_unasked);
	RUN(leaving_syncs);
	RUN(options_refused);
	RUN(images_refused);
	RUN(formats_are_not_guessed);
	diskfile_end();
	return rig_done();
}
