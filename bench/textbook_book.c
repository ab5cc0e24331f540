#include "textbook_book.h"

#include <stdlib.h>

struct level;

struct order {
	struct order *prev, *next; /* of its level */
	struct order *chain;	   /* of its bucket */
	struct level *level;
	uint64_t id;
	uint32_t qty;
};

/* A node of an AVL tree. */
struct level {
	struct level *up, *down[2]; /* down[0]: better prices */
	struct side *side;
	struct order *first, *last;
	uint32_t px;
	int height;
};

struct side {
	struct level *root, *best;
	uint32_t sym;
	uint32_t is_ask;
};

struct textbook {
	struct side *side; /* symbol * 2 + side */
	struct order **bucket;
	struct textbook_fill *fill;
	uint64_t buckets, orders, filled, levels;
};

static void *take_memory(size_t n, size_t size)
{
	void *p = calloc(n, size);
	if (!p)
		abort();
	return p;
}

struct textbook *textbook_new(uint32_t symbols)
{
	struct textbook *t = take_memory(1, sizeof *t);
	t->side = take_memory(2 * (size_t)symbols, sizeof *t->side);
	for (uint32_t i = 0; i < 2 * symbols; i++)
		t->side[i] = (struct side){.sym = i / 2, .is_ask = i & 1};
	t->buckets = 1024;
	t->bucket = take_memory(t->buckets, sizeof *t->bucket);
	return t;
}

/* ---- the tree of levels ---- */

static bool better(const struct side *s, uint32_t a, uint32_t b)
{
	return s->is_ask ? a < b : a > b;
}

static int height(const struct level *l)
{
	return l ? l->height : 0;
}

static void measure(struct level *l)
{
	int a = height(l->down[0]), b = height(l->down[1]);
	l->height = 1 + (a > b ? a : b);
}

static struct level **link_to(struct side *s, struct level *l)
{
	return l->up ? &l->up->down[l->up->down[1] == l] : &s->root;
}

/* The child on side d comes up, the parent goes down to the other side. */
static struct level *rotate(struct side *s, struct level *l, int d)
{
	struct level *c = l->down[d], *between = c->down[!d];
	*link_to(s, l) = c;
	c->up = l->up;
	c->down[!d] = l;
	l->up = c;
	l->down[d] = between;
	if (between)
		between->up = l;
	measure(l);
	measure(c);
	return c;
}

static void rebalance(struct side *s, struct level *l)
{
	for (; l; l = l->up) {
		int lean = height(l->down[0]) - height(l->down[1]);
		if (lean > 1 || lean < -1) {
			int d = lean < 0;
			struct level *c = l->down[d];
			if (height(c->down[!d]) > height(c->down[d]))
				rotate(s, c, !d);
			l = rotate(s, l, d);
		}
		measure(l);
	}
}

static struct level *level_of(struct textbook *t, struct side *s, uint32_t px)
{
	struct level **at = &s->root, *up = NULL;
	while (*at && (*at)->px != px) {
		up = *at;
		at = &up->down[better(s, up->px, px)];
	}
	if (*at)
		return *at;
	struct level *l = *at = take_memory(1, sizeof *l);
	*l = (struct level){.up = up, .side = s, .px = px, .height = 1};
	rebalance(s, up);
	if (!s->best || better(s, px, s->best->px))
		s->best = l;
	t->levels++;
	return l;
}

static struct level *after(struct level *l)
{
	if (l->down[1]) {
		for (l = l->down[1]; l->down[0];)
			l = l->down[0];
		return l;
	}
	while (l->up && l->up->down[1] == l)
		l = l->up;
	return l->up;
}

static void replace_by(struct side *s, struct level *l, struct level *by)
{
	*link_to(s, l) = by;
	if (by)
		by->up = l->up;
}

static void level_remove(struct textbook *t, struct level *l)
{
	struct side *s = l->side;
	struct level *lowest; /* where heights may have changed */
	if (s->best == l)
		s->best = after(l);
	if (l->down[0] && l->down[1]) {
		struct level *n = after(l);
		lowest = n->up == l ? n : n->up;
		replace_by(s, n, n->down[1]);
		replace_by(s, l, n);
		n->down[0] = l->down[0];
		n->down[0]->up = n;
		n->down[1] = l->down[1];
		if (n->down[1])
			n->down[1]->up = n;
	} else {
		lowest = l->up;
		replace_by(s, l, l->down[l->down[0] == NULL]);
	}
	rebalance(s, lowest);
	free(l);
	t->levels--;
}

/* ---- the map of orders ---- */

static uint64_t bucket_of(const struct textbook *t, uint64_t id)
{
	return (id * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (t->buckets - 1);
}

static void grow(struct textbook *t)
{
	struct order **old = t->bucket;
	uint64_t n = t->buckets;
	t->buckets = 2 * n;
	t->bucket = take_memory(t->buckets, sizeof *t->bucket);
	for (uint64_t i = 0; i < n; i++) {
		for (struct order *o = old[i], *next; o; o = next) {
			next = o->chain;
			uint64_t b = bucket_of(t, o->id);
			o->chain = t->bucket[b];
			t->bucket[b] = o;
		}
	}
	free(old);
}

static void map_put(struct textbook *t, struct order *o)
{
	if (++t->orders > t->buckets)
		grow(t);
	uint64_t b = bucket_of(t, o->id);
	o->chain = t->bucket[b];
	t->bucket[b] = o;
}

static struct order **map_find(const struct textbook *t, uint64_t id)
{
	struct order **at = &t->bucket[bucket_of(t, id)];
	while (*at && (*at)->id != id)
		at = &(*at)->chain;
	return at;
}

/* ---- orders ---- */

static void order_remove(struct textbook *t, struct order **in_map)
{
	struct order *o = *in_map;
	struct level *l = o->level;
	*in_map = o->chain;
	t->orders--;
	*(o->prev ? &o->prev->next : &l->first) = o->next;
	*(o->next ? &o->next->prev : &l->last) = o->prev;
	if (!l->first)
		level_remove(t, l);
	free(o);
}

uint32_t textbook_take(struct textbook *t, uint32_t sym, uint32_t side, uint32_t limit,
		       uint32_t qty, uint64_t id)
{
	struct side *s = &t->side[sym * 2 + 1 - side];
	while (qty && s->best && !better(s, limit, s->best->px)) {
		struct order *o = s->best->first;
		uint32_t q = o->qty < qty ? o->qty : qty;
		t->fill[t->filled++] = (struct textbook_fill){o->id, id, s->best->px, q};
		qty -= q;
		o->qty -= q;
		if (!o->qty)
			order_remove(t, map_find(t, o->id));
	}
	return qty;
}

bool textbook_add(struct textbook *t, uint32_t sym, uint32_t side, uint32_t px, uint32_t qty,
		  uint64_t id)
{
	qty = textbook_take(t, sym, side, px, qty, id);
	if (!qty)
		return false;
	struct level *l = level_of(t, &t->side[sym * 2 + side], px);
	struct order *o = take_memory(1, sizeof *o);
	*o = (struct order){.prev = l->last, .level = l, .id = id, .qty = qty};
	*(l->last ? &l->last->next : &l->first) = o;
	l->last = o;
	map_put(t, o);
	return true;
}

bool textbook_cancel(struct textbook *t, uint64_t id)
{
	struct order **at = map_find(t, id);
	if (!*at)
		return false;
	order_remove(t, at);
	return true;
}

void textbook_fills(struct textbook *t, struct textbook_fill *to)
{
	t->fill = to;
	t->filled = 0;
}

uint64_t textbook_filled(const struct textbook *t)
{
	return t->filled;
}

bool textbook_find(const struct textbook *t, uint64_t id, struct textbook_order *out)
{
	const struct order *o = *map_find(t, id);
	if (o)
		*out = (struct textbook_order){o->level->side->sym, o->level->side->is_ask,
					       o->level->px, o->qty};
	return o;
}

int64_t textbook_best(const struct textbook *t, uint32_t sym, uint32_t side)
{
	const struct level *l = t->side[sym * 2 + side].best;
	return l ? (int64_t)l->px : -1;
}

uint64_t textbook_levels(const struct textbook *t)
{
	return t->levels;
}

void textbook_free(struct textbook *t)
{
	for (uint64_t i = 0; i < t->buckets; i++)
		while (t->bucket[i])
			order_remove(t, &t->bucket[i]);
	free(t->bucket);
	free(t->side);
	free(t);
}
