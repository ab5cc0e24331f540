/* Random flow through an engine whose books a device holds, and through one with its own: the same
 * bytes after every burst, the same queues at the end; devices that are small, narrow, full, or
 * lost.  NMW_SEED=n runs another flow, NMW_STEPS=n another length. */
#include "book/held.h"
#include "engine_flow.h"
#include "engine_rig.h"
#include "naive_port.h"
#include "unit.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_DEF 60000u
#define BURST_MAX 64u

static const struct nmw_engine_spec base = {.symbols = 6,
					    .orders = 400,
					    .sessions = 7,
					    .timers = 40,
					    .ids = 2000000,
					    .window = 64,
					    .feed_out = true,
					    .replies_out = true,
					    .utc_offset_ns = -18000000000000};

struct device {
	uint32_t books, ticks, slots, depth;
	uint64_t lose_after, lie_after;
};

static struct rig soft, hard;
static struct naive_port port;
static struct nmw_held *held;
static struct flow f;

static uint64_t from_env(const char *name, uint64_t def)
{
	const char *s = getenv(name);
	return s ? strtoull(s, NULL, 0) : def;
}

static struct nmw_held *held_new(const struct nmw_engine_spec *s)
{
	size_t size = nmw_held_footprint(&port.p, s->orders, s->symbols);
	void *mem = aligned_alloc(64, size);
	ck_assert_ptr_nonnull(mem);
	memset(mem, 0, size);
	return nmw_held_init(mem, &port.p, (struct nmw_books *)(uintptr_t)nmw_engine_books(hard.e),
			     s->orders, s->symbols);
}

static void open_both(const struct nmw_engine_spec *s, const struct device *d, bool listed)
{
	rig_open(&soft, s, NMW_CODEC_OUCH42);
	rig_open(&hard, s, NMW_CODEC_OUCH42);
	naive_port_open(&port, d->books, d->ticks, d->slots, d->depth);
	port.lose_after = d->lose_after;
	port.lie_after = d->lie_after;
	for (unsigned i = 0; listed && i < FLOW_LISTED; i++) {
		ck_assert_int_eq(nmw_engine_symbol(soft.e, &flow_symbols[i], NULL), 0);
		ck_assert_int_eq(nmw_engine_symbol(hard.e, &flow_symbols[i], NULL), 0);
	}
	held = held_new(s);
	hard.out.held = held;
}

static void close_both(void)
{
	free(held);
	naive_port_close(&port);
	rig_close(&soft);
	rig_close(&hard);
}

static void same_output(uint64_t step)
{
	const struct outmsgs *a = &soft.got, *b = &hard.got;
	size_t k = 0;
	while (k < a->n && k < b->n && a->m[k].len == b->m[k].len &&
	       memcmp(a->m[k].p, b->m[k].p, a->m[k].len) == 0 &&
	       a->m[k].session == b->m[k].session && a->m[k].channel == b->m[k].channel &&
	       a->m[k].codec == b->m[k].codec && a->m[k].in_seq == b->m[k].in_seq &&
	       a->m[k].ts_ns == b->m[k].ts_ns)
		k++;
	if (k == a->n && k == b->n)
		return;
	soft.seen = hard.seen = 0;
	printf("software:\n%s", rig_text_all(&soft));
	printf("device:\n%s", rig_text_all(&hard));
	ck_abort_msg("message %" PRIu64 ", output %zu differs", step, k);
}

static void same_orders(uint32_t sym, uint32_t side)
{
	const struct nmw_books *x = nmw_engine_books(soft.e), *y = nmw_engine_books(hard.e);
	nmw_oid a = 0, b = 0;
	do {
		struct nmw_book_order o, p;
		struct nmw_engine_order v, w;
		a = nmw_book_walk(x, sym, side, a);
		b = nmw_book_walk(y, sym, side, b);
		ck_assert_int_eq(a != 0, b != 0);
		if (!a)
			break;
		nmw_book_order(x, a, &o);
		nmw_book_order(y, b, &p);
		nmw_engine_order(soft.e, a, &v);
		nmw_engine_order(hard.e, b, &w);
		ck_assert(o.px == p.px && o.qty == p.qty && o.rank == p.rank &&
			  o.owner == p.owner && v.order_ref == w.order_ref &&
			  v.expire_ns == w.expire_ns && v.executed == w.executed);
	} while (a);
}

static void same_state(void)
{
	char why[256];
	struct nmw_engine_stat s, h;
	nmw_held_release(held);
	nmw_engine_stat(soft.e, &s);
	nmw_engine_stat(hard.e, &h);
	ck_assert_msg(nmw_books_check(nmw_engine_books(hard.e), why, sizeof why) == 0, "%s", why);
	ck_assert_int_eq(memcmp(&s, &h, sizeof s), 0);
	for (uint32_t sym = 0; sym < s.symbols; sym++)
		for (uint32_t side = 0; side < 2; side++)
			same_orders(sym, side);
}

static void say_stat(void)
{
	struct nmw_held_stat s;
	nmw_held_stat(held, &s);
	printf("  %" PRIu64 " commands, %" PRIu64 " ahead, %" PRIu64 " events, %u at once; %" PRIu64
	       " symbols, %" PRIu64 " orders; %" PRIu64 " moves of %" PRIu64 ", %" PRIu64
	       " behind; to software:",
	       s.commands, s.ahead, s.events, port.most, s.symbols, s.orders, s.moves, s.moved,
	       s.behind);
	if (held->lost)
		printf(" %s;", held->err.msg);
	for (unsigned i = 0; i < NMW_HELD_WHYS; i++)
		printf(" %" PRIu64, s.went[i]);
	printf("\n");
}

static void burst_both(struct flow_msg *m, unsigned n, uint64_t step)
{
	const struct nmw_slot *slot[BURST_MAX];
	const uint8_t *p[BURST_MAX];
	uint32_t len[BURST_MAX];
	for (unsigned i = 0; i < n; i++) {
		slot[i] = flow_slot(&m[i]);
		p[i] = m[i].p;
		len[i] = m[i].len;
	}
	soft.got.n = hard.got.n = 0;
	nmw_engine_burst(soft.e, slot, p, len, n, &soft.out);
	nmw_engine_burst(hard.e, slot, p, len, n, &hard.out);
	same_output(step);
}

static void run(const struct nmw_engine_spec *s, const struct device *d, unsigned burst,
		uint64_t seed, uint64_t steps)
{
	static struct flow_msg m[BURST_MAX];
	printf("seed %" PRIu64 ", self-match %d: %u books, %u ticks, %u slots, bursts of %u\n",
	       seed, (int)s->stp, d->books, d->ticks, d->slots, burst);
	open_both(s, d, true);
	flow_open(&f, seed);
	for (uint64_t i = 0; i < steps;) {
		unsigned n = burst ? burst : 1 + (unsigned)nmw_rng_below(&f.rng, BURST_MAX);
		for (unsigned k = 0; k < n; k++)
			flow_next(&f, &m[k]);
		i += n;
		burst_both(m, n, i);
	}
	say_stat();
	soft.got.n = hard.got.n = 0;
	nmw_engine_end(soft.e, &soft.out);
	nmw_engine_end(hard.e, &hard.out);
	same_output(steps);
	ck_assert(!held->lost || d->lose_after || d->lie_after);
	same_state();
	close_both();
}

static void run_all(const struct device *d)
{
	uint64_t seed = from_env("NMW_SEED", 1), steps = from_env("NMW_STEPS", STEPS_DEF);
	for (int stp = NMW_STP_ALLOW; stp <= NMW_STP_CANCEL_OLD; stp++) {
		struct nmw_engine_spec spec = base;
		spec.stp = (enum nmw_stp)stp;
		run(&spec, d, stp == NMW_STP_ALLOW, seed * 3 + (uint64_t)stp, steps);
	}
}

START_TEST(a_roomy_device)
{
	run_all(&(struct device){.books = 16, .ticks = 6000, .slots = 512, .depth = 1024});
}
END_TEST

START_TEST(a_narrow_window)
{
	run_all(&(struct device){.books = 16, .ticks = 40, .slots = 512, .depth = 5});
}
END_TEST

START_TEST(few_books_few_slots)
{
	run_all(&(struct device){.books = 2, .ticks = 6000, .slots = 64, .depth = 64});
	run_all(&(struct device){.books = 6, .ticks = 300, .slots = 16, .depth = 1});
}
END_TEST

START_TEST(a_device_that_is_lost)
{
	uint64_t seed = from_env("NMW_SEED", 1), steps = from_env("NMW_STEPS", STEPS_DEF) / 8;
	for (uint64_t i = 0; i < 60; i++) {
		struct device d = {.books = 4, .ticks = 200, .slots = 256, .depth = 32};
		*(i % 2 ? &d.lie_after : &d.lose_after) = 1 + i * i * 3;
		run(&base, &d, 0, seed + i, steps);
	}
}
END_TEST

/* The market data of the one engine, replayed through a third. */
static void replay(const struct device *d)
{
	static struct rig third;
	struct nmw_engine_spec spec = base;
	static struct flow_msg m;
	rig_open(&third, &spec, NMW_CODEC_OUCH42);
	for (unsigned i = 0; i < FLOW_LISTED; i++)
		nmw_engine_symbol(third.e, &flow_symbols[i], NULL);
	spec.check = true;
	spec.codec = NMW_CODEC_ITCH50;
	spec.symbols = 64;
	open_both(&spec, d, true);
	flow_open(&f, from_env("NMW_SEED", 11));
	for (unsigned i = 0; i < 30000; i++) {
		third.got.n = soft.got.n = hard.got.n = 0;
		flow_next(&f, &m);
		nmw_engine_msg(third.e, flow_slot(&m), m.p, m.len, &third.out);
		for (size_t k = 0; k < third.got.n; k++)
			if (third.got.m[k].channel == NMW_CH_FEED) {
				rig_send(&soft, 0, NMW_CH_FEED, NMW_CODEC_ITCH50, third.got.m[k].p,
					 third.got.m[k].len);
				rig_send(&hard, 0, NMW_CH_FEED, NMW_CODEC_ITCH50, third.got.m[k].p,
					 third.got.m[k].len);
			}
		same_output(i);
	}
	say_stat();
	same_state();
	close_both();
	rig_close(&third);
}

START_TEST(a_replayed_feed)
{
	replay(&(struct device){.books = 16, .ticks = 6000, .slots = 512, .depth = 64});
	replay(&(struct device){.books = 3, .ticks = 50, .slots = 64, .depth = 64});
}
END_TEST

/* A restart: the region goes on in other memory, with an empty device. */
START_TEST(goes_on_with_an_empty_device)
{
	static struct flow_msg m;
	struct device d = {.books = 4, .ticks = 500, .slots = 256, .depth = 32};
	open_both(&base, &d, true);
	flow_open(&f, from_env("NMW_SEED", 5));
	for (uint64_t i = 1; i <= 40000; i++) {
		flow_next(&f, &m);
		burst_both(&m, 1, i);
		if (i % 1000)
			continue;
		free(held);
		naive_port_close(&port);
		rig_move(&hard);
		naive_port_open(&port, d.books, d.ticks, d.slots, d.depth);
		held = held_new(&base);
		struct nmw_engine_stat s;
		nmw_engine_stat(hard.e, &s);
		nmw_held_adopt(held, (uint32_t)s.symbols);
		hard.out.held = held;
	}
	say_stat();
	same_state();
	close_both();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {a_roomy_device,	   a_narrow_window,
				      few_books_few_slots, a_device_that_is_lost,
				      a_replayed_feed,	   goes_on_with_an_empty_device};
	setenv("CK_DEFAULT_TIMEOUT", "280", 0); /* seconds: a busy machine, a sanitizer */
	setvbuf(stdout, NULL, _IOLBF, 0);
	return unit_run("engine held", tests, sizeof tests / sizeof tests[0]);
}
