// sw_wire.h: the software's own reading of frames and messages, for the benches: its functions
// behind plain types that C++ takes.
#ifndef NMW_TB_SW_WIRE_H
#define NMW_TB_SW_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sw_frame {
	bool ok;		// IP and UDP are whole
	bool mold;		// and a MoldUDP64 packet is in it
	uint32_t payload, len;	// of UDP: where it begins in the frame, its bytes
	uint8_t src[4], dst[4]; // IPv4
	uint16_t sport, dport;
	char session[10];
	uint64_t seq;
	uint16_t count; // 0xFFFF: end of session
};

void sw_frame_read(const uint8_t *p, uint32_t len, struct sw_frame *out);
// Message i of the packet, at: where the one before ended (0 for the first). Returns its first
// byte.
const uint8_t *sw_message(const struct sw_frame *f, const uint8_t *frame, uint32_t *at,
			  uint16_t *len);

struct sw_order {
	uint8_t op; // enum nmw_op: 1 enter, 2 replace, 3 cancel, 4 modify, 6 query
	uint8_t side, tif, display, capacity, iso, cross, customer, post_only, market;
	uint8_t reject; // 1 + enum nmw_reject, 0 = none: symbol, state, tick and band are not
			// looked at
	uint32_t urn, orig, qty, firm, min_qty, tags;
	uint64_t symbol, price;
	uint8_t clordid[14];
	uint32_t app_len;
	uint8_t app[128];
};

// False: it is no message of OUCH 5.0.
bool sw_order_read(const uint8_t *p, uint32_t len, struct sw_order *out);

#ifdef __cplusplus
}
#endif

#endif
