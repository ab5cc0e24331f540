#include "wire/tcp_stream.h"

#include "base/pages.h"
#include "wire/be.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MAX    32u /* ranges held of a direction */
#define HOLE_GRACE  16u /* segments that may pass after the acknowledgement of a hole */
#define NO_BUF	    UINT32_MAX
#define SEQ_SYN_LEN 1u
#define NEAR_BITS   8u
#define NEAR_N	    (1u << NEAR_BITS)

/* Positions are offsets in the buffer; position 0 is sequence number next - kept. */
struct range {
	uint32_t lo, hi; /* hi exclusive */
};

/* Half a cache line: a connection is one line. */
struct dir {
	uint32_t next;	   /* sequence number after the bytes that are in order */
	uint32_t first;	   /* sequence number of the stream's first byte */
	uint32_t kept;	   /* bytes in order that were not taken */
	uint32_t buf;	   /* index of the buffer, NO_BUF */
	uint32_t fin;	   /* sequence number of the FIN */
	uint32_t far_next; /* where a jump beyond the window would go on */
	uint8_t grace;	   /* segments since the hole was acknowledged */
	uint8_t n_held;	   /* ranges in the buffer behind a hole */
	bool started, has_fin, ended, acked, far;
};

struct conn {
	_Alignas(64) struct dir dir[2];
};
_Static_assert(sizeof(struct conn) == 64, "a connection is one line");

/* What is held in a buffer: sorted, apart from each other, all behind a hole; one more while a hole
 * is filled. */
struct held {
	struct range r[HELD_MAX + 1];
};

/* Directions that were seen lately, by the packet's own words: no key to build, no chain to walk.
 */
struct near {
	uint64_t src[2], dst[2];
	uint64_t ports; /* both, family */
	uint32_t flow;
	uint32_t dir;
	uint64_t pad;
};

struct nmw_tcp {
	struct nmw_tcp_spec spec;
	struct nmw_tcp_ops ops;
	struct nmw_tcp_stat stat;
	struct nmw_flows *flows;
	struct conn *conn;
	uint8_t *bytes;	   /* spec.buffers x spec.window */
	struct held *held; /* spec.buffers */
	uint32_t *free;	   /* stack of free buffers */
	uint32_t n_free;
	_Alignas(64) struct near near[NEAR_N];
};

/* The half of a connection that a packet came by: the words that every step needs. */
struct half {
	struct nmw_tcp *t;
	struct dir *d;
	uint32_t flow;
	unsigned dir;
};

static void event(const struct half *a, enum nmw_tcp_event ev, uint64_t n)
{
	a->t->ops.event(a->t->ops.arg, a->flow, a->dir, ev, n);
}

/* ---- life ----------------------------------------------------------------------------------- */

struct nmw_tcp *nmw_tcp_new(const struct nmw_tcp_spec *spec, const struct nmw_tcp_ops *ops,
			    struct nmw_err *e)
{
	assert(spec->flows && spec->buffers && spec->window >= NMW_TCP_WINDOW_MIN);
	struct nmw_tcp *t = aligned_alloc(_Alignof(struct nmw_tcp), sizeof *t);
	if (t) {
		memset(t, 0, sizeof *t);
		t->spec = *spec;
		t->ops = *ops;
		t->flows = nmw_flows_new(spec->flows, e);
		t->conn = nmw_pages_take(spec->flows * sizeof *t->conn);
		t->bytes = nmw_pages_take((size_t)spec->buffers * spec->window);
		t->held = nmw_pages_take(spec->buffers * sizeof *t->held);
		t->free = malloc(spec->buffers * sizeof *t->free);
	}
	if (!t || !t->flows || !t->conn || !t->bytes || !t->held || !t->free) {
		nmw_tcp_free(t);
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
			    "TCP reassembly: no memory for %u flows and %u buffers of %u bytes: "
			    "ask for fewer",
			    spec->flows, spec->buffers, spec->window);
		return NULL;
	}
	for (t->n_free = 0; t->n_free < spec->buffers; t->n_free++)
		t->free[t->n_free] = spec->buffers - 1 - t->n_free;
	return t;
}

void nmw_tcp_free(struct nmw_tcp *t)
{
	if (!t)
		return;
	nmw_flows_free(t->flows);
	nmw_pages_give(t->conn, t->spec.flows * sizeof *t->conn);
	nmw_pages_give(t->bytes, (size_t)t->spec.buffers * t->spec.window);
	nmw_pages_give(t->held, t->spec.buffers * sizeof *t->held);
	free(t->free);
	free(t);
}

const struct nmw_flow_key *nmw_tcp_key(const struct nmw_tcp *t, uint32_t flow)
{
	return nmw_flows_key(t->flows, flow);
}

const struct nmw_tcp_stat *nmw_tcp_stat(const struct nmw_tcp *t)
{
	return &t->stat;
}

/* ---- the buffer of a direction --------------------------------------------------------------- */

static uint8_t *buffer(const struct half *a)
{
	return a->t->bytes + (size_t)a->d->buf * a->t->spec.window;
}

/* Of a direction that has a buffer, as all do that hold something. */
static struct range *held_of(const struct half *a)
{
	return a->t->held[a->d->buf].r;
}

static bool buffer_take(const struct half *a)
{
	if (a->d->buf != NO_BUF)
		return true;
	if (a->t->n_free == 0)
		return false;
	a->d->buf = a->t->free[--a->t->n_free];
	return true;
}

static void buffer_give(const struct half *a)
{
	if (a->d->buf != NO_BUF)
		a->t->free[a->t->n_free++] = a->d->buf;
	a->d->buf = NO_BUF;
}

/* Takes the first n positions away; the buffer goes back when nothing is left in it. */
static void shift(const struct half *a, uint32_t n)
{
	struct dir *d = a->d;
	struct range *held = d->n_held ? held_of(a) : NULL;
	uint32_t top = held ? held[d->n_held - 1].hi : d->kept;
	if (n && top > n)
		memmove(buffer(a), buffer(a) + n, top - n);
	d->kept -= n < d->kept ? n : d->kept;
	for (unsigned i = 0; held && i < d->n_held; i++) {
		held[i].lo -= n;
		held[i].hi -= n;
	}
	if (top <= n)
		buffer_give(a);
}

static void held_remove(const struct half *a, unsigned i)
{
	struct range *held = held_of(a);
	a->d->n_held--;
	memmove(&held[i], &held[i + 1], (a->d->n_held - i) * sizeof held[0]);
}

/* The stream goes on after n missing bytes; what was kept has lost its end. */
static void gap(const struct half *a, uint32_t n)
{
	a->t->stat.gaps++;
	event(a, NMW_TCP_EV_GAP, n);
}

static void reset_hole(struct dir *d)
{
	d->acked = false;
	d->grace = 0;
}

/* Offers what is kept. A reader that takes nothing of a full buffer has lost its stream. */
static void deliver(const struct half *a)
{
	struct dir *d = a->d;
	uint32_t n = a->t->ops.data(a->t->ops.arg, a->flow, a->dir, buffer(a), d->kept);
	assert(n <= d->kept);
	if (n == 0 && d->kept > a->t->spec.window - NMW_TCP_WINDOW_MIN / 2) {
		gap(a, 0);
		n = d->kept;
	}
	shift(a, n);
}

/* The first held range is joined to the bytes in order, when nothing is missing between them. */
static void join_held(const struct half *a)
{
	struct dir *d = a->d;
	if (!d->n_held || held_of(a)->lo != d->kept)
		return;
	d->next += held_of(a)->hi - d->kept;
	d->kept = held_of(a)->hi;
	held_remove(a, 0);
	reset_hole(d);
	deliver(a);
}

/* Gives up the first hole; needs a held range behind it. */
static void give_up(const struct half *a)
{
	struct dir *d = a->d;
	uint32_t missing = held_of(a)->lo - d->kept;
	gap(a, missing);
	d->next += missing;
	shift(a, held_of(a)->lo);
	d->kept = 0;
	join_held(a);
}

/* Everything before sequence number seq is given up. */
static void jump(const struct half *a, uint32_t seq)
{
	struct dir *d = a->d;
	gap(a, seq - d->next);
	d->kept = 0;
	d->n_held = 0;
	buffer_give(a);
	reset_hole(d);
	d->next = seq;
}

/* ---- segments ------------------------------------------------------------------------------- */

/* Hands on bytes where they lie, with nothing kept before them. */
static inline void hand_on(const struct half *a, const uint8_t *p, uint32_t len)
{
	struct dir *d = a->d;
	uint32_t n = a->t->ops.data(a->t->ops.arg, a->flow, a->dir, p, len);
	assert(n <= len);
	if (n == len)
		return;
	if (len - n > a->t->spec.window || !buffer_take(a)) {
		a->t->stat.no_buffer++;
		gap(a, len - n);
		return;
	}
	d->kept = len - n;
	memcpy(buffer(a), p + n, d->kept);
}

static void in_order(const struct half *a, const uint8_t *p, uint32_t len)
{
	struct dir *d = a->d;
	d->next += len;
	if (d->kept && (uint64_t)d->kept + len <= a->t->spec.window) {
		memcpy(buffer(a) + d->kept, p, len);
		d->kept += len;
		deliver(a);
		return;
	}
	if (d->kept) {
		gap(a, 0);
		shift(a, d->kept);
	}
	hand_on(a, p, len);
}

/* Copies to positions lo.. what no held range covers: of bytes seen twice the first count. */
static void copy_uncovered(const struct half *a, const uint8_t *p, uint32_t lo, uint32_t hi)
{
	const struct dir *d = a->d;
	uint32_t at = lo;
	for (unsigned i = 0; i < d->n_held && at < hi; i++) {
		const struct range *r = &held_of(a)[i];
		if (r->hi <= at)
			continue;
		uint32_t to = r->lo < hi ? r->lo : hi;
		if (to > at)
			memcpy(buffer(a) + at, p + (at - lo), to - at);
		at = r->hi > at ? r->hi : at;
	}
	if (at < hi)
		memcpy(buffer(a) + at, p + (at - lo), hi - at);
}

/* Adds lo..hi to the list, joined with the ranges that it touches. */
static void held_add(const struct half *a, uint32_t lo, uint32_t hi)
{
	struct dir *d = a->d;
	struct range *held = held_of(a);
	unsigned i = 0;
	while (i < d->n_held && held[i].hi < lo)
		i++;
	if (i == d->n_held || held[i].lo > hi) {
		assert(d->n_held <= HELD_MAX);
		memmove(&held[i + 1], &held[i], (d->n_held - i) * sizeof held[0]);
		held[i] = (struct range){lo, hi};
		d->n_held++;
		return;
	}
	struct range *r = &held[i];
	r->lo = lo < r->lo ? lo : r->lo;
	r->hi = hi > r->hi ? hi : r->hi;
	while (i + 1 < d->n_held && held[i + 1].lo <= r->hi) {
		if (held[i + 1].hi > r->hi)
			r->hi = held[i + 1].hi;
		held_remove(a, i + 1);
	}
}

/* A segment beyond the window: a long loss, or a stray packet?  The second one in a row that goes
 * on where the first ended tells. */
static bool far_jump(const struct half *a, uint32_t seq, uint32_t len)
{
	struct dir *d = a->d;
	bool sure = d->far && d->far_next == seq;
	d->far = true;
	d->far_next = seq + len;
	if (sure) {
		jump(a, seq);
		d->far = false;
	}
	return sure;
}

/* Whether a hole has to be given up before len bytes at sequence number seq can be held. */
static bool no_room(const struct half *a, uint32_t seq, uint32_t len)
{
	const struct dir *d = a->d;
	uint32_t off = seq - d->next;
	return d->n_held && ((uint64_t)d->kept + off + len > a->t->spec.window ||
			     (off && d->n_held == HELD_MAX));
}

static void hold(const struct half *a, const uint8_t *p, uint32_t len, uint32_t off)
{
	uint32_t lo = a->d->kept + off;
	copy_uncovered(a, p, lo, lo + len);
	a->t->stat.reordered += off != 0;
	held_add(a, lo, lo + len);
	join_held(a);
}

/* Bytes from sequence number seq on, not before next. */
static void take(const struct half *a, const uint8_t *p, uint32_t len, uint32_t seq)
{
	struct dir *d = a->d;
	while (no_room(a, seq, len)) { /* at most HELD_MAX times */
		give_up(a);
		if ((int32_t)(seq - d->next) >= 0)
			continue;
		uint32_t seen = d->next - seq;
		if (seen >= len)
			return;
		p += seen;
		len -= seen;
		seq = d->next;
	}
	uint32_t off = seq - d->next;
	if (off && (uint64_t)d->kept + off + len > a->t->spec.window) {
		if (!far_jump(a, seq, len))
			return;
		off = 0;
	}
	d->far = d->far && off;
	if (off == 0 && d->n_held == 0) {
		in_order(a, p, len);
	} else if (buffer_take(a)) {
		hold(a, p, len, off);
	} else {
		a->t->stat.no_buffer++;
		jump(a, seq);
		in_order(a, p, len);
	}
}

static void start(const struct half *a, uint32_t seq, bool syn)
{
	a->d->started = true;
	a->d->next = a->d->first = seq;
	event(a, NMW_TCP_EV_START, syn);
}

static void finish(const struct half *a)
{
	struct dir *d = a->d;
	if (d->has_fin && !d->ended && (int32_t)(d->next - d->fin) >= 0) {
		d->ended = true;
		event(a, NMW_TCP_EV_FIN, 0);
	}
}

static void give_up_all(const struct half *a)
{
	while (a->d->n_held) /* at most HELD_MAX times */
		give_up(a);
	finish(a);
}

/* The other direction's holes that this packet's acknowledgement covers will not be filled. */
static void acknowledge(const struct half *a, uint32_t ack, bool has_ack)
{
	struct dir *d = a->d;
	if (!d->n_held)
		return;
	if (has_ack && (int32_t)(ack - d->next) > 0)
		d->acked = true;
	if (d->acked && ++d->grace > HOLE_GRACE) {
		give_up(a);
		reset_hole(d);
		finish(a);
	}
}

static void payload(const struct half *a, const struct nmw_packet *p)
{
	struct dir *d = a->d;
	uint32_t seq = p->seq, len = p->len;
	const uint8_t *bytes = p->payload;
	if (p->flags & NMW_TCP_SYN)
		seq += SEQ_SYN_LEN;
	if (!d->started && (len || p->cut || (p->flags & NMW_TCP_SYN)))
		start(a, seq, p->flags & NMW_TCP_SYN);
	if (!d->started)
		return;
	if (p->flags & NMW_TCP_FIN && !d->has_fin) {
		d->has_fin = true;
		d->fin = seq + len + p->cut;
	}
	int32_t off = (int32_t)(seq - d->next);
	if (off < 0) {
		uint32_t seen = d->next - seq;
		a->t->stat.retransmits += len != 0;
		bytes += seen < len ? seen : len;
		len -= seen < len ? seen : len;
		seq += seen;
	}
	if (len)
		take(a, bytes, len, seq);
	uint32_t end = p->seq + ((p->flags & NMW_TCP_SYN) ? SEQ_SYN_LEN : 0) + p->len;
	if (p->cut && d->next == end) { /* the capture does not have the rest */
		if (d->n_held)
			give_up(a);
		else
			jump(a, end + p->cut);
	}
	finish(a);
}

/* ---- connections ---------------------------------------------------------------------------- */

static struct half at_dir(struct nmw_tcp *t, uint32_t flow, unsigned dir)
{
	return (struct half){t, &t->conn[flow].dir[dir], flow, dir};
}

static void forget(struct nmw_tcp *t, uint32_t flow)
{
	for (unsigned i = 0; i < 2; i++) {
		struct half a = at_dir(t, flow, i);
		give_up_all(&a);
	}
	struct half a = at_dir(t, flow, 0);
	event(&a, NMW_TCP_EV_FORGET, 0);
	for (unsigned i = 0; i < 2; i++) {
		a = at_dir(t, flow, i);
		buffer_give(&a);
	}
}

static void open_conn(struct nmw_tcp *t, uint32_t flow, unsigned dir)
{
	memset(&t->conn[flow], 0, sizeof t->conn[flow]);
	t->conn[flow].dir[0].buf = t->conn[flow].dir[1].buf = NO_BUF;
	struct half a = at_dir(t, flow, dir);
	event(&a, NMW_TCP_EV_OPEN, 0);
}

/* ---- which connection ------------------------------------------------------------------------ */

static inline uint64_t ports_of(const struct nmw_packet *p)
{
	return p->sport | (uint64_t)p->dport << 16 | (uint64_t)p->family << 32;
}

/* The place of a direction. A packet of no connection has family 0 there, so nothing matches. */
static inline struct near *near_at(struct nmw_tcp *t, const uint8_t *src, const uint8_t *dst,
				   uint64_t ports)
{
	uint64_t h = nmw_raw64(src) * 0x9E3779B97F4A7C15ull ^
		     nmw_raw64(dst) * 0xBF58476D1CE4E5B9ull ^ ports * 0x94D049BB133111EBull;
	h += (nmw_raw64(src + 8) ^ nmw_raw64(dst + 8)) * 0xD6E8FEB86659FD93ull;
	return &t->near[h >> (64 - NEAR_BITS)];
}

static inline bool near_is(const struct near *n, const struct nmw_packet *p, uint64_t ports)
{
	return !((n->src[0] ^ nmw_raw64(p->src)) | (n->src[1] ^ nmw_raw64(p->src + 8)) |
		 (n->dst[0] ^ nmw_raw64(p->dst)) | (n->dst[1] ^ nmw_raw64(p->dst + 8)) |
		 (n->ports ^ ports));
}

static void near_set(struct near *n, const struct nmw_packet *p, uint32_t flow, unsigned dir)
{
	memcpy(n->src, p->src, sizeof n->src);
	memcpy(n->dst, p->dst, sizeof n->dst);
	n->ports = ports_of(p);
	n->flow = flow;
	n->dir = dir;
}

/* Before the index becomes another connection's. */
static void near_clear(struct nmw_tcp *t, uint32_t flow)
{
	const struct nmw_flow_key *k = nmw_flows_key(t->flows, flow);
	uint64_t family = (uint64_t)k->family << 32;
	struct near *n[2] = {
		near_at(t, k->a, k->b, k->a_port | (uint64_t)k->b_port << 16 | family),
		near_at(t, k->b, k->a, k->b_port | (uint64_t)k->a_port << 16 | family)};
	for (unsigned i = 0; i < 2; i++)
		if (n[i]->flow == flow)
			n[i]->ports = 0;
}

/* The index of a key. A connection that gives way to it is closed first: what it still delivers
 * goes out under its own key. */
static uint32_t flow_of(struct nmw_tcp *t, const struct nmw_flow_key *key, enum nmw_flow_was *was)
{
	uint32_t out = nmw_flows_next_out(t->flows);
	if (out != NMW_FLOW_NONE && nmw_flows_find(t->flows, key) == NMW_FLOW_NONE) {
		forget(t, out);
		near_clear(t, out);
		nmw_flows_drop(t->flows, out);
	}
	return nmw_flows_get(t->flows, key, was);
}

/* ---- packets -------------------------------------------------------------------------------- */

/* Data that continues its stream, with nothing kept or held in the connection: nearly every segment
 * is so. */
static inline bool continues(const struct nmw_packet *p, const struct dir *d,
			     const struct dir *back)
{
	return p->seq == d->next && p->len && d->started && !d->has_fin && !p->cut &&
	       !(p->flags & (NMW_TCP_FIN | NMW_TCP_RST)) && !d->kept && !d->n_held && !back->n_held;
}

static void any_segment(const struct half *a, const struct nmw_packet *p)
{
	payload(a, p);
	struct half back = at_dir(a->t, a->flow, !a->dir);
	acknowledge(&back, p->ack, p->flags & NMW_TCP_ACK);
	acknowledge(a, 0, false);
	if (p->flags & NMW_TCP_RST) {
		give_up_all(a);
		give_up_all(&back);
		event(a, NMW_TCP_EV_RST, 0);
	}
}

/* A packet whose direction is not among those seen lately, or starts a connection. */
static __attribute__((noinline)) struct half look_up(struct nmw_tcp *t, const struct nmw_packet *p,
						     struct near *near)
{
	struct nmw_flow_key key;
	enum nmw_flow_was was;
	nmw_flow_key_of(&key, p);
	unsigned dir = nmw_flow_key_both(&key);
	uint32_t flow = flow_of(t, &key, &was);
	struct half a = at_dir(t, flow, dir);
	bool again = was == NMW_FLOW_KNOWN && (p->flags & NMW_TCP_SYN) && a.d->started &&
		     p->seq + SEQ_SYN_LEN != a.d->first;
	if (again)
		forget(t, flow);
	if (was != NMW_FLOW_KNOWN || again)
		open_conn(t, flow, dir);
	near_set(near, p, flow, dir);
	return a;
}

void nmw_tcp_segment(struct nmw_tcp *t, const struct nmw_packet *p)
{
	uint64_t ports = ports_of(p);
	struct near *n = near_at(t, p->src, p->dst, ports);
	if (__builtin_expect(!near_is(n, p, ports) || (p->flags & NMW_TCP_SYN), 0)) {
		struct half a = look_up(t, p, n);
		any_segment(&a, p);
		return;
	}
	nmw_flows_use(t->flows, n->flow);
	const struct half a = at_dir(t, n->flow, n->dir);
	if (__builtin_expect(!continues(p, a.d, &t->conn[a.flow].dir[!a.dir]), 0)) {
		any_segment(&a, p);
		return;
	}
	a.d->next += p->len;
	a.d->far = false;
	hand_on(&a, p->payload, p->len);
}

void nmw_tcp_flush(struct nmw_tcp *t)
{
	for (uint32_t i = nmw_flows_each(t->flows, NMW_FLOW_NONE); i != NMW_FLOW_NONE;
	     i = nmw_flows_each(t->flows, i))
		for (unsigned dir = 0; dir < 2; dir++) {
			struct half a = at_dir(t, i, dir);
			give_up_all(&a);
			if (a.d->kept)
				event(&a, NMW_TCP_EV_TAIL, a.d->kept);
			a.d->kept = 0;
			buffer_give(&a);
		}
}
