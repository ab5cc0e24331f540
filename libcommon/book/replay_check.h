/* replay_check.h: the passive book: what a feed says that its book is, kept beside the engine's.
 *
 * A table of orders (reference -> side, price, shares, symbol) changed by A F E C X D U alone,
 * without any matching.  At the end it must equal the engine's books.  Lies in the engine's region,
 * takes memory only with --check.  No allocation.
 */
#ifndef NMW_BOOK_REPLAY_CHECK_H
#define NMW_BOOK_REPLAY_CHECK_H

#include "book/book.h"
#include "wire/codec.h"
#include <stddef.h>

struct nmw_passive;
struct nmw_engine;

struct nmw_passive_order {
	uint64_t ref;
	uint32_t sym, side, px, qty; /* qty 0 = free */
};

size_t nmw_passive_footprint(uint32_t orders);
void nmw_passive_init(struct nmw_passive *t, uint32_t orders);
/* False: the table is full, or the reference is in use. */
bool nmw_passive_add(struct nmw_passive *t, const struct nmw_passive_order *o);
/* NULL: no such order. */
const struct nmw_passive_order *nmw_passive_find(struct nmw_passive *t, uint64_t ref);
/* Takes shares off; the order goes when none is left. */
void nmw_passive_reduce(struct nmw_passive *t, uint64_t ref, uint32_t qty);
void nmw_passive_remove(struct nmw_passive *t, uint64_t ref);
uint64_t nmw_passive_count(const struct nmw_passive *t);

/* Compares with the engine's books, every order of every level in queue order: how many orders
 * differ (0 = equal). Walks everything: at the end of a run. */
uint64_t nmw_replay_compare(struct nmw_engine *e);
/* The summary of a replay for people, one line each, without newline; line from 0; false after the
 * last. */
bool nmw_replay_line(const struct nmw_engine *e, unsigned line, char *buf, size_t cap);

#endif
