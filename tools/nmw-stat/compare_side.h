/* compare_side.h: one of the two rings that are compared: joined, read, looked after. */
#ifndef NMW_STAT_COMPARE_SIDE_H
#define NMW_STAT_COMPARE_SIDE_H

#include "command.h"
#include "compare_pair.h"
#include "compare_view.h"
#include "ring/ring.h"

struct compare_side {
	struct nmw_cons cons;
	struct view_side v;
	struct compare_queue *q;
	uint64_t created_ns; /* of its ring */
	uint64_t ended_ns;   /* CLOCK_MONOTONIC, when its ring was found ended or dead; 0 = live */
	bool begun;	     /* its first message was seen */
	bool away;	     /* its ring has ended: it waits for another of that name */
	bool dead;	     /* its producer died */
};

enum compare_event {
	COMPARE_QUIET,
	COMPARE_ENDED,
	COMPARE_DIED,
	COMPARE_BACK, /* the producer that died is back */
};

int compare_side_open(struct compare_side *s, const char *ring, struct compare_queue *q,
		      const struct command_opts *o, struct nmw_err *e);
void compare_side_close(struct compare_side *s);
/* Takes a burst; *got: whether anything was there; *missed: how many were overwritten unread. */
int compare_side_read(struct compare_side *s, bool exact, unsigned *got, uint64_t *missed,
		      struct nmw_err *e);
/* When nothing comes: is there still somebody?  A system call. */
int compare_side_look(struct compare_side *s, enum compare_event *what, struct nmw_err *e);
/* Is there a live ring of that name that is another one? Then it is joined. 1 = it was. */
int compare_side_again(struct compare_side *s, const struct command_opts *o, struct nmw_err *e);
/* The tools upstream of both rings, as they are now: for latency and loss. */
void compare_sides_tools(struct compare_side s[2]);

#endif
