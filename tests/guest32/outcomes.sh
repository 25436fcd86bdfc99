# SPDX-License-Identifier: GPL-2.0-only
# How the hostile tests may end, and judging what the runs of a Guest said.

# The test and, by exit status, what is allowed: 0: it survived and says so; 3:
# killed, with a reason; 4: it went on until its time was over.  A "-": real
# Hosts are not asked, some of them fell over themselves.
outcomes() {
	cat <<-'TABLE'
	churn 0
	data_random 0 3
	escape_gate 0
	escape_only 0
	escape_ring1 0
	escape_ring3 0
	gate_absent 3
	gate_circle 3
	gate_nowhere 3
	gate_nowhere_trap 3
	gate_random 3
	halt_for_ever 4
	hcall_11 3
	hcall_20 3
	hcall_clock_max 0
	hcall_flush_odd 0
	hcall_gdt_33 3
	hcall_gdt_kinds 0
	hcall_gdt_minus_1 3 -
	hcall_gdt_nowhere 3
	hcall_idt_256 3
	hcall_idt_call 3
	hcall_idt_minus_1 3
	hcall_idt_task 3
	hcall_init_nowhere 3
	hcall_init_twice 3
	hcall_minus_1 3
	hcall_notify_minus_1 0 3
	hcall_notify_nowhere 0 3
	hcall_pgd_1024 0 3 -
	hcall_pgd_minus_1 0 3
	hcall_pgd_no_table 0 3
	hcall_pgd_top 0 3
	hcall_pgtable_end 3
	hcall_pgtable_nowhere 3 -
	hcall_pgtable_zeroes 3
	hcall_pte_beyond 0 3
	hcall_pte_beyond_later 0 3
	hcall_pte_no_table 0 3
	hcall_pte_odd 0 3
	hcall_pte_top 0 3
	hcall_ring_random 0 3 4 -
	hcall_ring_status 0
	hcall_shutdown_end 3
	hcall_shutdown_how 3
	hcall_shutdown_minus_1 3
	hcall_shutdown_nowhere 3
	hcall_stack_many 3 -
	hcall_stack_nowhere 3
	hcall_stack_pages 3
	hcall_stack_ring_0 3
	hcall_stack_ring_3 3
	hcall_stack_top 3
	hcall_tls_cpu 0
	hcall_tls_minus_1 3
	hcall_tls_nowhere 3
	page_beyond_ram 3
	page_just_beyond 3
	random_ring1 0 3 4
	random_ring3 0
	stack_in_top 3 -
	stack_nowhere 3 -
	stack_taken 3
	stack_wraps 3 -
	table_all_bits 3
	table_beyond_ram 3
	table_circle 0
	table_is_directory 0
	table_large_page 3
	TABLE
}

outcomes_names() {
	outcomes | cut -d ' ' -f 1
}

# Those that a real Host is asked for.
outcomes_names_real() {
	outcomes | grep -v -e '-$' | cut -d ' ' -f 1
}

# outcome NAME STATUS LAST-LINE: is that one allowed?
outcome() {
	outcomes | grep -q "^$1 \(.* \)*$2\( \|\$\)"
}

# Reads "RUN suite=...", what was said, "STATUS n", again and again.
outcomes_judge() {
	suite='' ended='' last='' said=0
	while read -r line; do
		case $line in
		RUN\ *)
			suite=${line#RUN suite=} ended='' last='' said=0 ;;
		PASS\ * | FAIL\ * | SKIP\ *)
			echo "$line" |
				sed "s/^\(....\) /\1 $1-${suite%%:*}-/" ;;
		SAID\ *)
			said=$((said + 1)) ;;
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
		fi
		# What the console's driver said has to have come out.
		[ "$suite" != devices ] || check "$1-$suite-console" \
			"$said of 2 lines" [ $said -eq 2 ] ;;
	esac
}
