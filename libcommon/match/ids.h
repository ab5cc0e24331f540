/* ids.h: session ids of several inputs, each of which counts its own from 1.
 *
 * Each (input, session) gets the next id when it first appears, so that ids stay dense: a sink
 * makes ports of them.  An input is its ring's name: the order of -i does not matter, nor that a
 * ring was made anew.  With one input ids stay as they are, and only the highest is kept, so that
 * none of them is given out when a journal goes on with several inputs; once there are pairs they
 * hold.
 *
 * Lies behind the engine in its region, and is part of a snapshot; new pairs are notes in the log.
 * No pointers, no allocation, one thread.  A look-up is one line as a rule.
 */
#ifndef NMW_MATCH_IDS_H
#define NMW_MATCH_IDS_H

#include <stddef.h>
#include <stdint.h>

struct nmw_ids_pair {
	uint32_t input; /* see nmw_ids_input */
	uint32_t session;
	uint32_t id; /* 0 = free */
};

struct nmw_ids {
	uint32_t max, count; /* pairs */
	uint32_t mask;	     /* places - 1: at most half of them are used */
	uint32_t top;	     /* highest id so far */
	struct nmw_ids_pair place[];
};

size_t nmw_ids_footprint(uint32_t max);
/* mem: zeroed, 64-byte aligned. */
void nmw_ids_init(struct nmw_ids *t, uint32_t max);
/* What stands for an input of that name. */
uint32_t nmw_ids_input(const char *name);
/* The id of a pair; 0 = it has none. */
uint32_t nmw_ids_find(const struct nmw_ids *t, uint32_t input, uint32_t session);
/* Gives the next id to a pair that has none; 0: the table is full. */
uint32_t nmw_ids_add(struct nmw_ids *t, uint32_t input, uint32_t session);
/* An id that is in use as it came. */
static inline void nmw_ids_seen(struct nmw_ids *t, uint32_t id)
{
	if (id > t->top)
		t->top = id;
}

#endif
