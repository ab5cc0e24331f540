#include "book/session_tokens.h"

#define BLOCK_TOKENS 8u /* of the day's tokens there are so many for each block */

static uint64_t slots_for(uint64_t max)
{
	uint64_t n = 64;
	while (n < 2 * max)
		n *= 2;
	return n;
}

static uint32_t blocks_for(uint64_t max)
{
	return (uint32_t)slots_for(max / BLOCK_TOKENS);
}

size_t nmw_tokens_footprint(uint64_t max)
{
	return sizeof(struct nmw_tokens) + slots_for(max) * sizeof(struct nmw_key) +
	       blocks_for(max) * sizeof(struct nmw_token_block);
}

void nmw_tokens_init(struct nmw_tokens *t, uint64_t max)
{
	t->max = max;
	t->used = 0;
	t->mask = slots_for(max) - 1;
	t->blocks = 0;
	t->blocks_max = blocks_for(max) / 2;
	t->block_mask = blocks_for(max) - 1;
}

enum nmw_token_use nmw_tokens_use_whole(struct nmw_tokens *t, struct nmw_key k)
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
