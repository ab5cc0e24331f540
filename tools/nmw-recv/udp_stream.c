#include "udp_stream.h"

#include "base/log.h"
#include "base/units.h"
#include "sniff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FEED_WINDOW   1024u /* packets */
#define CLIENT_WINDOW 32u
#define CLIENT_PACKET 2048u
#define JUMP	      (1u << 16) /* messages */
#define CLIENTS_MAX   16384u
#define HOLD_NS	      (10ull * 1000 * 1000)
#define REQUEST_NS    (50ull * 1000 * 1000)
#define RETRIES	      10u
#define SILENCE_NS    (5 * NMW_NS_PER_S)
#define CLIENT_NS     (15 * NMW_NS_PER_S) /* silence of a client that is lost */
#define SCAN_NS	      (NMW_NS_PER_S / 10)

/* The feed, or a client. */
struct stream {
	struct udp_streams *of;
	struct nmw_mold_recv rx;
	struct endpoint from;
	uint32_t session; /* 0 = market data */
	uint64_t last_ns;
	bool client;
	struct sniff sniff;
};

struct udp_streams {
	struct udp_streams_conf conf;
	struct framing *f;
	struct stream feed;
	struct nmw_flows *table;
	struct stream *client; /* by index of the table */
	struct stream *heard;  /* whose the last plain datagram was */
	struct stream *hot;    /* the client that sent last, NULL = none: most come in runs */
	uint64_t scanned_ns, requests;
	const struct udp_datagram *at; /* being read */
	uint64_t last;		       /* message that points into it */
	bool said_no_ids;
};

/* ---- what a stream delivers ----------------------------------------------------------------- */

/* In the datagram that is being read; else it was held, and its cell will be used again. */
static void deliver(const struct stream *s, struct sniffed is, const uint8_t *p, uint16_t len)
{
	struct udp_streams *u = s->of;
	struct framing *f = u->f;
	uint64_t at = u->at ? (uint64_t)((uintptr_t)p - (uintptr_t)u->at->p) : UINT64_MAX;
	if (u->at && at < u->at->len) {
		uint64_t seq = emit_point(f->emit, f->ts_ns, s->session, is.channel, is.codec,
					  u->at->frame_off + at, len);
		u->last = seq ? seq : u->last;
	} else {
		emit_message(f->emit, f->ts_ns, s->session, is.channel, is.codec, p, len);
	}
}

static void pass_on(struct stream *s, const uint8_t *p, uint16_t len)
{
	struct framing *f = s->of->f;
	uint8_t other = s->client ? NMW_CH_ORDER : NMW_CH_FEED;
	struct sniffed is = sniff_look(&s->sniff, p, len, other);
	if (len == 0)
		emit_drop(f->emit, NMW_DROP_bad_message, 1);
	else if (!framing_passes(f, is.channel))
		emit_drop(f->emit, NMW_DROP_filtered, 1);
	else
		deliver(s, is, p, len);
}

static void on_message(void *arg, uint64_t seq, const uint8_t *msg, uint16_t len)
{
	(void)seq;
	pass_on(arg, msg, len);
}

static void on_gap(void *arg, uint64_t first, uint64_t count)
{
	struct stream *s = arg;
	struct framing *f = s->of->f;
	nmw_count(f->emit->st->m, NMW_M_mold_gaps, 1);
	nmw_count(f->emit->st->m, NMW_M_mold_gap_messages, count);
	emit_missing(f->emit);
	session_ctl(&f->sessions, f->ts_ns, s->session, NMW_CTL_GAP, &s->from, s->rx.session, first,
		    count);
}

static void on_end(void *arg, uint64_t next)
{
	struct stream *s = arg;
	struct framing *f = s->of->f;
	if (s->client)
		session_end(&f->sessions, f->ts_ns, s->session, NMW_CTL_LOGOUT);
	else
		session_ctl(&f->sessions, f->ts_ns, 0, NMW_CTL_END, &s->from, s->rx.session, next,
			    0);
}

static void on_request(void *arg, const uint8_t *packet, unsigned attempt)
{
	struct stream *s = arg;
	(void)attempt;
	nmw_count(s->of->f->emit->st->m, NMW_M_rerequests, 1);
	s->of->conf.request(s->of->conf.arg, packet);
}

static void on_duplicate(void *arg, uint64_t n)
{
	struct stream *s = arg;
	emit_drop(s->of->f->emit, NMW_DROP_duplicate, n);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

static int open_stream(struct udp_streams *u, struct stream *s, bool client, struct nmw_err *e)
{
	const struct nmw_mold_recv_conf c = {.first = client ? 0 : u->conf.first,
					     .lines = client ? 1 : u->conf.lines,
					     .window = client ? CLIENT_WINDOW : FEED_WINDOW,
					     .packet_max =
						     client ? CLIENT_PACKET : u->conf.packet_max,
					     .hold_ns = HOLD_NS,
					     .request_ns = REQUEST_NS,
					     .retries = RETRIES,
					     .silence_ns = SILENCE_NS,
					     .jump = JUMP};
	const struct nmw_mold_recv_calls calls = {
		.message = on_message,
		.gap = on_gap,
		.end = on_end,
		.request = client || !u->conf.request ? NULL : on_request,
		.duplicate = on_duplicate,
		.arg = s};
	*s = (struct stream){.of = u, .client = client};
	sniff_init(&s->sniff, client ? SNIFF_ORDERS : SNIFF_ALL, u->f->conf->codec);
	return nmw_mold_recv_open(&s->rx, &c, &calls, e);
}

int udp_streams_open(struct udp_streams **out, const struct udp_streams_conf *c, struct nmw_err *e)
{
	struct udp_streams *u = calloc(1, sizeof *u);
	if (!u)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	u->conf = *c;
	u->f = c->framing;
	uint64_t flows = u->f->conf->flows;
	uint32_t n = flows < CLIENTS_MAX ? (uint32_t)flows : CLIENTS_MAX;
	u->client = calloc(n, sizeof *u->client);
	u->table = nmw_flows_new(n, e);
	int rc = u->client && u->table ? 0
				       : nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
						     "no memory for %u clients: lower --flows", n);
	if (!rc)
		rc = open_stream(u, &u->feed, false, e);
	if (rc) {
		nmw_flows_free(u->table);
		free(u->client);
		free(u);
		return rc;
	}
	*out = u;
	return 0;
}

static void say_lines(const struct udp_streams *u)
{
	const struct nmw_mold_recv *r = &u->feed.rx;
	for (unsigned i = 0; u->conf.lines > 1 && i < u->conf.lines; i++)
		nmw_log(NMW_LOG_INFO,
			"udp: line %u: %" PRIu64 " packets, %" PRIu64 " of them first, %" PRIu64
			" duplicates",
			i + 1, r->line[i].packets, r->line[i].won, r->line[i].duplicates);
	if (r->stat.requests || r->stat.gaps)
		nmw_log(NMW_LOG_INFO,
			"udp: %" PRIu64 " requests for what was lost; %" PRIu64 " gaps of %" PRIu64
			" messages stayed",
			r->stat.requests, r->stat.gaps, r->stat.gap_messages);
}

void udp_streams_close(struct udp_streams *u)
{
	say_lines(u);
	nmw_mold_recv_close(&u->feed.rx);
	for (uint32_t i = nmw_flows_each(u->table, NMW_FLOW_NONE); i != NMW_FLOW_NONE;
	     i = nmw_flows_each(u->table, i))
		nmw_mold_recv_close(&u->client[i].rx);
	nmw_flows_free(u->table);
	free(u->client);
	free(u);
}

/* ---- clients -------------------------------------------------------------------------------- */

static void close_client(struct udp_streams *u, uint32_t i)
{
	struct stream *s = &u->client[i];
	u->hot = u->heard = NULL;
	session_end(&u->f->sessions, u->f->ts_ns, s->session, NMW_CTL_LOST);
	nmw_mold_recv_close(&s->rx);
}

static void say_no_ids(struct udp_streams *u)
{
	if (!u->said_no_ids)
		nmw_log(NMW_LOG_WARN,
			"udp: %u sessions, none is left: new clients are refused until a new start",
			SESSIONS_MAX);
	u->said_no_ids = true;
}

/* The stream of whoever sent it, and a session for it when it is new; NULL: no room. */
static struct stream *client_of(struct udp_streams *u, const struct udp_datagram *d,
				const char name[10])
{
	struct nmw_flow_key k = {.a_port = d->from.port, .family = d->from.family};
	enum nmw_flow_was was;
	memcpy(k.a, d->from.addr, sizeof k.a);
	uint32_t out = nmw_flows_next_out(u->table);
	if (nmw_flows_find(u->table, &k) == NMW_FLOW_NONE && out != NMW_FLOW_NONE)
		close_client(u, out);
	uint32_t i = nmw_flows_get(u->table, &k, &was);
	struct stream *s = &u->client[i];
	if (was == NMW_FLOW_KNOWN)
		return s;
	const struct session_who who = {.client = d->from, .host = *d->host, .name = name};
	if (open_stream(u, s, true, NULL) == 0) {
		s->from = d->from;
		s->session = session_login(&u->f->sessions, u->f->ts_ns, &who);
		if (s->session)
			return s;
		nmw_mold_recv_close(&s->rx);
		say_no_ids(u);
	}
	nmw_flows_drop(u->table, i);
	return NULL;
}

/* Who has left has a new session when it comes again. */
static void drop_client(struct udp_streams *u, uint32_t i)
{
	close_client(u, i);
	nmw_flows_drop(u->table, i);
}

/* Least recently used first: those that were silent for too long stand at the front. */
static void scan_clients(struct udp_streams *u, uint64_t now_ns)
{
	uint32_t i = nmw_flows_each(u->table, NMW_FLOW_NONE);
	if (now_ns - u->scanned_ns < SCAN_NS)
		return;
	u->scanned_ns = now_ns;
	while (i != NMW_FLOW_NONE) {
		struct stream *s = &u->client[i];
		uint32_t next = nmw_flows_each(u->table, i);
		nmw_mold_recv_tick(&s->rx, now_ns);
		if (s->rx.told_end || now_ns - s->last_ns > CLIENT_NS)
			drop_client(u, i);
		i = next;
	}
}

/* ---- datagrams ------------------------------------------------------------------------------ */

static bool is_order_entry(const struct udp_streams *u, const uint8_t *p, uint32_t len)
{
	struct sniff s;
	switch (u->f->conf->codec) {
	case NMW_CODEC_OUCH42:
	case NMW_CODEC_OUCH50:
		return true;
	case NMW_CODEC_ITCH50:
		return false;
	default:
		sniff_init(&s, SNIFF_ALL, NMW_CODEC_NONE);
		struct sniffed is = sniff_look(&s, p, len, NMW_CH_FEED);
		return is.known && is.channel == NMW_CH_ORDER;
	}
}

static inline bool same_sender(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && a->family == b->family &&
	       !memcmp(a->addr, b->addr, sizeof a->addr);
}

/* Market data, unless a client is known at that address or speaks order entry. */
static struct stream *stream_of(struct udp_streams *u, const struct udp_datagram *d,
				const char *name, const uint8_t *msg, uint32_t len)
{
	struct nmw_flow_key k = {.a_port = d->from.port, .family = d->from.family};
	if (u->conf.shared || u->f->conf->codec == NMW_CODEC_ITCH50)
		return &u->feed;
	if (u->hot && same_sender(&u->hot->from, &d->from))
		return u->hot;
	memcpy(k.a, d->from.addr, sizeof k.a);
	if (nmw_flows_find(u->table, &k) == NMW_FLOW_NONE && !(msg && is_order_entry(u, msg, len)))
		return &u->feed;
	return u->hot = client_of(u, d, name);
}

static void mold_packet(struct udp_streams *u, const struct udp_datagram *d, struct nmw_mold *m)
{
	char name[10];
	uint16_t len = 0;
	memcpy(name, m->session, sizeof name);
	const uint8_t *msg = nmw_mold_next(m, &len);
	struct stream *s = stream_of(u, d, name, msg, len);
	struct emit *emit = u->f->emit;
	if (!s) {
		emit_drop(emit, NMW_DROP_capacity, m->count);
		return;
	}
	s->from = d->from;
	s->last_ns = d->now_ns;
	unsigned line = s->client ? 0 : d->line;
	switch (nmw_mold_recv_packet(&s->rx, line, d->p, d->len, d->now_ns)) {
	case NMW_MOLD_HEARTBEAT:
		nmw_count(emit->st->m, NMW_M_heartbeats, 1);
		break;
	case NMW_MOLD_BAD:
		emit_drop(emit, NMW_DROP_bad_mold, 1);
		break;
	case NMW_MOLD_FOREIGN:
		emit_drop(emit, NMW_DROP_other_session, 1);
		break;
	case NMW_MOLD_FAR:
		emit_drop(emit, NMW_DROP_far_sequence, 1);
		break;
	default:
		break;
	}
}

static void plain_packet(struct udp_streams *u, const struct udp_datagram *d)
{
	static const char none[10] = "          ";
	struct stream *s = stream_of(u, d, none, d->p, d->len);
	if (!s || d->len > UINT16_MAX) {
		emit_drop(u->f->emit, NMW_DROP_capacity, 1);
		return;
	}
	s->last_ns = d->now_ns;
	u->heard = s;
	pass_on(s, d->p, (uint16_t)d->len);
}

uint64_t udp_streams_packet(struct udp_streams *u, const struct udp_datagram *d)
{
	u->at = d;
	u->last = 0;
	struct nmw_mold m;
	int framing = u->f->conf->framing;
	bool mold = framing != FRAMING_PLAIN && nmw_mold_open(&m, d->p, d->len) == 0;
	if (mold)
		mold_packet(u, d, &m);
	else if (framing == FRAMING_PLAIN && d->len)
		plain_packet(u, d);
	else
		emit_drop(u->f->emit, NMW_DROP_bad_mold, 1);
	u->at = NULL;
	return u->last;
}

bool udp_streams_run(const struct udp_streams *u, struct udp_run *run)
{
	const struct stream *s = u->heard;
	const struct emit *emit = u->f->emit;
	if (!s || u->f->conf->framing != FRAMING_PLAIN || emit->pace.mode != NMW_PACE_MAX ||
	    emit->route)
		return false;
	/* the feed's next sender may be a client, where those are known by what they say */
	if (s == &u->feed && !u->conf.shared && u->f->conf->codec != NMW_CODEC_ITCH50)
		return false;
	unsigned left = s->sniff.left;
	if (!left || (left & (left - 1)))
		return false;
	unsigned i = (unsigned)__builtin_ctz(left);
	*run = (struct udp_run){s, s->session, sniff_kinds[i].channel, sniff_kinds[i].codec};
	return framing_passes(u->f, run->channel);
}

void udp_streams_ran(struct udp_streams *u, uint64_t now_ns)
{
	u->heard->last_ns = now_ns;
}

bool udp_streams_tick(struct udp_streams *u, uint64_t now_ns)
{
	nmw_mold_recv_tick(&u->feed.rx, now_ns);
	scan_clients(u, now_ns);
	return !(u->conf.once && u->feed.rx.told_end);
}

uint64_t udp_streams_due(const struct udp_streams *u)
{
	return nmw_mold_recv_due(&u->feed.rx);
}
