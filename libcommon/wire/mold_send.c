#include "wire/mold_send.h"

#include <errno.h>
#include <stdlib.h>

/* Bytes of history for each place of a message: shorter ones give way for want of places. */
#define BLOCK_TYPICAL 24u

struct nmw_mold_send {
	struct nmw_mold_send_conf conf;
	uint8_t *history;
	uint32_t *place; /* place[seq & mask]: offset of its block */
	uint64_t size, mask;
	uint64_t head, tail; /* virtual offsets: end of the newest block, start of the oldest */
	uint64_t oldest, unsent, next; /* sequence numbers */
	uint64_t unsent_bytes;
	uint64_t last_ns;	      /* when the last packet went */
	bool ended, fresh;	      /* fresh: packets went since the last flush */
	struct nmw_mold_piece *piece; /* by reference: what is unsent */
};

int nmw_mold_send_open(struct nmw_mold_send **out, const struct nmw_mold_send_conf *c,
		       struct nmw_err *e)
{
	struct nmw_mold_send *s = calloc(1, sizeof *s);
	uint64_t places = 1;
	if (!s)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	s->conf = *c;
	s->oldest = s->unsent = s->next = c->first;
	if (c->by_reference) {
		s->piece = calloc(NMW_MOLD_PIECES, sizeof *s->piece);
		*out = s;
		if (s->piece)
			return 0;
		free(s);
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
	}
	s->size = c->history < NMW_MOLD_HISTORY_MIN ? NMW_MOLD_HISTORY_MIN : c->history;
	s->size = s->size < UINT32_MAX ? s->size : UINT32_MAX;
	while (places < s->size / BLOCK_TYPICAL)
		places *= 2;
	s->mask = places - 1;
	s->history = malloc(s->size);
	s->place = malloc(places * sizeof *s->place);
	if (s->history && s->place) {
		*out = s;
		return 0;
	}
	nmw_mold_send_close(s);
	return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
			   "no memory for a history of %llu bytes: lower --history",
			   (unsigned long long)c->history);
}

void nmw_mold_send_close(struct nmw_mold_send *s)
{
	if (!s)
		return;
	free(s->history);
	free(s->place);
	free(s->piece);
	free(s);
}

uint64_t nmw_mold_send_next(const struct nmw_mold_send *s)
{
	return s->next;
}

uint64_t nmw_mold_send_oldest(const struct nmw_mold_send *s)
{
	return s->oldest;
}

/* ---- history -------------------------------------------------------------------------------- */

static uint32_t place_of(const struct nmw_mold_send *s, uint64_t seq)
{
	return s->place[seq & s->mask];
}

static uint32_t block_len(const struct nmw_mold_send *s, uint64_t seq)
{
	return 2u + nmw_be16(s->history + place_of(s, seq));
}

static void forget_oldest(struct nmw_mold_send *s)
{
	s->oldest++;
	if (s->oldest == s->next) {
		s->tail = s->head;
		return;
	}
	uint64_t to = place_of(s, s->oldest), from = s->tail % s->size;
	s->tail += to > from ? to - from : s->size - from + to;
}

/* A piece of the history for a block, which lies in one piece. */
static uint8_t *room(struct nmw_mold_send *s, uint32_t len)
{
	uint64_t to_end = s->size - s->head % s->size;
	uint64_t need = len + (to_end < len ? to_end : 0);
	while (s->oldest < s->next &&
	       (s->head + need > s->tail + s->size || s->next - s->oldest > s->mask))
		forget_oldest(s);
	if (to_end < len)
		s->head += to_end;
	if (s->oldest == s->next)
		s->tail = s->head;
	return s->history + s->head % s->size;
}

/* ---- packets -------------------------------------------------------------------------------- */

static void put_head(const struct nmw_mold_send *s, struct nmw_mold_packet *p, uint64_t seq,
		     uint16_t count)
{
	memcpy(p->head, s->conf.session, 10);
	nmw_put64(p->head + 10, seq);
	nmw_put16(p->head + 18, count);
}

/* The messages from..to-1, as many as follow each other in one piece and fit. */
static void pack(const struct nmw_mold_send *s, uint64_t from, uint64_t to,
		 struct nmw_mold_packet *p)
{
	uint32_t at = place_of(s, from), len = 0;
	uint64_t seq = from;
	while (seq < to && seq - from < NMW_MOLD_END - 1 && place_of(s, seq) == at + len &&
	       len + block_len(s, seq) <= s->conf.payload - NMW_MOLD_HDR)
		len += block_len(s, seq++);
	p->body = s->history + at;
	p->body_len = len;
	p->piece = NULL;
	p->messages = (uint16_t)(seq - from);
	put_head(s, p, from, p->messages);
}

static void pack_pieces(const struct nmw_mold_send *s, struct nmw_mold_packet *p)
{
	*p = (struct nmw_mold_packet){.body_len = (uint32_t)s->unsent_bytes,
				      .messages = (uint16_t)(s->next - s->unsent),
				      .piece = s->piece};
	put_head(s, p, s->unsent, p->messages);
}

static void send_one(struct nmw_mold_send *s)
{
	struct nmw_mold_packet p;
	if (s->piece)
		pack_pieces(s, &p);
	else
		pack(s, s->unsent, s->next, &p);
	s->unsent += p.messages;
	s->unsent_bytes -= p.body_len;
	s->fresh = true;
	s->conf.emit(s->conf.arg, &p);
}

static int put_piece(struct nmw_mold_send *s, const uint8_t *msg, uint32_t len)
{
	if (s->next - s->unsent == NMW_MOLD_PIECES)
		send_one(s);
	s->piece[s->next - s->unsent] = (struct nmw_mold_piece){msg, len};
	s->unsent_bytes += len + 2;
	s->next++;
	return 0;
}

int nmw_mold_send_put(struct nmw_mold_send *s, const uint8_t *msg, uint32_t len)
{
	uint32_t most = s->conf.payload - NMW_MOLD_HDR;
	if (len + 2 > most || s->ended)
		return -EMSGSIZE;
	while (s->unsent_bytes + len + 2 > most)
		send_one(s);
	if (s->piece)
		return put_piece(s, msg, len);
	uint8_t *block = room(s, len + 2);
	nmw_put16(block, (uint16_t)len);
	if (len)
		memcpy(block + 2, msg, len);
	s->place[s->next & s->mask] = (uint32_t)(s->head % s->size);
	s->head += len + 2;
	s->unsent_bytes += len + 2;
	s->next++;
	return 0;
}

void nmw_mold_send_skip(struct nmw_mold_send *s, uint64_t n)
{
	while (s->unsent < s->next)
		send_one(s);
	s->next += n;
	s->oldest = s->unsent = s->next;
	s->tail = s->head;
}

void nmw_mold_send_flush(struct nmw_mold_send *s, uint64_t now_ns)
{
	while (s->unsent < s->next)
		send_one(s);
	if (s->fresh)
		s->last_ns = now_ns;
	s->fresh = false;
}

static void send_bare(struct nmw_mold_send *s, uint16_t count, uint64_t now_ns)
{
	struct nmw_mold_packet p = {.body = s->history};
	put_head(s, &p, s->next, count);
	s->last_ns = now_ns;
	s->conf.emit(s->conf.arg, &p);
}

void nmw_mold_send_tick(struct nmw_mold_send *s, uint64_t now_ns)
{
	if (s->unsent == s->next && now_ns - s->last_ns >= s->conf.heartbeat_ns)
		send_bare(s, s->ended ? NMW_MOLD_END : 0, now_ns);
}

void nmw_mold_send_end(struct nmw_mold_send *s, uint64_t now_ns)
{
	nmw_mold_send_flush(s, now_ns);
	s->ended = true;
	send_bare(s, NMW_MOLD_END, now_ns);
}

/* ---- requests ------------------------------------------------------------------------------- */

enum nmw_mold_asked nmw_mold_send_answer(const struct nmw_mold_send *s, const uint8_t *p,
					 uint32_t len, struct nmw_mold_packet *out)
{
	if (len != NMW_MOLD_HDR || memcmp(p, s->conf.session, 10) != 0)
		return NMW_MOLD_NO_REQUEST;
	uint64_t first = nmw_be64(p + 10);
	uint16_t count = nmw_be16(p + 18);
	if (s->piece)
		return count ? NMW_MOLD_TOO_OLD : NMW_MOLD_NO_REQUEST;
	if (first >= s->unsent || count == 0)
		return count ? NMW_MOLD_NOT_YET : NMW_MOLD_NO_REQUEST;
	if (first < s->oldest)
		return NMW_MOLD_TOO_OLD;
	uint64_t left = s->unsent - first;
	pack(s, first, first + (count < left ? count : left), out);
	return NMW_MOLD_ANSWERED;
}
