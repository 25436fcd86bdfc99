/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the hypervisor `lguest`.
 */
#ifndef LGUEST_HYPERVISOR_H
#define LGUEST_HYPERVISOR_H

#include "abi/lguest.h"
#include "machine.h"

/* What a Host's /dev/lguest speaks, in order of age. */
enum generation {
	LGUEST_PGDIR,		/* 2.6.25 to 2.6.28: we make page tables */
	LGUEST_BUS,		/* 2.6.29 to 3.19 */
	LGUEST_PCI,		/* 4.0 to 4.13 */
};

/* A request is words of the Host's kernel, which is a 32-bit one. */
#define LGUEST_WORDS	5

struct lguest {
	int fd;			/* the Guest; -1: none */
	enum generation generation;
	gpa_t kernel;		/* it is nowhere before that */
};

extern struct lguest lguest;

/* write(2) of request and words; what it returned, or -errno. */
long lguest_request(int fd, enum lguest_request request,
		    unsigned long a, unsigned long b, unsigned long c,
		    unsigned long d);

/* read(2) of what is there at once; or -errno. */
long lguest_read_now(void *buf, size_t len);

/* Names of generations, for people. */
extern const char *const lguest_hosts[];

/* --- lguest_boot.c --- */
/* Loads the kernel; returns its entry, and the first page directory. */
gpa_t lguest_boot_load(struct guest *g, gpa_t *pgdir);

/* --- lguest_flag.c --- */
/* A new Guest; and before each read(2) that runs it. */
void lguest_flag_reset(const struct guest *g);
void lguest_flag_clear(const struct guest *g);

/* --- lguest_run.c --- */
void lguest_hush(int fd, bool on);
int lguest_wait(struct guest *g, struct pollfd *fds, nfds_t n,
		const struct timespec *timeout, const sigset_t *mask);

/* --- lguest_emulate.c --- */
/* Does what the Guest could not: or gives it the trap. */
void lguest_emulate(struct guest *g, const struct lguest_pending *pending);
void lguest_doorbell(struct virtqueue *q, gpa_t gpa, bool on);

#endif
