/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Giving up what the Launcher no longer needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accounts.h"
#include "privileges.h"

/*
 * There is one thread yet: the C library's ways to have all of them change who
 * they are would be 1 KiB.  Some architectures had 16 bits at first.
 */
#ifdef SYS_setresuid32
#define SETGROUPS	SYS_setgroups32
#define SETRESGID	SYS_setresgid32
#define SETRESUID	SYS_setresuid32
#else
#define SETGROUPS	SYS_setgroups
#define SETRESGID	SYS_setresgid
#define SETRESUID	SYS_setresuid
#endif

/* As setrlimit(2) was from the beginning where it has 64 bits. */
int privileges_limit(int resource, const struct rlimit *limit)
{
	return syscall(SYS_setrlimit, resource, limit);
}

/* Kept open, for we may be in a chroot by the time it has to go. */
static struct {
	const char *path;
	int fd;
	pid_t owner;
	bool elsewhere;		/* path leads to it no more */
} pidfile = { .fd = -1 };

/* "1000" or "1000:1000": an initramfs has no /etc/passwd. */
static bool parse_ids(struct privileges *p, const char *text)
{
	char copy[32], *rest = copy, *uid_text, *gid_text;
	uint64_t uid, gid;

	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	uid_text = next_item(&rest, ':');
	gid_text = rest ? rest : uid_text;
	/* The highest number means "no change" to setresuid(2). */
	if (!parse_number(uid_text, 0, UINT32_MAX - 1, &uid) ||
	    !parse_number(gid_text, 0, UINT32_MAX - 1, &gid))
		return false;
	p->uid = uid;
	p->gid = gid;
	return true;
}

void privileges_look_up(struct privileges *p, const char *username,
			const char *chroot)
{
	struct account a;
	struct stat st;

	*p = (struct privileges){ .username = username, .chroot = chroot };
	if (username && !parse_ids(p, username)) {
		if (!accounts_find(&a, ACCOUNTS_USERS, username, 0) ||
		    a.gid == ACCOUNTS_NOBODY)
			die("--username=%s: no such user", username);
		p->uid = a.id;
		p->gid = a.gid;
	}
	if (!chroot)
		return;
	if (stat(chroot, &st))
		die_errno("--chroot=%s", chroot);
	if (!S_ISDIR(st.st_mode))
		die("--chroot=%s: not a directory", chroot);
}

void privileges_drop(const struct privileges *p)
{
	if (p->chroot && (chroot(p->chroot) || chdir("/")))
		die_errno("--chroot=%s: chroot", p->chroot);
	pidfile.elsewhere = p->chroot;
	if (!p->username)
		return;
	/* Supplementary groups first: later we may not. */
	if (syscall(SETGROUPS, 1, &p->gid) && errno != EPERM)
		die_errno("--username=%s: setgroups", p->username);
	if (syscall(SETRESGID, p->gid, p->gid, p->gid))
		die_errno("--username=%s: setresgid", p->username);
	if (syscall(SETRESUID, p->uid, p->uid, p->uid))
		die_errno("--username=%s: setresuid", p->username);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && errno != EINVAL)
		die_errno("--username=%s: no_new_privs", p->username);
}

void pidfile_write(const char *path)
{
	char text[24];
	int n;

	if (!path)
		return;
	pidfile.path = path;
	pidfile.fd = xopen(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	pidfile.owner = getpid();
	/* Also if we die before the Guest runs. */
	atexit(pidfile_remove);
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (!write_all(pidfile.fd, text, n))
		die_errno("write %s", path);
}

/*
 * Who may no longer remove it can still say that nobody is there.  In a chroot
 * the name is not ours; a descriptor of the directory would help, but also
 * whoever wants to get out.
 */
void pidfile_remove(void)
{
	if (pidfile.fd < 0 || pidfile.owner != getpid())
		return;
	if ((pidfile.elsewhere || unlink(pidfile.path)) &&
	    ftruncate(pidfile.fd, 0))
		warn_errno("remove %s", pidfile.path);
	close(pidfile.fd);
	pidfile.fd = -1;
}
