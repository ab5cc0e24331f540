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

#include "base/msg.h"
#include "base/pace.h"
#include "stage/stage.h"
#include <stdbool.h>
#include <stdint.h>

struct emit {
	struct nmw_stage *st;
	struct nmw_pace pace;
	uint64_t ingress_ns; /* of this burst */
	uint64_t bad;	     /* what --strict does not forgive, in messages, packets and holes */
};

/* A slot for a message of at most len bytes; the caller may lower s->len. */
struct nmw_slot *emit_slot(struct emit *e, uint64_t ts_ns, uint32_t len, uint8_t **payload);

static inline void emit_done(struct emit *e, struct nmw_slot *s, uint32_t session,
			     enum nmw_channel channel, enum nmw_codec_id codec)
{
	s->session = session;
	s->channel = (uint8_t)channel;
	s->codec = (uint8_t)codec;
	nmw_count(e->st->m, NMW_M_in_bytes, s->len);
	nmw_stage_commit(e->st, s);
}

/* A whole message, copied once. */
void emit_message(struct emit *e, uint64_t ts_ns, uint32_t session, enum nmw_channel channel,
		  enum nmw_codec_id codec, const uint8_t *p, uint32_t len);
void emit_ctl(struct emit *e, uint64_t ts_ns, uint32_t session, const struct nmw_ctl *ctl);

/* n messages (or packets that could not be read) came in and do not go on. */
void emit_drop(struct emit *e, enum nmw_drop_id why, uint64_t n);
/* Something is missing: not a message, but --strict does not forgive it. */
static inline void emit_missing(struct emit *e)
{
	e->bad++;
}

/* For inputs that wait (base/input.h): publishes what is pending, looks after signals and peers,
 * says whether to go on. arg: struct emit. */
bool emit_idle(void *arg);

#endif
