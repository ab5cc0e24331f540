#include "wire/mold_hold.h"

#include <stdlib.h>
#include <string.h>

struct packet {
	uint64_t seq;
	uint32_t len, at; /* at: which of the window's buffers */
};

struct nmw_mold_window {
	void *owner;
	uint32_t n, used; /* used: a bit a buffer */
	struct packet packet[NMW_MOLD_HOLD_PACKETS];
	uint8_t bytes[NMW_MOLD_HOLD_PACKETS][NMW_MOLD_HOLD_BYTES];
};

struct nmw_mold_hold {
	uint64_t used; /* a bit a window */
	uint32_t n;
	uint8_t order[NMW_MOLD_HOLD_STREAMS]; /* the n windows in use, as they were started */
	struct nmw_mold_window window[NMW_MOLD_HOLD_STREAMS];
};

_Static_assert(NMW_MOLD_HOLD_STREAMS <= 64 && NMW_MOLD_HOLD_PACKETS <= 32, "a bit each");

struct nmw_mold_hold *nmw_mold_hold_new(void)
{
	return calloc(1, sizeof(struct nmw_mold_hold));
}

void nmw_mold_hold_free(struct nmw_mold_hold *h)
{
	free(h);
}

bool nmw_mold_hold_put(struct nmw_mold_window *w, uint64_t seq, const uint8_t *p, uint32_t len)
{
	if (w->n == NMW_MOLD_HOLD_PACKETS || len > NMW_MOLD_HOLD_BYTES)
		return false;
	uint32_t at = (uint32_t)__builtin_ctz(~w->used), i = w->n;
	for (; i > 0 && w->packet[i - 1].seq > seq; i--)
		w->packet[i] = w->packet[i - 1];
	w->packet[i] = (struct packet){.seq = seq, .len = len, .at = at};
	memcpy(w->bytes[at], p, len);
	w->used |= 1u << at;
	w->n++;
	return true;
}

struct nmw_mold_window *nmw_mold_hold_start(struct nmw_mold_hold *h, void *owner, uint64_t seq,
					    const uint8_t *p, uint32_t len)
{
	if (h->n == NMW_MOLD_HOLD_STREAMS || len > NMW_MOLD_HOLD_BYTES)
		return NULL;
	uint32_t i = (uint32_t)__builtin_ctzll(~h->used);
	struct nmw_mold_window *w = &h->window[i];
	h->used |= 1ull << i;
	h->order[h->n++] = (uint8_t)i;
	w->owner = owner;
	nmw_mold_hold_put(w, seq, p, len);
	return w;
}

uint64_t nmw_mold_hold_seq(const struct nmw_mold_window *w)
{
	return w->packet[0].seq;
}

const uint8_t *nmw_mold_hold_first(const struct nmw_mold_window *w, uint32_t *len)
{
	*len = w->packet[0].len;
	return w->bytes[w->packet[0].at];
}

static void give_back(struct nmw_mold_hold *h, const struct nmw_mold_window *w)
{
	uint32_t me = (uint32_t)(w - h->window), i = 0;
	while (h->order[i] != me)
		i++;
	h->n--;
	memmove(h->order + i, h->order + i + 1, h->n - i);
	h->used &= ~(1ull << me);
}

bool nmw_mold_hold_pop(struct nmw_mold_hold *h, struct nmw_mold_window *w)
{
	w->used &= ~(1u << w->packet[0].at);
	w->n--;
	memmove(w->packet, w->packet + 1, w->n * sizeof w->packet[0]);
	if (w->n == 0)
		give_back(h, w);
	return w->n > 0;
}

void *nmw_mold_hold_oldest(const struct nmw_mold_hold *h)
{
	return h->n ? h->window[h->order[0]].owner : NULL;
}
