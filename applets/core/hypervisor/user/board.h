/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel that knows nothing of us expects around its CPU: the chips of
 * the first PCs, as little of each as Linux has ever used.  They live in the
 * stubs, where asking them costs no change of process.  That makes them part
 * of the Guest: what stands in here may be anything, which is why there is no
 * bool, and nothing of it leads out of it.
 */
#ifndef USER_BOARD_H
#define USER_BOARD_H

#include <stdbool.h>
#include <stdint.h>

struct user;

/* An interrupt controller.  A bit for each of its eight lines. */
struct i8259 {
	uint8_t level;		/* which ask for as long as they are high: ELCR */
	uint8_t irr;		/* which ask; a rise does until acknowledged */
	uint8_t isr, imr;
	uint8_t next;		/* to be told to the CPU; 8: none */
	uint8_t base;		/* the first line's vector */
	uint8_t expected;	/* words of the initialisation, a bit each */
	uint8_t auto_eoi, read_isr;
};

/* A counter, worked out from the clock when somebody asks. */
struct i8254_channel {
	uint64_t since;		/* ns; when it began, or if held, how long */
	uint16_t count;		/* it began with; 0: 65536 */
	uint16_t latch;
	uint8_t mode, access;
	uint8_t low;		/* first half of a count */
	uint8_t status;
	uint8_t held;		/* its gate is closed */
	uint8_t empty;		/* a mode, but no count yet */
	uint8_t second_write, second_read;	/* of two */
	uint8_t latched, status_latched;
};

/* All of them.  Nobody else changes anything in here. */
struct board {
	struct i8259 pic[2];	/* the second is line 2 of the first */
	struct i8254_channel pit[3];
	uint8_t port61;		/* gate and loudspeaker */
	uint8_t cmos_index, cmos_b;
};

/* As after a reset; b is zero. */
void board_init(struct board *b);

/*
 * An access to one of these chips' ports: true, and it is done.  Their
 * registers have 8 bits: a wider access is one to each port that it covers.
 */
bool board_port(struct user *u, uint16_t port, bool write, unsigned width,
		uint32_t *value);

/*
 * The vector that the CPU would get now, or -1.  Takes in u->irqs, lines that
 * have risen, and u->levels, those that are high; whether the CPU wants it, whoever asks has to know.
 */
int board_irq(struct user *u);

/*
 * The CPU takes it: its vector.  Without a board_irq() that had one this is
 * what the chips say to a CPU that came in vain, which is their last line's.
 */
unsigned board_acknowledge(struct user *u);

/* ns of one of the Host's clocks. */
uint64_t board_clock(int id);

/*
 * --- the chips, for board.c: what a read gives; a write gives nothing ---
 */

/* Port: of each 8259, 0 or 1; of the 8254, 0 to 3. */
uint8_t i8259_port(struct user *u, unsigned chip, unsigned port, bool write,
		   uint8_t value);
uint8_t i8254_port(struct board *b, unsigned port, bool write, uint8_t value);

/*
 * Until the timer's next interrupt, in ns; 0: there will be none, or they come
 * too fast to wait for.  Whoever waits for it himself stops FD_TIMER meanwhile,
 * and then lets it go on: with what is left of that time, or 0 if it came.
 */
uint64_t i8254_next(const struct board *b);
void i8254_resume(const struct board *b, uint64_t left);

/* Port 0x61: the third channel's gate and output, and memory's refresh. */
uint8_t i8254_gate(struct board *b, bool write, uint8_t value);

/* The register b->cmos_index. */
uint8_t mc146818_data(struct board *b, bool write, uint8_t value);

#endif
