/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network namespace of the test's own, which ends with the test's process.
 */
#ifndef NETNS_H
#define NETNS_H

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../applets/core/device/net.h"
#include "rig.h"

extern const struct device_type device_net;

/* False, and the test is skipped, where we may not or cannot. */
static inline bool alone(void)
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

static inline int shell(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline unsigned flags_of(const char *name)
{
	struct ifreq ifr = { 0 };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	strcpy(ifr.ifr_name, name);
	CHECK(!ioctl(s, SIOCGIFFLAGS, &ifr));
	close(s);
	return (unsigned short)ifr.ifr_flags;
}

#endif
