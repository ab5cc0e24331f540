#include "book/idmap.h"

#include <assert.h>

#define CAP_MAX	     (UINT32_C(1) << 30)
#define PLACES_FIRST 1024u
#define PLACES_ROOMY (UINT32_C(1) << 22)
#define SPLITS	     2u /* an insert: so that the places get ahead */

/* Two an id or more; past PLACES_ROOMY of them, which no cache holds, one will do. */
static uint32_t most_places(uint32_t cap)
{
	uint32_t n = PLACES_FIRST;
	while (n < 2 * (uint64_t)cap && n < PLACES_ROOMY)
		n *= 2;
	return n < cap ? cap : n;
}

size_t nmw_idmap_footprint(uint32_t cap)
{
	if (cap < 1 || cap > CAP_MAX)
		return 0;
	return sizeof(struct nmw_idmap) + (size_t)most_places(cap) * sizeof(uint32_t);
}

struct nmw_idmap *nmw_idmap_init(void *mem, uint32_t cap, void *records, uint32_t stride)
{
	assert(cap >= 1 && cap <= CAP_MAX && (uintptr_t)mem % 64 == 0);
	struct nmw_idmap *m = mem;
	*m = (struct nmw_idmap){.cap = cap,
				.places = PLACES_FIRST,
				.mask = PLACES_FIRST - 1,
				.room = PLACES_FIRST / NMW_IDMAP_ROOM,
				.records = (char *)records - (char *)mem,
				.stride = stride,
				.most = most_places(cap)};
	return m;
}

/* The next place in turn gives the part of its chain whose next bit of the hash is set to a new
 * place at the end. */
static void split_one(struct nmw_idmap *m)
{
	if (m->places > m->mask)
		m->mask = m->mask * 2 + 1;
	uint32_t into = m->places++;
	uint32_t *keep = &m->at[into & m->mask >> 1], *move = &m->at[into];
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

/* A doubling that was begun goes on with every insert until it is done: between two of them the
 * branch in nmw_idmap_place is always the same. */
void nmw_idmap_grow(struct nmw_idmap *m)
{
	for (unsigned i = 0; i < SPLITS && m->places < m->most; i++)
		split_one(m);
	bool doubled = m->places > m->mask;
	if (m->places >= m->most)
		m->room = UINT32_MAX;
	else
		m->room = doubled ? m->places / NMW_IDMAP_ROOM : 0;
}
