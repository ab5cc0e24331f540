#include "book/idmap.h"

#include <assert.h>

#define CAP_MAX	      (UINT32_C(1) << 30)
#define BUCKETS_FIRST 1024u
#define GAP	      64u /* numbers that may be left out and yet be in order */

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
	while (n <= cap / 2)
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
	uint32_t *at = nmw_idmap_head(m, lo, hi), v;
	while ((v = *at) != 0) {
		struct nmw_id *id = nmw_idmap_id(m, v);
		if (id->lo == lo && id->hi == hi) {
			*at = id->next;
			m->chained--;
			break;
		}
		at = &id->next;
	}
	return v;
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

static void chain(struct nmw_idmap *m, uint32_t value)
{
	struct nmw_id *id = nmw_idmap_id(m, value);
	uint32_t *head = nmw_idmap_head(m, id->lo, id->hi);
	id->next = *head;
	*head = value;
	m->chained++;
	for (int i = 0; i < 2 && m->chained * 2 > m->buckets && m->buckets < m->most; i++)
		split_one(m);
}

/* Moves the ring on by one number: what it comes round to goes to a chain. */
static uint32_t *advance(struct nmw_idmap *m)
{
	uint32_t *slot = nmw_idmap_slot(m, m->top);
	m->top++;
	if (*slot) {
		m->ringed--;
		chain(m, *slot);
		*slot = 0;
	}
	return slot;
}

/* Two numbers in order get a ring that nobody uses. */
static int takes_ring(struct nmw_idmap *m, const struct nmw_id *id)
{
	int follows = id->lo - m->lo - 1 < GAP && id->hi == m->hi && !m->ringed;
	m->lo = id->lo;
	m->hi = id->hi;
	if (follows) {
		m->top = id->lo;
		m->ring_hi = id->hi;
		m->span = m->ring_mask + (uint64_t)1;
	}
	return follows;
}

void nmw_idmap_put_other(struct nmw_idmap *m, uint32_t value)
{
	const struct nmw_id *id = nmw_idmap_id(m, value);
	int in_order = m->span && id->hi == m->ring_hi && id->lo - m->top < GAP;
	if (!in_order && !takes_ring(m, id)) {
		chain(m, value);
		return;
	}
	while (m->top != id->lo)
		advance(m);
	*advance(m) = value;
	m->ringed++;
}
