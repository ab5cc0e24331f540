/* ouch42.h: the messages of OUCH 4.2 that make up a flow of orders, by straight stores.
 *
 * Replies that echo an order take its bytes as they came: in Accepted (section 3.2) offsets 9 to 48
 * are offsets 1 to 40 of Enter Order (2.1), and 57 to 63 its 41 to 47.  A store may run over the
 * end of its field where the next one overwrites that, never over the end of the message: the order
 * of the stores counts.  tod: time of day in ns, big-endian.  No state, no checks: what is read has
 * the length of its type.
 */
#ifndef NMW_WIRE_OUCH42_H
#define NMW_WIRE_OUCH42_H

#include "wire/be.h"
#include "wire/codec.h"

enum { /* bytes of each message */
       NMW_OUCH42_IN_ENTER = 49,
       NMW_OUCH42_IN_ENTER_SHORT = 48, /* without customer type: versions before 4.2 */
       NMW_OUCH42_IN_REPLACE = 47,
       NMW_OUCH42_IN_CANCEL = 19,
       NMW_OUCH42_IN_MODIFY = 20,
       NMW_OUCH42_IN_TRADE_NOW = 15,
       NMW_OUCH42_ACCEPTED = 66,
       NMW_OUCH42_REPLACED = 80,
       NMW_OUCH42_CANCELED = 28,
       NMW_OUCH42_EXECUTED = 40,
};

enum { NMW_OUCH42_TIF_IOC = 0, NMW_OUCH42_TIF_DAY = 99998, NMW_OUCH42_TIF_SYSTEM = 99999 };

static inline struct nmw_key nmw_ouch42_token(const uint8_t *p)
{
	/* The last 6 bytes are the upper ones of the 8 that end the token. */
	return (struct nmw_key){nmw_raw64(p), nmw_raw64(p + 6) >> 16};
}

static inline void nmw_ouch42_head(uint8_t *b, char type, uint64_t tod)
{
	b[0] = (uint8_t)type;
	nmw_put_raw64(b + 1, tod);
}

static inline void nmw_ouch42_copy_token(uint8_t *b, const uint8_t *token)
{
	uint64_t start = nmw_raw64(token), end = nmw_raw64(token + 6);
	nmw_put_raw64(b, start);
	nmw_put_raw64(b + 6, end);
}

/* in: the Enter Order. */
static inline uint32_t nmw_ouch42_accepted(uint8_t *b, uint64_t tod, const uint8_t *in,
					   uint64_t ref, uint8_t state)
{
	nmw_ouch42_head(b, 'A', tod);
	memcpy(b + 9, in + 1, 40);
	nmw_put_raw64(b + 56, nmw_raw64(in + 40));
	nmw_put64(b + 49, ref);
	b[64] = state;
	b[65] = ' '; /* BBO weight: unspecified */
	return NMW_OUCH42_ACCEPTED;
}

/* What a Replaced has from the order that it replaces. */
struct nmw_inherited {
	uint64_t symbol;
	uint32_t firm;
	uint8_t side, capacity;
};

/* in: the Replace Order; qty: shares outstanding. */
static inline uint32_t nmw_ouch42_replaced(uint8_t *b, uint64_t tod, const uint8_t *in,
					   const struct nmw_inherited *o, uint32_t qty,
					   uint64_t ref, uint8_t state)
{
	nmw_ouch42_head(b, 'U', tod);
	nmw_ouch42_copy_token(b + 9, in + 15);
	b[23] = o->side;
	nmw_put32(b + 24, qty);
	nmw_put_raw64(b + 28, o->symbol);
	nmw_put_raw64(b + 36, nmw_raw64(in + 33)); /* price, time in force */
	nmw_put_raw32(b + 44, o->firm);
	b[48] = in[41];
	nmw_put64(b + 49, ref);
	b[57] = o->capacity;
	b[58] = in[42];
	nmw_put_raw32(b + 59, nmw_raw32(in + 43));
	b[63] = 'N';
	b[64] = state;
	nmw_ouch42_copy_token(b + 65, in + 1);
	b[79] = ' ';
	return NMW_OUCH42_REPLACED;
}

static inline uint32_t nmw_ouch42_canceled(uint8_t *b, uint64_t tod, struct nmw_key k, uint32_t qty,
					   uint8_t reason)
{
	nmw_ouch42_head(b, 'C', tod);
	nmw_put_raw64(b + 9, k.lo);
	nmw_put_raw64(b + 17, k.hi);
	nmw_put32(b + 23, qty);
	b[27] = reason;
	return NMW_OUCH42_CANCELED;
}

static inline uint32_t nmw_ouch42_executed(uint8_t *b, uint64_t tod, struct nmw_key k, uint32_t qty,
					   uint32_t price, uint8_t liquidity, uint64_t match)
{
	nmw_ouch42_head(b, 'E', tod);
	nmw_put_raw64(b + 9, k.lo);
	nmw_put_raw64(b + 17, k.hi);
	nmw_put32(b + 23, qty);
	nmw_put32(b + 27, price);
	b[31] = liquidity;
	nmw_put64(b + 32, match);
	return NMW_OUCH42_EXECUTED;
}

#endif
