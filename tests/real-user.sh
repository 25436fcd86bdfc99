#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tries the hypervisor `user` with a real kernel that has CONFIG_LGUEST_GUEST,
# of 2.6.25 to 4.13: as this user, and as root also as one with no rights.
#
# usage: tests/real-user.sh [-b BUSYBOX] [-s SECONDS] [-g GROUPS]
#                           [-w TESTS] [-p] KERNEL [INITRD]
#	KERNEL	a vmlinux or bzImage; what the same directory has of the
#		other is tried as well
#	INITRD	an initramfs with what the kernel needs besides, its modules
#		say; our own lies over it
#	-b	a static i386 busybox; Debian's, which is the default, does
#		not run on kernels before 3.2
#	-s	how long everyday work is done, all at once (10)
#	-g	by how many groups of five workers (1)
#	-w	only the tests of these names
#	-p	KERNEL is a PC's, of today, and knows nothing of lguest; INITRD
#		has our own /init, and its modules (tests/stock.sh has the rest)
# Prints PASS, FAIL and SKIP lines, and closes with their numbers.
set -u
PATH=$PATH:/sbin:/usr/sbin
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tests/lib.sh"
. "$top/tests/real-guests.sh"

debians=$top/build/busybox-i386/bin/busybox
busybox=$debians seconds=10 groups=1 only= pc=
while getopts b:s:g:w:p option; do
	case $option in
	b) busybox=$OPTARG ;;
	s) seconds=$OPTARG ;;
	g) groups=$OPTARG ;;
	w) only=$OPTARG ;;
	p) pc=yes ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if [ $# -eq 0 ]; then
	sed -n '3,/^# Prints/s/^# \{0,1\}//p' "$0"
	skip real-user "no kernel given"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
given=$1 under=${2-}
for file in "$given" ${under:+"$under"}; do
	[ -f "$file" ] || { echo "real-user: $file: No such file" >&2; exit 2; }
done

# What stock.sh has otherwise.
patience=60 idle_most=100000 idle_naps=0 idle_wakes=1000
for_nobody="boot disks reboot_stay stubs two programs low few"
first="-i $top/tests/real-lguest.guest -b $busybox"

# --- setting up ---------------------------------------------------------

release() {
	"$dir/lguest-inspect" "$1" | sed -n 's/^release *//p'
}

# The vmlinux beside a bzImage, or the other way round.
beside() {
	case ${1##*/} in
	vmlinux*) wanted=bzImage ;;
	*) wanted=vmlinux ;;
	esac
	[ ! -f "${1%/*}/$wanted" ] || echo "${1%/*}/$wanted"
}

# Everything in a place where anybody can read it.
set_up() {
	made=$top/build/x86_64 made32=$top/build/i386
	make -s -C "$top" all build/x86_64/real-lguest-work &&
		make -s -C "$top" ARCH=i386 build/i386/real-lguest-work \
			build/i386/real-lguest-cpu \
			build/i386/real-lguest-sees \
			build/i386/real-lguest-tasks || exit 1
	[ -f "$busybox" ] || "$top/tests/fetch" busybox-i386 || exit 1
	chmod 755 "$dir"
	mkdir "$dir/empty"
	cp "$made/lguest" "$dir/lguest"
	cp "$made/real-lguest-work" "$dir/work"
	ln -s lguest "$dir/lguest-inspect"
	cp "$given" "$dir/kernel"
	kernel=$dir/kernel other=$(beside "$given")
	[ -z "$other" ] || { cp "$other" "$dir/other"; other=$dir/other; }
	initrd=$dir/initrd
	"$top/initramfs/make" -o "$dir/ours.gz" $first bin/work="$made32/real-lguest-work" \
		bin/cpu="$made32/real-lguest-cpu" \
		bin/sees="$made32/real-lguest-sees" \
		bin/tasks="$made32/real-lguest-tasks" || exit 1
	{ [ -z "$under" ] || dd if="$under" bs=4 conv=sync
	cat "$dir/ours.gz"; } >"$initrd" 2>/dev/null
	chmod 644 "$dir/kernel" "$initrd"
	PATH=$dir:$PATH
	cd "$dir" || exit
}

# The one of Debian that everybody has; another may not be there.
ping() {
	busybox ping "$@"
}

put_file() {
	echo "$3" >put &&
		debugfs -w -R "write put $2" "$1" >/dev/null 2>&1
}

get_file() {
	debugfs -R "cat $2" "$1" 2>/dev/null
}

# --- the tests that are only ours ---------------------------------------

stubs_of() {
	cat /proc/$1/task/$1/children
}

# Kills a stub, or stops it.
test_stubs() {
	for how in KILL STOP; do
		start $how 64 do=hello
		says $how "your name?"
		eval "pid=\$pid_$how"
		set -- $(stubs_of $pid)
		kill -$how $1
		finish $how
		judge stub-$how $how 3 "^lguest: stub [0-9]* was [a-z]* (signal"
		check stubs-$how-gone "$*" gone "$@"
	done
}

# Of these, nothing is left.
gone() {
	for pid; do
		[ ! -d /proc/$pid ] || return 1
	done
}

# Three ^C within a second, each for itself.
test_interrupt() {
	without=$launcher
	launcher="work terminal $launcher"
	start interrupt 64 do=hello
	launcher=$without
	says interrupt "your name?"
	for i in 1 2 3; do
		printf '\003' 1<>interrupt.keys
		sleep 0.1
	done
	finish interrupt
	judge interrupt interrupt 4 "lguest: "
}

# try NAME TRIAL...
try() {
	name=$1
	shift
	run try 64 do=try try="$(echo "$*" | tr ' ' ,)"
	judge $name try 0 "^SUCCESS"
}

test_programs() {
	try faults cpu:faults
	try steps cpu:step
	try registers cpu:fpu:3 cpu:avx:2 cpu:threads:16
	try pages tasks:pages:100
	# More than there are stubs.
	try spaces tasks:spaces:100
	try exec tasks:exec:500
	try alarms tasks:alarms:3
}

# Two a turn; the boot's own traps are a good deal less than that.
are_short() {
	tr -d '\r' <try.out | awk '/^user: .* handovers/ {
		for (i = 1; i < NF; i++) n[$(i + 1)] = $i
	} END { exit !(n["handovers,"] >= 40000 &&
		       n["traps,"] < n["handovers,"] / 2) }'
}

# Of kernels whose text is as we know it: there they come without a trap.
test_handovers() {
	without=$launcher
	launcher="$launcher --verbose"
	try handovers tasks:pipes:20000
	launcher=$without
	check handovers-short "$(grep -o "user:.* handovers" try.out)" are_short
}

test_everyday() {
	image everyday.disk 16M
	patience=$((patience + seconds * 4))
	run everyday 96 --block=everyday.disk do=everyday seconds=$seconds \
		groups=$groups
	patience=$((patience - seconds * 4))
	if judge everyday everyday 0 "^SUCCESS"; then
		grep turns everyday.out
		check everyday-failures "$(grep FAILURE everyday.out | head -n 1)" \
			[ -z "$(grep FAILURE everyday.out)" ]
		e2fsck -fn everyday.disk >fsck 2>&1
		check everyday-disk "$(tail -n 3 fsck)" [ $? -eq 0 ]
	fi
}

# How often this process has woken up.
woken() {
	sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' /proc/$1/status
}

# What the Launcher and its stubs had of a CPU, in microseconds.
used() {
	for pid in $1 $(stubs_of $1); do
		cut -d ' ' -f 1 /proc/$pid/schedstat
	done 2>/dev/null | awk '{ sum += $1 / 1000 } END { printf "%d", sum }'
}

test_idle() {
	if [ ! -f /proc/self/schedstat ]; then
		skip idle "this Host does not say how long a process ran"
		return
	fi
	start idle 64 do=idle
	says idle "^idle"
	sleep 2
	before=$(used $pid_idle) times=$(woken $pid_idle)
	naps=$(work naps 10)
	times=$(($(woken $pid_idle) - times))
	took=$(($(used $pid_idle) - before))
	check idle-launcher "it woke up $times times in 10 s" \
		[ $times -lt $idle_wakes ]
	type_to idle enough
	finish idle
	judge idle idle 0 "^SUCCESS"
	echo "idle for 10 seconds: $took us of a CPU; to wake up 250 times a second alone takes $naps"
	check idle-cost "$took us in 10 s" \
		[ $took -lt $((idle_most + idle_naps * naps)) ]
}

# Answers give bounds for how far its clock is off: it was asked before, and
# it had answered after.  The tightest of them are kept.
ask_time() {
	from=-9000000000000000000 to=9000000000000000000 word=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		before=$(date +%s%N)
		echo . | tr . ' ' 1<>clock.keys
		until [ "$word" = time ]; do
			read -r word time <&4 || return
			echo "$word $time" >>clock.out
		done
		word=
		after=$(date +%s%N)
		time=${time%?}
		[ $((time - after)) -lt $from ] || from=$((time - after))
		[ $((time - before)) -gt $to ] || to=$((time - before))
	done
	echo . 1<>clock.keys
}

# It may start at another time than ours, but then goes on with us: once the
# kernel has found the best of its clocks, which takes it some seconds.
test_clock() {
	mkfifo clock.keys clock.answers
	timeout -k 5 $((seconds * 3 + patience)) $launcher \
		--initrd=$initrd 64 $kernel quiet ${words-} do=try \
		try=cpu:fpu:3,tasks:clock,cpu:fpu:$seconds,tasks:clock \
		<>clock.keys >clock.answers 2>&1 &
	pid=$!
	exec 4<clock.answers
	while read -r line <&4; do
		echo "$line" >>clock.out
		[ "${line#guest: up}" = "$line" ] || break
	done
	ask_time
	first_from=$from first_to=$to
	ask_time
	cat <&4 >>clock.out
	exec 4<&-
	wait $pid
	status=$?
	judge clock clock 0 "^time [0-9]" "^SUCCESS" || return
	echo "clock off by $((first_from / 1000)) to $((first_to / 1000)) us," \
		"after $seconds s of load by $((from / 1000)) to $((to / 1000))"
	check clock-agrees "another time" [ $from -lt $((first_to + 10000000)) \
		-a $to -gt $((first_from - 10000000)) ]
}

# Kernels before 4.0 look for their devices right above what memory they can
# use, which without CONFIG_HIGHMEM is less than 900 MB.
test_much_memory() {
	run much 800 do=memory
	judge memory-800 much 0 "^memory:"
	check memory-800-seen "$(memory_seen much) KiB" \
		[ "0$(memory_seen much)" -gt 768000 ]
	case $version in
	[23].*) skip memory-2048 "not without CONFIG_HIGHMEM" ;;
	*)
		run much 2048 do=memory
		judge memory-2048 much 0 "^memory:" ;;
	esac
}

# --- net: in a namespace of its own -------------------------------------

test_net() {
	for flags in -n -rn; do
		unshare $flags true 2>/dev/null || continue
		unshare $flags "$top/tests/real-user.sh" -b "$busybox" \
			-w inside "$given" ${under:+"$under"} |
			grep -v "passed,.*skipped"
		return
	done
	skip net "this user may make no network namespace"
}

test_inside() {
	if [ ! -c /dev/net/tun ]; then
		skip net "there is no /dev/net/tun"
		return
	fi
	ip link set lo up
	net address 192.168.19 192.168.19.1
	head -c 3000000 /dev/urandom >file
	start fetch 64 --tunnet=192.168.21.1 do=fetch ip=192.168.21.2 \
		peer=192.168.21.1
	busybox httpd -f -p 8080 -h "$dir" &
	server=$!
	finish fetch
	kill $server
	judge fetch fetch 0 "^fetched: $(md5sum <file)"
}

# --- without rights -----------------------------------------------------

# as OPTIONS COMMAND: what follows runs as somebody with no rights at all.
nobody=65533

test_nobody() {
	if [ "$(id -u)" -ne 0 ]; then
		skip nobody "only root can become somebody else"
		return
	fi
	root=$launcher
	mkdir -m 777 theirs
	cd theirs || return
	umask 0
	launcher="setpriv --reuid=$nobody --regid=$nobody --clear-groups
		--no-new-privs --bounding-set=-all $root"
	for name in $for_nobody; do
		test_$name | sed 's/^\(PASS\|FAIL\|SKIP\) /&nobody-/'
	done
	launcher=$root
	cd "$dir" || exit
}

test_reboot_stay() {
	image marks-nobody 1M
	chmod 666 marks-nobody
	run reboot 64 --block=marks-nobody do=reboot_once
	judge reboot reboot 0 "^first time" "^second time"
}

# The Host allows no page of ours in its first 64 KiB.  Whoever else tries this
# waits, or would take our value for the one to go back to.
test_low() {
	low=/proc/sys/vm/mmap_min_addr
	exec 5<$low
	if ! flock -w $patience 5 || ! : 2>/dev/null >>$low; then
		skip low-addresses "vm.mmap_min_addr cannot be changed here"
		exec 5<&-
		return
	fi
	was=$(cat $low)
	trap 'echo $was >$low' EXIT
	echo 65536 >$low
	run low 64 do=try try=cpu:faults,tasks:pages:5
	echo $was >$low
	trap - EXIT
	exec 5<&-
	judge low-addresses low 0 "^SUCCESS"
}

# A Launcher and a few stubs are all the processes that it may have.
test_few() {
	many=$launcher
	launcher="prlimit --nproc=6 $launcher"
	run few 64 do=try try=tasks:spaces:20,tasks:exec:50
	launcher=$many
	judge few-stubs few 0 "^SUCCESS"
}

# ------------------------------------------------------------------------------

all() {
	began=$(now)
	test_boot
	boot_seconds=$((($(now) - began) / 200 + 1))
	some other typed disks no_initrd rng reboot panic two memory \
		much_memory stop interrupt stubs programs everyday clock \
		idle net nobody
}

some() {
	for name; do
		test_$name
	done
}

[ -z "$pc" ] || . "$top/tests/stock.sh"
scratch
boot_seconds=5
set_up
launcher="lguest --hypervisor=user"
version=$(release "$kernel")
disk_is_module=$(lguest-inspect --config "$kernel" 2>/dev/null |
	grep -E '^CONFIG_(VIRTIO_(PCI|BLK)|EXT2_FS)=m')
case $busybox:$version in
"$debians":2.* | "$debians":3.[01].*)
	skip "$version" "Debian's busybox is too new, see -b"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0 ;;
esac
case $only in
'') all ;;
*) some $only ;;
esac | tee results
n() {
	grep -c "^$1 " results
}
echo "$(n PASS) passed, $(n FAIL) failed, $(n SKIP) skipped"
[ "$(n FAIL)" -eq 0 ]
