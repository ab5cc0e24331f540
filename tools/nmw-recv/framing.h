/* framing.h: what lies between packets and messages: SoupBinTCP over TCP, MoldUDP64 or one message
 * a datagram over UDP.  One of each for a whole capture; both bounded by conf->flows.
 */
#ifndef NMW_RECV_FRAMING_H
#define NMW_RECV_FRAMING_H

#include "session.h"
#include "source.h"
#include "wire/packet.h"
#include <stdbool.h>
#include <stdint.h>

/* What both need; lives as long as they do. */
struct framing {
	const struct recv_conf *conf;
	struct emit *emit;
	struct sessions sessions;
	uint64_t ts_ns;	 /* of the packet that is being read */
	unsigned passes; /* channels that go on (--direction), a bit each */
};

int framing_init(struct framing *f, const struct recv_conf *conf, struct emit *emit,
		 struct nmw_err *e);
void framing_fini(struct framing *f);
static inline bool framing_passes(const struct framing *f, uint8_t channel)
{
	return f->passes >> channel & 1;
}

/* The reason under which a packet is counted that is not UDP or TCP, or malformed. */
enum nmw_drop_id framing_drop(enum nmw_packet_is is);

struct soup_flows;
struct soup_flows *soup_flows_new(struct framing *f, struct nmw_err *e);
void soup_flows_packet(struct soup_flows *s, const struct nmw_packet *p);
/* Brings the counters up to what was taken in: once a burst. */
void soup_flows_count(struct soup_flows *s);
/* End of the capture: true when a message was left unfinished. */
bool soup_flows_flush(struct soup_flows *s);
void soup_flows_free(struct soup_flows *s); /* NULL is allowed */

struct udp_flows;
struct udp_flows *udp_flows_new(struct framing *f, struct nmw_err *e);
void udp_flows_packet(struct udp_flows *u, const struct nmw_packet *p);
/* End of the capture: what waits for a packet before it goes on without. */
void udp_flows_flush(struct udp_flows *u);
void udp_flows_free(struct udp_flows *u); /* NULL is allowed */

#endif
