/* A device that gives wrong answers is lost at the first of them, whatever it is: what comes out is
 * what the software book says, and no order is lost or doubled.  A right one is not lost. */
#include "engine_pair.h"
#include "unit.h"
#include "wire_util.h"
#include <string.h>

#define LIES	   60u
#define EVENTS_MAX 10000u /* of one command: nobody asks for so many */

static const struct pair_device roomy = {.books = 4, .ticks = 1000, .slots = 64, .depth = 16};
static struct pair p;
static uint64_t told; /* lies */

static void open_with(enum nmw_stp stp)
{
	struct nmw_engine_spec s = rig_small;
	s.stp = stp;
	memset(&p, 0, sizeof p);
	pair_open(&p, &s, &roomy, false);
	told = 0;
}

/* It has to be known for a liar by now; what it held is on the software books. */
static void close_lost(void)
{
	ck_assert_uint_gt(told, 0);
	ck_assert(p.held->lost);
	pair_same_state(&p);
	pair_close(&p);
}

static struct nmw_cmd order(unsigned id, char side, uint32_t qty, int64_t price)
{
	return rig_order(&p.soft, id, side, qty, price);
}

static void enter(uint32_t session, unsigned id, char side, uint32_t qty, int64_t price)
{
	struct nmw_cmd c = order(id, side, qty, price);
	pair_cmd(&p, session, &c);
}

static void feed_add(uint64_t ref, char side, uint32_t qty, int64_t price)
{
	pair_feed(&p, &(struct nmw_cmd){.op = NMW_OP_FEED_ADD,
					.key = {.lo = ref},
					.side = (uint8_t)side,
					.qty = qty,
					.price = price,
					.locate = 5,
					.info = {.symbol = symbol_of("TEST")}});
}

static struct nmw_port_evt lies; /* kind, reason, qty, left, handle of the next event */

static void tell(struct naive_port *n, struct nmw_port_evt *v)
{
	v->kind = lies.kind;
	v->reason = lies.reason;
	v->qty = lies.qty;
	v->left = lies.left;
	v->handle = lies.handle;
	v->flags = NMW_PORT_LAST;
	n->lie = NULL;
	told++;
}

static void lie_next(struct nmw_port_evt v)
{
	lies = v;
	p.port.lie = tell;
}

/* The handle of a live order of the device. */
static uint64_t handle_of(char side, uint32_t qty)
{
	for (uint32_t i = 0; i < p.port.p.slots; i++) {
		const struct naive_slot *s = &p.port.slot[i];
		if (s->live && s->sell == (side == 'S') && s->qty == qty)
			return s->handle;
	}
	ck_abort_msg("no such order");
}

/* ---- the first event is wrong: nothing has happened yet -------------------------------------- */

START_TEST(post_only_does_not_trade_after_a_wrong_event)
{
	open_with(NMW_STP_ALLOW);
	enter(1, 1, 'S', 100, 10000);
	struct nmw_cmd c = order(2, 'B', 100, 10000);
	c.post_only = 1;
	c.info.display = 'P';
	lie_next((struct nmw_port_evt){.kind = 99});
	pair_cmd(&p, 1, &c);
	close_lost();
}
END_TEST

START_TEST(a_minimum_holds_after_a_wrong_event)
{
	open_with(NMW_STP_ALLOW);
	enter(1, 1, 'S', 100, 10000);
	struct nmw_cmd c = order(2, 'B', 200, 10000);
	c.info.min_qty = 150;
	lie_next((struct nmw_port_evt){.kind = 99});
	pair_cmd(&p, 1, &c);
	close_lost();
}
END_TEST

START_TEST(an_order_of_a_feed_is_not_filled)
{
	open_with(NMW_STP_ALLOW);
	feed_add(1, 'S', 100, 10000);
	lie_next((struct nmw_port_evt){
		.kind = NMW_CORE_FILL, .qty = 100, .handle = handle_of('S', 100)});
	feed_add(2, 'B', 100, 10000);
	close_lost();
}
END_TEST

START_TEST(nor_does_it_fill_one)
{
	open_with(NMW_STP_ALLOW);
	feed_add(1, 'S', 100, 10000);
	lie_next((struct nmw_port_evt){.kind = 99});
	feed_add(2, 'B', 100, 10000);
	close_lost();
}
END_TEST

START_TEST(an_order_is_not_canceled_for_what_it_does_not_ask)
{
	static const uint8_t reason[] = {NMW_CORE_WOULD_POST, NMW_CORE_MIN_QTY, NMW_CORE_SELF,
					 NMW_CORE_IMMEDIATE};
	for (size_t i = 0; i < sizeof reason; i++) {
		open_with(NMW_STP_ALLOW);
		enter(1, 1, 'S', 100, 10000);
		lie_next((struct nmw_port_evt){.kind = NMW_CORE_CANCELED,
					       .reason = reason[i],
					       .qty = 70,
					       .left = 100,
					       .handle = handle_of('S', 100)});
		enter(1, 2, 'B', 70, 10000);
		close_lost();
	}
}
END_TEST

/* A fill ends one of the two. */
START_TEST(a_fill_of_less_than_there_is)
{
	open_with(NMW_STP_ALLOW);
	enter(1, 1, 'S', 100, 10000);
	lie_next((struct nmw_port_evt){
		.kind = NMW_CORE_FILL, .qty = 60, .left = 40, .handle = handle_of('S', 100)});
	enter(2, 2, 'B', 200, 10000);
	close_lost();
}
END_TEST

/* ---- the order that it names is none that could be met ----------------------------------------
 */

static void fills_with(char side, uint32_t qty)
{
	lie_next((struct nmw_port_evt){.kind = NMW_CORE_FILL,
				       .qty = 50,
				       .left = qty - 50,
				       .handle = handle_of(side, qty)});
	enter(2, 9, 'B', 50, 10000);
	close_lost();
}

START_TEST(a_maker_of_another_symbol)
{
	open_with(NMW_STP_ALLOW);
	enter(1, 1, 'S', 100, 10000);
	struct nmw_cmd c = order(2, 'S', 60, 10000);
	c.info.symbol = symbol_of("OTHER");
	pair_cmd(&p, 1, &c);
	fills_with('S', 60);
}
END_TEST

START_TEST(a_maker_of_the_same_side)
{
	open_with(NMW_STP_ALLOW);
	enter(1, 1, 'S', 100, 10000);
	enter(1, 2, 'B', 60, 9900);
	fills_with('B', 60);
}
END_TEST

START_TEST(a_maker_beyond_the_limit)
{
	open_with(NMW_STP_ALLOW);
	enter(1, 1, 'S', 100, 10000);
	enter(1, 2, 'S', 60, 10100);
	fills_with('S', 60);
}
END_TEST

/* Own orders: with the rule off, of nobody, of another account. */
START_TEST(an_own_maker_that_is_none)
{
	static const uint8_t kind[] = {NMW_CORE_OWN, NMW_CORE_CANCELED};
	for (int stp = NMW_STP_ALLOW; stp <= NMW_STP_CANCEL_OLD; stp++)
		for (size_t i = 0; i < sizeof kind; i++) {
			open_with((enum nmw_stp)stp);
			rig_ctl(&p.soft, 1, NMW_CTL_LOGIN, "ALPHA", 0);
			rig_ctl(&p.hard, 1, NMW_CTL_LOGIN, "ALPHA", 0);
			rig_ctl(&p.soft, 2, NMW_CTL_LOGIN, "BRAVO", 0);
			rig_ctl(&p.hard, 2, NMW_CTL_LOGIN, "BRAVO", 0);
			enter(1, 1, 'S', 100, 10000);
			lie_next((struct nmw_port_evt){.kind = kind[i],
						       .reason = NMW_CORE_SELF,
						       .qty = 100,
						       .left = 100,
						       .handle = handle_of('S', 100)});
			enter(2, 2, 'B', 100, 10000);
			close_lost();
		}
}
END_TEST

/* The rule is to cancel the one, and it cancels the other. */
START_TEST(the_wrong_one_of_two_own_leaves)
{
	for (int stp = NMW_STP_CANCEL_NEW; stp <= NMW_STP_CANCEL_OLD; stp++) {
		open_with((enum nmw_stp)stp);
		rig_ctl(&p.soft, 1, NMW_CTL_LOGIN, "ALPHA", 0);
		rig_ctl(&p.hard, 1, NMW_CTL_LOGIN, "ALPHA", 0);
		enter(1, 1, 'S', 100, 10000);
		bool leaves = stp == NMW_STP_CANCEL_NEW; /* the wrong way round */
		lie_next((struct nmw_port_evt){.kind = leaves ? NMW_CORE_OWN : NMW_CORE_CANCELED,
					       .reason = NMW_CORE_SELF,
					       .qty = 100,
					       .left = 100,
					       .handle = handle_of('S', 100)});
		enter(1, 2, 'B', 100, 10000);
		close_lost();
	}
}
END_TEST

/* ---- a slot that has an order -----------------------------------------------------------------
 */

START_TEST(two_orders_do_not_rest_in_one_slot)
{
	open_with(NMW_STP_ALLOW);
	enter(1, 1, 'S', 100, 10000);
	lie_next((struct nmw_port_evt){
		.kind = NMW_CORE_RESTED, .qty = 60, .handle = handle_of('S', 100) + 64});
	enter(1, 2, 'S', 60, 10100);
	close_lost();
}
END_TEST

static void same_slot(struct naive_port *n, struct nmw_port_evt *v)
{
	if (v->kind != NMW_CORE_RESTED)
		return;
	if (lies.handle)
		v->handle = lies.handle;
	told += lies.handle != 0;
	lies.handle = v->handle + n->p.slots; /* of another generation */
}

/* The last order's price is outside the window, which moves: two come again. */
START_TEST(nor_when_they_come_again)
{
	open_with(NMW_STP_ALLOW);
	enter(1, 1, 'B', 100, 10000);
	enter(1, 2, 'B', 60, 90000);
	enter(1, 3, 'B', 70, 95000);
	lies.handle = 0;
	p.port.lie = same_slot;
	enter(1, 4, 'B', 50, 110000);
	close_lost();
}
END_TEST

/* ---- it never says that a command is done -----------------------------------------------------
 */

static void never_last(struct naive_port *n, struct nmw_port_evt *v)
{
	if (v->kind != NMW_CORE_REJECTED)
		return;
	v->flags = 0;
	n->head--; /* and again */
	ck_assert_uint_lt(++told, EVENTS_MAX);
}

static void put(struct flow_msg *m, uint32_t session, const struct nmw_cmd *c)
{
	struct nmw_slot *s = flow_slot(m);
	m->len = nmw_codec_ouch42.encode_cmd(c, m->p);
	*s = (struct nmw_slot){.seq = ++p.soft.in_seq,
			       .in_seq = p.soft.in_seq,
			       .ts_ns = p.soft.now_ns += RIG_STEP,
			       .session = session,
			       .len = (uint16_t)m->len,
			       .channel = NMW_CH_ORDER,
			       .codec = NMW_CODEC_OUCH42};
	p.hard.in_seq = p.soft.in_seq;
	p.hard.now_ns = p.soft.now_ns;
}

/* A cancel is sent ahead of an order that it finds filled. */
START_TEST(a_command_that_never_ends)
{
	static struct flow_msg m[2];
	open_with(NMW_STP_ALLOW);
	enter(1, 1, 'S', 100, 10000);
	struct nmw_cmd buy = order(2, 'B', 100, 10000), cancel = rig_cancel(&p.soft, 1, 0);
	put(&m[0], 1, &buy);
	put(&m[1], 1, &cancel);
	p.port.lie = never_last;
	pair_burst(&p, m, 2, 2);
	close_lost();
}
END_TEST

/* ---- any field of any event -------------------------------------------------------------------
 */

static uint64_t lie_at;
static struct nmw_rng dice;

static void change_one(struct naive_port *n, struct nmw_port_evt *v)
{
	if (n->given + 1 != lie_at)
		return;
	uint32_t by = 1 + (uint32_t)nmw_rng_below(&dice, 9);
	told++;
	switch (nmw_rng_below(&dice, 7)) {
	case 0:
		v->kind = (uint8_t)((v->kind + by) % 10);
		break;
	case 1:
		v->reason = (uint8_t)((v->reason + by) % 10);
		break;
	case 2:
		v->flags ^= NMW_PORT_LAST;
		break;
	case 3:
		v->qty += nmw_rng_below(&dice, 2) ? by : 0 - v->qty;
		break;
	case 4:
		v->left += nmw_rng_below(&dice, 2) ? by : 0 - v->left;
		break;
	case 5:
		v->tag += by;
		break;
	default:
		v->handle += by * (nmw_rng_below(&dice, 2) ? 1 : n->p.slots);
		break;
	}
}

/* What cannot be told from the truth changes nothing that comes out. */
START_TEST(a_random_lie)
{
	static const struct pair_device d = {.books = 4, .ticks = 300, .slots = 256, .depth = 32};
	static struct flow_msg m[PAIR_BURST];
	static struct flow f;
	struct nmw_engine_spec s = rig_random;
	uint64_t seed = unit_env("NMW_SEED", 1), lost = 0;
	printf("seed %llu\n", (unsigned long long)seed);
	for (uint64_t i = 0; i < LIES; i++) {
		s.stp = (enum nmw_stp)(i % 3);
		nmw_rng_seed(&dice, seed + i);
		flow_open(&f, seed + i);
		memset(&p, 0, sizeof p);
		pair_open(&p, &s, &d, true);
		lie_at = 1 + nmw_rng_below(&dice, 1000);
		told = 0;
		p.port.lie = change_one;
		p.port.may_end = true;
		for (uint64_t step = 0; step < 150; step++) {
			unsigned n = 1 + (unsigned)nmw_rng_below(&dice, 20);
			for (unsigned k = 0; k < n; k++)
				flow_next(&f, &m[k]);
			pair_burst(&p, m, n, step);
		}
		lost += p.held->lost;
		ck_assert(!p.held->lost || told);
		pair_same_state(&p);
		pair_close(&p);
	}
	printf("%llu of %u lies were found out\n", (unsigned long long)lost, LIES);
	ck_assert_uint_gt(lost, LIES / 4);
}
END_TEST

/* ---- and one that does not lie ----------------------------------------------------------------
 */

/* Orders of one burst go before an order of a feed whose rank is later: each makes it come again.
 */
START_TEST(orders_before_one_of_a_feed)
{
	static struct flow_msg m[3];
	open_with(NMW_STP_ALLOW);
	enter(1, 1, 'B', 10, 9000);
	feed_add(1000000, 'B', 100, 10000);
	for (unsigned i = 0; i < 3; i++) {
		struct nmw_cmd c = order(2 + i, 'B', 50 + i, 10000);
		put(&m[i], 1, &c);
	}
	pair_burst(&p, m, 3, 3);
	ck_assert(!p.held->lost);
	enter(2, 9, 'S', 120, 10000); /* in the order of their ranks */
	ck_assert(!p.held->lost);
	pair_same_state(&p);
	pair_close(&p);
}
END_TEST

UNIT_MAIN("held lies", a_random_lie, a_fill_of_less_than_there_is,
	  post_only_does_not_trade_after_a_wrong_event, a_minimum_holds_after_a_wrong_event,
	  an_order_of_a_feed_is_not_filled, nor_does_it_fill_one,
	  an_order_is_not_canceled_for_what_it_does_not_ask, a_maker_of_another_symbol,
	  a_maker_of_the_same_side, a_maker_beyond_the_limit, an_own_maker_that_is_none,
	  the_wrong_one_of_two_own_leaves, two_orders_do_not_rest_in_one_slot,
	  nor_when_they_come_again, a_command_that_never_ends, orders_before_one_of_a_feed)
