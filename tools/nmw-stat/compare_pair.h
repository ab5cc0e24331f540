/* compare_pair.h: which message of one ring stands against which of the other.
 *
 * Message n stands against message n, by their numbers on the rings, as long as both rings are
 * whole.  A message bears the number of the input message that caused it (in_seq), and by that the
 * two are brought together again where that does not do: one engine answered an order with a
 * message more than the other; a ring was made anew; what was overwritten unread was not as many on
 * both.
 *
 *      A   1 2 3 4 5 6 7 8          cause of A's 4: input 31;  of B's 4: input 32
 *      B   1 2 3   4 5 6 7          so A's 4 has no counterpart: missing in B; A's 5 against B's 4
 *
 * What is passed over since the other side's was never read is no difference, and counted by
 * itself. Pure: no ring, no clock, no output.
 */
#ifndef NMW_STAT_COMPARE_PAIR_H
#define NMW_STAT_COMPARE_PAIR_H

#include "compare.h"

struct compare_queue {
	struct compare_copy *window; /* COMPARE_WINDOW of them */
	uint64_t head, tail;	     /* window[tail..head-1] wait for the other side */
	uint64_t next; /* number of the next one, when none is missing; 0 = not known */
	bool ended;    /* no more will come */
};

enum compare_align {
	COMPARE_BY_NUMBER = 0, /* at the start, and after a hole */
	COMPARE_BY_CAUSE,      /* numbers say nothing */
	COMPARE_FIRM,	       /* the first of one stands against the first of the other */
};

enum compare_verdict {
	COMPARE_WAIT, /* for more messages */
	COMPARE_EQUAL,
	COMPARE_DIFFERENT,
	COMPARE_MISSING, /* the second ring has none for the first's */
	COMPARE_EXTRA,	 /* the first ring has none for the second's */
	COMPARE_SKIPPED, /* cannot be compared: the other side's was not read */
};

struct compare_pair {
	struct compare_queue q[2];
	enum compare_align align;
	int64_t shift;	      /* number on the second ring - number on the first */
	uint64_t cause_shift; /* the same of what caused them */
	unsigned tries;	      /* by cause, in vain */
	/* of the last verdict; NULL: none of that side.  They stand until messages are added. */
	const struct compare_copy *of[2];
};

static inline struct compare_copy *compare_at(const struct compare_queue *q, uint64_t i)
{
	return &q->window[i % COMPARE_WINDOW];
}

/* Takes the next verdict, and the messages that it is about from their queues. */
enum compare_verdict compare_next(struct compare_pair *p);
/* Both rings will be others: their numbers begin anew. The queues are empty. */
void compare_anew(struct compare_pair *p);
/* One side is another ring from now on, the other goes on. Returns how many messages that waited
 * for their counterparts are given up. */
uint64_t compare_remade(struct compare_pair *p);
/* Messages by which the second side's last is behind the first's. */
uint64_t compare_lag(const struct compare_pair *p);

#endif
