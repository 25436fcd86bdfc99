/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a Guest does with its disk, and with its source of random numbers.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scripts.h"

#define INDIRECT	(1U << 28)
#define F_FLUSH		(1U << 9)
#define F_BARRIER	(1U << 0)
#define F_WRITE_ZEROES	(1U << 14)
#define T_OUT		1
#define T_FLUSH		4
#define T_WRITE_ZEROES	13
#define T_BARRIER	0x80000000
#define SECTOR		512
#define DISK		"disk.img"
#define DISK_SECTORS	256

static void make_disk(void)
{
	int fd = open(DISK, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	NEED(fd >= 0 && !ftruncate(fd, DISK_SECTORS * SECTOR));
	close(fd);
}

static uint8_t *disk_bytes(unsigned sector)
{
	static uint8_t bytes[SECTOR];
	int fd = open(DISK, O_RDONLY);

	NEED(pread(fd, bytes, SECTOR, sector * SECTOR) == SECTOR);
	close(fd);
	return bytes;
}

/* Returns the status byte.  The used length is checked. */
static uint8_t request(struct device *d, uint32_t type, uint64_t sector,
		       uint32_t len)
{
	struct { uint32_t type, ioprio; uint64_t sector; } header = {
		type, 0, sector };
	bool in = !(type & (T_OUT | T_FLUSH | T_WRITE_ZEROES));
	struct buffer b[3] = { { HEADER, sizeof(header), false } };
	unsigned n = 1;
	uint8_t status = 0xff;
	uint32_t used;

	if (len)
		b[n++] = (struct buffer){ DATA, len, in };
	b[n++] = (struct buffer){ STATUS, 1, true };
	guest_write(HEADER, &header, sizeof(header));
	guest_write(STATUS, &status, 1);
	ring_add(&d->rings[0], b, n);
	used = ring_wait(&d->rings[0]);
	guest_read(STATUS, &status, 1);
	if (!status)
		NEED_EQ(used, in ? len + 1 : 1);
	return status;
}

static void write_and_read(struct device *d, unsigned sector, uint32_t type)
{
	uint8_t bytes[SECTOR], got[SECTOR], none[SECTOR] = { 0 };

	for (unsigned i = 0; i < SECTOR; i++)
		bytes[i] = sector + i;
	guest_write(DATA, bytes, SECTOR);
	NEED_EQ(request(d, T_OUT | type, sector, SECTOR), 0);
	NEED(!memcmp(disk_bytes(sector), bytes, SECTOR));
	guest_write(DATA, none, SECTOR);
	NEED_EQ(request(d, type, sector, SECTOR), 0);
	guest_read(DATA, got, SECTOR);
	NEED(!memcmp(got, bytes, SECTOR));
}

/* By the Host's own way to punch holes, or without it. */
static void clear(struct device *d, unsigned sector)
{
	struct { uint64_t sector; uint32_t sectors, flags; } range = {
		sector, 1, 0 };

	guest_write(DATA, &range, sizeof(range));
	NEED_EQ(request(d, T_OUT | T_WRITE_ZEROES, 0, sizeof(range)), 0);
	NEED_EQ(disk_bytes(sector)[1], 0);
	NEED(disk_bytes(sector - 1)[1] && disk_bytes(sector + 1)[1]);
}

void script_block(const struct era *era)
{
	static const char *const options[] = { "--block=" DISK, NULL };
	uint32_t features = F_FLUSH | F_BARRIER | F_WRITE_ZEROES | INDIRECT;
	struct device *d;

	make_disk();
	launch(era, ENDS_PIPE, options);
	scan(era);
	NEED_EQ(ndevices, 2);
	d = device_of(BLOCK);
	begin(era, d, features);
	NEED_EQ(d->config[0], DISK_SECTORS & 0xff);
	NEED_EQ(d->config[1], DISK_SECTORS >> 8);
	/* The driver's probe looks for partitions before it is ready. */
	if (era->telling != TELLS_PCI)
		write_and_read(d, 1, 0);
	ready(era, d, features);
	for (unsigned i = 2; i < 150; i++)
		write_and_read(d, i, 0);
	NEED_EQ(request(d, T_FLUSH, 0, 0), 0);
	clear(d, 40);
	if (d->features & F_BARRIER)
		write_and_read(d, 3, T_BARRIER);
	/* Past the end: the request fails, the disk stays. */
	NEED_EQ(request(d, T_OUT, DISK_SECTORS, SECTOR), 1);
	write_and_read(d, DISK_SECTORS - 1, 0);
	end_well();
	NEED_EQ(disk_bytes(149)[0], 149);
}

void script_rng(const struct era *era)
{
	static const char *const options[] = { "--rng", NULL };
	struct buffer b = { DATA, 256, true };
	uint8_t bytes[256] = { 0 };
	unsigned sum = 0;
	struct device *d;
	uint32_t len;

	launch(era, ENDS_PIPE, options);
	scan(era);
	d = start(era, RNG);
	guest_write(DATA, bytes, sizeof(bytes));
	ring_add(&d->rings[0], &b, 1);
	len = ring_wait(&d->rings[0]);
	NEED(len > 0 && len <= sizeof(bytes));
	guest_read(DATA, bytes, len);
	for (unsigned i = 0; i < len; i++)
		sum += bytes[i];
	NEED(len < 16 || sum);
	end_well();
}
