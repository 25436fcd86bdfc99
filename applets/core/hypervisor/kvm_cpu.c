/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The thread of a Guest's CPU.  It holds no device code: what KVM cannot do
 * alone it posts in a ring to the core, and goes on or waits for the answer.
 */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm.h"

static void call_core(int fd)
{
	uint64_t one = 1;

	/* An eventfd takes this unless 2^64 - 1 calls are unheard. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/* Does what the core has asked for.  False: stop. */
static bool attend(struct kvm_cpu *cpu)
{
	if (atomic_exchange(&cpu->want_registers, false)) {
		ioctl(cpu->fd, KVM_GET_REGS, &cpu->regs);
		ioctl(cpu->fd, KVM_GET_SREGS, &cpu->sregs);
		call_core(cpu->registers.fd);
	}
	return !atomic_load(&cpu->stop);
}

/*
 * Waits until fewer than n posts are left.  False: stop.  `turn` changes with
 * each reason to look again, so one that comes between our look and the sleep
 * is not slept over.
 */
static bool wait_for(struct kvm_cpu *cpu, unsigned n)
{
	for (;;) {
		unsigned turn = atomic_load(&cpu->turn);

		if (!attend(cpu))
			return false;
		atomic_store(&cpu->waits_for, n);
		if (atomic_load(&cpu->tail) - atomic_load(&cpu->head) < n)
			break;
		syscall(SYS_futex, &cpu->turn, FUTEX_WAIT_PRIVATE, turn, NULL);
	}
	atomic_store(&cpu->waits_for, 0);
	return true;
}

void kvm_cpu_wake(struct kvm_cpu *cpu, bool asked)
{
	unsigned n = atomic_load(&cpu->waits_for);

	if (!asked && (!n || atomic_load(&cpu->tail) - cpu->head >= n))
		return;
	atomic_store(&cpu->waits_for, 0);
	atomic_fetch_add(&cpu->turn, 1);
	syscall(SYS_futex, &cpu->turn, FUTEX_WAKE_PRIVATE, 1);
}

/*
 * Puts a post into the ring.  When that is full the CPU sleeps until half of
 * it is served: waking it for each single one would be a waste.
 */
static bool post(struct kvm_cpu *cpu, const struct kvm_post *p)
{
	unsigned tail = atomic_load(&cpu->tail);

	if (tail - atomic_load(&cpu->head) == KVM_POSTS &&
	    !wait_for(cpu, KVM_POSTS / 2))
		return false;
	cpu->posts[tail % KVM_POSTS] = *p;
	atomic_store(&cpu->tail, tail + 1);
	if (p->kind != POST_PORT || !p->write || !io_latch_ignores(p->addr))
		cpu->minded = tail + 1;
	if (!atomic_exchange(&cpu->called, true))
		call_core(cpu->posted.fd);
	return true;
}

/* A read whose answer is known, whatever of our posts is still unserved. */
static bool is_latched(struct kvm_cpu *cpu, const struct kvm_post *p,
		       uint8_t *value)
{
	return p->kind == POST_PORT && p->width == 1 &&
	       (int)(atomic_load(&cpu->head) - cpu->minded) >= 0 &&
	       io_latched(p->addr, value);
}

/* One access of the Guest, of width bytes at data. */
static bool access_one(struct kvm_cpu *cpu, struct kvm_post *p, void *data)
{
	p->value = 0;
	if (p->write) {
		memcpy(&p->value, data, p->width);
		return post(cpu, p);
	}
	if (is_latched(cpu, p, data))
		return true;
	if (!post(cpu, p) || !wait_for(cpu, 1))
		return false;
	/* The core is done with the slot, and only we put posts into it. */
	memcpy(data, &cpu->posts[(cpu->tail - 1) % KVM_POSTS].value, p->width);
	return true;
}

/* A string instruction has more than one element, all for the same port. */
static bool exit_port(struct kvm_cpu *cpu)
{
	struct kvm_run *run = cpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	struct kvm_post p = {
		.kind = POST_PORT, .addr = run->io.port,
		.width = run->io.size,
		.write = run->io.direction == KVM_EXIT_IO_OUT,
	};

	for (uint32_t i = 0; i < run->io.count; i++)
		if (!access_one(cpu, &p, data + i * p.width))
			return false;
	return true;
}

static bool exit_mmio(struct kvm_cpu *cpu)
{
	struct kvm_run *run = cpu->run;
	struct kvm_post p = {
		.kind = POST_MMIO, .addr = run->mmio.phys_addr,
		.width = run->mmio.len, .write = run->mmio.is_write,
	};

	return access_one(cpu, &p, run->mmio.data);
}

/* The bytes of an instruction that KVM does not know how to emulate. */
static void crash_bytes(const struct kvm_run *run, char *text, size_t size)
{
	unsigned n = 0, i;

	text[0] = 0;
	if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION &&
	    run->internal.ndata >= 3 && (run->emulation_failure.flags &
	    KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES))
		n = run->emulation_failure.insn_size;
	if (n > sizeof(run->emulation_failure.insn_bytes))
		n = sizeof(run->emulation_failure.insn_bytes);
	for (i = 0; i < n && size > 3; i++, text += 3, size -= 3)
		snprintf(text, size, " %02x",
			 run->emulation_failure.insn_bytes[i]);
}

/* No way on from here.  Says why, and ends the thread. */
static bool exit_crash(struct kvm_cpu *cpu)
{
	struct kvm_post p = { .kind = POST_CRASH };
	const struct kvm_run *run = cpu->run;
	char what[128], bytes[48];

	switch (run->exit_reason) {
	case KVM_EXIT_SHUTDOWN:
		snprintf(what, sizeof(what), "triple fault");
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		crash_bytes(run, bytes, sizeof(bytes));
		snprintf(what, sizeof(what), "KVM cannot emulate it (error %u)%s%s",
			 run->internal.suberror, *bytes ? ":" : "", bytes);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(what, sizeof(what), "its CPU refuses to run (%#llx)",
			 (unsigned long long)
			 run->fail_entry.hardware_entry_failure_reason);
		break;
	default:
		snprintf(what, sizeof(what), "KVM stopped it (exit %u)",
			 run->exit_reason);
	}
	ioctl(cpu->fd, KVM_GET_REGS, &cpu->regs);
	/* After a triple fault some CPUs are reset already: no rip to tell. */
	if (run->exit_reason == KVM_EXIT_SHUTDOWN)
		snprintf(cpu->crash, sizeof(cpu->crash), "%s", what);
	else
		snprintf(cpu->crash, sizeof(cpu->crash), "%s at rip %#llx",
			 what, (unsigned long long)cpu->regs.rip);
	post(cpu, &p);
	return false;
}

/* Returns false when the CPU is to run no more. */
static bool serve_exit(struct kvm_cpu *cpu)
{
	struct kvm_post p = { .kind = POST_EVENT };

	switch (cpu->run->exit_reason) {
	case KVM_EXIT_IO:
		return exit_port(cpu);
	case KVM_EXIT_MMIO:
		return exit_mmio(cpu);
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return true;
	case KVM_EXIT_SYSTEM_EVENT:
		p.value = cpu->run->system_event.type;
		post(cpu, &p);
		return false;
	default:
		return exit_crash(cpu);
	}
}

/*
 * The order matters: the core asks, then sets immediate_exit, then kicks.  We
 * clear it and then look what was asked, so nothing asked is ever left behind.
 */
static void *cpu_thread(void *arg)
{
	struct kvm_cpu *cpu = arg;
	struct kvm_post failed = { .kind = POST_FAILED };

	for (;;) {
		if (ioctl(cpu->fd, KVM_RUN, 0) == 0) {
			if (!serve_exit(cpu))
				return NULL;
		} else if (errno != EINTR && errno != EAGAIN) {
			failed.value = errno;
			post(cpu, &failed);
			return NULL;
		}
		__atomic_store_n(&cpu->run->immediate_exit, 0,
				 __ATOMIC_SEQ_CST);
		if (!attend(cpu))
			return NULL;
	}
}

static void kicked(int sig)
{
	(void)sig;		/* that it came is all */
}

/*
 * The thread takes no signal but the kick, and those by which it would tell of
 * its own death: whoever handles them restores the terminal.
 */
void kvm_cpu_start(struct kvm_cpu *cpu)
{
	static const int own[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS,
	};
	struct sigaction sa = { .sa_handler = kicked };
	sigset_t all, old;
	int error;

	sigaction(KVM_KICK, &sa, NULL);
	sigfillset(&all);
	sigdelset(&all, KVM_KICK);
	for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
		sigdelset(&all, own[i]);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&cpu->thread, NULL, cpu_thread, cpu);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		die("the CPU's thread: %s", strerror(error));
	cpu->started = true;
}

/*
 * Wherever it is: before KVM_RUN immediate_exit stops it, inside the signal
 * does, and asleep over the ring it is woken.
 */
static void kick(struct kvm_cpu *cpu)
{
	__atomic_store_n(&cpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(cpu->thread, KVM_KICK);
	kvm_cpu_wake(cpu, true);
}

void kvm_cpu_stop(struct kvm_cpu *cpu)
{
	if (!cpu->started)
		return;
	atomic_store(&cpu->stop, true);
	kick(cpu);
	pthread_join(cpu->thread, NULL);
	cpu->started = false;
}

void kvm_cpu_ask(struct kvm_cpu *cpu)
{
	if (!cpu->started)
		return;
	atomic_store(&cpu->want_registers, true);
	kick(cpu);
}
