/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which hypercalls of a kernel's text become calls of the direct path: those
 * with room, which nobody jumps into.
 */
#include "../../applets/core/hypervisor/user/kind.h"
#include "user_host.h"

#define RAM	MIB(2)
#define VA	0xc0100000u
#define SIZE	8192u
#define AT	4096u		/* where the int is */

static uint8_t text[SIZE];

/* Instructions that end with the int at AT, in a text of nops. */
static void put(const char *bytes, unsigned n)
{
	memset(text, 0x90, sizeof(text));
	memcpy(text + AT + 2 - n, bytes, n);
}
#define PUT(bytes)	put(bytes, sizeof(bytes) - 1)

/* How many were patched; an int that stays is an int. */
static unsigned patched(void)
{
	unsigned n;

	if (!u)
		host_begin(RAM, false);
	direct_create(u);
	n = direct_patch(u, text, SIZE, VA);
	CHECK_EQ(text[AT] == 0xcd && text[AT + 1] == 0x1f, !n);
	return n;
}

/* Where the near branch at `at` leads, as an offset. */
static uint32_t leads(uint32_t at)
{
	uint32_t to;

	memcpy(&to, text + at + 1, 4);
	return to + at + 5 + VA;
}

static const uint8_t *thunk(uint32_t at)
{
	uint32_t to = leads(at);

	CHECK(to > DIRECT_CODE && to < DIRECT_CODE + PAGE);
	return u->direct_code + to % PAGE;
}

static void kinds(void)
{
	/* mov $8, %eax; mov %edx, %ecx; int */
	PUT("\xb8\x08\0\0\0\x89\xd1\xcd\x1f");
	CHECK_EQ(patched(), 1);
	CHECK_EQ(text[AT - 7], 0xe8);
	CHECK(!memcmp(thunk(AT - 7), "\xb8\x08\0\0\0\x89\xd1\xe9", 8));
	/* mov $7, %eax; mov $2, %edx; int: it is the second that moves */
	PUT("\xb8\x07\0\0\0\xba\x02\0\0\0\xcd\x1f");
	CHECK_EQ(patched(), 1);
	CHECK_EQ(text[AT - 10], 0xb8);
	CHECK_EQ(text[AT - 5], 0xe8);
	/* mov 4(%esp), %ebx; int: deeper by what the call pushes */
	PUT("\x8b\x5c\x24\x04\xcd\x1f");
	CHECK_EQ(patched(), 1);
	CHECK(!memcmp(thunk(AT - 4), "\x8b\x5c\x24\x08\xe9", 5));
	/* xor %eax, %eax; int; ret: a jump, and what is behind stays */
	PUT("\x31\xc0\xcd\x1f");
	text[AT + 2] = 0xc3;
	text[AT + 3] = 0x55;
	CHECK_EQ(patched(), 1);
	CHECK_EQ(text[AT - 2], 0xe9);
	CHECK_EQ(text[AT + 3], 0x55);
	/* what is left of a vmcall is a nop */
	PUT("\x31\xc0\xcd\x1f\x90");
	memmove(text + AT - 2, text + AT - 3, 5);
	CHECK_EQ(patched(), 1);
	CHECK_EQ(text[AT - 2], 0xe8);
}

static void no_room(void)
{
	/* The first tables of all: nobody is yet where calls would lead to. */
	PUT("\xb8\x04\0\0\0\xbb\0\x70\x40\0\xcd\x1f");
	CHECK_EQ(patched(), 0);
	/* INIT; a push, whose stack a call would change; too little */
	PUT("\xb8\x01\0\0\0\xcd\x1f");
	CHECK_EQ(patched(), 0);
	PUT("\x53\x89\xd1\xcd\x1f");
	text[AT + 2] = 0x5b;
	CHECK_EQ(patched(), 0);
	PUT("\x89\xd4\xcd\x1f");	/* of esp */
	text[AT + 2] = 0xc3;
	CHECK_EQ(patched(), 0);
}

/* A branch of these bytes at `at`, to `to`. */
static void branch(uint32_t at, unsigned opcode, uint32_t to)
{
	uint32_t far = to - (at + 4);

	if (opcode > 0xff)
		text[at - 2] = opcode >> 8;
	text[at - 1] = opcode;
	memcpy(text + at, &far, 4);
}

static void jumps(void)
{
	static const unsigned opcodes[] = { 0xe8, 0xe9, 0x0f84, 0x0f8f };

	for (unsigned i = 0; i < ARRAY_SIZE(opcodes); i++)
		for (uint32_t to = AT - 9; to < AT + 4; to++) {
			PUT("\xb8\x08\0\0\0\x89\xd1\xcd\x1f");
			branch(SIZE - 100, opcodes[i], to);
			CHECK_EQ(patched(), to <= AT - 7 || to > AT);
			branch(100, opcodes[i], to);
		}
	/* Bytes that no opcode is before are a number. */
	PUT("\xb8\x08\0\0\0\x89\xd1\xcd\x1f");
	branch(SIZE - 100, 0x68, AT - 2);
	CHECK_EQ(patched(), 1);
	/* A short one, over its second instruction. */
	PUT("\xb8\x08\0\0\0\x89\xd1\xcd\x1f");
	memcpy(text + AT + 20, "\x75\xe8", 2);	/* to AT - 2 */
	CHECK_EQ(patched(), 0);
}

int main(void)
{
	RUN(kinds);
	RUN(no_room);
	RUN(jumps);
	return rig_done();
}
