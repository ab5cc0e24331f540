/* Time to live: a binary heap of (expiry, order reference), and a table of places in it by order
 * (open addressing, linear probing, half full at most), so that only orders with a timer need
 * memory for one. The heap's order is total, so that what falls due is canceled in the same order
 * on every machine. */
#include "book/engine_impl.h"

static struct nmw_timer *heap_of(const struct nmw_engine *e)
{
	return (struct nmw_timer *)((uintptr_t)e + e->timers_off); /* from 1 */
}

static uint64_t ref_of(struct nmw_engine *e, const struct nmw_timer *t)
{
	return nmw_entry_ref(nmw_entry_of(nmw_books_of(e), t->oid));
}

static bool before(struct nmw_engine *e, const struct nmw_timer *a, const struct nmw_timer *b)
{
	if (a->expire_ns != b->expire_ns)
		return a->expire_ns < b->expire_ns;
	return ref_of(e, a) < ref_of(e, b);
}

/* ---- the table by order -------------------------------------------------- */

static uint32_t *places_of(const struct nmw_engine *e)
{
	return (uint32_t *)((uintptr_t)e + e->timed_off); /* in the heap; 0: free */
}

static uint32_t home_of(const struct nmw_engine *e, nmw_oid id)
{
	return nmw_number_mix(id) & (uint32_t)e->timed_mask;
}

/* Its slot; of an order without a timer: the one for it. */
static uint32_t slot_of(const struct nmw_engine *e, nmw_oid id)
{
	const uint32_t *place = places_of(e);
	uint32_t i = home_of(e, id);
	while (place[i] && heap_of(e)[place[i]].oid != id)
		i = (i + 1) & (uint32_t)e->timed_mask;
	return i;
}

/* Those behind move up, but none before its home: no marks of what was there. */
static void slot_free(struct nmw_engine *e, uint32_t hole)
{
	uint32_t *place = places_of(e), mask = (uint32_t)e->timed_mask;
	for (uint32_t i = (hole + 1) & mask; place[i]; i = (i + 1) & mask) {
		struct nmw_timer *t = &heap_of(e)[place[i]];
		if (((i - home_of(e, t->oid)) & mask) < ((i - hole) & mask))
			continue;
		place[hole] = place[i];
		t->slot = hole;
		hole = i;
	}
	place[hole] = 0;
}

/* ---- the heap ------------------------------------------------------------ */

static void put(struct nmw_engine *e, uint32_t i, const struct nmw_timer *t)
{
	heap_of(e)[i] = *t;
	places_of(e)[t->slot] = i;
}

static void sift_up(struct nmw_engine *e, uint32_t i, struct nmw_timer t)
{
	for (; i > 1 && before(e, &t, &heap_of(e)[i / 2]); i /= 2)
		put(e, i, &heap_of(e)[i / 2]);
	put(e, i, &t);
}

static void sift_down(struct nmw_engine *e, uint32_t i, struct nmw_timer t)
{
	const struct nmw_timer *h = heap_of(e);
	for (uint32_t child; (child = 2 * i) <= e->n_timers; i = child) {
		if (child < e->n_timers && before(e, &h[child + 1], &h[child]))
			child++;
		if (!before(e, &h[child], &t))
			break;
		put(e, i, &h[child]);
	}
	put(e, i, &t);
}

bool nmw_timers_full(const struct nmw_engine *e)
{
	return e->n_timers == e->spec.timers;
}

void nmw_timer_set(struct nmw_engine *e, nmw_oid id, uint64_t expire_ns)
{
	nmw_entry_of(nmw_books_of(e), id)->bits |= NMW_ENTRY_TIMED;
	struct nmw_timer t = {.expire_ns = expire_ns, .oid = id, .slot = slot_of(e, id)};
	sift_up(e, ++e->n_timers, t);
}

void nmw_timer_clear(struct nmw_engine *e, nmw_oid id)
{
	uint32_t slot = slot_of(e, id), i = places_of(e)[slot];
	slot_free(e, slot);
	nmw_entry_of(nmw_books_of(e), id)->bits &= ~NMW_ENTRY_TIMED;
	struct nmw_timer moved = heap_of(e)[e->n_timers--];
	if (i > e->n_timers)
		return;
	if (i > 1 && before(e, &moved, &heap_of(e)[i / 2]))
		sift_up(e, i, moved);
	else
		sift_down(e, i, moved);
}

uint64_t nmw_timer_at(struct nmw_engine *e, nmw_oid id)
{
	const struct nmw_entry *x = nmw_entry_of(nmw_books_of(e), id);
	return x->bits & NMW_ENTRY_TIMED ? heap_of(e)[places_of(e)[slot_of(e, id)]].expire_ns : 0;
}

uint64_t nmw_timer_first(const struct nmw_engine *e, nmw_oid *id)
{
	*id = e->n_timers ? heap_of(e)[1].oid : 0;
	return e->n_timers ? heap_of(e)[1].expire_ns : UINT64_MAX;
}
