# SPDX-License-Identifier: GPL-2.0-only
# How the hostile tests may end, and judging what the runs of a Guest said.

# The test and, by exit status, what is allowed: 0: it survived and says so;
# 3: killed with this as a part of the reason; 4: it went on until its time
# was over.  Several may be.
outcomes() {
	cat <<-'TABLE'
	TABLE
}

outcomes_names() {
	outcomes | cut -d ' ' -f 1
}

# outcome NAME STATUS LAST-LINE: is that one allowed?
outcome() {
	outcomes | grep -q "^$1 .*\<$2\>"
}

# Reads "RUN suite=...", what was said, "STATUS n", again and again.
outcomes_judge() {
	suite='' ended='' last=''
	while read -r line; do
		case $line in
		RUN\ *)
			suite=${line#RUN suite=} ended='' last='' ;;
		PASS\ * | FAIL\ * | SKIP\ *)
			echo "$line" | sed "s/^\(....\) /\1 $1-${suite%%:*}-/" ;;
		END\ *)
			ended=yes ;;
		STATUS\ *)
			outcomes_end "$1" "${line#STATUS }" ;;
		*)
			last=$line ;;
		esac
	done
}

# outcomes_end GENERATION STATUS: the end of a run.
outcomes_end() {
	case $suite in
	hostile:*)
		if outcome "${suite#*:}" "$2"; then
			pass "$1-$suite"
		else
			fail "$1-$suite" "status $2: $last"
		fi ;;
	*)
		if [ "$2" -eq 0 ] && [ "$ended" ]; then
			pass "$1-$suite-end"
		else
			fail "$1-$suite-end" "status $2: $last"
		fi ;;
	esac
}
