#include "base/rng.h"
#include "book/core.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* Commands go to the core, in bursts, and to a list of orders that is searched from end to end; the
 * events must be the same.  NMW_SEED sets the seed. */

#define ORDERS	 300u
#define COMMANDS 30000u
#define SYMBOLS	 3u
#define EVENTS	 (4 * COMMANDS)

static struct nmw_core new_core(uint32_t symbols, uint32_t orders)
{
	struct nmw_books_spec spec = {.symbols = symbols, .orders = orders, .window = 64};
	size_t books = nmw_books_footprint(&spec);
	size_t size = (books + nmw_idmap_footprint(orders) + 63) / 64 * 64;
	char *mem = aligned_alloc(64, size);
	ck_assert_ptr_nonnull(mem);
	memset(mem, 0, size);
	struct nmw_core c = {.b = nmw_books_init(mem, &spec)};
	c.ids = nmw_idmap_init(mem + books, orders, nmw_book_user(c.b, 0), NMW_BOOK_STRIDE);
	return c;
}

/* ---- rule by rule -------------------------------------------------------- */

enum { BUY = NMW_BUY, SELL = NMW_SELL };

struct line {
	struct nmw_core_cmd k;
	struct nmw_core_evt want[4]; /* lo 0: none; oid, cmd and sides are not compared */
};

static void same_event(const struct nmw_core_evt *a, const struct nmw_core_evt *b)
{
	ck_assert_uint_eq(a->kind, b->kind);
	ck_assert_uint_eq(a->reason, b->reason);
	ck_assert_uint_eq(a->lo, b->lo);
	ck_assert_uint_eq(a->px, b->px);
	ck_assert_uint_eq(a->qty, b->qty);
	ck_assert_uint_eq(a->left, b->left);
}

static void follow(struct nmw_core *c, struct line *l, size_t n)
{
	char why[256];
	for (size_t i = 0; i < n; i++) {
		struct nmw_core_evt ev[8];
		l[i].k.rank = i + 1;
		unsigned got = nmw_core_apply(c, &l[i].k, ev, 8), want = 0;
		ck_assert(!c->taker.more);
		for (; want < 4 && l[i].want[want].lo; want++) {
			ck_assert_uint_lt(want, got);
			same_event(&ev[want], &l[i].want[want]);
		}
		ck_assert_uint_eq(got, want);
		ck_assert_msg(nmw_books_check(c->b, why, sizeof why) == 0, "line %zu: %s", i, why);
	}
	free(c->b);
}

#define IN_AS(id, side, price, shares, ...)                                                        \
	{                                                                                          \
		.lo = (id), .sides = (side), .px = (price), .qty = (shares), .op = NMW_CORE_ENTER, \
		__VA_ARGS__                                                                        \
	}
#define IN(id, side, price, shares) IN_AS(id, side, price, shares, .flags = 0)
#define OFF(id)                                   \
	{                                         \
		.lo = (id), .op = NMW_CORE_CANCEL \
	}
#define LESS(id, shares)                                           \
	{                                                          \
		.lo = (id), .op = NMW_CORE_REDUCE, .qty = (shares) \
	}
#define INSTEAD_AS(id, to, side, price, shares, ...)                                         \
	{                                                                                    \
		.lo = (id), .new_lo = (to), .sides = (side), .px = (price), .qty = (shares), \
		.op = NMW_CORE_REPLACE, __VA_ARGS__                                          \
	}
#define INSTEAD(id, to, side, price, shares) INSTEAD_AS(id, to, side, price, shares, .flags = 0)
#define EVT(what, why, id, price, shares, rest)                                               \
	{                                                                                     \
		.kind = NMW_CORE_##what, .reason = NMW_CORE_##why, .lo = (id), .px = (price), \
		.qty = (shares), .left = (rest)                                               \
	}
#define N(a) (sizeof(a) / sizeof((a)[0]))

START_TEST(orders_trade_by_price_and_rank)
{
	struct nmw_core c = new_core(1, 10);
	struct line l[] = {
		{IN(1, SELL, 101, 5), {EVT(RESTED, ASKED, 1, 101, 5, 0)}},
		{IN(2, SELL, 100, 5), {EVT(RESTED, ASKED, 2, 100, 5, 0)}},
		{IN(3, SELL, 100, 5), {EVT(RESTED, ASKED, 3, 100, 5, 0)}},
		{IN(4, BUY, 100, 7),
		 {EVT(FILL, ASKED, 2, 100, 5, 0), EVT(FILL, ASKED, 3, 100, 2, 3)}},
		{IN(5, BUY, 101, 10),
		 {EVT(FILL, ASKED, 3, 100, 3, 0), EVT(FILL, ASKED, 1, 101, 5, 0),
		  EVT(RESTED, ASKED, 5, 101, 2, 0)}},
		{OFF(5), {EVT(CANCELED, ASKED, 5, 0, 2, 0)}},
		{OFF(5), {EVT(REJECTED, UNKNOWN, 5, 0, 0, 0)}},
	};
	follow(&c, l, N(l));
}
END_TEST

START_TEST(what_may_not_rest_is_canceled)
{
	struct nmw_core c = new_core(1, 10);
	struct line l[] = {
		{IN(1, SELL, 100, 5), {EVT(RESTED, ASKED, 1, 100, 5, 0)}},
		{IN_AS(2, BUY, 99, 5, .flags = NMW_CORE_IOC),
		 {EVT(CANCELED, IMMEDIATE, 2, 99, 5, 0)}},
		{IN_AS(3, BUY, 100, 2, .flags = NMW_CORE_IOC), {EVT(FILL, ASKED, 1, 100, 2, 3)}},
		{IN_AS(4, BUY, 0, 9, .flags = NMW_CORE_MARKET),
		 {EVT(FILL, ASKED, 1, 100, 3, 0), EVT(CANCELED, IMMEDIATE, 4, 0, 6, 0)}},
		{IN_AS(5, SELL, 100, 5, .flags = NMW_CORE_POST_ONLY),
		 {EVT(RESTED, ASKED, 5, 100, 5, 0)}},
		{IN_AS(6, BUY, 100, 5, .flags = NMW_CORE_POST_ONLY),
		 {EVT(CANCELED, WOULD_POST, 6, 100, 5, 0)}},
		{IN_AS(7, BUY, 100, 9, .min_qty = 6), {EVT(CANCELED, MIN_QTY, 7, 100, 9, 0)}},
		{IN_AS(8, BUY, 99, 9, .min_qty = 1), {EVT(CANCELED, MIN_QTY, 8, 99, 9, 0)}},
		{IN_AS(9, BUY, 100, 9, .min_qty = 5),
		 {EVT(FILL, ASKED, 5, 100, 5, 0), EVT(RESTED, ASKED, 9, 100, 4, 0)}},
	};
	follow(&c, l, N(l));
}
END_TEST

START_TEST(own_orders_do_not_trade)
{
	struct nmw_core c = new_core(1, 10);
	struct line l[] = {
		{IN_AS(1, SELL, 100, 5, .owner = 7), {EVT(RESTED, ASKED, 1, 100, 5, 0)}},
		{IN_AS(2, SELL, 100, 5, .owner = 8), {EVT(RESTED, ASKED, 2, 100, 5, 0)}},
		{IN_AS(3, BUY, 100, 7, .owner = 8, .min_qty = 6),
		 {EVT(CANCELED, MIN_QTY, 3, 100, 7, 0)}},
		{IN_AS(4, BUY, 100, 7, .owner = 8),
		 {EVT(FILL, ASKED, 1, 100, 5, 0), EVT(CANCELED, SELF, 4, 100, 2, 5)}},
		{IN_AS(5, SELL, 100, 5, .owner = 9), {EVT(RESTED, ASKED, 5, 100, 5, 0)}},
		{IN_AS(6, BUY, 100, 7, .owner = 8, .flags = NMW_CORE_OWN_LEAVES),
		 {EVT(OWN, SELF, 2, 100, 5, 7), EVT(FILL, ASKED, 5, 100, 5, 0),
		  EVT(RESTED, ASKED, 6, 100, 2, 0)}},
	};
	follow(&c, l, N(l));
}
END_TEST

START_TEST(live_orders_change)
{
	struct nmw_core c = new_core(1, 3);
	struct line l[] = {
		{IN(1, SELL, 100, 5), {EVT(RESTED, ASKED, 1, 100, 5, 0)}},
		{IN(2, SELL, 100, 5), {EVT(RESTED, ASKED, 2, 100, 5, 0)}},
		{IN(2, SELL, 100, 5), {EVT(REJECTED, USED, 2, 100, 0, 0)}},
		{LESS(1, 5), {EVT(REJECTED, NOT_LESS, 1, 0, 0, 0)}},
		{LESS(1, 3), {EVT(REDUCED, ASKED, 1, 0, 2, 3)}},
		{INSTEAD(1, 2, SELL, 100, 5), {EVT(REJECTED, USED, 1, 100, 0, 0)}},
		{INSTEAD(1, 3, SELL, 100, 5),
		 {EVT(REPLACED, ASKED, 1, 100, 3, 0), EVT(RESTED, ASKED, 3, 100, 5, 0)}},
		{IN(4, BUY, 100, 6),
		 {EVT(FILL, ASKED, 2, 100, 5, 0), EVT(FILL, ASKED, 3, 100, 1, 4)}},
		{IN(5, BUY, 99, 4), {EVT(RESTED, ASKED, 5, 99, 4, 0)}},
		{INSTEAD(5, 6, BUY, 100, 4),
		 {EVT(REPLACED, ASKED, 5, 100, 4, 0), EVT(FILL, ASKED, 3, 100, 4, 0)}},
		{INSTEAD(5, 7, BUY, 100, 4), {EVT(REJECTED, UNKNOWN, 5, 100, 0, 0)}},
		{IN(8, BUY, 1, 1), {EVT(RESTED, ASKED, 8, 1, 1, 0)}},
		{IN(9, BUY, 2, 1), {EVT(RESTED, ASKED, 9, 2, 1, 0)}},
		{IN(10, BUY, 3, 1), {EVT(RESTED, ASKED, 10, 3, 1, 0)}},
		{IN(11, BUY, 4, 1), {EVT(CANCELED, FULL, 11, 4, 1, 0)}},
		{INSTEAD_AS(9, 9, BUY, 5, 2, .flags = NMW_CORE_IOC),
		 {EVT(REPLACED, ASKED, 9, 5, 1, 0), EVT(CANCELED, IMMEDIATE, 9, 5, 2, 0)}},
		{LESS(8, 0), {EVT(CANCELED, ASKED, 8, 0, 1, 0)}},
	};
	follow(&c, l, N(l));
}
END_TEST

/* ---- against a list ------------------------------------------------------ */

struct known {
	struct nmw_core_cmd k; /* as it came; k.qty: what is left */
	bool live;
};

struct list {
	struct known o[ORDERS];
	uint32_t live;
	struct nmw_core_evt *ev;
	size_t n;
};

static struct known *by_id(struct list *s, uint64_t lo, uint64_t hi)
{
	for (uint32_t i = 0; i < ORDERS; i++)
		if (s->o[i].live && s->o[i].k.lo == lo && s->o[i].k.hi == hi)
			return &s->o[i];
	return NULL;
}

/* The order that one of these sides and this limit trades with first. */
static struct known *first_for(struct list *s, uint32_t sides, uint32_t limit)
{
	struct known *best = NULL;
	for (uint32_t i = 0; i < ORDERS; i++) {
		struct known *o = &s->o[i];
		bool buys = !(sides & 1);
		if (!o->live || o->k.sides != (sides ^ 1) ||
		    (buys ? o->k.px > limit : o->k.px < limit))
			continue;
		bool better = best && (buys ? o->k.px < best->k.px : o->k.px > best->k.px);
		bool sooner = best && o->k.px == best->k.px && o->k.rank < best->k.rank;
		if (!best || better || sooner)
			best = o;
	}
	return best;
}

static void say(struct list *s, enum nmw_core_kind kind, enum nmw_core_reason why, uint64_t lo,
		uint32_t px, uint32_t qty, uint32_t left)
{
	s->ev[s->n++] = (struct nmw_core_evt){.kind = (uint8_t)kind,
					      .reason = (uint8_t)why,
					      .lo = lo,
					      .px = px,
					      .qty = qty,
					      .left = left};
}

/* Shares to be had; in the order of trading, so that it can end at an own one. */
static uint64_t to_be_had(struct list *s, const struct nmw_core_cmd *k, uint32_t limit)
{
	bool seen[ORDERS], leaves = k->flags & NMW_CORE_OWN_LEAVES;
	uint64_t sum = 0;
	struct known *o;
	for (uint32_t i = 0; i < ORDERS; i++)
		seen[i] = s->o[i].live;
	while ((o = first_for(s, k->sides, limit)) != NULL) {
		bool own = k->owner && o->k.owner == k->owner;
		if (own && !leaves)
			break;
		sum += own ? 0 : o->k.qty;
		o->live = false;
	}
	for (uint32_t i = 0; i < ORDERS; i++)
		s->o[i].live = seen[i];
	return sum;
}

static void list_trade(struct list *s, struct nmw_core_cmd *k, uint32_t limit)
{
	struct known *o;
	while (k->qty && (o = first_for(s, k->sides, limit)) != NULL) {
		if (k->owner && o->k.owner == k->owner) {
			if (!(k->flags & NMW_CORE_OWN_LEAVES)) {
				say(s, NMW_CORE_CANCELED, NMW_CORE_SELF, k->lo, o->k.px, k->qty,
				    o->k.qty);
				k->qty = 0;
				return;
			}
			say(s, NMW_CORE_OWN, NMW_CORE_SELF, o->k.lo, o->k.px, o->k.qty, k->qty);
			o->live = false;
			s->live--;
			continue;
		}
		uint32_t qty = o->k.qty < k->qty ? o->k.qty : k->qty;
		k->qty -= qty;
		o->k.qty -= qty;
		say(s, NMW_CORE_FILL, NMW_CORE_ASKED, o->k.lo, o->k.px, qty, o->k.qty);
		o->live = o->k.qty != 0;
		s->live -= !o->live;
	}
}

static void list_enter(struct list *s, struct nmw_core_cmd k)
{
	bool market = k.flags & NMW_CORE_MARKET;
	uint32_t limit = !market ? k.px : k.sides & 1 ? 0 : NMW_TICK_MAX;
	bool crosses = first_for(s, k.sides, limit) != NULL;
	/* a handle is free again only after the command that killed its order */
	bool full = s->live == ORDERS;
	if (crosses && k.flags & NMW_CORE_POST_ONLY) {
		say(s, NMW_CORE_CANCELED, NMW_CORE_WOULD_POST, k.lo, k.px, k.qty, 0);
		return;
	}
	if (k.min_qty && to_be_had(s, &k, limit) < k.min_qty) {
		say(s, NMW_CORE_CANCELED, NMW_CORE_MIN_QTY, k.lo, k.px, k.qty, 0);
		return;
	}
	list_trade(s, &k, limit);
	if (!k.qty)
		return;
	if (k.flags & (NMW_CORE_IOC | NMW_CORE_MARKET)) {
		say(s, NMW_CORE_CANCELED, NMW_CORE_IMMEDIATE, k.lo, k.px, k.qty, 0);
		return;
	}
	ck_assert(!full); /* the flow does not let it come to that */
	uint32_t i = 0;
	while (s->o[i].live)
		i++;
	s->o[i] = (struct known){.k = k, .live = true};
	s->live++;
	say(s, NMW_CORE_RESTED, NMW_CORE_ASKED, k.lo, k.px, k.qty, 0);
}

static void list_apply(struct list *s, const struct nmw_core_cmd *k)
{
	struct known *o = by_id(s, k->lo, k->hi), *same = by_id(s, k->new_lo, k->new_hi);
	if (k->op == NMW_CORE_ENTER && o) {
		say(s, NMW_CORE_REJECTED, NMW_CORE_USED, k->lo, k->px, 0, 0);
	} else if (k->op == NMW_CORE_ENTER) {
		list_enter(s, *k);
	} else if (!o) {
		say(s, NMW_CORE_REJECTED, NMW_CORE_UNKNOWN, k->lo, k->px, 0, 0);
	} else if (k->op == NMW_CORE_REPLACE) {
		if (same && same != o) {
			say(s, NMW_CORE_REJECTED, NMW_CORE_USED, k->lo, k->px, 0, 0);
			return;
		}
		say(s, NMW_CORE_REPLACED, NMW_CORE_ASKED, k->lo, k->px, o->k.qty, 0);
		o->live = false;
		s->live--;
		struct nmw_core_cmd in = *k;
		in.lo = k->new_lo;
		in.hi = k->new_hi;
		list_enter(s, in);
	} else {
		uint32_t left = k->op == NMW_CORE_REDUCE ? k->qty : 0, qty = o->k.qty;
		if (left >= qty) {
			say(s, NMW_CORE_REJECTED, NMW_CORE_NOT_LESS, k->lo, k->px, 0, 0);
			return;
		}
		say(s, left ? NMW_CORE_REDUCED : NMW_CORE_CANCELED, NMW_CORE_ASKED, k->lo, k->px,
		    qty - left, left);
		o->k.qty = left;
		o->live = left != 0;
		s->live -= !o->live;
	}
}

/* How ids are given: in order with gaps, of two scopes in turn, at random, or backwards. */
enum ids { IN_ORDER, TWO_SCOPES, AT_RANDOM, MIXED };

struct flow {
	struct nmw_rng rng;
	enum ids ids;
	uint64_t next, recent_lo[64], recent_hi[64];
	uint32_t middle, at;
};

static uint32_t below(struct flow *f, uint32_t n)
{
	return (uint32_t)nmw_rng_below(&f->rng, n);
}

static void new_id(struct flow *f, uint64_t *lo, uint64_t *hi)
{
	bool random = f->ids == AT_RANDOM || (f->ids == MIXED && below(f, 2));
	f->next += below(f, 10) ? 1 : 1 + below(f, 100);
	*lo = random ? below(f, 4000) : f->next;
	*hi = f->ids == TWO_SCOPES ? (f->next & 1) << 48 : 0;
	f->recent_lo[f->at & 63] = *lo;
	f->recent_hi[f->at++ & 63] = *hi;
}

static struct nmw_core_cmd draw(struct flow *f, uint64_t rank, bool room)
{
	static const uint8_t some[] = {NMW_CORE_IOC, NMW_CORE_MARKET, NMW_CORE_POST_ONLY,
				       NMW_CORE_OWN_LEAVES, NMW_CORE_OWN_LEAVES | NMW_CORE_IOC};
	struct nmw_core_cmd k = {.rank = rank,
				 .px = f->middle + below(f, below(f, 10) ? 30 : 1000),
				 .sides = below(f, SYMBOLS * 2),
				 .qty = 1 + below(f, 50),
				 .owner = below(f, 4)};
	uint32_t what = below(f, 100), old = below(f, 64);
	if (what < (room ? 50u : 5u)) {
		new_id(f, &k.lo, &k.hi);
		k.flags = below(f, 3) ? 0 : some[below(f, 5)];
		k.min_qty = below(f, 10) ? 0 : 1 + below(f, k.qty);
		k.rank |= below(f, 20) ? 0 : NMW_RANK_HIDDEN;
		if (!room)
			k.flags = NMW_CORE_IOC;
	} else {
		k.lo = f->recent_lo[old];
		k.hi = f->recent_hi[old];
		k.op = what < 80 ? NMW_CORE_CANCEL : what < 90 ? NMW_CORE_REDUCE : NMW_CORE_REPLACE;
		if (k.op == NMW_CORE_REPLACE)
			new_id(f, &k.new_lo, &k.new_hi);
		else
			k.px = k.sides = 0;
	}
	f->middle += below(f, 50) ? 0 : below(f, 21) - 10;
	return k;
}

static struct list *expect(struct nmw_core_cmd *k, enum ids ids)
{
	const char *seed = getenv("NMW_SEED");
	struct flow f = {.ids = ids, .middle = 50000};
	struct list *s = calloc(1, sizeof *s);
	ck_assert_ptr_nonnull(s);
	s->ev = calloc(EVENTS, sizeof *s->ev);
	ck_assert_ptr_nonnull(s->ev);
	nmw_rng_seed(&f.rng, seed ? strtoull(seed, NULL, 0) : 20260105);
	for (uint32_t i = 0; i < COMMANDS; i++) {
		k[i] = draw(&f, i + 1, s->live < ORDERS - 10);
		list_apply(s, &k[i]);
		ck_assert_uint_lt(s->n, EVENTS - ORDERS);
	}
	return s;
}

/* room: for events, a call. */
static void play(const struct nmw_core_cmd *k, const struct list *s, uint32_t burst, uint32_t room)
{
	struct nmw_core c = new_core(SYMBOLS, ORDERS);
	struct nmw_core_evt ev[256];
	char why[256];
	size_t at = 0, n = 0, done;
	while (at < COMMANDS || c.taker.more) {
		size_t m = COMMANDS - at < burst ? COMMANDS - at : burst;
		size_t got = nmw_core_burst(&c, k + at, m, ev, room, &done);
		ck_assert_uint_le(got, room);
		for (size_t i = 0; i < got; i++) {
			ck_assert_uint_lt(n, s->n);
			same_event(&ev[i], &s->ev[n++]);
			ck_assert_uint_eq(ev[i].sides, k[at + ev[i].cmd].sides);
		}
		at += done;
		if (at % 512 == 0)
			ck_assert_msg(nmw_books_check(c.b, why, sizeof why) == 0, "command %zu: %s",
				      at, why);
	}
	ck_assert_uint_eq(n, s->n);
	free(c.b);
}

START_TEST(any_burst_gives_the_events_of_the_list)
{
	struct nmw_core_cmd *k = calloc(COMMANDS, sizeof *k);
	ck_assert_ptr_nonnull(k);
	struct list *s = expect(k, (enum ids)_i);
	printf("ids %d: %u commands, %zu events\n", _i, COMMANDS, s->n);
	play(k, s, 1, 4);
	play(k, s, 7, 5);
	play(k, s, 64, 256);
	play(k, s, 256, 200);
	free(s->ev);
	free(s);
	free(k);
}
END_TEST

/* ---- a taker that is cut -------------------------------------------------- */

/* Six makers of one share, and a taker of ten from `owner`; room for events, a call. */
static unsigned take_all(uint32_t orders, uint32_t owner, unsigned room, struct nmw_core_evt *ev)
{
	struct nmw_core c = new_core(1, orders);
	struct nmw_core_cmd k = {.sides = SELL, .px = 100, .qty = 1};
	char why[256];
	for (k.lo = 1; k.lo <= 6; k.lo++) {
		k.rank = k.lo;
		ck_assert_uint_eq(nmw_core_apply(&c, &k, ev, room), 1);
	}
	k = (struct nmw_core_cmd){
		.lo = 7, .rank = 7, .sides = BUY, .px = 100, .qty = 10, .owner = owner};
	unsigned n = nmw_core_apply(&c, &k, ev, room);
	while (c.taker.more)
		n += nmw_core_more(&c, &k, ev + n, room);
	ck_assert_msg(nmw_books_check(c.b, why, sizeof why) == 0, "%s", why);
	uint32_t is_free = 0;
	while (nmw_book_alloc(c.b))
		is_free++;
	ck_assert_uint_eq(is_free + c.b->live, orders);
	free(c.b);
	return n;
}

START_TEST(a_taker_that_is_cut_meets_the_same_pool)
{
	struct nmw_core_evt whole[16], cut[16];
	const uint32_t orders = _i & 1 ? 6 : 8, owner = _i & 2 ? 5 : 0;
	ck_assert_uint_eq(take_all(orders, owner, 16, whole), 7);
	ck_assert_uint_eq(take_all(orders, owner, 4, cut), 7);
	ck_assert_uint_eq(whole[6].kind, orders == 6 ? NMW_CORE_CANCELED : NMW_CORE_RESTED);
	ck_assert_uint_eq(whole[6].reason, orders == 6 ? NMW_CORE_FULL : NMW_CORE_ASKED);
	for (unsigned i = 0; i < 7; i++) {
		same_event(&cut[i], &whole[i]);
		ck_assert_uint_eq(cut[i].oid, whole[i].oid);
	}
}
END_TEST

/* ---- hidden orders ------------------------------------------------------- */

/* A displayed order must find its place without looking at the hidden ones: they cannot be read. */
START_TEST(hidden_orders_are_not_walked)
{
	enum { HIDDEN = 4096, SHOWN = 500 };
	struct nmw_books_spec spec = {.symbols = 1, .orders = HIDDEN + SHOWN, .window = 64};
	size_t size = nmw_books_footprint(&spec);
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(mem != MAP_FAILED);
	struct nmw_books *b = nmw_books_init(mem, &spec);
	nmw_oid id = 0, first = 0, last_shown = 0;
	char why[256];
	for (uint32_t i = 0; i < HIDDEN; i++) {
		id = nmw_book_alloc(b);
		first = first ? first : id;
		nmw_book_rest(b, id, 0, SELL, 100, 5, i | NMW_RANK_HIDDEN, 0);
	}
	/* all their records but those that share a page with others */
	uintptr_t from = ((uintptr_t)nmw_order_at(b, first + 1) + 4095) & ~(uintptr_t)4095;
	uintptr_t to = (uintptr_t)nmw_order_at(b, id - 64) & ~(uintptr_t)4095;
	ck_assert_int_eq(mprotect((void *)from, to - from, PROT_NONE), 0);
	for (uint32_t i = 0; i < SHOWN; i++) {
		last_shown = nmw_book_alloc(b);
		nmw_book_rest(b, last_shown, 0, SELL, 100, 5, i, 0);
		if (i % 3 == 0)
			nmw_book_unlink(b, last_shown);
	}
	ck_assert_int_eq(mprotect((void *)from, to - from, PROT_READ | PROT_WRITE), 0);
	nmw_book_unlink(b, first);
	nmw_book_unlink(b, id);
	nmw_book_unlink(b, first + 2000);
	ck_assert_msg(nmw_books_check(b, why, sizeof why) == 0, "%s", why);
	nmw_oid at = 0;
	for (uint32_t i = 0; i < SHOWN - (SHOWN + 2) / 3; i++)
		at = nmw_book_walk(b, 0, SELL, at);
	ck_assert_uint_eq(nmw_book_walk(b, 0, SELL, at), first + 1);
	munmap(mem, size);
}
END_TEST

int main(void)
{
	setenv("CK_DEFAULT_TIMEOUT", "120", 0); /* tcase_create reads it */
	Suite *s = suite_create("core");
	TCase *t = tcase_create("core");
	tcase_add_test(t, orders_trade_by_price_and_rank);
	tcase_add_test(t, what_may_not_rest_is_canceled);
	tcase_add_test(t, own_orders_do_not_trade);
	tcase_add_test(t, live_orders_change);
	tcase_add_loop_test(t, a_taker_that_is_cut_meets_the_same_pool, 0, 4);
	tcase_add_test(t, hidden_orders_are_not_walked);
	tcase_add_loop_test(t, any_burst_gives_the_events_of_the_list, IN_ORDER, MIXED + 1);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
