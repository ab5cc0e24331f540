#include "base/hist.h"
#include "base/rng.h"
#include "unit.h"

#include <string.h>

static struct nmw_hist h, g;

static double apart(uint64_t got, uint64_t want)
{
	double d = (double)got - (double)want;
	return (d < 0 ? -d : d) / (double)want;
}

START_TEST(layout)
{
	ck_assert_uint_eq(NMW_HIST_STEPS, 4352);
	ck_assert_uint_eq(sizeof(struct nmw_hist), 32 + 8 * 4352);
}
END_TEST

START_TEST(empty)
{
	ck_assert_uint_eq(nmw_hist_quantile(&h, 500000), 0);
	ck_assert_uint_eq(nmw_hist_quantile(&h, 1000000), 0);
}
END_TEST

/* Steps rise with the value, without a hole. */
START_TEST(steps_are_in_order)
{
	uint32_t last = 0;
	for (uint64_t v = 0; v < 1u << 20; v++) {
		uint32_t i = nmw_hist_index(v);
		ck_assert(i == last || i == last + 1);
		last = i;
	}
	ck_assert_uint_eq(nmw_hist_index((UINT64_C(1) << 40) - 1), NMW_HIST_STEPS - 1);
	ck_assert_uint_eq(nmw_hist_index(UINT64_C(1) << 40), NMW_HIST_STEPS - 1);
	ck_assert_uint_eq(nmw_hist_index(UINT64_MAX), NMW_HIST_STEPS - 1);
}
END_TEST

START_TEST(small_values_are_exact)
{
	for (uint64_t v = 0; v < 128; v++) {
		memset(&h, 0, sizeof h);
		nmw_hist_record_n(&h, v, 3);
		nmw_hist_record(&h, 1000);
		ck_assert_uint_eq(nmw_hist_quantile(&h, 500000), v);
	}
}
END_TEST

START_TEST(any_value_is_within_one_percent)
{
	struct nmw_rng rng;
	nmw_rng_seed(&rng, 7);
	for (int i = 0; i < 4000; i++) {
		uint64_t v = (nmw_rng_u64(&rng) >> 24 >> nmw_rng_below(&rng, 40)) + 1;
		memset(&h, 0, sizeof h);
		nmw_hist_record_n(&h, v, 2);
		nmw_hist_record(&h, UINT64_C(1) << 40); /* so that max does not clip the answer */
		ck_assert(apart(nmw_hist_quantile(&h, 500000), v) <= 0.01);
	}
}
END_TEST

START_TEST(quantiles_of_a_line)
{
	for (uint64_t v = 1; v <= 1000000; v++)
		nmw_hist_record(&h, v);
	static const uint32_t q[] = {1, 500000, 900000, 990000, 999000, 999900};
	for (size_t i = 0; i < sizeof q / sizeof *q; i++)
		ck_assert(apart(nmw_hist_quantile(&h, q[i]), q[i]) <= 0.01);
	ck_assert_uint_eq(nmw_hist_quantile(&h, 1000000), 1000000);
	ck_assert_uint_eq(h.count, 1000000);
	ck_assert_uint_eq(h.sum, UINT64_C(1000000) * 1000001 / 2);
}
END_TEST

START_TEST(never_over_the_maximum)
{
	nmw_hist_record(&h, 1000001);
	ck_assert_uint_le(nmw_hist_quantile(&h, 500000), 1000001);
	nmw_hist_record_n(&h, UINT64_C(1) << 50, 10);
	ck_assert_uint_eq(nmw_hist_quantile(&h, 999900), UINT64_C(1) << 50);
}
END_TEST

START_TEST(sums)
{
	for (uint64_t v = 0; v < 5000; v++)
		nmw_hist_record(v & 1 ? &h : &g, v * 31);
	struct nmw_hist all = {0};
	nmw_hist_add(&all, &h);
	nmw_hist_add(&all, &g);
	memset(&h, 0, sizeof h);
	for (uint64_t v = 0; v < 5000; v++)
		nmw_hist_record(&h, v * 31);
	ck_assert_mem_eq(&all, &h, sizeof h);
}
END_TEST

/* A step that a busy stage fills for hours does not wrap. */
START_TEST(more_than_32_bits)
{
	for (int i = 0; i < 3; i++)
		nmw_hist_record_n(&h, 100, UINT32_MAX);
	nmw_hist_record_n(&h, 7, UINT32_MAX);
	ck_assert_uint_eq(nmw_hist_quantile(&h, 200000), 7);
	ck_assert_uint_eq(nmw_hist_quantile(&h, 500000), 100);
	ck_assert_uint_eq(h.count, UINT64_C(4) * UINT32_MAX);
}
END_TEST

/* A reader in another process may see `count` ahead of the steps. */
START_TEST(torn_read_ends)
{
	nmw_hist_record_n(&h, 100, 10);
	h.count = 1000000;
	ck_assert_uint_eq(nmw_hist_quantile(&h, 999000), 100);
	h.count = UINT64_MAX;
	ck_assert_uint_eq(nmw_hist_quantile(&h, 999999), 100);
}
END_TEST

UNIT_MAIN("hist", layout, empty, steps_are_in_order, small_values_are_exact,
	  any_value_is_within_one_percent, quantiles_of_a_line, never_over_the_maximum, sums,
	  more_than_32_bits, torn_read_ends)
