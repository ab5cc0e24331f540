/* udp_stream.h: the streams that come in by the sockets of udp:, and what becomes of them.
 *
 * Market data is one MoldUDP64 stream over all lines, of session 0.  Order entry is a stream and a
 * session for each client address: MoldUDP64 has no login, so the first packet is one; its end of
 * session is a logout, and silence a loss.  Plain datagrams are messages as they are.
 *
 * No socket and no clock in here.  One thread.  Clients are bounded by --flows: the one that was
 * silent for the longest time gives way.
 */
#ifndef NMW_RECV_UDP_STREAM_H
#define NMW_RECV_UDP_STREAM_H

#include "framing.h"
#include "wire/mold_recv.h"
#include <stdbool.h>
#include <stdint.h>

struct udp_streams_conf {
	struct framing *framing;
	unsigned lines;
	bool shared;	     /* lines carry one stream, whoever sends */
	bool once;	     /* ends with the session of the feed */
	uint64_t first;	     /* of the feed; 0 = where it is met */
	uint32_t packet_max; /* bytes of the longest datagram */
	void (*request)(void *arg, const uint8_t *packet); /* NULL: there is no server */
	void *arg;
};

struct udp_datagram {
	unsigned line; /* NMW_MOLD_LINE_REPLY: from the re-request server */
	struct endpoint from;
	const struct endpoint *host;
	const uint8_t *p;
	uint32_t len;
	uint64_t frame_off; /* of p in the ring's frame area */
	uint64_t now_ns;
};

struct udp_streams;

int udp_streams_open(struct udp_streams **out, const struct udp_streams_conf *c, struct nmw_err *e);
/* Messages become slots that point into the datagram, but for those of early packets, which were
 * copied. Returns the last message on the ring that does, 0 = none. */
uint64_t udp_streams_packet(struct udp_streams *u, const struct udp_datagram *d);
/* What becomes of every datagram of the sender that was heard last, while no other comes between
 * and no tick: a caller that knows its headers again may publish its messages without asking here.
 */
struct udp_run {
	const void *stream;
	uint32_t session;
	uint8_t channel, codec;
};
/* False: each is to be looked at (a framing, a kind of message that is not known yet). */
bool udp_streams_run(const struct udp_streams *u, struct udp_run *run);
/* Such datagrams came. */
void udp_streams_ran(struct udp_streams *u, uint64_t now_ns);
/* False: the feed has ended, and `once` was asked for. */
bool udp_streams_tick(struct udp_streams *u, uint64_t now_ns);
/* When tick has something to do. */
uint64_t udp_streams_due(const struct udp_streams *u);
/* Delivers nothing more; says how the lines did. */
void udp_streams_close(struct udp_streams *u);

#endif
