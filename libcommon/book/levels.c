#include "book/levels.h"

/* Steps that markets use, in ticks, coarsest first. */
static const uint32_t steps[] = {10000, 5000, 2500, 1000, 500, 250, 200, 100,
				 50,	25,   20,   10,	  5,   4,   2,	 1};
#define STEPS (sizeof steps / sizeof steps[0])

enum {
	SAMPLE = 128,	    /* levels looked at before the window moves */
	SAMPLE_MIN = 16,    /* with fewer, a step over STEP_FIRST is not believed */
	STEP_FIRST = 100,   /* ticks */
	MARKET_DEPTH = 8,   /* levels: a few lone better ones do not draw the window to them */
	REVIEW_EVERY = 256, /* misses */
	TURN = 8 * 37,	    /* ticks from one side's turn to the next: lines, an odd number */
};

static void set_step(struct nmw_levels *s, uint32_t step)
{
	s->step = step;
	s->recip = nmw_levels_recip(step);
}

void nmw_levels_init(struct nmw_books *b, uint32_t sides)
{
	struct nmw_levels *s = nmw_levels_at(b, sides);
	s->best = s->far_best = NMW_KEY_NONE;
	s->mirror = sides & 1 ? 0 : UINT32_MAX;
	s->win = b->win_ref + sides * b->window;
	s->turn = (uint16_t)(sides * TURN & b->window_mask);
	s->best_ref = nmw_levels_front(b, s);
	set_step(s, 1);
}

static bool is_hidden(const struct nmw_books *b, nmw_oid id)
{
	return nmw_order_get(b, id)->rank >= NMW_RANK_HIDDEN;
}

static void far_put(struct nmw_books *b, struct nmw_levels *s, nmw_oid id, uint32_t key)
{
	nmw_far_insert(b, s, id);
	b->levels++;
	b->far_levels++;
	if (key < s->far_best) {
		s->far_best = key;
		s->far_best_ref = nmw_order_ref(id);
	}
}

static void far_take(struct nmw_books *b, struct nmw_levels *s, nmw_oid id)
{
	nmw_far_remove(b, s, id);
	b->levels--;
	b->far_levels--;
	if (s->far_best_ref != nmw_order_ref(id))
		return;
	nmw_oid first = nmw_far_first(b, s, s->far_best);
	s->far_best = first ? nmw_key_of(s, nmw_order_get(b, first)->px) : NMW_KEY_NONE;
	s->far_best_ref = nmw_order_ref(first);
}

void nmw_levels_far_new(struct nmw_books *b, struct nmw_levels *s, nmw_oid id)
{
	uint32_t ref = nmw_order_ref(id), key = nmw_key_of(s, nmw_order_get(b, id)->px);
	*nmw_link_at(b, ref) = (struct nmw_link){.next = ref, .prev = ref};
	far_put(b, s, id, key);
	nmw_levels_better(s, key, nmw_levels_front(b, s));
}

static void far_replace(struct nmw_books *b, struct nmw_levels *s, nmw_oid id, nmw_oid by)
{
	nmw_far_replace(b, s, id, by);
	if (s->far_best_ref == nmw_order_ref(id))
		s->far_best_ref = nmw_order_ref(by);
}

void nmw_levels_far_lead(struct nmw_books *b, struct nmw_levels *s, nmw_oid first, nmw_oid id)
{
	far_replace(b, s, first, id);
	if (is_hidden(b, first))
		nmw_queued_at(b, nmw_order_ref(first))->hidden = nmw_order_ref(first);
}

static uint32_t window_first(const struct nmw_books *b, const struct nmw_levels *s)
{
	uint32_t slot = nmw_levels_turned(b, s, s->base);
	return nmw_levels_next(b, s, nmw_levels_sides(b, s), slot);
}

uint32_t nmw_levels_find(const struct nmw_books *b, const struct nmw_levels *s, uint32_t px)
{
	uint32_t level;
	if (nmw_levels_slot(b, s, px, &level))
		return level;
	return nmw_order_ref(nmw_far_find(b, s, nmw_key_of(s, px)));
}

void nmw_levels_far_leave(struct nmw_books *b, struct nmw_levels *s, nmw_oid id, nmw_oid next)
{
	if (next == id) {
		far_take(b, s, id);
		if (s->best_ref == nmw_levels_front(b, s))
			nmw_levels_pick(b, s, window_first(b, s));
		return;
	}
	uint32_t last = nmw_link_get(b, nmw_order_ref(next))->prev;
	if (is_hidden(b, id)) /* and so are all the others: the last one knows the first */
		nmw_queued_at(b, last)->hidden = nmw_order_ref(next);
	far_replace(b, s, id, next);
}

/* The window's first level at or over a key: its slot, or NONE. */
static uint32_t window_from(const struct nmw_books *b, const struct nmw_levels *s, uint32_t from)
{
	uint32_t px = nmw_key_px(s, from);
	uint32_t grid = nmw_levels_grid(s, px);
	uint32_t pos = grid ^ s->mirror;
	if (!s->mirror && grid * s->step != px && ++pos == 0)
		return NMW_BITMAP_NONE; /* the next price on the grid, upwards */
	if (pos < s->base)
		pos = s->base;
	if (pos - s->base >= b->window)
		return NMW_BITMAP_NONE;
	uint32_t mask = b->window - 1;
	uint32_t slot = nmw_levels_next(b, s, nmw_levels_sides(b, s), nmw_levels_turned(b, s, pos));
	uint32_t first = nmw_levels_turned(b, s, s->base);
	if (slot == NMW_BITMAP_NONE || ((slot - first) & mask) < pos - s->base)
		return NMW_BITMAP_NONE; /* went round */
	return slot;
}

uint32_t nmw_levels_from(const struct nmw_books *b, const struct nmw_levels *s, uint32_t from,
			 uint32_t *key)
{
	if (from == NMW_KEY_NONE)
		return 0;
	nmw_oid far = s->far_root ? nmw_far_first(b, s, from) : 0;
	uint32_t far_key = far ? nmw_key_of(s, nmw_order_get(b, far)->px) : NMW_KEY_NONE;
	uint32_t slot = window_from(b, s, from);
	*key = slot == NMW_BITMAP_NONE ? NMW_KEY_NONE : nmw_levels_key(b, s, slot);
	if (*key <= far_key)
		return slot == NMW_BITMAP_NONE ? 0 : s->win + slot;
	*key = far_key;
	return nmw_order_ref(far);
}

/* ---- moving the window ---- */

/* Its orders become a ring. */
static void to_far(struct nmw_books *b, struct nmw_levels *s, uint32_t level, uint32_t key)
{
	struct nmw_link *l = nmw_link_at(b, level);
	uint32_t first = l->next, last = l->prev;
	nmw_link_at(b, first)->prev = last;
	nmw_link_at(b, last)->next = first;
	l->next = l->prev = level;
	far_put(b, s, nmw_order_of_ref(first), key);
	if (s->best_ref == level)
		s->best_ref = nmw_levels_front(b, s);
}

static void to_window(struct nmw_books *b, struct nmw_levels *s, nmw_oid id, uint32_t level)
{
	uint32_t first = nmw_order_ref(id), last = nmw_link_get(b, first)->prev;
	uint32_t key = nmw_key_of(s, nmw_order_get(b, id)->px);
	far_take(b, s, id);
	*nmw_link_at(b, level) = (struct nmw_link){.next = first, .prev = last};
	nmw_link_at(b, first)->prev = level;
	nmw_link_at(b, last)->next = level;
	if (is_hidden(b, id))
		nmw_queued_at(b, first)->hidden = first;
	nmw_levels_filled(b, s, nmw_levels_sides(b, s), level);
	if (s->best == key)
		s->best_ref = level;
}

/* Levels that the new window will not have go to the far tree. */
static void evict(struct nmw_books *b, struct nmw_levels *s, uint32_t step, uint32_t base)
{
	uint32_t sides = nmw_levels_sides(b, s);
	uint32_t first = nmw_levels_turned(b, s, s->base), at = 0; /* positions from base */
	while (at < b->window) {
		uint32_t slot = nmw_levels_next(b, s, sides, (first + at) & b->window_mask);
		uint32_t next = (slot - first) & b->window_mask;
		if (slot == NMW_BITMAP_NONE || next < at)
			return; /* went round */
		at = next + 1;
		uint32_t pos = s->base + next;
		if (step == s->step && pos >= base && pos - base < b->window)
			continue;
		to_far(b, s, s->win + slot, nmw_key_of(s, (pos ^ s->mirror) * s->step));
		nmw_levels_clear(b, s, sides, slot);
		b->levels--; /* counted again as a far one */
	}
}

/* Far levels in the window and on its grid come into it. */
static void admit(struct nmw_books *b, struct nmw_levels *s)
{
	uint32_t first = (s->mirror ? s->base ^ UINT32_MAX : s->base);
	uint64_t px = (uint64_t)first * s->step; /* of the window's best end */
	if (px > UINT32_MAX - 1)
		px = UINT32_MAX - 1;
	nmw_oid id = nmw_far_first(b, s, nmw_key_of(s, (uint32_t)px));
	while (id) {
		uint32_t level_px = nmw_order_get(b, id)->px, level;
		uint32_t pos = nmw_levels_grid(s, level_px) ^ s->mirror;
		if (pos >= s->base && pos - s->base >= b->window)
			return;
		if (nmw_levels_slot(b, s, level_px, &level))
			to_window(b, s, id, level);
		id = nmw_far_first(b, s, nmw_key_of(s, level_px) + 1);
	}
}

static void move_window(struct nmw_books *b, struct nmw_levels *s, uint32_t step, uint32_t base)
{
	evict(b, s, step, base);
	set_step(s, step);
	s->base = base;
	admit(b, s);
}

/* What the levels next to the market say about grid and middle. */
struct sample {
	uint32_t n;
	uint32_t middle; /* price of the level at MARKET_DEPTH, or of the last */
	uint32_t px[SAMPLE];
};

static void take_sample(const struct nmw_books *b, const struct nmw_levels *s, struct sample *m)
{
	uint32_t key = s->best;
	m->n = m->middle = 0;
	while (m->n < SAMPLE && nmw_levels_from(b, s, key, &key)) {
		uint32_t px = nmw_key_px(s, key++);
		if (m->n < MARKET_DEPTH)
			m->middle = px;
		m->px[m->n++] = px;
	}
}

/* The coarsest step that 7 of 8 levels lie on. */
static uint32_t choose_step(const struct sample *m)
{
	for (uint32_t i = 0; i < STEPS; i++) {
		uint32_t on = 0;
		if (steps[i] > STEP_FIRST && m->n < SAMPLE_MIN)
			continue;
		for (uint32_t j = 0; j < m->n; j++)
			on += m->px[j] % steps[i] == 0;
		if (on >= m->n - m->n / 8)
			return steps[i];
	}
	return 1;
}

/* A quarter of the window on the better side of the market's middle. */
static uint32_t choose_base(const struct nmw_books *b, const struct nmw_levels *s, uint32_t step,
			    uint32_t middle)
{
	uint32_t pos = (middle / step) ^ s->mirror;
	uint32_t lead = b->window / 4;
	uint32_t base = pos < lead ? 0 : pos - lead;
	uint32_t last = UINT32_MAX - b->window + 1;
	return base < last ? base : last;
}

static void review(struct nmw_books *b, struct nmw_levels *s)
{
	struct sample m;
	take_sample(b, s, &m);
	uint32_t step = choose_step(&m);
	uint32_t base = choose_base(b, s, step, m.middle);
	uint32_t off = base > s->base ? base - s->base : s->base - base;
	if (step != s->step || off > b->window / 8)
		move_window(b, s, step, base);
}

void nmw_levels_missed(struct nmw_books *b, struct nmw_levels *s)
{
	uint32_t n = ++s->missed; /* after 65,535 from 0 */
	if (n % REVIEW_EVERY == 0 || (n < REVIEW_EVERY && (n & (n - 1)) == 0))
		review(b, s);
}
