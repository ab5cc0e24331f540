/* udp:ADDR:PORT - market data as a MoldUDP64 stream on one line or several, with its re-request
 * server; orders as a stream a session.  udp:reply - replies to the clients that send over UDP. */
#include "udp_sink.h"

#include <stdio.h>
#include <string.h>

#define CH(name) (1u << NMW_CH_##name)

static const struct udp_sink_way sockets = {.scheme = "udp", .open = udp_sockets_open};

/* reply, or the lines. */
static int parse(const char *arg, bool replies, struct nmw_udp_spec *spec, struct nmw_err *e)
{
	char text[256];
	if (!replies)
		return nmw_udp_spec_parse(arg, "ttl|session|rerequest|source|first", spec, e);
	snprintf(text, sizeof text, "0.0.0.0:1%.200s", arg + 5);
	return nmw_udp_spec_parse(text, "rerequest", spec, e);
}

static int udp_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		    struct nmw_err *e)
{
	bool replies = !strncmp(arg, "reply", 5) && (!arg[5] || strchr("?%", arg[5]));
	struct nmw_udp_spec spec;
	int rc = udp_sink_channels(k, replies, e);
	if (!rc)
		rc = parse(arg, replies, &spec, e);
	return rc ? nmw_err_prefix(e, "udp") : udp_sink_open(k, &spec, replies, &sockets, conf, e);
}

const struct sink_ops sink_udp = {.name = "udp",
				  .arg = "ADDR:PORT",
				  .reply_arg = "udp:reply",
				  .feed_arg = "udp:ADDR:PORT",
				  .channels = CH(FEED) | CH(ORDER) | CH(REPLY),
				  .open = udp_open,
				  .send = udp_sink_send,
				  .flush = udp_sink_flush,
				  .close = udp_sink_close,
				  .live = true};
