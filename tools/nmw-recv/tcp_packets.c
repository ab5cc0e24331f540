/* Bytes of a connection to packets to slots (SoupBinTCP 3.00, 2.1 and 2.2). */
#include "tcp_server.h"

#include <string.h>

/* ---- orders ---------------------------------------------------------------------------------- */

/* A slot that points to the message where it lies. */
static void point(struct tcp_server *s, const struct conn *c, const struct nmw_soup *p)
{
	uint64_t seq = emit_point(s->emit, s->ts_ns, c->session, NMW_CH_ORDER, c->account->codec,
				  net_frames_off(&s->live.frames, p->payload), p->len);
	s->last = seq ? seq : s->last;
}

static void count(struct tcp_server *s, struct conn *c)
{
	const struct account *a = c->account;
	c->count++;
	c->last_seq = s->emit->st->out.next + s->emit->st->pending - 1;
	if (a->interval_ns)
		c->due_ns += a->interval_ns;
	uint64_t step = a->outstanding / MARKS + 1;
	if (a->outstanding && c->count % step == 0)
		c->mark[c->count / step % MARKS] = (struct conn_mark){c->last_seq, c->count};
}

static void order(struct tcp_server *s, struct conn *c, const struct nmw_soup *p, bool in_frames)
{
	if (p->len == 0) {
		emit_drop(s->emit, NMW_DROP_bad_message, 1);
		return;
	}
	if (in_frames)
		point(s, c, p);
	else
		emit_message(s->emit, s->ts_ns, c->session, NMW_CH_ORDER, c->account->codec,
			     p->payload, p->len);
	count(s, c);
}

/* ---- packets --------------------------------------------------------------------------------- */

static void nonsense(struct tcp_server *s, struct conn *c)
{
	emit_drop(s->emit, NMW_DROP_bad_soup, 1);
	conn_end(s, c, NMW_CTL_LOST, NMW_M_sessions_broken);
}

static void packet_up(struct tcp_server *s, struct conn *c, const struct nmw_soup *p,
		      bool in_frames)
{
	switch (p->type) {
	case NMW_SOUP_UNSEQUENCED:
		order(s, c, p, in_frames);
		break;
	case NMW_SOUP_CLIENT_HEARTBEAT:
		nmw_count(s->emit->st->m, NMW_M_heartbeats, 1);
		break;
	case NMW_SOUP_DEBUG:
		break;
	case NMW_SOUP_LOGOUT:
		conn_end(s, c, NMW_CTL_LOGOUT, NMW_M_COUNT);
		break;
	default:
		nonsense(s, c);
	}
}

static void packet(struct tcp_server *s, struct conn *c, const struct nmw_soup *p, bool in_frames)
{
	if (c->state == CONN_UP)
		packet_up(s, c, p, in_frames);
	else if (p->type == NMW_SOUP_LOGIN)
		login_asked(s, c, p);
	else if (p->type != NMW_SOUP_DEBUG && p->type != NMW_SOUP_CLIENT_HEARTBEAT)
		nonsense(s, c);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool reads(const struct conn *c)
{
	return c->state == CONN_NEW || c->state == CONN_UP;
}

/* A packet that is longer than any that is taken: passed over, and counted unless it is debug.
 * avail bytes of it are there. Returns what of them is used up. */
static uint32_t pass_over(struct tcp_server *s, struct conn *c, uint8_t type, uint32_t len,
			  uint32_t avail)
{
	bool order_entry = type == NMW_SOUP_UNSEQUENCED && c->state == CONN_UP;
	if (!order_entry && type != NMW_SOUP_DEBUG) {
		nonsense(s, c);
		return avail;
	}
	if (order_entry)
		emit_drop(s->emit, NMW_DROP_too_long, 1);
	uint32_t used = len < avail ? len : avail;
	c->skip = len - used;
	return used;
}

/* One packet at p: how many bytes were used; 0 = it is not whole. */
static uint32_t one(struct tcp_server *s, struct conn *c, const uint8_t *p, uint32_t n,
		    bool in_frames)
{
	struct nmw_soup soup;
	if (n >= NMW_SOUP_HDR && 2u + nmw_be16(p) > CONN_PART)
		return pass_over(s, c, p[2], 2u + nmw_be16(p), n);
	int used = nmw_soup_next(p, n, &soup);
	if (used < 0) {
		nonsense(s, c);
		return n;
	}
	if (used > 0)
		packet(s, c, &soup, in_frames);
	return (uint32_t)used;
}

/* Bytes to add to the part that is there for its packet to be whole, as far as one can tell. */
static uint32_t lacks(const struct conn *c)
{
	uint32_t whole = c->part_len < NMW_SOUP_HDR ? NMW_SOUP_HDR : 2u + nmw_be16(c->part);
	return whole - c->part_len;
}

/* Takes what is whole in the part, and adds to the part what its packet lacks. Returns the bytes of
 * p it used. */
static uint32_t complete(struct tcp_server *s, struct conn *c, const uint8_t *p, uint32_t n)
{
	uint32_t used = 0;
	while (c->part_len && reads(c)) {
		uint32_t got = one(s, c, c->part, c->part_len, false);
		c->part_len -= got;
		if (got) {
			memmove(c->part, c->part + got, c->part_len);
			explicit_bzero(c->part + c->part_len, got); /* of a password */
			continue;
		}
		uint32_t add = lacks(c);
		add = add < n - used ? add : n - used;
		if (add == 0)
			break;
		memcpy(c->part + c->part_len, p + used, add);
		c->part_len += add;
		used += add;
	}
	return used;
}

/* What cannot be taken now is kept, as far as there is room: a client that sends more before it is
 * told that it is logged in breaks the protocol. */
static void keep(struct tcp_server *s, struct conn *c, const uint8_t *p, uint32_t n)
{
	if (n > CONN_PART - c->part_len) {
		nonsense(s, c);
		return;
	}
	memcpy(c->part + c->part_len, p, n);
	c->part_len += n;
}

static uint32_t skipped(struct conn *c, uint32_t n)
{
	uint32_t used = c->skip < n ? c->skip : n;
	c->skip -= used;
	return used;
}

void packets_take(struct tcp_server *s, struct conn *c, const uint8_t *p, uint32_t n,
		  bool in_frames)
{
	uint32_t at = skipped(c, n);
	if (c->part_len)
		at += complete(s, c, p + at, n - at);
	at += skipped(c, n - at);
	while (at < n && reads(c)) {
		uint32_t used = one(s, c, p + at, n - at, in_frames);
		at += used;
		if (used == 0)
			break;
	}
	if (at < n && c->state != CONN_CLOSING && c->state != CONN_REFUSED)
		keep(s, c, p + at, n - at);
}
