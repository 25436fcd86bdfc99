/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers of i386's system calls, for we may be another machine's program. */
#ifndef I386_H
#define I386_H

#define I386_READ	3
#define I386_WRITE	4
#define I386_OPEN	5
#define I386_FCNTL64	221
#define I386_OPENAT	295
#define I386_FALLOCATE	324

#endif
