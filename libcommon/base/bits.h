/* bits.h: small sums that more than one part needs. */
#ifndef NMW_BASE_BITS_H
#define NMW_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The least multiple of `to` that is not less than n; the sum fits. */
static inline uint64_t nmw_round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static inline uint64_t nmw_least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline bool nmw_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* FNV-1a, 64 bits: of names, small records and files, where nobody chooses input that collides.
 * h: NMW_FNV_START, or the sum so far. */
#define NMW_FNV_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t nmw_fnv(uint64_t h, const void *p, size_t n)
{
	const uint8_t *at = p;
	for (size_t i = 0; i < n; i++)
		h = (h ^ at[i]) * UINT64_C(0x100000001b3);
	return h;
}

#endif
