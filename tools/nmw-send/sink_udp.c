/* udp:ADDR:PORT - market data as a MoldUDP64 stream on one line or several, with its re-request
 * server; orders as a stream a session.  udp:reply - replies to the clients that send over UDP. */
#include "base/clock.h"
#include "udp_sessions.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENDS	      3u		    /* end of session packets without a server */
#define WAIT_MS	      10		    /* at the end, between two looks at requests */
#define REQUEST_EVERY (200ull * 1000)	    /* ns between two looks at the server's socket */
#define NAP_NS	      (10ull * 1000 * 1000) /* between two looks without a server */
#define NAP_SERVER    (1000ull * 1000)
#define REQUESTS      64u /* answered at once: more than that is a flood */
#define REQUEST_MAX   64u /* bytes read of one */

#define CH(name) (1u << NMW_CH_##name)

struct udp {
	struct sink *sink;
	struct nmw_udp_spec spec;
	bool replies; /* udp:reply */
	struct nmw_mold_send *feed;
	struct udp_sessions *sessions; /* of orders or replies */
	int line[NMW_UDP_LINES], server;
	unsigned lines;
	uint64_t linger_ns, looked_ns;
	struct udp_batch batch; /* of the feed */
};

/* ---- the feed's packets ---------------------------------------------------------------------- */

/* What one line at least could send is sent. */
static void send_batch(struct udp *u)
{
	unsigned least = u->batch.n;
	if (!u->batch.n)
		return;
	for (unsigned i = 0; i < u->lines; i++) {
		unsigned lost = udp_batch_send(&u->batch, u->line[i]);
		least = lost < least ? lost : least;
	}
	udp_batch_done(&u->batch, least, u->sink);
}

static void emit(void *arg, const struct nmw_mold_packet *p)
{
	struct udp *u = arg;
	if (udp_batch_add(&u->batch, p, NULL, 0))
		send_batch(u);
}

/* ---- requests ------------------------------------------------------------------------------- */

static bool answer(struct udp *u, const uint8_t *request, uint32_t len,
		   const struct sockaddr_storage *from, socklen_t from_len)
{
	struct nmw_mold_packet p;
	if (u->replies)
		return udp_sessions_answer(u->sessions, request, len, from, from_len);
	if (nmw_mold_send_answer(u->feed, request, len, &p) != NMW_MOLD_ANSWERED)
		return false;
	u->sink->count.extra[SINK_rerequest_messages] += p.messages;
	return udp_send_one(u->server, &p, from, from_len);
}

static void serve(struct udp *u)
{
	uint8_t request[REQUEST_MAX];
	struct sockaddr_storage from;
	for (unsigned i = 0; u->server >= 0 && i < REQUESTS; i++) {
		socklen_t n = sizeof from;
		ssize_t len = recvfrom(u->server, request, sizeof request, MSG_TRUNC,
				       (struct sockaddr *)&from, &n);
		if (len < 0)
			return;
		bool done = (size_t)len <= sizeof request &&
			    answer(u, request, (uint32_t)len, &from, n);
		u->sink->count.extra[done ? SINK_rerequests : SINK_rerequests_refused]++;
	}
}

static void look_after(struct udp *u, uint64_t now)
{
	if (now - u->looked_ns < REQUEST_EVERY)
		return;
	u->looked_ns = now;
	serve(u);
	if (u->feed)
		nmw_mold_send_tick(u->feed, now);
	send_batch(u);
	if (u->sessions)
		udp_sessions_tick(u->sessions, now);
}

/* ---- opening -------------------------------------------------------------------------------- */

static int open_sockets(struct udp *u, struct nmw_err *e)
{
	const struct nmw_udp_spec *s = &u->spec;
	for (unsigned i = 0; !u->replies && i < s->lines; i++) {
		int fd = nmw_udp_connect(&s->line[i], &s->source, s->ttl, e);
		if (fd < 0)
			return fd;
		u->line[u->lines++] = fd;
	}
	if (!s->rerequest.family && !u->replies)
		return 0;
	u->server = nmw_udp_bind(s->rerequest.family ? &s->rerequest : NULL, 4, e);
	return u->server < 0 ? u->server : 0;
}

/* A day has one session; without a name, the time at which this one began. */
static void session_name(const struct udp *u, char name[10])
{
	char text[24];
	memcpy(name, u->spec.session, 10);
	if (u->spec.has_session)
		return;
	snprintf(text, sizeof text, "%010llu",
		 (unsigned long long)(nmw_clock_real() / NMW_NS_PER_S));
	memcpy(name, text, 10);
}

static int open_feed(struct udp *u, const struct sink_conf *conf, struct nmw_err *e)
{
	struct nmw_mold_send_conf c = {.first = u->spec.first ? u->spec.first : 1,
				       .history = conf->history,
				       .heartbeat_ns = conf->heartbeat_ns,
				       .emit = emit,
				       .arg = u};
	c.payload = conf->mtu - (u->spec.line[0].at.family == 4 ? 28u : 48u);
	session_name(u, c.session);
	return nmw_mold_send_open(&u->feed, &c, e);
}

/* reply, or the lines; what each of the two carries. */
static int parse(struct udp *u, const char *arg, struct nmw_err *e)
{
	struct sink *k = u->sink;
	char text[256];
	u->replies = !strncmp(arg, "reply", 5) && (!arg[5] || arg[5] == '?');
	unsigned carries = u->replies ? CH(REPLY) : CH(FEED) | CH(ORDER);
	if (!(k->channels & carries))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: carries none of the channels of --channel: replies go to "
				   "udp:reply, orders and market data to udp:ADDR:PORT",
				   k->spec);
	k->channels = (k->channels & carries) | CH(CTL);
	if (!u->replies)
		return nmw_udp_spec_parse(arg, "ttl|session|rerequest|source|first", &u->spec, e);
	snprintf(text, sizeof text, "0.0.0.0:1%.200s", arg + 5);
	return nmw_udp_spec_parse(text, "rerequest", &u->spec, e);
}

static int udp_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		    struct nmw_err *e)
{
	struct udp *u = calloc(1, sizeof *u);
	if (!u)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: out of memory", k->spec);
	k->priv = u;
	u->sink = k;
	u->server = -1;
	u->batch.spec = k->spec;
	u->batch.give_up = conf->give_up;
	u->batch.give_up_arg = conf->give_up_arg;
	u->linger_ns = conf->linger_ns;
	uint64_t nap = conf->heartbeat_ns / 4 < NAP_NS ? conf->heartbeat_ns / 4 : NAP_NS;
	int rc = parse(u, arg, e);
	if (!rc)
		rc = open_sockets(u, e);
	if (!rc && !u->replies)
		rc = open_feed(u, conf, e);
	const struct udp_sessions_conf c = {
		.sink = k, .conf = conf, .spec = &u->spec, .reply_fd = u->replies ? u->server : -1};
	if (!rc)
		rc = udp_sessions_open(&u->sessions, &c, e);
	k->nap_ns = u->server >= 0 && nap > NAP_SERVER ? NAP_SERVER : nap;
	return rc ? nmw_err_prefix(e, "udp") : 0;
}

/* ---- messages ------------------------------------------------------------------------------- */

static void control(struct udp *u, const struct sink_msg *m, uint64_t now)
{
	struct nmw_ctl ctl;
	bool ours = m->len == sizeof ctl;
	if (ours) {
		memcpy(&ctl, m->payload, sizeof ctl);
		ours = udp_sessions_control(u->sessions, sink_slot(m)->session, &ctl, now);
	}
	u->sink->count.out_messages += ours;
	if (!ours)
		sink_drop(u->sink, NMW_DROP_filtered, 1);
}

/* A reply to a session that is none of ours is another sink's. */
static void put(struct udp *u, const struct sink_msg *m)
{
	const struct nmw_slot *s = sink_slot(m);
	int rc = s->channel == NMW_CH_FEED
			 ? nmw_mold_send_put(u->feed, m->payload, m->len)
			 : udp_sessions_put(u->sessions, s->session, m->payload, m->len);
	if (rc)
		sink_drop(u->sink,
			  rc == -EMSGSIZE ? NMW_DROP_unencodable
			  : rc == -ENOSPC ? NMW_DROP_capacity
			  : u->replies	  ? NMW_DROP_filtered
					  : NMW_DROP_no_session,
			  1);
}

static void udp_send(struct sink *k, const struct sink_msg *const *m, unsigned n)
{
	struct udp *u = k->priv;
	uint64_t now = nmw_clock_mono();
	for (unsigned i = 0; i < n; i++) {
		if (sink_slot(m[i])->channel == NMW_CH_CTL)
			control(u, m[i], now);
		else
			put(u, m[i]);
	}
	if (u->feed)
		nmw_mold_send_flush(u->feed, now);
	send_batch(u);
	udp_sessions_flush(u->sessions, now);
	look_after(u, now);
}

static void udp_flush(struct sink *k, uint64_t idle_ns)
{
	struct udp *u = k->priv;
	(void)idle_ns; /* nothing waits longer than its burst */
	look_after(u, nmw_clock_mono());
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Who lost the last messages finds out, and may ask for them, for a while. */
static void linger(struct udp *u)
{
	struct pollfd p = {.fd = u->server, .events = POLLIN};
	uint64_t start = nmw_clock_mono(), now = start;
	for (unsigned i = 0; i < (u->server < 0 ? ENDS : 1); i++) {
		nmw_mold_send_end(u->feed, now);
		send_batch(u);
	}
	while (u->server >= 0 && now - start < u->linger_ns) {
		poll(&p, 1, WAIT_MS);
		if (u->batch.give_up && u->batch.give_up(u->batch.give_up_arg))
			break;
		now = nmw_clock_mono();
		look_after(u, now);
	}
}

static void udp_close(struct sink *k, bool clean)
{
	struct udp *u = k->priv;
	if (!u)
		return;
	if (u->feed && clean && nmw_mold_send_next(u->feed) > 1)
		linger(u);
	nmw_mold_send_close(u->feed);
	udp_sessions_close(u->sessions, nmw_clock_mono());
	for (unsigned i = 0; i < u->lines; i++)
		close(u->line[i]);
	if (u->server >= 0)
		close(u->server);
	free(u);
	k->priv = NULL;
}

const struct sink_ops sink_udp = {.name = "udp",
				  .arg = "ADDR:PORT",
				  .channels = CH(FEED) | CH(ORDER) | CH(REPLY),
				  .open = udp_open,
				  .send = udp_send,
				  .flush = udp_flush,
				  .close = udp_close,
				  .live = true};
