#include "book/book.h"
#include "base/rng.h"
#include "naive_book.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* Random commands go to the books and to the naive ones; every fill is compared, the whole state
 * now and then, and now and then the region moves to another address.  NMW_SEED sets the seed. */

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW 5u
#endif
#elif defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SLOW 5u
#endif
#ifndef SLOW
#define SLOW 1u /* how many times fewer commands under a sanitizer */
#endif

#define SYMBOLS_MAX 5u
#define OWNERS	    4u

/* How a run draws its prices. */
enum prices { WALK, PENNY, WIDE, JUMPS, ENDS };

struct run {
	/* what to do */
	struct nmw_books_spec spec;
	enum prices prices;
	uint32_t commands;
	uint32_t target; /* live orders around which it goes */
	/* how it stands */
	struct nmw_rng rng;
	struct nmw_books *b;
	void *mem;
	size_t size;
	struct naive_book naive[SYMBOLS_MAX];
	nmw_oid *live;
	uint32_t *place; /* of a handle in live */
	uint32_t n_live;
	uint32_t name;
	uint64_t rank;
	uint32_t middle;
	uint64_t fills, full, stops, moved;
};

static uint64_t seed_of_run(void)
{
	const char *s = getenv("NMW_SEED");
	return s ? strtoull(s, NULL, 0) : 20260105;
}

static void *region(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) / 64 * 64);
	ck_assert_ptr_nonnull(p);
	memset(p, 0, size);
	return p;
}

static uint32_t below(struct run *r, uint32_t n)
{
	return (uint32_t)nmw_rng_below(&r->rng, n);
}

static bool one_in(struct run *r, uint32_t n)
{
	return below(r, n) == 0;
}

static uint32_t *name_of(struct run *r, nmw_oid id)
{
	return nmw_book_user(r->b, id);
}

static void open_run(struct run *r, uint64_t seed)
{
	nmw_rng_seed(&r->rng, seed);
	r->size = nmw_books_footprint(&r->spec);
	ck_assert_uint_gt(r->size, 0);
	r->mem = region(r->size);
	r->b = nmw_books_init(r->mem, &r->spec);
	r->live = calloc(r->spec.orders, sizeof *r->live);
	r->place = calloc(r->spec.orders + 1, sizeof *r->place);
	ck_assert(r->live && r->place);
	for (uint32_t i = 0; i < r->spec.symbols; i++)
		naive_book_init(&r->naive[i]);
	r->middle = r->prices == PENNY ? 16500 : 100000;
}

static void close_run(struct run *r)
{
	for (uint32_t i = 0; i < r->spec.symbols; i++)
		naive_book_free(&r->naive[i]);
	free(r->live);
	free(r->place);
	free(r->mem);
}

static uint32_t spread(struct run *r, uint32_t of)
{
	return r->middle + below(r, of) - of / 2;
}

static uint32_t draw_price(struct run *r)
{
	if (one_in(r, 300))
		return (uint32_t)nmw_rng_below(&r->rng, (uint64_t)NMW_TICK_MAX + 1);
	switch (r->prices) {
	case WALK:
		if (one_in(r, 20))
			r->middle += below(r, 41) - 20;
		return spread(r, one_in(r, 8) ? 4000 : 60);
	case PENNY: /* cents in 1/10,000, now and then off the grid */
		if (one_in(r, 100))
			r->middle += below(r, 11) - 5;
		return spread(r, 120) * 100 + (one_in(r, 25) ? below(r, 100) : 0);
	case WIDE:
		return spread(r, 150000);
	case JUMPS:
		if (one_in(r, 3000))
			r->middle = 5000 + below(r, 4000000);
		return spread(r, 100);
	case ENDS:
		return one_in(r, 2) ? below(r, 90) : NMW_TICK_MAX - below(r, 90);
	}
	return 0;
}

static uint64_t draw_rank(struct run *r)
{
	uint64_t last = ++r->rank;
	if (one_in(r, 50))
		return last | UINT64_C(1) << 63;
	if (one_in(r, 20))
		return last - nmw_rng_below(&r->rng, last < 500 ? last : 500);
	return one_in(r, 20) ? last - 1 : last;
}

static void forget(struct run *r, nmw_oid id)
{
	uint32_t at = r->place[id];
	ck_assert_uint_eq(r->live[at], id);
	r->live[at] = r->live[--r->n_live];
	r->place[r->live[at]] = at;
}

/* Matches in both and compares. Returns the maker at which both stopped. */
static nmw_oid match_some(struct run *r, struct nmw_taker *t, unsigned max, unsigned *n)
{
	struct nmw_fill f[8];
	struct naive_fill want[8];
	uint32_t qty = t->qty, stop;
	bool crosses = nmw_book_crosses(r->b, t->sym, t->side, t->limit);
	int64_t best = nmw_book_best(r->b, t->sym, 1 - t->side);
	ck_assert(crosses ==
		  (best >= 0 && (t->side == NMW_BUY ? best <= t->limit : best >= t->limit)));
	*n = nmw_book_match(r->b, t, f, max);
	size_t n_want = naive_book_match(&r->naive[t->sym], t->side, t->limit, &qty, t->owner, want,
					 max, &stop);
	ck_assert_uint_eq(*n, n_want);
	ck_assert_uint_eq(t->qty, qty);
	ck_assert(crosses || *n == 0);
	for (unsigned i = 0; i < *n; i++) {
		ck_assert_uint_eq(*name_of(r, f[i].maker), want[i].name);
		ck_assert_uint_eq(f[i].qty, want[i].qty);
		ck_assert_uint_eq(f[i].px, want[i].px);
		ck_assert_uint_eq(f[i].maker_left, want[i].left);
		if (!f[i].maker_left) {
			forget(r, f[i].maker);
			nmw_book_free(r->b, f[i].maker);
		}
	}
	r->fills += *n;
	ck_assert_uint_eq(t->self ? *name_of(r, t->self) : 0, stop);
	return t->self;
}

static void cancel(struct run *r, nmw_oid id)
{
	struct nmw_book_order o;
	nmw_book_order(r->b, id, &o);
	ck_assert(o.linked);
	naive_book_remove(&r->naive[o.sym], o.side, *name_of(r, id));
	nmw_book_unlink(r->b, id);
	nmw_book_order(r->b, id, &o);
	ck_assert(!o.linked);
	forget(r, id);
	nmw_book_free(r->b, id);
}

static void rest(struct run *r, const struct nmw_taker *t)
{
	nmw_oid id = nmw_book_alloc(r->b);
	ck_assert_int_eq(id == 0, r->n_live == r->spec.orders);
	if (!id) {
		r->full++;
		return;
	}
	struct naive_order o = {.name = ++r->name,
				.px = t->limit,
				.qty = t->qty,
				.owner = t->owner,
				.rank = draw_rank(r)};
	*name_of(r, id) = o.name;
	nmw_book_prefetch_last(r->b, nmw_book_prefetch_level(r->b, t->sym, t->side, t->limit));
	nmw_book_prefetch_first(r->b, nmw_book_prefetch_best(r->b, t->sym, t->side));
	nmw_book_rest(r->b, id, t->sym, t->side, t->limit, t->qty, o.rank, t->owner);
	naive_book_add(&r->naive[t->sym], t->side, &o);
	r->place[id] = r->n_live;
	r->live[r->n_live++] = id;
}

static void enter(struct run *r)
{
	struct nmw_taker t = {.sym = below(r, r->spec.symbols),
			      .side = below(r, 2),
			      .limit = draw_price(r),
			      .qty = 1 + below(r, one_in(r, 10) ? 2000 : 100),
			      .owner = one_in(r, 3) ? 1 + below(r, OWNERS) : 0};
	bool market = one_in(r, 40), rests = !market && !one_in(r, 12);
	if (market)
		t.limit = t.side == NMW_BUY ? NMW_TICK_MAX : 0;
	uint64_t enough = 1 + below(r, 3000);
	ck_assert_uint_eq(nmw_book_available(r->b, t.sym, t.side, t.limit, enough, t.owner),
			  naive_book_available(&r->naive[t.sym], t.side, t.limit, enough, t.owner));
	unsigned n = 0, max = 1 + below(r, 8);
	while (!one_in(r, 60)) { /* else: it rests though it crosses, as in a halt */
		nmw_oid own = match_some(r, &t, max, &n);
		if (own) {
			r->stops++;
			if (one_in(r, 2))
				return; /* the taker goes */
			cancel(r, own);
		} else if (n < max) {
			break;
		}
	}
	if (rests && t.qty)
		rest(r, &t);
}

static void reduce(struct run *r, nmw_oid id)
{
	struct nmw_book_order o;
	nmw_book_order(r->b, id, &o);
	uint32_t qty = 1 + below(r, o.qty);
	nmw_book_reduce(r->b, id, qty);
	naive_book_reduce(&r->naive[o.sym], o.side, *name_of(r, id), qty);
}

static void compare_side(struct run *r, uint32_t sym, uint32_t side)
{
	const struct naive_side *s = &r->naive[sym].side[side];
	nmw_oid id = 0;
	int64_t best = s->n ? (int64_t)s->o[0].px : -1;
	ck_assert_int_eq(nmw_book_best(r->b, sym, side), best);
	for (size_t i = 0; i < s->n; i++) {
		struct nmw_book_order o;
		id = nmw_book_walk(r->b, sym, side, id);
		ck_assert_uint_ne(id, 0);
		nmw_book_order(r->b, id, &o);
		ck_assert_uint_eq(*name_of(r, id), s->o[i].name);
		ck_assert_uint_eq(o.px, s->o[i].px);
		ck_assert_uint_eq(o.qty, s->o[i].qty);
		ck_assert_uint_eq(o.owner, s->o[i].owner);
		ck_assert_uint_eq(o.rank, s->o[i].rank);
		ck_assert_uint_eq(o.sym, sym);
		ck_assert_uint_eq(o.side, side);
	}
	ck_assert_uint_eq(nmw_book_walk(r->b, sym, side, id), 0);
}

static void compare(struct run *r)
{
	char why[256];
	if (nmw_books_check(r->b, why, sizeof why))
		ck_abort_msg("%s", why);
	struct nmw_books_stat st;
	nmw_books_stat(r->b, &st);
	ck_assert_uint_eq(st.live, r->n_live);
	for (uint32_t sym = 0; sym < r->spec.symbols; sym++) {
		compare_side(r, sym, NMW_BUY);
		compare_side(r, sym, NMW_SELL);
	}
}

static void move(struct run *r)
{
	void *to = region(r->size);
	memcpy(to, r->mem, r->size);
	memset(r->mem, 0xEE, r->size);
	free(r->mem);
	r->mem = to;
	r->b = nmw_books_join(to, r->size);
	ck_assert_ptr_nonnull(r->b);
	r->moved++;
}

static void step(struct run *r)
{
	uint32_t adds = r->n_live < r->target ? 60 : 48;
	if (!r->n_live || below(r, 100) < adds)
		enter(r);
	else if (one_in(r, 6))
		reduce(r, r->live[below(r, r->n_live)]);
	else
		cancel(r, r->live[below(r, r->n_live)]);
}

static void play(struct run r)
{
	uint64_t seed = seed_of_run();
	open_run(&r, seed);
	r.commands /= SLOW;
	for (uint32_t i = 1; i <= r.commands; i++) {
		step(&r);
		if (i % 997 == 0)
			compare(&r);
		if (i % 4999 == 0)
			move(&r);
	}
	compare(&r);
	printf("seed %llu: %u commands, %llu fills, %llu stopped at an own order, %llu times the "
	       "pool was empty, moved %llu times\n",
	       (unsigned long long)seed, r.commands, (unsigned long long)r.fills,
	       (unsigned long long)r.stops, (unsigned long long)r.full,
	       (unsigned long long)r.moved);
	ck_assert_uint_gt(r.fills, r.commands / 50);
	close_run(&r);
}

START_TEST(walking_market)
{
	play((struct run){.spec = {.symbols = 5, .orders = 4000, .window = 1024},
			  .prices = WALK,
			  .target = 1500,
			  .commands = 350000});
}
END_TEST

START_TEST(smallest_window)
{
	play((struct run){.spec = {.symbols = 2, .orders = 1000, .window = 64},
			  .prices = WALK,
			  .target = 600,
			  .commands = 200000});
}
END_TEST

START_TEST(penny_grid)
{
	play((struct run){.spec = {.symbols = 3, .orders = 2000, .window = 128},
			  .prices = PENNY,
			  .target = 900,
			  .commands = 200000});
}
END_TEST

START_TEST(wide_prices)
{
	play((struct run){.spec = {.symbols = 2, .orders = 3000},
			  .prices = WIDE,
			  .target = 700,
			  .commands = 100000});
}
END_TEST

START_TEST(jumping_market)
{
	play((struct run){.spec = {.symbols = 3, .orders = 2000, .window = 256},
			  .prices = JUMPS,
			  .target = 600,
			  .commands = 150000});
}
END_TEST

START_TEST(ends_of_the_range)
{
	play((struct run){.spec = {.symbols = 2, .orders = 400, .window = 64},
			  .prices = ENDS,
			  .target = 200,
			  .commands = 100000});
}
END_TEST

START_TEST(empty_pool)
{
	play((struct run){.spec = {.symbols = 2, .orders = 60, .window = 64},
			  .prices = WALK,
			  .target = 200,
			  .commands = 100000});
}
END_TEST

START_TEST(wide_window)
{
	play((struct run){.spec = {.symbols = 2, .orders = 2000, .window = 8192},
			  .prices = JUMPS,
			  .target = 600,
			  .commands = 60000});
}
END_TEST

START_TEST(widest_window)
{
	play((struct run){.spec = {.symbols = 1, .orders = 2000, .window = NMW_BOOK_WINDOW_MAX},
			  .prices = WIDE,
			  .target = 600,
			  .commands = 40000});
}
END_TEST

/* Every price that there is, each order on a level of its own: the far tree is as large as it can
 * become. */
START_TEST(each_order_a_far_level)
{
	enum { ORDERS = 20000 };
	struct nmw_books_spec spec = {.symbols = 1, .orders = ORDERS, .window = 64};
	size_t size = nmw_books_footprint(&spec);
	void *mem = region(size);
	struct nmw_books *b = nmw_books_init(mem, &spec);
	struct nmw_rng rng;
	struct nmw_books_stat st;
	char why[256];
	nmw_rng_seed(&rng, seed_of_run());
	for (uint32_t i = 0; i < ORDERS; i++) {
		nmw_oid id = nmw_book_alloc(b);
		ck_assert_uint_ne(id, 0);
		uint32_t px = (uint32_t)nmw_rng_below(&rng, (uint64_t)NMW_TICK_MAX + 1);
		nmw_book_rest(b, id, 0, i & 1, px, 1, i, 0);
	}
	ck_assert_uint_eq(nmw_book_alloc(b), 0);
	ck_assert_int_eq(nmw_books_check(b, why, sizeof why), 0);
	nmw_books_stat(b, &st);
	ck_assert_uint_gt(st.far_levels, ORDERS - 100);
	struct nmw_taker t = {.side = NMW_SELL, .limit = 0, .qty = UINT32_MAX};
	struct nmw_fill f[64];
	uint32_t last = NMW_TICK_MAX, fills = 0;
	for (unsigned n = 64; n == 64; fills += n) {
		n = nmw_book_match(b, &t, f, 64);
		for (unsigned i = 0; i < n; i++) {
			ck_assert_uint_le(f[i].px, last);
			last = f[i].px;
			nmw_book_free(b, f[i].maker);
		}
	}
	ck_assert_uint_eq(fills, ORDERS / 2);
	ck_assert_int_eq(nmw_book_best(b, 0, NMW_BUY), -1);
	ck_assert_int_eq(nmw_books_check(b, why, sizeof why), 0);
	free(mem);
}
END_TEST

/* A market on the cents comes to lie in the window, whole. */
START_TEST(window_learns_the_grid)
{
	struct nmw_books_spec spec = {.symbols = 1, .orders = 2000, .window = 1024};
	void *mem = region(nmw_books_footprint(&spec));
	struct nmw_books *b = nmw_books_init(mem, &spec);
	struct nmw_books_stat st;
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t cents = i & 1 ? 16324 + i / 2 : 16323 - i / 2;
		nmw_book_rest(b, nmw_book_alloc(b), 0, i & 1, cents * 100, 100, i, 0);
	}
	nmw_books_stat(b, &st);
	ck_assert_uint_eq(st.levels, 1000);
	ck_assert_uint_lt(st.far_levels, 20);
	free(mem);
}
END_TEST

START_TEST(specs_and_regions_refused)
{
	struct nmw_books_spec ok = {.symbols = 1, .orders = 10, .window = 64};
	struct nmw_books_spec s[] = {ok, ok, ok, ok, ok, ok};
	s[0].symbols = 0;
	s[1].symbols = 65536;
	s[2].orders = 0;
	s[3].orders = NMW_BOOK_ORDERS_MAX + 1;
	s[4].window = 96;
	s[5].window = 2 * NMW_BOOK_WINDOW_MAX;
	for (size_t i = 0; i < sizeof s / sizeof s[0]; i++)
		ck_assert_uint_eq(nmw_books_footprint(&s[i]), 0);
	size_t size = nmw_books_footprint(&ok);
	void *mem = region(size);
	ck_assert_ptr_null(nmw_books_join(mem, size));
	struct nmw_books *b = nmw_books_init(mem, &ok);
	ck_assert_ptr_eq(nmw_books_join(mem, size), b);
	ck_assert_ptr_null(nmw_books_join(mem, size - 1));
	b->window_mask ^= 1;
	ck_assert_ptr_null(nmw_books_join(mem, size));
	b->window_mask ^= 1;
	b->bitmaps2_off += 64;
	ck_assert_ptr_null(nmw_books_join(mem, size));
	b->bitmaps2_off -= 64;
	ck_assert_ptr_eq(nmw_books_join(mem, size), b);
	b->version++;
	ck_assert_ptr_null(nmw_books_join(mem, size));
	free(mem);
}
END_TEST

/* 10,000,000 orders with all that can come with them, and 10,000 symbols. */
START_TEST(memory_is_bounded)
{
	struct nmw_books_spec orders = {.symbols = 1, .orders = 10000000};
	ck_assert_uint_lt(nmw_books_footprint(&orders), UINT64_C(1) << 30);
	struct nmw_books_spec symbols = {.symbols = 10000, .orders = 100000};
	ck_assert_uint_lt(nmw_books_footprint(&symbols), UINT64_C(160) << 20);
}
END_TEST

/* The grid that every look-up stands on is the quotient, for the prices next to a step and the last
 * ones. */
START_TEST(grid_is_the_quotient)
{
	for (uint32_t step = 1; step <= 10000; step++) {
		const struct nmw_levels s = {.step = step, .recip = nmw_levels_recip(step)};
		const uint32_t top = NMW_TICK_MAX / step * step;
		const uint32_t px[] = {
			0,	 step - 1, step,	step + 1, 12345 * step - 1, 12345 * step,
			top - 1, top,	   NMW_TICK_MAX};
		for (unsigned i = 0; i < sizeof px / sizeof px[0]; i++)
			ck_assert_uint_eq(nmw_levels_grid(&s, px[i]), px[i] / step);
	}
}
END_TEST

UNIT_MAIN("book", walking_market, smallest_window, penny_grid, wide_prices, jumping_market,
	  ends_of_the_range, wide_window, widest_window, empty_pool, each_order_a_far_level,
	  window_learns_the_grid, grid_is_the_quotient, specs_and_regions_refused,
	  memory_is_bounded)
