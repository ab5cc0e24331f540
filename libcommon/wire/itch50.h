/* itch50.h: the messages of ITCH 5.0 that a flow of orders makes, by straight stores.
 *
 * Every one begins with type, locate (u16), tracking number (u16, 0 here) and time of day (u48):
 * two stores, as a time of day in 64 bits has the tracking number's zeros before it.  tod: ns,
 * big-endian, below 2^48.  No state, no checks.
 */
#ifndef NMW_WIRE_ITCH50_H
#define NMW_WIRE_ITCH50_H

#include "wire/be.h"

#include <stdbool.h>

enum { /* bytes of each message */
       NMW_ITCH50_ADD = 36,
       NMW_ITCH50_EXEC = 31,
       NMW_ITCH50_REDUCE = 23,
       NMW_ITCH50_DELETE = 19,
       NMW_ITCH50_REPLACE = 35,
};

/* Bytes of a message of this type: each has its own length; 0 = there is no such type. */
uint32_t nmw_itch50_len(uint8_t type);

static inline void nmw_itch50_head(uint8_t *b, char type, uint16_t locate, uint64_t tod,
				   uint64_t ref)
{
	b[0] = (uint8_t)type;
	nmw_put16(b + 1, locate);
	nmw_put_raw64(b + 3, tod);
	nmw_put64(b + 11, ref);
}

static inline uint32_t nmw_itch50_add(uint8_t *b, uint16_t locate, uint64_t tod, uint64_t ref,
				      bool buys, uint32_t qty, uint64_t symbol, uint32_t price)
{
	nmw_itch50_head(b, 'A', locate, tod, ref);
	b[19] = buys ? 'B' : 'S'; /* the feed does not tell short sales */
	nmw_put32(b + 20, qty);
	nmw_put_raw64(b + 24, symbol);
	nmw_put32(b + 32, price);
	return NMW_ITCH50_ADD;
}

static inline uint32_t nmw_itch50_exec(uint8_t *b, uint16_t locate, uint64_t tod, uint64_t ref,
				       uint32_t qty, uint64_t match)
{
	nmw_itch50_head(b, 'E', locate, tod, ref);
	nmw_put32(b + 19, qty);
	nmw_put64(b + 23, match);
	return NMW_ITCH50_EXEC;
}

static inline uint32_t nmw_itch50_reduce(uint8_t *b, uint16_t locate, uint64_t tod, uint64_t ref,
					 uint32_t qty)
{
	nmw_itch50_head(b, 'X', locate, tod, ref);
	nmw_put32(b + 19, qty);
	return NMW_ITCH50_REDUCE;
}

static inline uint32_t nmw_itch50_delete(uint8_t *b, uint16_t locate, uint64_t tod, uint64_t ref)
{
	nmw_itch50_head(b, 'D', locate, tod, ref);
	return NMW_ITCH50_DELETE;
}

static inline uint32_t nmw_itch50_replace(uint8_t *b, uint16_t locate, uint64_t tod,
					  uint64_t old_ref, uint64_t ref, uint32_t qty,
					  uint32_t price)
{
	nmw_itch50_head(b, 'U', locate, tod, old_ref);
	nmw_put64(b + 19, ref);
	nmw_put32(b + 27, qty);
	nmw_put32(b + 31, price);
	return NMW_ITCH50_REPLACE;
}

#endif
