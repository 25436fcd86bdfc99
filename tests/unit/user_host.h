/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of what runs in a stub: struct user, a Guest's RAM, and in place of
 * stub.c a Host that is played.  It writes down what it is asked for, and what
 * each stub has mapped because of that.
 */
#ifndef USER_HOST_H
#define USER_HOST_H

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "../../applets/core/hypervisor/user/user.h"
#include "rig.h"

#define HOST_PAGES	(1u << 20)	/* of 32 bits of addresses */

static struct user *u;
static struct {
	uint8_t *ram;
	unsigned calls, maps, unmaps, protects;
	struct {
		uint64_t at, len, prot, offset;
	} last;
	long error;		/* what the next mmap(2) says */
	/* Of each stub and page: where in RAM, and PROT_; 0: nothing. */
	uint32_t *has[SPACES_MAX];

	unsigned crashes;
	enum crash crash;
	uint32_t args[3];
	jmp_buf *out;		/* a crash in a stub does not return */

	unsigned posts, notes, timers, resumes;
	struct post post;	/* the last one, or note */
	uint32_t answer;	/* to a read */
	uint64_t ns;
	unsigned leaves;	/* that there were at first */
} host;

/* True if what is done ends the Guest: in a stub that is there and then. */
#define CRASHES(done) ({						\
	jmp_buf out;							\
	bool crashed = setjmp(out);					\
	if (!crashed) {							\
		host.out = &out;					\
		done;							\
	}								\
	host.out = NULL;						\
	crashed; })

/* --- in place of stub.c --------------------------------------------------- */

static uint32_t *host_pages(unsigned i)
{
	if (!host.has[i])
		host.has[i] = mmap(NULL, HOST_PAGES * 4, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return host.has[i];
}

static void host_set(long nr, uint64_t at, uint64_t len, uint32_t prot,
		     uint32_t offset)
{
	uint32_t *pages = host_pages(u->cur);

	if (nr == SYS_munmap && !at && len >= GIB(1)) {
		/* At once: nobody has all of that in use. */
		madvise(pages, len / PAGE * 4, MADV_DONTNEED);
		return;
	}
	for (uint64_t i = 0; i < len / PAGE; i++) {
		uint32_t *is = &pages[at / PAGE + i];

		if (nr == SYS_mmap)
			*is = (offset + i * PAGE) | prot;
		else if (nr == SYS_munmap)
			*is = 0;
		else if (*is)
			*is = (*is & PTE_FRAME) | prot;
	}
}

long stub_call(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_clock_gettime)
		return clock_gettime(a, (struct timespec *)b);
	host.calls++;
	CHECK(!((uint64_t)a >> 32) && !((uint64_t)b >> 32));
	CHECK(!(a % PAGE) && !(b % PAGE));
	CHECK((uint64_t)a + b <= u->mmu.end);
	if (nr == SYS_mmap) {
		host.maps++;
		CHECK_EQ(e, FD_RAM);
		CHECK((d & ~MAP_POPULATE) == (MAP_SHARED | MAP_FIXED));
		CHECK((uint64_t)f + b <= u->ram_size);
		CHECK(!(f % PAGE) && c);
		if (host.error) {
			long error = host.error;

			host.error = 0;
			return error;
		}
	} else if (nr == SYS_munmap) {
		host.unmaps++;
	} else {
		CHECK_EQ(nr, SYS_mprotect);
		host.protects++;
	}
	host.last.at = a;
	host.last.len = b;
	host.last.prot = c;
	host.last.offset = f;
	host_set(nr, a, b, c, f);
	return 0;
}

void stub_crash(struct user *user, enum crash why, uint32_t a, uint32_t b,
		uint32_t c)
{
	CHECK(user == u);
	host.crashes++;
	host.crash = why;
	host.args[0] = a;
	host.args[1] = b;
	host.args[2] = c;
	if (host.out)
		longjmp(*host.out, 1);
}

/* So does what goes on elsewhere. */
void stub_resume(struct user *user)
{
	CHECK(user == u);
	host.resumes++;
	if (host.out)
		longjmp(*host.out, 1);
	abort();
}

void stub_post(struct user *user)
{
	host.posts++;
	host.post = user->post;
	user->post.value = host.answer;
}

void stub_tell(struct user *user)
{
	(void)user;
}

void stub_note(struct user *user, const struct post *post, bool at_once)
{
	(void)at_once, (void)user;
	host.notes++;
	host.post = *post;
}

void stub_timer(int fd, uint64_t ns, uint64_t interval)
{
	(void)fd, (void)interval;
	host.timers++;
	host.ns = ns;
}

void stub_handle_signals(unsigned me)
{
	(void)me;
}

/* --- a Guest -------------------------------------------------------------- */

static inline uint32_t *host_word(uint32_t gpa)
{
	return (uint32_t *)(u->ram + gpa);
}

/* A new one: RAM, no page tables yet; with the Launcher's part of u. */
static inline void host_begin(uint32_t ram, bool stock)
{
	u = mmap(USER, sizeof(*u), PROT_READ | PROT_WRITE, MAP_PRIVATE |
		 MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK(u == USER);
	u->ram = host.ram = calloc(1, ram);
	u->ram_size = ram;
	u->window = 0x10000000;
	u->window_end = u->window + MIB(1);
	u->lowest = LINEAR_START;
	u->stock = stock;
	space_init(u);
	if (stock)
		stock_init(u);
}

/* The stub that has the CPU does what waits for it. */
static inline void host_drain(void)
{
	space_drain(u, &u->spaces[u->cur]);
}

/* What is mapped at va in the stub that has the CPU: frame and PROT_. */
static inline uint32_t host_has(uint32_t va)
{
	return host_pages(u->cur)[va / PAGE];
}

#endif
