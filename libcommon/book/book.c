#include "book/book.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WINDOWS_MAX (UINT64_C(128) << 20) /* bytes of windows and bitmaps by default */
#define LINE	    UINT64_C(64)
#define MORE	    64u /* handles */

/* Of a tick 8 bytes and a bit. */
static uint32_t default_window(uint32_t symbols)
{
	uint32_t w = NMW_BOOK_WINDOW_MAX;
	while (w > NMW_BOOK_WINDOW_MIN && (uint64_t)symbols * 2 * (w * 8 + w / 8) > WINDOWS_MAX)
		w /= 2;
	return w;
}

static uint64_t to_line(uint64_t n)
{
	return (n + LINE - 1) & ~(LINE - 1);
}

/* Does all that has a reference lie where one reaches? */
static bool referable(const struct nmw_books_spec *s, uint32_t window)
{
	uint64_t sides = (uint64_t)s->symbols * 2;
	return s->orders * UINT64_C(2) + sides * (window + 8) < UINT32_MAX - LINE;
}

static bool spec_valid(const struct nmw_books_spec *s)
{
	uint32_t w = s->window;
	return s->symbols >= 1 && s->symbols <= UINT16_MAX && s->orders >= 1 &&
	       s->orders <= NMW_BOOK_ORDERS_MAX &&
	       (w == 0 ||
		((w & (w - 1)) == 0 && w >= NMW_BOOK_WINDOW_MIN && w <= NMW_BOOK_WINDOW_MAX)) &&
	       referable(s, w);
}

/* Where everything lies, as fields of the head. */
static struct nmw_books layout(const struct nmw_books_spec *s)
{
	struct nmw_books h = {.magic = NMW_BOOKS_MAGIC,
			      .version = NMW_BOOKS_VERSION,
			      .symbols = s->symbols,
			      .orders = s->orders,
			      .window = s->window ? s->window : default_window(s->symbols)};
	uint64_t n = (uint64_t)s->orders + 1, sides = (uint64_t)s->symbols * 2;
	uint64_t ref = to_line(n * sizeof(struct nmw_queued)) / 8;
	h.win_ref = (uint32_t)ref;
	ref += sides * h.window;
	h.sides_off = NMW_BOOKS_HEAD + ref * 8;
	h.bitmaps_off = h.sides_off + sides * sizeof(struct nmw_levels);
	h.bitmaps2_off = h.bitmaps_off + to_line(sides * (h.window / 8));
	bool wide = h.window > NMW_BITMAP_WORDS * 64;
	h.orders_off = h.bitmaps2_off + (wide ? to_line(sides * (h.window / 512)) : 0);
	h.size = h.orders_off + n * sizeof(struct nmw_order);
	h.window_mask = h.window - 1;
	h.window_log2 = (uint32_t)__builtin_ctz(h.window);
	h.sum_unit = nmw_bitmap_unit(h.window / (wide ? 4096 : 64));
	return h;
}

size_t nmw_books_footprint(const struct nmw_books_spec *spec)
{
	return spec_valid(spec) ? layout(spec).size : 0;
}

struct nmw_books *nmw_books_init(void *mem, const struct nmw_books_spec *spec)
{
	assert(spec_valid(spec) && (uintptr_t)mem % LINE == 0);
	struct nmw_books *b = mem;
	*b = layout(spec);
	for (uint32_t sides = 0; sides < b->symbols * 2; sides++)
		nmw_levels_init(b, sides);
	return b;
}

struct nmw_books *nmw_books_join(void *mem, size_t size)
{
	struct nmw_books *b = mem;
	if ((uintptr_t)mem % LINE || size < NMW_BOOKS_HEAD || b->magic != NMW_BOOKS_MAGIC ||
	    b->version != NMW_BOOKS_VERSION || b->size > size)
		return NULL;
	struct nmw_books_spec spec = {
		.symbols = b->symbols, .orders = b->orders, .window = b->window};
	if (!spec_valid(&spec))
		return NULL;
	/* all but what changes follows from the spec, and indexes the region */
	struct nmw_books want = layout(&spec);
	want.live = b->live;
	want.levels = b->levels;
	want.far_levels = b->far_levels;
	want.free = b->free;
	want.fresh = b->fresh;
	bool same = memcmp(b, &want, sizeof want) == 0 && b->fresh <= b->orders;
	return same ? b : NULL;
}

uint32_t nmw_orders_more(struct nmw_books *b)
{
	uint32_t n = b->orders - b->fresh < MORE ? b->orders - b->fresh : MORE;
	for (uint32_t i = n; i > 0; i--)
		nmw_orders_give(b, b->fresh + i);
	b->fresh += n;
	return n;
}

static bool is_order(const struct nmw_books *b, uint32_t ref)
{
	return ref < b->win_ref;
}

static bool is_hidden(const struct nmw_books *b, uint32_t ref)
{
	return is_order(b, ref) && nmw_order_get(b, nmw_order_of_ref(ref))->rank >= NMW_RANK_HIDDEN;
}

static bool is_head(const struct nmw_books *b, uint32_t ref)
{
	return nmw_queued_get(b, ref)->hidden & NMW_FAR_HEAD;
}

static uint32_t first_of(const struct nmw_books *b, uint32_t level)
{
	return is_order(b, level) ? level : nmw_link_get(b, level)->next;
}

/* The first hidden order of a level whose last one is hidden.  A far level's first order cannot
 * tell: it is the last one only when it is alone. */
static uint32_t first_hidden(const struct nmw_books *b, uint32_t last)
{
	return is_head(b, last) ? last : nmw_queued_get(b, last)->hidden;
}

static void set_hidden(struct nmw_books *b, uint32_t ref, uint32_t first)
{
	if (!is_head(b, ref))
		nmw_queued_at(b, ref)->hidden = first;
}

/* The order of a level behind which one of this rank stands; 0: before all.  Hidden orders are
 * behind all others: the last one knows where they begin. */
static uint32_t behind(const struct nmw_books *b, uint32_t level, uint64_t rank)
{
	uint32_t ref = nmw_link_get(b, level)->prev, first = first_of(b, level);
	if (rank < NMW_RANK_HIDDEN && is_hidden(b, ref)) {
		uint32_t hidden = first_hidden(b, ref);
		if (hidden == first)
			return 0;
		ref = nmw_link_get(b, hidden)->prev;
	}
	while (nmw_order_get(b, nmw_order_of_ref(ref))->rank > rank) {
		if (ref == first)
			return 0;
		ref = nmw_link_get(b, ref)->prev;
	}
	return ref;
}

/* It stands in its queue, behind prev (0: first): now the last hidden order must know the first
 * one. */
static void hide(struct nmw_books *b, uint32_t ref, uint32_t prev, uint32_t level)
{
	uint32_t last = nmw_link_get(b, level)->prev;
	bool follows = prev && is_hidden(b, prev);
	if (ref == last) {
		set_hidden(b, ref, follows ? first_hidden(b, prev) : ref);
		return;
	}
	set_hidden(b, ref, ref);
	if (!follows)
		set_hidden(b, last, ref);
}

/* A hidden order left its queue; prev and next still say where it stood. */
static void unhide(struct nmw_books *b, uint32_t ref, uint32_t prev, uint32_t next)
{
	const struct nmw_order *o = nmw_order_get(b, nmw_order_of_ref(ref));
	bool first = !is_hidden(b, prev), last = !is_order(b, next) || is_head(b, next);
	if (first && !last) {
		uint32_t level = nmw_levels_find(b, nmw_levels_at(b, o->sides), o->px);
		set_hidden(b, nmw_link_get(b, level)->prev, next);
	} else if (last && !first) {
		set_hidden(b, prev, nmw_queued_get(b, ref)->hidden);
	}
}

void nmw_book_unlinked(struct nmw_books *b, uint32_t ref, uint32_t prev, uint32_t next)
{
	nmw_oid id = nmw_order_of_ref(ref);
	if (is_head(b, ref))
		nmw_levels_far_leave(b, nmw_levels_at(b, nmw_order_get(b, id)->sides), id,
				     nmw_order_of_ref(next));
	else
		unhide(b, ref, prev, next);
}

/* To the other orders of its level. Returns what the level is called by then. */
static uint32_t rest_between(struct nmw_books *b, struct nmw_levels *s, uint32_t ref,
			     uint32_t level)
{
	uint64_t rank = nmw_order_get(b, nmw_order_of_ref(ref))->rank;
	uint32_t prev = behind(b, level, rank);
	/* before the first: behind the sentinel, or in a ring behind the last */
	uint32_t at = prev ? prev : is_order(b, level) ? nmw_link_get(b, level)->prev : level;
	nmw_book_queue_between(b, ref, at, nmw_link_get(b, at)->next);
	if (!prev && is_order(b, level)) {
		nmw_levels_far_lead(b, s, nmw_order_of_ref(level), nmw_order_of_ref(ref));
		level = ref;
	}
	if (rank >= NMW_RANK_HIDDEN)
		hide(b, ref, prev, level);
	return level;
}

static void rest_window(struct nmw_books *b, struct nmw_levels *s, uint32_t ref, uint32_t level)
{
	const struct nmw_order *o = nmw_order_get(b, nmw_order_of_ref(ref));
	uint32_t last = nmw_link_get(b, level)->prev;
	if (last != 0 && last != level) {
		rest_between(b, s, ref, level);
		return;
	}
	nmw_book_queue_first(b, ref, level);
	nmw_levels_filled(b, s, o->sides, level);
	nmw_levels_better(s, nmw_key_of(s, o->px), level);
	if (o->rank >= NMW_RANK_HIDDEN)
		hide(b, ref, 0, level);
}

static void raise_top(struct nmw_levels *s, uint64_t rank)
{
	if (rank >= NMW_RANK_HIDDEN)
		s->rank_top = INT64_MAX;
	else if ((int64_t)rank > s->rank_top)
		s->rank_top = (int64_t)rank;
}

void nmw_book_rest_other(struct nmw_books *b, nmw_oid id)
{
	const struct nmw_order *o = nmw_order_get(b, id);
	struct nmw_levels *s = nmw_levels_at(b, o->sides);
	uint32_t level, ref = nmw_order_ref(id);
	raise_top(s, o->rank);
	if (nmw_levels_slot(b, s, o->px, &level)) {
		rest_window(b, s, ref, level);
		return;
	}
	level = nmw_levels_find(b, s, o->px);
	if (level)
		rest_between(b, s, ref, level);
	else
		nmw_levels_far_new(b, s, id);
	nmw_levels_missed(b, s);
}

nmw_oid nmw_book_walk(const struct nmw_books *b, uint32_t sym, uint32_t side, nmw_oid id)
{
	const struct nmw_levels *s = nmw_levels_get(b, sym * 2 + side);
	uint32_t key;
	if (!id)
		return nmw_order_of_ref(nmw_link_get(b, s->best_ref)->next);
	uint32_t next = nmw_link_get(b, nmw_order_ref(id))->next;
	if (is_order(b, next) && !is_head(b, next))
		return nmw_order_of_ref(next);
	uint32_t px = nmw_order_get(b, id)->px;
	uint32_t level = nmw_levels_from(b, s, nmw_key_of(s, px) + 1, &key);
	return level ? nmw_order_of_ref(first_of(b, level)) : 0;
}

uint64_t nmw_book_available(const struct nmw_books *b, uint32_t sym, uint32_t side, uint32_t limit,
			    uint64_t enough, uint32_t skip_owner)
{
	const struct nmw_levels *s = nmw_levels_get(b, sym * 2 + (side ^ 1));
	uint32_t worst = nmw_key_of(s, limit), key;
	uint32_t level = nmw_levels_from(b, s, s->best, &key);
	uint64_t sum = 0;
	while (level && key <= worst) {
		uint32_t ref = first_of(b, level);
		do {
			uint32_t owner = nmw_order_get(b, nmw_order_of_ref(ref))->owner;
			bool skip = skip_owner && owner == skip_owner;
			sum += skip ? 0 : nmw_queued_get(b, ref)->qty;
			ref = nmw_link_get(b, ref)->next;
		} while (ref != level && sum < enough);
		if (sum >= enough)
			return enough;
		level = nmw_levels_from(b, s, key + 1, &key);
	}
	return sum;
}

void nmw_books_stat(const struct nmw_books *b, struct nmw_books_stat *out)
{
	*out = (struct nmw_books_stat){
		.live = b->live, .levels = b->levels, .far_levels = b->far_levels};
}

/* ---- the check ---- */

struct check {
	const struct nmw_books *b;
	char *why;
	size_t cap;
	uint32_t sym, side;
	uint64_t live, levels, far_levels;
};

__attribute__((format(printf, 2, 3))) static int wrong(struct check *c, const char *fmt, ...)
{
	int n = snprintf(c->why, c->cap, "symbol %u side %u: ", c->sym, c->side);
	if (n >= 0 && (size_t)n < c->cap) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(c->why + n, c->cap - (size_t)n, fmt, ap);
		va_end(ap);
	}
	return -1;
}

static int check_queue(struct check *c, uint32_t level, uint32_t px)
{
	const struct nmw_books *b = c->b;
	uint32_t ref = first_of(b, level), before = nmw_link_get(b, level)->prev;
	uint32_t hidden = 0;
	uint64_t rank = 0;
	bool far = ref == level;
	if (!far)
		before = level;
	else if (!is_order(b, level))
		return wrong(c, "level %u is on the book and has no order", px);
	do {
		if (!is_order(b, ref) || nmw_order_of_ref(ref) > b->fresh)
			return wrong(c, "level %u: reference %u is no order", px, ref);
		const struct nmw_order *o = nmw_order_get(b, nmw_order_of_ref(ref));
		if (nmw_link_get(b, ref)->prev != before)
			return wrong(c, "order %u: the one before is %u, not %u", ref,
				     nmw_link_get(b, ref)->prev, before);
		if (!nmw_queued_get(b, ref)->qty)
			return wrong(c, "order %u: no shares left", ref);
		if (o->px != px || o->sides != c->sym * 2 + c->side)
			return wrong(c, "order %u: is of symbol %u side %u price %u, not %u", ref,
				     o->sides / 2, o->sides & 1, o->px, px);
		if (o->rank < rank)
			return wrong(c, "order %u: its rank is under that of the one before", ref);
		rank = o->rank;
		if (is_head(b, ref) != (far && ref == level))
			return wrong(c, "order %u: is first by one of place and mark only", ref);
		if (!is_head(b, ref) && is_hidden(b, ref) != (nmw_queued_get(b, ref)->hidden != 0))
			return wrong(c, "order %u: is hidden by one of rank and mark only", ref);
		if (!hidden && is_hidden(b, ref))
			hidden = ref;
		if (++c->live > b->live)
			return wrong(c, "more orders than %llu", (unsigned long long)b->live);
		before = ref;
		ref = nmw_link_get(b, ref)->next;
	} while (ref != level);
	if (nmw_link_get(b, level)->prev != before)
		return wrong(c, "level %u: the last order is not the last", px);
	if (!is_head(b, before) && hidden != nmw_queued_get(b, before)->hidden)
		return wrong(c, "level %u: its hidden orders begin at %u, not %u", px, hidden,
			     nmw_queued_get(b, before)->hidden);
	return 0;
}

/* A far level that the window has room for would be found by no order. */
static int check_place(struct check *c, const struct nmw_levels *s, uint32_t level, uint32_t px)
{
	uint32_t slot;
	bool near = nmw_levels_slot(c->b, s, px, &slot);
	if (near ? slot != level : nmw_levels_find(c->b, s, px) != level)
		return wrong(c, "level %u: is at %u, belongs to %u", px, level, slot);
	c->far_levels += !near;
	c->levels++;
	return 0;
}

/* Each bit of the summary is that of a word, over and over again. */
static int check_summary(struct check *c, const uint64_t *word, uint32_t words, uint64_t sum)
{
	for (uint32_t i = 0; words && i < NMW_BITMAP_WORDS; i++)
		if ((word[i % words] != 0) != (sum >> i & 1))
			return wrong(c, "bitmap word %u is not as its summary", i);
	return 0;
}

static int check_words(struct check *c, const struct nmw_levels *s)
{
	const struct nmw_books *b = c->b;
	uint32_t words = b->window / 64, sides = c->sym * 2 + c->side;
	const uint64_t *word = nmw_levels_bits(b, sides), *second = nmw_levels_bits2(b, sides);
	if (!nmw_levels_wide(b))
		return check_summary(c, word, words, s->sum);
	for (uint32_t i = 0; i < words; i++)
		if ((word[i] != 0) != nmw_bitmap_test(second, i))
			return wrong(c, "bitmap word %u is not as in the second bitmap", i);
	return check_summary(c, second, words / 64, s->sum);
}

static int check_bitmap(struct check *c, const struct nmw_levels *s)
{
	const struct nmw_books *b = c->b;
	const uint64_t *word = nmw_levels_bits(b, c->sym * 2 + c->side);
	if (check_words(c, s))
		return -1;
	for (uint32_t slot = 0; slot < b->window; slot++) {
		const struct nmw_link *l = nmw_link_get(b, s->win + slot);
		int filled = l->next != 0 && l->next != s->win + slot;
		if (filled != nmw_bitmap_test(word, slot))
			return wrong(c, "slot %u and its bit differ", slot);
	}
	return 0;
}

static int check_side(struct check *c)
{
	const struct nmw_books *b = c->b;
	const struct nmw_levels *s = nmw_levels_get(b, c->sym * 2 + c->side);
	uint32_t key = NMW_KEY_NONE, level = nmw_levels_from(b, s, 0, &key);
	uint64_t levels = c->levels, in_window = 0;
	uint32_t best_ref = level && !is_order(b, level) ? level : nmw_levels_front(b, s);
	if (best_ref != s->best_ref || (level ? key : NMW_KEY_NONE) != s->best)
		return wrong(c, "best is key %u, not %u", level ? key : NMW_KEY_NONE, s->best);
	if (check_bitmap(c, s))
		return -1;
	for (; level; level = nmw_levels_from(b, s, key + 1, &key)) {
		uint32_t px = nmw_key_px(s, key);
		if (check_place(c, s, level, px) || check_queue(c, level, px))
			return -1;
		in_window += level >= b->win_ref;
		if (c->levels - levels > b->levels)
			return wrong(c, "more levels than %llu", (unsigned long long)b->levels);
	}
	for (uint32_t i = 0; i < b->window / 64; i++)
		in_window -=
			(uint64_t)__builtin_popcountll(nmw_levels_bits(b, c->sym * 2 + c->side)[i]);
	return in_window ? wrong(c, "levels of the window are not all reached") : 0;
}

static int check_pool(struct check *c)
{
	const struct nmw_books *b = c->b;
	uint64_t n = 0, linked = 0;
	for (uint32_t ref = b->free; ref; ref = nmw_link_get(b, ref)->next)
		if (nmw_order_of_ref(ref) > b->fresh || nmw_link_get(b, ref)->prev ||
		    ++n > b->fresh)
			return wrong(c, "the chain of free orders is broken at %u", ref);
	for (nmw_oid id = 1; id <= b->fresh; id++)
		linked += nmw_book_linked(b, id);
	if (linked != b->live || linked + n > b->fresh)
		return wrong(c, "%llu orders linked, %llu free, of %u that were taken, %llu live",
			     (unsigned long long)linked, (unsigned long long)n, b->fresh,
			     (unsigned long long)b->live);
	return 0;
}

int nmw_books_check(const struct nmw_books *b, char *why, size_t cap)
{
	struct check c = {.b = b, .why = why, .cap = cap};
	for (c.sym = 0; c.sym < b->symbols; c.sym++)
		for (c.side = 0; c.side < 2; c.side++)
			if (check_side(&c))
				return -1;
	c.sym = c.side = 0;
	if (c.live != b->live || c.levels != b->levels || c.far_levels != b->far_levels)
		return wrong(&c, "counts of orders, levels or far levels are wrong");
	return check_pool(&c);
}
