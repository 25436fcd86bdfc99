/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making a file so that there is never half of it: under a temporary name,
 * which is gone whatever ends us, and renamed when all of it is durable.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "target.h"

/* What a signal or exit() has to remove. */
static const char *volatile doomed;
static pid_t doomed_by;

static const int deadly[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM,
};

static void remove_doomed(void)
{
	if (doomed && doomed_by == getpid())
		unlink(doomed);
	doomed = NULL;
}

/* SA_RESETHAND is on: the second time the signal does what it always did. */
static void die_of(int signal)
{
	remove_doomed();
	raise(signal);
}

static void remove_when_killed(void)
{
	struct sigaction now, sa = {
		.sa_handler = die_of,
		.sa_flags = SA_RESETHAND,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(deadly); i++)
		/* What nohup(1) ignores stays ignored. */
		if (!sigaction(deadly[i], NULL, &now) &&
		    now.sa_handler != SIG_IGN)
			sigaction(deadly[i], &sa, NULL);
	/* A limit on our files is an error like a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	atexit(remove_doomed);
}

/* The image is what a symbolic link points to, not the link. */
static const char *target_resolve(const char *path)
{
	char *real = realpath(path, NULL);
	struct stat st;

	if (!real && !lstat(path, &st) && S_ISLNK(st.st_mode))
		die("%s: is a symbolic link to nothing", path);
	return real ? real : path;
}

void target_check(struct target *t, const char *path, bool replace)
{
	struct stat st;

	*t = (struct target){ .name = path, .old = -1, .fd = -1,
			      .replace = replace, .begun = now_ns() };
	if (!*path)
		die_usage("FILE is empty; see --help");
	t->path = target_resolve(path);
	if (stat(t->path, &st)) {
		if (errno != ENOENT)
			die_errno("stat %s", path);
		return;
	}
	if (!S_ISREG(st.st_mode))
		die("%s: is there and is not a regular file", path);
	if (!replace)
		die("%s: is there already; --force replaces it", path);
	t->old = xopen(t->path, O_RDWR | O_NONBLOCK, 0);
	/* Until we are done: no Guest may start on what is about to go. */
	disk_lock(t->old, false, path);
	if (fstat(t->old, &t->old_stat))
		die_errno("stat %s", path);
}

void target_create(struct target *t)
{
	const char *slash = strrchr(t->path, '/');
	int dir = slash ? slash - t->path + 1 : 0;
	mode_t mask = umask(0);

	umask(mask);
	t->temp = xzalloc(strlen(t->path) + 32);
	/* The name may be as long as names get; we need a few more bytes. */
	sprintf(t->temp, "%.*s.%.200s.XXXXXX", dir, t->path, t->path + dir);
	remove_when_killed();
	doomed_by = getpid();
	t->fd = mkostemp(t->temp, O_CLOEXEC);
	if (t->fd < 0)
		die_errno("create %s", t->name);
	doomed = t->temp;
	if (fchmod(t->fd, t->old < 0 ? 0666 & ~mask :
			  t->old_stat.st_mode & 07777))
		die_errno("chmod %s", t->name);
	/* Root may have changed somebody else's image. */
	if (t->old >= 0 && fchown(t->fd, t->old_stat.st_uid,
				  t->old_stat.st_gid) && !geteuid())
		die_errno("chown %s", t->name);
}

void target_write(struct target *t, const void *buf, size_t n, uint64_t off)
{
	while (n) {
		ssize_t done = pwrite(t->fd, buf, n, off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			die_errno("write %s", t->name);
		buf = (const char *)buf + done;
		off += done;
		n -= done;
	}
}

void target_resize(struct target *t, uint64_t size)
{
	if (size > INT64_MAX) {
		errno = EFBIG;
		die_errno("resize %s", t->name);
	}
	if (ftruncate(t->fd, size))
		die_errno("resize %s", t->name);
}

void target_progress(struct target *t, uint64_t n)
{
	static uint64_t last;
	uint64_t now;

	t->done += n;
	now = now_ns();
	if (now - t->begun < 1000000000 || now - last < 200000000 ||
	    !t->due || !isatty(STDERR_FILENO))
		return;
	last = now;
	fprintf(stderr, "\r%s: %3u%%", t->name,
		(unsigned)(t->done * 100 / (t->due + 1)));
}

/* Renames, but never over something that we did not look at. */
static void target_name(struct target *t)
{
	struct stat st;
	bool there = !lstat(t->path, &st);

	if (there && t->old < 0)
		die("%s: was made by somebody else meanwhile", t->name);
	if (there && (st.st_ino != t->old_stat.st_ino ||
		      st.st_dev != t->old_stat.st_dev))
		die("%s: was replaced by somebody else meanwhile", t->name);
	/* link(2) sees to it that nothing is there. */
	if (t->old < 0 && !link(t->temp, t->path))
		return;
	if (t->old < 0 && errno == EEXIST)
		die("%s: was made by somebody else meanwhile", t->name);
	if (rename(t->temp, t->path))
		die_errno("rename %s", t->name);
	doomed = NULL;
}

/* The name, too, is to survive a power cut. */
static void sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash - path + 1) : strdup(".");
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	/* Not every file system can, and the file is there anyhow. */
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(dir);
}

void target_commit(struct target *t)
{
	if (fsync(t->fd) || close(t->fd))
		die_errno("write %s", t->name);
	target_name(t);
	remove_doomed();
	sync_directory(t->path);
	if (t->due && isatty(STDERR_FILENO) &&
	    now_ns() - t->begun >= 1000000000)
		fprintf(stderr, "\r%s: 100%%\n", t->name);
}

void batch_start(struct batch *b, struct target *t)
{
	*b = (struct batch){ .target = t, .buf = xzalloc(BATCH_MAX) };
}

void batch_flush(struct batch *b)
{
	target_write(b->target, b->buf, b->len, b->off);
	b->off += b->len;
	b->len = 0;
}

void batch_write(struct batch *b, const void *buf, size_t n, uint64_t off)
{
	/* Bytes that went out already. */
	if (off < b->off) {
		target_write(b->target, buf, n, off);
		return;
	}
	if (off - b->off > b->len || off - b->off + n > BATCH_MAX) {
		batch_flush(b);
		b->off = off;
	}
	memcpy(b->buf + (off - b->off), buf, n);
	if (off - b->off + n > b->len)
		b->len = off - b->off + n;
}
