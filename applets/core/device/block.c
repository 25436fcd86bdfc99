/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block device (VIRTIO 5.2).  A request is a header of 16 bytes that we
 * read, data one way or the other, and a status byte that we write; where the
 * buffers begin and end says nothing about which is which (VIRTIO 2.7.4).
 *
 * Data goes straight between the image and Guest memory, in one call unless
 * the request is huge: then it stays in flight over several turns of the loop,
 * so that nobody else waits for it.
 */
#include <linux/virtio_config.h>
#include <string.h>

#include "block.h"

/* Bytes of configuration, up to and with what write zeroes wants. */
#define CONFIG_SIZE	60

static const char *const cache_names[] = {
	[CACHE_WRITEBACK] = "writeback",
	[CACHE_WRITETHROUGH] = "writethrough",
	[CACHE_UNSAFE] = "unsafe",
};

/* Takes the next request in hand.  False if there is none. */
static bool block_next(struct device *d, struct virtqueue *q)
{
	struct block *b = d->state;

	if (!vq_pop(q, &b->c))
		return false;
	if (!b->c.in_len) {
		/* Not even an error could be told (VIRTIO 5.2.6). */
		virtio_break(d, "queue %u: a request without status byte",
			     q->index);
		return false;
	}
	b->done = 0;
	b->headless = iov_read(b->c.out, b->c.nout, 0, &b->header,
			       sizeof(b->header)) < sizeof(b->header);
	b->barrier = virtio_has(d, VIRTIO_BLK_F_BARRIER) &&
		     b->header.type & VIRTIO_BLK_T_BARRIER;
	if (b->barrier)
		b->header.type &= ~VIRTIO_BLK_T_BARRIER;
	/* Linux 2.6.32 to 2.6.36 ask for both, which is no more than one. */
	if (b->header.type == VIRTIO_BLK_T_FLUSH)
		b->barrier = false;
	return true;
}

/*
 * The used length counts from the first byte of `in`; the status is its last
 * one.  So it is in there only if all before it was written (VIRTIO 2.7.8).
 */
static void block_finish(struct virtqueue *q, uint8_t status)
{
	struct block *b = q->d->state;
	const struct iovec *last = &b->c.in[b->c.nin - 1];
	uint64_t written = b->headless || b->header.type == VIRTIO_BLK_T_OUT ?
			   0 : b->done;

	((uint8_t *)last->iov_base)[last->iov_len - 1] = status;
	if (written == block_room(b))
		written++;
	vq_push(q, b->c.head, written > UINT32_MAX ? UINT32_MAX : written);
}

/*
 * A turn of work.  We leave the queue either empty of what was there, or with
 * a promise to come back by ourselves: a request in flight is nothing that the
 * driver would kick us for.
 */
static bool block_kick(struct device *d, struct virtqueue *q)
{
	struct block *b = d->state;
	uint8_t status;

	b->spent = 0;
	for (unsigned n = 0; n < q->size && b->spent < TURN_BYTES; n++) {
		if (!b->busy && !block_next(d, q))
			return true;
		status = block_run(d);
		b->busy = status == MORE;
		if (!b->busy)
			block_finish(q, status);
	}
	if (!b->busy && (b->spent < TURN_BYTES || !vq_has_work(q)))
		return true;
	/* Others first; kicks stay off, for we come back unasked. */
	loop_again(q);
	return false;
}

/*
 * DRIVER_OK, or a reset: then the Guest's memory is no longer ours to write,
 * so a request in flight is forgotten, with whatever of it is on the disk.
 */
static void block_changed(struct device *d)
{
	struct block *b = d->state;

	if (d->status & VIRTIO_CONFIG_S_DRIVER_OK) {
		/* VIRTIO 5.2.5.2: no flushes, no cache. */
		if (virtio_has(d, VIRTIO_BLK_F_CONFIG_WCE) &&
		    !virtio_has(d, VIRTIO_BLK_F_FLUSH))
			b->writeback = false;
	} else {
		b->busy = b->flushes = false;
		b->writeback = b->config.wce;
	}
	d->config[offsetof(struct virtio_blk_config, wce)] = b->writeback;
}

/* One byte is the driver's, and that only if it said so (VIRTIO 5.2.5). */
static void block_config_written(struct device *d, unsigned off, unsigned len)
{
	const unsigned at = offsetof(struct virtio_blk_config, wce);
	struct block *b = d->state;
	bool writeback = d->config[at] & 1;

	if (off <= at && at < off + len &&
	    virtio_has(d, VIRTIO_BLK_F_CONFIG_WCE) &&
	    writeback != b->writeback) {
		b->writeback = writeback;
		/* From now on nobody flushes what was written until now. */
		if (!writeback && !disk_sync(&b->disk))
			device_warn_once(d, VIRTIO_BLK_T_FLUSH, "%s %s: %s",
					 b->disk.call, b->disk.path,
					 disk_cause(&b->disk));
	}
	memcpy(d->config, &b->config, CONFIG_SIZE);
	d->config[at] = b->writeback;
}

/* Nobody is left to be told but the user. */
static void block_sync(struct device *d)
{
	struct block *b = d->state;

	if (b->cache != CACHE_UNSAFE && !disk_sync(&b->disk))
		warn("%s: %s %s: %s", d->name, b->disk.call, b->disk.path,
		     disk_cause(&b->disk));
}

static void block_parse_cache(struct block *b, const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(cache_names); i++)
		if (!strcmp(name, cache_names[i])) {
			b->cache = i;
			return;
		}
	die_usage("--block=%s: unknown cache '%s' (writeback, writethrough "
		  "or unsafe)", b->disk.path, name);
}

/* The words behind the file name, in any order; the last of a kind counts. */
static void block_parse_option(struct block *b, char *item)
{
	char *value;

	if (!strcmp(item, "ro")) {
		b->disk.readonly = true;
	} else if (!strcmp(item, "snapshot")) {
		b->disk.snapshot = true;
	} else if ((value = item_value(item, "cache"))) {
		block_parse_cache(b, value);
	} else if ((value = item_value(item, "serial"))) {
		if (strlen(value) > sizeof(b->serial))
			die_usage("--block=%s: serial '%s' has more than %zu "
				  "bytes", b->disk.path, value,
				  sizeof(b->serial));
		memset(b->serial, 0, sizeof(b->serial));
		memcpy(b->serial, value, strlen(value));
	} else {
		die_usage("--block=%s: unknown option '%s'", b->disk.path,
			  item);
	}
}

/*
 * Features follow from the options alone, so a driver sees the same disk
 * whatever the image is.
 */
static void block_parse(struct device *d, char *arg)
{
	struct block *b = d->state;
	char *item;

	b->disk.path = next_item(&arg, ',');
	if (!*b->disk.path)
		die_usage("--block: the name of the image is missing");
	while ((item = next_item(&arg, ',')))
		block_parse_option(b, item);

	if (b->disk.readonly) {
		d->features &= ~(BIT(VIRTIO_BLK_F_DISCARD) |
				 BIT(VIRTIO_BLK_F_WRITE_ZEROES));
		d->features |= BIT(VIRTIO_BLK_F_RO);
	}
	/* Who does not want to wait is not asked to. */
	if (b->cache == CACHE_UNSAFE)
		d->features &= ~(BIT(VIRTIO_BLK_F_FLUSH) |
				 BIT(VIRTIO_BLK_F_CONFIG_WCE));
}

/*
 * VIRTIO 5.2.4.  Everything else stays zero, as xzalloc() gave it to us: what
 * was never set would be the Host's memory for the Guest to read.
 */
static void block_fill_config(struct block *b)
{
	struct virtio_blk_config *config = &b->config;
	unsigned sectors = b->disk.block_size / SECTOR_SIZE;

	config->capacity = b->disk.size / SECTOR_SIZE;
	/* The header and the status byte want a descriptor each. */
	config->seg_max = QUEUE_SIZE_MAX - 2;
	config->blk_size = SECTOR_SIZE;
	config->physical_block_exp = __builtin_ctz(sectors);
	config->min_io_size = sectors;
	config->wce = b->cache == CACHE_WRITEBACK;
	if (b->disk.readonly)
		return;
	config->max_discard_sectors = DISCARD_SECTORS;
	config->max_discard_seg = DISCARD_SEGMENTS;
	config->discard_sector_alignment = sectors;
	config->max_write_zeroes_sectors = ZEROES_SECTORS;
	config->max_write_zeroes_seg = ZEROES_SEGMENTS;
	config->write_zeroes_may_unmap = 1;
}

static void block_open(struct device *d)
{
	struct block *b = d->state;

	disk_open(&b->disk);
	block_fill_config(b);
	b->writeback = b->config.wce;
	memcpy(d->config, &b->config, CONFIG_SIZE);
}

const struct device_type device_block = {
	.name = "block",
	.option = "block",
	.option_arg = "FILE[,ro][,snapshot][,cache=writeback|writethrough|"
		      "unsafe][,serial=S]",
	.option_help = "a raw disk image or a block device; no comma in FILE",
	.id = 2,
	.pci_class = 0x018000,
	.nqueues = 1,
	.features = BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
		    BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_TOPOLOGY) |
		    BIT(VIRTIO_BLK_F_CONFIG_WCE) |
		    BIT(VIRTIO_BLK_F_DISCARD) |
		    BIT(VIRTIO_BLK_F_WRITE_ZEROES),
	.modern_features = BIT(VIRTIO_BLK_F_CONFIG_WCE),
	.legacy_features = BIT(VIRTIO_BLK_F_BARRIER),
	.config_size = CONFIG_SIZE,
	.state_size = sizeof(struct block),
	.parse = block_parse,
	.open = block_open,
	.kick = block_kick,
	.changed = block_changed,
	.config_written = block_config_written,
	.sync = block_sync,
};
