/* SoupBinTCP over the TCP connections of a capture (SoupBinTCP 3.00).  Who is the client is told by
 * the packets' types, not by ports. */
#include "framing.h"
#include "sniff.h"
#include "base/pages.h"
#include "wire/soup.h"
#include "wire/tcp_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESYNC_TRIES 64u /* promising places that are looked at in one segment */

struct flow {
	uint32_t session;
	bool is_soup; /* a packet was recognised */
	bool lost[2]; /* by direction: looking for the start of a packet */
	struct sniff orders, replies;
};

struct soup_flows {
	struct framing *f;
	struct nmw_tcp *tcp;
	struct flow *flow;
	bool unfinished;
};

/* The half of a connection that a packet came by. */
struct half {
	struct soup_flows *s;
	struct flow *flow;
	uint32_t index;
	unsigned dir;
};

/* ---- packets of the protocol ----------------------------------------------------------------- */

static bool from_client(uint8_t type)
{
	return type == NMW_SOUP_LOGIN || type == NMW_SOUP_UNSEQUENCED ||
	       type == NMW_SOUP_CLIENT_HEARTBEAT || type == NMW_SOUP_LOGOUT;
}

static void login(const struct half *a, uint8_t type, const char *account, const char *name,
		  uint64_t first)
{
	struct framing *f = a->s->f;
	const struct nmw_flow_key *k = nmw_tcp_key(a->s->tcp, a->index);
	unsigned client = from_client(type) ? a->dir : !a->dir;
	const struct session_who who = {.client = endpoint_from(k, client),
					.host = endpoint_to(k, client),
					.account = account,
					.name = name,
					.first = first};
	a->flow->session = session_login(&f->sessions, f->ts_ns, &who);
	if (!a->flow->session)
		emit_drop(f->emit, NMW_DROP_capacity, 1);
}

static void login_request(const struct half *a, const struct nmw_soup *p)
{
	struct nmw_soup_login l;
	if (nmw_soup_login_parse(p, &l) < 0) {
		emit_drop(a->s->f->emit, NMW_DROP_bad_soup, 1);
		return;
	}
	session_end(&a->s->f->sessions, a->s->f->ts_ns, a->flow->session, NMW_CTL_LOST);
	login(a, p->type, l.user, l.session, l.next);
}

/* Of a login whose request is not in the capture. */
static void login_accepted(const struct half *a, const struct nmw_soup *p)
{
	struct nmw_soup_login l;
	if (nmw_soup_accepted_parse(p, &l) < 0)
		emit_drop(a->s->f->emit, NMW_DROP_bad_soup, 1);
	else if (!a->flow->session)
		login(a, p->type, NULL, l.session, l.next);
}

static inline void message(const struct half *a, const struct nmw_soup *p)
{
	struct framing *f = a->s->f;
	bool order = p->type == NMW_SOUP_UNSEQUENCED;
	if (p->len == 0) {
		emit_drop(f->emit, NMW_DROP_bad_message, 1);
		return;
	}
	struct sniffed is = sniff_look(order ? &a->flow->orders : &a->flow->replies, p->payload,
				       p->len, order ? NMW_CH_ORDER : NMW_CH_REPLY);
	if (!framing_passes(f, is.channel)) {
		emit_drop(f->emit, NMW_DROP_filtered, 1);
		return;
	}
	if (!a->flow->session)
		login(a, p->type, NULL, NULL, 0);
	if (a->flow->session)
		emit_message(f->emit, f->ts_ns, a->flow->session, is.channel, is.codec, p->payload,
			     p->len);
}

static void end_of_session(const struct half *a)
{
	struct framing *f = a->s->f;
	const struct endpoint host = endpoint_from(nmw_tcp_key(a->s->tcp, a->index), a->dir);
	session_ctl(&f->sessions, f->ts_ns, a->flow->session, NMW_CTL_END, &host, NULL, 0, 0);
}

/* Any packet but one with a message. */
static void session_packet(const struct half *a, const struct nmw_soup *p)
{
	struct framing *f = a->s->f;
	switch (p->type) {
	case NMW_SOUP_LOGIN:
		login_request(a, p);
		break;
	case NMW_SOUP_ACCEPTED:
		login_accepted(a, p);
		break;
	case NMW_SOUP_REJECTED:
	case NMW_SOUP_LOGOUT:
		session_end(&f->sessions, f->ts_ns, a->flow->session, NMW_CTL_LOGOUT);
		break;
	case NMW_SOUP_SERVER_HEARTBEAT:
	case NMW_SOUP_CLIENT_HEARTBEAT:
		nmw_count(f->emit->st->m, NMW_M_heartbeats, 1);
		break;
	case NMW_SOUP_END:
		end_of_session(a);
		break;
	default: /* debug */
		break;
	}
}

/* ---- finding packets in the stream --------------------------------------- */

/* Whether a packet of that type can be that long: what tells a packet from chance. */
static bool plausible(uint8_t type, uint32_t payload)
{
	switch (type) {
	case NMW_SOUP_LOGIN:
		return payload + 1 == NMW_SOUP_LOGIN_LEN;
	case NMW_SOUP_ACCEPTED:
		return payload + 1 == NMW_SOUP_ACCEPTED_LEN;
	case NMW_SOUP_REJECTED:
		return payload == 1;
	case NMW_SOUP_UNSEQUENCED:
	case NMW_SOUP_SEQUENCED:
		return payload >= 1;
	case NMW_SOUP_DEBUG:
		return true;
	default:
		return payload == 0;
	}
}

/* What the start of some bytes reads as. */
struct chain {
	uint32_t len;	  /* bytes of whole plausible packets */
	uint32_t packets; /* how many */
	bool sound;	  /* what follows may be the start of another one, or is nothing */
};

static struct chain chain_at(const uint8_t *p, uint32_t len)
{
	struct chain c = {0, 0, true};
	struct nmw_soup s;
	int n;
	while ((n = nmw_soup_next(p + c.len, len - c.len, &s)) > 0) { /* at least 3 bytes a turn */
		if (!plausible(s.type, s.len))
			return (struct chain){c.len, c.packets, false};
		c.len += (uint32_t)n;
		c.packets++;
	}
	c.sound = n == 0;
	if (c.sound && len - c.len >= NMW_SOUP_HDR)
		c.sound = plausible(p[c.len + 2], nmw_be16(p + c.len) - 1u);
	return c;
}

/* After a hole, or at the start in mid-stream: where the first packet starts, or len. Senders
 * mostly start a packet with a segment; elsewhere two packets in a row are believed, or one that
 * ends with the segment. */
static uint32_t resync(const uint8_t *p, uint32_t len)
{
	if (chain_at(p, len).sound)
		return 0;
	unsigned tries = 0;
	for (uint32_t at = 1; at + NMW_SOUP_HDR <= len && tries < RESYNC_TRIES; at++) {
		struct nmw_soup s; /* a cheap look before the walk */
		int n = nmw_soup_next(p + at, len - at, &s);
		if (n <= 0 || !plausible(s.type, s.len))
			continue;
		struct chain c = chain_at(p + at, len - at);
		tries++;
		if (c.len == len - at || (c.packets >= 2 && c.sound))
			return at;
	}
	return len;
}

/* Bytes that are not SoupBinTCP: of a flow that never was, they are not for us. */
static void foreign(const struct half *a)
{
	bool asked = a->s->f->conf->framing == FRAMING_SOUP;
	emit_drop(a->s->f->emit, a->flow->is_soup || asked ? NMW_DROP_bad_soup : NMW_DROP_filtered,
		  1);
	a->flow->lost[a->dir] = true;
}

static uint32_t on_data(void *arg, uint32_t index, unsigned dir, const uint8_t *p, uint32_t len)
{
	struct soup_flows *s = arg;
	const struct half a = {s, &s->flow[index], index, dir};
	uint32_t at = 0;
	if (a.flow->lost[dir]) {
		at = resync(p, len);
		if (at)
			emit_drop(s->f->emit,
				  a.flow->is_soup ? NMW_DROP_tcp_lost : NMW_DROP_filtered, 1);
		if (at == len)
			return len;
		a.flow->lost[dir] = false;
	}
	for (;;) { /* each turn takes at least 3 bytes */
		struct nmw_soup pkt;
		int n = nmw_soup_next(p + at, len - at, &pkt);
		if (n == 0)
			return at;
		if (n < 0) {
			foreign(&a);
			return len;
		}
		a.flow->is_soup = true;
		if (pkt.type == NMW_SOUP_UNSEQUENCED || pkt.type == NMW_SOUP_SEQUENCED)
			message(&a, &pkt);
		else
			session_packet(&a, &pkt);
		at += (uint32_t)n;
	}
}

static void open_flow(struct soup_flows *s, struct flow *flow)
{
	memset(flow, 0, sizeof *flow);
	sniff_init(&flow->orders, SNIFF_ORDERS, s->f->conf->codec);
	sniff_init(&flow->replies, SNIFF_FROM_HOST, s->f->conf->codec);
}

static void on_event(void *arg, uint32_t index, unsigned dir, enum nmw_tcp_event ev, uint64_t n)
{
	struct soup_flows *s = arg;
	struct flow *flow = &s->flow[index];
	switch (ev) {
	case NMW_TCP_EV_OPEN:
		open_flow(s, flow);
		break;
	case NMW_TCP_EV_START:
		flow->lost[dir] = n == 0;
		break;
	case NMW_TCP_EV_GAP:
		if (flow->is_soup)
			emit_missing(s->f->emit);
		flow->lost[dir] = true;
		break;
	case NMW_TCP_EV_TAIL:
		s->unfinished = s->unfinished || (flow->is_soup && !flow->lost[dir]);
		break;
	case NMW_TCP_EV_FIN:
	case NMW_TCP_EV_RST:
	case NMW_TCP_EV_FORGET: /* the connection's number was taken by another one, or it was idle
				 * for longer than any other */
		session_end(&s->f->sessions, s->f->ts_ns, flow->session, NMW_CTL_LOST);
		break;
	}
}

/* ---- life ----------------------------------------------------------------------------------- */

struct soup_flows *soup_flows_new(struct framing *f, struct nmw_err *e)
{
	const struct nmw_tcp_spec spec = {
		.flows = (uint32_t)f->conf->flows,
		.buffers = (uint32_t)(f->conf->reassembly / NMW_TCP_WINDOW_MIN),
		.window = NMW_TCP_WINDOW_MIN};
	struct soup_flows *s = calloc(1, sizeof *s);
	if (s) {
		const struct nmw_tcp_ops ops = {.data = on_data, .event = on_event, .arg = s};
		s->f = f;
		s->flow = nmw_pages_take(spec.flows * sizeof *s->flow);
		s->tcp = s->flow ? nmw_tcp_new(&spec, &ops, e) : NULL;
	}
	if (s && s->tcp)
		return s;
	if (!s || !s->flow)
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory for %u flows: lower --flows",
			    spec.flows);
	soup_flows_free(s);
	return NULL;
}

void soup_flows_count(struct soup_flows *s)
{
	struct nmw_metrics *m = s->f->emit->st->m;
	const struct nmw_tcp_stat *t = nmw_tcp_stat(s->tcp);
	nmw_gauge(m, NMW_M_tcp_retransmits, t->retransmits);
	nmw_gauge(m, NMW_M_tcp_reordered, t->reordered);
	nmw_gauge(m, NMW_M_tcp_gaps, t->gaps);
}

void soup_flows_packet(struct soup_flows *s, const struct nmw_packet *p)
{
	if (p->len == 0 && p->cut == 0)
		nmw_count(s->f->emit->st->m, NMW_M_padding_packets, 1);
	nmw_tcp_segment(s->tcp, p);
}

bool soup_flows_flush(struct soup_flows *s)
{
	nmw_tcp_flush(s->tcp);
	soup_flows_count(s);
	return s->unfinished;
}

void soup_flows_free(struct soup_flows *s)
{
	if (!s)
		return;
	nmw_tcp_free(s->tcp);
	nmw_pages_give(s->flow, s->f->conf->flows * sizeof *s->flow);
	free(s);
}
