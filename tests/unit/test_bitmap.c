#include "base/rng.h"
#include "book/bitmap.h"
#include "unit.h"

#include <stdbool.h>
#include <string.h>

static uint64_t sum, word[NMW_BITMAP_WORDS];
static bool naive[NMW_BITMAP_WORDS * 64];

static uint32_t naive_next(uint32_t bit, uint32_t bits)
{
	for (uint32_t i = 0; i < bits; i++)
		if (naive[(bit + i) % bits])
			return (bit + i) % bits;
	return NMW_BITMAP_NONE;
}

static void check(uint32_t bit, uint32_t bits)
{
	ck_assert_uint_eq(nmw_bitmap_next(sum, word, bit, bits - 1), naive_next(bit, bits));
	ck_assert_int_eq(nmw_bitmap_test(word, bit), naive[bit]);
}

/* Every size, at densities from one bit to all of them. */
START_TEST(random_bits)
{
	struct nmw_rng r;
	nmw_rng_seed(&r, 7);
	for (uint32_t words = 1; words <= NMW_BITMAP_WORDS; words *= 2) {
		uint32_t bits = words * 64;
		uint64_t unit = nmw_bitmap_unit(words);
		memset(naive, 0, sizeof naive);
		for (uint32_t i = 0; i < 20000; i++) {
			uint32_t bit = (uint32_t)nmw_rng_below(&r, bits);
			bool set = nmw_rng_chance(&r, i / 5000 * 200000 + 100000);
			naive[bit] = set;
			if (set)
				nmw_bitmap_set(&sum, word, bit, unit);
			else
				nmw_bitmap_clear(&sum, word, bit, unit);
			check((uint32_t)nmw_rng_below(&r, bits), bits);
		}
		for (uint32_t bit = 0; bit < bits; bit++)
			nmw_bitmap_clear(&sum, word, bit, unit);
		ck_assert_uint_eq(sum, 0);
	}
}
END_TEST

/* One bit is found from everywhere. */
START_TEST(one_bit)
{
	for (uint32_t words = 1; words <= NMW_BITMAP_WORDS; words *= 4) {
		uint32_t bits = words * 64;
		uint64_t unit = nmw_bitmap_unit(words);
		for (uint32_t at = 0; at < bits; at += 31) {
			nmw_bitmap_set(&sum, word, at, unit);
			for (uint32_t from = 0; from < bits; from++)
				ck_assert_uint_eq(nmw_bitmap_next(sum, word, from, bits - 1), at);
			nmw_bitmap_clear(&sum, word, at, unit);
			ck_assert_uint_eq(nmw_bitmap_next(sum, word, at, bits - 1),
					  NMW_BITMAP_NONE);
		}
	}
}
END_TEST

START_TEST(units)
{
	ck_assert_uint_eq(nmw_bitmap_unit(64), 1);
	ck_assert_uint_eq(nmw_bitmap_unit(32), UINT64_C(0x0000000100000001));
	ck_assert_uint_eq(nmw_bitmap_unit(16), UINT64_C(0x0001000100010001));
	ck_assert_uint_eq(nmw_bitmap_unit(1), UINT64_MAX);
}
END_TEST

UNIT_MAIN("bitmap", random_bits, one_bit, units)
