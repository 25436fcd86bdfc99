/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --console=unix:PATH: a socket where one user at a time can sit down at the
 * Guest's console.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "terminal.h"

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static struct stat made;	/* the socket that we made, to remove it */
static int client = -1;

/* The next one waits in the backlog until the one before has left. */
static short socket_want(void *owner)
{
	(void)owner;
	return client < 0 || input_hung_up() ? POLLIN : 0;
}

static void socket_ready(void *owner, short revents);

static struct watch socket_watch = {
	.fd = -1,
	.want = socket_want,
	.ready = socket_ready,
};

/* Output may notice this first, or input, or the one who comes next. */
static void client_left(void)
{
	int fd = client;

	if (fd < 0)
		return;
	client = -1;
	/* Both let go of the descriptor before its number is free again. */
	input_from(-1, SOURCE_NONE, NULL);
	output_to(-1, SINK_NONE, NULL, NULL);
	close(fd);
}

/*
 * If one is still there, it hung up long ago, and left bytes that the Guest
 * would not read: they are lost.
 */
static void socket_ready(void *owner, short revents)
{
	int fd = accept4(socket_watch.fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)owner;
	(void)revents;
	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		/* It would be ready again at once, for ever. */
		warn_errno("accept %s", address.sun_path);
		socket_watch.fd = -1;
		return;
	}
	client_left();
	client = fd;
	input_from(fd, SOURCE_SOCKET, client_left);
	output_to(fd, SINK_SOCKET, address.sun_path, client_left);
}

/* A socket that nobody listens on was left behind by a Launcher that died. */
static bool is_stale(void)
{
	struct stat st;
	bool stale;
	int fd;

	if (lstat(address.sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	stale = connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

bool socket_path_fits(const char *path)
{
	return *path && strlen(path) < sizeof(address.sun_path);
}

/* The path fits. */
void socket_open(const char *path)
{
	int fd;

	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die_errno("socket %s", path);
	if (is_stale())
		unlink(path);
	/* Whatever else has that name makes this fail, and stays. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die_errno("bind %s", path);
	if (lstat(path, &made))
		memset(&made, 0, sizeof(made));
	if (listen(fd, 4))
		die_errno("listen %s", path);
	socket_watch.fd = fd;
	watch_add(&socket_watch);
}

/* By now we may be in a chroot, where this path is somebody else's file. */
void socket_close(void)
{
	struct stat st;

	if (socket_watch.fd < 0)
		return;
	client_left();
	close(socket_watch.fd);
	socket_watch.fd = -1;
	if (!lstat(address.sun_path, &st) && S_ISSOCK(st.st_mode) &&
	    st.st_ino == made.st_ino && st.st_dev == made.st_dev)
		unlink(address.sun_path);
}
