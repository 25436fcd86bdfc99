/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Users and groups: found by name and by number, and what is no entry is none.
 */
#include <stdlib.h>
#include <unistd.h>

#include "accounts.h"
#include "rig.h"

static char list[] = "/tmp/lguest-accounts-XXXXXX";

static void list_write(const char *text)
{
	FILE *f = fopen(list, "w");

	fputs(text, f);
	fclose(f);
}

static void users(void)
{
	struct account a;

	list_write("root:x:0:0:root:/root:/bin/sh\n"
		   "alice:x:1000:1001:Alice,,,:/home/alice:/bin/sh\n"
		   "alice:x:1:1:::\n"
		   "last:*:4294967294:7");
	CHECK(accounts_find(&a, list, "root", 0));
	CHECK(!a.id && !a.gid);
	CHECK(accounts_find(&a, list, "alice", 0));
	CHECK_EQ(a.id, 1000);
	CHECK_EQ(a.gid, 1001);
	CHECK(accounts_find(&a, list, "last", 0));
	CHECK_EQ(a.id, 4294967294);
	CHECK_EQ(a.gid, 7);
	CHECK(accounts_find(&a, list, NULL, 1000));
	CHECK(!strcmp(a.name, "alice"));
	CHECK(!accounts_find(&a, list, "alic", 0));
	CHECK(!accounts_find(&a, list, "alice:x", 0));
	CHECK(!accounts_find(&a, list, NULL, 1001));
}

static void no_entries(void)
{
	static const char *const names[] = {
		"", "short", "sign", "blank", "word", "nobody", "high", "+",
	};
	struct account a;

	list_write("\n:x:5:5\nshort\nshort:x\nshort:x:\nsign:x:-1:5\n"
		   "blank:x: 1:5\nword:x:1x:5\nnobody:x:4294967295:5\n"
		   "high:x:4294967296:5\n+::::::\nuser:x:9:\n");
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		CHECK(!accounts_find(&a, list, names[i], 0));
	CHECK(!accounts_find(&a, list, NULL, ACCOUNTS_NOBODY));
	CHECK(!accounts_find(&a, list, NULL, 5));
	CHECK(accounts_find(&a, list, "user", 0));
	CHECK_EQ(a.gid, ACCOUNTS_NOBODY);
	CHECK(!accounts_find(&a, "/nowhere/passwd", "root", 0));
	CHECK(!accounts_find(&a, "/", "root", 0));
}

/* What stands far to the right in a line is not an entry of its own. */
static void long_lines(void)
{
	enum { ROOM = sizeof(((struct account *)0)->name) - 1 };
	char much[2 * ROOM + 1] = "", text[5 * ROOM];
	struct account a;

	memset(much, 'm', 2 * ROOM);
	snprintf(text, sizeof(text), "%sroot:x:77:77\nmany:x:8:%sroot:x:77:77\n"
		 "root:x:0:0\n", much, much + 9);
	list_write(text);
	CHECK(accounts_find(&a, list, "root", 0));
	CHECK_EQ(a.id, 0);
	CHECK(accounts_find(&a, list, "many", 0));
	CHECK_EQ(a.id, 8);
	CHECK(!accounts_find(&a, list, NULL, 77));
}

int main(void)
{
	close(mkstemp(list));
	RUN(users);
	RUN(no_entries);
	RUN(long_lines);
	unlink(list);
	return rig_done();
}
