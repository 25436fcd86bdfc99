/* SPDX-License-Identifier: GPL-2.0-only */
/* What a Guest finds at its start. */
#include "guest32.h"

TEST(kernel, memory_size)
{
	CHECK(ram_size >= 4 << 20);
	EQUAL(ram_size % PAGE, 0);
}
