/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first process of a guest, and of the rescue host that guests are tried
 * in.  Words among the kernel's arguments say what it is to do:
 *
 *	lguest.test=NAME,...	self-checks (see check.c), then power off
 *	lguest.script=PATH	a shell script, then power off
 *	lguest.host		load the modules that a host of guests needs
 *	lguest.tty=NAME		the script's or the shell's terminal
 *	lguest.size=ROWSxCOLS	and its size
 *	lguest.plain		which nobody sits at: no input, lines end in \n
 *	lguest.exit=PORT	leave by an I/O port (QEMU's isa-debug-exit), so
 *				that the script's status gets out
 *	lguest.ip=ADDRESS/BITS	the address of eth0
 *
 * With neither test nor script there is a shell; when it ends, so do we.  A
 * rescue image needs no word for the modules of a host: its list is another.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "init.h"

#define KEY_POWER	116

static char cmdline[4096];

void say(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	/* In one piece, or the kernel's own messages get in between. */
	if (write(STDOUT_FILENO, line, n) != n)
		errno = 0;
}

/* Words are handed out one at a time; nobody keeps more than a few. */
const char *word(const char *key)
{
	static char values[8][256];
	static unsigned turn;
	char *value = values[turn++ % 8];
	size_t len = strlen(key);
	const char *p = cmdline;

	while ((p = strstr(p, "lguest."))) {
		bool start = p == cmdline || p[-1] == ' ';

		p += strlen("lguest.");
		if (!start || strncmp(p, key, len) || !strchr("= \n", p[len]))
			continue;
		p += len;
		snprintf(value, sizeof(values[0]), "%.*s",
			 (int)strcspn(p, " \n"), p);
		return value[0] == '=' ? value + 1 : value;
	}
	return NULL;
}

static void signals_unblock(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

bool run(const char *const *argv)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		signals_unblock();
		execv("/bin/busybox", (char **)argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && status == 0;
}

void end(enum end how)
{
	sync();
	reboot(how == END_REBOOT ? RB_AUTOBOOT : RB_POWER_OFF);
	/* No way to power off: a panic at least ends it. */
	_exit(1);
}

/* Leaves with a status, where the machine around us takes one. */
static void end_with(int status)
{
	const char *port = word("exit");

	if (port) {
		unsigned p = strtoul(port, NULL, 0);

		sync();
		tcdrain(STDOUT_FILENO);
		/* The device shifts a one in from the right. */
		if (ioperm(p, 1, 1) == 0)
			outb(status > 127 ? 127 : status, p);
	}
	end(END_POWEROFF);
}

static void mount_all(void)
{
	static const char *const table[][2] = {
		{ "devtmpfs", "/dev" }, { "proc", "/proc" },
		{ "sysfs", "/sys" }, { "tmpfs", "/tmp" }, { "tmpfs", "/run" },
		{ "devpts", "/dev/pts" },
	};
	unsigned i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		mkdir(table[i][1], 0755);
		mount(table[i][0], table[i][1], table[i][0], 0, NULL);
	}
}

static void read_cmdline(void)
{
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, cmdline, sizeof(cmdline) - 1);

	cmdline[n < 0 ? 0 : n] = '\0';
	close(fd);
}

static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	/*
	 * kvm-amd on an Intel machine, or the other way round, is
	 * EOPNOTSUPP: both are in the list.
	 */
	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 &&
		       errno != EEXIST && errno != EOPNOTSUPP &&
		       errno != ENODEV && errno != EIO))
		say("init: %s: %s", path, strerror(errno));
	close(fd);
}

/* The list was put in order when the archive was made: nothing to look up. */
static void load_modules(const char *section)
{
	struct utsname u;
	char path[256];
	FILE *f;

	uname(&u);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.%s", u.release,
		 section);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(path, sizeof(path), f)) {
		path[strcspn(path, "\n")] = '\0';
		load_module(path);
	}
	fclose(f);
}

/*
 * Holds a VM of KVM's for as long as we live.  The first one that comes and
 * the last one that goes make the kernel rewrite an instruction of its own
 * scheduler; and now and then QEMU goes on running the breakpoint that stands
 * there in between, on all CPUs and for ever.  Once, at a quiet moment, is
 * better than with each guest.
 */
static void hold_vm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, KVM_CREATE_VM, 0) < 0)
		say("init: /dev/kvm: %s", strerror(errno));
}

static void set_up_network(void)
{
	const char *ip = word("ip");

	RUN("ip", "link", "set", "lo", "up");
	if (ip && (!RUN("ip", "addr", "add", ip, "dev", "eth0") ||
		   !RUN("ip", "link", "set", "eth0", "up")))
		say("init: eth0 cannot be set up");
}

/*
 * Waits for the power button, in a process of its own.  Not <linux/input.h>'s
 * struct: its times are wider than a 32-bit kernel's in a libc like ours.
 */
static void watch_button(void)
{
	struct {
		long seconds, microseconds;
		uint16_t type, code;
		int32_t value;
	} event;
	char path[] = "/dev/input/event0";
	int fd = -1;

	if (fork())
		return;
	signals_unblock();
	/* ACPI gives us one button; QEMU may give us more: take the first. */
	while (fd < 0 && path[sizeof(path) - 2] <= '9') {
		fd = open(path, O_RDONLY);
		path[sizeof(path) - 2]++;
	}
	while (fd >= 0 && read(fd, &event, sizeof(event)) > 0) {
		if (event.type == 1 && event.code == KEY_POWER && event.value) {
			say("init: power button");
			kill(1, SIGUSR2);
		}
	}
	_exit(0);
}

/* Makes tty the terminal of this process and all it starts. */
static void take_tty(const char *tty)
{
	char path[64];
	int fd, i;

	snprintf(path, sizeof(path), "/dev/%s", tty);
	setsid();
	fd = open(path, O_RDWR);
	if (fd < 0)
		return;
	ioctl(fd, TIOCSCTTY, 1);
	for (i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/*
 * What was typed before there was this terminal went to the kernel's console,
 * where nobody reads: type it again, here.
 */
static void retype_early_input(void)
{
	int fd = open("/dev/ttyS0", O_RDONLY | O_NOCTTY | O_NONBLOCK);
	struct termios cooked, raw;
	char c;

	if (fd < 0 || tcgetattr(fd, &cooked) < 0)
		return;
	/* Not only what ends in a newline. */
	raw = cooked;
	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = raw.c_cc[VTIME] = 0;
	tcsetattr(fd, TCSANOW, &raw);
	while (read(fd, &c, 1) == 1)
		ioctl(STDIN_FILENO, TIOCSTI, &c);
	tcsetattr(fd, TCSANOW, &cooked);
	close(fd);
}

static void shape_tty(void)
{
	const char *size = word("size");
	struct winsize w = { 0 };
	struct termios t;

	if (size && sscanf(size, "%hux%hu", &w.ws_row, &w.ws_col) == 2)
		ioctl(STDIN_FILENO, TIOCSWINSZ, &w);
	if (word("plain") && tcgetattr(STDIN_FILENO, &t) == 0) {
		t.c_oflag &= ~OPOST;
		tcsetattr(STDIN_FILENO, TCSANOW, &t);
		close(STDIN_FILENO);
		open("/dev/null", O_RDONLY);
	}
}

static pid_t start_shell(const char *script)
{
	const char *tty = word("tty");
	pid_t pid = fork();

	if (pid)
		return pid;
	signals_unblock();
	if (!tty)
		tty = access("/dev/hvc0", F_OK) == 0 ? "hvc0" : "ttyS0";
	take_tty(tty);
	if (!strcmp(tty, "hvc0"))
		retype_early_input();
	shape_tty();
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "vt100", 0);
	setenv("PS1", "\\w # ", 1);
	if (chdir("/root") < 0)
		errno = 0;
	if (script)
		execl("/bin/busybox", "sh", script, (char *)NULL);
	else
		execl("/bin/busybox", "-sh", (char *)NULL);
	_exit(127);
}

/* Waits for the shell's end, or for `poweroff` and `reboot` to tell us. */
static void serve(pid_t shell, const sigset_t *set)
{
	int status, sig;
	pid_t pid;

	for (;;) {
		sigwait(set, &sig);
		if (sig == SIGTERM)
			end(END_REBOOT);
		if (sig != SIGCHLD)
			end(END_POWEROFF);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != shell)
				continue;
			end_with(WIFEXITED(status) ? WEXITSTATUS(status) :
				 128 + WTERMSIG(status));
		}
	}
}

int main(void)
{
	const char *test;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);	/* busybox reboot */
	sigaddset(&set, SIGUSR1);	/* busybox halt */
	sigaddset(&set, SIGUSR2);	/* busybox poweroff */
	sigprocmask(SIG_BLOCK, &set, NULL);

	mount_all();
	read_cmdline();
	say("init: started");
	load_modules("guest");
	load_modules("rescue");
	if (word("host")) {
		load_modules("host");
		hold_vm();
	}
	/* Shells want ls and the rest by name. */
	if (!RUN("busybox", "--install", "-s", "/bin"))
		say("init: busybox --install failed");
	set_up_network();
	watch_button();

	test = word("test");
	if (test)
		check(test);
	serve(start_shell(word("script")), &set);
}
