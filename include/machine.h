/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rest of the core: kernel images and how they are loaded, the terminal,
 * and the few parts of a PC that a stock kernel wants to see around it.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "guest.h"

/* ------------------------------------------------------------------ */
/* image.c: parses only, pure; used by the loader, inspect and fuzzers */

#define SEGMENTS_MAX	16
#define NOTES_MAX	4
#define IMAGE_HEAD	KIB(64)	/* bytes of the file that image_parse wants */

struct segment {
	uint64_t offset, filesz, memsz;	/* bytes in the file, in memory */
	gpa_t paddr;
	uint64_t vaddr;		/* ELF: what the kernel calls paddr */
	uint32_t flags;		/* ELF: PF_R, PF_W, PF_X */
};

/* Where notes are; in the file, or it is not among an image's. */
struct note_range {
	uint64_t offset, size, align;
};

/* What a kernel file is.  Every offset and size was checked to be in it. */
struct image {
	enum { IMAGE_BZIMAGE, IMAGE_ELF } kind;
	bool is_64;		/* has a 64-bit entry */
	uint64_t file_size;
	char version[32];	/* "6.1.0-56-cloud-amd64"; "": it does not say */
	gpa_t entry;		/* ELF: e_entry; bzImage: code32_start */
	uint64_t alignment;	/* of the load address, if relocatable */
	bool relocatable;
	gpa_t preferred;	/* pref_address */
	uint64_t init_size;	/* memory wanted from the load address on */
	uint64_t cmdline_max;	/* bytes, without the NUL */
	gpa_t initrd_max;	/* highest address the initrd may occupy */
	uint16_t protocol;	/* bzImage: boot protocol 0x20f; ELF: 0 */
	/* Bytes of setup header, from 0x1f1; a vmlinux may come with one. */
	unsigned header_size;
	uint8_t header[0x290 - 0x1f1];
	unsigned nsegments;	/* bzImage: one, the protected-mode kernel */
	struct segment segments[SEGMENTS_MAX];
	unsigned nnotes;	/* ELF */
	struct note_range notes[NOTES_MAX];
	/* A file's own payload, from the file's start; 0 long: none is told. */
	uint64_t payload_offset, payload_length;
	/* Can it be a Guest of lguest?  The parser itself never knows. */
	enum { LGUEST_MAYBE, LGUEST_YES, LGUEST_NO } lguest;
};

/*
 * head is the file's first bytes, IMAGE_HEAD or all of it.  False with a
 * reason in why (WHY_MAX bytes).  Documentation/arch/x86/boot.rst; ELF.
 */
bool image_parse(struct image *image, const uint8_t *head, size_t head_len,
		 uint64_t file_size, char *why);

/* One field of a bzImage's setup header, in the order of the header. */
struct header_field {
	const char *name;	/* as in Documentation/arch/x86/boot.rst */
	unsigned at, size;
	bool there;		/* by its protocol, and not cut off */
	uint64_t value;		/* what its absence means if it is not there */
};

/* The nth field from 0 on; false behind the last one. */
bool image_header_field(const struct image *image, unsigned n,
			struct header_field *field);

/*
 * image_version.c: looks through the file for what a vmlinux calls itself,
 * and fills in image->version; a bzImage has it in its header.
 */
void image_find_version(struct image *image, int fd);

/* ------------------------------------------------------------------ */
/* payload.c: the vmlinux inside a bzImage                             */

/*
 * Step 3: what a hypervisor that `unpacks` would boot, with ->lguest as far as
 * anybody can tell; it is looked for once.  Valid until payload_take().  Dies
 * if the payload is damaged.
 */
const struct image *payload_look(struct guest *g);

/*
 * Step 3, g->hv being chosen: from here on g->image and g->kernel_fd are what
 * it boots.  What it does not boot is closed.
 */
void payload_take(struct guest *g);

/* ------------------------------------------------------------------ */
/* load.c: copies only                                                 */

struct e820_range {
	gpa_t base;
	uint64_t size;
	uint32_t type;		/* 1 RAM, 2 reserved */
};

/* Where a hypervisor wants things, and what came of it. */
struct boot {
	/* In: places for these; the kernel may lie from `low` up. */
	gpa_t params, cmdline, low;
	uint64_t cmdline_room;	/* bytes there, the NUL included */
	gpa_t rsdp;		/* ACPI, 0 for none */
	const struct e820_range *e820;
	unsigned ne820;
	/* Out. */
	gpa_t entry;		/* of the 64-bit code if enter_64 */
	bool enter_64;
	gpa_t kernel_start, kernel_end, initrd_start, initrd_end;
};

/*
 * Reads kernel and initrds from g's descriptors into RAM and writes
 * boot_params (the zero page) and the command line, by the Linux boot
 * protocol.  Dies naming what does not fit where.
 */
void load_linux(struct guest *g, struct boot *boot);

/* pc_load.c: memory at gpa below 1 MiB, or it dies: there is too little. */
void *pc_low(struct guest *g, gpa_t gpa, uint64_t len);

/*
 * load_linux() for a PC: with ACPI's tables for ncpus CPUs that have APICs,
 * or 0 for one that has not.
 */
void pc_load(struct guest *g, struct boot *boot, unsigned ncpus);

/* What a PC's kernel is told besides (struct hypervisor, arguments). */
extern const char *const pc_arguments[];

/* After it, for a kernel that is to be a Guest of lguest's. */
void load_lguest_params(struct guest *g, gpa_t params);

/*
 * Opens path ("-" is standard input) so that it can be read again for a
 * reboot: what cannot seek is copied to memory.  Dies naming it.
 */
int load_open(const char *path);

/* A file without a name, to be written and read: for what has no file yet. */
int load_nameless(void);

/* What messages call it: path, or "standard input". */
const char *load_name(const char *path);

/* ------------------------------------------------------------------ */
/* terminal.c: the Launcher's end of the console                       */

/* Who takes what is typed.  The last one to attach gets it all. */
struct reader {
	size_t (*room)(void *owner);	/* bytes it can take now */
	void (*take)(void *owner, const char *bytes, size_t n);
	void *owner;
};

/* Bytes that terminal_write() takes without loss. */
size_t terminal_room(void);

/* What the Guest prints.  What exceeds the room is dropped. */
void terminal_write(const void *bytes, size_t n);

/* r gets the input from now on (on), or the one before it does (off). */
void terminal_attach(struct reader *r, bool on);

/* The reader has room again: hand it what waits. */
void terminal_feed(void);

/* Size in characters; false where there is none.  resized is called later,
   in the loop, when it changes. */
bool terminal_size(uint16_t *cols, uint16_t *rows);
void terminal_on_resize(void (*resized)(void *owner), void *owner);

/* Calls fn in the loop, next time terminal_room() has grown. */
void terminal_on_room(void (*fn)(void *owner), void *owner);

/* Reserves descriptors 0 to 2 if they are closed.  First thing in main(). */
void terminal_reserve(void);

/* Step 1: dies (usage) if --console=what can never work. */
void terminal_check(const char *what);

/* Step 2: opens --console=what (tty, null, unix:PATH, a file) and --log. */
void terminal_open(struct guest *g, const char *what, const char *log);

/* Raw mode from here on, restored on every way out but SIGKILL. */
void terminal_raw(void);
void terminal_restore(void);

/*
 * Writes out what still waits, for at most a second, and restores.
 * Safe to call twice.
 */
void terminal_close(void);

/*
 * The Guest's last words: of the last few KiB it printed, the line that
 * begins a panic, else the last one.  NUL-terminated, printable, in buf.
 * True if it was a panic.
 */
bool terminal_last_words(char *buf, size_t size);

/* ------------------------------------------------------------------ */
/* uart.c, pc.c, acpi.c: what a PC has on board                        */

#define UART_PORT	0x3f8
#define UART_IRQ	4
#define SCI_IRQ		9
#define PVPANIC_PORT	0x505
#define PM1_EVENT_PORT	0x600	/* 4 bytes: status, enable */
#define PM1_CONTROL_PORT 0x604	/* 2 bytes */
#define PCI_IRQS	{ 5, 10, 11 }	/* slot n uses entry n % 3 */
#define PCI_WINDOW	UINT64_C(0xe0000000)	/* a PC's BARs live here */
#define PCI_WINDOW_SIZE	UINT64_C(0x10000000)

/* An 8250 at UART_PORT, so that console=ttyS0 works before any driver. */
void uart_create(struct guest *g);
void uart_reset(struct guest *g);

/* Power button, poweroff, reset, panic: the ports the ACPI tables name. */
void pc_create(struct guest *g);
void pc_reset(struct guest *g);
/* Presses the power button; false if the Guest does not listen to it. */
bool pc_power_button(struct guest *g);

/*
 * Writes the ACPI tables for ncpus CPUs (0: one, without APICs) to buf, which
 * the Guest will see at gpa `at`.  Returns the bytes used; the RSDP is at the
 * start.  Dies if they do not fit.  ACPI 6.4, chapters 5 and 20.
 */
size_t acpi_build(uint8_t *buf, size_t size, gpa_t at, unsigned ncpus);

#endif
