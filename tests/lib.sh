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

# emulated COMMAND...: tests/nested, for what it runs in the rescue host.  The
# CPU in there is QEMU's emulation of one with SVM, which has faults of its own:
# now and then a Guest stands still, or all of the rescue host, or an interrupt
# is lost.  So what fails there is run again, five times in all.  What failed
# before is not hidden but told as AGAIN; what has passed is not judged again, and
# /passed in the rescue host names it.  Where a CPU is real nothing is tried
# twice.
emulated() {
	emulated_known=$(mktemp) || exit 1
	emulated_status=1
	for emulated_word in AGAIN AGAIN AGAIN AGAIN FAIL; do
		emulated_run "$@" |
			emulated_judge $emulated_word "$emulated_known" |
			tee "$emulated_known.now"
		cat "$emulated_known.now" >>"$emulated_known"
		if ! grep -aqE '^(AGAIN|FAIL) ' "$emulated_known.now"; then
			emulated_status=0
			break
		fi
	done
	rm "$emulated_known" "$emulated_known.now" "$emulated_known.passed"
	return $emulated_status
}

emulated_run() {
	sed -n 's/^PASS //p' "$emulated_known" >"$emulated_known.passed"
	"$@" "passed=$emulated_known.passed" || fail rescue "$1: exit status $?"
}

# emulated_judge WORD KNOWN: a run by what is known from those before; WORD is
# for what fails.  A test that failed before and is not even reached in this
# one has failed, too.
emulated_judge() {
	awk -v word="$1" -v known="$2" '
		{ name = $2; sub(/:$/, "", name) }
		FILENAME == known && /^(PASS|SKIP) / {
			passed[name] = 1
			delete failed[name]
		}
		FILENAME == known && /^AGAIN / { failed[name] = 1 }
		FILENAME == known { next }
		/^(PASS|FAIL|SKIP) / {
			delete failed[name]
			if (name in passed)
				next
		}
		{ sub(/^FAIL /, word " "); print; fflush() }
		END {
			delete failed["rescue"]
			for (name in failed)
				print word " " name ": it was not reached again"
		}' "$2" -
}

# For something to happen on a machine that may be slow, and busy with others.
# Not reached unless it fails.
patience=${patience-400}

# rescue_begin: first in what runs in the rescue host.  Patience is by how long
# this machine took to start: 5 seconds, where nobody else wants its CPUs.  From
# now on its kernel's log shows that it lives (tests/nested -q).
rescue_begin() {
	read -r rescue_age rescue_idle </proc/uptime
	patience=$((${rescue_age%.*} * 25 + 25))
	export patience
	# Not our child: nobody waits for it.
	(while sleep 10; do echo alive >/dev/ttyS0; done &)
}

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
