#include "book/symbols.h"
#include <errno.h>
#include <string.h>

#define LOCATES	 65536u
#define TICK_DEF 1u
#define LOT_DEF	 100u

static uint32_t table_size(uint32_t max)
{
	uint32_t n = 16;
	while (n < 2 * max)
		n *= 2;
	return n;
}

static size_t symbols_bytes(uint32_t max)
{
	return sizeof(struct nmw_symbols) + (size_t)max * sizeof(struct nmw_symbol);
}

int nmw_symbol_name(const char *text, size_t len, uint64_t *name, struct nmw_err *e)
{
	char padded[8] = "        ";
	bool ok = len > 0 && len <= sizeof padded;
	for (size_t i = 0; ok && i < len; i++) {
		ok = text[i] > ' ' && text[i] <= '~';
		padded[i] = text[i];
	}
	if (!ok)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "\"%.*s\": not a symbol: 1 to %zu characters from '!' to '~'",
				   len < 32 ? (int)len : 32, text, sizeof padded);
	memcpy(name, padded, sizeof *name);
	return 0;
}

size_t nmw_symbols_footprint(uint32_t max)
{
	return symbols_bytes(max) + (size_t)table_size(max) * sizeof(uint32_t) + LOCATES / 8;
}

static uint32_t *table_of(const struct nmw_symbols *t)
{
	return (uint32_t *)((uintptr_t)t + symbols_bytes(t->max));
}

static uint64_t *locates_of(const struct nmw_symbols *t)
{
	return (uint64_t *)(void *)(table_of(t) + t->mask + 1);
}

void nmw_symbols_init(struct nmw_symbols *t, uint32_t max)
{
	t->max = max;
	t->count = 0;
	t->mask = table_size(max) - 1;
	t->last_locate = 0;
	t->closed = 0;
	memset(table_of(t), 0, (size_t)(t->mask + 1) * sizeof(uint32_t));
	memset(locates_of(t), 0, LOCATES / 8);
}

static bool locate_taken(const struct nmw_symbols *t, uint32_t locate)
{
	return locates_of(t)[locate / 64] >> (locate % 64) & 1;
}

/* The locate asked for, else the next that is free. 0: there is none. */
static uint32_t locate_take(struct nmw_symbols *t, uint32_t want)
{
	uint32_t l = want;
	if (!l) {
		do
			l = ++t->last_locate;
		while (l < LOCATES && locate_taken(t, l));
		if (l >= LOCATES)
			return 0;
	}
	locates_of(t)[l / 64] |= UINT64_C(1) << (l % 64);
	return l;
}

/* Prices by the protocols' bounds as well as the band. While not trading the range has one price,
 * which no order has. */
void nmw_symbol_state(struct nmw_symbol *s, uint8_t state)
{
	int64_t lo = s->band_lo > 1 ? s->band_lo : 1;
	int64_t hi = s->band_hi < NMW_PX_MAX_42 ? s->band_hi : NMW_PX_MAX_42;
	bool none = state != 'T' || lo > hi;
	s->state = state;
	s->px_lo = none ? UINT32_MAX : (uint32_t)lo;
	s->px_width = none ? 0 : (uint32_t)(hi - lo);
}

static void fill(struct nmw_symbol *s, const struct nmw_symbol_conf *c)
{
	memcpy(&s->name, c->name, sizeof(s->name));
	s->tick = c->tick ? c->tick : TICK_DEF;
	s->tick_inv = s->tick == 1 ? 0 : UINT64_MAX / s->tick + 1;
	s->lot = c->lot ? c->lot : LOT_DEF;
	s->band_lo = c->band_lo;
	s->band_hi = c->band_hi ? c->band_hi : INT64_MAX;
	nmw_symbol_state(s, c->state ? c->state : 'T');
}

/* Without the spaces that pad it. */
static int name_len(const char name[8])
{
	int n = 8;
	while (n > 0 && name[n - 1] == ' ')
		n--;
	return n;
}

int nmw_symbols_add(struct nmw_symbols *t, const struct nmw_symbol_conf *c, uint32_t *sym,
		    struct nmw_err *e)
{
	uint64_t name;
	memcpy(&name, c->name, sizeof(name));
	if (nmw_symbols_find(t, name) != NMW_SYM_NONE)
		return nmw_err_set(e, -EEXIST, NMW_EXIT_USAGE,
				   "symbol %.*s: is listed twice: once is enough",
				   name_len(c->name), c->name);
	if (c->locate && locate_taken(t, c->locate))
		return nmw_err_set(e, -EEXIST, NMW_EXIT_USAGE,
				   "symbol %.*s: locate %u belongs to another symbol",
				   name_len(c->name), c->name, c->locate);
	if (t->count == t->max)
		return nmw_err_set(e, -ENOSPC, NMW_EXIT_USAGE,
				   "symbol %.8s: there is room for %u symbols: see --symbols-max",
				   c->name, t->max);
	uint32_t locate = locate_take(t, c->locate);
	if (!locate)
		return nmw_err_set(e, -ENOSPC, NMW_EXIT_USAGE, "symbol %.8s: no locate is left",
				   c->name);
	uint32_t i = t->count++;
	struct nmw_symbol *s = nmw_symbols_at(t, i);
	*s = (struct nmw_symbol){.locate = (uint16_t)locate};
	fill(s, c);
	uint32_t h = nmw_symbols_hash(t, name);
	while (table_of(t)[h])
		h = (h + 1) & t->mask;
	table_of(t)[h] = i + 1;
	*sym = i;
	return 0;
}
