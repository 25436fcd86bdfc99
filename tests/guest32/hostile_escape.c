/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Guest that leaves 32-bit mode and asks the Host's kernel for things: by a
 * syscall instruction of its own, by one of the program that runs it (gate=,
 * in hexadecimal: anybody can read that binary), and by int 0x80.  It may get
 * no further than a refusal.  from= goes on behind a call that was the end.
 */
#include "user.h"

struct escape {
	u64 nr, arg[6];
	u64 gate, result;
	u32 done, unused, arrived;
};

void user_escape(void);
void user_escape_int80(void);
void user_escape_only(void);

struct call {
	const char *name;
	u32 nr;
	u64 arg[6];
};

#define HIGH	0x200000000ULL	/* above 4 GiB, where nobody is */
#define MAPS	0x32		/* private, anonymous, fixed */
#define TEXT(n)	(USER_DATA + 1024 + 64 * (n))
#define ROOM	(USER_DATA + 2048)

static const char *const texts[] = {
	"/etc/passwd", "/proc/self/maps", "/tmp", "/",
};

/* None would do harm if it got through. */
static const struct call calls[] = {
	{ "open", 2, { TEXT(0), 0 } },
	{ "open maps", 2, { TEXT(1), 0 } },
	{ "openat", 257, { (u64)-100, TEXT(0), 0 } },
	{ "openat2", 437, { (u64)-100, TEXT(0), ROOM, 24 } },
	{ "creat", 85, { 0 } },
	{ "stat", 4, { TEXT(0), ROOM } },
	{ "access", 21, { TEXT(0), 4 } },
	{ "getdents64", 217, { 0, ROOM, 512 } },
	{ "chdir", 80, { TEXT(2) } },
	{ "chroot", 161, { TEXT(3) } },
	{ "unlink", 87, { 0 } },
	{ "mkdir", 83, { 0 } },
	{ "kill nobody", 62, { 1, 0 } },
	{ "kill all", 62, { (u64)-1, 0 } },
	{ "tgkill", 234, { 1, 1, 0 } },
	{ "rt_sigqueueinfo", 129, { 1, 0, ROOM } },
	{ "pidfd_open", 434, { 1, 0 } },
	{ "ptrace", 101, { 16, 1, 0, 0 } },
	{ "process_vm_readv", 310, { 1, ROOM, 1, ROOM, 1, 0 } },
	{ "process_vm_writev", 311, { 1, ROOM, 1, ROOM, 1, 0 } },
	{ "getpid", 39, { 0 } },
	{ "getppid", 110, { 0 } },
	{ "uname", 63, { ROOM } },
	{ "socket", 41, { 1, 1, 0 } },
	{ "socket inet", 41, { 2, 1, 0 } },
	{ "connect", 42, { 0, ROOM, 16 } },
	{ "socketpair", 53, { 1, 1, 0, ROOM } },
	{ "pipe", 22, { ROOM } },
	{ "dup", 32, { 0 } },
	{ "fcntl", 72, { 0, 1, 0 } },
	{ "ioctl", 16, { 0, 0x5401, ROOM } },
	{ "sendfile", 40, { 1, 0, 0, 16 } },
	{ "memfd_create", 319, { TEXT(0), 0 } },
	{ "eventfd2", 290, { 0, 0 } },
	{ "epoll_create1", 291, { 0 } },
	{ "execve", 59, { TEXT(0), 0, 0 } },
	{ "execveat", 322, { (u64)-100, TEXT(0), 0, 0, 0 } },
	{ "fork", 57, { 0 } },
	{ "vfork", 58, { 0 } },
	{ "clone", 56, { 17, 0, 0, 0, 0 } },
	{ "clone3", 435, { ROOM, 64 } },
	{ "unshare", 272, { 0 } },
	{ "setns", 308, { 0, 0 } },
	{ "prctl", 157, { 15, TEXT(0) } },
	{ "prctl dumpable", 157, { 4, 1 } },
	{ "seccomp", 317, { 2, 0, ROOM } },
	{ "setuid", 105, { 0 } },
	{ "capset", 126, { ROOM, ROOM } },
	{ "prlimit64", 302, { 0, 7, 0, ROOM } },
	{ "sched_setaffinity", 203, { 0, 8, ROOM } },
	{ "setpriority", 141, { 0, 0, 0 } },
	{ "personality", 135, { 0xffffffff } },
	{ "mmap high", 9, { HIGH, PAGE, 7, MAPS, (u64)-1, 0 } },
	{ "mmap anywhere", 9, { 0, PAGE, 3, 0x22, (u64)-1, 0 } },
	{ "mremap", 25, { USER_DATA, PAGE, PAGE, 3, HIGH } },
	{ "brk", 12, { 0 } },
	{ "madvise", 28, { HIGH, PAGE, 4 } },
	{ "pkey_mprotect", 329, { HIGH, PAGE, 7, 0 } },
	{ "process_madvise", 440, { 0, ROOM, 1, 4, 0 } },
	{ "shmget", 29, { 0, PAGE, 01600 } },
	{ "keyctl", 250, { 0, 0 } },
	{ "add_key", 248, { TEXT(0), TEXT(0), 0, 0, 0 } },
	{ "bpf", 321, { 0, ROOM, 8 } },
	{ "perf_event_open", 298, { ROOM, 0, (u64)-1, (u64)-1, 0 } },
	{ "userfaultfd", 323, { 1 } },
	{ "io_uring_setup", 425, { 8, ROOM } },
	{ "io_setup", 206, { 8, ROOM } },
	{ "iopl", 172, { 0 } },
	{ "mount", 165, { 0, 0, 0, 0, 0 } },
	{ "sethostname", 170, { TEXT(0), 0 } },
	{ "settimeofday", 164, { 0, 0 } },
	{ "nanosleep", 35, { ROOM, 0 } },
	{ "timer_create", 222, { 1, 0, ROOM } },
	{ "setitimer", 38, { 0, ROOM, 0 } },
	{ "alarm", 37, { 0 } },
	{ "getrandom", 318, { ROOM, 16, 0 } },
	{ "vmsplice", 278, { 1, ROOM, 1, 0 } },
	{ "splice", 275, { 0, 0, 1, 0, 1, 0 } },
	{ "membarrier", 324, { 0, 0, 0 } },
	{ "rseq", 334, { ROOM, 32, 0, 0 } },
	{ "set_tid_address", 218, { ROOM } },
	{ "set_robust_list", 273, { ROOM, 24 } },
	{ "x32 getpid", 0x40000000 + 39, { 0 } },
	{ "x32 ptrace", 0x40000000 + 521, { 0 } },
	{ "no such call", 9999, { 0 } },
};

/* i386's, by int 0x80 from there. */
static const struct call old_calls[] = {
	{ "i386 open", 5, { TEXT(0), 0 } },
	{ "i386 getpid", 20, { 0 } },
	{ "i386 kill", 37, { 1, 0 } },
	{ "i386 fork", 2, { 0 } },
	{ "i386 ptrace", 26, { 16, 1, 0, 0 } },
	{ "i386 socketcall", 102, { 1, ROOM } },
	{ "i386 execve", 11, { TEXT(0), 0, 0 } },
	{ "i386 mmap2", 192, { 0, PAGE, 3, 0x22, 0xffffffff } },
	{ "i386 prctl", 172, { 4, 1 } },
	{ "i386 clone", 120, { 17, 0 } },
};

static u64 gate_argument(void)
{
	const char *s = argument("gate");
	u64 n = 0;

	for (; *s; s++)
		n = n << 4 | (*s <= '9' ? *s - '0' : *s - 'a' + 10);
	return n;
}

static void escape_jump(u32 fn)
{
	asm volatile("pushal; movl %0, %%edx; call *%1; popal" ::
		     "r"(USER_DATA), "a"(fn) : "memory");
}

/* The trap that ended it. */
static u32 escape_run(void (*fn)(void), bool ring1)
{
	struct regs r;

	if (ring1)
		return trap_catch(escape_jump, (u32)fn) ? trapped.vector : 0;
	program_run(&r, fn, 0, USER_DATA);
	return r.vector;
}

/* Refused: -EPERM, -EACCES, -ENOSYS. */
static bool refused(u64 result)
{
	int n = result;

	return result >> 32 == 0xffffffff && (n == -1 || n == -13 ||
					      n == -38);
}

static unsigned number, worked;

static void try(struct room *room, const struct call *c, void (*fn)(void),
		bool ring1, u64 gate)
{
	struct escape *e = (void *)room->data;
	u32 vector;

	if (number++ < argument_number("from", 0))
		return;
	memset(e, 0, PAGE);
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		memcpy(room->data + 1024 + 64 * i, texts[i],
		       strlen(texts[i]));
	e->nr = c->nr;
	memcpy(e->arg, c->arg, sizeof(e->arg));
	e->gate = gate;
	say("TRY %u %s\n", number, c->name);
	vector = escape_run(fn, ring1);
	if (!e->done || refused(e->result))
		return;
	worked++;
	fail("%s gave 0x%x%x (trap %u)", c->name, (u32)(e->result >> 32),
	     (u32)e->result, vector);
	say("WORKED %s: 0x%x%x\n", c->name, (u32)(e->result >> 32),
	    (u32)e->result);
}

/* Each descriptor there might be, asked for a byte without waiting for it. */
static void try_descriptors(struct room *room, bool ring1, u64 gate)
{
	struct call c = { "read of a descriptor", 0, { 0, ROOM, 0 } };

	for (unsigned fd = 0; fd <= 20; fd++) {
		c.arg[0] = fd;
		c.nr = 0;
		c.arg[2] = 1;
		try(room, &c, user_escape, ring1, gate);
		c.nr = 17;	/* pread64 */
		try(room, &c, user_escape, ring1, gate);
	}
}

static void escape(bool ring1, u64 gate)
{
	struct room room;

	number = worked = 0;
	program_begin(&room);
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
		try(&room, &calls[i], user_escape, ring1, gate);
	if (!gate)
		for (unsigned i = 0; i < ARRAY_SIZE(old_calls); i++)
			try(&room, &old_calls[i], user_escape_int80, ring1,
			    0);
	try_descriptors(&room, ring1, gate);
	program_end();
	say("TRIED %u, %u worked\n", number, worked);
}

TEST(hostile, escape_ring3)
{
	escape(false, 0);
}

TEST(hostile, escape_ring1)
{
	escape(true, 0);
}

/*
 * What a Host of this kind lets through anywhere, its own program above all:
 * futex, on a word that is not what it is to be (-EAGAIN).  Else we tested
 * nothing.
 */
static void gate_check(u64 gate)
{
	static const struct call futex = { "futex", 202, { USER_DATA, 0, 1 } };
	struct room room;
	struct escape *e;

	program_begin(&room);
	e = (void *)room.data;
	e->nr = futex.nr;
	memcpy(e->arg, futex.arg, sizeof(e->arg));
	e->gate = gate;
	escape_run(user_escape, false);
	if (!e->done || (int)e->result != -11)
		fail("the gate is none: done %u, 0x%x", e->done,
		     (u32)e->result);
	program_end();
}

TEST(hostile, escape_gate)
{
	u64 gate = gate_argument();

	if (!gate) {
		skip("no gate= given");
		return;
	}
	gate_check(gate);
	escape(false, gate);
}

/* Is there any 64-bit code at all?  Not on real Hosts. */
TEST(hostile, escape_only)
{
	struct escape *e;
	struct room room;

	program_begin(&room);
	e = (void *)room.data;
	for (unsigned ring1 = 0; ring1 < 2; ring1++) {
		u32 vector;

		e->arrived = 0;
		vector = escape_run(user_escape_only, ring1);
		say("ring %u %s there, trap %u error 0x%x\n",
		    ring1 ? 1 : 3, e->arrived ? "got" : "did not get",
		    vector, ring1 ? trapped.error : 0);
	}
	program_end();
	say("SURVIVED\n");
}
