/* compare: reads two rings, has their messages judged one by one, tells the differences. */
#include "compare_side.h"

#include "base/clock.h"
#include "base/log.h"
#include "stat/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLEEP_MIN_NS (50ull * 1000)
#define SLEEP_MAX_NS (1000ull * 1000)	     /* a ring of 8192 slots fills in 8 ms at 1 Mpps */
#define LOOK_EVERY   (50ull * 1000 * 1000)   /* between two looks at rings and tools */
#define GRACE_NS     (1000ull * 1000 * 1000) /* one ring is made anew, the other perhaps as well */
#define TOLD_AT_ONCE 10u		     /* differences; from then on one a second */

struct compare {
	struct compare_pair p;
	struct compare_side side[2];
	const struct command_opts *o;
	const struct compare_view *view;
	struct compare_result r;
	struct nmw_metrics *m;
	struct nmw_log_limit overrun[2];
	uint64_t looked_ns, sleep_ns;
	uint64_t limit; /* pairs; 0 = no end */
	uint64_t told, untold, told_ns;
	bool anew; /* both rings have ended, and none of the next ones was read yet */
};

/* ---- what is said ---------------------------------------------------------------------------- */

static void say_ring(struct compare *c, unsigned i, const char *event, uint64_t n)
{
	if (c->view->ring)
		c->view->ring(stdout, c->side[i].v.ring, event, n);
}

/* Not more than anybody can read. */
static bool is_told(struct compare *c)
{
	uint64_t now = nmw_clock_mono();
	if (c->told >= TOLD_AT_ONCE && now - c->told_ns < NMW_NS_PER_S) {
		c->untold++;
		return false;
	}
	c->told++;
	c->told_ns = now;
	return true;
}

static void describe(const struct compare *c, struct compare_difference *d, const char *kind)
{
	const struct compare_copy *const *of = c->p.of;
	const struct nmw_slot *s = compare_slot(of[0] ? of[0] : of[1]);
	memset(d, 0, sizeof *d);
	d->kind = kind;
	d->seq = s->seq;
	d->ts_ns = s->ts_ns;
	d->in_seq = s->in_seq;
	d->before = compare_pairs(&c->r);
	for (unsigned i = 0; i < 2; i++) {
		d->there[i] = of[i];
		d->ended = d->ended || (!of[i] && c->p.q[i].ended);
		if (!of[i])
			continue;
		d->session[i] = compare_slot(of[i])->session;
		compare_describe(of[i], &d->text[i]);
	}
	if (of[0] && of[1])
		compare_name(of[0], of[1], d->what, d->differs);
	else
		snprintf(d->what, sizeof d->what, d->ended ? "end" : "message");
}

static void differs(struct compare *c, const char *kind)
{
	static struct compare_difference d;
	if (!is_told(c))
		return;
	describe(c, &d, kind);
	if (!c->r.first.kind)
		c->r.first = d;
	if (c->view->difference)
		c->view->difference(stdout, &c->r, &d, c->untold);
	c->untold = 0;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void note(struct compare *c, enum compare_verdict v)
{
	struct compare_result *r = &c->r;
	switch (v) {
	case COMPARE_EQUAL:
		r->equal++;
		break;
	case COMPARE_DIFFERENT:
		differs(c, "different");
		r->different++;
		break;
	case COMPARE_MISSING:
		differs(c, "missing");
		r->missing++;
		break;
	case COMPARE_EXTRA:
		differs(c, "extra");
		r->extra++;
		break;
	case COMPARE_SKIPPED: /* before the first pair: it had not begun */
		r->skipped += compare_pairs(r) > 0;
		break;
	case COMPARE_WAIT:
		break;
	}
}

static bool enough(const struct compare *c)
{
	return (c->limit && compare_pairs(&c->r) >= c->limit) ||
	       (c->o->stop_on_difference && c->r.first.kind);
}

static void judge(struct compare *c)
{
	enum compare_verdict v = COMPARE_SKIPPED;
	while (v != COMPARE_WAIT && !enough(c)) {
		v = compare_next(&c->p);
		note(c, v);
	}
}

static void publish(struct compare *c)
{
	struct nmw_metrics *m = c->m;
	const struct compare_result *r = &c->r;
	nmw_gauge(m, NMW_M_in_messages, c->side[0].v.messages + c->side[1].v.messages);
	nmw_gauge(m, NMW_M_compared, compare_pairs(r));
	nmw_gauge(m, NMW_M_compared_equal, r->equal);
	nmw_gauge(m, NMW_M_compared_different, r->different);
	nmw_gauge(m, NMW_M_compared_missing, r->missing);
	nmw_gauge(m, NMW_M_compared_extra, r->extra);
	nmw_gauge(m, NMW_M_compared_skipped, r->skipped);
	nmw_gauge(m, NMW_M_compared_overrun, c->side[0].v.missed + c->side[1].v.missed);
	nmw_gauge(m, NMW_M_compared_lag, compare_lag(&c->p));
	__atomic_store_n(&m->heartbeat_ns, nmw_clock_mono(), __ATOMIC_RELAXED);
}

/* ---- rings that end, die, are made anew ------------------------------------------------------ */

static bool drained(const struct compare *c)
{
	const struct compare_queue *a = &c->p.q[0], *b = &c->p.q[1];
	return a->ended && b->ended && a->head == a->tail && b->head == b->tail;
}

static int on_event(struct compare *c, unsigned i, enum compare_event what, struct nmw_err *e)
{
	const char *ring = c->side[i].v.ring;
	if (what == COMPARE_ENDED)
		say_ring(c, i, "ended", c->side[i].v.messages);
	if (what == COMPARE_BACK) {
		nmw_log(NMW_LOG_INFO, "ring %s: its producer is back", ring);
		say_ring(c, i, "back", 0);
	}
	if (what != COMPARE_DIED)
		return 0;
	say_ring(c, i, "died", c->side[i].v.messages);
	if (!c->o->follow)
		return nmw_err_set(e, -ECONNRESET, NMW_EXIT_PEER,
				   "ring %s: its producer died: look at its error", ring);
	nmw_log(NMW_LOG_WARN, "ring %s: its producer died: waiting for it to come back", ring);
	return 0;
}

/* Both have ended, and all was compared: the next ones begin together. */
static void begin_anew(struct compare *c)
{
	nmw_log(NMW_LOG_INFO, "rings %s and %s have ended: waiting for the next ones of that name",
		c->side[0].v.ring, c->side[1].v.ring);
	compare_anew(&c->p);
	c->anew = c->side[0].away = c->side[1].away = true;
}

static int look_for_another(struct compare *c, unsigned i, struct nmw_err *e)
{
	struct compare_side *s = &c->side[i], *other = &c->side[!i];
	bool gone = s->away || s->q->ended || s->dead;
	if (!gone || (!s->away && nmw_clock_mono() - s->ended_ns < GRACE_NS))
		return 0;
	bool together = c->anew && (s->away || other->away);
	int rc = compare_side_again(s, c->o, e);
	if (rc <= 0)
		return rc;
	s->q->ended = false;
	if (!together)
		c->r.skipped += compare_remade(&c->p);
	c->anew = c->anew && other->away;
	nmw_log(NMW_LOG_INFO, "ring %s: made anew", s->v.ring);
	say_ring(c, i, "made anew", 0);
	return 0;
}

static int look(struct compare *c, struct nmw_err *e)
{
	int rc = 0;
	uint64_t now = nmw_clock_mono();
	if (now - c->looked_ns < LOOK_EVERY)
		return 0;
	c->looked_ns = now;
	compare_sides_tools(c->side);
	for (unsigned i = 0; i < 2 && !rc; i++) {
		enum compare_event what;
		rc = compare_side_look(&c->side[i], &what, e);
		if (!rc)
			rc = on_event(c, i, what, e);
	}
	judge(c); /* what stands alone now that the other has ended */
	if (!rc && c->o->follow && drained(c))
		begin_anew(c);
	for (unsigned i = 0; i < 2 && !rc && c->o->follow; i++)
		rc = look_for_another(c, i, e);
	publish(c);
	if (!rc && fflush(stdout))
		rc = errno == EPIPE ? -EPIPE
				    : nmw_err_set(e, -errno, NMW_EXIT_FAILED,
						  "stdout: cannot write: %s", strerror(errno));
	return rc;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int read_sides(struct compare *c, bool *idle, struct nmw_err *e)
{
	int rc = 0;
	*idle = true;
	for (unsigned i = 0; i < 2 && !rc; i++) {
		unsigned got;
		uint64_t missed;
		rc = compare_side_read(&c->side[i], c->o->exact, &got, &missed, e);
		*idle = *idle && !got;
		if (!missed)
			continue;
		nmw_log_limited(&c->overrun[i], NMW_LOG_WARN,
				"ring %s: overrun: %" PRIu64 " messages were overwritten unread, "
				"%" PRIu64
				" in all: they are not compared: a larger ring (--slots)",
				c->side[i].v.ring, missed, c->side[i].v.missed);
		say_ring(c, i, "overrun", missed);
	}
	return rc;
}

static bool done(const struct compare *c)
{
	const struct compare_queue *a = &c->p.q[0], *b = &c->p.q[1];
	return command_stops() || enough(c) ||
	       (!c->o->follow && a->ended && b->ended && a->tail == a->head && b->tail == b->head);
}

static int follow(struct compare *c, struct nmw_err *e)
{
	int rc = 0;
	while (!rc && !done(c)) {
		bool idle;
		rc = read_sides(c, &idle, e);
		judge(c);
		if (!rc)
			rc = look(c, e);
		c->sleep_ns = !idle			       ? SLEEP_MIN_NS
			      : c->sleep_ns * 2 < SLEEP_MAX_NS ? c->sleep_ns * 2
							       : SLEEP_MAX_NS;
		if (idle && !rc)
			nanosleep(&(struct timespec){.tv_nsec = (long)c->sleep_ns}, NULL);
	}
	return rc;
}

/* A difference is one even when messages were missed; that nothing differs is not known then. */
static int verdict(const struct compare *c)
{
	if (c->r.first.kind)
		return NMW_EXIT_FAILED;
	return compare_whole(&c->r) ? 0 : NMW_EXIT_LOSS;
}

static int check(const struct command_args *a, struct nmw_err *e)
{
	if (a->o->prometheus)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "compare: has no Prometheus form: its counters are in that of "
				   "`nmw-stat --prometheus`");
	if (a->o->json && a->o->jsonl)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, "--json and --jsonl: choose one");
	if (!strcmp(a->argv[0], a->argv[1]))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "compare %s %s: are one ring: name the outputs of two pipelines",
				   a->argv[0], a->argv[1]);
	return 0;
}

static int open_all(struct compare *c, const struct command_args *a, struct nmw_err *e)
{
	struct nmw_err why = NMW_ERR_INIT;
	int rc = nmw_metrics_open(&c->m, "nmw-stat", "compare", false, &why);
	if (rc)
		return nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "no memory");
	if (why.err)
		nmw_log(NMW_LOG_WARN, "%s: nmw-stat list will not show this comparison", why.msg);
	for (unsigned i = 0; i < 2 && !rc; i++) {
		snprintf(c->m->in_ring[i], sizeof c->m->in_ring[i], "%s", a->argv[i]);
		rc = compare_side_open(&c->side[i], a->argv[i], &c->p.q[i], c->o, e);
	}
	__atomic_store_n(&c->m->state, NMW_TOOL_RUNNING, __ATOMIC_RELEASE);
	return rc;
}

/* What waits for its counterpart when a signal ends it: from a producer that is not there none will
 * come. */
static void leave(struct compare *c)
{
	for (unsigned i = 0; i < 2 && command_stops(); i++) {
		const struct compare_side *other = &c->side[!i];
		c->r.alone[i] = c->p.q[i].head - c->p.q[i].tail;
		if (other->dead || other->away)
			c->r.skipped += c->r.alone[i];
	}
}

static int run(struct compare *c, struct nmw_err *e)
{
	compare_sides_tools(c->side);
	publish(c);
	int rc = follow(c, e);
	leave(c);
	publish(c);
	for (unsigned i = 0; i < 2; i++)
		c->r.side[i] = &c->side[i].v;
	c->view->end(stdout, &c->r, rc ? e->msg : NULL);
	return rc ? rc : verdict(c);
}

int command_compare(const struct command_args *a, struct nmw_err *e)
{
	static struct compare c;
	c = (struct compare){.o = a->o, .limit = a->o->count};
	c.view = a->o->json    ? &compare_view_json
		 : a->o->jsonl ? &compare_view_jsonl
			       : &compare_view_text;
	for (unsigned i = 0; i < 2; i++)
		c.r.side[i] = &c.side[i].v;
	int rc = check(a, e);
	if (rc)
		return rc;
	rc = open_all(&c, a, e);
	if (!rc)
		rc = run(&c, e);
	compare_side_close(&c.side[0]);
	compare_side_close(&c.side[1]);
	if (c.m)
		nmw_metrics_close(c.m);
	return rc;
}
