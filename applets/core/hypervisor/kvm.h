/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the hypervisor `kvm`.  Who runs what: everything here belongs
 * to the core's one thread, but for kvm_cpu.c, which is all that the CPU's
 * thread ever executes.  They meet in struct kvm_cpu, and nowhere else.
 */
#ifndef KVM_H
#define KVM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>

#include "machine.h"

#define KVM_CPUS_MAX	1
#define KVM_POSTS	64	/* a power of two */
#define KVM_KICK	SIGRTMIN	/* gets a CPU out of KVM_RUN */

/* Where we put things that the Guest finds in its first megabyte. */
#define KVM_GDT		0x1000
#define KVM_PAGES	0x9000	/* page tables, 6 pages */
#define KVM_STACK	0x9000	/* grows down from there */

/* GSIs up to here are lines of the interrupt controllers, then come MSIs. */
#define KVM_LINES	24
#define KVM_MSIS	(DEVICES_MAX * (QUEUES_MAX + 1))

/* What a CPU did that KVM could not do alone. */
struct kvm_post {
	enum { POST_PORT, POST_MMIO, POST_CRASH, POST_FAILED, POST_EVENT } kind;
	bool write;
	uint8_t width;
	uint64_t addr;
	uint64_t value;		/* written; or, by the core, what was read */
};

/*
 * A CPU and the ring of its posts.  The CPU's thread fills posts[tail] and
 * moves tail, the core serves posts[head] and moves head, so the order of the
 * Guest's accesses is kept.  It does not wait for its writes to be served: by
 * the time that anything depends on one, it has read something, and a read
 * waits until all before it is done.
 */
struct kvm_cpu {
	unsigned index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;

	struct kvm_post posts[KVM_POSTS];
	atomic_uint head, tail;
	/* The CPU's: `tail` behind its last post that a latch minds. */
	unsigned minded;
	/*
	 * The core is at work on the ring, or has been called.  The CPU pays
	 * for a system call only when this was false.
	 */
	atomic_bool called;
	/*
	 * The CPU sleeps on `turn` until fewer posts than this are left; 0 if
	 * it does not sleep.
	 */
	atomic_uint waits_for;
	atomic_uint turn;

	/* Asked by the core, before it kicks. */
	atomic_bool stop, want_registers;
	/* Answers: valid once the descriptor of `registers` is readable. */
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	char crash[WHY_MAX];	/* valid with POST_CRASH */

	struct watch posted, registers;		/* eventfds */
};

struct kvm {
	int fd;			/* /dev/kvm, kept for reboots */
	int vm;			/* -1: there is none */
	size_t run_size;
	struct guest *g;
	unsigned ncpus;
	struct kvm_cpu cpus[KVM_CPUS_MAX];
};

extern struct kvm kvm;

/* ioctl(2) on a KVM descriptor, again after EINTR. */
int kvm_ioctl(int fd, unsigned long request, void *arg);
int kvm_ioctl_n(int fd, unsigned long request, unsigned long arg);

/* An eventfd that never blocks; or dies. */
int kvm_eventfd(void);

/* Opens /dev/kvm, making the node if it has to; -1 and errno. */
int kvm_open_node(void);

/* --- kvm_probe.c --- */
bool kvm_can(const struct image *image, char *why);
/* The Guest that kvm_can() tried may go: the real one is there. */
void kvm_probe_forget(void);

/* --- kvm_cpu.c: the CPU's thread.  cpu->fd and cpu->run are there. --- */
void kvm_cpu_start(struct kvm_cpu *cpu);
/* Returns when the thread has ended. */
void kvm_cpu_stop(struct kvm_cpu *cpu);
/* Asks for regs and sregs; `registers` becomes readable. */
void kvm_cpu_ask(struct kvm_cpu *cpu);
/* Wakes the CPU if what it waits for has come, or if it is to be `asked`. */
void kvm_cpu_wake(struct kvm_cpu *cpu, bool asked);

/* --- kvm_post.c: the core's side of the ring --- */
void kvm_posts_create(struct kvm_cpu *cpu);
/* The ring as it was before the Guest ran. */
void kvm_posts_reset(struct kvm_cpu *cpu);
/* Serves what was posted up to now, or at least a part of it. */
void kvm_posts_serve(struct kvm_cpu *cpu);
bool kvm_posts_empty(struct kvm_cpu *cpu);
/* The next post has to wait for its device. */
bool kvm_posts_busy(struct kvm_cpu *cpu);

/* --- kvm_irq.c: lines, messages and doorbells --- */
void kvm_irq_create(struct guest *g);
void kvm_irq_reset(void);
void kvm_line(struct guest *g, unsigned irq, bool level);
void kvm_msi_route(struct guest *g, unsigned n, uint64_t address,
		   uint32_t data);
void kvm_msi_fire(struct guest *g, unsigned n);
void kvm_doorbell(struct virtqueue *q, gpa_t gpa, bool on);

/* --- kvm_boot.c: a CPU before its first instruction --- */
/* Loads the kernel and writes everything it finds in its memory. */
void kvm_boot_load(struct guest *g, struct boot *boot);
/* Model and registers; CPUs but the first wait to be called. */
void kvm_boot_cpu(struct kvm_cpu *cpu, const struct boot *boot);
/*
 * Flat segments, and for `wide` 64-bit mode with the page tables at cr3.
 * Without, paging is off, and cr3 not used.
 */
void kvm_boot_flat(struct kvm_sregs *s, bool wide, uint64_t cr3);

#endif
