/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the core and what plugs into it: buses, hypervisors,
 * ports, the loop, and one run of a Guest.  Devices need virtio.h, which is
 * half of this.  They all use the core and never each other; the core knows
 * them only through three `const struct`s.
 *
 * Everything here belongs to one thread, the one that runs loop_run().
 */
#ifndef GUEST_H
#define GUEST_H

#include <poll.h>
#include <signal.h>
#include <time.h>

#include "virtio.h"

#define INITRDS_MAX	16

/* ------------------------------------------------------------------ */
/* The bus: how a Guest finds its devices                              */

struct bus {
	const char *name;	/* "pci" */
	uint64_t memory;	/* bytes it wants right behind RAM */
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
	/* The name of the bus that this Guest's kernel looks for. */
	const char *(*bus)(const struct guest *g);
	/*
	 * "key=value" that is put before the kernel's arguments when they have
	 * no such key; ends with NULL.  May be NULL.
	 */
	const char *const *arguments;
	/* Where RAM leaves room for devices; 0 for no hole. */
	gpa_t hole_start, hole_end;
	gpa_t window;		/* where BARs go; 0: behind RAM */
	bool memory_is_private;	/* RAM need not be a file */
	/* Interrupt lines that a bus may share out. */
	const uint8_t *irqs;
	unsigned nirqs;
	unsigned priority;	/* of `auto`: lowest first */
	/*
	 * Wants 32-bit kernels looked into before can(): image->lguest is known
	 * where it can be, and of a bzImage packed with gzip can() and
	 * create() see the vmlinux inside.  Packed otherwise, the bzImage.
	 */
	bool unpacks;

	/*
	 * Tries whether this Host and this image go together; no side effect
	 * remains.  False with the reason in why (WHY_MAX bytes).
	 */
	bool (*can)(const struct image *image, char *why);
	/*
	 * NULL, or as which of its machines it runs g, which can() was asked
	 * about: from then on this is g->hv.
	 */
	const struct hypervisor *(*as)(const struct guest *g);
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
	/*
	 * Where being told that fd is ready costs time: not to tell (on), as
	 * its owner looks by himself; and again (off), which the next wait
	 * begins with a look at.  NULL: it costs nothing.
	 */
	void (*hush)(int fd, bool on);
	/* Sets the level of interrupt line irq (a GSI). */
	void (*line)(struct guest *g, unsigned irq, bool level);
	/* Each `true` is an interrupt; a line that stays up says no more. */
	bool line_is_event;
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

/*
 * For machines without a PC's timer.  Where nothing is a Guest reads all ones,
 * which to Linux from 4.9 on look like a timer at its start: it waits for that
 * to tick, 100000 times.
 */
void io_no_timer(void);

/* Nobody there, or an odd width: reads give all ones, writes are dropped. */
uint64_t io_read(struct guest *g, bool mmio, uint64_t addr, unsigned width);
void io_write(struct guest *g, bool mmio, uint64_t addr, unsigned width,
	      uint64_t value);
bool io_busy(struct guest *g, bool mmio, uint64_t addr, bool write);

/*
 * latch.c: until further notice a byte read from `port` gives value, also
 * while writes to port `behind`, and only those, are still under way; -1: it
 * has to be asked for.  For one register, whose reads have no side effect.
 */
void io_latch(uint16_t port, uint16_t behind, int value);

/* For hypervisors, from any thread. */
bool io_latched(uint16_t port, uint8_t *value);
bool io_latch_ignores(uint16_t port);

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
 * fn is called in the handler of each of those signals: for a hypervisor whose
 * wait() is none that a mask could be given to.
 */
void loop_on_interrupt(void (*fn)(void *ucontext));

/* For such a wait(): has one of them come that the loop did not serve yet? */
bool loop_signalled(void);

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
	struct subject *subject;	/* payload.c's, while we choose */
	int kernel_fd, initrd_fds[INITRDS_MAX];	/* kept for a reboot */
	const struct hypervisor *hv;
	const struct bus *bus;
	gpa_t window;		/* BARs: PCI_WINDOW_SIZE bytes from here */
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

/* The Guest asked for a restart, or had to: then it is over, as a panic. */
void guest_reboot(struct guest *g);

/*
 * The kernel's full command line: the user's arguments and what the
 * hypervisor adds.  Valid until the next call.
 */
const char *guest_arguments(const struct guest *g);

/* Runs what the plan says and returns the exit status. */
int guest_run(struct guest *g, const struct plan *plan);

#endif
