/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor kvm with Guests of a few instructions.  They run without
 * paging, which is as much as some Hosts' /dev/kvm can do; so we ask for
 * /dev/kvm to open and no more, and never for can().
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rig.h"

#define AT		0x100000	/* where the Guest's code is */
#define HANDLER		0x180000
#define RESULT		0x1a0000
#define PORT		0x700		/* the test's own */
#define TURNS_S		60
#define POWER_OFF	"66 ba 04 06  66 b8 00 34  66 ef  eb fe "
#define VECTOR		0x40

extern const struct hypervisor hypervisor_kvm;

static struct plan plan = { .kernel = "tiny", .arguments = "" };
static uint64_t wrote[4096];
static unsigned nwrote, answer;
static int busy_turns;

static uint64_t port_read(struct guest *g, uint64_t off, unsigned width)
{
	(void)g;
	(void)off;
	(void)width;
	return answer++;
}

static void port_write(struct guest *g, uint64_t off, unsigned width,
		       uint64_t value)
{
	(void)g;
	(void)off;
	(void)width;
	if (nwrote < ARRAY_SIZE(wrote))
		wrote[nwrote++] = value;
}

static bool port_busy(struct guest *g, uint64_t off, bool write)
{
	(void)g;
	(void)off;
	return write && busy_turns;
}

static const struct io_range port_range = {
	.base = PORT, .size = 4,
	.read = port_read, .write = port_write, .busy = port_busy,
};

/* Bytes written as in a listing. */
static size_t assemble(uint8_t *to, const char *text)
{
	size_t n = 0;
	char *end;

	for (;;) {
		unsigned long byte = strtoul(text, &end, 16);

		if (end == text)
			return n;
		to[n++] = byte;
		text = end;
	}
}

static int make_kernel(const char *text)
{
	struct {
		Elf32_Ehdr e;
		Elf32_Phdr p;
		uint8_t code[512];
	} k = {
		.e = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_386,
			.e_version = EV_CURRENT, .e_entry = AT,
			.e_phoff = sizeof(k.e), .e_ehsize = sizeof(k.e),
			.e_phentsize = sizeof(k.p), .e_phnum = 1,
		},
		.p = {
			.p_type = PT_LOAD, .p_vaddr = AT, .p_paddr = AT,
			.p_offset = sizeof(k.e) + sizeof(k.p),
			.p_filesz = sizeof(k.code), .p_memsz = sizeof(k.code),
		},
	};
	int fd = memfd_create("kernel", MFD_CLOEXEC);

	assemble(k.code, text);
	CHECK_EQ(write(fd, &k, sizeof(k)), sizeof(k));
	return fd;
}

/* A machine with this code in it, not running yet.  NULL: skipped. */
static struct guest *machine(const char *text)
{
	static struct image image;
	struct guest *g = rig_guest(MIB(4));
	uint8_t head[4096];
	char why[WHY_MAX];
	ssize_t n;
	int fd = open("/dev/kvm", O_RDWR);

	if (fd < 0) {
		rig_skip("/dev/kvm: %s", strerror(errno));
		return NULL;
	}
	close(fd);
	rig_alloc(MIB(3));
	g->plan = &plan;
	g->hv = &hypervisor_kvm;
	g->image = &image;
	g->kernel_fd = make_kernel(text);
	n = pread(g->kernel_fd, head, sizeof(head), 0);
	CHECK(image_parse(&image, head, n, n, why));
	io_add(&port_range);
	g->hv->open(g);
	return g;
}

/* Turns of the loop until something ends, or the test did. */
static void turns(struct guest *g)
{
	uint64_t until = now_ns() + TURNS_S * UINT64_C(1000000000);

	while (!g->ended && !g->reboot && now_ns() < until) {
		loop_turn(g, busy_turns ? 1 : 100);
		if (busy_turns)
			busy_turns--;
	}
	CHECK(g->ended || g->reboot);
}

static void run(struct guest *g)
{
	g->hv->create(g);
	g->hv->start(g);
	turns(g);
	g->hv->destroy(g);
}

/* ------------------------------------------------------------------ */

static void prints_and_powers_off(void)
{
	char path[] = "/tmp/kvm-test-XXXXXX", seen[16] = "";
	int fd = mkstemp(path);
	struct guest *g = machine(
		"66 ba f8 03 b0 48 ee b0 69 ee b0 21 ee b0 0a ee " POWER_OFF);

	if (g) {
		terminal_open(g, path, NULL);
		run(g);
		CHECK_EQ(g->status, STATUS_POWEROFF);
		terminal_close();
		CHECK(read(fd, seen, sizeof(seen) - 1) > 0);
		CHECK(!strncmp(seen, "Hi!", 3));
	}
	unlink(path);
	close(fd);
}

static void triple_fault(void)
{
	/* xor ecx,ecx; div ecx, and the IDT is empty. */
	struct guest *g = machine("31 c9 f7 f1 eb fe");

	if (!g)
		return;
	run(g);
	CHECK_EQ(g->status, STATUS_CRASHED);
	CHECK(!strcmp(g->why, "triple fault"));
}

/* Many more than there is room for, and nothing waits: all come, in order. */
static void posted_writes(void)
{
	/* mov dx,PORT; xor eax,eax; 1: out dx,eax; inc eax; cmp; jb 1b */
	struct guest *g = machine("66 ba 00 07 31 c0 ef 40 3d 00 10 00 00 "
				  "72 f7 " POWER_OFF);

	if (!g)
		return;
	run(g);
	CHECK_EQ(nwrote, 4096);
	for (unsigned i = 0; i < nwrote; i++)
		CHECK_EQ(wrote[i], i);
}

/* A read comes back when all writes before it have been served. */
static void read_after_writes(void)
{
	/* out PORT, 7 (busy for a while); in eax, PORT; out PORT, eax */
	struct guest *g = machine("66 ba 00 07 b8 07 00 00 00 ef ed ef "
				  POWER_OFF);

	if (!g)
		return;
	busy_turns = 20;
	answer = 0x1234;
	run(g);
	CHECK_EQ(busy_turns, 0);
	CHECK_EQ(nwrote, 2);
	CHECK_EQ(wrote[0], 7);
	CHECK_EQ(wrote[1], 0x1234);
}

/* insd and outsd with a count. */
static void strings(void)
{
	/* mov edi,RESULT; mov ecx,100; rep insd; mov esi; rep outsd */
	struct guest *g = machine("66 ba 00 07 bf 00 00 1a 00 b9 64 00 00 00 "
				  "fc f3 6d be 00 00 1a 00 b9 64 00 00 00 "
				  "f3 6f " POWER_OFF);

	if (!g)
		return;
	answer = 500;
	run(g);
	CHECK_EQ(nwrote, 100);
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(wrote[i], 500 + i);
}

/* The second time it is told to power off. */
static void reboots(void)
{
	/* in eax,PORT; test eax; jnz off; mov al,fe; out 64,al; jmp . */
	struct guest *g = machine("66 ba 00 07 ed 85 c0 75 06 b0 fe e6 64 eb fe "
				  POWER_OFF);

	if (!g)
		return;
	run(g);
	CHECK(g->reboot && !g->ended);
	mem_clear(&g->mem);
	g->reboot = false;
	run(g);
	CHECK(g->ended);
	CHECK_EQ(g->status, STATUS_POWEROFF);
}

/* What hypervisor.dump() has written to stderr after a few turns. */
static void dump(struct guest *g, char *text, size_t size)
{
	int fd = memfd_create("stderr", 0), old = dup(2);
	ssize_t n = 0;

	dup2(fd, 2);
	g->hv->dump(g);
	for (unsigned i = 0; i < 100 && n <= 0; i++) {
		loop_turn(g, 100);
		n = pread(fd, text, size - 1, 0);
	}
	text[n > 0 ? n : 0] = 0;
	dup2(old, 2);
	close(old);
	close(fd);
}

static void dump_while_spinning(void)
{
	struct guest *g = machine("bb 78 56 34 12 66 ba 00 07 ef eb fe");
	char text[2048];

	if (!g)
		return;
	g->hv->create(g);
	g->hv->start(g);
	while (!nwrote)
		loop_turn(g, 100);
	dump(g, text, sizeof(text));
	CHECK(strstr(text, "rip 0x10000a") != NULL);
	CHECK(strstr(text, "rbx 0x12345678") != NULL);
	CHECK(strstr(text, "cr0 0x") != NULL);
	/* It goes on, and can be asked again, and stopped. */
	dump(g, text, sizeof(text));
	CHECK(strstr(text, "rip 0x10000a") != NULL);
	g->hv->destroy(g);
}

/* It waits for a device that is never ready, but the core for nobody. */
static void dump_and_stop_while_waiting(void)
{
	struct guest *g = machine("66 ba 00 07 ef ed eb fe");
	char text[2048];

	if (!g)
		return;
	busy_turns = 1;
	g->hv->create(g);
	g->hv->start(g);
	for (unsigned i = 0; i < 20; i++)
		loop_turn(g, 10);
	dump(g, text, sizeof(text));
	CHECK(strstr(text, "rip 0x1000") != NULL);
	CHECK_EQ(nwrote, 0);
	g->hv->destroy(g);
}

/* ------------------------------------------------------------------ */

static bool count_kick(struct device *d, struct virtqueue *q)
{
	struct chain c;

	(void)d;
	while (vq_pop(q, &c))
		vq_push(q, c.head, 0);
	return true;
}

static void open_nothing(struct device *d)
{
	(void)d;
}

static const struct device_type device_counter = {
	.name = "counter", .nqueues = 2, .kick = count_kick,
	.open = open_nothing,
};

static void doorbell(void)
{
	/* movw [e0000104],ax; in PORT; movl [e0000104],eax; out PORT */
	struct guest *g = machine("66 a3 04 01 00 e0 66 ba 00 07 ed "
				  "a3 04 01 00 e0 ef eb fe");
	struct device *d;

	if (!g)
		return;
	d = rig_device(&device_counter, NULL);
	rig_start(d, 0, 8);
	g->hv->create(g);
	g->hv->doorbell(&d->queues[1], 0xe0000104, true);
	g->hv->start(g);
	for (unsigned i = 0; i < 600 && !(nwrote && d->queues[1].kicks); i++)
		loop_turn(g, 100);
	/* One or two: they may arrive as one. */
	CHECK(d->queues[1].kicks >= 1);
	CHECK_EQ(nwrote, 1);
	CHECK_EQ(d->queues[0].kicks, 0);
	/* Off twice, and after the end, hurts nobody. */
	g->hv->doorbell(&d->queues[1], 0xe0000104, false);
	g->hv->doorbell(&d->queues[1], 0xe0000104, false);
	g->hv->destroy(g);
	g->hv->doorbell(&d->queues[1], 0xe0000104, true);
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A machine is made and taken apart as often as its Guest likes. */
static void reboots_leave_nothing(void)
{
	/* mov al,fe; out 64,al; out 64,al; jmp: more posts than are served */
	struct guest *g = machine("b0 fe e6 64 e6 64 eb fa");
	struct device *d;
	unsigned before = 0;

	if (!g)
		return;
	d = rig_device(&device_counter, NULL);
	for (unsigned i = 0; i < 10; i++) {
		rig_start(d, 0, 8);
		g->hv->create(g);
		g->hv->doorbell(&d->queues[1], 0xe0000104, true);
		g->hv->msi_route(g, 1, 0xfee00000, VECTOR);
		g->hv->line(g, SCI_IRQ, true);
		g->hv->start(g);
		g->hv->dump(g);
		turns(g);
		CHECK(g->reboot && !g->ended);
		virtio_reset(d);
		g->hv->destroy(g);
		mem_clear(&g->mem);
		g->reboot = false;
		if (i == 0)
			before = open_descriptors();
	}
	CHECK_EQ(open_descriptors(), before);
}

/*
 * Puts a handler for VECTOR into the Guest's memory: it writes 9 to the port
 * and powers off.  The code loads the IDT from IDTR, enables the local APIC
 * and interrupts, says so at the port, and spins.
 */
#define IDT		0x190000
#define IDTR		0x191000
#define LISTEN	"0f 01 1d 00 10 19 00 " \
		"c7 05 f0 00 e0 fe ff 01 00 00 " \
		"fb 66 ba 00 07 31 c0 ef eb fe "

static void add_handler(struct guest *g)
{
	uint8_t *gate = mem_at(&g->mem, IDT + VECTOR * 8, 8);
	uint8_t *idtr = mem_at(&g->mem, IDTR, 6);

	assemble(gate, "00 00 10 00 00 8e 18 00");
	assemble(idtr, "ff 07 00 00 19 00");
	assemble(mem_at(&g->mem, HANDLER, 64),
		 "66 ba 00 07 b8 09 00 00 00 ef " POWER_OFF);
}

static void start_listening(struct guest *g)
{
	g->hv->create(g);
	add_handler(g);
	g->hv->start(g);
	for (unsigned i = 0; i < 600 && !nwrote; i++)
		loop_turn(g, 100);
	CHECK_EQ(nwrote, 1);
}

static void message(void)
{
	struct guest *g = machine(LISTEN);

	if (!g)
		return;
	rig_device(&device_counter, NULL);
	start_listening(g);
	/* Not routed: goes nowhere.  Then twice the same, and another. */
	g->hv->msi_fire(g, 2);
	g->hv->msi_route(g, 1, 0xfee00000, 0x41);
	g->hv->msi_route(g, 1, 0xfee00000, VECTOR);
	g->hv->msi_route(g, 1, 0xfee00000, VECTOR);
	g->hv->msi_fire(g, 1);
	turns(g);
	g->hv->destroy(g);
	CHECK_EQ(nwrote, 2);
	CHECK_EQ(wrote[1], 9);
}

static void line(void)
{
	/* 8259s: masked.  I/O APIC: pin 9, level-triggered, to VECTOR. */
	struct guest *g = machine("b0 ff e6 21 e6 a1 "
		"c7 05 00 00 c0 fe 22 00 00 00 c7 05 10 00 c0 fe 40 80 00 00 "
		LISTEN);

	if (!g)
		return;
	start_listening(g);
	g->hv->line(g, SCI_IRQ, false);
	g->hv->line(g, SCI_IRQ, true);
	turns(g);
	g->hv->destroy(g);
	CHECK_EQ(nwrote, 2);
	CHECK_EQ(wrote[1], 9);
}

/* ------------------------------------------------------------------ */

/* Whatever it says: with a reason, soon, and nothing stays open. */
static void judges(void)
{
	struct image image = { .is_64 = false };
	char why[WHY_MAX] = "";
	int before = dup(0), after;
	bool yes;

	close(before);
	yes = hypervisor_kvm.can(&image, why);
	after = dup(0);
	CHECK_EQ(before, after);
	CHECK(yes || *why);
	CHECK(!strchr(why, '\n'));
	printf("kvm: %s\n", yes ? "yes" : why);
}

int main(void)
{
	RUN(judges);
	RUN(prints_and_powers_off);
	RUN(triple_fault);
	RUN(posted_writes);
	RUN(read_after_writes);
	RUN(strings);
	RUN(reboots);
	RUN(dump_while_spinning);
	RUN(dump_and_stop_while_waiting);
	RUN(doorbell);
	RUN(reboots_leave_nothing);
	RUN(message);
	RUN(line);
	return rig_done();
}
