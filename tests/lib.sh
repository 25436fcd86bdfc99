# SPDX-License-Identifier: GPL-2.0-only
# For test scripts; also read inside the rescue host, so busybox's sh has to
# understand it.

pass() {
	echo "PASS $1"
}

fail() {	# fail NAME REASON
	echo "FAIL $1: $2"
}

skip() {	# skip NAME REASON
	echo "SKIP $1: $2"
}

# check NAME REASON COMMAND...: passes if the command succeeds.
check() {
	check_name=$1 check_reason=$2
	shift 2
	if "$@"; then
		pass "$check_name"
	else
		fail "$check_name" "$check_reason"
	fi
}

# A directory of the test's own, gone with it.
scratch() {
	dir=$(mktemp -d "${TMPDIR:-/tmp}/lguest.XXXXXX") || exit 1
	trap 'rm -rf "$dir"' EXIT
	trap 'exit 1' HUP INT TERM
}

# within SECONDS COMMAND...: waits until the command succeeds; false if never.
within() {
	within_turns=$(($1 * 5))
	shift
	until "$@"; do
		[ $within_turns -gt 0 ] || return 1
		within_turns=$((within_turns - 1))
		sleep 0.2
	done
}

# For something to happen on a machine that may be slow, and busy with others;
# well within what is left to the whole test.  Not reached unless it fails.
patience=400

# Only the Host's kernel knows where a Guest was at its triple fault: when it
# tells the Launcher, that CPU is reset already.  faults_watch goes first;
# faults_show then tells of all that came after it.
faults_watch() {
	faults=/sys/kernel/tracing
	mount -t tracefs tracefs $faults 2>/dev/null
	echo 'exit_reason == 0x7f' >$faults/events/kvm/kvm_exit/filter
	echo 1 >$faults/events/kvm/kvm_exit/enable
}

faults_show() {
	grep -v '^#' $faults/trace
}

# An image that takes no space: image FILE SIZE
image() {
	dd if=/dev/zero of="$1" bs=1 count=0 seek="$2" 2>/dev/null
}
