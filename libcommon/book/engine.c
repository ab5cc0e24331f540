/* The engine's memory. */
#include "book/engine_impl.h"
#include "book/held.h"
#include "book/replay_check.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define TIMERS_DEF (1u << 20)
#define IDS_MAX	   (UINT64_C(1) << 30)
#define TABLE_MAX  65535u
#define TIMED_MIN  64u

/* ---- memory --------------------------------------------------------------------------------- */

static uint64_t place(uint64_t *end, uint64_t bytes)
{
	uint64_t at = *end;
	*end = (at + bytes + NMW_LINE - 1) / NMW_LINE * NMW_LINE;
	return at;
}

static struct nmw_books_spec books_spec(const struct nmw_engine_spec *s)
{
	return (struct nmw_books_spec){
		.symbols = s->symbols,
		.orders = s->orders,
		.window = s->window,
	};
}

static bool spec_valid(const struct nmw_engine_spec *s)
{
	const struct nmw_books_spec books = books_spec(s);
	return nmw_books_footprint(&books) && s->symbols >= 1 && s->symbols <= TABLE_MAX &&
	       s->orders >= 1 && s->orders <= NMW_BOOK_ORDERS_MAX && s->sessions >= 1 &&
	       s->sessions < TABLE_MAX && s->timers <= s->orders && s->ids >= 1 &&
	       s->ids <= IDS_MAX;
}

/* At most half of them are used. */
static uint64_t timed_slots(uint32_t timers)
{
	uint64_t slots = TIMED_MIN;
	while (slots / 2 < timers)
		slots *= 2;
	return slots;
}

/* Where everything lies; the header's size and offsets to *e. Returns the bytes of all. */
static uint64_t layout(struct nmw_engine *e)
{
	struct nmw_engine_spec *s = &e->spec;
	if (!s->timers)
		s->timers = s->orders < TIMERS_DEF ? s->orders : TIMERS_DEF;
	const struct nmw_books_spec books = books_spec(s);
	uint64_t n = (uint64_t)s->orders + 1, end = 0;
	e->header_sz = sizeof(*e);
	place(&end, sizeof(*e));
	e->sessions_off = place(&end, nmw_sessions_footprint(s->sessions));
	e->symbols_off = place(&end, nmw_symbols_footprint(s->symbols));
	e->chains_off = place(&end, n * sizeof(struct nmw_chain));
	e->timers_off = place(&end, (s->timers + UINT64_C(1)) * sizeof(struct nmw_timer));
	e->timed_mask = timed_slots(s->timers) - 1;
	e->timed_off = place(&end, (e->timed_mask + 1) * sizeof(uint32_t));
	e->ids_off = place(&end, nmw_idmap_footprint(s->orders));
	e->tokens_off = place(&end, nmw_tokens_footprint(s->ids));
	e->books_off = place(&end, nmw_books_footprint(&books));
	e->passive_off = place(&end, s->check ? nmw_passive_footprint(s->orders) : 0);
	return e->size = end;
}

size_t nmw_engine_footprint(const struct nmw_engine_spec *spec)
{
	struct nmw_engine e = {.spec = *spec};
	return spec_valid(spec) ? layout(&e) : 0;
}

struct nmw_engine *nmw_engine_init(void *mem, const struct nmw_engine_spec *spec)
{
	struct nmw_engine *e = mem;
	if (!spec_valid(spec))
		return NULL;
	*e = (struct nmw_engine){.version = NMW_ENGINE_VERSION, .spec = *spec};
	layout(e);
	int64_t day = (int64_t)NMW_NS_PER_DAY;
	e->utc_shift = (uint64_t)((spec->utc_offset_ns % day + day) % day);
	e->next_ref = e->next_match = e->next_rank = 1;
	nmw_sessions_init(nmw_sessions_of(e), spec->sessions);
	nmw_symbols_init(nmw_symbols_of(e), spec->symbols);
	const struct nmw_books_spec books = books_spec(&e->spec);
	struct nmw_books *b = nmw_books_init(nmw_books_of(e), &books);
	if (!b)
		return NULL;
	nmw_idmap_init(nmw_ids_of(e), spec->orders, nmw_entry_of(b, 0), NMW_BOOK_STRIDE);
	nmw_tokens_init(nmw_tokens_of(e), spec->ids);
	if (e->spec.check)
		nmw_passive_init(NMW_AT(e, passive_off, struct nmw_passive), e->spec.orders);
	e->magic = NMW_ENGINE_MAGIC;
	return e;
}

struct nmw_engine *nmw_engine_join(void *mem, size_t size)
{
	struct nmw_engine *e = mem;
	if (size < sizeof(*e) || e->magic != NMW_ENGINE_MAGIC || e->version != NMW_ENGINE_VERSION ||
	    e->header_sz != sizeof(*e) || e->size > size || !spec_valid(&e->spec) ||
	    e->size != nmw_engine_footprint(&e->spec))
		return NULL;
	struct nmw_engine where = {.spec = e->spec};
	layout(&where);
	const size_t from = offsetof(struct nmw_engine, sessions_off),
		     to = offsetof(struct nmw_engine, now_ns);
	if (memcmp((const char *)e + from, (const char *)&where + from, to - from) != 0)
		return NULL;
	if (!nmw_books_join(nmw_books_of(e), size - e->books_off))
		return NULL;
	nmw_held_return(nmw_books_of(e));
	return e;
}

int nmw_engine_symbol(struct nmw_engine *e, const struct nmw_symbol_conf *c, struct nmw_err *err)
{
	uint32_t sym;
	return nmw_symbols_add(nmw_symbols_of(e), c, &sym, err);
}

void nmw_engine_closed_list(struct nmw_engine *e, bool closed)
{
	nmw_symbols_of(e)->closed = closed;
}

/* ---- a burst -------------------------------------------------------------------------------- */

void nmw_engine_burst(struct nmw_engine *e, const struct nmw_slot *const *s,
		      const uint8_t *const *payload, const uint32_t *len, unsigned n,
		      struct nmw_engine_out *out)
{
	if (__builtin_expect(out->held != NULL, 0))
		nmw_run_burst_held(e, s, payload, len, n, out);
	else
		nmw_run_burst(e, s, payload, len, n, out);
}

void nmw_engine_msg(struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *payload,
		    uint32_t len, struct nmw_engine_out *out)
{
	nmw_engine_burst(e, &s, &payload, &len, 1, out);
}

void nmw_engine_end(struct nmw_engine *e, struct nmw_engine_out *out)
{
	nmw_run_end(e, out);
}

/* ---- looking at it -------------------------------------------------------------------------- */

void nmw_engine_stat(const struct nmw_engine *e, struct nmw_engine_stat *out)
{
	struct nmw_engine *w = (struct nmw_engine *)(uintptr_t)e;
	struct nmw_books_stat b;
	nmw_books_stat(nmw_books_of(w), &b);
	*out = e->stat;
	out->live_orders = e->live;
	out->symbols = nmw_symbols_of(w)->count;
	out->levels = b.levels;
	out->sessions_up = nmw_sessions_of(w)->up;
}

void nmw_engine_memory(const struct nmw_engine *e, struct nmw_engine_memory *out)
{
	const struct nmw_books *b = nmw_engine_books(e);
	*out = (struct nmw_engine_memory){
		.orders = (e->spec.orders + UINT64_C(1)) * NMW_BOOK_ORDER_SZ,
		.ids = e->tokens_off - e->ids_off,
		.tokens = e->books_off - e->tokens_off,
		.chains = e->ids_off - e->chains_off,
	};
	out->windows = b->size - out->orders;
	out->other = e->size - b->size - out->ids - out->tokens - out->chains;
}

const struct nmw_books *nmw_engine_books(const struct nmw_engine *e)
{
	return nmw_books_of((struct nmw_engine *)(uintptr_t)e);
}

void nmw_engine_order(const struct nmw_engine *e, nmw_oid id, struct nmw_engine_order *out)
{
	struct nmw_engine *w = (struct nmw_engine *)(uintptr_t)e;
	const struct nmw_entry *x = nmw_entry_of(nmw_books_of(w), id);
	uint32_t session = nmw_entry_session(x);
	*out = (struct nmw_engine_order){
		.key = {x->lo, x->hi & UINT64_C(0xFFFFFFFFFFFF)},
		.order_ref = nmw_entry_ref(x),
		.expire_ns = nmw_timer_at(w, id),
		.executed = nmw_entry_executed(x),
		.session = nmw_session_at(nmw_sessions_of(w), session)->id,
		.side = session ? x->terms.side : 0,
		.hidden = nmw_entry_hidden(x),
	};
}

uint64_t nmw_engine_symbol_name(const struct nmw_engine *e, uint32_t sym)
{
	struct nmw_engine *w = (struct nmw_engine *)(uintptr_t)e;
	return nmw_symbols_at(nmw_symbols_of(w), sym)->name;
}

uint32_t nmw_engine_symbol_find(const struct nmw_engine *e, uint64_t name)
{
	return nmw_symbols_find(nmw_symbols_of((struct nmw_engine *)(uintptr_t)e), name);
}
