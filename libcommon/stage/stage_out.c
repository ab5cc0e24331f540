#include "stage/stage_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "ring/route.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define ROOM_SAY_NS    NMW_NS_PER_S	/* a wait for room that is worth a line */
#define ROOM_LONG_NS   (1000ull * 1000) /* after which any room will do */
#define UNTAKEN_NS     NMW_NS_PER_S	/* a route without a consumer that is worth a line */
#define ROOM_SPINS     200u
#define ROOM_SLEEP_MIN (20ull * 1000)
#define ROOM_SLEEP_MAX (200ull * 1000)

void nmw_stage_latency_end(struct nmw_stage *st, struct nmw_stage_latency *run)
{
	if (run->n && run->ingress_ns && run->now_ns >= run->ingress_ns)
		nmw_hist_record_n(&st->m->hist[NMW_H_ingress_ns], run->now_ns - run->ingress_ns,
				  run->n);
	run->n = 0;
}

/* A source's burst came in together. */
static void record_latency(struct nmw_stage *st)
{
	struct nmw_stage_latency run = {.now_ns = nmw_clock_mono()};
	unsigned step = st->n_in ? 1 : st->pending;
	for (unsigned i = 0; i < st->pending; i += step)
		nmw_stage_latency_add(st, &run, nmw_prod_slot(&st->out, i)->ingress_ns, step);
	nmw_stage_latency_end(st, &run);
}

void nmw_stage_flush(struct nmw_stage *st)
{
	if (!st->pending)
		return;
	record_latency(st);
	nmw_hist_record(&st->m->hist[NMW_H_burst_msgs], st->pending);
	nmw_count(st->m, NMW_M_out_messages, st->pending);
	nmw_count(st->m, NMW_M_out_bytes, st->pending_bytes);
	unsigned n = st->pending;
	nmw_prod_publish(&st->out, n);
	st->granted -= n;
	st->pending = 0;
	st->pending_bytes = 0;
	nmw_wait_passed(&st->wait, n);
}

/* The consumer that holds the ring back, or NULL when none is there. */
static const char *slowest(const struct nmw_ring_info *i, uint64_t *behind, bool *alive)
{
	const char *name = NULL;
	uint64_t at = UINT64_MAX;
	for (unsigned k = 0; k < i->consumers; k++)
		if (i->consumer[k].cursor < at) {
			at = i->consumer[k].cursor;
			name = i->consumer[k].named ? i->consumer[k].name : "without a name";
			*alive = i->consumer[k].alive;
		}
	*behind = i->published > at ? i->published - at : 0;
	return name;
}

/* Stopped, the ring full, and its slowest reader away: what was taken in can no longer be passed
 * on.  False: nothing was; a source that is told to stop before anybody reads just ends. */
static bool lose(struct nmw_stage *st, const char *name, uint64_t behind)
{
	const char *ring = nmw_prod_name(&st->out);
	struct nmw_err e = NMW_ERR_INIT;
	if (!name && st->n_in == 0)
		return false;
	if (name)
		nmw_err_set(&e, -EPIPE, NMW_EXIT_LOSS,
			    "ring %s: full, and stopped while consumer %s is away: it is %" PRIu64
			    " messages behind: bring it back, or give its place up with nmw-stat "
			    "reap",
			    ring, name, behind);
	else
		nmw_err_set(&e, -EPIPE, NMW_EXIT_LOSS,
			    "ring %s: full, and stopped while nobody reads it: start a consumer "
			    "with -i %s before its producer is stopped",
			    ring, ring);
	nmw_stage_fail(st, &e);
	return true;
}

/* A wait for room that lasts is said once; who was asked to stop does not wait for a reader that is
 * away. */
static void look_at_wait(struct nmw_stage *st, struct stage_wait *w, uint64_t now)
{
	w->since = w->since ? w->since : now;
	bool said = w->said;
	if (now - w->since < ROOM_SAY_NS || (said && !nmw_stage_stops))
		return;
	w->said = true;
	struct nmw_ring_info info;
	const char *ring = nmw_prod_name(&st->out);
	if (nmw_ring_inspect(ring, &info, NULL))
		return;
	bool alive = false;
	uint64_t behind = 0;
	const char *name = slowest(&info, &behind, &alive);
	if (nmw_stage_stops && !alive && lose(st, name, behind))
		return;
	if (said)
		return;
	if (!name)
		nmw_log(NMW_LOG_INFO, "ring %s: waiting for a consumer: start one with -i %s", ring,
			ring);
	else
		nmw_log(alive ? NMW_LOG_DEBUG : NMW_LOG_WARN,
			"ring %s: full: waiting for consumer %s (%s), %" PRIu64 " messages behind",
			ring, name, alive ? "alive" : "away", behind);
}

bool nmw_stage_wait_step(struct nmw_stage *st, struct stage_wait *w)
{
	unsigned step = w->steps++;
	if (step < ROOM_SPINS || st->wait.mode == NMW_WAIT_SPIN) {
		if (st->wait.mode == NMW_WAIT_SPIN)
			nmw_wait_turn_over(&st->wait);
		else
			nmw_clock_pause();
		if (step % ROOM_SPINS)
			return !st->failed && nmw_stage_stops < 2;
	} else {
		unsigned doublings = (step - ROOM_SPINS) / 2;
		uint64_t ns = ROOM_SLEEP_MIN << (doublings < 4 ? doublings : 4);
		ns = ns < ROOM_SLEEP_MAX ? ns : ROOM_SLEEP_MAX;
		nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
	}
	uint64_t now = nmw_clock_mono();
	if (now - st->cold->last_housekeeping >= HOUSEKEEPING_NS)
		nmw_stage_housekeeping(st, now);
	look_at_wait(st, w, now);
	bool nobody = nmw_stage_stops && st->n_in == 0 && nmw_prod_consumers(&st->out, NULL) == 0;
	return !st->failed && !nobody && nmw_stage_stops < 2;
}

/* The ring is full: its reader has a whole ring to go. To take each burst of room as it comes would
 * be a switch between the two for each burst; a quarter of the ring is worth one. */
static bool wait_room(struct nmw_stage *st)
{
	unsigned worth = (unsigned)((st->out.mask + 1) / 4);
	worth = worth > st->burst ? worth : st->burst;
	uint64_t since = nmw_clock_mono();
	struct stage_wait w = {0};
	for (;;) {
		if (!nmw_stage_wait_step(st, &w))
			return false;
		unsigned room = nmw_prod_room(&st->out, worth);
		if (room == worth || (room && nmw_clock_mono() - since > ROOM_LONG_NS)) {
			st->granted = room < st->burst ? room : st->burst;
			return true;
		}
	}
}

/* Whoever comes within a moment was only slower to start. */
static bool stays_untaken(struct nmw_stage_cold *c, unsigned i, bool untaken)
{
	uint64_t *since = &c->untaken_since[i];
	if (!untaken)
		*since = 0;
	else if (!*since)
		*since = c->last_housekeeping;
	return untaken && c->last_housekeeping - *since >= UNTAKEN_NS;
}

void nmw_stage_look_at_routes(struct nmw_stage *st)
{
	struct nmw_stage_cold *c = st->cold;
	const char *ring = nmw_prod_name(&st->out);
	uint64_t all = 0;
	unsigned untaken = c->closing ? 0 : nmw_prod_untaken(&st->out, ~c->unread_said);
	for (unsigned i = 1; i <= NMW_ROUTES; i++) {
		char route[NMW_ROUTE_NAME_MAX + 1];
		uint64_t n = nmw_prod_unread(&st->out, i);
		bool late = stays_untaken(c, i, untaken & 1u << i);
		all += n;
		if (!(n || late) || c->unread_said & 1u << i)
			continue;
		c->unread_said |= 1u << i;
		nmw_prod_route(&st->out, i, route);
		nmw_log(NMW_LOG_WARN,
			"ring %s: nobody takes route %s: its messages go by unread, and are "
			"counted as route_unread: start a consumer with -i %s/%s",
			ring, route, ring, route);
	}
	nmw_gauge(st->m, NMW_M_route_unread, all);
}

/* The message that wants a slot is not passed on, and counted: what comes out has a hole. */
static void drop(struct nmw_stage *st, enum nmw_drop_id why)
{
	nmw_drop(st->m, why, 1);
	nmw_stage_flaw(st, NMW_RING_DAMAGED);
	st->dropped = true;
}

bool nmw_stage_more(struct nmw_stage *st)
{
	nmw_stage_flush(st);
	st->granted = nmw_prod_room(&st->out, st->burst);
	return st->granted > 0;
}

bool nmw_stage_grow(struct nmw_stage *st)
{
	st->dropped = false;
	if (nmw_stage_more(st))
		return true;
	nmw_count(st->m, NMW_M_full_waits, 1);
	if (st->drop_on_full && nmw_prod_started(&st->out)) {
		drop(st, NMW_DROP_ring_full);
		return false;
	}
	return wait_room(st);
}

uint8_t *nmw_stage_frame(struct nmw_stage *st, struct nmw_slot **s, uint32_t len)
{
	struct stage_wait w = {0};
	st->dropped = false;
	if (len > nmw_prod_frame_max(&st->out)) {
		drop(st, NMW_DROP_too_long);
		return NULL;
	}
	nmw_stage_flush(st);
	nmw_count(st->m, NMW_M_full_waits, 1);
	for (;;) {
		if (!st->granted && !nmw_stage_grow(st))
			return NULL;
		*s = nmw_prod_slot(&st->out, 0);
		uint8_t *p = nmw_prod_payload(&st->out, *s, len);
		if (p)
			return p;
		if (st->drop_on_full) {
			drop(st, NMW_DROP_ring_full);
			return NULL;
		}
		if (!nmw_stage_wait_step(st, &w))
			return NULL;
	}
}

bool nmw_stage_forward(struct nmw_stage *st, const struct nmw_slot *src, const uint8_t *payload,
		       uint32_t len)
{
	uint8_t *p;
	struct nmw_slot *s = nmw_stage_slot(st, len, &p);
	if (!s)
		return false;
	memcpy(p, payload, len);
	s->ts_ns = src->ts_ns;
	s->ingress_ns = src->ingress_ns;
	s->in_seq = src->in_seq;
	s->session = src->session;
	s->channel = src->channel;
	s->codec = src->codec;
	nmw_stage_commit(st, s);
	return true;
}
