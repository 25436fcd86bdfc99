/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as what a stub, or several, leave for the Launcher in struct user:
 * posts and notes of all kinds, their counters, whose turn it is; and as what
 * the Guest has in memory, where its last words are looked for.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "../fuzz/ring.h"

/* With stubs that are none: nobody forks here. */
#define children_spawn		fuzzed_spawn
#define children_interrupt	fuzzed_interrupt
#define children_watch		fuzzed_watch
#define children_stop		fuzzed_stop
#define post_create		fuzzed_create
#define post_start		fuzzed_start
#define post_stop		fuzzed_end
#define post_interrupt		fuzzed_irq
#define post_line		fuzzed_line
#include "../../applets/core/hypervisor/user/post.c"

#define RAM		KIB(64)
#define DEVICE_PAGES	KIB(8)
#define PORT		0x3f8
#define STEPS		512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct guest *g;
static bool stubs[SPACES_MAX], busy;

bool fuzzed_spawn(uint32_t i, const struct guest *guest,
		  const int fds[STUB_FDS])
{
	(void)fds;
	must(guest == g, "another Guest's stub");
	if (i >= SPACES_MAX || stubs[i])
		return false;
	stubs[i] = true;
	return true;
}

void fuzzed_interrupt(uint32_t i)
{
	(void)i;
}

void fuzzed_watch(void)
{
}

void fuzzed_stop(void)
{
	memset(stubs, 0, sizeof(stubs));
}

static uint64_t range_read(struct guest *guest, uint64_t off, unsigned width)
{
	(void)guest;
	must(off < 8 && width <= 4 && width <= 8 - off, "a read beyond");
	return off;
}

static void range_write(struct guest *guest, uint64_t off, unsigned width,
			uint64_t value)
{
	(void)guest;
	must(off < 8 && width <= 4 && width <= 8 - off, "a write beyond");
	must(!busy, "a write while busy");
	must(!(value >> 8 * width), "a wide write");
	busy = value & 1;
}

static bool range_busy(struct guest *guest, uint64_t off, bool write)
{
	(void)guest;
	must(off < 8, "asked whether busy beyond");
	return write && busy;
}

static const struct io_range ports = {
	.base = PORT, .size = 8, .read = range_read, .write = range_write,
	.busy = range_busy,
}, registers = {
	.mmio = true, .base = RAM + DEVICE_PAGES, .size = 8,
	.read = range_read, .write = range_write, .busy = range_busy,
};

static void set_up(void)
{
	void *at = mmap(USER, sizeof(*USER), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE |
			MAP_FIXED, -1, 0);

	must(at == USER, "no struct user");
	g = rig_guest(RAM);
	munmap(g->mem.host, RAM);
	close(g->mem.fd);
	mem_create(&g->mem, RAM, DEVICE_PAGES, 0, 0);
	io_add(&ports);
	io_add(&registers);
	post_create(g);
}

/* Half of the bytes of a post are rather as they ought to be. */
static void fill(struct input *in, struct post *p, uint8_t how)
{
	static const uint64_t places[] = {
		PORT, RAM + DEVICE_PAGES, RAM - 1, RAM + DEVICE_PAGES - 1,
	};

	input_copy(in, p, sizeof(*p));
	if (how & 8)
		p->kind %= POST_SPAWN + 2;
	if (how & 16)
		p->width = 1 << (p->width & 3);
	if (how & 32)
		p->addr = places[p->addr & 3] + (p->addr >> 2 & 15);
}

static void step(struct input *in)
{
	uint8_t how = input_byte(in);
	struct user *u = USER;
	uint64_t one = 1;

	switch (how & 7) {
	case 0: case 1:
		fill(in, &u->post, how);
		u->posted++;
		break;
	case 2:
		fill(in, &u->notes[u->noted % NOTES_RING], how);
		u->noted++;
		break;
	case 3:			/* counters, as they come */
		input_copy(in, &u->posted, sizeof(u->posted));
		u->noted = input_byte(in);
		break;
	case 4:
		u->cur = (uint32_t)how << 24 | how >> 3;
		u->asleep = how >> 4;
		post_interrupt(input_byte(in) % 32);
		break;
	case 5:			/* at the end of RAM, or of all memory */
		input_copy(in, g->mem.host + RAM - 8 +
			   (how & 8 ? DEVICE_PAGES : 0), 8);
		break;
	case 6:
		busy = how & 8;
		break;
	}
	must(write(host.fds[FD_KICK], &one, sizeof(one)) == sizeof(one),
	     "no kick");
	rig_turn();
	if (g->ended)
		must(strlen(g->why) < sizeof(g->why) - 1, "endless words");
	g->ended = g->reboot = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (!g)
		set_up();
	memset(&USER->ram, 0, offsetof(struct user, cpu) -
	       offsetof(struct user, ram));
	busy = false;
	post_start(g);
	for (unsigned i = 0; i < STEPS && in.size; i++)
		step(&in);
	post_stop();
	/* What it left in there is of no more use. */
	rig_turn();
	return 0;
}
