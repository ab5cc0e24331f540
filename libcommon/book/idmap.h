/* idmap.h: from the ids of the wire to handles: one table of the live ones.
 *
 * An id is 128 bits: a number with its scope, or a token (number.h).  A value is the index 1..cap
 * of a record of the caller's, in which the map keeps the id and a chain (struct nmw_id), so that
 * the id is compared in the line that the caller reads next anyway: give the order's own record
 * (nmw_book_user) and a look-up costs one line of the table and no other.
 *
 *      at[] u32: first record of the chain          record v: | lo | hi | next | caller's ...
 *      ...|a7|a8|a9|a10|  |  |b3|b4|b5|  |  |...    a, b: scopes
 *
 * Suits both regimes.  Numbers that follow each other have places that do, 16 to a line, each
 * mostly alone in its own: as good as an array of the last ones.  Random ones, strides and tokens
 * are spread.  The places grow with the ids in them (linear hashing: an insert splits two at most,
 * no pause) to eight times their number and on to the next power of two, if there are so many for
 * cap: few live ids stay in the cache however large cap is.
 *
 * No pointers in it, but the distance to the records: it moves only together with them.
 * Deterministic, no allocation; one thread. Nothing fails: the caller keeps ids apart (find first,
 * but is_new is mostly enough) and values within cap.
 */
#ifndef NMW_BOOK_IDMAP_H
#define NMW_BOOK_IDMAP_H

#include "base/fetch.h"
#include "book/number.h"

#include <stddef.h>

struct nmw_id {
	uint64_t lo, hi;
	uint32_t next; /* value of the next record of the chain, 0 = last */
};

struct nmw_idmap {
	uint64_t highest; /* lo of all ids that were ever put */
	int64_t records;  /* bytes from the map to record 0 */
	uint32_t stride;  /* bytes from one record to the next */
	uint32_t cap;	  /* largest value */
	uint32_t count;	  /* ids */
	uint32_t places;  /* in use */
	uint32_t mask;	  /* of the power of two that is being grown to, or was reached */
	uint32_t most;	  /* places at most */
	uint32_t room;	  /* ids that the places are enough for; 0: amid a doubling */
	uint32_t pad[5];
	uint32_t at[];
};

_Static_assert(sizeof(struct nmw_idmap) == 64, "one line");

#define NMW_IDMAP_ROOM 8u /* places an id */

/* Bytes for values 1..cap (1..2^30), not counting the records: 4 a value for many, up to
 * 16 for 2^22 or fewer. */
size_t nmw_idmap_footprint(uint32_t cap);
/* Formats `mem` (64-byte aligned, zeroed). records: where record 0 would lie (value 0 is never
 * used); every stride bytes there is room for a struct nmw_id. */
struct nmw_idmap *nmw_idmap_init(void *mem, uint32_t cap, void *records, uint32_t stride);

static inline struct nmw_id *nmw_idmap_id(const struct nmw_idmap *m, uint32_t value)
{
	uintptr_t first = (uintptr_t)m + (uintptr_t)m->records;
	return (struct nmw_id *)(first + (uint64_t)value * m->stride);
}

/* What the functions that end in _by are given: also nmw_number_hash of the id as a number. */
static inline uint32_t nmw_idmap_hash(uint64_t lo, uint64_t hi)
{
	if (__builtin_expect((uint32_t)lo == lo && !hi, 1))
		return (uint32_t)lo; /* the same, sooner */
	return nmw_number_hash(nmw_number_of((struct nmw_key){lo, hi}, true));
}

/* Where a look-up begins, as an index of `at`. */
static inline uint32_t nmw_idmap_place(const struct nmw_idmap *m, uint32_t hash)
{
	uint32_t i = hash & m->mask;
	if (__builtin_expect(i >= m->places, 0)) /* amid a doubling: not split yet */
		i &= m->mask >> 1;
	return i;
}

/* Fetches the line in which a look-up begins. */
static inline void nmw_idmap_prefetch(const struct nmw_idmap *m, uint32_t hash)
{
	nmw_fetch(&m->at[nmw_idmap_place(m, hash)]);
}

/* The value that a look-up meets first: mostly the one that is looked for. 0 = none. */
static inline uint32_t nmw_idmap_first(const struct nmw_idmap *m, uint32_t hash)
{
	return m->at[nmw_idmap_place(m, hash)];
}

/* The value of an id; 0 = it is not there. */
static inline uint32_t nmw_idmap_find_by(const struct nmw_idmap *m, uint32_t hash, uint64_t lo,
					 uint64_t hi)
{
	uint32_t v = m->at[nmw_idmap_place(m, hash)];
	while (v) {
		const struct nmw_id *id = nmw_idmap_id(m, v);
		if (__builtin_expect(id->lo == lo && id->hi == hi, 1))
			break;
		v = id->next;
	}
	return v;
}

static inline uint32_t nmw_idmap_find(const struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	return nmw_idmap_find_by(m, nmw_idmap_hash(lo, hi), lo, hi);
}

/* Is it higher than all before, and so not there? Most are that come in order. */
static inline bool nmw_idmap_is_new(const struct nmw_idmap *m, uint64_t lo)
{
	return lo > m->highest;
}

void nmw_idmap_grow(struct nmw_idmap *m);

/* Grows as n puts would, which then need not look whether they have to. */
static inline void nmw_idmap_reserve(struct nmw_idmap *m, size_t n)
{
	for (size_t i = 0; i < n && m->count + n > m->room; i++)
		nmw_idmap_grow(m);
}

/* Puts an id that is not there; id: the record of the value. */
static inline void nmw_idmap_put_by(struct nmw_idmap *m, uint32_t hash, uint32_t value,
				    struct nmw_id *id, uint64_t lo, uint64_t hi)
{
	uint32_t *head = &m->at[nmw_idmap_place(m, hash)];
	*id = (struct nmw_id){.lo = lo, .hi = hi, .next = *head};
	*head = value;
	m->highest = lo > m->highest ? lo : m->highest;
	if (__builtin_expect(++m->count > m->room, 0))
		nmw_idmap_grow(m);
}

static inline void nmw_idmap_put_at(struct nmw_idmap *m, uint32_t value, struct nmw_id *id,
				    uint64_t lo, uint64_t hi)
{
	nmw_idmap_put_by(m, nmw_idmap_hash(lo, hi), value, id, lo, hi);
}

/* Takes an id out and returns its value; 0 = it was not there. Its record stays as it was. */
static inline uint32_t nmw_idmap_take(struct nmw_idmap *m, uint64_t lo, uint64_t hi)
{
	uint32_t *at = &m->at[nmw_idmap_place(m, nmw_idmap_hash(lo, hi))], v;
	while ((v = *at) != 0) {
		struct nmw_id *id = nmw_idmap_id(m, v);
		if (__builtin_expect(id->lo == lo && id->hi == hi, 1)) {
			*at = id->next;
			m->count--;
			break;
		}
		at = &id->next;
	}
	return v;
}

/* Takes out an id that is there, by its value. */
static inline void nmw_idmap_del_by(struct nmw_idmap *m, uint32_t hash, uint32_t value)
{
	uint32_t *at = &m->at[nmw_idmap_place(m, hash)];
	while (__builtin_expect(*at != value, 0))
		at = &nmw_idmap_id(m, *at)->next;
	*at = nmw_idmap_id(m, value)->next;
	m->count--;
}

static inline void nmw_idmap_del(struct nmw_idmap *m, uint32_t value)
{
	const struct nmw_id *id = nmw_idmap_id(m, value);
	nmw_idmap_del_by(m, nmw_idmap_hash(id->lo, id->hi), value);
}

#endif
