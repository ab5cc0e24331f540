#include "book/replay_check.h"
#include "book/engine_impl.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the table: open addressing, linear probing, at most half full ------- */

struct nmw_passive {
	uint64_t mask, count, max;
	uint64_t pad[5];
	struct nmw_passive_order o[];
};

static uint64_t table_size(uint32_t orders)
{
	uint64_t n = 64;
	while (n < 2 * (uint64_t)orders)
		n *= 2;
	return n;
}

size_t nmw_passive_footprint(uint32_t orders)
{
	return sizeof(struct nmw_passive) + table_size(orders) * sizeof(struct nmw_passive_order);
}

void nmw_passive_init(struct nmw_passive *t, uint32_t orders)
{
	memset(t, 0, nmw_passive_footprint(orders));
	t->mask = table_size(orders) - 1;
	t->max = orders;
}

static uint64_t home(const struct nmw_passive *t, uint64_t ref)
{
	return (ref * UINT64_C(0x9E3779B97F4A7C15)) >> 20 & t->mask;
}

/* Where the reference is, or where it would go. */
static uint64_t seek(const struct nmw_passive *t, uint64_t ref)
{
	uint64_t i = home(t, ref);
	while (t->o[i].qty && t->o[i].ref != ref)
		i = (i + 1) & t->mask;
	return i;
}

bool nmw_passive_add(struct nmw_passive *t, const struct nmw_passive_order *o)
{
	uint64_t i = seek(t, o->ref);
	if (t->o[i].qty || t->count == t->max)
		return false;
	t->o[i] = *o;
	t->count++;
	return true;
}

const struct nmw_passive_order *nmw_passive_find(struct nmw_passive *t, uint64_t ref)
{
	const struct nmw_passive_order *o = &t->o[seek(t, ref)];
	return o->qty ? o : NULL;
}

void nmw_passive_remove(struct nmw_passive *t, uint64_t ref)
{
	uint64_t gap = seek(t, ref);
	if (!t->o[gap].qty)
		return;
	t->count--;
	/* Close the gap: what was pushed past it moves back. */
	for (uint64_t i = (gap + 1) & t->mask; t->o[i].qty; i = (i + 1) & t->mask) {
		uint64_t from_home = (i - home(t, t->o[i].ref)) & t->mask;
		if (from_home >= ((i - gap) & t->mask)) {
			t->o[gap] = t->o[i];
			gap = i;
		}
	}
	t->o[gap].qty = 0;
}

void nmw_passive_reduce(struct nmw_passive *t, uint64_t ref, uint32_t qty)
{
	struct nmw_passive_order *o = &t->o[seek(t, ref)];
	if (qty >= o->qty)
		nmw_passive_remove(t, ref);
	else
		o->qty -= qty;
}

uint64_t nmw_passive_count(const struct nmw_passive *t)
{
	return t->count;
}

/* ---- comparison ------------------------------------------------------------------------------ */

/* Orders of one side that the passive book has just so; a level's queue must be by reference. */
static uint64_t side_equal(struct nmw_engine *e, struct nmw_passive *t, uint32_t sym, uint32_t side,
			   uint64_t *seen)
{
	struct nmw_books *b = nmw_books_of(e);
	uint64_t equal = 0, last_ref = 0;
	uint32_t last_px = UINT32_MAX;
	struct nmw_book_order o;
	for (nmw_oid id = 0; (id = nmw_book_walk(b, sym, side, id)) != 0;) {
		const struct nmw_entry *x = nmw_entry_of(b, id);
		uint64_t ref = nmw_entry_ref(x);
		if (nmw_entry_session(x))
			continue;
		nmw_book_order(b, id, &o);
		const struct nmw_passive_order *p = nmw_passive_find(t, ref);
		bool in_turn = o.px != last_px || ref > last_ref;
		equal += p && p->sym == sym && p->side == side && p->px == o.px &&
			 p->qty == o.qty && in_turn;
		last_px = o.px;
		last_ref = ref;
		++*seen;
	}
	return equal;
}

uint64_t nmw_replay_compare(struct nmw_engine *e)
{
	struct nmw_passive *t = NMW_AT(e, passive_off, struct nmw_passive);
	uint64_t seen = 0, equal = 0;
	if (!e->spec.check)
		return 0;
	for (uint32_t sym = 0; sym < nmw_symbols_of(e)->count; sym++)
		equal += side_equal(e, t, sym, NMW_BUY, &seen) +
			 side_equal(e, t, sym, NMW_SELL, &seen);
	e->stat.check_book_diff = (seen - equal) + (t->count - equal);
	return e->stat.check_book_diff;
}

/* ---- for people ------------------------------------------------------------------------------ */

/* 5805 -> "5,805". */
static const char *grouped(char buf[28], uint64_t v)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, v), k = 0;
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			buf[k++] = ',';
		buf[k++] = digits[i];
	}
	buf[k] = 0;
	return buf;
}

static void say_difference(const struct nmw_replay_diff *d, char *buf, size_t cap)
{
	uint64_t s = d->tod / UINT64_C(1000000000);
	snprintf(buf, cap,
		 "first execution that differs: %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64
		 ".%09" PRIu64 ": order %" PRIu64 ", %" PRIu32 " shares, stated; order %" PRIu64
		 " with %" PRIu32 " shares is first in its book",
		 s / 3600, s / 60 % 60, s % 60, d->tod % UINT64_C(1000000000), d->ref, d->qty,
		 d->first_ref, d->first_qty);
}

bool nmw_replay_line(const struct nmw_engine *e, unsigned line, char *buf, size_t cap)
{
	const struct nmw_engine_stat *s = &e->stat;
	char a[28], b[28], c[28], d[28], f[28];
	switch (line) {
	case 0:
		snprintf(buf, cap,
			 "replay: %s of %s executions reproduced, %s crossing adds, "
			 "%s unknown references, %s live orders",
			 grouped(a, s->check_reproduced), grouped(b, s->check_executions),
			 grouped(c, s->check_crossed_adds), grouped(d, s->check_unknown_refs),
			 grouped(f, e->live));
		return true;
	case 1:
		if (!e->spec.check)
			return false;
		if (s->check_book_diff)
			snprintf(buf, cap, "replay: %s orders differ from the passive book",
				 grouped(a, s->check_book_diff));
		else
			snprintf(buf, cap, "replay: the final book equals the passive book");
		return true;
	case 2:
		snprintf(buf, cap,
			 "replay: not order flow, counted only: %s trades of hidden orders, "
			 "%s crosses, %s executions of a cross or while halted, %s broken trades",
			 grouped(a, s->check_trades), grouped(b, s->check_crosses),
			 grouped(c, s->check_forced), grouped(d, s->check_broken));
		return true;
	case 3:
		if (s->check_executions == s->check_reproduced)
			return false;
		say_difference(&e->diff, buf, cap);
		return true;
	default:
		return false;
	}
}
