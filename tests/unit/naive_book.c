#include "naive_book.h"

#include <stdlib.h>
#include <string.h>

void naive_book_init(struct naive_book *b)
{
	memset(b, 0, sizeof *b);
	b->side[0].bids = true;
}

void naive_book_free(struct naive_book *b)
{
	free(b->side[0].o);
	free(b->side[1].o);
}

/* Does a go before the later b? */
static bool before(const struct naive_side *s, const struct naive_order *a,
		   const struct naive_order *b)
{
	if (a->px != b->px)
		return s->bids ? a->px > b->px : a->px < b->px;
	return a->rank <= b->rank;
}

void naive_book_add(struct naive_book *b, unsigned side, const struct naive_order *o)
{
	struct naive_side *s = &b->side[side];
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 16;
		s->o = realloc(s->o, s->cap * sizeof *s->o);
		if (!s->o)
			abort();
	}
	size_t at = 0;
	while (at < s->n && before(s, &s->o[at], o))
		at++;
	memmove(&s->o[at + 1], &s->o[at], (s->n - at) * sizeof *s->o);
	s->o[at] = *o;
	s->n++;
}

static size_t find(const struct naive_side *s, uint32_t name)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->o[i].name == name)
			return i;
	abort();
}

static void drop(struct naive_side *s, size_t at)
{
	s->n--;
	memmove(&s->o[at], &s->o[at + 1], (s->n - at) * sizeof *s->o);
}

void naive_book_remove(struct naive_book *b, unsigned side, uint32_t name)
{
	drop(&b->side[side], find(&b->side[side], name));
}

void naive_book_reduce(struct naive_book *b, unsigned side, uint32_t name, uint32_t qty)
{
	struct naive_side *s = &b->side[side];
	s->o[find(s, name)].qty = qty;
}

static bool reaches(unsigned side, uint32_t limit, const struct naive_order *maker)
{
	return side == 0 ? maker->px <= limit : maker->px >= limit;
}

size_t naive_book_match(struct naive_book *b, unsigned side, uint32_t limit, uint32_t *qty,
			uint32_t owner, struct naive_fill *f, size_t max, uint32_t *stop)
{
	struct naive_side *s = &b->side[1 - side];
	size_t n = 0;
	*stop = 0;
	while (n < max && *qty && s->n && reaches(side, limit, &s->o[0])) {
		struct naive_order *m = &s->o[0];
		if (owner && m->owner == owner) {
			*stop = m->name;
			return n;
		}
		uint32_t q = m->qty < *qty ? m->qty : *qty;
		*qty -= q;
		m->qty -= q;
		f[n++] = (struct naive_fill){m->name, q, m->px, m->qty};
		if (m->qty == 0)
			drop(s, 0);
	}
	return n;
}

uint64_t naive_book_available(const struct naive_book *b, unsigned side, uint32_t limit,
			      uint64_t enough, uint32_t skip_owner)
{
	const struct naive_side *s = &b->side[1 - side];
	uint64_t sum = 0;
	for (size_t i = 0; i < s->n && reaches(side, limit, &s->o[i]); i++)
		if (!skip_owner || s->o[i].owner != skip_owner)
			sum += s->o[i].qty;
	return sum < enough ? sum : enough;
}
