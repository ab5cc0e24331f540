#include "wire/framer.h"

#include "wire/mold.h"
#include "wire/packet_build.h"
#include "wire/soup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW	     65535u /* bytes; no scaling is offered */
#define UNACKED_MAX  32768u /* bytes in flight before the other side acknowledges */
#define PORT_SPAN    20000u /* client ports of one address */
#define LOGIN_STRIDE 65536u /* addresses between two logins of one session */
#define SOUP_MAX     65534u /* payload bytes: the length field counts the type too */
#define SCRATCH	     64u    /* bytes of the longest packet that the framer itself says */

enum dir { CLIENT, SERVER }; /* who sends */
enum state { NEVER, UP, DOWN };

struct session {
	char name[10], account[10];
	char asked[10];		  /* session that its login asked for; blank = any */
	uint8_t state;		  /* enum state, of its TCP flow */
	bool has_feed, feed_over; /* market data was seen; its end was */
	uint16_t feed_port;
	uint32_t logins;
	uint32_t seq[2],
		acked[2]; /* TCP: next to send; lowest that the other has not acknowledged */
	uint64_t next[2]; /* number of the next message; soup: SERVER only */
	uint64_t feed_next;
	uint64_t wanted; /* sequence number that its login asked for */
};

/* A packet that may still take messages. */
struct packet {
	bool open;
	uint8_t dir;
	uint32_t session;
	uint32_t len, msgs, bytes;
	uint64_t ts_ns; /* of its first message */
	struct nmw_mold_out mold;
	uint8_t buf[NMW_PACKET_HEADROOM + NMW_FRAMER_MTU_MAX];
};

struct nmw_framer {
	struct nmw_framer_conf conf;
	nmw_framer_emit *emit;
	void *arg;
	uint32_t mss, entry_max, feed_max; /* payload bytes of a packet */
	uint32_t port_span;
	uint32_t feeds; /* market data streams so far */
	uint32_t top;	/* highest session id so far */
	uint16_t ip_id;
	uint64_t now; /* time of the last message */
	struct packet entry, feed;
	uint8_t scratch[NMW_PACKET_HEADROOM + SCRATCH];
	struct session session[]; /* conf.sessions + 1 */
};

static uint8_t *payload_of(struct packet *p)
{
	return p->buf + NMW_PACKET_HEADROOM;
}

/* ---- addresses ------------------------------------------------------------------------------ */

static void client_of(const struct nmw_framer *f, uint32_t id, struct nmw_endpoint *ep)
{
	uint32_t logins = f->session[id].logins;
	*ep = f->conf.client;
	ep->port = (uint16_t)(ep->port + (id - 1) % f->port_span);
	nmw_endpoint_advance(ep, (id - 1) / f->port_span +
					 (logins > 1 ? (logins - 1) * LOGIN_STRIDE : 0));
}

static void ends_of(const struct nmw_framer *f, uint32_t id, enum dir dir, struct nmw_endpoint *src,
		    struct nmw_endpoint *dst)
{
	client_of(f, id, dir == CLIENT ? src : dst);
	*(dir == CLIENT ? dst : src) = f->conf.server;
}

/* Session and account names come from outside: what a protocol field cannot hold is replaced. */
static bool printable(const char *s, size_t n)
{
	bool some = false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < ' ' || s[i] > '~')
			return false;
		some = some || s[i] != ' ';
	}
	return some;
}

/* The name that was given if it can be used, else the other. */
static void set_name(char out[10], const char *given, const char *other)
{
	if (given && printable(given, 10)) {
		memcpy(out, given, 10);
		return;
	}
	size_t n = strlen(other);
	memset(out, ' ', 10);
	memcpy(out, other, n < 10 ? n : 10);
}

static void set_names(struct session *s, const struct nmw_ctl *c, uint32_t id)
{
	char name[16], account[16];
	snprintf(name, sizeof name, "NMW%07u", id % 10000000);
	snprintf(account, sizeof account, "S%05u", id % 100000);
	set_name(s->name, c ? c->name : NULL, name);
	set_name(s->account, c ? c->account : NULL, account);
	set_name(s->asked, c ? c->name : NULL, "");
}

/* ---- TCP ------------------------------------------------------------------------------------ */

/* One segment, with everything that came from the other side acknowledged. */
static void segment(struct nmw_framer *f, uint64_t ts, uint32_t id, enum dir dir, uint8_t flags,
		    uint8_t *payload, uint32_t len, uint32_t msgs, uint32_t bytes)
{
	struct session *s = &f->session[id];
	struct nmw_endpoint src, dst;
	ends_of(f, id, dir, &src, &dst);
	const struct nmw_tcp_header h = {.seq = s->seq[dir],
					 .ack = flags & NMW_TCP_ACK ? s->seq[!dir] : 0,
					 .window = WINDOW,
					 .mss = flags & NMW_TCP_SYN ? (uint16_t)f->mss : 0,
					 .flags = flags};
	uint32_t frame_len;
	uint8_t *frame = nmw_packet_tcp(payload, len, &src, &dst, ++f->ip_id, &h, &frame_len);
	s->seq[dir] += len + (flags & (NMW_TCP_SYN | NMW_TCP_FIN) ? 1 : 0);
	if (flags & NMW_TCP_ACK)
		s->acked[!dir] = s->seq[!dir];
	f->emit(f->arg, ts, frame, frame_len, msgs, bytes);
}

static void bare_segment(struct nmw_framer *f, uint64_t ts, uint32_t id, enum dir dir,
			 uint8_t flags, uint32_t msgs, uint32_t bytes)
{
	segment(f, ts, id, dir, flags, f->scratch + NMW_PACKET_HEADROOM, 0, msgs, bytes);
}

static void data_segment(struct nmw_framer *f, uint64_t ts, uint32_t id, enum dir dir,
			 uint8_t *payload, uint32_t len, uint32_t msgs, uint32_t bytes)
{
	struct session *s = &f->session[id];
	if (s->seq[dir] - s->acked[dir] + len > UNACKED_MAX)
		bare_segment(f, ts, id, !dir, NMW_TCP_ACK, 0, 0);
	segment(f, ts, id, dir, NMW_TCP_PSH | NMW_TCP_ACK, payload, len, msgs, bytes);
}

/* Handshake, login request and its answer. */
static void flow_open(struct nmw_framer *f, uint64_t ts, uint32_t id, uint32_t msgs, uint32_t bytes)
{
	struct session *s = &f->session[id];
	uint8_t *p = f->scratch + NMW_PACKET_HEADROOM;
	s->state = UP;
	s->logins++;
	s->seq[CLIENT] = s->acked[CLIENT] = (id + s->logins) * 0x9E3779B1u;
	s->seq[SERVER] = s->acked[SERVER] = ~s->seq[CLIENT];
	bare_segment(f, ts, id, CLIENT, NMW_TCP_SYN, 0, 0);
	bare_segment(f, ts, id, SERVER, NMW_TCP_SYN | NMW_TCP_ACK, 0, 0);
	bare_segment(f, ts, id, CLIENT, NMW_TCP_ACK, 0, 0);

	struct nmw_soup_login login = {.next = s->wanted};
	memcpy(login.user, s->account, sizeof login.user);
	memset(login.password, ' ', sizeof login.password);
	memcpy(login.session, s->asked, sizeof login.session);
	data_segment(f, ts, id, CLIENT, p, nmw_soup_put_login(p, &login), 0, 0);
	data_segment(f, ts, id, SERVER, p, nmw_soup_put_accepted(p, s->name, s->next[SERVER]), msgs,
		     bytes);
}

static void flow_close(struct nmw_framer *f, uint64_t ts, uint32_t id, enum dir dir, uint32_t msgs,
		       uint32_t bytes)
{
	bare_segment(f, ts, id, dir, NMW_TCP_FIN | NMW_TCP_ACK, 0, 0);
	bare_segment(f, ts, id, !dir, NMW_TCP_FIN | NMW_TCP_ACK, 0, 0);
	bare_segment(f, ts, id, dir, NMW_TCP_ACK, msgs, bytes);
	f->session[id].state = DOWN;
}

/* A SoupBinTCP packet without payload. */
static void flow_say(struct nmw_framer *f, uint64_t ts, uint32_t id, enum dir dir, uint8_t type,
		     uint32_t msgs, uint32_t bytes)
{
	uint8_t *p = f->scratch + NMW_PACKET_HEADROOM;
	data_segment(f, ts, id, dir, p, nmw_soup_put(p, type, NULL, 0), msgs, bytes);
}

/* ---- UDP ------------------------------------------------------------------------------------ */

static void datagram(struct nmw_framer *f, uint64_t ts, const struct nmw_endpoint *src,
		     const struct nmw_endpoint *dst, uint8_t *payload, uint32_t len, uint32_t msgs,
		     uint32_t bytes)
{
	uint32_t frame_len;
	uint8_t *frame = nmw_packet_udp(payload, len, src, dst, ++f->ip_id, &frame_len);
	f->emit(f->arg, ts, frame, frame_len, msgs, bytes);
}

static void feed_datagram(struct nmw_framer *f, uint64_t ts, uint32_t id, uint8_t *payload,
			  uint32_t len, uint32_t msgs, uint32_t bytes)
{
	struct nmw_endpoint dst = f->conf.feed;
	dst.port = f->session[id].feed_port;
	datagram(f, ts, &f->conf.feed_source, &dst, payload, len, msgs, bytes);
}

/* An end of session packet at p. Returns its bytes. */
static uint32_t mold_end(uint8_t *p, const char name[10], uint64_t next)
{
	struct nmw_mold_out o;
	nmw_mold_start(&o, p, SCRATCH, name, next);
	return nmw_mold_finish(&o, NMW_MOLD_END);
}

static void feed_end(struct nmw_framer *f, uint64_t ts, uint32_t id, uint32_t msgs, uint32_t bytes)
{
	struct session *s = &f->session[id];
	uint8_t *p = f->scratch + NMW_PACKET_HEADROOM;
	feed_datagram(f, ts, id, p, mold_end(p, s->name, s->feed_next), msgs, bytes);
	s->feed_over = true;
}

static void entry_end(struct nmw_framer *f, uint64_t ts, uint32_t id, uint32_t bytes)
{
	struct session *s = &f->session[id];
	struct nmw_endpoint src, dst;
	uint8_t *p = f->scratch + NMW_PACKET_HEADROOM;
	ends_of(f, id, CLIENT, &src, &dst);
	datagram(f, ts, &src, &dst, p, mold_end(p, s->name, s->next[CLIENT]), 1, bytes);
}

/* ---- open packets --------------------------------------------------------------------------- */

static void packet_open(struct packet *p, uint32_t id, enum dir dir, uint64_t ts)
{
	p->open = true;
	p->session = id;
	p->dir = (uint8_t)dir;
	p->ts_ns = ts;
	p->len = p->msgs = p->bytes = 0;
}

static void flush_entry(struct nmw_framer *f)
{
	struct packet *p = &f->entry;
	if (!p->open)
		return;
	p->open = false;
	enum dir dir = (enum dir)p->dir;
	if (f->conf.framing == NMW_FRAMING_SOUP) {
		data_segment(f, p->ts_ns, p->session, dir, payload_of(p), p->len, p->msgs,
			     p->bytes);
		return;
	}
	struct nmw_endpoint src, dst;
	ends_of(f, p->session, dir, &src, &dst);
	datagram(f, p->ts_ns, &src, &dst, payload_of(p), nmw_mold_finish(&p->mold, p->mold.count),
		 p->msgs, p->bytes);
}

static void flush_feed(struct nmw_framer *f, uint64_t ts)
{
	struct packet *p = &f->feed;
	if (!p->open)
		return;
	p->open = false;
	feed_datagram(f, ts, p->session, payload_of(p), nmw_mold_finish(&p->mold, p->mold.count),
		      p->msgs, p->bytes);
}

/* The time at which an open market data packet goes out when something else makes it go. */
static uint64_t feed_leaves(const struct nmw_framer *f)
{
	return f->conf.pack_ns ? f->now : f->feed.ts_ns;
}

void nmw_framer_flush(struct nmw_framer *f)
{
	flush_entry(f);
	flush_feed(f, feed_leaves(f));
}

/* A message of time ts is about to be taken: what must have left before it goes. */
static void advance(struct nmw_framer *f, uint64_t ts, bool is_feed)
{
	if (is_feed)
		flush_entry(f);
	else if (!f->conf.pack_ns)
		flush_feed(f, f->feed.ts_ns);
	if (!f->feed.open || ts - f->feed.ts_ns <= f->conf.pack_ns)
		return;
	flush_entry(f);
	flush_feed(f, ts > f->feed.ts_ns ? f->feed.ts_ns + f->conf.pack_ns : f->now);
}

/* ---- messages ------------------------------------------------------------------------------- */

/* Bytes of a TCP stream; a segment that is full goes out. */
static void stream_put(struct nmw_framer *f, const uint8_t *p, uint32_t len)
{
	struct packet *pk = &f->entry;
	while (len) {
		if (pk->len == f->mss) {
			uint64_t ts = pk->ts_ns;
			flush_entry(f);
			packet_open(pk, pk->session, (enum dir)pk->dir, ts);
		}
		uint32_t n = f->mss - pk->len < len ? f->mss - pk->len : len;
		memcpy(payload_of(pk) + pk->len, p, n);
		pk->len += n;
		p += n;
		len -= n;
	}
}

static void entry_soup(struct nmw_framer *f, enum dir dir, const uint8_t *payload, uint32_t len)
{
	struct packet *p = &f->entry;
	uint8_t hdr[NMW_SOUP_HDR];
	if (p->open && p->len + NMW_SOUP_HDR + len > f->mss) {
		flush_entry(f);
		packet_open(p, p->session, dir, p->ts_ns);
	}
	nmw_put16(hdr, (uint16_t)(len + 1));
	hdr[2] = dir == CLIENT ? NMW_SOUP_UNSEQUENCED : NMW_SOUP_SEQUENCED;
	stream_put(f, hdr, sizeof hdr);
	stream_put(f, payload, len);
}

static void mold_open(struct packet *p, const struct session *s, uint64_t next, uint32_t cap)
{
	nmw_mold_start(&p->mold, payload_of(p), cap, s->name, next);
}

static void entry_mold(struct nmw_framer *f, uint32_t id, enum dir dir, uint64_t ts, bool fresh,
		       const uint8_t *payload, uint32_t len)
{
	struct packet *p = &f->entry;
	struct session *s = &f->session[id];
	if (fresh)
		mold_open(p, s, s->next[dir], f->entry_max);
	if (!nmw_mold_add(&p->mold, payload, (uint16_t)len)) {
		flush_entry(f);
		packet_open(p, id, dir, ts);
		mold_open(p, s, s->next[dir], f->entry_max);
		nmw_mold_add(&p->mold, payload, (uint16_t)len);
	}
}

/* Makes sure that the session can carry a message in this direction. */
static int entry_ready(struct nmw_framer *f, uint32_t id, enum dir dir, uint64_t ts)
{
	struct session *s = &f->session[id];
	if (f->conf.framing == NMW_FRAMING_MOLD || s->state == UP)
		return 0;
	if (s->state == DOWN) {
		s->next[dir]++; /* a reply: its client gets it at the next login */
		return -ENOTCONN;
	}
	flush_entry(f);
	if (!s->wanted)
		s->wanted = s->next[SERVER];
	flow_open(f, ts, id, 0, 0);
	return 0;
}

static int put_entry(struct nmw_framer *f, uint32_t id, enum dir dir, uint64_t ts,
		     const uint8_t *payload, uint32_t len)
{
	struct packet *p = &f->entry;
	bool soup = f->conf.framing == NMW_FRAMING_SOUP;
	if (!id)
		return -EINVAL;
	if (len > (soup ? SOUP_MAX : f->entry_max - NMW_MOLD_HDR - 2))
		return -EMSGSIZE;
	int rc = entry_ready(f, id, dir, ts);
	if (rc)
		return rc;
	bool fresh = !p->open || p->session != id || p->dir != dir || p->ts_ns != ts;
	if (fresh) {
		flush_entry(f);
		packet_open(p, id, dir, ts);
	}
	if (soup)
		entry_soup(f, dir, payload, len);
	else
		entry_mold(f, id, dir, ts, fresh, payload, len);
	f->session[id].next[dir]++;
	p->msgs++;
	p->bytes += len;
	return 0;
}

static int feed_ready(struct nmw_framer *f, struct session *s)
{
	s->feed_over = false;
	if (s->has_feed)
		return 0;
	if (f->conf.feed.port + f->feeds > UINT16_MAX)
		return -ENOSPC;
	s->has_feed = true;
	s->feed_port = (uint16_t)(f->conf.feed.port + f->feeds++);
	return 0;
}

static int put_feed(struct nmw_framer *f, uint32_t id, uint64_t ts, const uint8_t *payload,
		    uint32_t len)
{
	struct session *s = &f->session[id];
	struct packet *p = &f->feed;
	if (len > f->feed_max - NMW_MOLD_HDR - 2)
		return -EMSGSIZE;
	int rc = feed_ready(f, s);
	if (rc)
		return rc;
	if (!p->open || p->session != id || !nmw_mold_add(&p->mold, payload, (uint16_t)len)) {
		flush_feed(f, feed_leaves(f));
		packet_open(p, id, SERVER, ts);
		mold_open(p, s, s->feed_next, f->feed_max);
		nmw_mold_add(&p->mold, payload, (uint16_t)len);
	}
	s->feed_next++;
	p->msgs++;
	p->bytes += len;
	return 0;
}

/* ---- control -------------------------------------------------------------------------------- */

static int login(struct nmw_framer *f, uint32_t id, uint64_t ts, const struct nmw_ctl *c)
{
	struct session *s = &f->session[id];
	if (c->codec == NMW_CODEC_ITCH50) {
		if (!s->has_feed)
			set_names(s, c, id);
		if (!s->has_feed && c->first)
			s->feed_next = c->first;
		return 1;
	}
	if (!id)
		return -EINVAL;
	set_names(s, c, id);
	s->wanted = c->first;
	if (!s->logins && c->first)
		s->next[SERVER] = c->first;
	if (f->conf.framing == NMW_FRAMING_MOLD || !f->conf.logins)
		return 1;
	if (s->state == UP) /* it came back before its loss was noticed */
		flow_close(f, ts, id, SERVER, 0, 0);
	flow_open(f, ts, id, 1, sizeof *c);
	return 0;
}

/* A server hangs up on a logout; a client that is lost hangs up without one. */
static int session_down(struct nmw_framer *f, uint32_t id, uint64_t ts, bool logout)
{
	if (f->conf.framing == NMW_FRAMING_MOLD || f->session[id].state != UP)
		return -ENOTSUP;
	if (logout)
		flow_say(f, ts, id, CLIENT, NMW_SOUP_LOGOUT, 0, 0);
	flow_close(f, ts, id, logout ? SERVER : CLIENT, 1, sizeof(struct nmw_ctl));
	return 0;
}

static int session_end(struct nmw_framer *f, uint32_t id, uint64_t ts)
{
	const struct session *s = &f->session[id];
	if (s->has_feed) {
		feed_end(f, ts, id, 1, sizeof(struct nmw_ctl));
		return 0;
	}
	if (f->conf.framing == NMW_FRAMING_MOLD && s->next[CLIENT] > 1) {
		entry_end(f, ts, id, sizeof(struct nmw_ctl));
		return 0;
	}
	if (f->conf.framing == NMW_FRAMING_MOLD || s->state != UP)
		return -ENOTSUP;
	/* The connection is closed by what follows: a logout, or its loss. */
	flow_say(f, ts, id, SERVER, NMW_SOUP_END, 1, sizeof(struct nmw_ctl));
	return 0;
}

/* What was never seen leaves its hole in the numbers. */
static int gap(struct nmw_framer *f, uint32_t id, uint64_t count)
{
	struct session *s = &f->session[id];
	if (!count)
		return -ENOTSUP;
	if (s->has_feed)
		s->feed_next += count;
	else if (id && f->conf.framing == NMW_FRAMING_MOLD)
		s->next[CLIENT] += count;
	else
		return -ENOTSUP;
	return 1;
}

static int put_ctl(struct nmw_framer *f, uint32_t id, uint64_t ts, const uint8_t *payload,
		   uint32_t len)
{
	struct nmw_ctl c;
	if (len != sizeof c)
		return -ENOTSUP;
	memcpy(&c, payload, sizeof c);
	nmw_framer_flush(f);
	switch (c.kind) {
	case NMW_CTL_LOGIN:
		return login(f, id, ts, &c);
	case NMW_CTL_LOGOUT:
	case NMW_CTL_LOST:
		return session_down(f, id, ts, c.kind == NMW_CTL_LOGOUT);
	case NMW_CTL_END:
		return session_end(f, id, ts);
	case NMW_CTL_GAP:
		return gap(f, id, c.count);
	default:
		return -ENOTSUP;
	}
}

int nmw_framer_put(struct nmw_framer *f, const struct nmw_slot *d, const uint8_t *payload,
		   uint32_t len)
{
	uint32_t id = d->session;
	uint64_t ts = d->ts_ns;
	uint8_t channel = d->channel;
	if (id > f->conf.sessions)
		return -ENOSPC;
	if (!f->session[id].next[CLIENT]) { /* first message of this session */
		struct session *s = &f->session[id];
		s->next[CLIENT] = s->next[SERVER] = s->feed_next = 1;
		set_names(s, NULL, id);
		f->top = id > f->top ? id : f->top;
	}
	advance(f, ts, channel == NMW_CH_FEED);
	f->now = ts;
	switch (channel) {
	case NMW_CH_ORDER:
		return put_entry(f, id, CLIENT, ts, payload, len);
	case NMW_CH_REPLY:
		return put_entry(f, id, SERVER, ts, payload, len);
	case NMW_CH_FEED:
		return put_feed(f, id, ts, payload, len);
	case NMW_CH_CTL:
		return put_ctl(f, id, ts, payload, len);
	default:
		return -ENOTSUP;
	}
}

/* ---- life cycle ----------------------------------------------------------------------------- */

void nmw_framer_conf_init(struct nmw_framer_conf *c)
{
	*c = (struct nmw_framer_conf){.framing = NMW_FRAMING_SOUP,
				      .mtu = NMW_FRAMER_MTU_DEF,
				      .sessions = NMW_FRAMER_SESSIONS_DEF,
				      .logins = true};
	nmw_endpoint_parse("10.0.0.1:9001", &c->server, NULL);
	nmw_endpoint_parse("10.0.1.1:40000", &c->client, NULL);
	nmw_endpoint_parse("239.192.0.1:26400", &c->feed, NULL);
	nmw_endpoint_parse("10.0.0.1:26400", &c->feed_source, NULL);
}

static int check_conf(const struct nmw_framer_conf *c, struct nmw_err *e)
{
	if (c->mtu < NMW_FRAMER_MTU_MIN || c->mtu > NMW_FRAMER_MTU_MAX)
		return nmw_err_set(e, -ERANGE, NMW_EXIT_USAGE, "MTU %u: %u to %u bytes", c->mtu,
				   NMW_FRAMER_MTU_MIN, NMW_FRAMER_MTU_MAX);
	if (c->server.family != c->client.family || c->feed.family != c->feed_source.family)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "addresses: both ends of a flow must be IPv4, or both IPv6");
	return 0;
}

int nmw_framer_open(struct nmw_framer **out, const struct nmw_framer_conf *c, nmw_framer_emit *emit,
		    void *arg, struct nmw_err *e)
{
	int rc = check_conf(c, e);
	if (rc)
		return rc;
	/* Pages of sessions that never come are never touched. */
	struct nmw_framer *f =
		calloc(1, sizeof *f + ((size_t)c->sessions + 1) * sizeof f->session[0]);
	if (!f)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
				   "out of memory for %u sessions: lower --sessions", c->sessions);
	f->conf = *c;
	f->emit = emit;
	f->arg = arg;
	f->mss = nmw_packet_tcp_max(c->mtu, c->server.family);
	f->entry_max = nmw_packet_udp_max(c->mtu, c->server.family);
	f->feed_max = nmw_packet_udp_max(c->mtu, c->feed.family);
	uint32_t ports = 65536u - c->client.port;
	f->port_span = ports < PORT_SPAN ? ports : PORT_SPAN;
	*out = f;
	return 0;
}

void nmw_framer_finish(struct nmw_framer *f)
{
	nmw_framer_flush(f);
	for (uint32_t id = 0; id <= f->top; id++)
		if (f->session[id].has_feed && !f->session[id].feed_over)
			feed_end(f, f->now, id, 0, 0);
}

void nmw_framer_close(struct nmw_framer *f)
{
	free(f);
}
