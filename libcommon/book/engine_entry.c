/* Order entry: what a host does with OUCH messages, by the specifications of 4.2 and 5.0.
 *
 * A run of order messages is read first, and the lines that they will touch are asked for; then
 * each is worked.  What is read ahead holds for the whole run: only other messages move sessions or
 * trading states.
 *
 * Compiled twice: engine_back.h.
 */
#include "base/fetch.h"
#include "book/engine_books.h"
#include "book/engine_out.h"
#include "book/engine_read.h"
#include <string.h>

static struct nmw_account *account_of(const struct nmw_run *r, const struct nmw_in *in)
{
	return &r->accounts[in->account];
}

static const struct nmw_symbol *symbol_of(const struct nmw_run *r, const struct nmw_in *in)
{
	return nmw_symbols_get(r->symbols, in->sym);
}

/* Self-match prevention knows orders by it. */
static uint32_t owner_of(const struct nmw_run *r, const struct nmw_in *in)
{
	return in->account & r->owner;
}

/* The id of the order that rests: an Enter's own, a replacement's new one. */
static const struct nmw_key *new_id(const struct nmw_in *in)
{
	return in->op == NMW_OP_REPLACE ? &in->id2 : &in->id;
}

/* ---- ids ------------------------------------------------------------------------------------ */

/* Uses an id up, whatever becomes of the order: a token once a day, user reference numbers rising.
 * What was used before stays what it is. */
NMW_BOOK_HOT enum nmw_token_use id_use(struct nmw_run *r, const struct nmw_in *in,
				       struct nmw_key id, struct nmw_number n, bool v42)
{
	if (v42)
		return nmw_tokens_use(r->tokens, id, n);
	struct nmw_account *a = account_of(r, in);
	if (id.lo <= a->last_urn)
		return NMW_TOKEN_USED;
	a->last_urn = (uint32_t)id.lo;
	return NMW_TOKEN_NEW;
}

static inline nmw_oid find(const struct nmw_run *r, const struct nmw_in *in)
{
	return nmw_idmap_find_by(r->ids, in->hash, in->id.lo, in->id.hi);
}

/* The live order that the message names; 0: none. What was found ahead may have gone since. */
static inline nmw_oid live_order(struct nmw_run *r, const struct nmw_in *in)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, in->oid);
	if (in->oid && x->lo == in->id.lo && x->hi == in->id.hi && nmw_book_linked(r->b, in->oid))
		return in->oid;
	return find(r, in);
}

/* ---- matching ------------------------------------------------------------------------------- */

/* Each of these tells of a step of an order that comes (taker.h). */

static void aiq_out(struct nmw_run *r, uint32_t session, struct nmw_key key, uint32_t qty,
		    uint32_t prevented, int64_t price, uint8_t liquidity)
{
	r->e->stat.canceled++;
	nmw_reply(r, session,
		  &(struct nmw_evt){.kind = NMW_EVT_AIQ_CANCELED,
				    .reason = 'Q',
				    .qty = qty,
				    .prevented = prevented,
				    .price = price,
				    .liquidity = liquidity,
				    .key = key});
}

/* Its own resting order left. */
static void own_left(struct nmw_run *r, const struct nmw_in *in, const struct nmw_fill *f)
{
	const struct nmw_entry *m = nmw_entry_of(r->b, f->maker);
	const struct nmw_symbol *s = symbol_of(r, in);
	aiq_out(r, nmw_entry_owner(r->e, m), nmw_entry_key(m), f->qty,
		f->qty < in->qty ? f->qty : in->qty, nmw_price_of(s, f->px), 'A');
	if (!nmw_entry_hidden(m))
		nmw_out_delete(r, nmw_entry_ref(m), s->locate);
	nmw_order_dead(r, f->maker);
}

/* It met one of its own, which stays. */
static void self_met(struct nmw_run *r, const struct nmw_in *in, const struct nmw_fill *f)
{
	uint32_t prevented = f->maker_left < in->qty ? f->maker_left : in->qty;
	aiq_out(r, in->session, *new_id(in), in->qty, prevented,
		nmw_price_of(symbol_of(r, in), f->px), 'R');
}

/* A feed's order has no chain of replacements, and may have more shares than the count can hold. */
static void note_executed(struct nmw_entry *x, uint32_t qty)
{
	x->bits += x->ref ? qty : 0;
}

static inline void filled(struct nmw_run *r, struct nmw_in *in, const struct nmw_fill *f)
{
	nmw_out_fill(r, in, new_id(in), symbol_of(r, in), f);
	in->executed += f->qty;
	if (f->maker_left == 0)
		nmw_order_dead(r, f->maker);
	else
		note_executed(nmw_entry_of(r->b, f->maker), f->qty);
}

static void killed(struct nmw_run *r, const struct nmw_in *in, uint8_t reason)
{
	r->e->stat.canceled++;
	nmw_out_canceled(r, in->reply, *new_id(in), in->qty, reason);
}

/* What is left does not rest. */
static void ended(struct nmw_run *r, struct nmw_in *in, enum nmw_taker_step step,
		  const struct nmw_fill *f)
{
	if (step == NMW_TAKER_SELF)
		self_met(r, in, f);
	else if (step != NMW_TAKER_DONE)
		killed(r, in, step == NMW_TAKER_WOULD_POST ? 'G' : 'I');
	in->qty = 0;
}

static inline bool takes_now(const struct nmw_run *r, const struct nmw_in *in)
{
	return nmw_book_crosses(r->b, in->sym, in->side, in->px);
}

static inline struct nmw_incoming incoming_of(const struct nmw_run *r, const struct nmw_in *in)
{
	return (struct nmw_incoming){.t = {.sym = in->sym,
					   .side = in->side,
					   .limit = in->px,
					   .qty = in->qty,
					   .owner = owner_of(r, in)},
				     .min_qty = in->flags & NMW_IN_SPECIAL ? in->min_qty : 0,
				     .flags = (in->flags & NMW_IN_TAKER) | r->own_leaves};
}

/* Executes an accepted order as far as it goes; in->qty is then what must rest. takes: takes_now.
 */
__attribute__((noinline)) static void work(struct nmw_run *r, struct nmw_in *in, bool takes)
{
	struct nmw_incoming c = incoming_of(r, in);
	struct nmw_fill f;
	bool held = nmw_back_holds(r, in->sym);
	enum nmw_taker_step step = nmw_back_start(r, held, &c, takes);
	while (nmw_taker_goes_on(step)) {
		step = nmw_back_next(r, held, &c, &f);
		if (step == NMW_TAKER_FILL)
			filled(r, in, &f);
		else if (step == NMW_TAKER_OWN)
			own_left(r, in, &f);
		in->qty = c.t.qty;
	}
	if (step != NMW_TAKER_RESTS)
		ended(r, in, step, &f);
}

/* ---- enter ---------------------------------------------------------------------------------- */

static uint64_t symbol_name(const struct nmw_in *in)
{
	return nmw_raw64(
		in->p + (in->codec == NMW_CODEC_OUCH42 ? NMW_ENTER42(stock) : NMW_ENTER50(symbol)));
}

/* An unknown symbol opens a book. */
__attribute__((noinline)) static int symbol_open(struct nmw_run *r, struct nmw_in *in)
{
	struct nmw_symbol_conf conf = {.state = 'T'};
	uint64_t name = symbol_name(in);
	uint32_t sym;
	nmw_in_read_slow(r->symbols, in);
	if (in->why != NMW_RULES_OPEN)
		return in->why;
	memcpy(conf.name, &name, sizeof(name));
	if (nmw_symbols_add(r->symbols, &conf, &sym, NULL)) {
		r->e->stat.capacity++;
		return NMW_REJ_SYMBOL;
	}
	nmw_announce(r, sym);
	nmw_in_read_slow(r->symbols, in);
	return in->why;
}

/* Is there room to remember and to rest it? */
static inline bool room_for(struct nmw_engine *e, const struct nmw_in *in)
{
	bool full = (!(in->flags & NMW_IN_IMMEDIATE) && e->live == e->spec.orders) ||
		    (in->flags & NMW_IN_TIMED && nmw_timers_full(e));
	e->stat.capacity += full;
	return !full;
}

static inline int judge(struct nmw_run *r, struct nmw_in *in)
{
	if (__builtin_expect(in->why == NMW_RULES_OPEN, 0))
		in->why = (int8_t)symbol_open(r, in);
	if (__builtin_expect(in->why != NMW_RULES_OK, 0))
		return in->why;
	return room_for(r->e, in) ? NMW_RULES_OK : NMW_REJ_OTHER;
}

/* What is left of an order goes on the book, under an allocated handle. hash: of its id as a
 * number; terms: what replies about it echo. */
NMW_BOOK_HOT void rest(struct nmw_run *r, const struct nmw_in *in, nmw_oid id,
		       const struct nmw_key *key, uint32_t hash, uint64_t ref, uint64_t terms)
{
	struct nmw_engine *e = r->e;
	uint64_t hidden = in->flags >> NMW_IN_HIDDEN_BIT & 1;
	uint64_t rank = e->next_rank++ | hidden << 63;
	struct nmw_entry *x =
		nmw_back_rest(r, id, in->sym, in->side, in->px, in->qty, rank, owner_of(r, in));
	nmw_idmap_put_by(r->ids, hash, id, (struct nmw_id *)(void *)x, key->lo, key->hi);
	x->bits = in->executed | (uint32_t)hidden << NMW_ENTRY_HIDDEN_BIT;
	x->ref = ref << 16 | in->session;
	memcpy(&x->terms, &terms, sizeof(terms));
	nmw_order_chain(e, id, in->session);
	if (__builtin_expect(in->flags & NMW_IN_TIMED, 0))
		nmw_timer_set(e, id, in->slot->ts_ns + in->tif_s * NMW_NS_PER_S);
}

/* What is not plain: it trades, or asks for something special. Often enough nothing is left. */
static inline bool plain(const struct nmw_in *in, bool takes)
{
	return !takes && !(in->flags & (NMW_IN_IMMEDIATE | NMW_IN_SPECIAL));
}

/* The accepted order: what it takes, then what rests. */
NMW_BOOK_HOT void enter_accepted(struct nmw_run *r, struct nmw_in *in, bool v42)
{
	struct nmw_engine *e = r->e;
	uint64_t ref = e->next_ref++;
	e->stat.entered++;
	nmw_out_accepted(r, in, ref, v42);
	bool takes = nmw_back_holds(r, in->sym) || takes_now(r, in);
	in->executed = 0;
	if (__builtin_expect(!plain(in, takes), 0)) {
		work(r, in, takes);
		if (!in->qty)
			return;
	}
	nmw_oid id = nmw_book_alloc(r->b);
	e->live++;
	rest(r, in, id, &in->id, in->hash, ref, in->terms);
	if (!(in->flags & NMW_IN_HIDDEN))
		nmw_out_add(r, ref, symbol_of(r, in), in->side == NMW_BUY, in->price, in->qty);
}

NMW_BOOK_HOT void enter(struct nmw_run *r, struct nmw_in *in, bool v42)
{
	enum nmw_token_use use = nmw_back_looked_at(in) ? (enum nmw_token_use)in->use
							: id_use(r, in, in->id, in->number, v42);
	if (__builtin_expect(use == NMW_TOKEN_USED, 0)) {
		r->e->stat.ignored++;
		return;
	}
	r->e->stat.capacity += use == NMW_TOKEN_FULL;
	int why = use == NMW_TOKEN_FULL ? NMW_REJ_OTHER : judge(r, in);
	if (__builtin_expect(why == NMW_RULES_OK, 1))
		enter_accepted(r, in, v42);
	else
		nmw_reply_rejected(r, in, (enum nmw_reject)why);
}

/* ---- replace -------------------------------------------------------------------------------- */

static bool replace_valid(struct nmw_run *r, struct nmw_in *in, bool timed)
{
	if (in->why != NMW_RULES_OK)
		return false;
	if (in->flags & NMW_IN_SPECIAL && !nmw_rules_size(in, in->qty))
		return false;
	if (nmw_rules_price(symbol_of(r, in), in) != NMW_RULES_OK)
		return false;
	bool full = in->flags & NMW_IN_TIMED && !timed && nmw_timers_full(r->e);
	r->e->stat.capacity += full;
	return !full;
}

/* A device is asked: the order is on its way there then. */
static bool replacement_takes(struct nmw_run *r, struct nmw_in *in)
{
	if (!nmw_back_holds(r, in->sym))
		return takes_now(r, in);
	struct nmw_incoming c = incoming_of(r, in);
	return in->qty && nmw_back_takes(r, &c);
}

/* The live order gives way to the valid replacement, which takes over its handle.  The feed says U
 * when the order only moves, D (and A, if something rests) when it does more. */
static void replace_live(struct nmw_run *r, struct nmw_in *in, nmw_oid id)
{
	struct nmw_engine *e = r->e;
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	const struct nmw_symbol *s = symbol_of(r, in);
	uint64_t old_ref = nmw_entry_ref(x), ref = e->next_ref++;
	bool was_shown = !nmw_entry_hidden(x), shown = !(in->flags & NMW_IN_HIDDEN);
	struct nmw_terms terms = x->terms;
	const struct nmw_inherited t = {.symbol = s->name,
					.firm = terms.firm,
					.side = terms.side,
					.capacity = terms.capacity};
	terms.display = in->p[in->codec == NMW_CODEC_OUCH42 ? NMW_REPLACE42(display)
							    : NMW_REPLACE50(display)];
	nmw_back_unlink(r, id);
	nmw_order_detach(r, id);
	e->stat.replaced++;
	nmw_out_replaced(r, in, &t, ref, in->qty ? 'L' : 'D');
	bool takes = replacement_takes(r, in), special = in->flags & NMW_IN_SPECIAL;
	bool moves =
		in->qty && !(in->flags & NMW_IN_IMMEDIATE) && !(special && in->min_qty) && !takes;
	bool as_replace = moves && was_shown && shown;
	if (was_shown && !as_replace)
		nmw_out_delete(r, old_ref, s->locate);
	if (in->qty && !moves)
		work(r, in, takes);
	if (!in->qty) {
		nmw_order_free(r, id);
		return;
	}
	uint64_t raw;
	memcpy(&raw, &terms, sizeof(raw));
	rest(r, in, id, &in->id2, nmw_idmap_hash(in->id2.lo, in->id2.hi), ref, raw);
	if (as_replace)
		nmw_out_replace(r, old_ref, ref, s->locate, in->price, in->qty);
	else if (shown)
		nmw_out_add(r, ref, s, in->side == NMW_BUY, in->price, in->qty);
}

/* A replacement of a live order under a new id. */
static void replace_known(struct nmw_run *r, struct nmw_in *in, nmw_oid id)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	const struct nmw_order *o = nmw_order_at(r->b, id);
	in->sym = o->sides / 2;
	in->side = o->sides & 1;
	in->executed = nmw_entry_executed(x);
	in->qty = in->qty > in->executed ? in->qty - in->executed : 0;
	if (symbol_of(r, in)->state != 'T')
		nmw_reply_rejected(r, in, NMW_REJ_HALTED);
	else if (replace_valid(r, in, x->bits & NMW_ENTRY_TIMED))
		replace_live(r, in, id);
	else
		nmw_order_cancel(r, id, 'Z');
}

__attribute__((noinline)) static void replace(struct nmw_run *r, struct nmw_in *in)
{
	struct nmw_engine *e = r->e;
	nmw_oid id = live_order(r, in);
	bool v42 = in->codec == NMW_CODEC_OUCH42;
	enum nmw_token_use use =
		id ? id_use(r, in, in->id2, nmw_number_of(in->id2, v42), v42) : NMW_TOKEN_USED;
	if (use == NMW_TOKEN_USED) {
		e->stat.ignored++;
	} else if (use == NMW_TOKEN_FULL) {
		e->stat.capacity++;
		nmw_reply_rejected(r, in, NMW_REJ_OTHER);
	} else {
		replace_known(r, in, id);
	}
}

/* ---- cancel, modify, the rest ---------------------------------------------------------------- */

/* Less, in place: priority is kept. */
static void reduce(struct nmw_run *r, nmw_oid id, uint32_t left)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	const struct nmw_order *o = nmw_order_at(r->b, id);
	uint32_t less = nmw_book_qty(r->b, id) - left;
	nmw_back_reduce(r, id, left);
	if (!nmw_entry_hidden(x))
		nmw_out_reduce(r, nmw_entry_ref(x),
			       nmw_symbols_get(r->symbols, o->sides / 2)->locate, less);
}

/* Shares that an intended total size leaves open. */
static inline uint32_t left_of(const struct nmw_entry *x, uint32_t total)
{
	uint32_t executed = nmw_entry_executed(x);
	return total > executed ? total - executed : 0;
}

NMW_BOOK_HOT void cancel(struct nmw_run *r, const struct nmw_in *in, nmw_oid id, bool v42)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	const struct nmw_order *o = nmw_order_at(r->b, id);
	uint32_t left = left_of(x, in->qty), open = nmw_book_qty(r->b, id);
	if (__builtin_expect(left >= open, 0)) {
		r->e->stat.ignored++;
		return;
	}
	r->e->stat.canceled++;
	if (__builtin_expect(nmw_entry_session(x) == in->session, 1))
		nmw_out_canceled_in(r, in->reply, in->id, open - left, 'U', v42);
	else
		nmw_out_canceled(r, nmw_to_owner(r, x), in->id, open - left, 'U');
	if (__builtin_expect(left != 0, 0)) {
		reduce(r, id, left);
		return;
	}
	if (!nmw_entry_hidden(x))
		nmw_out_delete(r, x->ref >> 16, nmw_symbols_get(r->symbols, o->sides / 2)->locate);
	nmw_back_unlink(r, id);
	nmw_order_detach_by(r, id, in->hash);
	nmw_order_free(r, id);
}

/* More shares: to the end of the queue, under a new reference. */
static void enlarge(struct nmw_run *r, nmw_oid id, uint32_t left)
{
	struct nmw_engine *e = r->e;
	struct nmw_entry *x = nmw_entry_of(r->b, id);
	struct nmw_book_order o;
	nmw_book_order(r->b, id, &o);
	const struct nmw_symbol *s = nmw_symbols_get(r->symbols, o.sym);
	const struct nmw_order_info info = {.display = x->terms.display};
	uint32_t price = nmw_price_of(s, o.px), session = nmw_entry_session(x);
	uint64_t expire_ns = nmw_timer_at(e, id), old_ref = nmw_entry_ref(x), ref = e->next_ref++;
	if (expire_ns)
		nmw_timer_clear(e, id);
	if (x->bits & NMW_ENTRY_CHAINED)
		nmw_order_unchain(e, id);
	nmw_back_unlink(r, id);
	x->ref = ref << 16 | session;
	nmw_back_rest(r, id, o.sym, o.side, o.px, left, e->next_rank++ | (o.rank & NMW_RANK_HIDDEN),
		      o.owner);
	nmw_order_chain(e, id, session);
	if (expire_ns)
		nmw_timer_set(e, id, expire_ns);
	nmw_reply(r, nmw_entry_owner(e, x),
		  &(struct nmw_evt){.kind = NMW_EVT_PRIORITY,
				    .price = price,
				    .order_ref = ref,
				    .key = nmw_entry_key(x),
				    .info = &info});
	if (!nmw_entry_hidden(x))
		nmw_out_replace(r, old_ref, ref, s->locate, price, left);
}

/* A side may change among the kinds of selling; a quantity to anything that leaves shares open. */
static bool modify_valid(uint8_t side, const struct nmw_in *in, uint32_t left)
{
	bool selling = in->entered == 'S' || in->entered == 'T' || in->entered == 'E';
	return (in->entered == side || (side != 'B' && selling)) && in->qty <= NMW_QTY_MAX && left;
}

static void modify(struct nmw_run *r, const struct nmw_in *in, nmw_oid id)
{
	struct nmw_entry *x = nmw_entry_of(r->b, id);
	uint32_t left = left_of(x, in->qty), open = nmw_book_qty(r->b, id);
	if (!modify_valid(x->terms.side, in, left)) {
		r->e->stat.ignored++;
		return;
	}
	x->terms.side = in->entered;
	nmw_reply(r, nmw_entry_owner(r->e, x),
		  &(struct nmw_evt){.kind = NMW_EVT_MODIFIED,
				    .side = in->entered,
				    .qty = left,
				    .key = nmw_entry_key(x)});
	if (left > open)
		enlarge(r, id, left);
	else if (left < open)
		reduce(r, id, left);
}

static void query(struct nmw_run *r, const struct nmw_in *in)
{
	uint64_t next = account_of(r, in)->last_urn + UINT64_C(1);
	nmw_reply(r, in->session,
		  &(struct nmw_evt){.kind = NMW_EVT_QUERY_REPLY, .key = {.lo = next}});
}

/* What is not Enter, Cancel or Replace. A message about an order that is not live is ignored: there
 * is no "too late to cancel"; so is Trade Now: no order here waits to be told that it may trade. */
__attribute__((noinline)) static void modify_or_query(struct nmw_run *r, const struct nmw_in *in)
{
	if (in->op == NMW_OP_QUERY) {
		query(r, in);
		return;
	}
	nmw_oid id = in->op == NMW_OP_MODIFY ? live_order(r, in) : 0;
	if (id)
		modify(r, in, id);
	else
		r->e->stat.ignored++;
}

/* ---- reading ahead --------------------------------------------------------------------------- */

/* Its codec if it is for order entry, else NONE. */
static uint8_t entry_codec(const struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *p,
			   uint32_t len)
{
	if (s->channel != NMW_CH_ORDER && s->channel != NMW_CH_FEED)
		return NMW_CODEC_NONE;
	uint8_t codec = nmw_engine_codec_of(e, s, p, len);
	return codec == NMW_CODEC_OUCH42 || codec == NMW_CODEC_OUCH50 ? codec : NMW_CODEC_NONE;
}

bool nmw_entry_is(const struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *p,
		  uint32_t len)
{
	return entry_codec(e, s, p, len) != NMW_CODEC_NONE;
}

/* The bucket of its id, and the place of its token, in case it enters an order: of one that counts
 * when there are so many orders that this has left the cache. */
static inline void fetch_id(const struct nmw_run *r, const struct nmw_in *in, bool v42)
{
	nmw_idmap_prefetch(r->ids, in->hash);
	if (v42 && (r->far || !in->number.is))
		nmw_tokens_prefetch(r->tokens, in->id, in->number);
}

/* A message whose session is not ready, or whose descriptor leaves something open. False: it is not
 * order entry. */
__attribute__((noinline)) static bool sender_slow(const struct nmw_run *r, const struct nmw_slot *s,
						  const uint8_t *p, uint32_t len, struct nmw_in *in)
{
	in->codec = entry_codec(r->e, s, p, len);
	uint32_t i = nmw_session_find(r->sessions, s->session);
	const struct nmw_session *x = nmw_session_at(r->sessions, i);
	in->session = x->ready >> 56 == in->codec ? (uint16_t)i : 0;
	in->account = x->account;
	in->reply = nmw_session_tag(s->session, NMW_CH_REPLY, in->codec);
	return in->codec;
}

/* Who sent it: mostly told by the end of its descriptor. */
NMW_BOOK_HOT bool sender(const struct nmw_run *r, const struct nmw_slot *s, const uint8_t *p,
			 uint32_t len, struct nmw_in *in)
{
	uint64_t tag = nmw_session_tag_of(s);
	uint32_t i = nmw_session_guess(r->session_table, r->session_mask, tag);
	const struct nmw_session *x = nmw_session_at(r->sessions, i);
	uint8_t codec = (uint8_t)(tag >> 56);
	if (__builtin_expect(x->ready != tag || !tag || (r->want && r->want != codec), 0))
		return sender_slow(r, s, p, len, in);
	in->codec = codec;
	in->session = (uint16_t)i;
	in->account = x->account;
	in->reply = tag ^ (uint64_t)(NMW_CH_ORDER ^ NMW_CH_REPLY) << 48;
	return true;
}

/* Who sent each of a run of order messages, and its id; how many. */
static unsigned name_run(const struct nmw_run *r, const struct nmw_slot *const *s,
			 const uint8_t *const *payload, const uint32_t *len, unsigned n,
			 struct nmw_in *in)
{
	unsigned i;
	for (i = 0; i < n; i++, in++) {
		if (__builtin_expect(!sender(r, s[i], payload[i], len[i], in), 0))
			break;
		in->slot = s[i];
		in->p = payload[i];
		in->len = len[i];
		in->oid = 0;
		nmw_back_unseen(in);
		bool v42 = in->codec == NMW_CODEC_OUCH42;
		nmw_in_name(in, v42);
		fetch_id(r, in, v42);
	}
	return i;
}

static void bad(struct nmw_run *r, struct nmw_in *in)
{
	in->op = NMW_OP_NONE;
	r->e->stat.bad_message++;
}

/* Reads one. */
NMW_BOOK_HOT void read_one(struct nmw_run *r, struct nmw_in *in)
{
	if (__builtin_expect(!nmw_in_read(r, in, in->codec == NMW_CODEC_OUCH42), 0))
		bad(r, in);
}

/* The order that a message may name, from the place that has come; the level of the price that it
 * goes to; the place of a replacement's token. */
static inline void fetch(const struct nmw_run *r, struct nmw_in *in)
{
	in->level = 0;
	if (in->op == NMW_OP_ENTER) {
		if (__builtin_expect(in->why == NMW_RULES_OK, 1))
			in->level = nmw_book_prefetch_level(r->b, in->sym, in->side, in->px);
		return;
	}
	in->oid = nmw_idmap_first(r->ids, in->hash);
	nmw_book_prefetch_order(r->b, in->oid);
	if (in->op == NMW_OP_REPLACE && in->codec == NMW_CODEC_OUCH42)
		nmw_tokens_prefetch(r->tokens, in->id2, nmw_number_of(in->id2, true));
}

/* The last order of that level; the neighbours of that order. Which of both is hard to predict: one
 * address or the other, but no branch. */
static inline void fetch_further(const struct nmw_run *r, const struct nmw_in *in)
{
	uint32_t ref = in->level ? in->level : nmw_order_ref(in->oid);
	const struct nmw_link *l = nmw_link_get(r->b, ref);
	uint32_t next = in->level ? l->prev : l->next;
	nmw_fetch(nmw_link_get(r->b, l->prev));
	nmw_fetch(nmw_link_get(r->b, next));
}

/* ---- working --------------------------------------------------------------------------------- */

/* The session was not ready when the message was read. False: it is dropped, counted. */
__attribute__((noinline)) static bool settle(struct nmw_run *r, struct nmw_in *in)
{
	in->session = (uint16_t)nmw_engine_session_of(r, in->slot->session, in->codec);
	if (!in->session)
		return false;
	in->account = nmw_session_at(r->sessions, in->session)->account;
	in->oid = 0;
	bool v42 = in->codec == NMW_CODEC_OUCH42;
	nmw_in_name(in, v42);
	return nmw_in_read(r, in, v42);
}

/* id: that of the live order, 0 = none. */
NMW_BOOK_HOT void cancel_named(struct nmw_run *r, const struct nmw_in *in, nmw_oid id, bool v42)
{
	if (__builtin_expect(id != 0, 1))
		cancel(r, in, id, v42);
	else
		r->e->stat.ignored++;
}

/* Works one that was read. */
static void work_one(struct nmw_run *r, struct nmw_in *in)
{
	bool v42 = in->codec == NMW_CODEC_OUCH42;
	if (__builtin_expect(!in->session && in->op != NMW_OP_NONE && !settle(r, in), 0))
		return;
	if (in->op == NMW_OP_ENTER) {
		enter(r, in, v42);
	} else if (in->op == NMW_OP_CANCEL) {
		cancel_named(r, in, live_order(r, in), v42);
	} else if (in->op == NMW_OP_REPLACE) {
		replace(r, in);
	} else if (in->op != NMW_OP_NONE) {
		modify_or_query(r, in);
	}
}

/* Reads and works one whose lines are in the cache: what kind it is, which nothing foretells, is
 * asked once. */
NMW_BOOK_HOT void do_one(struct nmw_run *r, struct nmw_in *in, bool v42)
{
	if (in->type == 'O') {
		if (__builtin_expect(v42 ? nmw_in_enter42(r, in) : nmw_in_enter50(r, in), 1))
			enter(r, in, v42);
		else
			bad(r, in);
	} else if (in->type == 'X') {
		if (__builtin_expect(nmw_in_cancel(in, v42), 1))
			cancel_named(r, in, find(r, in), v42);
		else
			bad(r, in);
	} else {
		read_one(r, in);
		work_one(r, in);
	}
}

/* ---- sending ahead --------------------------------------------------------------------------- */

/* Commands to a device are sent ahead of their messages' turns as long as nothing that comes before
 * can change them: it has many in hand at once then.  They are those of plain orders and whole
 * cancels; all else is a barrier: it is worked when its turn comes, with no command on its way. */

#ifdef NMW_ENGINE_HELD
#define READS_AHEAD true

/* What else is between the first message looked at and this one. */
struct ahead {
	uint64_t now_ns;
	uint32_t enters; /* orders that may come to rest, and so be live */
};

static bool ahead_enter(struct nmw_run *r, struct nmw_in *in, struct ahead *a)
{
	if (in->why == NMW_RULES_OPEN || in->flags & NMW_IN_SPECIAL)
		return false;
	if (in->why == NMW_RULES_OK && r->e->live + a->enters >= r->e->spec.orders)
		return false;
	bool v42 = in->codec == NMW_CODEC_OUCH42;
	const struct nmw_incoming c = incoming_of(r, in);
	in->use = (uint8_t)id_use(r, in, in->id, in->number, v42);
	in->ahead = NMW_AHEAD_LOOKED;
	if (in->why != NMW_RULES_OK || in->use != NMW_TOKEN_NEW)
		return true;
	a->enters++;
	if (!nmw_back_holds(r, in->sym))
		return true;
	bool hidden = in->flags & NMW_IN_HIDDEN && !(in->flags & NMW_IN_IMMEDIATE);
	if (hidden || !nmw_held_ahead_enter(r->held, &c, r->e->next_rank))
		return false;
	in->ahead = NMW_AHEAD_SENT;
	return true;
}

static bool ahead_cancel(struct nmw_run *r, struct nmw_in *in, const struct ahead *a)
{
	nmw_oid id = live_order(r, in);
	if (!id)
		return !a->enters; /* it may be one of those */
	if (in->qty || !nmw_held_is(r->b, id))
		return !in->qty && !nmw_back_holds(r, nmw_order_at(r->b, id)->sides / 2);
	if (!nmw_held_ahead_cancel(r->held, id))
		return false;
	in->ahead = NMW_AHEAD_SENT;
	return true;
}

static bool ahead_one(struct nmw_run *r, struct nmw_in *in, struct ahead *a)
{
	nmw_oid timed;
	a->now_ns = in->slot->ts_ns > a->now_ns ? in->slot->ts_ns : a->now_ns;
	if (in->op == NMW_OP_NONE)
		return true;
	if (!in->session || nmw_timer_first(r->e, &timed) <= a->now_ns)
		return false;
	if (in->op == NMW_OP_ENTER)
		return ahead_enter(r, in, a);
	return in->op == NMW_OP_CANCEL && ahead_cancel(r, in, a);
}

static inline void send_ahead(struct nmw_run *r, struct nmw_in *in, const struct nmw_in *end)
{
	struct nmw_in *x = in;
	if (in >= r->looked) {
		struct ahead a = {.now_ns = r->e->now_ns};
		while (x < end && ahead_one(r, x, &a))
			x++;
		r->looked = x < end ? x + 1 : end;
	}
	r->held->sent = in->ahead == NMW_AHEAD_SENT && !r->held->lost;
}

/* The order to be canceled was gone. */
static inline void sent_ahead_done(struct nmw_run *r)
{
	if (r->held->sent)
		nmw_held_skip(r->held);
}

#else
#define READS_AHEAD false

static inline void send_ahead(const struct nmw_run *r, const struct nmw_in *in,
			      const struct nmw_in *end)
{
	(void)r, (void)in, (void)end;
}

static inline void sent_ahead_done(const struct nmw_run *r)
{
	(void)r;
}

#endif

/* ---- a run ---------------------------------------------------------------------------------- */

static void near_run(struct nmw_run *r, struct nmw_in *in, unsigned n)
{
	for (const struct nmw_in *end = in + n; in < end; in++) {
		nmw_run_clock(r, in->slot);
		if (in->codec == NMW_CODEC_OUCH42)
			do_one(r, in, true);
		else
			do_one(r, in, false);
	}
}

/* Step by step, each reading what the one before has fetched. */
static void far_run(struct nmw_run *r, struct nmw_in *in, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		read_one(r, &in[i]);
		fetch(r, &in[i]);
	}
	for (unsigned i = 0; i < n; i++)
		fetch_further(r, &in[i]);
	for (const struct nmw_in *end = in + n; in < end; in++) {
		send_ahead(r, in, end);
		nmw_run_clock(r, in->slot);
		work_one(r, in);
		sent_ahead_done(r);
	}
}

unsigned nmw_entry_burst(struct nmw_run *r, const struct nmw_slot *const *s,
			 const uint8_t *const *payload, const uint32_t *len, unsigned n)
{
	struct nmw_in in[NMW_ENGINE_CHUNK];
	nmw_back_chunk(r, in);
	r->far = READS_AHEAD || r->e->live > NMW_ENGINE_FAR;
	n = name_run(r, s, payload, len, n < NMW_ENGINE_CHUNK ? n : NMW_ENGINE_CHUNK, in);
	if (r->far)
		far_run(r, in, n);
	else
		near_run(r, in, n);
	return n;
}
