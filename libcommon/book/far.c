#include "book/far.h"

#include <assert.h>

static inline uint32_t is_level(uint32_t child)
{
	return child & 1;
}

static inline uint32_t turn(const struct nmw_far *n, uint32_t key)
{
	return key >> n->bit & 1;
}

/* The level whose key shares the most leading bits with key, by the bits that the tree looks at. */
static uint32_t closest(const struct nmw_books *b, uint32_t root, uint32_t key)
{
	uint32_t c = root;
	while (!is_level(c)) {
		const struct nmw_far *n = nmw_far_get(b, c >> 1);
		c = n->child[turn(n, key)];
	}
	return c >> 1;
}

static uint32_t take(struct nmw_books *b, uint32_t key)
{
	uint32_t node = b->far_free;
	if (node)
		b->far_free = nmw_far_at(b, node)->child[0];
	else
		node = ++b->far_fresh;
	assert(node <= b->orders);
	struct nmw_far *n = nmw_far_at(b, node);
	n->q.next = n->q.prev = nmw_far_to_ref(b, node);
	n->key = key;
	n->bit = NMW_FAR_NO_BRANCH;
	b->far_levels++;
	return node;
}

uint32_t nmw_far_insert(struct nmw_books *b, uint32_t *root, uint32_t key)
{
	if (!*root) {
		uint32_t only = take(b, key);
		*root = only << 1 | 1;
		return only;
	}
	uint32_t near = closest(b, *root, key);
	uint32_t differ = nmw_far_get(b, near)->key ^ key;
	if (!differ)
		return near;
	uint32_t bit = 31 - (uint32_t)__builtin_clz(differ);
	uint32_t *at = root;
	while (!is_level(*at) && nmw_far_at(b, *at >> 1)->bit > bit) {
		struct nmw_far *n = nmw_far_at(b, *at >> 1);
		at = &n->child[turn(n, key)];
	}
	uint32_t node = take(b, key);
	struct nmw_far *n = nmw_far_at(b, node);
	n->bit = (uint8_t)bit;
	n->child[turn(n, key)] = node << 1 | 1;
	n->child[!turn(n, key)] = *at;
	*at = node << 1;
	return node;
}

/* Taking a level out takes out the branch over it, which may be the branch of another node.  That
 * node then takes over the branch of the one that goes, which is on the way to both. */
void nmw_far_remove(struct nmw_books *b, uint32_t *root, uint32_t node)
{
	struct nmw_far *gone = nmw_far_at(b, node);
	uint32_t *at = root, *over = NULL, *own = NULL;
	while (!is_level(*at)) {
		if (*at >> 1 == node)
			own = at;
		over = at;
		struct nmw_far *n = nmw_far_at(b, *at >> 1);
		at = &n->child[turn(n, gone->key)];
	}
	assert(*at >> 1 == node);
	if (!over) {
		*root = 0;
	} else {
		uint32_t parent = *over >> 1;
		struct nmw_far *p = nmw_far_at(b, parent);
		*over = p->child[!turn(p, gone->key)];
		if (parent != node) {
			p->bit = gone->bit;
			p->child[0] = gone->child[0];
			p->child[1] = gone->child[1];
			if (own)
				*own = parent << 1;
		}
	}
	gone->child[0] = b->far_free;
	b->far_free = node;
	b->far_levels--;
}

static uint32_t lowest(const struct nmw_books *b, uint32_t c)
{
	while (!is_level(c))
		c = nmw_far_get(b, c >> 1)->child[0];
	return c >> 1;
}

uint32_t nmw_far_first(const struct nmw_books *b, uint32_t root, uint32_t from)
{
	if (!root)
		return 0;
	uint32_t near = closest(b, root, from);
	uint32_t differ = nmw_far_get(b, near)->key ^ from;
	if (!differ)
		return near;
	uint32_t bit = 31 - (uint32_t)__builtin_clz(differ);
	uint32_t c = root, right = 0; /* right: the branch not taken last that holds higher keys */
	while (!is_level(c) && nmw_far_get(b, c >> 1)->bit > bit) {
		const struct nmw_far *n = nmw_far_get(b, c >> 1);
		if (!turn(n, from))
			right = n->child[1];
		c = n->child[turn(n, from)];
	}
	if (!(from >> bit & 1))
		return lowest(b, c); /* all that is under c differs first here, upwards */
	return right ? lowest(b, right) : 0;
}
