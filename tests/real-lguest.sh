#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tries the hypervisor `lguest` on a real Host: an i386 Linux of 2.6.25 to 4.13
# with CONFIG_LGUEST, booted in QEMU (emulated, any machine will do), with
# Guests in it that have CONFIG_LGUEST_GUEST.
#
# usage: tests/real-lguest.sh [-m MODULES] [-o OLD] [-b BUSYBOX] [-t SECONDS]
#                             KERNEL [GUEST-KERNEL]
#	KERNEL	a bzImage: the Host, and if no other is given the Guests'
#		too.  A vmlinux beside the Guests' is tried as well.
#	-m	the kernel's /lib/modules/VERSION, where it has modules
#	-o	a static i386 binary of the Launcher of old: measured, too,
#		beside ours in the same place
#	-b	a static i386 busybox; Debian's, which is the default, does
#		not run on kernels before 3.2
#	-t	the limit for all of it (900)
#	-w	only the test of that name, or "bench"
# Prints PASS, FAIL and SKIP lines, and closes with their numbers.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tests/lib.sh"
modules='' old='' busybox=$top/build/busybox-i386/bin/busybox limit=900 only=''
while getopts m:o:b:t:w: option; do
	case $option in
	m) modules=$OPTARG ;;
	o) old=$OPTARG ;;
	b) busybox=$OPTARG ;;
	t) limit=$OPTARG ;;
	w) only=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if [ $# -eq 0 ]; then
	sed -n '3,/^# Prints/s/^# \{0,1\}//p' "$0"
	skip real-lguest "no kernel given"
	exit 0
fi
host=$1 guest=${2-$1}
for file in "$host" "$guest"; do
	[ -f "$file" ] || { echo "real-lguest: $file: No such file" >&2; exit 2; }
done
scratch

# The version, out of a bzImage: a string that the word at 0x20e points to.
version() {
	at=$(od -An -tu2 -j $((0x20e)) -N 2 "$1")
	dd if="$1" bs=1 skip=$((at + 0x200)) count=64 2>/dev/null |
		tr '\0' ' ' | cut -d ' ' -f 1
}

work=$top/build/i386/real-lguest-work
build() {
	[ -f "$busybox" ] || "$top/tests/fetch" busybox-i386
	make -s -C "$top" ARCH=i386 all build/i386/real-lguest-work
}

# pack OUT INIT FILES...: an initramfs
pack() {
	out=$1 init=$2
	shift 2
	"$top/initramfs/make" -i "$init" -b "$busybox" \
		${modules:+-m "$modules" -s host} -o "$out" "$@"
}

run_host() {
	timeout -k 5 --foreground "$limit" qemu-system-i386 -accel tcg -m 768 \
		-nodefaults -display none -no-reboot \
		-kernel "$host" -initrd "$dir/host.cpio.gz" \
		-append "console=ttyS0 panic=-1 guest_version=$(version "$guest") \
${only:+only=$only}" \
		-serial "file:$log" -chardev stdio,id=s,signal=off \
		-serial chardev:s -device virtio-rng-pci </dev/null
}

build
set -- bin/lguest="$top/build/i386/lguest" lib.sh="$top/tests/lib.sh" \
	bin/work="$work" guest/kernel="$guest"
vmlinux=$(dirname "$guest")/vmlinux
[ ! -f "$vmlinux" ] || set -- "$@" guest/vmlinux="$vmlinux"
[ -z "$old" ] || set -- "$@" bin/lguest-old="$old"
pack "$dir/initrd.gz" "$top/tests/real-lguest.guest" bin/work="$work"
pack "$dir/host.cpio.gz" "$top/tests/real-lguest.host" \
	guest/initrd="$dir/initrd.gz" "$@"

log=$top/build/real-lguest.log
run_host | tee "$dir/results" || :
if ! grep -q '^END' "$dir/results"; then
	fail end "the Host did not come to an end, see $log" |
		tee -a "$dir/results"
	tail -n 15 "$log"
fi
n() {
	grep -c "^$1 " "$dir/results" || :
}
echo "$(n PASS) passed, $(n FAIL) failed, $(n SKIP) skipped"
[ "$(n FAIL)" -eq 0 ]
