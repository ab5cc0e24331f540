#include "book/session_tokens.h"

static uint64_t slots_for(uint64_t max)
{
	uint64_t n = 64;
	while (n < 2 * max)
		n *= 2;
	return n;
}

size_t nmw_tokens_footprint(uint64_t max)
{
	return sizeof(struct nmw_tokens) + slots_for(max) * sizeof(struct nmw_key);
}

void nmw_tokens_init(struct nmw_tokens *t, uint64_t max)
{
	t->max = max;
	t->used = 0;
	t->mask = slots_for(max) - 1;
}
