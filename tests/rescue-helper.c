/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a shell without /proc and a full /dev cannot do:
 *
 *	helper hold PROGRAM...	becomes PROGRAM, with a VM of KVM's open (see
 *				hold_vm() in initramfs/init.c) and stdin closed
 *	helper leave PORT	ends QEMU with status 1 through isa-debug-exit
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

int main(int argc, char **argv)
{
	int fd, port;

	if (argc == 3 && !strcmp(argv[1], "leave")) {
		port = strtol(argv[2], NULL, 0);
		/* What was printed has to get out first. */
		sleep(1);
		if (!ioperm(port, 1, 1))
			outb(0, port);
		perror("helper: ioperm");
		return 1;
	}
	if (argc < 3)
		return 2;
	fd = open("/dev/kvm", O_RDWR);
	if (fd < 0 || ioctl(fd, KVM_CREATE_VM, 0) < 0)
		perror("helper: /dev/kvm");
	close(0);
	execv(argv[2], argv + 2);
	perror("helper: exec");
	return 1;
}
