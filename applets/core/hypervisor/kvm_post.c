/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core's side of a CPU's ring: an eventfd says that there are posts, and
 * here they are served, in the loop, where all devices live.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kvm.h"

/* Posts in one turn of the loop: the other watches want to live too. */
#define POSTS_A_TURN	256

bool kvm_posts_empty(struct kvm_cpu *cpu)
{
	return atomic_load(&cpu->head) == atomic_load(&cpu->tail);
}

bool kvm_posts_busy(struct kvm_cpu *cpu)
{
	const struct kvm_post *p = &cpu->posts[cpu->head % KVM_POSTS];

	return !kvm_posts_empty(cpu) && p->kind <= POST_MMIO &&
	       io_busy(kvm.g, p->kind == POST_MMIO, p->addr, p->write);
}

/* Only some ways to ask for this come by KVM; most are ports (pc.c). */
static void serve_event(struct guest *g, uint64_t type)
{
	if (type == KVM_SYSTEM_EVENT_SHUTDOWN)
		guest_end(g, STATUS_POWEROFF, "the Guest powered off");
	else if (type == KVM_SYSTEM_EVENT_RESET)
		guest_reboot(g);
	else
		guest_end(g, STATUS_CRASHED, "KVM says that it crashed (%llu)",
			  (unsigned long long)type);
}

static void serve_one(struct kvm_cpu *cpu, struct kvm_post *p)
{
	struct guest *g = kvm.g;
	bool mmio = p->kind == POST_MMIO;

	switch (p->kind) {
	case POST_PORT:
	case POST_MMIO:
		if (p->write)
			io_write(g, mmio, p->addr, p->width, p->value);
		else
			p->value = io_read(g, mmio, p->addr, p->width);
		break;
	case POST_CRASH:
		guest_end(g, STATUS_CRASHED, "%s", cpu->crash);
		break;
	case POST_FAILED:
		guest_end(g, STATUS_FAILED, "KVM_RUN: %s", strerror(p->value));
		break;
	case POST_EVENT:
		serve_event(g, p->value);
	}
}

/*
 * The ring is empty, it seems.  Tells the CPU that from now on it has to call,
 * and looks once more: a post that came before it was told came without.
 */
static bool may_sleep(struct kvm_cpu *cpu)
{
	atomic_store(&cpu->called, false);
	if (kvm_posts_empty(cpu))
		return true;
	atomic_store(&cpu->called, true);
	return false;
}

void kvm_posts_serve(struct kvm_cpu *cpu)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < POSTS_A_TURN; i++) {
		/* What it does after its end is of no interest. */
		if (kvm.g->ended || kvm.g->reboot)
			return;
		if (kvm_posts_empty(cpu) && may_sleep(cpu))
			return;
		if (kvm_posts_busy(cpu))
			break;
		serve_one(cpu, &cpu->posts[cpu->head % KVM_POSTS]);
		/* Only now: the answer to a read is in the slot. */
		atomic_fetch_add(&cpu->head, 1);
		kvm_cpu_wake(cpu, false);
	}
	/* More next turn, or once the device is ready for it. */
	if (write(cpu->posted.fd, &one, sizeof(one)) < 0)
		warn_errno("eventfd");
}

static void posted_ready(void *owner, short revents)
{
	struct kvm_cpu *cpu = owner;
	uint64_t calls;

	(void)revents;
	if (read(cpu->posted.fd, &calls, sizeof(calls)) > 0)
		kvm_posts_serve(cpu);
}

/*
 * A device that cannot take the next access now, like a terminal whose reader
 * is slow, stops this CPU and nothing else: we do not look at the ring until
 * it can, and the eventfd stays readable meanwhile.
 */
static short posted_want(void *owner)
{
	return kvm_posts_busy(owner) ? 0 : POLLIN;
}

static void print_registers(const struct kvm_cpu *cpu)
{
	const struct kvm_regs *r = &cpu->regs;
	const struct kvm_sregs *s = &cpu->sregs;
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "rip", r->rip }, { "rflags", r->rflags }, { "rsp", r->rsp },
		{ "rax", r->rax }, { "rbx", r->rbx }, { "rcx", r->rcx },
		{ "rdx", r->rdx }, { "rsi", r->rsi }, { "rdi", r->rdi },
		{ "rbp", r->rbp }, { "r8", r->r8 }, { "r9", r->r9 },
		{ "r10", r->r10 }, { "r11", r->r11 }, { "r12", r->r12 },
		{ "r13", r->r13 }, { "r14", r->r14 }, { "r15", r->r15 },
		{ "cr0", s->cr0 }, { "cr2", s->cr2 }, { "cr3", s->cr3 },
		{ "cr4", s->cr4 }, { "efer", s->efer }, { "cs", s->cs.selector },
	};

	fprintf(stderr, "cpu%u:", cpu->index);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		fprintf(stderr, "%s %s %#llx", i && i % 6 == 0 ? "\r\n     " : "",
			rows[i].name, (unsigned long long)rows[i].value);
	fprintf(stderr, "\r\n");
}

static void registers_ready(void *owner, short revents)
{
	struct kvm_cpu *cpu = owner;
	uint64_t calls;

	(void)revents;
	if (read(cpu->registers.fd, &calls, sizeof(calls)) > 0)
		print_registers(cpu);
}

void kvm_posts_create(struct kvm_cpu *cpu)
{
	cpu->posted = (struct watch){
		.fd = kvm_eventfd(), .want = posted_want,
		.ready = posted_ready, .owner = cpu,
	};
	cpu->registers = (struct watch){
		.fd = kvm_eventfd(), .ready = registers_ready, .owner = cpu,
	};
	watch_add(&cpu->posted);
	watch_add(&cpu->registers);
}

void kvm_posts_reset(struct kvm_cpu *cpu)
{
	/* What the old Guest had posted is of no interest to the new one. */
	atomic_store(&cpu->head, 0);
	atomic_store(&cpu->tail, 0);
	cpu->minded = 0;
	atomic_store(&cpu->called, false);
	atomic_store(&cpu->waits_for, 0);
	atomic_store(&cpu->stop, false);
	atomic_store(&cpu->want_registers, false);
}
