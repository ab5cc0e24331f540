#include "match/ids.h"

static uint32_t places(uint32_t max)
{
	uint32_t n = 16;
	while (n < 2 * max)
		n *= 2;
	return n;
}

size_t nmw_ids_footprint(uint32_t max)
{
	return sizeof(struct nmw_ids) + places(max) * sizeof(struct nmw_ids_pair);
}

void nmw_ids_init(struct nmw_ids *t, uint32_t max)
{
	t->max = max;
	t->mask = places(max) - 1;
}

uint32_t nmw_ids_input(const char *name)
{
	uint32_t h = 0x811c9dc5u;
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x01000193u;
	return h;
}

/* Its place, or the free one where it belongs. */
static uint32_t place_of(const struct nmw_ids *t, uint32_t input, uint32_t session)
{
	uint32_t i = (input * 0x9E3779B1u + session) & t->mask;
	while (t->place[i].id && (t->place[i].input != input || t->place[i].session != session))
		i = (i + 1) & t->mask;
	return i;
}

uint32_t nmw_ids_find(const struct nmw_ids *t, uint32_t input, uint32_t session)
{
	return t->place[place_of(t, input, session)].id;
}

uint32_t nmw_ids_add(struct nmw_ids *t, uint32_t input, uint32_t session)
{
	if (t->count == t->max || t->top == UINT32_MAX)
		return 0;
	t->count++;
	t->place[place_of(t, input, session)] = (struct nmw_ids_pair){input, session, ++t->top};
	return t->top;
}
