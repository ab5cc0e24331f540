/* rng.h: a seeded generator (xoshiro256**, seeded by splitmix64): one seed reproduces a run.
 * Not for secrets. Any thread, each with its own state; no allocation; integers only. */
#ifndef NMW_BASE_RNG_H
#define NMW_BASE_RNG_H

#include <stdint.h>

struct nmw_rng {
	uint64_t s[4];
};

static inline uint64_t nmw_rng_splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9E3779B97F4A7C15ull);
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
	return z ^ (z >> 31);
}

static inline void nmw_rng_seed(struct nmw_rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = nmw_rng_splitmix(&seed);
}

static inline uint64_t nmw_rng_u64(struct nmw_rng *r)
{
	uint64_t *s = r->s, m = s[1] * 5, t = s[1] << 17;
	uint64_t out = ((m << 7) | (m >> 57)) * 9;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return out;
}

/* Uniform in 0..n-1 (n > 0), by multiplication; the bias is below n/2^64. */
static inline uint64_t nmw_rng_below(struct nmw_rng *r, uint64_t n)
{
	__extension__ typedef unsigned __int128 u128;
	return (uint64_t)(((u128)nmw_rng_u64(r) * n) >> 64);
}

/* True with probability ppm / 1,000,000. */
static inline int nmw_rng_chance(struct nmw_rng *r, uint32_t ppm)
{
	return nmw_rng_below(r, 1000000) < ppm;
}

#endif
