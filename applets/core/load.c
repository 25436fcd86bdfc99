/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts a kernel and what goes with it into the Guest's memory.  We read, we
 * never map: a file that somebody changes under a running Guest must not
 * change the Guest, and one that shrinks must not kill us with SIGBUS.
 */
#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/bootparam.h"
#include "machine.h"

#define PAGE		UINT64_C(4096)
#define HIGH_BASE	UINT64_C(0x100000)	/* of a bzImage, in its file */
#define ENTRY_64	0x200
#define OLDEST_PROTOCOL	0x202	/* before, parameters were at 0x90000 */
#define PROTOCOL	0x20f	/* what we speak to a vmlinux */
#define TAKEN_MAX	(SEGMENTS_MAX + E820_TABLE_MAX + 8)

/* Guest memory that is spoken for, from start up to before end. */
struct span {
	const char *what;
	gpa_t start, end;
};

/* The map we draw before we copy the first byte. */
struct map {
	struct guest *g;
	struct boot *boot;
	struct span taken[TAKEN_MAX];
	unsigned ntaken;
	gpa_t load;		/* bzImage: where the kernel's bytes go */
	uint64_t initrd_sizes[INITRDS_MAX];
};

static unsigned long long kib(uint64_t bytes)
{
	return ALIGN_UP(bytes, 1024) >> 10;
}

static void span_take(struct map *m, const char *what, gpa_t start, gpa_t end)
{
	assert(m->ntaken < TAKEN_MAX);
	m->taken[m->ntaken++] = (struct span){ what, start, end };
}

static const char *kernel_name(const struct map *m)
{
	return load_name(m->g->plan->kernel);
}

static const char *initrd_name(const struct map *m, unsigned i)
{
	return load_name(m->g->plan->initrds[i]);
}

/* What of taken[] lies in start..end, or NULL. */
static const struct span *span_hit(const struct map *m, gpa_t start, gpa_t end)
{
	for (unsigned i = 0; i < m->ntaken; i++) {
		const struct span *s = &m->taken[i];

		if (s->start < end && start < s->end && s->start < s->end)
			return s;
	}
	return NULL;
}

/* RAM there is from `start` on, without a gap. */
static uint64_t ram_from(const struct memory *mem, gpa_t start)
{
	for (unsigned i = 0; i < mem->nregions; i++) {
		const struct region *r = &mem->regions[i];

		if (start >= r->base && start - r->base < r->size)
			return r->size - (start - r->base);
	}
	return 0;
}

/* Dies: start..end is not all RAM.  Says how much MEM would make it so. */
NORETURN static void die_no_ram(const struct map *m, const char *what,
				gpa_t start, gpa_t end)
{
	const struct hypervisor *hv = m->g->hv;
	uint64_t room = ram_from(&m->g->mem, start);
	gpa_t limit = hv && hv->hole_start ? hv->hole_start : GIB(4);

	if (end <= limit)
		die("%s does not fit: it needs %llu KiB from 0x%llx on, where "
		    "the Guest has %llu KiB; MEM must be at least %lluM", what,
		    kib(end - start), (unsigned long long)start, kib(room),
		    (unsigned long long)(ALIGN_UP(end, MIB(1)) >> 20));
	die("%s does not fit: it needs %llu KiB from 0x%llx on, where a Guest "
	    "has no RAM", what, kib(end - start), (unsigned long long)start);
}

/*
 * Claims start..start+size for `what`: free RAM, or die.  All that we copy to
 * was claimed before, so that mem_at() cannot fail while we copy.
 */
static void claim(struct map *m, const char *what, gpa_t start, uint64_t size)
{
	const struct span *hit;

	if (start > UINT64_MAX - size)
		die("%s does not fit: %llu KiB at 0x%llx", what, kib(size),
		    (unsigned long long)start);
	hit = span_hit(m, start, start + size);
	if (hit)
		die("%s does not fit: it needs %llu KiB from 0x%llx on, and "
		    "0x%llx to 0x%llx belongs to %s", what, kib(size),
		    (unsigned long long)start, (unsigned long long)hit->start,
		    (unsigned long long)hit->end, hit->what);
	if (!mem_at(&m->g->mem, start, size))
		die_no_ram(m, what, start, start + size);
	span_take(m, what, start, start + size);
}

/* What the hypervisor keeps for itself, and our own two small pieces. */
static void place_fixed(struct map *m)
{
	const struct image *image = m->g->image;
	const char *arguments = guest_arguments(m->g);
	uint64_t len = strlen(arguments);
	struct boot *b = m->boot;

	if (len > image->cmdline_max)
		die("the kernel's arguments are %llu bytes long, and %s takes "
		    "at most %llu", (unsigned long long)len,
		    kernel_name(m), (unsigned long long)image->cmdline_max);
	if (len >= b->cmdline_room)
		die("the kernel's arguments are %llu bytes long, and there is "
		    "room for %llu", (unsigned long long)len,
		    (unsigned long long)b->cmdline_room - 1);
	claim(m, "the zero page", b->params, sizeof(struct boot_params));
	claim(m, "the command line", b->cmdline, len + 1);

	span_take(m, "the Launcher's tables", 0, b->low);
	assert(b->ne820 <= E820_TABLE_MAX);
	for (unsigned i = 0; i < b->ne820; i++)
		if (b->e820[i].type != 1)
			span_take(m, "the Launcher's tables", b->e820[i].base,
				  b->e820[i].base + b->e820[i].size);
}

/*
 * A relocatable kernel goes where it prefers, so that it need not move
 * itself; lower than that does no good, since it would move up.  Any other
 * one is loaded at 1 MiB and unpacks itself to where it was linked.
 */
static void place_bzimage(struct map *m)
{
	const struct image *image = m->g->image;
	const struct segment *s = &image->segments[0];
	struct boot *b = m->boot;
	gpa_t run = image->preferred;

	if (image->protocol < OLDEST_PROTOCOL)
		die("%s: boot protocol %u.%02u is too old, 2.02 is the least",
		    kernel_name(m), image->protocol >> 8,
		    image->protocol & 0xff);
	m->load = s->paddr;
	if (image->relocatable) {
		if (run < b->low)
			run = b->low;
		run = ALIGN_UP(run, image->alignment);
		m->load = run;
	}
	b->kernel_start = m->load < run ? m->load : run;
	b->kernel_end = run + image->init_size;
	if (b->kernel_end < m->load + s->memsz)
		b->kernel_end = m->load + s->memsz;
	if (b->kernel_end > GIB(4))
		die("%s does not fit: it needs %llu KiB from 0x%llx on, below "
		    "4 GiB", kernel_name(m), kib(image->init_size),
		    (unsigned long long)run);
	b->enter_64 = image->is_64;
	b->entry = m->load + (image->is_64 ? ENTRY_64 :
			      image->entry - HIGH_BASE);
	claim(m, kernel_name(m), b->kernel_start,
	      b->kernel_end - b->kernel_start);
}

/* A vmlinux goes where its program headers say, or nowhere. */
static void place_elf(struct map *m)
{
	const struct image *image = m->g->image;
	struct boot *b = m->boot;

	/* One by one: between them there may be room for our pieces. */
	for (unsigned i = 0; i < image->nsegments; i++)
		claim(m, kernel_name(m), image->segments[i].paddr,
		      image->segments[i].memsz);
	b->kernel_start = image->preferred;
	b->kernel_end = image->preferred + image->init_size;
	b->enter_64 = image->is_64;
	b->entry = image->entry;
}

/*
 * The highest page-aligned place for size bytes in base..top that nothing
 * has taken, or 0.  *largest grows to the largest gap seen.
 */
static gpa_t find_room(const struct map *m, gpa_t base, gpa_t top,
		       uint64_t size, uint64_t *largest)
{
	while (top > base) {
		gpa_t floor = base, next = base;

		/* The gap below top ends at the highest end of what follows. */
		for (unsigned i = 0; i < m->ntaken; i++) {
			const struct span *s = &m->taken[i];

			if (s->start < top && s->end > floor) {
				floor = s->end;
				next = s->start;
			}
		}
		if (floor < top) {
			gpa_t first = ALIGN_UP(floor, PAGE);
			gpa_t last = top & ~(PAGE - 1);

			if (first < last && last - first > *largest)
				*largest = last - first;
			if (first < last && last - first >= size)
				return (last - size) & ~(PAGE - 1);
		}
		top = next;
	}
	return 0;
}

/* Their sizes as of now, which need not be what they were at the start. */
static uint64_t initrds_measure(struct map *m)
{
	const struct guest *g = m->g;
	uint64_t total = 0;
	struct stat st;

	for (unsigned i = 0; i < g->plan->ninitrds; i++) {
		if (fstat(g->initrd_fds[i], &st))
			die_errno("stat %s", initrd_name(m, i));
		if (st.st_size >= (off_t)GIB(4))
			die("%s does not fit: %llu KiB", initrd_name(m, i),
			    kib(st.st_size));
		m->initrd_sizes[i] = st.st_size;
		/* Each cpio archive has to begin at a multiple of 4. */
		total += ALIGN_UP(m->initrd_sizes[i], 4);
	}
	return total;
}

/* As high as may be: the kernel unpacks itself from below. */
static void place_initrds(struct map *m)
{
	const struct image *image = m->g->image;
	const struct memory *mem = &m->g->mem;
	uint64_t size = initrds_measure(m), largest = 0;
	struct boot *b = m->boot;
	bool more = false;

	/* The header has 32 bits for the initrd's address; so has its limit. */
	assert(image->initrd_max < GIB(4));
	b->initrd_start = b->initrd_end = 0;
	if (!size)
		return;
	for (unsigned i = mem->nregions; i-- && !b->initrd_start; ) {
		const struct region *r = &mem->regions[i];
		gpa_t top = r->base + r->size;
		gpa_t limit = image->initrd_max + 1;

		/* More MEM helps as long as it is RAM that ends first. */
		more = top < limit && !i && mem->nregions == 1;
		b->initrd_start = find_room(m, r->base,
					    top < limit ? top : limit, size,
					    &largest);
	}
	b->initrd_end = b->initrd_start + size;
	if (b->initrd_start)
		span_take(m, "the initrd", b->initrd_start, b->initrd_end);
	else if (more)
		die("%s does not fit: it needs %llu KiB, and beside the kernel "
		    "there are %llu KiB; MEM must be at least %lluM",
		    initrd_name(m, 0), kib(size), kib(largest),
		    (unsigned long long)(ALIGN_UP(mem->size - largest +
			ALIGN_UP(size, PAGE), MIB(1)) >> 20));
	else
		die("%s does not fit: it needs %llu KiB, and below 0x%llx "
		    "there are %llu KiB", initrd_name(m, 0), kib(size),
		    (unsigned long long)image->initrd_max + 1, kib(largest));
}

/* Memory is zero already: bss and padding need nothing from us. */
static void copy_files(const struct map *m)
{
	const struct guest *g = m->g;
	const struct image *image = g->image;
	gpa_t at = m->boot->initrd_start;

	for (unsigned i = 0; i < image->nsegments; i++) {
		const struct segment *s = &image->segments[i];
		gpa_t to = image->kind == IMAGE_BZIMAGE ? m->load : s->paddr;

		xpread(g->kernel_fd, mem_at(&g->mem, to, s->filesz),
		       s->filesz, s->offset, kernel_name(m));
	}
	for (unsigned i = 0; i < g->plan->ninitrds; i++) {
		uint64_t size = m->initrd_sizes[i];

		xpread(g->initrd_fds[i], mem_at(&g->mem, at, size), size, 0,
		       initrd_name(m, i));
		at += ALIGN_UP(size, 4);
	}
}

/* The setup header: the kernel's own, or for a vmlinux what it would say. */
static void fill_header(struct boot_params *p, const struct map *m)
{
	const struct image *image = m->g->image;
	struct setup_header *h = &p->hdr;

	memcpy(p->hdr_bytes, image->header, image->header_size);
	if (image->kind == IMAGE_BZIMAGE) {
		h->code32_start = m->load;
	} else if (!image->header_size) {
		h->boot_flag = BOOT_FLAG;
		h->header = BOOT_MAGIC;
		h->version = PROTOCOL;
		h->loadflags = LOADED_HIGH;
		h->cmdline_size = image->cmdline_max;
		h->initrd_addr_max = image->initrd_max;
	}
	h->type_of_loader = LOADER_UNDEFINED;
	h->ext_loader_ver = h->ext_loader_type = 0;
	/*
	 * There is no real mode here and so no heap for it; and the kernel
	 * may load its segments: whoever enters it has the GDT that the
	 * protocol asks for.
	 */
	h->loadflags &= ~(CAN_USE_HEAP | KEEP_SEGMENTS);
	h->heap_end_ptr = 0;
	h->setup_data = 0;
	h->cmd_line_ptr = m->boot->cmdline;
	h->ramdisk_image = m->boot->initrd_start;
	h->ramdisk_size = m->boot->initrd_end - m->boot->initrd_start;
}

/* Last of all: now every address that goes in is known. */
static void write_params(const struct map *m)
{
	struct guest *g = m->g;
	const struct boot *b = m->boot;
	const char *arguments = guest_arguments(g);
	struct boot_params *p = mem_at(&g->mem, b->params, sizeof(*p));
	uint64_t above = ram_from(&g->mem, HIGH_BASE);

	memset(p, 0, sizeof(*p));
	fill_header(p, m);
	/*
	 * Official since 2.14, understood since Linux 5.0, and padding to
	 * everything older: no need to ask which one this is.
	 */
	p->acpi_rsdp_addr = b->rsdp;
	/* For kernels that find no sense in an e820 of one entry. */
	p->alt_mem_k = above >> 10;
	p->e820_entries = b->ne820;
	for (unsigned i = 0; i < b->ne820; i++)
		p->e820_table[i] = (struct boot_e820_entry){
			b->e820[i].base, b->e820[i].size, b->e820[i].type };
	memcpy(mem_at(&g->mem, b->cmdline, strlen(arguments) + 1), arguments,
	       strlen(arguments) + 1);
}

/*
 * The order matters: what cannot move is placed first, the initrd last, and
 * nothing is copied before all have found their place.
 */
void load_linux(struct guest *g, struct boot *boot)
{
	struct map m = { .g = g, .boot = boot };

	place_fixed(&m);
	if (g->image->kind == IMAGE_BZIMAGE)
		place_bzimage(&m);
	else
		place_elf(&m);
	place_initrds(&m);
	copy_files(&m);
	write_params(&m);
	verbose("kernel at 0x%llx to 0x%llx, initrd at 0x%llx to 0x%llx",
		(unsigned long long)boot->kernel_start,
		(unsigned long long)boot->kernel_end,
		(unsigned long long)boot->initrd_start,
		(unsigned long long)boot->initrd_end);
}
