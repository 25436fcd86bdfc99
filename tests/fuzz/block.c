/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests to disks: one that is written, one that is read-only, one that
 * keeps a snapshot.  The first byte chooses, the next two are a write to the
 * configuration, the rest is ring.h's.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fuzz/ring.h"

#define IMAGE_SIZE	(KIB(64) + 512)

extern const struct device_type device_block;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct image_file {
	const char *options;
	bool may_change;
	int fd;
	struct device *d;
} images[] = {
	{ .options = "", .may_change = true },
	{ .options = ",ro" },
	{ .options = ",snapshot,serial=0123456789abcdefghij" },
	{ .options = ",cache=writethrough", .may_change = true },
};

static void images_make(void)
{
	static char zeroes[IMAGE_SIZE];
	char arg[128];

	rig_guest(RING_MEMORY);
	for (unsigned i = 0; i < ARRAY_SIZE(images); i++) {
		images[i].fd = memfd_create("image", MFD_CLOEXEC);
		must(write_all(images[i].fd, zeroes, IMAGE_SIZE), "no image");
		snprintf(arg, sizeof(arg), "/proc/self/fd/%d%s", images[i].fd,
			 images[i].options);
		images[i].d = rig_device(&device_block, arg);
	}
}

static void image_check(const struct image_file *image)
{
	uint8_t bytes[IMAGE_SIZE + 1];
	ssize_t n = pread(image->fd, bytes, sizeof(bytes), 0);

	must(n == (ssize_t)IMAGE_SIZE, "an image of another size");
	for (ssize_t i = 0; i < n && !image->may_change; i++)
		must(!bytes[i], "a change to an image that may not change");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct image_file *image;
	uint8_t off, value;

	if (!images[0].d)
		images_make();
	image = &images[input_byte(&in) % ARRAY_SIZE(images)];
	off = input_byte(&in);
	value = input_byte(&in);

	ring_start(image->d, &in);
	virtio_config_write(image->d, off, 1 << value % 3, value * 0x01010101u);
	ring_run(image->d);
	must(virtio_config_read(image->d, 0, 4) == IMAGE_SIZE / 512,
	     "a capacity that the driver made up");
	image_check(image);
	return 0;
}
