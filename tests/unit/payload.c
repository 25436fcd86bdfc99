/* SPDX-License-Identifier: GPL-2.0-only */
/* The vmlinux inside a bzImage: found, judged, and booted in its place. */
#include <fcntl.h>
#include <zlib.h>

#include "loads.h"
#include "subject.h"

#define PAYLOAD		0x100		/* in the protected-mode kernel */
#define PAYLOAD_AT	(BZ_OFFSET + PAYLOAD)
#define BANNER		"Linux version 4.1.15 (a@b) #1"
#define BOMB		MIB(257)

static const struct hypervisor unpacks = { .name = "u", .unpacks = true },
	plain = { .name = "p" };

static size_t gzip(const void *from, size_t size, uint8_t *to, size_t room)
{
	z_stream z = { .next_in = (Bytef *)from, .avail_in = size,
		       .next_out = to, .avail_out = room };

	deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
	CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

/* `kernel` becomes a 32-bit bzImage with these bytes as its payload. */
static void wrap_bytes(const void *bytes, size_t size)
{
	kernel_bzimage(&kernel);
	kernel_put(&kernel, HDR(xloadflags), 0);
	kernel_put(&kernel, HDR(cmdline_size), 300);
	kernel_put(&kernel, HDR(initrd_addr_max), 0x2fffffff);
	kernel_put(&kernel, HDR(payload_offset), PAYLOAD);
	kernel_put(&kernel, HDR(payload_length), size);
	CHECK(size <= BZ_SIZE - PAYLOAD);
	memcpy(kernel.bytes + PAYLOAD_AT, bytes, size);
}

/* The same with the gzip of them; how long that is. */
static size_t wrap(const void *bytes, size_t size)
{
	uint8_t z[BZ_SIZE];
	size_t n = gzip(bytes, size, z, sizeof(z));

	wrap_bytes(z, n);
	return n;
}

/* A vmlinux with these words in it, and a relocation table behind. */
static struct kernel vmlinux(const char *words, size_t len)
{
	struct kernel elf;

	kernel_elf32(&elf);
	memcpy(elf.bytes + ELF_OFFSET + 100, words, len);
	elf.size += 64;
	return elf;
}

static struct kernel lguest_vmlinux(void)
{
	return vmlinux(BANNER "\0\0LGUEST", sizeof(BANNER) + 8);
}

static void wrap_lguest(void)
{
	struct kernel elf = lguest_vmlinux();

	wrap(elf.bytes, elf.size);
}

static void forget(void)
{
	static const struct hypervisor none;

	g->hv = &none;
	payload_take(g);
	close(g->kernel_fd);
}

static void good(void)
{
	struct kernel elf = lguest_vmlinux();
	const struct boot_params *p;
	const struct image *inside;
	int old;

	wrap(elf.bytes, elf.size);
	prepare(64, "quiet");
	old = g->kernel_fd;
	inside = payload_look(g);
	CHECK_EQ(inside->kind, IMAGE_ELF);
	CHECK_EQ(inside->lguest, LGUEST_YES);
	CHECK_EQ(inside->preferred, ELF_PADDR);
	CHECK(payload_look(g) == inside);
	CHECK_EQ(g->image->kind, IMAGE_BZIMAGE);
	CHECK_EQ(g->image->lguest, LGUEST_YES);
	g->hv = &unpacks;
	payload_take(g);
	CHECK_EQ(g->image->kind, IMAGE_ELF);
	CHECK(fcntl(old, F_GETFD) < 0);
	CHECK(fcntl(g->kernel_fd, F_GETFD) & FD_CLOEXEC);

	/* The second time is a reboot. */
	for (int i = 0; i < 2; i++) {
		mem_clear(&g->mem);
		load_it();
		CHECK(!boot.enter_64);
		CHECK_EQ(boot.entry, ELF_PADDR + 16);
		CHECK(!memcmp(rig_at(ELF_PADDR), elf.bytes + ELF_OFFSET,
			      ELF_TEXT));
		CHECK(!memcmp(rig_at(ELF_PADDR + 4096),
			      elf.bytes + ELF_OFFSET + ELF_TEXT, ELF_DATA));
		p = rig_at(PARAMS);
		CHECK_EQ(p->hdr.version, 0x20f);
		CHECK_EQ(p->hdr.kernel_alignment, 0x200000);
		CHECK_EQ(p->hdr.loadflags, LOADED_HIGH);
		CHECK_EQ(p->hdr.cmd_line_ptr, CMDLINE);
	}
	close(g->kernel_fd);
}

static void load_long(void)
{
	static char line[400];

	memset(line, 'x', 350);
	wrap_lguest();
	prepare(64, line);
	g->hv = &unpacks;
	payload_look(g);
	payload_take(g);
	load_it();
}

/* Not 2047, which we assume of a vmlinux that comes without a header. */
static void header_counts(void)
{
	wrap_lguest();
	prepare(64, "");
	CHECK_EQ(payload_look(g)->initrd_max, 0x2fffffff);
	forget();
	CHECK(dies(load_long, "takes at most 300"));
}

/* Chosen was one that boots bzImages. */
static void not_taken(void)
{
	int old;

	wrap_lguest();
	prepare(64, "");
	old = g->kernel_fd;
	payload_look(g);
	g->hv = &plain;
	payload_take(g);
	CHECK_EQ(g->kernel_fd, old);
	CHECK_EQ(g->image->kind, IMAGE_BZIMAGE);
	CHECK_EQ(g->image->lguest, LGUEST_YES);
	CHECK(!g->subject);
	load_it();
	CHECK_EQ(boot.kernel_start, 0x1000000);
	forget();
	/* Nobody asked: nothing happens. */
	prepare(64, "");
	payload_take(g);
	CHECK_EQ(g->image->lguest, LGUEST_MAYBE);
	forget();
}

static unsigned lguest_of(struct kernel elf, bool packed)
{
	unsigned lguest;

	if (packed)
		wrap(elf.bytes, elf.size);
	else
		kernel = elf;
	prepare(64, "");
	lguest = payload_look(g)->lguest;
	CHECK_EQ(g->image->lguest, lguest);
	forget();
	return lguest;
}

static void evidence(void)
{
	for (int packed = 0; packed < 2; packed++) {
		CHECK_EQ(lguest_of(lguest_vmlinux(), packed), LGUEST_YES);
		CHECK_EQ(lguest_of(vmlinux(BANNER, sizeof(BANNER)), packed),
			 LGUEST_NO);
		CHECK_EQ(lguest_of(vmlinux("", 0), packed), LGUEST_MAYBE);
	}
}

/* An ELF is what it is: the descriptor stays. */
static void elf_itself(void)
{
	int old;

	kernel = lguest_vmlinux();
	prepare(64, "");
	old = g->kernel_fd;
	CHECK(payload_look(g) == g->image);
	g->hv = &unpacks;
	payload_take(g);
	CHECK_EQ(g->kernel_fd, old);
	CHECK(fcntl(old, F_GETFD) >= 0);
	CHECK(!strcmp(g->image->version, "4.1.15"));
	forget();
}

/* Looking costs time: a header that says 64-bit is believed. */
static void sixty_four(void)
{
	struct kernel elf;

	kernel_elf64(&elf);
	wrap(elf.bytes, elf.size);
	prepare(64, "");
	CHECK(payload_look(g)->is_64);
	CHECK_EQ(g->image->lguest, LGUEST_NO);
	forget();
	kernel_put(&kernel, HDR(xloadflags), XLF_KERNEL_64);
	prepare(64, "");
	CHECK(payload_look(g) == g->image);
	CHECK(!g->subject);
	forget();
}

/* `kernel` boots as it is. */
static bool stays(void)
{
	bool same;
	int old;

	prepare(64, "");
	old = g->kernel_fd;
	same = payload_look(g) == g->image;
	g->hv = &unpacks;
	payload_take(g);
	same &= g->kernel_fd == old && g->image->kind == IMAGE_BZIMAGE &&
		g->image->lguest == LGUEST_MAYBE;
	forget();
	return same;
}

static void stays_packed(void)
{
	struct kernel elf = lguest_vmlinux();

	wrap_bytes("\xfd" "7zXZ\0 and so on", 16);
	CHECK(stays());
	wrap_bytes("neither one nor the other", 25);
	CHECK(stays());
	wrap("no ELF", 6);
	CHECK(stays());
	wrap("", 0);
	CHECK(stays());
	wrap(elf.bytes, elf.size);
	kernel_put(&kernel, HDR(payload_length), 0);
	CHECK(stays());
	for (size_t cut = 4; cut < ELF_OFFSET; cut += 37) {
		wrap(elf.bytes, cut);
		CHECK(stays());
	}
	memset(elf.bytes + SELFMAG, 0xff, elf.size - SELFMAG);
	wrap(elf.bytes, elf.size);
	CHECK(stays());
}

static void look(void)
{
	prepare(64, "");
	payload_look(g);
}

/* As before 2.08: the length in front of it, and the header says nothing. */
static void wrap_old(const void *bytes, size_t size)
{
	uint32_t n = wrap(bytes, size);

	memcpy(kernel.bytes + PAYLOAD_AT - 4, &n, 4);
	kernel_put(&kernel, HDR(version), 0x207);
	kernel_put(&kernel, HDR(payload_length), UINT32_MAX);
}

static unsigned lguest_of_bare(const char *words, size_t len)
{
	unsigned lguest;

	wrap_old(words, len);
	prepare(64, "");
	CHECK(payload_look(g) == g->image);
	g->hv = &unpacks;
	payload_take(g);
	CHECK_EQ(g->image->kind, IMAGE_BZIMAGE);
	lguest = g->image->lguest;
	forget();
	return lguest;
}

/* Up to 2.6.25 what is inside is no ELF, and the whole is booted. */
static void bare_payloads(void)
{
	static const char guest[] = BANNER "\0\0LGUEST";
	struct kernel elf = lguest_vmlinux();

	CHECK_EQ(lguest_of_bare(guest, sizeof(guest)), LGUEST_YES);
	CHECK_EQ(lguest_of_bare(BANNER, sizeof(BANNER)), LGUEST_NO);
	CHECK_EQ(lguest_of_bare("\0LGUES", 7), LGUEST_MAYBE);
	wrap_old(elf.bytes, elf.size);
	prepare(64, "");
	CHECK_EQ(payload_look(g)->kind, IMAGE_ELF);
	forget();
	/* A newer header that says nothing means it. */
	kernel_put(&kernel, HDR(version), 0x208);
	kernel_put(&kernel, HDR(payload_length), 0);
	CHECK(stays());
}

/* What is before it is only a length if that stays in the kernel. */
static void old_lengths(void)
{
	struct kernel elf = lguest_vmlinux();
	uint32_t n = BZ_SIZE - PAYLOAD;

	wrap_old(elf.bytes, elf.size);
	memcpy(kernel.bytes + PAYLOAD_AT - 4, &n, 4);
	prepare(64, "");
	CHECK_EQ(payload_look(g)->kind, IMAGE_ELF);
	forget();
	n++;
	memcpy(kernel.bytes + PAYLOAD_AT - 4, &n, 4);
	CHECK(stays());
	n = 20;
	memcpy(kernel.bytes + PAYLOAD_AT - 4, &n, 4);
	CHECK(dies(look, "its payload is truncated gzip data"));
}

static void damaged(void)
{
	struct kernel elf = lguest_vmlinux(), whole;
	size_t n = wrap(elf.bytes, elf.size);

	whole = kernel;
	/* 10 bytes of header, of which some are only for people. */
	for (size_t i = 10; i < n - 4; i += 29) {
		kernel = whole;
		kernel.bytes[PAYLOAD_AT + i] ^= 0x41;
		CHECK(dies(look, "vmlinuz: a damaged bzImage: its payload is "));
	}
	for (size_t len = 8; len < n; len += 71) {
		kernel = whole;
		kernel_put(&kernel, HDR(payload_length), len);
		CHECK(dies(look, "its payload is truncated gzip data"));
	}
}

/* A hundred KiB that want to be a quarter of a GiB. */
static void bomb(void)
{
	static uint8_t zeros[KIB(64)], z[KIB(512)];
	z_stream s = { .next_out = z, .avail_out = sizeof(z) };
	struct subject subject = { .inside_fd = -1, .name = "bomb" };

	deflateInit2(&s, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
	for (uint64_t n = 0; n < BOMB; n += sizeof(zeros)) {
		s.next_in = zeros;
		s.avail_in = sizeof(zeros);
		deflate(&s, Z_NO_FLUSH);
	}
	CHECK_EQ(deflate(&s, Z_FINISH), Z_STREAM_END);
	subject.image.payload_length = s.total_out;
	subject.fd = file_of(z, s.total_out);
	deflateEnd(&s);
	CHECK(!subject_look_kernel(&subject));
	CHECK(strstr(subject.why, "larger unpacked than anything sensible"));
	CHECK_EQ(subject.inside_fd, -1);
	subject_close(&subject);
}

/* lguest-inspect asks each hypervisor for what it would boot. */
static void for_inspect(void)
{
	struct subject s = { .inside_fd = -1, .name = "vmlinuz" };

	wrap_lguest();
	prepare(64, "");
	s.fd = g->kernel_fd;
	s.image = *g->image;
	CHECK(subject_look_kernel(&s));
	CHECK_EQ(subject_image(&s, &unpacks)->kind, IMAGE_ELF);
	CHECK_EQ(subject_image(&s, &unpacks)->lguest, LGUEST_YES);
	CHECK_EQ(subject_image(&s, &plain)->kind, IMAGE_BZIMAGE);
	CHECK_EQ(subject_image(&s, &plain)->lguest, LGUEST_YES);
	subject_close(&s);
}

int main(void)
{
	RUN(good);
	RUN(header_counts);
	RUN(not_taken);
	RUN(evidence);
	RUN(elf_itself);
	RUN(sixty_four);
	RUN(stays_packed);
	RUN(bare_payloads);
	RUN(old_lengths);
	RUN(damaged);
	RUN(bomb);
	RUN(for_inspect);
	return rig_done();
}
