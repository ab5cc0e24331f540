/* stage.h: what every program on the pipeline shares: its rings, signals, waiting, counters.
 *
 *   int main(argc, argv):
 *       nmw_stage_init(&st, "nmw-match", NMW_STAGE_IN | NMW_STAGE_OUT);
 *       nmw_opt_parse(...)                    with nmw_stage_opts(&st) as one of its groups
 *       nmw_stage_open(&st, &err)             joins / makes rings, hands over, opens the counters
 *       while (nmw_stage_go(&st)) { poll a burst, slot/fill/commit, flush; if nothing: idle }
 *       return nmw_stage_close(&st, &err)     final figures; exit status
 *
 * Options it owns: -i/--in RING (repeatable) -o/--out RING --wait DURATION --pages auto|huge|normal
 * --slots COUNT --slot-size SIZE --frames SIZE --burst N --wait-mode auto|spin|park
 * --on-full wait|drop --consumer NAME --after NAME --min-consumers N --discard --group --name NAME
 * --cpu N --log-level --log-format text|json --quiet.
 *
 * SIGINT/SIGTERM: stop the input, drain, final figures, exit 0; a second one leaves at once.
 * SIGUSR1 prints figures. SIGPIPE is ignored.
 */
#ifndef NMW_STAGE_STAGE_H
#define NMW_STAGE_STAGE_H

#include "base/err.h"
#include "base/opt.h"
#include "ring/ring.h"
#include "ring/wait.h"
#include "stat/metrics.h"
#include <stdbool.h>

#define NMW_STAGE_IN  1u
#define NMW_STAGE_OUT 2u
#define NMW_STAGE_INS 16u
#define NMW_BURST_DEF 32u
#define NMW_BURST_MAX 256u

struct nmw_stage {
	const char *tool;
	const char *command; /* as one types it, for advice; set after init where it is not tool */
	unsigned flags;
	/* inputs and output, valid after open */
	struct nmw_cons in[NMW_STAGE_INS];
	unsigned n_in;
	uint8_t in_route[NMW_STAGE_INS]; /* only messages of that route; 0 = all */
	unsigned in_turn;		 /* which input the last burst came from */
	struct nmw_prod out;
	bool has_out;
	unsigned burst;	  /* messages a burst, 1..NMW_BURST_MAX */
	unsigned pending; /* slots filled and not yet published */
	unsigned granted; /* slots that may be filled before asking the ring again */
	uint64_t pending_bytes;
	uint64_t turn; /* messages taken in since there was nothing to take */
	bool strict, drop_on_full;
	bool dropped; /* why the last slot was refused: its message was counted as dropped */
	struct nmw_metrics *m;
	struct nmw_wait wait;
	/* how it ends */
	bool stopping;	    /* asked to stop by a signal */
	bool drained;	    /* all inputs closed and read to the end, or the source is done */
	bool failed;	    /* an error was noted */
	bool comes_back;    /* set by stages that can: after an error the output ring is left as by
			     * a crash, not closed, so that its readers wait for the restart */
	enum nmw_exit exit; /* worst so far */
	/* of what comes out: an input's, or what the stage itself found; the worst so far. FAILED:
	 * an input's producer ended with an error, so that `drained` stays false */
	enum nmw_ring_flaw flaw;
	uint32_t calls; /* of nmw_stage_go since the last look at the clock */
	struct nmw_stage_cold *cold;
};

int nmw_stage_init(struct nmw_stage *st, const char *tool, unsigned flags);
const struct nmw_opt *nmw_stage_opts(struct nmw_stage *st);
/* Between parsing and open: the stage is this named consumer unless --consumer says otherwise. */
void nmw_stage_consumer(struct nmw_stage *st, const char *name);
/* Between parsing and open: unless --frames says otherwise, the output has at least that many bytes
 * of frames. */
void nmw_stage_frames(struct nmw_stage *st, uint64_t bytes);
uint64_t nmw_stage_slots(const struct nmw_stage *st); /* --slots */
/* Between parsing and open, for a source with queues: there will be n outputs, RING.0 to RING.n-1
 * of -o RING, each with counters of its own. This stage has the first. */
int nmw_stage_split(struct nmw_stage *st, unsigned n, struct nmw_err *e);
/* After open: *to becomes a stage with output i of `st`, which lives longer. It is closed by
 * nmw_stage_close, and may belong to another thread. */
int nmw_stage_sibling(struct nmw_stage *to, const struct nmw_stage *st, unsigned i,
		      struct nmw_err *e);
/* After parsing: --on-full drop. */
bool nmw_stage_drops(const struct nmw_stage *st);
/* After parsing: what the command line alone shows to be wrong with the rings; open asks it too.
 * For a stage that has something dear to open before. */
int nmw_stage_check(const struct nmw_stage *st, struct nmw_err *e);
int nmw_stage_open(struct nmw_stage *st, struct nmw_err *e);

/* True while the stage should go on: not drained, not stopped, no peer lost. Cheap (loads only);
 * does housekeeping (liveness, heartbeat, SIGUSR1 figures) about every 10 ms. A source (no input)
 * says itself that it is done by nmw_stage_done. */
bool nmw_stage_go(struct nmw_stage *st);
bool nmw_stage_quiet(const struct nmw_stage *st); /* --quiet: no figures at the end */
bool nmw_stage_group(const struct nmw_stage *st); /* --group */
bool nmw_stage_named(
	const struct nmw_stage *st); /* --consumer: what it has released is never seen again */
/* A second stop signal came: whatever waits outside the stage (a blocked write) gives up. */
bool nmw_stage_leaving(void);
/* The next nmw_stage_go looks at the clock, and so at peers and signals, however few calls there
 * were: for a caller that waited. */
static inline void nmw_stage_look_soon(struct nmw_stage *st)
{
	st->calls = UINT32_MAX - 1;
}
void nmw_stage_done(struct nmw_stage *st);
/* What comes out is not whole: said to the next stage when this one closes. */
void nmw_stage_flaw(struct nmw_stage *st, enum nmw_ring_flaw flaw);
/* The next input with messages: returns how many (up to st->burst), *c the input; 0 = none ready.
 */
unsigned nmw_stage_poll(struct nmw_stage *st, struct nmw_cons **c);
/* Nothing to do: waits a step; notices the end of inputs and dead peers. */
void nmw_stage_idle(struct nmw_stage *st);
static inline void nmw_stage_busy(struct nmw_stage *st)
{
	nmw_wait_busy(&st->wait);
}
/* What is pending is published; true: there is room for more, at once. */
bool nmw_stage_more(struct nmw_stage *st);
/* Slow paths of the two below. */
bool nmw_stage_grow(struct nmw_stage *st);
uint8_t *nmw_stage_frame(struct nmw_stage *st, struct nmw_slot **s, uint32_t len);
/* The stage must end at once: output may have been lost, so the input of this burst is not to be
 * handed back (a named consumer meets it again). */
bool nmw_stage_cut(const struct nmw_stage *st);
void nmw_stage_flush(struct nmw_stage *st); /* publishes what is pending, with counts and latency */

/* The next output slot, with room for len payload bytes at *payload; the caller fills in all but
 * seq, len and frame_off (it may lower len), then commits.  Waits for room under backpressure.
 * NULL: the stage must end, or with --on-full drop the ring is full: the message was counted as
 * dropped; or it is longer than a frame can hold (counted as too_long). st->dropped tells. */
static inline struct nmw_slot *nmw_stage_slot(struct nmw_stage *st, uint32_t len, uint8_t **payload)
{
	if (__builtin_expect(st->pending == st->granted, 0) && !nmw_stage_grow(st))
		return NULL;
	struct nmw_slot *s = nmw_prod_slot(&st->out, st->pending);
	*payload = nmw_prod_payload(&st->out, s, len);
	if (__builtin_expect(!*payload, 0))
		*payload = nmw_stage_frame(st, &s, len);
	return *payload ? s : NULL;
}

/* The message in the slot is complete; a full burst is published. */
static inline void nmw_stage_commit(struct nmw_stage *st, const struct nmw_slot *s)
{
	st->pending_bytes += s->len;
	if (++st->pending >= st->burst)
		nmw_stage_flush(st);
}

/* Copies a whole message (descriptor fields of src, payload bytes) to the output: control messages
 * that pass through. False: see nmw_stage_slot. */
bool nmw_stage_forward(struct nmw_stage *st, const struct nmw_slot *src, const uint8_t *payload,
		       uint32_t len);
/* The ingress-to-now latency of a burst. Its messages mostly came in together: one record a run of
 * those that did. Start with now_ns alone, add each message (ingress_ns 0 = unknown), end. */
struct nmw_stage_latency {
	uint64_t now_ns, ingress_ns;
	unsigned n; /* messages of the run */
};
void nmw_stage_latency_end(struct nmw_stage *st, struct nmw_stage_latency *run);
static inline void nmw_stage_latency_add(struct nmw_stage *st, struct nmw_stage_latency *run,
					 uint64_t ingress_ns, unsigned n)
{
	if (ingress_ns != run->ingress_ns) {
		nmw_stage_latency_end(st, run);
		run->ingress_ns = ingress_ns;
	}
	run->n += n;
}
/* Corrupt input, dead peer: notes the error (first one wins), nmw_stage_go turns false. */
void nmw_stage_fail(struct nmw_stage *st, const struct nmw_err *e);
/* Closes rings in order, prints the final figures (unless --quiet) and the error; exit status. */
int nmw_stage_close(struct nmw_stage *st, const struct nmw_err *e);

#endif
