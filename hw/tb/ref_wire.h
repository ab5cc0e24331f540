/* ref_wire.h: the bytes of a message that goes out, by the software's own encoders. */
#ifndef NMW_TB_REF_WIRE_H
#define NMW_TB_REF_WIRE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The fields of nmw_wire_out.vh that bytes are made of. */
struct ref_wire {
	uint8_t dest, type; /* dest 16: the feed */
	uint8_t side, tif, display, capacity, iso, cross, state, liquidity, reason, app_len;
	uint16_t code, locate;
	uint32_t urn, orig, qty, prevented;
	uint64_t time, day_ns, price, ref, ref2, match;
	uint8_t symbol[8], clordid[14], app[18];
};

/* Writes at most 128 bytes. Returns how many; 0: there is no such message. */
uint32_t ref_wire_encode(const struct ref_wire *r, uint8_t *b);

#ifdef __cplusplus
}
#endif
#endif
