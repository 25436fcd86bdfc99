/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lguest --selftest: a Guest of our own on each hypervisor of this Host.
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include "guest.h"

/*
 * Prints a table of what works; `only` names one hypervisor, or NULL.  g has
 * the devices that every Guest has, and nothing else.  Dies if none passed.
 */
enum status selftest(struct guest *g, const char *only);

#endif
