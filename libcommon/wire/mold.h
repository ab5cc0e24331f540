/* mold.h: MoldUDP64 1.00: session[10] | u64 first sequence | u16 count | count x (u16 length |
 * data).  No state, no allocation; a reader looks at no byte past len. */
#ifndef NMW_WIRE_MOLD_H
#define NMW_WIRE_MOLD_H

#include "wire/be.h"
#include <stdbool.h>
#include <stdint.h>

#define NMW_MOLD_HDR	 20u
#define NMW_MOLD_END	 0xFFFFu /* count: end of session */
#define NMW_MOLD_MTU_DEF 1472u	 /* UDP payload bytes of a packet */

struct nmw_mold {
	char session[10];
	uint64_t seq;	/* of the first message; of the next one for heartbeat and end of session */
	uint16_t count; /* 0 = heartbeat, NMW_MOLD_END */
	const uint8_t *at, *end; /* iteration: next block, end of the packet */
	uint16_t left;
};

/* Reads the header and checks that count blocks fit (bytes after the last are not looked at). 0 or
 * -EBADMSG. */
int nmw_mold_open(struct nmw_mold *m, const uint8_t *p, uint32_t len);
/* Next block, in place; NULL after the last. */
const uint8_t *nmw_mold_next(struct nmw_mold *m, uint16_t *len);

/* Builds a packet in buf: start, add until false (would not fit cap, or 65,534 messages), finish
 * returns its bytes.  cap >= NMW_MOLD_HDR.  count_override: NMW_MOLD_END, or 0 for the messages
 * that were added (none = heartbeat). */
struct nmw_mold_out {
	uint8_t *buf;
	uint32_t cap, len;
	uint16_t count;
};
void nmw_mold_start(struct nmw_mold_out *o, uint8_t *buf, uint32_t cap, const char session[10],
		    uint64_t seq);
bool nmw_mold_add(struct nmw_mold_out *o, const uint8_t *msg, uint16_t len);
uint32_t nmw_mold_finish(struct nmw_mold_out *o, uint16_t count_override);

#endif
