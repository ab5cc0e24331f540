/* msg.h: the message contract.  What travels on a ring, and the words for it.
 *
 * A slot is a 48-byte descriptor followed by room for a small payload.  A payload that fits is in
 * the slot (frame_off == NMW_INLINE); any other lies in the ring's frame area at frame_off.  The
 * payload is the wire protocol's own bytes.
 *
 *        0        8        16         24       32          40       44   46       47     48
 *        +--------+--------+----------+--------+-----------+--------+----+--------+------+------
 *        | seq    | ts_ns  |ingress_ns| in_seq | frame_off |session | len|channel |codec | payload
 *        +--------+--------+----------+--------+-----------+--------+----+--------+------+------
 *
 * Shared memory: host byte order, pinned by the assertions below and by tests/unit/test_msg.c.
 */
#ifndef NMW_BASE_MSG_H
#define NMW_BASE_MSG_H

#include "base/platform.h"
#include <stddef.h>
#include <stdint.h>

#define NMW_INLINE  UINT64_MAX /* frame_off of a payload that lies in the slot */
#define NMW_LINE    64u	       /* bytes of a cache line */
#define NMW_DESC_SZ 48u	       /* bytes of a descriptor */
#define NMW_SLOT_SZ 128u       /* default bytes of a slot: 80 of payload, OUCH 4.2's longest */
#define NMW_MSG_MAX 65535u     /* bytes of the longest message */

enum nmw_channel {
	NMW_CH_ORDER = 1, /* order entry, client to host */
	NMW_CH_REPLY = 2, /* replies, host to client */
	NMW_CH_FEED = 3,  /* market data, in or out */
	NMW_CH_CTL = 4,	  /* control: struct nmw_ctl */
	NMW_CH_MAX
};

/* Which codec reads the payload.  In every message, so that one ring may carry sessions of several
 * protocols (a mixed capture) and a reader never guesses. */
enum nmw_codec_id {
	NMW_CODEC_NONE = 0, /* opaque bytes */
	NMW_CODEC_OUCH42 = 1,
	NMW_CODEC_OUCH50 = 2,
	NMW_CODEC_ITCH50 = 3,
	NMW_CODEC_CTL = 4, /* struct nmw_ctl */
	NMW_CODEC_MAX
};

struct nmw_slot {
	uint64_t seq;	/* ring sequence number, from 1; stored last, with release; 0 = empty */
	uint64_t ts_ns; /* time of the message, ns since the epoch (UTC); the engine's only clock.
			 * A source whose data has no date gives ns since midnight. */
	uint64_t ingress_ns; /* CLOCK_MONOTONIC ns at which the first stage took it in; 0 = unknown
			      */
	uint64_t in_seq;     /* seq of the message that caused it, on the ring of the first stage */
	uint64_t frame_off;  /* bytes from the start of the frame area, or NMW_INLINE */
	uint32_t session;    /* session id, from 1; 0 = of no session */
	uint16_t len;	     /* payload bytes */
	uint8_t channel;     /* enum nmw_channel */
	uint8_t codec;	     /* enum nmw_codec_id; on a ring its upper 4 bits are the route */
	uint8_t payload[];   /* slot_sz - 48 bytes */
};

_Static_assert(sizeof(struct nmw_slot) == NMW_DESC_SZ, "descriptor is 48 bytes");
_Static_assert(offsetof(struct nmw_slot, seq) == 0, "seq at 0");
_Static_assert(offsetof(struct nmw_slot, ts_ns) == 8, "ts_ns at 8");
_Static_assert(offsetof(struct nmw_slot, ingress_ns) == 16, "ingress_ns at 16");
_Static_assert(offsetof(struct nmw_slot, in_seq) == 24, "in_seq at 24");
_Static_assert(offsetof(struct nmw_slot, frame_off) == 32, "frame_off at 32");
_Static_assert(offsetof(struct nmw_slot, session) == 40, "session at 40");
_Static_assert(offsetof(struct nmw_slot, len) == 44, "len at 44");
_Static_assert(offsetof(struct nmw_slot, channel) == 46, "channel at 46");
_Static_assert(offsetof(struct nmw_slot, codec) == 47, "codec at 47");

/* Control messages travel in band, in order with the orders. */
enum nmw_ctl_kind {
	NMW_CTL_LOGIN = 1,  /* session up: account, its first wanted sequence number */
	NMW_CTL_LOGOUT = 2, /* session ended by its client */
	NMW_CTL_LOST = 3,   /* session lost: connection down, heartbeat missed */
	NMW_CTL_GAP = 4,    /* input messages first..first+count-1 were never seen */
	NMW_CTL_END = 5,    /* end of session of a feed (MoldUDP64 0xFFFF, SoupBinTCP Z) */
	NMW_CTL_MAX
};

#define NMW_CTL_CANCEL_ON_DISCONNECT 0x01u /* LOGIN flag: LOGOUT and LOST cancel its orders */

struct nmw_ctl {
	uint8_t kind;	    /* enum nmw_ctl_kind */
	uint8_t flags;	    /* NMW_CTL_* */
	uint8_t codec;	    /* LOGIN: codec of the session's order entry */
	uint8_t family;	    /* peer address: 4, 6, or 0 = unknown */
	uint16_t port;	    /* peer port, host order */
	uint16_t host_port; /* LOGIN of a live session: port it came in at, host order; else 0 */
	uint64_t first;	    /* LOGIN: next sequence number the client wants; GAP: first missing */
	uint64_t count;	    /* GAP: how many are missing; 0 = unknown */
	uint8_t addr[16];   /* peer address, network order */
	char account[10];   /* user name, space padded */
	char name[10];	    /* session name of SoupBinTCP or MoldUDP64, space padded */
	uint8_t pad1[4];    /* 0 */
};

_Static_assert(sizeof(struct nmw_ctl) == 64, "control message is 64 bytes");

#endif
