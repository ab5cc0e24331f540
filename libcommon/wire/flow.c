#include "wire/flow.h"

#include <errno.h>
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

void nmw_flow_key_of(struct nmw_flow_key *k, const struct nmw_packet *p)
{
	memset(k, 0, sizeof *k);
	memcpy(k->a, p->src, sizeof k->a);
	memcpy(k->b, p->dst, sizeof k->b);
	k->a_port = p->sport;
	k->b_port = p->dport;
	k->family = p->family;
	k->proto = p->proto;
}

unsigned nmw_flow_key_both(struct nmw_flow_key *k)
{
	int d = memcmp(k->a, k->b, sizeof k->a);
	if (d < 0 || (d == 0 && k->a_port <= k->b_port))
		return 0;
	uint8_t addr[16];
	memcpy(addr, k->a, sizeof addr);
	memcpy(k->a, k->b, sizeof addr);
	memcpy(k->b, addr, sizeof addr);
	uint16_t port = k->a_port;
	k->a_port = k->b_port;
	k->b_port = port;
	return 1;
}

static uint32_t hash(const struct nmw_flow_key *k)
{
	uint64_t w[6], h = 0x9E3779B97F4A7C15ull;
	memcpy(w, k, sizeof w);
	for (unsigned i = 0; i < 6; i++) {
		h = (h ^ w[i]) * 0xBF58476D1CE4E5B9ull;
		h ^= h >> 29;
	}
	return (uint32_t)(h ^ (h >> 32));
}

struct nmw_flows *nmw_flows_new(uint32_t capacity, struct nmw_err *e)
{
	uint32_t buckets = 16;
	while (buckets < capacity)
		buckets <<= 1;
	struct nmw_flows *t = calloc(1, sizeof *t);
	if (t) {
		t->bucket = malloc(buckets * sizeof *t->bucket);
		t->entry = malloc(capacity * sizeof *t->entry);
	}
	if (!t || !t->bucket || !t->entry) {
		nmw_flows_free(t);
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
			    "flow table: no memory for %u flows: ask for fewer", capacity);
		return NULL;
	}
	t->capacity = capacity;
	t->mask = buckets - 1;
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
	free(t->bucket);
	free(t->entry);
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
	while (i != NIL && memcmp(&t->entry[i].key, k, sizeof *k) != 0)
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

uint32_t nmw_flows_get(struct nmw_flows *t, const struct nmw_flow_key *k, enum nmw_flow_was *was)
{
	uint32_t b = hash(k) & t->mask;
	uint32_t i = find(t, k, b);
	if (i != NIL) {
		*was = NMW_FLOW_KNOWN;
		if (t->newest != i) {
			use_unlink(t, i);
			use_append(t, i);
		}
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
