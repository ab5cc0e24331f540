/* stage.h: what every program on the pipeline shares: its rings, signals, waiting, counters.
 *
 *   int main(argc, argv):
 *       nmw_stage_init(&st, "nmw-match", NMW_STAGE_IN | NMW_STAGE_OUT);
 *       nmw_opt_parse(...)                    with nmw_stage_opts(&st) as one of its groups
 *       nmw_stage_open(&st, &err)             joins / makes rings, hands over, opens the counters
 *       while (nmw_stage_go(&st)) { poll a burst; if nothing: nmw_stage_idle(&st); }
 *       return nmw_stage_close(&st, &err)     final figures; exit status
 *
 * Options it owns: -i/--in RING (repeatable) -o/--out RING --wait DURATION --pages auto|huge|normal
 * --slots COUNT --slot-size SIZE --frames SIZE --burst N --wait-mode auto|spin|park
 * --on-full wait|drop --consumer NAME --after NAME --min-consumers N --discard --group --name NAME
 * --cpu N --strict --log-level --log-format text|json --quiet.
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
	unsigned flags;
	/* inputs and output, valid after open */
	struct nmw_cons in[NMW_STAGE_INS];
	unsigned n_in;
	unsigned in_turn; /* which input the last burst came from */
	struct nmw_prod out;
	bool has_out;
	unsigned burst; /* messages a burst, 1..NMW_BURST_MAX */
	bool strict, drop_on_full;
	struct nmw_metrics *m;
	struct nmw_wait wait;
	/* how it ends */
	bool stopping;	    /* asked to stop by a signal */
	bool drained;	    /* all inputs closed and read to the end */
	enum nmw_exit exit; /* worst so far */
	struct nmw_stage_cold *cold;
};

int nmw_stage_init(struct nmw_stage *st, const char *tool, unsigned flags);
const struct nmw_opt *nmw_stage_opts(struct nmw_stage *st);
int nmw_stage_open(struct nmw_stage *st, struct nmw_err *e);

/* True while the stage should go on: not drained, not stopped, no peer lost. Cheap (loads only);
 * does housekeeping (liveness, heartbeat, SIGUSR1 figures) about every 10 ms. A source (no input)
 * says itself that it is done by nmw_stage_done. */
bool nmw_stage_go(struct nmw_stage *st);
void nmw_stage_done(struct nmw_stage *st);
/* The next input with messages: returns how many (up to st->burst), *c the input; 0 = none ready.
 */
unsigned nmw_stage_poll(struct nmw_stage *st, struct nmw_cons **c);
/* Nothing to do: waits a step; notices the end of inputs and dead peers. */
void nmw_stage_idle(struct nmw_stage *st);
static inline void nmw_stage_busy(struct nmw_stage *st)
{
	nmw_wait_busy(&st->wait);
}
/* Room for at least `want` (<= slots) in the output: waits under backpressure, counts. Returns the
 * room (>= want), or 0 when the stage must end (peer died, second signal) or with --on-full drop.
 */
unsigned nmw_stage_room(struct nmw_stage *st, unsigned want);
/* Publishes n filled slots and counts out_messages/out_bytes and latency. */
void nmw_stage_publish(struct nmw_stage *st, unsigned n);
/* Copies a whole message (descriptor fields of src, payload bytes) to the output: control messages
 * that pass through. 0, -EAGAIN (see nmw_stage_room). */
int nmw_stage_forward(struct nmw_stage *st, const struct nmw_slot *src, const uint8_t *payload,
		      uint32_t len);
/* Corrupt input, dead peer: notes the error (first one wins), nmw_stage_go turns false. */
void nmw_stage_fail(struct nmw_stage *st, const struct nmw_err *e);
/* Closes rings in order, prints the final figures (unless --quiet) and the error; exit status. */
int nmw_stage_close(struct nmw_stage *st, const struct nmw_err *e);

#endif
