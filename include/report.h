/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.c: facts, told once and written either for people or as JSON.  Keys
 * are JSON's; people see them with blanks.  In a list there is no key (NULL).
 */
#ifndef REPORT_H
#define REPORT_H

#include "lguest.h"

/* Before the first file and after the last; what is between is a list. */
void report_begin(bool json);
void report_end(void);

/*
 * An object, one whose keys people see as they are, a list, an object that
 * people see on one line; and their end.
 */
void report_open(const char *key);
void report_open_verbatim(const char *key);
void report_list(const char *key);
void report_row(const char *key);
void report_close(void);

/* Any bytes up to the NUL; what cannot be printed is escaped. */
void report_text(const char *key, const char *value);
void report_print(const char *key, const char *fmt, ...) PRINTF(2, 3);
void report_number(const char *key, uint64_t value);
void report_hex(const char *key, uint64_t value);
void report_flag(const char *key, bool value);

/* A number and what it means: JSON has the words under "key_text". */
void report_meaning(const char *key, uint64_t value, bool hex,
		    const char *text);

/* An object of "can" and, if it is not empty, "because". */
void report_answer(const char *key, const char *can, const char *because);

/* A line for people alone; JSON has it in other words. */
void report_line(const char *fmt, ...) PRINTF(1, 2);

#endif
