/* Random flow through the engine and through the naive one: the same bytes after every message, the
 * same state in queue order.  NMW_SEED=n runs another flow, NMW_STEPS=n another length. */
#include "book/replay_check.h"
#include "engine_flow.h"
#include "engine_rig.h"
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_DEF   340000u /* a run; three runs make a million messages */
#define STATE_EVERY 5000u
#define ROWS_MAX    4096u

static struct rig r;
static struct naive *n;
static struct flow f;
static struct order_row want[ROWS_MAX], got[ROWS_MAX];

static void open_both(const struct nmw_engine_spec *spec, uint64_t seed)
{
	rig_open(&r, spec, NMW_CODEC_OUCH42);
	n = naive_new(spec);
	for (unsigned i = 0; i < FLOW_LISTED; i++) {
		ck_assert_int_eq(nmw_engine_symbol(r.e, &flow_symbols[i], NULL), 0);
		naive_symbol(n, &flow_symbols[i]);
	}
	flow_open(&f, seed);
}

static void close_both(void)
{
	rig_close(&r);
	naive_free(n);
}

static void same_output(const struct outmsgs *a, const struct outmsgs *b, uint64_t step)
{
	size_t k = 0;
	while (k < a->n && k < b->n && a->m[k].len == b->m[k].len &&
	       memcmp(a->m[k].p, b->m[k].p, a->m[k].len) == 0 &&
	       a->m[k].session == b->m[k].session && a->m[k].channel == b->m[k].channel &&
	       a->m[k].codec == b->m[k].codec && a->m[k].in_seq == b->m[k].in_seq &&
	       a->m[k].ts_ns == b->m[k].ts_ns)
		k++;
	if (k == a->n && k == b->n)
		return;
	static char text[4096];
	r.seen = 0;
	snprintf(text, sizeof(text), "%s", rig_text_all(&r));
	struct outmsgs swap = r.got;
	r.got = *b;
	r.seen = 0;
	const char *naive = rig_text_all(&r);
	r.got = swap;
	ck_abort_msg("message %llu, output %zu differs\nengine:\n%snaive:\n%s",
		     (unsigned long long)step, k, text, naive);
}

static void same_state(uint64_t step)
{
	char why[256];
	struct nmw_engine_stat s;
	nmw_engine_stat(r.e, &s);
	unsigned live = 0;
	ck_assert_msg(nmw_books_check(nmw_engine_books(r.e), why, sizeof(why)) == 0, "%s", why);
	for (uint32_t sym = 0; sym < s.symbols; sym++)
		for (uint32_t side = 0; side < 2; side++) {
			uint32_t tick = sym < FLOW_LISTED ? flow_symbols[sym].tick : 1;
			uint64_t name = nmw_engine_symbol_name(r.e, sym);
			unsigned a = engine_rows(r.e, sym, tick, side, got, ROWS_MAX);
			unsigned b = naive_rows(n, name, side, want, ROWS_MAX);
			ck_assert_uint_eq(a, b);
			for (unsigned i = 0; i < a; i++)
				ck_assert_msg(memcmp(&got[i], &want[i], sizeof(got[i])) == 0,
					      "message %llu: symbol %u side %u order %u",
					      (unsigned long long)step, sym, side, i);
			live += a;
		}
	ck_assert_uint_eq(live, s.live_orders);
}

static void run_both(const struct nmw_engine_spec *spec, uint64_t seed, uint64_t steps)
{
	struct outmsgs naive_out = {0};
	struct flow_msg m;
	printf("seed %llu, self-match %d\n", (unsigned long long)seed, (int)spec->stp);
	open_both(spec, seed);
	for (uint64_t i = 1; i <= steps; i++) {
		r.got.n = naive_out.n = 0;
		flow_next(&f, &m);
		nmw_engine_msg(r.e, flow_slot(&m), m.p, m.len, &r.out);
		naive_msg(n, flow_slot(&m), m.p, m.len, &naive_out);
		same_output(&r.got, &naive_out, i);
		if (i % STATE_EVERY == 0 || i == steps)
			same_state(i);
		if (i == steps / 2)
			rig_move(&r);
	}
	r.got.n = naive_out.n = 0;
	nmw_engine_end(r.e, &r.out);
	naive_end(n, &naive_out);
	same_output(&r.got, &naive_out, steps);
	struct nmw_engine_stat s;
	nmw_engine_stat(r.e, &s);
	printf("  %llu entered, %llu replaced, %llu canceled, %llu expired, %llu rejected, %llu "
	       "fills, %llu ignored\n",
	       (unsigned long long)s.entered, (unsigned long long)s.replaced,
	       (unsigned long long)s.canceled, (unsigned long long)s.expired,
	       (unsigned long long)s.rejected, (unsigned long long)s.fills,
	       (unsigned long long)s.ignored);
	ck_assert_uint_gt(s.fills, steps / 200);
	ck_assert_uint_gt(s.expired, steps / 5000);
	free(naive_out.m);
	close_both();
}

static void run_with(enum nmw_stp stp)
{
	struct nmw_engine_spec spec = rig_random;
	spec.stp = stp;
	run_both(&spec, unit_env("NMW_SEED", 1) * 3 + (unsigned)stp,
		 unit_env("NMW_STEPS", STEPS_DEF));
}

START_TEST(agrees_with_the_naive_engine)
{
	run_with(NMW_STP_ALLOW);
}
END_TEST

START_TEST(agrees_when_new_orders_yield)
{
	run_with(NMW_STP_CANCEL_NEW);
}
END_TEST

START_TEST(agrees_when_old_orders_yield)
{
	run_with(NMW_STP_CANCEL_OLD);
}
END_TEST

START_TEST(agrees_at_its_limits)
{
	struct nmw_engine_spec spec = rig_random;
	spec.orders = 20;
	spec.timers = 8;
	spec.ids = 3000;
	spec.symbols = 5;
	spec.sessions = 6;
	run_both(&spec, unit_env("NMW_SEED", 1) + 100, 20000);
}
END_TEST

/* ---- bursts ---------------------------------------------------------------------------------- */

#define BURST_STEPS 50000u

static uint64_t hash_of_bursts(struct flow_msg *m, unsigned burst)
{
	const struct nmw_slot *slot[64];
	const uint8_t *p[64];
	uint32_t len[64];
	rig_open(&r, &rig_random, NMW_CODEC_OUCH42);
	for (unsigned i = 0; i < FLOW_LISTED; i++)
		nmw_engine_symbol(r.e, &flow_symbols[i], NULL);
	for (unsigned i = 0; i < BURST_STEPS;) {
		unsigned k = 0;
		for (; k < burst && i < BURST_STEPS; k++, i++) {
			slot[k] = flow_slot(&m[i]);
			p[k] = m[i].p;
			len[k] = m[i].len;
		}
		nmw_engine_burst(r.e, slot, p, len, k, &r.out);
		r.got.n = 0;
	}
	nmw_engine_end(r.e, &r.out);
	uint64_t h = r.got.hash;
	rig_close(&r);
	return h;
}

START_TEST(same_bytes_at_any_burst)
{
	struct flow_msg *m = calloc(BURST_STEPS, sizeof(*m));
	ck_assert_ptr_nonnull(m);
	flow_open(&f, unit_env("NMW_SEED", 7));
	for (unsigned i = 0; i < BURST_STEPS; i++)
		flow_next(&f, &m[i]);
	uint64_t one = hash_of_bursts(m, 1);
	ck_assert_uint_ne(one, 0);
	ck_assert_uint_eq(hash_of_bursts(m, 7), one);
	ck_assert_uint_eq(hash_of_bursts(m, 64), one);
	free(m);
}
END_TEST

/* ---- its own feed -------------------------------------------------------- */

/* The market data of one engine, replayed through another, must give the same market data. */
START_TEST(own_feed_is_reproduced)
{
	static struct rig second;
	struct nmw_engine_spec spec = rig_random;
	struct flow_msg m;
	open_both(&spec, unit_env("NMW_SEED", 11));
	spec.check = true;
	spec.codec = NMW_CODEC_ITCH50;
	spec.symbols = 64;
	rig_open(&second, &spec, NMW_CODEC_ITCH50);
	for (unsigned i = 0; i < FLOW_LISTED; i++) /* for their ticks */
		nmw_engine_symbol(second.e, &flow_symbols[i], NULL);
	for (unsigned i = 0; i < 100000; i++) {
		r.got.n = second.got.n = 0;
		flow_next(&f, &m);
		nmw_engine_msg(r.e, flow_slot(&m), m.p, m.len, &r.out);
		for (size_t k = 0; k < r.got.n; k++)
			if (r.got.m[k].channel == NMW_CH_FEED)
				rig_send(&second, 0, NMW_CH_FEED, NMW_CODEC_ITCH50, r.got.m[k].p,
					 r.got.m[k].len);
	}
	struct nmw_engine_stat a, b;
	ck_assert_uint_eq(nmw_replay_compare(second.e), 0);
	nmw_engine_stat(r.e, &a);
	nmw_engine_stat(second.e, &b);
	ck_assert_uint_gt(b.check_executions, 1000);
	ck_assert_uint_eq(b.check_reproduced, b.check_executions);
	ck_assert_uint_eq(b.check_executions + b.check_trades, a.fills);
	ck_assert_uint_eq(b.check_unknown_refs, 0);
	ck_assert_uint_eq(b.check_crossed_adds, 0);
	ck_assert_uint_eq(b.bad_message, 0);
	rig_close(&second);
	close_both();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {agrees_with_the_naive_engine, agrees_when_new_orders_yield,
				      agrees_when_old_orders_yield, agrees_at_its_limits,
				      same_bytes_at_any_burst,	    own_feed_is_reproduced};
	setenv("CK_DEFAULT_TIMEOUT", "280", 0); /* seconds: a busy machine, a sanitizer */
	return unit_run("engine random", tests, sizeof tests / sizeof tests[0]);
}
