/* emit.h: the way out for every source: counts, paces, and fills slots of the output ring.
 *
 * What comes in is counted once, here: in_messages = out_messages + every drop.  A source calls
 *
 *     struct nmw_slot *s = emit_slot(e, ts_ns, len, &p);
 *     if (s) { memcpy(p, message, len); emit_done(e, s, session, channel, codec); }
 *
 * NULL means that the message was dropped and counted, or that the stage ends; a source needs not
 * tell them apart: it goes on until nmw_stage_go says no.
 */
#ifndef NMW_RECV_EMIT_H
#define NMW_RECV_EMIT_H

#include "base/clock.h"
#include "base/msg.h"
#include "base/pace.h"
#include "stage/stage.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct route;

struct emit {
	struct nmw_stage *st;
	struct nmw_pace pace;
	uint64_t ingress_ns; /* of this burst */
	struct route *route; /* --route, or NULL */
	uint64_t bad;	     /* what --strict does not forgive, in messages, packets and holes */
};

/* Waits until the message is due; false: the stage ends. */
bool emit_due(struct emit *e, uint64_t ts_ns);
/* There was no slot: counts what was dropped. */
void emit_no_slot(struct emit *e);

/* A slot for a message of at most len bytes; the caller may lower s->len. */
static inline struct nmw_slot *emit_slot(struct emit *e, uint64_t ts_ns, uint32_t len,
					 uint8_t **payload)
{
	struct nmw_stage *st = e->st;
	if (__builtin_expect(e->pace.mode != NMW_PACE_MAX, 0) && !emit_due(e, ts_ns))
		return NULL;
	struct nmw_slot *s = nmw_stage_slot(st, len, payload);
	if (__builtin_expect(!s, 0)) {
		emit_no_slot(e);
		return NULL;
	}
	if (st->pending == 0)
		e->ingress_ns = nmw_clock_mono();
	nmw_count(st->m, NMW_M_in_messages, 1);
	s->ts_ns = ts_ns;
	s->ingress_ns = e->ingress_ns;
	s->in_seq = st->out.next + st->pending;
	return s;
}

/* Marks a message with its route. */
void emit_route(struct emit *e, struct nmw_slot *s);

static inline void emit_done(struct emit *e, struct nmw_slot *s, uint32_t session,
			     enum nmw_channel channel, enum nmw_codec_id codec)
{
	s->session = session;
	s->channel = (uint8_t)channel;
	s->codec = (uint8_t)codec;
	if (__builtin_expect(e->route != NULL, 0))
		emit_route(e, s);
	nmw_count(e->st->m, NMW_M_in_bytes, s->len);
	nmw_stage_commit(e->st, s);
}

/* A whole message, copied once. */
static inline void emit_message(struct emit *e, uint64_t ts_ns, uint32_t session,
				enum nmw_channel channel, enum nmw_codec_id codec, const uint8_t *p,
				uint32_t len)
{
	uint8_t *to;
	struct nmw_slot *s = emit_slot(e, ts_ns, len, &to);
	if (__builtin_expect(!s, 0))
		return;
	memcpy(to, p, len);
	emit_done(e, s, session, channel, codec);
}
/* A message that lies in the ring's frame area: the slot points to it. Returns its number on the
 * ring; 0 = dropped, or the stage ends. */
static inline uint64_t emit_point(struct emit *e, uint64_t ts_ns, uint32_t session,
				  enum nmw_channel channel, enum nmw_codec_id codec,
				  uint64_t frame_off, uint16_t len)
{
	uint8_t *to;
	struct nmw_slot *s = emit_slot(e, ts_ns, 0, &to);
	if (__builtin_expect(!s, 0))
		return 0;
	s->len = len;
	s->frame_off = frame_off;
	uint64_t seq = e->st->out.next + e->st->pending;
	emit_done(e, s, session, channel, codec);
	return seq;
}
void emit_ctl(struct emit *e, uint64_t ts_ns, uint32_t session, const struct nmw_ctl *ctl);

/* n messages (or packets that could not be read) came in and do not go on. */
void emit_drop(struct emit *e, enum nmw_drop_id why, uint64_t n);
/* What `bad` is made of, by reason: "bad_soup 2, mold_gaps 1, mold_gap_messages 5". */
void emit_reasons(const struct emit *e, char *to, unsigned size);
/* Something is missing: not a message, but --strict does not forgive it. */
static inline void emit_missing(struct emit *e)
{
	e->bad++;
}

/* For inputs that wait (base/input.h): publishes what is pending, looks after signals and peers,
 * says whether to go on. arg: struct emit. */
bool emit_idle(void *arg);

#endif
