/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the core and what plugs into it: devices, buses and
 * hypervisors.  They use the core and never each other; the core knows them
 * only through the three `const struct`s below.  "VIRTIO" with a number is a
 * section of the virtio specification, version 1.2.
 *
 * Everything here belongs to one thread, the one that runs loop_run().
 */
#ifndef GUEST_H
#define GUEST_H

#include <poll.h>
#include <signal.h>
#include <sys/uio.h>
#include <time.h>

#include "lguest.h"

#define DEVICES_MAX	31	/* a PCI bus has 32 slots, one is the bridge's */
#define QUEUES_MAX	2	/* of one device */
#define QUEUE_SIZE_MAX	256	/* entries of one queue */
#define CONFIG_MAX	64	/* bytes of device configuration */
#define INITRDS_MAX	16
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
	int fd;			/* memfd, or -1 where the Host has none */
	uint8_t *host;		/* all of it, in one mapping, MAP_SHARED */
	uint64_t size;		/* bytes */
	unsigned nregions;
	struct region regions[REGIONS_MAX];	/* in order of base */
};

/* Dies (usage) unless the Host has RAM and swap for size bytes. */
void mem_check_size(uint64_t size);

/*
 * Makes size bytes of zeroed RAM: from gpa 0 up to hole_start, the rest from
 * hole_end up.  Nothing is touched: the Host gives pages as they are used.
 */
void mem_create(struct memory *m, uint64_t size, gpa_t hole_start,
		gpa_t hole_end);

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
	bool event_idx, indirect;
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

/* True if the driver accepted feature bit `bit`. */
bool virtio_has(const struct device *d, unsigned bit);

/* For buses: what the driver does to a device.  Any value is survived. */
void virtio_accept(struct device *d, uint64_t features);
void virtio_set_status(struct device *d, uint8_t status);
void virtio_notify(struct device *d, unsigned queue);
uint32_t virtio_config_read(struct device *d, unsigned off, unsigned len);
void virtio_config_write(struct device *d, unsigned off, unsigned len,
			 uint32_t value);

/* For reboot: as it was before the Guest started. */
void virtio_reset(struct device *d);

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

/* ------------------------------------------------------------------ */
/* The bus: how a Guest finds its devices                              */

struct bus {
	const char *name;	/* "pci" */
	/*
	 * Step 4, for each device in order, after the hypervisor made its
	 * VM.  False if the bus is full.
	 */
	bool (*attach)(struct device *d);
	/* Back to how it was before the Guest ran. */
	void (*reset)(struct guest *g);
	/* Interrupts the driver: for q, or for its configuration (NULL). */
	void (*interrupt)(struct device *d, struct virtqueue *q);
	/* For SIGUSR1: one line or more on stderr. */
	void (*dump)(struct guest *g);
};

extern const struct bus *const buses[];	/* ends with NULL */

/* ------------------------------------------------------------------ */
/* The hypervisor: how its CPU runs                                    */

struct image;

struct hypervisor {
	const char *name;	/* as in --hypervisor=name */
	const char *bus;	/* the name of its bus */
	const char *console;	/* added to the kernel's arguments when they
				   have no console= ; NULL for none */
	/* Where RAM leaves room for devices; 0 for no hole. */
	gpa_t hole_start, hole_end;
	unsigned priority;	/* of `auto`: lowest first */

	/*
	 * Tries whether this Host and this image go together; no side effect
	 * remains.  False with the reason in why (WHY_MAX bytes).
	 */
	bool (*can)(const struct image *image, char *why);
	/* Step 2: opens what create() needs, also the second time. */
	void (*open)(struct guest *g);
	/*
	 * Step 4, and again for a reboot: makes the machine around g->mem,
	 * loads the kernel, and puts the CPU before its first instruction.
	 */
	void (*create)(struct guest *g);
	/* Lets the CPU run.  From here on the loop has the thread. */
	void (*start)(struct guest *g);
	/* Stops the CPU for good and takes the machine apart. */
	void (*destroy)(struct guest *g);
	/* The loop's wait, as ppoll(2).  NULL: ppoll(2) itself. */
	int (*wait)(struct guest *g, struct pollfd *fds, nfds_t n,
		    const struct timespec *timeout, const sigset_t *mask);
	/* Sets the level of interrupt line irq (a GSI). */
	void (*line)(struct guest *g, unsigned irq, bool level);
	/*
	 * Message-signalled interrupts, or NULL for none: slot n (d->index *
	 * (QUEUES_MAX + 1) + vector) means this message from now on; fire it.
	 */
	void (*msi_route)(struct guest *g, unsigned n, uint64_t address,
			  uint32_t data);
	void (*msi_fire)(struct guest *g, unsigned n);
	/*
	 * Guest writes of any width to gpa are from now on (on) or no more
	 * (off) kicks of q: virtio_notify() is called for each, or for
	 * several at once.  NULL: they arrive as any other MMIO write.
	 */
	void (*doorbell)(struct virtqueue *q, gpa_t gpa, bool on);
	/* For SIGUSR1: the CPU's state on stderr; may be late by a turn. */
	void (*dump)(struct guest *g);
};

extern const struct hypervisor *const hypervisors[];	/* ends with NULL */

/* ------------------------------------------------------------------ */
/* io.c: ports and memory-mapped registers, for hypervisors and buses  */

#define IO_RANGES_MAX	16

struct io_range {
	bool mmio;		/* guest physical addresses; else ports */
	uint64_t base, size;
	/* off is from base; width is 1, 2, 4 or 8 and stays inside. */
	uint64_t (*read)(struct guest *g, uint64_t off, unsigned width);
	void (*write)(struct guest *g, uint64_t off, unsigned width,
		      uint64_t value);
	/*
	 * If not NULL and true, an access has to wait: the hypervisor keeps
	 * it (and with it the CPU) and asks again next turn of the loop.
	 */
	bool (*busy)(struct guest *g, uint64_t off, bool write);
};

/* The range is not copied.  Before the Guest runs. */
void io_add(const struct io_range *r);

/* Nobody there, or an odd width: reads give all ones, writes are dropped. */
uint64_t io_read(struct guest *g, bool mmio, uint64_t addr, unsigned width);
void io_write(struct guest *g, bool mmio, uint64_t addr, unsigned width,
	      uint64_t value);
bool io_busy(struct guest *g, bool mmio, uint64_t addr, bool write);

/* ------------------------------------------------------------------ */
/* loop.c: the one place that blocks                                   */

#define WATCHES_MAX	160
#define TIMERS_MAX	48	/* a few of ours, and one a device */

/* A descriptor to be watched.  Lives as long as the process. */
struct watch {
	int fd;			/* -1: not at the moment */
	/*
	 * Asked each turn: which of POLLIN and POLLOUT it waits for; 0 for
	 * none: then it is not polled at all.  NULL: always POLLIN.
	 */
	short (*want)(void *owner);
	/* revents has one of those bits, or POLLERR or POLLHUP. */
	void (*ready)(void *owner, short revents);
	void *owner;
};

void watch_add(struct watch *w);

struct timer {
	uint64_t when;		/* on now_ns()'s clock; 0: not set */
	void (*expired)(void *owner);	/* `when` is 0 again by then */
	void *owner;
};

void timer_add(struct timer *t);

/* fn(g) runs in the loop, soon after signal sig; signals may coalesce. */
void loop_on_signal(int sig, void (*fn)(struct guest *g));

/*
 * Asks for another turn without waiting and, in it, for virtio_notify() of q:
 * for a device that has done its share of this turn.
 */
void loop_again(struct virtqueue *q);

/* One turn: waits for at most timeout_ms (-1: for ever), serves what is up. */
void loop_turn(struct guest *g, int timeout_ms);

/* Turns until g->ended or g->reboot. */
void loop_run(struct guest *g);

/* ------------------------------------------------------------------ */
/* guest.c: one run (design: plan, open, look, lay out, drop, run)     */

/* What the command line asked for. */
struct plan {
	uint64_t memory;	/* bytes */
	const char *kernel;	/* "-": standard input */
	char *arguments;	/* the kernel's, joined by spaces */
	const char *initrds[INITRDS_MAX];
	unsigned ninitrds;
	const char *hypervisor, *username, *chroot, *console, *log, *pidfile;
	uint64_t timeout;	/* seconds, 0: none */
	bool verbose, quiet, no_reboot, fail_fast;
};

struct guest {
	const struct plan *plan;
	struct memory mem;
	struct image *image;
	int kernel_fd, initrd_fds[INITRDS_MAX];	/* kept for a reboot */
	const struct hypervisor *hv;
	const struct bus *bus;
	unsigned ndevices;
	struct device devices[DEVICES_MAX];

	/* How it ended; the loop leaves at the first of these. */
	bool ended, reboot;
	enum status status;
	char why[WHY_MAX];
};

/*
 * Step 1: one more device of this type, its argument parsed; dies (usage)
 * naming the first one too many.
 */
struct device *guest_add_device(struct guest *g,
				const struct device_type *type, char *arg);

/* The Guest is over.  Only the first call counts. */
void guest_end(struct guest *g, enum status status, const char *fmt, ...)
	PRINTF(3, 4);

/* The Guest asked for a restart. */
void guest_reboot(struct guest *g);

/*
 * The kernel's full command line: the user's arguments and what the
 * hypervisor adds.  Valid until the next call.
 */
const char *guest_arguments(const struct guest *g);

/* Runs what the plan says and returns the exit status. */
int guest_run(struct guest *g, const struct plan *plan);

#endif
