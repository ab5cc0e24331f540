/* number.h: ids of orders as numbers, where they are.
 *
 * An account numbers its orders as they come: reference numbers are that (OUCH 5.0, ITCH), and so
 * are tokens whose last eight characters are digits (4.2).  As numbers they find their places in
 * tables next to the one before, whatever other accounts do.
 *
 *      lo                          hi
 *      number, 64 bits             scope (bits 48 to 63), 0
 *      characters 1 to 8 of 14     characters 9 to 14, scope
 */
#ifndef NMW_BOOK_NUMBER_H
#define NMW_BOOK_NUMBER_H

#include "wire/codec.h"

#include <stdbool.h>
#include <stdint.h>

struct nmw_number {
	uint64_t scope; /* with a token's first six characters, a number's upper 32 bits */
	uint32_t number;
	bool is; /* else number is a hash */
};

/* Eight digits, each in its byte, the first in the lowest. */
static inline uint32_t nmw_number_of_digits(uint64_t x)
{
	x = x * 2561 >> 8;
	x = (x & UINT64_C(0x00FF00FF00FF00FF)) * 6553601 >> 16;
	return (uint32_t)((x & UINT64_C(0x0000FFFF0000FFFF)) * UINT64_C(42949672960001) >> 32);
}

/* Of a token: end: its last eight characters as in memory. */
static inline struct nmw_number nmw_number_of_token(uint64_t scope, uint64_t end)
{
	uint64_t x = end ^ UINT64_C(0x3030303030303030);
	if (((x + UINT64_C(0x7676767676767676)) | x) & UINT64_C(0x8080808080808080)) {
		uint64_t mixed = (end ^ end >> 29) * UINT64_C(0xD6E8FEB86659FD93);
		return (struct nmw_number){scope, (uint32_t)(mixed >> 32), false};
	}
	return (struct nmw_number){scope, nmw_number_of_digits(x), true};
}

/* token: it may be one. */
static inline struct nmw_number nmw_number_of(struct nmw_key k, bool token)
{
	if (!token || k.hi << 16 == 0)
		return (struct nmw_number){k.lo >> 32 << 16 | k.hi >> 48, (uint32_t)k.lo, true};
	return nmw_number_of_token(k.lo << 16 | k.hi >> 48, k.lo >> 48 | k.hi << 16);
}

static inline uint32_t nmw_number_mix(uint64_t scope)
{
	return (uint32_t)(scope * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

/* Numbers that follow each other have hashes that do. */
static inline uint32_t nmw_number_hash(struct nmw_number n)
{
	return n.number + nmw_number_mix(n.scope);
}

#endif
