/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Guest's memory, the rings in it, and the devices that the Guest sees.
 * "VIRTIO" with a number is a section of the virtio specification, version
 * 1.2.
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include <sys/uio.h>

#include "lguest.h"

#define DEVICES_MAX	31	/* a PCI bus has 32 slots, one is a bridge */
#define QUEUES_MAX	2	/* of one device */
#define QUEUE_SIZE_MAX	256	/* entries of one queue */
#define CONFIG_MAX	64	/* bytes of device configuration */
#define WHY_MAX		160	/* room for a one-line reason */

/* A guest physical address.  Never cast to a pointer: mem_at() knows how. */
typedef uint64_t gpa_t;

struct guest;
struct device;
struct virtqueue;

/* ------------------------------------------------------------------ */
/* memory.c: the Guest's RAM                                           */

#define REGIONS_MAX	4

/* A run of guest physical addresses backed by Host memory. */
struct region {
	gpa_t base;
	uint64_t size;
	uint8_t *host;
};

struct memory {
	bool is_private;	/* set before: no file, this process alone */
	void *below;		/* set before: where it is best; or NULL */
	int fd;			/* memfd, or -1 for none */
	uint8_t *host;		/* all of it, in one mapping */
	uint64_t size;		/* bytes of RAM */
	unsigned nregions;
	struct region regions[REGIONS_MAX];	/* RAM, in order of base */
	struct region devices;	/* no RAM, but shared with devices; may be 0 */
};

/* Dies (usage) unless the Host has RAM and swap for size bytes. */
void mem_check_size(uint64_t size);

/*
 * Makes size bytes of zeroed RAM: from gpa 0 up to hole_start, the rest from
 * hole_end up; and right behind it `extra` bytes that are no RAM to the Guest
 * but memory that it shares with devices.  Nothing is touched: the Host gives
 * pages as they are used.
 */
void mem_create(struct memory *m, uint64_t size, uint64_t extra,
		gpa_t hole_start, gpa_t hole_end);

/* All of RAM reads as zero again, for a reboot; its pages go to the Host. */
void mem_clear(struct memory *m);

/*
 * Host pointer to len bytes at gpa, or NULL unless every one of them is RAM.
 * len 0 is allowed at any address in RAM.  The Guest may be writing there at
 * this very moment: copy first, then check.
 */
void *mem_at(const struct memory *m, gpa_t gpa, uint64_t len);

/* ------------------------------------------------------------------ */
/* vring.c: the only code that touches rings (VIRTIO 2.7)              */

struct virtqueue {
	struct device *d;
	uint16_t index;

	/* What the driver wrote; the bus keeps these before `live`. */
	uint16_t size_max, size;
	bool enabled;
	gpa_t desc, avail, used;

	/* Ours from vq_start() on. */
	bool live;
	bool event_idx, indirect, notify_on_empty;
	bool quiet;		/* kicks are suppressed */
	uint16_t last_avail;	/* next entry of avail that we take */
	uint16_t used_idx;	/* what used.idx says, or will */
	uint16_t signalled;	/* used_idx at the last interrupt */
	void *vdesc, *vavail, *vused;

	uint64_t kicks, chains, interrupts;	/* for SIGUSR1 and tests */
};

/*
 * One request: buffers that we read (out) and then ones that we write (in),
 * each checked to be RAM.  Zero-length buffers are left out.
 */
struct chain {
	uint16_t head;
	unsigned nout, nin;
	uint64_t out_len, in_len;
	struct iovec *out, *in;		/* both inside iov[] */
	struct iovec iov[QUEUE_SIZE_MAX];
};

/*
 * Takes what the driver wrote into use.  False with a reason in why (WHY_MAX
 * bytes) when size or addresses break a rule (VIRTIO 2.7).
 */
bool vq_start(struct virtqueue *q, char *why);
void vq_stop(struct virtqueue *q);

/* The accepted features changed while q is live. */
void vq_renegotiate(struct virtqueue *q);

/*
 * Takes the next chain.  False when there is none; also when the driver broke
 * the ring: then the device has been stopped by virtio_break().
 */
bool vq_pop(struct virtqueue *q, struct chain *c);

/* Puts the last n chains popped back, newest first; none was pushed since. */
void vq_unpop(struct virtqueue *q, unsigned n);

/* Returns a chain: we wrote `written` bytes to the front of its `in`. */
void vq_push(struct virtqueue *q, uint16_t head, uint32_t written);

/* Interrupts the driver if it wants one for what was pushed since the last. */
void vq_signal(struct virtqueue *q);

/* True if a vq_pop() would find something (or a broken ring). */
bool vq_has_work(struct virtqueue *q);

/* Kicks off; and on again, which returns true if work arrived meanwhile. */
void vq_quiet(struct virtqueue *q);
bool vq_listen(struct virtqueue *q);

/*
 * Byte-wise access to a list of iovecs, for headers and trailers that may be
 * split anywhere (VIRTIO 2.7.4).  Copies at most len bytes from offset off;
 * returns how many there were.
 */
size_t iov_read(const struct iovec *iov, unsigned n, size_t off,
		void *buf, size_t len);
size_t iov_write(const struct iovec *iov, unsigned n, size_t off,
		 const void *buf, size_t len);

/*
 * Makes dst (room for n entries) the part of iov from off, len bytes long or
 * up to the end.  Returns the number of entries.
 */
unsigned iov_slice(struct iovec *dst, const struct iovec *iov, unsigned n,
		   size_t off, size_t len);

/* ------------------------------------------------------------------ */
/* virtio.c: the device model (VIRTIO 2 and 3)                         */

/*
 * A kind of device: the foot of each core/device/NAME.c, called device_NAME.
 * What can be said as data is data.
 */
struct device_type {
	const char *name;	/* "block" */
	const char *option;	/* "block" for --block; NULL for none */
	const char *option_arg;	/* "FILE[,ro]..."; NULL if it takes none */
	const char *option_help;
	bool always;		/* every Guest has exactly one */
	uint16_t id;		/* VIRTIO 5 */
	uint32_t pci_class;	/* class << 16 | subclass << 8 | interface */
	unsigned nqueues;
	uint64_t features;	/* offered; parse() and open() may change d's */
	/* On buses before VIRTIO 1.0: not offered, and offered only there. */
	uint64_t modern_features, legacy_features;
	unsigned config_size;	/* bytes of d->config in use */
	size_t state_size;	/* bytes of d->state */

	/* Step 1: arg is ours to cut up; bad usage dies.  No side effects. */
	void (*parse)(struct device *d, char *arg);
	/* Step 2: open what it needs, or die; fill d->config. */
	void (*open)(struct device *d);
	/*
	 * Queue q may have work: do it, at most about a queue's worth.  True
	 * if it took all there was and wants to be kicked for more; false if
	 * it stopped on its own account and will call virtio_serve() when it
	 * can go on.
	 */
	bool (*kick)(struct device *d, struct virtqueue *q);
	/*
	 * The status changed: d->status has DRIVER_OK (queues are live), or
	 * is 0 (reset: forget the Guest's requests).  May be NULL.
	 */
	void (*changed)(struct device *d);
	/* The driver wrote config bytes off..off+len-1.  NULL: read-only. */
	void (*config_written)(struct device *d, unsigned off, unsigned len);
	/* The Launcher leaves: make what the Guest wrote durable.  Or NULL. */
	void (*sync)(struct device *d);
};

extern const struct device_type *const device_types[];	/* ends with NULL */

struct device {
	const struct device_type *type;
	struct guest *g;
	unsigned index;		/* in g->devices, and its place on the bus */
	char name[32];		/* "block0", for messages */
	void *state;		/* the type's own, zeroed */

	uint64_t features;	/* offered, transport bits included */
	uint64_t acked;		/* accepted by the driver */
	uint8_t status;		/* VIRTIO 2.1 */
	uint8_t generation;	/* of config */
	uint8_t config[CONFIG_MAX];
	unsigned config_size;
	struct virtqueue queues[QUEUES_MAX];

	bool broken;		/* stopped by virtio_break() */
	uint32_t told;		/* bits of device_warn_once() */
};

/* True if we offered feature bit `bit` and the driver accepted it. */
bool virtio_has(const struct device *d, unsigned bit);

/* For buses: what the driver does to a device.  Any value is survived. */
void virtio_accept(struct device *d, uint64_t features);
void virtio_set_status(struct device *d, uint8_t status);
/* The driver used d first, and now says what it accepts. */
void virtio_accept_late(struct device *d, uint64_t features);
void virtio_notify(struct device *d, unsigned queue);
uint32_t virtio_config_read(struct device *d, unsigned off, unsigned len);
void virtio_config_write(struct device *d, unsigned off, unsigned len,
			 uint32_t value);

/* For reboot: as it was before the Guest started. */
void virtio_reset(struct device *d);

/* For SIGUSR1: what driver and device agreed on, on stderr. */
void virtio_dump(const struct device *d);

/* For devices. */

/* Lets kick() work on q until it has no more to do, then interrupts. */
void virtio_serve(struct virtqueue *q);

/* d->config changed: tell the driver. */
void virtio_config_changed(struct device *d);

/*
 * The driver broke a rule that leaves the ring unusable: one line says so,
 * DEVICE_NEEDS_RESET is set and all queues stop (VIRTIO 2.1.1).  Under
 * --fail-fast the Guest ends.
 */
void virtio_break(struct device *d, const char *fmt, ...) PRINTF(2, 3);

/* warn(), but once a run for each `kind` (0 to 30) of this device. */
void device_warn_once(struct device *d, unsigned kind, const char *fmt, ...)
	PRINTF(3, 4);

#endif
