/* nmw-send: takes messages from rings and writes them out. */
#include "base/clock.h"
#include "base/log.h"
#include "base/pace.h"
#include "sinks.h"
#include "stage/stage.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define REPORT_EVERY   4096u		      /* messages between two updates of the counters */
#define REPORT_NS      (1000ull * 1000)	      /* between two reports of what was sent */
#define REPORT_IDLE_NS (100ull * 1000 * 1000) /* where nothing was */

#define HELD_MAX 256u

/* Messages of one input that are not handed back yet: up to seq with burst number `burst`. */
struct held {
	struct {
		uint64_t seq, burst;
	} v[HELD_MAX];
	uint64_t first, end; /* v[first..end-1] */
};

struct send {
	struct nmw_stage stage;
	struct sinks sinks;
	struct sink_conf conf;
	struct nmw_pace pace;
	/* options, as typed */
	const char *channels, *pace_text, *server, *client, *feed, *feed_source;
	uint64_t rate, count, pack_ns, mtu, sessions;
	uint64_t history, heartbeat_ns, linger_ns, session_memory, client_buffer;
	int framing;
	/* state */
	bool only_count;     /* nothing is looked at, waited for or left out */
	uint64_t left;	     /* messages until --count is reached */
	uint64_t idle_since; /* monotonic ns, 0 = busy */
	uint64_t reported_ns;
	bool live; /* a sink has sockets */
	uint32_t unreported;
	struct sink_msg burst[NMW_BURST_MAX];
	/* bursts that sinks still read where they lie */
	bool hold;	/* there can be any */
	uint64_t given; /* bursts so far */
	struct held held[NMW_STAGE_INS];
};

/* ---- options -------------------------------------------------------------------------------- */

static void defaults(struct send *s)
{
	nmw_framer_conf_init(&s->conf.framer);
	s->pace_text = "max";
	s->server = "10.0.0.1:9001";
	s->client = "10.0.1.1:40000";
	s->feed = "239.192.0.1:26400";
	s->feed_source = "10.0.0.1:26400";
	s->mtu = NMW_FRAMER_MTU_DEF;
	s->sessions = NMW_FRAMER_SESSIONS_DEF;
	s->history = 64ull << 20;
	s->heartbeat_ns = NMW_NS_PER_S;
	s->linger_ns = NMW_NS_PER_S;
	s->session_memory = 64ull << 20;
	s->client_buffer = 1ull << 20;
}

static int parse(struct send *s, int argc, char **argv, int *nargs, struct nmw_err *e)
{
	const struct nmw_opt opts[] = {
		{.type = NMW_OPT_GROUP, .help = "What goes out, and when:"},
		{NMW_OPT_STR, 0, "channel", "LIST", &s->channels, 0, 0,
		 "only these: order,reply,feed,control (default: what SINK carries)"},
		{NMW_OPT_STR, 0, "pace", "PACE", &s->pace_text, 0, 0,
		 "max, original, a speed (10x) or a rate (1Mpps)"},
		{NMW_OPT_RATE, 0, "rate", "RATE", &s->rate, 1, NMW_NS_PER_S,
		 "the same as --pace RATE"},
		{NMW_OPT_FLAG, 0, "append", NULL, &s->conf.append, 0, 0,
		 "go on at the end of files that are there (not of captures)"},
		{NMW_OPT_COUNT, 0, "count", "N", &s->count, 1, UINT64_MAX, "stop after N messages"},
		{.type = NMW_OPT_GROUP, .help = "Packets of pcap:"},
		{NMW_OPT_ENUM, 0, "framing", "soup|mold", &s->framing, 0, 0,
		 "order entry in SoupBinTCP over TCP, or in MoldUDP64 over UDP"},
		{NMW_OPT_DURATION, 0, "pack", "TIME", &s->pack_ns, 0, NMW_NS_PER_S,
		 "market data within TIME shares a packet"},
		{NMW_OPT_U64, 0, "mtu", "BYTES", &s->mtu, NMW_FRAMER_MTU_MIN, NMW_FRAMER_MTU_MAX,
		 "longest IP packet"},
		{NMW_OPT_COUNT, 0, "sessions", "N", &s->sessions, 1, 1u << 24,
		 "highest session number"},
		{NMW_OPT_STR, 0, "server", "ADDR:PORT", &s->server, 0, 0, "order entry"},
		{NMW_OPT_STR, 0, "client", "ADDR:PORT", &s->client, 0, 0,
		 "session 1; session n is n - 1 ports on"},
		{NMW_OPT_STR, 0, "feed", "ADDR:PORT", &s->feed, 0, 0, "group of market data"},
		{NMW_OPT_STR, 0, "feed-source", "ADDR:PORT", &s->feed_source, 0, 0,
		 "where market data comes from"},
		{.type = NMW_OPT_GROUP, .help = "Clients and groups of tcp and udp:"},
		{NMW_OPT_STR, 0, "session-log", "DIR", &s->conf.session_log, 0, 0,
		 "tcp: keep what was sent on disk, to replay it after a restart"},
		{NMW_OPT_SIZE, 0, "session-memory", "SIZE", &s->session_memory, 1ull << 20,
		 1ull << 40, "tcp: memory for what clients may ask for again"},
		{NMW_OPT_SIZE, 0, "client-buffer", "SIZE", &s->client_buffer, 1ull << 16,
		 1ull << 32, "tcp: how far a client may be behind before it is dropped"},
		{NMW_OPT_SIZE, 0, "history", "SIZE", &s->history, 1ull << 20, (1ull << 32) - 1,
		 "udp: memory for what receivers may ask for again"},
		{NMW_OPT_DURATION, 0, "heartbeat", "TIME", &s->heartbeat_ns, 1000 * 1000,
		 3600 * NMW_NS_PER_S, "silence after which tcp and udp send a heartbeat"},
		{NMW_OPT_DURATION, 0, "linger", "TIME", &s->linger_ns, 0, 3600 * NMW_NS_PER_S,
		 "udp: answer requests that long after the end"},
		{.type = NMW_OPT_END}};
	const char *const examples[] = {
		"nmw-recv pcap:day.pcap | nmw-match | nmw-send jsonl:- | jq .",
		"nmw-send -i events pcap:replies.pcap itch:feed.itch --wait 1m", NULL};
	const struct nmw_opt_spec spec = {
		.tool = "nmw-send",
		.synopsis = "SINK... [-i RING]... [-- EAL-OPTION...]",
		.summary = "Writes messages out; SINK: pcap:FILE itch:FILE text:FILE jsonl:FILE "
			   "null:\n"
			   "tcp:[PORT] udp:ADDR:PORT dpdk:DEV,to=ADDR:PORT  (up to 4; - is stdout)",
		.examples = examples,
		.groups = {opts, nmw_stage_opts(&s->stage)},
		.backends = SINKS_NAMES,
		.min_args = 1,
		.max_args = SINKS_MAX,
		.rest = &s->conf.eal};
	return nmw_opt_parse(&spec, argc, argv, nargs, e);
}

static int endpoint(const char *option, const char *text, struct nmw_endpoint *out,
		    struct nmw_err *e)
{
	int rc = nmw_endpoint_parse(text, out, e);
	return rc ? nmw_err_prefix(e, "--%s", option) : 0;
}

static int configure_pace(struct send *s, struct nmw_err *e)
{
	if (s->rate && strcmp(s->pace_text, "max") != 0)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--rate and --pace say the same thing: give one of them");
	if (nmw_pace_parse(&s->pace, s->pace_text, e))
		return nmw_err_prefix(e, "--pace");
	if (s->rate) {
		s->pace.mode = NMW_PACE_RATE;
		s->pace.rate = s->rate;
	}
	return 0;
}

/* Asked now and then by who waits outside the stage, for a file or at the end: what it did
 * meanwhile is counted. */
static bool give_up(void *arg)
{
	struct send *s = arg;
	if (s->stage.m)
		sinks_report(&s->sinks, s->stage.m);
	return nmw_stage_leaving();
}

static int configure(struct send *s, struct nmw_err *e)
{
	struct nmw_framer_conf *f = &s->conf.framer;
	s->conf.give_up = give_up;
	s->conf.give_up_arg = s;
	s->left = s->count ? s->count : UINT64_MAX;
	f->framing = (enum nmw_framing)s->framing;
	f->pack_ns = s->pack_ns;
	f->mtu = (uint32_t)s->mtu;
	f->sessions = (uint32_t)s->sessions;
	s->conf.mtu = (uint32_t)s->mtu;
	s->conf.history = s->history;
	s->conf.heartbeat_ns = s->heartbeat_ns;
	s->conf.linger_ns = s->linger_ns;
	s->conf.session_memory = s->session_memory;
	s->conf.client_buffer = s->client_buffer;
	s->conf.group = nmw_stage_group(&s->stage);
	s->conf.named = nmw_stage_named(&s->stage);
	int rc = configure_pace(s, e);
	if (!rc && s->channels)
		rc = sinks_channels(s->channels, &s->conf.channels, e);
	if (!rc)
		rc = endpoint("server", s->server, &f->server, e);
	if (!rc)
		rc = endpoint("client", s->client, &f->client, e);
	if (!rc)
		rc = endpoint("feed", s->feed, &f->feed, e);
	if (!rc)
		rc = endpoint("feed-source", s->feed_source, &f->feed_source, e);
	return rc;
}

/* ---- running -------------------------------------------------------------------------------- */

static void record_latency(struct send *s, unsigned n)
{
	struct nmw_stage_latency run = {.now_ns = nmw_clock_mono()};
	for (unsigned i = 0; i < n; i++)
		nmw_stage_latency_add(&s->stage, &run, sink_slot(&s->burst[i])->ingress_ns, 1);
	nmw_stage_latency_end(&s->stage, &run);
}

/* Hands back what no sink reads any more. */
static void hand_back_held(struct send *s)
{
	uint64_t free_up_to = s->given - sinks_held(&s->sinks);
	for (unsigned i = 0; i < s->stage.n_in; i++) {
		struct held *h = &s->held[i];
		uint64_t seq = 0;
		for (; h->first < h->end && h->v[h->first % HELD_MAX].burst <= free_up_to;
		     h->first++)
			seq = h->v[h->first % HELD_MAX].seq;
		if (h->first == h->end) /* what was passed over since goes with it */
			seq = s->stage.in[i].next - 1;
		if (seq)
			nmw_cons_done(&s->stage.in[i], seq);
	}
}

/* A place that there is not is shared with the burst before: both go back together. */
static void hold(struct send *s, struct nmw_cons *c, unsigned n)
{
	struct held *h = &s->held[c - s->stage.in];
	nmw_cons_keep(c, n);
	s->given++;
	h->end += h->end - h->first < HELD_MAX;
	h->v[(h->end - 1) % HELD_MAX].seq = c->next - 1;
	h->v[(h->end - 1) % HELD_MAX].burst = s->given;
	hand_back_held(s);
}

/* n messages were sent: they are the ring's again.  The place of a named consumer is kept when it
 * dies: only what is written may lie behind it. */
static void hand_back(struct send *s, struct nmw_cons *c, unsigned n)
{
	nmw_hist_record(&s->stage.m->hist[NMW_H_burst_msgs], n);
	if (s->hold)
		hold(s, c, n);
	else if (s->sinks.alive || !nmw_stage_named(&s->stage))
		nmw_cons_release(c, n);
	s->unreported += n;
	if (s->unreported >= REPORT_EVERY) {
		sinks_report(&s->sinks, s->stage.m);
		s->unreported = 0;
	}
	if (!s->left || !s->sinks.alive)
		nmw_stage_done(&s->stage);
}

/* Sends the first n of the burst. */
static void deliver(struct send *s, struct nmw_cons *c, unsigned n)
{
	if (!n)
		return;
	sinks_send(&s->sinks, s->burst, n);
	if (nmw_stage_named(&s->stage))
		sinks_flush(&s->sinks, SINK_FLUSH_ALL);
	record_latency(s, n);
	hand_back(s, c, n);
}

static void idle(struct send *s)
{
	uint64_t now = nmw_clock_mono();
	if (!s->idle_since)
		s->idle_since = now;
	sinks_flush(&s->sinks, now - s->idle_since);
	if (s->hold)
		hand_back_held(s);
	s->stage.wait.longest_ns = sinks_nap(&s->sinks);
	uint64_t every = s->unreported ? REPORT_NS : s->live ? REPORT_IDLE_NS : UINT64_MAX;
	if (now - s->reported_ns >= every) {
		sinks_report(&s->sinks, s->stage.m);
		s->unreported = 0;
		s->reported_ns = now;
	}
	if (!s->sinks.alive)
		nmw_stage_done(&s->stage);
}

/* Waits for the time of a message. False: the stage must end. Who was asked to stop sends what is
 * there without waiting. */
static bool wait_due(struct send *s, uint64_t due)
{
	while (!s->stage.stopping && !nmw_pace_wait(&s->pace, due)) {
		idle(s);
		nmw_stage_look_soon(&s->stage);
		if (!nmw_stage_go(&s->stage))
			return false;
	}
	nmw_stage_look_soon(&s->stage); /* also where no wait is long enough for a look */
	s->idle_since = 0;
	return true;
}

static int not_a_message(const struct nmw_cons *c, unsigned at, const struct nmw_slot *slot,
			 struct nmw_err *e)
{
	return nmw_err_set(
		e, -EPROTO, NMW_EXIT_PEER,
		"ring %s: message %llu: channel %u, %u bytes at %llu: not a message that "
		"lies in the ring: restart its producer with --discard",
		nmw_cons_name(c), (unsigned long long)(c->next + at), slot->channel, slot->len,
		(unsigned long long)slot->frame_off);
}

static inline bool is_channel(uint8_t channel)
{
	return channel && channel < NMW_CH_MAX;
}

static int take(const struct nmw_cons *c, unsigned at, struct sink_msg *m, struct nmw_err *e)
{
	struct nmw_slot *desc = (struct nmw_slot *)(void *)m->desc;
	if (nmw_cons_take(c, at, desc, &m->payload, &m->len) && is_channel(desc->channel))
		return 0;
	return not_a_message(c, at, sink_slot(m), e);
}

/* n messages that nobody looks at: their descriptors are read where they lie, the payloads not at
 * all. */
static void count_burst(struct send *s, struct nmw_cons *c, unsigned n)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct nmw_stage_latency run = {.now_ns = nmw_clock_mono()};
	uint64_t bytes = 0;
	unsigned i;
	for (i = 0; i < n; i++) {
		const struct nmw_slot *slot = nmw_cons_slot(c, i);
		uint32_t len;
		if (__builtin_expect(!is_channel(slot->channel) || !nmw_cons_payload(c, slot, &len),
				     0)) {
			not_a_message(c, i, slot, &e);
			nmw_stage_fail(&s->stage, &e);
			break;
		}
		bytes += len;
		nmw_stage_latency_add(&s->stage, &run, slot->ingress_ns, 1);
	}
	if (!i)
		return;
	nmw_stage_latency_end(&s->stage, &run);
	sinks_count(&s->sinks, i, bytes);
	hand_back(s, c, i);
}

/* Up to n messages from the ring, each at its time. */
static void burst(struct send *s, struct nmw_cons *c, unsigned n)
{
	struct nmw_err e = NMW_ERR_INIT;
	unsigned have = 0;
	while (n-- && s->left) {
		struct sink_msg *m = &s->burst[have];
		if (take(c, have, m, &e)) {
			nmw_stage_fail(&s->stage, &e);
			break;
		}
		s->left -= sinks_want(&s->sinks, sink_slot(m)->channel);
		uint64_t now = s->pace.mode ? nmw_clock_mono() : 0;
		uint64_t due = nmw_pace_due(&s->pace, sink_slot(m)->ts_ns, now);
		if (due > now) {
			struct sink_msg next = *m;
			deliver(s, c, have);
			have = 0;
			s->burst[0] = next;
			if (!wait_due(s, due))
				return;
		}
		have++;
	}
	deliver(s, c, have);
}

static void run(struct send *s)
{
	struct nmw_stage *st = &s->stage;
	s->only_count = sinks_only_count(&s->sinks) && s->pace.mode == NMW_PACE_MAX && !s->count;
	while (nmw_stage_go(st)) {
		struct nmw_cons *c;
		unsigned n = nmw_stage_poll(st, &c);
		if (n) {
			if (s->only_count)
				count_burst(s, c, n);
			else
				burst(s, c, n);
			nmw_stage_busy(st);
			s->idle_since = 0;
		} else {
			idle(s);
			nmw_stage_idle(st);
		}
	}
}

/* The input has ended when it was read to where it was to end. */
static int finish(struct send *s, const struct nmw_err *e)
{
	struct nmw_stage *st = &s->stage;
	bool ended = !e->err && !st->failed && !nmw_stage_leaving() && st->flaw != NMW_RING_FAILED;
	sinks_close(&s->sinks, ended, ended && st->flaw == NMW_RING_WHOLE);
	s->hold = false; /* what had them is gone */
	for (unsigned i = 0; i < st->n_in; i++)
		if (s->held[i].first < s->held[i].end)
			nmw_cons_done(&st->in[i], st->in[i].next - 1);
	if (st->m)
		sinks_report(&s->sinks, st->m);
	if (!nmw_stage_quiet(st))
		sinks_log(&s->sinks);
	if (st->exit == NMW_EXIT_OK)
		st->exit = s->sinks.exit;
	return nmw_stage_close(st, e);
}

int main(int argc, char **argv)
{
	static struct send s;
	struct nmw_err e = NMW_ERR_INIT;
	int nargs;

	if (nmw_stage_init(&s.stage, "nmw-send", NMW_STAGE_IN) < 0)
		return NMW_EXIT_RESOURCE;
	defaults(&s);
	int act = parse(&s, argc, argv, &nargs, &e);
	if (act == NMW_OPT_DONE)
		return nmw_stage_close(&s.stage, NULL);
	signal(SIGPIPE, SIG_IGN); /* write errors like any other */
	int rc = act < 0 ? act : configure(&s, &e);
	if (!rc)
		rc = sinks_open(&s.sinks, (const char *const *)argv + 1, (unsigned)nargs, &s.conf,
				&e);
	if (!rc)
		rc = nmw_stage_open(&s.stage, &e);
	s.live = sinks_live(&s.sinks);
	s.hold = sinks_hold(&s.sinks);
	if (!rc)
		rc = sinks_start(&s.sinks, s.stage.in, s.stage.n_in, &e);
	if (!rc)
		run(&s);
	return finish(&s, &e);
}
