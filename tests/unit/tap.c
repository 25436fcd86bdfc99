/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taps, in a network namespace of our own that ends with each test; and the
 * network card on them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../applets/core/device/net.h"
#include "rig.h"

#define ETHERTYPE	0x88b5	/* for experiments: nobody else's here */
#define HEADER		12
#define BUFFER		1526

extern const struct device_type device_net;

static char said[512];		/* by the last refused() */

/* False, and the test is skipped, where we may not or cannot. */
static bool alone(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		rig_skip("unshare network: %s", strerror(errno));
		return false;
	}
	if (access("/dev/net/tun", R_OK | W_OK) < 0) {
		rig_skip("/dev/net/tun: %s", strerror(errno));
		return false;
	}
	return true;
}

static int shell(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

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

static unsigned flags_of(const char *name)
{
	struct ifreq ifr = { 0 };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	strcpy(ifr.ifr_name, name);
	CHECK(!ioctl(s, SIOCGIFFLAGS, &ifr));
	close(s);
	return (unsigned short)ifr.ifr_flags;
}

/* ------------------------------------------------------------------ */

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

static void test_refusals(void)
{
	struct tap t;

	if (!alone())
		return;
	CHECK(refused(open_tunnet, "tap:vm7", STATUS_FAILED));
	CHECK(strstr(said, "ip tuntap add vm7 mode tap user USER && "
			   "ip link set vm7 up"));
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

/* ------------------------------------------------------------------ */

static struct device *d;
static struct virtqueue *rx, *tx;
static gpa_t at[QUEUE_SIZE_MAX];

static void plug_in(const char *arg, uint64_t features)
{
	rig_guest(MIB(16));
	d = rig_device(&device_net, arg);
	rx = &d->queues[RX];
	tx = &d->queues[TX];
	rig_start(d, features & ~BIT(29), 256);
}

static void add_buffers(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rig_buffer b = { rig_alloc(BUFFER), BUFFER, true };

		at[rig_add(rx, &b, 1)] = b.gpa;
	}
	rig_kick(rx);
}

static void guest_sends(const struct virtio_net_hdr_v1 *h,
			const void *frame, uint32_t len)
{
	struct rig_buffer b = { rig_alloc(HEADER + len), HEADER + len, false };

	memcpy(rig_at(b.gpa), h, HEADER);
	memcpy((uint8_t *)rig_at(b.gpa) + HEADER, frame, len);
	rig_add(tx, &b, 1);
	rig_kick(tx);
}

/* The Host's side of the interface. */
static int host_socket(const char *name)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETHERTYPE) };
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETHERTYPE));

	ll.sll_ifindex = (int)if_nametoindex(name);
	CHECK(s >= 0 && !bind(s, (struct sockaddr *)&ll, sizeof(ll)));
	return s;
}

static void make_frame(uint8_t *frame, size_t len, uint8_t seed)
{
	memset(frame, seed, len);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\2\0\0\0\0\1", 6);
	frame[12] = ETHERTYPE >> 8;
	frame[13] = ETHERTYPE & 0xff;
}

/* Our frame among what an interface says of its own accord. */
static bool guest_got(const uint8_t *frame, size_t len)
{
	uint16_t head;
	uint32_t got;

	while (rig_used(rx, &head, &got))
		if (got == HEADER + len &&
		    !memcmp((uint8_t *)rig_at(at[head]) + HEADER, frame, len))
			return true;
	return false;
}

static bool turns_until(bool (*what)(void))
{
	for (unsigned i = 0; i < 2000; i++) {
		if (what())
			return true;
		loop_turn(d->g, 1);
	}
	return false;
}

static bool link_is_down(void)
{
	return !virtio_config_read(d, 6, 2);
}

static bool link_is_up(void)
{
	return !link_is_down();
}

/* A frame each way, and a Host that speaks of a link that comes and goes. */
static void test_frames_and_link(void)
{
	struct virtio_net_hdr_v1 plain = { 0 };
	uint8_t frame[300], got[400];
	int host;

	if (!alone())
		return;
	plug_in("192.168.77.1", ~UINT64_C(0));
	CHECK(flags_of("tap0") & IFF_UP);
	CHECK_EQ(virtio_config_read(d, 6, 2), 1);
	CHECK_EQ(virtio_config_read(d, 10, 2), 1500);
	CHECK(d->features & BIT(VIRTIO_NET_F_MTU));
	CHECK(d->features & BIT(VIRTIO_NET_F_GUEST_TSO4));
	CHECK(d->features & BIT(VIRTIO_NET_F_HOST_TSO6));
	CHECK(!(d->features & BIT(VIRTIO_NET_F_MAC)));

	host = host_socket("tap0");
	make_frame(frame, sizeof(frame), 5);
	guest_sends(&plain, frame, sizeof(frame));
	CHECK_EQ(recv(host, got, sizeof(got), 0), sizeof(frame));
	CHECK(!memcmp(frame, got, sizeof(frame)));

	add_buffers(100);
	make_frame(frame, sizeof(frame), 6);
	CHECK_EQ(send(host, frame, sizeof(frame), 0), sizeof(frame));
	rig_turn();
	CHECK(guest_got(frame, sizeof(frame)));

	rig_interrupts(d, NULL);
	CHECK(!shell("ip link set tap0 down"));
	CHECK(turns_until(link_is_down));
	CHECK_EQ(rig_interrupts(d, NULL), 1);
	/* EIO is no reason to stop. */
	guest_sends(&plain, frame, sizeof(frame));
	CHECK(!shell("ip link set tap0 up"));
	CHECK(turns_until(link_is_up));
	guest_sends(&plain, frame, sizeof(frame));
	CHECK_EQ(rig_warnings(), 0);

	CHECK(!shell("ip link delete tap0"));
	CHECK(turns_until(link_is_down));
	guest_sends(&plain, frame, sizeof(frame));
	rig_kick(rx);
	for (unsigned i = 0; i < 10; i++)
		rig_turn();
	CHECK_EQ(rig_warnings(), 1);
	CHECK_EQ(((struct net *)d->state)->watch.fd, -1);
}

/* The same with nobody to tell us: the tap's own errors must do. */
static void test_deleted_unseen(void)
{
	struct net *n;

	if (!alone())
		return;
	plug_in("192.168.77.1", ~UINT64_C(0));
	n = d->state;
	n->links.fd = -1;
	add_buffers(100);
	CHECK(!shell("ip link delete tap0"));
	CHECK(turns_until(link_is_down));
	CHECK_EQ(n->watch.fd, -1);
	CHECK_EQ(rig_warnings(), 1);
}

/* And with no buffers to receive in, the first frame sent tells. */
static void test_deleted_while_sending(void)
{
	struct virtio_net_hdr_v1 plain = { 0 };
	uint8_t frame[60];
	struct net *n;

	if (!alone())
		return;
	plug_in("192.168.77.1", ~UINT64_C(0));
	n = d->state;
	n->links.fd = -1;
	CHECK(!shell("ip link delete tap0"));
	make_frame(frame, sizeof(frame), 1);
	guest_sends(&plain, frame, sizeof(frame));
	CHECK(link_is_down());
	CHECK_EQ(n->watch.fd, -1);
	CHECK_EQ(rig_warnings(), 1);
}

static void put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* Ethernet, IPv4 and TCP, and `payload` bytes that nobody asked for. */
static size_t make_tcp(uint8_t *frame, size_t payload)
{
	uint8_t *ip = frame + 14, *tcp = ip + 20;

	memset(frame, 0, 54 + payload);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\2\0\0\0\0\1", 6);
	put16(frame + 12, ETH_P_IP);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned)(40 + payload));
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, "\xc0\xa8\x4d\x02\xc0\xa8\x4d\x01", 8);
	tcp[12] = 0x50;
	return 54 + payload;
}

/* We, not the Host, are the ones to drop it. */
static void guest_may_not_send(const struct virtio_net_hdr_v1 *h,
			       const void *frame, uint32_t len)
{
	d->told = 0;
	guest_sends(h, frame, len);
	CHECK_EQ(rig_warnings(), 1);
}

/* A large segment passes whole if it was agreed on, and else not at all. */
static void test_segmentation_offload(void)
{
	struct virtio_net_hdr_v1 h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 54, .gso_size = 1460,
		.csum_start = 34, .csum_offset = 16,
	}, bad;
	static uint8_t frame[8000], got[9000];
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IP) };
	size_t len;
	int host;

	if (!alone())
		return;
	plug_in("192.168.77.1", ~UINT64_C(0));
	ll.sll_ifindex = (int)if_nametoindex("tap0");
	host = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_IP));
	CHECK(!bind(host, (struct sockaddr *)&ll, sizeof(ll)));
	len = make_tcp(frame, 4000);
	guest_sends(&h, frame, (uint32_t)len);
	CHECK_EQ(recv(host, got, sizeof(got), 0), len);
	CHECK_EQ(rig_warnings(), 0);

	bad = h;
	bad.gso_size = 0;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad = h;
	bad.csum_start = (uint16_t)len - 17;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad.csum_start = bad.csum_offset = 0xffff;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad = h;
	bad.hdr_len = 5000;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad = h;
	bad.flags = 0;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad = h;
	bad.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	bad.gso_type = VIRTIO_NET_HDR_GSO_ECN;
	guest_may_not_send(&bad, frame, (uint32_t)len);
	rig_start(d, 0, 256);
	guest_may_not_send(&h, frame, (uint32_t)len);
	CHECK(recv(host, got, sizeof(got), 0) < 0);
	CHECK(!d->broken);
}

static void host_sends_segment(int host, size_t payload)
{
	struct virtio_net_hdr_v1 h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 54, .gso_size = 1460,
		.csum_start = 34, .csum_offset = 16,
	};
	static uint8_t out[10 + 9000];

	memcpy(out, &h, 10);
	payload = make_tcp(out + 10, payload);
	CHECK_EQ(send(host, out, 10 + payload, 0), 10 + payload);
}

/* Longest frame the Guest finds; *gso is its header's gso_type. */
static size_t longest(uint8_t *gso)
{
	uint16_t head;
	uint32_t len;
	size_t best = 0;

	while (rig_used(rx, &head, &len)) {
		struct virtio_net_hdr_v1 *h = rig_at(at[head]);
		size_t total = len;
		uint8_t type = h->gso_type;

		for (unsigned i = 1; i < h->num_buffers; i++) {
			CHECK(rig_used(rx, &head, &len));
			total += len;
		}
		if (total > best) {
			best = total;
			*gso = type;
		}
	}
	return best ? best - HEADER : 0;
}

/* What the driver can take whole comes whole; else the Host cuts it. */
static void test_receive_offload(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET };
	int host, one = 1;
	uint8_t gso = 0;

	if (!alone())
		return;
	plug_in("192.168.77.1", ~UINT64_C(0));
	ll.sll_ifindex = (int)if_nametoindex("tap0");
	host = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
	CHECK(!setsockopt(host, SOL_PACKET, PACKET_VNET_HDR, &one,
			  sizeof(one)));
	CHECK(!bind(host, (struct sockaddr *)&ll, sizeof(ll)));
	add_buffers(100);
	host_sends_segment(host, 4380);
	rig_turn();
	CHECK_EQ(longest(&gso), 54 + 4380);
	CHECK_EQ(gso, VIRTIO_NET_HDR_GSO_TCPV4);

	/* One waits in the tap while a lesser driver comes. */
	rig_start(d, 0, 256);
	rig_start(d, ~BIT(29), 256);
	host_sends_segment(host, 4380);
	rig_start(d, BIT(VIRTIO_NET_F_MRG_RXBUF), 256);
	add_buffers(100);
	rig_turn();
	CHECK(longest(&gso) < 1000);
	host_sends_segment(host, 4380);
	rig_turn();
	CHECK_EQ(longest(&gso), 54 + 1460);
	CHECK_EQ(gso, 0);
}

static void test_bridge(void)
{
	if (!alone())
		return;
	if (shell("ip link add br0 type bridge && ip link set br0 mtu 4000 &&"
		  "ip link set br0 up")) {
		rig_skip("this Host makes no bridges");
		return;
	}
	plug_in("bridge:br0:02:00:00:00:00:07", ~UINT64_C(0));
	CHECK(!shell("ip -o link show tap0 | grep -q 'master br0'"));
	CHECK(flags_of("tap0") & IFF_UP);
	CHECK_EQ(virtio_config_read(d, 10, 2), 4000);
	CHECK_EQ(virtio_config_read(d, 4, 2), 0x0700);
	CHECK(!shell("ip link delete br0"));
	rig_turn();
	CHECK_EQ(virtio_config_read(d, 6, 2), 1);
}

/* One that root prepared; it is down at first, and somebody sees to it. */
static void test_prepared(void)
{
	if (!alone())
		return;
	CHECK(!shell("ip tuntap add vm0 mode tap"));
	plug_in("tap:vm0", ~UINT64_C(0));
	CHECK_EQ(rig_warnings(), 1);
	CHECK(link_is_down());
	CHECK(!shell("ip link set vm0 up"));
	CHECK(turns_until(link_is_up));

	CHECK(!shell("ip tuntap add vm1 mode tap multi_queue; "
		     "ip link set vm1 up"));
	plug_in("tap:vm1", ~UINT64_C(0));
	CHECK(link_is_up());
}

int main(void)
{
	RUN(test_create);
	RUN(test_state);
	RUN(test_refusals);
	RUN(test_node_and_owner);
	RUN(test_adopt);
	RUN(test_frames_and_link);
	RUN(test_deleted_unseen);
	RUN(test_deleted_while_sending);
	RUN(test_segmentation_offload);
	RUN(test_receive_offload);
	RUN(test_bridge);
	RUN(test_prepared);
	return rig_done();
}
