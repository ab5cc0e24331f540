/* framer.h: messages become the packets that would carry them on a wire.
 *
 *   order entry, soup  one TCP flow a session: handshake, SoupBinTCP login request and its answer,
 *                      'U' packets for orders, 'S' packets for replies, acknowledgements, and FIN
 *                      after a logout or a loss
 *   order entry, mold  MoldUDP64 over UDP, one stream a session and direction
 *   market data        ITCH in MoldUDP64 over UDP multicast, one stream (and port) a session
 *
 * What is in the stream is what is written, so that reading the packets back gives the stream
 * again: messages share a packet only when they follow each other with the same session, direction
 * and time (and, with pack_ns, market data within that time: then packets carry the time at which
 * they would have left, and order entry may overtake market data by as much).  A session that is
 * still up at the end stays up: no closing packets are made up for it.  Market data ends with an
 * end of session packet.
 *
 * Session n has its own client address: n - 1 ports, then addresses, after the one given; each
 * later login of it is 65,536 addresses further.  What comes for a session that is down is refused;
 * replies among it count in its sequence, as with a server that will replay them.
 *
 * The output depends on nothing but the calls.  One thread.  Memory is taken at open: about 100
 * bytes a session that may come.
 */
#ifndef NMW_WIRE_FRAMER_H
#define NMW_WIRE_FRAMER_H

#include "base/err.h"
#include "base/msg.h"
#include "wire/endpoint.h"
#include <stdbool.h>

#define NMW_FRAMER_MTU_DEF	1500u
#define NMW_FRAMER_MTU_MIN	576u
#define NMW_FRAMER_MTU_MAX	9216u
#define NMW_FRAMER_SESSIONS_DEF 65536u

enum nmw_framing { NMW_FRAMING_SOUP, NMW_FRAMING_MOLD };

struct nmw_framer_conf {
	enum nmw_framing framing; /* of order entry */
	uint32_t mtu;		  /* bytes of an IP packet, MTU_MIN..MTU_MAX */
	uint32_t sessions;	  /* highest session id */
	uint64_t pack_ns;	  /* market data within this time shares a packet; 0 = same time */
	struct nmw_endpoint server; /* order entry */
	struct nmw_endpoint client; /* of session 1 */
	struct nmw_endpoint feed;   /* group and port of the first market data stream */
	struct nmw_endpoint feed_source;
	bool logins; /* write the flow of a session as soon as it logs in, else with its first
			message */
};

/* One whole frame, in place until the call returns; msgs messages of `bytes` payload bytes end in
 * it. */
typedef void nmw_framer_emit(void *arg, uint64_t ts_ns, const uint8_t *frame, uint32_t len,
			     uint32_t msgs, uint32_t bytes);

struct nmw_framer;

/* The defaults: server 10.0.0.1:9001, client 10.0.1.1:40000, feed 239.192.0.1:26400 from
 * 10.0.0.1:26400, all sessions, MTU 1500. */
void nmw_framer_conf_init(struct nmw_framer_conf *c);
int nmw_framer_open(struct nmw_framer **out, const struct nmw_framer_conf *c, nmw_framer_emit *emit,
		    void *arg, struct nmw_err *e);
/* Takes one message.  0: it is in the open packet or was emitted; 1: it made no packet but is in
 * the framer's state (a login of a feed, a gap).  Refused: -EMSGSIZE (no packet can hold it),
 * -ENOSPC (session id over `sessions`, or no port left), -ENOTCONN (reply to a session that is
 * down), -EINVAL (order entry of no session), -ENOTSUP (a control message that this framing cannot
 * say). */
int nmw_framer_put(struct nmw_framer *f, const struct nmw_slot *d, const uint8_t *payload,
		   uint32_t len);
/* Emits the open packets. */
void nmw_framer_flush(struct nmw_framer *f);
/* The stream ended well: flush, then an end of session packet for each market data stream. */
void nmw_framer_finish(struct nmw_framer *f);
void nmw_framer_close(struct nmw_framer *f);

#endif
