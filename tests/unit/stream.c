/* SPDX-License-Identifier: GPL-2.0-only */
/* Our standard output beside a file's content, and texts in memory. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rig.h"
#include "stream.h"

static char seen[8192];
static int kept = -1;		/* where a test's result goes */

static void redirect_to(int fd)
{
	kept = dup(STDOUT_FILENO);
	CHECK_EQ(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
}

static void restore(void)
{
	dup2(kept, STDOUT_FILENO);
}

/* What was written to fd so far, from its start. */
static bool wrote(int fd, const char *want)
{
	ssize_t n = pread(fd, seen, sizeof(seen) - 1, 0);

	if (n < 0)
		return false;
	seen[n] = '\0';
	return !strcmp(seen, want);
}

/* Standard output is a new file. */
static int redirect(void)
{
	int fd = memfd_create("out", MFD_CLOEXEC);

	CHECK(fd >= 0);
	redirect_to(fd);
	return fd;
}

static void buffered(void)
{
	int fd = redirect();

	CHECK_EQ(stream_printf("%s %d\n", "one", 2), 6);
	CHECK_EQ(stream_putchar('x'), 'x');
	CHECK(stream_puts("three") >= 0);
	CHECK(stream_fputs("four", stream_stdout) >= 0);
	CHECK_EQ(stream_fwrite("five", 2, 2, stream_stdout), 2);
	/* No terminal: it waits for more. */
	CHECK(wrote(fd, ""));
	CHECK_EQ(stream_fflush(stream_stdout), 0);
	CHECK(wrote(fd, "one 2\nxthree\nfourfive"));
	stream_putchar('!');
	stream_exit();
	CHECK(wrote(fd, "one 2\nxthree\nfourfive!"));
	CHECK(!stream_ferror(stream_stdout));
	restore();
}

static void in_order(void)
{
	static char want[8192], line[3000];
	int fd = redirect();
	size_t n = 0;

	for (unsigned len = 0; len < 3000 && n + len < 8000; len += 1 + len) {
		memset(line, 'a' + len % 26, len);
		line[len] = '\0';
		CHECK_EQ(stream_printf("%s", line), len);
		memcpy(want + n, line, len);
		n += len;
	}
	stream_fflush(stream_stdout);
	CHECK(wrote(fd, want));
	restore();
}

static void terminal(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY), tty;
	ssize_t n;

	if (fd < 0 || grantpt(fd) || unlockpt(fd)) {
		rig_skip("no pseudo terminals");
		return;
	}
	tty = open(ptsname(fd), O_RDWR | O_NOCTTY);
	CHECK(tty >= 0);
	redirect_to(tty);
	stream_printf("a line");
	stream_printf(" of two\n");
	n = read(fd, seen, sizeof(seen));
	CHECK_EQ(n, 15);
	CHECK(!memcmp(seen, "a line of two\r\n", 15));
	restore();
}

static void errors_at_once(void)
{
	int fd = memfd_create("err", MFD_CLOEXEC);

	dup2(fd, STDERR_FILENO);
	CHECK_EQ(stream_fprintf(stream_stderr, "%d", 12), 2);
	CHECK(wrote(fd, "12"));
	CHECK_EQ(stream_fputc('\n', stream_stderr), '\n');
	CHECK(wrote(fd, "12\n"));
}

/* A stream that takes nothing more says so, and goes on saying it. */
static void failures(void)
{
	int fd = open("/dev/full", O_WRONLY);

	if (fd < 0) {
		rig_skip("no /dev/full");
		return;
	}
	redirect_to(fd);
	CHECK_EQ(stream_printf("text"), 4);
	CHECK_EQ(stream_fflush(stream_stdout), EOF);
	CHECK(stream_ferror(stream_stdout));
	CHECK_EQ(stream_printf("text"), -1);
	CHECK_EQ(stream_fwrite("text", 1, 4, stream_stdout), 0);
	restore();
}

static void texts(void)
{
	char to[8];

	memset(to, 'x', sizeof(to));
	CHECK_EQ(stream_snprintf(to, 5, "%d", 123456), 6);
	CHECK(!memcmp(to, "1234\0xxx", 8));
	CHECK_EQ(stream_snprintf(to, sizeof(to), "%d", 1234567), 7);
	CHECK(!strcmp(to, "1234567"));
	CHECK_EQ(stream_snprintf(to, 1, "%s", "abc"), 3);
	CHECK(!*to);
	CHECK_EQ(stream_snprintf(NULL, 0, "%s", "abc"), 3);
	CHECK_EQ(stream_sprintf(to, "%.3s", "abcdef"), 3);
	CHECK(!strcmp(to, "abc"));
}

int main(void)
{
	RUN(buffered);
	RUN(in_order);
	RUN(terminal);
	RUN(errors_at_once);
	RUN(failures);
	RUN(texts);
	return rig_done();
}
