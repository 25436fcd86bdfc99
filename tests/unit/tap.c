/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taps: made, found, taken over, and refused with a line that helps.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "netns.h"

static char said[512];		/* by the last refused() */

/* Runs fn(arg) in a child; true if it left with this status and one line. */
static bool refused(void (*fn)(const char *arg), const char *arg, int status)
{
	int ends[2], got;
	size_t n = 0;
	ssize_t more;
	pid_t child;

	CHECK(!pipe(ends));
	child = fork();
	if (!child) {
		dup2(ends[1], STDERR_FILENO);
		fn(arg);
		_exit(99);
	}
	close(ends[1]);
	while ((more = read(ends[0], said + n, sizeof(said) - 1 - n)) > 0)
		n += (size_t)more;
	said[n] = '\0';
	close(ends[0]);
	waitpid(child, &got, 0);
	fputs(said, stderr);
	return WIFEXITED(got) && WEXITSTATUS(got) == status &&
	       n && strchr(said, '\n') == said + n - 1;
}

static void open_tunnet(const char *arg)
{
	rig_guest(MIB(1));
	rig_device(&device_net, arg);
}

static void open_tunnet_as_nobody(const char *arg)
{
	CHECK(!setgid(65534) && !setuid(65534));
	open_tunnet(arg);
}


static void test_create(void)
{
	struct tap one, two;
	struct ifreq ifr = { 0 };
	struct in_addr address;
	int s;

	if (!alone())
		return;
	tap_create(&one, "tap%d");
	tap_create(&two, "tap%d");
	CHECK(!strcmp(one.name, "tap0"));
	CHECK(!strcmp(two.name, "tap1"));
	CHECK_EQ(one.header, 12);
	CHECK(one.offloads & TUN_F_CSUM);
	CHECK(fcntl(one.fd, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(one.fd, F_GETFD) & FD_CLOEXEC);
	CHECK(!(flags_of("tap0") & IFF_UP));
	tap_bring_up("tap0");
	tap_bring_up("tap0");
	CHECK(flags_of("tap0") & IFF_UP);

	inet_pton(AF_INET, "192.168.77.1", &address);
	tap_set_address("tap0", address);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	strcpy(ifr.ifr_name, "tap0");
	CHECK(!ioctl(s, SIOCGIFADDR, &ifr));
	CHECK(!memcmp(&((struct sockaddr_in *)&ifr.ifr_addr)->sin_addr,
		      &address, 4));
	CHECK(!ioctl(s, SIOCGIFNETMASK, &ifr));
	CHECK_EQ(((struct sockaddr_in *)&ifr.ifr_netmask)->sin_addr.s_addr,
		 htonl(0xffffff00));

	CHECK(tap_set_mtu("tap0", 9000));
	CHECK_EQ(tap_query_mtu("tap0"), 9000);
	CHECK_EQ(tap_query_mtu("nosuch"), 0);
	close(one.fd);
	CHECK(!tap_exists("tap0"));
	CHECK(tap_exists("tap1"));
	CHECK(!tap_exists("tap1tap1tap1tap1"));
}

static void test_state(void)
{
	struct tap t;

	if (!alone())
		return;
	tap_create(&t, "wire%d");
	tap_watch_links(&t);
	CHECK(t.links >= 0);
	CHECK_EQ(tap_query_state(&t), TAP_DOWN);
	CHECK(!shell("ip link set wire0 up"));
	CHECK_EQ(tap_query_state(&t), TAP_UP);
	CHECK(!shell("ip link set wire0 down; ip link set wire0 name other"));
	CHECK_EQ(tap_query_state(&t), TAP_DOWN);
	tap_drain_links(&t);
	CHECK(!shell("ip link delete other"));
	CHECK_EQ(tap_query_state(&t), TAP_GONE);
}

/* A Host of 2.6.25 or 2.6.26, which cannot say what the name is today. */
static void forget_name(void)
{
	static struct sock_filter insns[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0,
		  offsetof(struct seccomp_data, args[1]) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, TUNGETIFF },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EINVAL },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};
	struct sock_fprog prog = { ARRAY_SIZE(insns), insns };

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
}

static void test_state_without_name(void)
{
	struct tap t;

	if (!alone())
		return;
	tap_create(&t, "wire%d");
	tap_watch_links(&t);
	forget_name();
	CHECK_EQ(tap_query_state(&t), TAP_DOWN);
	CHECK(!shell("ip link set wire0 up"));
	CHECK_EQ(tap_query_state(&t), TAP_UP);
}

static void test_refusals(void)
{
	struct tap t;

	if (!alone())
		return;
	CHECK(refused(open_tunnet, "tap:vm7", STATUS_FAILED));
	CHECK(strstr(said, "as root: lguest-tap add vm7 --owner=USER"));
	CHECK(!tap_exists("vm7"));
	CHECK(refused(open_tunnet, "bridge:br7", STATUS_FAILED));
	CHECK(strstr(said, "br7"));
	CHECK(refused(open_tunnet, "tap:lo", STATUS_FAILED));
	CHECK(strstr(said, "lo: TUNSETIFF: not a tap"));
	CHECK(refused(open_tunnet, "bridge:lo", STATUS_FAILED));
	CHECK(strstr(said, "not a bridge"));

	tap_create(&t, "vm8");
	CHECK(refused(open_tunnet, "tap:vm8", STATUS_FAILED));
	CHECK(strstr(said, "in use by another process"));

	if (geteuid())
		return;
	CHECK(refused(open_tunnet_as_nobody, "10.9.8.7", STATUS_FAILED));
	CHECK(strstr(said, "/dev/net/tun: Permission denied") ||
	      strstr(said, "needs CAP_NET_ADMIN"));
	CHECK(!shell("ip tuntap add vm9 mode tap user 1"));
	CHECK(refused(open_tunnet_as_nobody, "tap:vm9", STATUS_FAILED));
	CHECK(strstr(said, "/dev/net/tun: Permission denied") ||
	      strstr(said, "needs CAP_NET_ADMIN"));
}

static void attach_as_owner(const char *name)
{
	struct tap t;

	if (setgid(1) || setuid(1))
		die_errno("setuid");
	tap_attach(&t, name);
	die_usage("it is mine");
}

/* An empty /dev, as in a rescue shell; and a user with a tap of root's. */
static void test_node_and_owner(void)
{
	struct stat st;
	struct tap t;

	if (!alone())
		return;
	if (geteuid() || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/dev", "tmpfs", 0, NULL) < 0) {
		rig_skip("a /dev of our own: %s", strerror(errno));
		return;
	}
	tap_create(&t, "tap%d");
	CHECK(!stat("/dev/net/tun", &st));
	CHECK(S_ISCHR(st.st_mode));
	CHECK_EQ(st.st_rdev, makedev(10, 200));
	CHECK_EQ(st.st_mode & 0777, 0666);
	CHECK(!shell("ip tuntap add vm3 mode tap user 1"));
	CHECK(refused(attach_as_owner, "vm3", STATUS_USAGE));
	CHECK(strstr(said, "it is mine"));
}

static int open_tun(short flags)
{
	struct ifreq ifr = { .ifr_name = "in%d", .ifr_flags = flags };
	int fd = open("/dev/net/tun", O_RDWR);

	if (flags)
		CHECK(!ioctl(fd, TUNSETIFF, &ifr));
	return fd;
}

static void adopt(const char *arg)
{
	struct tap t;

	tap_adopt(&t, atoi(arg));
}

static const char *number(int fd)
{
	static char text[16];

	snprintf(text, sizeof(text), "%d", fd);
	return text;
}

static void test_adopt(void)
{
	struct ifreq ifr = { 0 };
	struct tap t;
	int fd;

	if (!alone())
		return;
	CHECK(!tap_adopt(&t, open("/dev/null", O_RDWR)));
	CHECK(!tap_adopt(&t, socket(AF_UNIX, SOCK_DGRAM, 0)));
	CHECK(refused(adopt, number(open_tun(0)), STATUS_FAILED));
	CHECK(refused(adopt, number(open_tun(IFF_TUN | IFF_NO_PI)),
		      STATUS_FAILED));
	CHECK(strstr(said, "a tun, not a tap"));
	/* Some kernels say IFF_NO_PI of every tap: then nobody can know. */
	fd = open_tun(IFF_TAP);
	if (!ioctl(fd, TUNGETIFF, &ifr) && !(ifr.ifr_flags & IFF_NO_PI)) {
		CHECK(refused(adopt, number(fd), STATUS_FAILED));
		CHECK(strstr(said, "IFF_NO_PI"));
	}

	/* Without headers there is nothing to offload. */
	CHECK(tap_adopt(&t, open_tun(IFF_TAP | IFF_NO_PI)));
	CHECK_EQ(t.header, 0);
	CHECK_EQ(t.offloads, 0);
	fd = open_tun(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	CHECK(tap_adopt(&t, fd));
	CHECK_EQ(t.header, 12);
	CHECK(t.offloads);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);

	/* Seen from elsewhere its name is another's: we know nothing. */
	CHECK(!unshare(CLONE_NEWNET));
	tap_watch_links(&t);
	CHECK_EQ(t.links, -1);
	CHECK_EQ(tap_query_state(&t), TAP_UP);
}

int main(void)
{
	RUN(test_create);
	RUN(test_state);
	RUN(test_state_without_name);
	RUN(test_refusals);
	RUN(test_node_and_owner);
	RUN(test_adopt);
	return rig_done();
}
