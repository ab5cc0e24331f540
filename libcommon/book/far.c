#include "book/far.h"

#include "book/levels.h"

#include <assert.h>

#define TOP_BIT 31

static uint32_t key_of(const struct nmw_books *b, const struct nmw_levels *s, nmw_oid id)
{
	return nmw_key_of(s, nmw_order_get(b, id)->px);
}

static uint32_t bit_of(uint32_t key, int bit)
{
	return bit >= 0 ? key >> bit & 1 : 0; /* below the lowest nothing is left to part */
}

static nmw_oid child(const struct nmw_books *b, nmw_oid id, uint32_t bit)
{
	return bit ? nmw_order_get(b, id)->far
		   : nmw_queued_get(b, nmw_order_ref(id))->hidden & ~NMW_FAR_HEAD;
}

/* Where a child is kept: with the mark, if that is its place. */
static uint32_t *child_at(struct nmw_books *b, nmw_oid id, uint32_t bit)
{
	return bit ? &nmw_order_at(b, id)->far : &nmw_queued_at(b, nmw_order_ref(id))->hidden;
}

static nmw_oid get(const uint32_t *at)
{
	return *at & ~NMW_FAR_HEAD;
}

static void set(uint32_t *at, nmw_oid id)
{
	*at = (*at & NMW_FAR_HEAD) | id;
}

static void take_children(struct nmw_books *b, nmw_oid id, nmw_oid of)
{
	*child_at(b, id, 0) = *child_at(b, of, 0);
	*child_at(b, id, 1) = *child_at(b, of, 1);
}

nmw_oid nmw_far_find(const struct nmw_books *b, const struct nmw_levels *s, uint32_t key)
{
	nmw_oid id = s->far_root;
	for (int bit = TOP_BIT; id; bit--) {
		uint32_t here = key_of(b, s, id);
		if (here == key)
			return id;
		id = child(b, id, bit_of(key, bit));
	}
	return 0;
}

/* Where a node is hung, or will be (id 0). */
static uint32_t *place(struct nmw_books *b, struct nmw_levels *s, uint32_t key, nmw_oid id)
{
	uint32_t *at = &s->far_root;
	for (int bit = TOP_BIT; get(at) != id; bit--) {
		assert(get(at) && bit >= 0);
		at = child_at(b, get(at), bit_of(key, bit));
	}
	return at;
}

void nmw_far_insert(struct nmw_books *b, struct nmw_levels *s, nmw_oid id)
{
	*child_at(b, id, 0) = NMW_FAR_HEAD;
	*child_at(b, id, 1) = 0;
	set(place(b, s, key_of(b, s, id), 0), id);
}

void nmw_far_replace(struct nmw_books *b, struct nmw_levels *s, nmw_oid id, nmw_oid by)
{
	set(place(b, s, key_of(b, s, id), id), by);
	take_children(b, by, id);
	*child_at(b, id, 0) = 0;
}

void nmw_far_remove(struct nmw_books *b, struct nmw_levels *s, nmw_oid id)
{
	uint32_t *at = place(b, s, key_of(b, s, id), id), *leaf_at = at;
	nmw_oid leaf = id;
	for (;;) {
		uint32_t bit = !child(b, leaf, 0);
		if (!child(b, leaf, bit))
			break;
		leaf_at = child_at(b, leaf, bit);
		leaf = get(leaf_at);
	}
	set(leaf_at, 0);
	if (leaf != id) {
		take_children(b, leaf, id);
		set(at, leaf);
	}
	*child_at(b, id, 0) = 0;
}

struct lowest {
	nmw_oid id;
	uint32_t key;
};

static void consider(struct lowest *l, nmw_oid id, uint32_t key, uint32_t from)
{
	if (key >= from && key < l->key)
		*l = (struct lowest){id, key};
}

nmw_oid nmw_far_first(const struct nmw_books *b, const struct nmw_levels *s, uint32_t from)
{
	struct lowest l = {0, NMW_KEY_NONE};
	nmw_oid id = s->far_root, over = 0; /* over: the lowest part of which all is over from */
	for (int bit = TOP_BIT; id; bit--) {
		consider(&l, id, key_of(b, s, id), from);
		uint32_t turn = bit_of(from, bit);
		nmw_oid right = child(b, id, 1);
		over = !turn && right ? right : over;
		id = turn ? right : child(b, id, 0);
	}
	while (over) {
		consider(&l, over, key_of(b, s, over), from);
		nmw_oid left = child(b, over, 0);
		over = left ? left : child(b, over, 1);
	}
	return l.id;
}
