/* tcp_stream.h: the byte streams of many captured TCP connections, put together from their
 * segments.
 *
 * A segment that continues its stream while nothing is held back is handed on where it lies, in the
 * capture's memory.  Otherwise its bytes wait in a buffer of the direction:
 *
 *     base             next (= base + kept)                                   base + window
 *     +----------------+--------------+-----------+-----+---------+----------------+
 *     | kept: in order,| hole         | held      |hole | held    | free           |
 *     | not yet taken  |              |           |     |         |                |
 *     +----------------+--------------+-----------+-----+---------+----------------+
 *
 * Bytes seen before are dropped (of overlapping segments the first bytes count).  A hole is given
 * up when the peer acknowledged what is missing and 16 more segments of the connection passed
 * without it (so it was lost on the way to the capture, not on the way to the peer), when the
 * window or the list of held ranges is full, when the capture cut the segment, when a reset comes,
 * and at the end. Sequence numbers wrap.  A connection may be seen from its middle on.
 *
 * Memory is bounded and taken at the start: connections (the longest unused gives way), buffers,
 * bytes of a buffer.  One thread.  Never fails after nmw_tcp_new: what cannot be kept becomes a
 * hole.
 */
#ifndef NMW_WIRE_TCP_STREAM_H
#define NMW_WIRE_TCP_STREAM_H

#include "base/err.h"
#include "wire/flow.h"
#include "wire/packet.h"
#include <stdint.h>

/* Holds the longest message that may be kept (65,537) and the longest segment behind it. */
#define NMW_TCP_WINDOW_MIN (1u << 17)
#define NMW_TCP_WINDOW_MAX (1u << 30)

struct nmw_tcp_spec {
	uint32_t flows;	  /* connections followed at once, 1..NMW_FLOWS_MAX */
	uint32_t buffers; /* directions that may hold bytes at once, at least 1 */
	uint32_t window;  /* bytes of a buffer, NMW_TCP_WINDOW_MIN..MAX */
};

enum nmw_tcp_event {
	NMW_TCP_EV_OPEN,   /* a connection was seen first */
	NMW_TCP_EV_START,  /* this direction starts; n: 1 = with its SYN, 0 = in mid-stream */
	NMW_TCP_EV_GAP,	   /* n bytes are missing; what was kept before them is gone too */
	NMW_TCP_EV_FIN,	   /* this direction ended, everything before was delivered */
	NMW_TCP_EV_RST,	   /* the connection was reset */
	NMW_TCP_EV_TAIL,   /* flush: n bytes were kept and never taken */
	NMW_TCP_EV_FORGET, /* the last of this connection: its index will be another one's */
};

/* flow: index 0..flows-1, for the caller's own array. dir: 0 = from key.a to key.b, 1 = back. */
struct nmw_tcp_ops {
	/* Bytes in order. Returns how many were taken, 0..len; the rest is kept and offered again
	 * with more behind it. It must take something from 65,537 bytes. */
	uint32_t (*data)(void *arg, uint32_t flow, unsigned dir, const uint8_t *p, uint32_t len);
	void (*event)(void *arg, uint32_t flow, unsigned dir, enum nmw_tcp_event ev, uint64_t n);
	void *arg;
};

struct nmw_tcp_stat {
	uint64_t retransmits; /* segments of which all or some bytes had been seen */
	uint64_t reordered;   /* segments held until those before came */
	uint64_t gaps;	      /* holes given up */
	uint64_t no_buffer;   /* holes made because every buffer was in use */
};

struct nmw_tcp;

struct nmw_tcp *nmw_tcp_new(const struct nmw_tcp_spec *spec, const struct nmw_tcp_ops *ops,
			    struct nmw_err *e);
void nmw_tcp_free(struct nmw_tcp *t); /* NULL is allowed */

/* Takes one TCP packet: calls ops for what follows from it, before it returns. */
void nmw_tcp_segment(struct nmw_tcp *t, const struct nmw_packet *p);
/* End of the capture: gives up every hole, then EV_TAIL for what is left over. */
void nmw_tcp_flush(struct nmw_tcp *t);

const struct nmw_flow_key *nmw_tcp_key(const struct nmw_tcp *t, uint32_t flow);
const struct nmw_tcp_stat *nmw_tcp_stat(const struct nmw_tcp *t);

#endif
