# SPDX-License-Identifier: GPL-2.0-only
# Part of surroundings.guest: who starts the Launcher, and where.

# field NAME: what the Launcher's /proc/PID/status says, for all its threads
field() {
	for task in /proc/$pid/task/*; do
		sed -n "s/^$1:[ 	]*//p" $task/status
	done | tr '\t' ' ' | sed 's/ *$//' | sort -u
}

test_username() {
	start lguest --timeout=$patience --username=1000:1001 --pidfile=$dir/pid \
		--chroot=/proc/self/fdinfo 16 /tiny do=ps
	within $patience has_printed
	check username-uid "$(field Uid)" [ "$(field Uid)" = "1000 1000 1000 1000" ]
	check username-gid "$(field Gid)" [ "$(field Gid)" = "1001 1001 1001 1001" ]
	check username-groups "$(field Groups)" [ "$(field Groups)" = 1001 ]
	check username-nnp "$(field NoNewPrivs)" [ "$(field NoNewPrivs)" = 1 ]
	for set in CapInh CapPrm CapEff; do
		check username-$set "$(field $set)" \
			[ "$(field $set)" = 0000000000000000 ]
	done
	check chroot-root "$(readlink /proc/$pid/root)" \
		[ "$(readlink /proc/$pid/root)" != / ]
	check chroot-cwd "$(readlink /proc/$pid/cwd)" \
		[ "$(readlink /proc/$pid/cwd)" = "$(readlink /proc/$pid/root)" ]
	check pidfile-chroot "$(cat pid)" [ "$(cat pid)" = $pid ]
	kill -TERM $pid
	finish
	judge username 4 $hello 'lguest: stopped by SIGTERM'
	# It may not be able to remove the file by then, but to empty it.
	check pidfile-chroot-end "$(cat pid)" [ ! -s pid ]
	rm -f pid
}

test_pidfile() {
	start lguest --timeout=$patience --pidfile=pid 16 /tiny do=ps
	within $patience has_printed
	check pidfile "'$(cat pid)', not $pid" [ "$(cat pid)" = $pid ]
	kill -TERM $pid
	finish
	check pidfile-removed "it is still there" [ ! -e pid ]
	ends pidfile-refused 1 '' \
		'lguest: open /nonexistent/pid: No such file or directory' \
		lguest --pidfile=/nonexistent/pid 16 /tiny do=po
	ends pidfile-not-yet 1 '' 'lguest: /lib.sh: not a Linux kernel *' \
		lguest --pidfile=pid 16 /lib.sh
	check pidfile-not-made "it is there" [ ! -e pid ]
	ends chroot-poweroff 0 $hello '' lguest --chroot=/proc \
		--pidfile=$dir/pid 16 /tiny do=po
	check pidfile-outside "it still has a number" [ ! -s pid ]
}

# Nothing there but the Launcher, a kernel and a disk.
test_bare() {
	bare=$dir/bare
	mkdir -p $bare/dev
	cp /bin/lguest /tiny disk $bare
	ends bare 0 $hello '' chroot $bare /lguest --block=/disk,snapshot \
		--tunnet=10.9.0.1 --rng 16 /tiny do=po
	check bare-kvm "it was not made" [ -c $bare/dev/kvm ]
	check bare-tun "it was not made" [ -c $bare/dev/net/tun ]
	ends bare-username 0 $hello '' chroot $bare /lguest \
		--username=1000:1000 --chroot=/dev 16 /tiny do=po
	ends bare-no-user 1 '' 'lguest: --username=root: no such user' \
		chroot $bare /lguest --username=root 16 /tiny do=po
	chroot $bare /lguest 16 /tiny do=po <&- >out 2>err
	status=$?
	judge bare-stdin-closed 0 $hello ''
	chroot $bare /lguest --log=/log 16 /tiny do=pfo <&- >&- 2>&-
	status=$?
	: >out
	: >err
	judge bare-all-closed 0 '' ''
	check bare-log "$(cat $bare/log)" [ "$(cat $bare/log)" = $hello ]
	echo typed | chroot $bare /lguest --timeout=$patience 16 /tiny do=eo >out 2>err
	status=$?
	judge bare-typed 0 "got: typed" ''

	mkdir $dir/ro
	mount --bind $bare $dir/ro
	mount -o remount,bind,ro $dir/ro
	check ro-root-is "it can be written" \
		sh -c "! touch $dir/ro/new 2>/dev/null"
	ends ro-root 0 $hello '' chroot $dir/ro /lguest \
		--block=/disk,snapshot --rng 16 /tiny do=po
	ends ro-root-disk 1 '' 'lguest: open /disk: Read-only file system' \
		chroot $dir/ro /lguest --block=/disk 16 /tiny do=po
	ends ro-root-ro-disk 0 $hello '' chroot $dir/ro /lguest \
		--block=/disk,ro 16 /tiny do=po
	umount $dir/ro
}

test_pid1() {
	ends pid1 0 $hello '' unshare -p -f lguest 16 /tiny do=po
	start unshare -p -f lguest --timeout=$patience --pidfile=pid 16 /tiny do=bo
	within $patience is_ready
	check pid1-is "it is $(cat pid)" [ "$(cat pid)" = 1 ]
	kill -TERM $(pidof lguest)
	finish
	judge pid1-button 0 "ready
button" ''
	ends pid1-all-closed 4 '' '' unshare -p -f sh -c \
		'exec lguest --timeout=1 16 /tiny do=ps <&- >&- 2>&-'
}

# --- users, taps, disks -------------------------------------------------

test_user() {
	ends user-no-kvm 1 '' \
		'lguest: hypervisor kvm cannot run /tiny: /dev/kvm: Permission denied' \
		/helper as 1000 lguest --hypervisor=kvm 16 /tiny do=po
	chmod 666 /dev/kvm
	ends user 0 $hello '' /helper as 1000 lguest 16 /tiny do=po
	chmod 600 /dev/net/tun
	ends user-no-tun 1 '' 'lguest: open /dev/net/tun: Permission denied' \
		/helper as 1000 lguest --tunnet=10.8.0.1 16 /tiny do=po
	chmod 666 /dev/net/tun
	ends user-new-tap 1 '' 'lguest: *TUNSETIFF: Operation not permitted (needs CAP_NET_ADMIN)' \
		/helper as 1000 lguest --tunnet=10.8.0.1 16 /tiny do=po
	/helper tap vm0 1000
	ip link set vm0 up
	ends user-tap 0 $hello '' \
		/helper as 1000 lguest --tunnet=tap:vm0 16 /tiny do=po
	check user-tap-stays "the tap is gone" [ -e /sys/class/net/vm0 ]
	chmod 600 /dev/kvm
}

test_disks() {
	start lguest --timeout=$patience --block=disk 16 /tiny do=Bs
	within $patience is_ready
	first=$pid
	mv out first.out
	mv err first.err
	ends disk-locked 1 '' \
		'lguest: disk: locked: another Launcher is using it' \
		lguest --block=disk 16 /tiny do=po
	ends disk-locked-ro 1 '' \
		'lguest: disk: locked: another Launcher is using it' \
		lguest --block=disk,ro 16 /tiny do=po
	ends two-guests 0 $hello '' lguest 16 /tiny do=po
	kill -HUP $first
	wait $first
	ends disk-unlocked 0 $hello '' lguest --block=disk 16 /tiny do=po

	if ! insmod /loop.ko || ! losetup /dev/loop0 disk; then
		skip block-device "no loop device in the rescue host"
		return
	fi
	mke2fs -F /dev/loop0 >/dev/null 2>&1
	mkdir mnt
	mount -t ext2 /dev/loop0 mnt || mount -t ext4 /dev/loop0 mnt
	ends mounted-refused 1 '' \
		'lguest: open /dev/loop0: Resource busy' \
		lguest --block=/dev/loop0 16 /tiny do=po
	umount mnt
	ends block-device 0 $hello '' lguest --block=/dev/loop0 16 /tiny do=po
	losetup -d /dev/loop0
}

# The Guest's memory is the Host's only once the Guest has touched it.
test_memory() {
	start lguest --timeout=$patience 3500 /tiny do=ps
	within $patience has_printed
	resident=$(sed -n 's/^VmRSS:[ 	]*\([0-9]*\).*/\1/p' /proc/$pid/status)
	kill -HUP $pid
	finish
	check memory-untouched "$resident KiB resident of 3500 MB" \
		[ "$resident" -lt 16384 ]
	judge memory 4 $hello "$stopped"
}

# Everything that a reboot needs again comes from outside of the chroot, and
# the kernel from a pipe.
test_reboot() {
	printf 'one ' >one
	printf 'two\n' >two
	chmod 600 one two
	cat /tiny | lguest --username=1000:1000 --chroot=/proc --quiet \
		--initrd=one --initrd=two 16 - do=ir >out 2>err
	status=$?
	judge reboot-stdin 3 "one two
one two
one two" 'lguest: the Guest rebooted 3 times within 10 seconds'
}
