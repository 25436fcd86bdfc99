/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stand-in for the kernel's side of /dev/lguest.  We run the Launcher as it
 * is shipped, take its system calls on that file by seccomp's notifications,
 * and answer as the Host of one Linux version would; and we are the Guest as
 * well: scripts that read what the Launcher put into its memory, set up
 * rings, and wait for interrupts.
 *
 * Each script is a process of its own and ends at the first thing that is
 * wrong.  Beside them the Guest of tests/guest32/ runs here as it is (own.h).
 */
#ifndef STANDIN_H
#define STANDIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096
#define FILES		64	/* of /dev/lguest; the filter knows them */
#define FIRST_FD	900	/* by number */

/* --- what a Host of one version is like --- */

enum form {
	FORM_PGDIR,		/* INITIALIZE: base, limit, pgdir, start */
	FORM_START,		/* base, limit, start */
	FORM_DEVICES,		/* base, limit, start, device limit */
};

enum telling {			/* what the Guest's bus driver tells */
	TELLS_RESET,		/* nothing but resets */
	TELLS_STATUS,		/* each status */
	TELLS_FEATURES,		/* features, resets and failures */
	TELLS_PCI,
};

struct era {
	const char *version;
	enum form form;
	enum telling telling;
	bool accepts_late;	/* features after the driver's probe */
	bool owner_only;	/* requests from one thread */
	unsigned last_syscall;	/* of its i386 table */
	bool ofd_locks, punch;
};

/* --- filter.c --- */

/* Why this machine cannot do it, or NULL. */
const char *filter_cannot(void);
/* For this process and what it becomes: where its calls are told, or -1. */
int filter_install(const struct era *era);

/* --- child.c: the Launcher under a filter --- */

struct call {			/* one of its system calls, to be answered */
	uint64_t id;
	pid_t thread;
	unsigned nr;
	uint32_t args[6];
};

/* Where its standard input and output lead. */
enum ends { ENDS_PIPE, ENDS_PTY };

/* argv[0] is the program.  Its stderr goes where child_said() finds it. */
void child_start(const struct era *era, enum ends ends, char **argv);

/* The next call that is ours; false when it has ended.  Bounded in time. */
bool child_call(struct call *c);

/* Is there one, or does it end, before that time is over? */
bool child_calls(unsigned ms);

/* False: the call is gone, a signal came. */
bool child_waits(const struct call *c);
bool child_answer(const struct call *c, int64_t value, int error);
bool child_continue(const struct call *c);
/* Answers with a new descriptor of that number. */
bool child_give_fd(const struct call *c, int number, bool cloexec);
bool child_has_fd(int number);

bool child_read(uint32_t at, void *buf, size_t len);
bool child_write(uint32_t at, const void *buf, size_t len);
void child_signal(int sig);
void child_type(const char *text);	/* to its standard input */
/* Waits until it printed text, or fails. */
void child_printed(const char *text);
bool child_said(const char *text);	/* on stderr, so far */
void child_show(void);			/* all that it printed */
int child_status(void);			/* of its exit; it has ended */
void child_kill(void);

/* --- device.c: /dev/lguest --- */

void host_reset(const struct era *era);

/* Answers open(2); the number if that was /dev/lguest, or -1. */
int host_open(const struct call *c);

/* Until the Launcher lets the Guest run: it is in read(2) and waits. */
void host_run(void);

/* What ends that read(2). */
void host_notify(uint32_t value);
void host_trap(uint8_t trap, const uint8_t insn[7], uint32_t addr);
void host_die(const char *reason);
/* The Guest does not survive being given this trap. */
void host_trap_kills(uint8_t trap, const uint8_t insn[7], const char *reason);
void host_restart(void);

/* The Guest sleeps until an interrupt comes: which. */
unsigned host_halt(void);
/* The lowest one that is raised already, or 0. */
unsigned host_raised(void);

/* All of them, one bit each; and one of them is delivered. */
uint32_t host_pending(void);
void host_clear(unsigned irq);
/* Answers a call if there is one in good time; 0: any time. */
void host_step_within(unsigned ms);
/* Like host_run(), but false if it ends instead. */
bool host_runs(void);

/* Lets it end, answering what it asks; its exit status. */
int host_end(void);

extern uint32_t host_registers[17];	/* by offset / 4 */
extern unsigned host_traps[256];	/* that the Guest was given */
extern bool host_no_gates;	/* the Guest can be given none */
extern unsigned host_initializes, host_reads;
extern bool host_no_node;	/* /dev/lguest cannot be opened any more */

struct initialize {
	uint32_t base, limit, pgdir, start, device_limit;
};
extern struct initialize host_boot;

/* Guest-physical memory; fails outside of what the Launcher gave. */
void guest_read(uint32_t at, void *buf, size_t len);
void guest_write(uint32_t at, const void *buf, size_t len);
uint32_t guest_read32(uint32_t at);
uint16_t guest_read16(uint32_t at);

/* --- ring.c: virtqueues, the driver's side --- */

struct ring {
	unsigned size, irq;
	uint32_t desc, avail, used;
	uint16_t next, added, seen;
	void (*kick)(struct ring *r);
	uint32_t where;		/* for kick: address */
	unsigned index;
	struct device *device;
};

struct buffer {
	uint32_t at, len;
	bool in;
};

/* Adds a chain and kicks if the Launcher wants that. */
void ring_add(struct ring *r, const struct buffer *b, unsigned n);
/* Sleeps until the interrupt for the next one that is used; its length. */
uint32_t ring_wait(struct ring *r);

/* --- bus.c, pci.c: devices --- */

#define DEVICES	8

struct device {
	unsigned type, index;
	uint32_t desc;		/* bus: address of the descriptor */
	unsigned nrings, feature_len, config_len;
	uint32_t features;	/* the low ones that are offered */
	uint8_t config[256];
	struct ring rings[2];
	uint32_t bar, common, notify, isr, specific;	/* PCI: addresses */
	unsigned multiplier;
};

/* Finds devices from `ram` on; how many. */
unsigned bus_scan(struct device *devices, uint32_t ram);
/* As this era's drivers do, up to the driver's probe; then to the end. */
void bus_reset(const struct era *era, struct device *d);
void bus_begin(const struct era *era, struct device *d, uint32_t features);
void bus_ready(const struct era *era, struct device *d, uint32_t features);
void bus_fail(struct device *d);

unsigned pci_scan(struct device *devices);
void pci_begin(struct device *d, uint32_t features);
void pci_ready(struct device *d);
/* One character on the console before there is a driver. */
void pci_early(char c);
/* The Guest's instructions, in all forms in turn. */
void script_no_gates(const struct era *era);
uint32_t port_in(unsigned port, unsigned width);
void port_out(unsigned port, unsigned width, uint32_t value);
uint32_t mmio_read(uint32_t at, unsigned width);
void mmio_write(uint32_t at, unsigned width, uint32_t value);

/* --- scripts.c, boot.c, replay.c --- */

struct script {
	const char *name;
	void (*run)(const struct era *era);
};

extern const struct script scripts[];	/* name NULL ends */

/* All that a transcript has to say, see tests/real-lguest-record.c. */
void replay(const struct era *era, const char *path);

/* --- own.c: the Guest of tests/guest32/ --- */

/* Runs it to its end, through reboots; the Launcher's exit status. */
int own_live(const struct era *era);

#define KERNEL_ENTRY	0x100000u
/* Memory that scripts use for themselves. */
#define SCRATCH		0x300000u
#define RAM_MB		16
#define RAM		(RAM_MB << 20)

/* Starts `lguest options... 16 kernel words of="it"`; until the Guest runs. */
void launch_only(const struct era *era, enum ends ends,
		 const char *const *options);
void launch(const struct era *era, enum ends ends, const char *const *options);
/* The same with another kernel, and what comes behind it. */
void launch_kernel(const struct era *era, enum ends ends,
		   const char *const *options, const char *const *kernel);
/* A kernel of that version; its name. */
char *make_kernel(const struct era *era);
/* What a Guest finds at its start. */
void boot_check(const struct era *era);
extern const char *launcher;

/* Prints FAIL and leaves. */
void failed(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));

void skipped(const char *why) __attribute__((noreturn));

#define NEED(cond) do { \
	if (!(cond)) \
		failed(__FILE__, __LINE__, "%s", #cond); \
} while (0)
#define NEED_EQ(a, b) do { \
	unsigned long long a_ = (a), b_ = (b); \
	if (a_ != b_) \
		failed(__FILE__, __LINE__, "%s is %#llx, not %#llx", #a, a_, \
		       b_); \
} while (0)

#endif
