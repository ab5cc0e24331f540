/* ouch50.h: the messages of OUCH 5.0 that make up a flow of orders, by straight stores.
 *
 * Replies that echo an order take its bytes as they came: in Accepted (section 3.2) offsets 9 to 35
 * are offsets 1 to 27 of Enter Order (2.1), 44 to 46 its 28 to 30, and from 48 on (client order id,
 * appendage) its 31 on.  tod: time of day in ns, big-endian.  No state, no checks: what is read has
 * the length of its type, that of the appendage included.
 */
#ifndef NMW_WIRE_OUCH50_H
#define NMW_WIRE_OUCH50_H

#include "wire/be.h"
#include "wire/codec.h"
#include "wire/ouch42.h"

enum { /* bytes of each message, without the appendage */
       NMW_OUCH50_IN_ENTER = 47,
       NMW_OUCH50_IN_REPLACE = 40,
       NMW_OUCH50_IN_CANCEL = 9,
       NMW_OUCH50_IN_MODIFY = 10,
       NMW_OUCH50_IN_QUERY = 1,
       NMW_OUCH50_ACCEPTED = 64,
       NMW_OUCH50_REPLACED = 68,
       NMW_OUCH50_CANCELED = 18,
       NMW_OUCH50_EXECUTED = 36,
};

static inline void nmw_ouch50_head(uint8_t *b, char type, uint64_t tod, uint32_t urn)
{
	b[0] = (uint8_t)type;
	nmw_put_raw64(b + 1, tod);
	nmw_put32(b + 9, urn);
}

/* Client order id, length of the appendage, appendage: n bytes from 16 on. */
static inline void nmw_ouch50_copy_end(uint8_t *b, const uint8_t *in, uint32_t n)
{
	memcpy(b, in, 16);
	if (__builtin_expect(n > 16, 0))
		memcpy(b + 16, in + 16, n - 16);
}

/* in: the Enter Order, of len bytes. */
static inline uint32_t nmw_ouch50_accepted(uint8_t *b, uint64_t tod, const uint8_t *in,
					   uint32_t len, uint64_t ref, uint8_t state)
{
	b[0] = 'A';
	nmw_put_raw64(b + 1, tod);
	memcpy(b + 9, in + 1, 27);
	nmw_put_raw32(b + 44, nmw_raw32(in + 28));
	nmw_put64(b + 36, ref);
	b[47] = state;
	nmw_ouch50_copy_end(b + 48, in + 31, len - 31);
	return len + (NMW_OUCH50_ACCEPTED - NMW_OUCH50_IN_ENTER);
}

/* in: the Replace Order, of len bytes; qty: shares outstanding. */
static inline uint32_t nmw_ouch50_replaced(uint8_t *b, uint64_t tod, const uint8_t *in,
					   uint32_t len, const struct nmw_inherited *o,
					   uint32_t qty, uint64_t ref, uint8_t state)
{
	b[0] = 'U';
	nmw_put_raw64(b + 1, tod);
	nmw_put_raw64(b + 9, nmw_raw64(in + 1)); /* old, new user reference number */
	b[17] = o->side;
	nmw_put32(b + 18, qty);
	nmw_put_raw64(b + 22, o->symbol);
	nmw_put_raw64(b + 30, nmw_raw64(in + 13)); /* price */
	b[38] = in[21];				   /* time in force */
	b[39] = in[22];				   /* display */
	nmw_put64(b + 40, ref);
	b[48] = o->capacity;
	b[49] = in[23];
	b[50] = 'N';
	b[51] = state;
	nmw_ouch50_copy_end(b + 52, in + 24, len - 24);
	return len + (NMW_OUCH50_REPLACED - NMW_OUCH50_IN_REPLACE);
}

static inline uint32_t nmw_ouch50_canceled(uint8_t *b, uint64_t tod, uint32_t urn, uint32_t qty,
					   uint8_t reason)
{
	nmw_ouch50_head(b, 'C', tod, urn);
	nmw_put32(b + 13, qty);
	b[17] = reason;
	return NMW_OUCH50_CANCELED;
}

/* Without an appendage. */
static inline uint32_t nmw_ouch50_executed(uint8_t *b, uint64_t tod, uint32_t urn, uint32_t qty,
					   uint64_t price, uint8_t liquidity, uint64_t match)
{
	nmw_ouch50_head(b, 'E', tod, urn);
	nmw_put32(b + 13, qty);
	nmw_put64(b + 17, price);
	b[25] = liquidity;
	nmw_put64(b + 26, match);
	nmw_put16(b + 34, 0);
	return NMW_OUCH50_EXECUTED;
}

#endif
