#include "book/session_tokens.h"

#define BLOCK_TOKENS 8u /* for so many whole tokens there is a block */

/* At most three quarters of them are used. */
static uint64_t slots_for(uint64_t n)
{
	uint64_t slots = 64;
	while (slots / 4 * 3 < n)
		slots *= 2;
	return slots;
}

static uint64_t blocks_of(uint64_t max)
{
	return (max + BLOCK_TOKENS - 1) / BLOCK_TOKENS;
}

size_t nmw_tokens_footprint(uint64_t max)
{
	return sizeof(struct nmw_tokens) + slots_for(max) * sizeof(struct nmw_key) +
	       slots_for(blocks_of(max)) * sizeof(struct nmw_token_block);
}

void nmw_tokens_init(struct nmw_tokens *t, uint64_t max)
{
	t->max = max;
	t->used = 0;
	t->mask = slots_for(max) - 1;
	t->blocks = 0;
	t->blocks_max = (uint32_t)blocks_of(max);
	t->block_mask = (uint32_t)slots_for(blocks_of(max)) - 1;
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
