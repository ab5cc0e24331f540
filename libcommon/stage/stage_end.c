#include "stage/stage_impl.h"

#include "base/log.h"
#include "ring/handoff.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* The end of a private pipeline is reached when the next stage has taken everything. */
static void drain_output(struct nmw_stage *st)
{
	if (!st->cold->private_out)
		return;
	struct stage_wait w = {0};
	while (nmw_prod_released(&st->out) + 1 < st->out.next ||
	       nmw_prod_consumers(&st->out, NULL) == 0)
		if (!nmw_stage_wait_step(st, &w) || !nmw_handoff_alive_down(STDOUT_FILENO))
			break;
	if (!st->failed)
		nmw_stage_check_downstream(st);
}

/* What the next stage is told of all that came out. */
static enum nmw_ring_flaw flaw_of(const struct nmw_stage *st)
{
	bool refused = st->strict && st->exit == NMW_EXIT_DATA;
	return st->failed || refused || nmw_stage_stops > 1 ? NMW_RING_FAILED : st->flaw;
}

static void close_rings(struct nmw_stage *st)
{
	struct nmw_stage_cold *c = st->cold;
	if (st->has_out) {
		if (!st->failed)
			nmw_stage_flush(st);
		else if (!st->n_in) /* what a source took in and could not hand on any more */
			nmw_drop(st->m, NMW_DROP_reader_gone, st->pending);
		c->closing = true;
		nmw_prod_flaw(&st->out, flaw_of(st));
		if (!st->failed || !st->comes_back || c->private_out)
			nmw_prod_close(&st->out);
		nmw_stage_look_at_routes(st);
		if (!st->failed)
			drain_output(st);
		nmw_prod_leave(&st->out);
	}
	for (unsigned i = 0; i < st->n_in; i++)
		nmw_cons_leave(&st->in[i], c->input_ended[i]);
}

int nmw_stage_close(struct nmw_stage *st, const struct nmw_err *e)
{
	struct nmw_stage_cold *c = st->cold;
	nmw_stage_log_init(
		st); /* an option may be what failed: --log-format json holds for that too */
	if (e && e->err)
		nmw_stage_fail(st, e);
	if (c->faults_looked)
		nmw_stage_count_faults(st);
	close_rings(st);
	if (nmw_stage_stops > 1 && !st->failed) {
		struct nmw_err again = NMW_ERR_INIT;
		nmw_err_set(&again, -EINTR, NMW_EXIT_LOSS,
			    "stopped at once by a second signal: messages may be lost");
		nmw_stage_fail(st, &again);
	}
	if (c->input_err.err)
		nmw_stage_fail(st, &c->input_err);
	int rc = (int)st->exit;
	nmw_log_progress(NULL);
	if (st->m) {
		st->m->state = NMW_TOOL_ENDED;
		if (!c->quiet && c->started_ns)
			nmw_stage_say_figures(st);
	}
	if (st->failed)
		rc = nmw_log_err(&c->err);
	if (st->m)
		nmw_metrics_close(st->m);
	free(c);
	st->cold = NULL;
	return rc;
}
