/* Random flow through an engine whose books a device holds, and through one with its own: the same
 * bytes after every burst, the same queues at the end; devices that are small, narrow, full, or
 * lost.  NMW_SEED=n runs another flow, NMW_STEPS=n another length. */
#include "engine_pair.h"
#include "unit.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_DEF 60000u

static struct pair p;
static struct flow f;

static void run(const struct nmw_engine_spec *s, const struct pair_device *d, unsigned burst,
		uint64_t seed, uint64_t steps)
{
	static struct flow_msg m[PAIR_BURST];
	printf("seed %" PRIu64 ", self-match %d: %u books, %u ticks, %u slots, bursts of %u\n",
	       seed, (int)s->stp, d->books, d->ticks, d->slots, burst);
	pair_open(&p, s, d, true);
	flow_open(&f, seed);
	for (uint64_t i = 0; i < steps;) {
		unsigned n = burst ? burst : 1 + (unsigned)nmw_rng_below(&f.rng, PAIR_BURST);
		for (unsigned k = 0; k < n; k++)
			flow_next(&f, &m[k]);
		i += n;
		pair_burst(&p, m, n, i);
	}
	pair_say_stat(&p);
	p.soft.got.n = p.hard.got.n = 0;
	nmw_engine_end(p.soft.e, &p.soft.out);
	nmw_engine_end(p.hard.e, &p.hard.out);
	pair_same_output(&p, steps);
	ck_assert(!p.held->lost || d->lose_after || d->lie_after);
	pair_same_state(&p);
	pair_close(&p);
}

static void run_all(const struct pair_device *d)
{
	uint64_t seed = unit_env("NMW_SEED", 1), steps = unit_env("NMW_STEPS", STEPS_DEF);
	for (int stp = NMW_STP_ALLOW; stp <= NMW_STP_CANCEL_OLD; stp++) {
		struct nmw_engine_spec spec = rig_random;
		spec.stp = (enum nmw_stp)stp;
		run(&spec, d, stp == NMW_STP_ALLOW, seed * 3 + (uint64_t)stp, steps);
	}
}

START_TEST(a_roomy_device)
{
	run_all(&(struct pair_device){.books = 16, .ticks = 6000, .slots = 512, .depth = 1024});
}
END_TEST

START_TEST(a_narrow_window)
{
	run_all(&(struct pair_device){.books = 16, .ticks = 40, .slots = 512, .depth = 5});
}
END_TEST

START_TEST(few_books_few_slots)
{
	run_all(&(struct pair_device){.books = 2, .ticks = 6000, .slots = 64, .depth = 64});
	run_all(&(struct pair_device){.books = 6, .ticks = 300, .slots = 16, .depth = 1});
}
END_TEST

START_TEST(a_device_that_is_lost)
{
	uint64_t seed = unit_env("NMW_SEED", 1), steps = unit_env("NMW_STEPS", STEPS_DEF) / 8;
	for (uint64_t i = 0; i < 60; i++) {
		struct pair_device d = {.books = 4, .ticks = 200, .slots = 256, .depth = 32};
		*(i % 2 ? &d.lie_after : &d.lose_after) = 1 + i * i * 3;
		run(&rig_random, &d, 0, seed + i, steps);
	}
}
END_TEST

/* The market data of the one engine, replayed through a third. */
static void replay(const struct pair_device *d)
{
	static struct rig third;
	struct nmw_engine_spec spec = rig_random;
	static struct flow_msg m;
	rig_open(&third, &spec, NMW_CODEC_OUCH42);
	for (unsigned i = 0; i < FLOW_LISTED; i++)
		nmw_engine_symbol(third.e, &flow_symbols[i], NULL);
	spec.check = true;
	spec.codec = NMW_CODEC_ITCH50;
	spec.symbols = 64;
	pair_open(&p, &spec, d, true);
	flow_open(&f, unit_env("NMW_SEED", 11));
	for (unsigned i = 0; i < 30000; i++) {
		third.got.n = p.soft.got.n = p.hard.got.n = 0;
		flow_next(&f, &m);
		nmw_engine_msg(third.e, flow_slot(&m), m.p, m.len, &third.out);
		for (size_t k = 0; k < third.got.n; k++)
			if (third.got.m[k].channel == NMW_CH_FEED)
				pair_send(&p, 0, NMW_CH_FEED, NMW_CODEC_ITCH50, third.got.m[k].p,
					  third.got.m[k].len);
		pair_same_output(&p, i);
	}
	pair_say_stat(&p);
	pair_same_state(&p);
	pair_close(&p);
	rig_close(&third);
}

START_TEST(a_replayed_feed)
{
	replay(&(struct pair_device){.books = 16, .ticks = 6000, .slots = 512, .depth = 64});
	replay(&(struct pair_device){.books = 3, .ticks = 50, .slots = 64, .depth = 64});
}
END_TEST

/* A restart: the region goes on in other memory, with an empty device. */
START_TEST(goes_on_with_an_empty_device)
{
	static struct flow_msg m;
	struct pair_device d = {.books = 4, .ticks = 500, .slots = 256, .depth = 32};
	pair_open(&p, &rig_random, &d, true);
	flow_open(&f, unit_env("NMW_SEED", 5));
	for (uint64_t i = 1; i <= 40000; i++) {
		flow_next(&f, &m);
		pair_burst(&p, &m, 1, i);
		if (i % 1000 == 0)
			pair_restart(&p, &rig_random, &d);
	}
	pair_say_stat(&p);
	pair_same_state(&p);
	pair_close(&p);
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
