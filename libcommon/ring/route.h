/* route.h: which of a ring's consumers a message is for: symbols to one engine, the rest to
 * another, through one ring and its frames.
 *
 * The upper half of a descriptor's codec byte is the route: 0 = for all, else the number of a name
 * in the ring's header.  A consumer that takes one route passes over the others' messages, which it
 * hands back like any: order, backpressure, death and restart are the ring's, nothing is copied,
 * and a message without a symbol (a session's login) is one message that everybody meets in its
 * place.
 *
 * A route that no consumer takes holds nobody back.  Its messages make way like all that were read,
 * and the producer counts them when they do: until then a consumer that comes late has them, and
 * the producer is told that nobody takes them.
 */
#ifndef NMW_RING_ROUTE_H
#define NMW_RING_ROUTE_H

#include "ring/ring.h"

#define NMW_ROUTES	   5u
#define NMW_ROUTE_NAME_MAX 8u /* bytes, without a NUL when it has all */
#define NMW_CODEC_MASK	   0x0Fu
#define NMW_ROUTE_SHIFT	   4u

static inline uint8_t nmw_route_of(const struct nmw_slot *s)
{
	return s->codec >> NMW_ROUTE_SHIFT;
}

static inline void nmw_route_set(struct nmw_slot *s, unsigned route)
{
	s->codec = (uint8_t)((s->codec & NMW_CODEC_MASK) | route << NMW_ROUTE_SHIFT);
}

/* The producer's names, once, before its first message: route i + 1 is name[i]. A ring that is
 * taken up must have the same. */
int nmw_prod_routes(struct nmw_prod *p, const char *const *name, unsigned n, struct nmw_err *e);
/* Messages of route i that made way, or were there at the end, and that no consumer took. A
 * consumer that takes all messages takes every route. */
uint64_t nmw_prod_unread(const struct nmw_prod *p, unsigned i);
/* Which of the routes in `of` (bit i: route i) have messages that nobody read, and no consumer now:
 * one may still come. Looks once at each message that was published since. */
unsigned nmw_prod_untaken(struct nmw_prod *p, unsigned of);
/* Its name, of at most NMW_ROUTE_NAME_MAX bytes. */
const char *nmw_prod_route(const struct nmw_prod *p, unsigned i, char name[NMW_ROUTE_NAME_MAX + 1]);
/* The number of the route that it joined with; 0: all. */
unsigned nmw_cons_route(const struct nmw_cons *c);
/* Whether a ring has this route: its number; -ESRCH, exit 6, with those that there are; -ENOENT: no
 * such ring; other errno's: it cannot be read. */
int nmw_ring_route(const char *ring, const char *name, struct nmw_err *e);

#endif
