/* bitmap.h: a ring of up to 4,096 bits with one summary word: the next set bit in a few
 * instructions, across any gap.
 *
 *      sum   one bit a word: the word is not zero
 *       |
 *      word[0] word[1] ... word[63]      each of 1 << sh bits (sh 0..6), 64 << sh bits in all
 *
 * The search goes round: from the highest bit it goes on at bit 0, so that the ring may start at
 * any bit (a window that slides over the prices). The caller keeps sum where it is hot. Pure.
 */
#ifndef NMW_BOOK_BITMAP_H
#define NMW_BOOK_BITMAP_H

#include <stdint.h>

#define NMW_BITMAP_WORDS 64u
#define NMW_BITMAP_NONE	 UINT32_MAX

static inline uint64_t nmw_bitmap_rotr(uint64_t v, uint32_t n)
{
	n &= 63;
	return v >> n | v << (-n & 63);
}

static inline void nmw_bitmap_set(uint64_t *sum, uint64_t *word, uint32_t bit, uint32_t sh)
{
	uint32_t w = bit >> sh;
	word[w] |= UINT64_C(1) << (bit & ((1u << sh) - 1));
	*sum |= UINT64_C(1) << w;
}

static inline void nmw_bitmap_clear(uint64_t *sum, uint64_t *word, uint32_t bit, uint32_t sh)
{
	uint32_t w = bit >> sh;
	uint64_t left = word[w] & ~(UINT64_C(1) << (bit & ((1u << sh) - 1)));
	word[w] = left;
	*sum &= ~((uint64_t)!left << w);
}

static inline int nmw_bitmap_test(const uint64_t *word, uint32_t bit, uint32_t sh)
{
	return (int)(word[bit >> sh] >> (bit & ((1u << sh) - 1)) & 1);
}

/* The first set bit at or after `bit`, going round; NMW_BITMAP_NONE when no bit is set. */
static inline uint32_t nmw_bitmap_next(uint64_t sum, const uint64_t *word, uint32_t bit,
				       uint32_t sh)
{
	uint32_t w = bit >> sh;
	uint64_t here = word[w] >> (bit & ((1u << sh) - 1));
	if (here)
		return bit + (uint32_t)__builtin_ctzll(here);
	uint64_t others = nmw_bitmap_rotr(sum, w + 1); /* word w itself comes last */
	if (!others)
		return NMW_BITMAP_NONE;
	w = (w + 1 + (uint32_t)__builtin_ctzll(others)) & 63;
	return (w << sh) + (uint32_t)__builtin_ctzll(word[w]);
}

#endif
