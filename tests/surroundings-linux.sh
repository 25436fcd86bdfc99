# SPDX-License-Identifier: GPL-2.0-only
# Part of surroundings.guest: Guests with Debian's kernel.

linux=/guest/vmlinuz-cloud-amd64
initramfs=/guest/initramfs-cloud-amd64.cpio

# Disks of all kinds, a reboot, a hole in memory; in a chroot, as nobody.
linux_disks() {
	for d in a b c; do
		head -c 1048576 /dev/zero >disk-$d
	done
	cat $linux | lguest --timeout=$patience --username=1000:1000 --chroot=/proc \
		--initrd=$initramfs --initrd=/scripts.cpio --log=disks.log \
		--block=disk-a,serial=first --block=disk-b,ro \
		--block=disk-c,snapshot 3500 - quiet lguest.script=/disks \
		>disks.out 2>disks.err
	status=$?
	has() {
		if grep -q "$2" disks.out; then
			pass linux-$1
		else
			fail linux-$1 "no '$2' in $(tail -n 20 disks.out)"
		fi
	}
	check linux-disks "status $status: $(cat disks.err)" [ $status -eq 0 ]
	has first "^first time"
	has reboot "^disk mark, snapshot mark"
	has serial "^serial first"
	has ro "^ro 0 1 0"
	has memory "^MemTotal: *3[45][0-9]* kB"
	check linux-ro-writes "the ro disk was written" \
		sh -c '! grep -q "ro disk was written" disks.out'
	check linux-disk "not written" [ "$(head -c 4 disk-a)" = mark ]
	check linux-snapshot "the image changed" \
		sh -c 'head -c 1048576 /dev/zero | cmp -s - disk-c'
	check linux-ro-image "the image changed" \
		sh -c 'head -c 1048576 /dev/zero | cmp -s - disk-b'
	check linux-log "the log is not what was printed" \
		cmp -s disks.log disks.out
}

# linux_end 1|2: one of the pair, its network being descriptor 3.
linux_end() {
	exec lguest --timeout=$patience --tunnet=fd:3 --initrd=$initramfs \
		--initrd=/scripts.cpio --pidfile=pair.$1.pid 128 $linux quiet \
		lguest.script=/pair \
		lguest.ip=10.0.0.$1/24 lguest.peer=10.0.0.$((3 - $1)) \
		>pair.$1 2>&1 </dev/null
}

# Has Guest $1 been pinged, or has one of them ended, so that it never will be?
linux_pinged() {
	grep -q "^was pinged" pair.$1 || grep -q "^lguest:" pair.1 pair.2
}

linux_pair() {
	: >pair.1
	: >pair.2
	/helper pair sh /script pair &
	pid=$!
	for i in 1 2; do
		within $patience linux_pinged $i
		check linux-pair-$i "$(tail -n 5 pair.$i)" \
			grep -q "^was pinged" pair.$i
	done
	kill -TERM $(cat pair.1.pid pair.2.pid)
	wait $pid
	status=$?
	check linux-pair-button "status $status: $(tail -n 5 pair.1 pair.2)" \
		[ $status -eq 0 ]
}

# A shell on a socket; text that waits there before there is a Guest.
linux_socket() {
	lguest --timeout=$patience --console=unix:$dir/shell \
		--initrd=$initramfs 128 $linux quiet \
		>socket.out 2>socket.err </dev/null &
	pid=$!
	: >talked
	/helper talk $dir/shell 'echo six times seven is $((6 * 7))
' >talked 2>&1 &
	if ! within $patience grep -q "^six times seven is 42" talked; then
		fail linux-socket "$(tail -n 5 talked) $(cat socket.err)"
		kill -KILL $pid
		return
	fi
	pass linux-socket
	kill -USR1 $pid
	check linux-usr1 "no registers" \
		within $patience grep -q "cs 0x10" socket.err
	check linux-usr1-queues "$(cat socket.err)" \
		grep -q "queue 0: live.* interrupts" socket.err
	kill -TERM $pid
	wait $pid
	status=$?
	check linux-button "status $status" [ $status -eq 0 ]
}
