/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The filter of the Launcher's system calls: opening files, and reading and
 * writing those of some numbers, is notified to us; those that its Host would
 * not have do not exist.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "i386.h"
#include "standin.h"

#define DATA(field)	(offsetof(struct seccomp_data, field))
#define LOAD(field)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA(field))
#define IF(op, k, yes, no) BPF_JUMP(BPF_JMP | BPF_##op | BPF_K, k, yes, no)
#define GIVE(what)	BPF_STMT(BPF_RET | BPF_K, what)
#define NO(e)		(SECCOMP_RET_ERRNO | (e))

int filter_install(const struct era *era)
{
	struct sock_filter code[] = {
		LOAD(arch),
		IF(JEQ, AUDIT_ARCH_I386, 1, 0),
		GIVE(SECCOMP_RET_ALLOW),	/* we, before execve() */
		LOAD(nr),
		IF(JEQ, I386_OPEN, 0, 1),
		GIVE(SECCOMP_RET_USER_NOTIF),
		IF(JEQ, I386_OPENAT, 0, 1),
		GIVE(SECCOMP_RET_USER_NOTIF),
		IF(JGT, era->last_syscall, 0, 1),
		GIVE(NO(ENOSYS)),
		IF(JEQ, I386_FCNTL64, 0, 4),
		LOAD(args[1]),
		IF(JGE, 36, 0, 1),	/* F_OFD_GETLK and on, to 38 */
		IF(JGT, 38, 0, era->ofd_locks ? 0 : 10),
		GIVE(SECCOMP_RET_ALLOW),
		IF(JEQ, I386_FALLOCATE, 0, 3),
		LOAD(args[1]),
		IF(JEQ, 0, 0, era->punch ? 0 : 7),
		GIVE(SECCOMP_RET_ALLOW),
		IF(JEQ, I386_READ, 1, 0),
		IF(JEQ, I386_WRITE, 0, 2),
		LOAD(args[0]),
		IF(JGE, FIRST_FD, 3, 0),
		GIVE(SECCOMP_RET_ALLOW),
		GIVE(NO(EINVAL)),
		GIVE(NO(EOPNOTSUPP)),
		IF(JGE, FIRST_FD + FILES, 0, 1),
		GIVE(SECCOMP_RET_ALLOW),
		GIVE(SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		       SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
}

const char *filter_cannot(void)
{
	static const struct era any = { .last_syscall = 1000 };
	static char why[128];
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(filter_install(&any) < 0 ? errno : 0);
	waitpid(pid, &status, 0);
	if (!status)
		return NULL;
	snprintf(why, sizeof(why), "no system calls are notified here: %s",
		 strerror(WEXITSTATUS(status)));
	return why;
}
