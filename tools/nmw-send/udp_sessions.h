/* udp_sessions.h: order entry over UDP: a MoldUDP64 stream for each session.
 *
 *   replies   to the address from which the session's client sends (its LOGIN has it), all from one
 *             port, which answers requests for what was lost too
 *   orders    to one address, from a port a session, so that the other end can tell them apart
 *
 * A stream begins with its LOGIN or, for orders, its first message, and ends with its LOGOUT or
 * LOST.  One thread.  Memory: a history of MOLD_HISTORY_MIN for each stream, unless by
 * reference.
 */
#ifndef NMW_SEND_UDP_SESSIONS_H
#define NMW_SEND_UDP_SESSIONS_H

#include "sink.h"
#include "udp_path.h"

#define UDP_SESSIONS_MAX 1024u /* streams at once */

struct udp_sessions;

struct udp_sessions_conf {
	struct sink *sink;
	const struct sink_conf *conf;
	struct udp_path *path;
	bool replies;	   /* else these are orders */
	bool by_reference; /* packets point to the messages where they lie */
};

int udp_sessions_open(struct udp_sessions **out, const struct udp_sessions_conf *c,
		      struct nmw_err *e);
/* Ends the streams; NULL is allowed. */
void udp_sessions_close(struct udp_sessions *u, uint64_t now_ns);

/* True: it concerns a stream of these. */
bool udp_sessions_control(struct udp_sessions *u, uint32_t session, const struct nmw_ctl *ctl,
			  uint64_t now_ns);
/* 0; -ENOTCONN: no such session; -EMSGSIZE; -ENOSPC: no room for a stream. */
int udp_sessions_put(struct udp_sessions *u, uint32_t session, const uint8_t *msg, uint32_t len);
/* Sends what was put. */
void udp_sessions_flush(struct udp_sessions *u, uint64_t now_ns);
void udp_sessions_tick(struct udp_sessions *u, uint64_t now_ns);
/* Answers a request that came from that address. False: it could not be answered. */
bool udp_sessions_answer(struct udp_sessions *u, const uint8_t *request, uint32_t len,
			 const struct nmw_endpoint *from);

#endif
