/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests to the random number source: see ring.h for the input.
 */
#include "../fuzz/ring.h"

extern const struct device_type device_rng;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct device *d;
	struct input in = { data, size };
	const struct vring_used *used;
	unsigned n;

	if (!d) {
		rig_guest(RING_MEMORY);
		d = rig_device(&device_rng, NULL);
	}
	n = ring_start(d, &in);
	ring_run(d);
	/* Unless a request let us write over the ring, it is as we left it. */
	used = rig_at(RING_USED);
	if (d->queues[0].live && used->idx == n && n == 1)
		must(used->ring[0].len > 0, "an answer of no bytes");
	return 0;
}
