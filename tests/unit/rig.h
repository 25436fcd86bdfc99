/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test bench: a Guest that is memory and nothing else, on a bus and a
 * hypervisor of the bench's own.  The test plays the driver.
 */
#ifndef RIG_H
#define RIG_H

#include <string.h>

#include "machine.h"

/*
 * A test program is main() with RUN() lines and `return rig_done();`.  Each
 * test prints "PASS name", "FAIL name: where and what" or "SKIP name: why".
 */
#define RUN(test)	rig_run(#test, test)
#define CHECK(cond)	rig_check((cond), __FILE__, __LINE__, #cond)
#define CHECK_EQ(a, b)	rig_check_eq((a), (b), __FILE__, __LINE__, #a " == " #b)

void rig_run(const char *name, void (*test)(void));
void rig_check(bool ok, const char *file, int line, const char *what);
void rig_check_eq(uint64_t a, uint64_t b, const char *file, int line,
		  const char *what);
void rig_skip(const char *fmt, ...) PRINTF(1, 2);	/* then return */
int rig_done(void);

/* For a test's own child processes: did a check of theirs fail? */
bool rig_failed(void);

/* A new Guest with this much RAM (no hole), devices and events forgotten. */
struct guest *rig_guest(uint64_t memory);

/* Adds a device as the command line would: parse, then open. */
struct device *rig_device(const struct device_type *type, const char *arg);

/*
 * Resets d and starts it as a driver does, with the offered features among
 * `features` (VERSION_1 added), all queues of `size` entries.
 */
void rig_start(struct device *d, uint64_t features, unsigned size);

/* Fresh zeroed Guest memory, 16-byte aligned; and the Host's view of it. */
gpa_t rig_alloc(uint64_t len);
void *rig_at(gpa_t gpa);

struct rig_buffer {
	gpa_t gpa;
	uint32_t len;
	bool in;		/* device writes it */
};

/* Puts a chain into q's avail ring; returns its head.  Does not kick. */
uint16_t rig_add(struct virtqueue *q, const struct rig_buffer *b, unsigned n);

/* The same in an indirect table. */
uint16_t rig_add_indirect(struct virtqueue *q, const struct rig_buffer *b,
			  unsigned n);

/* Writes descriptor i as given; puts head into avail as given. */
void rig_desc(struct virtqueue *q, unsigned i, gpa_t addr, uint32_t len,
	      uint16_t flags, uint16_t next);
void rig_avail(struct virtqueue *q, uint16_t head);

/* virtio_notify() and one turn of the loop without waiting. */
void rig_kick(struct virtqueue *q);
void rig_turn(void);

/* The next used entry that was not seen yet. */
bool rig_used(struct virtqueue *q, uint16_t *head, uint32_t *len);

/* Interrupts of q (NULL: configuration) since the last call. */
unsigned rig_interrupts(struct device *d, struct virtqueue *q);

/* Levels that hv->line() was last given. */
extern bool rig_lines[32];

/* Lines that warn() wrote since the last call (they go on to stderr too). */
unsigned rig_warnings(void);

#endif
