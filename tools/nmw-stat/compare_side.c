#include "compare_side.h"
#include "tap.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BURST 256u

/* ---- tools: latency and loss ----------------------------------------------------------------- */

/* The tools upstream of a ring, as they were last seen: their blocks go with them. */
static struct view_side_tool *tool_of(struct view_side *v, const struct state_tool *t)
{
	for (unsigned i = 0; i < v->n_tools; i++)
		if (v->tool[i].last->pid == t->m.pid &&
		    v->tool[i].last->started_ns == t->m.started_ns)
			return &v->tool[i];
	if (v->n_tools == VIEW_SIDE_TOOLS)
		return NULL;
	struct view_side_tool *x = &v->tool[v->n_tools];
	x->last = calloc(1, sizeof *x->last);
	x->first = calloc(1, sizeof *x->first);
	if (!x->last || !x->first) {
		free(x->last);
		free(x->first);
		return NULL;
	}
	*x->first = t->m;
	v->n_tools++;
	return x;
}

static void look_upstream(struct view_side *v, const struct state *s, const char *ring,
			  unsigned depth)
{
	for (unsigned i = 0; depth && i < s->n_tools; i++) {
		const struct state_tool *t = s->tools[i];
		if (!t->readable || !*ring || strcmp(t->m.out_ring, ring) != 0)
			continue;
		struct view_side_tool *x = tool_of(v, t);
		if (!x)
			return;
		*x->last = t->m;
		x->end = depth == VIEW_SIDE_TOOLS;
		for (unsigned k = 0; k < NMW_METRICS_RINGS - 1; k++)
			look_upstream(v, s, t->m.in_ring[k], depth - 1);
	}
}

void compare_sides_tools(struct compare_side side[2])
{
	struct state s;
	struct nmw_err e = NMW_ERR_INIT;
	if (state_take(&s, NULL, &e))
		return;
	for (unsigned i = 0; i < 2; i++)
		look_upstream(&side[i].v, &s, side[i].v.ring, VIEW_SIDE_TOOLS);
	state_free(&s);
}

/* ---- joining --------------------------------------------------------------------------------- */

static int join(struct compare_side *s, const struct command_opts *o, uint64_t wait_ns,
		struct nmw_err *e)
{
	struct nmw_ring_info i;
	int rc = tap_join(&s->cons, s->v.ring, !o->hold, wait_ns, e);
	if (rc)
		return rc;
	s->created_ns = nmw_ring_inspect(s->v.ring, &i, NULL) ? 0 : i.created_ns;
	s->away = s->dead = s->begun = false;
	s->ended_ns = 0;
	return 0;
}

int compare_side_open(struct compare_side *s, const char *ring, struct compare_queue *q,
		      const struct command_opts *o, struct nmw_err *e)
{
	s->v.ring = ring;
	s->q = q;
	q->window = calloc(COMPARE_WINDOW, sizeof *q->window);
	if (!q->window)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	return join(s, o, o->follow ? UINT64_MAX : o->wait_ns, e);
}

void compare_side_close(struct compare_side *s)
{
	nmw_cons_leave(&s->cons, false);
	for (unsigned i = 0; i < s->v.n_tools; i++) {
		free(s->v.tool[i].first);
		free(s->v.tool[i].last);
	}
	if (s->q)
		free(s->q->window);
}

int compare_side_again(struct compare_side *s, const struct command_opts *o, struct nmw_err *e)
{
	struct nmw_ring_info i;
	if (nmw_ring_inspect(s->v.ring, &i, NULL) || i.created_ns == s->created_ns ||
	    i.state != NMW_RING_LIVE)
		return 0;
	nmw_cons_leave(&s->cons, false);
	int rc = join(s, o, 0, e);
	return rc ? rc : 1;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int corrupt(const struct compare_side *s, struct nmw_err *e)
{
	return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
			   "ring %s: message %" PRIu64
			   " does not lie in the ring: restart its producer with --discard",
			   s->v.ring, s->cons.next);
}

/* Copies first; they count only if the ring still held them afterwards. */
int compare_side_read(struct compare_side *s, bool exact, unsigned *got, uint64_t *missed,
		      struct nmw_err *e)
{
	struct compare_queue *q = s->q;
	uint64_t room = COMPARE_WINDOW - (q->head - q->tail);
	*got = 0;
	*missed = 0;
	if (s->away)
		return 0;
	unsigned n = nmw_cons_ready(&s->cons, room < BURST ? (unsigned)room : BURST);
	uint64_t lost = nmw_cons_missed(&s->cons);
	bool wild = false;
	for (unsigned i = 0; i < n && !lost && !wild; i++) {
		uint64_t desc[NMW_DESC_SZ / 8];
		struct nmw_slot *d = (struct nmw_slot *)(void *)desc;
		const uint8_t *p;
		uint32_t len;
		wild = !nmw_cons_take(&s->cons, i, d, &p, &len);
		if (!wild)
			compare_take(compare_at(q, q->head + i), d, p, len, exact);
	}
	lost += lost ? 0 : nmw_cons_missed(&s->cons);
	*got = lost ? 1 : n;
	*missed = s->begun ? lost : 0;
	s->v.missed += *missed;
	if (lost || !n)
		return 0;
	if (wild)
		return corrupt(s, e);
	s->begun = true;
	q->head += n;
	s->v.messages += n;
	nmw_cons_release(&s->cons, n);
	return 0;
}

static bool died(struct compare_side *s)
{
	if (s->dead)
		return false;
	s->dead = true;
	s->ended_ns = nmw_clock_mono();
	return true;
}

int compare_side_look(struct compare_side *s, enum compare_event *what, struct nmw_err *e)
{
	*what = COMPARE_QUIET;
	if (s->q->ended || s->away)
		return 0;
	enum nmw_ring_state state = nmw_cons_state(&s->cons);
	if (s->dead && state == NMW_RING_LIVE) {
		s->dead = false;
		*what = COMPARE_BACK;
	}
	if (nmw_cons_ready(&s->cons, 1)) /* asked after the state: nothing is missed */
		return 0;
	if (state == NMW_RING_CORRUPT)
		return corrupt(s, e);
	if (state == NMW_RING_DEAD && died(s))
		*what = COMPARE_DIED;
	if (state != NMW_RING_CLOSED)
		return 0;
	s->q->ended = true;
	s->ended_ns = nmw_clock_mono();
	*what = COMPARE_ENDED;
	return 0;
}
