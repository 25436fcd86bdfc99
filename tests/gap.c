/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usage: gap PREFIX
 * The unit test `interruptible` by itself, for another architecture.
 */
#include "unit/gap.h"

static void report(const char *prefix, const char *name, const struct gap *how,
		   unsigned first, unsigned second)
{
	unsigned count[GAP_SLEEPS + 1], n = gap_all(how, count);

	if (n >= 3 && count[first] && count[first] +
	    (second != first ? count[second] : 0) == n)
		printf("PASS %s%s\n", prefix, name);
	else
		printf("FAIL %s%s: of %u instructions, %u gave EINTR, %u data, %u slept\n",
		       prefix, name, n, count[GAP_EINTR], count[GAP_DATA],
		       count[GAP_SLEEPS]);
}

int main(int argc, char **argv)
{
	const char *prefix = argc > 1 ? argv[1] : "";
	const struct gap naive = { .cure = false };
	const struct gap cured = { .cure = true };
	const struct gap restart = { .cure = true, .restart = true };
	const struct gap data = { .cure = true, .data = true };

	report(prefix, "gap-hangs-without-the-cure", &naive, GAP_SLEEPS,
	       GAP_EINTR);
	report(prefix, "gap", &cured, GAP_EINTR, GAP_EINTR);
	report(prefix, "gap-restart", &restart, GAP_EINTR, GAP_EINTR);
	printf("%s %sgap-asleep%s\n", gap_asleep(&cured) == GAP_EINTR &&
	       gap_asleep(&restart) == GAP_EINTR ? "PASS" : "FAIL", prefix,
	       ": a signal while read(2) sleeps");
	report(prefix, "gap-data", &data, GAP_EINTR, GAP_DATA);
	return 0;
}
