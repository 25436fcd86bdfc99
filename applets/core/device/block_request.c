/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a request to the disk asks for (VIRTIO 5.2.6).  The header is our copy,
 * and each number in it is checked before the image is touched: a request is
 * done as it stands, or it changes nothing.
 */
#include "block.h"

/* The Host could not: IOERR for the Guest, a line for people, once. */
static uint8_t block_failed(struct device *d)
{
	struct block *b = d->state;

	device_warn_once(d, b->header.type, "%s %s: %s", b->disk.call,
			 b->disk.path, disk_cause(&b->disk));
	return VIRTIO_BLK_S_IOERR;
}

/* The status byte says OK only after the Host did (VIRTIO 5.2.6.2). */
static uint8_t block_flush(struct device *d)
{
	struct block *b = d->state;

	if (b->cache == CACHE_UNSAFE)
		return VIRTIO_BLK_S_OK;
	b->spent += TURN_BYTES;
	return disk_sync(&b->disk) ? VIRTIO_BLK_S_OK : block_failed(d);
}

/*
 * A driver that was offered flushes and took neither them nor the switch for
 * the cache relies on each write being durable (VIRTIO 5.2.6.2).
 */
static bool block_writes_through(struct device *d)
{
	const struct block *b = d->state;

	if (b->cache == CACHE_UNSAFE)
		return false;
	if (b->barrier)
		return true;
	if (virtio_has(d, VIRTIO_BLK_F_CONFIG_WCE))
		return !b->writeback;
	return b->cache == CACHE_WRITETHROUGH ||
	       !(b->flushes || virtio_has(d, VIRTIO_BLK_F_FLUSH));
}

/* What changed the disk is done; may we say so already? */
static uint8_t block_written(struct device *d)
{
	return block_writes_through(d) ? block_flush(d) : VIRTIO_BLK_S_OK;
}

/* Are those sectors all there?  No sum here that could wrap. */
static bool block_inside(const struct block *b, uint64_t sector,
			 uint64_t sectors)
{
	uint64_t capacity = b->disk.size / SECTOR_SIZE;

	return sector <= capacity && sectors <= capacity - sector;
}

/* Reads and writes, TURN_BYTES at a time: called until it is not MORE. */
static uint8_t block_data(struct device *d, bool write)
{
	struct block *b = d->state;
	struct iovec part[QUEUE_SIZE_MAX];
	uint64_t len = write ? b->c.out_len - sizeof(b->header) :
		       block_room(b);
	uint64_t left = len - b->done, now = left, off;
	unsigned n;
	bool ok;

	/* A 32-bit Host cannot count what many large buffers sum up to. */
	if (len % SECTOR_SIZE || len > SIZE_MAX / 2 ||
	    !block_inside(b, b->header.sector, len / SECTOR_SIZE) ||
	    (write && b->disk.readonly))	/* VIRTIO 5.2.6.2 */
		return VIRTIO_BLK_S_IOERR;
	if (now > TURN_BYTES)
		now = TURN_BYTES;
	off = b->header.sector * SECTOR_SIZE + b->done;
	if (write) {
		n = iov_slice(part, b->c.out, b->c.nout,
			      sizeof(b->header) + b->done, now);
		ok = disk_write(&b->disk, part, n, off);
	} else {
		n = iov_slice(part, b->c.in, b->c.nin, b->done, now);
		ok = disk_read(&b->disk, part, n, off);
	}
	if (!ok)
		return block_failed(d);
	b->done += now;
	b->spent += now;
	if (now < left)
		return MORE;
	return write ? block_written(d) : VIRTIO_BLK_S_OK;
}

/*
 * The first drivers of virtio 1.0 (Linux 4.0 on) take flushes for granted:
 * they agree on nothing and send them, so they rely on no more than flushes.
 */
static uint8_t block_flush_asked(struct device *d)
{
	struct block *b = d->state;

	b->flushes = true;
	return block_flush(d);
}

static uint8_t block_in(struct device *d)
{
	return block_data(d, false);
}

static uint8_t block_out(struct device *d)
{
	return block_data(d, true);
}

/* Twenty bytes, not a string; a buffer too small gets what fits. */
static uint8_t block_get_id(struct device *d)
{
	struct block *b = d->state;
	uint64_t len = block_room(b);

	if (len > sizeof(b->serial))
		len = sizeof(b->serial);
	b->done = iov_write(b->c.in, b->c.nin, 0, b->serial, len);
	return VIRTIO_BLK_S_OK;
}

/* All of them are good before the first one is cleared. */
static uint8_t block_check_ranges(const struct block *b, unsigned n,
		const struct virtio_blk_discard_write_zeroes *ranges,
		uint32_t max, uint32_t flags)
{
	for (unsigned i = 0; i < n; i++)
		if (ranges[i].flags & ~flags)	/* VIRTIO 5.2.6.2 */
			return VIRTIO_BLK_S_UNSUPP;
	for (unsigned i = 0; i < n; i++)
		if (ranges[i].num_sectors > max ||
		    !block_inside(b, ranges[i].sector, ranges[i].num_sectors))
			return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

/*
 * Holes read as zeroes, so both requests make them; a Guest that asks for
 * zeroes without `unmap` gets them too, or a sparse image would not stay so.
 */
static uint8_t block_clear(struct device *d, bool zeroes)
{
	struct block *b = d->state;
	struct virtio_blk_discard_write_zeroes ranges[DISCARD_SEGMENTS];
	uint64_t len = b->c.out_len - sizeof(b->header);
	unsigned n = len / sizeof(ranges[0]);
	uint8_t status;

	if (!len || len % sizeof(ranges[0]) ||
	    len > (zeroes ? ZEROES_SEGMENTS : DISCARD_SEGMENTS) *
		  sizeof(ranges[0]))
		return VIRTIO_BLK_S_IOERR;
	/* From here on our copy counts; the Guest may change its own. */
	iov_read(b->c.out, b->c.nout, sizeof(b->header), ranges, len);
	status = block_check_ranges(b, n, ranges,
			zeroes ? ZEROES_SECTORS : DISCARD_SECTORS,
			zeroes ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0);
	if (status != VIRTIO_BLK_S_OK)
		return status;
	b->spent += TURN_BYTES / 4;
	for (unsigned i = 0; i < n; i++)
		if (!disk_zero(&b->disk, ranges[i].sector * SECTOR_SIZE,
			       (uint64_t)ranges[i].num_sectors * SECTOR_SIZE,
			       zeroes))
			return block_failed(d);
	return block_written(d);
}

static uint8_t block_discard(struct device *d)
{
	return block_clear(d, false);
}

static uint8_t block_write_zeroes(struct device *d)
{
	return block_clear(d, true);
}

/* The commands, and what has to be agreed on before they may be used. */
static const struct command {
	uint32_t type;		/* below 31, for device_warn_once() */
	uint64_t feature;
	uint8_t (*run)(struct device *d);
} commands[] = {
	{ VIRTIO_BLK_T_IN, 0, block_in },
	{ VIRTIO_BLK_T_OUT, 0, block_out },
	{ VIRTIO_BLK_T_FLUSH, 0, block_flush_asked },
	{ VIRTIO_BLK_T_GET_ID, 0, block_get_id },
	{ VIRTIO_BLK_T_DISCARD, BIT(VIRTIO_BLK_F_DISCARD), block_discard },
	{ VIRTIO_BLK_T_WRITE_ZEROES, BIT(VIRTIO_BLK_F_WRITE_ZEROES),
	  block_write_zeroes },
};

/*
 * A type is looked for, never taken apart: the old habit of testing bit 0 for
 * "it is a write" made writes of requests that nobody had heard of.
 */
uint8_t block_run(struct device *d)
{
	const struct block *b = d->state;

	if (b->headless)
		return VIRTIO_BLK_S_IOERR;
	/* What a barrier comes after is durable before it begins. */
	if (b->barrier && !b->done && block_flush(d) != VIRTIO_BLK_S_OK)
		return VIRTIO_BLK_S_IOERR;
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].type == b->header.type &&
		    (d->acked & commands[i].feature) == commands[i].feature)
			return commands[i].run(d);
	return VIRTIO_BLK_S_UNSUPP;
}
