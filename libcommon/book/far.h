/* far.h: the levels outside the window of their side, an ordered map from price to queue.
 *
 * A digital search tree over the 32 bits of the key, one a side.  The node of a level is the
 * level's first order: a level has one, so that far levels need no memory beside that of their
 * orders.  Its queue is a ring without a sentinel:
 *
 *      far_root -> x---+                  x: first order of its level     HEAD | child 0 in hidden
 *                 / \  \                                                 child 1 in far
 *                x   x  y - z - (x)       y, z: the others, in order of rank
 *
 * The node at depth d parts the keys under it by bit 31 - d; its own is any of them.  At most 33
 * steps a search, no rebalancing.  What takes the place of a node that goes is a leaf under it.
 */
#ifndef NMW_BOOK_FAR_H
#define NMW_BOOK_FAR_H

#include "book/orders.h"

struct nmw_levels;

/* The first order of the level at key; 0 = there is none. */
nmw_oid nmw_far_find(const struct nmw_books *b, const struct nmw_levels *s, uint32_t key);
/* Puts an order in as the first of its level, which is not there. */
void nmw_far_insert(struct nmw_books *b, struct nmw_levels *s, nmw_oid id);
/* Takes a level out by its first order, which counts as displayed then. */
void nmw_far_remove(struct nmw_books *b, struct nmw_levels *s, nmw_oid id);
/* Another order of its level takes the place of the first one, which counts as displayed then. */
void nmw_far_replace(struct nmw_books *b, struct nmw_levels *s, nmw_oid id, nmw_oid by);
/* The first order of the level with the lowest key at or over `from`; 0 = none. */
nmw_oid nmw_far_first(const struct nmw_books *b, const struct nmw_levels *s, uint32_t from);

#endif
