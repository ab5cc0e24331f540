/* route.h: --route FILE: which consumers of the ring a message is for, by its symbol.
 *
 *     {"routes": [{"name": "hot", "symbols": ["AAPL", "MSFT"]}], "rest": "cold"}
 *
 * An order names its symbol once; what names the order by its token later (replace, cancel, modify)
 * goes where the order went, and so does an order that uses a token again, for only the engine that
 * has seen the first can refuse it.  A token that is not known goes to all, as what has no symbol
 * does: logins, queries, system events.  Market data goes by locate code, once its directory
 * message has told the symbol.
 *
 * Memory is taken at the start; tokens that find no room are not remembered, and counted.  One
 * thread.
 */
#ifndef NMW_RECV_ROUTE_H
#define NMW_RECV_ROUTE_H

#include "base/err.h"
#include "ring/route.h"

#include <stdint.h>

#define ROUTE_SYMBOLS 4096u /* in the file, at most */
#define ROUTE_ORDERS  1000000u

struct route;

int route_open(struct route **out, const char *path, uint64_t orders, struct nmw_err *e);
void route_close(struct route *r); /* NULL is allowed */
/* Tells a ring the names. */
int route_declare(const struct route *r, struct nmw_prod *out, struct nmw_err *e);
/* The route of a message; remembers what it names. */
unsigned route_pick(struct route *r, const struct nmw_slot *s, const uint8_t *p);
/* Tokens that found no room so far. */
uint64_t route_forgotten(const struct route *r);

#endif
