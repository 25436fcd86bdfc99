/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run, in the order that keeps it safe: plan, open, look, lay out, drop
 * privileges, run.  Whatever a reboot needs again is kept open, because by
 * then we may sit in an empty chroot with no rights at all.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "privileges.h"

#define NS_PER_S	UINT64_C(1000000000)
/* After SIGTERM, the Guest has this long to power off. */
#define POWER_BUTTON_S	10
/* A Guest that reboots this often within so long will never come up. */
#define REBOOTS_MAX	3
#define REBOOTS_S	10

static struct timer timeout_timer, button_timer;
static bool terminating;

struct device *guest_add_device(struct guest *g,
				const struct device_type *type, char *arg)
{
	struct device *d = &g->devices[g->ndevices];
	unsigned number = 0;

	if (g->ndevices == DEVICES_MAX)
		die_usage("--%s%s%s is one device too many: a Guest has %u, its console included",
			  type->option, arg ? "=" : "", arg ? arg : "",
			  DEVICES_MAX);
	for (unsigned i = 0; i < g->ndevices; i++)
		number += g->devices[i].type == type;
	d->type = type;
	d->g = g;
	d->index = g->ndevices++;
	snprintf(d->name, sizeof(d->name), "%s%u", type->name, number);
	d->features = type->features;
	d->config_size = type->config_size;
	d->state = xzalloc(type->state_size + 1);
	for (unsigned i = 0; i < type->nqueues; i++) {
		d->queues[i].d = d;
		d->queues[i].index = i;
		d->queues[i].size_max = d->queues[i].size = QUEUE_SIZE_MAX;
	}
	if (type->parse)
		type->parse(d, arg);
	return d;
}

void guest_end(struct guest *g, enum status status, const char *fmt, ...)
{
	va_list ap;

	if (g->ended)
		return;
	g->ended = true;
	g->status = status;
	va_start(ap, fmt);
	vsnprintf(g->why, sizeof(g->why), fmt, ap);
	va_end(ap);
}

void guest_reboot(struct guest *g)
{
	char words[WHY_MAX - 16];

	if (terminal_last_words(words, sizeof(words)))
		guest_end(g, STATUS_CRASHED, "panic: %s", words);
	if (g->plan->no_reboot)
		guest_end(g, STATUS_REBOOTED, "the Guest rebooted");
	g->reboot = true;
}

/* Is there an argument that begins as far as its '=' like this one? */
static bool has_argument(const char *arguments, const char *like)
{
	size_t n = strchr(like, '=') - like + 1;

	for (const char *at = arguments; at; at = strchr(at, ' ')) {
		at += strspn(at, " ");
		if (!strncmp(at, like, n))
			return true;
	}
	return false;
}

/* In front: what the user says comes last and wins. */
static char *add_argument(const char *add, const char *line)
{
	size_t size = strlen(add) + 1 + strlen(line) + 1;
	char *longer = xzalloc(size);

	verbose("adding %s to the kernel's arguments", add);
	snprintf(longer, size, "%s%s%s", add, *line ? " " : "", line);
	return longer;
}

const char *guest_arguments(const struct guest *g)
{
	static const char *line;
	const char *const *add = g->hv->arguments;

	if (line)
		return line;
	line = g->plan->arguments;
	for (; add && *add; add++)
		if (!has_argument(g->plan->arguments, *add))
			line = add_argument(*add, line);
	return line;
}

/* ------------------------------------------------------------------ */
/* Look at the kernel and choose                                        */

static void guest_look(struct guest *g)
{
	uint8_t *head = xzalloc(IMAGE_HEAD);
	off_t size = lseek(g->kernel_fd, 0, SEEK_END);
	size_t len = size < (off_t)IMAGE_HEAD ? (size_t)size : IMAGE_HEAD;
	char why[WHY_MAX];

	g->image = xzalloc(sizeof(*g->image));
	xpread(g->kernel_fd, head, len, 0, load_name(g->plan->kernel));
	if (!image_parse(g->image, head, len, size, why))
		die("%s: %s", load_name(g->plan->kernel), why);
	image_find_version(g->image, g->kernel_fd);
	free(head);
}

static const struct hypervisor *hypervisor_named(const char *name)
{
	for (const struct hypervisor *const *h = hypervisors; *h; h++)
		if (!strcmp((*h)->name, name))
			return *h;
	die_usage("--hypervisor=%s: there is none of that name", name);
}

/* The next one after `last` in order of priority; NULL at the end. */
static const struct hypervisor *hypervisor_next(const struct hypervisor *last)
{
	const struct hypervisor *best = NULL;

	for (const struct hypervisor *const *h = hypervisors; *h; h++)
		if ((!last || (*h)->priority > last->priority) &&
		    (!best || (*h)->priority < best->priority))
			best = *h;
	return best;
}

static bool hypervisor_can(struct guest *g, const struct hypervisor *h,
			   char *why)
{
	return h->can(h->unpacks ? payload_look(g) : g->image, why);
}

static const struct hypervisor *hypervisor_auto(struct guest *g)
{
	const struct hypervisor *h = NULL;
	char why[WHY_MAX], all[4 * WHY_MAX] = "";
	size_t n = 0;

	while ((h = hypervisor_next(h))) {
		if (hypervisor_can(g, h, why)) {
			verbose("hypervisor %s", h->name);
			return h;
		}
		verbose("not hypervisor %s: %s", h->name, why);
		n += snprintf(all + n, sizeof(all) - n, "%s%s: %s",
			      n ? "; " : "", h->name, why);
		if (n >= sizeof(all))
			break;
	}
	die("no hypervisor here can run %s: %s", load_name(g->plan->kernel),
	    all);
}

static void guest_choose(struct guest *g)
{
	const char *name = g->plan->hypervisor;
	char why[WHY_MAX];

	if (!name || !strcmp(name, "auto")) {
		g->hv = hypervisor_auto(g);
	} else {
		g->hv = hypervisor_named(name);
		if (!hypervisor_can(g, g->hv, why))
			die("hypervisor %s cannot run %s: %s", name,
			    load_name(g->plan->kernel), why);
	}
	payload_take(g);
	if (g->hv->as)
		g->hv = g->hv->as(g);
	for (const struct bus *const *b = buses; *b; b++)
		if (!strcmp((*b)->name, g->hv->bus(g)))
			g->bus = *b;
	g->window = g->hv->window;
	if (!g->window)
		g->window = ALIGN_UP(g->plan->memory + MIB(1), MIB(1));
}

/* What can be said without opening anything is said first. */
static void guest_check(const struct plan *p)
{
	if (p->hypervisor && strcmp(p->hypervisor, "auto"))
		hypervisor_named(p->hypervisor);
	terminal_check(p->console);
	mem_check_size(p->memory);
}

/* ------------------------------------------------------------------ */
/* Open, lay out                                                        */

static void guest_open(struct guest *g)
{
	const struct plan *p = g->plan;

	g->kernel_fd = load_open(p->kernel);
	for (unsigned i = 0; i < p->ninitrds; i++)
		g->initrd_fds[i] = load_open(p->initrds[i]);
	for (unsigned i = 0; i < g->ndevices; i++)
		g->devices[i].type->open(&g->devices[i]);
}

static void guest_attach(struct guest *g)
{
	for (unsigned i = 0; i < g->ndevices; i++)
		if (!g->bus->attach(&g->devices[i]))
			die_usage("%s is one device too many for the bus %s",
				  g->devices[i].name, g->bus->name);
}

static void guest_again(struct guest *g)
{
	for (unsigned i = 0; i < g->ndevices; i++)
		virtio_reset(&g->devices[i]);
	g->hv->destroy(g);
	mem_clear(&g->mem);
	g->bus->reset(g);
	g->reboot = false;
	g->hv->create(g);
	g->hv->start(g);
}

/* A kernel that dies at once and reboots would do so for ever. */
static bool rebooting_in_circles(void)
{
	static uint64_t times[REBOOTS_MAX];
	static unsigned n;
	uint64_t *oldest = &times[n++ % REBOOTS_MAX];
	uint64_t now = now_ns();
	bool circles;

	*oldest = now;
	oldest = &times[n % REBOOTS_MAX];
	circles = n >= REBOOTS_MAX && now - *oldest < REBOOTS_S * NS_PER_S;
	return circles;
}

/* ------------------------------------------------------------------ */
/* Signals                                                              */

static void stop(struct guest *g, const char *why)
{
	guest_end(g, STATUS_STOPPED, "%s", why);
}

static void timed_out(void *g)
{
	stop(g, "stopped after --timeout");
}

static void button_ignored(void *g)
{
	stop(g, "stopped by SIGTERM; the Guest did not power off");
}

static void on_term(struct guest *g)
{
	if (terminating || !pc_power_button(g)) {
		stop(g, "stopped by SIGTERM");
		return;
	}
	terminating = true;
	button_timer.when = now_ns() + POWER_BUTTON_S * NS_PER_S;
	verbose("SIGTERM: power button pressed");
}

static void on_hangup(struct guest *g)
{
	stop(g, "stopped by a signal");
}

/* The only window on a hung Guest in a rescue shell. */
static void on_usr1(struct guest *g)
{
	fprintf(stderr, "%s: %llu MB, hypervisor %s, %u devices on bus %s\r\n",
		progname, (unsigned long long)(g->mem.size >> 20), g->hv->name,
		g->ndevices, g->bus->name);
	for (unsigned i = 0; i < g->ndevices; i++)
		virtio_dump(&g->devices[i]);
	g->bus->dump(g);
	g->hv->dump(g);
}

static void guest_signals(struct guest *g)
{
	timeout_timer = (struct timer){ .expired = timed_out, .owner = g };
	button_timer = (struct timer){ .expired = button_ignored, .owner = g };
	timer_add(&timeout_timer);
	timer_add(&button_timer);
	if (g->plan->timeout)
		timeout_timer.when = now_ns() + g->plan->timeout * NS_PER_S;
	loop_on_signal(SIGTERM, on_term);
	/* nohup(1) means it. */
	if (signal(SIGHUP, SIG_DFL) == SIG_IGN)
		signal(SIGHUP, SIG_IGN);
	else
		loop_on_signal(SIGHUP, on_hangup);
	loop_on_signal(SIGINT, on_hangup);
	loop_on_signal(SIGQUIT, on_hangup);
	loop_on_signal(SIGUSR1, on_usr1);
	signal(SIGPIPE, SIG_IGN);	/* EPIPE says it where it matters */
	if (getpid() == 1)
		signal(SIGCHLD, SIG_IGN);	/* orphans come to us */
}

/* ------------------------------------------------------------------ */

static void guest_sync(struct guest *g)
{
	for (unsigned i = 0; i < g->ndevices; i++)
		if (g->devices[i].type->sync)
			g->devices[i].type->sync(&g->devices[i]);
}

static void run_until_end(struct guest *g)
{
	for (;;) {
		loop_run(g);
		if (g->ended)
			return;
		if (rebooting_in_circles()) {
			guest_end(g, STATUS_CRASHED,
				  "the Guest rebooted %u times within %u seconds",
				  REBOOTS_MAX, REBOOTS_S);
			return;
		}
		guest_again(g);
	}
}

/* Errors are always told; that it ended as asked only if not --quiet. */
static void guest_tell(const struct guest *g)
{
	bool error = g->status == STATUS_CRASHED || g->status == STATUS_BROKEN
		|| g->status == STATUS_FAILED;

	if (g->status != STATUS_POWEROFF && (error || !g->plan->quiet))
		warn("%s", g->why);
}

int guest_run(struct guest *g, const struct plan *plan)
{
	struct privileges privileges;

	g->plan = plan;
	guest_check(plan);
	privileges_look_up(&privileges, plan->username, plan->chroot);
	guest_open(g);
	guest_look(g);
	guest_choose(g);
	/* Not earlier: a run that is refused empties no --log. */
	terminal_open(g, plan->console, plan->log);
	if (g->hv->open)
		g->hv->open(g);
	g->mem.is_private = g->hv->memory_is_private;
	mem_create(&g->mem, plan->memory, g->bus->memory, g->hv->hole_start,
		   g->hv->hole_end);
	g->hv->create(g);
	guest_attach(g);
	guest_signals(g);
	pidfile_write(plan->pidfile);
	privileges_drop(&privileges);
	terminal_raw();
	g->hv->start(g);
	run_until_end(g);
	g->hv->destroy(g);
	guest_sync(g);
	terminal_close();
	pidfile_remove();
	guest_tell(g);
	return g->status;
}
