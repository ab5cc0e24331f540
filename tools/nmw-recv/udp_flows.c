/* The UDP streams of a capture: MoldUDP64 1.00 with sequence numbers, or one message a datagram.
 *
 * A MoldUDP64 packet before its turn waits until the hole before it is filled, or given up: when
 * the window of its stream is full, a heartbeat tells that nothing more is on its way, its stream
 * is forgotten, too many streams wait, or the capture ends.
 */
#include "framing.h"
#include "sniff.h"
#include "base/pages.h"
#include "wire/mold.h"
#include "wire/mold_hold.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* State of a flow and, under a key with its session's name, of each MoldUDP64 stream in it. */
struct stream {
	uint64_t next;	  /* MoldUDP64: sequence number expected */
	uint32_t session; /* 0 = market data, or nothing came yet */
	uint8_t framing;  /* of a flow: enum recv_framing, AUTO = not known yet */
	bool started, ended;
	struct sniff sniff;
	struct nmw_mold_window *early; /* what waits; NULL = nothing */
	struct nmw_flow_key key;       /* while something waits */
};

struct udp_flows {
	struct framing *f;
	struct nmw_flows *table;
	struct stream *stream;
	struct nmw_mold_hold *hold;
};

struct udp_flows *udp_flows_new(struct framing *f, struct nmw_err *e)
{
	struct udp_flows *u = calloc(1, sizeof *u);
	uint32_t n = (uint32_t)f->conf->flows;
	if (u) {
		u->f = f;
		u->stream = nmw_pages_take(n * sizeof *u->stream);
		u->table = nmw_flows_new(n, e);
		u->hold = nmw_mold_hold_new();
	}
	if (u && u->stream && u->table && u->hold)
		return u;
	nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory for %u streams: lower --flows", n);
	udp_flows_free(u);
	return NULL;
}

void udp_flows_free(struct udp_flows *u)
{
	if (!u)
		return;
	nmw_mold_hold_free(u->hold);
	nmw_flows_free(u->table);
	nmw_pages_give(u->stream, u->f->conf->flows * sizeof *u->stream);
	free(u);
}

static void give_up(struct udp_flows *u, struct stream *s);

static struct stream *stream_get(struct udp_flows *u, const struct nmw_flow_key *k)
{
	enum nmw_flow_was was;
	struct stream *s = &u->stream[nmw_flows_get(u->table, k, &was)];
	if (was == NMW_FLOW_KNOWN)
		return s;
	while (s->early) /* of the stream that was forgotten for this one */
		give_up(u, s);
	memset(s, 0, sizeof *s);
	s->framing = (uint8_t)u->f->conf->framing;
	sniff_init(&s->sniff, SNIFF_ALL, u->f->conf->codec);
	return s;
}

/* Order entry over UDP has no login: the first message starts the session of its client. */
static uint32_t session_for(struct udp_flows *u, const struct nmw_flow_key *k, uint8_t channel)
{
	unsigned client = channel == NMW_CH_REPLY;
	const struct session_who who = {.client = endpoint_from(k, client),
					.host = endpoint_to(k, client),
					.name = k->tag[0] ? k->tag : NULL};
	uint32_t id = session_of_client(&u->f->sessions, &who.client, &who.host);
	return id ? id : session_login(&u->f->sessions, u->f->ts_ns, &who);
}

/* Channel of what cannot be told by its looks. */
static uint8_t other_channel(const struct udp_flows *u)
{
	bool ouch = u->f->conf->codec == NMW_CODEC_OUCH42 || u->f->conf->codec == NMW_CODEC_OUCH50;
	return ouch ? NMW_CH_ORDER : NMW_CH_FEED;
}

static void message(struct udp_flows *u, struct stream *s, const struct nmw_flow_key *k,
		    struct sniffed is, const uint8_t *p, uint32_t len)
{
	struct framing *f = u->f;
	if (!framing_passes(f, is.channel)) {
		emit_drop(f->emit, NMW_DROP_filtered, 1);
		return;
	}
	if (is.channel != NMW_CH_FEED && !s->session) {
		s->session = session_for(u, k, is.channel);
		if (!s->session) {
			emit_drop(f->emit, NMW_DROP_capacity, 1);
			return;
		}
	}
	emit_message(f->emit, f->ts_ns, s->session, is.channel, is.codec, p, len);
}

/* ---- MoldUDP64 ----------------------------------------------------------- */

static void gap(struct udp_flows *u, struct stream *s, const struct nmw_flow_key *k, uint64_t to)
{
	struct framing *f = u->f;
	const struct endpoint from = endpoint_from(k, 0);
	uint64_t n = to - s->next;
	nmw_count(f->emit->st->m, NMW_M_mold_gaps, 1);
	nmw_count(f->emit->st->m, NMW_M_mold_gap_messages, n);
	emit_missing(f->emit);
	session_ctl(&f->sessions, f->ts_ns, s->session, NMW_CTL_GAP, &from, k->tag, s->next, n);
	s->next = to;
}

static void end_of_session(struct udp_flows *u, struct stream *s, const struct nmw_flow_key *k)
{
	const struct endpoint from = endpoint_from(k, 0);
	if (!s->ended)
		session_ctl(&u->f->sessions, u->f->ts_ns, s->session, NMW_CTL_END, &from, k->tag,
			    s->next, 0);
	s->ended = true;
}

static void mold_messages(struct udp_flows *u, struct stream *s, const struct nmw_flow_key *k,
			  struct nmw_mold *m)
{
	const uint8_t *p;
	uint16_t len;
	for (uint64_t seq = m->seq; (p = nmw_mold_next(m, &len)); seq++) {
		if (seq < s->next) {
			emit_drop(u->f->emit, NMW_DROP_duplicate, 1);
			continue;
		}
		s->next = seq + 1;
		if (len == 0)
			emit_drop(u->f->emit, NMW_DROP_bad_message, 1);
		else
			message(u, s, k, sniff_look(&s->sniff, p, len, other_channel(u)), p, len);
	}
}

/* It is its turn, or nothing before it will come. */
static void mold_take(struct udp_flows *u, struct stream *s, const struct nmw_flow_key *k,
		      struct nmw_mold *m)
{
	if (m->seq > s->next)
		gap(u, s, k, m->seq);
	if (m->count == NMW_MOLD_END)
		end_of_session(u, s, k);
	else if (m->count == 0)
		nmw_count(u->f->emit->st->m, NMW_M_heartbeats, 1);
	else
		mold_messages(u, s, k, m);
}

static void take_first_early(struct udp_flows *u, struct stream *s)
{
	struct nmw_mold m;
	uint32_t len;
	const uint8_t *p = nmw_mold_hold_first(s->early, &len);
	if (nmw_mold_open(&m, p, len) == 0) /* as it did when it was put there */
		mold_take(u, s, &s->key, &m);
	if (!nmw_mold_hold_pop(u->hold, s->early))
		s->early = NULL;
}

/* The packets that now have their turn. */
static void take_due(struct udp_flows *u, struct stream *s)
{
	while (s->early && nmw_mold_hold_seq(s->early) <= s->next)
		take_first_early(u, s);
}

/* Gives up the first hole, and takes what it held back. */
static void give_up(struct udp_flows *u, struct stream *s)
{
	take_first_early(u, s);
	take_due(u, s);
}

/* True: it waits. */
static bool mold_hold(struct udp_flows *u, struct stream *s, const struct nmw_flow_key *k,
		      uint64_t seq, const struct nmw_packet *p)
{
	if (p->len > NMW_MOLD_HOLD_BYTES)
		return false;
	if (s->early)
		return nmw_mold_hold_put(s->early, seq, p->payload, p->len);
	struct stream *oldest;
	while (!(s->early = nmw_mold_hold_start(u->hold, s, seq, p->payload, p->len)) &&
	       (oldest = nmw_mold_hold_oldest(u->hold)))
		give_up(u, oldest);
	s->key = *k;
	return s->early != NULL;
}

/* A packet before its turn: it waits, if need be in the place of what is before it. A heartbeat
 * comes when nothing was sent for a second: the holes before it will not be filled. */
static void mold_early(struct udp_flows *u, struct stream *s, const struct nmw_flow_key *k,
		       struct nmw_mold *m, const struct nmw_packet *p)
{
	while (m->seq > s->next) { /* each turn takes a packet that waits, or is the last */
		if (m->count && mold_hold(u, s, k, m->seq, p)) {
			nmw_count(u->f->emit->st->m, NMW_M_mold_reordered, 1);
			return;
		}
		if (!s->early || m->seq <= nmw_mold_hold_seq(s->early))
			break;
		give_up(u, s);
	}
	mold_take(u, s, k, m);
	take_due(u, s);
}

static void mold_packet(struct udp_flows *u, struct nmw_flow_key *k, const struct nmw_packet *p)
{
	struct nmw_mold m;
	if (nmw_mold_open(&m, p->payload, p->len) < 0) {
		emit_drop(u->f->emit, NMW_DROP_bad_mold, 1);
		return;
	}
	memcpy(k->tag, m.session, sizeof k->tag);
	struct stream *s = stream_get(u, k);
	if (!s->started)
		s->next = m.seq;
	s->started = true;
	if (m.seq > s->next) {
		mold_early(u, s, k, &m, p);
		return;
	}
	mold_take(u, s, k, &m);
	take_due(u, s);
}

void udp_flows_flush(struct udp_flows *u)
{
	struct stream *oldest;
	while ((oldest = nmw_mold_hold_oldest(u->hold)))
		give_up(u, oldest);
}

/* A whole MoldUDP64 packet and nothing else: name of letters, digits and spaces, and blocks that
 * fill the datagram. */
static bool looks_like_mold(const struct nmw_packet *p)
{
	struct nmw_mold m;
	uint16_t len;
	if (nmw_mold_open(&m, p->payload, p->len) < 0)
		return false;
	for (unsigned i = 0; i < sizeof m.session; i++)
		if (!isalnum((unsigned char)m.session[i]) && m.session[i] != ' ')
			return false;
	while (nmw_mold_next(&m, &len))
		;
	return m.at == m.end;
}

/* ---- datagrams ----------------------------------------------------------- */

static void plain_packet(struct udp_flows *u, struct stream *s, const struct nmw_flow_key *k,
			 const struct nmw_packet *p)
{
	struct sniffed is = sniff_look(&s->sniff, p->payload, p->len, other_channel(u));
	if (s->framing == FRAMING_AUTO && !is.known) { /* DNS, NTP and what else there is */
		emit_drop(u->f->emit, NMW_DROP_filtered, 1);
		return;
	}
	s->framing = FRAMING_PLAIN;
	message(u, s, k, is, p->payload, p->len);
}

void udp_flows_packet(struct udp_flows *u, const struct nmw_packet *p)
{
	struct nmw_flow_key k;
	if (p->len == 0) {
		nmw_count(u->f->emit->st->m, NMW_M_padding_packets, 1);
		return;
	}
	nmw_flow_key_of(&k, p);
	struct stream *s = stream_get(u, &k);
	if (s->framing == FRAMING_AUTO && looks_like_mold(p))
		s->framing = FRAMING_MOLD;
	if (s->framing == FRAMING_SOUP)
		emit_drop(u->f->emit, NMW_DROP_filtered, 1);
	else if (s->framing == FRAMING_MOLD)
		mold_packet(u, &k, p);
	else
		plain_packet(u, s, &k, p);
}
