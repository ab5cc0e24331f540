/* Order entry: what a host does with OUCH messages, by the specifications of 4.2 and 5.0. */
#include "book/engine_impl.h"
#include "base/units.h"
#include <string.h>

/* An order on its way through the book. */
struct incoming {
	struct nmw_taker_id who;
	uint32_t account, sym, side; /* side: enum nmw_side */
	uint32_t px, qty;	     /* ticks; shares left */
	uint32_t min_qty, executed;
	bool immediate, post_only; /* immediate: what is left is canceled, never rests */
};

static struct nmw_account *account_of(struct nmw_engine *e, uint32_t session)
{
	struct nmw_sessions *t = nmw_sessions_of(e);
	return nmw_account_at(t, nmw_session_at(t, session)->account);
}

/* ---- ids ------------------------------------------------------------------------------------ */

/* Uses an id up, whatever becomes of the order: a token once a day, user reference numbers rising.
 * What was used before stays what it is. */
static enum nmw_token_use id_use(struct nmw_engine *e, struct nmw_account *a, struct nmw_key id)
{
	if (a->codec == NMW_CODEC_OUCH42)
		return nmw_tokens_use(nmw_tokens_of(e), id);
	if (id.lo <= a->last_urn)
		return NMW_TOKEN_USED;
	a->last_urn = (uint32_t)id.lo;
	return NMW_TOKEN_NEW;
}

/* ---- matching ------------------------------------------------------------------------------- */

/* Shares that the order would get before its first own one: what cancel-new leaves to it. */
static uint64_t available_before_own(const struct nmw_books *b, const struct incoming *in)
{
	uint64_t sum = 0;
	struct nmw_book_order o;
	for (nmw_oid id = 0;
	     sum < in->min_qty && (id = nmw_book_walk(b, in->sym, 1 - in->side, id));
	     sum += o.qty) {
		nmw_book_order(b, id, &o);
		bool in_reach = in->side == NMW_BUY ? o.px <= in->px : o.px >= in->px;
		if (!in_reach || o.owner == in->account)
			break;
	}
	return sum;
}

static bool min_qty_there(const struct nmw_run *r, const struct incoming *in)
{
	enum nmw_stp stp = r->e->spec.stp;
	if (stp == NMW_STP_CANCEL_NEW)
		return available_before_own(r->b, in) >= in->min_qty;
	return nmw_book_available(r->b, in->sym, in->side, in->px, in->min_qty,
				  stp == NMW_STP_ALLOW ? 0 : in->account) >= in->min_qty;
}

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

/* The order met one of its own account: one of the two goes. */
static void self_match(struct nmw_run *r, struct incoming *in, nmw_oid own)
{
	const struct nmw_entry *m = nmw_entry_of(r->b, own);
	struct nmw_book_order o;
	nmw_book_order(r->b, own, &o);
	int64_t price = nmw_price_of(r->e, o.sym, o.px);
	uint32_t prevented = o.qty < in->qty ? o.qty : in->qty;
	if (r->e->spec.stp == NMW_STP_CANCEL_NEW) {
		aiq_out(r, in->who.session, in->who.key, in->qty, prevented, price, 'R');
		in->qty = 0;
		return;
	}
	aiq_out(r, nmw_entry_owner(r->e, m), nmw_entry_key(m), o.qty, prevented, price, 'A');
	if (!nmw_entry_hidden(m))
		nmw_feed_delete(r, nmw_entry_ref(m), o.sym);
	nmw_book_unlink(r->b, own);
	nmw_order_dead(r->e, own);
}

/* A feed's order has no chain of replacements, and may have more shares than the count can hold. */
static void note_executed(struct nmw_entry *x, uint32_t qty)
{
	x->bits += x->ref ? qty : 0;
}

static void fills_out(struct nmw_run *r, struct incoming *in, const struct nmw_fill *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		nmw_fill_out(r, &in->who, in->sym, &f[i]);
		in->executed += f[i].qty;
		if (f[i].maker_left == 0)
			nmw_order_dead(r->e, f[i].maker);
		else
			note_executed(nmw_entry_of(r->b, f[i].maker), f[i].qty);
	}
}

static void match(struct nmw_run *r, struct incoming *in)
{
	struct nmw_fill f[NMW_ENGINE_FILLS];
	struct nmw_taker t = {.sym = in->sym, .side = in->side, .limit = in->px, .qty = in->qty};
	t.owner = r->e->spec.stp == NMW_STP_ALLOW ? 0 : in->account;
	while (in->qty) {
		t.self = 0;
		unsigned n = nmw_book_match(r->b, &t, f, NMW_ENGINE_FILLS);
		fills_out(r, in, f, n);
		in->qty = t.qty;
		if (n == NMW_ENGINE_FILLS)
			continue;
		if (!t.self)
			return;
		self_match(r, in, t.self);
	}
}

static void kill(struct nmw_run *r, struct incoming *in, uint8_t reason)
{
	r->e->stat.canceled++;
	nmw_reply_canceled(r, in->who.session, in->who.key, in->qty, reason);
	in->qty = 0;
}

static bool takes_now(const struct nmw_run *r, const struct incoming *in)
{
	return nmw_book_crosses(r->b, in->sym, in->side, in->px);
}

/* Executes an accepted order as far as it goes; in->qty is then what must rest. takes: takes_now.
 */
static void work(struct nmw_run *r, struct incoming *in, bool takes)
{
	if (takes && in->post_only)
		kill(r, in, 'G');
	else if (in->min_qty && !(takes && min_qty_there(r, in)))
		kill(r, in, 'I');
	else if (takes)
		match(r, in);
	if (in->qty && in->immediate)
		kill(r, in, 'I');
}

/* ---- enter ---------------------------------------------------------------------------------- */

static struct incoming incoming_of(struct nmw_engine *e, uint32_t session, const struct nmw_cmd *c,
				   struct nmw_key key)
{
	uint32_t account = nmw_session_at(nmw_sessions_of(e), session)->account;
	return (struct incoming){.who = {session, nmw_scoped(account, key)},
				 .account = account,
				 .min_qty = c->info.min_qty,
				 .immediate = c->tif == NMW_TIF_IOC || c->market,
				 .post_only = c->post_only};
}

/* The symbol's book; an unknown symbol opens one, unless the list is closed. */
static uint32_t symbol_open(struct nmw_run *r, uint64_t name)
{
	struct nmw_engine *e = r->e;
	struct nmw_symbols *t = nmw_symbols_of(e);
	uint32_t sym = nmw_symbols_find(t, name);
	if (__builtin_expect(sym != NMW_SYM_NONE, 1) || t->closed)
		return sym;
	struct nmw_symbol_conf conf = {.state = 'T'};
	memcpy(conf.name, &name, sizeof(name));
	if (nmw_symbols_add(t, &conf, &sym, NULL)) {
		e->stat.capacity++;
		return NMW_SYM_NONE;
	}
	nmw_announce(r, sym);
	return sym;
}

/* Is there room to remember and to rest it? */
static bool room_for(struct nmw_engine *e, const struct nmw_cmd *c, const struct incoming *in)
{
	bool full = (!in->immediate && e->live == e->spec.orders) ||
		    (c->tif == NMW_TIF_GTT && nmw_timers_full(e));
	e->stat.capacity += full;
	return !full;
}

static int judge(struct nmw_run *r, struct nmw_cmd *c, struct incoming *in)
{
	int why = nmw_rules_enter(c);
	if (why != NMW_RULES_OK)
		return why;
	in->sym = symbol_open(r, c->info.symbol);
	if (in->sym == NMW_SYM_NONE)
		return NMW_REJ_SYMBOL;
	const struct nmw_symbol *s = nmw_symbols_at(nmw_symbols_of(r->e), in->sym);
	if (s->state != 'T')
		return NMW_REJ_HALTED;
	in->side = nmw_side_of(c->side);
	in->qty = c->qty;
	why = nmw_rules_price(s, c, in->side, &in->px);
	if (why != NMW_RULES_OK)
		return why;
	return room_for(r->e, c, in) ? NMW_RULES_OK : NMW_REJ_OTHER;
}

/* What is left of an order goes on the book, under an allocated handle. */
static void rest(struct nmw_run *r, const struct nmw_cmd *c, const struct incoming *in, nmw_oid id,
		 uint64_t ref)
{
	struct nmw_engine *e = r->e;
	bool hidden = c->info.display == 'N';
	uint64_t rank = e->next_rank++ | (hidden ? NMW_RANK_HIDDEN : 0);
	uint32_t owner = e->spec.stp == NMW_STP_ALLOW ? 0 : in->account;
	nmw_book_rest(r->b, id, in->sym, in->side, in->px, in->qty, rank, owner);
	nmw_order_name(e, id, in->who.key, in->executed | (hidden ? NMW_ENTRY_HIDDEN : 0),
		       ref << 16 | in->who.session);
	struct nmw_echo *x = nmw_echo_of(e, id);
	*x = (struct nmw_echo){.firm = c->info.firm,
			       .side = c->side,
			       .capacity = c->info.capacity,
			       .display = c->info.display};
	memcpy(x->clordid, c->info.clordid, sizeof(x->clordid));
	nmw_order_chain(e, id);
	if (c->tif == NMW_TIF_GTT)
		nmw_timer_set(e, id, r->in->ts_ns + c->tif_s * NMW_NS_PER_S);
}

static void accepted_out(struct nmw_run *r, uint32_t session, const struct nmw_cmd *c, uint64_t ref)
{
	nmw_reply(r, session,
		  &(struct nmw_evt){.kind = NMW_EVT_ACCEPTED,
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
}

/* The accepted order: what it takes, then what rests. */
static void enter_accepted(struct nmw_run *r, const struct nmw_cmd *c, struct incoming *in)
{
	struct nmw_engine *e = r->e;
	uint64_t ref = e->next_ref++;
	e->stat.entered++;
	accepted_out(r, in->who.session, c, ref);
	work(r, in, takes_now(r, in));
	if (!in->qty)
		return;
	nmw_oid id = nmw_book_alloc(r->b);
	e->live++;
	rest(r, c, in, id, ref);
	if (c->info.display != 'N')
		nmw_feed_add(r, nmw_entry_of(r->b, id), in->sym, c->side, c->price, in->qty);
}

static void enter(struct nmw_run *r, uint32_t session, struct nmw_cmd *c)
{
	struct nmw_engine *e = r->e;
	struct nmw_account *a = account_of(e, session);
	struct incoming in = incoming_of(e, session, c, c->key);
	enum nmw_token_use use = id_use(e, a, in.who.key);
	if (use == NMW_TOKEN_USED) {
		e->stat.ignored++;
		return;
	}
	e->stat.capacity += use == NMW_TOKEN_FULL;
	int why = use == NMW_TOKEN_FULL ? NMW_REJ_OTHER : judge(r, c, &in);
	if (why == NMW_RULES_OK)
		enter_accepted(r, c, &in);
	else
		nmw_reply_rejected(r, session, c->key, c, (enum nmw_reject)why);
}

/* ---- replace -------------------------------------------------------------------------------- */

/* Replies to a replacement echo what it inherits from the order. */
static void inherit(struct nmw_run *r, struct nmw_cmd *c, nmw_oid id, uint32_t sym)
{
	const struct nmw_echo *x = nmw_echo_of(r->e, id);
	c->side = x->side;
	c->info.side = x->side;
	c->info.symbol = nmw_symbols_at(nmw_symbols_of(r->e), sym)->name;
	c->info.capacity = x->capacity;
	c->info.cross = 'N';
	if (!(c->tags & 1u << NMW_TAG_FIRM))
		c->info.firm = x->firm;
}

static void replaced_out(struct nmw_run *r, uint32_t session, const struct nmw_cmd *c, uint64_t ref,
			 uint32_t qty, uint8_t state)
{
	r->e->stat.replaced++;
	nmw_reply(r, session,
		  &(struct nmw_evt){.kind = NMW_EVT_REPLACED,
				    .state = state,
				    .side = c->side,
				    .qty = qty,
				    .price = c->price,
				    .order_ref = ref,
				    .key = c->key2,
				    .old_key = c->key,
				    .symbol = c->info.symbol,
				    .info = &c->info,
				    .app = c->app,
				    .app_len = c->app_len});
}

static int judge_replace(struct nmw_run *r, const struct nmw_cmd *c, bool timed,
			 struct incoming *in)
{
	int why = nmw_rules_replace(c, in->qty);
	if (why != NMW_RULES_OK)
		return why;
	const struct nmw_symbol *s = nmw_symbols_at(nmw_symbols_of(r->e), in->sym);
	why = nmw_rules_price(s, c, in->side, &in->px);
	if (why != NMW_RULES_OK)
		return why;
	bool full = c->tif == NMW_TIF_GTT && !timed && nmw_timers_full(r->e);
	r->e->stat.capacity += full;
	return full ? NMW_REJ_OTHER : NMW_RULES_OK;
}

/* The live order gives way to the valid replacement, which takes over its handle.  The feed says U
 * when the order only moves, D (and A, if something rests) when it does more. */
static void replace_live(struct nmw_run *r, struct nmw_cmd *c, nmw_oid id, struct incoming *in)
{
	struct nmw_engine *e = r->e;
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	uint64_t old_ref = nmw_entry_ref(x), ref = e->next_ref++;
	bool was_shown = !nmw_entry_hidden(x), shown = c->info.display != 'N';
	inherit(r, c, id, in->sym);
	nmw_book_unlink(r->b, id);
	nmw_order_detach(e, id);
	replaced_out(r, in->who.session, c, ref, in->qty, in->qty ? 'L' : 'D');
	bool takes = takes_now(r, in);
	bool moves = in->qty && !in->immediate && !in->min_qty && !takes;
	bool as_replace = moves && was_shown && shown;
	if (was_shown && !as_replace)
		nmw_feed_delete(r, old_ref, in->sym);
	if (in->qty && !moves)
		work(r, in, takes);
	if (!in->qty) {
		nmw_order_free(e, id);
		return;
	}
	rest(r, c, in, id, ref);
	if (as_replace)
		nmw_feed_replace(r, old_ref, ref, in->sym, c->price, in->qty);
	else if (shown)
		nmw_feed_add(r, nmw_entry_of(r->b, id), in->sym, c->side, c->price, in->qty);
}

/* A replacement of a live order under a new id. */
static void replace_known(struct nmw_run *r, struct nmw_cmd *c, nmw_oid id, struct incoming *in)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	struct nmw_book_order o;
	nmw_book_order(r->b, id, &o);
	in->sym = o.sym;
	in->side = o.side;
	in->executed = nmw_entry_executed(x);
	in->qty = c->qty > in->executed ? c->qty - in->executed : 0;
	if (nmw_symbols_at(nmw_symbols_of(r->e), o.sym)->state != 'T')
		nmw_reply_rejected(r, in->who.session, c->key2, c, NMW_REJ_HALTED);
	else if (judge_replace(r, c, x->bits & NMW_ENTRY_TIMED, in) == NMW_RULES_OK)
		replace_live(r, c, id, in);
	else
		nmw_order_cancel(r, id, 'Z');
}

static void replace(struct nmw_run *r, uint32_t session, struct nmw_cmd *c)
{
	struct nmw_engine *e = r->e;
	struct nmw_account *a = account_of(e, session);
	struct incoming in = incoming_of(e, session, c, c->key2);
	nmw_oid id = nmw_order_find(e, nmw_scoped(in.account, c->key));
	enum nmw_token_use use = id ? id_use(e, a, in.who.key) : NMW_TOKEN_USED;
	if (use == NMW_TOKEN_USED) {
		e->stat.ignored++;
	} else if (use == NMW_TOKEN_FULL) {
		e->stat.capacity++;
		nmw_reply_rejected(r, session, c->key2, c, NMW_REJ_OTHER);
	} else {
		replace_known(r, c, id, &in);
	}
}

/* ---- cancel, modify, the rest ---------------------------------------------------------------- */

/* Less, in place: priority is kept. */
static void reduce(struct nmw_run *r, nmw_oid id, const struct nmw_book_order *o, uint32_t left)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	nmw_book_reduce(r->b, id, left);
	if (!nmw_entry_hidden(x))
		nmw_feed_reduce(r, x, o->sym, o->qty - left);
}

/* Shares that an intended total size leaves open. */
static uint32_t left_of(const struct nmw_entry *x, uint32_t total)
{
	uint32_t executed = nmw_entry_executed(x);
	return total > executed ? total - executed : 0;
}

static void cancel(struct nmw_run *r, nmw_oid id, const struct nmw_cmd *c)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	struct nmw_book_order o;
	nmw_book_order(r->b, id, &o);
	uint32_t left = left_of(x, c->qty);
	if (left >= o.qty) {
		r->e->stat.ignored++;
	} else if (left == 0) {
		nmw_order_cancel(r, id, 'U');
	} else {
		r->e->stat.canceled++;
		nmw_reply_canceled(r, nmw_entry_owner(r->e, x), nmw_entry_key(x), o.qty - left,
				   'U');
		reduce(r, id, &o, left);
	}
}

/* More shares: to the end of the queue, under a new reference. */
static void enlarge(struct nmw_run *r, nmw_oid id, const struct nmw_book_order *o, uint32_t left)
{
	struct nmw_engine *e = r->e;
	struct nmw_entry *x = nmw_entry_of(r->b, id);
	const struct nmw_order_info info = {.display = nmw_echo_of(e, id)->display};
	int64_t price = nmw_price_of(e, o->sym, o->px);
	uint64_t expire_ns = nmw_timer_at(e, id), old_ref = nmw_entry_ref(x), ref = e->next_ref++;
	if (expire_ns)
		nmw_timer_clear(e, id);
	nmw_order_unchain(e, id);
	nmw_book_unlink(r->b, id);
	x->ref = ref << 16 | nmw_entry_session(x);
	nmw_book_rest(r->b, id, o->sym, o->side, o->px, left,
		      e->next_rank++ | (o->rank & NMW_RANK_HIDDEN), o->owner);
	nmw_order_chain(e, id);
	if (expire_ns)
		nmw_timer_set(e, id, expire_ns);
	nmw_reply(r, nmw_entry_owner(r->e, x),
		  &(struct nmw_evt){.kind = NMW_EVT_PRIORITY,
				    .price = price,
				    .order_ref = ref,
				    .key = nmw_entry_key(x),
				    .info = &info});
	if (!nmw_entry_hidden(x))
		nmw_feed_replace(r, old_ref, ref, o->sym, price, left);
}

/* A side may change among the kinds of selling; a quantity to anything that leaves shares open. */
static bool modify_valid(uint8_t side, const struct nmw_cmd *c, uint32_t left)
{
	bool selling = c->side == 'S' || c->side == 'T' || c->side == 'E';
	return (c->side == side || (side != 'B' && selling)) && c->qty <= NMW_QTY_MAX && left;
}

static void modify(struct nmw_run *r, nmw_oid id, const struct nmw_cmd *c)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	struct nmw_echo *echo = nmw_echo_of(r->e, id);
	uint32_t left = left_of(x, c->qty);
	if (!modify_valid(echo->side, c, left)) {
		r->e->stat.ignored++;
		return;
	}
	struct nmw_book_order o;
	nmw_book_order(r->b, id, &o);
	echo->side = c->side;
	nmw_reply(r, nmw_entry_owner(r->e, x),
		  &(struct nmw_evt){.kind = NMW_EVT_MODIFIED,
				    .side = c->side,
				    .qty = left,
				    .key = nmw_entry_key(x)});
	if (left > o.qty)
		enlarge(r, id, &o, left);
	else if (left < o.qty)
		reduce(r, id, &o, left);
}

/* A message about a live order of the account; about any other it is ignored: there is no "too late
 * to cancel". */
static void on_live(struct nmw_run *r, uint32_t session, const struct nmw_cmd *c)
{
	uint32_t account = nmw_session_at(nmw_sessions_of(r->e), session)->account;
	nmw_oid oid = nmw_order_find(r->e, nmw_scoped(account, c->key));
	if (oid && c->op == NMW_OP_CANCEL)
		cancel(r, oid, c);
	else if (oid && c->op == NMW_OP_MODIFY)
		modify(r, oid, c);
	else /* trade now: no order here waits to be told that it may trade */
		r->e->stat.ignored++;
}

void nmw_entry_apply(struct nmw_run *r, uint32_t session, struct nmw_cmd *c)
{
	switch (c->op) {
	case NMW_OP_ENTER:
		enter(r, session, c);
		break;
	case NMW_OP_REPLACE:
		replace(r, session, c);
		break;
	case NMW_OP_CANCEL:
	case NMW_OP_MODIFY:
	case NMW_OP_TRADE_NOW:
		on_live(r, session, c);
		break;
	case NMW_OP_QUERY:
		nmw_reply(r, session,
			  &(struct nmw_evt){.kind = NMW_EVT_QUERY_REPLY,
					    .key = {.lo = account_of(r->e, session)->last_urn +
							  UINT64_C(1)}});
		break;
	default:
		r->e->stat.bad_message++;
		break;
	}
}
