#include "compare_pair.h"

#define LOOK_AHEAD 512u /* messages, for a counterpart */
#define TRIES	   64u /* messages of one cause that do not match, before they are taken to differ */

static const struct compare_copy *first(const struct compare_queue *q)
{
	return q->tail < q->head ? compare_at(q, q->tail) : NULL;
}

static uint64_t number(const struct compare_copy *c)
{
	return compare_slot(c)->seq;
}

static uint64_t cause(const struct compare_copy *c)
{
	return compare_slot(c)->in_seq;
}

/* Below 0: what caused a came before what caused b. */
static int earlier(const struct compare_pair *p, const struct compare_copy *a,
		   const struct compare_copy *b)
{
	int64_t d = (int64_t)(cause(a) + p->cause_shift - cause(b));
	return d < 0 ? -1 : d > 0;
}

static void pop(struct compare_queue *q)
{
	q->next = number(first(q)) + 1;
	q->tail++;
}

static enum compare_verdict both(struct compare_pair *p, enum compare_verdict v)
{
	for (unsigned i = 0; i < 2; i++) {
		p->of[i] = first(&p->q[i]);
		pop(&p->q[i]);
	}
	return v;
}

static enum compare_verdict one(struct compare_pair *p, unsigned side, enum compare_verdict v)
{
	p->of[side] = first(&p->q[side]);
	p->of[!side] = NULL;
	pop(&p->q[side]);
	return v;
}

/* The same, of one that has no counterpart: the numbers of all that follow are shifted. */
static enum compare_verdict odd(struct compare_pair *p, unsigned side, enum compare_verdict v)
{
	p->shift += side ? 1 : -1;
	return one(p, side, v);
}

/* Messages in a row with the first one's cause; whole: no more of them will come. */
static unsigned row(const struct compare_queue *q, bool *whole)
{
	uint64_t c = cause(first(q));
	unsigned n = 1;
	while (n < LOOK_AHEAD && q->tail + n < q->head && cause(compare_at(q, q->tail + n)) == c)
		n++;
	*whole = n < LOOK_AHEAD && (q->tail + n < q->head || q->ended);
	return n;
}

/* The first two have one cause and differ. The side on which the first one is one too many, for
 * what follows it matches; -1: none. */
static int too_many(const struct compare_pair *p)
{
	const struct compare_queue *a = &p->q[0], *b = &p->q[1];
	bool whole[2];
	unsigned na = row(a, &whole[0]), nb = row(b, &whole[1]);
	if (whole[0] && whole[1] && na == nb)
		return -1;
	for (unsigned i = 1; i < na || i < nb; i++) {
		if (i < nb && compare_same(first(a), compare_at(b, b->tail + i)))
			return 1;
		if (i < na && compare_same(compare_at(a, a->tail + i), first(b)))
			return 0;
	}
	return -1;
}

static enum compare_verdict firm(struct compare_pair *p, const struct compare_copy *a,
				 const struct compare_copy *b)
{
	if (compare_same(a, b)) {
		p->cause_shift = cause(b) - cause(a);
		return both(p, COMPARE_EQUAL);
	}
	int order = earlier(p, a, b);
	int side = order < 0 ? 0 : order > 0 ? 1 : too_many(p);
	if (side < 0)
		return both(p, COMPARE_DIFFERENT);
	return odd(p, (unsigned)side, side ? COMPARE_EXTRA : COMPARE_MISSING);
}

/* The rest of a cause whose beginning was not read is passed over. */
static enum compare_verdict by_cause(struct compare_pair *p, const struct compare_copy *a,
				     const struct compare_copy *b)
{
	int order = earlier(p, a, b);
	bool same = !order && compare_same(a, b);
	if (same || (!order && ++p->tries > TRIES)) {
		p->align = COMPARE_FIRM;
		p->shift = (int64_t)(number(b) - number(a));
		return firm(p, a, b);
	}
	unsigned side = order ? order > 0 : too_many(p) == 1;
	return odd(p, side, COMPARE_SKIPPED);
}

static enum compare_verdict by_number(struct compare_pair *p, const struct compare_copy *a,
				      const struct compare_copy *b)
{
	int64_t d = (int64_t)(number(a) - number(b)) + p->shift;
	if (d)
		return one(p, d > 0, COMPARE_SKIPPED);
	bool meet = compare_same(a, b) || !earlier(p, a, b);
	p->align = meet ? COMPARE_FIRM : COMPARE_BY_CAUSE;
	p->tries = 0;
	return meet ? firm(p, a, b) : by_cause(p, a, b);
}

/* The other side has no more. What it had before it was read is not known. */
static enum compare_verdict alone(struct compare_pair *p, unsigned side)
{
	const struct compare_queue *other = &p->q[!side];
	int64_t at = (int64_t)number(first(&p->q[side])) + (side ? -p->shift : p->shift);
	bool known = p->align == COMPARE_FIRM ||
		     (p->align == COMPARE_BY_NUMBER && at >= (int64_t)other->next);
	return one(p, side, !known ? COMPARE_SKIPPED : side ? COMPARE_EXTRA : COMPARE_MISSING);
}

static void notice_hole(struct compare_pair *p, struct compare_queue *q)
{
	const struct compare_copy *c = first(q);
	if (!c)
		return;
	if (q->next && number(c) != q->next && p->align == COMPARE_FIRM)
		p->align = COMPARE_BY_NUMBER;
	q->next = number(c);
}

enum compare_verdict compare_next(struct compare_pair *p)
{
	notice_hole(p, &p->q[0]);
	notice_hole(p, &p->q[1]);
	const struct compare_copy *a = first(&p->q[0]), *b = first(&p->q[1]);
	if (!a && !b)
		return COMPARE_WAIT;
	if (!a || !b)
		return p->q[!!a].ended ? alone(p, !a) : COMPARE_WAIT;
	switch (p->align) {
	case COMPARE_BY_NUMBER:
		return by_number(p, a, b);
	case COMPARE_BY_CAUSE:
		return by_cause(p, a, b);
	case COMPARE_FIRM:
		break;
	}
	return firm(p, a, b);
}

void compare_anew(struct compare_pair *p)
{
	p->align = COMPARE_BY_NUMBER;
	p->shift = 0;
	p->cause_shift = 0;
	for (unsigned i = 0; i < 2; i++) {
		p->q[i].next = 0;
		p->q[i].ended = false;
	}
}

uint64_t compare_remade(struct compare_pair *p)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < 2; i++) {
		n += p->q[i].head - p->q[i].tail;
		p->q[i].tail = p->q[i].head;
		p->q[i].next = 0;
	}
	p->align = COMPARE_BY_CAUSE;
	p->tries = 0;
	return n;
}

uint64_t compare_lag(const struct compare_pair *p)
{
	uint64_t last[2];
	for (unsigned i = 0; i < 2; i++) {
		const struct compare_queue *q = &p->q[i];
		last[i] = q->head > q->tail ? number(compare_at(q, q->head - 1))
					    : q->next - !!q->next;
	}
	int64_t d = (int64_t)(last[0] - last[1]) + p->shift;
	return d > 0 ? (uint64_t)d : 0;
}
