/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Launcher's side: it starts stubs, hears what they ask for, and tells
 * them of interrupts.  They share struct user with the Guest, so nothing in
 * there is believed: what is read is read once, and checked in a copy.
 */
#include <linux/futex.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "user.h"

#define TEXT_MAX	128	/* of last words, its end included */
#define EARLY_MAX	16	/* characters of an early message */
#define POWER_DOWN	"Power down"
enum { SHUTDOWN_POWEROFF = 1, SHUTDOWN_RESTART = 2 };

static struct {
	struct guest *g;
	int fds[STUB_FDS];
	struct watch kick, timer, retry;
	uint32_t served;	/* posts */
	uint32_t notes;		/* those taken */
	bool running;
} host;

/* A copy to check and to use: who asks u->post again is told another story. */
static struct post post_copy(const struct post *from)
{
	struct post p = *from;

	/* Nor may the compiler ask again. */
	asm volatile("" : "+m"(p) :: "memory");
	return p;
}

/* --- to the stubs ----------------------------------------------------- */

static void futex_wake(_Atomic uint32_t *at)
{
	syscall(SYS_futex, at, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/*
 * Whoever runs looks for interrupts.  It may hand the CPU on at this moment;
 * but then the next one looks before it runs, and after we wrote.
 */
static void post_wake(void)
{
	struct user *u = USER;

	atomic_fetch_add(&u->wake, 1);
	if (u->asleep)
		futex_wake(&u->wake);
	else
		children_interrupt(u->cur);
}

void post_interrupt(unsigned irq)
{
	if (!host.running)
		return;
	atomic_fetch_or(&USER->irqs, 1u << irq);
	post_wake();
}

/* What a stub may know of the UART without asking. */
static void post_latch(void)
{
	uint8_t value;

	if (user_is_pc(host.g))
		USER->latch = io_latched(UART_STATUS, &value) ?
			      LATCHED | value : 0;
}

void post_line(unsigned irq, bool level)
{
	if (!host.running)
		return;
	post_latch();
	if (level) {
		atomic_fetch_or(&USER->levels, 1u << irq);
		post_interrupt(irq);
	} else {
		atomic_fetch_and(&USER->levels, ~(1u << irq));
	}
}

/* --- from the stubs --------------------------------------------------- */

static const char *const crashes[] = {
	[CRASH_TRAP] = "unhandled trap %u at 0x%x (0x%x)",
	[CRASH_STACK] = "bad stack 0x%x (trap %u at 0x%x)",
	[CRASH_HCALL] = "bad hypercall %u",
	[CRASH_NO_INIT] = "hypercall %u before the first",
	[CRASH_INIT] = "the first hypercall has no struct lguest_data (0x%x, 0x%x)",
	[CRASH_TWICE] = "the first hypercall came twice",
	[CRASH_PAGE] = "bad page table entry for 0x%x (at 0x%x)",
	[CRASH_TABLE] = "bad page directory 0x%x",
	[CRASH_GATE] = "bad gate %u (0x%x)",
	[CRASH_GDT] = "too many descriptors (%u)",
	[CRASH_MEMORY] = "the Host has no memory left (for 0x%x)",
	[CRASH_SIGNAL] = "somebody sent a stub signal %u",
	[CRASH_HOST] = "the Host refused a stub what it needs (errno %u)",
};

static void serve_crash(const struct post *p)
{
	const char *format = p->kind == POST_CRASH &&
			     p->crash < ARRAY_SIZE(crashes) ?
			     crashes[p->crash] : "a stub went astray";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	guest_end(host.g, STATUS_CRASHED, format, p->args[0], p->args[1],
		  p->args[2]);
#pragma GCC diagnostic pop
}

/* At most n bytes from gpa on, less where memory ends; how many. */
static unsigned copy_text(char *text, uint64_t gpa, unsigned n)
{
	const char *from = NULL;

	while (n && !(from = mem_at(&host.g->mem, gpa, n)))
		n--;
	if (n)
		memcpy(text, from, n);
	return n;
}

static void last_words(char text[TEXT_MAX], uint64_t gpa)
{
	text[copy_text(text, gpa, TEXT_MAX - 1)] = '\0';
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = ' ';
}

static void serve_shutdown(const struct post *p)
{
	char text[TEXT_MAX];

	last_words(text, p->addr);
	if (p->value == SHUTDOWN_RESTART)
		guest_reboot(host.g);
	else if (p->value == SHUTDOWN_POWEROFF && !strcmp(text, POWER_DOWN))
		guest_end(host.g, STATUS_POWEROFF, "the Guest powered off");
	else
		guest_end(host.g, STATUS_CRASHED, "CRASH: %s", text);
}

/* Of kernels without PCI: something to print before there is a console. */
static void early_print(uint64_t gpa)
{
	char text[EARLY_MAX];

	terminal_write(text, strnlen(text, copy_text(text, gpa, EARLY_MAX)));
}

static bool good_width(unsigned width)
{
	return width == 1 || width == 2 || width == 4;
}

static void serve_io(struct post *p)
{
	struct guest *g = host.g;

	if (!good_width(p->width))
		return;
	if (!p->write)
		p->value = io_read(g, p->mmio, p->addr, p->width);
	else if (p->mmio && p->addr < g->mem.size)
		early_print(p->addr);
	else
		io_write(g, p->mmio, p->addr, p->width, p->value);
}

static void serve_spawn(struct post *p)
{
	p->value = children_spawn(p->value, host.g, host.fds);
}

static void serve_one(struct post *p)
{
	switch (p->kind) {
	case POST_IO:
		serve_io(p);
		break;
	case POST_SPAWN:
		serve_spawn(p);
		break;
	case POST_SHUTDOWN:
		serve_shutdown(p);
		break;
	default:
		serve_crash(p);
	}
}

static bool is_over(void)
{
	return host.g->ended || host.g->reboot;
}

/* Is it one that a device cannot take at the moment? */
static bool is_busy(const struct post *p)
{
	return p->kind == POST_IO && good_width(p->width) &&
	       io_busy(host.g, p->mmio, p->addr, p->write);
}

/* What waits for a device that cannot take it, posts wait for, too. */
static bool notes_are_busy(void)
{
	struct user *u = USER;
	struct post p;

	if (host.notes == u->noted)
		return false;
	p = post_copy(&u->notes[host.notes % NOTES_RING]);
	return is_busy(&p);
}

/* Those that nobody waits for: as many as the ring has, and no more. */
static void serve_notes(void)
{
	struct user *u = USER;

	for (unsigned i = 0; i < NOTES_RING && host.notes != u->noted; i++) {
		struct post p = post_copy(&u->notes[host.notes % NOTES_RING]);

		if (is_busy(&p))
			return;
		host.notes++;
		if (p.kind == POST_IO && p.write)
			serve_io(&p);
		u->notes_taken = host.notes;
		if (is_over())
			return;
	}
}

static void kick_again(void)
{
	uint64_t one = 1;

	if (write(host.fds[FD_KICK], &one, sizeof(one)) < 0)
		warn_errno("eventfd");
}

static void serve_post(void)
{
	struct user *u = USER;
	uint32_t posted = u->posted;
	struct post p = post_copy(&u->post);

	if (posted == host.served)
		return;
	if (notes_are_busy() || is_busy(&p)) {
		kick_again();
		return;
	}
	serve_one(&p);
	host.served = posted;
	post_latch();
	if (is_over())
		return;		/* no answer: there it ends */
	u->post.value = p.value;
	u->answered = posted;
	futex_wake(&u->answered);
}

static void kick_ready(void *owner, short revents)
{
	uint64_t n;

	(void)owner, (void)revents;
	if (read(host.fds[FD_KICK], &n, sizeof(n)) < 0 || !host.running)
		return;
	serve_notes();
	post_latch();
	if (!is_over())
		serve_post();
	if (!is_over() && host.notes != USER->noted)
		kick_again();
}

static short kick_want(void *owner)
{
	struct post p;

	(void)owner;
	if (!host.running)
		return POLLIN;
	if (notes_are_busy())
		return 0;
	if (USER->posted == host.served)
		return POLLIN;
	p = post_copy(&USER->post);
	return is_busy(&p) ? 0 : POLLIN;
}

static void timer_ready(void *owner, short revents)
{
	struct watch *w = owner;
	uint64_t n = revents;

	if (read(w->fd, &n, sizeof(n)) < 0 || !host.running)
		return;
	if (w == &host.timer)
		post_interrupt(0);
	else
		post_wake();
}

/* --- begin and end ---------------------------------------------------- */

static int timer_create_fd(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		die_errno("timerfd_create");
	return fd;
}

static void watch_set(struct watch *w, int fd, short (*want)(void *),
		      void (*ready)(void *, short))
{
	*w = (struct watch){ .fd = fd, .want = want, .ready = ready,
			     .owner = w };
	watch_add(w);
}

void post_create(struct guest *g)
{
	if (host.g)
		return;
	host.g = g;
	host.fds[FD_RAM] = g->mem.fd;
	host.fds[FD_KICK] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (host.fds[FD_KICK] < 0)
		die_errno("eventfd");
	host.fds[FD_TIMER] = timer_create_fd();
	host.fds[FD_RETRY] = timer_create_fd();
	watch_set(&host.kick, host.fds[FD_KICK], kick_want, kick_ready);
	watch_set(&host.timer, host.fds[FD_TIMER], NULL, timer_ready);
	watch_set(&host.retry, host.fds[FD_RETRY], NULL, timer_ready);
}

void post_start(struct guest *g)
{
	static bool started;

	if (!started) {
		children_watch();
		children_stay_on_a_cpu();
	}
	started = true;
	host.served = host.notes = 0;
	host.running = true;
	if (!children_spawn(0, g, host.fds))
		die_errno("fork");
	USER->spaces[0].spawned = true;
}

void post_stop(void)
{
	const struct itimerspec off = { 0 };

	host.running = false;
	children_stop();
	timerfd_settime(host.fds[FD_TIMER], 0, &off, NULL);
	timerfd_settime(host.fds[FD_RETRY], 0, &off, NULL);
}
