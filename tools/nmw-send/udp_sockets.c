/* Packets through UDP sockets, in batches: a socket for each line and for each session of orders,
 * and one for requests and replies. */
#include "base/log.h"
#include "io/address.h"
#include "io/udp_socket.h"
#include "udp_batch.h"
#include "udp_path.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct sockets {
	struct udp_path path;
	struct nmw_udp_spec spec;
	int line[NMW_UDP_LINES], server;
	unsigned lines;
	struct udp_batch feed, streams;
	int streams_fd; /* whose batch it is */
};

static struct sockets *of(struct udp_path *p)
{
	return (struct sockets *)p;
}

void udp_peer_set(struct udp_peer *p, const struct nmw_endpoint *at, uint32_t scope)
{
	p->at = *at;
	p->sa_len = nmw_address_of(at, scope, &p->sa);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* What one line at least could send is sent; what others could not, they missed. */
static void send_feed(struct sockets *s)
{
	unsigned least = s->feed.n, all = 0;
	if (!s->feed.n)
		return;
	for (unsigned i = 0; i < s->lines; i++) {
		unsigned lost = udp_batch_send(&s->feed, s->line[i]);
		least = lost < least ? lost : least;
		all += lost;
	}
	s->path.sink->count.extra[SINK_line_missed] +=
		udp_batch_messages(&s->feed, all - least * s->lines);
	udp_batch_done(&s->feed, least, s->path.sink);
}

static void send_streams(struct sockets *s)
{
	if (s->streams.n)
		udp_batch_done(&s->streams, udp_batch_send(&s->streams, s->streams_fd),
			       s->path.sink);
}

static void sockets_feed(struct udp_path *p, const struct nmw_mold_packet *m)
{
	struct sockets *s = of(p);
	if (udp_batch_add(&s->feed, m, NULL, 0))
		send_feed(s);
}

static void sockets_send(struct udp_path *p, int stream, const struct udp_peer *to,
			 const struct nmw_mold_packet *m)
{
	struct sockets *s = of(p);
	if (s->streams.n && s->streams_fd != stream)
		send_streams(s);
	s->streams_fd = stream;
	if (udp_batch_add(&s->streams, m, to ? &to->sa : NULL, to ? to->sa_len : 0))
		send_streams(s);
}

static void sockets_flush(struct udp_path *p)
{
	send_feed(of(p));
	send_streams(of(p));
}

static int sockets_begin(struct udp_path *p, uint32_t session, const struct udp_peer *to)
{
	const struct nmw_udp_spec *spec = &of(p)->spec;
	(void)session;
	if (to)
		return of(p)->server;
	return nmw_udp_connect(&spec->line[0], &spec->source, spec->ttl, NULL);
}

static void sockets_end(struct udp_path *p, int stream)
{
	if (stream != of(p)->server)
		close(stream);
}

/* ---- requests ------------------------------------------------------------------------------- */

static bool sockets_request(struct udp_path *p, uint8_t *buf, uint32_t cap, uint32_t *len,
			    struct nmw_endpoint *from)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	if (of(p)->server < 0)
		return false;
	ssize_t rc = recvfrom(of(p)->server, buf, cap, MSG_TRUNC, (struct sockaddr *)&sa, &n);
	if (rc < 0)
		return false;
	*len = (uint32_t)rc;
	nmw_address_to(&sa, from);
	return true;
}

static bool sockets_answer(struct udp_path *p, const struct nmw_endpoint *from,
			   const struct nmw_mold_packet *m)
{
	struct sockaddr_storage sa;
	socklen_t n = nmw_address_of(from, p->scope, &sa);
	return udp_send_one(of(p)->server, m, &sa, n);
}

static void sockets_wait(struct udp_path *p, unsigned ms)
{
	struct pollfd f = {.fd = of(p)->server, .events = POLLIN};
	poll(&f, 1, (int)ms);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

static void sockets_close(struct udp_path *p)
{
	struct sockets *s = of(p);
	for (unsigned i = 0; i < s->lines; i++)
		close(s->line[i]);
	if (s->server >= 0)
		close(s->server);
	free(s);
}

static const struct udp_path_ops ops = {.feed = sockets_feed,
					.begin = sockets_begin,
					.end = sockets_end,
					.send = sockets_send,
					.flush = sockets_flush,
					.request = sockets_request,
					.answer = sockets_answer,
					.wait = sockets_wait,
					.close = sockets_close};

static int open_all(struct sockets *s, bool replies, struct nmw_err *e)
{
	const struct nmw_udp_spec *spec = &s->spec;
	for (unsigned i = 0; !replies && i < spec->lines; i++) {
		int fd = nmw_udp_connect(&spec->line[i], &spec->source, spec->ttl, e);
		if (fd < 0)
			return fd;
		s->line[s->lines++] = fd;
	}
	if (!spec->rerequest.family && !replies)
		return 0;
	const struct nmw_endpoint any = {.family = 4};
	const struct nmw_endpoint *at = spec->rerequest.family ? &spec->rerequest : &any;
	int scope = nmw_address_iface(at, spec->line[0].iface, e);
	if (scope < 0)
		return scope;
	s->path.scope = (uint32_t)scope;
	s->server = nmw_udp_bind(at, s->path.scope, e);
	s->path.serves = s->server >= 0;
	return s->server < 0 ? s->server : 0;
}

static void batch_init(struct udp_batch *b, const struct sink *k, const struct sink_conf *conf)
{
	b->spec = k->spec;
	b->give_up = conf->give_up;
	b->give_up_arg = conf->give_up_arg;
}

int udp_sockets_open(struct udp_path **out, struct sink *k, const struct nmw_udp_spec *spec,
		     bool replies, const struct sink_conf *conf, struct nmw_err *e)
{
	struct sockets *s = calloc(1, sizeof *s);
	if (!s)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "out of memory");
	s->path.ops = &ops;
	s->path.sink = k;
	s->spec = *spec;
	s->server = -1;
	batch_init(&s->feed, k, conf);
	batch_init(&s->streams, k, conf);
	int rc = open_all(s, replies, e);
	if (rc)
		sockets_close(&s->path);
	else
		*out = &s->path;
	return rc;
}
