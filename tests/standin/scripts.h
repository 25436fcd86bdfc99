/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What scripts share.
 */
#ifndef SCRIPTS_H
#define SCRIPTS_H

#include "standin.h"

#define BLOCK		2
#define CONSOLE		3
#define RNG		4

/* Areas of SCRATCH: data, a block request's header, its status. */
#define DATA		SCRATCH
#define HEADER		(SCRATCH + 0x10000)
#define STATUS		(SCRATCH + 0x10100)
#define INPUT		(SCRATCH + 0x20000)

extern unsigned ndevices;

/* Looks for devices; the first of a type, or fails. */
void scan(const struct era *era);
struct device *device_of(unsigned type);

/* A driver up to its probe, and after it; or both, without features. */
void begin(const struct era *era, struct device *d, uint32_t features);
void ready(const struct era *era, struct device *d, uint32_t features);
struct device *start(const struct era *era, unsigned type);

/* On the console. */
void print(struct device *d, const char *text);

/* Powers off, and sees the Launcher do so. */
void end_well(void);

/* --- disks.c --- */
void script_block(const struct era *era);
void script_rng(const struct era *era);

/* --- flag.c --- */
void script_flag_old(const struct era *era);
void script_flag_2_6_31(const struct era *era);
void script_flag_3_1(const struct era *era);
void script_flag_4_1(const struct era *era);
void script_flag_reboot(const struct era *era);

#endif
