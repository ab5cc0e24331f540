#include "emit.h"

#include "route.h"

#include <inttypes.h>
#include <stdio.h>

/* The last nmw_stage_go may be long ago. */
static bool go_now(struct nmw_stage *st)
{
	nmw_stage_look_soon(st);
	return nmw_stage_go(st);
}

bool emit_idle(void *arg)
{
	struct emit *e = arg;
	if (!e->st->m) /* a file is opened before the stage */
		return true;
	nmw_stage_flush(e->st);
	return go_now(e->st);
}

bool emit_due(struct emit *e, uint64_t ts_ns)
{
	struct nmw_stage *st = e->st;
	/* the schedule starts when somebody listens, or the start would be caught up in one burst
	 */
	if (!e->pace.started && !st->drop_on_full && st->granted == st->pending &&
	    !nmw_stage_grow(st))
		return false;
	uint64_t now = nmw_clock_mono();
	uint64_t due = nmw_pace_due(&e->pace, ts_ns, now);
	if (due <= now)
		return true;
	nmw_stage_flush(e->st);
	while (!nmw_pace_wait(&e->pace, due))
		if (!go_now(e->st))
			return false;
	nmw_stage_look_soon(st); /* also where no wait is long enough for a look */
	return true;
}

void emit_no_slot(struct emit *e)
{
	if (e->st->dropped) /* not given up */
		nmw_count(e->st->m, NMW_M_in_messages, 1);
}

void emit_route(struct emit *e, struct nmw_slot *s)
{
	const uint8_t *p =
		s->frame_off == NMW_INLINE ? s->payload : e->st->out.frames + s->frame_off;
	nmw_route_set(s, route_pick(e->route, s, p));
	nmw_gauge(e->st->m, NMW_M_route_forgotten, route_forgotten(e->route));
}

void emit_ctl(struct emit *e, uint64_t ts_ns, uint32_t session, const struct nmw_ctl *ctl)
{
	emit_message(e, ts_ns, session, NMW_CH_CTL, NMW_CODEC_CTL, (const uint8_t *)ctl,
		     sizeof *ctl);
}

/* Data that is not as it should be, in contrast to data that was not asked for. */
static bool is_bad(enum nmw_drop_id why)
{
	switch (why) {
	case NMW_DROP_truncated_packet:
	case NMW_DROP_truncated_file:
	case NMW_DROP_bad_ip:
	case NMW_DROP_ip_fragment:
	case NMW_DROP_bad_udp:
	case NMW_DROP_bad_tcp:
	case NMW_DROP_bad_checksum:
	case NMW_DROP_device_missed:
	case NMW_DROP_device_no_buffer:
	case NMW_DROP_device_error:
	case NMW_DROP_tcp_lost:
	case NMW_DROP_bad_mold:
	case NMW_DROP_bad_soup:
	case NMW_DROP_bad_message:
	case NMW_DROP_capacity:
		return true;
	default:
		return false;
	}
}

static unsigned add_reason(char *to, unsigned at, unsigned size, const char *name, uint64_t n)
{
	if (!n || at >= size)
		return at;
	int len = snprintf(to + at, size - at, "%s%s %" PRIu64, at ? ", " : "", name, n);
	return at + (unsigned)len;
}

void emit_reasons(const struct emit *e, char *to, unsigned size)
{
	const struct nmw_metrics *m = e->st->m;
	unsigned at = 0;
	*to = 0;
	for (unsigned i = 0; i < NMW_DROP_COUNT; i++)
		if (is_bad((enum nmw_drop_id)i))
			at = add_reason(to, at, size, nmw_drop_descs[i].name, m->drop[i]);
	at = add_reason(to, at, size, "tcp_gaps", m->counter[NMW_M_tcp_gaps]);
	at = add_reason(to, at, size, "mold_gaps", m->counter[NMW_M_mold_gaps]);
	add_reason(to, at, size, "mold_gap_messages", m->counter[NMW_M_mold_gap_messages]);
}

void emit_drop(struct emit *e, enum nmw_drop_id why, uint64_t n)
{
	nmw_count(e->st->m, NMW_M_in_messages, n);
	nmw_drop(e->st->m, why, n);
	if (is_bad(why))
		e->bad += n;
}
