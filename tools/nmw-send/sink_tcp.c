/* tcp:[PORT] - replies to the clients of nmw-recv tcp:, over SoupBinTCP. */
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "clients.h"
#include "io/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_EVERY (500ull * 1000)	 /* ns between two looks after the clients */
#define NAP_NS	   (10ull * 1000 * 1000) /* between two looks in any case: a new nmw-recv, say */
#define NAP_SOON   (1000ull * 1000)	 /* while a client does not take what it is sent */
#define CLOSE_NS   NMW_NS_PER_S		 /* for clients to take the last messages */

struct tcp {
	struct sink *sink;
	struct nmw_session_log *log;
	struct places places;
	struct clients clients;
	uint64_t looked_ns;
	uint32_t unsaved; /* messages since the log was handed to its files */
	bool (*give_up)(void *arg);
	void *give_up_arg;
};

static uint64_t nap(const struct tcp *t)
{
	uint64_t beat = t->clients.heartbeat_ns / 8;
	uint64_t most = t->clients.blocked || t->clients.queue ? NAP_SOON : NAP_NS;
	return beat < most ? beat : most;
}

/* ---- life cycle ----------------------------------------------------------------------------- */

/* The day, UTC, and for accounts that bring no session name the time of the start: a session that
 * starts anew must not have the name of one before. */
static int open_log(struct tcp *t, const struct sink_conf *conf, struct nmw_err *e)
{
	struct nmw_session_log_conf c = {.memory = conf->session_memory,
					 .accounts = conf->framer.sessions,
					 .dir = conf->session_log};
	char day[16], name[24];
	struct tm tm;
	time_t now = (time_t)(nmw_clock_real() / NMW_NS_PER_S);
	gmtime_r(&now, &tm);
	strftime(day, sizeof day, "%Y%m%d", &tm);
	snprintf(name, sizeof name, "%010lld", (long long)now);
	memcpy(c.name, name, sizeof c.name);
	c.day = day;
	int rc = nmw_session_log_open(&t->log, &c, e);
	return rc ? rc : places_open(&t->places, c.dir, day, c.accounts, e);
}

static void say_log(const struct tcp *t, const struct sink_conf *conf)
{
	const struct nmw_session_log_stat *s = nmw_session_log_stat(t->log);
	if (s->accounts || s->torn_bytes)
		nmw_log(NMW_LOG_INFO,
			"tcp: session log %s: %u accounts of today, %llu torn bytes cut off",
			conf->session_log, s->accounts, (unsigned long long)s->torn_bytes);
}

/* Who goes on where it stood has connected clients, whose logins passed long ago: they are at the
 * only port that is there. 0: none, or nobody can tell. */
static uint16_t port_of_clients(const struct sink *k, const struct sink_conf *conf)
{
	struct nmw_err e = NMW_ERR_INIT;
	uint16_t port = 0;
	int n = conf->named ? nmw_handover_ports(conf->group, &port, &e) : 0;
	if (n < 0)
		nmw_log(NMW_LOG_WARN, "%s: clients that are connected are not looked for: %s",
			k->spec, e.msg);
	if (n > 1)
		nmw_log(NMW_LOG_WARN,
			"%s: %d ports are served in this NMW_DIR: clients that are connected get "
			"nothing before one logs in: tcp:PORT takes them up at once",
			k->spec, n);
	return n == 1 ? port : 0;
}

static int tcp_open(struct sink *k, const char *arg, const struct sink_conf *conf,
		    struct nmw_err *e)
{
	uint64_t port = 0;
	struct tcp *t = calloc(1, sizeof *t);
	if (!t)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "%s: out of memory", k->spec);
	k->priv = t;
	t->sink = k;
	t->places.fd = -1;
	t->give_up = conf->give_up;
	t->give_up_arg = conf->give_up_arg;
	if (*arg && nmw_parse_u64(arg, 1, 65535, &port, e))
		return nmw_err_set(
			e, -EINVAL, NMW_EXIT_USAGE,
			"%s: not a port: tcp:9001, or tcp: for those that the logins name",
			k->spec);
	k->channels |= 1u << NMW_CH_CTL;
	int rc = open_log(t, conf, e);
	if (!rc)
		rc = clients_open(&t->clients, k, t->log, &t->places, conf->framer.sessions, conf,
				  e);
	if (rc)
		return nmw_err_prefix(e, "%s", k->spec);
	say_log(t, conf);
	if (!port)
		port = port_of_clients(k, conf);
	if (port)
		clients_port(&t->clients, (uint16_t)port, nmw_clock_mono());
	return 0;
}

/* ---- messages ------------------------------------------------------------------------------- */

static void taken(struct tcp *t, const struct sink_msg *m)
{
	t->sink->count.out_messages++;
	t->sink->count.out_bytes += m->len;
}

static void control(struct tcp *t, const struct sink_msg *m, uint64_t now)
{
	const struct nmw_slot *s = sink_slot(m);
	struct nmw_ctl ctl;
	if (m->len != sizeof ctl) {
		sink_drop(t->sink, NMW_DROP_bad_message, 1);
		return;
	}
	memcpy(&ctl, m->payload, sizeof ctl);
	if (ctl.kind == NMW_CTL_LOGIN && !ctl.host_port)
		clients_not_ours(&t->clients, s->session);
	if (ctl.kind == NMW_CTL_LOGIN && ctl.host_port) {
		if (!clients_login(&t->clients, s->session, s->in_seq, &ctl, now)) {
			sink_drop(t->sink, NMW_DROP_capacity, 1);
			return;
		}
	} else if (ctl.kind == NMW_CTL_LOGOUT || ctl.kind == NMW_CTL_LOST) {
		clients_end(&t->clients, s->session, s->in_seq);
	} else {
		sink_drop(t->sink, NMW_DROP_filtered, 1);
		return;
	}
	taken(t, m);
}

/* System event E of OUCH 4.2 and 5.0: the account's day is over. */
static bool is_end(const struct sink_msg *m)
{
	return m->len == 10 && m->payload[0] == 'S' && m->payload[9] == 'E';
}

static void reply(struct tcp *t, const struct sink_msg *m)
{
	const struct nmw_slot *s = sink_slot(m);
	int account = clients_account(&t->clients, s->session);
	if (account < 0) {
		sink_drop(t->sink,
			  account == CLIENTS_OTHER ? NMW_DROP_filtered : NMW_DROP_no_session, 1);
		return;
	}
	if (m->len > NMW_MSG_MAX - 1) {
		sink_drop(t->sink, NMW_DROP_unencodable, 1);
		return;
	}
	if (!nmw_session_log_append(t->log, account, s->seq, s->ts_ns, m->payload, m->len)) {
		sink_drop(t->sink, NMW_DROP_duplicate, 1);
		return;
	}
	taken(t, m);
	clients_news(&t->clients, account, is_end(m));
}

/* On file first, then on the wire: a client never knows more than the log, so that no number is
 * given twice. False: it cannot be written, and nothing more is sent. */
static bool save(struct tcp *t)
{
	return nmw_session_log_flush(t->log, &t->sink->err) == 0;
}

static void tcp_send(struct sink *k, const struct sink_msg *const *m, unsigned n)
{
	struct tcp *t = k->priv;
	uint64_t now = nmw_clock_mono();
	if (k->err.err)
		return;
	for (unsigned i = 0; i < n; i++) {
		if (sink_slot(m[i])->channel == NMW_CH_CTL) {
			if (!save(t)) /* a session that ends is sent what there is */
				return;
			control(t, m[i], now);
		} else {
			reply(t, m[i]);
		}
	}
	if (!save(t))
		return;
	clients_send(&t->clients, now);
	if (now - t->looked_ns >= LOOK_EVERY) {
		t->looked_ns = now;
		clients_look_after(&t->clients, now);
	}
}

static void tcp_flush(struct sink *k, uint64_t idle_ns)
{
	struct tcp *t = k->priv;
	uint64_t now = nmw_clock_mono();
	(void)idle_ns;
	k->nap_ns = nap(t);
	if (k->err.err || (now - t->looked_ns < LOOK_EVERY && !t->clients.queue))
		return;
	t->looked_ns = now;
	clients_look_after(&t->clients, now);
}

/* Clients that can take what is left are given the time for it. */
static void drain(struct tcp *t)
{
	const struct timespec nap = {.tv_nsec = 1000 * 1000};
	uint64_t start = nmw_clock_mono(), now = start;
	for (;;) {
		clients_look_after(&t->clients, now);
		if (!clients_pending(&t->clients) || now - start > CLOSE_NS ||
		    (t->give_up && t->give_up(t->give_up_arg)))
			return;
		nanosleep(&nap, NULL);
		now = nmw_clock_mono();
	}
}

static void tcp_close(struct sink *k, bool clean)
{
	struct tcp *t = k->priv;
	if (!t)
		return;
	if (t->clients.v && clean && !k->err.err)
		drain(t);
	clients_close(&t->clients);
	places_close(&t->places);
	nmw_session_log_close(t->log);
	free(t);
	k->priv = NULL;
}

const struct sink_ops sink_tcp = {.name = "tcp",
				  .arg = "[PORT]",
				  .channels = 1u << NMW_CH_REPLY | 1u << NMW_CH_CTL,
				  .open = tcp_open,
				  .send = tcp_send,
				  .flush = tcp_flush,
				  .close = tcp_close,
				  .live = true};
