#include "udp_sink.h"

#include "base/bits.h"
#include "base/clock.h"
#include "udp_sessions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDS	      3u		    /* end of session packets without a server */
#define WAIT_MS	      10u		    /* at the end, between two looks at requests */
#define REQUEST_EVERY (200ull * 1000)	    /* ns between two looks for requests */
#define NAP_NS	      (10ull * 1000 * 1000) /* between two looks */
#define NAP_ASKED     (1000ull * 1000) /* while somebody asks: who misses one often misses more */
#define ASKED_NS      NMW_NS_PER_S     /* so long after a request */
#define REQUESTS      64u	       /* answered at once: more than that is a flood */
#define REQUEST_MAX   64u	       /* bytes read of one */

#define CH(name) (1u << NMW_CH_##name)

struct udp {
	struct sink *sink;
	struct nmw_udp_spec spec;
	bool replies;
	struct nmw_mold_send *feed;
	struct udp_sessions *sessions; /* of orders or replies */
	struct udp_path *path;
	uint64_t linger_ns, looked_ns, nap_ns, asked_ns;
	bool (*give_up)(void *arg);
	void *give_up_arg;
};

struct udp_path *udp_sink_path(struct sink *k)
{
	const struct udp *u = k->priv;
	return u ? u->path : NULL;
}

static void emit(void *arg, const struct nmw_mold_packet *p)
{
	struct udp *u = arg;
	u->path->ops->feed(u->path, p);
}

/* ---- requests ------------------------------------------------------------------------------- */

static bool answer(struct udp *u, const uint8_t *request, uint32_t len,
		   const struct nmw_endpoint *from)
{
	struct nmw_mold_packet p;
	if (u->replies)
		return udp_sessions_answer(u->sessions, request, len, from);
	if (nmw_mold_send_answer(u->feed, request, len, &p) != NMW_MOLD_ANSWERED)
		return false;
	u->sink->count.extra[SINK_rerequest_messages] += p.messages;
	return u->path->ops->answer(u->path, from, &p);
}

static unsigned serve(struct udp *u)
{
	unsigned n = 0;
	uint8_t request[REQUEST_MAX];
	struct nmw_endpoint from;
	uint32_t len;
	for (; n < REQUESTS; n++) {
		if (!u->path->ops->request(u->path, request, sizeof request, &len, &from))
			break;
		bool done = len <= sizeof request && answer(u, request, len, &from);
		u->sink->count.extra[done ? SINK_rerequests : SINK_rerequests_refused]++;
	}
	return n;
}

/* A sleep that ends before the kernel's tick (4 ms) sets the CPU's timer and takes that back when a
 * message wakes it, which costs each message 2 us: only while there is a reason to. */
static void set_nap(struct udp *u, uint64_t now, bool asked)
{
	if (asked)
		u->asked_ns = now;
	bool soon = u->asked_ns && now - u->asked_ns < ASKED_NS;
	u->sink->nap_ns = soon ? nmw_least(u->nap_ns, NAP_ASKED) : u->nap_ns;
}

static void look_after(struct udp *u, uint64_t now)
{
	if (now - u->looked_ns < REQUEST_EVERY)
		return;
	u->looked_ns = now;
	set_nap(u, now, serve(u) > 0);
	if (u->feed)
		nmw_mold_send_tick(u->feed, now);
	u->path->ops->flush(u->path);
	if (u->sessions)
		udp_sessions_tick(u->sessions, now);
}

/* ---- opening -------------------------------------------------------------------------------- */

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

static int open_feed(struct udp *u, bool by_reference, const struct sink_conf *conf,
		     struct nmw_err *e)
{
	struct nmw_mold_send_conf c = {.first = u->spec.first ? u->spec.first : 1,
				       .history = conf->history,
				       .by_reference = by_reference,
				       .heartbeat_ns = conf->heartbeat_ns,
				       .emit = emit,
				       .arg = u};
	c.payload = conf->mtu - (u->spec.line[0].at.family == 4 ? 28u : 48u);
	session_name(u, c.session);
	return nmw_mold_send_open(&u->feed, &c, e);
}

int udp_sink_channels(struct sink *k, bool replies, struct nmw_err *e)
{
	unsigned carries = replies ? CH(REPLY) : CH(FEED) | CH(ORDER);
	if (!(k->channels & carries))
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "%s: carries none of the channels of --channel: replies go to "
				   "%s, orders and market data to %s",
				   k->spec, k->ops->reply_arg, k->ops->feed_arg);
	k->channels = (k->channels & carries) | CH(CTL);
	return 0;
}

int udp_sink_open(struct sink *k, const struct nmw_udp_spec *spec, bool replies,
		  const struct udp_sink_way *way, const struct sink_conf *conf, struct nmw_err *e)
{
	struct udp *u = calloc(1, sizeof *u);
	if (!u)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: out of memory", k->spec);
	k->priv = u;
	u->sink = k;
	u->spec = *spec;
	u->replies = replies;
	u->give_up = conf->give_up;
	u->give_up_arg = conf->give_up_arg;
	u->linger_ns = conf->linger_ns;
	int rc = way->open(&u->path, k, &u->spec, replies, conf, e);
	/* what may be asked for again must be kept */
	bool by_reference = way->by_reference && !(u->path && u->path->serves);
	if (!rc && !replies)
		rc = open_feed(u, by_reference, conf, e);
	const struct udp_sessions_conf c = {.sink = k,
					    .conf = conf,
					    .path = u->path,
					    .replies = replies,
					    .by_reference = by_reference};
	if (!rc)
		rc = udp_sessions_open(&u->sessions, &c, e);
	u->nap_ns = nmw_least(NAP_NS, conf->heartbeat_ns / 4);
	if (!rc && u->path->nap_ns)
		u->nap_ns = nmw_least(u->nap_ns, u->path->nap_ns);
	k->nap_ns = u->nap_ns;
	return rc ? nmw_err_prefix(e, "%s", way->scheme) : 0;
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

void udp_sink_send(struct sink *k, const struct sink_msg *const *m, unsigned n)
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
	u->path->ops->flush(u->path);
	udp_sessions_flush(u->sessions, now);
	look_after(u, now);
}

void udp_sink_flush(struct sink *k, uint64_t idle_ns)
{
	struct udp *u = k->priv;
	(void)idle_ns; /* nothing waits longer than its burst */
	look_after(u, nmw_clock_mono());
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Who lost the last messages finds out, and may ask for them, for a while. */
static void linger(struct udp *u)
{
	uint64_t start = nmw_clock_mono(), now = start;
	for (unsigned i = 0; i < (u->path->serves ? 1 : ENDS); i++) {
		nmw_mold_send_end(u->feed, now);
		u->path->ops->flush(u->path);
	}
	while (u->path->serves && now - start < u->linger_ns) {
		u->path->ops->wait(u->path, WAIT_MS);
		if (u->give_up && u->give_up(u->give_up_arg))
			break;
		now = nmw_clock_mono();
		look_after(u, now);
	}
}

void udp_sink_close(struct sink *k, bool clean)
{
	struct udp *u = k->priv;
	if (!u)
		return;
	if (u->feed && clean && nmw_mold_send_next(u->feed) > 1)
		linger(u);
	nmw_mold_send_close(u->feed);
	udp_sessions_close(u->sessions, nmw_clock_mono());
	if (u->path)
		u->path->ops->close(u->path);
	free(u);
	k->priv = NULL;
}
