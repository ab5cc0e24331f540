/* bitmap.h: a ring of 64 to 4,096 bits with one summary word: the next set bit in a few
 * instructions, across any gap.
 *
 *      sum   one bit a word: the word is not zero
 *       |
 *      word[0] word[1] ... word[n - 1]      n = 1, 2, 4 .. 64 words of 64 bits
 *
 * The search goes round: from the highest bit it goes on at bit 0, so that the ring may start at
 * any bit (a window that slides over the prices).  With fewer than 64 words the summary holds its n
 * bits 64 / n times over, so that one rotation of 64 bits goes round whatever n is; `unit` has one
 * bit in each of the copies.  The caller keeps sum where it is hot. Pure.
 */
#ifndef NMW_BOOK_BITMAP_H
#define NMW_BOOK_BITMAP_H

#include <stdint.h>

#define NMW_BITMAP_WORDS 64u /* at most */
#define NMW_BITMAP_NONE	 UINT32_MAX

/* The unit of a bitmap of so many words. */
static inline uint64_t nmw_bitmap_unit(uint32_t words)
{
	uint64_t unit = 0;
	for (uint32_t i = 0; i < 64; i += words)
		unit |= UINT64_C(1) << i;
	return unit;
}

static inline uint64_t nmw_bitmap_rotr(uint64_t v, uint32_t n)
{
	n &= 63;
	return v >> n | v << (-n & 63);
}

static inline void nmw_bitmap_set(uint64_t *sum, uint64_t *word, uint32_t bit, uint64_t unit)
{
	word[bit / 64] |= UINT64_C(1) << (bit & 63);
	*sum |= unit << bit / 64;
}

static inline void nmw_bitmap_clear(uint64_t *sum, uint64_t *word, uint32_t bit, uint64_t unit)
{
	word[bit / 64] &= ~(UINT64_C(1) << (bit & 63));
	if (!word[bit / 64])
		*sum &= ~(unit << bit / 64);
}

static inline int nmw_bitmap_test(const uint64_t *word, uint32_t bit)
{
	return (int)(word[bit / 64] >> (bit & 63) & 1);
}

/* The first set bit at or after `bit`, going round the ring of mask + 1 bits; NONE when no bit is
 * set. */
static inline uint32_t nmw_bitmap_next(uint64_t sum, const uint64_t *word, uint32_t bit,
				       uint32_t mask)
{
	uint64_t here = word[bit / 64] >> (bit & 63);
	if (here)
		return bit + (uint32_t)__builtin_ctzll(here);
	uint64_t others = nmw_bitmap_rotr(sum, bit / 64 + 1); /* this word itself comes last */
	if (!others)
		return NMW_BITMAP_NONE;
	uint32_t w = (bit / 64 + 1 + (uint32_t)__builtin_ctzll(others)) & mask / 64;
	return w * 64 + (uint32_t)__builtin_ctzll(word[w]);
}

#endif
