/* be.h: big-endian loads and stores at any alignment; raw ones copy bytes as they lie in memory. */
#ifndef NMW_WIRE_BE_H
#define NMW_WIRE_BE_H

#include "base/platform.h"
#include <stdint.h>
#include <string.h>

static inline uint16_t nmw_be16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, 2);
	return __builtin_bswap16(v);
}
static inline uint32_t nmw_be32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return __builtin_bswap32(v);
}
static inline uint64_t nmw_be48(const uint8_t *p)
{
	return ((uint64_t)nmw_be16(p) << 32) | nmw_be32(p + 2);
}
static inline uint64_t nmw_be64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return __builtin_bswap64(v);
}
static inline void nmw_put16(uint8_t *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, 2);
}
static inline void nmw_put32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
}
static inline void nmw_put48(uint8_t *p, uint64_t v)
{
	nmw_put16(p, (uint16_t)(v >> 32));
	nmw_put32(p + 2, (uint32_t)v);
}
static inline void nmw_put64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, 8);
}
static inline uint32_t nmw_raw32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return v;
}
static inline uint64_t nmw_raw64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return v;
}
static inline void nmw_put_raw32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4);
}
static inline void nmw_put_raw64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, 8);
}

#endif
