/* wire_util.h: what the wire tests share: bytes from hex, packets of a capture, the shared data. */
#ifndef NMW_TESTS_WIRE_UTIL_H
#define NMW_TESTS_WIRE_UTIL_H

#include "wire/codec.h"
#include "wire/schema.h"
#include <stddef.h>
#include <stdint.h>

/* Bytes of a line of hex; blanks are passed over, 'text' stands for its characters. */
uint32_t hex_bytes(const char *hex, uint8_t *out, uint32_t cap);
/* Fails the test unless got is exactly what the line says. */
void expect_bytes(const uint8_t *got, uint32_t len, const char *hex);

/* 8 characters as the engine holds a symbol, 4 as it holds a firm, 14 as a token. */
uint64_t symbol_of(const char *s);
uint32_t firm_of(const char *s);
struct nmw_key token_of(const char *s);

struct packet {
	uint64_t ts_ns;
	uint8_t proto; /* 6 TCP, 17 UDP */
	uint16_t sport, dport;
	const uint8_t *payload;
	uint32_t len;
};

/* Path below the shared data; NULL: it is not on this machine. */
const char *shared_path(const char *name);
/* The whole file; the test fails when it cannot be read. */
uint8_t *read_whole(const char *path, size_t *len);
/* Calls fn for each IPv4 packet of a capture (classic pcap, Ethernet, VLAN). Returns how many. */
unsigned each_packet(const char *path, void (*fn)(const struct packet *, void *), void *arg);

/* A slot that describes a message of this codec and channel. */
void slot_of(struct nmw_slot *s, uint8_t codec, uint8_t channel, uint32_t len);
/* Fails the test unless the message has a schema and unpack -> pack gives the same bytes. */
const struct nmw_schema *expect_repack(uint8_t codec, uint8_t channel, const uint8_t *p,
				       uint32_t len);
/* A field of a message by its name; the test fails when there is none. */
union nmw_value field_of(const struct nmw_schema *d, const uint8_t *p, uint32_t len,
			 const char *name);

#endif
