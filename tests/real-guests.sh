# SPDX-License-Identifier: GPL-2.0-only
# Guests that run real kernels, and the tests that are the same wherever they
# run: for real-lguest.host, so busybox's sh has to understand it, and for
# real-user.sh.  Both set
#	launcher	the command
#	kernel, other	an image, and the same kernel as another kind of image;
#			other may be ""
#	initrd		with real-lguest.guest as /init
#	patience	seconds, for anything at all
#	words		more arguments for the kernel, if any
#	disk_is_module	not "" if Guests without an initrd cannot have a root
# and have two functions that write and read a file in an ext2 image:
#	put_file IMAGE NAME TEXT	false: there is no way to
#	get_file IMAGE NAME

now() {
	awk '{ printf "%d\n", $1 * 100 }' /proc/uptime
}

# --- Guests -------------------------------------------------------------

# start NAME MEM OPTION-OR-ARGUMENT...: a Guest, in the background.  What it
# prints is NAME.out; what is written to NAME.keys is typed.
start() {
	start_name=$1 mem=$2
	shift 2
	mkfifo $start_name.keys
	: >$start_name.out
	$launcher --timeout=$patience --initrd=$initrd $mem $kernel quiet \
		${words-} "$@" \
		<>$start_name.keys >$start_name.out 2>&1 &
	eval "pid_$start_name=\$!"
}

# finish NAME: waits for its end; leaves $status.
finish() {
	eval "wait \$pid_$1"
	status=$?
	rm -f $1.keys
}

run() {
	start "$@"
	finish $1
}

type_to() {
	# Read and write, or it would wait for a Guest that has ended.
	echo "$2" 1<>$1.keys
}

# says NAME TEXT: does it, before long?
says() {
	within $patience grep -q "$2" $1.out
}

# judge TEST GUEST STATUS TEXT...: it ended so, and said each of the texts.
judge() {
	judge_name=$1 judge_guest=$2 judge_status=$3
	shift 3
	if [ $status -ne $judge_status ]; then
		fail $judge_name "status $status, not $judge_status"
		quote $judge_guest
		return 1
	fi
	if grep -q "^FAILURE" $judge_guest.out; then
		fail $judge_name "$(grep -e ^FAILURE -e "^trial: " \
			$judge_guest.out | tr -d '\r' | tr '\n' ' ')"
		quote $judge_guest
		return 1
	fi
	for text; do
		grep -q "$text" $judge_guest.out && continue
		fail $judge_name "the Guest did not say '$text'"
		quote $judge_guest
		return 1
	done
	pass $judge_name
}

quote() {
	echo "--- the end of $1:"
	tail -n 15 $1.out | tr -d '\r'
	echo "---"
}

# --- the tests ----------------------------------------------------------

test_boot() {
	run boot 64 do=memory
	judge poweroff boot 0 "^guest: up" "^SUCCESS"
	# The first lines come before there is a virtio console.
	$launcher --timeout=$patience --initrd=$initrd 64 $kernel \
		${words-} do=memory >early.out 2>&1 </dev/null
	status=$?
	judge early-console early 0 "Linux version" "^SUCCESS"
}

test_other() {
	if [ -z "$other" ]; then
		skip other-image "there is none"
		return
	fi
	image=$kernel
	kernel=$other
	run other 64 do=memory
	kernel=$image
	judge other-image other 0 "^SUCCESS"
}

# The Guest sleeps when the input comes: it has to get the Launcher out of
# read(2).
test_typed() {
	start typed 64 do=hello
	says typed "your name?"
	sleep 3
	type_to typed piper
	finish typed
	judge typed-pipe typed 0 "^hello, piper"
	without=$launcher
	launcher="work terminal $launcher"
	start tty 64 do=hello
	launcher=$without
	says tty "your name?"
	sleep 3
	type_to tty teletype
	finish tty
	judge typed-terminal tty 0 "^hello, teletype"
}

test_disks() {
	image disk 16M
	mke2fs -F disk >/dev/null 2>&1
	there=
	! put_file disk host "written on the Host" || there=yes
	echo "all of the second disk, so far" >second
	image second 1M
	run disks 64 --block=disk --block=second do=disks
	judge disks disks 0 "^second disk: all of the second disk" \
		"^written in the Guest" ${there:+"^written on the Host"}
	if [ -z "$there" ]; then
		check disk-on-host "the file is not in the image" \
			grep -q "written in the Guest" disk
		return
	fi
	check disk-on-host "$(ls -l disk)" \
		[ "$(get_file disk guest)" = "written in the Guest" ]
}

test_no_initrd() {
	image root 16M
	run make_root 64 --block=root do=root
	judge make-root make_root 0 "^SUCCESS" || return
	if [ -n "${disk_is_module-}" ]; then
		skip no-initrd "the Guest's disk wants a module"
	else
		$launcher --timeout=$patience 64 $kernel quiet --block=root \
			root=/dev/vda rw init=/init do=which_root \
			>no_initrd.out 2>&1 </dev/null
		status=$?
		judge no-initrd no_initrd 0 "^root: ext2" "^SUCCESS"
	fi
	$launcher --timeout=$patience 64 $kernel quiet >no_root.out 2>&1 \
		</dev/null
	status=$?
	judge no-root no_root 3 "lguest: .*VFS: Unable to mount root fs"
}

# net NAME NETWORK OPTION: pings both ways.
net() {
	start $1 64 --tunnet=$3 do=net ip=$2.2 peer=$2.1
	pinged=no
	if within $patience ping -c 1 -W 1 $2.2 >/dev/null 2>&1; then
		pinged=yes
	fi
	type_to $1 seen
	finish $1
	if [ $pinged = no ]; then
		fail net-$1 "the Guest does not answer"
		quote $1
	else
		judge net-$1 $1 0 "the peer answers" "was pinged"
	fi
}

test_rng() {
	run rng 64 --rng do=rng
	if [ $status -eq 0 ] && grep -q "^rng: no driver" rng.out; then
		skip rng "this kernel has no driver for it"
		return
	fi
	judge rng rng 0 "^rng: virtio" "^SUCCESS"
}

test_reboot() {
	image marks 1M
	run reboot 64 --block=marks do=reboot_once
	judge reboot reboot 0 "^first time" "^second time"
	if [ "$(id -u)" -eq 0 ]; then
		test_reboot_elsewhere
	else
		skip reboot-chroot "this user may not chroot(2)"
	fi
	image marks-stay 1M
	run no_reboot 64 --block=marks-stay --no-reboot do=reboot_once
	judge no-reboot no_reboot 5 "^first time"
}

test_reboot_elsewhere() {
	image marks-chroot 1M
	run chroot 64 --block=marks-chroot --chroot=$dir/empty \
		--username=1000:1000 do=reboot_once
	judge reboot-chroot chroot 0 "^first time" "^second time"
}

test_panic() {
	run panic 64 do=panic
	judge panic panic 3 "^lguest: .*Attempted to kill init"
}

test_two() {
	start one 64 do=hello
	start two 64 do=hello
	says one "your name?"
	says two "your name?"
	type_to two second
	type_to one first
	finish one
	judge two-guests-first one 0 "^hello, first"
	finish two
	judge two-guests-second two 0 "^hello, second"
}

# memory_seen GUEST: the megabytes that the Guest found, without its kernel
memory_seen() {
	sed -n 's/^memory: \([0-9]*\).*/\1/p' $1.out
}

test_memory() {
	for mem in 16 20 24 32 48; do
		run small $mem do=memory
		[ $status -ne 0 ] || break
	done
	judge memory-$mem small 0 "^memory:" ||
		echo "not even $mem MiB are enough"
	run large 256 do=memory
	judge memory-256 large 0 "^memory:"
	check memory-256-seen "$(memory_seen large) KiB" \
		[ "0$(memory_seen large)" -gt 230000 ]
}

test_stop() {
	start term 64 do=hello
	says term "your name?"
	eval "kill -TERM \$pid_term"
	finish term
	judge sigterm term 4 "lguest: stopped by SIGTERM"
	start timeout 64 --timeout=$((boot_seconds * 3 + 3)) do=hello
	finish timeout
	judge timeout timeout 4 "your name?" "lguest: stopped after"
}
