/* session_tokens.h: the OUCH 4.2 tokens of the day, each with its account, live or dead.
 *
 * Open addressing, linear probing, at most half full, nothing is ever taken out: to look a token up
 * and to remember it is one line of memory, whose address is known when the message is decoded.
 * 32 to 64 bytes a token.  Lies in the engine's region; no allocation.
 */
#ifndef NMW_BOOK_SESSION_TOKENS_H
#define NMW_BOOK_SESSION_TOKENS_H

#include "wire/codec.h"
#include <stddef.h>
#include <stdint.h>

struct nmw_tokens {
	uint64_t max, used;
	uint64_t mask; /* slots - 1 */
	uint64_t pad[5];
	struct nmw_key slot[]; /* hi 0: free (a token's hi has its account, from 1) */
};

enum nmw_token_use { NMW_TOKEN_NEW, NMW_TOKEN_USED, NMW_TOKEN_FULL };

size_t nmw_tokens_footprint(uint64_t max);
/* Formats zeroed memory. */
void nmw_tokens_init(struct nmw_tokens *t, uint64_t max);

static inline uint64_t nmw_tokens_home(const struct nmw_tokens *t, struct nmw_key k)
{
	/* Numbers written in a token make it differ in few bits of its last characters: both halves
	 * are mixed, folded and mixed again. */
	uint64_t h = k.lo * UINT64_C(0x9E3779B97F4A7C15) ^ k.hi * UINT64_C(0xC2B2AE3D27D4EB4F);
	h = (h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93);
	return (h ^ h >> 32) & t->mask;
}

static inline void nmw_tokens_prefetch(const struct nmw_tokens *t, struct nmw_key k)
{
	__builtin_prefetch(&t->slot[nmw_tokens_home(t, k)], 1);
}

/* Remembers a token, unless it was used or there is no room for more. */
static inline enum nmw_token_use nmw_tokens_use(struct nmw_tokens *t, struct nmw_key k)
{
	uint64_t i = nmw_tokens_home(t, k);
	for (; t->slot[i].hi; i = (i + 1) & t->mask)
		if (t->slot[i].lo == k.lo && t->slot[i].hi == k.hi)
			return NMW_TOKEN_USED;
	if (t->used == t->max)
		return NMW_TOKEN_FULL;
	t->used++;
	t->slot[i] = k;
	return NMW_TOKEN_NEW;
}

#endif
