/* wire: frames of a capture or an interface through the device that stands on the wire. */
#include "wire.h"

#include "command.h"
#include "wire_found.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "dpdk/dpdk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTS	     20u
#define DRAIN_CYCLES 256u
#define LIVE_CYCLES  1024u /* that pass between two looks at a live source */

static struct wire {
	struct nmw_stage stage;
	struct device_choice choice;
	struct nmw_wire device;
	struct nmw_wire_conf conf;
	struct frame_conf ends;
	struct frame_in in;
	struct frame_out out;
	struct wire_symbols symbols;
	struct unfit unfit;
	struct host host;
	struct found found; /* until something is for the device */
	bool open, symbols_open;
	/* options, as typed */
	const char *in_spec, *out_spec, *symbols_file, *utc_offset, *session, *server, *feed,
		*source;
	const char *registers;
	struct nmw_outfile registers_file;
	struct nmw_opt_list centers;
	int self_match;
	bool strict, back_to_back;
	/* state */
	uint64_t last_ns; /* time of the last message that the core took; 0: none yet */
	uint64_t frames;
	bool resting; /* nothing is on its way in the device */
	uint8_t frame[NMW_WIRE_FRAME_MAX];
} self;

/* ---- options -------------------------------------------------------------------------------- */

static void options(struct wire *w, struct nmw_opt rows[OPTS])
{
	const struct nmw_opt table[OPTS] = {
		{.type = NMW_OPT_GROUP, .help = "Frames and orders:"},
		{NMW_OPT_STR, 0, "in", "SOURCE", &w->in_spec, 0, 0,
		 "frames in: pcap:FILE (- is stdin), if:NAME, udp:ADDR:PORT, dpdk:DEV"},
		{NMW_OPT_STR, 0, "out", "SINK", &w->out_spec, 0, 0,
		 "frames out: pcap:FILE (- is stdout), if:NAME, udp:, dpdk:DEV, null:"},
		{NMW_OPT_STR, 0, "symbols", "FILE", &w->symbols_file, 0, 0,
		 "symbols, as nmw-match reads them (JSON); 16 have a book"},
		{NMW_OPT_LIST, 0, "center", "SYMBOL=PRICE", &w->centers, 0, 0,
		 "where its window lies (repeatable; default: its first order's price)"},
		{NMW_OPT_STR, 0, "unfit", "FILE", &w->unfit.path, 0, 0,
		 "messages that the device leaves to the host, and its answers, as JSON Lines"},
		{NMW_OPT_STR, 0, "registers", "FILE", &w->registers, 0, 0,
		 "all registers at the end, as JSON (- is stdout)"},
		{NMW_OPT_FLAG, 0, "strict", NULL, &w->strict, 0, 0,
		 "exit 3 when nmw-match would answer otherwise, or a frame was damaged"},
		{NMW_OPT_ENUM, 0, "self-match", "allow|cancel-new|cancel-old", &w->self_match, 0, 0,
		 "what happens when orders of one account meet"},
		{NMW_OPT_STR, 0, "utc-offset", "TIME", &w->utc_offset, 0, 0,
		 "added to times for the time of day"},
		{NMW_OPT_STR, 0, "session", "NAME", &w->session, 0, 10,
		 "session of MoldUDP64 in what is sent"},
		{NMW_OPT_STR, 0, "server", "ADDR:PORT", &w->server, 0, 0,
		 "orders for others are left alone (default: for all)"},
		{NMW_OPT_STR, 0, "feed", "ADDR:PORT", &w->feed, 0, 0, "group of market data"},
		{NMW_OPT_STR, 0, "feed-source", "ADDR:PORT", &w->source, 0, 0,
		 "where market data comes from"},
		{NMW_OPT_FLAG, 0, "back-to-back", NULL, &w->back_to_back, 0, 0,
		 "a word each cycle, 128 Gb/s, instead of the pace of 100 Gb/s"},
		{.type = NMW_OPT_GROUP, .help = "Device:"},
		{NMW_OPT_STR, 0, "device", "DEVICE", &w->choice.device, 0, 0,
		 "sim, or sim:KEY=N,... with stall, stuck and more: see nmw-fpga(1)"},
		{NMW_OPT_STR, 0, "bitstream", "FILE", &w->choice.bitstream, 0, 0,
		 "the simulated device's design (default: the one that was loaded)"},
		{NMW_OPT_COUNT, 0, "watchdog", "N", &w->choice.watchdog, 1000, 1000000000,
		 "cycles in which nothing that is sent is taken, that are a fault"},
		{.type = NMW_OPT_END}};
	memcpy(rows, table, sizeof table);
}

static void defaults(struct wire *w)
{
	device_defaults(&w->choice);
	w->utc_offset = "0s";
	w->session = "NMW0000000";
	w->feed = "239.192.0.1:26400";
	w->source = "10.0.0.1:26400";
}

static int parse_args(struct wire *w, int argc, char **argv, struct nmw_err *e)
{
	static struct nmw_opt rows[OPTS];
	char backends[64];
	static const char *const examples[] = {
		"nmw-fpga wire --in pcap:in.pcap --out pcap:out.pcap",
		"nmw-recv gen:count=10k,codec=ouch50 | nmw-send --framing mold pcap:- |\n"
		"      nmw-fpga wire --in pcap:- --out pcap:- --symbols s.json --center S0000=190 "
		"|\n"
		"      nmw-recv pcap:- --direction out | nmw-send jsonl:-",
		"nmw-fpga wire --in dpdk:net_af_packet0,iface=eth0,addr=10.0.0.1/24:9000 "
		"\\\n      --out dpdk:net_af_packet0 --symbols s.json --center AAPL=182.50 -- "
		"--no-huge",
		NULL};
	int nargs;
	options(w, rows);
	snprintf(backends, sizeof backends, "sim; pcap if udp; %s", nmw_dpdk_version());
	const struct nmw_opt_spec spec = {
		.tool = "nmw-fpga wire",
		.synopsis = "--in SOURCE --out SINK [-- EAL-OPTION...]",
		.summary = "Order entry in frames goes in, replies and market data in frames come "
			   "out: OUCH 5.0 and ITCH 5.0 in MoldUDP64.",
		.examples = examples,
		.groups = {rows, nmw_stage_opts(&w->stage)},
		.backends = backends,
		.rest = &w->ends.eal};
	return nmw_opt_parse(&spec, argc, argv, &nargs, e);
}

static int parse_end(const char *option, const char *text, struct nmw_endpoint *to,
		     struct nmw_err *e)
{
	int rc = nmw_endpoint_parse(text, to, e);
	if (!rc && to->family != 4)
		rc = nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				 "%s: the device speaks IPv4: give such an address", text);
	else if (!rc && !nmw_endpoint_multicast(to) && !nmw_address_is_host(to, NULL, 0))
		rc = nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				 "%s: no host can have it: give a host's address", text);
	return rc ? nmw_err_prefix(e, "--%s", option) : 0;
}

static bool to_stdout(const char *file)
{
	return file && !strcmp(file, "-");
}

static int check(struct wire *w, struct nmw_err *e)
{
	struct nmw_wire_conf *c = &w->conf;
	if (!w->in_spec || !w->out_spec)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--in SOURCE and --out SINK are needed: nmw-fpga wire --in "
				   "pcap:in.pcap --out pcap:out.pcap");
	if (!strcmp(w->out_spec, "pcap:-") + to_stdout(w->unfit.path) + to_stdout(w->registers) > 1)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "stdout (-): one of --out, --unfit and --registers can have it");
	memset(c->session, ' ', sizeof c->session);
	memcpy(c->session, w->session, strnlen(w->session, sizeof c->session));
	c->watchdog = w->choice.watchdog;
	c->self_match = (uint8_t)w->self_match;
	int rc = nmw_parse_utc_offset(w->utc_offset, &c->utc_offset_ns, e);
	if (!rc && w->server)
		rc = parse_end("server", w->server, &w->ends.server, e);
	if (!rc)
		rc = parse_end("feed", w->feed, &w->ends.feed, e);
	if (!rc)
		rc = parse_end("feed-source", w->source, &c->source, e);
	if (!rc && nmw_endpoint_multicast(&c->source))
		rc = nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				 "--feed-source %s: a group: packets come from a host: give its "
				 "address",
				 w->source);
	w->ends.feed_given = nmw_opt_given(&w->feed);
	bool dpdk = !strncmp(w->in_spec, "dpdk:", 5) || !strncmp(w->out_spec, "dpdk:", 5);
	if (!rc && w->ends.eal.n && !dpdk)
		rc = nmw_err_set(
			e, -EINVAL, NMW_EXIT_USAGE,
			"%.64s: unexpected argument: what stands behind -- is for dpdk:DEV",
			w->ends.eal.v[0]);
	return rc;
}

/* ---- opening -------------------------------------------------------------------------------- */

static bool idle(void *arg)
{
	struct wire *w = arg;
	if (!w->stage.m) /* not open yet: a capture's header is waited for */
		return true;
	struct nmw_err e = NMW_ERR_INIT;
	nmw_stage_look_soon(&w->stage);
	if (frame_out_look(&w->out, &e))
		nmw_stage_fail(&w->stage, &e);
	return nmw_stage_go(&w->stage);
}

/* A file is read twice: what its orders name is known before the first goes in. */
static int learn(struct wire *w, struct nmw_err *e)
{
	struct frame_in first;
	int rc = frame_in_open(&first, w->in_spec, &w->ends, e);
	if (!rc)
		rc = wire_learn(&w->symbols, &first, &w->found, e);
	w->in.damaged = first.damaged; /* said */
	frame_in_close(&first);
	if (!rc && !w->found.ours && found_say(&w->found, w->in_spec, w->server, e))
		rc = e->err;
	return rc;
}

static int open_device(struct wire *w, struct nmw_err *e)
{
	const struct nmw_device_spec spec = {.design = NMW_DEVICE_WIRE,
					     .device = w->choice.device,
					     .bitstream = w->choice.bitstream,
					     .watchdog = w->choice.watchdog};
	int rc = nmw_wire_open(&w->device, &spec, e);
	if (rc)
		return rc;
	w->open = true;
	w->device.ports->back_to_back(w->device.sim, w->back_to_back);
	w->device.ports->view(w->device.sim, 1u << NMW_WIRE_VIEW_MSG | 1u << NMW_WIRE_VIEW_REPLY |
						     1u << NMW_WIRE_VIEW_UNFIT);
	return host_open(&w->host, &w->out, e);
}

static void say_open(struct wire *w)
{
	const struct nmw_device_info *i = &w->device.device.info;
	nmw_log(NMW_LOG_INFO, "device %s: %s, %s, build %016" PRIx64 ": %u of %u books in use",
		i->device, i->name, i->bitstream, i->build, w->conf.n, 1u << i->symbols_log2);
	if (!w->conf.n)
		nmw_log(NMW_LOG_WARN, "no symbol is known: every order is rejected: give "
				      "--symbols FILE or --center SYMBOL=PRICE");
}

/* An end may say where it is (dpdk: addr=), or where market data goes (udp:ADDR:PORT). */
static int take_addresses(struct wire *w, struct nmw_err *e)
{
	struct nmw_endpoint asked;
	struct nmw_wire_conf *c = &w->conf;
	c->server = w->ends.server;
	c->feed = w->ends.feed;
	int rc = parse_end("feed", w->feed, &asked, e);
	if (rc || !nmw_opt_given(&w->feed) ||
	    (asked.port == c->feed.port && !memcmp(asked.addr, c->feed.addr, 4)))
		return rc;
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "--feed %s and --out %s: two places for market data: leave one out",
			   w->feed, w->out_spec);
}

static int open_registers(struct wire *w, struct nmw_err *e)
{
	int rc = nmw_outfile_open(&w->registers_file, w->registers, w->registers, false, e);
	if (!rc)
		rc = nmw_outfile_start(&w->registers_file, e);
	return rc ? nmw_err_prefix(e, "--registers") : 0;
}

/* Names are looked at first: a wrong one leaves no trace, and the device takes its time. */
static int open_ends(struct wire *w, struct nmw_err *e)
{
	int rc = wire_symbols_open(&w->symbols, w->symbols_file, &w->centers, e);
	w->symbols_open = true;
	w->ends.idle = idle;
	w->ends.arg = w;
	if (!rc)
		rc = frame_out_open(&w->out, w->out_spec, &w->ends, e);
	if (!rc)
		rc = frame_in_open(&w->in, w->in_spec, &w->ends, e);
	if (!rc)
		rc = take_addresses(w, e);
	if (!rc)
		rc = frame_out_check(&w->out, &w->in, e);
	if (!rc)
		rc = unfit_open(&w->unfit, e);
	return rc || !w->registers ? rc : open_registers(w, e);
}

static int open_all(struct wire *w, struct nmw_err *e)
{
	int rc = open_ends(w, e);
	if (!rc)
		rc = nmw_stage_open(&w->stage, e);
	if (!rc && w->in.again)
		rc = learn(w, e);
	if (!rc)
		rc = open_device(w, e);
	if (!rc)
		rc = frame_out_start(&w->out, &w->in, e);
	if (rc)
		return rc;
	wire_symbols_conf(&w->symbols, w->device.device.info.ticks, &w->conf);
	w->host.symbols = w->symbols.table;
	w->host.open = w->symbols.open;
	say_open(w);
	return nmw_wire_start(&w->device, &w->conf, e);
}

/* ---- running -------------------------------------------------------------------------------- */

/* What the device shows, and what the host has to say to it. */
static int look(struct wire *w, struct nmw_err *e)
{
	struct nmw_wire_seen s, of;
	struct host_verdict v;
	int rc = 0;
	while (!rc && nmw_wire_seen(&w->device, &s)) {
		if (s.view == NMW_WIRE_VIEW_MSG)
			w->last_ns = nmw_wire_field(s.word, NMW_MSG_TIME, NMW_MSG_TIME_W);
		rc = host_see(&w->host, &s, e);
		while (!rc && (rc = host_next(&w->host, &of, &v, e)) > 0) {
			unfit_put(&w->unfit, &of, &v);
			rc = 0;
		}
	}
	return rc;
}

/* What has come out of the device goes on, and what the host answers. */
static int take(struct wire *w, struct nmw_err *e)
{
	struct nmw_wire_sent s;
	struct merge *m = &w->host.merge;
	int rc = look(w, e);
	while (!rc && nmw_wire_sent(&w->device, w->frame, sizeof w->frame, &s))
		rc = merge_frame(m, w->frame, s.len, s.time_ns ? s.time_ns : w->last_ns, e);
	return rc ? rc : merge_rest(m, e);
}

static int put(struct wire *w, const struct nmw_capture_packet *p, struct nmw_err *e)
{
	w->frames++;
	if (!w->in.again && !w->found.ours)
		found_look(&w->found, p);
	if (p->caplen < p->len || p->caplen > NMW_WIRE_FRAME_MAX || !p->caplen) {
		w->ends.drop[NMW_DROP_truncated_packet]++;
		return 0;
	}
	int rc = nmw_wire_frame(&w->device, p->p, p->caplen, p->ts_ns, e);
	return rc ? rc : host_frame(&w->host, p->p, p->caplen, e);
}

static void report(struct wire *w)
{
	struct nmw_metrics *x = w->stage.m;
	struct nmw_wire_stat s;
	nmw_wire_stat(&w->device, &s);
	nmw_gauge(x, NMW_M_in_packets, w->frames);
	nmw_gauge(x, NMW_M_out_packets, w->out.frames);
	nmw_gauge(x, NMW_M_out_bytes, w->out.bytes);
	wire_report(&s, x, &w->ends, &w->host);
}

/* Time passes in the device while frames come and until nothing is on its way there. */
static int live_turn(struct wire *w, struct nmw_err *e)
{
	struct nmw_wire *d = &w->device;
	nmw_stage_look_soon(&w->stage);
	if (w->resting)
		return 0;
	int rc = nmw_wire_pass(d, LIVE_CYCLES, e);
	if (!rc)
		rc = take(w, e);
	w->resting = !d->ports->waiting(d->sim) && nmw_device_status(&d->device) & NMW_DEVICE_IDLE;
	return rc ? rc : frame_out_flush(&w->out, e);
}

static int poll_once(struct wire *w, struct nmw_err *e)
{
	int n = frame_in_burst(&w->in, w->resting, e), rc = 0;
	if (n < 0)
		return n;
	for (int i = 0; !rc && i < n; i++) {
		rc = put(w, &w->in.packet[i], e);
		if (!rc)
			rc = take(w, e);
	}
	w->resting = w->resting && !n;
	if (!rc)
		rc = frame_out_look(&w->out, e);
	if (!rc && frame_in_live(&w->in))
		return live_turn(w, e);
	if (!rc && !n)
		nmw_stage_done(&w->stage);
	return rc;
}

/* Frames that wait go in, and what comes of them goes on meanwhile. */
static int drain(struct wire *w, struct nmw_err *e)
{
	struct nmw_wire *d = &w->device;
	uint32_t was = d->ports->waiting(d->sim), now;
	uint64_t gone = 0; /* cycles in which none went in */
	int rc = 0;
	while (!rc && (now = d->ports->waiting(d->sim)) && gone < d->watchdog) {
		gone = now == was ? gone + DRAIN_CYCLES : 0;
		was = now;
		rc = nmw_wire_pass(d, DRAIN_CYCLES, e);
		if (!rc)
			rc = take(w, e);
		if (!rc)
			rc = frame_out_look(&w->out, e);
	}
	return rc;
}

static int end_of_day(struct wire *w, struct nmw_err *e)
{
	int rc = drain(w, e);
	if (!rc)
		rc = nmw_wire_settle(&w->device, e);
	if (!rc)
		rc = take(w, e);
	if (!rc && w->last_ns)
		rc = nmw_wire_end_day(&w->device, w->last_ns, w->conf.utc_offset_ns, e);
	return rc ? rc : take(w, e);
}

static int run(struct wire *w, struct nmw_err *e)
{
	uint64_t reported = 0;
	int rc = 0;
	while (!rc && nmw_stage_go(&w->stage)) {
		rc = poll_once(w, e);
		uint64_t now = nmw_clock_mono();
		if (now - reported >= NMW_NS_PER_S / 10) {
			report(w);
			reported = now;
		}
	}
	if (!rc)
		rc = end_of_day(w, e);
	report(w);
	return rc;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void say_host(const struct wire *w)
{
	char why[256];
	const struct host *h = &w->host;
	if (!h->n)
		return;
	host_reasons(h, why, sizeof why);
	nmw_log(NMW_LOG_INFO,
		"%" PRIu64 " messages are left to the host: %s: %" PRIu64 " rejected, %" PRIu64
		" answered, %" PRIu64 " ignored, %" PRIu64 " malformed",
		h->n, why, h->did[HOST_REJECTED], h->did[HOST_ANSWERED], h->did[HOST_IGNORED],
		h->did[HOST_MALFORMED]);
	if (h->other)
		nmw_log(w->strict ? NMW_LOG_ERROR : NMW_LOG_WARN,
			"%" PRIu64 " of them nmw-match would take: what follows may differ%s",
			h->other, w->strict ? "" : "; --strict makes that exit 3");
}

static void say(struct wire *w)
{
	struct nmw_wire_stat s;
	nmw_wire_stat(&w->device, &s);
	const char *name = w->device.device.info.device;
	double n = s.answered ? (double)s.answered : 1;
	nmw_log(NMW_LOG_INFO,
		"device %s: %" PRIu64 " frames in, %" PRIu64 " out, in %" PRIu64
		" cycles; frames waited %" PRIu64 " cycles to go in",
		name, s.frames_in, s.frames_out, s.cycles, s.wait_in);
	nmw_log(NMW_LOG_INFO,
		"device %s: %" PRIu64 " enters, %" PRIu64 " replaces, %" PRIu64 " cancels, %" PRIu64
		" modifies; %" PRIu64 " replies, %" PRIu64 " of market data",
		name, s.kind[NMW_MSG_ENTER], s.kind[NMW_MSG_REPLACE], s.kind[NMW_MSG_CANCEL],
		s.kind[NMW_MSG_MODIFY], s.replies, s.feed);
	if (s.answered)
		nmw_log(NMW_LOG_INFO,
			"device %s: last word of a frame in to first word of an answer out: %.1f "
			"cycles on average, %" PRIu64 " at most",
			name, (double)s.latency_sum / n, s.latency_max);
	say_host(w);
}

static int put_registers(struct wire *w, struct nmw_err *e)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int rc = f ? look_registers(&w->device.device, f, e) : -ENOMEM;
	if (f && fclose(f) && !rc)
		rc = -ENOMEM;
	uint8_t *at = rc ? NULL : nmw_outfile_room(&w->registers_file, (uint32_t)n);
	if (at) {
		memcpy(at, text, n);
		nmw_outfile_commit(&w->registers_file, (uint32_t)n, 1, (uint32_t)n);
	}
	free(text);
	return rc && !e->err ? nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "--registers: no memory") : rc;
}

/* Frames came, and no message of them was for the device. */
static int nothing_found(struct wire *w, const struct nmw_wire_stat *s, struct nmw_err *e)
{
	uint64_t n = 0;
	for (unsigned i = NMW_MSG_ENTER; i <= NMW_MSG_UNFIT; i++)
		n += s->kind[i];
	if (n || !found_say(&w->found, w->in_spec, w->server, e))
		return 0;
	if (!frame_in_live(&w->in))
		return e->err;
	nmw_log(NMW_LOG_WARN, "%s", e->msg); /* it may have come to nothing, as a day does */
	*e = (struct nmw_err)NMW_ERR_INIT;
	return 0;
}

/* A core that contradicts itself is not to be believed. */
static int judge(struct wire *w, struct nmw_err *e)
{
	struct nmw_wire_stat s;
	nmw_wire_stat(&w->device, &s);
	uint64_t bad = wire_damaged(&s) + w->ends.drop[NMW_DROP_truncated_packet],
		 faults = s.core[NMW_WIRE_CORE_faults];
	if (faults)
		return nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE,
				   "device %s: its core contradicted itself %" PRIu64
				   " times: what it put out is not to be believed: nmw-fpga regs",
				   w->device.device.info.device, faults);
	uint32_t left = host_waits(&w->host);
	if (left)
		return nmw_err_set(
			e, -EIO, NMW_EXIT_LOSS,
			"device %s: %u answers of the host did not go out: their clients "
			"got nothing from the device that they stand behind",
			w->device.device.info.device, left);
	if (bad && w->strict)
		nmw_log(NMW_LOG_ERROR, "%s: %" PRIu64 " frames or messages are damaged or missing",
			w->in_spec, bad);
	if (w->strict && (w->host.other || bad || w->in.damaged))
		w->stage.exit = NMW_EXIT_DATA;
	return nothing_found(w, &s, e);
}

static void close_all(struct wire *w, int *rc, struct nmw_err *e)
{
	struct nmw_err why = NMW_ERR_INIT;
	frame_in_close(&w->in);
	if (frame_out_close(&w->out, &why) && !*rc)
		*rc = why.err, *e = why;
	if (unfit_close(&w->unfit, &why) && !*rc)
		*rc = why.err, *e = why;
	if (w->registers_file.fd >= 0 && nmw_outfile_close(&w->registers_file) && !*rc) {
		*e = w->registers_file.err;
		*rc = nmw_err_prefix(e, "--registers");
	}
	if (w->open) {
		report(w); /* with what the ends counted as they closed */
		nmw_wire_close(&w->device);
	}
	host_close(&w->host);
	if (w->symbols_open)
		wire_symbols_close(&w->symbols);
}

int command_wire(int argc, char **argv)
{
	struct wire *w = &self;
	struct nmw_err e = NMW_ERR_INIT;
	if (nmw_stage_init(&w->stage, "nmw-fpga", 0) < 0)
		return NMW_EXIT_RESOURCE;
	w->stage.command = "nmw-fpga wire";
	w->unfit.file.fd = w->registers_file.fd = -1;
	defaults(w);
	int rc = parse_args(w, argc, argv, &e);
	if (rc == NMW_OPT_DONE)
		return nmw_stage_close(&w->stage, NULL);
	if (!rc)
		rc = check(w, &e);
	if (!rc)
		rc = open_all(w, &e);
	if (!rc)
		rc = run(w, &e);
	if (!rc && !nmw_stage_quiet(&w->stage))
		say(w);
	if (!rc && w->registers)
		rc = put_registers(w, &e);
	if (!rc)
		rc = judge(w, &e);
	close_all(w, &rc, &e);
	return nmw_stage_close(&w->stage, rc ? &e : NULL);
}
