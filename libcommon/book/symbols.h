/* symbols.h: the table of symbols: name -> book, price step, band, trading state.
 *
 * Book numbers are given from 0 in order of appearance.  A name is found by a hash table with
 * linear probing, at most half full.  No allocation; lies in the engine's region.
 */
#ifndef NMW_BOOK_SYMBOLS_H
#define NMW_BOOK_SYMBOLS_H

#include "base/err.h"
#include "book/engine.h"
#include <stddef.h>
#include <stdint.h>

struct nmw_symbol {
	uint64_t name;	   /* 8 characters as in memory, space padded */
	uint64_t tick_inv; /* ceil(2^64 / tick); 0 stands for a tick of 1 */
	int64_t band_lo, band_hi;
	uint32_t tick, lot;
	uint16_t locate;
	uint8_t state;
	uint8_t announced; /* its directory message was written */
	/* an order at px_lo .. px_lo + px_width is one that is taken as far as band and state go */
	uint32_t px_lo, px_width;
	uint8_t pad[12];
};
_Static_assert(sizeof(struct nmw_symbol) == 64, "one cache line");

struct nmw_symbols {
	uint32_t max, count;
	uint32_t mask;	      /* of the hash table */
	uint32_t last_locate; /* highest that was given without being asked for */
	uint32_t closed;
	uint32_t pad[11];
	/* then: symbols, hash table of u32 (index + 1), locates in use as a bitmap */
};

#define NMW_SYM_NONE UINT32_MAX

/* What a user types, as messages have it: 1 to 8 characters, '!' to '~', padded with spaces. 0 or
 * -EINVAL. */
int nmw_symbol_name(const char *text, size_t len, uint64_t *name, struct nmw_err *e);

size_t nmw_symbols_footprint(uint32_t max);
void nmw_symbols_init(struct nmw_symbols *t, uint32_t max);

static inline struct nmw_symbol *nmw_symbols_at(struct nmw_symbols *t, uint32_t sym)
{
	return (struct nmw_symbol *)(void *)(t + 1) + sym;
}
static inline const struct nmw_symbol *nmw_symbols_get(const struct nmw_symbols *t, uint32_t sym)
{
	return (const struct nmw_symbol *)(const void *)(t + 1) + sym;
}

static inline const uint32_t *nmw_symbols_table(const struct nmw_symbols *t)
{
	return (const uint32_t *)(const void *)nmw_symbols_get(t, t->max);
}

static inline uint32_t nmw_symbols_hash(const struct nmw_symbols *t, uint64_t name)
{
	return (uint32_t)((name * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & t->mask;
}

/* NMW_SYM_NONE: not there. */
static inline uint32_t nmw_symbols_find(const struct nmw_symbols *t, uint64_t name)
{
	const uint32_t *table = nmw_symbols_table(t);
	for (uint32_t i = nmw_symbols_hash(t, name); table[i]; i = (i + 1) & t->mask)
		if (nmw_symbols_get(t, table[i] - 1)->name == name)
			return table[i] - 1;
	return NMW_SYM_NONE;
}

/* -EEXIST, -ENOSPC; the new book's number to *sym. */
int nmw_symbols_add(struct nmw_symbols *t, const struct nmw_symbol_conf *c, uint32_t *sym,
		    struct nmw_err *e);

/* The trading state: 'T', else orders are refused. */
void nmw_symbol_state(struct nmw_symbol *s, uint8_t state);

/* Is it trading, and the price in 1/10,000 in the band? */
static inline bool nmw_symbol_takes(const struct nmw_symbol *s, uint32_t price)
{
	return price - s->px_lo <= s->px_width;
}

/* Price in 1/10,000 to ticks by multiplication; false when it is off the tick. */
static inline bool nmw_symbol_ticks(const struct nmw_symbol *s, uint32_t price, uint32_t *px)
{
	__extension__ typedef unsigned __int128 u128;
	if (s->tick_inv == 0) {
		*px = price;
		return true;
	}
	*px = (uint32_t)(((u128)s->tick_inv * price) >> 64);
	return *px * s->tick == price;
}

/* Reads --symbols FILE, see man/nmw-match.1: fn for each symbol, in their order, then *open. */
int nmw_symbols_read(const char *path,
		     int (*fn)(void *arg, const struct nmw_symbol_conf *c, struct nmw_err *e),
		     void *arg, bool *open, struct nmw_err *e);
/* The same, into the engine. */
int nmw_symbols_load(struct nmw_engine *engine, const char *path, struct nmw_err *e);

#endif
