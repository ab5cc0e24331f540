/* udp_sink.h: the sink of MoldUDP64 streams, whatever way its packets leave. */
#ifndef NMW_SEND_UDP_SINK_H
#define NMW_SEND_UDP_SINK_H

#include "udp_path.h"

struct udp_sink_way {
	const char *scheme; /* "udp" */
	/* Opens the way of the packets. */
	int (*open)(struct udp_path **out, struct sink *k, const struct nmw_udp_spec *spec,
		    bool replies, const struct sink_conf *conf, struct nmw_err *e);
	bool by_reference; /* packets may point into the rings: the way holds them */
};

/* spec is copied; a failed open is closed by udp_sink_close. */
int udp_sink_open(struct sink *k, const struct nmw_udp_spec *spec, bool replies,
		  const struct udp_sink_way *way, const struct sink_conf *conf, struct nmw_err *e);
void udp_sink_send(struct sink *k, const struct sink_msg *const *m, unsigned n);
void udp_sink_flush(struct sink *k, uint64_t idle_ns);
void udp_sink_close(struct sink *k, bool clean);
/* The way of an open sink. */
struct udp_path *udp_sink_path(struct sink *k);
/* What of the channels a feed or the replies carry; exit 2 when nothing is left. */
int udp_sink_channels(struct sink *k, bool replies, struct nmw_err *e);

#endif
