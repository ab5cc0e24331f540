#include "gen.h"

#include "base/clock.h"
#include "base/rng.h"
#include "book/book.h"
#include "wire/be.h"
#include "wire/codec.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Prices here are in pennies; on the wire in 1/10,000. */
#define PENNY	     100
#define PX_MIN	     1u
#define MID_LO	     1000u
#define MID_HI	     100000u
#define MID_START_LO 2000u
#define MID_START_N  30000u
#define DISTANCE_MAX 1500u
#define LOT	     100u
#define QTY_MAX	     999999u /* of OUCH, shares of an order */
#define GEO_STEPS    4096u   /* resolution of a geometric distribution */
#define FILLS	     64u
#define TOKEN_LEN    14u
#define RECENT	     8u

__extension__ typedef unsigned __int128 u128;

struct order {
	struct nmw_key key;
	uint32_t session; /* index */
	uint32_t sym;
	uint32_t pos; /* in its symbol's list of live orders */
	uint32_t px, qty;
	uint32_t executed; /* of the whole chain of replaces */
	uint32_t side;
};

struct symbol {
	uint64_t name; /* 8 characters as in memory */
	uint32_t mid;
	uint32_t n_live;
	uint32_t keep;	/* alias table: below it this symbol, else `other` */
	uint32_t other; /* alias table */
};

struct session {
	uint64_t n; /* ids given out */
	char token[TOKEN_LEN];
};

struct gen {
	struct gen_spec spec;
	struct nmw_rng rng;
	uint64_t n; /* messages so far, with the logins */
	uint64_t rank;
	const struct nmw_codec *codec;
	struct nmw_books *books;
	struct order *order;   /* by book handle */
	struct symbol *symbol; /* spec.symbols */
	nmw_oid *live;	       /* spec.symbols x cap handles */
	uint32_t cap;	       /* most live orders of a symbol */
	struct session *session;
	struct nmw_cmd cmd; /* what all messages have in common, filled in once */
	uint16_t near[GEO_STEPS], far[GEO_STEPS], sweep[GEO_STEPS], through[GEO_STEPS];
};

/* ---- distributions --------------------------------------------------------------------------- */

/* tab[i] = the (i / GEO_STEPS) quantile of a geometric distribution: 0, 1, 2 ... with that mean. */
static void geo_init(uint16_t *tab, uint32_t mean)
{
	const uint64_t one = 1ull << 40;
	uint64_t above = one - one / (mean + 1); /* probability of more than k */
	uint16_t k = 0;
	for (uint64_t i = 0; i < GEO_STEPS; i++) {
		while (one - above <= i * (one / GEO_STEPS)) {
			above -= above / (mean + 1);
			k++;
		}
		tab[i] = k;
	}
}

static uint32_t geo(struct gen *g, const uint16_t *tab)
{
	return tab[nmw_rng_u64(&g->rng) >> 52];
}

static uint64_t isqrt(u128 v)
{
	uint64_t r = 0;
	for (uint64_t bit = 1ull << 63; bit; bit >>= 1)
		if ((u128)(r | bit) * (r | bit) <= v)
			r |= bit;
	return r;
}

/* 2^44 / rank^(zipf2 / 2) */
static uint64_t weight(uint64_t rank, uint32_t zipf2)
{
	uint64_t power = 1;
	for (uint32_t i = 0; i < zipf2; i++)
		power *= rank; /* at most 65,535^4 */
	return isqrt(((u128)1 << 88) / power);
}

/* Alias table (Vose): symbol i is drawn with its weight by one comparison. w[i] holds n x weight.
 */
static void alias_init(struct symbol *s, uint32_t n, uint64_t *w, uint32_t *work, uint64_t total)
{
	uint32_t small = 0, large = n; /* stacks at both ends of work */
	for (uint32_t i = 0; i < n; i++)
		work[w[i] < total ? small++ : --large] = i;
	while (small && large < n) { /* each turn settles one symbol */
		uint32_t i = work[--small], j = work[large];
		s[i].keep = (uint32_t)(((u128)w[i] << 32) / total);
		s[i].other = j;
		w[j] -= total - w[i];
		if (w[j] < total) {
			large++;
			work[small++] = j;
		}
	}
	while (small) { /* what is left has its whole share, but for rounding */
		uint32_t i = work[--small];
		s[i].keep = UINT32_MAX;
		s[i].other = i;
	}
	for (; large < n; large++) {
		s[work[large]].keep = UINT32_MAX;
		s[work[large]].other = work[large];
	}
}

static int symbols_weigh(struct gen *g)
{
	uint32_t n = g->spec.symbols;
	uint64_t *w = malloc(n * sizeof *w), total = 0;
	uint32_t *work = malloc(n * sizeof *work);
	int rc = w && work ? 0 : -ENOMEM;
	for (uint32_t i = 0; !rc && i < n; i++) {
		uint64_t share = weight(i + 1, g->spec.zipf2);
		total += share;
		w[i] = share * n;
	}
	if (!rc)
		alias_init(g->symbol, n, w, work, total);
	free(w);
	free(work);
	return rc;
}

static uint32_t pick_symbol(struct gen *g)
{
	uint64_t r = nmw_rng_u64(&g->rng);
	uint32_t i = (uint32_t)(((r >> 32) * g->spec.symbols) >> 32);
	return (uint32_t)r < g->symbol[i].keep ? i : g->symbol[i].other;
}

/* ---- the generator's own market ------------------------------------------ */

static nmw_oid *live_list(struct gen *g, uint32_t sym)
{
	return g->live + (size_t)sym * g->cap;
}

static void live_remove(struct gen *g, nmw_oid id)
{
	const struct order *o = &g->order[id];
	nmw_oid *list = live_list(g, o->sym);
	nmw_oid last = list[--g->symbol[o->sym].n_live];
	list[o->pos] = last;
	g->order[last].pos = o->pos;
	nmw_book_free(g->books, id);
}

/* Half of the picks fall on recent orders, as people's second thoughts do. */
static nmw_oid pick_live(struct gen *g, uint32_t sym)
{
	uint32_t n = g->symbol[sym].n_live;
	uint32_t k = n;
	if (n > RECENT && nmw_rng_chance(&g->rng, 500000))
		k = RECENT;
	return live_list(g, sym)[n - 1 - (uint32_t)nmw_rng_below(&g->rng, k)];
}

/* Matches what an engine will match; returns what is left. */
static uint32_t match(struct gen *g, uint32_t sym, uint32_t side, uint32_t px, uint32_t qty)
{
	struct nmw_fill fills[FILLS];
	struct nmw_taker t = {.sym = sym, .side = side, .limit = px, .qty = qty};
	unsigned n;
	do { /* each turn takes orders off the book */
		n = nmw_book_match(g->books, &t, fills, FILLS);
		for (unsigned i = 0; i < n; i++) {
			struct order *o = &g->order[fills[i].maker];
			o->executed += fills[i].qty;
			o->qty = fills[i].maker_left;
			if (o->qty == 0)
				live_remove(g, fills[i].maker);
		}
	} while (n == FILLS);
	return t.qty;
}

static void rest(struct gen *g, const struct order *o)
{
	struct symbol *s = &g->symbol[o->sym];
	nmw_oid id = nmw_book_alloc(g->books);
	assert(id && s->n_live < g->cap);
	g->order[id] = *o;
	g->order[id].pos = s->n_live;
	live_list(g, o->sym)[s->n_live++] = id;
	nmw_book_rest(g->books, id, o->sym, o->side, o->px, o->qty, ++g->rank, 0);
}

/* An order comes to the market; executed counts what its chain had before. */
static void trade(struct gen *g, struct order *o, bool day)
{
	uint32_t left = match(g, o->sym, o->side, o->px, o->qty);
	o->executed += o->qty - left;
	o->qty = left;
	if (left && day)
		rest(g, o);
}

/* ---- messages ------------------------------------------------------------ */

/* The session's next id: "G" and 13 digits, counted up as text; OUCH 5.0 has it as a number. */
static struct nmw_key next_key(struct gen *g, uint32_t session)
{
	struct session *s = &g->session[session];
	unsigned i = TOKEN_LEN - 1;
	while (s->token[i] == '9')
		s->token[i--] = '0';
	s->token[i]++;
	s->n++;
	if (g->spec.codec == NMW_CODEC_OUCH50) {
		memcpy(g->cmd.info.clordid, s->token, TOKEN_LEN);
		return (struct nmw_key){.lo = s->n};
	}
	const uint8_t *p = (const uint8_t *)s->token;
	return (struct nmw_key){nmw_raw64(p), nmw_raw64(p + 6) >> 16};
}

static uint32_t encode(struct gen *g, enum nmw_op op, const struct order *o, uint32_t qty,
		       uint8_t *buf)
{
	struct nmw_cmd *c = &g->cmd;
	c->op = (uint8_t)op;
	c->side = c->info.side = o->side == NMW_BUY ? 'B' : 'S';
	c->qty = qty;
	c->price = (int64_t)o->px * PENNY;
	c->info.symbol = g->symbol[o->sym].name;
	return g->codec->encode_cmd(c, buf);
}

static uint32_t enter(struct gen *g, struct order *o, bool day, uint8_t *buf)
{
	o->session = (uint32_t)nmw_rng_below(&g->rng, g->spec.sessions);
	o->key = g->cmd.key = next_key(g, o->session);
	g->cmd.tif = day ? NMW_TIF_DAY : NMW_TIF_IOC;
	uint32_t len = encode(g, NMW_OP_ENTER, o, o->qty, buf);
	trade(g, o, day);
	return len;
}

static uint32_t lots(struct gen *g)
{
	return LOT * (1 + (uint32_t)nmw_rng_below(&g->rng, 5));
}

static uint32_t px_at(uint32_t base, uint32_t distance, bool up)
{
	if (up)
		return base + distance;
	return base > distance + PX_MIN ? base - distance : PX_MIN;
}

/* Geometric distances on the far side of the middle; one in seven far away. */
static uint32_t passive_px(struct gen *g, uint32_t sym, uint32_t side)
{
	uint32_t d = nmw_rng_chance(&g->rng, 850000) ? geo(g, g->near) + geo(g, g->near)
						     : 20 + geo(g, g->far);
	d = 1 + (d < DISTANCE_MAX ? d : DISTANCE_MAX);
	return px_at(g->symbol[sym].mid, d, side == NMW_SELL);
}

static uint32_t msg_add(struct gen *g, uint32_t sym, uint8_t *buf, uint32_t *session)
{
	struct order o = {.sym = sym, .side = (uint32_t)nmw_rng_below(&g->rng, 2)};
	o.px = passive_px(g, sym, o.side);
	o.qty = lots(g);
	uint32_t len = enter(g, &o, true, buf);
	*session = o.session;
	return len;
}

/* IOC four times of five, else a limit order that trades at once; 0 = nothing to trade with. */
static uint32_t msg_aggressive(struct gen *g, uint32_t sym, uint8_t *buf, uint32_t *session)
{
	struct order o = {.sym = sym, .side = (uint32_t)nmw_rng_below(&g->rng, 2)};
	int64_t best = nmw_book_best(g->books, sym, o.side == NMW_BUY ? NMW_SELL : NMW_BUY);
	if (best < 0)
		return 0;
	o.px = px_at((uint32_t)best, geo(g, g->through), o.side == NMW_BUY);
	o.qty = LOT * (1 + geo(g, g->sweep));
	bool day = nmw_rng_chance(&g->rng, 200000) && g->symbol[sym].n_live < g->cap;
	uint32_t len = enter(g, &o, day, buf);
	*session = o.session;
	return len;
}

/* One in ten takes only half of the order away. */
static uint32_t msg_cancel(struct gen *g, uint32_t sym, uint8_t *buf, uint32_t *session)
{
	nmw_oid id = pick_live(g, sym);
	struct order *o = &g->order[id];
	bool part = o->qty > LOT && nmw_rng_chance(&g->rng, 100000);
	uint32_t left = part ? o->qty / 2 : 0;
	*session = o->session;
	g->cmd.key = o->key;
	uint32_t len = encode(g, NMW_OP_CANCEL, o, part ? o->executed + left : 0, buf);
	if (part) {
		o->qty = left;
		nmw_book_reduce(g->books, id, left);
	} else {
		nmw_book_unlink(g->books, id);
		live_remove(g, id);
	}
	return len;
}

/* Mostly a step or three to either side, else a new price. */
static uint32_t msg_replace(struct gen *g, uint32_t sym, uint8_t *buf, uint32_t *session)
{
	nmw_oid id = pick_live(g, sym);
	struct order o = g->order[id];
	o.qty = lots(g);
	if (o.executed + o.qty > QTY_MAX)
		return msg_cancel(g, sym, buf, session);
	*session = o.session;
	if (nmw_rng_chance(&g->rng, 800000)) { /* drawn one by one: arguments have no order */
		uint32_t step = 1 + (uint32_t)nmw_rng_below(&g->rng, 3);
		o.px = px_at(o.px, step, nmw_rng_below(&g->rng, 2));
	} else {
		o.px = passive_px(g, sym, o.side);
	}
	g->cmd.key = o.key;
	g->cmd.tif = NMW_TIF_DAY;
	o.key = g->cmd.key2 = next_key(g, o.session);
	uint32_t len = encode(g, NMW_OP_REPLACE, &o, o.executed + o.qty, buf);
	nmw_book_unlink(g->books, id);
	live_remove(g, id);
	trade(g, &o, true);
	return len;
}

/* Adds prevail while the book is thin, cancels once it is deep; twice the depth is the end. */
static bool should_add(struct gen *g, uint32_t n_live)
{
	const struct gen_spec *s = &g->spec;
	if (n_live == 0 || n_live >= g->cap)
		return n_live == 0;
	uint32_t both = s->add + s->cancel;
	uint32_t ppm = both ? s->add * 1000000u / both : 500000;
	ppm = n_live < s->depth ? ppm + 100000 : ppm - (ppm < 100000 ? ppm : 100000);
	return nmw_rng_chance(&g->rng, ppm);
}

static uint32_t msg_any(struct gen *g, uint8_t *buf, uint32_t *session)
{
	const struct gen_spec *s = &g->spec;
	uint32_t sym = pick_symbol(g);
	struct symbol *y = &g->symbol[sym];
	if (nmw_rng_chance(&g->rng, 5000)) {
		y->mid += nmw_rng_below(&g->rng, 2) ? 1u : UINT32_MAX; /* one up or down */
		y->mid = y->mid < MID_LO ? MID_LO : y->mid > MID_HI ? MID_HI : y->mid;
	}
	uint32_t kind = (uint32_t)nmw_rng_below(&g->rng, 100);
	uint32_t len = 0;
	if (kind < s->aggressive)
		len = msg_aggressive(g, sym, buf, session);
	else if (kind < s->aggressive + s->replace && y->n_live)
		len = msg_replace(g, sym, buf, session);
	if (len)
		return len;
	return should_add(g, y->n_live) ? msg_add(g, sym, buf, session)
					: msg_cancel(g, sym, buf, session);
}

static uint32_t msg_login(const struct gen *g, uint32_t session, uint8_t *buf)
{
	uint32_t id = session + 1;
	struct nmw_ctl c = {.kind = NMW_CTL_LOGIN,
			    .codec = (uint8_t)g->spec.codec,
			    .family = 4,
			    .port = (uint16_t)(40000 + id % 20000),
			    .first = 1,
			    .addr = {10, 1, (uint8_t)(id >> 8), (uint8_t)id},
			    .name = {'N', 'M', 'W', 'G', 'E', 'N', ' ', ' ', ' ', ' '}};
	memset(c.account, ' ', sizeof c.account);
	c.account[0] = 'G';
	for (unsigned i = 5; i >= 1; i--, id /= 10)
		c.account[i] = (char)('0' + id % 10);
	memcpy(buf, &c, sizeof c);
	return sizeof c;
}

uint64_t gen_time(const struct gen *g)
{
	return g->spec.start_s * NMW_NS_PER_S + g->n * g->spec.interval_ns;
}

bool gen_ended(const struct gen *g)
{
	return g->spec.count && g->n >= g->spec.sessions + g->spec.count;
}

uint32_t gen_next(struct gen *g, uint8_t *buf, struct gen_msg *m)
{
	uint32_t session = 0, len;
	if (gen_ended(g))
		return 0;
	m->ts_ns = gen_time(g);
	if (g->n < g->spec.sessions) {
		session = (uint32_t)g->n;
		len = msg_login(g, session, buf);
		m->channel = NMW_CH_CTL;
		m->codec = NMW_CODEC_CTL;
	} else {
		len = msg_any(g, buf, &session);
		m->channel = NMW_CH_ORDER;
		m->codec = (uint8_t)g->spec.codec;
	}
	g->n++;
	m->session = session + 1;
	return len;
}

void gen_progress(const struct gen *g, uint64_t *done, uint64_t *total)
{
	*done = g->n;
	*total = g->spec.count ? g->spec.count + g->spec.sessions : 0;
}

/* ---- life ----------------------------------------------------------------------------------- */

/* S0000 ..., as many digits as the last one needs, four at least. */
static void name_symbols(struct gen *g)
{
	unsigned digits = g->spec.symbols > 10000 ? 5 : 4;
	for (uint32_t i = 0; i < g->spec.symbols; i++) {
		uint8_t name[8] = {'S', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
		uint32_t v = i;
		for (unsigned d = digits; d >= 1; d--, v /= 10)
			name[d] = (uint8_t)('0' + v % 10);
		g->symbol[i].name = nmw_raw64(name);
		g->symbol[i].mid = MID_START_LO + (uint32_t)nmw_rng_below(&g->rng, MID_START_N);
	}
}

static void fill_common(struct gen *g)
{
	g->cmd.price_type = 'L';
	g->cmd.info = nmw_order_info_none;
	memcpy(&g->cmd.info.firm, "NMWG", 4);
	g->cmd.info.display = 'Y';
	g->cmd.info.capacity = 'P';
	g->cmd.info.iso = 'N';
	g->cmd.info.cross = 'N';
	g->cmd.info.customer = 'N';
	for (uint32_t i = 0; i < g->spec.sessions; i++)
		memcpy(g->session[i].token, "G0000000000000", TOKEN_LEN);
	geo_init(g->near, 10);
	geo_init(g->far, 300);
	geo_init(g->sweep, 5);
	geo_init(g->through, 2);
}

static int take_memory(struct gen *g)
{
	const struct gen_spec *s = &g->spec;
	const struct nmw_books_spec books = {.symbols = s->symbols, .orders = s->symbols * g->cap};
	size_t sz = nmw_books_footprint(&books);
	void *mem = aligned_alloc(4096, (sz + 4095) & ~(size_t)4095);
	g->symbol = calloc(s->symbols, sizeof *g->symbol);
	g->session = calloc(s->sessions, sizeof *g->session);
	g->order = calloc((size_t)books.orders + 1, sizeof *g->order);
	g->live = calloc((size_t)s->symbols * g->cap, sizeof *g->live);
	if (mem)
		memset(mem, 0, sz);
	g->books = mem ? nmw_books_init(mem, &books) : NULL;
	if (!g->books)
		free(mem);
	return g->books && g->symbol && g->session && g->order && g->live ? 0 : -ENOMEM;
}

struct gen *gen_new(const struct gen_spec *s, struct nmw_err *e)
{
	struct gen *g = calloc(1, sizeof *g);
	if (g) {
		g->spec = *s;
		g->cap = 2 * s->depth;
		g->codec = nmw_codec_by_id(s->codec);
	}
	if (!g || take_memory(g) < 0 || symbols_weigh(g) < 0) {
		gen_free(g);
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
			    "no memory for %u symbols with %u orders: lower symbols or depth",
			    s->symbols, 2 * s->depth);
		return NULL;
	}
	nmw_rng_seed(&g->rng, s->seed);
	name_symbols(g);
	fill_common(g);
	return g;
}

void gen_free(struct gen *g)
{
	if (!g)
		return;
	free(g->books);
	free(g->order);
	free(g->symbol);
	free(g->live);
	free(g->session);
	free(g);
}
