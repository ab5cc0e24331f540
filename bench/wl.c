#include "wl.h"
#include "base/rng.h"
#include "textbook_book.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static size_t to_huge(size_t n)
{
	return (n + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
}

/* Without reserved huge pages: transparent ones, for which the address must be a multiple. */
static void *transparent(size_t size)
{
	char *p = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	size_t lead = -(uintptr_t)p & (HUGE_PAGE - 1);
	if (lead)
		munmap(p, lead);
	munmap(p + lead + size, HUGE_PAGE - lead);
	madvise(p + lead, size, MADV_HUGEPAGE);
	return p + lead;
}

void *wl_memory_fresh(size_t size)
{
	void *p = mmap(NULL, to_huge(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	return p == MAP_FAILED ? NULL : p;
}

void *wl_memory(size_t size)
{
	size = to_huge(size);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		p = transparent(size);
	if (p)
		memset(p, 0, size);
	return p;
}

void wl_memory_free(void *p, size_t size)
{
	if (p)
		munmap(p, to_huge(size));
}

static int complain(const char *name, const char *what)
{
	fprintf(stderr, "bench_book: %s: %s\n", name, what);
	return -1;
}

int wl_room(struct wl *w, uint64_t messages)
{
	w->size = messages * sizeof *w->msg;
	w->msg = wl_memory(w->size);
	return w->msg ? 0 : complain(w->name, "no memory for its messages");
}

static int check_messages(const struct wl *w)
{
	const struct wl_head *h = &w->head;
	for (uint64_t i = 0; i < h->prefill + h->timed; i++) {
		const struct wl_msg *m = &w->msg[i];
		if (m->kind < WL_ADD || m->kind >= WL_KINDS || m->side > 1 ||
		    m->sym >= h->symbols || m->id > h->max_id || m->new_id > h->max_id || m->px < 0)
			return complain(w->name, "a message is out of range");
	}
	return 0;
}

int wl_load(struct wl *w, const char *path)
{
	*w = (struct wl){.name = path};
	FILE *f = fopen(path, "rb");
	if (!f)
		return complain(path, strerror(errno));
	int rc = -1;
	struct wl_head *h = &w->head;
	if (fread(h, sizeof *h, 1, f) != 1 || h->magic != WL_MAGIC)
		complain(path, "not a flow: another magic number");
	else if (h->symbols < 1 || h->symbols > UINT16_MAX || h->max_id >= UINT32_MAX ||
		 h->prefill > UINT32_MAX || h->timed > UINT32_MAX)
		complain(path, "a count is out of range");
	else if (!wl_room(w, h->prefill + h->timed) &&
		 fread(w->msg, sizeof *w->msg, h->prefill + h->timed, f) != h->prefill + h->timed)
		complain(path, "shorter than its head says");
	else if (w->msg)
		rc = check_messages(w);
	fclose(f);
	return rc;
}

void wl_free(struct wl *w)
{
	wl_memory_free(w->msg, w->size);
	w->msg = NULL;
}

/* ---- making one ---- */

#define PX_LOW	1000u
#define PX_HIGH 6999u
#define RECENT	64u

struct symbol {
	uint32_t *live; /* ids, some dead meanwhile */
	uint32_t n, cap, target, middle;
	uint32_t recent[RECENT], turn;
};

struct maker {
	struct wl *w;
	struct nmw_rng rng;
	struct symbol *sym;
	struct textbook *book;
	struct textbook_fill *fills;
	uint64_t *share; /* running sums of the symbols' shares of the flow */
	uint64_t at;	 /* messages made */
	uint32_t symbols, id;
};

static uint32_t below(struct maker *k, uint32_t n)
{
	return (uint32_t)nmw_rng_below(&k->rng, n);
}

static uint32_t geometric(struct maker *k, uint32_t mean)
{
	uint32_t n = 0;
	while (n < 20 * mean && !nmw_rng_chance(&k->rng, 1000000 / (mean + 1)))
		n++;
	return n;
}

static uint32_t clamp(int64_t px)
{
	return px < PX_LOW ? PX_LOW : px > PX_HIGH ? PX_HIGH : (uint32_t)px;
}

static uint32_t passive_px(struct maker *k, const struct symbol *s, uint32_t side)
{
	int64_t away = 1 + (nmw_rng_chance(&k->rng, 850000) ? geometric(k, 10) + geometric(k, 10)
							    : 20 + geometric(k, 300));
	away = away > 1500 ? 1500 : away;
	return clamp(s->middle + (side ? away : -away));
}

static struct wl_msg *emit(struct maker *k, uint8_t kind, uint32_t sym, uint32_t side, uint32_t px,
			   uint32_t qty)
{
	struct wl_msg *m = &k->w->msg[k->at];
	*m = (struct wl_msg){.px = (int32_t)px,
			     .qty = qty,
			     .sym = (uint16_t)sym,
			     .kind = kind,
			     .side = (uint8_t)side,
			     .seq = (uint32_t)k->at};
	k->at++;
	return m;
}

static void keep(struct symbol *s, uint32_t id)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->live = realloc(s->live, s->cap * sizeof *s->live);
		if (!s->live)
			abort();
	}
	s->live[s->n++] = id;
	s->recent[s->turn++ % RECENT] = id;
}

static void do_add(struct maker *k, uint32_t sym, uint32_t side, uint32_t px, uint32_t qty)
{
	uint32_t id = ++k->id;
	emit(k, WL_ADD, sym, side, px, qty)->id = id;
	if (textbook_add(k->book, sym, side, px, qty, id))
		keep(&k->sym[sym], id);
}

/* A live order of the symbol: mostly one of the last; 0 = none. */
static uint32_t pick(struct maker *k, struct symbol *s, struct textbook_order *o)
{
	bool recent = nmw_rng_chance(&k->rng, 700000);
	for (int i = 0; recent && i < 4; i++) {
		uint32_t id = s->recent[below(k, RECENT)];
		if (id && textbook_find(k->book, id, o))
			return id;
	}
	while (s->n) {
		uint32_t at = below(k, s->n), id = s->live[at];
		if (textbook_find(k->book, id, o))
			return id;
		s->live[at] = s->live[--s->n];
	}
	return 0;
}

static void do_cancel(struct maker *k, uint32_t sym)
{
	struct textbook_order o;
	uint32_t id = pick(k, &k->sym[sym], &o);
	if (!id)
		return;
	struct wl_msg *m = emit(k, WL_CANCEL, sym, o.side, 0, 0);
	m->id = id;
	m->old_qty = o.qty;
	m->old_px = (int32_t)o.px;
	textbook_cancel(k->book, id);
}

static void do_replace(struct maker *k, uint32_t sym)
{
	struct textbook_order o;
	struct symbol *s = &k->sym[sym];
	uint32_t id = pick(k, s, &o);
	if (!id)
		return;
	uint32_t px = passive_px(k, s, o.side), qty = 100 * (1 + below(k, 5));
	if (nmw_rng_chance(&k->rng, 800000))
		px = clamp((int64_t)o.px + (below(k, 2) ? 1 : -1) * (int64_t)(1 + below(k, 3)));
	struct wl_msg *m = emit(k, WL_REPLACE, sym, o.side, px, qty);
	m->id = id;
	m->new_id = ++k->id;
	m->old_qty = o.qty;
	m->old_px = (int32_t)o.px;
	textbook_cancel(k->book, id);
	if (textbook_add(k->book, sym, o.side, px, qty, m->new_id))
		keep(s, m->new_id);
}

static void do_aggressive(struct maker *k, uint32_t sym)
{
	uint32_t side = below(k, 2), qty = 100 * (1 + geometric(k, 5)), way = below(k, 10);
	int64_t best = textbook_best(k->book, sym, 1 - side), through = geometric(k, 2);
	if (best < 0)
		return;
	uint32_t px = clamp(side ? best - through : best + through);
	if (way >= 8) {
		do_add(k, sym, side, px, qty);
		return;
	}
	bool market = way >= 6;
	uint32_t id = ++k->id, limit = market ? (side ? 0 : PX_HIGH + 1) : px;
	emit(k, market ? WL_MARKET : WL_IOC, sym, side, market ? 0 : px, qty)->id = id;
	textbook_take(k->book, sym, side, limit, qty, id);
}

static uint32_t pick_symbol(struct maker *k)
{
	uint64_t at = nmw_rng_below(&k->rng, k->share[k->symbols - 1]);
	uint32_t lo = 0, hi = k->symbols - 1;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		if (at < k->share[mid])
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static void step(struct maker *k)
{
	uint32_t sym = pick_symbol(k), what = below(k, 1000);
	struct symbol *s = &k->sym[sym];
	if (nmw_rng_chance(&k->rng, 5000)) {
		s->middle += 2 * below(k, 2) - 1;
		s->middle = s->middle < 2500 ? 2500 : s->middle > 5500 ? 5500 : s->middle;
	}
	if (what < 50) {
		do_replace(k, sym);
	} else if (what < 100) {
		do_aggressive(k, sym);
	} else if (below(k, 1000) < (s->n < s->target ? 555u : 490u) || s->n < 8) {
		uint32_t side = below(k, 2);
		do_add(k, sym, side, passive_px(k, s, side), 100 * (1 + below(k, 5)));
	} else {
		do_cancel(k, sym);
	}
}

static void prefill(struct maker *k)
{
	for (uint32_t round = 0, left = 1; left; round++) {
		left = 0;
		for (uint32_t i = 0; i < k->symbols; i++) {
			struct symbol *s = &k->sym[i];
			if (round >= s->target)
				continue;
			uint32_t side = below(k, 2);
			do_add(k, i, side, passive_px(k, s, side), 100 * (1 + below(k, 5)));
			left++;
		}
	}
}

static uint64_t set_up_symbols(struct maker *k, const struct wl_spec *spec)
{
	uint64_t sum = 0, orders = 0;
	for (uint32_t i = 0; i < spec->symbols; i++) {
		uint64_t weight = spec->zipf ? UINT64_C(1000000000) / (i + 1) : 1;
		uint64_t target = spec->zipf ? spec->live / (i + 1) : spec->live;
		k->sym[i].target = target < 50 ? 50 : (uint32_t)target;
		k->sym[i].middle = 4000;
		k->share[i] = sum += weight;
		orders += k->sym[i].target;
	}
	return orders;
}

/* What the textbook engine makes of the flow, into the head. */
static int expect(struct wl *w)
{
	struct wl_head *h = &w->head;
	struct textbook *t = textbook_new((uint32_t)h->symbols);
	/* a fill ends an order that rested or the order that came */
	size_t size = (h->prefill + h->timed) * 2 * sizeof(struct textbook_fill);
	struct textbook_fill *f = wl_memory(size);
	if (!f)
		return complain(w->name, "no memory for its trades");
	textbook_fills(t, f);
	for (uint64_t i = 0; i < h->prefill + h->timed; i++) {
		const struct wl_msg *m = &w->msg[i];
		uint32_t px = (uint32_t)m->px, away = m->side ? 0 : UINT32_MAX - 1;
		if (i == h->prefill)
			textbook_fills(t, f);
		if (m->kind == WL_CANCEL || m->kind == WL_REPLACE)
			textbook_cancel(t, m->id);
		if (m->kind == WL_ADD || m->kind == WL_REPLACE)
			textbook_add(t, m->sym, m->side, px, m->qty,
				     m->kind == WL_ADD ? m->id : m->new_id);
		else if (m->kind != WL_CANCEL)
			textbook_take(t, m->sym, m->side, m->kind == WL_IOC ? px : away, m->qty,
				      m->id);
	}
	h->trades = textbook_filled(t);
	h->shares = h->hash = 0;
	for (uint64_t i = 0; i < h->trades; i++) {
		h->shares += f[i].qty;
		h->hash = wl_hash(h->hash, f[i].maker, f[i].taker, f[i].px, f[i].qty);
	}
	h->levels = textbook_levels(t);
	textbook_free(t);
	wl_memory_free(f, size);
	return 0;
}

static void run_maker(struct maker *k, uint32_t messages)
{
	struct wl_head *h = &k->w->head;
	prefill(k);
	h->prefill = k->at;
	h->timed = messages;
	while (k->at < h->prefill + h->timed) {
		textbook_fills(k->book, k->fills);
		step(k);
	}
	for (uint64_t i = h->prefill; i < k->at; i++)
		h->kinds[k->w->msg[i].kind]++;
	h->max_id = k->id;
}

int wl_make(struct wl *w, const char *name, const struct wl_spec *spec)
{
	*w = (struct wl){.name = name,
			 .head = {.magic = WL_MAGIC, .symbols = spec->symbols, .seed = spec->seed}};
	struct maker k = {.w = w, .symbols = spec->symbols};
	nmw_rng_seed(&k.rng, spec->seed);
	k.sym = calloc(spec->symbols, sizeof *k.sym);
	k.share = calloc(spec->symbols, sizeof *k.share);
	k.fills = calloc(65536, sizeof *k.fills); /* an aggressive order has 100 lots at most */
	k.book = textbook_new(spec->symbols);
	int rc = -1;
	if (k.sym && k.share && k.fills && !wl_room(w, set_up_symbols(&k, spec) + spec->messages)) {
		textbook_fills(k.book, k.fills);
		run_maker(&k, spec->messages);
		rc = expect(w);
	}
	for (uint32_t i = 0; k.sym && i < spec->symbols; i++)
		free(k.sym[i].live);
	free(k.sym);
	free(k.share);
	free(k.fills);
	textbook_free(k.book);
	return rc;
}

int wl_cut(struct wl *w, uint64_t timed)
{
	w->head.timed = timed;
	return expect(w);
}

int wl_permute(struct wl *w, uint64_t seed)
{
	uint32_t n = (uint32_t)w->head.max_id;
	uint32_t *to = malloc(((size_t)n + 1) * sizeof *to);
	struct nmw_rng rng;
	if (!to)
		return complain(w->name, "no memory for other ids");
	nmw_rng_seed(&rng, seed);
	for (uint32_t i = 0; i <= n; i++)
		to[i] = i;
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = 1 + (uint32_t)nmw_rng_below(&rng, i), swap = to[i];
		to[i] = to[j];
		to[j] = swap;
	}
	for (uint64_t i = 0; i < w->head.prefill + w->head.timed; i++) {
		w->msg[i].id = to[w->msg[i].id];
		w->msg[i].new_id = to[w->msg[i].new_id];
	}
	free(to);
	return expect(w);
}
