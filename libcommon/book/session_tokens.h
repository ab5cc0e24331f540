/* session_tokens.h: the OUCH 4.2 tokens of the day, each with its account, live or dead.
 *
 * Tokens that are numbers lie in blocks, a bit for each of 128 that follow each other: who counts
 * comes to the same line a hundred times.  All others, and numbers once the blocks are used up, are
 * kept whole: open addressing, linear probing, at most three quarters full.  Nothing is ever taken
 * out: to look a token up and to remember it is one line of memory as a rule, whose address is
 * known when the message is read.
 *
 * There is room for max whole tokens, and for max / 8 blocks: sixteen times as many that count.
 * 27 to 54 bytes for each of max, all of it at the start.  Lies in the engine's region; no
 * allocation, nothing moves.
 */
#ifndef NMW_BOOK_SESSION_TOKENS_H
#define NMW_BOOK_SESSION_TOKENS_H

#include "base/fetch.h"
#include "book/number.h"
#include <stddef.h>
#include <stdint.h>

struct nmw_token_block {
	uint64_t scope;
	uint32_t block; /* number / 128 + 1; 0: free */
	uint32_t pad;
	uint64_t bits[2];
};
_Static_assert(sizeof(struct nmw_token_block) == 32, "half a line");

struct nmw_tokens {
	uint64_t max, used; /* tokens that are kept whole */
	uint64_t mask;	    /* slots - 1 */
	uint32_t blocks, blocks_max;
	uint32_t block_mask;
	uint32_t pad[7];
	struct nmw_key slot[]; /* hi 0: free (a token's hi has its account, from 1); then blocks */
};
_Static_assert(sizeof(struct nmw_tokens) == 64, "one line");

enum nmw_token_use { NMW_TOKEN_NEW, NMW_TOKEN_USED, NMW_TOKEN_FULL };

size_t nmw_tokens_footprint(uint64_t max);
/* Formats zeroed memory. */
void nmw_tokens_init(struct nmw_tokens *t, uint64_t max);

static inline uint64_t nmw_tokens_home(const struct nmw_tokens *t, struct nmw_key k)
{
	uint64_t h = k.lo * UINT64_C(0x9E3779B97F4A7C15) ^ k.hi * UINT64_C(0xC2B2AE3D27D4EB4F);
	h = (h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93);
	return (h ^ h >> 32) & t->mask;
}

/* Two blocks that follow each other are a line; lines are spread.  Blocks of one account side by
 * side would grow into those of another, and every look-up then walk past them. */
static inline uint32_t nmw_tokens_block_home(const struct nmw_tokens *t, struct nmw_number n)
{
	uint64_t line = n.scope * UINT64_C(0x9E3779B97F4A7C15) + n.number / 256;
	line = line * UINT64_C(0xD6E8FEB86659FD93) >> 32;
	return (uint32_t)(line * 2 | (n.number >> 7 & 1)) & t->block_mask;
}

static inline struct nmw_token_block *nmw_tokens_block(struct nmw_tokens *t, uint32_t i)
{
	return (struct nmw_token_block *)(void *)&t->slot[t->mask + 1] + i;
}

static inline void nmw_tokens_prefetch(struct nmw_tokens *t, struct nmw_key k, struct nmw_number n)
{
	if (__builtin_expect(n.is, 1))
		nmw_fetch(nmw_tokens_block(t, nmw_tokens_block_home(t, n)));
	else
		nmw_fetch(&t->slot[nmw_tokens_home(t, k)]);
}

/* One that has no block. */
enum nmw_token_use nmw_tokens_use_whole(struct nmw_tokens *t, struct nmw_key k);

/* Remembers a token, unless it was used or there is no room for more. n: the token as a number. */
static inline enum nmw_token_use nmw_tokens_use(struct nmw_tokens *t, struct nmw_key k,
						struct nmw_number n)
{
	if (__builtin_expect(!n.is, 0))
		return nmw_tokens_use_whole(t, k);
	uint32_t i = nmw_tokens_block_home(t, n), block = n.number / 128 + 1;
	struct nmw_token_block *b = nmw_tokens_block(t, i);
	while (__builtin_expect(b->block != block || b->scope != n.scope, 0)) {
		if (!b->block) {
			if (t->blocks == t->blocks_max)
				return nmw_tokens_use_whole(t, k);
			t->blocks++;
			b->scope = n.scope;
			b->block = block;
			break;
		}
		i = (i + 1) & t->block_mask;
		b = nmw_tokens_block(t, i);
	}
	uint64_t bit = UINT64_C(1) << (n.number & 63), *word = &b->bits[n.number >> 6 & 1];
	if (__builtin_expect((*word & bit) != 0, 0))
		return NMW_TOKEN_USED;
	*word |= bit;
	return NMW_TOKEN_NEW;
}

#endif
