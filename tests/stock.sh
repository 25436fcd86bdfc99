# SPDX-License-Identifier: GPL-2.0-only
# A PC's kernel of today as an ordinary process: what tests/real-user.sh does
# with one (-p) besides, or in another way.  Debian's own programs come on an
# image made by lguest-mkdisk, and all is done by stock.guest.

given=$(realpath "$given") under=$(realpath "$under")
# A boot takes a second or two of a CPU, that others may want, too.
patience=150
# Debian's tick 250 times a second also when idle (CONFIG_HZ_PERIODIC), and
# there are machines where that alone is more than one percent of a CPU.
idle_naps=4 idle_wakes=250
for_nobody="boot reboot_stay low few"
# What is put under our own /init, whose shell this script is then.
first="script=$top/tests/real-lguest.guest more=$top/tests/stock.guest"
words=lguest.script=/script
modules=$top/build/kernel-${given#*vmlinuz-}/lib/modules
userland=$top/build/userland-i386

test_check() {
	image check-disk 16M
	run check 256 --rng --block=check-disk lguest.test=reboot-once,disk,rng
	judge check check 0 "init: started" "^SUCCESS"
	check check-twice "init did not start twice" \
		[ "$(grep -c "init: started" check.out)" -eq 2 ]
	run consoles 64 --rng lguest.test=rng,poweroff,console
	judge consoles consoles 0 "this is /dev/hvc0" "this is /dev/ttyS0"
}

# The Host makes the file system, without a mount, and looks at it afterwards.
test_disks() {
	mkdir from
	echo "written on the Host" >from/host
	lguest mkdisk -t ext2 --free=4M -d from disk || return
	echo "all of the second disk, so far" >second
	image second 1M
	run disks 64 --block=disk --block=second do=disks
	judge disks disks 0 "^second disk: all of the second disk" \
		"^written in the Guest" "^written on the Host"
	check disk-on-host "$(ls -l disk)" \
		[ "$(get_file disk guest)" = "written in the Guest" ]
	e2fsck -fn disk >fsck 2>&1
	check disk-whole "$(tail -n 3 fsck)" [ $? -eq 0 ]
}

test_no_root() {
	$launcher --timeout=$patience 64 $kernel quiet >no_root.out 2>&1 \
		</dev/null
	status=$?
	judge no-root no_root 3 \
		"^lguest: panic: .*VFS: Unable to mount root fs"
}

# The same as with other kernels, but not a Guest for each.
test_programs() {
	try programs-cpu cpu:faults cpu:step cpu:fpu:3 cpu:avx:2 cpu:threads:16 \
		cpu:calls:200 cpu:strange
	try programs-tasks tasks:pages:100 tasks:spaces:100 tasks:exec:300 \
		tasks:alarms:2
}

# What the text of Guests says, without the kernel's clock.
said_in_guest() {
	tr -d '\r' <$1.out |
		sed -n '/^guest: up/,/^SUCCESS/s/^\[ *[0-9.]*\] //p;
			/^guest: up/,/^SUCCESS/{/^\[/!p}'
}

# Programs see the same where no short way is taken: no window is made, and each
# system call is a trap.  What text.c replaces cannot be left alone, as it would
# not even trap.
test_long_way() {
	make -s -C "$top" build/x86_64/lguest-traps || return
	same=sees:all,cpu:faults,cpu:step,cpu:calls:8,tasks:pages:8
	same=$same,tasks:spaces:8,tasks:exec:8
	short=$launcher
	launcher="$short --verbose"
	run short_way 64 do=try try=$same
	judge short-way short_way 0 "windows: [1-9]" "^SUCCESS"
	launcher="$top/build/x86_64/lguest-traps --hypervisor=user --verbose"
	run long_way 64 do=try try=$same
	launcher=$short
	judge long-way long_way 0 "windows: 0 made" "^SUCCESS" || return
	said_in_guest short_way >short_way.said
	said_in_guest long_way >long_way.said
	check long-way-same "$(diff short_way.said long_way.said | head -n 3)" \
		cmp -s short_way.said long_way.said
	check long-way-said "$(wc -l <long_way.said) lines" \
		[ "$(wc -l <long_way.said)" -gt 600 ]
}

test_panic() {
	run panic 64 do=panic
	judge panic panic 3 "^lguest: panic: Kernel panic - not syncing: sysrq"
}

# Whatever reads it, the button is pressed once, and then the Guest powers off
# in good order.
test_button() {
	start button 64 do=hello
	says button "your name?"
	eval "kill -TERM \$pid_button"
	finish button
	judge button button 0 "init: power button" "reboot: Power down"
}

# Our own words alone, whatever the kernel says.
test_quiet() {
	$launcher --quiet --timeout=$patience --initrd=$initrd 64 $kernel quiet \
		$words do=memory >quiet.out 2>quiet.errors </dev/null
	status=$?
	judge quiet quiet 0 ^SUCCESS
	check quiet-errors "$(head -n 1 quiet.errors)" [ ! -s quiet.errors ]
}

# --- memory -------------------------------------------------------------

# The kernel alone takes some twenty megabytes, and modules some more.
test_memory() {
	for mem in 32 36 40 48; do
		run small $mem do=memory
		[ $status -ne 0 ] || break
	done
	judge memory-$mem small 0 "^memory:"
	run large 3072 do=memory
	judge memory-3072 large 0 "^memory:"
	check memory-3072-seen "$(memory_seen large) KiB" \
		[ "0$(memory_seen large)" -gt 3000000 ]
	# The last of it as well as the first.
	run full 1100 do=fill
	judge memory-filled full 0 "^filled: .* the same"
}

# --- which hypervisor -----------------------------------------------------

# said NAME STATUS TEXT: did it end so, with that one line?
said() {
	check $1 "status $status: $(tail -n 1 said)" \
		[ "$status-$(grep -c "$3" said)-$(wc -l <said)" = "$2-1-1" ]
}

test_choice() {
	# Nobody may open /dev/kvm.
	setpriv=
	[ "$(id -u)" -ne 0 ] || setpriv="setpriv --reuid=65533 --regid=65533
		--clear-groups --no-new-privs --bounding-set=-all"
	without=$launcher
	launcher="$setpriv lguest"
	run auto 64 do=memory
	judge auto auto 0 ^SUCCESS
	launcher=$without
	"$top/tests/guest" cloud-amd64 || return
	$launcher 64 "$top/build/guests/vmlinuz-cloud-amd64" >said 2>&1
	status=$?
	said refused 1 "64-bit kernel: that needs /dev/kvm;.*linux-image-686"
}

# --- network: in a namespace of its own -------------------------------------

test_net() {
	for flags in -n -rn; do
		unshare $flags true 2>/dev/null || continue
		unshare $flags "$top/tests/real-user.sh" -b "$busybox" \
			-w "inside bridge" -p "$given" "$under" |
			grep -v "passed,.*skipped"
		return
	done
	skip net "this user may make no network namespace"
}

test_bridge() {
	[ -c /dev/net/tun ] || return
	ip link add br9 type bridge || {
		skip net-bridge "this Host has no bridges"
		return
	}
	ip addr add 192.168.22.1/24 dev br9 && ip link set br9 up
	net bridge 192.168.22 bridge:br9
}

# --- Debian's own -----------------------------------------------------------

# What these modules need, as a list for lguest-mkdisk.
list_modules() {
	awk -v from="$1" -v to="/lib/modules/${1##*/}" -v wanted="$2" '
	function take(file, part, n, i, at) {
		if (file in have)
			return
		have[file] = 1
		n = split(file, part, "/")
		for (i = 1; i < n; i++) {
			at = at "/" part[i]
			if (!(at in have))
				print "dir " to at " 755 0 0"
			have[at] = 1
		}
		print "file " to "/" file " " from "/" file " 644 0 0"
	}
	BEGIN {
		print "dir /lib/modules 755 0 0"
		print "dir " to " 755 0 0"
		for (n = split(wanted, words, " "); n; n--)
			want[words[n]] = 1
	}
	{
		name = $1
		gsub(".*/|\\.ko:", "", name)
		gsub("-", "_", name)
		if (!(name in want))
			next
		sub(":", "", $1)
		for (i = 1; i <= NF; i++)
			take($i)
	}' "$1/modules.dep"
	for file in dep alias symbols builtin builtin.alias; do
		echo "file /lib/modules/${1##*/}/modules.$file.bin" \
			"$1/modules.$file.bin 644 0 0"
	done
	echo "file /lib/modules/${1##*/}/modules.softdep" \
		"$1/modules.softdep 644 0 0"
}

make_userland() {
	[ ! -f userland ] || return 0
	"$top/tests/fetch" userland-i386 || return
	{
		list_modules "$modules"/* "$module_names"
		echo "file /trial $top/tests/stock.userland 755 0 0"
		echo "slink /bin/sh bash 777 0 0"
	} >list
	lguest mkdisk -t ext2 --free=300M -d "$userland" -l list userland
}

module_names="btrfs ext4 loop tun dm_mod dm_crypt dm_snapshot zram overlay
	squashfs isofs xfs fuse bridge veth nf_tables raid456 raid10 aes_generic
	xts cbc ecb lzo zstd crc32c_generic xxhash_generic sha256_generic
	sha512_generic blake2b_generic ghash_generic gcm ccm ctr vhost_net"

test_userland() {
	make_userland || {
		fail userland "it could not be made"
		return
	}
	patience=$((patience * 3))
	run userland 256 --block=userland,snapshot do=userland trials="$trials"
	patience=$((patience / 3))
	for trial in $(echo $trials | tr , ' '); do
		check userland-$trial "$(grep -A 1 ^FAILURE userland.out)" \
			grep -q "$trial: fine" userland.out
	done
	judge userland userland 0 "^SUCCESS"
	grep -e ' took ' -e ' killed' userland.out
}

# ------------------------------------------------------------------------------

# In the order of how soon one wants to know.
all() {
	test_boot
	boot_seconds=6
	some check typed disks no_root rng reboot panic button two quiet \
		memory choice interrupt stubs programs long_way everyday clock idle net \
		userland nobody
}

trials=${TRIALS-bash,perl,python,gcc,noise,modules}
