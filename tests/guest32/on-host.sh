#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs the testing Guest on a real Host, an i386 Linux with CONFIG_LGUEST that
# QEMU emulates: what the suites expect is what such Hosts do.
#
# usage: tests/guest32/on-host.sh [-b BUSYBOX] [-g GENERATION] [-t SECONDS]
#                                 DIRECTORY [ARGUMENTS...]
#	DIRECTORY	has the Host's kernel, bzImage
#	ARGUMENTS	the Guest's, one suite each ("suite=kernel",
#			"suite=user", "suite=devices" and all hostile ones)
#	-b	a static i386 busybox; Debian's, which is the default, does
#		not run on kernels before 3.2
#	-g	which Guest (the one of the Host's version)
#	-t	the limit for all of it (600)
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib.sh"
. "$top/tests/guest32/outcomes.sh"

busybox=$top/build/busybox-i386/bin/busybox generation='' limit=600
while getopts b:g:t: option; do
	case $option in
	b) busybox=$OPTARG ;;
	g) generation=$OPTARG ;;
	t) limit=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 1 ] || { sed -n '3,/^set/s/^# \{0,1\}//p' "$0" | head -n 14; exit 2; }
host=$1/bzImage
shift
version=$("$top/tests/real-lguest.sh" -V "$host")

# The youngest that is not younger than the Host.
case ${generation:-$version} in
2.6.2[5-9]*) generation=2.6.28 ;;
2.6.30*) generation=2.6.30 ;;
2.6.3[1-3]*) generation=2.6.32 ;;
2.6.*) generation=2.6.35 ;;
3.*) generation=3.11 ;;
4.[1-9] | 4.[1-9].*) generation=4.1 ;;
*) generation=4.10 ;;
esac

scratch
[ -f "$busybox" ] || "$top/tests/fetch" busybox-i386
make -s -C "$top" ARCH=i386 all build/i386/real-lguest-work
make -s -C "$top/tests/guest32" GENERATIONS="$generation"
if [ $# -eq 0 ]; then
	set -- suite=kernel suite=user suite=devices
	for name in $(outcomes_names_real); do
		set -- "$@" "suite=hostile:$name"
	done
fi
for arguments; do
	echo "$arguments limits=0"
done >"$dir/suites"
dd if=/dev/zero of="$dir/disk" bs=1024 count=64 2>/dev/null
"$top/initramfs/make" -i "$top/tests/guest32/on-host.init" -b "$busybox" \
	-o "$dir/initrd.gz" bin/lguest="$top/build/i386/lguest" \
	bin/work="$top/build/i386/real-lguest-work" \
	guest="$top/build/tests/guest32/guest-$generation" \
	suites="$dir/suites" disk="$dir/disk"

timeout -k 5 --foreground "$limit" qemu-system-i386 -accel tcg -m 512 \
	-nodefaults -display none -no-reboot -kernel "$host" \
	-initrd "$dir/initrd.gz" -append "console=ttyS0 panic=-1 noapic" \
	-serial "file:$dir/log" -chardev stdio,id=s,signal=off \
	-serial chardev:s -device virtio-rng-pci </dev/null >"$dir/out" || :
tr -d '\r' <"$dir/out" | outcomes_judge "$generation"
grep -q '^ALL' "$dir/out" || {
	fail end "the Host did not come to an end"
	tail -n 15 "$dir/log"
}
