/* live.h: from the ids of order entry to live orders: those that are numbers in front of the map.
 *
 * An account numbers its orders as they come: user reference numbers do (OUCH 5.0), and tokens do
 * whose last eight characters are digits (4.2).  Such an id has a place of its own in a plain array
 * of handles, next to the one before it, whatever other accounts do; the handle's record tells
 * whether it is the id that was asked for.  Who finds its place taken sends the older one to the
 * map (idmap.h), where all other ids are from the start.
 *
 *      at[] u32
 *      ...|a7|a8|a9|a10|  |  |b3|b4|b5|  |  |...       a, b: accounts
 *
 * The places grow with the orders in them, one at a time (linear hashing: no pause), to sixteen
 * times their number at most, so that few live orders stay in the cache however many may be.
 * 4 to 8 bytes an order.  No pointers, no allocation; one thread; deterministic.
 */
#ifndef NMW_BOOK_LIVE_H
#define NMW_BOOK_LIVE_H

#include "book/idmap.h"
#include "wire/codec.h"

#define NMW_LIVE_FIRST 1024u
#define NMW_LIVE_NONE  UINT32_MAX /* place of an id that is not a number */
#define NMW_LIVE_FRONT UINT32_MAX /* nmw_id.next of one that has its place: never a handle */

/* An id as a number: of its account, and for tokens of their first six characters. */
struct nmw_number {
	uint64_t scope;
	uint32_t number;
	bool is; /* else it is not one */
};

struct nmw_live {
	uint32_t count;	 /* orders in it */
	uint32_t places; /* in use */
	uint32_t mask;	 /* of the power of two that is being grown to, or was reached */
	uint32_t most;	 /* places at most */
	uint32_t pad[12];
	uint32_t at[];
};
_Static_assert(sizeof(struct nmw_live) == 64, "one line");

static inline uint32_t nmw_live_slots(uint32_t orders)
{
	uint32_t n = NMW_LIVE_FIRST;
	while (n < orders)
		n *= 2;
	return n;
}

static inline size_t nmw_live_footprint(uint32_t orders)
{
	return sizeof(struct nmw_live) + (size_t)nmw_live_slots(orders) * sizeof(uint32_t);
}

/* Formats zeroed memory. */
static inline void nmw_live_init(struct nmw_live *t, uint32_t orders)
{
	t->places = NMW_LIVE_FIRST;
	t->mask = NMW_LIVE_FIRST - 1;
	t->most = nmw_live_slots(orders);
}

/* Eight digits as they lie in memory. */
static inline uint32_t nmw_number_of_digits(uint64_t w)
{
	w = (w & UINT64_C(0x0F0F0F0F0F0F0F0F)) * 2561 >> 8;
	w = (w & UINT64_C(0x00FF00FF00FF00FF)) * 6553601 >> 16;
	return (uint32_t)((w & UINT64_C(0x0000FFFF0000FFFF)) * UINT64_C(42949672960001) >> 32);
}

/* k: scoped to an account by its upper 16 bits. */
static inline struct nmw_number nmw_number_of(struct nmw_key k, bool token)
{
	if (!token)
		return (struct nmw_number){k.hi >> 48, (uint32_t)k.lo, true};
	uint64_t w = k.lo >> 48 | k.hi << 16, x = w ^ UINT64_C(0x3030303030303030);
	bool digits = !(((x + UINT64_C(0x7676767676767676)) | x) & UINT64_C(0x8080808080808080));
	return (struct nmw_number){k.lo << 16 | k.hi >> 48, nmw_number_of_digits(w), digits};
}

static inline uint32_t nmw_number_hash(uint64_t scope)
{
	return (uint32_t)(scope * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

/* Numbers that follow each other have hashes that do. */
static inline uint32_t nmw_live_hash(struct nmw_number n)
{
	return n.number + nmw_number_hash(n.scope);
}

static inline uint32_t nmw_live_place(const struct nmw_live *t, struct nmw_number n)
{
	uint32_t i = nmw_live_hash(n) & t->mask;
	uint32_t over = -(uint32_t)(i >= t->places); /* no branch: hard to predict */
	i &= ~(over & (t->mask ^ t->mask >> 1));
	return n.is ? i : NMW_LIVE_NONE;
}

/* A new place at the end takes over what is its own of an older one. */
void nmw_live_grow(struct nmw_live *t, const struct nmw_idmap *m);

static inline void nmw_live_prefetch(const struct nmw_live *t, const struct nmw_idmap *m,
				     struct nmw_number n, struct nmw_key k)
{
	uint32_t place = nmw_live_place(t, n);
	if (place != NMW_LIVE_NONE)
		__builtin_prefetch(&t->at[place], 1);
	else
		nmw_idmap_prefetch(m, k.lo, k.hi);
}

/* The handle of an id; 0 = it is not live. */
static inline uint32_t nmw_live_find(const struct nmw_live *t, const struct nmw_idmap *m,
				     struct nmw_number n, struct nmw_key k)
{
	uint32_t place = nmw_live_place(t, n);
	if (__builtin_expect(place != NMW_LIVE_NONE, 1)) {
		uint32_t v = t->at[place];
		const struct nmw_id *id = nmw_idmap_id(m, v);
		if (__builtin_expect(v && id->lo == k.lo && id->hi == k.hi, 1))
			return v;
	}
	return nmw_idmap_find(m, k.lo, k.hi);
}

static inline void nmw_live_to_map(struct nmw_idmap *m, uint32_t v)
{
	struct nmw_id *id = nmw_idmap_id(m, v);
	id->next = 0;
	nmw_idmap_put_at(m, v, id, id->lo, id->hi);
}

/* Puts an id that is not there; id: the record of the value. */
static inline void nmw_live_put(struct nmw_live *t, struct nmw_idmap *m, struct nmw_number n,
				uint32_t v, struct nmw_id *id, struct nmw_key k)
{
	uint32_t place = nmw_live_place(t, n);
	id->lo = k.lo;
	id->hi = k.hi;
	if (__builtin_expect(place == NMW_LIVE_NONE, 0)) {
		nmw_live_to_map(m, v);
		return;
	}
	uint32_t older = t->at[place];
	id->next = NMW_LIVE_FRONT;
	t->at[place] = v;
	if (__builtin_expect(older != 0, 0))
		nmw_live_to_map(m, older);
	else if (__builtin_expect(++t->count * 16 > t->places, 0))
		nmw_live_grow(t, m);
}

/* Takes out an id that is there. */
static inline void nmw_live_take(struct nmw_live *t, struct nmw_idmap *m, const struct nmw_id *id)
{
	const struct nmw_key k = {id->lo, id->hi};
	if (__builtin_expect(id->next != NMW_LIVE_FRONT, 0)) {
		nmw_idmap_take(m, k.lo, k.hi);
		return;
	}
	t->at[nmw_live_place(t, nmw_number_of(k, k.hi << 16 != 0))] = 0;
	t->count--;
}

#endif
