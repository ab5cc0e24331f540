#include "compare.h"
#include "command.h"
#include "tap.h"

#include "base/clock.h"
#include "base/log.h"
#include "wire/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BURST	   256u
#define SLEEP_NS   (50ull * 1000)
#define LOOK_EVERY (50ull * 1000 * 1000) /* between two looks at rings and tools */

struct side {
	struct nmw_cons cons;
	struct view_side v;
	struct compare_copy *window;
	uint64_t head, tail; /* window[tail..head-1] wait for the other side */
	bool ended;
	bool begun; /* its first message was seen */
};

struct compare {
	struct side side[2];
	const struct command_opts *o;
	uint64_t looked_ns;
	uint64_t limit;
	struct view_compare v;
};

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

static void look_at_tools(struct compare *c)
{
	struct state s;
	struct nmw_err e = NMW_ERR_INIT;
	if (state_take(&s, NULL, &e))
		return;
	for (unsigned i = 0; i < 2; i++)
		look_upstream(&c->side[i].v, &s, c->side[i].v.ring, VIEW_SIDE_TOOLS);
	state_free(&s);
}

/* ---- reading --------------------------------------------------------------------------------- */

static struct compare_copy *at(struct side *s, uint64_t i)
{
	return &s->window[i % COMPARE_WINDOW];
}

static int corrupt(const struct side *s, struct nmw_err *e)
{
	return nmw_err_set(e, -EPROTO, NMW_EXIT_PEER,
			   "ring %s: message %" PRIu64
			   " does not lie in the ring: restart its producer with --discard",
			   s->v.ring, s->cons.next);
}

/* Copies first; they count only if the ring still held them afterwards. */
static int read_side(struct compare *c, struct side *s, unsigned *got, struct nmw_err *e)
{
	uint64_t room = COMPARE_WINDOW - (s->head - s->tail);
	unsigned n = nmw_cons_ready(&s->cons, room < BURST ? (unsigned)room : BURST);
	uint64_t missed = nmw_cons_missed(&s->cons);
	bool wild = false;
	for (unsigned i = 0; i < n && !missed && !wild; i++) {
		uint64_t desc[NMW_DESC_SZ / 8];
		struct nmw_slot *d = (struct nmw_slot *)(void *)desc;
		const uint8_t *p;
		uint32_t len;
		wild = !nmw_cons_take(&s->cons, i, d, &p, &len);
		if (!wild)
			compare_take(at(s, s->head + i), d, p, len, c->o->exact);
	}
	missed += missed ? 0 : nmw_cons_missed(&s->cons);
	*got = missed ? 1 : n;
	s->v.missed += s->begun ? missed : 0;
	if (missed || !n)
		return 0;
	if (wild)
		return corrupt(s, e);
	s->begun = true;
	s->head += n;
	s->v.messages += n;
	nmw_cons_release(&s->cons, n);
	return 0;
}

static int look_at_side(struct side *s, struct nmw_err *e)
{
	if (s->ended)
		return 0;
	enum nmw_ring_state state = nmw_cons_state(&s->cons);
	if (nmw_cons_ready(&s->cons, 1))
		return 0;
	s->ended = state == NMW_RING_CLOSED;
	if (state == NMW_RING_DEAD)
		return nmw_err_set(e, -ECONNRESET, NMW_EXIT_PEER,
				   "ring %s: its producer died: look at its error", s->v.ring);
	return state == NMW_RING_CORRUPT ? corrupt(s, e) : 0;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void describe(struct compare_copy *c, char text[VIEW_MESSAGE])
{
	if (c->len > COMPARE_KEPT ||
	    nmw_schema_text(compare_slot(c), c->payload, c->len, text, VIEW_MESSAGE) < 0)
		snprintf(text, VIEW_MESSAGE, "%u bytes", c->len);
}

static void differs(struct compare *c, struct compare_copy *a, struct compare_copy *b)
{
	struct view_compare *v = &c->v;
	v->differs = true;
	snprintf(v->what, sizeof v->what, "end");
	if (a) {
		v->seq = compare_slot(a)->seq;
		describe(a, v->text[0]);
	}
	if (b) {
		v->seq = compare_slot(b)->seq;
		describe(b, v->text[1]);
	}
	if (a && b)
		compare_name(a, b, v->what);
}

/* What one side has, and the other missed or had overwritten before this began, is passed over. */
static void match(struct compare *c)
{
	struct side *a = &c->side[0], *b = &c->side[1];
	while (a->tail < a->head && b->tail < b->head && !c->v.differs &&
	       (!c->limit || c->v.compared < c->limit)) {
		struct compare_copy *x = at(a, a->tail), *y = at(b, b->tail);
		uint64_t i = compare_slot(x)->seq, k = compare_slot(y)->seq;
		if (i == k && !compare_same(x, y))
			differs(c, x, y);
		else if (i == k)
			c->v.compared++;
		else
			c->v.alone += c->v.compared > 0;
		a->tail += i <= k;
		b->tail += k <= i;
	}
	for (unsigned i = 0; i < 2; i++) {
		struct side *s = &c->side[i], *other = &c->side[!i];
		if (!c->v.differs && other->ended && other->tail == other->head &&
		    s->tail < s->head && (!c->limit || c->v.compared < c->limit))
			differs(c, i ? NULL : at(s, s->tail), i ? at(s, s->tail) : NULL);
	}
}

static bool done(const struct compare *c)
{
	const struct side *a = &c->side[0], *b = &c->side[1];
	return c->v.differs || command_stops() || (c->limit && c->v.compared >= c->limit) ||
	       (a->ended && b->ended && (a->tail == a->head || b->tail == b->head));
}

static int follow(struct compare *c, struct nmw_err *e)
{
	int rc = 0;
	while (!rc && !done(c)) {
		unsigned got[2] = {0, 0};
		for (unsigned i = 0; i < 2 && !rc; i++)
			rc = read_side(c, &c->side[i], &got[i], e);
		match(c);
		uint64_t now = nmw_clock_mono();
		if (!rc && now - c->looked_ns >= LOOK_EVERY) {
			c->looked_ns = now;
			look_at_tools(c);
			for (unsigned i = 0; i < 2 && !rc; i++)
				rc = look_at_side(&c->side[i], e);
			match(c); /* what stands alone now that the other has ended */
		}
		if (!got[0] && !got[1])
			nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
	}
	return rc;
}

static int open_side(struct compare *c, struct side *s, const char *ring, struct nmw_err *e)
{
	s->v.ring = ring;
	s->window = calloc(COMPARE_WINDOW, sizeof *s->window);
	if (!s->window)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	return tap_join(&s->cons, ring, !c->o->hold, c->o->wait_ns, e);
}

static void close_side(struct side *s)
{
	nmw_cons_leave(&s->cons, false);
	for (unsigned i = 0; i < s->v.n_tools; i++) {
		free(s->v.tool[i].first);
		free(s->v.tool[i].last);
	}
	free(s->window);
}

/* A difference is one even when messages were missed; that nothing differs is not known then. */
static int verdict(const struct compare *c)
{
	if (c->v.differs)
		return NMW_EXIT_DATA;
	return c->v.alone || c->side[0].v.missed || c->side[1].v.missed ? NMW_EXIT_LOSS : 0;
}

int command_compare(const struct command_args *a, struct nmw_err *e)
{
	struct compare c = {.o = a->o, .limit = a->o->count};
	if (!a->view->compared)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "compare: has no Prometheus form");
	if (!strcmp(a->argv[0], a->argv[1]))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "compare %s %s: are one ring: name the outputs of two pipelines",
				   a->argv[0], a->argv[1]);
	int rc = 0;
	for (unsigned i = 0; i < 2 && !rc; i++)
		rc = open_side(&c, &c.side[i], a->argv[i], e);
	if (!rc) {
		look_at_tools(&c);
		rc = follow(&c, e);
		c.v.side[0] = &c.side[0].v;
		c.v.side[1] = &c.side[1].v;
		if (!rc || !a->view->json) /* an error is a document of its own */
			a->view->compared(stdout, &c.v);
		rc = rc ? rc : verdict(&c);
	}
	close_side(&c.side[0]);
	close_side(&c.side[1]);
	return rc;
}
