/* Symbols that come to a device and go from it between any two bursts of a random flow, and devices
 * that die and are reset meanwhile: the same bytes as from an engine with its own books, the same
 * queues at the end.  NMW_SEED=n is another run, NMW_STEPS=n another length. */
#include "engine_pair.h"
#include "unit.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_DEF 40000u

struct moves {
	unsigned one_in; /* bursts between two moves, on average */
	unsigned deaths; /* the device dies again, within so many events; 0 = not */
	struct nmw_rng rng;
	unsigned come, came, went, again;
};

static struct pair p;
static struct flow f;

/* It is reset, and has its next death before it. A lie may go unseen where the answer does not
 * matter. */
static void device_again(struct moves *m)
{
	struct nmw_port was = p.port.p;
	uint64_t after = 1 + nmw_rng_below(&m->rng, m->deaths);
	naive_port_close(&p.port);
	naive_port_open(&p.port, was.books, was.ticks, was.slots, was.depth);
	p.port.lie_after = nmw_rng_below(&m->rng, 2) ? after : 0;
	p.port.lose_after = after + 10;
	nmw_held_again(p.held);
	m->again++;
}

static void come(struct moves *m, uint32_t sym)
{
	int64_t was = nmw_held_orders(p.held, sym);
	bool came = nmw_held_come(p.held, sym);
	ck_assert_int_eq(came, nmw_held_orders(p.held, sym) >= 0);
	ck_assert(!came || !p.held->lost);
	m->come++;
	m->came += came && was < 0;
}

static void go(struct moves *m, uint32_t sym)
{
	int64_t was = nmw_held_orders(p.held, sym);
	ck_assert_int_eq(nmw_held_go(p.held, sym), was > 0 ? was : 0);
	ck_assert_int_eq(nmw_held_orders(p.held, sym), -1);
	ck_assert_int_eq(nmw_held_why(p.held, sym), NMW_HELD_ASKED);
	m->went += was >= 0;
}

/* Between two bursts. */
static void move(struct moves *m)
{
	struct nmw_engine_stat s;
	nmw_held_turn(p.held);
	if (nmw_rng_below(&m->rng, m->one_in))
		return;
	nmw_engine_stat(p.hard.e, &s);
	if (p.held->lost)
		device_again(m);
	if (!s.symbols)
		return;
	uint32_t sym = (uint32_t)nmw_rng_below(&m->rng, s.symbols);
	if (nmw_rng_below(&m->rng, 2))
		come(m, sym);
	else
		go(m, sym);
}

static void run(const struct nmw_engine_spec *s, const struct pair_device *d, struct moves *m,
		unsigned burst, uint64_t seed, uint64_t steps)
{
	static struct flow_msg msg[PAIR_BURST];
	printf("seed %" PRIu64 ", self-match %d: %u books, %u ticks, %u slots, bursts of %u\n",
	       seed, (int)s->stp, d->books, d->ticks, d->slots, burst);
	pair_open(&p, s, d, seed % 2);
	flow_open(&f, seed);
	nmw_rng_seed(&m->rng, seed);
	for (uint64_t i = 0; i < steps;) {
		unsigned n = burst ? burst : 1 + (unsigned)nmw_rng_below(&f.rng, PAIR_BURST);
		for (unsigned k = 0; k < n; k++)
			flow_next(&f, &msg[k]);
		i += n;
		move(m);
		pair_burst(&p, msg, n, i);
	}
	pair_say_stat(&p);
	ck_assert(!p.held->lost || m->deaths);
	pair_same_state(&p);
	pair_close(&p);
}

START_TEST(symbols_come_and_go)
{
	uint64_t seed = unit_env("NMW_SEED", 1), steps = unit_env("NMW_STEPS", STEPS_DEF);
	unsigned moved = 0;
	static const struct pair_device d[] = {
		{.books = 16, .ticks = 6000, .slots = 512, .depth = 1024},
		{.books = 16, .ticks = 40, .slots = 512, .depth = 5},
		{.books = 3, .ticks = 300, .slots = 64, .depth = 16},
	};
	for (unsigned i = 0; i < 6; i++) {
		struct nmw_engine_spec spec = rig_random;
		struct moves m = {.one_in = i < 3 ? 10 : 1};
		spec.stp = (enum nmw_stp)(i % 3);
		run(&spec, &d[i % 3], &m, i < 3, seed + i, steps);
		printf("  %u came, %u went\n", m.came, m.went);
		moved += m.came + m.went;
	}
	ck_assert(steps < STEPS_DEF || moved >= 3000);
}
END_TEST

START_TEST(devices_die_and_are_reset)
{
	uint64_t seed = unit_env("NMW_SEED", 1), steps = unit_env("NMW_STEPS", STEPS_DEF);
	unsigned again = 0;
	for (unsigned i = 0; i < 4; i++) {
		struct pair_device d = {
			.books = 4, .ticks = 200, .slots = 256, .depth = 32, .lose_after = 99};
		struct moves m = {.one_in = i % 2 ? 1 : 10, .deaths = i < 2 ? 200 : 30};
		run(&rig_random, &d, &m, i % 2 ? 0 : 1, seed + i, steps);
		printf("  reset %u times, %u came\n", m.again, m.came);
		again += m.again;
	}
	ck_assert(steps < STEPS_DEF || again >= 1000);
}
END_TEST

/* The market data of an engine, replayed: its books cross, its executions differ. */
START_TEST(of_a_replayed_feed)
{
	static struct rig third;
	static struct flow_msg msg;
	struct nmw_engine_spec spec = rig_random;
	struct moves m = {.one_in = 5};
	rig_open(&third, &spec, NMW_CODEC_OUCH42);
	spec.check = true;
	spec.codec = NMW_CODEC_ITCH50;
	spec.symbols = 64;
	pair_open(&p, &spec,
		  &(struct pair_device){.books = 3, .ticks = 500, .slots = 512, .depth = 64},
		  false);
	flow_open(&f, unit_env("NMW_SEED", 11));
	nmw_rng_seed(&m.rng, unit_env("NMW_SEED", 11));
	for (unsigned i = 0; i < 20000; i++) {
		third.got.n = p.soft.got.n = p.hard.got.n = 0;
		flow_next(&f, &msg);
		nmw_engine_msg(third.e, flow_slot(&msg), msg.p, msg.len, &third.out);
		move(&m);
		for (size_t k = 0; k < third.got.n; k++)
			if (third.got.m[k].channel == NMW_CH_FEED)
				pair_send(&p, 0, NMW_CH_FEED, NMW_CODEC_ITCH50, third.got.m[k].p,
					  third.got.m[k].len);
	}
	printf("  %u came, %u went\n", m.came, m.went);
	pair_say_stat(&p);
	pair_same_state(&p);
	pair_close(&p);
	rig_close(&third);
}
END_TEST

static enum nmw_held_wish only_second(void *arg, uint32_t sym)
{
	++*(unsigned *)arg;
	return sym == 1 ? NMW_HELD_DEVICE : NMW_HELD_HOST;
}

static void some_flow(unsigned n)
{
	static struct flow_msg msg;
	for (unsigned i = 0; i < n; i++) {
		flow_next(&f, &msg);
		pair_burst(&p, &msg, 1, i);
	}
}

/* What is wished is asked for once a symbol; a command has the last word, also after a loss. */
START_TEST(as_it_is_wished)
{
	unsigned asked = 0;
	struct nmw_engine_stat s;
	pair_open(&p, &rig_random,
		  &(struct pair_device){.books = 3, .ticks = 6000, .slots = 512, .depth = 64},
		  true);
	p.held->wish = only_second;
	p.held->wish_arg = &asked;
	flow_open(&f, 3);
	some_flow(3000);
	nmw_engine_stat(p.hard.e, &s);
	ck_assert_uint_ge(s.symbols, 4);
	ck_assert_uint_le(asked, s.symbols);
	ck_assert_uint_eq(nmw_held_free(p.held), 2);
	ck_assert_int_ge(nmw_held_orders(p.held, 1), 0);
	for (uint32_t sym = 0; sym < s.symbols; sym++)
		ck_assert(sym == 1 || nmw_held_orders(p.held, sym) == -2 ||
			  nmw_held_why(p.held, sym) == NMW_HELD_ASKED);
	ck_assert(nmw_held_come(p.held, 0) && nmw_held_come(p.held, 2));
	ck_assert(!nmw_held_come(p.held, 3));
	ck_assert_int_eq(nmw_held_why(p.held, 3), NMW_HELD_NO_BOOK);
	some_flow(3000);
	p.port.lose_after = p.port.given + 1;
	some_flow(1000);
	ck_assert(p.held->lost);
	ck_assert_int_eq(nmw_held_why(p.held, 1), NMW_HELD_LOST);
	ck_assert(!nmw_held_come(p.held, 1));
	device_again(&(struct moves){.deaths = 1});
	p.port.lie_after = p.port.lose_after = 0;
	ck_assert(nmw_held_come(p.held, 1));
	some_flow(3000);
	pair_same_state(&p);
	pair_close(&p);
}
END_TEST

/* A symbol without a book comes by itself when one is free and it was used often enough. */
START_TEST(comes_by_itself)
{
	pair_open(&p, &rig_random,
		  &(struct pair_device){.books = 1, .ticks = 6000, .slots = 512, .depth = 64},
		  true);
	flow_open(&f, 4);
	some_flow(2000);
	uint32_t first = p.held->book[0].sym;
	nmw_held_go(p.held, first);
	ck_assert_uint_eq(nmw_held_free(p.held), 1);
	for (unsigned i = 0; i < 40 && nmw_held_free(p.held); i++) {
		some_flow(1000);
		nmw_held_turn(p.held);
	}
	ck_assert_uint_eq(nmw_held_free(p.held), 0);
	ck_assert_uint_ne(p.held->book[0].sym, first);
	ck_assert_uint_eq(p.held->stat.came, 1);
	pair_same_state(&p);
	pair_close(&p);
}
END_TEST

static unsigned without_book(uint32_t sym[2])
{
	struct nmw_engine_stat s;
	unsigned n = 0;
	nmw_engine_stat(p.hard.e, &s);
	for (uint32_t i = 0; i < s.symbols && n < 2; i++)
		if (nmw_held_orders(p.held, i) == -1 && nmw_held_why(p.held, i) == NMW_HELD_NO_BOOK)
			sym[n++] = i;
	return n;
}

/* Two may come again at one moment: both do. */
START_TEST(two_come_by_themselves)
{
	uint32_t sym[2];
	pair_open(&p, &rig_random,
		  &(struct pair_device){.books = 2, .ticks = 6000, .slots = 512, .depth = 64},
		  true);
	flow_open(&f, 5);
	some_flow(2000);
	ck_assert_uint_eq(without_book(sym), 2);
	nmw_held_go(p.held, p.held->book[0].sym);
	nmw_held_go(p.held, p.held->book[1].sym);
	p.held->symbol[sym[0]].rest = p.held->symbol[sym[1]].rest = 1;
	for (unsigned i = 0; i < 3; i++) {
		some_flow(200);
		nmw_held_turn(p.held);
	}
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_ge(nmw_held_orders(p.held, sym[i]), 0);
	pair_same_state(&p);
	pair_close(&p);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {symbols_come_and_go, devices_die_and_are_reset,
				      of_a_replayed_feed,  as_it_is_wished,
				      comes_by_itself,	   two_come_by_themselves};
	setenv("CK_DEFAULT_TIMEOUT", "280", 0); /* seconds: a busy machine, a sanitizer */
	setvbuf(stdout, NULL, _IOLBF, 0);
	return unit_run("engine moves", tests, sizeof tests / sizeof tests[0]);
}
