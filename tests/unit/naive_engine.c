#include "naive_engine.h"
#include <stdlib.h>
#include <string.h>

#define DAY_NS	  86400000000000ull
#define SECOND_NS 1000000000ull
#define SETS	  65536u

/* ---- outputs -------------------------------------------------------------------------------- */

struct outmsg *outmsgs_next(struct outmsgs *o)
{
	if (o->n == o->cap) {
		o->cap = o->cap ? 2 * o->cap : 256;
		o->m = realloc(o->m, o->cap * sizeof(*o->m));
		if (!o->m)
			abort();
	}
	return &o->m[o->n];
}

void outmsgs_keep(struct outmsgs *o)
{
	const struct outmsg *m = &o->m[o->n++];
	uint64_t h = o->hash ^ m->session ^ (uint64_t)m->channel << 32 ^ m->in_seq << 40 ^ m->ts_ns;
	for (unsigned i = 0; i < m->len; i++)
		h = (h ^ m->p[i]) * 0x100000001b3ull;
	o->hash = h;
}

/* ---- what it knows --------------------------------------------------------------------------- */

struct order {
	struct order *worse; /* next in its queue: book order */
	struct book *book;
	struct account *account;
	struct session *session;
	struct nmw_key key;
	uint64_t ref, expire_ns;
	int64_t price;
	uint32_t qty, executed, firm;
	char side, capacity, display;
	char clordid[14];
	bool buy, hidden;
};

struct book {
	struct book *next;
	struct nmw_symbol_conf c;
	uint64_t name;
	struct order *queue[2]; /* best first */
	bool announced;
};

struct token {
	struct token *next;
	struct nmw_key key;
};

struct account {
	struct account *next;
	char name[10];
	int codec;
	uint64_t last_urn;
	struct token *tokens[SETS]; /* ever used */
	struct session *latest;
};

struct session {
	struct session *next; /* in order of appearance */
	uint32_t id;
	struct account *account;
	int codec;
	bool up, cancel, greeted, said; /* said: by a login */
};

struct naive {
	struct nmw_engine_spec spec;
	struct book *books;
	struct session *sessions;
	struct account *accounts;
	uint64_t ref, match, now, tokens;
	unsigned n_books, n_sessions, n_accounts, n_live, n_timed;
	bool closed, opened, ended;
	/* the message being worked on */
	const struct nmw_slot *in;
	uint64_t tod;
	struct outmsgs *out;
};

static void *make(size_t size)
{
	void *p = calloc(1, size);
	if (!p)
		abort();
	return p;
}

struct naive *naive_new(const struct nmw_engine_spec *spec)
{
	struct naive *n = make(sizeof(*n));
	n->spec = *spec;
	return n;
}

static void free_queue(struct order *o)
{
	while (o) {
		struct order *next = o->worse;
		free(o);
		o = next;
	}
}

static void free_account(struct account *a)
{
	for (unsigned i = 0; i < SETS; i++)
		while (a->tokens[i]) {
			struct token *t = a->tokens[i];
			a->tokens[i] = t->next;
			free(t);
		}
	free(a);
}

void naive_free(struct naive *n)
{
	while (n->books) {
		struct book *b = n->books;
		n->books = b->next;
		free_queue(b->queue[0]);
		free_queue(b->queue[1]);
		free(b);
	}
	while (n->sessions) {
		struct session *s = n->sessions;
		n->sessions = s->next;
		free(s);
	}
	while (n->accounts) {
		struct account *a = n->accounts;
		n->accounts = a->next;
		free_account(a);
	}
	free(n);
}

/* ---- symbols --------------------------------------------------------------------------------- */

static struct book *book_find(const struct naive *n, uint64_t name)
{
	for (struct book *b = n->books; b; b = b->next)
		if (b->name == name)
			return b;
	return NULL;
}

static struct book *book_add(struct naive *n, const struct nmw_symbol_conf *c)
{
	struct book **last = &n->books, *b = make(sizeof(*b));
	while (*last)
		last = &(*last)->next;
	*last = b;
	b->c = *c;
	memcpy(&b->name, c->name, 8);
	b->c.tick = c->tick ? c->tick : 1;
	b->c.lot = c->lot ? c->lot : 100;
	n->n_books++;
	for (uint16_t l = 1; !b->c.locate; l++) {
		bool taken = false;
		for (struct book *o = n->books; o; o = o->next)
			taken |= o->c.locate == l;
		if (!taken)
			b->c.locate = l;
	}
	return b;
}

void naive_symbol(struct naive *n, const struct nmw_symbol_conf *c)
{
	book_add(n, c);
}

void naive_closed_list(struct naive *n, bool closed)
{
	n->closed = closed;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_msg(struct naive *n, const struct nmw_codec *codec, uint32_t session,
		      uint8_t channel, struct nmw_evt v)
{
	struct outmsg *m = outmsgs_next(n->out);
	v.ts_ns = n->tod;
	m->len = (uint16_t)codec->encode(&v, m->p);
	if (!m->len)
		return;
	m->ts_ns = n->in->ts_ns;
	m->in_seq = n->in->in_seq;
	m->session = session;
	m->channel = channel;
	m->codec = (uint8_t)codec->id;
	outmsgs_keep(n->out);
}

static void say(struct naive *n, struct session *s, struct nmw_evt v)
{
	if (!s || !n->spec.replies_out)
		return;
	write_msg(n, nmw_codec_by_id((enum nmw_codec_id)s->codec), s->id, NMW_CH_REPLY, v);
}

/* About an order: to the session that entered it, or to the one that its account has now. */
static void say_about(struct naive *n, const struct order *o, struct nmw_evt v)
{
	struct session *s = o->session;
	if (!s->up || s->account != o->account)
		s = o->account->latest;
	if (s->account == o->account)
		say(n, s, v);
}

static void feed(struct naive *n, struct nmw_evt v)
{
	if (n->spec.feed_out)
		write_msg(n, &nmw_codec_itch50, 0, NMW_CH_FEED, v);
}

static void system_event(struct naive *n, char code)
{
	feed(n, (struct nmw_evt){.kind = NMW_EVT_MD_SYSTEM, .code = (uint8_t)code});
}

static void announce(struct naive *n, struct book *b)
{
	if (b->announced)
		return;
	b->announced = true;
	feed(n, (struct nmw_evt){.kind = NMW_EVT_MD_DIRECTORY,
				 .locate = b->c.locate,
				 .symbol = b->name,
				 .qty = b->c.lot});
	feed(n, (struct nmw_evt){.kind = NMW_EVT_MD_ACTION,
				 .locate = b->c.locate,
				 .symbol = b->name,
				 .code = b->c.state});
}

static void open_day(struct naive *n)
{
	if (n->opened)
		return;
	n->opened = true;
	system_event(n, 'O');
	for (struct book *b = n->books; b; b = b->next)
		announce(n, b);
	system_event(n, 'S');
	system_event(n, 'Q');
}

static void greet(struct naive *n, struct session *s)
{
	if (s->greeted)
		return;
	s->greeted = true;
	say(n, s, (struct nmw_evt){.kind = NMW_EVT_SYSTEM, .code = 'S'});
}

static void feed_add(struct naive *n, const struct order *o)
{
	if (!o->hidden)
		feed(n, (struct nmw_evt){.kind = NMW_EVT_MD_ADD,
					 .locate = o->book->c.locate,
					 .order_ref = o->ref,
					 .side = (uint8_t)o->side,
					 .qty = o->qty,
					 .symbol = o->book->name,
					 .price = o->price});
}

static void feed_delete(struct naive *n, const struct order *o)
{
	if (!o->hidden)
		feed(n, (struct nmw_evt){.kind = NMW_EVT_MD_DELETE,
					 .locate = o->book->c.locate,
					 .order_ref = o->ref});
}

static void feed_replace(struct naive *n, uint64_t old_ref, const struct order *o)
{
	feed(n, (struct nmw_evt){.kind = NMW_EVT_MD_REPLACE,
				 .locate = o->book->c.locate,
				 .old_ref = old_ref,
				 .order_ref = o->ref,
				 .qty = o->qty,
				 .price = o->price});
}

static void say_canceled(struct naive *n, struct session *s, struct nmw_key key, uint32_t qty,
			 char reason)
{
	say(n, s,
	    (struct nmw_evt){
		    .kind = NMW_EVT_CANCELED, .reason = (uint8_t)reason, .qty = qty, .key = key});
}

static void order_canceled(struct naive *n, const struct order *o, uint32_t qty, char reason)
{
	say_about(n, o,
		  (struct nmw_evt){.kind = NMW_EVT_CANCELED,
				   .reason = (uint8_t)reason,
				   .qty = qty,
				   .key = o->key});
}

static void say_rejected(struct naive *n, struct session *s, struct nmw_key key,
			 const struct nmw_cmd *c, int why)
{
	say(n, s,
	    (struct nmw_evt){.kind = NMW_EVT_REJECTED,
			     .reason = (uint8_t)why,
			     .key = key,
			     .info = &c->info});
}

/* ---- queues ---------------------------------------------------------------------------------- */

static bool better(const struct order *a, const struct order *b)
{
	if (a->price != b->price)
		return a->buy ? a->price > b->price : a->price < b->price;
	if (a->hidden != b->hidden)
		return !a->hidden;
	return false; /* the one that is there was first */
}

static void enqueue(struct order *o)
{
	struct order **at = &o->book->queue[o->buy];
	while (*at && !better(o, *at))
		at = &(*at)->worse;
	o->worse = *at;
	*at = o;
}

static void dequeue(struct order *o)
{
	struct order **at = &o->book->queue[o->buy];
	while (*at != o)
		at = &(*at)->worse;
	*at = o->worse;
}

static struct order *live_find(const struct naive *n, const struct account *a, struct nmw_key key)
{
	for (struct book *b = n->books; b; b = b->next)
		for (int side = 0; side < 2; side++)
			for (struct order *o = b->queue[side]; o; o = o->worse)
				if (o->account == a && o->key.lo == key.lo && o->key.hi == key.hi)
					return o;
	return NULL;
}

static void gone(struct naive *n, struct order *o)
{
	n->n_live--;
	n->n_timed -= o->expire_ns != 0;
	free(o);
}

static void cancel_all_of(struct naive *n, struct order *o, char reason)
{
	order_canceled(n, o, o->qty, reason);
	feed_delete(n, o);
	dequeue(o);
	gone(n, o);
}

/* ---- ids ------------------------------------------------------------------------------------- */

static struct token **token_set(struct account *a, struct nmw_key k)
{
	uint64_t h = (k.lo ^ k.hi * 31) * 0x9E3779B97F4A7C15ull;
	return &a->tokens[h >> 48];
}

static bool used(struct account *a, struct nmw_key k)
{
	if (a->codec == NMW_CODEC_OUCH50)
		return k.lo <= a->last_urn;
	for (struct token *t = *token_set(a, k); t; t = t->next)
		if (t->key.lo == k.lo && t->key.hi == k.hi)
			return true;
	return false;
}

static bool use(struct naive *n, struct account *a, struct nmw_key k)
{
	if (a->codec == NMW_CODEC_OUCH50) {
		a->last_urn = k.lo;
		return true;
	}
	if (n->tokens == n->spec.ids)
		return false;
	n->tokens++;
	struct token *t = make(sizeof(*t)), **set = token_set(a, k);
	t->key = k;
	t->next = *set;
	*set = t;
	return true;
}

/* ---- what is refused ------------------------------------------------------------------------- */

#define FINE (-1)

static bool one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

static bool has(const struct nmw_cmd *c, int tag)
{
	return c->tags >> tag & 1;
}

static char handling(const struct nmw_cmd *c)
{
	for (const uint8_t *p = c->app; p < c->app + c->app_len; p += p[0] + 1)
		if (p[1] == NMW_TAG_HANDLE_INST)
			return (char)p[2];
	return 'N';
}

static int judge_terms(const struct naive *n, const struct nmw_cmd *c, uint32_t open, bool entering)
{
	(void)n;
	const struct nmw_order_info *i = &c->info;
	if (i->min_qty > open || (i->min_qty > 0 && c->post_only))
		return NMW_REJ_MIN_QTY;
	if (c->tif == NMW_TIF_AFTER)
		return NMW_REJ_CLOSED;
	if (c->tif == NMW_TIF_BAD)
		return NMW_REJ_TIF;
	if (c->tif == NMW_TIF_GTT && c->tif_s == 0)
		return NMW_REJ_TIF;
	if (c->price_type && c->price_type != 'L')
		return NMW_REJ_PEG;
	if (!one_of((char)i->display, c->app ? "AYN" : "AYNPL"))
		return NMW_REJ_DISPLAY;
	if (entering && !one_of((char)i->capacity, "APRO"))
		return NMW_REJ_CAPACITY_CODE;
	if (!one_of((char)i->iso, "YNy"))
		return NMW_REJ_ISO;
	if (entering && i->cross != 'N')
		return NMW_REJ_CROSS;
	if (has(c, NMW_TAG_PEG_OFFSET) || has(c, NMW_TAG_DISCRETION_PRICE) ||
	    has(c, NMW_TAG_DISCRETION_TYPE) || has(c, NMW_TAG_DISCRETION_OFFSET))
		return NMW_REJ_PEG;
	if (has(c, NMW_TAG_RANDOM_RESERVES) || has(c, NMW_TAG_DISPLAY_PRICE) ||
	    (c->display_qty > 0 && c->display_qty < open))
		return NMW_REJ_DISPLAY;
	if (has(c, NMW_TAG_ROUTE))
		return NMW_REJ_ROUTING;
	if (has(c, NMW_TAG_HANDLE_INST) && !one_of(handling(c), " N"))
		return NMW_REJ_OTHER;
	if (c->market)
		return c->post_only ? NMW_REJ_PRICE : FINE;
	return c->price < 1 || c->price > 1999999900 ? NMW_REJ_PRICE : FINE;
}

static bool price_fits(const struct book *b, const struct nmw_cmd *c)
{
	if (c->market)
		return true;
	if (c->price % b->c.tick != 0)
		return false;
	return c->price >= b->c.band_lo && (b->c.band_hi == 0 || c->price <= b->c.band_hi);
}

static struct book *book_for(struct naive *n, uint64_t name)
{
	struct book *b = book_find(n, name);
	if (b || n->closed || n->n_books == n->spec.symbols)
		return b;
	struct nmw_symbol_conf conf = {.state = 'T'};
	memcpy(conf.name, &name, 8);
	b = book_add(n, &conf);
	announce(n, b);
	return b;
}

static uint32_t timers_max(const struct naive *n)
{
	uint32_t most = n->spec.orders < 1048576 ? n->spec.orders : 1048576;
	return n->spec.timers ? n->spec.timers : most;
}

static int judge_enter(struct naive *n, const struct nmw_cmd *c, struct book **b)
{
	if (!one_of((char)c->side, "BSTE"))
		return NMW_REJ_SIDE;
	if (c->qty < 1 || c->qty >= 1000000)
		return NMW_REJ_QTY;
	int why = judge_terms(n, c, c->qty, true);
	if (why != FINE)
		return why;
	*b = book_for(n, c->info.symbol);
	if (!*b)
		return NMW_REJ_SYMBOL;
	if ((*b)->c.state != 'T')
		return NMW_REJ_HALTED;
	if (!price_fits(*b, c))
		return NMW_REJ_PRICE;
	bool immediate = c->tif == NMW_TIF_IOC || c->market;
	if (!immediate && n->n_live == n->spec.orders)
		return NMW_REJ_OTHER;
	if (c->tif == NMW_TIF_GTT && n->n_timed == timers_max(n))
		return NMW_REJ_OTHER;
	return FINE;
}

/* ---- matching -------------------------------------------------------------------------------- */

struct taker {
	struct session *session;
	struct nmw_key key;
	struct book *book;
	bool buy, market, immediate, post_only;
	int64_t price;
	uint32_t qty, executed, min_qty;
};

static bool reaches(const struct taker *t, const struct order *o)
{
	return o && (t->market || (t->buy ? o->price <= t->price : o->price >= t->price));
}

/* Shares that it would get, self-match prevention included. */
static uint64_t could_get(const struct naive *n, const struct taker *t)
{
	uint64_t sum = 0;
	for (struct order *o = t->book->queue[!t->buy]; reaches(t, o); o = o->worse) {
		bool own = n->spec.stp != NMW_STP_ALLOW && o->account == t->session->account;
		if (own && n->spec.stp == NMW_STP_CANCEL_NEW)
			break;
		if (!own)
			sum += o->qty;
	}
	return sum;
}

/* The taker meets an own order, and one of the two is canceled. */
static struct nmw_evt aiq(const struct taker *t, const struct order *o, uint32_t qty,
			  char liquidity)
{
	return (struct nmw_evt){.kind = NMW_EVT_AIQ_CANCELED,
				.reason = 'Q',
				.qty = qty,
				.prevented = t->qty < o->qty ? t->qty : o->qty,
				.price = o->price,
				.liquidity = (uint8_t)liquidity,
				.key = liquidity == 'R' ? t->key : o->key};
}

static void trade(struct naive *n, struct taker *t, struct order *o)
{
	uint32_t qty = t->qty < o->qty ? t->qty : o->qty;
	struct nmw_evt v = {.kind = NMW_EVT_EXECUTED,
			    .liquidity = 'R',
			    .qty = qty,
			    .price = o->price,
			    .match = ++n->match,
			    .key = t->key};
	say(n, t->session, v);
	v.liquidity = 'A';
	v.key = o->key;
	say_about(n, o, v);
	struct nmw_evt f = {.kind = o->hidden ? NMW_EVT_MD_TRADE : NMW_EVT_MD_EXEC,
			    .locate = o->book->c.locate,
			    .order_ref = o->hidden ? 0 : o->ref,
			    .side = 'B',
			    .qty = qty,
			    .symbol = o->book->name,
			    .price = o->price,
			    .match = n->match};
	feed(n, f);
	t->qty -= qty;
	t->executed += qty;
	o->qty -= qty;
	o->executed += qty;
	if (!o->qty) {
		dequeue(o);
		gone(n, o);
	}
}

static void take(struct naive *n, struct taker *t)
{
	while (t->qty) {
		struct order *o = t->book->queue[!t->buy];
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed left the queue before
		 */
		if (!reaches(t, o))
			return;
		if (n->spec.stp == NMW_STP_ALLOW || o->account != t->session->account) {
			trade(n, t, o);
		} else if (n->spec.stp == NMW_STP_CANCEL_NEW) {
			say(n, t->session, aiq(t, o, t->qty, 'R'));
			t->qty = 0;
		} else {
			say_about(n, o, aiq(t, o, o->qty, 'A'));
			feed_delete(n, o);
			dequeue(o);
			gone(n, o);
		}
	}
}

/* After Accepted or Replaced. */
static void run_taker(struct naive *n, struct taker *t)
{
	char reason = 0;
	bool takes = reaches(t, t->book->queue[!t->buy]);
	if (takes && t->post_only)
		reason = 'G';
	else if (t->min_qty && (!takes || could_get(n, t) < t->min_qty))
		reason = 'I';
	if (!reason && takes)
		take(n, t);
	if (!reason && t->qty && t->immediate)
		reason = 'I';
	if (reason) {
		say_canceled(n, t->session, t->key, t->qty, reason);
		t->qty = 0;
	}
}

static struct order *rest(struct naive *n, const struct taker *t, const struct nmw_cmd *c,
			  uint64_t ref)
{
	struct order *o = make(sizeof(*o));
	o->book = t->book;
	o->session = t->session;
	o->account = t->session->account;
	o->key = t->key;
	o->ref = ref;
	o->price = c->price;
	o->qty = t->qty;
	o->executed = t->executed;
	o->firm = c->info.firm;
	o->side = (char)c->side;
	o->capacity = (char)c->info.capacity;
	o->display = (char)c->info.display;
	memcpy(o->clordid, c->info.clordid, sizeof(o->clordid));
	o->buy = c->side == 'B';
	o->hidden = c->info.display == 'N';
	if (c->tif == NMW_TIF_GTT)
		o->expire_ns = n->in->ts_ns + c->tif_s * SECOND_NS;
	n->n_live++;
	n->n_timed += o->expire_ns != 0;
	enqueue(o);
	return o;
}

/* ---- order entry ----------------------------------------------------------------------------- */

static struct taker taker_of(struct session *s, const struct nmw_cmd *c, struct nmw_key key,
			     struct book *b, uint32_t qty)
{
	return (struct taker){.session = s,
			      .key = key,
			      .book = b,
			      .buy = c->side == 'B',
			      .market = c->market,
			      .immediate = c->tif == NMW_TIF_IOC || c->market,
			      .post_only = c->post_only,
			      .price = c->price,
			      .qty = qty,
			      .min_qty = c->info.min_qty};
}

static void enter(struct naive *n, struct session *s, struct nmw_cmd *c)
{
	struct book *b;
	if (used(s->account, c->key))
		return;
	int why = use(n, s->account, c->key) ? judge_enter(n, c, &b) : NMW_REJ_OTHER;
	if (why != FINE) {
		say_rejected(n, s, c->key, c, why);
		return;
	}
	uint64_t ref = ++n->ref;
	say(n, s,
	    (struct nmw_evt){.kind = NMW_EVT_ACCEPTED,
			     .state = 'L',
			     .side = c->side,
			     .qty = c->qty,
			     .price = c->price,
			     .order_ref = ref,
			     .key = c->key,
			     .symbol = c->info.symbol,
			     .info = &c->info,
			     .app = c->app,
			     .app_len = c->app_len});
	struct taker t = taker_of(s, c, c->key, b, c->qty);
	run_taker(n, &t);
	if (t.qty)
		feed_add(n, rest(n, &t, c, ref));
}

static void replace_order(struct naive *n, struct session *s, struct nmw_cmd *c, struct order *old)
{
	struct order was = *old;
	uint32_t open = c->qty > old->executed ? c->qty - old->executed : 0;
	c->side = (uint8_t)old->side;
	c->info.symbol = old->book->name;
	c->info.capacity = (uint8_t)old->capacity;
	c->info.cross = 'N';
	if (!has(c, NMW_TAG_FIRM))
		c->info.firm = old->firm;
	uint64_t ref = ++n->ref;
	dequeue(old);
	gone(n, old);
	say(n, s,
	    (struct nmw_evt){.kind = NMW_EVT_REPLACED,
			     .state = open ? 'L' : 'D',
			     .side = c->side,
			     .qty = open,
			     .price = c->price,
			     .order_ref = ref,
			     .key = c->key2,
			     .old_key = c->key,
			     .symbol = c->info.symbol,
			     .info = &c->info,
			     .app = c->app,
			     .app_len = c->app_len});
	struct taker t = taker_of(s, c, c->key2, was.book, open);
	t.executed = was.executed;
	bool stays = open && !t.immediate && !t.min_qty && !reaches(&t, t.book->queue[!t.buy]);
	if (stays && !was.hidden && c->info.display != 'N') {
		feed_replace(n, was.ref, rest(n, &t, c, ref));
		return;
	}
	feed_delete(n, &was);
	if (open)
		run_taker(n, &t);
	if (t.qty)
		feed_add(n, rest(n, &t, c, ref));
}

static void replace(struct naive *n, struct session *s, struct nmw_cmd *c)
{
	struct order *o = live_find(n, s->account, c->key);
	if (!o || used(s->account, c->key2))
		return;
	if (!use(n, s->account, c->key2)) {
		say_rejected(n, s, c->key2, c, NMW_REJ_OTHER);
		return;
	}
	if (o->book->c.state != 'T') {
		say_rejected(n, s, c->key2, c, NMW_REJ_HALTED);
		return;
	}
	uint32_t open = c->qty > o->executed ? c->qty - o->executed : 0;
	bool fine = c->qty >= 1 && c->qty < 1000000 && judge_terms(n, c, open, false) == FINE &&
		    price_fits(o->book, c);
	if (c->tif == NMW_TIF_GTT && !o->expire_ns && n->n_timed == timers_max(n))
		fine = false;
	if (fine)
		replace_order(n, s, c, o);
	else
		cancel_all_of(n, o, 'Z');
}

static void reduce(struct naive *n, struct order *o, uint32_t left)
{
	if (!o->hidden)
		feed(n, (struct nmw_evt){.kind = NMW_EVT_MD_REDUCE,
					 .locate = o->book->c.locate,
					 .order_ref = o->ref,
					 .qty = o->qty - left});
	o->qty = left;
}

static void cancel(struct naive *n, struct order *o, const struct nmw_cmd *c)
{
	if (c->qty <= o->executed) {
		cancel_all_of(n, o, 'U');
	} else if (c->qty - o->executed < o->qty) {
		uint32_t left = c->qty - o->executed;
		order_canceled(n, o, o->qty - left, 'U');
		reduce(n, o, left);
	}
}

static void modify(struct naive *n, struct order *o, const struct nmw_cmd *c)
{
	if (c->qty <= o->executed || c->qty >= 1000000)
		return;
	if (o->side == 'B' ? c->side != 'B' : !one_of((char)c->side, "STE"))
		return;
	uint32_t left = c->qty - o->executed;
	o->side = (char)c->side;
	say_about(n, o,
		  (struct nmw_evt){
			  .kind = NMW_EVT_MODIFIED, .side = c->side, .qty = left, .key = o->key});
	if (left < o->qty)
		reduce(n, o, left);
	if (left <= o->qty)
		return;
	uint64_t old_ref = o->ref;
	struct nmw_order_info info = {.display = (uint8_t)o->display};
	dequeue(o);
	o->ref = ++n->ref;
	o->qty = left;
	enqueue(o);
	say_about(n, o,
		  (struct nmw_evt){.kind = NMW_EVT_PRIORITY,
				   .price = o->price,
				   .order_ref = o->ref,
				   .key = o->key,
				   .info = &info});
	if (!o->hidden)
		feed_replace(n, old_ref, o);
}

static void order_entry(struct naive *n, struct session *s, struct nmw_cmd *c)
{
	struct order *o;
	switch (c->op) {
	case NMW_OP_ENTER:
		enter(n, s, c);
		break;
	case NMW_OP_REPLACE:
		replace(n, s, c);
		break;
	case NMW_OP_CANCEL:
		if ((o = live_find(n, s->account, c->key)) != NULL)
			cancel(n, o, c);
		break;
	case NMW_OP_MODIFY:
		if ((o = live_find(n, s->account, c->key)) != NULL)
			modify(n, o, c);
		break;
	case NMW_OP_QUERY:
		say(n, s,
		    (struct nmw_evt){.kind = NMW_EVT_QUERY_REPLY,
				     .key = {.lo = s->account->last_urn + 1}});
		break;
	default:
		break;
	}
}

/* ---- sessions -------------------------------------------------------------------------------- */

static bool blank(const char name[10])
{
	return memcmp(name, "          ", 10) == 0;
}

static struct session *session_find(const struct naive *n, uint32_t id)
{
	for (struct session *s = n->sessions; s; s = s->next)
		if (s->id == id)
			return s;
	return NULL;
}

static struct account *account_named(const struct naive *n, const char name[10], int codec)
{
	for (struct account *a = n->accounts; a && !blank(name); a = a->next)
		if (memcmp(a->name, name, 10) == 0 && (!codec || !a->codec || a->codec == codec))
			return a;
	return NULL;
}

static struct account *account_new(struct naive *n, const char name[10])
{
	if (n->n_accounts == n->spec.sessions)
		return NULL;
	n->n_accounts++;
	struct account *a = make(sizeof(*a));
	memcpy(a->name, name, 10);
	a->next = n->accounts;
	return n->accounts = a;
}

/* A login names its account; a session that began without one takes its orders along, unless there
 * is such an account already. */
static struct account *account_for(struct naive *n, const struct session *s, const char name[10],
				   int codec)
{
	struct account *a = account_named(n, name, codec), *own = s->account;
	if (a)
		return a;
	if (own && !s->said && (!own->codec || !codec || own->codec == codec) && blank(own->name)) {
		memcpy(own->name, name, 10);
		return own;
	}
	return account_new(n, name);
}

/* Would a login take the session from its account? */
static bool moves(const struct naive *n, const struct session *s, const char name[10], int codec)
{
	const struct account *a = account_named(n, name, codec), *own = s->account;
	if (a)
		return a != own;
	return s->said || (own->codec && codec && own->codec != codec) || !blank(own->name);
}

static struct session *session_open(struct naive *n, uint32_t id, const char name[10], int codec,
				    bool cancel)
{
	struct session *s = session_find(n, id), **last = &n->sessions;
	if (!s) {
		if (n->n_sessions == n->spec.sessions)
			return NULL;
		s = make(sizeof(*s));
		s->id = id;
		while (*last)
			last = &(*last)->next;
		*last = s;
		n->n_sessions++;
	}
	struct account *a = account_for(n, s, name, codec);
	if (!a)
		return NULL;
	s->greeted = s->greeted && s->account == a;
	s->account = a;
	if (!s->account->codec)
		s->account->codec = codec;
	s->codec = s->account->codec;
	s->up = true;
	s->cancel = cancel;
	s->account->latest = s;
	return s;
}

/* The oldest order that goes when the session does. */
static struct order *oldest_of(const struct naive *n, const struct session *s)
{
	struct order *oldest = NULL;
	for (struct book *b = n->books; b; b = b->next)
		for (int side = 0; side < 2; side++)
			for (struct order *o = b->queue[side]; o; o = o->worse)
				if (o->session == s && o->account == s->account &&
				    (!oldest || o->ref < oldest->ref))
					oldest = o;
	return oldest;
}

static void session_close(struct naive *n, struct session *s)
{
	struct order *o;
	while (s->cancel && (o = oldest_of(n, s)) != NULL)
		cancel_all_of(n, o, 'U');
	s->up = false;
}

static void copy_out(struct naive *n, const uint8_t *p, uint32_t len)
{
	struct outmsg *m = outmsgs_next(n->out);
	memcpy(m->p, p, len);
	m->len = (uint16_t)len;
	m->ts_ns = n->in->ts_ns;
	m->in_seq = n->in->in_seq;
	m->session = n->in->session;
	m->channel = n->in->channel;
	m->codec = n->in->codec;
	outmsgs_keep(n->out);
}

static void control(struct naive *n, const uint8_t *p, uint32_t len)
{
	struct nmw_ctl c;
	struct session *s = session_find(n, n->in->session);
	if (len != sizeof(c))
		return;
	memcpy(&c, p, sizeof(c));
	if (c.kind == NMW_CTL_LOGIN) {
		open_day(n);
		if (s && s->up && moves(n, s, c.account, c.codec))
			session_close(n, s);
		s = session_open(n, n->in->session, c.account, c.codec,
				 c.flags & NMW_CTL_CANCEL_ON_DISCONNECT);
		if (!s)
			return;
		s->said = true;
	} else if (c.kind == NMW_CTL_LOGOUT || c.kind == NMW_CTL_LOST) {
		if (s)
			session_close(n, s);
	} else if (c.kind != NMW_CTL_GAP && c.kind != NMW_CTL_END) {
		return;
	}
	copy_out(n, p, len);
	if (c.kind == NMW_CTL_LOGIN && s->codec)
		greet(n, s);
}

/* ---- a message ------------------------------------------------------------------------------- */

static struct order *next_due(const struct naive *n)
{
	struct order *due = NULL;
	for (struct book *b = n->books; b; b = b->next)
		for (int side = 0; side < 2; side++)
			for (struct order *o = b->queue[side]; o; o = o->worse) {
				if (!o->expire_ns || o->expire_ns > n->now)
					continue;
				if (!due || o->expire_ns < due->expire_ns ||
				    (o->expire_ns == due->expire_ns && o->ref < due->ref))
					due = o;
			}
	return due;
}

static void order_message(struct naive *n, const uint8_t *p, uint32_t len)
{
	struct nmw_cmd c;
	const struct nmw_codec *codec = nmw_codec_by_id((enum nmw_codec_id)n->in->codec);
	if (codec->decode(p, len, &c) || !n->in->session)
		return;
	struct session *s = session_find(n, n->in->session);
	if (!s)
		s = session_open(n, n->in->session, "          ", (int)codec->id, false);
	if (!s || !s->up)
		return;
	if (!s->account->codec)
		s->account->codec = (int)codec->id;
	s->codec = s->account->codec;
	if (s->codec != (int)codec->id)
		return;
	open_day(n);
	greet(n, s);
	order_entry(n, s, &c);
}

static void feed_message(struct naive *n, const uint8_t *p, uint32_t len)
{
	struct nmw_cmd c;
	if (nmw_codec_itch50.decode(p, len, &c) || c.op != NMW_OP_FEED_ACTION)
		return;
	struct book *b = book_find(n, c.info.symbol);
	if (!b)
		return;
	b->c.state = c.code;
	if (n->spec.feed_out)
		copy_out(n, p, len);
}

void naive_msg(struct naive *n, const struct nmw_slot *s, const uint8_t *p, uint32_t len,
	       struct outmsgs *out)
{
	struct order *o;
	n->in = s;
	n->out = out;
	n->tod = (s->ts_ns + (uint64_t)(n->spec.utc_offset_ns + (int64_t)DAY_NS)) % DAY_NS;
	if (s->ts_ns > n->now)
		n->now = s->ts_ns;
	while (n->n_timed && (o = next_due(n)) != NULL)
		cancel_all_of(n, o, 'T');
	if (s->channel == NMW_CH_CTL)
		control(n, p, len);
	else if (s->channel == NMW_CH_FEED)
		feed_message(n, p, len);
	else
		order_message(n, p, len);
}

void naive_end(struct naive *n, struct outmsgs *out)
{
	struct nmw_slot at = {.ts_ns = n->now};
	n->in = &at;
	n->out = out;
	n->tod = (n->now + (uint64_t)(n->spec.utc_offset_ns + (int64_t)DAY_NS)) % DAY_NS;
	if (!n->opened || n->ended)
		return;
	n->ended = true;
	for (struct session *s = n->sessions; s; s = s->next)
		if (s->up)
			say(n, s, (struct nmw_evt){.kind = NMW_EVT_SYSTEM, .code = 'E'});
	system_event(n, 'M');
	system_event(n, 'E');
	system_event(n, 'C');
}

/* ---- state ----------------------------------------------------------------------------------- */

unsigned naive_rows(const struct naive *n, uint64_t symbol, uint32_t side, struct order_row *rows,
		    unsigned max)
{
	const struct book *b = book_find(n, symbol);
	unsigned k = 0;
	for (const struct order *o = b ? b->queue[side == NMW_BUY] : NULL; o; o = o->worse, k++)
		if (k < max)
			rows[k] = (struct order_row){.symbol = symbol,
						     .side = side,
						     .price = o->price,
						     .qty = o->qty,
						     .executed = o->executed,
						     .session = o->session->id,
						     .key = o->key,
						     .ref = o->ref,
						     .expire_ns = o->expire_ns,
						     .entered_side = (uint8_t)o->side,
						     .hidden = o->hidden};
	return k;
}

unsigned engine_rows(const struct nmw_engine *e, uint32_t sym, uint32_t tick, uint32_t side,
		     struct order_row *rows, unsigned max)
{
	const struct nmw_books *b = nmw_engine_books(e);
	unsigned k = 0;
	for (nmw_oid id = 0; (id = nmw_book_walk(b, sym, side, id)) != 0; k++) {
		struct nmw_engine_order x;
		struct nmw_book_order o;
		nmw_engine_order(e, id, &x);
		nmw_book_order(b, id, &o);
		if (k < max)
			rows[k] = (struct order_row){.symbol = nmw_engine_symbol_name(e, sym),
						     .side = side,
						     .price = (int64_t)o.px * tick,
						     .qty = o.qty,
						     .executed = x.executed,
						     .session = x.session,
						     .key = x.key,
						     .ref = x.order_ref,
						     .expire_ns = x.expire_ns,
						     .entered_side = x.side,
						     .hidden = x.hidden};
	}
	return k;
}
