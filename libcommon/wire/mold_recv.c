#include "wire/mold_recv.h"

#include <errno.h>
#include <stdlib.h>

#define REQUESTS_AT_ONCE 16u /* holes that are asked for together */
#define COUNT_MAX	 (NMW_MOLD_END - 1)

int nmw_mold_recv_open(struct nmw_mold_recv *r, const struct nmw_mold_recv_conf *c,
		       const struct nmw_mold_recv_calls *calls, struct nmw_err *e)
{
	*r = (struct nmw_mold_recv){.conf = *c, .calls = *calls};
	r->cells = malloc((size_t)c->window * c->packet_max);
	r->cell = calloc(c->window, sizeof *r->cell);
	r->held = calloc(2 * (size_t)c->window, sizeof *r->held);
	r->unused = calloc(c->window, sizeof *r->unused);
	if (!r->cells || !r->cell || !r->held || !r->unused) {
		nmw_mold_recv_close(r);
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
				   "no memory for a window of %u packets", c->window);
	}
	for (uint32_t i = 0; i < c->window; i++)
		r->unused[i] = c->window - 1 - i;
	r->n_unused = c->window;
	return 0;
}

void nmw_mold_recv_close(struct nmw_mold_recv *r)
{
	free(r->cells);
	free(r->cell);
	free(r->held);
	free(r->unused);
	r->cells = NULL;
	r->cell = NULL;
	r->held = r->unused = NULL;
}

/* ---- delivery ------------------------------------------------------------------------------- */

/* The messages of a packet from next on; the first of them is not early. */
static void deliver(struct nmw_mold_recv *r, struct nmw_mold *m)
{
	uint64_t old = r->next - m->seq;
	const uint8_t *msg;
	uint16_t len;
	if (old)
		r->calls.duplicate(r->calls.arg, old);
	for (uint64_t i = 0; (msg = nmw_mold_next(m, &len)); i++)
		if (i >= old)
			r->calls.message(r->calls.arg, r->next++, msg, len);
}

static struct mold_cell *first_held(const struct nmw_mold_recv *r)
{
	return r->n_held ? &r->cell[r->held[r->held_at]] : NULL;
}

static void drop_first(struct nmw_mold_recv *r)
{
	r->unused[r->n_unused++] = r->held[r->held_at++];
	r->n_held--;
	if (!r->n_held)
		r->held_at = 0;
}

/* Delivers what is held and not early any more. */
static void drain(struct nmw_mold_recv *r)
{
	const struct mold_cell *c;
	while ((c = first_held(r)) && c->seq <= r->next) {
		struct nmw_mold m;
		uint32_t i = r->held[r->held_at];
		if (c->end <= r->next)
			r->calls.duplicate(r->calls.arg, c->end - c->seq);
		else if (nmw_mold_open(&m, r->cells + (size_t)i * r->conf.packet_max, c->len) == 0)
			deliver(r, &m);
		drop_first(r);
	}
}

/* ---- holding -------------------------------------------------------------------------------- */

/* Where a packet stands among those held; *same: one is there that has all of it. */
static uint32_t place_for(const struct nmw_mold_recv *r, uint64_t seq, uint64_t end, bool *same)
{
	uint32_t i = r->n_held;
	while (i && r->cell[r->held[r->held_at + i - 1]].seq > seq)
		i--;
	*same = i && r->cell[r->held[r->held_at + i - 1]].end >= end;
	return i;
}

static void insert(struct nmw_mold_recv *r, uint32_t at, uint32_t cell)
{
	if (r->held_at + r->n_held == 2 * r->conf.window) {
		memmove(r->held, r->held + r->held_at, r->n_held * sizeof *r->held);
		r->held_at = 0;
	}
	uint32_t *h = r->held + r->held_at;
	memmove(h + at + 1, h + at, (r->n_held - at) * sizeof *h);
	h[at] = cell;
	r->n_held++;
}

/* False: it has been there. */
static bool hold(struct nmw_mold_recv *r, const struct nmw_mold *m, const uint8_t *p, uint32_t len)
{
	bool same;
	uint64_t end = m->seq + m->count;
	uint32_t at = place_for(r, m->seq, end, &same);
	if (same)
		return false;
	if (!r->n_unused || len > r->conf.packet_max) { /* it will be missing, and asked for */
		r->stat.overflow++;
		return true;
	}
	uint32_t i = r->unused[--r->n_unused];
	r->cell[i] = (struct mold_cell){.seq = m->seq, .end = end, .len = len};
	memcpy(r->cells + (size_t)i * r->conf.packet_max, p, len);
	insert(r, at, i);
	return true;
}

/* ---- holes ---------------------------------------------------------------------------------- */

static uint64_t hole_end(const struct nmw_mold_recv *r)
{
	const struct mold_cell *c = first_held(r);
	return c ? c->seq : r->seen;
}

static bool line_lives(const struct nmw_mold_recv *r, unsigned i, uint64_t now_ns)
{
	return r->line[i].packets && now_ns - r->line[i].last_ns < r->conf.silence_ns;
}

/* Every line that lives is past the hole; a line of its own is, by what showed the hole. */
static bool all_passed(const struct nmw_mold_recv *r, uint64_t now_ns)
{
	for (unsigned i = 0; i < r->conf.lines; i++)
		if (line_lives(r, i, now_ns) && r->line[i].next <= r->next)
			return false;
	return true;
}

static void give_up(struct nmw_mold_recv *r)
{
	uint64_t to = hole_end(r), n = to - r->next;
	r->stat.gaps++;
	r->stat.gap_messages += n;
	r->calls.gap(r->calls.arg, r->next, n);
	r->next = to;
	r->hole = 0;
	drain(r);
}

static void ask_for(struct nmw_mold_recv *r, uint64_t from, uint64_t to)
{
	uint8_t packet[NMW_MOLD_HDR];
	uint64_t n = to - from;
	memcpy(packet, r->session, 10);
	nmw_put64(packet + 10, from);
	nmw_put16(packet + 18, (uint16_t)(n < COUNT_MAX ? n : COUNT_MAX));
	r->stat.requests++;
	r->calls.request(r->calls.arg, packet, r->attempts);
}

/* Asks for the hole at next and for those behind it. */
static void ask(struct nmw_mold_recv *r, uint64_t now_ns)
{
	uint64_t from = r->next;
	for (unsigned k = 0, asked = 0; k <= r->n_held && asked < REQUESTS_AT_ONCE; k++) {
		const struct mold_cell *c =
			k < r->n_held ? &r->cell[r->held[r->held_at + k]] : NULL;
		uint64_t to = c ? c->seq : r->seen;
		if (from < to) {
			ask_for(r, from, to);
			r->asked_to = to;
			asked++;
		}
		if (c && c->end > from)
			from = c->end;
	}
	r->asked_ns = now_ns;
	r->attempts++;
}

/* One step with the hole at next; true when there may be another. */
static bool mend(struct nmw_mold_recv *r, uint64_t now_ns)
{
	bool held_long = now_ns - r->hole_since >= r->conf.hold_ns;
	bool real = held_long || all_passed(r, now_ns);
	if (!r->calls.request) { /* it may still be on its way, out of order */
		if (held_long)
			give_up(r);
		return held_long;
	}
	if (!real)
		return false;
	if (r->attempts && now_ns - r->asked_ns < r->conf.request_ns)
		return false;
	if (r->attempts > r->conf.retries) {
		give_up(r);
		return true;
	}
	ask(r, now_ns);
	return false;
}

/* A hole that begins where an answered one ended was asked for with it. */
static void look_for_hole(struct nmw_mold_recv *r, uint64_t now_ns)
{
	if (r->hole == r->next)
		return;
	bool asked = r->hole && r->attempts && r->next < r->asked_to;
	r->hole = r->next;
	r->hole_since = now_ns;
	r->attempts = asked ? 1 : 0;
	if (asked)
		r->asked_ns = now_ns;
}

static void tell_end(struct nmw_mold_recv *r)
{
	if (r->ended && !r->told_end && r->next >= r->seen)
		r->calls.end(r->calls.arg, r->next);
	r->told_end = r->told_end || (r->ended && r->next >= r->seen);
}

void nmw_mold_recv_tick(struct nmw_mold_recv *r, uint64_t now_ns)
{
	do {
		if (!r->started || r->next >= r->seen) {
			r->hole = 0;
			break;
		}
		look_for_hole(r, now_ns);
	} while (mend(r, now_ns));
	tell_end(r);
}

uint64_t nmw_mold_recv_due(const struct nmw_mold_recv *r)
{
	if (!r->hole)
		return UINT64_MAX;
	uint64_t hold = r->hole_since + r->conf.hold_ns;
	return r->attempts ? r->asked_ns + r->conf.request_ns : hold;
}

void nmw_mold_recv_finish(struct nmw_mold_recv *r)
{
	while (r->started && r->next < r->seen)
		give_up(r);
	tell_end(r);
}

/* ---- packets -------------------------------------------------------------------------------- */

/* The session of the first packet; another one after the end of it, or when it fell silent. */
static bool of_session(struct nmw_mold_recv *r, const struct nmw_mold *m, uint64_t now_ns)
{
	bool same = r->started && memcmp(r->session, m->session, sizeof r->session) == 0;
	if (same || (r->started && !r->told_end && now_ns - r->last_ns < r->conf.silence_ns))
		return same;
	nmw_mold_recv_finish(r);
	memcpy(r->session, m->session, sizeof r->session);
	r->next = r->seen = r->started || !r->conf.first ? m->seq : r->conf.first;
	r->started = true;
	r->ended = r->told_end = false;
	r->hole = 0;
	r->attempts = 0;
	r->far_run = r->far_attempts = 0;
	for (unsigned i = 0; i <= NMW_MOLD_LINES; i++)
		r->line[i].next = 0;
	return true;
}

/* What is missing before an early packet cannot be had again: it must not push that one out. */
static void make_room(struct nmw_mold_recv *r, const struct nmw_mold *m)
{
	while (!r->calls.request && !r->n_unused && r->next < m->seq)
		give_up(r);
}

/* False: there was nothing new in it. */
static bool take(struct nmw_mold_recv *r, struct nmw_mold *m, const uint8_t *p, uint32_t len)
{
	if (m->seq + m->count <= r->next)
		return false;
	make_room(r, m);
	if (m->seq > r->next)
		return hold(r, m, p, len);
	if (m->seq + m->count > r->next)
		deliver(r, m);
	drain(r);
	return true;
}

/* ---- numbers that are too far ahead ---------------------------------------------------------- */

static void ask_next(struct nmw_mold_recv *r, uint64_t now_ns)
{
	ask_for(r, r->next, r->next + COUNT_MAX);
	r->far_asked_ns = now_ns;
	r->far_attempts++;
}

/* True: so many packets say so that it is believed, and nobody can be asked. */
static bool far_believed(struct nmw_mold_recv *r, const struct nmw_mold *m, uint64_t end,
			 uint64_t now_ns)
{
	r->far_run = m->seq == r->far_next ? r->far_run + 1 : 1;
	r->far_next = end;
	bool ask = r->calls.request && r->far_attempts <= r->conf.retries;
	if (ask && (!r->far_attempts || now_ns - r->far_asked_ns >= r->conf.request_ns))
		ask_next(r, now_ns);
	if (ask || r->far_run < NMW_MOLD_FAR_RUN)
		return false;
	r->far_run = r->far_attempts = 0;
	return true;
}

/* A packet in its place: what was far ahead was forged, unless it is the server that fills up to
 * there; then it is asked for more. */
static void near_again(struct nmw_mold_recv *r, unsigned line, uint64_t was, uint64_t now_ns)
{
	if (!r->far_run)
		return;
	if (line != NMW_MOLD_LINE_REPLY)
		r->far_run = r->far_attempts = 0;
	else if (r->next > was && r->next >= r->seen) {
		r->far_attempts = 0;
		ask_next(r, now_ns);
	}
}

static bool is_far(const struct nmw_mold_recv *r, const struct nmw_mold *m)
{
	return r->conf.jump && m->seq > r->seen && m->seq - r->seen > r->conf.jump;
}

enum nmw_mold_took nmw_mold_recv_packet(struct nmw_mold_recv *r, unsigned line, const uint8_t *p,
					uint32_t len, uint64_t now_ns)
{
	struct nmw_mold m;
	if (nmw_mold_open(&m, p, len) < 0 || m.seq > UINT64_MAX - NMW_MOLD_END) {
		r->stat.bad++;
		return NMW_MOLD_BAD;
	}
	if (!of_session(r, &m, now_ns)) {
		r->stat.foreign++;
		return NMW_MOLD_FOREIGN;
	}
	bool bare = m.count == 0 || m.count == NMW_MOLD_END;
	uint64_t end = bare ? m.seq : m.seq + m.count, was = r->next;
	struct nmw_mold_line *l = &r->line[line];
	if (is_far(r, &m) && (line == NMW_MOLD_LINE_REPLY || !far_believed(r, &m, end, now_ns))) {
		r->stat.far++;
		return NMW_MOLD_FAR;
	}
	l->packets++;
	l->last_ns = r->last_ns = now_ns;
	l->next = end > l->next ? end : l->next;
	r->seen = end > r->seen ? end : r->seen;
	r->ended = r->ended || m.count == NMW_MOLD_END;
	if (!bare && take(r, &m, p, len)) {
		l->won++;
	} else if (!bare) {
		l->duplicates++;
		r->calls.duplicate(r->calls.arg, m.count);
	}
	near_again(r, line, was, now_ns);
	/* an answer may be shorter than what was asked for: the rest is asked for at once */
	if (line == NMW_MOLD_LINE_REPLY && r->next == end && r->next < r->asked_to &&
	    r->next < hole_end(r))
		r->attempts = 0;
	if (r->next < r->seen || r->ended)
		nmw_mold_recv_tick(r, now_ns);
	return bare ? NMW_MOLD_HEARTBEAT : NMW_MOLD_TAKEN;
}
