/* wait.h: what a stage does when there is nothing to do.
 *
 * auto: spin 2 us, then sleep 20 us, doubling to 200 us; after 1 ms idle a futex, so that an idle
 * pipeline uses next to no CPU.  Spins longer only where it may use 4 CPUs or more; in
 * a stream that is faster than the sleeps it does not spin and starts with longer ones.  Where
 * turns of work come one by one, 40 us apart or more, it is the futex at once: waking costs the
 * producer a system call, which it has the time for, and a timed sleep would be in each message's
 * way; and where stages share CPUs the spin is left out, for it is in the way of the next stage.
 * spin: never sleeps; where stages share CPUs each look ends with sched_yield(2), so that the next
 * stage has its turn, and a turn of work does after 128 messages, so that they are still near then;
 * after more where nobody wanted the CPU; the first stage, when nobody had anything to do, looks
 * for packets for 10 us before the others have their turns again.  park: sleeps at once.
 */
#ifndef NMW_RING_WAIT_H
#define NMW_RING_WAIT_H

#include "ring/ring.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_WAIT_NAP_MIN 20000u	 /* ns of the first timed sleep */
#define NMW_WAIT_NAP_MAX 200000u /* it doubles up to here */

enum nmw_wait_mode { NMW_WAIT_AUTO, NMW_WAIT_SPIN, NMW_WAIT_PARK };

/* Stages that spin on one CPU have their turns in an order that chance decides: a message wants
 * receive, match, send; in the order receive, send, match it waits for a whole round, and where two
 * stand in one place in the scheduler's line, one now and then has two turns for one of the other.
 * So each says when it had its turn, and one in the middle that does not mostly see a turn of its
 * ring's reader, then one of the writer of the ring that it reads, changes its place, or has the
 * reader change its own: by turns, until it helps. */
struct nmw_wait_order {
	struct nmw_ring_turns in, out; /* all NULL: none, or nobody looks */
	uint64_t last;		       /* turn of ours */
	uint32_t wrong;		       /* turns in the wrong order, less some for right ones */
	uint32_t patience;	       /* changes that did not help */
	uint32_t changes, places;      /* of the order; of the own place */
	uint64_t ask, asked; /* to change the place, by a bit of the turn that turns over */
	uint64_t back_ns;    /* when the others had had their turns */
	bool quiet;	     /* and nothing to do in them */
};

struct nmw_wait {
	enum nmw_wait_mode mode;
	bool alone;	     /* CPUs are plenty */
	uint64_t idle_since; /* ns, 0 = busy */
	uint64_t sleep_ns;   /* next timed sleep */
	uint64_t first_ns; /* first timed sleep, NMW_WAIT_NAP_MIN..MAX; longer ones are not preceded
			    * by spinning: see nmw_wait_turn */
	uint64_t spin_ns;  /* idle time before the first sleep */
	uint64_t longest_ns; /* sleep, for a stage that looks after more than its ring; 0 = 10 ms */
	uint64_t turn_ns;    /* when the last turn of work was over */
	uint64_t gap_ns;     /* between two turns, about; at most a millisecond each */
	uint64_t ahead;	     /* messages passed on in this turn */
	uint64_t turn_msgs;  /* that end it, NMW_WAIT_AHEAD..MAX */
	uint64_t spins, parks;
	struct nmw_wait_order order;
};

#define NMW_WAIT_SPARSE 40000u /* ns between turns */

void nmw_wait_init(struct nmw_wait *w, enum nmw_wait_mode mode);
/* Asks the scheduler for short slices (Linux 6.12; they stay as they were before that, and where a
 * priority was set that is no nice value). Of stages that share a CPU, one with a shorter slice
 * that is woken runs at once: a message is on its way, and who takes it on comes before who may
 * bring another. Who spins gives up its turns by itself, and all get as many when their slices are
 * equal. */
void nmw_wait_place(const struct nmw_wait *w, bool in, bool out);
static inline void nmw_wait_busy(struct nmw_wait *w)
{
	w->idle_since = 0;
}
/* A turn of work is over, n messages of a ring of `slots`, and nothing more is there. In a stream
 * that outruns the sleep, the next one is longer: larger turns, fewer switches between stages that
 * share a CPU; up to an eighth of the ring. */
void nmw_wait_turn(struct nmw_wait *w, uint64_t n, uint64_t slots);
/* The same for a stage that has no ring to read. */
void nmw_wait_gap(struct nmw_wait *w, uint64_t now_ns);
/* Turns of work come one by one. */
static inline bool nmw_wait_sparse(const struct nmw_wait *w)
{
	return w->gap_ns >= NMW_WAIT_SPARSE && w->first_ns == NMW_WAIT_NAP_MIN;
}
/* Idle for a time that is worth a busy CPU: not yet asleep. */
static inline bool nmw_wait_spins(const struct nmw_wait *w, uint64_t idle_ns)
{
	return w->mode == NMW_WAIT_SPIN ||
	       (w->mode == NMW_WAIT_AUTO && idle_ns < w->spin_ns &&
		w->first_ns == NMW_WAIT_NAP_MIN && (w->alone || !nmw_wait_sparse(w)));
}
/* Between two looks of a stage that spins: a pause, or another stage's turn. */
void nmw_wait_turn_over(struct nmw_wait *w);
#define NMW_WAIT_AHEAD	   128u
#define NMW_WAIT_AHEAD_MAX 4096u
/* Ends a turn in a stream; the next one is longer where nobody wanted the CPU. */
void nmw_wait_let_by(struct nmw_wait *w);
/* n messages were passed on. */
static inline void nmw_wait_passed(struct nmw_wait *w, uint64_t n)
{
	w->ahead += n;
	if (w->mode == NMW_WAIT_SPIN && !w->alone && w->ahead >= w->turn_msgs)
		nmw_wait_let_by(w);
}
/* One step of waiting; c (may be NULL) is the ring to sleep on. Returns idle ns so far;
 * spin: 0 for 63 of 64 calls, which do not look at the clock. */
uint64_t nmw_wait_idle(struct nmw_wait *w, struct nmw_cons *c);

#endif
