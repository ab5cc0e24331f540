/* idmap.h: from the ids of the wire to handles: one table of the live ones.
 *
 * An id is 128 bits: a number scoped by session or kind (lo = number, hi = scope), or a token of up
 * to 14 characters with its session (lo, hi = its bytes).  A value is the index 1..cap of a record
 * of the caller's, in which the map keeps the id and a chain (struct nmw_id), so that the id is
 * compared in the line that the caller reads next anyway: give the order's own record
 * (nmw_book_user) and a look-up costs one line of the table and no other.
 *
 *      ring[] u32: value by number      record v: | lo | hi | next | caller's ...
 *      bucket[] u32: first record of the chain
 *
 * Suits both regimes.  Numbers that one scope gives out in order lie in the ring, a plain array of
 * the last ones: a look-up is one load.  All others, and what the ring has come round to, are in
 * chains: numbers that follow each other still fill one bucket after the other, 16 to a line; the
 * bits over the lowest 12 are mixed, so that random ones, strides and tokens spread evenly.  The
 * buckets grow with the ids in them (linear hashing: an insert splits two at most, no pause) to
 * twice their number at most: few live ids stay in the cache however large cap is.
 *
 * No pointers in it, but the distance to the records: it moves only together with them.
 * Deterministic, no allocation; one thread. Nothing fails: the caller keeps ids apart (find first)
 * and values within cap.
 */
#ifndef NMW_BOOK_IDMAP_H
#define NMW_BOOK_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nmw_id {
	uint64_t lo, hi;
	uint32_t next; /* value of the next record of the chain, 0 = last */
};

struct nmw_idmap {
	uint32_t cap;	  /* largest value */
	uint32_t chained; /* ids in chains */
	uint32_t buckets; /* in use */
	uint32_t mask;	  /* of the power of two that is being grown to, or was reached */
	int64_t records;  /* bytes from the map to record 0 */
	uint32_t stride;  /* bytes from one record to the next */
	uint32_t most;	  /* buckets at most */
	/* the ring: numbers top - span .. top - 1 of scope ring_hi; 0 = not in the ring */
	uint64_t top, ring_hi;
	uint64_t span;	    /* at most ring_mask + 1; 0 while no scope has it */
	uint64_t lo, hi;    /* last id put while the ring was free */
	uint32_t ring_mask; /* */
	uint32_t first;	    /* bucket 0 */
	uint32_t ringed;    /* ids in the ring */
	uint32_t streak;    /* of those in order */
	uint64_t doubt;	    /* a number over it is in no chain */
	uint32_t pad[8];
	uint32_t at[]; /* the ring, then the buckets */
};

_Static_assert(sizeof(struct nmw_idmap) == 128, "two lines");

/* Bytes for values 1..cap (1..2^30), not counting the records: 8 to 12 a value. */
size_t nmw_idmap_footprint(uint32_t cap);
/* Formats `mem` (64-byte aligned, zeroed). records: where record 0 would lie (value 0 is never
 * used); every stride bytes there is room for a struct nmw_id. */
struct nmw_idmap *nmw_idmap_init(void *mem, uint32_t cap, void *records, uint32_t stride);

#define NMW_IDMAP_GAP 64u /* numbers that may be left out and yet be in order */

/* What is not in the ring, out of line. */
uint32_t nmw_idmap_find_chained(const struct nmw_idmap *m, uint64_t lo, uint64_t hi);
uint32_t nmw_idmap_take_chained(struct nmw_idmap *m, uint64_t lo, uint64_t hi);
void nmw_idmap_put_other(struct nmw_idmap *m, uint32_t value, struct nmw_id *id);

static inline struct nmw_id *nmw_idmap_id(const struct nmw_idmap *m, uint32_t value)
{
	uintptr_t first = (uintptr_t)m + (uintptr_t)m->records;
	return (struct nmw_id *)(first + (uint64_t)value * m->stride);
}

static inline uint32_t nmw_idmap_hash(uint64_t lo, uint64_t hi)
{
	uint64_t high =
		(lo >> 12 ^ hi * UINT64_C(0xC2B2AE3D27D4EB4F)) * UINT64_C(0x9E3779B97F4A7C15);
	return (uint32_t)(lo + (high >> 32));
}

static inline uint32_t nmw_idmap_bucket(const struct nmw_idmap *m, uint32_t hash)
{
	uint32_t i = hash & m->mask;
	return m->first + (i < m->buckets ? i : i & m->mask >> 1); /* not split yet */
}

static inline uint32_t *nmw_idmap_head(struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	return &m->at[nmw_idmap_bucket(m, nmw_idmap_hash(lo, hi))];
}

/* Is the id one that the ring would hold, now that so many came after it? */
static inline bool nmw_idmap_in_ring(const struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	return m->top - 1 - lo < m->span && hi == m->ring_hi;
}

static inline uint32_t *nmw_idmap_slot(struct nmw_idmap *m, uint64_t lo)
{
	return &m->at[lo & m->ring_mask];
}

static inline const uint32_t *nmw_idmap_slot_get(const struct nmw_idmap *m, uint64_t lo)
{
	return &m->at[lo & m->ring_mask];
}

/* The value of an id; 0 = it is not there. */
static inline uint32_t nmw_idmap_find(const struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	uint32_t v = nmw_idmap_in_ring(m, lo, hi) ? m->at[lo & m->ring_mask] : 0;
	return v ? v : nmw_idmap_find_chained(m, lo, hi);
}

/* Is it the number that the ring comes to next, and surely not there? */
static inline bool nmw_idmap_is_next(const struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	return !((lo ^ m->top) | (hi ^ m->ring_hi) | *nmw_idmap_slot_get(m, lo)) & (lo > m->doubt);
}

/* The number is used up without a value. */
static inline void nmw_idmap_skip(struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	m->top += nmw_idmap_is_next(m, lo, hi);
}

static inline void nmw_idmap_put_next(struct nmw_idmap *m, uint32_t value, struct nmw_id *id,
				      uint64_t lo, uint64_t hi)
{
	id->lo = lo;
	id->hi = hi;
	*nmw_idmap_slot(m, lo) = value;
	m->top = lo + 1;
	m->ringed++;
}

/* Puts an id that is not there; id: the record of the value. */
static inline void nmw_idmap_put_at(struct nmw_idmap *m, uint32_t value, struct nmw_id *id,
				    uint64_t lo, uint64_t hi)
{
	if (__builtin_expect(nmw_idmap_is_next(m, lo, hi), 1)) {
		nmw_idmap_put_next(m, value, id, lo, hi);
		return;
	}
	id->lo = lo;
	id->hi = hi;
	nmw_idmap_put_other(m, value, id);
}

static inline void nmw_idmap_put(struct nmw_idmap *m, uint32_t value, uint64_t lo, uint64_t hi)
{
	nmw_idmap_put_at(m, value, nmw_idmap_id(m, value), lo, hi);
}

/* For an id that is not the ring's next: the bucket that it goes to, if it is surely not there, and
 * has no claim on the ring. NULL: not so plain; then find and put. */
static inline uint32_t *nmw_idmap_bucket_for(struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	bool near_ring = (m->top - 1 - lo < m->span) | (lo - m->top < NMW_IDMAP_GAP);
	bool streak = (lo - m->lo - 1 < NMW_IDMAP_GAP) & (hi == m->hi);
	if (m->ringed ? near_ring & (hi == m->ring_hi) : streak)
		return NULL;
	uint32_t *head = nmw_idmap_head(m, lo, hi);
	for (uint32_t v = *head; v;) {
		const struct nmw_id *id = nmw_idmap_id(m, v);
		if (id->lo == lo && id->hi == hi)
			return NULL;
		v = id->next;
	}
	return head;
}

void nmw_idmap_grow(struct nmw_idmap *m);

static inline void nmw_idmap_link(struct nmw_idmap *m, uint32_t *head, uint32_t value,
				  struct nmw_id *id)
{
	id->next = *head;
	*head = value;
	m->doubt = id->lo > m->doubt ? id->lo : m->doubt;
	if (__builtin_expect(++m->chained * 2 > m->buckets, 0))
		nmw_idmap_grow(m);
}

/* Puts an id to the head of its bucket; no streak goes on with it. */
static inline void nmw_idmap_chain(struct nmw_idmap *m, uint32_t *head, uint32_t value,
				   struct nmw_id *id)
{
	if (!m->ringed) {
		m->lo = id->lo;
		m->hi = id->hi;
		m->span = m->top = m->streak = 0;
	}
	nmw_idmap_link(m, head, value, id);
}

static inline uint32_t nmw_idmap_take_bucket(struct nmw_idmap *m, uint64_t lo, uint64_t hi)
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

/* Takes an id out if it is in the ring. */
static inline uint32_t nmw_idmap_take_ringed(struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	if (!nmw_idmap_in_ring(m, lo, hi))
		return 0;
	uint32_t *slot = nmw_idmap_slot(m, lo), v = *slot;
	*slot = 0;
	m->ringed -= v != 0;
	return v;
}

/* Takes an id out and returns its value; 0 = it was not there. Its record stays as it was. */
static inline uint32_t nmw_idmap_take(struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	uint32_t v = nmw_idmap_take_ringed(m, lo, hi);
	return v ? v : nmw_idmap_take_chained(m, lo, hi);
}

/* Takes out an id that is there, by its value. */
static inline void nmw_idmap_del(struct nmw_idmap *m, uint32_t value)
{
	const struct nmw_id *id = nmw_idmap_id(m, value);
	nmw_idmap_take(m, id->lo, id->hi);
}

/* Where a look-up begins, as an index of `at`. */
static inline uint32_t nmw_idmap_place(const struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	uint32_t slot = (uint32_t)lo & m->ring_mask;
	uint32_t head = nmw_idmap_bucket(m, nmw_idmap_hash(lo, hi));
	return nmw_idmap_in_ring(m, lo, hi) ? slot : head;
}

/* Fetches the line in which a look-up begins. */
static inline void nmw_idmap_prefetch(const struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	__builtin_prefetch(&m->at[nmw_idmap_place(m, lo, hi)], 1);
}

#endif
