/* idmap.h: from the ids of the wire to handles: one table of the live ones.
 *
 * An id is 128 bits: a number scoped by session or kind (lo = number, hi = scope), or a token of up
 * to 14 characters with its session (lo, hi = its bytes).  A value is the index 1..cap of a record
 * of the caller's, in which the map keeps the id and a chain (struct nmw_id), so that the id is
 * compared in the line that the caller reads next anyway: give the order's own record
 * (nmw_book_user) and a look-up costs one line of the table and no other.
 *
 *      bucket[] u32: first record of the chain      record v: | lo | hi | next | caller's ...
 *
 * Suits both regimes.  Numbers that were given out in order fill one bucket after the other, 16 to
 * a line, like a plain array; the bits over the lowest 12 are mixed, so that random ones, strides
 * and tokens spread evenly.  The table grows with the number of ids in it (linear hashing: each
 * insert splits two buckets at most, no pause) and is never larger than twice to four times that:
 * few live ids stay in the cache however large cap is.
 *
 * No pointers in it, but the distance to the records: it moves only together with them.
 * Deterministic, no allocation; one thread. Nothing fails: the caller keeps ids apart (find first)
 * and values within cap.
 */
#ifndef NMW_BOOK_IDMAP_H
#define NMW_BOOK_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct nmw_id {
	uint64_t lo, hi;
	uint32_t next; /* value of the next record of the chain, 0 = last */
};

struct nmw_idmap {
	uint32_t cap;	  /* largest value */
	uint32_t n;	  /* ids in the map */
	uint32_t buckets; /* in use */
	uint32_t mask;	  /* of the larger half-finished power of two: 2^k - 1 >= buckets - 1 */
	int64_t records;  /* bytes from the map to record 0 */
	uint32_t stride;  /* bytes from one record to the next */
	uint32_t most;	  /* buckets at most */
	uint32_t bucket[];
};

/* Bytes for values 1..cap (1..2^30), not counting the records. */
size_t nmw_idmap_footprint(uint32_t cap);
/* Formats `mem` (64-byte aligned, zeroed). records: where record 0 would lie (value 0 is never
 * used); every stride bytes there is room for a struct nmw_id. */
struct nmw_idmap *nmw_idmap_init(void *mem, uint32_t cap, void *records, uint32_t stride);

void nmw_idmap_split(struct nmw_idmap *m);

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
	return i < m->buckets ? i : i & m->mask >> 1; /* not split yet */
}

/* The value of an id; 0 = it is not there. */
static inline uint32_t nmw_idmap_find(const struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	uint32_t v = m->bucket[nmw_idmap_bucket(m, nmw_idmap_hash(lo, hi))];
	while (v) {
		const struct nmw_id *id = nmw_idmap_id(m, v);
		if (id->lo == lo && id->hi == hi)
			break;
		v = id->next;
	}
	return v;
}

/* Puts an id that is not there. */
static inline void nmw_idmap_put(struct nmw_idmap *m, uint32_t value, uint64_t lo, uint64_t hi)
{
	uint32_t i = nmw_idmap_bucket(m, nmw_idmap_hash(lo, hi));
	*nmw_idmap_id(m, value) = (struct nmw_id){.lo = lo, .hi = hi, .next = m->bucket[i]};
	m->bucket[i] = value;
	if (++m->n * 2 > m->buckets)
		nmw_idmap_split(m);
}

/* Takes an id out that is there. Its record stays as it was. */
static inline void nmw_idmap_del(struct nmw_idmap *m, uint32_t value)
{
	const struct nmw_id *id = nmw_idmap_id(m, value);
	uint32_t *at = &m->bucket[nmw_idmap_bucket(m, nmw_idmap_hash(id->lo, id->hi))];
	while (*at != value)
		at = &nmw_idmap_id(m, *at)->next;
	*at = id->next;
	m->n--;
}

/* Fetches the bucket of an id; then, the bucket being there, the first record of its chain. */
static inline void nmw_idmap_prefetch(const struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	__builtin_prefetch(&m->bucket[nmw_idmap_bucket(m, nmw_idmap_hash(lo, hi))], 1);
}

static inline uint32_t nmw_idmap_prefetch_record(const struct nmw_idmap *m, uint64_t lo,
						 uint64_t hi)
{
	uint32_t v = m->bucket[nmw_idmap_bucket(m, nmw_idmap_hash(lo, hi))];
	__builtin_prefetch(nmw_idmap_id(m, v), 1);
	return v;
}

#endif
