/* nmw-recv SOURCE [-o RING]: takes packets in, strips link, IP, UDP or TCP and session framing, and
 * publishes each application message. */
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "accounts.h"
#include "dpdk/dpdk.h"
#include "io/io.h"
#include "route.h"
#include "source.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOGIN_TIMEOUT_DEF  (10 * NMW_NS_PER_S)
#define LOGIN_DELAY_DEF	   (1 * NMW_NS_PER_S)
#define CLIENT_TIMEOUT_DEF (15 * NMW_NS_PER_S) /* SoupBinTCP 3.00, 1.2 */
#define FLOWS_DEF	   20000u
#define FLOWS_MAX	   (1u << 20)
#define REASSEMBLY_DEF	   (32ull << 20)
#define REASSEMBLY_MIN	   (1ull << 20)
#define REASSEMBLY_MAX	   (1ull << 40)
#define PROGRESS_NS	   (NMW_NS_PER_S / 4)
#define PROGRESS_POLLS	   64u /* polls between two looks at the clock */

static const struct source *const sources[] = {&source_pcap,	&source_itch, &source_gen,
					       &source_journal, &source_udp,  &source_tcp,
					       &source_dpdk,	&source_auto};
#define N_SOURCES (sizeof sources / sizeof sources[0])

struct recv {
	struct nmw_stage st;
	struct recv_conf conf;
	struct emit emit;
	const struct source *source;
	const char *spec, *arg; /* SOURCE, and its part after the colon */
	const char *pace, *route;
	uint64_t route_orders;
	bool hash_password;
	void *state; /* of the source */
	uint64_t started_ns, shown_ns;
	unsigned polls;
};

static const char *const examples[] = {
	"nmw-recv pcap:day.pcap | nmw-match | nmw-send text:-",
	"nmw-recv dpdk:net_af_xdp0,iface=eth0,addr=10.0.0.1:5000 -o orders",
	"zcat 01302019.NASDAQ_ITCH50.gz | nmw-recv itch:- -o feed",
	"nmw-recv gen:seed=1,count=1M,symbols=100 --pace 100kpps -o orders",
	NULL,
};

/* ---- options -------------------------------------------------------------------------------- */

/* The tables of options point into it. */
static struct recv self = {
	.spec = "",
	.pace = "max",
	.route_orders = ROUTE_ORDERS,
	.conf = {.flows = FLOWS_DEF,
		 .reassembly = REASSEMBLY_DEF,
		 .login_timeout_ns = LOGIN_TIMEOUT_DEF,
		 .login_delay_ns = LOGIN_DELAY_DEF,
		 .client_timeout_ns = CLIENT_TIMEOUT_DEF},
	.emit = {.st = &self.st},
};

static const struct nmw_opt input_opts[] = {
	{.type = NMW_OPT_GROUP,
	 .help = "Input (SOURCE: pcap:FILE itch:FILE gen:SPEC journal:DIR udp:ADDR:PORT "
		 "tcp:ADDR:PORT\ndpdk:DEV auto:ADDR:PORT; FILE may be -):"},
	{NMW_OPT_STR, 0, "pace", "PACE", &self.pace, 0, 0,
	 "max, original, a speed (10x) or a rate (1Mpps)"},
	{NMW_OPT_STR, 'f', "filter", "BPF", &self.conf.filter, 0, 0,
	 "only packets that match, see pcap-filter(7)"},
	{NMW_OPT_ENUM, 0, "framing", FRAMING_CHOICES, &self.conf.framing, 0, 0,
	 "what lies between packets and messages"},
	{NMW_OPT_ENUM, 0, "codec", CODEC_CHOICES, &self.conf.codec, 0, 0,
	 "protocol of the messages; auto looks at them"},
	{NMW_OPT_ENUM, 0, "direction", DIRECTION_CHOICES, &self.conf.direction, 0, 0,
	 "auto: orders and feed; in: orders; out: replies and feed"},
	{NMW_OPT_COUNT, 0, "flows", "COUNT", &self.conf.flows, 1, FLOWS_MAX,
	 "connections, and as many streams, followed at once"},
	{NMW_OPT_SIZE, 0, "reassembly", "SIZE", &self.conf.reassembly, REASSEMBLY_MIN,
	 REASSEMBLY_MAX, "bytes for TCP data that waits for a missing segment"},
	{NMW_OPT_FLAG, 0, "cancel-on-disconnect", NULL, &self.conf.cancel_on_disconnect, 0, 0,
	 "sessions ask for it in their login"},
	{NMW_OPT_STR, 0, "route", "FILE", &self.route, 0, 0,
	 "marks symbols for one consumer each: -i RING/NAME (JSON)"},
	{NMW_OPT_COUNT, 0, "route-orders", "N", &self.route_orders, 1, 1u << 28,
	 "orders whose route is remembered"},
	{NMW_OPT_FLAG, 0, "once", NULL, &self.conf.once, 0, 0,
	 "udp: end with the session of the feed"},
	{NMW_OPT_FLAG, 0, "strict", NULL, &self.st.strict, 0, 0,
	 "exit 3 when anything was damaged, cut or missing"},
	{.type = NMW_OPT_END},
};

static const struct nmw_opt live_opts[] = {
	{.type = NMW_OPT_GROUP, .help = "Clients (tcp:ADDR:PORT):"},
	{NMW_OPT_STR, 0, "accounts", "FILE", &self.conf.accounts, 0, 0, "who may log in (JSON)"},
	{NMW_OPT_FLAG, 0, "hash-password", NULL, &self.hash_password, 0, 0,
	 "hash a password from stdin for that file, and end"},
	{NMW_OPT_DURATION, 0, "login-timeout", "TIME", &self.conf.login_timeout_ns,
	 NMW_NS_PER_S / 10, 3600 * NMW_NS_PER_S,
	 "close connections that have not logged in by then"},
	{NMW_OPT_DURATION, 0, "login-delay", "TIME", &self.conf.login_delay_ns, 0,
	 60 * NMW_NS_PER_S, "before a wrong login is answered"},
	{NMW_OPT_DURATION, 0, "client-timeout", "TIME", &self.conf.client_timeout_ns,
	 2 * NMW_NS_PER_S, 3600 * NMW_NS_PER_S, "silence after which a session is lost"},
	{.type = NMW_OPT_GROUP, .help = "Sockets (tcp:, udp:):"},
	{NMW_OPT_ENUM, 0, "io", NMW_IO_CHOICES, &self.conf.io, 0, 0, "how they are read"},
	{NMW_OPT_FLAG, 0, "sqpoll", NULL, &self.conf.sqpoll, 0, 0,
	 "io_uring: a kernel thread takes submissions"},
	{NMW_OPT_DURATION, 0, "busy-poll", "TIME", &self.conf.busy_poll_ns, 0, NMW_NS_PER_S / 10,
	 "the kernel polls the device that long"},
	{.type = NMW_OPT_END},
};

static int parse_args(struct recv *r, int argc, char **argv, struct nmw_err *e)
{
	char backends[96];
	snprintf(backends, sizeof backends, "pcap itch gen journal udp tcp auto; io: %s; %s",
		 NMW_IO_BACKENDS, nmw_dpdk_version());
	const struct nmw_opt_spec spec = {
		.tool = "nmw-recv",
		.synopsis = "SOURCE [-o RING] [-- EAL-OPTION...]",
		.summary = "Takes packets in and publishes each application message.",
		.examples = examples,
		.groups = {input_opts, live_opts, nmw_stage_opts(&r->st)},
		.backends = backends,
		.min_args = 0,
		.max_args = 1,
		.rest = &r->conf.eal,
	};
	int nargs = 0;
	int rc = nmw_opt_parse(&spec, argc, argv, &nargs, e);
	if (rc != NMW_OPT_RUN)
		return rc;
	if (r->hash_password && nargs == 0) {
		rc = accounts_hash_password(e);
		return rc ? rc : NMW_OPT_DONE;
	}
	if (nargs == 0)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "an argument is missing: usage: nmw-recv %s", spec.synopsis);
	r->spec = argv[1];
	return 0;
}

#define NOT_A_SOURCE                                                                     \
	"%s: not a source: pcap:FILE, itch:FILE, gen:SPEC, journal:DIR, udp:ADDR:PORT, " \
	"tcp:ADDR:PORT, dpdk:DEV or auto:ADDR:PORT is expected"

static int unknown_source(const char *spec, size_t n, struct nmw_err *e)
{
	char word[32];
	const char *nearest = "pcap";
	unsigned best = UINT32_MAX;
	snprintf(word, sizeof word, "%.*s", (int)n, spec);
	for (unsigned i = 0; i < N_SOURCES; i++) {
		unsigned d = nmw_parse_distance(word, sources[i]->name);
		if (d < best) {
			best = d;
			nearest = sources[i]->name;
		}
	}
	if (best > 2 && spec[n] != ':')
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, NOT_A_SOURCE, spec);
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE, NOT_A_SOURCE ": did you mean %s:%s?", spec,
			   nearest, spec[n] == ':' ? spec + n + 1 : spec);
}

/* What a capture's packets need means nothing to messages as they come: a word that is not heeded
 * would be taken for one that is, be it the default. */
static int check_options(const struct recv *r, struct nmw_err *e)
{
	const struct recv_conf *c = &r->conf;
	const struct {
		const char *name;
		const void *dst;
		bool differs; /* in the environment or the file of options */
	} packets[] = {
		{"filter", &c->filter, c->filter},
		{"framing", &c->framing, c->framing != FRAMING_AUTO},
		{"direction", &c->direction, c->direction != DIRECTION_AUTO},
		{"flows", &c->flows, c->flows != FLOWS_DEF},
		{"reassembly", &c->reassembly, c->reassembly != REASSEMBLY_DEF},
		{"cancel-on-disconnect", &c->cancel_on_disconnect, c->cancel_on_disconnect},
		/* the others judge it */
		{"codec", NULL, c->codec && r->source == &source_journal},
	};
	if (c->eal.n && r->source != &source_dpdk && r->source != &source_auto)
		return nmw_err_set(
			e, -EINVAL, NMW_EXIT_USAGE,
			"%.64s: unexpected argument: what stands behind -- is for dpdk:DEV",
			c->eal.v[0]);
	if (c->accounts && r->source != &source_tcp)
		return nmw_err_set(
			e, -EINVAL, NMW_EXIT_USAGE,
			"--accounts: %s: has no clients that log in: that is tcp:ADDR:PORT",
			r->source->name);
	if (r->source != &source_itch && r->source != &source_gen && r->source != &source_journal)
		return 0;
	for (unsigned i = 0; i < sizeof packets / sizeof packets[0]; i++)
		if (packets[i].differs || nmw_opt_given(packets[i].dst))
			return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
					   "--%s: is for packets, and %s:%s has none: leave it out",
					   packets[i].name, r->source->name, r->source->arg);
	return 0;
}

static int find_source(struct recv *r, struct nmw_err *e)
{
	size_t n = strcspn(r->spec, ":");
	for (unsigned i = 0; i < N_SOURCES && r->spec[n] == ':'; i++)
		if (strlen(sources[i]->name) == n && !memcmp(sources[i]->name, r->spec, n)) {
			r->source = sources[i];
			r->arg = r->spec + n + 1;
			return 0;
		}
	return unknown_source(r->spec, n, e);
}

static int open_source(struct recv *r, struct nmw_err *e)
{
	const struct source *s = r->source;
	assert(s);
	r->state = s->open(&r->conf, &r->emit, r->arg, e);
	return r->state ? 0 : nmw_err_prefix(e, "%s", s->name);
}

/* A file is opened first, so that a wrong name leaves no trace; stdin last, because it may be long
 * before its first bytes come, and the next stage waits for the ring. */
static int open_all(struct recv *r, struct nmw_err *e)
{
	assert(r->arg);
	bool is_stdin = !strcmp(r->arg, "-");
	int rc = is_stdin ? 0 : open_source(r, e);
	if (!rc)
		rc = nmw_stage_open(&r->st, e);
	if (!rc && is_stdin)
		rc = open_source(r, e);
	return rc;
}

static void show_progress(struct recv *r)
{
	if (++r->polls % PROGRESS_POLLS)
		return;
	uint64_t now = nmw_clock_mono(), done = 0, total = 0;
	if (now - r->shown_ns < PROGRESS_NS)
		return;
	r->shown_ns = now;
	r->source->progress(r->state, &done, &total);
	double s = (double)(now - r->started_ns) / 1e9;
	uint64_t n = r->st.m->counter[NMW_M_in_messages];
	if (total && done)
		nmw_log_progress("%.1f M messages, %.2f M/s, %.0f %%, %.0f s left", (double)n / 1e6,
				 (double)n / s / 1e6, 100.0 * (double)done / (double)total,
				 s * (double)(total - done) / (double)done);
	else
		nmw_log_progress("%.1f M messages, %.2f M/s", (double)n / 1e6, (double)n / s / 1e6);
}

static int run(struct recv *r, struct nmw_err *e)
{
	assert(r->source && r->state);
	r->started_ns = r->shown_ns = nmw_clock_mono();
	while (nmw_stage_go(&r->st)) {
		int rc = r->source->poll(r->state, e);
		if (rc < 0) {
			nmw_stage_flush(&r->st); /* what came before it goes on */
			return nmw_err_prefix(e, "%s", r->source->name);
		}
		if (rc == 0)
			nmw_stage_done(&r->st);
		show_progress(r);
	}
	return 0;
}

static void judge(struct recv *r)
{
	if (!r->emit.bad)
		return;
	nmw_stage_flaw(&r->st, NMW_RING_DAMAGED);
	if (r->st.strict)
		r->st.exit = NMW_EXIT_DATA;
	char reasons[400];
	emit_reasons(&r->emit, reasons, sizeof reasons);
	nmw_log(r->st.strict ? NMW_LOG_ERROR : NMW_LOG_WARN,
		"%s: was damaged, cut, or has holes: %s%s", r->spec, reasons,
		r->st.strict ? "" : "; --strict makes that exit 3");
}

int main(int argc, char **argv)
{
	struct nmw_err e = NMW_ERR_INIT;
	struct recv *r = &self;
	if (nmw_stage_init(&r->st, "nmw-recv", NMW_STAGE_OUT) < 0)
		return NMW_EXIT_RESOURCE;
	int rc = parse_args(r, argc, argv, &e);
	if (rc == NMW_OPT_DONE)
		return nmw_stage_close(&r->st, NULL);
	if (!rc)
		rc = nmw_pace_parse(&r->emit.pace, r->pace, &e);
	if (!rc)
		rc = find_source(r, &e);
	if (!rc)
		rc = check_options(r, &e);
	if (!rc && !r->route && nmw_opt_given(&r->route_orders))
		rc = nmw_err_set(
			&e, -EINVAL, NMW_EXIT_USAGE,
			"--route-orders: has no effect without --route FILE: leave it out");
	if (!rc && r->route)
		rc = route_open(&r->emit.route, r->route, r->route_orders, &e);
	if (!rc)
		rc = open_all(r, &e);
	if (!rc && r->route)
		rc = route_declare(r->emit.route, &r->st.out, &e);
	if (!rc)
		rc = run(r, &e);
	if (!rc)
		judge(r);
	if (r->state)
		r->source->close(r->state);
	route_close(r->emit.route);
	return nmw_stage_close(&r->st, rc ? &e : NULL);
}
