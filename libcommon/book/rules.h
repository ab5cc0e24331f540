/* rules.h: what the engine would say to an order before it looks at its book, for who answers in
 * its place.  Pure; any thread. */
#ifndef NMW_BOOK_RULES_H
#define NMW_BOOK_RULES_H

#include "wire/codec.h"

struct nmw_symbols;

#define NMW_RULES_TAKEN (-1) /* nothing: the book decides */

/* An Enter or a Replace, in the order of engine_rules.c: what its message alone breaks, then
 * symbol, trading state, step and band. open: a symbol that t has not opens a book. A Replace names
 * no symbol, and is judged by its message. NMW_RULES_TAKEN or an enum nmw_reject. */
int nmw_rules_judge(const struct nmw_symbols *t, bool open, const struct nmw_cmd *c);

#endif
