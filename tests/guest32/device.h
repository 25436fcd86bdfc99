/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drivers of our own: ring.c works a virtqueue, bus_lguest.c and bus_pci.c
 * find devices, one of them for each generation.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include "guest32.h"

#define TYPE_NET	1
#define TYPE_BLOCK	2
#define TYPE_CONSOLE	3
#define TYPE_RNG	4

#define ACKNOWLEDGE	1
#define DRIVER		2
#define DRIVER_OK	4
#define FEATURES_OK	8
#define FAILED		128

#define QUEUES		2

struct vring_desc {
	u64 addr;
	u32 len;
	u16 flags, next;
};

struct vring_avail {
	u16 flags, idx, ring[];
};

struct vring_used {
	u16 flags, idx;
	struct {
		u32 id, len;
	} ring[];
};

struct queue {
	struct device *d;
	unsigned index, size, irq;
	u32 doorbell;		/* what the bus makes of it */
	volatile struct vring_desc *desc;
	volatile struct vring_avail *avail;
	volatile struct vring_used *used;
	u16 next, seen;
};

struct device {
	unsigned type, nqueues;
	volatile u8 *at;	/* descriptor, or registers */
	unsigned slot;
	struct queue q[QUEUES];
};

/* One piece of a request. */
struct piece {
	void *at;
	u32 len;
	bool in;		/* the device writes */
};

/* --- the bus ------------------------------------------------------------- */

bool device_find(struct device *d, unsigned type);
u8 device_status(struct device *d);
void device_reset(struct device *d);
/* From reset to DRIVER_OK, with those of the first 32 features it offers. */
void device_start(struct device *d, u32 features);
u32 device_features(struct device *d);
void device_config(struct device *d, unsigned off, void *to, unsigned len);
void device_kick(struct queue *q);
/* The interrupt is taken notice of, so that the next may come. */
void device_acknowledge(struct device *d);

/* --- ring.c ------------------------------------------------------------- */

/* A ring in that memory, zeroed; used is where the bus wants it. */
void queue_init(struct queue *q, void *ring, u32 used_off, unsigned size);
/* Adds a request that begins at descriptor `head`; no kick. */
void queue_add(struct queue *q, unsigned head, const struct piece *p,
	       unsigned n);
/*
 * Sleeps until the next answer; its head, and how much was written.  -1 if
 * there is none in good time: that fails the test.
 */
int queue_wait(struct queue *q, u32 *len);
/* All three for one request. */
u32 queue_do(struct queue *q, const struct piece *p, unsigned n);

#endif
