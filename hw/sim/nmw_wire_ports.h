/* nmw_wire_ports.h: the ports of the simulated device that stands between two ports of frames
 * (nmw_wire.so): a second symbol beside nmw_bitstream, whose functions are those of registers and
 * time here too; map answers -ENOTSUP: this design reads no host memory.
 *
 *      frame_in -> [ frames that wait ] -> s_axis -> design -> m_axis -> [ frames ] -> frame_out
 *      msg_in  ----> before the core, with the messages of frames in one order
 *      tap     <---- every message that the core takes, every one that it puts out
 *
 * Time passes in `run` only. A frame's words are offered as a port of 100 Gb/s brings them: n bytes
 * take (n + 24) / 50 cycles (check sequence, preamble and gap counted), short frames 64 bytes;
 * or, back to back, a word each cycle. Nothing is lost between the design and the caller: what it
 * puts out is kept until it is fetched.
 *
 * Addresses and numbers: see nmw_bitstream.h. One device a handle, one thread.
 */
#ifndef NMW_WIRE_PORTS_H
#define NMW_WIRE_PORTS_H

#include "sim/nmw_bitstream.h"

#define NMW_WIRE_PORTS_ABI    2u
#define NMW_WIRE_PORTS_SYMBOL "nmw_wire_ports"

#define NMW_WIRE_FRAME_MAX 9216u /* bytes of a frame, without check sequence */
#define NMW_WIRE_QUEUE	   64u	 /* frames that wait to go in, at most */
#define NMW_WIRE_CLIENTS   16u
#define NMW_WIRE_SYMBOLS   16u
#define NMW_WIRE_WORDS	   48u /* of 32 bits: the longest record */

/* where a field begins in a record: NMW_MSG_* of a message that comes in, with its width, NMW_WO_*
 * of one that goes out, up to the next; the last is the record's length */
enum nmw_wire_msg_field {
#include "rtl/nmw_wire_msg.vh"
};
enum nmw_wire_out_field {
#include "rtl/nmw_wire_out.vh"
};

_Static_assert(NMW_MSG_W <= NMW_WIRE_WORDS * 32, "room for a message");
_Static_assert(NMW_WO_W <= NMW_WIRE_WORDS * 32, "room for a message");

/* byte offsets of registers, beside those of identity, parameters and control */
enum nmw_wire_reg {
#include "nmw_wire_regs.vh"
};

enum nmw_wire_flag { NMW_WIRE_CLOSED = 1 };

enum nmw_wire_symbol_flag {
	NMW_WIRE_VALID = 1,
	NMW_WIRE_LISTED = 2, /* announced when the day opens, not with its first order */
};

#define NMW_WIRE_KINDS 7u /* of messages that come in: NMW_MSG_NONE and on */

struct nmw_wire_sent {
	uint32_t len;	      /* bytes */
	uint64_t time_ns;     /* of the frame that caused it */
	uint64_t first, last; /* cycles of its first and last word */
};

enum nmw_wire_view {
	NMW_WIRE_VIEW_MSG = 1, /* NMW_MSG_*: the core took it */
	NMW_WIRE_VIEW_REPLY,   /* NMW_WO_* */
	NMW_WIRE_VIEW_FEED,    /* NMW_WO_* */
	NMW_WIRE_VIEW_UNFIT,   /* NMW_MSG_*, with REPLIES: the core leaves it to the host */
};

struct nmw_wire_seen {
	uint64_t cycle;
	uint32_t view; /* enum nmw_wire_view */
	uint32_t word[NMW_WIRE_WORDS];
};

struct nmw_wire_ports {
	uint32_t abi;  /* NMW_WIRE_PORTS_ABI */
	uint32_t size; /* of this table, bytes */
	/* 0; -EAGAIN: NMW_WIRE_QUEUE frames wait; -EMSGSIZE. damaged: as a port marks a frame whose
	 * check sequence is wrong. */
	int (*frame_in)(struct nmw_device_sim *d, const void *frame, uint32_t len, uint64_t time_ns,
			int damaged);
	/* Frames that wait, the one that is going in too. */
	uint32_t (*waiting)(struct nmw_device_sim *d);
	/* The next frame that came out, cut to cap: 1; 0: none. */
	int (*frame_out)(struct nmw_device_sim *d, void *frame, uint32_t cap,
			 struct nmw_wire_sent *s);
	/* A message of NMW_MSG_W bits: 0; -EAGAIN: the one before was not taken yet. */
	int (*msg_in)(struct nmw_device_sim *d, const uint32_t *words);
	/* What the host is shown, in order: 1; 0: nothing. Kept once `view` was switched on. */
	int (*seen)(struct nmw_device_sim *d, struct nmw_wire_seen *s);
	void (*view)(struct nmw_device_sim *d, uint32_t views); /* 1 << enum nmw_wire_view */
	/* Words follow each other without the pace of a line. */
	void (*back_to_back)(struct nmw_device_sim *d, int on);
	/* Cycles from the word that ended the last frame of that time to the first word of the
	 * first frame that it caused: how many, their sum, the longest. */
	void (*latency)(struct nmw_device_sim *d, uint64_t *n, uint64_t *sum, uint64_t *max);
};

extern const struct nmw_wire_ports nmw_wire_ports;

/* A field of a record: width 1..64 bits from bit `at` on. */
static inline uint64_t nmw_wire_field(const uint32_t *word, uint32_t at, uint32_t width)
{
	uint64_t v = 0;
	for (uint32_t got = 0; got < width; got += 32 - (at + got) % 32)
		v |= (uint64_t)(word[(at + got) / 32] >> (at + got) % 32) << got;
	return width < 64 ? v & ((UINT64_C(1) << width) - 1) : v;
}

static inline void nmw_wire_put(uint32_t *word, uint32_t at, uint32_t width, uint64_t v)
{
	for (uint32_t i = 0; i < width; i++) {
		word[(at + i) / 32] &= ~(1u << (at + i) % 32);
		word[(at + i) / 32] |= (uint32_t)(v >> i & 1) << (at + i) % 32;
	}
}

#endif
