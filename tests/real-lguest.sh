#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tries the hypervisor `lguest` on a real Host: an i386 Linux of 2.6.25 to 4.13
# with CONFIG_LGUEST, booted in QEMU (emulated, any machine will do), with
# Guests in it that have CONFIG_LGUEST_GUEST.
#
# usage: tests/real-lguest.sh [-m MODULES] [-o OLD] [-b BUSYBOX] [-t SECONDS]
#                             [-w TEST] [-r DIRECTORY]
#                             KERNEL [GUEST-KERNEL]
#	KERNEL	a bzImage: the Host, and if no other is given the Guests'
#		too.  A vmlinux beside the Guests' is tried as well.
#	-m	the kernel's /lib/modules/VERSION, where it has modules
#	-o	a static i386 binary of the Launcher of old: no tests, but
#		both are measured in the same place
#	-b	a static i386 busybox; Debian's, which is the default, does
#		not run on kernels before 3.2
#	-t	the limit for all of it (900)
#	-r	no tests: leaves transcripts in this directory of what Launcher
#		and Host told each other (see tests/real-lguest-record.c)
#	-V	prints the version of this bzImage, nothing else
#	-w	only the test of that name
# Prints PASS, FAIL and SKIP lines, and closes with their numbers.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tests/lib.sh"
# The version, out of a bzImage: a string that the word at 0x20e points to.
version() {
	at=$(od -An -tu2 -j $((0x20e)) -N 2 "$1")
	dd if="$1" bs=1 skip=$((at + 0x200)) count=64 2>/dev/null |
		tr '\0' ' ' | cut -d ' ' -f 1
}

modules='' old='' only='' record='' limit=900
debians=$top/build/busybox-i386/bin/busybox
busybox=$debians
while getopts m:o:b:t:w:r:V: option; do
	case $option in
	m) modules=$OPTARG ;;
	o) old=$OPTARG only=bench ;;
	b) busybox=$OPTARG ;;
	t) limit=$OPTARG ;;
	w) only=$OPTARG ;;
	r) record=$OPTARG only=record ;;
	V) version "$OPTARG"; exit ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if [ $# -eq 0 ]; then
	sed -n '3,/^# Prints/s/^# \{0,1\}//p' "$0"
	skip real-lguest "no kernel given"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
host=$1 guest=${2-$1}
for file in "$host" "$guest"; do
	[ -f "$file" ] || { echo "real-lguest: $file: No such file" >&2; exit 2; }
done
case $busybox:$(version "$host"):$(version "$guest") in
"$debians":2.* | "$debians":*:2.* | "$debians":3.[01].* | "$debians":*:3.[01].*)
	skip "$(version "$host")" "Debian's busybox is too new, see -b"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0 ;;
esac
scratch

made=$top/build/i386
build() {
	[ -f "$busybox" ] || "$top/tests/fetch" busybox-i386
	make -s -C "$top" ARCH=i386 all \
		build/i386/real-lguest-work build/i386/real-lguest-record
}

# Modules that only the tests want, to look into images.
own_modules() {
	[ -z "$modules" ] || for name in loop mbcache ext2; do
		find "$modules" -name "$name.ko" |
			sed "s|.*|lib/modules/tests/$name.ko=&|"
	done
}

# pack OUT INIT FILES...: an initramfs
pack() {
	out=$1 init=$2
	shift 2
	set -- "$@" $(own_modules)
	LGUEST=$made/lguest "$top/initramfs/make" -i "$init" -b "$busybox" \
		${modules:+-m "$modules" -s host} -o "$out" "$@"
}

# Time goes by instructions, one in eight nanoseconds: so neither patience nor
# what is measured depends on how fast or busy this machine is.
run_host() {
	timeout -k 5 --foreground "$limit" qemu-system-i386 -accel tcg -m 768 \
		-icount shift=3,sleep=off \
		-nodefaults -display none -no-reboot \
		-kernel "$host" -initrd "$dir/host.cpio.gz" \
		-append "console=ttyS0 panic=-1 guest_version=$(version "$guest") \
${only:+only=$only}" \
		-serial "file:$log" -chardev stdio,id=s,signal=off \
		-serial chardev:s -device virtio-rng-pci </dev/null
}

# Files in between of what is printed: "=== NAME" until "===".
take_records() {
	awk -v to="$record/$(version "$host")" '
		/^===$/ { close(file); file = ""; next }
		/^=== / { file = to "-" $2; printf "" >file; next }
		file { print >file; next }
		{ print; fflush() }'
}

build
set -- bin/lguest="$made/lguest" \
	record/lguest="$made/real-lguest-record" \
	lib.sh="$top/tests/lib.sh" guests.sh="$top/tests/real-guests.sh" \
	bin/work="$made/real-lguest-work" guest/kernel="$guest"
vmlinux=$(dirname "$guest")/vmlinux
[ ! -f "$vmlinux" ] || set -- "$@" guest/vmlinux="$vmlinux"
[ -z "$old" ] || set -- "$@" bin/lguest-old="$old"
pack "$dir/initrd.gz" "$top/tests/real-lguest.guest" \
	bin/work="$made/real-lguest-work"
pack "$dir/host.cpio.gz" "$top/tests/real-lguest.host" \
	guest/initrd="$dir/initrd.gz" "$@"

log=$top/build/real-lguest.log
run_host | if [ -n "$record" ]; then
	mkdir -p "$record"
	take_records
else
	cat
fi | tee "$dir/results" || :
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
