/* textbook_std.h: the engine of textbook_book.h as it is written of ready-made containers: a
 * std::map of price levels a side, a std::list of orders a level, a std::unordered_map from id to
 * order.  Each container has nodes of its own, from the allocator.
 *
 * In C++, and built only where there is a compiler for it: the functions are weak, NULL without.
 */
#ifndef NMW_BENCH_TEXTBOOK_STD_H
#define NMW_BENCH_TEXTBOOK_STD_H

#include "textbook_book.h"

#ifdef __cplusplus
#define NMW_OF_C extern "C"
#else
#define NMW_OF_C __attribute__((weak)) extern
#endif

struct textbook_std;

NMW_OF_C struct textbook_std *textbook_std_new(uint32_t symbols);
NMW_OF_C void textbook_std_free(struct textbook_std *t);
NMW_OF_C void textbook_std_fills(struct textbook_std *t, struct textbook_fill *to);
NMW_OF_C uint64_t textbook_std_filled(const struct textbook_std *t);
NMW_OF_C uint32_t textbook_std_take(struct textbook_std *t, uint32_t sym, uint32_t side,
				    uint32_t limit, uint32_t qty, uint64_t id);
NMW_OF_C bool textbook_std_add(struct textbook_std *t, uint32_t sym, uint32_t side, uint32_t px,
			       uint32_t qty, uint64_t id);
NMW_OF_C bool textbook_std_cancel(struct textbook_std *t, uint64_t id);

#endif
