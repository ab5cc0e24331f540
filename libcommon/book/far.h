/* far.h: the levels outside the window of their side, an ordered map from price to queue.
 *
 * A PATRICIA tree over the 32 bits of the key, one a side, its root in struct nmw_side.  A node is
 * at once a level (links, key) and a branch (bit, children); the branch of a node always lies on
 * the way from the root to its own level, so that n levels need n nodes and a level's node can go
 * as soon as it is empty. At most 32 steps a search; no rebalancing; the shape depends on the keys
 * only. Nodes come from one pool with one node for every order: it cannot run out, because a level
 * holds at least one order.
 *
 * A child is 2 * node, + 1 when it means the node's level; 0 = none.
 */
#ifndef NMW_BOOK_FAR_H
#define NMW_BOOK_FAR_H

#include "book/orders.h"

#define NMW_FAR_NO_BRANCH 0xFFu

struct nmw_far {
	struct nmw_link q;
	uint32_t child[2]; /* by the key's bit; child[0] chains free nodes */
	uint32_t key;
	uint8_t bit; /* 31..0, falling on the way down; NO_BRANCH: only a level */
	uint8_t pad[3];
};

_Static_assert(sizeof(struct nmw_far) == 24, "three references");

static inline struct nmw_far *nmw_far_at(struct nmw_books *b, uint32_t node)
{
	return (struct nmw_far *)(void *)nmw_link_at(b, b->far_ref + node * 3);
}

static inline const struct nmw_far *nmw_far_get(const struct nmw_books *b, uint32_t node)
{
	return (const struct nmw_far *)(const void *)nmw_link_get(b, b->far_ref + node * 3);
}

static inline uint32_t nmw_far_to_ref(const struct nmw_books *b, uint32_t node)
{
	return b->far_ref + node * 3;
}

static inline uint32_t nmw_far_of_ref(const struct nmw_books *b, uint32_t ref)
{
	return (ref - b->far_ref) / 3;
}

/* The node of key, made with an empty queue when it is not there. */
uint32_t nmw_far_insert(struct nmw_books *b, uint32_t *root, uint32_t key);
/* Takes the node out and gives it back to the pool. */
void nmw_far_remove(struct nmw_books *b, uint32_t *root, uint32_t node);
/* The node with the lowest key, at or over `from`; 0 = none. */
uint32_t nmw_far_first(const struct nmw_books *b, uint32_t root, uint32_t from);

#endif
