#include "wire/flow.h"

#include "base/pages.h"
#include "base/platform.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define NIL NMW_FLOW_NONE

struct entry {
	struct nmw_flow_key key;
	uint32_t chain;	       /* next of the same bucket, or of the free list */
	uint32_t older, newer; /* by last use */
	uint32_t bucket;       /* NIL = free */
};

struct nmw_flows {
	uint32_t capacity, mask;
	uint32_t free, oldest, newest;
	uint32_t *bucket;
	struct entry *entry;
};

/* A key is six words; it is built, turned and compared by words, as it is by every packet. */
#define WORDS	  6u
#define PORTS_AT  4u /* word of ports, family and protocol */
#define TAG_START 48 /* bits of it below the tag */
_Static_assert(offsetof(struct nmw_flow_key, a_port) == 8 * PORTS_AT, "ports in the fifth word");
_Static_assert(offsetof(struct nmw_flow_key, tag) == 8 * PORTS_AT + TAG_START / 8, "then the tag");

static inline void words_of(const struct nmw_flow_key *k, uint64_t w[WORDS])
{
	memcpy(w, k, sizeof *k);
}

void nmw_flow_key_of(struct nmw_flow_key *k, const struct nmw_packet *p)
{
	const uint64_t ports[2] = {p->sport | (uint64_t)p->dport << 16 | (uint64_t)p->family << 32 |
				   (uint64_t)p->proto << 40};
	memcpy(k->a, p->src, sizeof k->a);
	memcpy(k->b, p->dst, sizeof k->b);
	memcpy((uint8_t *)k + 8 * PORTS_AT, ports, sizeof ports);
}

unsigned nmw_flow_key_both(struct nmw_flow_key *k)
{
	uint64_t w[WORDS];
	words_of(k, w);
	uint64_t a = __builtin_bswap64(w[0]), b = __builtin_bswap64(w[2]);
	if (a == b) {
		a = __builtin_bswap64(w[1]);
		b = __builtin_bswap64(w[3]);
	}
	if (a < b || (a == b && k->a_port <= k->b_port))
		return 0;
	uint64_t swapped[WORDS] = {w[2], w[3], w[0], w[1], w[4], w[5]};
	uint32_t ports = (uint32_t)w[PORTS_AT];
	swapped[PORTS_AT] ^= ports ^ (ports << 16 | ports >> 16);
	memcpy(k, swapped, sizeof swapped);
	return 1;
}

__extension__ typedef unsigned __int128 u128;

/* Two factors at a time, none of which waits for another's product. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
	u128 m = (u128)a * b;
	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint32_t hash(const struct nmw_flow_key *k)
{
	uint64_t w[WORDS];
	words_of(k, w);
	uint64_t h = fold(w[0] ^ 0x9E3779B97F4A7C15ull, w[2] ^ 0xBF58476D1CE4E5B9ull) ^
		     fold(w[1] ^ 0x94D049BB133111EBull, w[3] ^ 0xD6E8FEB86659FD93ull) ^
		     fold(w[4] ^ 0xA0761D6478BD642Full, w[5] ^ 0xE7037ED1A0B428DBull);
	return (uint32_t)(h ^ (h >> 32));
}

static inline bool same(const struct nmw_flow_key *x, const struct nmw_flow_key *y)
{
	uint64_t a[WORDS], b[WORDS];
	words_of(x, a);
	words_of(y, b);
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) |
		 (a[5] ^ b[5]));
}

struct nmw_flows *nmw_flows_new(uint32_t capacity, struct nmw_err *e)
{
	uint32_t buckets = 16;
	while (buckets < capacity)
		buckets <<= 1;
	struct nmw_flows *t = calloc(1, sizeof *t);
	if (t) {
		t->capacity = capacity;
		t->mask = buckets - 1;
		t->bucket = nmw_pages_take(buckets * sizeof *t->bucket);
		t->entry = nmw_pages_take(capacity * sizeof *t->entry);
	}
	if (!t || !t->bucket || !t->entry) {
		nmw_flows_free(t);
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
			    "flow table: no memory for %u flows: ask for fewer", capacity);
		return NULL;
	}
	t->oldest = t->newest = NIL;
	memset(t->bucket, 0xFF, buckets * sizeof *t->bucket);
	for (uint32_t i = 0; i < capacity; i++) {
		t->entry[i].chain = i + 1 < capacity ? i + 1 : NIL;
		t->entry[i].bucket = NIL;
	}
	return t;
}

void nmw_flows_free(struct nmw_flows *t)
{
	if (!t)
		return;
	nmw_pages_give(t->bucket, ((size_t)t->mask + 1) * sizeof *t->bucket);
	nmw_pages_give(t->entry, t->capacity * sizeof *t->entry);
	free(t);
}

static void use_unlink(struct nmw_flows *t, uint32_t i)
{
	struct entry *e = &t->entry[i];
	*(e->older == NIL ? &t->oldest : &t->entry[e->older].newer) = e->newer;
	*(e->newer == NIL ? &t->newest : &t->entry[e->newer].older) = e->older;
}

static void use_append(struct nmw_flows *t, uint32_t i)
{
	struct entry *e = &t->entry[i];
	e->newer = NIL;
	e->older = t->newest;
	*(t->newest == NIL ? &t->oldest : &t->entry[t->newest].newer) = i;
	t->newest = i;
}

static uint32_t find(const struct nmw_flows *t, const struct nmw_flow_key *k, uint32_t b)
{
	uint32_t i = t->bucket[b];
	while (i != NIL && !same(&t->entry[i].key, k))
		i = t->entry[i].chain;
	return i;
}

uint32_t nmw_flows_find(const struct nmw_flows *t, const struct nmw_flow_key *k)
{
	return find(t, k, hash(k) & t->mask);
}

void nmw_flows_drop(struct nmw_flows *t, uint32_t i)
{
	struct entry *e = &t->entry[i];
	uint32_t *at = &t->bucket[e->bucket];
	while (*at != i)
		at = &t->entry[*at].chain;
	*at = e->chain;
	use_unlink(t, i);
	e->bucket = NIL;
	e->chain = t->free;
	t->free = i;
}

void nmw_flows_use(struct nmw_flows *t, uint32_t i)
{
	if (t->newest == i)
		return;
	use_unlink(t, i);
	use_append(t, i);
}

uint32_t nmw_flows_get(struct nmw_flows *t, const struct nmw_flow_key *k, enum nmw_flow_was *was)
{
	uint32_t b = hash(k) & t->mask;
	uint32_t i = find(t, k, b);
	if (i != NIL) {
		*was = NMW_FLOW_KNOWN;
		nmw_flows_use(t, i);
		return i;
	}
	*was = NMW_FLOW_FRESH;
	if (t->free == NIL) {
		*was = NMW_FLOW_EVICTED;
		nmw_flows_drop(t, t->oldest);
	}
	i = t->free;
	struct entry *e = &t->entry[i];
	t->free = e->chain;
	e->key = *k;
	e->bucket = b;
	e->chain = t->bucket[b];
	t->bucket[b] = i;
	use_append(t, i);
	return i;
}

uint32_t nmw_flows_next_out(const struct nmw_flows *t)
{
	return t->free == NIL ? t->oldest : NIL;
}

const struct nmw_flow_key *nmw_flows_key(const struct nmw_flows *t, uint32_t i)
{
	return &t->entry[i].key;
}

uint32_t nmw_flows_each(const struct nmw_flows *t, uint32_t i)
{
	return i == NIL ? t->oldest : t->entry[i].newer;
}
