#include "book/idmap.h"

#include <assert.h>

#define CAP_MAX	      (UINT32_C(1) << 30)
#define BUCKETS_FIRST 1024u
#define RING_MOST     (UINT32_C(1) << 22)
#define AHEAD	      16u /* numbers: fetch what the ring will come round to */
#define STREAK	      16u /* ids in order before their scope gets a free ring */

static uint32_t most_buckets(uint32_t cap)
{
	uint32_t n = BUCKETS_FIRST;
	while (n < cap)
		n *= 2;
	return n;
}

static uint32_t ring_slots(uint32_t cap)
{
	uint32_t n = BUCKETS_FIRST;
	while (n < 2 * (uint64_t)cap && n < RING_MOST)
		n *= 2;
	return n;
}

size_t nmw_idmap_footprint(uint32_t cap)
{
	if (cap < 1 || cap > CAP_MAX)
		return 0;
	size_t words = (size_t)most_buckets(cap) + ring_slots(cap);
	return sizeof(struct nmw_idmap) + words * sizeof(uint32_t);
}

struct nmw_idmap *nmw_idmap_init(void *mem, uint32_t cap, void *records, uint32_t stride)
{
	assert(cap >= 1 && cap <= CAP_MAX && (uintptr_t)mem % 64 == 0);
	struct nmw_idmap *m = mem;
	*m = (struct nmw_idmap){.cap = cap,
				.buckets = BUCKETS_FIRST,
				.mask = BUCKETS_FIRST - 1,
				.records = (char *)records - (char *)mem,
				.stride = stride,
				.most = most_buckets(cap),
				.ring_mask = ring_slots(cap) - 1,
				.first = ring_slots(cap)};
	return m;
}

uint32_t nmw_idmap_find_chained(const struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	uint32_t v = m->at[nmw_idmap_bucket(m, nmw_idmap_hash(lo, hi))];
	while (v) {
		const struct nmw_id *id = nmw_idmap_id(m, v);
		if (id->lo == lo && id->hi == hi)
			break;
		v = id->next;
	}
	return v;
}

uint32_t nmw_idmap_take_chained(struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	return nmw_idmap_take_bucket(m, lo, hi);
}

/* The next bucket in turn gives the half of its chain whose next bit of the hash is set to a new
 * bucket at the end. */
static void split_one(struct nmw_idmap *m)
{
	if (m->buckets > m->mask)
		m->mask = m->mask * 2 + 1;
	uint32_t into = m->buckets++;
	uint32_t *keep = &m->at[m->first + (into & m->mask >> 1)];
	uint32_t *move = &m->at[m->first + into];
	uint32_t v = *keep;
	while (v) {
		struct nmw_id *id = nmw_idmap_id(m, v);
		uint32_t **end = (nmw_idmap_hash(id->lo, id->hi) & m->mask) == into ? &move : &keep;
		**end = v;
		*end = &id->next;
		v = id->next;
	}
	*keep = *move = 0;
}

void nmw_idmap_grow(struct nmw_idmap *m)
{
	for (int i = 0; i < 2 && m->buckets < m->most; i++)
		split_one(m);
}

static void chain(struct nmw_idmap *m, uint32_t value, struct nmw_id *id)
{
	nmw_idmap_link(m, nmw_idmap_head(m, id->lo, id->hi), value, id);
}

/* Moves the ring on by one number: what it comes round to goes to a chain. */
static uint32_t *advance(struct nmw_idmap *m)
{
	uint32_t *slot = nmw_idmap_slot(m, m->top++);
	__builtin_prefetch(nmw_idmap_id(m, *nmw_idmap_slot(m, m->top + AHEAD)), 1);
	if (*slot) {
		m->ringed--;
		chain(m, *slot, nmw_idmap_id(m, *slot));
		*slot = 0;
	}
	return slot;
}

static void put_ahead(struct nmw_idmap *m, uint32_t value, uint64_t lo)
{
	while (m->top != lo)
		advance(m);
	*advance(m) = value;
	m->ringed++;
}

/* Does the id make a streak of numbers in order, so long that its scope gets the ring? */
static bool takes_ring(struct nmw_idmap *m, const struct nmw_id *id)
{
	m->streak = id->lo - m->lo - 1 < NMW_IDMAP_GAP && id->hi == m->hi ? m->streak + 1 : 0;
	m->lo = id->lo;
	m->hi = id->hi;
	m->span = m->top = 0;
	if (m->streak < STREAK)
		return false;
	m->top = id->lo;
	m->ring_hi = id->hi;
	m->span = m->ring_mask + (uint64_t)1;
	return true;
}

void nmw_idmap_put_other(struct nmw_idmap *m, uint32_t value, struct nmw_id *id)
{
	bool in_order = id->lo - m->top < NMW_IDMAP_GAP && m->span && id->hi == m->ring_hi;
	if (__builtin_expect(in_order || (!m->ringed && takes_ring(m, id)), 0))
		put_ahead(m, value, id->lo);
	else
		chain(m, value, id);
}
